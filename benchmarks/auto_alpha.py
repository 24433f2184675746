"""alpha="auto" of weighted OMP against the best strength of a grid, by the F1 of the support."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import warnings

import numpy as np
from sklearn.linear_model import LassoCV
from sklearn.metrics import f1_score

from sparsekit import OrthogonalMatchingPursuitCV, WeightedOMP, WeightedOMPCV
from sparsekit.datasets import make_sparse_signal

TRIALS = 200


def random_problem(trial):
    """50 to 500 rows, up to five times as many columns, noise between 1e-4 and 1, at most a fifteenth non-zero."""
    rng = np.random.default_rng([7, trial])
    m = int(50 * 10 ** rng.random())
    N = int(m / 2 * 10 ** rng.random())
    s, noise = rng.integers(1, m // 15 + 1), 10 ** rng.uniform(-4, 0)
    return make_sparse_signal(m, N, s, noise=noise, rng=rng)


def f1(coef, truth):
    return f1_score(truth != 0, coef != 0)


def programs(truth):
    """Methods that know nothing but X and y, and two that know the truth."""
    steps = 3 * np.count_nonzero(truth) + 5
    return {
        "WeightedOMP, auto": WeightedOMP(fit_intercept=False),
        "WeightedOMPCV, sqrt": WeightedOMPCV(fit_intercept=False, max_iter=steps),
        "OrthogonalMatchingPursuitCV": OrthogonalMatchingPursuitCV(
            fit_intercept=False, max_iter=min(steps, len(truth))
        ),
        "LassoCV (scikit-learn)": LassoCV(fit_intercept=False, alphas=50, max_iter=2000),
    }


def best_of_grid(X, y, truth, weights):
    steps = 3 * np.count_nonzero(truth) + 5
    strengths = np.geomspace(0.01, 0.7, 40)
    models = (WeightedOMP(alpha=a, feature_weights=weights, max_iter=steps, fit_intercept=False) for a in strengths)
    return max(f1(model.fit(X, y).coef_, truth) for model in models)


def main():
    warnings.simplefilter("ignore")  # of scikit-learn's coordinate descent
    scores = {}
    for trial in range(TRIALS):
        X, y, truth = random_problem(trial)
        for name, model in programs(truth).items():
            scores.setdefault(name, []).append(f1(model.fit(X, y).coef_, truth))
            if name == "WeightedOMP, auto":
                weights = model.effective_weights_
        scores.setdefault("best of 40 strengths (knows the truth)", []).append(best_of_grid(X, y, truth, weights))
    best = np.mean(scores["best of 40 strengths (knows the truth)"])
    rows = [
        {"program": name, "mean F1": np.mean(values), "share of the best": np.mean(values) / best,
         "F1 of the worst tenth": np.quantile(values, 0.1)}
        for name, values in scores.items()
    ]  # fmt: skip
    harness.keep("Support without knowing the noise, 200 random problems", rows)


if __name__ == "__main__":
    main()

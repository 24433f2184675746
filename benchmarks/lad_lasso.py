"""LAD-lasso beside scikit-learn's linear program and skglm's primal-dual descent: objectives first, then times."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import sys
import warnings
from functools import partial

import numpy as np
from sklearn.linear_model import QuantileRegressor

from sparsekit.datasets import make_sparse_signal
from sparsekit.recovery.lad_lasso_solver import lad_lasso_path


def problem(m, n):
    """Noise, and a gross error in one row of ten."""
    X, y, _ = make_sparse_signal(m, n, max(5, m // 20), noise=0.1, rng=0)
    rng = np.random.default_rng(0)
    X *= np.sqrt(m)
    hit = rng.choice(m, m // 10, replace=False)
    y[hit] += 20 * np.abs(y).max() * rng.standard_normal(len(hit))
    return X, y


def ours(X, y, alphas):
    path = lad_lasso_path(X, y, alphas)
    return path.coefs.T, path.intercepts


def by_scikit_learn(X, y, alphas):
    """Its objective is half of ours."""
    models = [QuantileRegressor(quantile=0.5, alpha=alpha / 2, solver="highs").fit(X, y) for alpha in alphas]
    return np.array([model.coef_ for model in models]), [model.intercept_ for model in models]


def by_skglm(X, y, alphas):
    """Its objective is m / 2 times ours, without an intercept; bounded epochs, as it does not end by itself."""
    from skglm.experimental.pdcd_ws import PDCD_WS
    from skglm.experimental.quantile_regression import Pinball
    from skglm.penalties import L1
    from skglm.utils.jit_compilation import compiled_clone

    X, loss, coefs = np.asfortranarray(X), compiled_clone(Pinball(0.5)), []
    for alpha in alphas:
        penalty = compiled_clone(L1(alpha * len(y) / 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            coefs.append(PDCD_WS(max_iter=20, max_epochs=200, tol=1e-6).solve(X, y, loss, penalty)[0])
    return np.array(coefs), np.zeros(len(alphas))


def run(m, n, shares, name, repeats):
    X, y = problem(m, n)
    y -= np.median(y)
    largest = np.abs(X.T @ np.sign(y)).max() / m
    alphas = largest * np.asarray(shares)
    # skglm has no intercept: its data are ours without it, so that it is compared on its own optimum
    bare = lad_lasso_path(X, y, alphas, fit_intercept=False).objectives
    full = lad_lasso_path(X, y, alphas).objectives

    def quality(result):
        coefs, intercepts = result
        loss = [
            np.abs(y - b - X @ w).mean() + a * np.abs(w).sum()
            for w, b, a in zip(coefs, intercepts, alphas, strict=True)
        ]
        best = bare if not np.any(intercepts) else full
        return {"largest excess of the objective": np.max(np.array(loss) / best - 1)}

    contestants = {
        "sparsekit": partial(ours, X, y, alphas),
        "scikit-learn, HiGHS": partial(by_scikit_learn, X, y, alphas),
        "skglm, PDCD": partial(by_skglm, X, y, alphas),
    }
    harness.compare(f"LAD-lasso, {m} x {n}, {name}", contestants, quality, ours="sparsekit", repeats=repeats)


def main():
    for m, n in ((200, 1000), (1000, 200), (500, 2000)):
        run(m, n, [0.1], "one alpha", 3 if m * n < 500_000 else 1)
        if m * n < 500_000 or "--full" in sys.argv:
            run(m, n, np.geomspace(1, 0.1, 10), "path of 10", 1)


if __name__ == "__main__":
    main()

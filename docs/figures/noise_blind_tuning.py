"""One strength for every level of noise: the square-root LASSO beside the LASSO, which has to know the noise.

Gaussian columns, five of 400 in use, 200 rows. The LASSO that is told the noise takes 1.1 sigma times the cosine that
noise reaches with some column, which is what ``SquareRootLasso(alpha="auto")`` takes without sigma; another LASSO keeps
the strength that suits the noise in the middle, as when a strength is copied from other data. The residual that sets
the scale of the square-root LASSO holds the shrinkage, too: with k columns in use it is 1 / sqrt(1 - k alpha^2) times
the noise, so that the price of not knowing grows with k, and without bound towards 1 / alpha^2 columns, 11 here.
"""

import matplotlib.pyplot as plt
import numpy as np

from sparsekit import SquareRootLasso, WeightedLasso, WeightedLassoCV

TITLE = "Tuning without knowledge of the noise"
ROOM = "recovery"
M, N, K = 200, 400, 5
MIDDLE = 0.1
STYLES = {
    "SquareRootLasso, alpha='auto'": ("C0", "-", "o"),
    "WeightedLasso, told the noise": ("C1", "--", "s"),
    "WeightedLasso, tuned at noise 0.1": ("C2", "-", "^"),
    "WeightedLassoCV": ("C3", "-", "v"),
}


def problem(noise, trial):
    """Columns of mean square 1; coefficients of random signs and sizes from 1/2 to 3/2."""
    rng = np.random.default_rng([trial, M])
    X = rng.standard_normal((M, N))
    X /= np.sqrt(np.mean(X**2, axis=0))
    w = np.zeros(N)
    w[rng.choice(N, K, replace=False)] = rng.choice([-1, 1], K) * rng.uniform(0.5, 1.5, K)
    return X, X @ w + noise * rng.standard_normal(M), w


def fits(X, y, noise):
    root = SquareRootLasso().fit(X, y)
    return dict(
        zip(
            STYLES,
            (
                root,
                WeightedLasso(root.alpha_ * noise).fit(X, y),
                WeightedLasso(root.alpha_ * MIDDLE).fit(X, y),
                WeightedLassoCV(alphas=30).fit(X, y),
            ),
            strict=True,
        )
    )


def reproduce(record, *, full):
    noises, trials = (np.geomspace(1e-3, 3, 15), 50) if full else (np.geomspace(1e-3, 1, 7), 8)
    errors, scores = ({name: np.empty((len(noises), trials)) for name in STYLES} for _ in range(2))
    for i, noise in enumerate(noises):
        for trial in range(trials):
            X, y, w = problem(noise, trial)
            for name, model in fits(X, y, noise).items():
                found = model.coef_ != 0
                errors[name][i, trial] = np.linalg.norm(model.coef_ - w) / np.linalg.norm(w)
                scores[name][i, trial] = 2 * (found & (w != 0)).sum() / (found.sum() + K)
            record.progress(i * trials + trial + 1, len(noises) * trials)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for name, (colour, line, marker) in STYLES.items():
        style = {"color": colour, "linestyle": line, "marker": marker, "markersize": 4, "label": name}
        axes[0].loglog(noises, np.median(errors[name], axis=1), **style)
        axes[1].semilogx(noises, np.median(scores[name], axis=1), **style)
    axes[0].set(xlabel="standard deviation of the noise", ylabel="median relative error of the coefficients")
    axes[1].set(xlabel="standard deviation of the noise", ylabel="median F1 score of the support", ylim=(0, 1.03))
    axes[0].legend(frameon=False, fontsize=8)
    record.picture(figure)
    plt.close(figure)
    blind, told, fixed, folds = STYLES
    ratios = np.median(errors[blind] / errors[told], axis=1)
    record.row("error without sigma over error with sigma, smallest over all noises", ratios.min())
    record.row("error without sigma over error with sigma, largest over all noises", ratios.max())
    alpha = fits(*problem(MIDDLE, 0)[:2], MIDDLE)[blind].alpha_
    record.row("error without sigma over error with sigma, 1 / sqrt(1 - k alpha^2)", 1 / np.sqrt(1 - K * alpha**2))
    least = np.median(scores[blind], axis=1)[noises < 0.4].min()
    record.row("F1 score without sigma, smallest over all noises to 0.3", least)
    for name, i, where in ((fixed, 0, "least"), (fixed, -1, "largest"), (folds, 3, "fourth")):
        record.row(f"F1 score at the {where} noise, {name}", np.median(scores[name][i]))
        record.row(
            f"error at the {where} noise over that without sigma, {name}", np.median(errors[name][i] / errors[blind][i])
        )
    record.numbers(
        ("method", "noise", *range(trials)),
        [(name, noise, *values[i]) for name, values in errors.items() for i, noise in enumerate(noises)],
    )

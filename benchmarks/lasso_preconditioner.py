"""The LASSO with and without the "puffer", on ill-conditioned designs with random supports.

For every problem the best F1 of the support and the smallest relative error of the coefficients over a path: what the
truth would choose. Errors are compared seed by seed, so that a ratio above 1 tells where the preconditioner hurts.
Without noise, errors below 1e-4 are those of the tolerance and of the last strength.
"""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sparsekit import lasso_path
from sparsekit.recovery.preconditioning import preconditioned

SIZES = ((100, 200, 10), (200, 1000, 20))  # rows, columns, non-zeros
NOISES = (0.0, 0.01, 0.1)  # norm, relative to that of X w
PATH = {"n_alphas": 40, "tol": 1e-9}
LEAST = 1e-5  # smallest strength over the largest
PLAIN, PUFFER = 1e-3, 0.03  # the same over the noise: beyond the best strengths, as the column "at_end" shows
FACTORS, STRENGTH = 3, 3.0  # common to all columns, and their size against what each column has for itself
DECAY = 1.0  # of the i-th singular value, i^-DECAY


def autoregressive(rng, m, n, rho):
    """Neighbours of correlation rho, |i - j| apart rho^|i - j|."""
    X = rng.standard_normal((m, n))
    for j in range(1, n):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    return X


def factors(rng, m, n):
    return STRENGTH * rng.standard_normal((m, FACTORS)) @ rng.standard_normal((FACTORS, n)) + rng.standard_normal(
        (m, n)
    )


def decaying(rng, m, n):
    U, _, Vt = np.linalg.svd(rng.standard_normal((m, n)), full_matrices=False)
    return U * np.arange(1, len(Vt) + 1) ** -DECAY @ Vt


DESIGNS = {
    "Gaussian": lambda rng, m, n: rng.standard_normal((m, n)),
    "AR(0.9)": lambda rng, m, n: autoregressive(rng, m, n, 0.9),
    "AR(0.99)": lambda rng, m, n: autoregressive(rng, m, n, 0.99),
    f"{FACTORS} strong factors": factors,
    "spectrum 1/i": decaying,
}


def problem(design, m, n, k, noise, seed):
    """X with columns of mean square 1, y, and coefficients of random places, signs and sizes between 1/2 and 3/2."""
    rng = np.random.default_rng([seed, m])
    X = DESIGNS[design](rng, m, n)
    X /= np.sqrt(np.mean(np.square(X), axis=0))
    w = np.zeros(n)
    w[rng.choice(n, k, replace=False)] = rng.choice([-1, 1], k) * rng.uniform(0.5, 1.5, k)
    y, error = X @ w, rng.standard_normal(m)
    return X, y + noise * np.linalg.norm(y) / np.linalg.norm(error) * error, w


def best(X, y, w, eps):
    """Best F1 of the support, smallest relative error, and whether it is that of the last strength."""
    coefs = lasso_path(X, y, eps=max(eps, LEAST), **PATH)[1]
    found, true = coefs != 0, (w != 0)[:, None]
    scores = 2 * (found & true).sum(axis=0) / (found.sum(axis=0) + true.sum())
    errors = np.linalg.norm(coefs - w[:, None], axis=0) / np.linalg.norm(w)
    return scores.max(), errors.min(), errors.argmin() == len(errors) - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    for m, n, k in SIZES:
        rows = []
        for design in DESIGNS:
            for noise in NOISES:
                results = []
                for seed in range(seeds):
                    X, y, w = problem(design, m, n, k, noise, seed)
                    puffed = preconditioned(X, y, "puffer", sample_weight=None, fit_intercept=False)
                    with warnings.catch_warnings(record=True) as failures:
                        warnings.simplefilter("always", ConvergenceWarning)
                        plain, other = best(X, y, w, PLAIN * noise), best(puffed.X, puffed.y, w, PUFFER * noise)
                    results.append([*plain, *other, len(failures)])
                f1, error, at_end, f1_puffer, error_puffer, at_end_puffer, failed = np.array(results).T
                rows.append(
                    {
                        "program": f"{design}, noise {noise:g}",
                        "F1": np.median(f1),
                        "F1_puffer": np.median(f1_puffer),
                        "exact": np.mean(f1 == 1),
                        "exact_puffer": np.mean(f1_puffer == 1),
                        "error": np.median(error),
                        "error_puffer": np.median(error_puffer),
                        "error_ratio": np.median(error_puffer / error),
                        "puffer_better": np.mean(error_puffer < error),
                        "at_end": np.mean([at_end, at_end_puffer]),
                        "unconverged": failed.sum(),
                    }
                )
        harness.keep(f"LASSO and puffer, {m} x {n}, {k} non-zeros at random, {seeds} seeds", rows)


if __name__ == "__main__":
    main()

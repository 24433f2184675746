"""Paths of the LASSO against celer, skglm and scikit-learn: duality gaps first, then time.

The demonstrator: 20 strengths to a hundredth of the largest, relative gap 1e-6, in 0.9 times the time of the fastest of
them or less. The programs measure tolerance in different ways, so each gets the loosest of its own that leaves no gap
above 1e-6, as measured here.
"""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import warnings

import numpy as np
from celer import celer_path
from scipy.sparse import csc_matrix, random_array
from skglm.datafits import Quadratic
from skglm.penalties import L1
from skglm.solvers import AndersonCD
from sklearn.linear_model import lasso_path as sklearn_path

from sparsekit import lasso_path

GAP, GOAL = 1e-6, 0.9
TOLERANCES = 10.0 ** -np.arange(4, 13)
PATH = 0.01, 20


def dense(m=500, n=10_000, k=100, seed=0):
    rng = np.random.default_rng(seed)
    return _problem(rng, np.asfortranarray(rng.standard_normal((m, n))), k)


def sparse(m=20_000, n=100_000, k=1000, seed=0):
    rng = np.random.default_rng(seed)
    X = csc_matrix(random_array((m, n), density=1e-3, rng=rng, data_sampler=rng.standard_normal))
    return _problem(rng, X, k)


def _problem(rng, X, k):
    w = np.zeros(X.shape[1])
    w[rng.choice(len(w), k, replace=False)] = rng.standard_normal(k)
    clean = X @ w
    return X, clean + 0.3 * np.std(clean) * rng.standard_normal(len(clean))


def gaps(X, y, alphas, coefs):
    """Relative duality gaps, from the best multiple of the residual."""
    n, found = len(y), []
    for alpha, w in zip(alphas, coefs.T, strict=True):
        r = y - X @ w
        steepest = np.abs(X.T @ r).max() / n
        scale = min((y @ r) / (r @ r), alpha / steepest)
        primal = r @ r / (2 * n) + alpha * np.abs(w).sum()
        dual = (scale * (y @ r) - scale**2 * (r @ r) / 2) / n
        found.append((primal - dual) / (y @ y / (2 * n)))
    return np.array(found)


def ours(X, y, alphas, tol):
    return lasso_path(X, y, alphas=alphas, tol=tol)[1]


def celer(X, y, alphas, tol):
    return celer_path(X, y, "lasso", alphas=alphas, tol=tol)[1]


def skglm(X, y, alphas, tol):
    solver = AndersonCD(max_iter=200, tol=tol, fit_intercept=False)
    return solver.path(X, y, Quadratic(), L1(1.0), alphas=alphas)[1]


def scikit_learn(X, y, alphas, tol):
    return sklearn_path(X, y, alphas=alphas, tol=tol, max_iter=100_000, precompute=False)[1]


def loosest(program, X, y, alphas):
    """The loosest tolerance that leaves no gap above GAP; None if there is none."""
    for tol in TOLERANCES:
        if gaps(X, y, alphas, program(X, y, alphas, tol)).max() <= GAP:
            return tol
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    for name, (X, y) in (("dense 500 x 10,000", dense()), ("sparse 20,000 x 100,000", sparse())):
        largest = np.abs(X.T @ y).max() / len(y)
        for work, alphas in (
            (f"LASSO path, {name}, {PATH[1]} strengths", largest * np.geomspace(1, *PATH)),
            (f"LASSO cold, {name}, one strength", largest * np.array([0.05])),
        ):
            contestants = {}
            for label, program in (
                ("lasso_path", ours),
                ("celer", celer),
                ("skglm", skglm),
                ("scikit-learn", scikit_learn),
            ):
                tol = loosest(program, X, y, alphas)
                if tol is not None:
                    contestants[f"{label}, tol {tol:.0e}"] = lambda p=program, t=tol: p(X, y, alphas, t)  # noqa: B023
            first = next(iter(contestants))

            def quality(coefs, X=X, y=y, alphas=alphas):
                found = gaps(X, y, alphas, coefs)
                return {
                    "largest_gap": found.max(),
                    "median_gap": np.median(found),
                    "nonzero": np.count_nonzero(coefs[:, -1]),
                }

            ratios = harness.compare(work, contestants, quality, ours=first, repeats=repeats)
            fastest = min(ratio for label, ratio in ratios.items() if label != first)
            verdict = "PASS" if 1 / fastest <= GOAL else "FAIL"
            print(f"lasso_path: {1 / fastest:.2f} times the fastest peer (goal {GOAL}) {verdict}")


if __name__ == "__main__":
    main()

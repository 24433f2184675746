"""The square-root LASSO against skglm, and against the LASSO of celer with the noise level found by iteration.

Duality gaps first, as measured here by the library's own certificate, which is valid for any coefficients; then time.
Every program gets the loosest of its own tolerances that leaves no relative gap above 1e-6; one that has none, or that
takes more than a minute to show it, is left out.
"""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import time
import warnings

import lasso_path as designs
import numpy as np
from celer import Lasso
from skglm.experimental import SqrtLasso

from sparsekit import duality_gap, lasso_path

GAP, GOAL = 1e-6, 5
TOLERANCES = 10.0 ** -np.arange(3, 11)
PATIENCE = 60  # seconds
SHARES = {  # of the smallest strength that selects nothing
    "0.3 of the largest strength": [0.3],
    "0.2 of the largest strength": [0.2],
    "path of 10 to 0.2": np.geomspace(1, 0.2, 10),
}
ROUNDS = 100


def ours(X, y, alphas, tol):
    return lasso_path(X, y, alphas=alphas, loss="sqrt", tol=tol)[1]


def skglm(X, y, alphas, tol):
    """Its objective is the root of the number of rows times ours."""
    model = SqrtLasso(tol=tol, fit_intercept=False)
    return model.path(X, y, alphas=alphas * np.sqrt(len(y)))[1].T


def celer(X, y, alphas, tol):
    """Strength alpha sigma and the residual's sigma in turn, from the last solution."""
    model, coefs = Lasso(tol=tol, fit_intercept=False, warm_start=True), []
    sigma = np.linalg.norm(y) / np.sqrt(len(y))
    for alpha in alphas:
        for _ in range(ROUNDS):
            model.set_params(alpha=alpha * sigma).fit(X, y)
            before, sigma = sigma, np.linalg.norm(y - X @ model.coef_) / np.sqrt(len(y))
            if abs(sigma - before) <= 1e-4 * np.sqrt(tol) * sigma:
                break
        coefs.append(model.coef_.copy())
    return np.array(coefs).T


PROGRAMS = {"sparsekit": ours, "skglm": skglm, "celer, iterated": celer}


def gaps(X, y, alphas, coefs):
    null = np.linalg.norm(y) / np.sqrt(len(y))
    measure = {"loss": "sqrt", "fit_intercept": False}
    return np.array([duality_gap(X, y, w, alpha=a, **measure) for a, w in zip(alphas, coefs.T, strict=True)]) / null


def loosest(program, X, y, alphas):
    """The loosest tolerance that leaves no gap above GAP; None if there is none."""
    start = time.monotonic()
    for tol in TOLERANCES:
        if gaps(X, y, alphas, program(X, y, alphas, tol)).max() <= GAP:
            return tol
        if time.monotonic() - start > PATIENCE:
            return None
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a smaller problem alone, to see that it runs")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    problems = {"dense 200 x 1000": designs.dense(200, 1000, 10)}
    if not options.small:
        problems |= {"dense 500 x 10,000": designs.dense(k=20), "sparse 20,000 x 100,000": designs.sparse(k=200)}
    for name, (X, y) in problems.items():
        largest = np.abs(X.T @ y).max() / (np.sqrt(len(y)) * np.linalg.norm(y))
        for steps, shares in SHARES.items():
            alphas, contestants = largest * np.asarray(shares), {}
            for label, program in PROGRAMS.items():
                tol = loosest(program, X, y, alphas)
                if tol is None:
                    print(f"{name}, {steps}: {label} leaves gaps above {GAP}")
                else:
                    contestants[f"{label}, tol {tol:.0e}"] = lambda p=program, t=tol: p(X, y, alphas, t)  # noqa: B023

            def quality(coefs, X=X, y=y, alphas=alphas):
                return {"largest_gap": gaps(X, y, alphas, coefs).max(), "nonzero": np.count_nonzero(coefs[:, -1])}

            first, *others = contestants
            work = f"Square-root LASSO, {name}, {steps}"
            ratios = harness.compare(work, contestants, quality, ours=first, repeats=options.repeats)
            for other in others:
                print(f"{other}: {ratios[other]:.1f} times ours (goal {GOAL})", flush=True)


if __name__ == "__main__":
    main()

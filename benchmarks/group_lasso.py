"""Paths of the group LASSO and of the row-sparse LASSO against celer, skglm and scikit-learn: gaps first, then time.

20 strengths to a tenth of the largest, relative gap 1e-6. The programs measure tolerance in different ways, so each
gets the loosest of its own that leaves no gap above 1e-6, as measured here; one that has none is left out.
"""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import warnings

import numpy as np
from celer import GroupLasso
from skglm.datafits import QuadraticGroup, QuadraticMultiTask
from skglm.penalties import L2_1, WeightedGroupL2
from skglm.solvers import GroupBCD, MultiTaskBCD
from sklearn.linear_model import MultiTaskLasso

from sparsekit.core.operators import Design
from sparsekit.recovery.group_columns import group_columns_of
from sparsekit.recovery.group_lasso_solver import GroupLassoSolver

GAP, GOAL = 1e-6, 0.9
TOLERANCES = 10.0 ** -np.arange(3, 11)
PATH = 0.1, 20
SIZE = 10  # columns in a group


def problem(m, n, t, size, n_used, seed=0):
    """X (m, n), Y (m, t) with noise of 0.3 times the signal, neighbouring columns in groups."""
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((m, n)))
    used = (rng.choice(n // size, n_used, replace=False)[:, None] * size + np.arange(size)).ravel()
    clean = X[:, used] @ rng.standard_normal((len(used), t))
    return X, np.asfortranarray(clean + 0.3 * np.std(clean) * rng.standard_normal(clean.shape))


def sizes(x, size):
    """Norms of blocks of so many rows."""
    return np.sqrt(np.square(x).reshape(len(x) // size, -1).sum(axis=1))


def gaps(X, Y, size, alphas, coefs):
    """Relative duality gaps of ||Y - X W||^2 / (2 m) + alpha sum_g ||W_g||, from the best multiple of the residual."""
    m, found = len(Y), []
    for alpha, W in zip(alphas, coefs, strict=True):
        R = Y - X @ W
        image, rest = np.vdot(Y, R), np.vdot(R, R)
        scale = min(image / rest, alpha * m / sizes(X.T @ R, size).max())
        primal = rest / 2 + alpha * m * sizes(W, size).sum()
        found.append((primal - scale * image + scale**2 * rest / 2) / (np.vdot(Y, Y) / 2))
    return np.array(found)


def ours(X, Y, size, alphas, tol):
    groups = np.arange(X.shape[1]) // size
    columns = group_columns_of(Design(X))
    solver = GroupLassoSolver(columns, Y, np.ones(groups[-1] + 1), groups, tol=tol, max_iter=100)
    coefs = []
    for alpha in alphas:
        solver.solve(alpha * len(Y))
        coefs.append(solver.w.copy())
    return coefs


def celer(X, Y, size, alphas, tol):
    model = GroupLasso(groups=size, tol=tol, warm_start=True, fit_intercept=False)
    return [model.set_params(alpha=alpha).fit(X, Y[:, 0]).coef_[:, None].copy() for alpha in alphas]


def skglm_groups(X, Y, size, alphas, tol):
    n = X.shape[1]
    groups = {"grp_ptr": np.arange(0, n + 1, size, dtype=np.int32), "grp_indices": np.arange(n, dtype=np.int32)}
    datafit, solver = QuadraticGroup(**groups), GroupBCD(tol=tol)
    penalty, w, coefs = WeightedGroupL2(1.0, np.ones(n // size), **groups), np.zeros(n), []
    for alpha in alphas:
        penalty.alpha = alpha
        w = solver.solve(X, Y[:, 0], datafit, penalty, w.copy(), X @ w)[0]
        coefs.append(w[:, None].copy())
    return coefs


def skglm_rows(X, Y, size, alphas, tol):
    solver = MultiTaskBCD(tol=tol, fit_intercept=False)
    return list(solver.path(X, Y, QuadraticMultiTask(), L2_1(1.0), alphas)[1].transpose(2, 1, 0))


def scikit_learn(X, Y, size, alphas, tol):
    model = MultiTaskLasso(tol=tol, max_iter=100_000, warm_start=True, fit_intercept=False)
    return [model.set_params(alpha=alpha).fit(X, Y).coef_.T.copy() for alpha in alphas]


def loosest(program, X, Y, size, alphas):
    """The loosest tolerance that leaves no gap above GAP; None if there is none."""
    for tol in TOLERANCES:
        if gaps(X, Y, size, alphas, program(X, Y, size, alphas, tol)).max() <= GAP:
            return tol
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--columns", type=int, default=5000, help="a multiple of 10; fewer for a trial")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    n = arguments.columns
    for name, (X, Y), size, peers in (
        (f"groups of {SIZE}, 500 x {n}", problem(500, n, 1, SIZE, 15), SIZE, {"celer": celer, "skglm": skglm_groups}),
        (
            f"20 targets, 300 x {n}",
            problem(300, n, 20, 1, 30),
            1,
            {"skglm": skglm_rows, "scikit-learn": scikit_learn},
        ),
    ):
        alphas = sizes(X.T @ Y, size).max() / len(Y) * np.geomspace(1, *PATH)
        contestants = {}
        for label, program in {"sparsekit": ours, **peers}.items():
            tol = loosest(program, X, Y, size, alphas)
            if tol is not None:
                contestants[f"{label}, tol {tol:.0e}"] = lambda p=program, t=tol, rest=(X, Y, size, alphas): p(*rest, t)
        first = next(iter(contestants))

        def quality(coefs, rest=(X, Y, size, alphas)):
            found = gaps(*rest, coefs)
            return {
                "largest_gap": found.max(),
                "median_gap": np.median(found),
                "nonzero": np.count_nonzero(coefs[-1].any(axis=1)),
            }

        work = f"Group LASSO path, {name}, {PATH[1]} strengths"
        ratios = harness.compare(work, contestants, quality, ours=first, repeats=arguments.repeats)
        fastest = min(ratio for label, ratio in ratios.items() if label != first)
        verdict = "PASS" if 1 / fastest <= GOAL else "FAIL"
        print(f"sparsekit: {1 / fastest:.2f} times the fastest peer (goal {GOAL}) {verdict}")


if __name__ == "__main__":
    main()

"""Robust weighted OMP: our refits by least absolute deviations beside those of other solvers, in the same pursuit."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
from functools import partial
from unittest import mock

import cvxpy
import numpy as np
from scipy.optimize import linprog

from sparsekit import WeightedOMP
from sparsekit.datasets import make_sparse_signal
from sparsekit.recovery import penalised_fits
from sparsekit.recovery.penalised_fits import LeastAbsolute
from sparsekit.recovery.penalised_pursuit import State

ZERO = 1e-10  # residuals that a solver means to be zero, in units of the largest target


def by_cvxpy(A, y, solver):
    """min ||y - A x||_1 as one writes it."""
    x = cvxpy.Variable(A.shape[1])
    cvxpy.Problem(cvxpy.Minimize(cvxpy.norm1(y - A @ x))).solve(solver=solver)
    return x.value


def by_linprog(A, y):
    """The dual linear program, max y^T u with A^T u = 0 and |u| <= 1, whose multipliers are x."""
    solved = linprog(-y, A_eq=A.T, b_eq=np.zeros(A.shape[1]), bounds=(-1, 1), method="highs-ds")
    return -solved.eqlin.marginals


def refitted_by(solve):
    """The fit of our pursuit with another solver for its refits."""

    class Other(LeastAbsolute):
        def extended(self, j):
            used = self._used(j)
            x = solve(self.columns[used].T, self.y)
            r = self.y - x @ self.columns[used]
            self.vertex.r[:] = np.where(np.abs(r) > ZERO, r, 0.0)
            return State(j, np.abs(r).sum(), x[None, :], **self._known(0))

        def violation(self):
            return 0.0

    return Other


SOLVERS = {
    "cvxpy, Clarabel": lambda A, y: by_cvxpy(A, y, cvxpy.CLARABEL),
    "cvxpy, HiGHS": lambda A, y: by_cvxpy(A, y, cvxpy.HIGHS),
    "linprog, dual simplex": by_linprog,
}


def problem(m, N, s):
    """One row in five carries a gross error."""
    X, y, truth = make_sparse_signal(m, N, s, noise=1e-3, rng=1)
    rng = np.random.default_rng(1)
    hit = rng.choice(m, m // 5, replace=False)
    y[hit] += 100 * rng.standard_normal(len(hit))
    return X, y, truth


def refits(m, N, s, n_columns):
    """The refits alone: the first columns that the pursuit chooses, one after another."""
    X, y, _ = problem(m, N, s)
    active = WeightedOMP("absolute", alpha=1e-9, max_iter=n_columns, fit_intercept=False).fit(X, y).active_
    columns = X[:, active].T

    def ours():
        fit = LeastAbsolute(columns.copy(), y, center=False, dtype=X.dtype)
        for j in range(n_columns):
            fit.append(j)
        return fit.in_units_of_loss(fit.losses())[1:]

    def others(solve):
        return [np.abs(y - solve(columns[:k].T, y) @ columns[:k]).sum() for k in range(1, n_columns + 1)]

    exact = ours()
    contestants = {"sparsekit": ours} | {name: partial(others, solve) for name, solve in SOLVERS.items()}
    quality = lambda losses: {"largest excess of the loss": np.max(np.array(losses) / exact - 1)}  # noqa: E731
    harness.compare(f"LAD refits alone, {m} x 1 to {n_columns}", contestants, quality, ours="sparsekit", repeats=5)


def pursuits(m, N, s):
    """The whole fit with the rule's stop."""
    X, y, truth = problem(m, N, s)
    model = WeightedOMP("absolute", alpha=1.2 / m, fit_intercept=False)
    active = model.fit(X, y).active_.copy()

    def other(solve):
        with mock.patch.object(penalised_fits, "LeastAbsolute", refitted_by(solve)):
            return WeightedOMP(**model.get_params()).fit(X, y)

    def quality(fitted):
        return {
            "same support": np.array_equal(fitted.active_, active),
            "columns": len(fitted.active_),
            "error": np.linalg.norm(fitted.coef_ - truth) / np.linalg.norm(truth),
        }

    contestants = {"sparsekit": lambda: model.fit(X, y)} | {
        name: partial(other, solve) for name, solve in SOLVERS.items()
    }
    harness.compare(f"robust pursuit, {m} x {N}", contestants, quality, ours="sparsekit", repeats=5)


def main():
    for m, N, s, n_columns in ((150, 300, 10, 30), (600, 1000, 20, 40)):
        refits(m, N, s, n_columns)
        pursuits(m, N, s)


if __name__ == "__main__":
    main()

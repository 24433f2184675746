"""Homotopy against solutions from nothing, and against linear programming where it ends."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linprog
from scipy.sparse import csc_array

from sparsekit.core.operators import Design
from sparsekit.recovery.columns import columns_of
from sparsekit.recovery.lasso_homotopy import Homotopy
from sparsekit.recovery.lasso_solver import LassoSolver

FORMS = [np.asfortranarray, csc_array]


def solver_of(form, X, y, omega, *, center=True, positive=False):
    design = Design(form(X), center=center)
    columns = columns_of(design)
    target = design.target(y)[0][:, 0]
    return columns, LassoSolver(columns, target, omega, positive=positive, tol=1e-13, max_iter=100)


def problem(seed, m=25, n=60):
    rng = np.random.default_rng(seed)
    omega = rng.uniform(0.5, 2, n)
    omega[:2] = 0
    return rng.standard_normal((m, n)) + rng.uniform(-1, 1, n), rng.standard_normal(m), omega


def towards(path, strength):
    return lambda r, v, h: path.t - strength if path.t - h <= strength else None


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_knots_lead_to_the_solutions(form, positive):
    for seed in range(5):
        X, y, omega = problem(seed, m=40, n=35)
        omega = np.maximum(omega, 0.3) if positive else omega
        columns, solver = solver_of(form, X, y, omega, positive=positive)
        top = solver.largest_strength()
        solver.solve(0.5 * top)
        path = Homotopy(columns, omega, solver, 0.5 * top, positive=positive)
        for share in (0.4, 0.1, 0.01):
            assert path.follow(towards(path, share * top), 1000)
            assert_allclose(path.t, share * top, rtol=1e-10)
            _, anew = solver_of(form, X, y, omega, positive=positive)
            anew.solve(share * top)
            assert_allclose(solver.w, anew.w, rtol=0, atol=1e-7 * np.abs(anew.w).max())


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_the_end_is_the_exact_fit_of_least_penalty(form, center):
    for seed in range(5):
        X, y, omega = problem(seed)
        columns, solver = solver_of(form, X, y, omega, center=center)
        top = solver.largest_strength()
        solver.solve(0.3 * top)
        path = Homotopy(columns, omega, solver, 0.3 * top, positive=False)
        assert path.follow(lambda r, v, h: None, 1000)
        assert 0 < path.t < 0.3 * top
        support = np.flatnonzero(solver.w)
        A = X - X.mean(axis=0) if center else X
        b = y - y.mean() if center else y
        assert len(support) == len(y) - center
        w = np.linalg.lstsq(A[:, support], b)[0]
        best = linprog(np.tile(omega, 2), A_eq=np.hstack([A, -A]), b_eq=b)
        assert_allclose(omega[support] @ np.abs(w), best.fun, rtol=1e-7)


def test_a_walk_that_takes_too_long_is_given_up():
    X, y, omega = problem(1)
    columns, solver = solver_of(np.asfortranarray, X, y, omega)
    top = solver.largest_strength()
    solver.solve(0.5 * top)
    path = Homotopy(columns, omega, solver, 0.5 * top, positive=False)
    assert not path.follow(towards(path, 1e-3 * top), 2)

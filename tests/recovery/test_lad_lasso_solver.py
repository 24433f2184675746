"""The LAD-lasso solver against the linear program of its definition, and the proofs that it gives."""

import time

import numpy as np
import pytest
from scipy.optimize import linprog

from sparsekit.recovery import lad_lasso_solver
from sparsekit.recovery.lad_lasso_interior import inner_path, vertex_near
from sparsekit.recovery.lad_lasso_solver import LADProblem, lad_lasso_path

RTOL = 1e-10  # precision of the linear program, whose own tolerances are set to 1e-10
GAP = 1e-12  # of the mean |y|: rounding of sums of some hundred terms, and of inverses with condition up to 1e3
BOUND = 1e-13  # of the norm of a column: what counts as within its bounds
KINDS = [
    "normal",
    "whole",
    "repeated rows",
    "repeated columns",
    "constant columns",
    "exact",
    "zero target",
    "scales",
    "no penalty",
    "all free",
    "tiny alpha",
    "counts",
]


def best(X, y, alpha, omega, s, fit_intercept, positive):
    """The minimum by HiGHS: w = p - q, y - X w - b = r - t, all parts nonnegative."""
    m, W, kept = len(y), s.sum(), np.isfinite(omega)
    free = np.ones((m, int(fit_intercept)))
    penalty, signs = alpha * omega[kept], [np.eye(m), -np.eye(m)]
    A = np.hstack([X[:, kept], -X[:, kept], free, -free, *signs])
    cost = np.concatenate([penalty, penalty, np.zeros(2 * free.shape[1]), s / W, s / W])
    upper = np.full(len(cost), np.inf)
    if positive:
        upper[kept.sum() : 2 * kept.sum()] = 0
    limits = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    solved = linprog(cost, A_eq=A, b_eq=y, bounds=np.c_[np.zeros(len(cost)), upper], method="highs", options=limits)
    assert solved.status == 0
    return solved.fun


def objective(X, y, alpha, omega, s, coef, intercept):
    kept = np.isfinite(omega)
    return s @ np.abs(y - intercept - X @ coef) / s.sum() + alpha * omega[kept] @ np.abs(coef[kept])


def problem(rng, kind):
    """X, y, alpha and weights, some zero or infinite."""
    m, n = int(rng.integers(2, 45)), int(rng.integers(1, 60))
    X, y, alpha = rng.standard_normal((m, n)), 3 * rng.standard_normal(m) + 2, 10 ** rng.uniform(-3, 0)
    omega = rng.uniform(0.3, 3, n) if rng.random() < 0.5 else np.ones(n)
    s = rng.uniform(0.1, 2, m) if rng.random() < 0.5 else np.ones(m)
    for array, value, share in ((omega, 0, 0.4), (omega, np.inf, 0.3), (s, 0, 0.4)):
        if rng.random() < share and len(array) > 1:
            array[rng.integers(len(array))] = value
    if kind in {"whole", "counts"}:
        X, y = np.round(X), np.round(y)
    if kind == "counts":
        X, y = (X > 0).astype(float), np.abs(y)
    if kind == "repeated rows":
        X[m // 2 : 2 * (m // 2)], y[m // 2 : 2 * (m // 2)] = X[: m // 2], y[: m // 2]
    if kind == "repeated columns":
        X[:, n // 2 : 2 * (n // 2)] = X[:, : n // 2]
    if kind == "constant columns":
        X[:, 0], X[:, -1] = 1, 0
    if kind == "exact":  # in the span of columns without penalty
        y, omega[:3] = X[:, :3] @ rng.standard_normal(min(n, 3)), 0
    if kind == "zero target":
        y[:] = 0
    if kind == "scales":
        X *= 10 ** rng.uniform(-4, 4, n)
    if kind == "all free":
        omega[:] = 0
    alpha = {"no penalty": 0.0, "tiny alpha": 1e-9}.get(kind, alpha)
    return X, y, alpha, omega, s


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_minimum_and_proof(rng, kind, fit_intercept, positive):
    for _ in range(3):
        X, y, alpha, omega, s = problem(rng, kind)
        alphas = np.array([10, 3, 1]) * alpha
        path = lad_lasso_path(
            X,
            y,
            alphas,
            feature_weights=omega,
            sample_weight=s,
            fit_intercept=fit_intercept,
            positive=positive,
        )
        size, share, kept = s @ np.abs(y) / s.sum(), s / s.sum(), np.isfinite(omega)
        lengths = share @ np.abs(X)
        assert path.converged.all()
        for alpha_, coef, intercept, theta, P, gap in zip(
            alphas, path.coefs.T, path.intercepts, path.duals.T, path.objectives, path.gaps, strict=True
        ):
            value = objective(X, y, alpha_, omega, s, coef, intercept)
            want = best(X, y, alpha_, omega, s, fit_intercept, positive)
            np.testing.assert_allclose(value, want, rtol=RTOL, atol=RTOL * size)
            np.testing.assert_allclose(P, value, rtol=RTOL, atol=GAP * size)
            assert 0 <= gap <= GAP * size
            np.testing.assert_allclose(y @ theta, value, rtol=RTOL, atol=RTOL * size)
            # dual feasibility
            assert (np.abs(theta) <= share * (1 + 4 * np.finfo(float).eps)).all()
            z = X.T @ theta
            out = (z if positive else np.abs(z))[kept] - alpha_ * omega[kept]
            assert (out <= BOUND * lengths[kept]).all()
            assert not fit_intercept or abs(theta.sum()) <= BOUND
            # complementary slackness; a vertex interpolates no fewer rows than it has columns, but for ties
            assert not coef[~kept].any()
            assert not positive or (coef >= 0).all()
            r = y - intercept - X @ coef
            off = np.abs(r) > 1e-8 * np.abs(y).max()
            np.testing.assert_allclose(theta[off], (share * np.sign(r))[off], rtol=RTOL)
            used = coef != 0
            np.testing.assert_allclose(
                z[used], alpha_ * omega[used] * np.sign(coef[used]), rtol=1e-8, atol=BOUND * lengths.max()
            )
            assert np.count_nonzero(~off & (s > 0)) >= used.sum()


def test_null_model_above_the_largest_alpha(rng):
    X, y = rng.standard_normal((31, 12)), rng.standard_normal(31)
    largest = np.abs(X.T @ np.sign(y - np.median(y))).max() / 31
    path = lad_lasso_path(X, y, [1.1 * largest, np.inf])
    assert not path.coefs.any()
    assert (path.intercepts == np.median(y)).all()
    assert (path.gaps <= GAP).all()


def test_weights_repeat_rows(rng):
    X, y, s = rng.standard_normal((30, 12)), rng.standard_normal(30), rng.integers(0, 4, 30)
    weighted = lad_lasso_path(X, y, [0.1, 0.02], sample_weight=s)
    repeated = lad_lasso_path(np.repeat(X, s, axis=0), np.repeat(y, s), [0.1, 0.02])
    np.testing.assert_allclose(weighted.objectives, repeated.objectives, rtol=RTOL)
    np.testing.assert_allclose(weighted.coefs, repeated.coefs, atol=1e-12)  # the minimum is unique; two inverses
    assert not weighted.duals[s == 0].any()


def test_float32_is_computed_in_float64(rng):
    X, y = rng.standard_normal((25, 40)).astype(np.float32), rng.standard_normal(25).astype(np.float32)
    single, double = (lad_lasso_path(a, b, [0.05]) for a, b in ((X, y), (X.astype(float), y.astype(float))))
    for one, other in zip(single, double, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("power", [-300, 300])
def test_powers_of_two_change_nothing(rng, power):
    X, y = rng.standard_normal((25, 40)), rng.standard_normal(25)
    path = lad_lasso_path(X, y, [0.05])
    scaled = lad_lasso_path(np.ldexp(X, power), np.ldexp(y, 2 * power), [np.ldexp(0.05, power)])
    np.testing.assert_array_equal(scaled.coefs, np.ldexp(path.coefs, power))
    np.testing.assert_array_equal(scaled.gaps, np.ldexp(path.gaps, 2 * power))


def test_starts_and_orders_lead_to_the_same(rng):
    X, y = rng.standard_normal((40, 60)), rng.standard_normal(40)
    want = lad_lasso_path(X, y, [0.1, 0.01])
    for coef in (want.coefs[:, 0], np.zeros(60), rng.standard_normal(60)):
        start = lad_lasso_path(X, y, [0.1], coef=coef)
        np.testing.assert_allclose(start.coefs[:, 0], want.coefs[:, 0], atol=1e-12)  # unique; other inverses
    assert lad_lasso_path(X, y, [0.1], coef=want.coefs[:, 0]).n_iter == [0]
    back = lad_lasso_path(X, y, [0.01, 5.0, 0.1])
    np.testing.assert_allclose(back.objectives[[2, 0]], want.objectives, rtol=RTOL)
    assert not back.coefs[:, 1].any()


def test_few_edges_leave_a_valid_gap(rng):
    X, y = rng.standard_normal((40, 60)), rng.standard_normal(40)
    least = lad_lasso_path(X, y, [0.02]).objectives[0]
    for max_iter in (1, 5, 20):
        path = lad_lasso_path(X, y, [0.02], max_iter=max_iter)
        assert not path.converged[0]
        assert path.objectives[0] - path.gaps[0] <= least * (1 + RTOL)
        assert path.n_iter[0] == max_iter


@pytest.mark.parametrize("kind", ["normal", "whole", "repeated rows", "repeated columns"])
@pytest.mark.parametrize("shape", [(30, 50), (60, 20)])
def test_the_interior_path_ends_beside_the_vertex(rng, monkeypatch, kind, shape):
    m, n = shape
    X, y = rng.standard_normal((m, n)), rng.standard_normal(m)
    if kind == "whole":
        X, y = np.round(2 * X), np.round(3 * y)
    if kind == "repeated rows":
        X[m // 2 :], y[m // 2 :] = X[: m // 2], y[: m // 2]
    if kind == "repeated columns":
        X[:, n // 2 :] = X[:, : n // 2]
    columns, lam = np.ascontiguousarray(X.T), np.full(n, 0.05 * m)
    x, steps = inner_path(columns, y, lam, lam)
    assert steps < 40  # 12 to 20 measured
    assert x.gap() <= 1e-6 * np.abs(y).sum()  # its own stop is 1e-7 of the objective
    S, B = vertex_near(columns, x)
    assert len(S) == len(B) == np.linalg.matrix_rank(columns[S][:, B])
    along = lad_lasso_path(X, y, [0.05], fit_intercept=False)
    monkeypatch.setattr(lad_lasso_solver, "_PATIENT", 0.0)
    monkeypatch.setattr(lad_lasso_solver, "_CHUNK", 1)
    jumped = lad_lasso_path(X, y, [0.05], fit_intercept=False)
    np.testing.assert_allclose(jumped.objectives, along.objectives, rtol=RTOL)
    assert jumped.converged[0]
    if kind == "normal":
        assert jumped.n_iter[0] <= steps + 5  # the vertex itself but for a few edges; 60 and more along edges alone


def test_dependent_columns_without_penalty(rng):
    """Forty powers, numerically of rank 17 or so: a fit as good as that of least squares, and no claim of a proof."""
    u = np.linspace(0, 1, 120)
    X, y = np.vander(u, 30), np.sin(20 * u) + 0.1 * rng.standard_normal(120)
    path = lad_lasso_path(X, y, [1e-2, 1e-4, 0.0])
    assert path.converged[:2].all()
    assert not path.converged[2]
    smooth = y - X @ np.linalg.lstsq(X, y)[0]
    assert path.objectives[2] <= 1.05 * np.abs(smooth).mean()  # it is 0.99 to 1.01 over seeds


@pytest.mark.parametrize("idle", [0, -1000])
def test_careful_steps_end(rng, monkeypatch, idle):
    """Ties spread from the first edge on, or the rule that cannot cycle; constants of the compiled kernels."""
    from sparsekit.recovery import lad_lasso_edges

    if hasattr(lad_lasso_edges.descend, "py_func"):
        pytest.skip("needs plain Python, as one job of the CI runs it")
    monkeypatch.setattr(lad_lasso_edges, "_IDLE", idle)
    name, calls = ("spread", "first_edge")[idle < 0], []
    step = getattr(lad_lasso_edges, name)
    monkeypatch.setattr(lad_lasso_edges, name, lambda v: calls.append(1) or step(v))
    X, y = np.round(rng.standard_normal((30, 12))), np.round(2 * rng.standard_normal(30))
    path = lad_lasso_path(X, y, [0.1, 0.01])
    assert path.converged.all()
    assert calls
    for alpha, P in zip([0.1, 0.01], path.objectives, strict=True):
        np.testing.assert_allclose(P, best(X, y, alpha, np.ones(12), np.ones(30), True, False), rtol=RTOL)


def test_an_inverse_that_went_wrong_is_computed_anew(rng):
    X, y = rng.standard_normal((40, 60)), rng.standard_normal(40)
    want = lad_lasso_path(X, y, [0.02]).objectives[0]
    problem = LADProblem(X, y)
    problem.solve(0.05)
    assert not problem._drifted()
    problem.v.M[:] *= 1 + 1e-3 * rng.standard_normal(problem.v.M.shape)
    assert problem._drifted()
    solved = problem.solve(0.02)
    np.testing.assert_allclose(solved[3], want, rtol=RTOL)
    assert solved[5]


def test_signs_that_went_wrong_are_set_right(rng):
    X, y = rng.standard_normal((40, 60)), rng.standard_normal(40)
    want = lad_lasso_path(X, y, [0.02]).objectives[0]
    problem = LADProblem(X, y)
    problem.solve(0.05)
    problem.v.sigma[:10] *= -1
    assert not problem._settle()
    assert problem._settle()
    problem.v.sigma[:10] *= -1
    solved = problem.solve(0.02)
    np.testing.assert_allclose(solved[3], want, rtol=RTOL)
    assert solved[5] and solved[4] <= GAP


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.parametrize(("m", "n"), [(10_000, 8), (500, 300), (200, 800)])
def test_ties_do_not_stall(m, n):
    """Zeros, ones and counts: every vertex is degenerate, and yet seconds are enough."""
    rng = np.random.default_rng(0)
    X, y = (rng.random((m, n)) < 0.3).astype(float), rng.poisson(2, m).astype(float)
    lad_lasso_path(X[:50], y[:50], [0.1])
    start = time.process_time()
    path = lad_lasso_path(X, y, [0.05, 0.01, 1e-9, 0.0])
    assert time.process_time() - start < 20  # 0.02 to 0.5 s measured
    assert path.converged.all()
    assert (path.gaps <= GAP * np.abs(y).mean()).all()


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.parametrize(("m", "n"), [(200, 1000), (1000, 200)])
def test_larger_problems(rng, m, n):
    X, y = rng.standard_normal((m, n)), rng.standard_cauchy(m)
    alphas = np.abs(X.T @ np.sign(y - np.median(y))).max() / m * np.geomspace(1, 0.01, 6)
    path = lad_lasso_path(X, y, alphas)
    assert path.converged.all()
    assert (path.gaps <= GAP * np.abs(y).mean()).all()
    assert (np.diff(path.objectives) < 0).all()

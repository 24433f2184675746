"""GroupLassoSolver against a conic solver, closed forms, its definition and the LASSO of single coefficients."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.linalg import norm
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.sparse import csc_array

from sparsekit.core.operators import Design
from sparsekit.recovery import group_columns, group_newton
from sparsekit.recovery.columns import columns_of
from sparsekit.recovery.group_blocks import Blocks
from sparsekit.recovery.group_columns import block_norm, block_step, group_columns_of
from sparsekit.recovery.group_lasso_solver import GroupLassoSolver
from sparsekit.recovery.lasso_solver import LassoSolver
from tests.naive import convex as naive

TIGHT = 1e-12  # relative gap that Newton steps reach, rounding is 1e-16
FORMS = [np.asfortranarray, csc_array]
KINDS = {"rows": (1, 3), "groups": (4, 1), "both": (3, 2)}  # columns in a group, targets


class Problem(NamedTuple):
    X: np.ndarray
    Y: np.ndarray
    omega: np.ndarray  # one for each group
    groups: np.ndarray
    s: np.ndarray

    def solver(self, form=np.asarray, *, center=True, tol=TIGHT, max_iter=100, kept=slice(None)):
        design = Design(form(self.X), sample_weight=self.s, center=center)
        Y = design.target(self.Y)[0].astype(float)
        columns = group_columns_of(design)
        return GroupLassoSolver(columns, Y[:, kept], self.omega, self.groups, tol=tol, max_iter=max_iter)

    def arrays(self, *, center=True):
        """A and Y of the solver, from their definition."""
        root = np.sqrt(self.s)[:, None]
        share = (self.s / self.s.sum() if center else 0 * self.s)[:, None]
        return root * (self.X - (share * self.X).sum(axis=0)), root * (self.Y - (share * self.Y).sum(axis=0))


def problem(seed, kind="both", m=30, n=48):
    """Groups of uneven size in no order, two of them free; columns of any mean; weights with zeros."""
    rng = np.random.default_rng(seed)
    size, t = KINDS[kind]
    n_groups = n // size
    groups = rng.permutation(np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)]))
    omega, s = rng.uniform(0.3, 2, n_groups), rng.uniform(0, 2, m)
    omega[[1, 4]], s[:2] = 0, 0
    X = (rng.standard_normal((m, n)) + rng.uniform(-1, 1, n)) * 10 ** rng.uniform(-0.5, 0.5, n)
    W = rng.standard_normal((n, t)) * (groups < 4)[:, None]
    return Problem(X, X @ W + rng.standard_normal((m, t)) + 5, omega, groups, s)


def penalty_of(w, omega, groups):
    return sum(omega[g] * norm(w[groups == g]) for g in range(len(omega)))


def objective(A, Y, w, lam, groups):
    return norm(Y - A @ w) ** 2 / 2 + penalty_of(w, lam, groups)


def gap_of(A, Y, w, lam, groups):
    """Relative, from the definition: the best multiple of the residual without what is free."""
    free = np.isin(groups, np.flatnonzero(lam == 0))
    U, d, _ = np.linalg.svd(A[:, free], full_matrices=False)
    U = U[:, d > 1e-10 * d.max(initial=0)]
    target, R = Y - U @ (U.T @ Y), Y - A @ w
    theta = R - U @ (U.T @ R)
    steepest = max(norm(A[:, groups == g].T @ theta) / lam[g] for g in np.flatnonzero(lam > 0))
    scale = min(1 / steepest, np.vdot(Y, theta) / norm(theta) ** 2)
    dual = scale * np.vdot(Y, theta) - scale**2 * norm(theta) ** 2 / 2
    return (objective(A, Y, w, lam, groups) - dual) / (norm(target) ** 2 / 2)


def assert_same_fit(A, w, other, null):
    """||A (w - w*)||^2 / 2 is no more than the gap of w, for every minimiser w*."""
    assert norm(A @ (w - other)) <= 2 * np.sqrt(2 * TIGHT * null) * (1 + 1e-3)


@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_equals_a_conic_solver(kind, form, seed):
    given, center = problem(seed, kind), seed % 2 == 0
    solver = given.solver(form, center=center)
    strength = solver.largest_strength() * [0.5, 0.1, 0.02][seed % 3]
    rounds = solver.solve(strength)
    assert solver.gap <= TIGHT * solver.null and 1 <= rounds < 30
    A, Y = given.arrays(center=center)
    lam = strength * given.omega
    assert gap_of(A, Y, solver.w, lam, given.groups) < 2 * TIGHT  # rounding adds some 1e-15
    sizes = np.bincount(given.groups)
    expected = naive.solve(
        given.X,
        given.Y,
        loss="squared",
        alpha=1 / given.s.sum(),
        feature_weights=(lam / np.sqrt(sizes))[given.groups],
        sample_weight=given.s,
        groups=given.groups,
        fit_intercept=center,
    )
    assert_allclose(objective(A, Y, solver.w, lam, given.groups), expected.objective * given.s.sum(), rtol=1e-7)
    assert_allclose(solver.w, expected.coef.T, rtol=0, atol=1e-4 * np.abs(solver.w).max())  # root of what the peer has


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_certificate_is_that_of_the_definition(kind, form):
    for seed in range(5):
        given = problem(seed, kind)
        A, Y = given.arrays()
        best, loose = given.solver(form), given.solver(form, tol=1e-3)
        for fraction in (0.6, 0.2, 0.05):
            strength = fraction * best.largest_strength()
            lam = strength * given.omega
            best.solve(strength)
            loose.solve(strength)
            gap = gap_of(A, Y, loose.w, lam, given.groups)
            assert loose.gap <= 1e-3 * loose.null
            assert_allclose(loose.gap / loose.null, gap, rtol=1e-6, atol=1e-13)
            least = objective(A, Y, best.w, lam, given.groups)
            above = objective(A, Y, loose.w, lam, given.groups) - least
            assert -1e-13 * least <= above <= loose.gap + 1e-13 * least


@pytest.mark.parametrize("kind", KINDS)
def test_screening_keeps_the_certificate_whole(kind):
    """Long falling paths, on which most groups are left out on the way."""
    for seed in range(5):
        given = problem(seed, kind, m=60, n=240)
        A, Y = given.arrays()
        solver = given.solver(tol=1e-9)
        for strength in solver.largest_strength() * np.geomspace(0.95, 0.05, 12):
            solver.solve(strength)
            assert gap_of(A, Y, solver.w, strength * given.omega, given.groups) <= 1.01e-9


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_warm_starts_equal_cold_ones(kind, form):
    given = problem(11, kind)
    warm = given.solver(form)
    for fraction in (0.7, 0.3, 0.1, 0.03, 0.4):
        strength = fraction * warm.largest_strength()
        warm.solve(strength)
        cold = given.solver(form)
        cold.solve(strength)
        assert_same_fit(given.arrays()[0], warm.w, cold.w, cold.null)
        begun = given.solver(form)
        begun.start(cold.w)
        assert begun.solve(strength) == 1
        assert_allclose(begun.w, cold.w, rtol=1e-13)  # free columns are settled again


@pytest.mark.parametrize("kind", KINDS)
def test_sparse_columns_equal_dense_ones(kind):
    given = problem(12, kind)
    given.X[np.random.default_rng(0).random(given.X.shape) < 0.7] = 0
    dense, sparse = given.solver(), given.solver(csc_array)
    assert_allclose(dense.largest_strength(), sparse.largest_strength(), rtol=1e-12)
    strength = 0.1 * dense.largest_strength()
    dense.solve(strength)
    sparse.solve(strength)
    assert_same_fit(given.arrays()[0], sparse.w, dense.w, dense.null)
    assert_allclose(sparse.null, dense.null, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_selected_from_the_largest_strength_on(kind, form):
    given = problem(13, kind)
    solver = given.solver(form)
    largest, penalised = solver.largest_strength(), given.omega[given.groups] > 0
    A, Y = given.arrays()
    R = Y - A[:, ~penalised] @ np.linalg.lstsq(A[:, ~penalised], Y, rcond=None)[0]
    expected = max(norm(A[:, given.groups == g].T @ R) / given.omega[g] for g in np.flatnonzero(given.omega))
    assert_allclose(largest, expected, rtol=1e-10)
    assert_allclose(solver.null, norm(R) ** 2 / 2, rtol=1e-12)
    for strength in (3 * largest, largest):
        assert solver.solve(strength) == 1
        assert not solver.w[penalised].any() and solver.w[~penalised].all()
    solver.solve(0.99 * largest)
    assert len(np.unique(given.groups[solver.w.any(axis=1)])) == 3  # one, and the two free ones
    solver.solve(1.01 * largest)
    assert not solver.w[penalised].any()


@pytest.mark.parametrize("form", FORMS)
def test_one_target_and_groups_of_one_are_the_lasso(form):
    for seed in range(5):
        given = problem(seed)
        X, Y, s = given.X, given.Y, given.s
        rng = np.random.default_rng(seed)
        omega = rng.uniform(0.3, 2, X.shape[1])
        omega[:2] = 0
        design = Design(form(X), sample_weight=s, center=True)
        y = design.target(Y)[0][:, 0].astype(float)
        options = {"tol": TIGHT, "max_iter": 100}
        lone = LassoSolver(columns_of(design), y, omega, positive=False, **options)
        labels = rng.permutation(X.shape[1])
        shuffled = np.empty_like(omega)
        shuffled[labels] = omega
        solver = GroupLassoSolver(group_columns_of(design), y[:, None], shuffled, labels, **options)
        assert_allclose(solver.largest_strength(), lone.largest_strength(), rtol=1e-12)
        for strength in solver.largest_strength() * np.array([0.5, 0.1, 0.01]):
            lone.solve(strength)
            solver.solve(strength)
            assert_same_fit(given.arrays()[0], solver.w[:, 0], lone.w, lone.null)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("t", [1, 3])
def test_targets_that_free_columns_explain(form, t, rng):
    X = rng.standard_normal((20, 30)) + 1
    groups, omega = np.arange(30) % 10, np.ones(10)
    omega[3] = 0
    W = rng.standard_normal((30, t)) * (groups == 3)[:, None]
    solver = Problem(X, X @ W + 7, omega, groups, np.ones(20)).solver(form)
    assert solver.null == 0 and solver.largest_strength() == 0
    assert solver.solve(1.0) == 1 and solver.gap == 0
    assert_allclose(solver.w, W, rtol=1e-9, atol=0)
    nothing = Problem(X, np.zeros((20, t)), omega, groups, np.ones(20)).solver(form)
    assert nothing.solve(1.0) == 1 and nothing.gap == 0 and not nothing.w.any()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_dependent_columns(kind, form):
    """Duplicates within a group, of groups, of free columns; zero and constant columns; more columns than rows."""
    for seed in range(4):
        given = problem(20 + seed, kind, m=16)
        X, groups = given.X, given.groups
        first, second = np.flatnonzero(groups == 0), np.flatnonzero(groups == 2)
        size = min(len(first), len(second))
        X[:, second[:size]] = X[:, first[:size]]
        X[:, first[-1]] = X[:, first[0]]
        free = np.flatnonzero(np.isin(groups, [1, 4]))
        X[:, free[-1]] = -2 * X[:, free[0]]
        lone = np.flatnonzero(groups == 5)
        X[:, lone] = 7.0
        X[:, np.flatnonzero(groups == 6)[0]] = 0
        solver = given.solver(form)
        top = solver.largest_strength()
        A, Y = given.arrays()
        A[:, lone] = 0  # but for rounding they are
        for fraction in (0.3, 0.01):
            solver.solve(fraction * top)
            assert not solver.w[lone].any()
            assert gap_of(A, Y, solver.w, fraction * top * given.omega, groups) < 2 * TIGHT
            solver.start(solver.w + 1)
            solver.solve(fraction * top)
            assert not solver.w[lone].any()
            assert gap_of(A, Y, solver.w, fraction * top * given.omega, groups) < 2 * TIGHT


@pytest.mark.parametrize("form", FORMS)
def test_columns_that_are_all_zero_or_free(form):
    X, Y, omega, groups, s = problem(30)
    solver = Problem(np.full_like(X, 2.0), Y, omega, groups, s).solver(form)
    assert solver.largest_strength() == 0 and solver.solve(1.0) == 1
    assert not solver.w.any() and solver.gap == 0
    free = Problem(X[:, :9], Y, 0 * omega, groups[:9], s)
    solver = free.solver(form)
    solver.solve(1.0)
    A, Y = free.arrays()
    assert_allclose(solver.w, np.linalg.lstsq(A, Y, rcond=None)[0], rtol=1e-8)


def test_orthogonal_columns_shrink_blocks(rng):
    Q = np.linalg.qr(rng.standard_normal((30, 12)))[0]
    Y, groups = rng.standard_normal((30, 2)), np.arange(12) % 5
    omega = np.linspace(0.5, 1.5, 5)
    solver = Problem(Q, Y, omega, groups, np.ones(30)).solver(center=False)
    solver.solve(1.0)
    expected = Q.T @ Y
    for g in range(5):
        expected[groups == g] *= max(0, 1 - omega[g] / norm(expected[groups == g]))
    assert_allclose(solver.w, expected, rtol=0, atol=1e-12)
    assert 0 < np.count_nonzero(solver.w) < solver.w.size


@pytest.mark.parametrize("form", FORMS)
def test_rotations_within_groups_and_of_targets(form, rng):
    """Norms do not see them, so that coefficients rotate along."""
    given = problem(31)
    turned, Q = given.X.copy(), np.linalg.qr(rng.standard_normal((2, 2)))[0]
    back = np.eye(len(given.groups))
    for g in range(len(given.omega)):
        inside = np.flatnonzero(given.groups == g)
        back[np.ix_(inside, inside)] = np.linalg.qr(rng.standard_normal((len(inside), len(inside))))[0]
    solver = given.solver(form)
    other = given._replace(X=turned @ back, Y=given.Y @ Q).solver(form)
    assert_allclose(other.largest_strength(), solver.largest_strength(), rtol=1e-10)
    strength = 0.1 * solver.largest_strength()
    solver.solve(strength)
    other.solve(strength)
    assert_same_fit(given.arrays()[0], back @ other.w @ Q.T, solver.w, solver.null)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_conjugate_gradients_suffice(kind, form, monkeypatch):
    for name in ("_LARGEST", "_SMALL"):
        monkeypatch.setattr(group_columns, name, 0)
    given = problem(34, kind)
    A, Y = given.arrays()
    solver = given.solver(form)
    for strength in solver.largest_strength() * np.array([0.3, 0.03]):
        assert solver.solve(strength) < 30
        assert gap_of(A, Y, solver.w, strength * given.omega, given.groups) < 2 * TIGHT


def test_single_precision_columns():
    """The problem of the rounded columns is solved as exactly as any."""
    given = problem(32)
    X = given.X.astype(np.float32)
    given = given._replace(X=X, Y=given.Y.astype(np.float32), s=np.ones(len(X)))
    solver = given.solver(center=False)
    strength = 0.1 * solver.largest_strength()
    solver.solve(strength)
    A, Y = X.astype(float), given.Y.astype(float)
    assert gap_of(A, Y, solver.w, strength * given.omega, given.groups) < 2 * TIGHT


def test_rounds_that_do_not_suffice():
    solver = problem(33, n=240).solver(max_iter=1)
    assert solver.solve(0.01 * solver.largest_strength()) == 1
    assert solver.gap > TIGHT * solver.null


@pytest.mark.parametrize("lam", [0.0, 1e-6, 0.5, 1.9, 2.1])
def test_norms_of_blocks_solve_the_secular_equation(lam, rng):
    for d in (np.array([3.0]), rng.uniform(0.5, 2, 5), 10 ** rng.uniform(-9, 0, 6)):
        energies = rng.uniform(0, 1, len(d))
        energies *= 4 / energies.sum()
        s = block_norm(energies, d, lam)
        if lam >= 2:
            assert s == 0
        elif lam == 0:
            assert_allclose(s, np.sqrt((energies / d**2).sum()), rtol=1e-13)
        else:
            expected = brentq(lambda s: np.sqrt((energies / (d * s + lam) ** 2).sum()) - 1, 0, 2 / d.min(), rtol=1e-14)  # noqa: B023
            assert_allclose(s, expected, rtol=1e-9)  # what a slope of 1e-9 leaves of rounding


@pytest.mark.parametrize("k", [1, 2, 6, 14])
def test_one_step_is_the_best_block(k, rng):
    """Its gradient vanishes; 14 columns in 10 rows depend on each other."""
    A, R, W = rng.standard_normal((10, k)), rng.standard_normal((10, 3)), rng.standard_normal((k, 3))
    columns = group_columns_of(Design(A))
    blocks = Blocks(columns, np.zeros(k, dtype=int), 1)
    _, _, d, ranks, V, places = blocks.prepared(np.array([0]))
    assert ranks[0] == min(k, 10)
    for lam in (0.1, 3.0, 1000.0):
        new, C = W.copy(), A.T @ R
        change = block_step(new, np.arange(k), C, d[: ranks[0]], V[places[0] :], lam)
        assert_allclose(C, new - W, rtol=0, atol=1e-12)
        left = R - A @ (new - W)
        assert_allclose(change, norm(left - R) ** 2, rtol=1e-8)
        if new.any():
            assert_allclose(A.T @ left, lam * new / norm(new), rtol=0, atol=1e-10)
        else:
            assert norm(A.T @ (R + A @ W)) <= lam
    assert not new.any()


def hessian(A, part, W, kappa):
    """Of half the energy of the residual plus norms with these curvatures, (k t, k t), and the blocks of norm one."""
    sizes = np.array([norm(W[part.owners == i]) for i in range(len(kappa))])
    units = np.where(kappa > 0, 1 / sizes, 0)[part.owners, None] * W
    H = np.kron(A[:, part.columns].T @ A[:, part.columns], np.eye(W.shape[1]))
    for i in range(len(kappa)):
        inside = np.repeat(part.owners == i, W.shape[1])
        H += kappa[i] * (np.diag(inside.astype(float)) - np.outer(units.ravel() * inside, units.ravel() * inside))
    return H, units


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["factorised", "products"])
@pytest.mark.parametrize("t", [1, 3])
def test_newton_directions_solve_the_whole_system(t, method, form, rng, monkeypatch):
    monkeypatch.setattr(group_newton, "_CG_TOL", 1e-12)
    for name in ("_LARGEST", "_SMALL"):
        monkeypatch.setattr(group_columns, name, 0 if method == "products" else 100)
    A, groups = rng.standard_normal((30, 9)), np.array([0, 2, 1, 0, 2, 2, 3, 3, 4])
    A -= A.mean(axis=0)
    columns = group_columns_of(Design(form(A + 1), center=True))
    part = Blocks(columns, groups, 5).part(np.array([0, 2, 3, 4]))
    right, kappa = rng.standard_normal((8, t)), rng.uniform(0.1, 9, 4)
    kappa[2] = 0
    H, units = hessian(A, part, rng.standard_normal((8, t)), kappa)
    expected = np.linalg.solve(H, right.ravel()).reshape(8, t)
    direction = group_newton.newton_direction(columns, part, right, units, kappa)
    assert_allclose(direction, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("t", [1, 3])
def test_newton_directions_where_columns_are_equal(t, form, rng):
    """Two equal columns without a penalty, of which no rounding hides that there is no Cholesky factor."""
    A = np.zeros((9, 5))
    A[0, :2], A[1:, 2:] = 2, rng.standard_normal((8, 3))
    columns = group_columns_of(Design(form(A)))
    part, kappa = Blocks(columns, np.array([0, 1, 2, 2, 3]), 4).everything, np.array([0, 0, 3.0, 5.0])
    H, units = hessian(A, part, rng.standard_normal((5, t)), kappa)
    right = (H @ rng.standard_normal(5 * t)).reshape(5, t)
    direction = group_newton.newton_direction(columns, part, right, units, kappa)
    # a ridge of 1e-10
    assert_allclose(H @ direction.ravel(), right.ravel(), rtol=0, atol=1e-8 * np.abs(right).max())


def test_bounds_of_groups_are_spectral_norms_after_use(rng):
    A, groups = rng.standard_normal((20, 9)), np.array([0, 2, 1, -1, 2, 2, 1, 0, 0])
    blocks = Blocks(group_columns_of(Design(A)), groups, 3)
    assert_allclose(blocks.bounds, [norm(A[:, groups == g]) ** 2 for g in range(3)], rtol=1e-12)
    blocks.prepared(np.array([0, 2]))
    expected = [norm(A[:, groups == g], 2 if g != 1 else None) ** 2 for g in range(3)]
    assert_allclose(blocks.bounds, expected, rtol=1e-12)

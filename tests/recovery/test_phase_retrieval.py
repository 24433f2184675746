"""SparsePhaseRetrieval against the formulas written out in NumPy, planted signals and its own promises."""

import pickle
import re
import tracemalloc
import warnings
from itertools import pairwise

import numpy as np
import pytest
from numpy.linalg import norm
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from sparsekit import SparsePhaseRetrieval
from sparsekit.recovery.phase_problem import MatrixMeasurements
from sparsekit.recovery.phase_search import Search
from tests.naive import phase as naive
from tests.naive.design import KINDS

FIELDS = [False, True]
# several steps of least squares with kappa < 100 and of sums over less than 1000 terms, each to some 10 roundings
ROUNDING = 1e-10

each_field = pytest.mark.parametrize("is_complex", FIELDS, ids=["real", "complex"])
each_solver = pytest.mark.parametrize("solver", naive.SOLVERS)
each_measurement = pytest.mark.parametrize("measurement", ["magnitude", "intensity"])


def fitted(X, y, s=None, **options):
    """A fit that may stop early."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SparsePhaseRetrieval(s, **options).fit(X, y)


def aligned(x):
    """The sign convention: the largest coefficient is real and positive."""
    return x * naive.phase(x[np.argmax(np.abs(x))]).conj()


def perturbed(rng, x, part, s=None):
    """A start at that relative distance from x, every fifth of the s indices wrong."""
    S = np.flatnonzero(x)
    is_complex = np.iscomplexobj(x)
    start = x.copy()
    start[S] += part * norm(x) / np.sqrt(len(S)) * naive.normal(rng, len(S), is_complex)
    for old in S[::5]:
        new = rng.choice(np.flatnonzero(start == 0))
        start[old], start[new] = 0, start[old]
    return start


def random_start(rng, z, n, s, is_complex):
    x = naive.planted(rng, n, s, is_complex)
    return x * np.sqrt(np.mean(z**2)) / norm(x)


# ---- the twins themselves


def derivative(f, x, direction, h=1e-5):
    return (f(x + h * direction) - f(x - h * direction)) / (2 * h)


def test_the_naive_system_holds_the_derivatives_of_the_intensity_loss(rng):
    """H and rhs by central differences: h^2 times third derivatives, and rounding / h, are below 1e-6."""
    A, x, z = naive.gaussian_problem(rng, 40, 12, 4)
    x, S, b = x + naive.planted(rng, 12, 3), np.array([0, 3, 7, 8]), None
    y, J = z**2, np.setdiff1d(np.flatnonzero(x), S)
    assert len(J) >= 1
    b = A @ x
    H, rhs = naive.system(A, y, x, S, 3 * b**2 - y)

    def gradient(v):
        return np.array([derivative(lambda u: naive.loss(A, y, u), v, e) for e in np.eye(12)])

    hessian = np.array([derivative(gradient, x, e, h=1e-3) for e in np.eye(12)])
    assert_allclose(H, hessian[np.ix_(S, S)], rtol=0, atol=1e-5 * np.abs(H).max())
    expected = hessian[np.ix_(S, J)] @ x[J] - gradient(x)[S]
    assert_allclose(rhs, expected, rtol=0, atol=1e-5 * max(np.abs(expected).max(), np.abs(H).max()))


def test_the_naive_gauss_newton_step_is_that_of_its_normal_equations(rng):
    """Least squares equal H with w = 2 b^2 for real x; real data give complex arithmetic nothing to add."""
    A, x, z = naive.gaussian_problem(rng, 40, 12, 4)
    x = perturbed(rng, x, 0.3)
    S, b = naive.support(A, z, x, 4), A @ x
    H, rhs = naive.system(A, z**2, x, S, 2 * b**2)
    expected = naive.gauss_newton_step(A, z, x, S)
    assert_allclose(x[S] + np.linalg.solve(H, rhs), expected[S], rtol=0, atol=ROUNDING * norm(x))
    assert_allclose(naive.gauss_newton_step(A + 0j, z, x + 0j, S), expected, rtol=0, atol=ROUNDING * norm(x))


@each_field
@each_solver
def test_the_naive_solvers_find_planted_signals(rng, solver, is_complex):
    for _ in range(3):
        A, x, z = naive.gaussian_problem(rng, 150, 50, 3, is_complex)
        n_iter = {"newton": 30, "htp": 150, "copram": 150}.get(solver, 1500)
        found, path = naive.run(A, z, x * (1 + 0.2 * naive.normal(rng, 50, is_complex)), 3, solver, n_iter)
        assert naive.relative_error(found, x) <= 1e-8  # the linear rates reach it in half of the iterations
        assert path[0] > 0.01 and path.min() <= 1e-8


def test_the_masked_dft_and_its_operator_are_one(rng):
    A, operator = naive.masked_dft(rng, 50, 20)
    x, r = naive.normal(rng, 20, is_complex=True), naive.normal(rng, 50, is_complex=True)
    assert_allclose(np.abs(A), 1, rtol=1e-13)
    assert_allclose(operator @ x, A @ x, rtol=0, atol=1e-12)  # 20 terms of size 1
    assert_allclose(operator.rmatvec(r), A.conj().T @ r, rtol=0, atol=1e-12)


# ---- iterations


def assert_follows(model, A, z, x0, s, solver, n_iter, factor=1.0):
    """The model, fitted to factor * A, went the way of the twin; -> how many iterations lowered the residual."""
    best, path = naive.run(A, z, x0, s, solver, n_iter)
    k = model.n_iter_
    assert 1 <= k <= n_iter and model.residual_path_.shape == (k + 1,)
    assert_allclose(model.residual_path_, path[: k + 1], rtol=0, atol=ROUNDING)
    assert_allclose(model.residual_, path.min(), rtol=0, atol=ROUNDING)
    assert_allclose(model.coef_ * factor, aligned(best), rtol=0, atol=10 * ROUNDING * norm(best))
    return np.argmin(path)


@each_field
@each_solver
@pytest.mark.parametrize("n_iter", [1, 5])
@pytest.mark.parametrize("start", ["near", "far", "small"])
def test_iterations_equal_the_formulas(rng, start, n_iter, solver, is_complex):
    """From 20 % off, from nowhere, and from where the intensities curve downwards."""
    lowered = 0
    for _ in range(8):
        A, x, z = naive.gaussian_problem(rng, 60, 30, 5, is_complex)
        x0 = perturbed(rng, x, 0.2) if start == "near" else random_start(rng, z, 30, 5, is_complex)
        x0 = 0.1 * x0 if start == "small" else x0
        options = {"solver": solver, "n_starts": 1, "max_iter": n_iter, "tol": 0.0}
        model = fitted(3 * A, z, 5, init=x0 / 3, **options)
        lowered += assert_follows(model, A, z, x0, 5, solver, n_iter, factor=3) > 0
    assert lowered >= 1


def support_is_clear(A, z, x, s):
    """Whether a third more or less of a gradient step chooses the same indices."""
    fewer, more = naive.support(A, z, x, s, 0.95 / 1.3), naive.support(A, z, x, s, 0.95 * 1.3)
    return np.array_equal(fewer, more) and np.array_equal(fewer, naive.support(A, z, x, s))


@pytest.mark.parametrize("kind", KINDS)
@each_field
def test_iterations_on_every_form_of_the_matrix(rng, is_complex, kind):
    """An operator takes Gauss-Newton steps by LSMR, and the unit of its entries is an estimate."""
    lowered = n_clear = 0
    while n_clear < 4:
        A, x, z = naive.gaussian_problem(rng, 70, 30, 5, is_complex)
        A = A * (rng.random(A.shape) < 0.5)
        A = A / naive.scale(A)
        z = np.abs(A @ x)
        x0 = perturbed(rng, x, 0.1)
        if not all(support_is_clear(A, z, x, 5) for x in (x0, naive.gauss_newton(A, z, x0, 5))):
            continue
        n_clear += 1
        model = fitted(KINDS[kind](A), z, 5, init=x0, n_starts=1, max_iter=2, tol=0.0, random_state=0)
        solver, close = ("gauss_newton", 1e-8) if kind == "operator" else ("newton", ROUNDING)
        best, path = naive.run(A, z, x0, 5, solver, 2)
        assert_allclose(model.residual_path_, path[: model.n_iter_ + 1], rtol=0, atol=close)
        assert_allclose(model.coef_, aligned(best), rtol=0, atol=10 * close * norm(x))
        lowered += path[2] < path[1] < path[0]
    assert lowered >= 1


def branch(A, z, x, s):
    """Which way a real Newton iteration goes."""
    S, b = naive.support(A, z, x, s), A @ x
    H, _ = naive.system(A, z**2, x, S, 3 * b**2 - z**2)
    definite = np.linalg.eigvalsh(H).min() > 0
    step = naive.newton_step(A, z, x, S)
    worse = naive.residual(A, z, step) > naive.residual(A, z, x)
    refit = worse and naive.residual(A, z, naive.newton(A, z, x, s)) < naive.residual(A, z, step)
    return definite, worse, refit


def test_every_branch_of_the_newton_iteration(rng):
    """Definite or not, worse than the start or not, the fit to the present signs better than the step or not."""
    seen = {}
    for trial in range(120):
        A, _, z = naive.gaussian_problem(rng, 30, 15, 4)
        x0 = random_start(rng, z, 15, 4, is_complex=False) * (0.3, 0.7, 1.0)[trial % 3]
        way = branch(A, z, x0, 4)
        if seen.setdefault(way, 0) < 4:
            model = fitted(A, z, 4, init=x0, n_starts=1, max_iter=1, tol=0.0)
            assert_follows(model, A, z, x0, 4, "newton", 1)
            seen[way] += 1
    # worse yet kept (True, True, False) and (False, True, False) are rare, and the answer is then the start
    assert {(True, False, False), (False, False, False), (True, True, True), (False, True, True)} <= set(seen)


@each_field
def test_gauss_newton_of_a_singular_problem_has_minimal_norm(rng, is_complex):
    """Equal columns share their coefficient: any other division of it is longer."""
    A, x, z = naive.gaussian_problem(rng, 60, 6, 3, is_complex)
    S = np.flatnonzero(x)
    A = np.hstack([A[:, S], A[:, S[:1]]])
    A = A / naive.scale(A)
    z = np.abs(A @ np.r_[x[S], 0])
    x0 = np.r_[1.02 * x[S], 0] * (0.3 if not is_complex else 1)  # real: 3 b^2 < y nearly everywhere
    assert not branch(A, z, x0, 4)[0] or is_complex
    best, path = naive.run(A, z, x0, 4, "gauss_newton", 1)
    if path[1] > path[0]:
        pytest.fail("the instance shows nothing: choose another start")
    model = fitted(A, z, 4, init=x0, n_starts=1, max_iter=1, tol=0.0)
    assert_allclose(model.coef_, aligned(best), rtol=0, atol=10 * ROUNDING * norm(best))


# ---- starts


@each_field
@each_solver
@pytest.mark.parametrize("init", ["spectral", "anchored"])
def test_the_first_start(rng, init, solver, is_complex):
    for _ in range(4):
        # thwf: so many measurements that columns stand out of the threshold
        m = 400 if solver == "thwf" else 60
        A, x, z = naive.gaussian_problem(rng, m, 30, 3, is_complex)
        x0 = naive.anchored_start(A, z, 3) if init == "anchored" else naive.spectral_start(A, z, 3, solver)
        assert naive.relative_error(x0, x) < 1.5
        model = fitted(5 * A, z, 3, solver=solver, init=init, n_starts=1, max_iter=1, tol=0.0)
        assert_follows(model, A, z, x0, 3, solver, 1, factor=5)
        assert model.start_ == 0


@each_field
@pytest.mark.parametrize("solver", ["newton", "htp"])
@pytest.mark.parametrize("init", ["spectral", "anchored", "array"])
def test_the_best_of_several_starts(rng, init, solver, is_complex):
    """All of them in this order, none being accepted: too few measurements, and too few iterations."""
    chosen = set()
    for _ in range(20):
        A, _, z = naive.gaussian_problem(rng, 60, 80, 12, is_complex)
        given = random_start(rng, z, 80, 12, is_complex)
        first = {"spectral": [naive.spectral_start(A, z, 12)], "anchored": [], "array": [given]}[init]
        starts = first + [naive.anchored_start(A, z, 12, k) for k in range(4 - len(first))]
        runs = [naive.run(A, z, x0, 12, solver, 2) for x0 in starts]
        lowest = [path.min() for _, path in runs]
        k = np.argmin(lowest)
        init_ = given / 2 if init == "array" else init
        model = fitted(2 * A, z, 12, solver=solver, init=init_, n_starts=4, max_iter=2, tol=0.0)
        assert not model.converged_
        if model.start_ == 4:  # cut from an answer for 24
            assert model.residual_ < lowest[k]
            continue
        assert model.start_ == k
        assert_allclose(model.residual_, lowest[k], rtol=0, atol=ROUNDING)
        assert_allclose(2 * model.coef_, aligned(runs[k][0]), rtol=0, atol=10 * ROUNDING * norm(given))
        chosen.add(k)
    assert len(chosen) >= 3


def one_magnitude_problem(rng, kind, m, n, s):
    if kind == "masks":
        A, _, x, z = naive.masked_dft_problem(rng, m, n, s)
        return A, x, z
    A, x = rng.choice([-1.0, 1.0], (m, n)), naive.planted(rng, n, s)
    return A, x, np.abs(A @ x)


@pytest.mark.parametrize("kind", ["masks", "signs"])
def test_anchors_where_all_entries_have_one_magnitude(rng, kind):
    """The ranking is that of an eigenvector, found by iteration: the same indices, whatever its last digits."""
    for _ in range(4):
        A, _, z = one_magnitude_problem(rng, kind, 400, 16, 3)
        x0 = naive.anchored_start(A, z, 3, flat=True)
        model = fitted(A, z, 3, init="anchored", n_starts=1, max_iter=1, tol=0.0, random_state=0)
        assert_follows(model, A, z, x0, 3, "newton", 1)


@pytest.mark.parametrize("kind", ["masks", "signs"])
def test_spectral_start_where_all_entries_have_one_magnitude(rng, kind):
    """The first start alone finds what energies, all equal, cannot: 6 of 6 when measured, by guessing 1 in 560."""
    found = 0
    for _ in range(6):
        A, x, z = one_magnitude_problem(rng, kind, 400, 16, 3)
        model = fitted(A, z, 3, n_starts=1, random_state=0)
        found += naive.relative_error(model.coef_, x) < 1e-6
    assert found >= 3


# ---- recovery

FORMS = ["float64", "complex128", "csr_array", "csc_matrix", "operator", "complex operator", "float32", "complex64"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("solver", ["newton", "htp"])
def test_exact_recovery(rng, solver, form):
    is_complex = "complex" in form
    single = form in {"float32", "complex64"}
    for _ in range(3):
        A, x, z = naive.gaussian_problem(rng, 160, 100, 5, is_complex)
        if form in KINDS and form != "operator":
            A = A * (rng.random(A.shape) < 0.3)
            z = np.abs(A @ x)
        X = KINDS[form](A) if form in KINDS else aslinearoperator(A) if "operator" in form else A.astype(form)
        z = z.astype(np.float32) if single else z
        model = SparsePhaseRetrieval(5, solver=solver, max_iter=1000, n_starts=20, random_state=0).fit(X, z)
        assert model.converged_
        assert model.coef_.dtype == (form if single else np.result_type(A))
        # the residual is below the goal of 1e-10 (8 eps), and ||A_S d|| >= 0.3 sqrt(m) ||d|| for 160 x 5; rounded data
        tolerance = 100 * np.finfo(np.float32).eps if single else 1e-9
        assert norm(model.coef_ - x) <= tolerance * norm(x)
        assert_array_equal(model.coef_ != 0, x != 0)
        assert model.n_nonzero_coefs_ == 5 and model.n_features_in_ == 100
        assert 0 <= model.residual_ <= max(1e-10, 8 * np.finfo(z.dtype).eps)


@each_field
@pytest.mark.parametrize("solver", ["sparta", "copram", "thwf"])
def test_the_other_solvers_recover_as_well(rng, solver, is_complex):
    for _ in range(3):
        A, x, z = naive.gaussian_problem(rng, 250, 60, 3, is_complex)
        model = SparsePhaseRetrieval(3, solver=solver, max_iter=2000, init="anchored").fit(A, z)
        assert model.converged_
        assert norm(model.coef_ - x) <= 1e-9 * norm(x)  # as above
        assert model.n_nonzero_coefs_ == 3


@pytest.mark.parametrize("as_operator", [False, True])
def test_recovery_from_masked_dft(rng, as_operator):
    for _ in range(3):
        A, operator, x, z = naive.masked_dft_problem(rng, 320, 64, 4)
        model = SparsePhaseRetrieval(4, n_starts=20, random_state=0).fit(operator if as_operator else A, z)
        assert model.converged_
        assert norm(model.coef_ - x) <= 1e-9 * norm(x)  # as above
        assert_allclose(model.predict(operator), z, rtol=0, atol=1e-8 * z.max())


@each_field
def test_intensities_are_squared_magnitudes(rng, is_complex):
    for m, s in ((120, 4), (40, 8)):  # found and not found
        A, x, z = naive.gaussian_problem(rng, m, 60, s, is_complex)
        one = fitted(A, z, s, max_iter=5)
        other = fitted(A, z**2, s, max_iter=5, measurement="intensity")
        assert one.converged_ == other.converged_
        assert (one.start_, one.n_iter_) == (other.start_, other.n_iter_)
        assert_allclose(other.coef_, one.coef_, rtol=0, atol=10 * ROUNDING * norm(x))
        assert_allclose(other.residual_path_, one.residual_path_, rtol=0, atol=ROUNDING)
        assert_allclose(one.predict(A), np.abs(A @ one.coef_), rtol=1e-12)
        assert_allclose(other.predict(A), np.abs(A @ other.coef_) ** 2, rtol=1e-12)


@each_field
@each_measurement
def test_what_a_selector_and_regressor_offers(rng, measurement, is_complex):
    A, x, z = naive.gaussian_problem(rng, 120, 40, 3, is_complex)
    y = z if measurement == "magnitude" else z**2
    model = SparsePhaseRetrieval(3, measurement=measurement).fit(A, y)
    assert_array_equal(model.get_support(), x != 0)
    assert_array_equal(model.transform(A), A[:, x != 0])
    assert_allclose(model.score(A, y), 1, rtol=0, atol=1e-14)  # the square of the residual
    fresh = naive.normal(rng, (7, 40), is_complex)
    expected = np.abs(fresh @ x) if measurement == "magnitude" else np.abs(fresh @ x) ** 2
    for kind in KINDS.values():
        assert_allclose(model.predict(kind(fresh)), expected, rtol=0, atol=1e-8 * expected.max())
    assert model.predict(fresh).dtype == np.float64


@each_field
@each_solver
def test_the_largest_coefficient_is_real_and_positive(rng, solver, is_complex):
    """Whatever the start, and for answers that explain nothing as well."""
    turned = 0
    for m in (20, 20, 100, 100):
        A, _, z = naive.gaussian_problem(rng, m, 30, 3, is_complex)
        x0 = random_start(rng, z, 30, 3, is_complex) * (-1j if is_complex else -1)
        model = fitted(A, z, 3, solver=solver, init=x0, n_starts=1, max_iter=3)
        top = model.coef_[np.argmax(np.abs(model.coef_))]
        assert top.real > 0
        assert abs(top.imag) <= 4 * np.finfo(float).eps * top.real  # one product and one division
        best, _ = naive.run(A, z, x0, 3, solver, 3)
        turned += naive.phase(best[np.argmax(np.abs(best))]).real < 0.99
        assert model.coef_.dtype == A.dtype
    assert turned >= 1


@each_field
@pytest.mark.parametrize("solver", ["newton", "htp"])
def test_the_phases_of_the_rows_do_not_matter(rng, solver, is_complex):
    A, x, z = naive.gaussian_problem(rng, 100, 50, 4, is_complex)
    turned = naive.phase(naive.normal(rng, 100, is_complex))[:, None] * A
    options = {"solver": solver, "max_iter": 3, "n_starts": 2}
    one, other = fitted(A, z, 4, **options), fitted(turned, z, 4, **options)
    assert_allclose(other.coef_, one.coef_, rtol=0, atol=10 * ROUNDING * norm(x))
    order = rng.permutation(50)
    other = fitted(A[:, order], z, 4, **options)
    assert_allclose(other.coef_, one.coef_[order], rtol=0, atol=10 * ROUNDING * norm(x))


@each_field
def test_the_tail_is_quadratic(rng, is_complex):
    """Newton and Gauss-Newton without a remaining residual: the error is squared from step to step."""
    squared = 0
    for _ in range(5):
        A, x, z = naive.gaussian_problem(rng, 200, 100, 5, is_complex)
        x0 = x * (1 + 0.3 * naive.normal(rng, 100, is_complex))
        errors = [naive.relative_error(x0, x)]
        for k in range(1, 9):
            model = fitted(A, z, 5, init=x0, n_starts=1, max_iter=k, tol=0.0)
            errors.append(naive.relative_error(model.coef_, x))
        assert errors[-1] <= 1e-14
        for before, after in pairwise(errors):
            if 1e-7 < before < 0.03:  # below, rounding (1e-15) outweighs the square
                # relative Taylor remainder of b^2, 3/2 d^2 in the mean, weighted by heavy tails of b: below 30
                assert after <= 30 * before**2 + 1e-15
                squared += 1
    assert squared >= 5


@pytest.mark.parametrize("exponent", [-500, -30, 30, 500])
@each_field
@each_measurement
def test_scales(rng, measurement, is_complex, exponent):
    """X or y times a power of two: nothing is rounded differently."""
    A, _, z = naive.gaussian_problem(rng, 100, 60, 4, is_complex)
    root = 1 if measurement == "magnitude" else 2
    y = z**root
    for options in ({}, {"max_iter": 2, "n_starts": 2}):
        one = fitted(A, y, 4, measurement=measurement, **options)
        for e, f in ((exponent, 0), (0, exponent), (exponent, exponent)):
            other = fitted(np.ldexp(1.0, e) * A, np.ldexp(1.0, f * root) * y, 4, measurement=measurement, **options)
            assert other.converged_ == one.converged_ and other.start_ == one.start_
            # an answer at the goal of 1e-10, where an order of summation may differ
            assert_allclose(np.ldexp(1.0, e - f) * other.coef_, one.coef_, rtol=0, atol=1e-10 * norm(one.coef_))
            assert_allclose(other.residual_path_, one.residual_path_, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("solver", ["newton", "htp", "copram"])
def test_complex_arithmetic_on_real_data_gives_the_real_answer(rng, solver):
    for _ in range(3):
        A, x, z = naive.gaussian_problem(rng, 150, 60, 4)
        options = {"solver": solver, "n_starts": 10, "max_iter": 300, "tol": 0.0}
        real, cast = fitted(A, z, 4, **options), fitted(A + 0j, z, 4, **options)
        assert real.converged_ and cast.converged_
        assert real.coef_.dtype == np.float64 and cast.coef_.dtype == np.complex128
        assert norm(real.coef_ - x) <= 1e-12 * norm(x)  # tol = 0: rounding, kappa < 10
        assert norm(cast.coef_ - real.coef_) <= 1e-10 * norm(x)


# ---- what the residuals tell


@each_field
@each_solver
@pytest.mark.parametrize("m", [40, 150])
def test_the_path_of_residuals(rng, solver, is_complex, m):
    A, _, z = naive.gaussian_problem(rng, m, 60, 4, is_complex)
    model = fitted(A, z, 4, solver=solver, max_iter=60, n_starts=3, init="anchored")
    path = model.residual_path_
    assert isinstance(model.residual_, float) and isinstance(model.n_iter_, int)
    assert isinstance(model.start_, int) and isinstance(model.n_products_, int)
    assert path.shape == (model.n_iter_ + 1,)
    assert model.residual_ == path.min()
    assert_allclose(model.residual_, naive.residual(A, z, model.coef_), rtol=1e-10, atol=1e-14)  # 100 roundings
    if model.start_ < 3:  # else cut from an answer for 8
        x0 = naive.anchored_start(A, z, 4, model.start_)
        assert_allclose(path[0], naive.residual(A, z, x0), rtol=0, atol=ROUNDING)
    # why it ended: exact, at the end, 15 iterations without progress, or at rest
    exact, last, stalled = model.residual_ <= 1e-10, model.n_iter_ == 60, model.n_iter_ == np.argmin(path) + 15
    if solver in {"newton", "htp", "copram"}:  # the others creep, and their patience is their own
        assert exact or last or stalled or abs(path[-1] - path[-2]) <= ROUNDING
        assert model.n_iter_ <= np.argmin(path) + 15
    assert model.start_ <= 3 and model.n_products_ >= model.n_iter_


def counting(A):
    """A as an operator, and the list to which it adds one for every product."""
    calls = []

    def forward(x):
        calls.append(1)
        return A @ x

    def adjoint(r):
        calls.append(1)
        return A.conj().T @ r

    return LinearOperator(A.shape, matvec=forward, rmatvec=adjoint, dtype=A.dtype), calls


@each_field
@pytest.mark.parametrize("solver", ["newton", "htp", "sparta", "thwf"])
def test_products_are_counted(rng, solver, is_complex):
    A, _, z = naive.gaussian_problem(rng, 150, 40, 3, is_complex)
    operator, calls = counting(A)
    model = fitted(operator, z, 3, solver=solver, random_state=0)
    # one probe for NaN, and as much again for what leads to no iteration
    assert abs(len(calls) - model.n_products_) <= 2


@each_field
def test_products_of_all_starts_are_counted(rng, is_complex):
    A, _, z = naive.gaussian_problem(rng, 40, 60, 10, is_complex)
    products = [fitted(A, z, 10, n_starts=k, max_iter=5, tol=0.0).n_products_ for k in (1, 2, 4)]
    assert products[1] >= products[0] + 5  # one product an iteration is the least
    assert products[2] >= products[1] + 10


@each_field
def test_more_starts_find_more(rng, is_complex):
    """And the residual tells which to take."""
    m, trials = (60, 12) if is_complex else (50, 12)
    found = {1: 0, 12: 0}
    later = 0
    for _ in range(trials):
        A, x, z = naive.gaussian_problem(rng, m, 60, 5, is_complex)
        for n_starts in found:
            model = fitted(A, z, 5, n_starts=n_starts)
            good = norm(model.coef_ - x) <= 1e-8 * norm(x)
            assert model.converged_ == good
            found[n_starts] += good
            later += good and model.start_ > 0
            assert model.start_ <= n_starts
    assert found[12] >= found[1] + 2
    assert later >= 2


@each_field
def test_no_start_is_tried_after_one_that_is_accepted(rng, is_complex):
    later = 0
    for _ in range(8):
        A, _, z = naive.gaussian_problem(rng, 90 if is_complex else 60, 60, 5, is_complex)
        many = fitted(A, z, 5, n_starts=20)
        assert many.converged_
        few = fitted(A, z, 5, n_starts=many.start_ + 1)
        assert few.n_products_ == many.n_products_
        assert_array_equal(few.coef_, many.coef_)
        later += many.start_ > 0
    assert later >= 1


@each_field
@pytest.mark.parametrize("solver", ["newton", "htp", "sparta"])
def test_iterations_end_at_the_tolerance(rng, solver, is_complex):
    A, x, z = naive.gaussian_problem(rng, 200, 60, 4, is_complex)
    x0 = x * (1 + 0.2 * naive.normal(rng, 60, is_complex))
    for tol in (1e-2, 1e-6):
        model = SparsePhaseRetrieval(4, solver=solver, init=x0, n_starts=1, tol=tol, max_iter=1000).fit(A, z)
        path = model.residual_path_
        assert path[-1] <= tol < path[:-1].min()
        assert model.converged_ and model.residual_ == path[-1]


REGIMES = {"easy": (120, 60, 4), "hard": (100, 200, 10), "impossible": (30, 60, 16)}


@pytest.mark.parametrize("solver", ["newton", "htp"])
@pytest.mark.parametrize("regime", REGIMES)
@each_field
def test_converged_means_found(rng, is_complex, regime, solver):
    m, n, s = REGIMES[regime]
    m += m // 2 if is_complex and regime != "impossible" else 0
    converged = 0
    for _ in range(12):
        A, x, z = naive.gaussian_problem(rng, m, n, s, is_complex)
        model = fitted(A, z, s, solver=solver, max_iter=200)
        assert not model.converged_ or norm(model.coef_ - x) <= 1e-3 * norm(x)
        converged += model.converged_
    if regime == "easy":
        assert converged == 12
    elif regime == "impossible":
        assert converged == 0
    elif solver == "newton":
        assert converged >= 1  # four to five of ten


@pytest.mark.parametrize("s", [3, 4])
def test_converged_means_found_where_all_entries_have_one_magnitude(rng, s):
    """A single coefficient explains the mean of z there: a residual of 0.2 means little."""
    for _ in range(12):
        A, operator, x, z = naive.masked_dft_problem(rng, 192, 64, s)
        for X in (A, operator):
            model = fitted(X, z, s, random_state=0)
            assert not model.converged_ or norm(model.coef_ - x) <= 1e-3 * norm(x)


@pytest.mark.parametrize("form", ["masks", "Gaussian", "Gaussian operator"])
def test_constant_magnitudes(rng, form):
    """Their deviations from the mean weight every start by zero."""
    A = naive.masked_dft(rng, 80, 20)[0] if form == "masks" else naive.normal(rng, (80, 20))
    X = aslinearoperator(A) if "operator" in form else A
    for init in ("spectral", "anchored"):
        model = fitted(X, np.full(80, 2.0), 1, init=init, random_state=0, max_iter=5)
        assert np.isfinite(model.coef_).all()
        assert_allclose(model.residual_, naive.residual(A, np.full(80, 2.0), model.coef_), rtol=0, atol=ROUNDING)
        assert model.residual_ <= 1  # not more than that of nothing


@pytest.mark.parametrize("size", [(100, 200, 10), (40, 80, 8), (60, 20, 4)])
@each_field
def test_measurements_of_nothing_are_not_accepted(rng, is_complex, size):
    m, n, s = size
    for _ in range(6):
        A, z = naive.normal(rng, (m, n), is_complex), np.abs(naive.normal(rng, m, is_complex))
        with pytest.warns(ConvergenceWarning):
            model = SparsePhaseRetrieval(s, max_iter=50).fit(A, z)
        assert model.converged_ is False
        assert model.residual_ > 0.01


@each_field
def test_fewer_measurements_than_determine_a_vector_are_never_accepted(rng, is_complex):
    """Started at the truth: m = 2 s - 1 against 2 s, complex 4 s - 3 against 4 s - 2."""
    s = 5
    enough = 4 * s - 2 if is_complex else 2 * s
    for m in (enough - 1, enough):
        A, x, z = naive.gaussian_problem(rng, m, 30, s, is_complex)
        model = fitted(A, z, s, init=x, n_starts=1)
        assert model.converged_ is (m == enough)
        assert model.residual_ <= 1e-10
        assert norm(model.coef_ - x) <= 1e-8 * norm(x)


def test_the_warning_of_a_fit_that_is_not_accepted(rng):
    A, _, z = naive.gaussian_problem(rng, 30, 60, 16)
    with pytest.warns(ConvergenceWarning, match="n_starts|max_iter|n_samples|measurements"):
        SparsePhaseRetrieval(16).fit(A, z)


def test_zero_measurements(rng):
    """Warnings are errors here."""
    A = naive.normal(rng, (30, 20))
    for X, s in ((A, 3), (A + 0j, 3), (A, None), (aslinearoperator(A), 3)):
        for solver in ("newton", "thwf"):
            model = SparsePhaseRetrieval(s, solver=solver).fit(X, np.zeros(30))
            assert_array_equal(model.coef_, np.zeros(20))
            assert model.converged_ is True and model.residual_ == 0
            assert model.coef_.dtype == X.dtype
            assert_array_equal(model.predict(A), np.zeros(30))


# ---- noise


def known_signs(A, z, x):
    """The error of whoever knows the support and, nearly, the phases: least squares linearised at the truth."""
    S = np.flatnonzero(x)
    B = naive.phase(A @ x).conj()[:, None] * A[:, S]
    B = np.hstack([B.real, -B.imag]) if np.iscomplexobj(A) else B
    return norm(np.linalg.lstsq(B, z - np.abs(A @ x), rcond=None)[0])


@each_field
@pytest.mark.parametrize("solver", ["newton", "htp"])
def test_the_error_is_proportional_to_the_noise(rng, solver, is_complex):
    """Newton weights residuals by b^2: its variance is at most three times (E b^4 = 3) that of least squares."""
    medians = []
    for noise in (1e-4, 1e-3, 1e-2):
        ratios, errors = [], []
        for _ in range(5):
            A, x, z = naive.gaussian_problem(rng, 250, 100, 5, is_complex)
            e = rng.standard_normal(250)
            y = np.maximum(z + noise * norm(z) * e / norm(e), 0)
            model = fitted(A, y, 5, solver=solver, n_starts=10, max_iter=300)
            assert model.converged_
            assert_array_equal(model.coef_ != 0, x != 0)
            errors.append(naive.relative_error(model.coef_, x))
            ratios.append(errors[-1] * norm(x) / known_signs(A, y, x))
            assert_allclose(model.residual_, noise, rtol=0.2)  # less 5 (10) of 250 dimensions
        assert np.median(ratios) <= np.sqrt(3)
        medians.append(np.median(errors) / noise)
    assert max(medians) <= 3 * min(medians)  # five draws each: a few ten percent either way


@each_field
def test_an_unknown_number_of_coefficients(rng, is_complex):
    for s in (1, 2, 3, 6):
        A, x, z = naive.gaussian_problem(rng, 240, 60, s, is_complex)
        model = SparsePhaseRetrieval(n_starts=10).fit(A, z)
        assert model.converged_
        assert model.n_nonzero_coefs_ == s
        assert norm(model.coef_ - x) <= 1e-9 * norm(x)  # as in exact recovery


@pytest.mark.slow
@each_field
def test_an_unknown_number_of_coefficients_beside_noise(rng, is_complex):
    """All coefficients stand out of the noise by ten deviations; one more of 54 is rarely worth its parameters.

    A real coefficient that fits noise gains a chi-square of one degree of freedom, a complex one of two. At a price of
    log(240) + log(60) a degree, or half of the second term, P(the best of 54 gains more) is below 0.11 and 0.03.
    """
    larger = 0
    for _ in range(12):
        A, x, z = naive.gaussian_problem(rng, 240, 60, 6, is_complex)
        e = rng.standard_normal(240)
        y = np.maximum(z + 0.01 * norm(z) * e / norm(e), 0)
        model = SparsePhaseRetrieval(n_starts=10).fit(A, y)
        assert model.converged_
        assert (model.coef_ != 0)[x != 0].all()
        # 12 of 240 dimensions of the noise, times sqrt(3) of Newton's weights: 0.004
        assert naive.relative_error(model.coef_, x) <= 0.01
        larger += model.n_nonzero_coefs_ > 6
    assert larger <= 4  # twelve draws at 0.11: exceeded with probability 0.006


def test_a_number_that_is_given_is_kept(rng):
    A, x, z = naive.gaussian_problem(rng, 150, 40, 3)
    model = SparsePhaseRetrieval(6).fit(A, z)
    assert model.n_nonzero_coefs_ == 6
    assert model.converged_
    assert norm(model.coef_ - x) <= 1e-9 * norm(x)  # the goal of 1e-10, as in exact recovery


# ---- life among others


@pytest.mark.parametrize("form", ["dense", "masks", "operator"])
def test_the_same_random_state_gives_the_same_answer(rng, form):
    A, operator, _, z = naive.masked_dft_problem(rng, 80, 32, 4)
    X = {"dense": A * rng.uniform(0.5, 1, A.shape), "masks": A, "operator": operator}[form]
    answers = [fitted(X, z, 4, random_state=7, max_iter=4) for _ in range(2)]
    assert_array_equal(answers[1].coef_, answers[0].coef_)
    assert_array_equal(answers[1].residual_path_, answers[0].residual_path_)
    assert answers[1].n_products_ == answers[0].n_products_


@pytest.mark.parametrize("generator", [np.random.RandomState, np.random.default_rng])
def test_random_states_that_the_package_takes_elsewhere(rng, generator):
    """What core.rng.key_from takes; the same seed, the same answer."""
    _, operator, _, z = naive.masked_dft_problem(rng, 80, 32, 4)
    one, other = (fitted(operator, z, 4, random_state=generator(3), max_iter=2) for _ in range(2))
    assert_array_equal(other.coef_, one.coef_)


def test_clone_and_pickle(rng):
    A, x, z = naive.gaussian_problem(rng, 100, 40, 3)
    model = SparsePhaseRetrieval(3, solver="htp", init=x + 0.1, n_starts=2, max_iter=30, random_state=1)
    with pytest.raises(NotFittedError):
        model.predict(A)
    model.fit(A, z)
    again = clone(model)
    assert not hasattr(again, "coef_")
    assert again.get_params().keys() == model.get_params().keys() and again.solver == "htp"
    assert_array_equal(again.fit(A, z).coef_, model.coef_)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(A), model.predict(A))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two of the candidates are too small
def test_in_a_pipeline_with_a_grid_search(rng):
    A, x, z = naive.gaussian_problem(rng, 150, 30, 4)
    pipe = make_pipeline(MaxAbsScaler(), SparsePhaseRetrieval())
    search = GridSearchCV(pipe, {"sparsephaseretrieval__n_nonzero_coefs": [1, 2, 4]}, cv=2).fit(A * 5, z)
    assert search.best_params_ == {"sparsephaseretrieval__n_nonzero_coefs": 4}
    assert search.best_score_ > 1 - 1e-10
    assert_array_equal(search.best_estimator_[-1].get_support(), x != 0)


@each_solver
def test_input_is_left_alone(rng, solver):
    A, x, z = naive.gaussian_problem(rng, 60, 20, 3)
    arrays = (A, z, x + 0)
    copies = [a.copy() for a in arrays]
    for a in arrays:
        a.setflags(write=False)
    fitted(A, z, 3, solver=solver, init=arrays[2], max_iter=3)
    fitted(A, z, 3, solver=solver, measurement="intensity", max_iter=3)
    for a, copy in zip(arrays, copies, strict=True):
        assert_array_equal(a, copy)


# ---- bad input

M, N = 30, 20
BAD_VALUES = {
    "n_nonzero_coefs": [0, -1, N + 1],
    "solver": ["lasso", "Newton"],
    "init": [
        "random", np.ones(N - 1), np.ones((N, 2)), np.zeros(N), np.full(N, np.nan), np.full(N, np.inf), np.full(N, 1j),
    ],
    "measurement": ["phase", "magnitudes"],
    "n_starts": [0, -1],
    "max_iter": [0, -1],
    "tol": [-1.0, np.nan, np.inf],
}  # fmt: skip
BAD_TYPES = {
    "n_nonzero_coefs": [2.5, "three", [3]],
    "n_starts": [1.5, "5", None],
    "max_iter": [2.5, "100", None],
    "tol": ["small", None, 1j],
    "random_state": ["seed", 1.5],
}
BAD_EITHER = {"solver": [None, 3], "measurement": [None, 2], "init": [None]}  # neither a name nor of a name's type


def cases(table):
    return pytest.mark.parametrize(
        ("name", "value"), [pytest.param(n, v, id=f"{n}-{i}") for n, vs in table.items() for i, v in enumerate(vs)]
    )


def refused(rng, error, name, value):
    A, _, z = naive.gaussian_problem(rng, M, N, 3)
    model = SparsePhaseRetrieval(**({"n_nonzero_coefs": 3} | {name: value}))
    with pytest.raises(error, match=rf"\b{name}\b"):
        model.fit(A, z)


@cases(BAD_VALUES)
def test_bad_values_are_refused_by_name(rng, name, value):
    refused(rng, ValueError, name, value)


@cases(BAD_TYPES)
def test_wrong_types_are_refused_by_name(rng, name, value):
    refused(rng, TypeError, name, value)


@cases(BAD_EITHER)
def test_neither_value_nor_type(rng, name, value):
    refused(rng, (ValueError, TypeError), name, value)


def test_more_coefficients_than_samples(rng):
    A, _, z = naive.gaussian_problem(rng, 10, 40, 3)
    with pytest.raises(ValueError, match=r"\bn_nonzero_coefs\b"):
        SparsePhaseRetrieval(11).fit(A, z)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@each_field
@each_measurement
def test_nan_and_infinity(rng, measurement, is_complex, value):
    A, _, z = naive.gaussian_problem(rng, M, N, 3, is_complex)
    bad_A, bad_z = A.copy(), z.copy()
    bad_A[2, 3], bad_z[4] = value, value
    for X, y, name in ((bad_A, z, "X"), (A, bad_z, "y")):
        with pytest.raises(ValueError, match=rf"\b{name}\b(.|\n)*(NaN|infinity)"):
            SparsePhaseRetrieval(3, measurement=measurement).fit(X, y)


@each_field
@each_measurement
def test_complex_measurements(rng, measurement, is_complex):
    """Refused, unless they are real numbers in a complex array."""
    A, _, z = naive.gaussian_problem(rng, M, N, 3, is_complex)
    y = z**2 if measurement == "intensity" else z
    with pytest.raises(ValueError, match=r"\by\b"):
        SparsePhaseRetrieval(3, measurement=measurement).fit(A, y * 1j)
    both = [fitted(A, data, 3, measurement=measurement, n_starts=20) for data in (y, y + 0j)]
    assert_allclose(both[1].coef_, both[0].coef_, rtol=0, atol=0)


def test_negative_magnitudes(rng):
    A, _, z = naive.gaussian_problem(rng, M, N, 3)
    z[4] = -1e-3
    with pytest.raises(ValueError, match=r"\by\b.*negative|negative.*\by\b"):
        SparsePhaseRetrieval(3).fit(A, z)


@pytest.mark.parametrize("n_negative", [1, M // 2, M // 2 + 1])
def test_negative_intensities(rng, n_negative):
    """Up to half of them count as zero, with a warning; with more, y is no intensity."""
    A, _, z = naive.gaussian_problem(rng, M, N, 3)
    y = z**2
    y[:n_negative] = -0.01
    model = SparsePhaseRetrieval(3, measurement="intensity", n_starts=2, max_iter=3)
    if n_negative > M // 2:
        with pytest.raises(ValueError, match=r"\by\b.*negative|negative.*\by\b"):
            model.fit(A, y)
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(A, y)
    clipped = [w for w in caught if re.search(r"\by\b.*negative|negative.*\by\b", str(w.message))]
    assert len(clipped) == 1 and clipped[0].category is UserWarning
    expected = fitted(A, np.maximum(y, 0), 3, measurement="intensity", n_starts=2, max_iter=3)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-12)


def test_several_targets(rng):
    A, _, z = naive.gaussian_problem(rng, M, N, 3)
    with pytest.raises(ValueError, match=r"\by\b"):
        SparsePhaseRetrieval(3).fit(A, np.c_[z, z])


def test_copram_needs_columns(rng):
    A, _, z = naive.gaussian_problem(rng, M, N, 3)
    with pytest.raises(TypeError, match=r"\bcopram\b"):
        SparsePhaseRetrieval(3, solver="copram").fit(aslinearoperator(A), z)


@each_field
def test_a_complex_start_is_for_complex_data(rng, is_complex):
    """Beside complex X it is taken, and a real one, too."""
    A, x, z = naive.gaussian_problem(rng, 60, N, 3, is_complex)
    if is_complex:
        for x0 in (x, np.abs(x)):
            model = fitted(A, z, 3, init=x0, n_starts=1)
            assert_allclose(model.residual_path_[0], naive.residual(A, z, x0), rtol=0, atol=ROUNDING)
    else:
        with pytest.raises(ValueError, match=r"\binit\b.*complex|complex.*\binit\b"):
            SparsePhaseRetrieval(3, init=x + 0j).fit(A, z)


@each_solver
@each_field
def test_columns_and_rows_of_zeros(rng, is_complex, solver):
    """They hold no coefficient and say nothing."""
    A, x, z = naive.gaussian_problem(rng, 200, N, 2, is_complex)
    A[:, x == 0] *= np.arange(N - 2) % 2  # half of the columns that are not used
    A[:5], z[:5] = 0, 0
    model = fitted(A, z, 2, solver=solver, init="anchored", max_iter=500)
    if solver != "thwf":  # its published step of 0.23 cycles around answers of few coefficients
        assert model.converged_
        assert norm(model.coef_ - x) <= 1e-8 * norm(x)
    assert not model.coef_[(A == 0).all(axis=0)].any()


# ---- lengths, memory and doubt


@each_field
def test_a_start_with_more_entries_is_cut(rng, is_complex):
    A, x, z = naive.gaussian_problem(rng, 200, 60, 4, is_complex)
    wide = x + 0.01 * naive.planted(rng, 60, 20, is_complex)
    cut = fitted(A, z, 4, init=naive.hard(wide, 4), n_starts=1, max_iter=1)
    model = fitted(A, z, 4, init=wide, n_starts=1, max_iter=1)
    assert np.count_nonzero(model.coef_) <= 4
    assert_allclose(model.residual_path_, cut.residual_path_, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("kind", ["masks", "signs"])
@pytest.mark.parametrize("s", [1, 2])
def test_two_coefficients_that_can_change_places_are_not_accepted(rng, kind, s):
    """|a x1 + b x2| = |b x1 + a x2| for a, b of one modulus, up to a conjugate: no measurement tells."""
    A, _, z = one_magnitude_problem(rng, kind, 200, 16, s)
    for X in (A, aslinearoperator(A)):
        with pytest.warns(ConvergenceWarning, match="change places"):
            model = SparsePhaseRetrieval(s, random_state=0).fit(X, z)
        assert not model.converged_


@each_field
def test_columns_of_any_length(rng, is_complex):
    """Powers of two change no digit; a thousandfold range is no hindrance."""
    A, x, z = naive.gaussian_problem(rng, 150, 60, 4, is_complex)
    lengths = 2.0 ** rng.integers(-5, 6, 60)
    plain, scaled = fitted(A, z, 4), fitted(A * lengths, z, 4)
    assert plain.converged_
    assert norm(plain.coef_ - x) <= 1e-8 * norm(x)
    turn = naive.phase(np.vdot(scaled.coef_, plain.coef_ / lengths))  # another coefficient may be the largest
    assert_allclose(turn * scaled.coef_, plain.coef_ / lengths, rtol=1e-12, atol=0)


@pytest.mark.parametrize("factor", [1e-30, 1e18, 1e30])
def test_single_precision_operators_of_any_size(rng, factor):
    A, x, _ = naive.gaussian_problem(rng, 150, 60, 4)
    A = (factor * A).astype(np.float32)
    z = np.abs(A.astype(float) @ x).astype(np.float32)
    model = fitted(aslinearoperator(A), z, 4, n_starts=10, random_state=0)
    assert norm(model.coef_ - x) <= 1e-4 * norm(x)  # 1000 roundings of 1e-7


def test_complex_matrices_are_not_copied(rng):
    A, _, z = naive.gaussian_problem(rng, 400, 1000, 5, True)
    fitted(A, z, 5)  # compiles
    tracemalloc.start()
    fitted(A, z, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < A.nbytes / 2


@pytest.mark.parametrize("form", [np.ascontiguousarray, np.asfortranarray, csr_array])
@each_field
def test_lengths_of_rows(rng, is_complex, form):
    A, _, z = naive.gaussian_problem(rng, 30, 20, 3, is_complex)
    A *= 2.0 ** rng.integers(-3, 4, 20)
    problem = MatrixMeasurements(form(A), z, rng)
    assert_allclose(problem.row_norms(), norm(A / naive.scale(A), axis=1), rtol=1e-13)  # 40 roundings


def test_shuffled_magnitudes_keep_the_lengths_of_their_rows(rng):
    """Else nothing fits them, and every answer passes: 0.96 in the median of 8, where 0.30 is measured with lengths."""
    residuals = []
    for _ in range(8):
        A, x, _ = naive.gaussian_problem(rng, 120, 60, 3)
        A *= np.abs(rng.standard_cauchy((120, 1)))
        search = Search(SparsePhaseRetrieval(3, random_state=0), A, np.abs(A @ x), "anchored", 1e-10)
        residuals.append(search.residual_of_shuffled(3))
    assert np.median(residuals) <= 0.6


def test_an_answer_that_had_too_few_iterations_is_not_accepted(rng):
    """Even where noise would explain its residual."""
    doubted = 0
    for _ in range(6):
        A, x, z = naive.gaussian_problem(rng, 300, 60, 4)
        options = {"init": 1.05 * x + 0.01 * (x != 0), "n_starts": 1, "max_iter": 1, "solver": "sparta"}
        with pytest.warns(ConvergenceWarning, match="max_iter"):
            model = SparsePhaseRetrieval(4, **options).fit(A, z)
        doubted += not model.converged_ and model.residual_ < 0.1
    assert doubted >= 4

"""PenalizedRegressor against minima by search, over all supports, closed forms and the symmetries of its problem."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import aslinearoperator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from sparsekit import PenalizedRegressor, kkt_violation
from sparsekit.core.operators import Design
from sparsekit.recovery import penalties
from sparsekit.recovery.columns import columns_of
from sparsekit.recovery.penalised_solver import PenalisedSolver, curvature, thresholds
from tests.naive import penalties as naive

TYPES = {
    "mcp": penalties.MCP(3.0),
    "scad": penalties.SCAD(3.7),
    "cel0": penalties.CEL0(),
    "l0": penalties.L0(),
    "l_half": penalties.LHalf(),
    "l_two_thirds": penalties.LTwoThirds(),
}
SHAPES = {"mcp": 3.0, "scad": 3.7}
DEGREES = {"mcp": 1, "scad": 1, "cel0": 0, "l0": 0, "l_half": 1 / 2, "l_two_thirds": 2 / 3}  # of w, as w -> 0
SMOOTH = [kind for kind in TYPES if DEGREES[kind]]
TIGHT = 1e-10
all_penalties = pytest.mark.parametrize("kind", TYPES)


def problem(seed, m=40, n=60, *, weights=True, correlation=0.5, noise=0.3):
    """Columns of mean square about 1 and any mean, y, feature weights with zeros and infinities, sample weights."""
    rng = np.random.default_rng(seed)
    X = np.sqrt(correlation) * rng.standard_normal((m, 1)) + np.sqrt(1 - correlation) * rng.standard_normal((m, n))
    X += rng.uniform(-1, 1, n)
    y = X[:, :4] @ rng.choice([-2.0, 2.0], 4) + noise * rng.standard_normal(m) + 5
    omega, s = None, None
    if weights:
        omega, s = rng.uniform(0.5, 2, n), rng.uniform(0, 2, m)
        omega[4:6], omega[6:8], s[:3] = 0, np.inf, 0
    return X, y, omega, s


def strengths(kind, alpha, omega, n):
    """lam as the docstring has it."""
    omega = np.ones(n) if omega is None else omega
    return alpha * (omega**2 if kind in {"l0", "cel0"} else omega)


def parts(X, y, s):
    """Weighted centred columns and target with sum 1 of the weights, so that F is half a squared length."""
    s = np.ones(len(y)) if s is None else s
    s = s / s.sum()
    root = np.sqrt(s)[:, None]
    return root * (X - s @ X), root[:, 0] * (y - s @ y)


def objective(kind, X, y, coef, alpha, omega=None, s=None):
    A, b = parts(X, y, s)
    used = np.flatnonzero(coef)
    lam = strengths(kind, alpha, omega, X.shape[1])[used]
    penalty = naive.value(kind, coef[used], lam, np.square(A[:, used]).sum(axis=0), SHAPES.get(kind, 1.0)).sum()
    return float(np.square(b - A @ coef).sum() / 2 + penalty)


def distances(kind, X, y, coef, alpha, omega=None, s=None):
    """L_j times how far coefficients are from where they are best, in 60 digits; over the largest gradient."""
    A, b = parts(X, y, s)
    lam, L = strengths(kind, alpha, omega, X.shape[1]), np.square(A).sum(axis=0)
    free = lam == 0
    basis = np.linalg.svd(A[:, free], full_matrices=False)[0]
    unit = np.abs(A[:, ~free & np.isfinite(lam)].T @ (b - basis @ (basis.T @ b))).max()
    u = coef + A.T @ (b - A @ coef) / L
    worst = np.abs(A[:, free].T @ (b - A @ coef)).max(initial=0)
    for j in np.flatnonzero(~free & np.isfinite(lam)):
        best = float(naive.exact(kind, u[j], lam[j], L[j], SHAPES.get(kind, 1.0))[0])
        worst = max(worst, L[j] * abs(coef[j] - best))
    return worst / unit


@all_penalties
@pytest.mark.parametrize("weights", [False, True])
def test_every_coefficient_is_where_it_is_best(kind, weights):
    for seed in range(3):
        X, y, omega, s = problem(seed, weights=weights)
        model = PenalizedRegressor(kind, 0.1, feature_weights=omega, tol=TIGHT).fit(X, y, s)
        assert model.converged_ and model.kkt_violation_ <= TIGHT
        assert distances(kind, X, y, model.coef_, 0.1, omega, s) <= TIGHT + 1e-12  # rounding of products
        assert_allclose(model.objective_, objective(kind, X, y, model.coef_, 0.1, omega, s), rtol=1e-12)
        s = np.ones(40) if s is None else s
        assert_allclose(model.intercept_, s @ (y - X @ model.coef_) / s.sum(), rtol=1e-12)


@all_penalties
def test_the_violation_is_the_public_one(kind):
    for seed in range(5):
        X, y, omega, s = problem(seed)
        with pytest.warns(ConvergenceWarning, match="violation"):
            model = PenalizedRegressor(kind, 0.01, feature_weights=omega, tol=1e-15, max_iter=1).fit(X, y, s)
        public = kkt_violation(
            X, y, model.coef_, model.intercept_, penalty=kind, alpha=0.01, feature_weights=omega, sample_weight=s
        )
        assert_allclose(model.kkt_violation_, public, rtol=1e-6, atol=1e-13)


def local_minimum(kind, A, b, lam, support, start):
    """The objective at a minimum over these columns, or where a descent ends, from the signs and values of start."""
    L, gamma = np.square(A).sum(axis=0), SHAPES.get(kind, 1.0)

    def f(x):
        full = np.zeros(len(L))
        full[support] = x
        used = np.flatnonzero(full)
        penalty = naive.value(kind, full[used], lam[used], L[used], gamma).sum()
        return float(np.square(b - A @ full).sum() / 2 + penalty)

    return minimize(f, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000}).fun


@all_penalties
def test_tiny_problems_over_all_supports(kind):
    """A descent from every support: never above the one from our own; the lowest of all in most cases."""
    lowest = 0
    for seed in range(8):
        X, y, _, _ = problem(seed, m=12, n=5, weights=False, noise=1.0)
        model = PenalizedRegressor(kind, 0.3, tol=TIGHT).fit(X, y)
        A, b = parts(X, y, None)
        lam, ours = np.full(5, 0.3), objective(kind, X, y, model.coef_, 0.3)
        support = np.flatnonzero(model.coef_)
        if len(support):
            assert ours <= local_minimum(kind, A, b, lam, support, model.coef_[support]) * (1 + 1e-9)  # fatol
        every = [list(each) for k in range(6) for each in itertools.combinations(range(5), k)]
        ends = [
            local_minimum(kind, A, b, lam, each, np.linalg.lstsq(A[:, each], b)[0]) if each else b @ b / 2
            for each in every
        ]
        assert ours >= 0
        lowest += ours <= min(ends) * (1 + 1e-9)
    assert lowest >= 5


@pytest.mark.parametrize("shape", [None, 0.4, 1.5])
def test_orthogonal_columns_are_shrunk_one_by_one(shape, rng):
    Q = np.linalg.qr(rng.standard_normal((30, 8)))[0] * np.sqrt(30) * 1.3
    y = 2 * rng.standard_normal(30)
    u = Q.T @ y / 30 / 1.69
    for kind in TYPES:
        if shape is not None and kind != "mcp":
            continue
        model = PenalizedRegressor(kind, 0.4, shape=shape, fit_intercept=False, tol=TIGHT).fit(Q, y)
        gamma = SHAPES.get(kind, 1.0) if shape is None else shape
        expected = [float(naive.exact(kind, each, 0.4, 1.69, gamma)[0]) for each in u]
        assert_allclose(model.coef_, expected, rtol=0, atol=1e-12)


def solver_of(kind, X, y, alpha, **options):
    columns = columns_of(Design(X, sample_weight=np.full(len(y), 1 / len(y))))
    lam = np.full(X.shape[1], alpha)
    return PenalisedSolver(columns, y / np.sqrt(len(y)), TYPES[kind], lam, **options), columns


@all_penalties
def test_every_step_lowers_the_objective(kind, monkeypatch):
    taken = set()
    for seed in range(4):
        X, y, _, _ = problem(seed, weights=False, correlation=0.9)
        solver, columns = solver_of(kind, X, y, 0.02, tol=TIGHT, max_iter=100)
        values, epochs, newton = [], columns.epochs, solver._newton

        def watched_epochs(penalty, w, r, lam, chosen, n_epochs, tol, values=values, epochs=epochs, solver=solver):
            for _ in range(n_epochs):
                values.append(solver.objective())
                change = epochs(penalty, w, r, lam, chosen, 1, tol)
                values.append(solver.objective())
                if change <= tol:
                    break
            return change

        def watched_newton(chosen, values=values, newton=newton, solver=solver):
            fell = newton(chosen)
            values.append(solver.objective())
            taken.add(fell)
            return fell

        monkeypatch.setattr(columns, "epochs", watched_epochs)
        monkeypatch.setattr(solver, "_newton", watched_newton)
        for start in (np.zeros(60), np.full(60, 0.5)):
            solver.start(start)
            values.clear()
            solver.solve()
            assert solver.violation <= TIGHT
            assert len(values) > 4
            assert (np.diff(values) <= 1e-14 * values[0]).all()  # rounding of the sums
    assert True in taken


@pytest.mark.parametrize("kind", SMOOTH)
def test_newton_steps_are_what_converges_among_similar_columns(kind, monkeypatch):
    X, y, _, _ = problem(0, weights=False, correlation=0.98)
    fast, _ = solver_of(kind, X, y, 0.01, tol=1e-9, max_iter=100)
    slow, _ = solver_of(kind, X, y, 0.01, tol=1e-9, max_iter=2)
    monkeypatch.setattr(slow, "_newton", lambda chosen: False)
    start = np.zeros(60)
    start[:8] = 0.3
    for solver in (fast, slow):
        solver.start(start)
    assert fast.solve() <= 10 and fast.violation <= 1e-9
    slow.solve()
    assert slow.violation > 1e-9


@pytest.mark.parametrize("kind", SMOOTH)
def test_a_newton_step_ends_close_to_the_minimum(kind):
    X, y, _, _ = problem(1, weights=False, correlation=0.9, noise=1.0)
    solver, columns = solver_of(kind, X, y, 0.02, tol=1e-11, max_iter=100)
    solver.solve_anew()
    support = np.flatnonzero(solver.w)
    solver.start(solver.w * (1 + 1e-4 * np.cos(np.arange(60))))
    before = solver._worst(support)
    assert solver._newton(support)
    columns.correlations(solver.r, support, solver.c)
    assert solver._worst(support) <= 5e-4 * before  # what conjugate gradients leave


@all_penalties
def test_curvatures_and_thresholds(kind):
    penalty, lam, h = TYPES[kind], 0.7, 1e-4
    for size in (0.2, 0.9, 1.5, 2.5, 4.0):
        p = [naive.value(kind, size + k * h, lam, 0.0 + 1e-9, SHAPES.get(kind, 1.0)) for k in (-1, 0, 1)]
        expected = float(p[0] - 2 * p[1] + p[2]) / h**2
        assert_allclose(curvature(penalty, np.array([size]), np.array([lam]))[0], expected, rtol=1e-5, atol=1e-6)
    for lipschitz in (0.05, 0.25, 0.5, 1.0, 7.0):
        edge = thresholds(penalty, np.array([lam]), np.array([lipschitz]))[0] / lipschitz
        assert penalties.prox(penalty, edge * (1 - 1e-12), lam, lipschitz) == 0
        assert penalties.prox(penalty, edge * (1 + 1e-12), lam, lipschitz) > 0


@all_penalties
def test_no_start_alone_ends_lower(kind):
    for seed in range(4):
        X, y, _, _ = problem(seed, weights=False, correlation=0.8, noise=1.0)
        solver, _ = solver_of(kind, X, y, 0.02, tol=1e-8, max_iter=100)
        solver.solve_anew()
        best, w = solver.objective(), solver.w.copy()
        solver.start(np.zeros(60))
        solver.solve()
        assert best <= solver.objective() * (1 + 1e-9)
        solver.start(w)
        solver.solve()
        assert_allclose(solver.objective(), best, rtol=1e-9)


def test_l0_and_cel0_coincide():
    """Along a coordinate the threshold of CEL0 is the hard one, so that the descents are the same."""
    for seed in range(5):
        X, y, omega, s = problem(seed)
        l0, cel0 = (
            PenalizedRegressor(kind, 0.05, feature_weights=omega, tol=TIGHT).fit(X, y, s) for kind in ("l0", "cel0")
        )
        assert_array_equal(l0.coef_, cel0.coef_)
        assert l0.intercept_ == cel0.intercept_
        assert_allclose(l0.objective_, cel0.objective_, rtol=1e-12)
        assert l0.n_iter_ == cel0.n_iter_


@all_penalties
def test_a_known_support_is_found(kind):
    for seed in range(5):
        X, y, _, _ = problem(seed, m=80, weights=False, noise=0.1)
        model = PenalizedRegressor(kind, 0.1).fit(X, y)
        assert_array_equal(model.get_support(indices=True), np.arange(4))
        if kind in {"mcp", "scad", "l0", "cel0"}:  # flat where the coefficients are: no shrinkage
            peer = LinearRegression().fit(X[:, :4], y)
            assert_allclose(model.coef_[:4], peer.coef_, rtol=1e-5)  # tol


@all_penalties
@pytest.mark.parametrize("form", [np.asfortranarray, csr_array, csc_array])
def test_storage_does_not_matter(kind, form):
    for seed in range(3):
        X, y, omega, s = problem(seed)
        X = X * (np.abs(X) > 0.5)
        dense = PenalizedRegressor(kind, 0.1, feature_weights=omega, tol=TIGHT).fit(X, y, s)
        other = PenalizedRegressor(kind, 0.1, feature_weights=omega, tol=TIGHT).fit(form(X), y, s)
        assert_allclose(other.coef_, dense.coef_, rtol=0, atol=1e-8)  # tol over the smallest curvature
        assert_allclose(other.intercept_, dense.intercept_, rtol=1e-8)


@all_penalties
def test_the_order_of_columns_and_rows_does_not_matter(kind, rng):
    X, y, omega, s = problem(3)
    columns, rows = rng.permutation(60), rng.permutation(40)
    plain = PenalizedRegressor(kind, 0.1, feature_weights=omega, tol=TIGHT).fit(X, y, s)
    other = PenalizedRegressor(kind, 0.1, feature_weights=omega[columns], tol=TIGHT).fit(
        X[rows][:, columns], y[rows], s[rows]
    )
    assert_allclose(other.coef_, plain.coef_[columns], rtol=0, atol=1e-8)


@all_penalties
@pytest.mark.parametrize("power", [-400, -7, 3, 300])
def test_units_of_y(kind, power):
    X, y, omega, s = problem(4)
    alpha = 0.125
    plain = PenalizedRegressor(kind, alpha, feature_weights=omega, tol=TIGHT).fit(X, y, s)
    scaled = PenalizedRegressor(
        kind, alpha * 2.0 ** (power * (2 - DEGREES[kind])), feature_weights=omega, tol=TIGHT
    ).fit(X, np.ldexp(y, power), s)
    assert_allclose(np.ldexp(scaled.coef_, -power), plain.coef_, rtol=0, atol=1e-9)
    assert_allclose(np.ldexp(scaled.objective_, -2 * power), plain.objective_, rtol=1e-9)


@all_penalties
@pytest.mark.parametrize("power", [-20, 12, 400, -400])
def test_units_of_x(kind, power):
    if kind == "scad":
        return  # its knots are at lam and gamma lam, in any units
    X, y, omega, s = problem(5)
    shape = 3.0 * 4.0**-power if kind == "mcp" and abs(power) < 100 else None
    plain = PenalizedRegressor(kind, 0.125, feature_weights=omega, tol=TIGHT).fit(X, y, s)
    scaled = PenalizedRegressor(
        kind, 0.125 * 2.0 ** (power * DEGREES[kind]), shape=shape, feature_weights=omega, tol=TIGHT
    )
    if kind == "mcp" and shape is None:
        with pytest.raises(ValueError, match="columns of X are too"):
            scaled.fit(np.ldexp(X, power), y, s)
        return
    scaled.fit(np.ldexp(X, power), y, s)
    assert_allclose(np.ldexp(scaled.coef_, power), plain.coef_, rtol=0, atol=1e-9)


@all_penalties
def test_weights_are_strengths(kind):
    """omega = c for all is alpha c, or alpha c^2 for the penalties that count."""
    X, y, _, s = problem(6)
    weighted = PenalizedRegressor(kind, 0.1, feature_weights=np.full(60, 1.5), tol=TIGHT).fit(X, y, s)
    plain = PenalizedRegressor(kind, 0.1 * 1.5 ** (2 if kind in {"l0", "cel0"} else 1), tol=TIGHT).fit(X, y, s)
    assert_allclose(weighted.coef_, plain.coef_, rtol=0, atol=1e-9)


@all_penalties
def test_weights_of_zero_and_infinity(kind):
    X, y, omega, s = problem(7)
    model = PenalizedRegressor(kind, 0.1, feature_weights=omega, tol=TIGHT).fit(X, y, s)
    assert not model.coef_[6:8].any() and model.coef_[4:6].all()
    A, b = parts(X, y, s)
    assert np.abs(A[:, 4:6].T @ (b - A @ model.coef_)).max() <= 1e-12  # free columns are fitted, to rounding
    kept = np.isfinite(omega)
    without = PenalizedRegressor(kind, 0.1, feature_weights=omega[kept], tol=TIGHT).fit(X[:, kept], y, s)
    assert_array_equal(without.coef_, model.coef_[kept])
    nothing = PenalizedRegressor(kind, 0.1, feature_weights=np.full(60, np.inf)).fit(X, y, s)
    assert not nothing.coef_.any() and nothing.converged_
    free = PenalizedRegressor(kind, 0.1, feature_weights=np.zeros(10)).fit(X[:, :10], y, s)
    assert_allclose(free.coef_, LinearRegression().fit(X[:, :10], y, s).coef_, rtol=1e-9)


@all_penalties
def test_integer_weights_repeat_rows(kind):
    X, y, omega, _ = problem(8)
    s = np.arange(40) % 3
    weighted = PenalizedRegressor(kind, 0.1, feature_weights=omega, tol=TIGHT).fit(X, y, s)
    repeated = PenalizedRegressor(kind, 0.1, feature_weights=omega, tol=TIGHT).fit(
        np.repeat(X, s, axis=0), np.repeat(y, s)
    )
    assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-8)
    assert_allclose(weighted.objective_, repeated.objective_, rtol=1e-9)


@all_penalties
def test_warm_starts(kind):
    X, y, omega, s = problem(9)
    model = PenalizedRegressor(kind, 0.1, feature_weights=omega, warm_start=True).fit(X, y, s)
    first = model.coef_.copy()
    model.fit(X, y, s)
    assert model.n_iter_ == 1
    assert_allclose(model.coef_, first, rtol=1e-9, atol=1e-12)
    model.set_params(feature_weights=None).fit(X[:, :20], y, s)  # another shape begins anew
    assert model.coef_.shape == (20,)


@all_penalties
def test_single_precision_is_kept(kind):
    X, y, omega, s = problem(10)
    exact = PenalizedRegressor(kind, 0.1, feature_weights=omega).fit(X, y, s)
    for form in (np.asarray, csc_array):
        model = PenalizedRegressor(kind, 0.1, feature_weights=omega).fit(
            form(X.astype(np.float32)), y.astype(np.float32), s
        )
        assert model.coef_.dtype == np.float32 and model.converged_
        assert_allclose(model.coef_, exact.coef_, rtol=0, atol=1e-4)  # eps times a condition number of 1e2


@all_penalties
def test_nothing_to_explain(kind):
    X, _, _, _ = problem(11)
    for y in (np.zeros(40), np.full(40, 3.0)):
        model = PenalizedRegressor(kind, 0.1).fit(X, y)
        assert not model.coef_.any() and model.objective_ == 0 and model.kkt_violation_ == 0
        assert_allclose(model.intercept_, y[0], rtol=1e-15)
    huge = PenalizedRegressor(kind, 1e300).fit(X, np.arange(40.0))
    assert not huge.coef_.any() and huge.converged_
    zero = PenalizedRegressor(kind, 0.1).fit(np.zeros((40, 3)), np.arange(40.0))
    assert not zero.coef_.any() and zero.converged_


@all_penalties
def test_columns_that_equal_each_other(kind):
    X, y, _, _ = problem(12)
    model = PenalizedRegressor(kind, 0.1, tol=1e-9).fit(np.hstack([X, X]), y)
    assert model.converged_ and np.isfinite(model.coef_).all()
    assert distances(kind, np.hstack([X, X]), y, model.coef_, 0.1) <= 1e-9


def test_no_entry_of_x_or_y_changes():
    X, y, omega, _ = problem(13)
    X = np.asfortranarray(X)
    given, target = X.copy(), y.copy()
    PenalizedRegressor("l0", 0.1, feature_weights=omega, fit_intercept=False).fit(X, y)
    assert_array_equal(X, given)
    assert_array_equal(y, target)


def test_too_few_working_sets():
    X, y, _, _ = problem(14, m=60, n=100, weights=False, noise=2.0)
    with pytest.warns(ConvergenceWarning, match=r"violation .* above tol .*: raise max_iter or tol"):
        model = PenalizedRegressor("l_half", 0.01, max_iter=1, tol=1e-12).fit(X, y)
    assert not model.converged_ and model.kkt_violation_ > 1e-12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty": "l1"}, "penalty must be one of"),
        ({"alpha": 0.0}, "alpha must be in"),
        ({"alpha": np.inf}, "alpha must be in"),
        ({"alpha": np.nan}, "alpha must be in"),
        ({"tol": 0.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"penalty": "mcp", "shape": 0.0}, "shape must be in"),
        ({"penalty": "scad", "shape": 2.0}, "shape must be in"),
        ({"penalty": "scad", "shape": np.inf}, "shape must be in"),
        ({"penalty": "l0", "shape": 1.0}, "shape must be None"),
        ({"feature_weights": np.full(60, -1.0)}, "feature_weights"),
        ({"feature_weights": np.ones(59)}, "feature_weights"),
    ],
)
def test_parameters_out_of_range(options, message):
    X, y, _, _ = problem(15)
    with pytest.raises(ValueError, match=message):
        PenalizedRegressor(**options).fit(X, y)


def test_input_that_is_refused():
    X, y, _, _ = problem(16)
    with pytest.raises(TypeError, match="LinearOperator"):
        PenalizedRegressor().fit(aslinearoperator(X), y)
    with pytest.raises(ValueError, match="Complex data not supported"):
        PenalizedRegressor().fit(X + 0j, y)
    with pytest.raises(ValueError, match="one target"):
        PenalizedRegressor().fit(X, np.column_stack([y, y]))

"""greedy_decrease against brute force: the objective searched over every value of one coefficient."""

import numpy as np
import pytest
from numpy.linalg import norm
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse.linalg import aslinearoperator

from sparsekit import greedy_decrease
from tests.naive import weighted as naive
from tests.naive.design import KINDS

# Both sides subtract two numbers of the size of the objective after some 20 roundings; the grids end at widths of
# 1e-9, where a smooth function is 1e-18 from its lowest value. Issue: 1e-10 of the objective.
TOLERANCE = 1e-10
CELLS = [(loss, penalty) for loss in naive.LOSSES for penalty in naive.PENALTIES]
SMOOTH = [cell for cell in CELLS if cell[0] != "absolute"]


def gaussian(rng, shape, dtype="float64"):
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if dtype == "complex128" else x


def with_norms(rng, X):
    """Columns of norm 0.3 ... 3 sqrt(m)."""
    return X * rng.uniform(0.3, 3 * np.sqrt(len(X)), X.shape[1]) / norm(X, axis=0)


def refitted(X, y, S, loss):
    """The exact refit on the columns S, as coefficients (n,) or (t, n)."""
    coef = np.zeros((*y.shape[1:], X.shape[1]), np.result_type(X, y))
    if loss == "absolute":
        coef[S] = naive.least_absolute(X[:, S], y)
    else:
        coef[..., S] = np.linalg.lstsq(X[:, S], y, rcond=None)[0].T
    return coef


def state(rng, loss, m=15, n=20, n_targets=None, dtype="float64"):
    """A noisy signal of three columns, refitted on two of them and two wrong ones as well (five of them in all)."""
    X = with_norms(rng, gaussian(rng, (m, n), dtype))
    S = rng.permutation(n)
    shape = () if n_targets is None else (n_targets,)
    signal = X[:, S[:3]] @ gaussian(rng, (3, *shape), dtype)
    y = signal + 10 ** rng.uniform(-2, 0.5) * gaussian(rng, (m, *shape), dtype)
    return X, y, refitted(X, y, S[:5], loss)


def alphas(rng, X, y, loss, penalty, weights):
    """From where the penalty hardly counts to where it refuses all."""
    return naive.first_refusal(X, y, loss, penalty, weights) * 10 ** rng.uniform(-4, 0.3)


def compare(X, y, coef, loss, penalty, alpha, weights):
    """-> both decreases, the error relative to the objective"""
    actual = greedy_decrease(X, y, coef, loss=loss, penalty=penalty, alpha=alpha, feature_weights=weights)
    expected = naive.decrease_by_search(X, y, coef, loss, penalty, alpha, weights)
    scale = naive.objective(X, y, coef, loss, penalty, alpha, weights)
    assert actual.shape == expected.shape
    assert np.all(actual >= 0)
    return actual, expected, np.abs(actual - expected).max() / scale


# ---- the twelve cells


def compare_refits(rng, loss, penalty, n_problems, **shape):
    """-> (column in use?, decrease) for all columns of many refits"""
    inside, decreases = [], []
    for _ in range(n_problems):
        X, y, coef = state(rng, loss, **shape)
        weights = 10 ** rng.uniform(-1, 1, X.shape[1])
        alpha = alphas(rng, X, y, loss, penalty, weights)
        actual, _, error = compare(X, y, coef, loss, penalty, alpha, weights)
        assert error <= TOLERANCE
        inside.append(np.any(np.atleast_2d(coef) != 0, axis=0))
        decreases.append(actual / naive.objective(X, y, coef, loss, penalty, alpha, weights))
    return np.concatenate(inside), np.concatenate(decreases)


def positive_and_zero(decreases):
    """How many are decreases beyond any rounding, and how many are none up to it."""
    return np.sum(decreases > 1e-6), np.sum(decreases < 1e-13)


# without a penalty at 0 (l1, smooth loss) a coefficient in use always gains by shrinking
ALWAYS_GAINS = {("squared", "l1"), ("sqrt", "l1")}


@pytest.mark.parametrize(("loss", "penalty"), CELLS)
def test_twelve_cells_after_an_exact_refit(rng, loss, penalty):
    inside, decreases = compare_refits(rng, loss, penalty, 220)
    for place in (inside, ~inside):
        assert np.sum(place) >= 1000
        positive, zero = positive_and_zero(decreases[place])
        assert positive >= 50
        if place is not inside or (loss, penalty) not in ALWAYS_GAINS:
            assert zero >= 50


@pytest.mark.parametrize(("loss", "penalty"), SMOOTH)
@pytest.mark.parametrize(("dtype", "n_targets"), [("complex128", None), ("float64", 2), ("float64", 3)])
def test_complex_and_several_targets(rng, dtype, n_targets, loss, penalty):
    n_problems = 3 if n_targets == 3 else 20  # the grids of three dimensions are large
    inside, decreases = compare_refits(rng, loss, penalty, n_problems, m=9, n=12, n_targets=n_targets, dtype=dtype)
    assert positive_and_zero(decreases[inside])[0] and all(positive_and_zero(decreases[~inside]))


@pytest.mark.parametrize(("loss", "penalty"), SMOOTH)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_targets_may_be_rotated(rng, dtype, loss, penalty):
    """Frobenius and row norms see neither a unitary matrix nor a target of zeros."""
    X, Y, W = state(rng, loss, n_targets=4, dtype=dtype)
    weights = 10 ** rng.uniform(-1, 1, X.shape[1])
    options = {"loss": loss, "penalty": penalty, "feature_weights": weights}
    options["alpha"] = 0.01 * naive.first_refusal(X, Y, loss, penalty, weights)
    U = np.linalg.qr(gaussian(rng, (4, 4), dtype))[0]
    expected = greedy_decrease(X, Y, W, **options)
    assert np.any(expected > 0)
    scale = naive.objective(X, Y, W, loss, penalty, options["alpha"], weights)
    for other in (
        greedy_decrease(X, Y @ U, (W.T @ U).T, **options),
        greedy_decrease(X, np.c_[Y, 0 * Y], np.r_[W, 0 * W], **options),
    ):
        assert_allclose(other, expected, rtol=0, atol=1e-12 * scale)  # 100 roundings of differences of that size


@pytest.mark.parametrize(("loss", "penalty"), SMOOTH)
def test_one_target_is_several_of_which_there_is_one(rng, loss, penalty):
    X, y, w = state(rng, loss)
    options = {"loss": loss, "penalty": penalty, "alpha": 0.1}
    assert_allclose(
        greedy_decrease(X, y[:, None], w[None], **options),
        greedy_decrease(X, y, w, **options),
        rtol=0,
        atol=1e-13 * naive.loss_of(y[:, None], loss),  # sums in another order
    )


@pytest.mark.parametrize(("loss", "penalty"), CELLS)
def test_any_coefficients(rng, loss, penalty):
    """No refit: residual and columns in use are not orthogonal, and steps may cross zero."""
    moved = []
    for _ in range(60):
        X, y, coef = state(rng, loss)
        coef = np.where(rng.random(20) < 0.3, coef + rng.standard_normal(20) * 10 ** rng.uniform(-3, 1), 0)
        weights = 10 ** rng.uniform(-1, 1, 20)
        alpha = alphas(rng, X, y, loss, penalty, weights)
        actual, _, error = compare(X, y, coef, loss, penalty, alpha, weights)
        assert error <= TOLERANCE
        moved.append(actual[coef != 0] > 0)
    assert np.sum(np.concatenate(moved)) >= 50


@pytest.mark.parametrize(("loss", "penalty"), SMOOTH)
@pytest.mark.parametrize(("dtype", "n_targets"), [("complex128", None), ("float64", 2)])
def test_any_coefficients_complex_and_several_targets(rng, dtype, n_targets, loss, penalty):
    for _ in range(15):
        X, y, coef = state(rng, loss, m=9, n=12, n_targets=n_targets, dtype=dtype)
        coef = (coef + gaussian(rng, coef.shape, dtype)) * (rng.random(12) < 0.5)
        weights = 10 ** rng.uniform(-1, 1, 12)
        alpha = alphas(rng, X, y, loss, penalty, weights)
        assert compare(X, y, coef, loss, penalty, alpha, weights)[2] <= TOLERANCE


# ---- the square-root loss with l1: an angle and a guard


def test_sqrt_l1_is_a_difference_of_angles(rng):
    """Unit columns: R (1 - cos(phi^ - theta)) with cos(theta) = |c| / R, cos(phi^) = phi, as long as |c| > phi R."""
    m, n = 15, 400
    X, y = gaussian(rng, (m, n)), gaussian(rng, m)
    X /= norm(X, axis=0)
    phi = rng.uniform(0, 1, n)
    R = norm(y)
    cosine = np.abs(X.T @ y) / R
    angle = np.arccos(phi) - np.arccos(cosine)
    expected = np.where(cosine > phi, R * (1 - np.cos(angle)), 0) / np.sqrt(m)
    actual = greedy_decrease(
        X, y, np.zeros(n), loss="sqrt", penalty="l1", alpha=0.5, feature_weights=phi / (0.5 * np.sqrt(m))
    )
    assert min(np.sum(cosine > phi), np.sum(cosine < phi)) >= 50
    # 1 - cos loses what the angle loses: sqrt(eps) near zero, squared again
    assert_allclose(actual, expected, rtol=0, atol=1e-13 * R)


def unguarded(X, y, phi):
    """The closed form of sqrt and l1 outside the support, without asking whether |c| > phi R."""
    c, nu, R = np.abs(X.T @ y), np.sum(X**2, axis=0), norm(y)
    return R - phi * c / nu - np.sqrt((1 - phi**2 / nu) * (R**2 - c**2 / nu))


def test_defect_1_sqrt_l1_needs_its_guard(rng):
    """Columns nearly orthogonal to the residual gain nothing; the stationary point lies on the wrong side of zero."""
    m, n = 15, 60
    X, y = with_norms(rng, gaussian(rng, (m, n))), gaussian(rng, m)
    X -= np.outer(y, rng.uniform(0.9, 1, n) * (y @ X) / (y @ y))
    c, nu, R = np.abs(X.T @ y), np.sum(X**2, axis=0), norm(y)
    phi = rng.uniform(0.3, 0.95, n) * np.sqrt(nu)
    phi[0] = 2 * c[0] / R  # a column just inside the guard and one just outside
    phi[1] = 0.5 * c[1] / R
    false = unguarded(X, y, phi)
    weights = phi / (0.1 * np.sqrt(m))
    actual, _, error = compare(X, y, np.zeros(n), "sqrt", "l1", 0.1, weights)
    refused = c < phi * R
    assert np.sum(refused) >= 50 and not refused[1]
    assert np.all(false[refused & (phi > 0.3)] > 1e-3 * R)  # what a formula without the guard would promise
    assert_array_equal(actual[refused], 0)
    assert actual[1] > 0
    assert error <= TOLERANCE


def test_defect_1_no_complex_numbers_for_large_penalties(rng):
    """phi >= sqrt(nu) makes the root imaginary."""
    X, y = with_norms(rng, gaussian(rng, (15, 30))), gaussian(rng, 15)
    for factor in (1.0, 1.5, 1e6):
        weights = factor * norm(X, axis=0) / np.sqrt(15)
        decreases = greedy_decrease(X, y, np.zeros(30), loss="sqrt", penalty="l1", alpha=1.0, feature_weights=weights)
        assert decreases.dtype == np.float64
        assert_array_equal(decreases, 0)


# ---- the absolute loss: zeros


@pytest.mark.parametrize("penalty", naive.PENALTIES)
def test_defect_4_absolute_with_zeros_in_the_columns(rng, penalty):
    """Rows where a column is zero have no breakpoint, and their weights must not be used for others."""
    positive = 0
    for density in np.repeat([0.1, 0.3, 0.6], 15):
        X, y, _ = state(rng, "absolute")
        X *= rng.random(X.shape) < density
        S = rng.permutation(20)[:4]
        coef = refitted(X, y, S[norm(X[:, S], axis=0) > 0], "absolute")
        weights = 10 ** rng.uniform(-1, 1, 20)
        actual, _, error = compare(X, y, coef, "absolute", penalty, 10 ** rng.uniform(-3, -1), weights)
        assert error <= TOLERANCE
        positive += np.sum(actual > 0)
    assert positive >= 100


@pytest.mark.parametrize("penalty", naive.PENALTIES)
def test_absolute_with_ties(rng, penalty):
    """Integers: equal breakpoints, residuals of zero, breakpoints on zero and on minus the coefficient."""
    positive = 0
    for _ in range(100):
        X, y = rng.integers(-2, 3, (12, 10)).astype(float), rng.integers(-4, 5, 12).astype(float)
        coef = rng.integers(-2, 3, 10) * (rng.random(10) < 0.4)
        weights = rng.integers(1, 4, 10).astype(float)
        alpha = rng.choice([0.0, 1 / 12, 1 / 6, 1 / 2])
        actual, _, error = compare(X, y, coef, "absolute", penalty, alpha, weights)
        assert error <= 1e-14  # a few roundings on integers over 12
        positive += np.sum(actual > 0)
    assert positive >= 100


@pytest.mark.parametrize("penalty", naive.PENALTIES)
def test_defect_5_absolute_with_a_zero_coefficient_in_use(rng, penalty):
    """A coefficient in the support that the refit made zero is like one outside: all norms are 1-norms."""
    for _ in range(20):
        X, y, coef = state(rng, "absolute")
        coef[rng.choice(np.flatnonzero(coef), 2, replace=False)] = 0
        weights = 10 ** rng.uniform(-1, 1, 20)
        actual, expected, error = compare(X, y, coef, "absolute", penalty, 1e-3, weights)
        assert error <= TOLERANCE
        assert np.any(expected[coef == 0] > 0)
    X, y, coef = state(rng, "absolute")
    S = np.flatnonzero(coef)
    y = y - X[:, S[0]] * coef[S[0]]  # now the refit on S gives column S[0] zero, and there is nothing to gain
    coef[S[0]] = 0
    actual = greedy_decrease(X, y, coef, loss="absolute", penalty=penalty, alpha=0.01)
    assert actual[S[0]] <= 1e-13 * naive.loss_of(y[:, None], "absolute")  # the refit is exact up to rounding


# ---- feature weights


@pytest.mark.parametrize(("loss", "penalty"), CELLS)
def test_weights_of_zero_and_infinity(rng, loss, penalty):
    free = 0
    for _ in range(20):
        X, y, coef = state(rng, loss)
        weights = 10 ** rng.uniform(-1, 1, 20)
        weights[rng.permutation(20)[:12]] = np.repeat([0, np.inf], 6)
        coef[weights == np.inf] = 0
        alpha = alphas(rng, X, y, loss, penalty, np.maximum(weights, 0.1))
        actual, _, error = compare(X, y, coef, loss, penalty, alpha, weights)
        assert error <= TOLERANCE
        assert_array_equal(actual[weights == np.inf], 0)
        without_penalty = greedy_decrease(X, y, coef, loss=loss, penalty=penalty, alpha=0.0)
        # weight zero is no penalty; 20 roundings on the loss at zero coefficients
        assert_allclose(
            actual[weights == 0], without_penalty[weights == 0], rtol=0, atol=1e-14 * naive.loss_of(y[:, None], loss)
        )
        free += np.sum(actual[weights == 0] > 0)
    assert free >= 20


@pytest.mark.parametrize(("loss", "penalty"), CELLS)
def test_no_weights_are_ones(rng, loss, penalty):
    X, y, coef = state(rng, loss)
    options = {"loss": loss, "penalty": penalty, "alpha": 0.1}
    assert_array_equal(
        greedy_decrease(X, y, coef, **options), greedy_decrease(X, y, coef, feature_weights=np.ones(20), **options)
    )


# ---- columns of zeros, exact fits, nothing to fit


@pytest.mark.parametrize(("loss", "penalty"), CELLS)
def test_columns_of_zeros(rng, loss, penalty):
    """They take nothing off the loss; a coefficient on one is nothing but penalty."""
    X, y, coef = state(rng, loss)
    X[:, :3], coef[:3] = 0, [0, 2, -3]
    weights = np.full(20, 0.7)
    actual, _, error = compare(X, y, coef, loss, penalty, 0.1, weights)
    assert error <= TOLERANCE
    assert actual[0] == 0
    # removing the coefficient
    assert_allclose(actual[1:3], 0.1 * (0.7 * np.array([2, 3]) if penalty == "l1" else 0.49 * np.ones(2)), rtol=1e-12)


@pytest.mark.parametrize(("loss", "penalty"), CELLS)
def test_exact_fit_and_zero_target(rng, loss, penalty):
    """R = 0 is not divided by. Of an exact fit only the penalty can be lowered."""
    X = with_norms(rng, rng.integers(-3, 4, (15, 20)).astype(float))
    weights = rng.uniform(0.5, 2, 20)
    assert_array_equal(
        greedy_decrease(X, np.zeros(15), np.zeros(20), loss=loss, penalty=penalty, alpha=0.1, feature_weights=weights),
        0,
    )
    coef = np.zeros(20)
    coef[[3, 8, 11]] = 1, -2, 0.5
    y = X[:, [3, 8, 11]] @ coef[[3, 8, 11]]
    for alpha in (1e-3, 0.1, 10):
        actual, expected, error = compare(X, y, coef, loss, penalty, alpha, weights)
        assert error <= TOLERANCE
        assert np.all(expected[coef == 0] <= 1e-13)
    assert np.all(actual[coef != 0] > 0)


# ---- forms of the input


@pytest.mark.parametrize(("loss", "penalty"), SMOOTH)
@pytest.mark.parametrize("n_targets", [None, 3])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_form_of_the_input_does_not_matter(rng, kind, dtype, n_targets, loss, penalty):
    X, y, coef = state(rng, loss, n_targets=n_targets, dtype=dtype)
    X = X * (rng.random(X.shape) < 0.5)
    options = {"loss": loss, "penalty": penalty, "alpha": 0.01, "feature_weights": rng.uniform(0.1, 2, 20)}
    expected = greedy_decrease(X, y, coef, **options)
    assert np.any(expected > 0)
    scale = naive.objective(X, y, coef, loss, penalty, 0.01, options["feature_weights"])
    assert_allclose(greedy_decrease(KINDS[kind](X), y, coef, **options), expected, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("penalty", naive.PENALTIES)
@pytest.mark.parametrize("kind", ["F", "strided"])
def test_layout_of_dense_columns_for_the_absolute_loss(rng, kind, penalty):
    X, y, coef = state(rng, "absolute")
    other = np.asfortranarray(X) if kind == "F" else np.repeat(X, 2, axis=1)[:, ::2]
    options = {"loss": "absolute", "penalty": penalty, "alpha": 0.01}
    expected = greedy_decrease(X, y, coef, **options)
    assert_allclose(greedy_decrease(other, y, coef, **options), expected, rtol=0, atol=1e-14 * np.abs(y).mean())


@pytest.mark.parametrize(("loss", "penalty"), CELLS)
def test_lists_integers_and_single_precision(rng, loss, penalty):
    X, y = rng.integers(-9, 10, (12, 8)), rng.integers(-9, 10, 12)
    coef = np.array([0, 1, 0, -2, 0, 0, 3, 0])
    options = {"loss": loss, "penalty": penalty, "alpha": 0.1}
    expected = greedy_decrease(X.astype(float), y.astype(float), coef.astype(float), **options)
    assert_array_equal(greedy_decrease(X.tolist(), y.tolist(), coef.tolist(), **options), expected)
    single = greedy_decrease(X.astype("f4"), y.astype("f4"), coef.astype("f4"), **options)
    scale = naive.objective(X, y, coef, loss, penalty, 0.1, np.ones(8))
    assert_allclose(single, expected, rtol=0, atol=100 * np.finfo("f4").eps * scale)  # 12 + 8 roundings, squared


@pytest.mark.parametrize(("loss", "penalty"), CELLS)
def test_powers_of_two_scale_through(rng, loss, penalty):
    """Nothing is rounded, nothing overflows: a factor of y and of the coefficients, and one of the columns."""
    X, y, coef = state(rng, loss)
    degree = 2 if loss == "squared" else 1  # of the loss in the data
    of_penalty = degree - 1 if penalty == "l1" else degree
    expected = greedy_decrease(X, y, coef, loss=loss, penalty=penalty, alpha=0.1)
    for a in (2.0**-40, 2.0**60):
        options = {"loss": loss, "penalty": penalty, "alpha": 0.1 * a**of_penalty}
        actual = greedy_decrease(X, y * a, coef * a, **options)
        assert_allclose(actual, expected * a**degree, rtol=1e-9, atol=1e-12 * expected.max() * a**degree)
        options = {"loss": loss, "penalty": penalty, "alpha": 0.1, "feature_weights": np.full(20, a)}
        if penalty == "l1":  # |w_j| of columns a x_j is 1 / a of what it was
            actual = greedy_decrease(X * a, y, coef / a, **options)
            assert_allclose(actual, expected, rtol=1e-9, atol=1e-12 * expected.max())


def test_input_is_left_alone(rng):
    for loss, penalty in CELLS:
        X, y, coef = state(rng, loss)
        weights = rng.uniform(0.5, 2, 20)
        copies = [a.copy() for a in (X, y, coef, weights)]
        for a in (X, y, coef, weights):
            a.setflags(write=False)
        greedy_decrease(X, y, coef, loss=loss, penalty=penalty, alpha=0.1, feature_weights=weights)
        for a, copy in zip((X, y, coef, weights), copies, strict=True):
            assert_array_equal(a, copy)


# ---- bad input

GOOD = {"loss": "sqrt", "penalty": "l1", "alpha": 0.1}
BAD = {
    "loss": ["huber", None, 1],
    "penalty": ["l2", None, 0],
    "alpha": [-1.0, np.nan, "large", None],
    "feature_weights": [np.ones(19), np.full(20, -1.0), np.full(20, np.nan), "many"],
    "X": [np.full((15, 20), np.nan), np.full((15, 20), np.inf), np.ones(15), None],
    "y": [np.full(15, np.nan), np.ones(14), np.ones((15, 2, 2)), None],
    "coef": [np.full(20, np.nan), np.ones(19), np.ones((2, 20)), np.ones((20, 1)), None],
}


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param(n, v, id=f"{n}-{i}") for n, vs in BAD.items() for i, v in enumerate(vs)]
)
def test_bad_input_is_refused_by_name(name, value):
    X, y, coef = state(np.random.default_rng(0), "sqrt")
    arguments = {"X": X, "y": y, "coef": coef} | GOOD | {name: value}
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        greedy_decrease(**arguments)


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "operator", "complex X", "complex y", "two targets"])
def test_absolute_takes_one_real_dense_target(kind):
    X, y, coef = state(np.random.default_rng(0), "absolute")
    if kind == "two targets":
        y, coef = np.c_[y, y], np.stack([coef, coef])
    elif kind == "complex y":
        y = y + 1j
    elif kind == "complex X":
        X = X + 1j
    else:
        X = aslinearoperator(X) if kind == "operator" else KINDS[kind](X)
    with pytest.raises((ValueError, TypeError), match="absolute"):
        greedy_decrease(X, y, coef, loss="absolute", penalty="l1", alpha=0.1)

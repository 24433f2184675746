"""Problems multiplied from the left, against their definition."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from sparsekit import WeightedLasso, lasso_path
from sparsekit.recovery.preconditioning import preconditioned

ROUNDING = 1e-10  # relative; condition numbers here are below 1e3, squared in V of an SVD with close singular values
SHAPES = [(12, 30), (30, 12), (20, 20)]


def problem(seed, m=12, n=30):
    """X of any mean and of decaying spectrum, y, sample weights with zeros."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) @ np.diag(np.geomspace(1, 0.1, n)) @ rng.standard_normal((n, n))
    X += rng.uniform(-5, 5, n)
    s = rng.uniform(0.2, 2, m)
    s[:2] = 0
    return X, rng.standard_normal(m) + 3, s


def centred(X, y, s, intercept):
    root = np.sqrt(s)
    mu = s @ X / s.sum() if intercept else np.zeros(X.shape[1])
    mean = s @ y / s.sum() if intercept else 0.0
    return root[:, None] * (X - mu), root * (y - mean), mu, mean


def by_definition(A, z, rank):
    """F A and F z with F = c U D^-1 U^T; c such that the trace of A^T A does not change."""
    U, d, _ = np.linalg.svd(A)
    U, d = U[:, :rank], d[:rank]
    F = np.sqrt((d**2).sum() / rank) * (U / d) @ U.T
    return F @ A, F @ z


def objective_of(A, z, coefs, total):
    return np.square(z[:, None] - A @ coefs).sum(axis=0) / (2 * total)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_puffer_is_that_of_the_definition(shape, weighted, intercept):
    X, y, s = problem(0, *shape)
    s = s if weighted else np.ones(len(y))
    A, z, mu, mean = centred(X, y, s, intercept)
    rank = min(np.count_nonzero(s) - intercept, X.shape[1])
    FA, Fz = by_definition(A, z, rank)
    found = preconditioned(X, y, "puffer", sample_weight=s if weighted else None, fit_intercept=intercept)
    assert found.X.shape == (rank, X.shape[1]) and found.y.shape == (rank,)
    assert_allclose(found.X_mean, mu, rtol=0, atol=1e-14)  # a dozen roundings of numbers below 10
    assert_allclose(found.y_mean, mean, rtol=1e-14)
    coefs = np.random.default_rng(1).standard_normal((X.shape[1], 20))
    expected = objective_of(FA, Fz, coefs, s.sum())
    assert_allclose(objective_of(found.X, found.y, coefs, rank), expected, rtol=ROUNDING)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_singular_values_are_equal_and_columns_keep_their_mean_squared_length(shape):
    X, y, s = problem(1, *shape)
    found = preconditioned(X, y, "puffer", sample_weight=s, fit_intercept=True)
    d = np.linalg.svd(found.X, compute_uv=False)
    assert_allclose(d, d[0], rtol=1e-13)  # some roundings of an orthogonal matrix
    before = np.square(centred(X, y, s, True)[0]).sum() / s.sum()
    assert_allclose(np.square(found.X).sum() / len(found.X), before, rtol=1e-13)


def test_a_rotation_of_the_rows_changes_no_lasso():
    X, y, _ = problem(2, 20, 30)
    rotation = np.linalg.qr(np.random.default_rng(3).standard_normal((20, 20)))[0]
    plain = preconditioned(X, y, "puffer", sample_weight=None, fit_intercept=False)
    rotated = preconditioned(rotation @ X, rotation @ y, "puffer", sample_weight=None, fit_intercept=False)
    assert_allclose(rotated.X.T @ rotated.X, plain.X.T @ plain.X, rtol=0, atol=ROUNDING * np.square(X).sum())
    alphas, coefs, *_ = lasso_path(plain.X, plain.y, n_alphas=5, eps=0.1, tol=1e-12)
    again = lasso_path(rotated.X, rotated.y, alphas=alphas, tol=1e-12)[1]
    assert_allclose(again, coefs, rtol=0, atol=1e-5 * np.abs(coefs).max())  # root of the gap, times the condition


def test_noise_in_the_span_of_no_column_is_taken_out():
    X, y, _ = problem(4, 30, 12)
    orthogonal = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    plain = preconditioned(X, y, "puffer", sample_weight=None, fit_intercept=False)
    noisy = preconditioned(X, y + 10 * orthogonal, "puffer", sample_weight=None, fit_intercept=False)
    assert_allclose(noisy.y, plain.y, rtol=0, atol=ROUNDING * np.abs(plain.y).max())


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_identity_preconditions_nothing(weighted, intercept):
    X, y, s = problem(5)
    s = s if weighted else None
    options = {"sample_weight": s, "fit_intercept": intercept}
    found = preconditioned(X, y, lambda A: np.eye(len(A)), **options)
    assert found.X.shape == X.shape
    alphas, coefs, gaps, intercepts = lasso_path(X, y, n_alphas=6, eps=0.01, tol=1e-12, **options)
    _, same, their_gaps, _ = lasso_path(found.X, found.y, alphas=alphas, tol=1e-12)
    assert_allclose(same, coefs, rtol=0, atol=1e-5 * np.abs(coefs).max())  # root of the gap, times the condition
    assert_allclose(found.y_mean - found.X_mean @ same, intercepts, rtol=0, atol=1e-4)
    assert_allclose(their_gaps, gaps, rtol=0, atol=1e-11)  # the same units: null models of order 1


def test_a_callable_gets_weighted_and_centred_rows_and_cannot_write():
    X, y, s = problem(6)
    seen = []

    def keep(A):
        seen.append(A)
        return np.ones((3, len(A)))

    found = preconditioned(X, y, keep, sample_weight=s, fit_intercept=True)
    A, z, *_ = centred(X, y, s, True)
    assert_allclose(seen[0], A, rtol=0, atol=1e-13)
    assert_allclose(found.X, np.sqrt(3 / s.sum()) * np.ones((3, 12)) @ A, rtol=0, atol=1e-12)
    assert_allclose(found.y, np.sqrt(3 / s.sum()) * np.ones((3, 12)) @ z, rtol=0, atol=1e-12)
    X, given = np.asfortranarray(X), X.copy()
    with pytest.raises(ValueError, match="read-only"):
        preconditioned(X, y, lambda A: A.__setitem__(0, 0.0), sample_weight=None, fit_intercept=False)
    assert_array_equal(X, given)


def test_a_callable_with_the_definition_is_the_puffer():
    X, y, s = problem(7)

    def puffer(A):
        U, d, _ = np.linalg.svd(A)
        return np.sqrt((d[:9] ** 2).sum() / 9) * (U[:, :9] / d[:9]) @ U[:, :9].T

    options = {"sample_weight": s, "fit_intercept": True}  # 12 rows, 2 without weight, 1 rank for the mean
    ours, theirs = (preconditioned(X, y, F, **options) for F in ("puffer", puffer))
    for coef in np.random.default_rng(8).standard_normal((10, 30)):
        values = [np.square(p.y - p.X @ coef).sum() / len(p.y) for p in (ours, theirs)]
        assert_allclose(values[0], values[1], rtol=ROUNDING)


def test_dependent_and_constant_columns_lower_the_rank():
    X, y, _ = problem(9, 30, 12)
    X[:, 3], X[:, 4], X[:, 5] = X[:, 2] - X[:, 1], 7.0, 0.0
    found = preconditioned(X, y, "puffer", sample_weight=None, fit_intercept=True)
    assert found.X.shape == (9, 12)  # 12 - 3
    assert np.abs(found.y).max() < 1e3  # 1e13 times more with a singular value that is but rounding
    assert np.abs(found.X[:, 4:6]).max() < 1e-12
    many = np.hstack([X] * 3)
    assert preconditioned(many, y, "puffer", sample_weight=None, fit_intercept=True).X.shape == (9, 36)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e6, 1e9])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_means_take_one_rank(offset, dtype):
    X = (np.random.default_rng(10).standard_normal((15, 40)) + offset).astype(dtype)
    found = preconditioned(X, X[:, 0], "puffer", sample_weight=None, fit_intercept=True)
    expected = 14 if offset * np.finfo(dtype).eps < 1e-3 else 0  # the means leave digits to the columns, or none
    assert len(found.X) == max(expected, 1) and found.X.any() == (expected > 0)
    assert np.abs(found.y).max() < 1e3  # rounding that passes for a rank is at least 1e6 times that


def test_nothing_but_constants():
    found = preconditioned(np.full((5, 3), 2.0), np.arange(5.0), "puffer", sample_weight=None, fit_intercept=True)
    assert found.X.shape == (1, 3) and not found.X.any() and not found.y.any()
    assert found.y_mean == 2


def test_integer_weights_repeat_rows():
    X, y, _ = problem(11)
    s = np.arange(12) % 3
    weighted = preconditioned(X, y, "puffer", sample_weight=s.astype(float), fit_intercept=True)
    repeated = preconditioned(
        np.repeat(X, s, axis=0), np.repeat(y, s), "puffer", sample_weight=None, fit_intercept=True
    )
    assert weighted.X.shape == repeated.X.shape
    for one, other in ((weighted.X, repeated.X), (weighted.y[:, None], repeated.y[:, None])):
        expected = repeated.X.T @ other
        assert_allclose(weighted.X.T @ one, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())
    assert_allclose(weighted.X_mean, repeated.X_mean, rtol=1e-12)
    assert_allclose(weighted.y_mean, repeated.y_mean, rtol=1e-12)


@pytest.mark.parametrize("scales", [(600, 0), (-600, 0), (0, 900), (900, -900)])
def test_powers_of_two(scales):
    X, y, s = problem(12)
    options = {"sample_weight": s, "fit_intercept": True}
    for kind in ("puffer", lambda A: np.eye(len(A))):
        plain = preconditioned(X, y, kind, **options)
        found = preconditioned(np.ldexp(X, scales[0]), np.ldexp(y, scales[1]), kind, **options)
        for one, other, scale in zip(found, plain, (*scales, *scales), strict=True):
            assert_array_equal(np.ldexp(one, -scale), other)


def test_several_targets_are_many_single_ones():
    X, y, s = problem(13)
    Y = np.column_stack([y, y**2, X[:, 0]])
    options = {"sample_weight": s, "fit_intercept": True}
    for kind in ("puffer", lambda A: A.T):
        found = preconditioned(X, Y, kind, **options)
        assert found.y.shape == (len(found.X), 3) and found.y_mean.shape == (3,)
        for t in range(3):
            one = preconditioned(X, Y[:, t], kind, **options)
            assert_allclose(found.y[:, t], one.y, rtol=0, atol=1e-12 * np.abs(one.y).max())
            assert_allclose(found.y_mean[t], one.y_mean, rtol=1e-14)


@pytest.mark.parametrize("kind", ["puffer", lambda A: np.eye(len(A))])
def test_single_precision_is_kept(kind):
    X, y, s = problem(14)
    options = {"sample_weight": s, "fit_intercept": True}
    exact = preconditioned(X, y, kind, **options)
    found = preconditioned(X.astype(np.float32), y.astype(np.float32), kind, **options)
    assert found.X.dtype == found.y.dtype == np.float32 and found.X.flags.f_contiguous
    expected = exact.X.T @ exact.y
    assert_allclose(
        found.X.T @ found.y, expected, rtol=0, atol=1e-3 * np.abs(expected).max()
    )  # eps times the condition


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.eye(11), r"shape \(k, 12\), got an array of shape \(11, 11\)"),
        (np.ones(12), r"got an array of shape \(12,\)"),
        (np.ones((0, 12)), r"got an array of shape \(0, 12\)"),
        (np.ones((2, 3, 12)), r"got an array of shape \(2, 3, 12\)"),
        (None, r"got an array of shape \(\)"),
        (1j * np.eye(12), "real array .* got dtype complex128"),
        (np.array([["x"] * 12]), "got dtype <U1"),
        (np.full((2, 12), np.nan), "without NaN and infinity, got 24 such entries"),
        (np.where(np.eye(12), np.inf, 0), "got 12 such entries"),
        (csr_array(np.eye(12)), r"got a sparse matrix: F.toarray\(\)"),
    ],
)
def test_answers_that_are_refused(answer, message):
    X, y, _ = problem(15)
    with pytest.raises(ValueError, match=message):
        preconditioned(X, y, lambda _: answer, sample_weight=None, fit_intercept=True)


@pytest.mark.parametrize("value", ["snuffer", "", 3, None, np.eye(12)])
def test_preconditioners_that_are_refused(value):
    X, y, _ = problem(16)
    with pytest.raises(ValueError, match='preconditioner must be "puffer", a callable or None, got '):
        preconditioned(X, y, value, sample_weight=None, fit_intercept=True)


def test_sparse_x_is_refused():
    X, y, _ = problem(17)
    with pytest.raises(TypeError, match=r"Sparse X is not supported .* as F X is dense: pass X.toarray\(\)"):
        preconditioned(csr_array(X), y, "puffer", sample_weight=None, fit_intercept=True)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("preconditioner", ["puffer", np.linalg.pinv])
def test_the_estimator_solves_the_multiplied_problem(preconditioner, intercept):
    X, y, s = problem(3)
    omega = np.linspace(0.5, 2, 30)
    omega[4], omega[7] = np.inf, 0
    kept = np.isfinite(omega)
    parts = preconditioned(X[:, kept], y, preconditioner, sample_weight=s, fit_intercept=intercept)
    model = WeightedLasso(
        0.05, feature_weights=omega, fit_intercept=intercept, preconditioner=preconditioner, tol=1e-10
    ).fit(X, y, s)
    _, coefs, _, _ = lasso_path(parts.X, parts.y, alphas=[0.05], feature_weights=omega[kept], tol=1e-10)
    assert_allclose(model.coef_[kept], coefs[:, 0], rtol=0, atol=1e-6 * np.abs(coefs).max())
    assert model.coef_[4] == 0 and model.coef_[7] != 0
    assert_allclose(model.intercept_, parts.y_mean - parts.X_mean @ coefs[:, 0] if intercept else 0, atol=1e-6)


def test_the_puffer_sees_through_common_factors(rng):
    """Three strong factors make all columns alike; the LASSO takes others beside the right ones."""
    common = rng.standard_normal((100, 3)) @ rng.standard_normal((3, 200))
    X = rng.standard_normal((100, 200)) + 5 * common
    w = np.zeros(200)
    w[rng.choice(200, 10, replace=False)] = 1
    puffed = preconditioned(X, X @ w, "puffer", sample_weight=None, fit_intercept=False)
    exact = [
        ((lasso_path(A, y, n_alphas=50, eps=1e-2)[1] != 0) == (w != 0)[:, None]).all(axis=0).any()
        for A, y in ((X, X @ w), puffed[:2])
    ]
    assert exact == [False, True]


def test_what_the_estimator_refuses():
    X, y, _ = problem(4)
    with pytest.raises(TypeError, match="Sparse X is not supported by a preconditioner"):
        WeightedLasso(preconditioner="puffer").fit(csr_array(X), y)
    with pytest.raises(ValueError, match="preconditioner must be"):
        WeightedLasso(preconditioner="svd").fit(X, y)
    with pytest.raises(ValueError, match="preconditioner must return"):
        WeightedLasso(preconditioner=lambda A: A.T[:, 1:]).fit(X, y)

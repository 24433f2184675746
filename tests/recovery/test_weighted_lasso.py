"""WeightedLasso and lasso_path against a conic solver, closed forms and their own certificates."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import aslinearoperator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LinearRegression

from sparsekit import WeightedLasso, lasso_path
from sparsekit.datasets import make_sparse_signal
from sparsekit.recovery import columns as kernels
from tests.naive import convex as naive

TIGHT = 1e-12  # duality gap that Newton steps reach, some rounding above 1e-16


def problem(seed, m=40, n=60, *, weights=True):
    """X of any scale and mean, y, feature weights with zeros and infinities, sample weights with zeros."""
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((m, n)) + rng.uniform(-1, 1, n)) * 10.0 ** rng.uniform(-1, 1, n)
    y = X[:, :4] @ rng.standard_normal(4) / 3 + rng.standard_normal(m) + 5
    omega, s = None, None
    if weights:
        omega, s = rng.uniform(0.3, 2, n), rng.uniform(0, 2, m)
        omega[:2], omega[5:8], s[:3] = 0, np.inf, 0
    return X, y, omega, s


def gap_of(X, y, coef, intercept, alpha, omega, s):
    """Relative, from the definition: the best multiple of the residual without what is free."""
    W = s.sum()
    root = np.sqrt(s)
    kept = np.isfinite(omega)
    A, w, bounds = root[:, None] * X[:, kept], coef[kept], W * alpha * omega[kept]
    r = root * (y - intercept) - A @ w
    free = np.column_stack([root, A[:, bounds == 0]])
    Q = np.linalg.svd(free, full_matrices=False)[0]
    target = root * y - Q @ (Q.T @ (root * y))
    theta = r - Q @ (Q.T @ r)
    scale = 1 / max(1, np.max(np.abs(A.T @ theta)[bounds > 0] / bounds[bounds > 0]))
    scales = np.linspace(0.5, 1, 50) * scale
    dual = max(q * theta @ target - q * q * theta @ theta / 2 for q in scales)
    return (r @ r / 2 + bounds @ np.abs(w) - dual) / (target @ target / 2)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, csr_array, csc_array])
def test_equals_a_conic_solver(form, weights, intercept, positive):
    for seed in range(4):
        X, y, omega, s = problem(seed, weights=weights)
        options = {"feature_weights": omega, "fit_intercept": intercept, "positive": positive}
        alpha = 0.1 * naive.alpha_max(X, y, loss="squared", sample_weight=s, **options)
        expected = naive.solve(X, y, loss="squared", alpha=alpha, sample_weight=s, **options)
        model = WeightedLasso(alpha, tol=TIGHT, **options).fit(form(X), y, s)
        assert model.converged_
        found = naive.objective(
            X, y, model.coef_, model.intercept_, loss="squared", alpha=alpha, feature_weights=omega, sample_weight=s
        )
        assert found <= expected.objective * (1 + 1e-8)  # what the conic solver reaches
        assert_allclose(model.coef_, expected.coef, rtol=0, atol=1e-5 * np.abs(expected.coef).max())
        assert not weights or not model.coef_[5:8].any()


def test_the_certificate_is_that_of_the_definition():
    for seed in range(10):
        X, y, omega, s = problem(seed)
        alpha = 0.05 * naive.alpha_max(X, y, loss="squared", feature_weights=omega, sample_weight=s)
        model = WeightedLasso(alpha, feature_weights=omega, tol=1e-4).fit(X, y, s)
        null = naive.null_model(X, y, loss="squared", feature_weights=omega, sample_weight=s).objective
        assert model.dual_gap_ <= 1e-4 * null
        best = WeightedLasso(alpha, feature_weights=omega, tol=TIGHT).fit(X, y, s)
        measure = {"loss": "squared", "alpha": alpha, "feature_weights": omega, "sample_weight": s}
        above = naive.objective(X, y, model.coef_, model.intercept_, **measure) - naive.objective(
            X, y, best.coef_, best.intercept_, **measure
        )
        assert -1e-12 * null <= above <= model.dual_gap_ + 1e-12 * null
        assert gap_of(X, y, best.coef_, best.intercept_, alpha, omega, s) < 1e-9


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", [np.asarray, csc_array])
def test_the_grid_begins_where_nothing_is_selected(form, dtype):
    X, y, omega, s = problem(3)
    X, y = X.astype(dtype), y.astype(dtype)
    alphas, coefs, gaps, intercepts = lasso_path(
        form(X), y, n_alphas=20, eps=1e-2, feature_weights=omega, sample_weight=s, fit_intercept=True
    )
    expected = naive.alpha_max(X, y, loss="squared", feature_weights=omega, sample_weight=s)
    assert_allclose(alphas[0], expected, rtol=1e-9 if dtype == np.float64 else 1e-5)
    assert_allclose(alphas[-1], 1e-2 * alphas[0], rtol=1e-12)
    assert coefs.dtype == intercepts.dtype == dtype
    assert_array_equal(np.flatnonzero(coefs[:, 0]), [0, 1])
    assert np.count_nonzero(coefs[:, 1]) > 2
    null = naive.null_model(X, y, loss="squared", feature_weights=omega, sample_weight=s).objective
    assert (gaps <= 1e-6 * null * 1.0001).all()
    if dtype == np.float64:
        for alpha, coef, intercept in zip(alphas, coefs.T, intercepts, strict=True):
            assert gap_of(X, y, coef, intercept, alpha, omega, s) <= 1.1e-6


def test_warm_paths_equal_cold_solutions():
    X, y, omega, s = problem(5)
    alphas, coefs, _, intercepts = lasso_path(
        X, y, n_alphas=8, eps=1e-2, feature_weights=omega, sample_weight=s, fit_intercept=True, tol=TIGHT
    )
    for alpha, coef, intercept in zip(alphas[1:], coefs.T[1:], intercepts[1:], strict=True):
        model = WeightedLasso(alpha, feature_weights=omega, tol=TIGHT).fit(X, y, s)
        assert_allclose(model.coef_, coef, rtol=0, atol=1e-6 * np.abs(coef).max())
        assert_allclose(model.intercept_, intercept, rtol=1e-6)


def test_orthogonal_columns_shrink_by_the_strength(rng):
    Q = np.linalg.qr(rng.standard_normal((30, 8)))[0] * np.sqrt(30)
    y = rng.standard_normal(30)
    alpha = 0.1
    least_squares = Q.T @ y / 30
    model = WeightedLasso(alpha, fit_intercept=False, tol=TIGHT).fit(Q, y)
    expected = np.sign(least_squares) * np.maximum(np.abs(least_squares) - alpha, 0)
    assert_allclose(model.coef_, expected, rtol=0, atol=1e-12)


def test_weights_scale_columns(rng):
    """omega_j as a weight, and a column divided by it: the same fit."""
    X, y, _, s = problem(7)
    omega = rng.uniform(0.2, 3, 60)
    weighted = WeightedLasso(0.2, feature_weights=omega, tol=TIGHT).fit(X, y, s)
    scaled = WeightedLasso(0.2, tol=TIGHT).fit(X / omega, y, s)
    assert_allclose(weighted.coef_, scaled.coef_ / omega, rtol=0, atol=1e-8 * np.abs(weighted.coef_).max())


def test_integer_weights_repeat_rows():
    X, y, omega, _ = problem(8)
    s = np.arange(40) % 3
    weighted = WeightedLasso(0.2, feature_weights=omega, tol=TIGHT).fit(X, y, s)
    repeated = WeightedLasso(0.2, feature_weights=omega, tol=TIGHT).fit(np.repeat(X, s, axis=0), np.repeat(y, s))
    assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-8 * np.abs(weighted.coef_).max())
    assert_allclose(weighted.intercept_, repeated.intercept_, rtol=1e-8)


def test_equals_scikit_learn():
    X, y, _, s = problem(9)
    for alpha in (1.0, 0.1, 0.01):
        peer = Lasso(alpha, tol=1e-14, max_iter=10**6).fit(X, y, s)
        ours = WeightedLasso(alpha, tol=TIGHT).fit(X, y, s)
        assert_allclose(ours.coef_, peer.coef_, rtol=0, atol=1e-5 * np.abs(peer.coef_).max())


def test_all_columns_free_is_least_squares():
    X, y, _, s = problem(10, m=40, n=10)
    model = WeightedLasso(1.0, feature_weights=np.zeros(10)).fit(X, y, s)
    peer = LinearRegression().fit(X, y, s)
    assert_allclose(model.coef_, peer.coef_, rtol=1e-8)
    assert_allclose(model.intercept_, peer.intercept_, rtol=1e-8)
    assert model.converged_ and model.dual_gap_ <= 1e-12


def test_a_target_that_free_columns_explain():
    for seed in range(10):
        X, _, _, _ = problem(seed)
        omega = np.ones(60)
        omega[:3] = 0
        model = WeightedLasso(0.1, feature_weights=omega).fit(X, X[:, :3] @ [1.0, -2.0, 0.5] + 3)
        assert_allclose(model.coef_[:3], [1.0, -2.0, 0.5], rtol=1e-9)
        assert not model.coef_[3:].any() and abs(model.intercept_ - 3) < 1e-9
        assert model.converged_ and model.dual_gap_ == 0 and model.n_iter_ == 1


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_dependent_and_constant_columns(form, rng):
    X = rng.standard_normal((30, 12))
    X[:, 3], X[:, 4], X[:, 5], X[:, 6] = X[:, 2], -X[:, 2], 7.0, 0.0
    y = X[:, 0] + X[:, 2] + 0.1 * rng.standard_normal(30)
    omega = np.ones(12)
    omega[[7, 8]] = 0
    X[:, 8] = 2 * X[:, 7]
    model = WeightedLasso(0.01, feature_weights=omega, tol=1e-9).fit(form(X), y)
    assert model.converged_
    assert not model.coef_[5:7].any()
    assert_allclose(model.coef_[2] + model.coef_[3] - model.coef_[4], 1.0, atol=0.1)


def test_nothing_to_explain():
    X, _, _, _ = problem(12)
    for y in (np.zeros(40), np.full(40, 3.0)):
        model = WeightedLasso(0.1).fit(X, y)
        assert not model.coef_.any() and model.dual_gap_ == 0
        assert_allclose(model.intercept_, y[0], rtol=1e-15)
    dropped = WeightedLasso(0.1, feature_weights=np.full(60, np.inf)).fit(X, np.arange(40.0))
    assert not dropped.coef_.any() and dropped.intercept_ == 19.5
    alphas, coefs, gaps, _ = lasso_path(X, np.zeros(40), n_alphas=3)
    assert (alphas > 0).all() and not coefs.any() and not gaps.any()


@pytest.mark.parametrize("form", [np.asarray, csc_array])
@pytest.mark.parametrize("scales", [(300, 0), (0, -300), (-280, 250), (400, -400)])
def test_units(form, scales):
    """Powers of two of X and y change no digit but the exponents."""
    X, y, omega, s = problem(13)
    plain = WeightedLasso(0.125, feature_weights=omega).fit(form(X), y, s)
    with_units = WeightedLasso(2.0 ** (sum(scales) - 3), feature_weights=omega).fit(
        form(np.ldexp(X, scales[0])), np.ldexp(y, scales[1]), s
    )
    assert_allclose(np.ldexp(with_units.coef_, scales[0] - scales[1]), plain.coef_, rtol=1e-12)
    assert with_units.n_iter_ == plain.n_iter_


def test_single_precision_is_kept():
    X, y, omega, s = problem(14)
    exact = WeightedLasso(0.1, feature_weights=omega, tol=1e-9).fit(X, y, s)
    for form in (np.asarray, csc_array):
        model = WeightedLasso(0.1, feature_weights=omega).fit(form(X.astype(np.float32)), y.astype(np.float32), s)
        assert model.coef_.dtype == np.float32
        assert_allclose(model.coef_, exact.coef_, rtol=0, atol=1e-3 * np.abs(exact.coef_).max())


def test_warm_starts():
    X, y, omega, s = problem(15)
    model = WeightedLasso(0.1, feature_weights=omega, warm_start=True, tol=TIGHT).fit(X, y, s)
    first = model.coef_.copy()
    model.fit(X, y, s)
    assert model.n_iter_ == 1
    assert_allclose(model.coef_, first, rtol=1e-9, atol=1e-12)
    model.set_params(feature_weights=None).fit(X[:, :20], y, s)  # another shape begins anew
    assert model.coef_.shape == (20,)


def test_too_few_working_sets():
    X, y, _ = make_sparse_signal(100, 1000, 20, noise=0.1, rng=0)
    with pytest.warns(ConvergenceWarning, match=r"duality gap .* after \d+ working sets: raise max_iter or tol"):
        model = WeightedLasso(1e-4, max_iter=1).fit(X, y)
    assert not model.converged_ and model.dual_gap_ > 0
    with pytest.warns(ConvergenceWarning, match=r"above tol for \d+ of 3 strengths"):
        lasso_path(X, y, n_alphas=3, max_iter=1)


@pytest.mark.parametrize("n", [30, 300])
def test_large_supports_are_solved_by_conjugate_gradients(monkeypatch, n, rng):
    monkeypatch.setattr(kernels, "_GRAM", 5)
    X = rng.standard_normal((60, n))
    y = X[:, :10] @ rng.standard_normal(10) + 0.1 * rng.standard_normal(60)
    model = WeightedLasso(0.01, tol=1e-10).fit(X, y)
    assert model.converged_ and np.count_nonzero(model.coef_) > 5
    ones = np.ones(60)
    assert gap_of(X, y, model.coef_, model.intercept_, 0.01, np.ones(n), ones) < 2e-10


def test_products_of_many_columns_are_forgotten(monkeypatch, rng):
    monkeypatch.setattr(kernels, "_GRAM", 40)
    X = rng.standard_normal((50, 200))
    y = X[:, :30] @ rng.standard_normal(30) + rng.standard_normal(50)
    alphas, coefs, _, intercepts = lasso_path(X, y, n_alphas=30, eps=1e-2, tol=1e-9, fit_intercept=True)
    for alpha, coef, intercept in zip(alphas, coefs.T, intercepts, strict=True):
        assert gap_of(X, y, coef, intercept, alpha, np.ones(200), np.ones(50)) < 2e-9


def test_no_entry_of_x_or_y_changes():
    X, y, omega, _ = problem(16)
    X, given = np.asfortranarray(X), X.copy()
    target = y.copy()
    WeightedLasso(0.1, feature_weights=omega, fit_intercept=False).fit(X, y)
    assert_array_equal(X, given)
    assert_array_equal(y, target)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": -1.0}, "alpha"),
        ({"alpha": np.inf}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"tol": 0.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"feature_weights": np.full(60, -1.0)}, "feature_weights"),
        ({"feature_weights": np.ones(59)}, "feature_weights"),
    ],
)
def test_parameters_out_of_range(options, message):
    X, y, _, _ = problem(17)
    with pytest.raises(ValueError, match=message):
        WeightedLasso(**options).fit(X, y)


def test_input_that_is_refused():
    X, y, _, _ = problem(18)
    with pytest.raises(TypeError, match="LinearOperator"):
        WeightedLasso().fit(aslinearoperator(X), y)
    with pytest.raises(ValueError, match="Complex data not supported"):
        WeightedLasso().fit(X + 0j, y)
    with pytest.raises(ValueError, match="one target"):
        WeightedLasso(positive=True).fit(X, np.column_stack([y, y]))
    for alphas in ([], [1.0, 0.0], [np.nan], [np.inf]):
        with pytest.raises(ValueError, match="alphas must be strengths"):
            lasso_path(X, y, alphas=alphas)
    with pytest.raises(ValueError, match="eps"):
        lasso_path(X, y, eps=1.0)


def test_strengths_are_solved_from_the_largest():
    X, y, _, _ = problem(19)
    alphas, coefs, _, _ = lasso_path(X, y, alphas=[0.1, 1.0, 0.3])
    assert_array_equal(alphas, [1.0, 0.3, 0.1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = lasso_path(X, y, alphas=[1.0])[1]
    assert_allclose(coefs[:, 0], again[:, 0], rtol=1e-9)

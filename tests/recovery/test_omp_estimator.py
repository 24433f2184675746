"""OrthogonalMatchingPursuit: the weighted, centred problem against its definition, scikit-learn and itself."""

import warnings
from functools import lru_cache

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import linear_model

from sparsekit import OrthogonalMatchingPursuit
from tests.naive import pursuit as naive
from tests.naive.design import KINDS, centred, dense

DTYPES = ["float32", "float64", "complex64", "complex128"]
K = 5
M, N = 26, 30
TARGETS = [(None, False), (2, False), (9, False), (3, True)]
OPTIONS = {  # fit_intercept, sample weights, feature weights
    "plain": (False, False, False),
    "intercept": (True, False, False),
    "samples": (True, True, False),
    "features": (False, False, True),
    "all": (True, True, True),
}
properties = settings(max_examples=40, deadline=None, derandomize=True)


def gaussian(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x).astype(dtype)


def problem(dtype="float64", n_targets=None, m=M, n=N, seed=0):
    """X, y with means that matter, sample weights with zeros."""
    rng = np.random.default_rng(seed)
    X = ((gaussian(rng, (m, n), dtype) + 1) * (rng.random((m, n)) < 0.7)).astype(dtype)
    y = gaussian(rng, (m,) if n_targets is None else (m, n_targets), dtype) + 3
    s = rng.exponential(size=m)
    s[rng.choice(m, 2, replace=False)] = 0
    return X, y.astype(dtype), s


def feature_weights(selection):
    """Between 1/2 and 2, three infinities, weight zero for two columns (OLS: one, whose order cannot matter)."""
    rng = np.random.default_rng(7)
    w = rng.uniform(0.5, 2, N)
    w[[4, 9, 21]] = np.inf
    w[[13, 2] if selection == "omp" else [13]] = 0
    return w


@lru_cache
def definition(dtype, n_targets, joint, selection, options):
    """-> [(S, W, residuals) per target, or one for all when joint], mean of X, mean of y"""
    intercept, samples, features = OPTIONS[options]
    X, y, s = problem(dtype, n_targets)
    A, mean_X = centred(X, s if samples else None, intercept)
    Y, mean_y = centred(y.reshape(M, -1), s if samples else None, intercept)
    weights = feature_weights(selection) if features else None
    run = [
        naive.orthogonal_pursuit(A, g, K, selection=selection, weights=weights, eps=np.finfo(dtype).eps)
        for g in ([Y] if joint else Y.T)
    ]
    return run, mean_X, mean_y


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_definition(dtype, kind, n_targets, joint, selection, options):
    intercept, samples, features = OPTIONS[options]
    X, y, s = problem(dtype, n_targets)
    runs, mean_X, mean_y = definition(dtype, n_targets, joint, selection, options)
    model = OrthogonalMatchingPursuit(
        K,
        selection=selection,
        joint=joint,
        fit_intercept=intercept,
        feature_weights=feature_weights(selection) if features else None,
    ).fit(KINDS[kind](X), y, sample_weight=s if samples else None)

    # normal equations: kappa^2 < 30 with means and weights at work, times m + K < 50 roundings
    eps = 1500 * np.finfo(dtype).eps
    several = n_targets is not None and not joint
    active, path, residual = (np.asarray(a) for a in (model.active_, model.path_, model.residual_))
    assert active.shape == ((n_targets, K) if several else (K,))
    assert path.shape == ((K, K) if n_targets is None else (n_targets, K, K))
    W = np.zeros((N, n_targets or 1), dtype="complex128")
    for i, (S, steps, norms) in enumerate(runs):
        assert_array_equal(active[i] if several else active, S)
        columns = range(n_targets) if joint else [i]
        W[np.ix_(S, columns)] = steps[-1]
        for t, step in enumerate(steps):
            for column, target in enumerate(columns):
                row = path[t] if n_targets is None else path[target, t]
                assert_array_equal(row[t + 1 :], 0)
                assert_allclose(row[: t + 1], step[:, column], rtol=0, atol=eps * np.abs(step).max())
        if not joint:
            assert_allclose(residual[i] if several else residual, norms, rtol=0, atol=eps * norms[0])
        else:  # Frobenius norms of all targets, or the norms of each
            assert_allclose(
                residual if residual.ndim == 1 else np.linalg.norm(residual, axis=0), norms, rtol=0, atol=eps * norms[0]
            )

    coef, b = (W, mean_y - mean_X @ W) if n_targets else (W[:, 0], (mean_y - mean_X @ W)[0])
    assert model.coef_.dtype == dtype and model.coef_.shape == coef.T.shape
    assert_array_equal(model.coef_ != 0, coef.T != 0)
    assert_allclose(model.coef_, coef.T, rtol=0, atol=eps * np.abs(coef).max())
    assert np.shape(model.intercept_) in (np.shape(b), () if not intercept else np.shape(b))
    assert_allclose(model.intercept_, b if intercept else 0, rtol=0, atol=eps * np.abs(coef).max() * N)
    assert_array_equal(model.n_nonzero_coefs_, np.full(n_targets, K) if several else K)
    assert model.n_features_in_ == N
    assert np.all(np.asarray(model.n_iter_) == K)
    assert model.stop_reason_ == (["n_nonzero_coefs"] * n_targets if several else "n_nonzero_coefs")
    assert 0 <= model.kkt_violation_ <= eps
    prediction = model.predict(KINDS[kind](X))
    assert prediction.shape == y.shape
    assert_allclose(prediction, dense(X) @ coef + b, rtol=0, atol=eps * np.abs(coef).max() * N)


# ---- scikit-learn


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("options", [{"n_nonzero_coefs": K}, {"tol": 9.0}, {}], ids=str)
@pytest.mark.parametrize("n_targets", [None, 3, 9])
def test_equals_scikit_learn(n_targets, options, intercept):
    X, y, _ = problem(n_targets=n_targets, seed=1)
    expected = linear_model.OrthogonalMatchingPursuit(**options, fit_intercept=intercept).fit(X, y)
    model = OrthogonalMatchingPursuit(**options, fit_intercept=intercept).fit(X, y)
    scale = np.abs(expected.coef_).max()
    # two programs solving normal equations, kappa^2 < 1000, 50 roundings
    close = {"rtol": 0, "atol": 5e4 * np.finfo(float).eps * scale}
    assert model.coef_.shape == expected.coef_.shape
    assert_array_equal(model.coef_ != 0, expected.coef_ != 0)
    assert_allclose(model.coef_, expected.coef_, **close)
    assert np.shape(model.intercept_) == np.shape(expected.intercept_)
    assert_allclose(model.intercept_, expected.intercept_, **close)
    assert_allclose(model.predict(X), expected.predict(X), rtol=0, atol=1e-9 * scale)
    assert_allclose(model.score(X, y), expected.score(X, y), rtol=1e-9)
    if n_targets is None:
        assert model.n_iter_ == expected.n_iter_


# ---- the selection rule


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_orthonormal_columns_enter_in_the_order_of_c_over_omega(dtype, selection):
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(gaussian(rng, (20, 12), dtype))[0].astype(dtype)
    y, w = gaussian(rng, 20, dtype), rng.uniform(0.2, 5, 12)
    w[[1, 7]], w[[3, 10]] = 0, np.inf
    model = OrthogonalMatchingPursuit(9, feature_weights=w, selection=selection, fit_intercept=False).fit(Q, y)
    c = np.abs(Q.conj().T @ y)
    expected = sorted((j for j in range(12) if w[j] < np.inf), key=lambda j: (w[j] > 0, -c[j] / (w[j] or 1)))
    assert_array_equal(model.active_, expected[:9])


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
def test_weights_zero_first_and_infinite_never(n_targets, joint, selection):
    X, y, _ = problem(n_targets=n_targets)
    w = np.ones(N)
    w[[5, 6, 20]], w[10:19] = 0, np.inf
    model = OrthogonalMatchingPursuit(6, feature_weights=w, selection=selection, joint=joint).fit(X, y)
    for active in np.atleast_2d(model.active_):
        assert set(active[:3].tolist()) == {5, 6, 20}
        assert not set(active.tolist()) & set(range(10, 19))
    # infinity is the same as a problem without these columns
    keep = np.flatnonzero(w < np.inf)
    fewer = OrthogonalMatchingPursuit(6, feature_weights=w[keep], selection=selection, joint=joint).fit(X[:, keep], y)
    assert_array_equal(keep[fewer.active_], model.active_)


@st.composite
def problems(draw, n_targets=(None, 2, 9)):
    m, n = draw(st.integers(8, 14)), draw(st.integers(2, 14))
    dtype = draw(st.sampled_from(["float64", "complex128"]))
    X, y, s = problem(dtype, draw(st.sampled_from(n_targets)), m, n, seed=draw(st.integers(0, 9999)))
    options = {
        "n_nonzero_coefs": draw(st.integers(1, min(n, m - 5))),
        "selection": draw(st.sampled_from(["omp", "ols"])),
        "fit_intercept": draw(st.booleans()),
        "joint": draw(st.booleans()),
    }
    return X, y, s, options


def assert_same_model(a, b, columns=slice(None)):
    """Model b, with its columns renamed, is model a. 1e-9 = eps * kappa^2 with kappa < 2000 at these sizes."""
    scale = np.abs(a.coef_).max()
    assert_array_equal(a.coef_ != 0, b.coef_[..., columns] != 0)
    assert_allclose(a.coef_, b.coef_[..., columns], rtol=0, atol=1e-9 * scale)
    assert_allclose(a.intercept_, b.intercept_, rtol=0, atol=1e-8 * (scale + np.abs(a.intercept_).max()))


@properties
@given(problems())
def test_weights_of_one_are_no_weights(p):
    X, y, _, options = p
    plain = OrthogonalMatchingPursuit(**options).fit(X, y)
    ones = OrthogonalMatchingPursuit(**options, feature_weights=np.ones(X.shape[1])).fit(
        X, y, sample_weight=np.ones(len(X))
    )
    assert_array_equal(plain.active_, ones.active_)
    assert_same_model(plain, ones)


@properties
@given(problems(), st.sampled_from([0.25, 8.0, 3.7]), st.sampled_from([0.5, 100.0]))
def test_a_common_factor_of_the_weights_is_nothing(p, a, b):
    X, y, s, options = p
    w = np.linspace(0.5, 2, X.shape[1])
    one = OrthogonalMatchingPursuit(**options, feature_weights=w).fit(X, y, sample_weight=s)
    other = OrthogonalMatchingPursuit(**options, feature_weights=a * w).fit(X, y, sample_weight=b * s)
    assert_array_equal(one.active_, other.active_)
    assert_same_model(one, other)


@properties
@given(problems(), st.integers(0, 9999))
def test_integer_weights_repeat_rows_and_zero_removes_them(p, seed):
    X, y, _, options = p
    s = np.random.default_rng(seed).integers(1, 4, len(X))
    s[:2] = 0  # options leave room for two rows
    weighted = OrthogonalMatchingPursuit(**options).fit(X, y, sample_weight=s)
    repeated = OrthogonalMatchingPursuit(**options).fit(np.repeat(X, s, axis=0), np.repeat(y, s, axis=0))
    assert_array_equal(weighted.active_, repeated.active_)
    assert_same_model(weighted, repeated)
    assert_allclose(weighted.residual_, repeated.residual_, rtol=1e-8, atol=1e-8)


@properties
@given(problems(), st.randoms(use_true_random=False))
def test_permuted_columns_permute_the_answer(p, random):
    X, y, s, options = p
    order = np.array(random.sample(range(X.shape[1]), X.shape[1]))
    w = np.linspace(0.5, 2, X.shape[1])
    model = OrthogonalMatchingPursuit(**options, feature_weights=w).fit(X, y, sample_weight=s)
    permuted = OrthogonalMatchingPursuit(**options, feature_weights=w[order]).fit(X[:, order], y, sample_weight=s)
    assert_array_equal(order[permuted.active_], model.active_)
    assert_same_model(permuted, model, order)


@properties
@given(problems(), st.integers(-200, 200), st.integers(-200, 200))
def test_powers_of_two_choose_the_same_columns(p, a, b):
    X, y, s, options = p
    model = OrthogonalMatchingPursuit(**options).fit(X, y, sample_weight=s)
    scaled = OrthogonalMatchingPursuit(**options).fit(X * 2.0**a, y * 2.0**b, sample_weight=s)
    assert_array_equal(scaled.active_, model.active_)


@properties
@given(problems())
def test_residuals_fall_and_the_certificate_holds(p):
    X, y, s, options = p
    model = OrthogonalMatchingPursuit(**options).fit(X, y, sample_weight=s)
    A, _ = centred(X, s, options["fit_intercept"])
    Y, _ = centred(y, s, options["fit_intercept"])
    assert np.all(np.diff(model.residual_, axis=-1) <= 1e-12 * np.linalg.norm(Y))  # rounding of one norm
    R = Y - A @ model.coef_.T
    last = np.linalg.norm(R, axis=0) if np.ndim(model.residual_) == 2 else np.linalg.norm(R)
    assert_allclose(np.asarray(model.residual_)[..., -1], last, rtol=1e-8, atol=1e-8 * np.linalg.norm(Y))
    # eps * kappa^2, kappa < 2000: the columns are orthogonal to the residual, by our word and in fact
    leak = np.abs(A.conj().T @ R).T * (model.coef_ != 0)
    assert model.kkt_violation_ <= 1e-9
    assert np.all(leak <= 1e-9 * np.linalg.norm(A, axis=0).max() * np.linalg.norm(Y))


@pytest.mark.parametrize("seed", range(5))
def test_certificate_is_that_of_the_coefficients(seed):
    """float32, where the violation is far above the rounding of the double sums that measure it."""
    X, y, _ = problem("float32", seed=seed)
    model = OrthogonalMatchingPursuit(8, fit_intercept=False).fit(X, y)
    A, r = dense(X), dense(y) - dense(X) @ dense(model.coef_)
    S = model.get_support(indices=True)
    violation = np.max(np.abs(A[:, S].T @ r) / np.linalg.norm(A[:, S], axis=0)) / np.linalg.norm(dense(y))
    assert 1e-12 < violation < 1e-4
    # the residual may have been rounded to float32 once more
    assert violation <= 2 * model.kkt_violation_ + 50 * np.finfo(np.float32).eps
    assert model.kkt_violation_ <= 2 * violation + 50 * np.finfo(np.float32).eps


@properties
@given(problems(n_targets=(None,)), st.data())
def test_one_more_atom_by_ols_is_at_least_as_good(p, data):
    """From any support that OMP has reached (weight zero puts OLS there), OLS goes at least as far down."""
    X, y, s, options = p
    t = data.draw(st.integers(0, options["n_nonzero_coefs"] - 1))
    options |= {"n_nonzero_coefs": t + 1, "joint": False}
    omp = OrthogonalMatchingPursuit(**options | {"selection": "omp"}).fit(X, y, sample_weight=s)
    weights = np.ones(X.shape[1])
    weights[omp.active_[:t]] = 0
    ols = OrthogonalMatchingPursuit(**options | {"selection": "ols"}, feature_weights=weights).fit(
        X, y, sample_weight=s
    )
    assert set(ols.active_[:t].tolist()) == set(omp.active_[:t].tolist())
    assert_allclose(ols.residual_[t], omp.residual_[t], rtol=1e-8)
    assert ols.residual_[t + 1] <= omp.residual_[t + 1] * (1 + 1e-9)


# ---- constants


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.1, 1e6 / 3, 1e-9])
def test_a_constant_column_is_nothing_beside_an_intercept(kind, selection, value):
    """After centring only rounding is left of it, which a rule that divides by norms must not take for a direction."""
    X, y, s = problem(n=6)
    X[:, 2] = value
    for weights in (None, s):
        model = OrthogonalMatchingPursuit(6, selection=selection).fit(KINDS[kind](X), y, sample_weight=weights)
        assert sorted(model.active_.tolist()) == [0, 1, 3, 4, 5]
        assert model.stop_reason_ == "no column left"
        by_norm = OrthogonalMatchingPursuit(6, selection=selection, feature_weights=[1, 1, 1e-20, 1, 1, 1])
        assert by_norm.fit(KINDS[kind](X), y, sample_weight=weights).coef_[2] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_target_is_its_mean(kind):
    X, _, s = problem()
    model = OrthogonalMatchingPursuit(K).fit(KINDS[kind](X), np.full(M, 0.1), sample_weight=s)
    assert_allclose(model.predict(KINDS[kind](X)), 0.1, rtol=1e-14)  # rounding of a mean


@pytest.mark.parametrize("kind", KINDS)
def test_shifts_of_x_and_y_only_move_the_intercept(kind):
    X, y, s = problem()
    plain = OrthogonalMatchingPursuit(K).fit(X, y, sample_weight=s)
    shifted = OrthogonalMatchingPursuit(K).fit(KINDS[kind](X + 50), y - 7, sample_weight=s)
    assert_array_equal(shifted.active_, plain.active_)
    assert_allclose(
        shifted.coef_, plain.coef_, rtol=0, atol=1e-9
    )  # implicit centring cancels 50^2, kappa^2 < 100, 50 roundings
    assert_allclose(shifted.intercept_, plain.intercept_ - 7 - 50 * plain.coef_.sum(), rtol=0, atol=1e-7)


# ---- the screened path: one dense float64 target, X large enough


@lru_cache(maxsize=2)
def large(flavour, seed, m=400, n=4000, k=30):
    """-> X, y, sample weights, feature weights, naive supports: plain; weighted and centred"""
    rng = np.random.default_rng([seed, *flavour.encode()])
    X, w, truth = rng.standard_normal((m, n)), None, rng.choice(n, 25, replace=False)
    if flavour == "coherent":  # 20 bundles of columns 1e-3 apart
        X = np.tile(rng.standard_normal((m, 20)), n // 20) + 1e-3 * X
    elif flavour == "twins":  # one each of 25 among 100 bundles of columns 1e-6 apart: hard to tell in float32
        X, truth, k = np.tile(rng.standard_normal((m, 100)), n // 100) + 1e-6 * X, np.arange(25) * 101, 20
    elif flavour == "heavy":
        X = rng.standard_t(1.5, size=(m, n))
    elif flavour == "scaled":
        X *= 10.0 ** rng.uniform(-30, 30, n)
        w = np.linalg.norm(X, axis=0)
    y = (
        X[:, truth] @ (rng.standard_normal(25) / np.linalg.norm(X[:, truth], axis=0))
        + 0.02 * rng.standard_normal(m)
        + 1
    )
    s = rng.exponential(size=m)
    s[::7] = 0
    plain = naive.orthogonal_pursuit(X, y, k, weights=w)[0]
    weighted = naive.orthogonal_pursuit(centred(X, s, True)[0], centred(y, s, True)[0], k, weights=w)[0]
    return X, y, s, w, plain, weighted


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize(
    ("flavour", "seed"), [(f, i) for f in ("gaussian", "coherent", "twins", "heavy", "scaled") for i in range(5)]
)
@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_large_dense_support_is_that_of_float64(weighted, layout, flavour, seed):
    X, y, s, w, plain, centred_support = large(flavour, seed)
    model = OrthogonalMatchingPursuit(len(plain), fit_intercept=weighted, feature_weights=w)
    model.fit(KINDS[layout](X), y, sample_weight=s if weighted else None)
    assert_array_equal(model.active_, centred_support if weighted else plain)


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize("layout", ["C", "F"])
def test_large_dense_special_columns(layout):
    """Zero, constant, duplicate columns, infinite and zero weights; stop by tol."""
    X, y, s, *_ = large("gaussian", 0)
    X = np.hstack([X[:, :1500], X[:, :1500]])  # of equals the first
    X[:, 3::10], X[:, 4::10] = 0, 0.1
    w = np.random.default_rng(0).uniform(0.5, 2, 3000)
    w[5:1500:10], w[1505::10], w[[11, 22]] = np.inf, np.inf, 0
    w[1500:] = w[:1500]
    A, Y = centred(X, s, True)[0], centred(y, s, True)[0]
    A[:, 4::10] = 0
    S, _, residuals = naive.orthogonal_pursuit(A[:, :1500], Y, 25, weights=w[:1500])
    tol = residuals[-2] * residuals[-1]
    model = OrthogonalMatchingPursuit(tol=tol, feature_weights=w).fit(KINDS[layout](X), y, sample_weight=s)
    assert_array_equal(model.active_, S)
    assert model.stop_reason_ == "tol"
    assert_allclose(model.residual_, residuals, rtol=1e-10)  # kappa^2 < 100, 400 roundings


# ---- how it ends


def test_stop_reasons():
    X, y, _ = problem()
    fit = lambda X, y, **options: OrthogonalMatchingPursuit(**options, fit_intercept=False).fit(X, y)  # noqa: E731
    assert fit(X, y, n_nonzero_coefs=4).stop_reason_ == "n_nonzero_coefs"
    assert fit(X, y, tol=10.0).stop_reason_ == "tol"
    assert fit(np.eye(8), np.arange(8) % 3, n_nonzero_coefs=8).stop_reason_ == "exact fit"
    assert fit(np.eye(8)[:, [0, 1, 1]], np.ones(8), n_nonzero_coefs=3).stop_reason_ == "no column left"
    assert fit(0 * X, y, n_nonzero_coefs=2).stop_reason_ == "no column left"
    Y = np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]).T
    model = fit(np.eye(4), Y, n_nonzero_coefs=2)
    assert list(model.stop_reason_)[2:] == ["n_nonzero_coefs", "exact fit"] and model.stop_reason_[0] == "exact fit"
    assert_array_equal(model.n_nonzero_coefs_, [1, 2, 2, 0])
    assert_array_equal(model.active_, [[0, -1], [0, 1], [0, 1], [-1, -1]])
    assert_allclose(
        model.residual_, [[1, 0, 0], [2**0.5, 1, 0], [3**0.5, 2**0.5, 1], [0, 0, 0]], atol=1e-7
    )  # sqrt of cancelled squares
    assert_allclose(model.path_[1:3], [[[1, 0], [1, 1]]] * 2, atol=1e-15)


@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_exact_fit_is_noticed(dtype, selection, n_targets, joint):
    rng = np.random.default_rng(1)
    X = np.linalg.qr(gaussian(rng, (40, 30), dtype))[0].astype(dtype)
    W = np.zeros((30, n_targets or 1), dtype=dtype)
    W[[2, 5, 19, 28]] = [[4], [-3], [2], [1]]
    y = X @ W
    model = OrthogonalMatchingPursuit(12, selection=selection, joint=joint, fit_intercept=False)
    model.fit(X, y[:, 0] if n_targets is None else y)
    several = n_targets is not None and not joint
    assert model.stop_reason_ == (["exact fit"] * n_targets if several else "exact fit")
    assert_array_equal(model.n_nonzero_coefs_, [4] * n_targets if several else 4)
    assert_array_equal(model.coef_.reshape(-1, 30) != 0, W.T != 0)


@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("what", ["y = 0", "X = 0", "all weights infinite"])
def test_nothing_to_select(what, n_targets, joint):
    X, y, _ = problem(n_targets=n_targets)
    X, y = (X if what != "X = 0" else 0 * X), (y if what != "y = 0" else 0 * y)
    w = np.full(N, np.inf) if what == "all weights infinite" else None
    model = OrthogonalMatchingPursuit(3, feature_weights=w, joint=joint).fit(X, y)
    assert_array_equal(model.coef_, np.zeros((N,) if n_targets is None else (n_targets, N)))
    assert_allclose(model.predict(X), np.broadcast_to(y.mean(axis=0), y.shape), rtol=1e-14)  # rounding of a mean
    assert_array_equal(model.n_nonzero_coefs_, 0)
    assert not model.get_support().any() and model.kkt_violation_ == 0
    reasons = {"exact fit"} if what == "y = 0" else {"no column left"}
    assert set(np.atleast_1d(model.stop_reason_).tolist()) == reasons
    assert np.asarray(model.residual_).shape[-1] >= 1


@pytest.mark.parametrize("n_targets", [None, 9])
def test_tol_rules_and_the_count_is_honest(n_targets):
    X, y, s = problem(n_targets=n_targets)
    tol = 6.0
    model = OrthogonalMatchingPursuit(1, tol=tol).fit(X, y, sample_weight=s)
    counts = np.atleast_1d(model.n_nonzero_coefs_)
    assert_array_equal(counts, np.count_nonzero(np.atleast_2d(model.coef_), axis=1))
    assert counts.max() > 1
    for k, residual, active in zip(counts, np.atleast_2d(model.residual_), np.atleast_2d(model.active_), strict=True):
        assert residual[k] ** 2 <= tol < residual[k - 1] ** 2
        assert_array_equal(residual[k:], residual[k])
        assert np.all(active[:k] >= 0) and np.all(active[k:] == -1)


@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
def test_tol_zero_goes_on_to_the_exact_fit(n_targets, joint):
    X, y, _ = problem(n_targets=n_targets, m=8, n=20)
    model = OrthogonalMatchingPursuit(tol=0.0, fit_intercept=False, joint=joint).fit(X, y)
    assert_allclose(
        model.predict(X), y, rtol=0, atol=1e-8 * np.abs(model.coef_).max()
    )  # eps * kappa^2 with kappa < 5000
    assert set(np.atleast_1d(model.stop_reason_).tolist()) <= {"exact fit", "tol", "no column left"}


def test_too_many_atoms_are_capped_with_a_warning():
    X, y, _ = problem(m=6, n=9)
    with pytest.warns(UserWarning, match="n_nonzero_coefs"):
        model = OrthogonalMatchingPursuit(8, fit_intercept=False).fit(X, y)
    assert model.n_nonzero_coefs_ <= 6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert OrthogonalMatchingPursuit(6, fit_intercept=False).fit(X, y).n_nonzero_coefs_ == model.n_nonzero_coefs_


# ---- a selector, a thread pool, an input


@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("kind", ["C", "csr_array"])
def test_transform_selects_the_union_of_supports(kind, n_targets, joint):
    X, y, _ = problem(n_targets=n_targets)
    model = OrthogonalMatchingPursuit(3, joint=joint).fit(KINDS[kind](X), y)
    support = np.atleast_2d(model.coef_ != 0).any(axis=0)
    assert_array_equal(model.get_support(), support)
    assert support.sum() == 3 or (n_targets and not joint)
    assert_array_equal(dense(model.transform(KINDS[kind](X))), X[:, support])


@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("kind", KINDS)
def test_same_bits_for_any_n_jobs(kind, selection, n_targets, joint):
    X, y, s = problem(n_targets=n_targets)
    one, two, four = (
        OrthogonalMatchingPursuit(K, selection=selection, joint=joint, n_jobs=n).fit(KINDS[kind](X), y, sample_weight=s)
        for n in (1, 2, 4)
    )
    for name in ("coef_", "intercept_", "active_", "path_", "residual_", "kkt_violation_"):
        assert_array_equal(getattr(two, name), getattr(one, name))
        assert_array_equal(getattr(four, name), getattr(one, name))


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize("n_targets", [None, 3000])
def test_same_bits_for_any_n_jobs_when_large(n_targets):
    X, y, s = problem(n_targets=n_targets, m=64, n=128) if n_targets else problem(m=300, n=4000)
    models = [OrthogonalMatchingPursuit(8, n_jobs=n).fit(X, y, sample_weight=s) for n in (1, 2, 4)]
    for model in models[1:]:
        assert_array_equal(model.coef_, models[0].coef_)
        assert_array_equal(model.residual_, models[0].residual_)


BAD_PARAMETERS = {
    "n_nonzero_coefs": [0, -3, 1.5, "2"],
    "tol": [-1e-9, np.nan, "small"],
    "selection": ["best", None],
    "feature_weights": [-np.ones(N), np.full(N, np.nan), np.ones(N - 1), np.ones((N, 2)), "balanced"],
    "n_jobs": [0, "two"],
}
BAD_DATA = {
    "X": [
        np.full((M, N), np.nan),
        np.full((M, N), np.inf),
        sp.csr_array(np.full((M, N), np.nan)),
        np.full((M, N), "a", dtype=object),
    ],
    "y": [
        np.full(M, np.nan),
        np.full(M, -np.inf),
        np.ones(M - 1),
        np.ones((M, 2, 2)),
        np.full(M, "a", dtype=object),
        None,
    ],
    "sample_weight": [
        -np.ones(M),
        np.zeros(M),
        np.full(M, np.nan),
        np.full(M, np.inf),
        np.ones(M - 1),
        np.ones((M, 2)),
    ],
}


def cases(table):
    return [
        pytest.param(name, value, id=f"{name}-{i}") for name, values in table.items() for i, value in enumerate(values)
    ]


@pytest.mark.parametrize(("name", "value"), cases(BAD_PARAMETERS))
def test_bad_parameters_are_refused_by_name(name, value):
    X, y, _ = problem(n_targets=2)
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        OrthogonalMatchingPursuit(**{name: value}).fit(X, y)


@pytest.mark.parametrize(("name", "value"), cases(BAD_DATA))
def test_bad_data_are_refused_by_name(name, value):
    X, y, s = problem()
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        OrthogonalMatchingPursuit().fit(**{"X": X, "y": y, "sample_weight": s} | {name: value})


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_empty_input(shape):
    with pytest.raises(ValueError, match=r"\bX\b|sample|feature"):  # the last two are scikit-learn's words for it
        OrthogonalMatchingPursuit().fit(np.empty(shape), np.empty(shape[0]))


def test_predict_checks_the_number_of_features():
    X, y, _ = problem()
    with pytest.raises(ValueError, match="feature"):
        OrthogonalMatchingPursuit().fit(X, y).predict(X[:, 1:])

"""MatchingPursuit against its definition: best normalised correlation, full step, no refit."""

import warnings
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from sparsekit import MatchingPursuit
from tests.naive import pursuit as naive
from tests.naive.design import KINDS, centred, dense

DTYPES = ["float32", "float64", "complex64", "complex128"]
STEPS = 25
M, N = 15, 20
properties = settings(max_examples=40, deadline=None, derandomize=True)
# fit_intercept, sample weights, feature weights
OPTIONS = {"plain": (False, False, False), "intercept": (True, False, False), "all": (True, True, True)}


def gaussian(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x).astype(dtype)


def problem(dtype="float64", n_targets=None, m=M, n=N, seed=0):
    """Columns of different lengths, means that matter, sample weights with zeros, feature weights with infinities."""
    rng = np.random.default_rng(seed)
    X = (gaussian(rng, (m, n), dtype) + 0.5) * (rng.random((m, n)) < 0.8) * rng.uniform(0.3, 3, n)
    y = gaussian(rng, (m,) if n_targets is None else (m, n_targets), dtype) + 2
    s, w = rng.exponential(size=m), rng.uniform(0.5, 2, n)
    s[rng.choice(m, 2, replace=False)] = 0
    w[rng.choice(n, min(3, n - 1), replace=False)] = np.inf
    return X.astype(dtype), y.astype(dtype), s, w


@lru_cache
def definition(dtype, n_targets, sign, options):
    """-> [(atoms, path, residuals) per target], mean of X, mean of y"""
    intercept, samples, features = OPTIONS[options]
    X, y, s, w = problem(dtype, n_targets)
    A, mean_X = centred(X, s if samples else None, intercept)
    Y, mean_y = centred(y.reshape(M, -1), s if samples else None, intercept)
    runs = [naive.matching_pursuit(A, t, STEPS, sign=sign, weights=w if features else None) for t in Y.T]
    return runs, mean_X, mean_y


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("n_targets", [None, 2, 9])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("dtype", "sign"), [(d, "both") for d in DTYPES] + [("float32", "positive"), ("float64", "positive")]
)
def test_equals_definition(dtype, sign, kind, n_targets, options):
    intercept, samples, features = OPTIONS[options]
    X, y, s, w = problem(dtype, n_targets)
    runs, mean_X, mean_y = definition(dtype, n_targets, sign, options)
    assert any(len(set(atoms)) < len(atoms) for atoms, _, _ in runs)  # the data make atoms return
    model = MatchingPursuit(STEPS, sign=sign, fit_intercept=intercept, feature_weights=w if features else None)
    model.fit(KINDS[kind](X), y, sample_weight=s if samples else None)
    W = np.stack([path[-1] for _, path, _ in runs], axis=1)
    coef, b = (W, mean_y - mean_X @ W) if n_targets else (W[:, 0], (mean_y - mean_X @ W)[0])
    # every step rounds m = 15 products and hands its error on to the next: 25 * 15 roundings, times a few
    close = {"rtol": 0, "atol": 1000 * np.finfo(dtype).eps * np.abs(coef).max()}
    assert model.coef_.dtype == dtype and model.coef_.shape == coef.T.shape
    assert_array_equal(model.coef_ != 0, coef.T != 0)
    assert_allclose(model.coef_, coef.T, **close)
    assert_allclose(model.intercept_, b if intercept else 0, rtol=0, atol=close["atol"] * N)
    assert_allclose(model.predict(KINDS[kind](X)), dense(X) @ coef + b, rtol=0, atol=close["atol"] * N)


def steps(X, y, s=None, n_steps=STEPS, **options):
    """Coefficients before and after each step, seen from outside: one fit per number of steps."""
    fits = [MatchingPursuit(k, **options).fit(X, y, sample_weight=s).coef_ for k in range(1, n_steps + 1)]
    return [np.zeros_like(fits[0]), *fits]


@properties
@given(st.integers(0, 9999), st.sampled_from(DTYPES[1::2]), st.booleans(), st.integers(1, 12), st.integers(5, 12))
def test_one_atom_a_step_and_the_residual_is_orthogonal_to_it(seed, dtype, intercept, n, m):
    X, y, s, _ = problem(dtype, m=m, n=n, seed=seed)
    A, Y = centred(X, s, intercept)[0], centred(y, s, intercept)[0]
    path = steps(X, y, s, n_steps=5, fit_intercept=intercept)
    lengths = np.linalg.norm(A, axis=0)
    scale = lengths.max() * np.linalg.norm(Y)
    for before, after in pairwise(path):
        moved = np.flatnonzero(np.abs(after - before) > 1e-12 * np.abs(after).max())  # 5 steps of m = 12 roundings
        assert len(moved) <= 1
        r0, r1 = Y - A @ before, Y - A @ after
        assert np.all(np.abs(A[:, moved].conj().T @ r1) <= 1e-12 * scale)
        assert np.linalg.norm(r1) <= np.linalg.norm(r0) + 1e-12 * np.linalg.norm(Y)
        # the best normalised atom moved: no other could have lowered the residual more
        decrease = np.abs(A.conj().T @ r0) / np.where(lengths, lengths, 1)
        assert decrease[moved].sum() >= decrease.max() - 1e-10 * scale or (
            not len(moved) and decrease.max() <= 1e-10 * scale
        )


@properties
@given(st.integers(0, 9999), st.sampled_from(["both", "positive"]), st.sampled_from([1e-3, 0.125, 40.0]))
def test_length_of_columns_and_common_factors_decide_nothing(seed, sign, factor):
    X, y, s, w = problem(seed=seed)
    lengths = np.random.default_rng(seed).uniform(0.1, 10, N)
    plain = MatchingPursuit(6, sign=sign, feature_weights=w).fit(X, y, sample_weight=s)
    scaled = MatchingPursuit(6, sign=sign, feature_weights=factor * w).fit(
        X * lengths, factor * y, sample_weight=s / factor
    )
    assert_allclose(
        scaled.coef_ * lengths / factor, plain.coef_, rtol=0, atol=1e-12 * np.abs(plain.coef_).max()
    )  # 6 * 15 roundings


@properties
@given(st.integers(0, 9999), st.sampled_from(["both", "positive"]), st.booleans())
def test_integer_weights_repeat_rows_and_zero_removes_them(seed, sign, intercept):
    X, y, *_ = problem(seed=seed)
    s = np.random.default_rng(seed).integers(0, 4, M)
    s[0] = 1
    weighted = MatchingPursuit(6, sign=sign, fit_intercept=intercept).fit(X, y, sample_weight=s)
    repeated = MatchingPursuit(6, sign=sign, fit_intercept=intercept).fit(
        np.repeat(X, s, axis=0), np.repeat(y, s, axis=0)
    )
    assert_allclose(
        weighted.coef_, repeated.coef_, rtol=0, atol=1e-11 * (1 + np.abs(repeated.coef_).max())
    )  # 6 * 45 roundings
    assert_allclose(weighted.intercept_, repeated.intercept_, rtol=0, atol=1e-10 * (1 + np.abs(repeated.coef_).max()))


@pytest.mark.parametrize("dtype", DTYPES)
def test_orthonormal_atoms_enter_once_in_the_order_of_c_over_omega(dtype):
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(gaussian(rng, (20, 12), dtype))[0].astype(dtype)
    y, w = gaussian(rng, 20, dtype), rng.uniform(0.2, 5, 12)
    c = Q.conj().T @ y
    order = np.argsort(-np.abs(c) / w)
    for k in (1, 4, 9):
        expected = np.zeros(12, dtype=dtype)
        expected[order[:k]] = c[order[:k]]
        model = MatchingPursuit(k, feature_weights=w, fit_intercept=False).fit(Q, y)
        assert_allclose(
            model.coef_, expected, rtol=0, atol=100 * np.finfo(dtype).eps * np.abs(c).max()
        )  # 20 roundings, 9 steps


def test_positive_takes_only_positive_steps_and_stops_when_there_is_none():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((20, 12)))[0]
    c = np.array([3, -5, 2, -1, 0.5, 1, -4, 0, 0, 0.25, -0.25, -2])
    model = MatchingPursuit(12, sign="positive", fit_intercept=False).fit(Q, Q @ c)
    # zero correlations come out as rounding of either sign, 20 roundings of numbers up to 5
    assert_allclose(model.coef_, np.maximum(c, 0), rtol=0, atol=200 * np.finfo(float).eps)
    none = MatchingPursuit(5, sign="positive", fit_intercept=False).fit(np.eye(4), [-1.0, -2, 0, -3])
    assert_array_equal(none.coef_, 0)


def test_weight_infinity_is_never_chosen_and_zero_is_refused():
    X, y, *_ = problem()
    w = np.where(np.arange(N) == 7, 1.0, np.inf)
    assert_array_equal(MatchingPursuit(5, feature_weights=w).fit(X, y).get_support(indices=True), [7])
    assert_array_equal(MatchingPursuit(5, feature_weights=np.full(N, np.inf)).fit(X, y).coef_, 0)
    w[3] = 0  # the rule divides by it, and there is no refit that could leave a column free
    with pytest.raises(ValueError, match="feature_weights"):
        MatchingPursuit(5, feature_weights=w).fit(X, y)


@pytest.mark.parametrize("sign", ["both", "positive"])
@pytest.mark.parametrize("n_targets", [None, 9])
def test_tol_equals_definition(n_targets, sign):
    X, y, s, _ = problem(n_targets=n_targets)
    A, Y = centred(X, s, True)[0], centred(y.reshape(M, -1), s, True)[0]
    norms = naive.matching_pursuit(A, Y[:, 0], 8, sign=sign)[2]
    tol = norms[3] * norms[4]  # between two squared norms
    runs = [naive.matching_pursuit(A, t, 1000, sign=sign, tol=tol) for t in Y.T]
    assert all(residuals[-1] ** 2 <= tol for *_, residuals in runs)
    expected = np.array([path[-1] if path else np.zeros(N) for _, path, _ in runs])
    model = MatchingPursuit(2000, tol=tol, sign=sign).fit(X, y, sample_weight=s)
    assert_allclose(
        model.coef_, expected[0] if n_targets is None else expected, rtol=0, atol=1e-11
    )  # error per step, up to 100 steps


@pytest.mark.parametrize("sign", ["both", "positive"])
@pytest.mark.parametrize("n_targets", [None, 9])
def test_a_tol_out_of_reach_comes_to_an_end(n_targets, sign):
    """Three columns of 15 rows cannot fit noise; the steps shrink for ever and the residual never gets there."""
    X, y, *_ = problem(n_targets=n_targets, n=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MatchingPursuit(tol=1e-6, sign=sign).fit(X, y)
    assert "tol" not in np.atleast_1d(model.stop_reason_).tolist()
    assert np.all(np.isfinite(model.coef_))


@pytest.mark.parametrize("sign", ["both", "positive"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_targets", [None, 9])
def test_ties_and_zero_columns(kind, sign, n_targets):
    rng = np.random.default_rng(0)
    X = np.tile(np.rint(3 * rng.standard_normal((12, 8))), 3)
    X[:, ::8] = 0
    y = np.rint(5 * rng.standard_normal((12,) if n_targets is None else (12, n_targets)))
    model = MatchingPursuit(6, sign=sign, fit_intercept=False).fit(KINDS[kind](X), y)
    assert np.all(np.isfinite(model.coef_)) and np.any(model.coef_)
    assert_array_equal(model.coef_[..., ::8], 0)
    assert_array_equal(model.coef_[..., 8:], 0)


@pytest.mark.parametrize("selection", ["both", "positive"])
@pytest.mark.parametrize("n_targets", [None, 9])
@pytest.mark.parametrize("what", ["y = 0", "X = 0", "constant"])
def test_nothing_to_find_gives_zeros(what, n_targets, selection):
    X, y, *_ = problem(n_targets=n_targets)
    X, y = (0 * X if what == "X = 0" else X), (0 * y if what == "y = 0" else y)
    if what == "constant":
        X[:] = 0.1  # centred, only rounding is left of it
    model = MatchingPursuit(4, sign=selection).fit(X, y)
    assert_array_equal(model.coef_, np.zeros((N,) if n_targets is None else (n_targets, N)))
    assert_allclose(model.predict(X), np.broadcast_to(y.mean(axis=0), y.shape), rtol=1e-14)  # rounding of a mean


@pytest.mark.parametrize("sign", ["both", "positive"])
@pytest.mark.parametrize("n_targets", [None, 60])
def test_same_bits_for_any_n_jobs(n_targets, sign):
    X, y, s, w = problem(n_targets=n_targets)
    models = [
        MatchingPursuit(8, sign=sign, feature_weights=w, n_jobs=n).fit(X, y, sample_weight=s) for n in (None, 1, 2, 4)
    ]
    for model in models[1:]:
        assert_array_equal(model.coef_, models[0].coef_)
        assert_array_equal(model.intercept_, models[0].intercept_)


BAD = {
    "n_nonzero_coefs": [0, -3, 1.5, "2"],
    "tol": [-1e-9, np.nan, "small"],
    "sign": ["negative", None, 1],
    "feature_weights": [-np.ones(N), np.full(N, np.nan), np.ones(N - 1), np.ones((N, 2))],
    "n_jobs": [0, "two"],
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
    "sample_weight": [-np.ones(M), np.zeros(M), np.full(M, np.nan), np.ones(M - 1), np.ones((M, 2))],
}


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param(n, v, id=f"{n}-{i}") for n, vs in BAD.items() for i, v in enumerate(vs)]
)
def test_bad_input_is_refused_by_name(name, value):
    X, y, s, _ = problem(n_targets=2)
    data = {"X": X, "y": y, "sample_weight": s}
    options = {} if name in data else {name: value}
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        MatchingPursuit(**options).fit(**(data | {name: value} if name in data else data))

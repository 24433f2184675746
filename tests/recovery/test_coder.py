"""PursuitCoder: rows to sparse codes, against the definitions, scikit-learn's SparseCoder and a cosine transform."""

from functools import lru_cache
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.fft import dct
from scipy.optimize import nnls
from sklearn.decomposition import SparseCoder

from sparsekit import PursuitCoder, orthogonal_mp
from tests.naive import pursuit as naive
from tests.naive.design import dense

DTYPES = ["float32", "float64", "complex64", "complex128"]
METHODS = [("omp", "both"), ("ols", "both"), ("mp", "both"), ("mp", "positive")]
K = 4
ATOMS, FEATURES = 24, 12


def gaussian(rng, shape, dtype="float64"):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x).astype(dtype)


def problem(dtype="float64", n_signals=20, seed=0):
    """Atoms of different lengths (one is zero), signals (one is zero)."""
    rng = np.random.default_rng(seed)
    D = gaussian(rng, (ATOMS, FEATURES), dtype) * rng.uniform(0.3, 3, (ATOMS, 1))
    X = gaussian(rng, (n_signals, FEATURES), dtype)
    D[5], X[-1] = 0, 0
    return D.astype(dtype), X


@lru_cache
def definition(dtype, method, sign, n_steps=K, tol=0.0):
    """-> codes (n_signals, n_atoms): each signal is a combination of rows, hence D^T (not D^H) is the matrix"""
    D, X = problem(dtype)
    codes = np.zeros((len(X), ATOMS), dtype=np.result_type(dtype, "float64"))
    for code, x in zip(codes, dense(X), strict=True):
        if method == "mp":
            path = naive.matching_pursuit(dense(D).T, x, n_steps, sign=sign, tol=tol)[1]
            code[:] = path[-1] if path else 0
        else:
            S, W, _ = naive.orthogonal_pursuit(
                dense(D).T, x, n_steps, selection=method, tol=tol, eps=np.finfo(dtype).eps
            )
            code[S] = W[-1][:, 0] if S else 0
    return codes


def assert_codes(codes, expected, dtype, factor=3000):
    # normal equations of at most 4 of 12-dimensional columns of unequal length: kappa^2 < 100, 30 roundings
    assert sp.issparse(codes) and codes.format == "csr" and codes.shape == expected.shape and codes.dtype == dtype
    assert_array_equal(codes.toarray() != 0, expected != 0)
    assert_allclose(codes.toarray(), expected, rtol=0, atol=factor * np.finfo(dtype).eps * np.abs(expected).max())


def real_only(method_sign, dtype):
    return method_sign[1] == "positive" and dtype.startswith("complex")


CASES = [(m, s, d) for m, s in METHODS for d in DTYPES if not real_only((m, s), d)]


@pytest.mark.parametrize(("method", "sign", "dtype"), CASES)
@pytest.mark.parametrize("n_signals", [1, 3, 20])
def test_equals_definition(method, sign, dtype, n_signals):
    D, X = problem(dtype)
    codes = PursuitCoder(D, method=method, sign=sign, n_nonzero_coefs=K).fit(X).transform(X[-n_signals:])
    assert_codes(codes, definition(dtype, method, sign)[-n_signals:], dtype)


@pytest.mark.parametrize(("method", "sign", "dtype"), CASES)
def test_tol_equals_definition(method, sign, dtype):
    D, X = problem(dtype)
    tol, steps = 3.0, 500 if method == "mp" else None
    # positive steps cannot reach every signal
    rows = [i for i, x in enumerate(X) if sign == "both" or nnls(dense(D).T, dense(x))[1] ** 2 < tol / 2]
    assert len(rows) >= 4
    expected = definition(dtype, method, sign, n_steps=steps or FEATURES, tol=tol)[rows]
    codes = PursuitCoder(D, method=method, sign=sign, tol=tol, n_nonzero_coefs=steps).fit_transform(X[rows])
    assert len(set(np.diff(codes.indptr))) > 2  # signals stop at different counts
    assert_codes(codes, expected, dtype, factor=3e4)
    residual = np.linalg.norm(X[rows] - codes.toarray() @ D, axis=1) ** 2
    assert np.all(residual <= tol * (1 + 1e4 * np.finfo(dtype).eps))


@pytest.mark.parametrize("k", [None, 1, 3])
def test_equals_scikit_learn(k):
    D, X = problem()
    D, X = np.delete(D, 5, axis=0), X[:-1]  # without zeros, of which scikit-learn warns
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    expected = SparseCoder(D, transform_algorithm="omp", transform_n_nonzero_coefs=k or 1).fit_transform(X)
    codes = PursuitCoder(D, n_nonzero_coefs=k).fit(X).transform(X)  # None: 12 // 10 = 1
    assert_codes(codes, expected, "float64")


@pytest.mark.parametrize("method", ["omp", "ols"])
def test_equals_orthogonal_mp(method):
    D, X = problem()
    codes = PursuitCoder(D, method=method, n_nonzero_coefs=K).fit_transform(X)
    assert_codes(codes, orthogonal_mp(D.T, X.T, n_nonzero_coefs=K, selection=method).T, "float64")


@pytest.mark.parametrize("method", ["omp", "ols", "mp"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_default_dictionary_is_the_cosine_basis(method, dtype):
    """In an orthonormal basis every method keeps the largest coefficients."""
    X = gaussian(np.random.default_rng(1), (9, 16), dtype)
    coefficients = dct(X.astype("float64"), norm="ortho", axis=1)
    for k in (1, 5, 16):
        keep = np.argsort(-np.abs(coefficients), axis=1)[:, :k]
        expected = np.zeros_like(coefficients)
        np.put_along_axis(expected, keep, np.take_along_axis(coefficients, keep, axis=1), axis=1)
        codes = PursuitCoder(method=method, n_nonzero_coefs=k).fit_transform(X)
        assert codes.dtype == dtype
        # 16 roundings per correlation, up to 16 steps; matching pursuit may add rounding to an atom: no test of zeros
        assert_allclose(codes.toarray(), expected, rtol=0, atol=500 * np.finfo(dtype).eps * np.abs(coefficients).max())
    assert PursuitCoder().fit(X).transform(X).nnz == 9  # 16 // 10 = 1 atom a signal


@pytest.mark.parametrize("dtype", DTYPES)
def test_inverse_transform(dtype):
    D, X = problem(dtype)
    coder = PursuitCoder(D, n_nonzero_coefs=K).fit(X)
    codes = coder.transform(X)
    signals = coder.inverse_transform(codes)
    assert isinstance(signals, np.ndarray) and signals.dtype == dtype and signals.shape == X.shape
    assert_allclose(
        signals, codes.toarray() @ D, rtol=0, atol=50 * np.finfo(dtype).eps * np.abs(D).max() * np.abs(codes).max()
    )
    assert_array_equal(coder.inverse_transform(sp.csr_matrix(codes)), signals)
    assert_allclose(
        coder.inverse_transform(codes.toarray()), signals, rtol=0, atol=50 * np.finfo(dtype).eps * np.abs(signals).max()
    )


def test_signals_made_of_few_atoms_come_back():
    """Twelve-dimensional unit atoms of coherence below 1/3 recover two of them: (2 k - 1) mu < 1."""
    D = np.vstack([np.eye(12), dct(np.eye(12), norm="ortho")])
    rng = np.random.default_rng(0)
    coherence = np.abs(D @ D.T - np.eye(24)).max()
    k = int((1 + 1 / coherence) / 2 - 1e-9)
    assert k >= 1
    truth = np.zeros((30, 24))
    for row in truth:
        row[rng.choice(24, k, replace=False)] = rng.choice([-1, 1], k) * rng.uniform(1, 2, k)
    for method in ("omp", "ols"):
        coder = PursuitCoder(D, method=method, n_nonzero_coefs=k)
        assert_allclose(
            coder.fit_transform(truth @ D).toarray(), truth, rtol=0, atol=1e-13
        )  # 12 roundings, kappa^2 < 10


@pytest.mark.parametrize(("method", "sign"), METHODS)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 9999), cuts=st.lists(st.integers(0, 25), max_size=4))
def test_signals_may_come_in_any_batches(method, sign, seed, cuts):
    D, X = problem(seed=seed, n_signals=25)
    coder = PursuitCoder(D, method=method, sign=sign, n_nonzero_coefs=K).fit(X)
    parts = [coder.transform(part) for part in np.split(X, sorted(cuts)) if len(part)]
    assert_codes(sp.vstack(parts, format="csr"), coder.transform(X).toarray(), "float64")  # BLAS: not the same bits


@pytest.mark.parametrize(("method", "sign"), METHODS)
def test_order_of_signals_and_of_atoms(method, sign):
    D, X = problem()
    rng = np.random.default_rng(2)
    rows, atoms = rng.permutation(20), rng.permutation(ATOMS)
    codes = PursuitCoder(D, method=method, sign=sign, n_nonzero_coefs=K).fit_transform(X)
    permuted = PursuitCoder(D[atoms], method=method, sign=sign, n_nonzero_coefs=K).fit_transform(X[rows])
    assert_codes(permuted, codes.toarray()[rows][:, atoms], "float64")


def assert_same_bits(a, b):
    for name in ("data", "indices", "indptr"):
        assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("options", [{"n_nonzero_coefs": K}, {"tol": 2.0}], ids=str)
@pytest.mark.parametrize(("method", "sign"), METHODS)
@pytest.mark.parametrize("n_signals", [60, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.jit])])
@mock.patch("sparsekit.core.threads._WORK_PER_CHUNK", 1e3)  # several chunks of a small problem
@mock.patch("sparsekit.recovery.batch_omp._BLOCK", 1)
def test_same_bits_for_any_n_jobs(n_signals, method, sign, options):
    D, X = problem(n_signals=n_signals)
    codes = [PursuitCoder(D, method=method, sign=sign, n_jobs=n, **options).fit_transform(X) for n in (1, 2, 4)]
    assert_same_bits(codes[1], codes[0])
    assert_same_bits(codes[2], codes[0])


@pytest.mark.parametrize(("method", "sign"), METHODS)
def test_codes_are_canonical_csr_without_stored_zeros(method, sign):
    D, X = problem()
    codes = PursuitCoder(D, method=method, sign=sign, n_nonzero_coefs=K).fit_transform(X)
    assert np.all(codes.data != 0)
    assert codes.indptr[-1] == codes.indptr[-2]  # the zero signal is an empty row
    for a, b in pairwise(codes.indptr):
        assert len(set(codes.indices[a:b].tolist())) == b - a <= K
    assert not np.any(codes.indices == 5)  # the zero atom


@pytest.mark.parametrize(("method", "sign"), METHODS)
def test_other_forms_of_the_signals(method, sign):
    D, X = problem()
    X = np.rint(4 * X)
    coder = PursuitCoder(D, method=method, sign=sign, n_nonzero_coefs=K).fit(X)
    expected = coder.transform(X).toarray()
    for other in (
        np.asfortranarray(X),
        X.astype(int),
        sp.csr_array(X),
        sp.csc_matrix(X),
        X.tolist(),
        np.repeat(X, 2, axis=1)[:, ::2],
    ):
        assert_codes(coder.transform(other), expected, "float64")


def test_input_is_left_alone():
    D, X = problem()
    before = D.copy(), X.copy()
    for array in (D, X):
        array.setflags(write=False)
    coder = PursuitCoder(D, n_nonzero_coefs=K).fit(X)
    coder.inverse_transform(coder.transform(X))
    assert coder.dictionary is D
    assert_array_equal(D, before[0]), assert_array_equal(X, before[1])


BAD = {
    "dictionary": [
        np.ones(FEATURES),
        np.full((ATOMS, FEATURES), np.nan),
        np.full((ATOMS, FEATURES), np.inf),
        np.ones((ATOMS, FEATURES + 1)),
        np.empty((0, FEATURES)),
        np.full((ATOMS, FEATURES), "a", dtype=object),
        np.ones((2, 3, FEATURES)),
    ],
    "method": ["lars", None, 3],
    "n_nonzero_coefs": [0, -3, 1.5, "2"],
    "tol": [-1e-9, np.nan, "small"],
    "sign": ["negative", None],
    "n_jobs": [0, "two"],
}


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param(n, v, id=f"{n}-{i}") for n, vs in BAD.items() for i, v in enumerate(vs)]
)
def test_bad_parameters_are_refused_by_name(name, value):
    D, X = problem()
    options = {"dictionary": D, "method": "mp" if name == "sign" else "omp"} | {name: value}
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        PursuitCoder(**options).fit(X).transform(X)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "a", None], ids=str)
def test_bad_signals_are_refused_by_name(bad):
    D, X = problem()
    coder = PursuitCoder(D).fit(X)
    X = X.astype(object)
    X[3, 4] = bad
    for call in (coder.fit, coder.transform):
        with pytest.raises((ValueError, TypeError), match=r"\bX\b"):
            call(X)


@pytest.mark.parametrize("shape", [(0, FEATURES), (FEATURES,), (2, 3, FEATURES), (4, FEATURES - 1)])
def test_signals_of_a_wrong_shape(shape):
    D, X = problem()
    with pytest.raises(
        ValueError, match=r"\bX\b|sample|1D|dim|feature"
    ):  # the last four are scikit-learn's words for it
        PursuitCoder(D).fit(X).transform(np.ones(shape))


@pytest.mark.parametrize("shape", [(3, ATOMS - 1), (ATOMS,), (2, 3, ATOMS)])
def test_codes_of_a_wrong_shape(shape):
    D, X = problem()
    with pytest.raises(ValueError, match=r"\bX\b|codes"):
        PursuitCoder(D).fit(X).inverse_transform(np.ones(shape))

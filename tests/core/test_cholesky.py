"""The Cholesky kernels against factors and solutions of the whole Gram matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sparsekit.core.cholesky import cholesky_append, cholesky_delete, cholesky_solve
from tests.naive import cholesky as naive

DTYPES = ["float32", "float64", "complex64", "complex128"]


def columns(dtype, m=12, n=6, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, n)) + (1j * rng.standard_normal((m, n)) if dtype.startswith("complex") else 0)
    return A.astype(dtype)


def threshold(dtype):
    return 4096 * np.finfo(dtype).eps


def append(L, A, k, a):
    return cholesky_append(L, k, A[:, :k].conj().T @ a, np.vdot(a, a).real, threshold(L.dtype))


def factor(A, n_max=None):
    L = np.zeros((n_max or A.shape[1],) * 2, dtype=A.dtype)
    for k in range(A.shape[1]):
        append(L, A, k, A[:, k])
    return L


def assert_factors(L, G, dtype):
    # n + m = 18 roundings per entry, each relative to the diagonal of G, times a few
    L = np.tril(L[: len(G), : len(G)])
    assert_allclose(L @ L.conj().T, G, rtol=0, atol=100 * np.finfo(dtype).eps * np.abs(G).max())


@pytest.mark.parametrize("dtype", DTYPES)
def test_append_factors_the_gram_matrix_and_returns_the_distance(dtype):
    A = columns(dtype)
    L = np.zeros((8, 8), dtype=dtype)
    for k in range(A.shape[1]):
        d2 = append(L, A, k, A[:, k])
        expected = naive.squared_distance(A[:, :k].astype("complex128"), A[:, k].astype("complex128"))
        # d2 = ||a||^2 - ||l||^2: m + n roundings relative to ||a||^2
        assert_allclose(d2, expected, rtol=0, atol=100 * np.finfo(dtype).eps * np.vdot(A[:, k], A[:, k]).real)
        assert_factors(L, naive.gram(A[:, : k + 1]), dtype)
        assert_array_equal(L.diagonal().imag, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("position", range(6))
def test_delete_at_any_position(dtype, position):
    A = columns(dtype)
    L = factor(A)
    cholesky_delete(L, 6, position)
    assert_factors(L, naive.delete(naive.gram(A), position), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 2, 6])
def test_solve(dtype, k):
    A = columns(dtype)[:, :k]
    b = columns(dtype, m=k, n=1, seed=1)[:, 0]
    x = cholesky_solve(factor(A, n_max=9), k, b)
    assert x.dtype == dtype
    expected = np.linalg.solve(naive.gram(A.astype("complex128")), b)
    # condition number of these Gram matrices < 50, a dozen roundings
    assert_allclose(x, expected, rtol=0, atol=600 * np.finfo(dtype).eps * np.abs(expected).max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", ["copy", "combination", "zero"])
def test_dependent_column_is_refused_and_the_factor_kept(dtype, what):
    A = columns(dtype)[:, :4]
    a = {"copy": A[:, 2], "combination": A @ np.arange(1, 5).astype(dtype), "zero": 0 * A[:, 0]}[what]
    L = np.zeros((5, 5), dtype=dtype)
    L[:4, :4] = factor(A)
    before = L[:4, :4].copy()
    assert append(L, A, 4, a) == 0.0
    assert_array_equal(L[:4, :4], before)


def test_first_column_zero_is_refused():
    L = np.zeros((2, 2))
    assert cholesky_append(L, 0, np.zeros(0), 0.0, threshold("float64")) == 0.0


def test_threshold_is_relative_and_counts_the_border_as_dependent():
    L = np.array([[1.0, 0.0], [0.0, 0.0]])
    # a_new = (1, 1/2): ||a||^2 = 5/4, squared distance 1/4, a fifth of it
    assert cholesky_append(L, 1, np.array([1.0]), 1.25, 0.25) == 0.0
    assert cholesky_append(L, 1, np.array([1.0]), 1.25, 0.125) == 0.25
    assert L[1, 0] == 1 and L[1, 1] == 0.5
    # a_new = (1, 1): squared distance exactly half of ||a||^2
    assert cholesky_append(L, 1, np.array([1.0]), 2.0, 0.5) == 0.0


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    moves=st.lists(st.integers(-1, 5), min_size=1, max_size=15), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 999)
)
def test_any_sequence_of_appends_and_deletes(moves, dtype, seed):
    """A move >= 0 deletes that position (modulo the size), -1 or an empty factor appends the next column."""
    pool = columns(dtype, m=20, n=len(moves), seed=seed)
    L, A = np.zeros((len(moves) + 1,) * 2, dtype=dtype), pool[:, :0]
    for t, move in enumerate(moves):
        k = A.shape[1]
        if move < 0 or k == 0:
            assert append(L, A, k, pool[:, t]) > 0
            A = np.column_stack([A, pool[:, t]])
        else:
            cholesky_delete(L, k, move % k)
            A = np.delete(A, move % k, axis=1)
    if A.shape[1]:
        assert_factors(L, naive.gram(A), dtype)
        b = np.ones(A.shape[1], dtype=dtype)
        x = cholesky_solve(L, A.shape[1], b)
        # backward error of the solve alone: the residual relative to ||G|| ||x||
        G = naive.gram(A)
        assert np.linalg.norm(G @ x - b) <= 200 * np.finfo(dtype).eps * np.linalg.norm(G) * np.linalg.norm(x)

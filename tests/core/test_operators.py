"""Design(X, sample_weight, center) against the explicitly built matrix."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sparsekit.core.operators import Design
from tests.naive import design as naive

DTYPES = ["float32", "float64", "complex64", "complex128"]
WEIGHTS = {
    "unweighted": None,
    "weighted": np.random.default_rng(2).exponential(size=15),
    "zeros": np.r_[0.0, 2.0, 0.0, np.ones(12)],
}


def gaussian(seed, shape, dtype):
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if "c" in np.dtype(dtype).char.lower() else 0)
    ).astype(dtype)


def matrix(dtype, m=15, n=7):
    X = gaussian(0, (m, n), dtype) * (np.random.default_rng(1).random((m, n)) < 0.6)
    X[:, 3] = 0
    return X.astype(dtype)


def assert_close(actual, expected, dtype, scale=1):
    # sums of m = 15 products of size at most 3: 15 roundings on 15 * 9, and some room; `scale` for cancelling means
    assert np.shape(actual) == np.shape(expected)
    assert_allclose(naive.dense(actual), expected, rtol=0, atol=1000 * scale * np.finfo(dtype).eps)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("kind", naive.KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_everything_equals_the_explicit_matrix(dtype, kind, weights, center):
    X = matrix(dtype)
    design = Design(naive.KINDS[kind](X), sample_weight=WEIGHTS[weights], center=center)
    A, mean = naive.centred(X, WEIGHTS[weights], center)
    assert design.shape == A.shape and design.dtype == dtype
    assert_close(design.mean, mean, dtype)
    for t in ((), (1,), (4,)):
        x, r = gaussian(3, (7, *t), dtype), gaussian(4, (15, *t), dtype)
        assert_close(design.dot(x), A @ x, dtype)
        assert_close(design.adjoint(r), A.conj().T @ r, dtype)
        assert design.dot(x).dtype == dtype and design.adjoint(r).dtype == dtype
    for indices in ([2], [6, 0, 3], [], [1, 1]):
        columns = design.columns(np.array(indices, dtype=np.intp))
        assert isinstance(columns, np.ndarray)
        assert_close(columns, A[:, indices], dtype)
    assert_close(design.squared_norms(), np.linalg.norm(A, axis=0) ** 2, dtype)
    assert not np.iscomplexobj(design.squared_norms())
    assert_close(design.gram(), A.conj().T @ A, dtype)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("n_targets", [None, 1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_target(dtype, n_targets, weights, center):
    y = gaussian(5, (15,) if n_targets is None else (15, n_targets), dtype)
    Y, mean = Design(matrix(dtype), sample_weight=WEIGHTS[weights], center=center).target(y)
    expected, expected_mean = naive.centred(y.reshape(15, -1), WEIGHTS[weights], center)
    assert Y.dtype == dtype
    assert_close(Y, expected, dtype)
    assert_close(np.ravel(mean), expected_mean, dtype)


@pytest.mark.parametrize("kind", naive.KINDS)
def test_adjoint_is_the_adjoint(kind):
    design = Design(naive.KINDS[kind](matrix("complex128")), sample_weight=WEIGHTS["weighted"], center=True)
    x, r = gaussian(3, 7, "complex128"), gaussian(4, 15, "complex128")
    assert_allclose(np.vdot(r, design.dot(x)), np.vdot(design.adjoint(r), x), rtol=1e-12)  # a few hundred roundings


@pytest.mark.parametrize("kind", naive.KINDS)
def test_large_means_cost_no_more_than_their_square(kind):
    X = matrix("float64") + 100
    design = Design(naive.KINDS[kind](X), sample_weight=WEIGHTS["weighted"], center=True)
    A, _ = naive.centred(X, WEIGHTS["weighted"], center=True)
    # an implicit mean cancels numbers (100 / 1)^2 times larger than the result
    assert_close(design.squared_norms(), np.linalg.norm(A, axis=0) ** 2, "float64", scale=100**2)
    assert np.all(design.squared_norms() >= 0)
    assert_close(design.adjoint(np.ones(15)), A.T @ np.ones(15), "float64", scale=100**2)
    assert_close(design.dot(np.ones(7)), A @ np.ones(7), "float64", scale=100**2)


@pytest.mark.parametrize("kind", naive.KINDS)
def test_input_is_left_alone(kind):
    X = matrix("float64")
    wrapped, weights = naive.KINDS[kind](X.copy()), WEIGHTS["weighted"].copy()
    design = Design(wrapped, sample_weight=weights, center=True)
    design.gram(), design.columns(np.arange(3)), design.dot(np.ones(7)), design.squared_norms()
    assert np.array_equal(naive.dense(wrapped), X) and np.array_equal(weights, WEIGHTS["weighted"])


@pytest.mark.parametrize("kind", naive.SPARSE)
def test_sparse_is_never_made_dense(kind):
    m, n = 20_000, 1_000

    def use(m, traced):
        X = naive.KINDS[kind](naive.scattered(m, n, 1e-3))
        if traced:
            tracemalloc.start()
        try:
            design = Design(X, sample_weight=np.ones(m), center=True)
            design.dot(np.ones(n)), design.adjoint(np.ones((m, 2)))
            design.columns(np.arange(5)), design.squared_norms(), design.target(np.ones(m))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    use(50, traced=False)  # what is compiled at a first call does not count
    assert use(m, traced=True) < m * n * 8 / 20

"""The truncated power method against exhaustive search, special cases, and planted directions."""

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from sklearn.exceptions import ConvergenceWarning

from sparsekit import truncated_power_method
from sparsekit.recovery.power_method import _smallest_eigenvalue

RTOL = 1e-8  # tol = 1e-14 on the cosine is 1e-7 on the vector, and its square on the value


def covariance(rng, n, dtype=float):
    X = rng.standard_normal((2 * n, n))
    X = X + 1j * rng.standard_normal(X.shape) if np.dtype(dtype).kind == "c" else X
    return (X.conj().T @ X / len(X)).astype(dtype)


def best(M, k):
    """Largest eigenvalue of a k x k principal submatrix, by trying all."""
    return max(np.linalg.eigvalsh(M[np.ix_(S, S)])[-1] for S in map(list, combinations(range(len(M)), k)))


@pytest.mark.parametrize("dtype", [float, complex])
def test_exhaustive_search(rng, dtype):
    ratios = []
    for _ in range(40):
        M = covariance(rng, 9, dtype)
        w, value = truncated_power_method(M, 3, tol=1e-14)
        support = np.flatnonzero(w)
        assert len(support) <= 3
        np.testing.assert_allclose(np.linalg.norm(w), 1, rtol=1e-14)
        np.testing.assert_allclose(value, np.vdot(w, M @ w).real, rtol=1e-12)
        np.testing.assert_allclose(value, np.linalg.eigvalsh(M[np.ix_(support, support)])[-1], rtol=RTOL)
        ratios.append(value / best(M, 3))
    assert max(ratios) <= 1 + RTOL
    assert np.median(ratios) > 0.95  # a local maximum; random values have .5
    assert np.mean(np.array(ratios) > 1 - RTOL) > 0.3


@pytest.mark.parametrize("shift", [0.0, -5.0])
def test_without_sparsity_it_is_the_leading_eigenvector(rng, shift):
    M = covariance(rng, 12) + shift * np.eye(12)
    values, vectors = np.linalg.eigh(M)
    for k in (None, 12):
        w, value = truncated_power_method(M, k, tol=1e-15, max_iter=5000)
        np.testing.assert_allclose(value, values[-1], rtol=RTOL)
        np.testing.assert_allclose(np.abs(w @ vectors[:, -1]), 1, rtol=RTOL)


@pytest.mark.parametrize("strength", [2, 4])
def test_planted_direction(strength):
    """600 variables, 300 samples, 15 non-zeros: cosines of .95 and .99."""
    sparse, plain = [], []
    for trial in range(7):
        rng = np.random.default_rng(trial)
        direction = np.zeros(600)
        direction[rng.choice(600, 15, replace=False)] = 1 / np.sqrt(15)
        X = rng.standard_normal((300, 600)) + np.sqrt(strength) * np.outer(rng.standard_normal(300), direction)
        M = X.T @ X / 300
        sparse.append(abs(truncated_power_method(M, 15)[0] @ direction))
        plain.append(abs(truncated_power_method(M, tol=1e-7, max_iter=5000)[0] @ direction))
    assert np.median(sparse) > 0.9
    assert np.median(sparse) > np.median(plain) + 0.1


@pytest.mark.filterwarnings("ignore:the truncated power method did not settle")
def test_value_never_falls(rng):
    M = covariance(rng, 40) - 3 * np.eye(40)  # with negative eigenvalues
    start = rng.standard_normal(40)
    values = [truncated_power_method(M, 5, start=start, max_iter=i, tol=0.0)[1] for i in range(1, 30)]
    assert (np.diff(values) >= -1e-12).all()
    assert values[-1] > values[0]


def test_not_settled(rng):
    with pytest.warns(ConvergenceWarning, match="did not settle to tol=0.0 in 1 iterations"):
        truncated_power_method(covariance(rng, 10), 3, max_iter=1, tol=0.0)


def test_same_answer_in_any_form(rng):
    M = covariance(rng, 30)
    M[np.abs(M) < 0.1] = 0
    start = rng.standard_normal(30)
    w, value = truncated_power_method(M, 4, start=start)
    for other in (sp.csr_array(M), sp.csc_matrix(M), aslinearoperator(M), M.tolist(), np.asfortranarray(M)):
        again, same = truncated_power_method(other, 4, start=start)
        np.testing.assert_allclose(again, w, rtol=0, atol=1e-9)
        np.testing.assert_allclose(same, value, rtol=1e-9)
    single, rough = truncated_power_method(M.astype(np.float32), 4, start=start, tol=1e-6)
    assert single.dtype == np.float32
    np.testing.assert_allclose(rough, value, rtol=1e-4)
    for factor in (2.0**-600, 2.0**600):
        scaled, large = truncated_power_method(M * factor, 4, start=start)
        np.testing.assert_array_equal(scaled, w)
        np.testing.assert_allclose(large / factor, value, rtol=1e-14)


@pytest.mark.parametrize("n", [3, 200, 201, 400])
def test_smallest_eigenvalue(rng, n):
    M = covariance(rng, n) - 2 * np.eye(n)
    for form in (M, sp.csr_array(M)):
        np.testing.assert_allclose(_smallest_eigenvalue(form), np.linalg.eigvalsh(M)[0], rtol=1e-3)


def test_projection_of_ones_own(rng):
    M = covariance(rng, 15)
    w, value = truncated_power_method(M, projection=lambda v: np.maximum(v, 0), start=np.ones(15))
    assert (w >= 0).all()
    assert value <= np.linalg.eigvalsh(M)[-1] + 1e-12
    assert value >= M.diagonal().max() * 0.9


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.eye(3)[:2], 1), {}, "M must be square"),
        ((np.triu(np.ones((3, 3))), 1), {}, "M must be its own adjoint"),
        ((np.full((2, 2), np.nan), 1), {}, "M.*NaN"),
        ((np.eye(3), 0), {}, "n_nonzero"),
        ((np.eye(3), 4), {}, "n_nonzero"),
        ((np.eye(3), 1), {"projection": abs}, "n_nonzero and projection"),
        ((np.eye(3),), {"projection": lambda w: 0 * w}, "must not be zero|must not return zero"),
        ((np.eye(3), 1), {"start": np.zeros(3)}, "start must not be zero"),
        ((np.eye(3), 1), {"start": np.ones(2)}, r"start must have shape \(3,\)"),
        ((np.eye(3), 1), {"start": [1, np.inf, 0]}, "start.*inf"),
        ((np.eye(3), 1), {"tol": -1.0}, "tol"),
        ((np.eye(3), 1), {"max_iter": 0}, "max_iter"),
        ((aslinearoperator(np.eye(3)), 1), {}, "start must be given"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        truncated_power_method(*arguments, **options)


def test_bad_types():
    with pytest.raises(TypeError, match="projection must be callable"):
        truncated_power_method(np.eye(2), projection=3)
    with pytest.raises(TypeError, match="n_nonzero"):
        truncated_power_method(np.eye(2), 1.5)
    with pytest.raises(TypeError, match="rmatvec"):
        truncated_power_method(LinearOperator((2, 2), matvec=lambda v: v), 1)


def test_zero_matrix():
    w, value = truncated_power_method(np.zeros((4, 4)), 2)
    assert value == 0
    np.testing.assert_array_equal(w, [1, 0, 0, 0])


@pytest.mark.parametrize("rank", [300, 600])
def test_lift_of_a_large_covariance_is_small(rng, rank):
    """Its smallest eigenvalue, 0 or nearly, need not be resolved relative to itself."""
    X = rng.standard_normal((rank, 600))
    M = X.T @ X / rank
    eigenvalues = np.linalg.eigvalsh(M)
    found = _smallest_eigenvalue(M)
    assert -0.01 * eigenvalues[-1] <= found <= eigenvalues[0] + 1e-9


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, aslinearoperator])
def test_large_zero_matrix(form):
    w, value = truncated_power_method(form(np.zeros((300, 300))), 3, start=np.ones(300))
    assert value == 0
    assert np.count_nonzero(w) == 3


def test_operator_without_dtype():
    values = np.arange(1.0, 6.0)
    M = LinearOperator((5, 5), matvec=lambda v: values * np.ravel(v), rmatvec=lambda v: values * np.ravel(v))
    M.dtype = None
    w, value = truncated_power_method(M, 1, start=np.arange(5.0))
    assert value == pytest.approx(5, rel=RTOL)
    assert w[4] == pytest.approx(1, rel=RTOL)

"""The truncated power method: a sparse direction in which a matrix stretches most [yuan2013]_.

    w <- P(M w) / ||P(M w)||,   P keeps the k largest magnitudes

Another projection may take the place of P. A matrix with negative eigenvalues gets a multiple of the identity, which
changes no direction; then w^H M w never falls.
"""

import warnings
from functools import partial
from numbers import Integral

import numpy as np
from scipy.linalg import eigvalsh
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_scalar

from sparsekit.core.scaling import exponent, shifted
from sparsekit.core.validation import check_matrix, check_non_negative

_DENSE = 200  # rows up to which all eigenvalues are computed
_SYMMETRIC = 1e-5  # of the largest entry: how far M may be from its own adjoint; single precision passes
_WIDER = (8, 4, 2)  # times n_nonzero: what the first iterations keep, so that a poor start is not the end
_FEW = 30  # iterations with each of them
_EDGE = 1e-3  # relative precision of the smallest eigenvalue


def truncated_power_method(M, n_nonzero=None, *, projection=None, start=None, max_iter=500, tol=1e-10):
    r"""A sparse unit vector in whose direction a symmetric or Hermitian matrix stretches most.

    Approximates, by power iterations that keep the largest entries,

    .. math:: \max_w w^H M w \quad\text{subject to}\quad \|w\|_2 = 1,\ \|w\|_0 \le k

    Parameters
    ----------
    M : {array-like, sparse matrix or array, LinearOperator} of shape (n, n)
        Symmetric or Hermitian; it need not be positive semi-definite.
    n_nonzero : int, default=None
        Number k of non-zero entries, 1 to n; None keeps all: the plain power method.
    projection : callable, default=None
        ``projection(w)`` takes the place of keeping the k largest entries of w (n,): onto non-negative vectors, groups,
        a subspace. What it returns is divided by its norm.
    start : array-like of shape (n,), default=None
        First vector; None is the column of M with the largest diagonal entry, first with eight, four and two times
        `n_nonzero` entries. A LinearOperator needs one.
    max_iter : int, default=500
        Largest number of products with M.
    tol : float, default=1e-10
        Ends when 1 minus the cosine of two consecutive vectors is at most `tol`.

    Returns
    -------
    w : ndarray of shape (n,)
        Unit vector, in the dtype of M.
    value : float
        The Rayleigh quotient w^H M w, in float64.

    Raises
    ------
    ValueError
        For NaN or infinity, M that is not square or not its own adjoint, `n_nonzero` out of range or beside a
        `projection`, a zero start or a projection that returns zero.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` iterations were not enough.

    Notes
    -----
    An iteration costs a product with M and O(n log n) for the entries to keep. Whether M is positive semi-definite is
    found out by Lanczos iterations first. Only a local maximum is promised: a start that overlaps the answer matters.

    References
    ----------
    :cite:`yuan2013`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import truncated_power_method
    >>> w, value = truncated_power_method(np.diag([1.0, 2.0, 3.0]) + 0.1, 1)
    >>> w, round(value, 12)
    (array([0., 0., 1.]), 3.1)
    """
    M = check_matrix(M, input_name="M")
    n = M.shape[0]
    if M.shape[1] != n:
        msg = f"M must be square, got shape {M.shape}"
        raise ValueError(msg)
    check_scalar(max_iter, "max_iter", Integral, min_val=1)
    check_non_negative(tol, "tol")
    keep = _projection(n_nonzero, projection, n)
    shift = 0 if isinstance(M, LinearOperator) else -exponent(M.data if issparse(M) else M)
    if not isinstance(M, LinearOperator):
        M = shifted(M, shift) if not issparse(M) else M * 2.0**shift
        _check_adjoint(M)
    lift = max(0.0, -_smallest_eigenvalue(M))
    w = _first(M, start)
    if start is None and n_nonzero is not None:
        for factor in _WIDER:
            wider = partial(largest_entries, k=min(n, factor * n_nonzero))
            w, _ = power_iterations(M, wider, w, _FEW, lift=lift, tol=tol)
    w, settled = power_iterations(M, keep, w, max_iter, lift=lift, tol=tol)
    if not settled:
        warnings.warn(
            f"the truncated power method did not settle to tol={tol} in {max_iter} iterations; raise max_iter or tol",
            ConvergenceWarning,
            stacklevel=2,
        )
    wide = w.astype(np.result_type(w, np.float64))
    return w, float(np.ldexp(np.vdot(wide, M @ wide).real, -shift))


def power_iterations(M, keep, w, max_iter, *, lift=0.0, tol=0.0):
    """The iteration for M + lift I from w on, with `keep` for the projection, and whether it settled."""
    w = _unit(keep(w), "start")
    for _ in range(max_iter):
        product = M @ w + lift * w
        if not product.any():  # w is as good as any
            return w, True
        new = _unit(keep(product), "projection")
        cosine = np.abs(np.vdot(new, w))
        w = new
        if 1 - cosine <= tol:
            return w, True
    return w, False


def _projection(n_nonzero, projection, n):
    """The function that follows each product."""
    if projection is not None:
        if n_nonzero is not None:
            msg = f"n_nonzero and projection exclude each other, got n_nonzero={n_nonzero} and a projection"
            raise ValueError(msg)
        if not callable(projection):
            msg = f"projection must be callable, got {projection!r}"
            raise TypeError(msg)
        return projection
    if n_nonzero is None:
        return lambda w: w
    check_scalar(n_nonzero, "n_nonzero", Integral, min_val=1, max_val=n)
    return lambda w: largest_entries(w, n_nonzero)


def largest_entries(w, k):
    """W with all but its k largest magnitudes set to zero; ties go to the smaller index."""
    kept = np.argsort(-np.abs(w), kind="stable")[:k]
    sparse = np.zeros_like(w)
    sparse[kept] = w[kept]
    return sparse


def _check_adjoint(M):
    """Raise unless M is symmetric or Hermitian."""
    difference = M - M.conj().T
    difference = difference.data if issparse(difference) else difference
    entries = M.data if issparse(M) else M
    if np.abs(difference).max(initial=0) > _SYMMETRIC * np.abs(entries).max(initial=0):
        msg = "M must be its own adjoint (symmetric or Hermitian); (M + M.conj().T) / 2 is"
        raise ValueError(msg)


def _first(M, start):
    """The first vector before its projection."""
    n = M.shape[0]
    if start is None:
        if isinstance(M, LinearOperator):
            msg = "start must be given for a LinearOperator, whose diagonal is not at hand"
            raise ValueError(msg)
        j = int(np.argmax(M.diagonal().real))
        column = M[:, [j]]
        column = column.toarray() if issparse(column) else column
        return column[:, 0] if column.any() else np.eye(1, n, j, dtype=M.dtype)[0]
    start = check_matrix(np.reshape(start, (-1, 1)), input_name="start")[:, 0]
    if len(start) != n:
        msg = f"start must have shape ({n},), got ({len(start)},)"
        raise ValueError(msg)
    dtype = M.dtype or np.float64
    return start.astype(np.result_type(start, dtype) if np.iscomplexobj(start) else dtype)


def _unit(w, name):
    """W divided by its norm."""
    w = np.asarray(w)
    length = np.linalg.norm(w)
    if length == 0 and w.any():  # squares too small to tell from zero
        w = w / np.abs(w).max()
        length = np.linalg.norm(w)
    if not length > 0:
        msg = f"the {name} must not be zero" if name == "start" else "the projection must not return zero"
        raise ValueError(msg)
    return w / length


def _smallest_eigenvalue(M):
    """Of a symmetric or Hermitian M, from below, to _EDGE of its norm."""
    n, dtype = M.shape[0], np.dtype(M.dtype or float)
    if n <= _DENSE:
        dense = M.toarray() if issparse(M) else M @ np.eye(n, dtype=dtype)
        return float(eigvalsh(dense)[0])
    # a seed that data are not likely to be drawn from: their own rows would hide directions from the iteration
    start = np.random.default_rng(899).standard_normal(n).astype(dtype)
    if not (M @ start).any():
        return 0.0

    def outermost(shift):
        operator = LinearOperator((n, n), matvec=lambda v: M @ np.ravel(v) + shift * np.ravel(v), dtype=dtype)
        return float(eigsh(operator, k=1, which="LM", v0=start, tol=_EDGE, return_eigenvectors=False)[0])

    norm = outermost(0.0)
    if norm < 0:
        return norm * (1 + _EDGE)
    # a small eigenvalue takes long to resolve relative to itself, but not relative to the norm
    return outermost(-norm) + norm * (1 - _EDGE)

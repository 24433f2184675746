"""The columns of a penalised least-squares problem, dense or sparse: products, epochs of descent, Newton systems.

    A = diag(sqrt(s)) (X - 1 mu^T),   r = y - A w

A sparse X is never centred: its residual is kept up to a multiple of sqrt(s), whose weight `total` is known.
"""

import numpy as np
from scipy.linalg import get_lapack_funcs
from scipy.sparse import csc_array, issparse

from sparsekit.core.kernels import kernel
from sparsekit.recovery.penalties import prox

_GRAM = 4096  # columns whose inner products are kept; with more, Newton's systems are solved by conjugate gradients
_ROOM = 256  # columns that there is room for at first
_SMALL = 512  # sparse columns up to which Newton's systems are factorised
_RIDGES = (0.0, 1e-10, 1e-6)  # times the squared lengths: added where columns depend on each other
_ROUGH, _PRECISE = (60, 0.03), (3000, 1e-12)  # iterations of conjugate gradients, and reduction of the residual
_FAST = {"contract", "reassoc"}


@kernel(fastmath=_FAST)
def dense_product(a, r):
    """a^T r for a column and a residual, summed in the precision of r."""
    total = 0.0
    for i in range(len(r)):
        total += a[i] * r[i]
    return total


@kernel(fastmath=_FAST)
def subtract_multiple(r, step, a):
    """Take step times a from r."""
    for i in range(len(r)):
        r[i] -= step * a[i]


@kernel
def dense_epochs(penalty, A, norms, w, r, lam, chosen, n_epochs, tol):
    """Coordinate descent over the chosen columns of A (m, n), Fortran order; w (n,) and r (m,) change in place.

    Until what an epoch changes, the sum of |a_j|^2 |dw_j|^2, is no more than tol; that change.
    """
    change = np.inf
    for _ in range(n_epochs):
        change = 0.0
        for j in chosen:
            if norms[j] > 0:
                c = dense_product(A[:, j], r)
                new = prox(penalty, w[j] + c / norms[j], lam[j], norms[j])
                step = new - w[j]
                if step != 0:
                    subtract_multiple(r, step, A[:, j])
                    w[j] = new
                    change += step * step * norms[j]
        if change <= tol:
            break
    return change


@kernel
def dense_correlations(A, r, chosen, c):
    """Write a_j^T r to c[j] for the chosen columns."""
    for j in chosen:
        c[j] = dense_product(A[:, j], r)


@kernel
def dense_image(A, chosen, x, out):
    """Add the chosen columns times x to out."""
    for t in range(len(chosen)):
        subtract_multiple(out, -x[t], A[:, chosen[t]])


@kernel(fastmath=_FAST)
def sparse_product(data, rows, start, end, r):
    """a^T r for a column in CSC format."""
    total = 0.0
    for p in range(start, end):
        total += data[p] * r[rows[p]]
    return total


@kernel
def sparse_epochs(penalty, data, rows, starts, mean, weight, norms, w, r, total, lam, chosen, n_epochs, tol):
    """The same for columns in CSC format with means mu_j: a_j^T r = sum_i a_ij r_i - mu_j total.

    `total` is the sum of sqrt(s_i) r_i, in an array of length 1; `weight` is the sum of s.
    """
    change = np.inf
    for _ in range(n_epochs):
        change = 0.0
        for j in chosen:
            if norms[j] > 0:
                c = sparse_product(data, rows, starts[j], starts[j + 1], r) - mean[j] * total[0]
                new = prox(penalty, w[j] + c / norms[j], lam[j], norms[j])
                step = new - w[j]
                if step != 0:
                    for p in range(starts[j], starts[j + 1]):
                        r[rows[p]] -= step * data[p]
                    total[0] -= step * weight * mean[j]
                    w[j] = new
                    change += step * step * norms[j]
        if change <= tol:
            break
    return change


@kernel
def sparse_correlations(data, rows, starts, mean, r, total, chosen, c):
    """Write a_j^T r to c[j] for the chosen columns."""
    for j in chosen:
        c[j] = sparse_product(data, rows, starts[j], starts[j + 1], r) - mean[j] * total


@kernel
def sparse_image(data, rows, starts, chosen, x, out):
    """Add the chosen columns times x to out."""
    for t in range(len(chosen)):
        for p in range(starts[chosen[t]], starts[chosen[t] + 1]):
            out[rows[p]] += x[t] * data[p]


class DenseColumns:
    """Columns in Fortran order, weighted and centred, and the inner products of those in use."""

    def __init__(self, design):
        self.A, self.norms = design.columns(slice(None)), design.squared_norms()
        self._inner = _InnerProducts(self.A)

    def correlations(self, r, chosen, c):
        """Write A^T r to c for the chosen columns; None is all."""
        if chosen is None and self.A.dtype == r.dtype:
            np.matmul(self.A.T, r, out=c)
        else:
            dense_correlations(self.A, r, np.arange(len(c)) if chosen is None else chosen, c)

    def epochs(self, penalty, w, r, lam, chosen, n_epochs, tol):
        """Coordinate descent over the chosen columns; see `dense_epochs`."""
        return dense_epochs(penalty, self.A, self.norms, w, r, lam, chosen, n_epochs, tol)

    def image(self, chosen, x):
        """The chosen columns times x, (m,)."""
        out = np.zeros(self.A.shape[0])
        dense_image(self.A, chosen, x, out)
        return out

    def newton(self, chosen, right, *, precise=False):
        """The solution (k,) of A_S^T A_S d = right (k,); None where these columns depend on each other.

        To some digits where there are many columns, unless it is to be precise.
        """
        if len(chosen) <= _GRAM:
            return self._inner.solve(chosen, right)
        return conjugate_gradients(self, chosen, right, *(_PRECISE if precise else _ROUGH))


class SparseColumns:
    """Columns in CSC format, weighted but not centred."""

    def __init__(self, design):
        X = design.X.tocsc()
        self._roots = design.ones().astype(np.float64)
        self._mean, self._weight = design.mean, float(self._roots @ self._roots)
        data = X.data if (self._roots == 1).all() else X.data * self._roots[X.indices].astype(X.dtype)
        self._csc, self.norms = (data, X.indices, X.indptr), design.squared_norms()
        self._matrix = csc_array(self._csc, shape=X.shape)
        self._centred = bool(design.center)

    def correlations(self, r, chosen, c):
        """Write A^T r to c for the chosen columns; None is all."""
        chosen = np.arange(len(c)) if chosen is None else chosen
        sparse_correlations(*self._csc, self._mean, r, self._total(r), chosen, c)

    def _total(self, r):
        return float(self._roots @ r) if self._centred else 0.0

    def epochs(self, penalty, w, r, lam, chosen, n_epochs, tol):
        """Coordinate descent over the chosen columns; see `sparse_epochs`."""
        total = np.array([self._total(r)])
        problem = (*self._csc, self._mean, self._weight, self.norms)
        done = sparse_epochs(penalty, *problem, w, r, total, lam, chosen, n_epochs, tol)
        if self._centred:
            r -= self._roots * (self._total(r) / self._weight)
        return done

    def image(self, chosen, x):
        """The chosen columns times x, (m,)."""
        out = np.zeros(len(self._roots))
        sparse_image(*self._csc, chosen, x, out)
        if self._centred:
            out -= self._roots * (self._mean[chosen] @ x)
        return out

    def newton(self, chosen, right, *, precise=False):
        """The same."""
        if len(chosen) <= _SMALL:
            return solve_positive(self._inner(chosen), right)
        return conjugate_gradients(self, chosen, right, *(_PRECISE if precise else _ROUGH))

    def _inner(self, chosen):
        A = self._matrix[:, chosen].astype(np.float64)
        mean = self._mean[chosen] if self._centred else 0.0
        return (A.T @ A).toarray() - self._weight * np.multiply.outer(mean, mean)


def columns_of(design):
    """The columns of a design, dense or sparse."""
    return SparseColumns(design) if issparse(design.X) else DenseColumns(design)


def conjugate_gradients(columns, chosen, right, max_iter, tol):
    """The solution of A_S^T A_S d = right, to some digits; preconditioned by the squared norms."""
    norms, c = columns.norms[chosen], np.empty(len(columns.norms))
    d, left = np.zeros(len(right)), right.copy()
    z = left / norms
    step, energy = z.copy(), left @ z
    goal = tol**2 * energy
    for _ in range(max_iter):
        if energy <= goal:
            break
        image = columns.image(chosen, step)
        length = image @ image
        if length == 0:
            return None
        columns.correlations(image, chosen, c)
        d += (energy / length) * step
        left -= (energy / length) * c[chosen]
        z = left / norms
        energy, old = left @ z, energy
        step = z + (energy / old) * step
    return d


def solve_positive(inner, right):
    """The solution of inner d = right; None unless inner, which is overwritten, is positive definite with a ridge."""
    factorise, solve = get_lapack_funcs(("potrf", "potrs"), dtype=np.float64)
    lengths = inner.diagonal().copy()
    for ridge in _RIDGES:
        np.fill_diagonal(inner, (1 + ridge) * lengths)
        factor, failed = factorise(inner, lower=True)
        if not failed:
            return solve(factor, right, lower=True)[0]
    return None


class _InnerProducts:
    """Copies of the columns in use, and their inner products, in arrays that grow."""

    def __init__(self, A):
        self._A, self._place, self._size = A, np.full(A.shape[1], -1), 0
        room = min(_ROOM, A.shape[1])
        self._copies, self._products = np.empty((A.shape[0], room), order="F"), np.empty((room, room))

    def solve(self, chosen, right):
        """Solve for the matrix of inner products of the chosen columns; None where it is not positive definite."""
        places = self._places(chosen)
        return solve_positive(self._products[np.ix_(places, places)], right)

    def _places(self, chosen):
        new = chosen[self._place[chosen] < 0]
        if self._size + len(new) > _GRAM:  # forget those that are not in use
            self._place[:], self._size, new = -1, 0, chosen
        if len(new):
            self._append(new)
        return self._place[chosen]

    def _append(self, new):
        size, end = self._size, self._size + len(new)
        if end > self._copies.shape[1]:
            room = min(max(end, 2 * self._copies.shape[1]), self._A.shape[1])
            copies, products = np.empty((self._A.shape[0], room), order="F"), np.empty((room, room))
            copies[:, :size], products[:size, :size] = self._copies[:, :size], self._products[:size, :size]
            self._copies, self._products = copies, products
        self._copies[:, size:end] = self._A[:, new]
        fresh = self._copies[:, :end].T @ self._copies[:, size:end]
        self._products[:end, size:end], self._products[size:end, :end] = fresh, fresh.T
        self._place[new], self._size = np.arange(size, end), end

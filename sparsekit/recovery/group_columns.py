r"""Columns in groups, for one target or several: products, block coordinate descent, Newton systems.

The rows of w (n, t) that belong to the columns of a group g are one block W_g, whose minimiser given the others is

    argmin ||A_g W||_F^2 / 2 - <B, W> + lam ||W||_F  =  s (s H + lam I)^-1 B,   H = A_g^T A_g

for ||B||_F > lam, and 0 else. Its norm s solves sum_i beta_i / (s d_i + lam)^2 = 1, with the eigenvalues d of H and the
energies beta of B in the directions of its eigenvectors, which are computed for groups in use.

Residuals are (m, t) in Fortran order; kernels see the rows of their transpose.
"""

import numpy as np
from scipy.sparse import issparse

from sparsekit.core.kernels import kernel
from sparsekit.recovery.columns import (
    DenseColumns,
    SparseColumns,
    _InnerProducts,
    dense_product,
    sparse_product,
    subtract_multiple,
)

_SECULAR = 60  # Newton steps for the norm of a block, from below; they end by themselves
_EXACT = 4e-16  # relative step that ends them
_BLOCK = 64  # columns that are made dense at a time
_LARGEST, _SMALL = 1024, 512  # dense and sparse columns whose Newton systems are factorised, at most


@kernel
def block_norm(energies, d, lam):
    """The norm of the best block, 0 if that is zero; energies beta and eigenvalues d (k,), lam >= 0."""
    total = 0.0
    for i in range(len(d)):
        total += energies[i]
    if total <= lam * lam:
        return 0.0
    s = 0.0
    if lam == 0:
        for i in range(len(d)):
            s += energies[i] / (d[i] * d[i])
        return np.sqrt(s)
    for _ in range(_SECULAR):
        height, slope = 0.0, 0.0
        for i in range(len(d)):
            inverse = 1 / (d[i] * s + lam)
            height += energies[i] * inverse * inverse
            slope += energies[i] * inverse * inverse * inverse * d[i]
        step = (np.sqrt(height) - 1) * height / slope  # for 1 / sqrt(height), concave and all but straight
        s += step
        if step <= _EXACT * s:
            break
    return s


@kernel
def block_step(W, members, C, d, V, lam):
    """Put the best block into W and the steps into C (k, t), the product A_g^T r before; V (k * rank,), flat.

    ||A_g dW||_F^2.
    """
    k, t, rank = len(members), W.shape[1], len(d)
    here, there = np.zeros((rank, t)), np.zeros((rank, t))
    energies, change = np.zeros(rank), 0.0
    for i in range(k):
        for a in range(rank):
            v = V[i * rank + a]
            for q in range(t):
                here[a, q] += v * W[members[i], q]
                there[a, q] += v * C[i, q]
    for a in range(rank):
        for q in range(t):
            there[a, q] += d[a] * here[a, q]
            energies[a] += there[a, q] * there[a, q]
    s = block_norm(energies, d, lam)
    for a in range(rank):
        factor = s / (d[a] * s + lam) if s > 0 else 0.0
        for q in range(t):
            there[a, q] *= factor
            change += d[a] * (there[a, q] - here[a, q]) ** 2
    for i in range(k):
        for q in range(t):
            new = 0.0
            for a in range(rank):
                new += V[i * rank + a] * there[a, q]
            C[i, q] = new - W[members[i], q]
            W[members[i], q] = new
    return change


@kernel
def is_idle(W, members, C, lam):
    """Whether a block is zero and stays so."""
    total = 0.0
    for i in range(len(members)):
        for q in range(W.shape[1]):
            if W[members[i], q] != 0:
                return False
            total += C[i, q] * C[i, q]
    return total <= lam * lam


@kernel
def dense_group_epochs(A, blocks, W, R, lam, chosen, n_epochs, tol):
    """Block coordinate descent over the chosen groups; W (n, t) and R (t, m) change in place.

    `blocks` is (members, starts, eigenvalues, ranks, eigenvectors, places), see `Blocks.prepared`. Until what an epoch
    changes, the sum of ||A_g dW_g||_F^2, is no more than tol; that change.
    """
    members, starts, d, ranks, V, places = blocks
    change = np.inf
    for _ in range(n_epochs):
        change = 0.0
        for g in chosen:
            inside = members[starts[g] : starts[g + 1]]
            C = np.empty((len(inside), W.shape[1]))
            for i in range(len(inside)):
                for q in range(W.shape[1]):
                    C[i, q] = dense_product(A[:, inside[i]], R[q])
            if is_idle(W, inside, C, lam[g]):
                continue
            change += block_step(W, inside, C, d[starts[g] : starts[g] + ranks[g]], V[places[g] :], lam[g])
            for i in range(len(inside)):
                for q in range(W.shape[1]):
                    if C[i, q] != 0:
                        subtract_multiple(R[q], C[i, q], A[:, inside[i]])
        if change <= tol:
            break
    return change


@kernel
def sparse_group_epochs(data, rows, begins, mean, weight, blocks, W, R, total, lam, chosen, n_epochs, tol):
    """The same for columns in CSC format with means mu_j, as in `sparse_epochs`; total (t,)."""
    members, starts, d, ranks, V, places = blocks
    change = np.inf
    for _ in range(n_epochs):
        change = 0.0
        for g in chosen:
            inside = members[starts[g] : starts[g + 1]]
            C = np.empty((len(inside), W.shape[1]))
            for i in range(len(inside)):
                j = inside[i]
                for q in range(W.shape[1]):
                    C[i, q] = sparse_product(data, rows, begins[j], begins[j + 1], R[q]) - mean[j] * total[q]
            if is_idle(W, inside, C, lam[g]):
                continue
            change += block_step(W, inside, C, d[starts[g] : starts[g] + ranks[g]], V[places[g] :], lam[g])
            for i in range(len(inside)):
                j = inside[i]
                for q in range(W.shape[1]):
                    if C[i, q] != 0:
                        for p in range(begins[j], begins[j + 1]):
                            R[q, rows[p]] -= C[i, q] * data[p]
                        total[q] -= C[i, q] * weight * mean[j]
        if change <= tol:
            break
    return change


@kernel
def dense_group_correlations(A, R, chosen, C):
    """Write a_j^T r of all targets to C[j] for the chosen columns."""
    for j in chosen:
        for q in range(len(R)):
            C[j, q] = dense_product(A[:, j], R[q])


@kernel
def sparse_group_correlations(data, rows, begins, mean, R, total, chosen, C):
    """The same for columns in CSC format with means."""
    for j in chosen:
        for q in range(len(R)):
            C[j, q] = sparse_product(data, rows, begins[j], begins[j + 1], R[q]) - mean[j] * total[q]


@kernel
def dense_group_image(A, chosen, X, out):
    """Add the chosen columns times X (k, t) to the transpose of out (t, m)."""
    for i in range(len(chosen)):
        for q in range(len(out)):
            if X[i, q] != 0:
                subtract_multiple(out[q], -X[i, q], A[:, chosen[i]])


@kernel
def sparse_group_image(data, rows, begins, chosen, X, out):
    """The same for columns in CSC format."""
    for i in range(len(chosen)):
        for p in range(begins[chosen[i]], begins[chosen[i] + 1]):
            for q in range(len(out)):
                out[q, rows[p]] += X[i, q] * data[p]


def _by_target(r):
    """Residuals (m,) or (m, t) as rows, without a copy of Fortran order."""
    return np.ascontiguousarray(np.atleast_2d(r.T))


class DenseGroups(DenseColumns):
    """Columns in Fortran order, for one residual (m,) or several (m, t)."""

    def __init__(self, design):
        super().__init__(design)
        self._inner = _Products(self.A)

    def correlations(self, r, chosen, c):
        """Write A^T r to c, (n,) or (n, t), for the chosen columns; None is all."""
        if chosen is None and self.A.dtype == r.dtype:
            np.matmul(self.A.T, r, out=c)
        else:
            chosen = np.arange(len(c)) if chosen is None else chosen
            dense_group_correlations(self.A, _by_target(r), chosen, c.reshape(len(c), -1))

    def image(self, chosen, x):
        """The chosen columns times x, (m,) or (m, t)."""
        out = np.zeros((*x.shape[1:], self.A.shape[0]))
        dense_group_image(self.A, chosen, x.reshape(len(chosen), -1), out.reshape(-1, self.A.shape[0]))
        return out.T

    def group_epochs(self, blocks, w, r, lam, chosen, n_epochs, tol):
        """Block coordinate descent over the chosen groups; see `dense_group_epochs`."""
        return dense_group_epochs(self.A, blocks, w, r.T, lam, chosen, n_epochs, tol)

    def products(self, chosen):
        """A_S^T A_S (k, k); None where it would be too large."""
        return self._inner.of(chosen)

    def products_once(self, chosen):
        """The same, of any size, and not kept."""
        A = self.A[:, chosen].astype(np.float64)
        return A.T @ A

    def gram_product(self, chosen):
        """A function of x (k, t): A_S^T A_S x."""
        A = self.A[:, chosen].astype(np.float64)
        return lambda x: A.T @ (A @ x)


class SparseGroups(SparseColumns):
    """Columns in CSC format, weighted but not centred, for one residual (m,) or several (m, t)."""

    def correlations(self, r, chosen, c):
        """Write A^T r to c, (n,) or (n, t), for the chosen columns; None is all."""
        chosen = np.arange(len(c)) if chosen is None else chosen
        R = _by_target(r)
        sparse_group_correlations(*self._csc, self._mean, R, self._totals(R), chosen, c.reshape(len(c), -1))

    def _totals(self, R):
        return R @ self._roots if self._centred else np.zeros(len(R))

    def image(self, chosen, x):
        """The chosen columns times x, (m,) or (m, t)."""
        out = np.zeros((*x.shape[1:], len(self._roots)))
        sparse_group_image(*self._csc, chosen, x.reshape(len(chosen), -1), out.reshape(-1, len(self._roots)))
        if self._centred:
            out -= np.multiply.outer(self._mean[chosen] @ x, self._roots)
        return out.T

    def group_epochs(self, blocks, w, r, lam, chosen, n_epochs, tol):
        """Block coordinate descent over the chosen groups; see `sparse_group_epochs`."""
        R = r.T
        problem = (*self._csc, self._mean, self._weight, blocks)
        done = sparse_group_epochs(*problem, w, R, self._totals(R), lam, chosen, n_epochs, tol)
        if self._centred:
            R -= np.outer(self._totals(R) / self._weight, self._roots)
        return done

    def products(self, chosen):
        """A_S^T A_S (k, k), up to the rounding of uncentred columns; None where it would be too large."""
        return self._inner(chosen) if len(chosen) <= _SMALL else None

    def products_once(self, chosen):
        """A_S^T A_S (k, k), from columns that are centred."""
        products = np.empty((len(chosen), len(chosen)))
        for start in range(0, len(chosen), _BLOCK):
            some = slice(start, start + _BLOCK)
            images = self.image(chosen[some], np.eye(len(chosen[some])))
            c = np.empty((len(self.norms), images.shape[1]))
            self.correlations(images, chosen, c)
            products[:, some] = c[chosen]
        return (products + products.T) / 2

    def gram_product(self, chosen):
        """A function of x (k, t): A_S^T A_S x."""

        def product(x):
            c = np.empty((len(self.norms), x.shape[1]))
            self.correlations(self.image(chosen, x), chosen, c)
            return c[chosen]

        return product


def group_columns_of(design):
    """The columns of a design, dense or sparse, for `GroupLassoSolver`."""
    return SparseGroups(design) if issparse(design.X) else DenseGroups(design)


class _Products(_InnerProducts):
    def of(self, chosen):
        """The inner products of the chosen columns, a copy; None when there are more than fit."""
        if len(chosen) > _LARGEST:
            return None
        places = self._places(chosen)
        return self._products[np.ix_(places, places)]

"""One small face for the design matrix, be it an ndarray, a sparse matrix or a LinearOperator.

    A = diag(sqrt(s)) (X - 1 mu^T)

with sample weights s and weighted column means mu. A is never formed: weights and means enter every product as a
diagonal and a rank-one term, so that sparse X stays sparse and an operator stays an operator.
"""

from functools import cached_property

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from sparsekit.core.scaling import exponent
from sparsekit.core.simd import aligned_empty

_BLOCK = 64  # columns that are made dense at a time
_CONSTANT = 64  # times eps |mean|: what is left of a constant after centring
_CANCELLED = 1e6  # W |mu|^2 over the centred norm up to which a difference keeps ten digits
_STORED = 1 << 18  # stored entries of a sparse matrix that are looked at at a time


class Design:
    """The matrix A of a linear problem, known through its products.

    Parameters
    ----------
    X : ndarray, CSR/CSC matrix or array, or LinearOperator of shape (n_samples, n_features)
        Real or complex; it is kept, not copied.
    sample_weight : ndarray of shape (n_samples,), default=None
        Non-negative weights s; None is 1.
    center : bool, default=False
        Whether to subtract the weighted column means.

    Attributes
    ----------
    shape : tuple of int
        (n_samples, n_features).
    dtype : dtype
        Of every product.
    mean : ndarray of shape (n_features,)
        Weighted column means in float64 or complex128; zeros without centring.
    """

    def __init__(self, X, *, sample_weight=None, center=False):
        self.X = X
        self.shape = X.shape
        self.dtype = np.result_type(X.dtype or np.float64, np.float32)
        self.center = center
        self._roots = None if sample_weight is None else np.sqrt(sample_weight).astype(self._real)[:, None]
        self._share = None  # weights that sum to one
        self.mean = np.zeros(self.shape[1], np.result_type(self.dtype, np.float64))
        if center:
            weights = np.ones(self.shape[0]) if sample_weight is None else np.asarray(sample_weight, float)
            self._total = weights.sum()
            self._share = (weights / self._total)[:, None]
            self.mean = self._means()
        self._scale = 1.0  # a power of two that the row weights carry, see tamed()
        self._squared_norms = None

    @cached_property
    def _adjoint(self):
        if isinstance(self.X, LinearOperator):
            return self.X.H
        return self.X.T.conj() if self.dtype.kind == "c" else self.X.T

    @property
    def _real(self):
        return np.finfo(self.dtype).dtype

    def ones(self):
        """What the intercept multiplies: the square roots of the weights (n_samples,)."""
        return np.full(self.shape[0], self._scale) if self._roots is None else self._roots[:, 0]

    def _means(self):
        """Weighted column means, summed in float64: half a million float32 rows are too many for float32 sums."""
        if isinstance(self.X, np.ndarray) and self.dtype.itemsize < self.mean.itemsize:
            blocks = (self.X[:, i : i + _BLOCK].astype(self.mean.dtype) for i in range(0, self.shape[1], _BLOCK))
            return np.concatenate([np.zeros(0), *(block.T @ self._share[:, 0] for block in blocks)])
        return (self._adjoint @ self._share)[:, 0].conj()

    def tamed(self):
        """The same design with all entries multiplied by 2^shift, so that none exceeds 1, and the shift."""
        if isinstance(self.X, LinearOperator):
            starts = range(0, self.shape[1], _BLOCK)
            peak = max(exponent(self.columns(slice(i, i + _BLOCK))) for i in starts)
        else:
            peak = exponent(self.X.data if issparse(self.X) else self.X)
            peak += 0 if self._roots is None else exponent(self._roots)
        shift = -int(np.clip(peak, np.finfo(self.dtype).minexp, np.finfo(self.dtype).maxexp - 1))
        other = object.__new__(Design)
        other.__dict__.update(self.__dict__, _squared_norms=None, _scale=self._scale * 2.0**shift)
        other._roots = np.ldexp(np.ones((self.shape[0], 1), self._real) if self._roots is None else self._roots, shift)
        return other, shift

    def dot(self, x):
        """A x for x (n_features,) or (n_features, t)."""
        product = self.X @ x
        if self.center:
            product = (product - self.mean @ x).astype(product.dtype)
        return product if self._roots is None else self._like(self._roots, product) * product

    def adjoint(self, r):
        """A^H r for r (n_samples,) or (n_samples, t)."""
        if self._roots is not None:
            r = self._like(self._roots, r) * r
        product = self._adjoint @ r
        if self.center:
            product = (product - np.multiply.outer(self.mean.conj(), r.sum(axis=0))).astype(product.dtype)
        return product

    def adjoint_rows(self, rows, out):
        """A^H of every row of `rows` (t, n_samples), written to the rows of `out` (t, n_features)."""
        if self.center or self._roots is not None or not isinstance(self.X, np.ndarray):
            out[...] = self.adjoint(rows.T).T
        else:
            np.matmul(rows, self._adjoint.T, out=out)
        return out

    def columns(self, indices):
        """The columns of A at these indices (array or slice), dense (n_samples, n_indices) in Fortran order."""
        if isinstance(self.X, LinearOperator):
            chosen = np.arange(self.shape[1])[indices]
            unit = np.zeros((self.shape[1], len(chosen)), self.dtype)
            unit[chosen, np.arange(len(chosen))] = 1
            dense = self.X @ unit
        else:
            dense = self.X[:, indices]
            dense = dense.toarray(order="F") if issparse(dense) else dense
        if self.center:
            dense = dense - self.mean[indices]
        if self._roots is not None:
            dense = dense * self._roots
        dense = np.asfortranarray(dense, dtype=self.dtype)
        if self.center:
            dense[:, np.sqrt(squared_norms(dense)) <= self._rounding(self.mean[indices])] = 0
        return dense

    def _rounding(self, mean):
        """Norms that constant columns with these means may keep after centring: they are zero columns all the same."""
        relative = np.finfo(self.dtype).eps * (_CONSTANT + np.sqrt(self.shape[0]))
        return relative * self._scale * np.sqrt(self._total) * np.abs(mean).astype(np.float64)

    def squared_norms(self):
        """Squared column norms (n_features,), summed in float64; computed once."""
        if self._squared_norms is None:
            if issparse(self.X):
                self._squared_norms = self._sparse_squared_norms()
            else:
                starts = range(0, self.shape[1], _BLOCK)
                blocks = [squared_norms(self.columns(slice(i, i + _BLOCK))) for i in starts]
                self._squared_norms = np.concatenate([np.zeros(0), *blocks])
        return self._squared_norms

    def _sparse_squared_norms(self):
        """sum_i s_i |x_ij - mu_j|^2: the stored entries, and |mu_j|^2 times the weight of the others; no second X."""
        X, n_features = self.X, self.shape[1]
        s = np.ones(self.shape[0]) if self._roots is None else np.square(self._roots[:, 0], dtype=np.float64)
        norms, stored = np.zeros(n_features), np.zeros(n_features)
        for start in range(0, X.nnz, _STORED):
            part = slice(start, min(start + _STORED, X.nnz))
            minor, lengths = X.indices[part], np.diff(np.clip(X.indptr, part.start, part.stop))
            major = np.repeat(np.arange(len(lengths)), lengths)
            rows, columns = (major, minor) if X.format == "csr" else (minor, major)
            entries = np.square(np.abs(X.data[part] - self.mean[columns] if self.center else X.data[part]), dtype=float)
            if self._roots is not None:
                entries *= s[rows]
            norms += np.bincount(columns, weights=entries, minlength=n_features)
            if self.center:
                stored += np.bincount(columns, weights=s[rows], minlength=n_features)
        if self.center:
            norms += np.maximum(s.sum() - stored, 0) * np.square(np.abs(self.mean))
        return np.where(norms > self._rounding(self.mean) ** 2, norms, 0.0) if self.center else norms

    def gram_is_accurate(self):
        """Whether A^H A = X^H S X - W mu mu^H keeps its digits; dense X is centred before the product."""
        if not (issparse(self.X) and self.center):
            return True
        norms = self.squared_norms()
        removed = self._total * np.square(self._scale * np.abs(self.mean))
        return bool((removed <= _CANCELLED * norms)[norms > 0].all())

    def gram(self):
        """A^H A, dense (n_features, n_features)."""
        if issparse(self.X):
            X = self.X.astype(self.mean.dtype)
            weighted = X if self._roots is None else X.multiply(np.square(self._roots, dtype=np.float64)).tocsr()
            gram = (X.conj().T @ weighted).toarray()
            if self.center:
                gram = gram - self._total * self._scale**2 * np.outer(self.mean.conj(), self.mean)
                constant = self.squared_norms() == 0
                gram[constant], gram[:, constant] = 0, 0
            return np.ascontiguousarray(gram, dtype=self.dtype)
        A = self.X if self._is_plain() else self.columns(slice(None))
        return np.matmul(A.conj().T, A, out=aligned_empty((A.shape[1], A.shape[1]), self.dtype))

    def target(self, y):
        """Weighted and centred targets (n_samples, t), and the means that were subtracted (t,)."""
        dtype = np.result_type(self.dtype, np.complex64) if np.iscomplexobj(y) else self.dtype
        Y = np.asarray(y, dtype)
        Y = Y[:, None] if Y.ndim == 1 else Y
        mean = np.zeros(Y.shape[1], Y.dtype)
        if self.center:
            mean = (self._share * Y).sum(axis=0).astype(Y.dtype)
            Y = Y - mean
            peak = np.abs(Y[self._share[:, 0] > 0]).max(axis=0)  # not a norm: squares of a target may leave the range
            Y[:, peak <= self._rounding(mean) / np.sqrt(self._total)] = 0
        return (Y if self._roots is None else Y * self._roots), mean

    def _is_plain(self):
        return isinstance(self.X, np.ndarray) and not self.center and self._roots is None

    @staticmethod
    def _like(roots, product):
        return roots if product.ndim == 2 else roots[:, 0]


def squared_norms(columns):
    """Squared Euclidean norms of the columns of a dense matrix (m, t), summed in float64: (t,)."""
    real = np.ascontiguousarray(columns.T)
    real = real.view(real.real.dtype)
    return np.einsum("ij,ij->i", real, real, dtype=np.float64)


def energy(x):
    """Squared Euclidean (Frobenius) norm of an array, summed in float64."""
    return float(squared_norms(np.reshape(x, (-1, 1)))[0])

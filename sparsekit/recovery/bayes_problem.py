"""The problem of sparse Bayesian learning in units in which columns have the length 1 and targets the size 1."""

from copy import copy

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from sparsekit.core.operators import Design, energy
from sparsekit.core.scaling import exponent, shifted
from sparsekit.recovery.bayes_exact import ExactPosterior
from sparsekit.recovery.bayes_messages import DenseMessages, LooseMessages, OperatorProducts, SparseProducts

SINGLE = 1e-11  # noise variance, in units of the size of y, that messages in single precision can tell from zero
_BLOCK = 256  # columns that are scaled at a time
_CLEAR_SHARE = 0.5  # of the samples: more clear coefficients than that leave the noise open
_ROUNDING = 16  # times eps: relative size of what is zero
_TWIN = 64  # times eps: the distance of columns that are the same
_MODERATE = 200  # largest exponent of two of entries that are taken as they are, in double precision
_EXACT = 2000  # smaller side up to which a posterior is computed by a factorisation


class BayesProblem:
    """A design, targets as rows, and how to get at columns and posteriors.

    Parameters
    ----------
    X : ndarray, sparse matrix or LinearOperator of shape (m, n)
        The matrix.
    y : ndarray of shape (m,) or (m, T)
        Target(s).
    center : bool
        Whether an intercept is free.

    Attributes
    ----------
    Y : ndarray of shape (T, m)
        Targets in working units.
    candidates : ndarray of shape (n_candidates,)
        Columns that are not zero; the others are unknown to all methods.
    n_free : int
        Samples, less one for the intercept.
    most_clear : int
        How many coefficients may be clear before they could be anything.
    """

    def __init__(self, X, y, *, center):
        X, self._x_shift = _moderate(X)
        self.design = Design(X, center=center)
        Y, self.y_mean = self.design.target(y)
        self.n_positions = X.shape[1]
        self._y_shift = exponent(Y)
        self.Y = shifted(np.ascontiguousarray(Y.T), -self._y_shift)
        self.n_free = max(1, X.shape[0] - center)
        self._lengths, self.candidates = self._unit_lengths()
        n = len(self.candidates)
        self.most_clear = n if n <= self.n_free else max(1, int(_CLEAR_SHARE * self.n_free))
        self._known = {}  # columns of an operator
        self._last = None, None

    def _unit_lengths(self):
        """What the columns are divided by, and which ones are not zero."""
        n = self.design.shape[1]
        if isinstance(self.design.X, LinearOperator):
            energy_ = OperatorProducts(self.design, 1.0, np.arange(n)).energy
            return np.full(n, np.sqrt(energy_ / n) or 1.0), np.arange(n if energy_ else 0)
        lengths = np.sqrt(self.design.squared_norms())
        candidates = np.flatnonzero(lengths)
        candidates = np.delete(candidates, self._repeated(candidates, lengths[candidates]))
        return lengths[candidates], candidates

    def _repeated(self, candidates, lengths):
        """Places of columns that are multiples of earlier ones: their prior variances could be shared at will."""
        probe = np.random.default_rng(0).standard_normal(self.design.shape[0]).astype(self.design.dtype)
        distance = _TWIN * float(np.finfo(self.design.dtype).eps)
        heights = np.abs(self.design.adjoint(probe)[candidates]) / lengths
        order, repeated = np.argsort(heights, kind="stable"), []
        starts = np.flatnonzero(np.diff(heights[order], prepend=-np.inf, append=np.inf) > distance)
        for i in np.flatnonzero(np.diff(starts) > 1):
            group = np.sort(order[starts[i] : starts[i + 1]])
            A = self.design.columns(candidates[group]) / lengths[group]
            first = [0]
            for j in range(1, len(group)):
                apart = np.linalg.norm(A[:, [j]] - A[:, first] * (A[:, first].conj().T @ A[:, j]), axis=0)
                if apart.min() > distance:
                    first.append(j)
                else:
                    repeated.append(group[j])
        return repeated

    def only(self, target):
        """The same problem for one of the targets."""
        other = copy(self)
        other._last = None, None  # noqa: SLF001  of this class
        other.Y, other.y_mean = self.Y[target : target + 1], self.y_mean[target : target + 1]
        return other

    @property
    def size(self):
        """Mean square of the targets."""
        return energy(self.Y) / self.Y.size

    @property
    def floor(self):
        """Noise variance that is but rounding, of the data or of a factorisation."""
        rounding = (_ROUNDING * float(np.finfo(self.Y.dtype).eps)) ** 2
        return max(rounding, _ROUNDING * np.finfo(float).eps * self.Y.shape[1]) * (self.size or 1.0)

    @property
    def x_mean(self):
        """Means of the columns."""
        return shifted(self.design.mean, -self._x_shift)

    def columns(self, active, dtype=None):
        """Columns (m, k) at unit length, dense."""
        lengths, dtype = self._lengths[active], self.Y.dtype if dtype is None else dtype
        if isinstance(self.design.X, LinearOperator):
            return (self._columns_of_operator(active) / lengths).astype(dtype)
        A = np.empty((self.design.shape[0], len(active)), dtype)
        for start in range(0, len(active), _BLOCK):
            part = slice(start, start + _BLOCK)
            A[:, part] = self.design.columns(self.candidates[active[part]]) / lengths[part]
        return A

    def adjoint(self, right):
        """A^H right (n, t) for all columns at unit length."""
        return self.design.adjoint(right)[self.candidates] / self._lengths[:, None]

    def _columns_of_operator(self, active):
        """Columns (m, k); each is asked for once."""
        new = np.array([j for j in active.tolist() if j not in self._known], int)
        if len(new):
            self._known.update(zip(new.tolist(), self.design.columns(new).T, strict=True))
        return np.stack([self._known[j] for j in active.tolist()], axis=1) if len(active) else self.Y.T[:, :0]

    def messages(self, belief, damping=None, *, single=False):
        """The engine that passes messages, for the active columns; in single precision where digits do not matter."""
        active, Y = belief.active, np.ascontiguousarray(belief.correlation.rotated(self.Y))
        if isinstance(self.design.X, np.ndarray):
            dtype = np.result_type(np.complex64 if Y.dtype.kind == "c" else np.float32) if single else Y.dtype
            return DenseMessages(self.columns(active, dtype), Y.astype(dtype), damping)
        if isinstance(self.design.X, LinearOperator):
            return LooseMessages(OperatorProducts(self.design, self._lengths[0], active), Y, damping)
        return LooseMessages(SparseProducts(self.design, self._lengths[active], self.candidates[active]), Y, damping)

    def exact(self, active, correlation):
        """The engine that is exact, for these columns; the last one is kept."""
        key = active.tobytes(), correlation.beta
        if self._last[0] != key:
            self._last = key, ExactPosterior(self.columns(active), correlation.rotated(self.Y))
        return self._last[1]

    def posterior(self, belief, *, exact=False):
        """The engine for the active coefficients: exact on demand, and up to 2000 of them or of samples."""
        if exact or min(len(belief.active), self.Y.shape[1]) <= _EXACT:
            return ExactPosterior(self.columns(belief.active), belief.correlation.rotated(self.Y))
        return self.messages(belief)

    def in_users_units(self, x, active):
        """Coefficients (..., k), or their standard deviations, of the active columns."""
        return shifted(x / self._lengths[active].astype(x.real.dtype), self._y_shift + self._x_shift)

    def noise_in_users_units(self, noise):
        """A variance of the targets."""
        with np.errstate(over="ignore"):
            variance = float(np.ldexp(noise, 2 * self._y_shift))
        if not np.isfinite(variance):
            msg = "the noise variance overflows float64: divide y by its largest absolute value before fitting"
            raise ValueError(msg)
        return variance

    def noise_in_working_units(self, noise):
        """The inverse."""
        return max(float(np.ldexp(noise, -2 * self._y_shift)), self.floor)


def _moderate(X):
    """X with entries near 1 if their squares could leave the floating-point range, and the power of two for it."""
    if isinstance(X, LinearOperator):
        return X, 0
    shift = -exponent(X.data if issparse(X) else X)
    if abs(shift) <= _MODERATE * np.finfo(X.dtype).maxexp / 1024:
        return X, 0
    if not issparse(X):
        return shifted(X, shift), shift
    scaled = X.copy()
    scaled.data = shifted(X.data, shift)
    return scaled, shift

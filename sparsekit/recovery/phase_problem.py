r"""What every solver of :math:`z = |A x|` asks of the measurements, each product with all of A counted.

The columns of A are the user's, divided by their root mean squares (those of an operator by an estimate for all of
them), z are the magnitudes divided by theirs: then the energy of a dense Gaussian problem is that of its answer,
\|x\| = 1, step lengths need no units, and columns of any length have the same chance.

A product with a sparse vector needs its columns alone. They are kept from one support to the next, so that a step pays
for the columns that enter, and their products among each other are kept as well.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator, lsmr

from sparsekit.core.kernels import kernel
from sparsekit.core.operators import Design
from sparsekit.core.scaling import exponent, shifted

_ROWS = 256  # measurements whose part of a Hessian is added at a time: the blocks stay in the cache
_DENSE = 4  # supports of more than n / _DENSE coordinates are no longer sparse
_LSMR_TOL = 1e-14
_SINGULAR = 1e-13  # of the largest pivot or eigenvalue


class Iterate(NamedTuple):
    """A sparse vector, its measurements b = A x and their distance | |b| - z | / |z|."""

    support: np.ndarray
    values: np.ndarray
    b: np.ndarray
    residual: float


class Measurements:
    """Magnitudes z (m,) of the products with A (m, n), in the units of this module.

    Parameters
    ----------
    X : ndarray, CSR/CSC matrix or array, or LinearOperator of shape (m, n)
        Finite; entries far from 1 do no harm.
    magnitudes : ndarray of shape (m,)
        Not negative, not all zero.
    generator : numpy.random.Generator
        Probes the mean squared entry of a LinearOperator.

    Attributes
    ----------
    unit : ndarray of shape (n,)
        What the columns were divided by.
    n_products : int
        Products with all of A or its adjoint so far.
    """

    def __init__(self, X, magnitudes, generator):
        self.design = Design(X)
        self.m, self.n = X.shape
        self.dtype = np.result_type(X.dtype or np.float64, np.float64)
        self.is_real = self.dtype.kind == "f"
        self.n_products = 0
        self._entries = 0  # the power of two by which A was divided before all
        self._shift = exponent(magnitudes)
        z = shifted(magnitudes.astype(np.float64), -self._shift)
        self._scale = np.sqrt(np.mean(z**2))
        self.z = z / self._scale
        self.y = self.z**2
        self._length = np.linalg.norm(self.z)
        self._prepare(generator)

    def in_users_units(self, support, values):
        """The dense vector (n,) for the caller's A and z, with a real positive entry of largest magnitude."""
        x = self._dense(support, values) / self.unit
        largest = x[np.argmax(np.abs(x))]
        if largest != 0:
            x *= np.conj(largest) / np.abs(largest)
        return shifted(x * self._scale, self._shift - self._entries)

    def from_users_units(self, x):
        """The inverse, for a start (n,)."""
        return shifted(x.astype(self.dtype), self._entries - self._shift) * (self.unit / self._scale)

    def iterate(self, support, values):
        """The Iterate of these values on this support."""
        b = self.image(support, values)
        return Iterate(support, values, b, self.distance(b))

    def distance(self, b):
        """Relative residual of measurements."""
        return float(np.linalg.norm(np.abs(b) - self.z) / self._length)

    def gradient(self, r):
        """A^H r, the one product that a step needs in full (n,)."""
        self.n_products += 1
        return self._adjoint(r.astype(self.design.dtype, copy=False)).astype(self.dtype, copy=False) / self.unit

    def _adjoint(self, r):
        return self.design.adjoint(r)

    def columns(self, support):
        """The columns of A at these indices, copied (m, k)."""
        return self.design.columns(support).astype(self.dtype) / self.unit[support]

    def values_at(self, support, iterate):
        """The values of an iterate on another support, 0 where it has none."""
        return self._dense(iterate.support, iterate.values)[support]

    def difference(self, one, other):
        """Euclidean distance of two iterates."""
        return np.linalg.norm(self._dense(one.support, one.values) - self._dense(other.support, other.values))

    def _dense(self, support, values):
        x = np.zeros(self.n, self.dtype)
        x[support] = values
        return x

    def _full_image(self, support, values):
        self.n_products += 1
        return self.design.dot((self._dense(support, values) / self.unit).astype(self.design.dtype)).astype(self.dtype)


class MatrixMeasurements(Measurements):
    """With entries at hand: columns are copied, least squares go through normal equations."""

    def _prepare(self, _generator):
        X = self.design.X
        self._rows, self._indices, self._gram = np.empty((0, self.m), self.dtype), np.empty(0, np.intp), None
        self._slots = np.full(self.n, -1)  # where a column stands among the rows that are kept
        weights = np.stack([np.ones(self.m), self.y, self.z - self.z.mean()])
        with np.errstate(over="ignore", invalid="ignore"):  # only plain Python would warn
            energies = weighted_energies(X, weights)
        if not 1e-200 < energies[0].mean() < 1e200:  # squares left the range of floating-point numbers
            self._entries = exponent(X.data if issparse(X) else X)
            tame = X.copy() if issparse(X) else shifted(X, -self._entries)
            if issparse(X):
                tame.data = shifted(X.data, -self._entries)
            self.design, energies = Design(tame), weighted_energies(tame, weights)
        self.unit = np.sqrt(energies[0] / self.m)
        self.unit[self.unit == 0] = 1
        _, self.intensity_marginals, self.magnitude_marginals = energies / self.unit**2

    def row_norms(self):
        """Euclidean norms of the rows of A (m,)."""
        return np.sqrt(weighted_energies(self.design.X.T, self.unit[None] ** -2)[0])

    def _adjoint(self, r):
        X = self.design.X
        if isinstance(X, np.ndarray) and self.design.dtype.kind == "c":  # without a conjugate copy of X
            return (r.conj() @ X).conj()
        return self.design.adjoint(r)

    def rows(self, support):
        """The columns of A at these indices as rows (k, m), and the order in which they stand there."""
        slots = self._slots[support]
        if len(support) < len(self._indices):  # a part of the support, or another size: not worth forgetting the rest
            rows = np.empty((len(support), self.m), self.dtype)
            rows[slots >= 0] = self._rows[slots[slots >= 0]]
            rows[slots < 0] = self.columns(support[slots < 0]).T
            return rows, support
        entering = support[slots < 0]
        if len(support) > len(self._indices):
            kept = np.sort(slots[slots >= 0])
            self._slots[self._indices] = -1
            self._rows = np.concatenate([self._rows[kept], self.columns(entering).T])
            self._indices, self._gram = np.concatenate([self._indices[kept], entering]), None
        elif len(entering):
            leaving = np.flatnonzero(~np.isin(self._indices, support))
            self._slots[self._indices[leaving]] = -1
            self._rows[leaving], self._indices[leaving] = self.columns(entering).T, entering
            if self._gram is not None:
                self._gram[leaving] = self._rows[leaving].conj() @ self._rows.T
                self._gram[:, leaving] = self._gram[leaving].conj().T
        self._slots[self._indices] = np.arange(len(self._indices))
        return self._rows, self._indices

    def image(self, support, values):
        """A x for x with these values on this support (m,)."""
        if _DENSE * len(support) > self.n:
            return self._full_image(support, values)
        rows, order = self.rows(support)
        return self._dense(support, values)[order] @ rows

    def least_squares(self, support, target):
        """The Iterate on a support that is nearest to measurements with phases."""
        rows, order = self.rows(support)
        if rows is not self._rows:
            gram = rows.conj() @ rows.T
        else:
            gram = self._gram = rows.conj() @ rows.T if self._gram is None else self._gram
        try:
            factor = factored(gram)
        except LinAlgError:
            values = np.linalg.lstsq(rows.T, target, rcond=None)[0]
        else:
            values = cho_solve(factor, rows.conj() @ target)
            values = values + cho_solve(factor, rows.conj() @ (target - values @ rows))
        return self._placed(order, values, rows)

    def newton(self, iterate, support):
        """One step on the intensities | |A x|^2 - y |^2 for the coordinates in `support`; the others go to zero."""
        rows, order = self.rows(support)
        x = self.values_at(order, iterate)
        b, y = iterate.b, self.y
        leaving = b - x @ rows  # what the coordinates outside contribute to b
        if self.is_real:
            miss = (b**2 - y) * b
            w = 3 * b**2 - y
            try:
                factor = factored(weighted_gram(rows, w))
                step = cho_solve(factor, rows @ (w * leaving - miss))
            except LinAlgError:
                w = 2 * b**2
                step = _solved(weighted_gram(rows, w), rows @ (w * leaving - miss))
        else:
            step = self._gauss_newton(rows, b, x, y - np.abs(b) ** 2 + 2 * (b.conj() * leaving).real)
        return self._placed(order, x + step, rows)

    def _gauss_newton(self, rows, b, x, target):
        """The d of smallest | 2 Re(conj(b) A_S d) - target | that does not turn the global phase, Im(x^H d) = 0."""
        s = len(x)
        gram = phase_gram(rows, b)
        q = rows @ (b.conj() * target)
        turn = turning(x)
        product = gram @ turn
        mean = turn @ product
        gram -= np.outer(turn, product) + np.outer(product - (mean + np.trace(gram) / (2 * s)) * turn, turn)
        return as_values(_solved(gram, straight(as_reals(q.conj()), turn)) / 2, s)

    def _placed(self, order, values, rows):
        b = values @ rows
        return Iterate(order.copy(), values, b, self.distance(b))


class OperatorMeasurements(Measurements):
    """With products alone: least squares go through LSMR."""

    intensity_marginals = None  # entries are not at hand

    def _prepare(self, generator):
        image = self.design.dot(generator.choice([-1.0, 1.0], self.n).astype(self.design.dtype))
        power = exponent(image)
        unit = np.sqrt(np.mean(np.abs(shifted(image, -power).astype(self.dtype)) ** 2) / self.n)
        self.unit = np.full(self.n, float(np.ldexp(unit, power)) or 1.0)
        self.n_products += 1

    def columns(self, support):
        """The columns of A at these indices (m, k), a product each."""
        self.n_products += len(support)
        return super().columns(support)

    def row_norms(self):
        """Those of the rows of A (m,), all taken for equal."""
        return np.full(self.m, np.sqrt(self.n))

    def image(self, support, values):
        """A x for x with these values on this support (m,)."""
        return self._full_image(support, values)

    def least_squares(self, support, target):
        """The Iterate on a support that is nearest to measurements with phases."""
        A = LinearOperator(
            (self.m, len(support)),
            matvec=lambda d: self.image(support, np.ravel(d)),
            rmatvec=lambda r: self.gradient(r)[support],
            dtype=self.dtype,
        )
        return self.iterate(support, _lsmr(A, target))

    def newton(self, iterate, support):
        """A Gauss-Newton step on the intensities for the coordinates in `support`; the others go to zero."""
        b, s = iterate.b, len(support)
        x = self.values_at(support, iterate)
        leaving = b - self.image(support, x)
        target = self.y - np.abs(b) ** 2 + 2 * (b.conj() * leaving).real
        turn = turning(x)

        def forward(d):
            return 2 * (b.conj() * self.image(support, as_values(straight(np.ravel(d), turn), s))).real

        def adjoint(r):
            return straight(2 * as_reals(self.gradient(b * r)[support]), turn)

        size = s if self.is_real else 2 * s
        d = _lsmr(LinearOperator((self.m, size), matvec=forward, rmatvec=adjoint, dtype=np.float64), target)
        return self.iterate(support, x + as_values(straight(d, turn), s))


def as_reals(v):
    """Complex numbers (k,) as real ones (2k,), real parts first; real ones as they are."""
    return np.concatenate([v.real, v.imag]) if v.dtype.kind == "c" else v


def as_values(d, s):
    """The inverse, for s numbers."""
    return d[:s] + 1j * d[s:] if len(d) > s else d


def turning(x):
    """The unit direction of i x among reals, in which only the global phase moves; zeros where there is none."""
    turn = as_reals(1j * x) if x.dtype.kind == "c" else np.zeros(len(x))
    return turn / (np.linalg.norm(turn) or 1)


def straight(d, turn):
    """D without its part along `turn`."""
    return d - (turn @ d) * turn


def _lsmr(A, target):
    return lsmr(A, target, atol=_LSMR_TOL, btol=_LSMR_TOL, conlim=0, maxiter=4 * A.shape[1])[0]


def factored(gram):
    """The Cholesky factor; LinAlgError unless the matrix is positive definite beyond rounding."""
    factor = cho_factor(gram, check_finite=False)
    pivots = np.abs(np.diagonal(factor[0])) ** 2
    if pivots.min() <= _SINGULAR * pivots.max():
        msg = "singular up to rounding"
        raise LinAlgError(msg)
    return factor


def _solved(gram, g):
    """The solution of smallest norm of a positive semi-definite system."""
    try:
        return cho_solve(factored(gram), g)
    except LinAlgError:
        return np.linalg.lstsq(gram, g, rcond=_SINGULAR)[0]


def weighted_gram(rows, w):
    """sum_i w_i conj(r_i) r_i^T over the columns r_i of `rows` (k, m), a block of measurements at a time."""
    k, m = rows.shape
    gram, block = np.zeros((k, k), rows.dtype), np.empty((k, _ROWS), rows.dtype)
    for start in range(0, m, _ROWS):
        part = rows[:, start : start + _ROWS]
        scaled = np.multiply(part.conj(), w[start : start + _ROWS], out=block[:, : part.shape[1]])
        gram += scaled @ part.T
    return gram


def phase_gram(rows, b):
    """K^T K (2k, 2k) for the real K = [Re C, -Im C], C = conj(b) A_S, a block of measurements at a time."""
    k, m = rows.shape
    gram, block = np.zeros((2 * k, 2 * k)), np.empty((2 * k, _ROWS))
    for start in range(0, m, _ROWS):
        C = rows[:, start : start + _ROWS] * b[start : start + _ROWS].conj()
        K = block[:, : C.shape[1]]
        K[:k] = C.real
        np.negative(C.imag, out=K[k:])
        gram += K @ K.T
    return gram


def weighted_energies(X, weights):
    """sum_i w_i |x_ij|^2 for the columns j of X (m, n) and every row w of `weights` (k, m), in one pass: (k, n)."""
    if issparse(X):
        return weights @ abs(X).power(2)
    if X.dtype.kind == "c":  # real and imaginary parts as neighbours
        if X.flags.f_contiguous and not X.flags.c_contiguous:
            parts = X.T.view(X.real.dtype).reshape(X.shape[1], -1)
            return column_energies(parts, np.repeat(weights, 2, axis=1))
        return weighted_energies(np.ascontiguousarray(X).view(X.real.dtype), weights).reshape(-1, X.shape[1], 2).sum(2)
    if X.flags.f_contiguous and not X.flags.c_contiguous:
        return column_energies(X.T, weights)
    return row_energies(np.ascontiguousarray(X), weights)


@kernel(fastmath={"contract", "reassoc"})
def column_energies(rows, weights):
    """sum_i weights_ki rows_ji^2 for C-contiguous rows (n, m) and weights (k, m): (k, n)."""
    n, m = rows.shape
    out = np.empty((weights.shape[0], n))
    for j in range(n):
        row = rows[j]
        for k in range(weights.shape[0]):
            w = weights[k]
            total = 0.0
            for i in range(m):
                a = np.float64(row[i])
                total += w[i] * a * a
            out[k, j] = total
    return out


@kernel(fastmath={"contract", "reassoc"})
def row_energies(A, weights):
    """sum_i weights_ki A_ij^2 for C-contiguous A (m, n) and weights (k, m): (k, n)."""
    m, n = A.shape
    out = np.zeros((weights.shape[0], n))
    for i in range(m):
        row = A[i]
        for k in range(weights.shape[0]):
            w = weights[k, i]
            total = out[k]
            for j in range(n):
                a = np.float64(row[j])
                total[j] += w * a * a
    return out

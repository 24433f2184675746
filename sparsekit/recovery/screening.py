"""Which column is most correlated with the residual? Answered from 8-bit copies of the columns, with a certificate.

One dense target is bound by memory: every step reads all of A. Here each column is coded once by small integers,

    a_j = g_j k_j + e_j,     k_j in {-127 .. 127}^m,   g_j = max|a_j| / 127,

and the residual by integers of up to 15 bits, r = h l + f. The integer product k_j . l is exact, and by Cauchy and
Schwarz

    | <a_j, r> - g_j h (k_j . l) |  <=  ||e_j|| ||r|| + g_j ||k_j|| ||f||.

Columns whose upper bound reaches the best lower bound are candidates; their correlations are computed in float64. The
column that is chosen is that of the plain float64 method, for an eighth of its memory traffic. Where more than one
column in twenty is a candidate, the plain product is cheaper and is used instead.
"""

import numpy as np

from sparsekit.core.kernels import kernel

_LEVELS = 127
_SLACK = 1 + 1e-9  # covers the rounding of the bounds themselves
_MANY = 0.05  # share of candidates beyond which the plain product is cheaper
_BLOCK = 64
_ABSOLUTE = np.int64(0x7FFFFFFFFFFFFFFF)

MAX_ROWS = 1 << 16  # more rows would leave less than 8 bits for the residual


@kernel(fastmath={"contract", "reassoc"})
def encode(A, codes, step, error, size):
    """Code the rows of A (n, m) as int8 (n, m) with a step a row; error = ||a - step codes||, size = step ||codes||."""
    m = A.shape[1]
    a = np.empty(m)
    bits = a.view(np.int64)
    for j in range(A.shape[0]):
        largest = np.int64(0)
        for i in range(m):
            a[i] = A[j, i]
            magnitude = bits[i] & _ABSOLUTE  # of non-negative floats, the larger has the larger bits
            largest = magnitude if magnitude > largest else largest
        first, bits[0] = a[0], largest
        top, a[0] = a[0], first
        step[j] = top / _LEVELS
        inverse = _LEVELS / top if top > 0 else 0.0
        e2, k2 = 0.0, 0.0
        for i in range(m):
            level = np.rint(a[i] * inverse)
            codes[j, i] = np.int8(np.int32(level))
            rest = a[i] - level * step[j]
            e2 += rest * rest
            k2 += level * level
        error[j], size[j] = np.sqrt(e2), step[j] * np.sqrt(k2)


@kernel
def scan(codes, step, levels, product):
    """product (n,) = step_j (codes_j . levels), int8 codes (n, m), int16 levels (m,); the sums stay in 31 bits."""
    for j in range(codes.shape[0]):
        k = codes[j]
        total = np.int32(0)
        for i in range(k.shape[0]):
            total = np.int32(total + np.int32(k[i]) * np.int32(levels[i]))
        product[j] = step[j] * total


class ScreenedColumns:
    """8-bit copies of the columns of a dense real design.

    Parameters
    ----------
    design : Design of shape (m, N)
        Dense and real, m <= MAX_ROWS.
    """

    def __init__(self, design):
        m, n = design.shape
        self.codes = np.empty((n, m), np.int8)
        self.step, self.error, self.size = np.empty((3, n))
        for start in range(0, n, _BLOCK):
            part = slice(start, start + _BLOCK)
            encode(design.columns(part).T, self.codes[part], self.step[part], self.error[part], self.size[part])
        self.largest_level = min((2**31 - 1) // (_LEVELS * m), 2**15 - 1)

    def candidates(self, r, preference):
        """Indices that may hold the largest |<a_j, r>|^2 preference_j, or None when they are too many."""
        h = np.abs(r).max() / self.largest_level
        levels = np.rint(r / h)
        estimate = np.empty(len(self.step))
        scan(self.codes, self.step, levels.astype(np.int16), estimate)
        estimate = np.abs(estimate) * h
        bound = (self.error * np.linalg.norm(r) + self.size * np.linalg.norm(r - h * levels)) * _SLACK
        root = np.sqrt(preference)
        best = ((estimate - bound) * root).max()
        chosen = np.flatnonzero((estimate + bound) * root >= best)
        return chosen if best > 0 and len(chosen) <= _MANY * len(root) else None

r"""A vertex of ||y - A w||_1 + sum_j pen_j(w_j), pen_j(t) = up_j t for t >= 0 and -low_j t for t < 0; its exchanges.

It has k columns S in use and interpolates k rows B; M = A_BS^-1, and the other coefficients are 0. With sigma the signs
of the residuals off B (0 on it), h = A^T sigma and q_j the slope of pen_j at w_j, its dual point is

    u = sigma off B,   u_B = M^T (q_S - h_S),   z = A^T u = h + A_B^T u_B.

A row or a column is exchanged for a row or a column; each of the four changes the inverse by rank one.
"""

from typing import NamedTuple

import numpy as np

from sparsekit.core.kernels import kernel

_FAST = {"contract", "reassoc"}


class Vertex(NamedTuple):
    """A vertex with room for K columns in use among C candidates, of m rows; arrays are filled from the front."""

    size: np.ndarray  # (3,) columns in use, candidates, edges of length zero since the last longer one
    candidates: np.ndarray  # (C,) their columns of A
    place: np.ndarray  # (C,) where a candidate stands in S, or -1
    up: np.ndarray  # (C,) slope of the penalty of positive values
    low: np.ndarray  # (C,) and of negative ones
    floor: np.ndarray  # (C,) violations that count as none
    scale: np.ndarray  # (C,) inverse norms
    h: np.ndarray  # (C,) A^T sigma
    z: np.ndarray  # (C,) A^T u
    rows: np.ndarray  # (K, C) entries of the interpolated rows
    M: np.ndarray  # (K, K) the inverse, from B to S
    S: np.ndarray  # (K,) columns in use, as numbers of candidates
    B: np.ndarray  # (K,) interpolated rows
    w: np.ndarray  # (K,) coefficients
    sign: np.ndarray  # (K,) their signs
    u: np.ndarray  # (K,) dual point on B
    e: np.ndarray  # (K,) change of w along the edge at hand
    v: np.ndarray  # (K,) work space
    r: np.ndarray  # (m,) residuals
    sigma: np.ndarray  # (m,) their signs; 0 on B
    d: np.ndarray  # (m,) change of the fit along the edge
    turned: np.ndarray  # (m,) rows whose signs change on it
    stop: np.ndarray  # (m + K,) its breakpoints, those of the rows first
    load: np.ndarray  # (m + K,) their weights
    at: np.ndarray  # (m + K,) work space
    weight: np.ndarray  # (m + K,) work space


def vertex(r, sigma, K, C):
    """The vertex without columns; `r` and `sigma` (m,) are used in place."""
    m, whole = len(r), np.int64
    columns = [np.zeros(3, whole), np.zeros(C, whole), np.full(C, -1), *np.zeros((6, C)), np.zeros((K, C))]
    used = [np.zeros((K, K)), np.full(K, -1), np.full(K, -1), *np.zeros((5, K))]
    return Vertex(*columns, *used, r, sigma, np.zeros(m), np.zeros(m, whole), *np.zeros((4, m + K)))


@kernel(fastmath=_FAST)
def combine(v, columns, w, d):
    """d = sum_j w_j a_j over the columns in use."""
    m, k, c, S = d.shape[0], v.size[0], v.candidates, v.S
    for i in range(m):
        d[i] = 0.0
    for j in range(0, k - 3, 4):  # four at a time: d is written a fourth as often
        a, b, f, g = c[S[j]], c[S[j + 1]], c[S[j + 2]], c[S[j + 3]]
        wa, wb, wf, wg = w[j], w[j + 1], w[j + 2], w[j + 3]
        for i in range(m):
            d[i] += wa * columns[a, i] + wb * columns[b, i] + wf * columns[f, i] + wg * columns[g, i]
    for j in range(k - k % 4, k):
        a, wa = c[S[j]], w[j]
        for i in range(m):
            d[i] += wa * columns[a, i]


@kernel(fastmath=_FAST)
def find_dual(v):
    """u on B, and z of the candidates."""
    k, c, u, z = v.size[0], v.size[1], v.u, v.z
    for i in range(k):
        u[i] = 0.0
    for j in range(k):
        s = v.S[j]
        slope = (v.up[s] if v.sign[j] > 0 else -v.low[s]) - v.h[s]
        for i in range(k):
            u[i] += v.M[j, i] * slope
    for j in range(c):
        z[j] = v.h[j]
    for i in range(k):
        ui, row = u[i], v.rows[i]
        for j in range(c):
            z[j] += ui * row[j]


@kernel
def sign_row(v, columns, i, sign):
    """Give row i a sign, 0 on the vertex."""
    change = sign - v.sigma[i]
    v.sigma[i] = sign
    for j in range(v.size[1]):
        v.h[j] += change * columns[v.candidates[j], i]


@kernel(fastmath=_FAST)
def interpolated(v, columns, row):
    """v.v = M^T a, the entries of the row in the columns in use combined from those of the rows of B."""
    k = v.size[0]
    for i in range(k):
        v.v[i] = 0.0
    for j in range(k):
        entry = columns[v.candidates[v.S[j]], row]
        for i in range(k):
            v.v[i] += entry * v.M[j, i]


@kernel
def set_row(v, columns, i, row):
    """Make `row` the i-th of B."""
    v.B[i] = row
    for j in range(v.size[1]):
        v.rows[i, j] = columns[v.candidates[j], row]


@kernel
def set_column(v, j, candidate, w, sign):
    """Make a candidate the j-th of S."""
    v.S[j], v.w[j], v.sign[j], v.place[candidate] = candidate, w, sign, j


@kernel(fastmath=_FAST)
def exchange_rows(v, columns, i, row):
    """Interpolate `row` in the place of the i-th of B."""
    k, M = v.size[0], v.M
    interpolated(v, columns, row)
    inverse = 1 / v.v[i]
    v.v[i] = 0.0
    for j in range(k):
        M[j, i] *= inverse
        edge = M[j, i]
        for other in range(k):
            M[j, other] -= edge * v.v[other]
    set_row(v, columns, i, row)


@kernel(fastmath=_FAST)
def exchange_columns(v, j, candidate, w, sign):
    """Use a candidate in the place of the j-th of S; e is M times its entries in B."""
    k, M, inverse = v.size[0], v.M, 1 / v.e[j]
    for i in range(k):
        M[j, i] *= inverse
    for other in range(k):
        if other != j:
            edge = v.e[other]
            for i in range(k):
                M[other, i] -= edge * M[j, i]
    v.place[v.S[j]] = -1
    set_column(v, j, candidate, w, sign)


@kernel(fastmath=_FAST)
def grow(v, columns, candidate, row, w, sign):
    """Use one more column and interpolate one more row; e is M times the entries of the column in B."""
    k, M, pivot = v.size[0], v.M, columns[v.candidates[candidate], row]
    interpolated(v, columns, row)
    for j in range(k):
        pivot -= columns[v.candidates[v.S[j]], row] * v.e[j]
    inverse = 1 / pivot
    for j in range(k):
        edge = v.e[j] * inverse
        for i in range(k):
            M[j, i] += edge * v.v[i]
        M[j, k] = -edge
    for i in range(k):
        M[k, i] = -v.v[i] * inverse
    M[k, k] = inverse
    set_column(v, k, candidate, w, sign)
    v.size[0] = k + 1
    set_row(v, columns, k, row)


@kernel(fastmath=_FAST)
def shrink(v, i, j):
    """Let go the i-th row of B and the j-th column of S; the last ones take their places."""
    M, last = v.M, v.size[0] - 1
    inverse = 1 / M[j, i]
    for other in range(last + 1):
        v.v[other] = M[j, other] * inverse
    for row in range(last + 1):
        if row != j:
            edge = M[row, i]
            for other in range(last + 1):
                M[row, other] -= edge * v.v[other]
    v.place[v.S[j]] = -1
    if j != last:
        for other in range(last + 1):
            M[j, other] = M[last, other]
        set_column(v, j, v.S[last], v.w[last], v.sign[last])
    if i != last:
        for other in range(last):
            M[other, i] = M[other, last]
        v.B[i] = v.B[last]
        for other in range(v.size[1]):
            v.rows[i, other] = v.rows[last, other]
    v.size[0] = last

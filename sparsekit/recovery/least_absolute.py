r"""Exact least absolute deviations on a growing set of columns: min_x ||y - A_S x||_1, from vertex to vertex.

A vertex interpolates as many rows B as it has columns. Letting row basis[j] go moves the residuals along the edge
d_j = A_S M e_j with M = A_B^-1, and the loss has the slope 1 - |g_j| there,

    g = M^T h,   h = A_S^T sigma,   sigma_i = sign of r_i off the vertex, 0 on it.

While some |g_j| exceeds 1 that edge is followed to the weighted median of its breakpoints, where another row is
interpolated instead: the simplex method of [barrodale1973]_ and [bloomfield1980]_ with an explicit inverse. A new
column needs one more row, found along the direction that keeps the others interpolated. The start is the vertex before,
so that a few edges suffice. The dual solution u, sigma off and -g on the vertex, certifies the fit: A_S^T u = 0,
|u| <= 1 and y^T u = ||r||_1.
"""

from typing import NamedTuple

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.recovery.weighted_median import reaching

_FAST = {"contract", "reassoc"}
_OPTIMAL = 1e-10  # how far |g_j| may exceed 1
_PIVOT = 1e-11  # entries of a direction, relative to the sum of all, that count as zero
_ROUNDING = 1e-10  # of the largest target: residuals whose sign may be wrong
_ATTEMPTS = 5  # times that residuals are computed anew
_TINY = np.finfo(float).tiny
_IDLE = 10  # edges of length zero before the residuals are spread, and as many more before smallest rows are taken
_SPREAD = 1e-11  # of the largest residual: how far they are spread
_GOLDEN = 0.6180339887498949


class Vertex(NamedTuple):
    """A fit to m rows with room for n columns."""

    M: np.ndarray  # (n, n) inverse of the interpolated rows of the columns in use
    basis: np.ndarray  # (n,) interpolated rows
    h: np.ndarray  # (n,) products of the columns with sigma
    g: np.ndarray  # (n,) slopes
    v: np.ndarray  # (n,) work space
    r: np.ndarray  # (m,) residuals
    sigma: np.ndarray  # (m,) their signs; 0 for the interpolated rows
    d: np.ndarray  # (m,) change of the fit along the edge at hand
    stop: np.ndarray  # (m,) its breakpoints
    load: np.ndarray  # (m,) their weights
    place: np.ndarray  # (m,) work space
    weight: np.ndarray  # (m,) work space


def vertex(y, n):
    """The vertex without columns: r = y."""
    m, empty = len(y), np.empty
    sigma = np.where(y < 0, -1.0, 1.0)
    columns = [np.zeros((n, n)), np.full(n, -1), *np.zeros((3, n))]
    return Vertex(*columns, y.copy(), sigma, empty(m), empty(m), empty(m), empty(m), empty(m))


def widened(v, n):
    """The same vertex with room for n columns."""
    have, M, basis = len(v.basis), np.zeros((n, n)), np.full(n, -1)
    M[:have, :have], basis[:have] = v.M, v.basis
    return v._replace(M=M, basis=basis, h=np.zeros(n), g=np.zeros(n), v=np.zeros(n))


@kernel(fastmath=_FAST)
def combine(v, columns, active, k, w, d):
    """d = sum_j w_j a_j over the first k active columns."""
    m = d.shape[0]
    for i in range(m):
        d[i] = 0.0
    for j in range(0, k - 3, 4):  # four at a time: d is written a fourth as often
        a, b, c, e = active[j], active[j + 1], active[j + 2], active[j + 3]
        wa, wb, wc, we = w[j], w[j + 1], w[j + 2], w[j + 3]
        for i in range(m):
            d[i] += wa * columns[a, i] + wb * columns[b, i] + wc * columns[c, i] + we * columns[e, i]
    for j in range(k - k % 4, k):
        a, wa = active[j], w[j]
        for i in range(m):
            d[i] += wa * columns[a, i]


@kernel(fastmath=_FAST)
def breakpoints(v, direction):
    """Fill v.stop with the distances at which residuals along `direction` * v.d reach zero, inf for those that do not.

    v.load gets their weights 2 |d_i|; returns the sum.
    """
    sigma, d, r, stop, load, size, total = v.sigma, v.d, v.r, v.stop, v.load, 0.0, 0.0
    for i in range(r.shape[0]):
        size += abs(d[i])  # not the maximum, which is not vectorised
    for i in range(r.shape[0]):
        towards = sigma[i] * d[i] * direction
        meets = towards > _PIVOT * size
        stop[i] = abs(r[i] / d[i]) if meets else np.inf
        load[i] = 2 * towards if meets else 0.0
        total += load[i]
    return total


@kernel
def median_stop(v, need, total):
    """The breakpoint at which the slope, -need at the start, is no longer negative, and the row there (-1: none).

    Of several rows it is the one with the largest entry of d, for the sake of the next inverse.
    """
    t, row = reaching(v.stop, v.load, need, total, v.place, v.weight), -1
    if t == np.inf:
        return 0.0, row
    for i in range(v.stop.shape[0]):
        if v.stop[i] == t and (row < 0 or v.load[i] > v.load[row]):
            row = i
    return t, row


@kernel
def nearest_stop(v):
    """The first breakpoint, and of those at the same place the smallest row: steps that cannot cycle [bland1977]_."""
    t, row = np.inf, -1
    for i in range(v.stop.shape[0]):
        if v.stop[i] < t:
            t, row = v.stop[i], i
    return t, row


@kernel
def move(v, columns, active, k, step, row):
    """Change the residuals by -step * d up to the row that becomes interpolated, and h with their signs."""
    sigma, r, d, h = v.sigma, v.r, v.d, v.h
    for i in range(r.shape[0]):
        r[i] -= step * d[i]
        if r[i] * sigma[i] < 0:
            sigma[i] = -sigma[i]
            for j in range(k):
                h[j] += 2 * sigma[i] * columns[active[j], i]
    for j in range(k):
        h[j] -= sigma[row] * columns[active[j], row]
    r[row], sigma[row] = 0.0, 0.0
    for j in range(v.basis.shape[0]):
        if v.basis[j] >= 0:
            r[v.basis[j]] = 0.0


@kernel(fastmath=_FAST)
def row_product(v, columns, active, k, row):
    """v.v = M^T a for the entries a of the row in k columns."""
    for i in range(k):
        v.v[i] = 0.0
    for j in range(k):
        entry = columns[active[j], row]
        for i in range(k):
            v.v[i] += entry * v.M[j, i]


@kernel(fastmath=_FAST)
def exchange(v, columns, active, k, j, row):
    """Interpolate `row` in the place of basis[j]."""
    M = v.M
    row_product(v, columns, active, k, row)
    inverse = 1 / v.v[j]
    v.v[j] = 0.0
    for i in range(k):
        M[i, j] *= inverse
        edge = M[i, j]
        for other in range(k):
            M[i, other] -= edge * v.v[other]
    v.basis[j] = row


@kernel(fastmath=_FAST)
def append(v, columns, active, k, dependent):
    """Add column active[k] to k others, go to the best point along the new direction; False when it depends on them."""
    m, d, M, new = v.r.shape[0], v.d, v.M, active[k]
    w = np.zeros(k)
    for i in range(k):
        entry = columns[new, v.basis[i]]
        for j in range(k):
            w[j] -= M[j, i] * entry
    combine(v, columns, active, k, w, d)
    length, distance, slope = 0.0, 0.0, 0.0
    for i in range(k):
        d[v.basis[i]] = -columns[new, v.basis[i]]
    for i in range(m):
        d[i] += columns[new, i]
        length += columns[new, i] * columns[new, i]
        distance += d[i] * d[i]
        slope += v.sigma[i] * d[i]
    if distance <= dependent * length:
        return False
    direction = 1.0 if slope >= 0 else -1.0
    t, row = median_stop(v, abs(slope), breakpoints(v, direction))
    row_product(v, columns, active, k, row)
    inverse = 1 / d[row]
    for j in range(k):
        for i in range(k):
            M[j, i] -= w[j] * v.v[i] * inverse
        M[j, k] = w[j] * inverse
    for i in range(k):
        M[k, i] = -v.v[i] * inverse
    M[k, k] = inverse
    move(v, columns, active, 0, direction * t, row)
    v.basis[k] = row
    return True


@kernel(fastmath=_FAST)
def steepest(v, k):
    """Compute the slopes and return the position of the steepest edge down, or -1 at the optimum."""
    for i in range(k):
        v.g[i] = 0.0
    for j in range(k):
        for i in range(k):
            v.g[i] += v.M[j, i] * v.h[j]
    best = -1
    for j in range(k):
        if abs(v.g[j]) - 1 > _OPTIMAL and (best < 0 or abs(v.g[j]) > abs(v.g[best])):
            best = j
    return best


@kernel
def smallest_row(v, k):
    """The edge down whose row comes first, or -1."""
    best = -1
    for j in range(k):
        if abs(v.g[j]) - 1 > _OPTIMAL and (best < 0 or v.basis[j] < v.basis[best]):
            best = j
    return best


@kernel(fastmath=_FAST)
def loss_of(r):
    """||r||_1."""
    total = 0.0
    for i in range(r.shape[0]):
        total += abs(r[i])
    return total


@kernel
def spread(v):
    """Move all residuals away from zero by unequal amounts, rounding for the fit, so that no two reach it at once.

    Edges then lead somewhere. The vertex of the moved problem is optimal for the given one as long as the signs are.
    """
    peak = 0.0
    for i in range(v.r.shape[0]):
        peak = max(peak, abs(v.r[i]))
    share = 0.5
    for i in range(v.r.shape[0]):
        share = (share + _GOLDEN) % 1.0
        v.r[i] += v.sigma[i] * _SPREAD * peak * (0.5 + share)


@kernel(fastmath=_FAST)
def descend(v, columns, active, k, limit):
    """Follow edges down to the optimum; False when `limit` edges were not enough.

    After some edges of length zero, as tied residuals cause them, these are spread; should that not help, the smallest
    rows are taken, which cannot cycle.
    """
    for j in range(k):
        total = 0.0
        for i in range(v.r.shape[0]):
            total += columns[active[j], i] * v.sigma[i]
        v.h[j] = total
    idle = 0
    for _ in range(limit):
        j = steepest(v, k)
        if j < 0:
            return True
        if idle == _IDLE:
            spread(v)
        careful = idle > 2 * _IDLE
        if careful:
            j = smallest_row(v, k)
        direction = 1.0 if v.g[j] > 0 else -1.0
        for i in range(k):
            v.v[i] = v.M[i, j]
        combine(v, columns, active, k, v.v, v.d)
        total = breakpoints(v, direction)
        if careful:
            t, row = nearest_stop(v)
        else:
            t, row = median_stop(v, abs(v.g[j]) - 1, total)
        if row < 0:
            return False
        leaving = v.basis[j]
        move(v, columns, active, k, direction * t, row)
        v.r[leaving], v.sigma[leaving] = -direction * t, -direction
        for i in range(k):
            v.h[i] -= direction * columns[active[i], leaving]
        exchange(v, columns, active, k, j, row)
        idle = idle + 1 if t == 0 else 0
    return False


@kernel(fastmath=_FAST)
def interpolate(v, columns, active, k, y, x):
    """The coefficients x (k,) of the vertex, once refined, and fresh residuals.

    Returns how far the vertex is from its rows, relative to the largest target, and whether a residual beyond rounding
    has another sign than it had on the way.
    """
    m, drift, peak = len(y), 0.0, 0.0
    for i in range(k):
        x[i] = 0.0
    for _ in range(2):
        combine(v, columns, active, k, x, v.d)
        for i in range(m):
            v.r[i] = y[i] - v.d[i]
            peak = max(peak, abs(y[i]))
        drift = 0.0
        for j in range(k):
            missing = v.r[v.basis[j]]
            drift = max(drift, abs(missing))
            for i in range(k):
                x[i] += missing * v.M[i, j]
    for j in range(k):
        v.r[v.basis[j]] = 0.0
    turned = False
    for i in range(m):
        if v.r[i] * v.sigma[i] < -_ROUNDING * peak:
            v.sigma[i], turned = -v.sigma[i], True
    return drift / max(peak, _TINY), turned


@kernel
def refit(v, columns, active, k, y, x, limit):
    """Minimise over k columns from the vertex at hand: coefficients to x, residuals to v.r.

    Returns the loss and the distance of the vertex from its rows.
    """
    drift = 0.0
    for _ in range(_ATTEMPTS):
        optimal = descend(v, columns, active, k, limit)
        drift, turned = interpolate(v, columns, active, k, y, x)
        if not turned or not optimal:
            break
    return loss_of(v.r), drift


@kernel
def extend(v, columns, active, k, dependent, y, x, limit):
    """Add column active[k] to k others and minimise: as `refit`, and first of all whether the column is independent."""
    if not append(v, columns, active, k, dependent):
        return False, 0.0, 0.0
    loss, drift = refit(v, columns, active, k + 1, y, x, limit)
    return True, loss, drift

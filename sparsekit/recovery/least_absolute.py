r"""Exact least absolute deviations on a growing set of columns: min_x ||y - A_S x||_1, from vertex to vertex.

A vertex interpolates as many rows as it has columns. With B these rows, the tableau T = (A_S A_B^-1)^T says how the
residuals change when one of them is let go: r - delta T_j. One more column needs one more such row, found along the
direction that keeps the others interpolated, a weighted median; then edges are followed while one of the slopes

    |g_j| - 1,   g_j = sum_i sigma_i T_ji,   sigma_i = sign of r_i off the vertex, 0 on it

is positive, each again to the weighted median of its breakpoints (the simplex method of [barrodale1973]_ and
[bloomfield1980]_). The start is the vertex before, so that a few edges suffice. The last columns of T carry A_B^-1,
which gives x; sigma off and -g on the vertex is the dual solution that certifies the fit.
"""

from typing import NamedTuple

import numpy as np

from sparsekit.core.kernels import kernel

_FAST = {"contract", "reassoc"}
_OPTIMAL = 1e-10  # how far |g_j| may exceed 1
_PIVOT = 1e-9  # entries of a direction, relative to its largest, that count as zero
_PROGRESS = 1e-14  # relative decrease of the loss below which an edge led nowhere
_FEW = 16  # breakpoints that are sorted
_IDLE = 20  # edges that may lead nowhere, beside 2 k, before the careful rule is taken
_ATTEMPTS = 3  # times that a tableau is computed anew
_DRIFT = 1e-11  # of the largest target: residual of an interpolated row from which the tableau is computed anew


class Vertex(NamedTuple):
    """A fit to m rows with room for n columns; n + 1 rows of work space."""

    T: np.ndarray  # (n, m + n) row j: the change of all fits and of x per unit of the fit to row basis[j]
    basis: np.ndarray  # (n,) interpolated rows
    r: np.ndarray  # (m,) residuals
    sigma: np.ndarray  # (m,) their signs; 0 for the interpolated rows
    g: np.ndarray  # (n,) slopes
    place: np.ndarray  # (m + 1,) breakpoints
    weight: np.ndarray  # (m + 1,) their weights


def vertex(y, n):
    """The vertex without columns: r = y."""
    m = len(y)
    return Vertex(
        T=np.zeros((n, m + n)),
        basis=np.full(n, -1),
        r=y.copy(),
        sigma=np.where(y < 0, -1.0, 1.0),
        g=np.zeros(n),
        place=np.empty(m + 1),
        weight=np.empty(m + 1),
    )


def widened(v, n):
    """The same vertex with room for n columns."""
    have, m = len(v.basis), len(v.r)
    T, basis = np.zeros((n, m + n)), np.full(n, -1)
    T[:have, : m + have], basis[:have] = v.T, v.basis
    return v._replace(T=T, basis=basis, g=np.zeros(n))


def dual(v):
    """The dual solution u (m,): y^T u is a lower bound of the loss when |u| <= 1 and A_S^T u = 0."""
    u = v.sigma.copy()
    u[v.basis] = -v.g
    return u


@kernel
def weighted_select(place, weight, n, need):
    """The smallest of the first n >= 1 places up to which the weights sum to `need`; the largest when they never do.

    Quickselect; the order of both arrays changes.
    """
    low, high, passed = 0, n, 0.0  # the answer is in [low, high); the places before have the weight `passed`
    while high - low > _FEW:
        a, b, c = place[low], place[(low + high) // 2], place[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        less, i, more, below, equal = low, low, high, 0.0, 0.0
        while i < more:  # [low, less) < pivot, [less, i) = pivot, [more, high) > pivot
            p, w = place[i], weight[i]
            if p < pivot:
                place[i], weight[i] = place[less], weight[less]
                place[less], weight[less] = p, w
                below += w
                less += 1
                i += 1
            elif p > pivot:
                more -= 1
                place[i], weight[i] = place[more], weight[more]
                place[more], weight[more] = p, w
            else:
                equal += w
                i += 1
        if passed + below >= need:
            high = less
        elif passed + below + equal >= need or more == high:
            return pivot
        else:
            passed += below + equal
            low = more
    for i in range(low + 1, high):
        p, w, j = place[i], weight[i], i - 1
        while j >= low and place[j] > p:
            place[j + 1], weight[j + 1] = place[j], weight[j]
            j -= 1
        place[j + 1], weight[j + 1] = p, w
    for i in range(low, high):
        passed += weight[i]
        if passed >= need:
            return place[i]
    return place[high - 1]


@kernel(fastmath=_FAST)
def first_stop(v, d, direction, need):
    """How far to go along `direction` * d until the slope is no longer negative, and the row that stops there.

    The slope at the start is -need. Of the rows at the same place it is the one with the largest entry of d, for the
    sake of the next tableau.
    """
    m, place, weight = v.r.shape[0], v.place, v.weight
    largest = 0.0
    for i in range(m):
        largest = max(largest, abs(d[i]) * abs(v.sigma[i]))
    n = 0
    for i in range(m):
        if v.sigma[i] * d[i] * direction > _PIVOT * largest:
            place[n], weight[n] = abs(v.r[i] / d[i]), 2 * abs(d[i])
            n += 1
    if n == 0:
        return 0.0, -1
    t = weighted_select(place, weight, n, need)
    row, largest = -1, 0.0
    for i in range(m):
        if v.sigma[i] * d[i] * direction > _PIVOT * largest and abs(v.r[i] / d[i]) == t:
            row, largest = i, abs(d[i])
    return t, row


@kernel
def nearest_stop(v, d, direction):
    """The first breakpoint, and of those at the same place the smallest row: steps that cannot cycle [bland1977]_."""
    largest = 0.0
    for i in range(v.r.shape[0]):
        largest = max(largest, abs(d[i]) * abs(v.sigma[i]))
    t, row = np.inf, -1
    for i in range(v.r.shape[0]):
        if v.sigma[i] * d[i] * direction > _PIVOT * largest and abs(v.r[i] / d[i]) < t:
            t, row = abs(v.r[i] / d[i]), i
    return t, row


@kernel
def move(v, d, step, row):
    """Change the residuals by -step * d up to the row that becomes interpolated."""
    for i in range(v.r.shape[0]):
        if v.sigma[i] != 0:
            v.r[i] -= step * d[i]
            if v.r[i] * v.sigma[i] < 0:
                v.sigma[i] = -v.sigma[i]
    v.r[row], v.sigma[row] = 0.0, 0.0


@kernel(fastmath=_FAST)
def pivot(v, k, j, row):
    """Interpolate `row` in the place of basis[j], in a tableau of k columns, and compute the slopes g there."""
    T, sigma, m, end = v.T, v.sigma, v.r.shape[0], v.r.shape[0] + k
    inverse = 1 / T[j, row]
    for i in range(end):
        T[j, i] *= inverse
    T[j, row] = 1.0
    for other in range(k):
        factor = T[other, row] if other != j else 0.0
        if factor != 0:
            for i in range(end):
                T[other, i] -= factor * T[j, i]
            T[other, row] = 0.0
        g = 0.0
        for i in range(m):  # a loop of its own: together they are not vectorised
            g += sigma[i] * T[other, i]
        v.g[other] = g
    v.basis[j] = row


@kernel(fastmath=_FAST)
def append(v, k, a, dependent):
    """Add column a (m,) to k others and go to the best point along the new direction; False when a depends on them."""
    m, T, d = v.r.shape[0], v.T, v.T[k]
    d[:] = 0.0
    length = 0.0
    for i in range(m):
        d[i] = a[i]
        length += a[i] * a[i]
    d[m + k] = 1.0
    for j in range(k):
        factor = a[v.basis[j]]
        if factor != 0:
            for i in range(m + k):
                d[i] -= factor * T[j, i]
    distance = 0.0
    for j in range(k):
        d[v.basis[j]] = 0.0
        T[j, m + k] = 0.0
    for i in range(m):
        distance += d[i] * d[i]
    if distance <= dependent * length:
        return False
    slope = 0.0
    for i in range(m):
        slope += v.sigma[i] * d[i]
    direction = 1.0 if slope >= 0 else -1.0
    t, row = first_stop(v, d, direction, abs(slope))
    move(v, d, direction * t, row)
    pivot(v, k + 1, k, row)
    return True


@kernel
def steepest(v, k):
    """The position of the steepest edge down, or -1 at the optimum."""
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
def descend(v, k, limit):
    """Follow edges down to the optimum; the number of edges, or -1 when `limit` were not enough."""
    lowest, idle = loss_of(v.r), 0
    for edge in range(limit):
        j = steepest(v, k)
        if j < 0:
            return edge
        careful = idle > 2 * k + _IDLE
        if careful:
            j = smallest_row(v, k)
        direction = 1.0 if v.g[j] > 0 else -1.0
        if careful:
            t, row = nearest_stop(v, v.T[j], direction)
        else:
            t, row = first_stop(v, v.T[j], direction, abs(v.g[j]) - 1)
        if row < 0:
            return -1
        leaving = v.basis[j]
        move(v, v.T[j], direction * t, row)
        v.r[leaving], v.sigma[leaving] = -direction * t, -direction
        pivot(v, k, j, row)
        now = loss_of(v.r)
        if now < lowest * (1 - _PROGRESS):
            lowest, idle = now, 0
        else:
            idle += 1
    return -1


@kernel
def interpolate(v, k, columns, active, y, x):
    """The coefficients x (k,) of the vertex, once refined, and fresh residuals; how far the vertex is from its rows.

    columns (N, m) holds the columns as rows, `active` those in use.
    """
    m, peak = len(y), 0.0
    x[:k] = 0.0
    for _ in range(2):
        for i in range(m):
            v.r[i] = y[i]
            peak = max(peak, abs(y[i]))
        for j in range(k):
            for i in range(m):
                v.r[i] -= x[j] * columns[active[j], i]
        drift = 0.0
        for j in range(k):
            missing = v.r[v.basis[j]]
            drift = max(drift, abs(missing))
            for i in range(k):
                x[i] += missing * v.T[j, m + i]
    for j in range(k):
        v.r[v.basis[j]] = 0.0
    for i in range(m):
        if abs(v.r[i]) > _DRIFT * peak and v.sigma[i] != 0:
            v.sigma[i] = 1.0 if v.r[i] > 0 else -1.0
    return drift / peak if peak > 0 else 0.0


@kernel
def rebuild(v, k, columns, active):
    """Compute the tableau of the same vertex from the columns, with the largest pivots first."""
    m = v.r.shape[0]
    rows = v.basis[:k].copy()
    for j in range(k):
        v.T[j, :] = 0.0
        v.T[j, :m] = columns[active[j]]
        v.T[j, m + j] = 1.0
        v.basis[j] = -1
    for row in rows:
        best = -1
        for j in range(k):
            if v.basis[j] < 0 and (best < 0 or abs(v.T[j, row]) > abs(v.T[best, row])):
                best = j
        pivot(v, k, best, row)


@kernel
def refit(v, k, columns, active, y, x, limit):
    """Minimise over k columns from the vertex at hand: coefficients to x, residuals to v.r; False when it failed."""
    for _ in range(_ATTEMPTS):
        if descend(v, k, limit) < 0:
            return False
        if interpolate(v, k, columns, active, y, x) <= _DRIFT:
            return True
        rebuild(v, k, columns, active)
        interpolate(v, k, columns, active, y, x)
    return descend(v, k, limit) == 0

r"""From vertex to vertex of ||y - A w||_1 + sum_j pen_j(w_j); notation as in `lad_lasso_vertex`.

A vertex is optimal when |u_B| <= 1 and -low <= z <= up. Otherwise an edge leads down: letting go a row of B with
|u_i| > 1, or taking in a column whose z_j is out of its bounds. It is followed to the weighted median of the places
where residuals or coefficients change sign, [barrodale1973]_; there another row is interpolated, or a column leaves.
This is the simplex method for the least absolute deviations of the rows of A and the rows of the penalty together, with
the inverse of the small part that is not known beforehand.
"""

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.recovery.lad_lasso_vertex import (
    combine,
    exchange_columns,
    exchange_rows,
    find_dual,
    grow,
    shrink,
    sign_row,
)
from sparsekit.recovery.weighted_median import reaching

OPTIMAL, LIMITED, STUCK = 0, 1, 2  # how `descend` ends
ROW_OPTIMAL = 1e-12  # how far |u_i| may exceed 1
_FAST = {"contract", "reassoc"}
_PIVOT = 1e-11  # entries of a direction, relative to the sum of all, that count as zero
_CANCELLED = 64 * float(np.finfo(float).eps)  # the same, relative to the terms of their sum
_DEPENDENT = 1e-7  # what is left of a column, relative to it, when it depends on others and is not taken in
_IDLE = 10  # edges of length zero before ties are spread, and as many more before the first in order are taken
_SPREAD = 1e-11  # of the largest target or coefficient: how far ties are spread
_GOLDEN = 0.6180339887498949


@kernel
def violation(v, j):
    """How far z_j is out of its bounds; negative inside them."""
    return max(v.z[j] - v.up[j], -v.low[j] - v.z[j])


@kernel
def steepest(v):
    """The edge down with the largest slope: (whether it lets a row go, which place of B or candidate), or -1.

    Slopes are per unit of the residual that is let go, and of the norm of the column that is taken in.
    """
    k, best, of_row, at = v.size[0], 0.0, False, -1
    for i in range(k):
        slope = abs(v.u[i]) - 1
        if slope > ROW_OPTIMAL and slope > best:
            best, of_row, at = slope, True, i
    for j in range(v.size[1]):
        if v.place[j] < 0:
            slope = violation(v, j)
            if slope > v.floor[j] and slope * v.scale[j] > best:
                best, of_row, at = slope * v.scale[j], False, j
    return of_row, at


@kernel
def first_edge(v):
    """The edge down that comes first in the order of all rows, then all columns."""
    of_row, at = False, -1
    for i in range(v.size[0]):
        if abs(v.u[i]) - 1 > ROW_OPTIMAL and (at < 0 or v.B[i] < v.B[at]):
            of_row, at = True, i
    if not of_row:
        for j in range(v.size[1]):
            out = v.place[j] < 0 and violation(v, j) > v.floor[j]
            if out and (at < 0 or v.candidates[j] < v.candidates[at]):
                at = j
    return of_row, at


@kernel(fastmath=_FAST)
def point(v, columns, of_row, at):
    """Fill e and d with the change of the coefficients and of the fit along an edge; its direction and the slope."""
    k, m, e, d = v.size[0], v.r.shape[0], v.e, v.d
    if of_row:
        direction, slope = (-1.0 if v.u[at] > 0 else 1.0), abs(v.u[at]) - 1
        for j in range(k):
            e[j] = direction * v.M[j, at]
    else:
        direction, slope = (1.0 if v.z[at] > v.up[at] else -1.0), violation(v, at)
        for j in range(k):
            total = 0.0
            for i in range(k):
                total += v.M[j, i] * v.rows[i, at]
            e[j] = -direction * total
    combine(v, columns, e, d)
    if not of_row:
        a = columns[v.candidates[at]]
        for i in range(m):
            d[i] += direction * a[i]
    for i in range(k):
        d[v.B[i]] = 0.0
    return direction, slope


@kernel(fastmath=_FAST)
def breakpoints(v):
    """Fill stop with the distances at which residuals and coefficients reach zero, inf for those that do not.

    load gets the changes of the slope there; returns their sum.
    """
    k, m, d, e, stop, load = v.size[0], v.r.shape[0], v.d, v.e, v.stop, v.load
    total, length, terms = 0.0, 0.0, 0.0
    for i in range(m):
        length += abs(d[i])  # not the maximum, which is not vectorised
    for j in range(k):
        terms += abs(e[j])
    nothing = _PIVOT * length + _CANCELLED * (1 + terms)  # no entry of a column exceeds 1
    for i in range(m):
        towards = v.sigma[i] * d[i]
        meets = towards > nothing
        stop[i] = abs(v.r[i] / d[i]) if meets else np.inf
        load[i] = 2 * towards if meets else 0.0
        total += load[i]
    for j in range(k):
        towards, change = -v.sign[j] * e[j], v.up[v.S[j]] + v.low[v.S[j]]
        meets = towards > _PIVOT * terms and change > 0
        stop[m + j] = abs(v.w[j] / e[j]) if meets else np.inf
        load[m + j] = change * towards if meets else 0.0
        total += load[m + j]
    return total


@kernel
def median_stop(v, slope, total):
    """The breakpoint at which the loss no longer falls, and what is zero there: a row, or m and a place of S; or -1.

    Of several it is the one that turns the slope most, for the sake of the next inverse.
    """
    n, found = v.r.shape[0] + v.size[0], -1
    t = reaching(v.stop[:n], v.load[:n], slope, total, v.at, v.weight)
    if t < np.inf:
        for i in range(n):
            if v.stop[i] == t and (found < 0 or v.load[i] > v.load[found]):
                found = i
    return t, found


@kernel
def nearest_stop(v):
    """The first breakpoint, and of those at the same place the first in order: steps that cannot cycle [bland1977]_."""
    m, t, found, order = v.r.shape[0], np.inf, -1, 0
    for i in range(m + v.size[0]):
        if v.stop[i] <= t and v.stop[i] < np.inf:
            mine = i if i < m else m + v.candidates[v.S[i - m]]
            if v.stop[i] < t or mine < order:
                t, found, order = v.stop[i], i, mine
    return t, found


@kernel(fastmath=_FAST)
def is_dependent(v, columns, at):
    """Whether the columns in use combine to a candidate, whose edge is at hand, nearly."""
    a, rest, length = columns[v.candidates[at]], 0.0, 0.0
    for i in range(v.r.shape[0]):
        rest += abs(v.d[i])
        length += abs(a[i])
    return rest <= _DEPENDENT * length


@kernel
def move(v, columns, t):
    """Go a distance t along the edge, and change the signs and h accordingly."""
    r, sigma, n = v.r, v.sigma, 0
    for i in range(r.shape[0]):
        r[i] -= t * v.d[i]
        if r[i] * sigma[i] < 0:
            sigma[i] = -sigma[i]
            v.turned[n] = i
            n += 1
    for j in range(v.size[0]):
        v.w[j] += t * v.e[j]
        if v.w[j] * v.sign[j] < 0:
            v.sign[j] = -v.sign[j]
    for j in range(v.size[1]):
        a, total = columns[v.candidates[j]], 0.0
        for f in range(n):
            total += sigma[v.turned[f]] * a[v.turned[f]]
        v.h[j] += 2 * total


@kernel
def spread(v):
    """Move all residuals and coefficients away from zero by unequal amounts, so that no two reach it at once.

    Edges then lead somewhere. The vertex of the moved problem is optimal for the given one as long as the signs are.
    No target exceeds 1.
    """
    k, share, wide = v.size[0], 0.5, 1.0
    for j in range(k):
        wide = max(wide, abs(v.w[j]))
    for i in range(v.r.shape[0]):
        share = (share + _GOLDEN) % 1.0
        v.r[i] += v.sigma[i] * _SPREAD * (0.5 + share)
    for j in range(k):
        share = (share + _GOLDEN) % 1.0
        v.w[j] += v.sign[j] * _SPREAD * wide * (0.5 + share)


@kernel(fastmath=_FAST)
def descend(v, columns, limit):
    """Follow up to `limit` edges down; returns how many, and OPTIMAL, LIMITED or STUCK (an edge without an end).

    Columns that depend on those in use, and have no place of one of them to take, are left out: floor is inf.

    After some edges of length zero, as ties cause them, these are spread; should that not help, the first edges in
    order are taken to their first breakpoints, which cannot cycle.
    """
    m = v.r.shape[0]
    for step in range(limit):
        find_dual(v)
        careful = v.size[2] > 2 * _IDLE
        of_row, at = first_edge(v) if careful else steepest(v)
        if at < 0:
            return step, OPTIMAL
        if v.size[2] == _IDLE:
            spread(v)
        direction, slope = point(v, columns, of_row, at)
        total = breakpoints(v)
        t, met = nearest_stop(v) if careful else median_stop(v, slope, total)
        if not of_row and (met < 0 or (met < m and is_dependent(v, columns, at))):
            v.floor[at] = np.inf
            continue
        if met < 0:
            return step, STUCK
        move(v, columns, t)
        leaving = v.B[at] if of_row else -1
        if met < m:
            sign_row(v, columns, met, 0.0)
            v.r[met] = 0.0
        if of_row:
            sign_row(v, columns, leaving, -direction)
            v.r[leaving] = -direction * t
        else:
            for j in range(v.size[0]):
                v.e[j] *= -direction
        if of_row and met < m:
            exchange_rows(v, columns, at, met)
        elif of_row:
            shrink(v, at, met - m)
        elif met < m:
            grow(v, columns, at, met, direction * t, direction)
        else:
            exchange_columns(v, met - m, at, direction * t, direction)
        v.size[2] = v.size[2] + 1 if t == 0 else 0
    return limit, LIMITED

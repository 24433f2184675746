"""Distances in a tree embedding in the hyperbolic plane from the lengths and angles of its edges, without coordinates.

A walk along the tree carries, at each node N, the distance rho from its source S and the direction s of S. To the next
node C, at length l and angle a,

    phi = s - a,   q = 1 - cos phi = 2 sin(phi/2)^2,   rho', psi: the triangle S N C,   s' = (angle of N at C) - psi

where a parent stands at angle 0. Only psi is held, as the vector (u, v) along (cos(psi/2), sin(psi/2)):

    (u, v) = (1 + cos psi, sin psi) or (|sin psi|, +-(1 - cos psi)), the longer one;   u^2 + v^2 = 2 (1 + |cos psi|)

so that a step takes products with (cos(a/2), sin(a/2)) and no trigonometric function, and small angles stay as precise
as they are given. Angles between two children are subtracted first.
"""

import math
from typing import NamedTuple

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.embeddings.hyperbolic_triangles import far_length, far_side


class PlanarForm(NamedTuple):
    """A tree in the plane; n nodes by breadth-first position."""

    parent: np.ndarray  # (n,) -1 at the root
    starts: np.ndarray  # (n + 1,) first child
    lengths: np.ndarray  # (n,) of the edge to the parent, 0 at the root
    angles: np.ndarray  # (n,) in the frame of the parent, whose own parent stands at 0
    decays: np.ndarray  # (n,) exp(-length)
    gaps: np.ndarray  # (n,) 1 - exp(-length)
    cosines: np.ndarray  # (n,) cos(angle / 2)
    sines: np.ndarray  # (n,) sin(angle / 2)


def planar_form(parent, starts, lengths, angles):
    """The form of a tree in the plane, with what every walk needs of its edges; O(n).

    Parameters
    ----------
    parent : ndarray of shape (n,) of int64
        Breadth-first position of each parent, -1 at the root.
    starts : ndarray of shape (n + 1,) of int64
        Children of position p are the positions from starts[p] to starts[p + 1].
    lengths : ndarray of shape (n,)
        Hyperbolic length of the edge to the parent, 0 at the root.
    angles : ndarray of shape (n,)
        Direction of each node in the frame of its parent, in radians, anticlockwise from the parent's own parent.

    Returns
    -------
    form : PlanarForm
    """
    lengths, angles = (np.ascontiguousarray(values, np.float64) for values in (lengths, angles))
    half = 0.5 * angles
    return PlanarForm(
        parent, starts, lengths, angles, np.exp(-lengths), -np.expm1(-lengths), np.cos(half), np.sin(half)
    )


@kernel
def turned(c, s, u, v, inverse):
    """1 - cos and sin of phi, phi/2 at (c, s) from (u, v), whose squared length has this inverse."""
    x, y = c * u + s * v, s * u - c * v
    return 2 * y * y * inverse, 2 * x * y * inverse


@kernel
def half_angle(x, y):
    """(u, v) from cos psi and sin psi."""
    return (1 + x, y) if x >= 0 else (abs(y), math.copysign(1 - x, y))


@kernel
def inverse_square(u, v):
    """1 / |(u, v)|^2."""
    return 1 / (u * u + v * v)


@kernel
def step(form, edge, rho, e, m, c, s, u, v):
    """State at the other end of an edge: rho, exp(-rho), 1 - exp(-rho), u, v."""
    q, sine = turned(c, s, u, v, inverse_square(u, v))
    rho, e, m, x, y = far_side(rho, e, m, form.lengths[edge], form.decays[edge], form.gaps[edge], q)
    u, v = half_angle(x, y * sine)
    return rho, e, m, u, v


@kernel
def half_between(form, a, b):
    """Half the angle from child b to child a of one node."""
    half = 0.5 * (form.angles[a] - form.angles[b])
    return math.cos(half), math.sin(half)


@kernel
def ancestors(parent, node):
    """Positions from a node to the root."""
    count, p = 0, node
    while p >= 0:
        count, p = count + 1, parent[p]
    path = np.empty(count, np.int64)
    for i in range(count):
        path[i] = node
        node = parent[node]
    return path


@kernel
def planar_rows(form, sources, out, work):
    """Write the distances of all positions from each source to out (k, n); work (4, n) is overwritten. O(n) each."""
    for i in range(len(sources)):
        _row(form, sources[i], out[i], work)


@kernel
def _row(form, source, rho, work):
    """Up the ancestors of the source, then all others in the order of memory."""
    rho[source] = 0.0
    path = ancestors(form.parent, source)
    for i in range(1, len(path)):
        below, node = path[i - 1], path[i]
        if i == 1:
            _start(form, below, node, rho, work)
        else:
            side = path[i - 2]
            _move(form, below, below, node, form.cosines[side], form.sines[side], rho, work)
    for i in range(len(path) - 1, -1, -1):
        following = path[i - 1] if i > 0 else len(rho)
        _fan(form, path[i], path[i - 1] if i > 0 else -1, rho, work)
        _descend(form, path[i] + 1, following, rho, work)


@kernel
def _start(form, edge, target, rho, work):
    """Write the state of a neighbour of the source."""
    rho[target] = form.lengths[edge]
    work[0, target], work[1, target], work[2, target], work[3, target] = form.decays[edge], form.gaps[edge], 1.0, 0.0


@kernel
def _move(form, edge, node, target, c, s, rho, work):
    """Write the state of a target from that of a node."""
    rho[target], work[0, target], work[1, target], work[2, target], work[3, target] = step(
        form, edge, rho[node], work[0, node], work[1, node], c, s, work[2, node], work[3, node]
    )


@kernel
def _fan(form, node, towards, rho, work):
    """All children of an ancestor of the source but the one towards it; of the source itself where that is -1."""
    for child in range(form.starts[node], form.starts[node + 1]):
        if towards < 0:
            _start(form, child, child, rho, work)
        elif child != towards:
            c, s = half_between(form, towards, child)
            _move(form, child, node, child, c, s, rho, work)


@kernel
def _descend(form, first, last, rho, work):
    """The children of positions from first to last, none of which is an ancestor of the source."""
    lengths, decays, gaps, cosines, sines = form.lengths, form.decays, form.gaps, form.cosines, form.sines
    starts = form.starts
    decay, gap, us, vs = work[0], work[1], work[2], work[3]
    for node in range(first, last):
        end = starts[node + 1]
        if starts[node] == end:
            continue
        r, e, m, u, v = rho[node], decay[node], gap[node], us[node], vs[node]
        inverse = inverse_square(u, v)
        for x in range(starts[node], end):
            q, sine = turned(cosines[x], -sines[x], u, v, inverse)
            if starts[x] == starts[x + 1]:
                rho[x] = far_length(r, e, m, lengths[x], decays[x], gaps[x], q)
            else:
                rho[x], decay[x], gap[x], cosine, y = far_side(r, e, m, lengths[x], decays[x], gaps[x], q)
                us[x], vs[x] = half_angle(cosine, y * sine)


@kernel
def planar_walk(form, source, target, path):
    """Distance; path (depth + 1,) is overwritten. O(path)."""
    if source == target:
        return 0.0
    top, length = way_down(form.parent, source, target, path)
    rho, e, m, u, v = 0.0, 1.0, 0.0, 1.0, 0.0
    node, via = source, -1
    while node != top:
        if via < 0:
            rho, e, m = form.lengths[node], form.decays[node], form.gaps[node]
        else:
            rho, e, m, u, v = step(form, node, rho, e, m, form.cosines[via], form.sines[via], u, v)
        node, via = form.parent[node], node
    for i in range(length - 1, -1, -1):
        child = path[i]
        if node == source:
            rho, e, m = form.lengths[child], form.decays[child], form.gaps[child]
        else:
            if node == top:
                c, s = half_between(form, via, child)
            else:
                c, s = form.cosines[child], -form.sines[child]
            rho, e, m, u, v = step(form, child, rho, e, m, c, s, u, v)
        node = child
    return rho


@kernel
def way_down(parent, source, target, path):
    """Lowest common ancestor, and the number of positions written to path: from the target to below that ancestor."""
    length = 0
    while source != target:  # the larger position is not an ancestor of the smaller one
        if source > target:
            source = parent[source]
        else:
            path[length] = target
            length, target = length + 1, parent[target]
    return source, length


@kernel
def planar_pairs(form, a, b, out):
    """Write the distance of a[i] and b[i] to out[i], walking from the smaller position: the same for (b, a)."""
    path = np.empty(len(form.parent), np.int64)
    for i in range(len(a)):
        out[i] = planar_walk(form, min(a[i], b[i]), max(a[i], b[i]), path)


@kernel
def planar_directions(form, source, rho, work, out):
    """Write the distances of all positions from the source to rho (n,), the directions in its frame to out (n, 2).

    work (4, n) is overwritten. O(n): on the way from S to C by N, with sides rho and l, the direction turns by the
    angle at S of the triangle S N C,

        tan = 2 e^-rho (1 - e^-2l) sin phi / (2 (e^-2l - e^-2rho) + (1 + e^-2rho) (1 - e^-2l) q),

    and these are added up with what their sum rounds off.
    """
    _row(form, source, rho, work)
    angle, rest = np.zeros(len(rho)), np.zeros(len(rho))
    path = ancestors(form.parent, source)
    for i in range(2, len(path)):
        side = path[i - 2]
        _turn(form, path[i - 1], path[i - 1], path[i], form.cosines[side], form.sines[side], work, angle, rest)
    for i in range(len(path) - 1, -1, -1):
        node, towards = path[i], path[i - 1] if i > 0 else -1
        for child in range(form.starts[node], form.starts[node + 1]):
            if towards < 0:
                angle[child] = form.angles[child]
            elif child != towards:
                c, s = half_between(form, towards, child)
                _turn(form, child, node, child, c, s, work, angle, rest)
        for other in range(node + 1, path[i - 1] if i > 0 else len(rho)):
            for x in range(form.starts[other], form.starts[other + 1]):
                _turn(form, x, other, x, form.cosines[x], -form.sines[x], work, angle, rest)
    for x in range(len(rho)):
        out[x, 0], out[x, 1] = math.cos(angle[x] + rest[x]), math.sin(angle[x] + rest[x])
    out[source] = 0.0


@kernel
def _turn(form, edge, node, target, c, s, work, angle, rest):
    """Direction of a target at the source from that of a node."""
    e, u, v, decay = work[0, node], work[2, node], work[3, node], form.decays[edge]
    q, sine = turned(c, s, u, v, inverse_square(u, v))
    opening = form.gaps[edge] * (1 + decay)
    step = math.atan2(2 * e * opening * sine, 2 * (decay - e) * (decay + e) + (1 + e * e) * opening * q) + rest[node]
    angle[target] = angle[node] + step
    rest[target] = step - (angle[target] - angle[node])

"""Distances in a tree embedding in r-dimensional hyperbolic space from the lengths and directions of its edges.

The frame of a node is that of its parent, parallel-transported along the edge. A walk along the tree carries, at each
node N, the distance rho from its source S and the unit vector s to S. To the next node C, at length l and direction a,

    w = s - a,   q = 1 - cos phi = |w|^2 / 2,   rho', cos psi, y = sin psi / sin phi: the triangle S N C
    s' = y (s - (1 - q) a) - cos psi a = -a + delta',   delta' = y w + (y q + 1 - cos psi) a

where -a is the direction back to N, and a = -(direction of N) towards a parent; if cos psi < 0, s' = a + delta' with
-1 in the place of 1. Only the sign and delta are held: added to the difference of two directions that are given, delta
keeps small angles as precise as they are given.
"""

from typing import NamedTuple

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.embeddings.hyperbolic_triangles import far_length, far_side
from sparsekit.embeddings.planar_distances import ancestors, way_down

_NEAR = 1e-10  # squared sine whose cube does not count in 1 - cos


class SpatialForm(NamedTuple):
    """A tree in r dimensions; n nodes by breadth-first position."""

    parent: np.ndarray  # (n,) -1 at the root
    starts: np.ndarray  # (n + 1,) first child
    lengths: np.ndarray  # (n,) of the edge to the parent, 0 at the root
    directions: np.ndarray  # (n, r) unit vectors in the frame of the parent
    decays: np.ndarray  # (n,) exp(-length)
    gaps: np.ndarray  # (n,) 1 - exp(-length)


def spatial_form(parent, starts, lengths, directions):
    """The form of a tree in r dimensions, with what every walk needs of its edges; O(n r).

    Parameters
    ----------
    parent : ndarray of shape (n,) of int64
        Breadth-first position of each parent, -1 at the root.
    starts : ndarray of shape (n + 1,) of int64
        Children of position p are the positions from starts[p] to starts[p + 1].
    lengths : ndarray of shape (n,)
        Hyperbolic length of the edge to the parent, 0 at the root.
    directions : ndarray of shape (n, r)
        Unit vector of each node in the frame of its parent; that of the root does not count.

    Returns
    -------
    form : SpatialForm
    """
    lengths, directions = (np.ascontiguousarray(values, np.float64) for values in (lengths, directions))
    return SpatialForm(parent, starts, lengths, directions, np.exp(-lengths), -np.expm1(-lengths))


@kernel
def _chord(X, back, base, forward, edge, deviations, node, w):
    """Write w = back X[base] + deviations[node] - forward X[edge]; return q = |w|^2 / 2."""
    square, along, size = 0.0, 0.0, 0.0
    for i in range(len(w)):
        w[i] = (back * X[base, i] - forward * X[edge, i]) + deviations[node, i]
        square += w[i] * w[i]
    if square > _NEAR:
        return 0.5 * square
    # w lies across a, but for what both vectors lack to length 1
    for i in range(len(w)):
        along, size = along + w[i] * X[edge, i], size + X[edge, i] * X[edge, i]
    square = 0.0
    for i in range(len(w)):
        w[i] -= along / size * X[edge, i]
        square += w[i] * w[i]
    q = 0.5 * square * (1 + 0.25 * square)  # 1 - sqrt(1 - sin^2)
    for i in range(len(w)):
        w[i] -= q * forward * X[edge, i]
    return q


@kernel
def _deviate(X, q, x, y, back, base, forward, edge, deviations, node, target, w):
    """Write delta' to deviations[target] from the chord w; return the sign of X[edge] in s'."""
    rise = q
    if q > 1:  # the chord to the opposite of a is the one that may be small
        q = _chord(X, back, base, -forward, edge, deviations, node, w)
        rise = -q
    rest = y * (y * q) * (2 - q) / (1 + abs(x))  # 1 - |cos psi| without cancellation; y^2 may overflow
    factor = forward * (y * rise + (rest if x >= 0 else -rest))
    for i in range(len(w)):
        deviations[target, i] = y * w[i] + factor * X[edge, i]
    return -forward if x >= 0 else forward


@kernel
def _step(form, edge, state, base, forward, deviations, node, target, w):
    """(rho, exp(-rho), 1 - exp(-rho), back) at the target of an edge from those at a node; write deviations[target].

    At the node the source stands at back * directions[base] + deviations[node], the target at forward *
    directions[edge]; there it will stand at back * directions[edge] + deviations[target].
    """
    rho, e, m, back = state
    X = form.directions
    q = _chord(X, back, base, forward, edge, deviations, node, w)
    rho, e, m, x, y = far_side(rho, e, m, form.lengths[edge], form.decays[edge], form.gaps[edge], q)
    return rho, e, m, _deviate(X, q, x, y, back, base, forward, edge, deviations, node, target, w)


@kernel
def spatial_rows(form, sources, out, work):
    """Write the distances of all positions from each source to out (k, n); work (n, r + 3) is overwritten.

    O(n r) each.
    """
    for i in range(len(sources)):
        _row(form, sources[i], out[i], work)


@kernel
def _row(form, source, rho, work):
    """Up the ancestors of the source, then all others in the order of memory."""
    w = np.empty(form.directions.shape[1])
    rho[source] = 0.0
    path = ancestors(form.parent, source)
    for i in range(1, len(path)):
        if i == 1:
            _start(form, source, path[1], 1.0, rho, work)
        else:
            _move(form, path[i - 1], path[i - 1], path[i], path[i - 2], -1.0, rho, work, w)
    for i in range(len(path) - 1, -1, -1):
        following = path[i - 1] if i > 0 else len(rho)
        _fan(form, path[i], path[i - 1] if i > 0 else -1, rho, work, w)
        _descend(form, path[i] + 1, following, rho, work, w)


@kernel
def _start(form, edge, target, back, rho, work):
    """Write the state of a neighbour of the source."""
    rho[target] = form.lengths[edge]
    work[target, 0], work[target, 1], work[target, 2] = form.decays[edge], form.gaps[edge], back
    work[target, 3:] = 0.0


@kernel
def _move(form, edge, node, target, base, forward, rho, work, w):
    """Write the state of a target from that of a node."""
    state = rho[node], work[node, 0], work[node, 1], work[node, 2]
    state = _step(form, edge, state, base, forward, work[:, 3:], node, target, w)
    rho[target], work[target, 0], work[target, 1], work[target, 2] = state


@kernel
def _fan(form, node, towards, rho, work, w):
    """All children of an ancestor of the source but the one towards it; of the source itself where that is -1."""
    for child in range(form.starts[node], form.starts[node + 1]):
        if towards < 0:
            _start(form, child, child, -1.0, rho, work)
        elif child != towards:
            _move(form, child, node, child, towards, 1.0, rho, work, w)


@kernel
def _descend(form, first, last, rho, work, w):
    """The children of positions from first to last, none of which is an ancestor of the source."""
    lengths, decays, gaps, starts, X = form.lengths, form.decays, form.gaps, form.starts, form.directions
    deviations, r = work[:, 3:], len(w)
    for node in range(first, last):
        if starts[node] == starts[node + 1]:
            continue
        size, e, m, back = rho[node], work[node, 0], work[node, 1], work[node, 2]
        for x in range(starts[node], starts[node + 1]):
            if starts[x] == starts[x + 1]:
                square = 0.0  # most nodes are leaves: the chord without storing it, nor a call
                for i in range(r):
                    d = (back * X[node, i] - X[x, i]) + deviations[node, i]
                    square += d * d
                q = 0.5 * square if square > _NEAR else _chord(X, back, node, 1.0, x, deviations, node, w)
                rho[x] = far_length(size, e, m, lengths[x], decays[x], gaps[x], q)
            else:
                q = _chord(X, back, node, 1.0, x, deviations, node, w)
                rho[x], work[x, 0], work[x, 1], cosine, y = far_side(size, e, m, lengths[x], decays[x], gaps[x], q)
                work[x, 2] = _deviate(X, q, cosine, y, back, node, 1.0, x, deviations, node, x, w)


@kernel
def spatial_walk(form, source, target, path, seen):
    """Distance; write the direction of the source in the frame of the target to seen (r,). O(path r)."""
    w, deviation = np.empty(len(seen)), np.zeros((1, len(seen)))
    seen[:] = 0.0
    if source == target:
        return 0.0
    top, length = way_down(form.parent, source, target, path)
    state, node, base = (0.0, 1.0, 0.0, 1.0), source, -1
    while node != top:
        if base < 0:
            state = form.lengths[node], form.decays[node], form.gaps[node], 1.0
        else:
            state = _step(form, node, state, base, -1.0, deviation, 0, 0, w)
        node, base = form.parent[node], node
    for i in range(length - 1, -1, -1):
        child = path[i]
        if base < 0:
            state = form.lengths[child], form.decays[child], form.gaps[child], -1.0
        else:
            state = _step(form, child, state, base, 1.0, deviation, 0, 0, w)
        base = child
    for i in range(len(seen)):
        seen[i] = state[3] * form.directions[base, i] + deviation[0, i]
    return state[0]


@kernel
def spatial_pairs(form, a, b, out):
    """Write the distance of a[i] and b[i] to out[i], walking from the smaller position: the same for (b, a)."""
    path, seen = np.empty(len(form.parent), np.int64), np.empty(form.directions.shape[1])
    for i in range(len(a)):
        out[i] = spatial_walk(form, min(a[i], b[i]), max(a[i], b[i]), path, seen)


@kernel
def spatial_directions(form, source, out):
    """Write the direction of each position in the frame of the source to out (n, r)."""
    path = np.empty(len(form.parent), np.int64)
    for node in range(len(form.parent)):
        spatial_walk(form, node, source, path, out[node])

"""Mean average precision of a tree embedded in the plane, exact, without most of its distances.

From the source S a walk reaches C, where S stands at rho and at an angle phi or more from a node X behind C. Then

    d(S, X) >= rho + d(C, X) + 2 ln sin(phi/2)    as sinh(d/2)^2 = sin^2 sinh((rho + delta)/2)^2
                                                               + cos^2 sinh((rho - delta)/2)^2, and cosh alike
    rho - d(C, X) <= d(S, X) <= rho + d(C, X)

Where no neighbour of S is at a distance between these bounds for all X behind C, they count at once and none of them is
visited. What is behind each edge N -> C is bounded beforehand, by one pass up the tree and one down:

    gamma, smallest angle at C of N and what is behind:  min over neighbours D of C but N: angle(N, D) at C - A(C -> D)
    A, largest angle at N of C and what is behind:       tan(A/2) = e^-l / tan(gamma/2), of an ideal triangle
    b, least distance from C:                            min over D: L(C -> D)
    L(N -> C), least distance from N:                    min(l, l + b + 2 ln sin(gamma/2))

and phi >= gamma - psi, with psi the angle at C of N and S, which the walk knows. gamma <= 0 bounds nothing.
"""

import math
from typing import NamedTuple

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.core.threads import chunks, run_chunks
from sparsekit.embeddings.hyperbolic_triangles import far_length, far_side
from sparsekit.embeddings.planar_distances import half_angle, half_between, inverse_square, planar_walk, step, turned
from sparsekit.embeddings.row_measures import place, precision

_WORK = 2e4  # elementary operations of a row: some hundreds of nodes
_GUARD = 1e-12  # beyond the rounding of any angle
_LEAST = 1e-7  # sines below bound nothing: rounding grows by their inverse
_ABSOLUTE, _RELATIVE = 1e-6, 1e-9  # bounds of distances keep off by that much, far beyond rounding


class Horizon(NamedTuple):
    """What lies behind each edge: [0] behind p, seen from its parent; [1] behind the parent of p, seen from p."""

    cosines: np.ndarray  # (2, n) of gamma/2
    sines: np.ndarray  # (2, n), 0 where gamma bounds nothing
    least: np.ndarray  # (2, n) lower bound of the distances from the nearer end
    most: np.ndarray  # (2, n) upper bound
    size: np.ndarray  # (2, n) how many nodes


def average_precisions(form, begins, neighbours, *, counted=None, sources=None, n_jobs=None):
    """Average precision of the graph neighbours of each source among all nodes of an embedded tree.

    Parameters
    ----------
    form : PlanarForm
        Of n positions.
    begins : ndarray of shape (n + 1,) of int64
        Graph neighbours of p are neighbours[begins[p]:begins[p + 1]].
    neighbours : ndarray of int64
        Positions; they need not be neighbours in the tree.
    counted : ndarray of shape (n,) of bool, default=None
        Positions that are nodes of the graph; None is all.
    sources : ndarray of shape (m,) of int64, default=None
        Positions; None is all that are counted.
    n_jobs : int or None, default=None
        Threads; the answer is the same for any number.

    Returns
    -------
    precisions : ndarray of shape (m,)
        NaN without neighbours. Bit for bit the numbers from all distances of the rows, as defined in
        :func:`sparsekit.embeddings.row_measures.row_precision`.
    visited : ndarray of shape (m,) of int64
        Nodes whose distances were computed.
    """
    n = len(form.parent)
    counted = np.ones(n, np.int64) if counted is None else np.asarray(counted).astype(np.int64)
    sources = np.flatnonzero(counted) if sources is None else np.asarray(sources, np.int64)
    begins, neighbours = (np.ascontiguousarray(array, np.int64) for array in (begins, neighbours))
    horizon = look_behind(form, counted)
    precisions, visited = np.empty(len(sources)), np.empty(len(sources), np.int64)

    def fill(part):
        _average(form, horizon, begins, neighbours, counted, sources[part], precisions[part], visited[part])

    run_chunks(fill, chunks(len(sources), _WORK), n_jobs)
    return precisions, visited


# ---- what is behind each edge


def look_behind(form, counted):
    """The horizon of all edges, both ways; O(n log n).

    Parameters
    ----------
    form : PlanarForm
    counted : ndarray of shape (n,) of int64
        1 for nodes that count in sizes, 0 for others.

    Returns
    -------
    horizon : Horizon
    """
    gamma, least, most, size = _look_behind(
        form.parent, form.starts, form.lengths, np.mod(form.angles, 2 * np.pi), counted
    )
    bounded = gamma > 0
    return Horizon(
        np.where(bounded, np.cos(gamma / 2), 1.0), np.where(bounded, np.sin(gamma / 2), 0.0), least, most, size
    )


@kernel
def _look_behind(parent, starts, lengths, angles, counted):
    """gamma (0 where it bounds nothing), least and most distance, and size."""
    n = len(parent)
    gamma, least, most = np.full((2, n), np.pi), np.full((2, n), np.inf), np.zeros((2, n))
    size, edge = np.zeros((2, n), np.int64), np.empty((2, 2, n))  # A and L of both ways
    for p in range(n - 1, 0, -1):
        for d in range(starts[p], starts[p + 1]):
            gamma[0, p] = min(gamma[0, p], min(angles[d], 2 * np.pi - angles[d]) - edge[0, 0, d])
            least[0, p] = min(least[0, p], edge[0, 1, d])
            most[0, p] = max(most[0, p], lengths[d] + most[0, d])
            size[0, p] += counted[d] + size[0, d]
        gamma[0, p] = _guarded(gamma[0, p])
        edge[0, 0, p], edge[0, 1, p] = _opening(gamma[0, p], least[0, p], lengths[p])
    total = counted.sum()
    for p in range(n):
        first, end = starts[p], starts[p + 1]
        if first == end:
            continue
        theta, spread, near, far = _around(p, starts, lengths, angles, edge, most)
        clear = _clearances(theta, spread, np.argsort(theta))
        two_near, two_far = _two_least(near), _two_least(-far)
        for i in range(end - first):
            d = first + i
            if len(theta) > 1:
                gamma[1, d] = clear[i]
                least[1, d] = two_near[1] if near[i] == two_near[0] else two_near[0]
                most[1, d] = -(two_far[1] if -far[i] == two_far[0] else two_far[0])
            size[1, d] = total - counted[p] - counted[d] - size[0, d]
            gamma[1, d] = _guarded(gamma[1, d])
            edge[1, 0, d], edge[1, 1, d] = _opening(gamma[1, d], least[1, d], lengths[d])
    return gamma, least, most, size


@kernel
def _around(p, starts, lengths, angles, edge, most):
    """Angles, A, L and largest distances of all neighbours of p: its children, then its parent."""
    first, end = starts[p], starts[p + 1]
    k = end - first + (p > 0)
    theta, spread, near, far = np.zeros(k), np.empty(k), np.empty(k), np.empty(k)
    for i in range(end - first):
        d = first + i
        theta[i], spread[i], near[i], far[i] = angles[d], edge[0, 0, d], edge[0, 1, d], lengths[d] + most[0, d]
    if p > 0:
        spread[k - 1], near[k - 1], far[k - 1] = edge[1, 0, p], edge[1, 1, p], lengths[p] + most[1, p]
    return theta, spread, near, far


@kernel
def _clearances(theta, spread, order):
    """For each direction the least of angle(it, d) - spread[d] over all others d, at most pi; theta in [0, 2 pi]."""
    k = len(theta)
    clear = np.full(k, np.pi)
    passed, ahead = -np.inf, np.inf
    for j in range(2 * k):  # twice around: what is met a whole turn later is no nearer than pi
        d = order[j % k]
        at = theta[d] + (2 * np.pi if j >= k else 0.0)
        if j >= k:
            clear[d] = min(clear[d], at - passed)
        passed = max(passed, at + spread[d])
    for j in range(2 * k - 1, -1, -1):
        d = order[j % k]
        at = theta[d] + (2 * np.pi if j >= k else 0.0)
        if j < k:
            clear[d] = min(clear[d], ahead - at)
        ahead = min(ahead, at - spread[d])
    return clear


@kernel
def _two_least(values):
    """The two smallest values, inf where there is none."""
    first, second = np.inf, np.inf
    for x in values:
        if x < first:
            first, second = x, first
        elif x < second:
            second = x
    return first, second


@kernel
def _guarded(gamma):
    gamma -= _GUARD
    return gamma if gamma > 2 * _LEAST else 0.0


@kernel
def _opening(gamma, least, length):
    """A and L of an edge from gamma and the least distance behind it, which is inf where nothing is."""
    if least == np.inf:
        return 0.0, length
    if gamma == 0:
        return np.pi, 0.0
    spread = 2 * math.atan(math.exp(-length) / math.tan(0.5 * gamma))
    return min(spread + _GUARD, np.pi), max(0.0, min(length, length + least + 2 * math.log(math.sin(0.5 * gamma))))


# ---- rows


@kernel
def _average(form, horizon, begins, neighbours, counted, sources, precisions, visited):
    """Average precision of each source, and the number of nodes visited."""
    n, largest = len(form.parent), 0
    for source in sources:
        largest = max(largest, begins[source + 1] - begins[source])
    distances, tally = np.empty(largest), np.empty(largest + 1, np.int64)
    path, nodes, states = np.empty(n, np.int64), np.empty(n, np.int64), np.empty((n, 5))
    for i in range(len(sources)):
        source = sources[i]
        first, k = begins[source], begins[source + 1] - begins[source]
        visited[i] = 0
        if k == 0:
            precisions[i] = np.nan
            continue
        for j in range(k):
            distances[j] = planar_walk(form, source, neighbours[first + j], path)
        ranks = distances[:k]
        if k > 1:
            ranks.sort()
        tally[: k + 1] = 0
        visited[i] = k + _count(form, horizon, counted, source, ranks, tally, nodes, states)
        precisions[i] = precision(ranks, tally)


@kernel
def _count(form, horizon, counted, source, ranks, tally, nodes, states):
    """Add all other nodes to the tally of their places among the ranks; return how many were visited."""
    visited = 0
    rho, e, m, u, v = 0.0, 1.0, 0.0, 1.0, 0.0
    node, towards, side = source, -1, -1  # the walk came to the node from `towards`, and there from `side`
    while True:
        depth = 0
        for child in range(form.starts[node], form.starts[node + 1]):
            if child == towards:
                continue
            if towards < 0:
                state = form.lengths[child], form.decays[child], form.gaps[child], 1.0, 0.0
            else:
                c, s = half_between(form, towards, child)
                state = step(form, child, rho, e, m, c, s, u, v)
            visited += 1
            if counted[child]:
                tally[place(ranks, state[0])] += 1
            if _goes_on(horizon, 0, child, state[0], state[3], state[4], ranks, tally):
                nodes[depth] = child
                states[depth, 0], states[depth, 1], states[depth, 2], states[depth, 3], states[depth, 4] = state
                depth += 1
        visited += _descend(form, horizon, counted, depth, ranks, tally, nodes, states)
        if form.parent[node] < 0:
            return visited
        side, towards, node = towards, node, form.parent[node]
        if side < 0:
            rho, e, m, u, v = form.lengths[towards], form.decays[towards], form.gaps[towards], 1.0, 0.0
        else:
            rho, e, m, u, v = step(form, towards, rho, e, m, form.cosines[side], form.sines[side], u, v)
        visited += 1
        if counted[node]:
            tally[place(ranks, rho)] += 1
        if not _goes_on(horizon, 1, towards, rho, u, v, ranks, tally):
            return visited


@kernel
def _goes_on(horizon, way, edge, rho, u, v, ranks, tally):
    """Whether what is behind an edge must be visited; else it is tallied here."""
    size = horizon.size[way, edge]
    if size == 0:
        return False
    most = horizon.most[way, edge]
    low = rho - most
    sine = (horizon.sines[way, edge] * u - horizon.cosines[way, edge] * abs(v)) / math.sqrt(u * u + v * v)
    if sine > _LEAST:
        low = max(low, rho + horizon.least[way, edge] + 2 * math.log(sine))
    margin = _ABSOLUTE + _RELATIVE * (rho + most)
    at = place(ranks, low - margin)
    if at < len(ranks) and ranks[at] < rho + most + margin:
        return True
    tally[at] += size
    return False


@kernel
def _descend(form, horizon, counted, depth, ranks, tally, nodes, states):
    """Tally all that is below the nodes on the stack; return how many were visited."""
    lengths, decays, gaps, cosines, sines = form.lengths, form.decays, form.gaps, form.cosines, form.sines
    starts, visited = form.starts, 0
    while depth > 0:
        depth -= 1
        node = nodes[depth]
        r, e, m, u, v = states[depth, 0], states[depth, 1], states[depth, 2], states[depth, 3], states[depth, 4]
        inverse = inverse_square(u, v)
        visited += starts[node + 1] - starts[node]
        for x in range(starts[node], starts[node + 1]):
            q, sine = turned(cosines[x], -sines[x], u, v, inverse)
            if starts[x] == starts[x + 1]:
                rho = far_length(r, e, m, lengths[x], decays[x], gaps[x], q)
            else:
                rho, decay, gap, cosine, y = far_side(r, e, m, lengths[x], decays[x], gaps[x], q)
                left, right = half_angle(cosine, y * sine)
                if _goes_on(horizon, 0, x, rho, left, right, ranks, tally):
                    nodes[depth] = x
                    states[depth, 0], states[depth, 1], states[depth, 2] = rho, decay, gap
                    states[depth, 3], states[depth, 4] = left, right
                    depth += 1
            if counted[x]:
                tally[place(ranks, rho)] += 1
    return visited

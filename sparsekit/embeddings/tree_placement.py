"""Where children go: angles in the plane, directions in r dimensions, and the scale that keeps every distance.

Edges of length l that meet at an angle theta at every node advance by L per edge, where

    cosh(L/2) = cosh(l/2) sin(theta/2),

when the path always turns the same way in one plane; all other paths with edges of at least l and angles of at least
theta advance by more. So distances in the embedding are between 1/(1 + eps) and 1 times those in the scaled tree once
the shortest edge has the length l* with

    ln cosh(l*/2) + ln sin(theta/2) = ln cosh(l*/(2 (1 + eps))).

In r dimensions a node with c children stands among c + 1 well separated directions; the reflection I - 2 w w'/|w|^2 by
w = s + d turns the first of them, s, to -d, where the parent is, d being the node's own direction from its parent.
"""

import numpy as np
from scipy.optimize import brentq

from sparsekit.core.kernels import kernel
from sparsekit.core.trees import path_sums, subtree_sums
from sparsekit.embeddings.spherical_codes import separated_directions

FLOAT64_REACH = 36.0  # radius at which 1 - |x| is 4 units in the last place; it vanishes at 54 ln 2 = 37.4
_SEARCHED, _STEP = 16, 1.1  # numbers of neighbours up to which each has a code of its own, and steps from there on
_EXACT = 20.0  # ln cosh(x) is x - ln 2 to the last bit from here on


# ---- plane


def uniform_angles(tree):
    """Equal angles around every node: children k = 1..c of an inner node at 2 pi k/(c + 1), of the root at 2 pi k/c.

    Parameters
    ----------
    tree : Tree
        The k-th child is the one with the k-th smallest index; at the root k = 0..c - 1.

    Returns
    -------
    angles : ndarray of shape (n,)
        Direction of each node in the frame of its parent, whose own parent stands at 0; 0 at the root. In [0, 2 pi).
    """
    angles = np.zeros(len(tree.parent))
    parent = tree.parent[1:]
    is_inner = parent > 0
    k = np.arange(1, len(tree.parent)) - tree.starts[parent] + is_inner
    angles[1:] = 2 * np.pi * k / (np.diff(tree.starts)[parent] + is_inner)
    return angles


def subtree_angles(tree, measure=None, *, power=0.5, evenness=0.5):
    """Sectors that grow with what lies behind them; each neighbour, the parent as well, in the middle of its own.

    Of the full turn, the part `evenness` is shared equally by all d neighbours of a node, the rest in proportion to
    the sums of the measure behind them, to a power. So neighbours are at least 2 pi evenness/d apart.

    Parameters
    ----------
    tree : Tree
        Children keep their order.
    measure : ndarray of shape (n,), default=None
        Non-negative, by position; None counts the leaves.
    power : float, default=0.5
        1 shares in proportion, 0 equally.
    evenness : float, default=0.5
        Above 0, at most 1.

    Returns
    -------
    angles : ndarray of shape (n,)
        As those of `uniform_angles`; the first child of the root stands at 0.
    """
    if not 0 < evenness <= 1:
        raise ValueError(f"evenness must be in (0, 1], got {evenness!r}: neighbours would coincide")
    if measure is None:
        n_children = np.diff(tree.starts)
        measure = n_children == 0
        measure[0] |= n_children[0] == 1  # seen from its only neighbour the root is a leaf
    below = subtree_sums(tree.parent, np.ascontiguousarray(measure, dtype=np.float64))
    above = np.maximum(below[0] - below, 0.0)
    return _middles_of_sectors(tree.starts, below**power, above**power, float(evenness))


@kernel
def _middles_of_sectors(starts, shares, above, evenness):
    """Angles of the children of each node; its parent has the sector around 0, at the root the first child."""
    angles = np.zeros(len(shares))
    for q in range(len(shares)):
        first, stop = starts[q], starts[q + 1]
        if first == stop:
            continue
        total = shares[first:stop].sum() + (above[q] if q > 0 else 0.0)
        even, part = evenness / (stop - first + (q > 0)), 0.0
        if total > 0:
            part = (1 - evenness) / total
        else:
            even /= evenness
        end = (even + part * (above[q] if q > 0 else shares[first])) / 2
        if q == 0:
            end = -end
        for p in range(first, stop):
            sector = even + part * shares[p]
            angles[p] = 2 * np.pi * (end + sector / 2)
            end += sector
    return angles


# ---- r dimensions


def uniform_directions(tree, r):
    """Well separated directions around every node, the first of them turned to the parent.

    Parameters
    ----------
    tree : Tree
        Any.
    r : int
        Dimension, at least 2.

    Returns
    -------
    directions : ndarray of shape (n, r)
        Unit vector of each node in the frame of its parent, which is parallel-transported along the edge from the
        frame of the parent before; 0 at the root. The reflections take O(n r).

    Notes
    -----
    A code is searched for the largest number of neighbours, for all up to 16 and for steps of a tenth between; other
    nodes take the first ones of the next larger code, which for r = 3 costs them 5 % of the angle at most.
    """
    n_children = np.diff(tree.starts)
    sizes = n_children + (tree.parent >= 0)
    sizes[n_children == 0] = 0
    shared = np.ceil(_SEARCHED * _STEP ** np.arange(200))
    steps = np.minimum(shared[np.searchsorted(shared, sizes)].astype(np.int64), sizes.max())
    kinds, kind = np.unique(np.where(sizes > _SEARCHED, steps, sizes), return_inverse=True)
    codes = [separated_directions(int(size), r) for size in kinds if size > 0]
    begins = np.cumsum(kinds) - kinds
    table = np.concatenate(codes) if codes else np.zeros((1, r))
    return _turned_codes(tree.starts, table, begins[kind])


@kernel
def _turned_codes(starts, table, begin):
    """Reflect the rows of each node from begin on: the first to where its parent stands, the others to its children."""
    n, r = len(begin), table.shape[1]
    directions, w = np.zeros((n, r)), np.zeros(r)
    for q in range(n):
        row, square = begin[q], 0.0
        if q > 0 and starts[q] < starts[q + 1]:
            for j in range(r):
                w[j] = table[row, j] + directions[q, j]
                square += w[j] * w[j]
            row += 1
        for p in range(starts[q], starts[q + 1]):
            product = 0.0
            for j in range(r):
                product += w[j] * table[row, j]
            step, length = (2 * product / square if square > 0 else 0.0), 0.0
            for j in range(r):
                directions[p, j] = table[row, j] - step * w[j]
                length += directions[p, j] * directions[p, j]
            length = np.sqrt(length)
            for j in range(r):
                directions[p, j] /= length
            row += 1
    return directions


# ---- scale


def smallest_angle(tree, placement):
    """Smallest angle between two neighbours of one node; pi where no node has two.

    Parameters
    ----------
    tree : Tree
        n nodes.
    placement : ndarray of shape (n,) or (n, r)
        Angles or directions of the nodes in the frames of their parents.

    Returns
    -------
    angle : float
        In radians. O(n log n) from angles; O(sum of squared degrees, times r) from directions.
    """
    if len(tree.parent) < 3:
        return np.pi
    if placement.ndim == 1:
        return _smallest_gap(tree, placement)
    square = _smallest_square(tree.starts, np.ascontiguousarray(placement, dtype=np.float64))
    return 2 * np.arcsin(min(np.sqrt(square) / 2, 1.0))


def _smallest_gap(tree, angles):
    """Smallest gap between sorted angles around a node; that of 0 and of the parent are two of them."""
    inner = np.flatnonzero(np.diff(tree.starts) > 0)
    inner = inner[inner > 0]
    node = np.concatenate([tree.parent[1:], inner])
    turn = np.concatenate([angles[1:] % (2 * np.pi), np.zeros(len(inner))])
    sort = np.lexsort((turn, node))
    node, turn = node[sort], turn[sort]
    last = np.append(node[1:] != node[:-1], True)
    follower = np.where(last, turn[np.searchsorted(node, node)] + 2 * np.pi, np.append(turn[1:], 0.0))
    gaps = follower - turn
    return min(gaps.min(), np.pi)


@kernel
def _smallest_square(starts, directions):
    """Smallest squared distance between directions of neighbours of one node, at most 4."""
    smallest = 4.0
    for q in range(len(directions)):
        for p in range(starts[q], starts[q + 1]):
            if q > 0:  # the parent stands opposite to the node's own direction
                smallest = min(smallest, _square(directions[p], directions[q], 1.0))
            for other in range(starts[q], p):
                smallest = min(smallest, _square(directions[p], directions[other], -1.0))
    return smallest


@kernel
def _square(a, b, sign):
    square = 0.0
    for j in range(len(a)):
        square += (a[j] + sign * b[j]) ** 2
    return square


def tight_scale(min_angle, max_distortion, shortest=1.0):
    """The smallest scale at which no distance in the embedding shrinks by more than 1 + max_distortion.

    Parameters
    ----------
    min_angle : float
        Smallest angle theta between neighbours of one node, above 0, at most pi.
    max_distortion : float
        eps > 0.
    shortest : float, default=1.0
        Shortest edge of the tree, above 0.

    Returns
    -------
    scale : float
        l*/shortest; for theta = pi, where every scale is exact, 1/shortest.

    Raises
    ------
    ValueError
        For arguments out of range.
    """
    _check_positive(min_angle=min_angle, max_distortion=max_distortion, shortest=shortest)
    loss = -np.log(np.sin(min(min_angle, np.pi) / 2))
    if loss <= 0.0:
        return 1.0 / shortest
    longest = 2 * (loss + np.log(2)) * (1 + max_distortion) / max_distortion  # ln cosh(x) is above x - ln 2, below x
    surplus = brentq(_surplus, 0.0, longest, (loss, max_distortion), xtol=1e-300, rtol=1e-15)
    return surplus / shortest


def _surplus(length, loss, eps):
    """Change of sign at l*: ln cosh(l/2) - ln cosh(l/(2 (1 + eps))) - loss, without cancellation or overflow."""
    a, b = length / 2, length / (2 * (1 + eps))
    difference = length * eps / (2 * (1 + eps))
    if a > _EXACT:
        return difference - loss - np.log1p(np.exp(-2 * b)) + np.log1p(np.exp(-2 * a))
    return np.log1p(2 * np.sinh((a + b) / 2) * np.sinh(difference / 2) / np.cosh(b)) - loss


def guaranteed_distortion(min_angle, shortest):
    """The least max_distortion that edges of a length are good for: the inverse of `tight_scale`.

    Parameters
    ----------
    min_angle : float
        Smallest angle theta between neighbours of one node, above 0, at most pi.
    shortest : float
        Shortest edge of the embedding, above 0.

    Returns
    -------
    max_distortion : float
        l/L - 1; infinite where paths of such edges may close on themselves.
    """
    _check_positive(min_angle=min_angle, shortest=shortest)
    sine, half = np.sin(min(min_angle, np.pi) / 2), shortest / 2
    if sine == 1:
        return 0.0
    if half > _EXACT:
        log_cosine = half - np.log(2) + np.log(sine)  # of cosh(l/2) sin(theta/2)
        advance = log_cosine + np.log1p(np.sqrt(-np.expm1(-2 * log_cosine))) if log_cosine > 0 else 0.0
    else:
        cosine = np.cosh(half) * sine
        advance = np.arccosh(cosine) if cosine > 1 else 0.0
    return float(max(half / advance - 1, 0.0)) if advance > 0 else np.inf


def paper_scale(max_degree, max_distortion, shortest=1.0):
    """The scale of [sala2018]_: max((1 + 1/eps) v, len)/shortest.

    With beta = pi/(1.2 D), v = -2 ln tan(beta/2), alpha = 2 pi/D - 2 beta, len = -2 ln tan(alpha/2): 1.3 to 5 times
    `tight_scale` of the angle 2 pi/D.

    Parameters
    ----------
    max_degree : int
        D, at least 1.
    max_distortion : float
        eps > 0.
    shortest : float, default=1.0
        Shortest edge of the tree, above 0.

    Returns
    -------
    scale : float
        Above 0.

    Raises
    ------
    ValueError
        For arguments out of range.
    """
    _check_positive(max_degree=max_degree, max_distortion=max_distortion, shortest=shortest)
    beta = np.pi / (1.2 * max_degree)
    v = -2 * np.log(np.tan(beta / 2))
    length = -2 * np.log(np.tan(np.pi / max_degree - beta))
    return max((1 + max_distortion) / max_distortion * v, length) / shortest


def representable_scale(tree):
    """The largest scale at which float64 coordinates in the ball still tell the farthest nodes apart.

    Parameters
    ----------
    tree : Tree
        Any.

    Returns
    -------
    scale : float
        FLOAT64_REACH through the largest distance from the root; infinity for a single node.
    """
    longest = path_sums(tree.parent, tree.length).max()
    return FLOAT64_REACH / longest if longest > 0 else np.inf


def _check_positive(**values):
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be above 0 and finite, got {value!r}")

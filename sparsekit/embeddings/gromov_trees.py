r"""Trees of metrics by Gromov products, with nodes added where paths meet.

The Gromov product of y and z seen from x,

    (y|z)_x = (d(x, y) + d(x, z) - d(y, z)) / 2,

is in a tree the distance from x to the path between y and z. Three nodes meet at one point r, at distances (y|z)_x,
(x|z)_y, (x|y)_z from them; another node w is (y|z)_w from r if its path to r ends on the leg of x, and then (x|y)_w =
(x|z)_w from that leg, which it joins at distance (y|z)_w - (x|y)_w from r. In metrics of no tree the three products of
w do not fit together: the largest one tells the leg.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from sparsekit.core.kernels import kernel

_ROUNDING = 1e-10  # of the largest distance: above what sums along paths of 1e5 edges lose


def meeting_tree(distances, base):
    """The tree of TreeRep :cite:`sonthalia2020`, from a first node.

    Three nodes and their meeting point split the others into those behind each of these four points and those on each
    of the three legs; each part is split again from the points at its ends.

    Parameters
    ----------
    distances : ndarray of shape (n_nodes, n_nodes)
        A metric.
    base : int
        First of the first three nodes.

    Returns
    -------
    u, v : ndarray of shape (n_nodes + n_added - 1,)
        Ends of the edges of the tree; added nodes are n_nodes, n_nodes + 1, ...
    weight : ndarray of shape (n_nodes + n_added - 1,)
        Their lengths, positive.
    n_added : int
        Number of added nodes. The metric of a tree is met exactly.

    Notes
    -----
    O(n_nodes^2) at worst, O(n_nodes log n_nodes) for balanced trees, beside `distances`. Instead of random nodes it
    takes the one farthest from the point that the part hangs from, and the one whose shortest way to the meeting point
    is longest: one answer. Away from metrics of trees it may not be close: nodes that share a path from near a corner
    are parted where their products put them on either side of it.
    """
    n = len(distances)
    ends, lengths = np.empty((2, 2 * n), np.int64), np.empty(2 * n)
    tolerance = _tolerance(distances)
    count = _meetings(np.ascontiguousarray(distances), base, tolerance, ends, lengths)
    return _contracted(*ends[:, :count], lengths[:count], distances, tolerance)


def pairing_tree(distances, base):
    """The tree that hangs, again and again, the node q of the pair p, q of largest product (p|q)_base.

    Of the pair, q is the one farther from the base; it joins the path from p to the base (p|q)_base away from the base.
    Distances to the base and between such pairs are met exactly.

    Parameters
    ----------
    distances : ndarray of shape (n_nodes, n_nodes)
        A metric.
    base : int
        Node that all products are seen from.

    Returns
    -------
    u, v, weight, n_added
        As :func:`meeting_tree`. The metric of a tree is met exactly.

    Notes
    -----
    O(n_nodes^2) in metrics of trees; each time that the best partner of a node is gone by its turn, which a tree never
    lets happen, adds O(n_nodes).
    """
    n = len(distances)
    heights = distances[base]
    partner, product = _pairs(np.ascontiguousarray(distances), base, np.lexsort((np.arange(n), heights)))
    others = np.flatnonzero(partner >= 0)
    q = others[np.lexsort((others, -product[others], partner[others]))]  # by partner, from it to the base
    p, joint = partner[q], n + q
    first = np.concatenate([[True], p[1:] != p[:-1]])[: len(q)]
    before, height = np.where(first, p, np.roll(joint, 1)), np.where(first, heights[p], np.roll(product[q], 1))
    top, top_height = np.arange(n), heights.copy()
    top[p], top_height[p] = joint, product[q]  # the last one stays
    u, v = np.concatenate([before, top[others], top[[base]]]), np.concatenate([joint, n + others, [base]])
    weight = np.concatenate([height - product[q], top_height[others] - product[others], [0.0]])
    chained = u != v
    return _contracted(u[chained], v[chained], weight[chained], distances, _tolerance(distances))


def _tolerance(distances):
    positive = distances[distances > 0]
    return min(_ROUNDING * positive.max(), positive.min() / 4) if len(positive) else 0.0


@kernel
def _pairs(D, base, order):
    """Partner and product of each node, in `order` of distance from the base; -1 for the base itself."""
    n = len(D)
    rank, alive = np.empty(n, np.int64), np.ones(n, np.bool_)
    for k in range(n):
        rank[order[k]] = k
    partner, product = np.full(n, -1), np.full(n, -np.inf)
    for q in range(n):
        if q != order[0]:
            partner[q], product[q] = _best_partner(D, base, order, rank[q], alive)
    left = n - 1
    while left:
        q = -1
        for x in order:  # among equals the farthest
            if alive[x] and x != order[0] and (q < 0 or product[x] >= product[q]):
                q = x
        if alive[partner[q]]:
            alive[q] = False
            left -= 1
        else:
            partner[q], product[q] = _best_partner(D, base, order, rank[q], alive)
    return partner, product


@kernel
def _best_partner(D, base, order, end, alive):
    """Node before `end` in order of the largest product with that one, and the product."""
    q = order[end]
    best, largest = -1, -np.inf
    for k in range(end):
        p = order[k]
        if alive[p]:
            product = 0.5 * (D[base, p] + D[base, q] - D[p, q])
            if product > largest:
                best, largest = p, product
    return best, max(largest, 0.0)


@kernel
def _meetings(D, base, tolerance, ends, lengths):
    """Write the edges of the meeting tree, and count them.

    A zone is a slice of `members` and what it hangs from: the node a (b is -1), or the leg between a and b, whose
    length is known. Of each member w, seen[0, w] and seen[1, w] are the distances to these two.
    """
    n = len(D)
    members = np.concatenate((np.arange(base), np.arange(base + 1, n)))
    seen, zones, spans = np.zeros((2, n)), np.empty((n + 8, 4), np.int64), np.empty(n + 8)
    seen[0] = D[base]
    zones[0, 0], zones[0, 1], zones[0, 2], zones[0, 3] = 0, n - 1, base, -1
    corners, legs, starts, work = np.empty(3, np.int64), np.empty(3), np.empty(9, np.int64), np.empty((2, n), np.int64)
    waiting, count, new = int(n > 1), 0, n
    while waiting:
        waiting -= 1
        low, high, a, b = zones[waiting]
        if b < 0 and high - low == 1:
            ends[0, count], ends[1, count], lengths[count] = a, members[low], seen[0, members[low]]
            count += 1
            continue
        length = spans[waiting]
        if b < 0:
            b = _taken(members[low:high], seen, -1.0, tolerance)
            high -= 1
            length = seen[0, b]
            for w in members[low:high]:
                seen[1, w] = D[b, w]
        c = _taken(members[low:high], seen, length, tolerance)
        high -= 1
        corners[0], corners[1], corners[2] = a, b, c
        r = _meeting(D, members[low:high], seen, corners, length, tolerance, legs, new)
        new += r == new
        _sort_members(D, members[low:high], seen, corners, length, tolerance, legs, r, starts, work)
        for k in range(7):  # at the meeting point; behind each corner; on each leg
            leg = (k - 1) % 3
            if k > 0 and corners[leg] == r:
                continue
            if starts[k] < starts[k + 1]:
                zones[waiting, 0], zones[waiting, 1] = low + starts[k], low + starts[k + 1]
                zones[waiting, 2], zones[waiting, 3] = r if k == 0 else corners[leg], r if k > 3 else -1
                spans[waiting] = legs[leg]
                waiting += 1
            elif k > 3:
                ends[0, count], ends[1, count], lengths[count] = corners[leg], r, legs[leg]
                count += 1
    return count


@kernel
def _taken(members, seen, length, tolerance):
    """Move a member to the last place, among equals the one of lowest index.

    It is the farthest one, or, where a leg has a length, the one farthest from its ends and from the leg.
    """
    best, chosen = -np.inf, -1
    for again in range(2):
        for i in range(len(members)):
            w = members[i]
            to_a, to_b = seen[0, w], seen[1, w]
            score = to_a
            if length >= 0:
                score = 0.5 * min(length + to_a - to_b, length + to_b - to_a, to_a + to_b - length)
            if not again:
                best = max(best, score)
            elif score >= best - tolerance and (chosen < 0 or w < members[chosen]):
                chosen = i
    members[chosen], members[-1] = members[-1], members[chosen]
    return members[-1]


@kernel
def _meeting(D, members, seen, corners, length, tolerance, legs, new):
    """The node where three corners meet, `new` if there is none; write its distances from them."""
    c = corners[2]
    to_a, to_b = seen[0, c], seen[1, c]
    legs[0] = min(max(0.5 * (length + to_a - to_b), 0.0), length)
    legs[1] = length - legs[0]
    legs[2] = max(0.5 * (to_a + to_b - length), 0.0)
    if legs[2] <= tolerance:
        legs[0], legs[1], legs[2] = to_a, to_b, 0.0
        return c
    if legs[0] <= tolerance:
        legs[0], legs[1], legs[2] = 0.0, length, to_a
        return corners[0]
    if legs[1] <= tolerance:
        legs[0], legs[1], legs[2] = length, 0.0, to_b
        return corners[1]
    r = new
    for w in members:
        a, b, d = seen[0, w], seen[1, w], D[c, w]
        if w < r and max(b + d - to_b, a + d - to_a, a + b - length) <= 2 * tolerance:
            r = w
    if r < new:
        legs[0], legs[1], legs[2] = seen[0, r], seen[1, r], D[c, r]
    return r


@kernel
def _sort_members(D, members, seen, corners, length, tolerance, legs, r, starts, work):
    """Order members by zone: at r (0), behind corner k (1 + k), on leg k (4 + k), r itself (7); update `seen`."""
    c = corners[2]
    to_a, to_b = seen[0, c], seen[1, c]
    starts[:] = 0
    for i in range(len(members)):
        w = members[i]
        far = (seen[0, w], seen[1, w], D[c, w])
        products = (0.5 * (far[1] + far[2] - to_b), 0.5 * (far[0] + far[2] - to_a), 0.5 * (far[0] + far[1] - length))
        leg = 0
        for k in range(1, 3):
            if products[k] > products[leg]:
                leg = k
        away = products[leg]
        joins = away - 0.5 * (products[(leg + 1) % 3] + products[(leg + 2) % 3])
        if r < len(D):
            away = D[r, w]
        for k in range(3):
            if corners[k] == r:
                away = far[k]
        zone = 4 + leg
        if w == r:
            zone = 7
        elif joins <= tolerance or corners[leg] == r:
            zone, seen[0, w] = 0, max(away, 0.0)
        else:
            seen[0, w], seen[1, w] = far[leg], max(away, 0.0)
            if joins >= legs[leg] - tolerance:
                zone = 1 + leg
        work[0, i], work[1, i] = zone, w
        starts[zone + 1] += 1
    starts[:] = np.cumsum(starts)
    places = starts.copy()
    for i in range(len(members)):
        members[places[work[0, i]]] = work[1, i]
        places[work[0, i]] += 1


def _contracted(u, v, weight, distances, tolerance):
    """The tree without edges that are too short to be told from 0, and with added nodes renumbered.

    Nodes of the metric that would coincide so hang from the first of them, at their distance from it.
    """
    n, total = len(distances), int(max(u.max(initial=0), v.max(initial=0), len(distances) - 1)) + 1
    short = weight <= tolerance
    links = csr_array((np.ones(np.count_nonzero(short)), (u[short], v[short])), shape=(total, total))
    group = connected_components(links, directed=False)[1]
    head = np.full(group.max() + 1, total)
    np.minimum.at(head, group, np.arange(total))
    place = head[group]  # nodes of the metric have the lowest numbers
    place[:n] = np.arange(n)
    apart = np.flatnonzero(head[group[:n]] != np.arange(n))
    hubs = head[group[apart]]
    ends = np.concatenate([np.stack([place[u[~short]], place[v[~short]]]), np.stack([hubs, apart])], axis=1)
    used = np.union1d(np.arange(n), ends)
    u, v = np.searchsorted(used, ends)
    return u, v, np.concatenate([weight[~short], distances[hubs, apart]]), len(used) - n

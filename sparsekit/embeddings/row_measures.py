"""Kernels for a row of distances: from one source to all nodes, embedded (d_H) and in the graph (d_G).

    average precision    mean over neighbours t of |{neighbours x: d_H(x) <= d_H(t)}| / |{nodes x: d_H(x) <= d_H(t)}|
    distortion           mean over other nodes x of |d_H(x) / s - d_G(x)| / d_G(x)

A node at the distance of a neighbour counts as nearer, but for another neighbour, which is counted above as well.
Distances that agree to twelve digits are one: symmetric embeddings have many that differ by rounding alone.
"""

import numpy as np

from sparsekit.core.kernels import kernel

_TIE = 1 + 1e-12  # above what any walk or formula loses, but for points at the rim of the ball


@kernel
def place(ranks, distance):
    """Number of ranks (k,), which ascend, below a distance; 0 for NaN."""
    first, end = 0, len(ranks)
    if end > 0 and distance > ranks[end - 1] * _TIE:
        return end
    while first < end:
        middle = (first + end) // 2
        if ranks[middle] * _TIE < distance:
            first = middle + 1
        else:
            end = middle
    return first


@kernel
def precision(ranks, tally):
    """Average precision from the ascending distances of neighbours (k,) and how many nodes have each place (k + 1,)."""
    k, total, nodes, i = len(ranks), 0.0, 0, 0
    while i < k:
        end = i + 1
        while end < k and ranks[end] <= ranks[end - 1] * _TIE:
            end += 1
        nodes += tally[i:end].sum()
        total += (end - i) * (end / nodes)
        i = end
    return total / k


@kernel
def row_precision(distances, begins, neighbours, source):
    """Average precision of a source from its distances (n,); NaN without neighbours. O(n log k).

    The distances of the k neighbours ascend; nodes at the same distance as a neighbour count as nearer. For neighbours
    NaN is infinite, for others it is nearest.
    """
    first, k = begins[source], begins[source + 1] - begins[source]
    if k == 0:
        return np.nan
    ranks, tally, n_lost = np.empty(k), np.zeros(k + 1, np.int64), 0
    for i in range(k):
        ranks[i] = distances[neighbours[first + i]]
        if np.isnan(ranks[i]):
            ranks[i] = np.inf
            n_lost += 1
    ranks.sort()
    for x in range(len(distances)):
        if x != source:
            tally[place(ranks, distances[x])] += 1
    tally[0] -= n_lost
    tally[place(ranks, np.inf)] += n_lost
    return precision(ranks, tally)


@kernel
def row_distortion(d_H, d_G, source, scale):
    """Mean distortion, least and greatest ratio, number of collapsed pairs, and of pairs that have a path."""
    total, least, most, n_collapsed, n_pairs = 0.0, np.inf, 0.0, 0, 0
    for x in range(len(d_H)):
        if x == source:
            continue
        if d_G[x] == np.inf:
            n_collapsed += d_H[x] == 0
            continue
        n_pairs += 1
        if not 0 < d_H[x] < np.inf:
            n_collapsed += 1
            total += 1.0 if d_H[x] == 0 else np.inf
            continue
        ratio = d_H[x] / d_G[x]
        total += abs(ratio / scale - 1)
        least, most = min(least, ratio), max(most, ratio)
    return total / max(n_pairs, 1), least, most, n_collapsed, n_pairs


@kernel
def hop_row(begins, neighbours, source, unit, out, queue):
    """Write unit times the number of edges from the source to out (n,), infinity where no path leads. O(n + m)."""
    out[:] = np.inf
    out[source], queue[0], end, i = 0.0, source, 1, 0
    while i < end:
        node = queue[i]
        i += 1
        for e in range(begins[node], begins[node + 1]):
            x = neighbours[e]
            if out[x] == np.inf:
                out[x] = out[node] + unit
                queue[end] = x
                end += 1


@kernel
def ball_row(points, rooms, source, out):
    """Write the distances of a point of the ball from all to out (n,); rooms are sqrt(1 - |x|^2), or NaN."""
    for x in range(len(points)):
        square = 0.0
        for j in range(points.shape[1]):
            difference = points[x, j] - points[source, j]
            square += difference * difference
        out[x] = 2 * np.arcsinh(np.sqrt(square) / (rooms[x] * rooms[source]))


@kernel
def add_digits(ratios, bits, source, share, prefix, shift, sums):
    """Add ratios, times a share, to the sums of their digit at a shift, where the digits before it are the prefix.

    A shift by 64 is undefined; hence two.
    """
    for x in range(len(ratios)):
        if x != source and 0 < ratios[x] < np.inf and (bits[x] >> shift) >> 16 == prefix:
            sums[(bits[x] >> shift) & 0xFFFF] += share * ratios[x]

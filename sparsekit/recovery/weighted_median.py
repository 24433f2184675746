"""The weighted median of breakpoints for the line searches of the absolute loss: mostly it is among the first few."""

import numpy as np

from sparsekit.core.kernels import kernel

_FEW = 16  # places that are sorted
_SAMPLE = 32  # places that tell where the median about is


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
        if less > low and passed + below >= need:
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


@kernel
def reaching(stop, load, need, total, place, weight):
    """The smallest stop up to which the loads sum to `need`; the last finite one when they never do, inf without any.

    Parameters
    ----------
    stop : ndarray of shape (n,)
        Places; inf where there is none.
    load : ndarray of shape (n,)
        Their weights.
    need : float
        What the weights are to reach.
    total : float
        Sum of all weights.
    place, weight : ndarray of shape (n,)
        Work space.

    Returns
    -------
    t : float
        One of the stops.
    """
    n, limit = stop.shape[0], np.inf
    if n > 2 * _SAMPLE:
        limit = sampled(stop, need / total, place)
    while True:
        found, reached = 0, 0.0
        for i in range(n):
            if stop[i] <= limit and stop[i] < np.inf:
                place[found], weight[found] = stop[i], load[i]
                reached += load[i]
                found += 1
        if reached >= need or limit == np.inf:
            return weighted_select(place, weight, found, need) if found else np.inf
        limit = np.inf


@kernel
def sampled(stop, share, place):
    """A place that the answer hardly exceeds: twice its share in a sample of the stops, inf when that is the sample."""
    step, found = stop.shape[0] // _SAMPLE, 0
    for i in range(0, stop.shape[0], step):
        if stop[i] < np.inf:
            at = found
            while at > 0 and place[at - 1] > stop[i]:
                place[at] = place[at - 1]
                at -= 1
            place[at] = stop[i]
            found += 1
    guess = int(2 * share * found) + 1
    return place[guess] if guess < found else np.inf

"""Which labels fit: oriented boxes, taken one after the other unless they touch one that was taken.

A box is covered by a row of equal circles; two boxes are apart where their circles are, which is a little strict.
"""

import numpy as np


def free_boxes(centers, sizes, angles, *, most=None):
    """Indices of boxes that overlap none of those taken before.

    Parameters
    ----------
    centers : ndarray of shape (n, 2)
        In the order in which they are tried.
    sizes : ndarray of shape (n, 2)
        Lengths along the text, and across.
    angles : ndarray of shape (n,)
        Of the text, in radians.
    most : int, default=None
        Number of boxes to stop at.

    Returns
    -------
    taken : list of int
        Ascending. Each box is held against those taken, and against the circles of those near.
    """
    n = len(centers)
    reach = 0.5 * np.hypot(*np.reshape(sizes, (-1, 2)).T) + 0.5 * np.reshape(sizes, (-1, 2))[:, 1]
    taken, covers = np.empty(n, int), []  # the circles of a box are within its reach
    for i in range(n):
        count = len(covers)
        if count == most:
            break
        middle, radius = _circles(centers[i], sizes[i], angles[i])
        before = taken[:count]
        x, y = (centers[i] - centers[before]).T
        near = np.flatnonzero(x * x + y * y < (reach[i] + reach[before]) ** 2)
        if any(_touch(middle, radius, *covers[j]) for j in near):
            continue
        taken[count] = i
        covers.append((middle, radius))
    return taken[: len(covers)].tolist()


def _touch(middle, radius, other, other_radius):
    gaps = middle[:, None] - other
    return ((gaps**2).sum(axis=2) < (radius + other_radius) ** 2).any()


def _circles(center, size, angle):
    """Centres and the radius of circles that cover a box."""
    along, across = size
    n = max(1, int(np.ceil(2 * along / across)))
    places = (np.arange(n) + 0.5) / n - 0.5
    direction = np.array([np.cos(angle), np.sin(angle)])
    return center + along * places[:, None] * direction, 0.5 * np.hypot(along / n, across)

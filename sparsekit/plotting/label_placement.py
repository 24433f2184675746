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
        Ascending. O(n) boxes against the circles of those taken.
    """
    taken, circles, radii = [], np.empty((0, 2)), np.empty(0)
    for i in range(len(centers)):
        if len(taken) == most:
            break
        middle, radius = _circles(centers[i], sizes[i], angles[i])
        gap = np.linalg.norm(middle[:, None] - circles, axis=2)
        if (gap < radius + radii).any():
            continue
        taken.append(i)
        circles = np.concatenate([circles, middle])
        radii = np.concatenate([radii, np.full(len(middle), radius)])
    return taken


def _circles(center, size, angle):
    """Centres and the radius of circles that cover a box."""
    along, across = size
    n = max(1, int(np.ceil(2 * along / across)))
    places = (np.arange(n) + 0.5) / n - 0.5
    direction = np.array([np.cos(angle), np.sin(angle)])
    return center + along * places[:, None] * direction, 0.5 * np.hypot(along / n, across)

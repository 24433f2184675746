"""Which labels fit: oriented boxes, taken one after the other unless they touch one that was taken.

Two boxes are apart where the shadows of both on a side of either are: |d . a| > h + h', d being from centre to centre.
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
        Ascending. Each one is compared with the boxes that are still free: O(n) times their number.
    """
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    sides = np.stack([along, np.stack([-along[:, 1], along[:, 0]], axis=1)], axis=1)  # (n, 2, 2)
    halves = 0.5 * np.asarray(sizes, float)
    taken, free = [], np.arange(len(angles))
    while len(free) and len(taken) != most:
        i, free = free[0], free[1:]
        taken.append(int(i))
        shifts = centers[free] - centers[i]
        cosines = np.abs(sides[free] @ sides[i].T)  # (n_free, 2 of the others, 2 of this one)
        reach = halves[i] + np.einsum("nk,nkj->nj", halves[free], cosines)
        apart = (np.abs(shifts @ sides[i].T) > reach).any(axis=1)
        reach = halves[free] + cosines @ halves[i]
        apart |= (np.abs(np.einsum("nd,nkd->nk", shifts, sides[free])) > reach).any(axis=1)
        free = free[apart]
    return taken

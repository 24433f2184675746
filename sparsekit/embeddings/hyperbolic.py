r"""Hyperbolic distances of points in the Poincare ball, and the other models of the same space.

    d(u, v) = 2 asinh( |u - v| / sqrt((1 - |u|^2) (1 - |v|^2)) )

Points are rows. In the ball 1 - |x| cannot be smaller than half a unit in the last place, so that float64 holds
distances from the origin up to 37, float32 up to 17; the hyperboloid's coordinates go further, but lose the differences
of points that are as far out.
"""

import numpy as np
from sklearn.utils import check_array

_ROWS = 256  # rows of differences at a time


def hyperbolic_distances(X, Y=None):
    """Distances between points of the Poincare ball.

    Parameters
    ----------
    X : array-like of shape (n, r)
        Points of length 1 at most.
    Y : array-like of shape (m, r), default=None
        Other points; None is X.

    Returns
    -------
    distances : ndarray of shape (n, m)
        In units of the curvature -1; infinite from points of length 1, and 0 where coordinates are equal.

    Raises
    ------
    ValueError
        For NaN or infinity, different dimensions, and points outside the ball.

    See Also
    --------
    ball_to_hyperboloid, ball_to_half_space : Other coordinates.

    Notes
    -----
    O(n m r). By differences of coordinates, not by products, which would lose half of the digits of small distances.

    Examples
    --------
    >>> from sparsekit import hyperbolic_distances
    >>> hyperbolic_distances([[0.0, 0.0]], [[0.5, 0.0], [0.0, 0.9]]).round(3)
    array([[1.099, 2.944]])
    """
    X = _points(X, "X")
    Y = X if Y is None else _points(Y, "Y")
    if X.shape[1] != Y.shape[1]:
        msg = f"X and Y must have the same number of columns, got {X.shape[1]} and {Y.shape[1]}"
        raise ValueError(msg)
    rooms = np.sqrt(_room(X)), np.sqrt(_room(Y))
    distances = np.empty((len(X), len(Y)))
    for i in range(0, len(X), _ROWS):
        part = slice(i, i + _ROWS)
        differences = np.sqrt(sum(np.square(np.subtract.outer(X[part, k], Y[:, k])) for k in range(X.shape[1])))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = differences / np.multiply.outer(rooms[0][part], rooms[1])
        ratios[differences == 0] = 0.0
        distances[part] = 2 * np.arcsinh(ratios)
    return distances


def ball_to_hyperboloid(X):
    """Hyperboloid coordinates of points in the ball.

    Parameters
    ----------
    X : array-like of shape (n, r)
        Points of the Poincare ball, shorter than 1.

    Returns
    -------
    H : ndarray of shape (n, r + 1)
        Time first: -h_0^2 + h_1^2 + ... + h_r^2 = -1, h_0 >= 1.

    Raises
    ------
    ValueError
        For NaN or infinity, and points that are not inside the ball.

    Examples
    --------
    >>> from sparsekit import ball_to_hyperboloid
    >>> ball_to_hyperboloid([[0.5, 0.0]]).round(4)
    array([[1.6667, 1.3333, 0.    ]])
    """
    X = _points(X, "X")
    room = _inside(X)
    return np.column_stack([2 / room - 1, 2 * X / room[:, None]])


def hyperboloid_to_ball(H):
    """Points in the ball from hyperboloid coordinates.

    Parameters
    ----------
    H : array-like of shape (n, r + 1)
        Time first. Only the space part is used: the time is what the equation of the hyperboloid makes it.

    Returns
    -------
    X : ndarray of shape (n, r)
        Points of the Poincare ball; of length 1 where they are too far out for float64.

    Raises
    ------
    ValueError
        For NaN or infinity, and times below 1.

    Examples
    --------
    >>> from sparsekit import hyperboloid_to_ball
    >>> hyperboloid_to_ball([[5 / 3, 4 / 3, 0.0]])
    array([[0.5, 0. ]])
    """
    H = check_array(H, dtype=np.float64, ensure_min_features=2, input_name="H")
    if (H[:, 0] < 1).any():
        msg = f"H must have times H[:, 0] of at least 1, got {H[:, 0].min()}"
        raise ValueError(msg)
    space = H[:, 1:]
    return space / (1 + np.hypot(1, np.linalg.norm(space, axis=1)))[:, None]


def ball_to_half_space(X):
    """Half-space coordinates of points in the ball; the origin goes to (0, ..., 0, 1).

    Parameters
    ----------
    X : array-like of shape (n, r)
        Points of the Poincare ball, shorter than 1.

    Returns
    -------
    Z : ndarray of shape (n, r)
        Height last, > 0. (0, ..., 0, 1) on the sphere is infinitely high.

    Raises
    ------
    ValueError
        For NaN or infinity, and points that are not inside the ball.

    Examples
    --------
    >>> from sparsekit import ball_to_half_space
    >>> ball_to_half_space([[0.0, 0.0], [0.0, 0.5]])
    array([[0., 1.],
           [0., 3.]])
    """
    X = _points(X, "X")
    room, top = _inside(X), 1 - X[:, -1:]
    flat = X[:, :-1]
    square = np.square(flat).sum(axis=1, keepdims=True) + top**2
    return np.column_stack([2 * flat / square, room / square[:, 0]])


def half_space_to_ball(Z):
    """Points in the ball from half-space coordinates; the inverse of :func:`ball_to_half_space`.

    Parameters
    ----------
    Z : array-like of shape (n, r)
        Height last, > 0.

    Returns
    -------
    X : ndarray of shape (n, r)
        Points of the Poincare ball.

    Raises
    ------
    ValueError
        For NaN or infinity, and heights that are not positive.

    Examples
    --------
    >>> from sparsekit import half_space_to_ball
    >>> half_space_to_ball([[0.0, 3.0]])
    array([[0. , 0.5]])
    """
    Z = check_array(Z, dtype=np.float64, input_name="Z")
    if (Z[:, -1] <= 0).any():
        msg = f"Z must have heights Z[:, -1] above 0, got {Z[:, -1].min()}"
        raise ValueError(msg)
    flat, height = Z[:, :-1], Z[:, -1:]
    base = np.square(flat).sum(axis=1, keepdims=True)
    square = base + (height + 1) ** 2
    return np.column_stack([2 * flat / square, (base + (height - 1) * (height + 1)) / square])


def _points(X, name):
    X = check_array(X, dtype=np.float64, input_name=name)
    longest = np.linalg.norm(X, axis=1).max()
    if longest > 1 + 4 * np.finfo(float).eps:
        msg = f"{name} must be in the ball, |x| <= 1, got a point of length {longest}"
        raise ValueError(msg)
    return X


def _room(X):
    """1 - |x|^2, not negative, by lengths so that it keeps its digits near the sphere."""
    lengths = np.linalg.norm(X, axis=1)
    return np.maximum((1 - lengths) * (1 + lengths), 0.0)


def _inside(X):
    room = _room(X)
    if (room == 0).any():
        msg = f"X must be inside the ball, |x| < 1, got {np.count_nonzero(room == 0)} points on the sphere"
        raise ValueError(msg)
    return room

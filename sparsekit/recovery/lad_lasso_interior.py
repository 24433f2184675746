r"""Which columns and rows make the optimal vertex: an interior path to it.

The problem of `lad_lasso_vertex` as a linear program, with r = p - q, w = a - b and p, q, a, b >= 0,

    minimise sum p + sum q + up . a + low . b,   p - q + A (a - b) = y,

has the dual point u with z = A^T u, and the slacks 1 - u, 1 + u, up - z, low + z. Newton's method for products of all
variables with their slacks that are equal and become smaller, with the predictor and corrector of [mehrotra1992]_,
needs some 15 steps of one factorisation each, of the smaller of A D A^T + E and A^T E^-1 A + D^-1, whatever the ties.
On the way residuals and coefficients separate from zeros.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

_STEPS = 50  # of Newton's method
_CLOSE = 1e-7  # gap, relative to the objective, at which zeros have separated
_SHORT = 1e-8  # steps that lead nowhere
_INSIDE = 0.9995  # of the way to the boundary
_LEAST_BOUND = 1e-5  # of the norm of a column: smallest bound on |z|; there is no inside without one
_DEPENDENT = 1e-9  # pivots, relative to the largest, of columns that depend on the others
_REACH = 1e5  # ratio of the weights of the rows that are interpolated surely, and of those that surely are not


class Interior(NamedTuple):
    """A point inside: each variable with its slack."""

    p: np.ndarray  # (m,)
    q: np.ndarray  # (m,)
    a: np.ndarray  # (n,)
    b: np.ndarray  # (n,)
    above: np.ndarray  # (m,) 1 - u
    below: np.ndarray  # (m,) 1 + u
    under: np.ndarray  # (n,) up - z
    over: np.ndarray  # (n,) low + z

    def variables(self):
        """(4,)."""
        return self[:4]

    def slacks(self):
        """(4,)."""
        return self[4:]

    def gap(self):
        """Sum of the products."""
        return sum(x @ s for x, s in zip(self.variables(), self.slacks(), strict=True))

    def moved(self, change, primal, dual):
        """The point after a step."""
        lengths = (primal,) * 4 + (dual,) * 4
        return Interior(*(x + t * dx for x, dx, t in zip(self, change, lengths, strict=True)))


def inner_path(columns, y, up, low):
    """A point near the optimum.

    Parameters
    ----------
    columns : ndarray of shape (n, m)
        The columns of A as rows; none is zero.
    y : ndarray of shape (m,)
        Target.
    up, low : ndarray of shape (n,)
        Slopes of the penalty.

    Returns
    -------
    x : Interior
        Where the path ended, at the optimum or before.
    steps : int
        How many were made.
    """
    least = _LEAST_BOUND * np.abs(columns).sum(axis=1)
    up, low = np.maximum(up, least), np.maximum(low, least)
    size, ones = np.abs(y).mean(), np.ones(len(y))
    p = np.maximum(y, 0) + size
    a = 4 * size / (up + low)
    x = Interior(p, p - y, a, a, ones, ones, up, low)
    for steps in range(_STEPS):
        loss = x.p.sum() + x.q.sum() + up @ x.a + low @ x.b
        further = None if x.gap() <= _CLOSE * loss else _step(columns, y, x)
        if further is None:
            return x, steps
        x = further
    return x, _STEPS


def _step(columns, y, x):
    """The next point; None when rounding or the boundary are in the way."""
    solve = _solver(columns, x)
    if solve is None:
        return None
    missing = y - (x.p - x.q) - (x.a - x.b) @ columns
    gap, count = x.gap(), 2 * sum(columns.shape)

    def change(targets):
        f = [t / s - v for t, v, s in zip(targets, x.variables(), x.slacks(), strict=True)]
        du = solve(missing - f[0] + f[1] - (f[2] - f[3]) @ columns)
        dz = columns @ du
        slacks = (-du, du, -dz, dz)
        variables = [g - v / s * ds for g, v, s, ds in zip(f, x.variables(), x.slacks(), slacks, strict=True)]
        return Interior(*variables, *slacks)

    predicted = change((0.0,) * 4)
    left = x.moved(predicted, *_lengths(x, predicted)).gap() / gap
    centre = left**3 * gap / count
    pairs = zip(predicted.variables(), predicted.slacks(), strict=True)
    corrected = change([centre - dv * ds for dv, ds in pairs])
    lengths = [min(1.0, _INSIDE * t) for t in _lengths(x, corrected)]
    if not max(lengths) > _SHORT:
        return None
    further = x.moved(corrected, *lengths)
    return further if all((v > 0).all() for v in further) else None


def _lengths(x, change):
    """The longest steps of the variables and of the slacks, up to 1."""
    most = [(-v[down] / dv[down]).min(initial=1.0) for v, dv in zip(x, change, strict=True) for down in [dv < 0]]
    return min(most[:4]), min(most[4:])


def _solver(columns, x):
    """Solve (A D A^T + E) du = f; None when that is singular."""
    (n, m), E, D = columns.shape, x.p / x.above + x.q / x.below, x.a / x.under + x.b / x.over
    few = n < m
    scaled = columns / np.sqrt(E) if few else np.sqrt(D)[:, None] * columns
    H = scaled @ scaled.T if few else scaled.T @ scaled
    H[np.diag_indices_from(H)] += 1 / D if few else E
    factor, failed = lapack.dpotrf(H, lower=1) if np.isfinite(H).all() else (None, 1)
    if failed:
        return None
    if few:
        return lambda f: (f - lapack.dpotrs(factor, columns @ (f / E), lower=1)[0] @ columns) / E
    return lambda f: lapack.dpotrs(factor, f, lower=1)[0]


def vertex_near(columns, x):
    """Columns and rows of a vertex: those that separate from zero, and those that do not.

    Parameters
    ----------
    columns : ndarray of shape (n, m)
        The columns of A as rows.
    x : Interior
        A point near the optimum.

    Returns
    -------
    S : ndarray of shape (k,)
        Independent columns.
    B : ndarray of shape (k,)
        Rows in which they are independent, the surest first.
    """
    m, r, w = columns.shape[1], np.abs(x.p - x.q), np.abs(x.a - x.b)
    far = max(r.mean(), np.finfo(float).tiny)
    near_bound = np.minimum(x.under, x.over) / np.minimum(x.under + x.over, 2 * np.abs(columns).sum(axis=1))
    share = w * np.abs(columns).mean(axis=1) / far
    S = np.flatnonzero(share > near_bound)
    S = S[np.argsort(near_bound[S] / share[S], kind="stable")][:m]
    free = np.minimum(x.above, x.below)
    weight = np.clip(np.sqrt(free * far / np.maximum(r, free * far / _REACH**2)), 1 / _REACH, _REACH)
    return independent(columns, S, weight)


def independent(columns, S, weight):
    """Those of the columns S that are independent, and as many rows, of large weights; see `vertex_near`."""
    while len(S):
        factor, pivots, _ = lapack.dgetrf(columns[S].T * weight[:, None])
        pivot = np.abs(np.diag(factor))
        good = pivot > _DEPENDENT * pivot.max()
        if good.all():
            break
        S = S[good]
    rows = np.arange(columns.shape[1])
    for i in range(len(S)):
        rows[i], rows[pivots[i]] = rows[pivots[i]], rows[i]
    return S, rows[: len(S)].copy()

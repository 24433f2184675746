r"""Dual points: proofs of how far coefficients of a convex problem are from its minimum.

    P(w) = F(Y - A w) + sum_j lam_j ||w_j||,    A = diag(sqrt(s)) (X - 1 mu^T),    W = sum_i s_i
    D(U) = <Y, U> - F*(U),    ||a_j^T U|| <= lam_j;   a_j^T U = 0 where lam_j = 0, and 1^T U = 0 for an intercept

D(U) <= min P for every such U. With R = Y - A w the gap is a sum of terms none of which is negative, so that no digits
are lost to the difference of P and D:

    P(w) - D(U) = F(R) + F*(U) - <R, U> + sum_j lam_j ||w_j|| - <w_j, a_j^T U>

    squared    F = ||R||^2 / 2W            F(R) + F*(U) - <R, U> = ||R - W U||^2 / 2W
    sqrt       F = ||R|| / sqrt(W)         ||U|| <= 1 / sqrt(W), F* = 0
    absolute   F = sum_i beta_i |R_i|      |U_i| <= beta_i = sqrt(s_i) / W, F* = 0

A direction V becomes U = c V: first it is projected to where the equations hold, then c is the best number for which
the inequalities do [ndiaye2017]_.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import qr, solve_triangular

from sparsekit.core.operators import Design, energy

_BLOCK = 64  # columns that are made dense at a time
_DEPENDENT = 1e-12  # relative distance to the span of the others from which a column counts as dependent
_NOTHING = 1e-12  # of a direction: what a projection leaves of it by rounding alone
_ROUNDING = 1e-15  # slopes and coefficients, relative to what they come from, that count as zero
_OUTSIDE = 1e-13  # of the length of a direction: products with the cone that are rounding


class Free(NamedTuple):
    """The columns without penalty, as the projection of dual points needs them."""

    basis: np.ndarray  # (m, k) orthonormal, of what dual points are orthogonal to
    cone: np.ndarray  # (m, l) unit columns that they have no positive product with: the others when w >= 0


class Problem(NamedTuple):
    """One convex problem in weighted rows; a NamedTuple, so that parts are shared and not copied."""

    design: Design
    loss: str
    total: float  # W
    lam: np.ndarray  # (n,) in [0, inf], or one a group
    free: Free
    beta: np.ndarray | None = None  # (m,) for the absolute loss
    positive: bool = False
    groups: np.ndarray | None = None  # (n,) labels 0, 1, ...


class Certificate(NamedTuple):
    """A bound and its proof."""

    primal: float  # P(w)
    gap: float  # P(w) - D(U) >= 0
    point: np.ndarray  # (m, t) U
    scale: float  # c
    products: np.ndarray  # (n, t) A^T V, before the scaling by c

    @property
    def dual(self):
        """D(U), which no coefficients go below."""
        return self.primal - self.gap


def gap_of(
    design,
    residual,
    coef,
    lam,
    *,
    loss="squared",
    total=None,
    free=None,
    beta=None,
    positive=False,
    groups=None,
    direction=None,
):
    """Bound how far coefficients are from optimal, by one product with A^T.

    Parameters
    ----------
    design : Design of shape (m, n)
        A. Centring stands for an intercept, whatever its value: it asks for 1^T U = 0.
    residual : ndarray of shape (m,) or (m, t)
        sqrt(s) (y - b - X w), from the coefficients at hand.
    coef : ndarray of shape (n,) or (n, t)
        w.
    lam : ndarray of shape (n,), or one number a group
        Penalties in [0, inf]; 0 is a free column. Where it is infinite w is taken for 0.
    loss : {"squared", "sqrt", "absolute"}, default="squared"
        F.
    total : float, default=None
        W; None is m.
    free : Free, default=None
        :func:`free_columns` of the columns with lam = 0; None computes it (solvers do so once).
    beta : ndarray of shape (m,), default=None
        sqrt(s) / W for the absolute loss; None takes sqrt(s) from the design, which must not be tamed then.
    positive : bool, default=False
        Whether w >= 0 is part of the problem.
    groups : ndarray of shape (n,), default=None
        Labels 0, 1, ... of groups that share a norm; one target.
    direction : ndarray of shape (m,) or (m, t), default=None
        V; None is the residual, or the signs of its entries.

    Returns
    -------
    certificate : Certificate
        In float64.

    Notes
    -----
    The product with A^T and O(m k) for k free columns; products with a float32 matrix are made in blocks of float64.
    Data must be of a scale at which squares of correlations stay in range.
    """
    R, w = _two_dimensional(residual), _two_dimensional(coef)
    lam = np.asarray(lam, float)
    if free is None:
        without = np.flatnonzero(lam == 0) if groups is None else np.flatnonzero(lam[groups] == 0)
        free = free_columns(design, without, positive=positive)
    total = float(len(R)) if total is None else total
    if loss == "absolute" and beta is None:
        beta = design.ones().astype(float) / total
    problem = Problem(design, loss, total, lam, free, beta, positive, groups)
    return certify(problem, R, w, None if direction is None else _two_dimensional(direction))


def _two_dimensional(x):
    x = np.asarray(x, float)
    return x[:, None] if x.ndim == 1 else x


def free_columns(design, free, *, positive=False):
    """What dual points are orthogonal to: the columns of A at `free`, and the ones of an intercept.

    Parameters
    ----------
    design : Design of shape (m, n)
        A.
    free : ndarray of int
        Columns without penalty.
    positive : bool, default=False
        Whether their coefficients must not be negative; then products with dual points must not be positive.

    Returns
    -------
    free : Free
        Columns that depend on others are left out. Rows of weight 0 stay 0 and small ones small.
    """
    m = design.shape[0]
    Q = np.zeros((m, 0))
    if design.center:
        ones = design.ones().astype(float)
        Q = (ones / np.linalg.norm(ones))[:, None]
    cone = [np.zeros((m, 0))]
    for start in range(0, len(free), _BLOCK):
        if Q.shape[1] == m:
            break
        B = design.columns(free[start : start + _BLOCK]).astype(float)
        peaks = np.abs(B).max(axis=0)
        B = B[:, peaks > 0] / peaks[peaks > 0]
        B /= np.linalg.norm(B, axis=0)
        if positive:
            B = without(Q, B)
            cone.append(B[:, np.linalg.norm(B, axis=0) > _DEPENDENT])
        else:
            Q = extended(Q, B)
    return Free(Q, np.hstack(cone))


def without(Q, B):
    """B less its part in the span of Q, once repeated."""
    for _ in range(2):
        B = B - Q @ (Q.T @ B)
    return B


def extended(Q, B):
    """The orthonormal Q (m, k) and a basis of what the unit columns B add to its span.

    The basis is made of B by triangular matrices, not by reflections: its rows are then small where those of B are.
    """
    B = without(Q, B)
    if not B.shape[1]:
        return Q
    T, order = qr(B, mode="r", pivoting=True)
    rank = np.count_nonzero(np.abs(np.diag(T)) > _DEPENDENT)
    if not rank:
        return Q
    B = B[:, order[:rank]]
    B = without(Q, _divided(B, T[:rank, :rank]))
    B = without(Q, _divided(B, qr(B, mode="r")[0][:rank]))
    return np.hstack([Q, B])


def _divided(B, T):
    """B T^-1 for an upper triangle T."""
    return solve_triangular(T, B.T, trans=1).T


def certify(problem, R, w, direction=None):
    """The best certificate along a direction (m, t), by default that of the residual R (m, t); w (n, t)."""
    if direction is None:
        direction = problem.beta[:, None] * np.sign(R) if problem.loss == "absolute" else R
    V = projected(problem.free, direction)
    G = _exact_zeros(problem, products(problem.design, V))
    used = np.flatnonzero(w.any(axis=1))
    along = float((w[used] * G[used]).sum())
    up, down = _reach(problem, V, G)
    slope = float((R * V).sum()) + along  # <Y, V>
    if problem.loss == "squared":
        length = problem.total * energy(V)
        c = min(max(slope / length, -down), up) if length > 0 else 0.0
    else:
        c = up if slope >= 0 else -down
    c = c if np.isfinite(c) else 0.0
    fit, loss = _of_residual(problem, R, c, V)
    penalty, lacking = _of_coefficients(problem, w, used, c * G[used])
    return Certificate(loss + penalty, fit + lacking, c * V, c, G)


def projected(free, direction):
    """The direction (m, t) where the equations hold, and inside the cone; zero when nothing but rounding is left."""
    V = without(free.basis, direction)
    if free.cone.shape[1]:
        for _ in range(2):
            part = np.column_stack([nonnegative(free.cone, v) for v in V.T])
            V = without(free.basis, V - free.cone @ part)
        if (free.cone.T @ V).max() > _OUTSIDE * np.sqrt(energy(V)):  # what is orthogonal to the cone is inside
            V = without(extended(free.basis, free.cone), direction)
    return V if energy(V) > _NOTHING**2 * energy(direction) else np.zeros(V.shape)


def nonnegative(C, v):
    """The z >= 0 that minimises ||v - C z|| for columns C (m, k) of unit length; after 3 k + 3 steps the last z.

    SciPy 1.17.1 has such a function; it returned wrong answers when the best z was next to zero.
    """
    k = C.shape[1]
    z, inside, floor = np.zeros(k), np.zeros(k, bool), _ROUNDING * np.linalg.norm(v)
    for _ in range(3 * k + 3):
        slope = np.where(inside, 0, C.T @ (v - C @ z))
        j = int(slope.argmax())
        if slope[j] <= floor:
            break
        inside[j] = True
        while inside.any():
            best = np.linalg.lstsq(C[:, inside], v, rcond=None)[0]
            if (best > 0).all():
                break
            old = z[inside]
            down = best <= 0
            step = (old[down] / (old[down] - best[down])).min()
            z[inside] = np.maximum(old + step * (best - old), 0)
            leaves = down & (z[inside] <= _ROUNDING * max(z.max(), np.abs(best).max()))
            leaves[np.flatnonzero(down)[(old[down] / (old[down] - best[down])).argmin()]] = True
            places = np.flatnonzero(inside)[leaves]
            z[places], inside[places] = 0, False
        z[inside] = best if inside.any() else 0
        if not inside[j]:
            break
    return z


def products(design, V):
    """A^T V in float64, whatever the dtype of the matrix: a float32 array goes block by block."""
    X = design.X
    if not (isinstance(X, np.ndarray) and X.dtype == np.float32):
        return design.adjoint(V).astype(float, copy=False)
    V = design.ones()[:, None] * V
    blocks = [X[:, i : i + _BLOCK].astype(float).T @ V for i in range(0, X.shape[1], _BLOCK)]
    return np.concatenate(blocks) - np.multiply.outer(design.mean, V.sum(axis=0))


def _exact_zeros(problem, G):
    """Products of free columns without the rounding of the projection."""
    none = problem.lam == 0
    none = none if problem.groups is None else none[problem.groups]
    if none.any():
        G = G.copy()
        G[none] = np.minimum(G[none], 0) if problem.positive else 0
    return G


def sizes(problem, G):
    """What lam bounds: norms of the rows of G (n, t), of their positive parts when w >= 0, or of groups of them."""
    G = np.maximum(G, 0) if problem.positive else G
    if problem.groups is not None:
        return np.sqrt(np.bincount(problem.groups, np.square(G[:, 0]), len(problem.lam)))
    return np.abs(G[:, 0]) if G.shape[1] == 1 else np.linalg.norm(G, axis=1)


def _reach(problem, V, G):
    """How far V and -V can be scaled."""
    most = np.inf
    if problem.loss == "sqrt":
        length = np.sqrt(problem.total * energy(V))
        most = 1 / length if length > 0 else 0.0
    elif problem.loss == "absolute":
        entry = np.abs(V[:, 0])
        most = (problem.beta[entry > 0] / entry[entry > 0]).min(initial=np.inf)

    def reach(G):
        size = sizes(problem, G)
        bound = size > 0
        return min(most, (problem.lam[bound] / size[bound]).min(initial=np.inf))

    up = reach(G)
    return up, reach(-G) if problem.positive else up


def _of_residual(problem, R, c, V):
    """F(R) + F*(U) - <R, U> for U = c V, and F(R)."""
    W = problem.total
    if problem.loss == "squared":
        return energy(R - (W * c) * V) / (2 * W), energy(R) / (2 * W)
    if problem.loss == "sqrt":
        loss = float(np.sqrt(energy(R) / W))
        return max(loss - c * float((R * V).sum()), 0.0), loss
    absolute = problem.beta * np.abs(R[:, 0])
    return float(np.maximum(absolute - c * R[:, 0] * V[:, 0], 0).sum()), float(absolute.sum())


def _of_coefficients(problem, w, used, products):
    """sum_j lam_j ||w_j||, and this minus sum_j <w_j, a_j^T U>; products (n_used, t) of the columns in use."""
    along, size = (w[used] * products).sum(axis=1), np.linalg.norm(w[used], axis=1)
    lam, groups = problem.lam, problem.groups
    if groups is None:
        lam = lam[used]
    else:
        along = np.bincount(groups[used], along, len(lam))
        size = np.sqrt(np.bincount(groups[used], np.square(size), len(lam)))
    finite = np.isfinite(lam)
    cost = np.where(finite, lam, 0.0) * size
    return float(cost.sum()), float(np.maximum(cost - np.where(finite, along, 0.0), 0).sum())

"""Dual points that are better than the residual: from the conditions of optimality.

    a_j^T U = lam_j w_j / ||w_j||  where w_j != 0,      ||a_j^T U|| <= lam_j  elsewhere

squared    the nearest such U to R / W
sqrt       the nearest to R that has the length 1 / sqrt(W); at an exact fit, where R is rounding, the shortest
absolute   U = c beta sign(R) off the zeros of R, any |U_i| <= beta_i on them: the best by a linear program

The residual itself has an error of first order when w is not quite optimal, and at exact fits and zeros it is but one
of many subgradients. All begin with the columns in use. A product with A^T finds others that U violates; these join,
until there are none. Whatever comes out is scaled to feasibility before it counts: a failure costs tightness, never
validity.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from sparsekit.core.operators import energy
from sparsekit.recovery.dual_points import certify, extended, nonnegative, sizes, without

_ROUNDS = 12  # of columns that join, which double
_JOIN = 32  # columns that join at a time, at least: as many as there are
_CLOSED = 1e-13  # of P: a gap that needs no better proof
_VIOLATED = 1e-13  # of lam: what a column may exceed it by
_SAME = 1e-12  # how far the cosine of directions of the same cut may be from 1
_MINOR = (1e-13, 1e-9, 1e-6)  # of P: penalties, all together, of coefficients that may stand for zeros
_WORTH = 0.1  # of P: gap from which coefficients are near enough to the minimum to bind
_EXACT = 1e-5  # of the target: residuals that may stand for none at all
_ZEROS = (1e-14, 1e-11, 1e-8, 1e-5)  # of the target: residuals that may be zeros
_DENSE = 10_000_000  # entries of the columns in use up to which points are sought from them
_PROGRAM = 1_000_000  # entries of the matrix up to which a linear program is solved
_TOLERANCE = 1e-10  # the smallest of the solver of linear programs
_DEPENDENT = 1e-10  # of its length: what a column must have outside a span to move its product


def searched(problem, R, w, scale):
    """The best certificate known for coefficients w (n, t) with residual R (m, t); `scale` is the largest target.

    That of the residual alone where it is tight; groups have no other.
    """
    best = certify(problem, R, w)
    if problem.groups is not None:
        return best
    for attempt, chosen in _attempts(problem, R, w, scale, best):
        if best.gap <= _CLOSED * best.primal:
            break
        best = _better(best, attempt(problem, R, w, chosen))
    return best


def _attempts(problem, R, w, scale, best):
    """Functions and what they take for granted: which coefficients bind, or which residuals are zeros."""
    unit = scale * np.sqrt(problem.total) if problem.beta is None else scale * problem.total * problem.beta
    exact = problem.loss != "squared" and (np.abs(R).max(axis=1) <= _EXACT * unit).all()
    supports = _distinct(_support(problem, w, level * best.primal) for level in _MINOR)
    if exact:
        yield from ((partial(_nearest_point, exact=True), support) for support in supports)
    if problem.loss == "absolute":
        zeros = _distinct(np.abs(R[:, 0]) <= level * unit for level in _ZEROS)
        yield from ((_programmed_point, zero) for zero in zeros)
    elif best.gap <= _WORTH * best.primal:
        yield from ((partial(_nearest_point, exact=False), support) for support in supports)


def _distinct(masks):
    return list({mask.tobytes(): mask for mask in masks}.values())


def _better(one, other):
    return one if other is None or one.gap <= other.gap else other


class Cuts(NamedTuple):
    """Half-spaces <U, a_k d_k^T> <= bound_k that dual points lie in."""

    indices: np.ndarray  # (k,) columns
    columns: np.ndarray  # (m, k)
    directions: np.ndarray  # (k, t) unit vectors
    bounds: np.ndarray  # (k,)

    def joined(self, problem, indices, directions):
        """These and more."""
        columns = problem.design.columns(indices).astype(float)
        return Cuts(
            np.concatenate([self.indices, indices]),
            np.hstack([self.columns, columns]),
            np.vstack([self.directions, directions]),
            np.concatenate([self.bounds, problem.lam[indices]]),
        )

    def violated(self, problem, G, inside):
        """Columns (not those `inside`, (n,) bool) and directions that a point with products G violates most."""
        size = sizes(problem, G)
        excess = np.divide(size, problem.lam, out=np.zeros(len(size)), where=problem.lam > 0)
        excess[inside] = 0
        worst = np.argsort(-excess)[: max(_JOIN, len(self.indices))]
        worst = worst[excess[worst] > 1 + _VIOLATED]
        directions = np.maximum(G[worst], 0) if problem.positive else G[worst]
        directions = directions / size[worst, None]
        known = (self.indices[:, None] == worst) & (self.directions @ directions.T > 1 - _SAME)
        new = ~known.any(axis=0)
        return worst[new], directions[new]


def _first_cuts(problem, used, w, inside):
    """Those of the columns in use, and of the free ones that are not `inside` when w >= 0."""
    (m, _), t = problem.design.shape, w.shape[1]
    cuts = Cuts(np.zeros(0, int), np.zeros((m, 0)), np.zeros((0, t)), np.zeros(0))
    if len(used):
        cuts = cuts.joined(problem, used, w[used] / np.linalg.norm(w[used], axis=1)[:, None])
    idle = np.flatnonzero((problem.lam == 0) & ~inside)
    if problem.positive and len(idle):
        cuts = cuts.joined(problem, np.repeat(idle, t), np.tile(np.eye(t), (len(idle), 1)))
    return cuts


def _pursued(problem, R, w, cuts, point, inside):
    """The best certificate of the points that more and more cuts give; None when there is none."""
    best = None
    for _ in range(_ROUNDS):
        U = point(cuts)
        if U is None:
            break
        found = certify(problem, R, w, U)
        best = _better(found, best)
        new, directions = cuts.violated(problem, found.products, inside)
        if best.gap <= _CLOSED * best.primal or not len(new):
            break
        cuts = cuts.joined(problem, new, directions)
    return best


def _support(problem, w, minor):
    """Which coefficients (n,) are to bind: all but those whose penalties add up to no more than `minor`.

    Without a penalty, where w >= 0, the most that the coefficient can add to the gap takes its place.
    """
    cost = np.where(np.isfinite(problem.lam), problem.lam, 0.0)
    if problem.positive and (cost == 0).any():
        free = problem.lam == 0
        cost[free] = np.sqrt(problem.design.squared_norms()[free] / problem.total)
    cost = cost * np.linalg.norm(w, axis=1)
    order = np.argsort(cost)
    kept = np.zeros(len(cost), bool)
    kept[order[np.cumsum(cost[order]) > minor]] = True
    return kept & (cost > 0)


# ---- the squared and the square-root loss


def _nearest_point(problem, R, w, support, *, exact):
    """Certificate of the point with the products that the support asks for, nearest to R (exact: to 0), in all cuts."""
    used, Q, W = np.flatnonzero(support), problem.free.basis, problem.total
    if R.shape[0] * len(used) > _DENSE:
        return None
    A, asked = problem.design.columns(used).astype(float), w[used]
    asked = problem.lam[used, None] * asked / np.linalg.norm(asked, axis=1)[:, None]
    lengths = np.linalg.norm(A, axis=0)
    A, asked, lengths = A[:, lengths > 0], asked[lengths > 0], lengths[lengths > 0]
    start = np.zeros(R.shape)
    if len(lengths):
        start = np.linalg.lstsq(without(Q, A / lengths).T, asked / lengths[:, None], rcond=None)[0]
    span = extended(Q, A / lengths)
    if not exact:
        rest, room = without(span, R), 1 / W - energy(start)
        if problem.loss == "squared":
            start = start + rest / W
        elif room > 0 and rest.any():
            start = start + rest * np.sqrt(room / energy(rest))
    cuts = _first_cuts(problem, used[:0], w, support)
    return _pursued(problem, R, w, cuts, partial(_nearest_within, span, start), support)


def _nearest_within(span, start, cuts):
    """The point in the cuts nearest to `start` (m, t), from it orthogonally to the span: a least-distance program.

    With rows g_k Z <= h_k it is a non-negative least-squares problem; the rows that bind then give Z anew, as a vertex.
    """
    size = np.linalg.norm(cuts.columns, axis=0)
    B = without(span, cuts.columns / np.where(size > 0, size, 1))
    length = np.linalg.norm(B, axis=0)
    moves = length > _DEPENDENT
    if not moves.any():
        return start
    rows = np.einsum("mk,kt->kmt", B[:, moves], cuts.directions[moves]).reshape(moves.sum(), -1)
    room = cuts.bounds - np.einsum("mk,mt,kt->k", cuts.columns, start, cuts.directions)
    room = room[moves] / size[moves]
    if (room >= 0).all():
        return start
    E = -np.column_stack([rows, room / np.abs(room).max()]).T
    target = np.zeros(len(E))
    target[-1] = 1
    binding = nonnegative(E / np.linalg.norm(E, axis=0), target) > 0
    Z = np.linalg.lstsq(rows[binding], room[binding], rcond=None)[0]
    return start + Z.reshape(start.shape)


# ---- the absolute loss


def _programmed_point(problem, R, w, zero):
    """Certificate of the best point that is c beta sign(R) off the zeros (m,)."""
    w = np.where(np.isfinite(problem.lam)[:, None], w, 0.0)
    used = np.flatnonzero((w[:, 0] != 0) & (problem.lam > 0))
    off = np.where(zero, 0.0, problem.beta * np.sign(R[:, 0]))
    gain = R[:, 0] + problem.design.dot(w)[:, 0]
    none = np.zeros(len(w), bool)
    cuts = _first_cuts(problem, used, w, none)
    return _pursued(problem, R, w, cuts, partial(_programmed, problem, zero, off, gain), none)


def _programmed(problem, zero, off, gain, cuts):
    """U (m, 1) with the largest <gain, U> in the cuts, orthogonal to free columns; None when that is too expensive."""
    beta, Q = problem.beta[zero], problem.free.basis

    def rows(A):
        """Products of U with the columns A, as functions of c and of the shares of beta on the zeros."""
        return np.column_stack([A.T @ off, A[zero].T * beta])

    upper, equal, value = rows(cuts.columns * cuts.directions[:, 0]), rows(Q), rows(gain[:, None])[0]
    if upper.size + equal.size > _PROGRAM:
        return None
    upper, bound = _unit_rows(upper, cuts.bounds)
    equal, nothing = _unit_rows(equal, np.zeros(len(equal)))
    program = linprog(
        -value / (np.abs(value).max() or 1.0),
        A_ub=upper,
        b_ub=bound,
        A_eq=equal,
        b_eq=nothing,
        bounds=[(0, 1)] + [(-1, 1)] * len(beta),
        method="highs",
        options={"primal_feasibility_tolerance": _TOLERANCE, "dual_feasibility_tolerance": _TOLERANCE},
    )
    if program.x is None:
        return None
    U = program.x[0] * off
    U[zero] = beta * program.x[1:]
    return U[:, None]


def _unit_rows(rows, bounds):
    size = np.linalg.norm(rows, axis=1)
    kept = size > 0
    return rows[kept] / size[kept, None], bounds[kept] / size[kept]

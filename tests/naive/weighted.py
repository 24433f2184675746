"""Penalised losses, the largest decrease by one coefficient and the pursuit of it, straight from their definitions.

    r = y - b - X w, W = sum s:     squared 1/(2W) sum s |r|^2   sqrt (sum s |r|^2 / W)^(1/2)   absolute 1/W sum s |r|
    objective = loss + alpha Omega: l1 sum omega_j |w_j|         l0 sum omega_j^2 [w_j != 0]    inf * 0 = 0

X is (m, n), y is (m,) or (m, t), coefficients are (n,) or (t, n); with several targets |w_j| is the norm of t numbers.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.linalg import norm
from scipy.optimize import linprog

LOSSES = ["squared", "sqrt", "absolute"]
PENALTIES = ["l1", "l0"]
EPS = np.finfo(float).eps


def loss_of(R, loss, sample_weight=None):
    """The loss of residuals (m, t, ...): summed over the first two axes."""
    s = np.ones(len(R)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    powers = np.abs(R) ** (1 if loss == "absolute" else 2)
    mean = np.tensordot(s / s.sum(), powers, axes=1).sum(axis=0)
    return {"squared": mean / 2, "sqrt": np.sqrt(mean), "absolute": mean}[loss]


def penalty_of(coef, penalty, weights):
    """Omega of coefficients (t, n)."""
    size = norm(coef, axis=0)
    used = size > 0
    return np.sum(weights[used] * size[used]) if penalty == "l1" else np.sum(weights[used] ** 2)


def objective(X, y, coef, loss, penalty, alpha, weights, sample_weight=None, intercept=0):
    coef = np.atleast_2d(coef)
    R = y.reshape(len(y), -1) - intercept - X @ coef.T
    return loss_of(R, loss, sample_weight) + alpha * penalty_of(coef, penalty, weights)


def decrease_by_search(X, y, coef, loss, penalty, alpha, weights, sample_weight=None, intercept=0):
    """For every coefficient: the objective now, minus the lowest one over all values of that coefficient. inf: zero.

    Steps t = 0 and t = -w_j are tried as they are; others at every breakpoint r_i / a_i ("absolute", piecewise linear),
    or on nested grids, real and imaginary parts and targets apart. Without the jump of l0 the function is convex.
    """
    finite = np.isfinite(weights)
    R = y.reshape(len(y), -1) - intercept - X @ np.atleast_2d(coef).T
    X, W, omega = X[:, finite], np.atleast_2d(coef)[:, finite], weights[finite]

    def values(T, jump=True):
        """The objective without the penalty of the others, after steps T (t, n, G); jump: l0 sees no zero."""
        losses = loss_of(R[:, :, None, None] - X[:, None, :, None] * T, loss, sample_weight)
        size = norm(W[:, :, None] + T, axis=0)
        return losses + alpha * (
            omega[:, None] ** 2 * (jump | (size > 0)) if penalty == "l0" else omega[:, None] * size
        )

    special = np.stack([0 * W, -W], axis=2)
    now, without = values(special, jump=False).T
    lowest = np.minimum(now, without)
    if loss == "absolute":
        T = np.divide(R, X, out=np.zeros(X.shape), where=X != 0).T[None]
        lowest = np.minimum(lowest, values(T).min(axis=1))
    else:
        lowest = np.minimum(lowest, _lowest_on_grids(values, X, R, W))
    result = np.zeros(len(weights))
    result[finite] = now - lowest
    return result


def _lowest_on_grids(values, X, R, W):
    """Grids of 2 k + 1 points a dimension, in a cube that holds every t with |t| <= 2 ||R|| / ||a|| + |w|.

    One dimension: the lowest point lies between the neighbours of the best one. More: the level sets are balls, and
    longer where a square root with little in it meets a penalty; 2 steps around the best point are not always enough.
    """
    is_complex = np.iscomplexobj(X) or np.iscomplexobj(R) or np.iscomplexobj(W)
    dimension = len(W) * (1 + is_complex)
    k, margin, n_rounds = {1: (20, 1, 12), 2: (8, 3, 26), 3: (5, 3, 45)}[dimension]
    P = np.array(list(product(np.linspace(-1, 1, 2 * k + 1), repeat=dimension))).T
    P = P[: len(W)] + 1j * P[len(W) :] if is_complex else P
    length = norm(X, axis=0)
    width = 2 * norm(R) / np.where(length > 0, length, np.inf) + norm(W, axis=0)
    centre, lowest = 0 * W.astype(P.dtype), np.inf
    for _ in range(n_rounds):
        T = centre[:, :, None] + width[:, None] * P[:, None, :]
        found = values(T)
        best = found.argmin(axis=1)
        lowest = np.minimum(lowest, found[np.arange(len(best)), best])
        centre = T[:, np.arange(len(best)), best]
        width = width * margin / k
    return lowest


def first_refusal(X, y, loss, penalty, weights):
    """The alpha above which no column lowers the objective from zero coefficients."""
    m, length = len(y), norm(X, axis=0)
    Y = y.reshape(m, -1)
    c = norm(X.conj().T @ Y, axis=1)
    fit = (c / length) ** 2  # what a column takes off the sum of squares
    R = norm(Y)
    slope = {"squared": c / m, "sqrt": c / (R * np.sqrt(m)), "absolute": np.abs(X.T @ np.sign(Y))[:, 0] / m}
    gain = {"squared": fit / (2 * m), "sqrt": (R - np.sqrt(R**2 - fit)) / np.sqrt(m)}
    if penalty == "l1":
        return np.max(slope[loss] / weights)
    if loss == "absolute":
        gain[loss] = decrease_by_search(X, y, np.zeros(X.shape[1]), loss, "l0", 0.0, weights)
    return np.max(gain[loss] / weights**2)


def least_absolute(A, y, sample_weight=None):
    """-> argmin sum s |y - A z|: a linear program in z, u, v >= 0 with A z + u - v = y, its vertex solved anew."""
    m, k = A.shape
    s = np.ones(m) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if k == 0:
        return np.zeros(0)
    length = norm(A, axis=0)
    unit, scale = A / np.where(length > 0, length, 1), np.abs(y).max() or 1.0
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    program = linprog(
        np.concatenate([np.zeros(k), s, s]) / s.max(),
        A_eq=np.hstack([unit, np.eye(m), -np.eye(m)]),
        b_eq=y / scale,
        bounds=[(None, None)] * k + [(0, None)] * (2 * m),
        method="highs-ds",
        options=tight,
    )
    assert program.status == 0, program.message
    z = program.x[:k]
    met = np.abs(y / scale - unit @ z) <= 1e-8  # the rows that the vertex fits, to the tolerance above
    vertex = np.linalg.lstsq(unit[met], y[met] / scale, rcond=None)[0]
    z = min(z, vertex, key=lambda z: s @ np.abs(y / scale - unit @ z))
    return z * scale / np.where(length > 0, length, 1)


class Course(NamedTuple):
    """How a pursuit went; lists over 0, 1, ... columns."""

    active: list
    coef: list  # (t, n)
    intercept: list  # (t,)
    loss: list
    objective: list
    decrease: list  # one per column, 0 for the free ones
    reason: str


def weighted_omp(X, y, loss, penalty, alpha, weights, sample_weight=None, fit_intercept=True, max_iter=None):
    """The free columns, then the largest decrease until a column in use offers as much; a refit after each column."""
    m, n = X.shape
    s = np.ones(m) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    Y = y.reshape(m, -1)
    centre = fit_intercept and loss != "absolute"
    mean_X, mean_Y = (s @ X / s.sum(), s @ Y / s.sum()) if centre else (0 * X[0], 0 * Y[0])
    A, B = X - mean_X, Y - mean_Y
    course = Course([], [], [], [], [], [], "")

    def refit():
        S = course.active
        W, b = np.zeros((Y.shape[1], n), np.result_type(X, Y)), mean_Y
        if loss == "absolute":
            ones = np.ones((m, int(fit_intercept)))
            z = least_absolute(np.hstack([A[:, S], ones]), B[:, 0], s)
            W[0, S], b = z[: len(S)], z[len(S) :].sum(keepdims=True)
        elif S:
            root = np.sqrt(s)[:, None]
            W[:, S] = np.linalg.lstsq(root * A[:, S], root * B, rcond=None)[0].T
            b = mean_Y - W @ mean_X
        course.coef.append(W)
        course.intercept.append(b)
        course.loss.append(loss_of(Y - b - X @ W.T, loss, s))
        course.objective.append(objective(X, Y, W, loss, penalty, alpha, weights, s, b))

    refit()
    for j in np.flatnonzero(weights == 0).tolist():
        course.active.append(j)
        course.decrease.append(0.0)
        refit()
    n_free, reason = len(course.active), ""
    while not reason:
        S = course.active
        outside = [j for j in range(n) if j not in S and weights[j] < np.inf]
        b = 0 if centre else course.intercept[-1]
        D = decrease_by_search(A, B, course.coef[-1], loss, penalty, alpha, weights, s, b)
        noise = 1e-13 * course.objective[0]  # the search subtracts two objectives
        if course.loss[-1] <= 1e-12 * course.loss[0]:
            reason = "exact fit"
        elif not outside:
            reason = "no column left"
        elif len(S) - n_free == max_iter:
            reason = "max_iter"
        elif D[outside].max() <= noise:
            reason = "no decrease"
        elif D[outside].max() <= D[S].max(initial=0):
            reason = "fixed point"
        else:
            j = next(j for j in outside if D[j] >= D[outside].max() - noise)
            S.append(j)
            course.decrease.append(D[j])
            refit()
    return course._replace(reason=reason)

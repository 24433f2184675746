"""Convex recovery from its formulas: the objective, alpha_max, the null model, and minimisers found by a conic solver.

    r = y - b - X w, W = sum s      squared 1/(2W) sum s r^2   sqrt (sum s r^2 / W)^(1/2)   absolute 1/W sum s |r|
    P(w, b) = F + alpha sum_j omega_j |w_j|, omega_j = 0: never penalised, inf: w_j = 0, inf * 0 = 0

X is (m, n), y is (m,) or (m, t), coefficients are (n,) or (t, n), intercepts a number or (t,). With several targets
|w_j| is the norm of t numbers. `positive` asks for w >= 0, of columns of weight 0, too. With groups (labels, one for
each column) the penalty is

    alpha sum_g omega_g sqrt(size of g) ||w_g||
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.linalg import norm
from scipy.optimize import linprog, lsq_linear, root

from tests.naive.weighted import least_absolute, loss_of

TIGHT = (1e-14, 1e-12, 1e-10, 1e-8)  # tolerances, the next one when the solver gives up


def given(X, y, feature_weights, sample_weight):
    """-> X, Y (m, t), omega, s in double precision"""
    X, Y = np.asarray(X, dtype=float), np.asarray(y, dtype=float).reshape(len(y), -1)
    omega = np.ones(X.shape[1]) if feature_weights is None else np.asarray(feature_weights, dtype=float)
    s = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    return X, Y, omega, s


def members_of(groups, n):
    """Lists of columns that share a penalty, and what the weights of each list are multiplied by."""
    labels = np.arange(n) if groups is None else np.asarray(groups)
    members = [np.flatnonzero(labels == g) for g in np.unique(labels)]
    return members, [np.sqrt(len(g)) for g in members]


def penalty_of(coef, omega, groups=None):
    coef, total = np.atleast_2d(coef), 0.0
    for g, share in zip(*members_of(groups, len(omega)), strict=True):
        assert np.all(omega[g] == omega[g[0]]), "one weight a group"
        size = norm(coef[:, g])
        total += omega[g[0]] * share * size if size > 0 else 0.0
    return total


def objective(X, y, coef, intercept=0.0, *, loss, alpha, feature_weights=None, sample_weight=None, groups=None):
    X, Y, omega, s = given(X, y, feature_weights, sample_weight)
    R = Y - intercept - X @ np.atleast_2d(np.asarray(coef, dtype=float)).T
    return float(loss_of(R, loss, s) + alpha * penalty_of(coef, omega, groups))


class Model(NamedTuple):
    coef: np.ndarray  # (n,) or (t, n)
    intercept: object  # float or (t,)
    objective: float


def _model(X, y, coef, intercept, **problem):
    coef, intercept = (coef[0], float(intercept[0])) if np.ndim(y) == 1 else (coef, intercept)
    return Model(coef, intercept, objective(X, y, coef, intercept, **problem))


def null_model(X, y, *, loss, feature_weights=None, sample_weight=None, fit_intercept=True, positive=False):
    """The columns of weight 0 and the intercept fitted, all else 0; its objective does not depend on alpha."""
    X, Y, omega, s = given(X, y, feature_weights, sample_weight)
    free = np.flatnonzero(omega == 0)
    A = np.hstack([X[:, free], np.ones((len(X), int(fit_intercept)))])
    if loss == "absolute" and positive:
        z = _least_absolute_positive(A[s > 0], Y[s > 0, 0], s[s > 0], len(free))[:, None]
    elif loss == "absolute":
        z = least_absolute(A[s > 0], Y[s > 0, 0], s[s > 0])[:, None]
    else:
        root = np.sqrt(s)[:, None]
        z = _least_squares(root * A, root * Y, len(free) if positive else 0)
    coef = np.zeros((Y.shape[1], len(omega)))
    coef[:, free] = z[: len(free)].T
    intercept = z[-1] if fit_intercept else np.zeros(Y.shape[1])
    weights = {"feature_weights": omega, "sample_weight": s}
    return _model(X, y, coef, intercept, loss=loss, alpha=0.0, **weights)


def _least_squares(A, Y, n_positive):
    """The first coefficients not negative."""
    if not n_positive:
        return np.linalg.lstsq(A, Y, rcond=None)[0]
    lower = np.r_[np.zeros(n_positive), np.full(A.shape[1] - n_positive, -np.inf)]
    fits = [lsq_linear(A, y, bounds=(lower, np.inf), method="bvls", tol=1e-15) for y in Y.T]
    return np.array([fit.x for fit in fits]).T


def _least_absolute_positive(A, y, s, n_positive):
    m, k = A.shape
    program = linprog(
        np.concatenate([np.zeros(k), s, s]) / s.sum(),
        A_eq=np.hstack([A, np.eye(m), -np.eye(m)]),
        b_eq=y,
        bounds=[(0, None)] * n_positive + [(None, None)] * (k - n_positive) + [(0, None)] * (2 * m),
        method="highs-ds",
    )
    assert program.status == 0, program.message
    return program.x[:k]


def alpha_max(X, y, *, loss, feature_weights=None, sample_weight=None, fit_intercept=True, positive=False, groups=None):
    """The smallest alpha for which the null model is a minimiser; 0 when it leaves no residual ("squared", "sqrt")."""
    weights = {"feature_weights": feature_weights, "sample_weight": sample_weight}
    null = null_model(X, y, loss=loss, fit_intercept=fit_intercept, positive=positive, **weights)
    X, Y, omega, s = given(X, y, feature_weights, sample_weight)
    coef = np.atleast_2d(null.coef)
    R = Y - null.intercept - X @ coef.T
    if loss == "absolute":
        balanced = (omega == 0) & (coef[0] != 0) if positive else omega == 0
        equal = np.hstack([X[:, balanced], np.ones((len(X), int(fit_intercept)))])
        return _alpha_max_absolute(X, Y, R[:, 0], omega, s, equal.T, positive)
    if norm(R) <= 1e-13 * norm(Y):
        return 0.0
    G = X.T @ (s[:, None] * R) / s.sum()
    G = G / loss_of(R, loss, s) if loss == "sqrt" else G
    G = np.maximum(G, 0) if positive else G
    largest = 0.0
    for g, share in zip(*members_of(groups, len(omega)), strict=True):
        if 0 < omega[g[0]] < np.inf:
            largest = max(largest, norm(G[g]) / (share * omega[g[0]]))
    return float(largest)


def _alpha_max_absolute(X, Y, r, omega, s, equal, positive):
    """min a: u in dF(r), X_free^T u = 0, sum u = 0, |x_j^T u| <= a omega_j; a linear program in (u, a).

    With w >= 0 both |x_j^T u| and the zeros of free columns out of use are bounds from above only.
    """
    size = s / s.sum()
    zero = np.abs(r) <= 1e-9 * np.abs(Y).max()
    lower = np.where(zero, -size, size * np.sign(r))
    upper = np.where(zero, size, size * np.sign(r))
    finite = omega < np.inf
    rows = np.hstack([X[:, finite].T, -omega[finite, None]])
    if not positive:
        rows = rows[omega[finite] > 0]
        rows = np.vstack([rows, rows * np.r_[-np.ones(len(X)), 1]])
    program = linprog(
        np.r_[np.zeros(len(X)), 1.0],
        A_ub=rows,
        b_ub=np.zeros(len(rows)),
        A_eq=np.hstack([equal, np.zeros((len(equal), 1))]),
        b_eq=np.zeros(len(equal)),
        bounds=[*zip(lower, upper, strict=True), (0, None)],
        method="highs",
    )
    assert program.status == 0, program.message
    return float(program.x[-1])


def solve(
    X,
    y,
    *,
    loss,
    alpha,
    feature_weights=None,
    sample_weight=None,
    fit_intercept=True,
    positive=False,
    groups=None,
    polish=True,
):
    """A minimiser of P, by cvxpy and Clarabel at the tightest tolerance that it takes (some 1e-9 in the objective).

    Columns and targets are brought to unit scale before, which changes nothing else. With `polish` the equations of
    optimality are solved on the support where that does not raise P (some 1e-15); without it no coefficient is 0.
    """
    X, Y, omega, s = given(X, y, feature_weights, sample_weight)
    members, shares = members_of(groups, len(omega))
    length = norm(np.sqrt(s / s.sum())[:, None] * X, axis=0)
    length[length == 0] = 1
    if groups is not None:
        length[:] = length.max()
    sigma = np.abs(Y[s > 0]).max() or 1.0
    strength = alpha / sigma if loss == "squared" else alpha
    terms = [  # inf * 0 = inf: the column is dropped
        (g, strength * share * omega[g[0]] / length[g[0]] if omega[g[0]] < np.inf else np.inf)
        for g, share in zip(members, shares, strict=True)
    ]
    W, b = _by_cvxpy(X / length, Y / sigma, s, terms, loss, fit_intercept, positive)
    coef = (W / length[:, None]).T * sigma
    coef = np.maximum(coef, 0) if positive else coef
    coef[:, np.isinf(omega)] = 0
    weights = {"feature_weights": omega, "sample_weight": s}
    found = _model(X, y, coef, b * sigma, loss=loss, alpha=alpha, groups=groups, **weights)
    if loss == "absolute" or not polish:
        return found
    terms = [(g, alpha * share * omega[g[0]]) for g, share in zip(members, shares, strict=True) if omega[g[0]] < np.inf]
    problem = (X, Y, s, np.atleast_2d(found.coef).T, b * sigma, terms, loss, fit_intercept, positive)
    for small in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2):
        coef, intercept, met = _polished(*problem, small)
        other = _model(X, y, coef.T, intercept, loss=loss, alpha=alpha, groups=groups, **weights)
        if met and other.objective <= found.objective * (1 + 1e-14):
            return other
    return found


def _polished(X, Y, s, W, b, terms, loss, fit_intercept, positive, small):
    """The equations of optimality solved on the support, small coefficients set to zero: (n, t), (t,), met?"""
    length = norm(np.sqrt(s / s.sum())[:, None] * X, axis=0)
    size = [norm(length[g, None] * W[g]) for g, _ in terms]
    used = [(g, weight) for (g, weight), each in zip(terms, size, strict=True) if each > small * max(size)]
    active = np.zeros(W.shape, dtype=bool)
    for g, _ in used:
        active[g] = (W[g] > small * norm(W[g])) if positive else True
    k = np.count_nonzero(active)

    def unpacked(z):
        W = np.zeros(active.shape)
        W[active] = z[:k]
        return W, (z[k:] if fit_intercept else 0 * b)

    def equations(z):
        W, b = unpacked(z)
        R = Y - b - X @ W
        F = max(loss_of(R, loss, s), 1e-300) if loss == "sqrt" else 1.0
        slope = s[:, None] * R / (s.sum() * F)
        E = X.T @ slope
        for g, weight in used:
            E[g] -= weight * W[g] / (norm(W[g]) or 1.0)
        return np.concatenate([E[active], slope.sum(axis=0) if fit_intercept else []])

    start = np.concatenate([W[active], b if fit_intercept else []])
    if not len(start):
        return *unpacked(start), True
    z = root(equations, start, tol=1e-15).x
    W, b = unpacked(z)
    met = np.abs(equations(z)).max() <= 1e-11 * np.abs(equations(0 * z)).max()
    return W, b, met and not (positive and (W < 0).any())


def _by_cvxpy(X, Y, s, terms, loss, fit_intercept, positive):
    """Coefficients (n, t) and intercepts (t,); terms are (columns, weight of their norm)."""
    import cvxpy as cp

    n, t = X.shape[1], Y.shape[1]
    W, b = cp.Variable((n, t)), cp.Variable((1, t))
    rows = s > 0
    q = s[rows] / s.sum()
    R = Y[rows] - X[rows] @ W - np.ones((rows.sum(), 1)) @ b
    root = np.sqrt(q)[:, None]
    F = {
        "squared": lambda: cp.sum_squares(cp.multiply(np.repeat(root, t, axis=1), R)) / 2,
        "sqrt": lambda: cp.norm(cp.vec(cp.multiply(np.repeat(root, t, axis=1), R), order="F"), 2),
        "absolute": lambda: cp.sum(cp.multiply(q[:, None], cp.abs(R))),
    }[loss]()
    constraints = [] if fit_intercept else [b == 0]
    constraints += [W >= 0] if positive else []
    dropped = [j for g, weight in terms if np.isinf(weight) for j in g]
    constraints += [W[dropped, :] == 0] if dropped else []
    lone = [(g[0], weight) for g, weight in terms if len(g) == 1 and 0 < weight < np.inf]
    if lone and t == 1:
        columns, weights = map(list, zip(*lone, strict=True))
        F += np.array(weights) @ cp.abs(W[columns, 0])
        terms = [(g, weight) for g, weight in terms if len(g) > 1]
    for g, weight in terms:
        if 0 < weight < np.inf:
            F += weight * cp.norm(cp.vec(W[list(g), :], order="F"), 2)
    problem = cp.Problem(cp.Minimize(F), constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of inaccurate solutions, which the status tells
        for tol in TIGHT:
            try:
                problem.solve(solver=cp.CLARABEL, tol_gap_abs=tol, tol_gap_rel=tol, tol_feas=tol, max_iter=200)
            except cp.error.SolverError:
                continue
            if problem.status == "optimal":
                break
    assert W.value is not None, problem.status
    return W.value, b.value[0]

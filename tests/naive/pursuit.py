"""Greedy pursuits straight from their definitions: a least-squares fit by `lstsq` wherever one is meant.

A is (m, n), Y is (m,) or (m, t): several columns of Y share one support. Weights (one per column of A, >= 0):
zero enters first, infinity never.
"""

import numpy as np
from numpy.linalg import norm

EPS = np.finfo(float).eps


def refit(A, Y, S):
    """-> least-squares coefficients of Y on the columns S, residual. Unit columns: lstsq loses no scale."""
    length = norm(A[:, S], axis=0)
    length[length == 0] = 1
    unit = A[:, S] / length
    W = np.linalg.lstsq(unit, Y, rcond=None)[0] if S else np.zeros((0, *Y.shape[1:]))
    return (W.T / length).T, Y - unit @ W


def dependent(A, S, j, eps):
    """Is column j zero, or in the span of the columns S up to rounding?"""
    a = A[:, j]
    return norm(refit(A, a, S)[1]) ** 2 <= 4096 * eps * norm(a) ** 2


def score(A, Y, S, R, selection):
    """OMP: correlation with the residual R. OLS: root of the decrease of ||R||^2 by the column (Pythagoras)."""
    if selection == "omp":
        return norm(A.conj().T @ R, axis=1)
    return np.array([norm(R - refit(A, Y, S + [j])[1]) for j in range(A.shape[1])])


def next_column(A, S, scores, weights, eps):
    """The best column that may enter: weight zero first, then score / weight, then smaller index; or None."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(weights == 0, scores, scores / weights)
    for j in np.lexsort((-value, weights != 0)).tolist():
        if j not in S and weights[j] < np.inf and not dependent(A, S, j, eps):
            return j
    return None


def orthogonal_pursuit(A, Y, n_steps, *, selection="omp", weights=None, tol=0.0, eps=EPS):
    """Orthogonal matching pursuit, order-recursive least squares and their simultaneous versions.

    -> columns in order of entry, [coefficients (steps so far, t) after each step], [||R||_F before and after each step]
    """
    Y = Y.reshape(len(Y), -1)
    weights = np.ones(A.shape[1]) if weights is None else weights
    S, W, residuals, R = [], [], [norm(Y)], Y
    while len(S) < n_steps and residuals[-1] ** 2 > tol:
        j = next_column(A, S, score(A, Y, S, R, selection), weights, eps)
        if j is None:
            break
        S = S + [j]
        w, R = refit(A, Y, S)
        W.append(w)
        residuals.append(norm(R))
    return S, W, residuals


def spread(S, W, n_features):
    """The coefficients after each step as full vectors: (n_features, t, n_steps)."""
    path = np.zeros((n_features, W[0].shape[1], len(W)), dtype=W[0].dtype)
    for t, w in enumerate(W):
        path[S[: t + 1], :, t] = w
    return path


def matching_pursuit(A, y, n_steps, *, sign="both", weights=None, tol=0.0):
    """-> atoms in order (repeats happen), [full coefficient vector after each step], [residual norms]"""
    weights = np.ones(A.shape[1]) if weights is None else weights
    r, w = y.copy(), np.zeros(A.shape[1], dtype=np.result_type(A, y))
    atoms, path, residuals = [], [], [norm(y)]
    usable = [j for j in range(A.shape[1]) if norm(A[:, j]) > 0 and weights[j] < np.inf]
    while usable and len(atoms) < n_steps and residuals[-1] ** 2 > tol:
        c = {j: A[:, j].conj() @ r for j in usable}
        value = {j: (abs(c[j]) if sign == "both" else c[j]) / (norm(A[:, j]) * weights[j]) for j in usable}
        j = max(usable, key=lambda j: (value[j], -j))
        if sign == "positive" and value[j] <= 0:
            break
        step = c[j] / norm(A[:, j]) ** 2
        w[j] += step
        r = r - A[:, j] * step
        atoms.append(j)
        path.append(w.copy())
        residuals.append(norm(r))
    return atoms, path, residuals

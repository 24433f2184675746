"""Sparse Bayesian learning from its formulas: dense covariances, log evidences as determinants, supports by the list.

A is (m, n), g (n,) prior variances, Y (m, T) with one column per target, R (T, T) the correlation of a row of W.

    Y = A W + E,   row j of W ~ N(0, g_j R),   E_it ~ N(0, noise);   complex: circular, of these variances
"""

from itertools import product

import numpy as np
from numpy.linalg import inv, norm, slogdet, solve


def correlation(beta, T):
    """beta^|t-u|; 0^0 is 1."""
    t = np.arange(T)
    return np.where(t[:, None] == t, 1.0, np.power(float(beta), np.abs(t[:, None] - t)))


def working(X, Y, *, intercept=True):
    """-> columns of mean 0 and length 1 (of length 0 where they are constant), centred Y, the lengths."""
    if intercept:
        X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    lengths = norm(X, axis=0)
    return X / np.where(lengths > 0, lengths, 1), Y, lengths


def covariance(A, g, noise):
    """Of y."""
    return noise * np.eye(len(A)) + (A * g) @ A.conj().T


def posterior(A, g, noise, y):
    """Mean and covariance of w, of one target."""
    gain = solve(covariance(A, g, noise), A * g).conj().T
    return gain @ y, np.diag(g) - gain @ (A * g)


def log_evidence(A, g, noise, y):
    """Log p(y), up to a constant."""
    C = covariance(A, g, noise)
    value = slogdet(C)[1] + np.real(np.vdot(y, solve(C, y)))
    return -value if np.iscomplexobj(A) or np.iscomplexobj(y) else -value / 2


def joint_evidence(A, g, noise, Y, R):
    """Log p(Y) of all targets at once: vec(Y) is normal with covariance R (x) A G A^H + noise I."""
    T = Y.shape[1]
    return log_evidence(np.kron(np.eye(T), A) @ np.kron(root(R), np.eye(len(g))), np.tile(g, T), noise, Y.T.ravel())


def root(R):
    return np.linalg.cholesky(R)


def gains(A, g, noise, Y, R):
    """What every coefficient adds to the log evidence: with it, less with a prior variance of 0 in its place (n,)."""
    all_of_them = joint_evidence(A, g, noise, Y, R)
    others = [np.where(np.arange(len(g)) == j, 0, g) for j in range(len(g))]
    return np.array([all_of_them - joint_evidence(A, other, noise, Y, R) for other in others])


def by_precisions(X, g, noise, Y, R, *, intercept):
    """Mean (T, 1 + k) and covariance (T, 1 + k, T, 1 + k) of [b, w], all at once; b has an infinite prior variance.

    Without an intercept b is 0, and so are its moments.
    """
    E, T = np.hstack([np.ones((len(X), 1)), X]), Y.shape[1]
    free = np.tile(np.arange(E.shape[1]) >= 1 - intercept, T)
    precision = np.kron(np.eye(T), E.conj().T @ E / noise) + np.kron(inv(R), np.diag(np.r_[0, 1 / g]))
    mean, S = np.zeros(len(free), E.dtype), np.zeros(precision.shape, E.dtype)
    S[np.ix_(free, free)] = inv(precision[np.ix_(free, free)])
    mean = S @ (E.conj().T @ Y / noise).T.ravel()
    return mean.reshape(T, -1), S.reshape(T, E.shape[1], T, E.shape[1])


# ---- expectation and maximisation


def rotated(A, g, noise, Y, R):
    """Means and variances (n, T) in the basis of independent targets, and their prior variances (n, T)."""
    lam, Q = np.linalg.eigh(R)
    prior = np.outer(g, lam)
    answers = [posterior(A, prior[:, t], noise, Y @ Q[:, t]) for t in range(len(lam))]
    return np.stack([a[0] for a in answers], 1), np.stack([np.diag(a[1]).real for a in answers], 1), prior


def moment(A, g, noise, Y, R):
    """The next g."""
    mean, var, _ = rotated(A, g, noise, Y, R)
    return np.mean((np.abs(mean) ** 2 + var) / np.linalg.eigvalsh(R), axis=1)


def residual_noise(A, g, noise, Y, R, clear, *, intercept):
    """What a fit to the clear coefficients leaves, per degree of freedom."""
    A, g = A[:, clear], g[clear]
    lam, Q = np.linalg.eigh(R)
    mean, var, prior = rotated(A, g, noise, Y, R)
    used = intercept * len(lam) + np.sum(1 - var / prior)
    return norm(Y @ Q - A @ mean) ** 2 / (Y.size - used)


def bayes_factors(A, g, noise, Y, R):
    """The gains from the moments: log of p(w_j = 0) / p(w_j = 0 | Y)."""
    mean, var, prior = rotated(A, g, noise, Y, R)
    each = np.sum(np.log(var / prior) + np.abs(mean) ** 2 / var, axis=1)
    return each if np.iscomplexobj(mean) else each / 2


def next_noise(A, g, noise, Y, R, *, least, intercept):
    """The rule: at most a factor of 1.5 from the noise."""
    clear = np.flatnonzero(bayes_factors(A, g, noise, Y, R) > least)
    new = residual_noise(A, g, noise, Y, R, clear, intercept=intercept)
    return np.clip(new, noise / 1.5, noise * 1.5)


def settle(A, g, noise, Y, R, *, learn=None, tol, max_iter=20000):
    """EM until the means move by less than tol; learn: (least gain, intercept) or None -> g, noise."""
    old = rotated(A, g, noise, Y, R)[0]
    for _ in range(max_iter):
        new_noise = noise if learn is None else next_noise(A, g, noise, Y, R, least=learn[0], intercept=learn[1])
        g, noise = moment(A, g, noise, Y, R), new_noise
        mean = rotated(A, g, noise, Y, R)[0]
        if norm(mean - old) < tol * norm(mean):
            break
        old = mean
    return g, noise


def learn(A, Y, R, *, noise=None, intercept, min_gain=1.0, tol=1e-4):
    """The whole course; noise None: learnt -> g (n,), zero where dropped, and the noise."""
    (m, n), power = A.shape, np.mean(np.abs(Y) ** 2)
    kept, g = np.arange(n), np.full(n, power * m / n)
    learnt = noise is None
    noise = 0.1 * power if learnt else noise
    least = 2.0
    while True:
        options = (least, intercept) if learnt else None
        g, noise = settle(A[:, kept], g, noise, Y, R, learn=options, tol=tol)
        good = bayes_factors(A[:, kept], g, noise, Y, R) > min_gain
        if good.all():
            break
        kept, g, least = kept[good], g[good], max(min_gain, 1.0)
    full = np.zeros(n)
    full[kept] = g
    return full, noise


# ---- messages


def messages(A, y, prior, noise, damping, n_passes):
    """-> mean, variance after that many passes."""
    S, t = np.abs(A) ** 2, damping
    x, v_x = np.zeros(A.shape[1], np.result_type(A, y)), prior
    s = np.zeros(len(A), x.dtype)
    for _ in range(n_passes):
        v_p = S @ v_x
        s = (1 - t) * s + t * (v_p * s + A @ x - y) / (noise + v_p)
        v_r = 1 / (S.T @ (1 / (noise + v_p)))
        r = x - v_r * (A.conj().T @ s)
        v_x = v_r * prior / (prior + v_r)
        x = (1 - t) * x + t * prior * r / (prior + v_r)
    return x, v_x


def loose_messages(A, y, prior, noise, damping, n_passes, mean_square):
    """The same with mean_square in the place of every |A_ij|^2: one variance for all rows."""
    (m, n), t = A.shape, damping
    x, v_x = np.zeros(n, np.result_type(A, y)), prior
    s = np.zeros(m, x.dtype)
    for _ in range(n_passes):
        v_p = mean_square * v_x.sum()
        s = (1 - t) * s + t * (v_p * s + A @ x - y) / (noise + v_p)
        v_r = (noise + v_p) / (m * mean_square)
        r = x - v_r * (A.conj().T @ s)
        v_x = v_r * prior / (prior + v_r)
        x = (1 - t) * x + t * prior * r / (prior + v_r)
    return x, v_x


def damping_rule(A, safety):
    """The positive root of a t^2 + b t + c, at most 1."""
    m, n = A.shape
    ratio = norm(A, 2) ** 2 / norm(A) ** 2
    roots = np.roots([m * n * safety * ratio, 2 * (n - m), -4 * n])
    return min(1.0, roots[roots > 0][0])


# ---- the chain


def chain(log_odds, begin, end):
    """By the list of all supports -> P(s_n = 1), expected steps [0 -> 1, 1 -> 0, from 0, from 1].

    log_odds (n,): log p(data_n | s_n = 1) - log p(data_n | s_n = 0); begin = P(0 -> 1), end = P(1 -> 0).
    """
    start = begin / (begin + end)
    step = np.array([[1 - begin, begin], [end, 1 - end]])
    total, on, counts = 0.0, np.zeros(len(log_odds)), np.zeros(4)
    for each in product([0, 1], repeat=len(log_odds)):
        s = np.array(each)
        a, b = s[:-1], s[1:]
        p = np.prod(np.where(s, np.exp(log_odds), 1)) * (start if s[0] else 1 - start) * np.prod(step[a, b])
        total += p
        on += p * s
        counts += p * np.array([np.sum((a == 0) & (b == 1)), np.sum((a == 1) & (b == 0)), np.sum(a == 0), np.sum(a)])
    return on / total, counts / total


# ---- problems


def normal(rng, shape, is_complex=False):
    """Of unit variance."""
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape)) / np.sqrt(2) if is_complex else x


def problem(rng, m, n, k, *, T=None, beta=0.0, noise=0.01, is_complex=False):
    """X (m, n) of columns of length near 1, y (m,) or (m, T), W (n,) or (n, T) with k rows of size 1 to 2."""
    X = normal(rng, (m, n), is_complex) / np.sqrt(m)
    rows = normal(rng, (k, T or 1), is_complex) @ root(correlation(beta, T or 1)).T
    rows *= np.clip(norm(rows, axis=1), 1, 2)[:, None] / norm(rows, axis=1)[:, None] * np.sqrt(T or 1)
    W = np.zeros((n, T or 1), rows.dtype)
    W[rng.choice(n, k, replace=False)] = rows
    Y = X @ W + np.sqrt(noise) * normal(rng, (m, T or 1), is_complex)
    return (X, Y, W) if T else (X, Y[:, 0], W[:, 0])

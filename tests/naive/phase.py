"""Sparse phase retrieval from its formulas: dense matrices, and `lstsq` wherever least squares are meant.

A is (m, n) with columns of unit mean square, z = |A x| (m,), x has at most s non-zeros, b = A x, p = phase(b), y = z^2.

    residual(x) = || |A x| - z || / ||z||        loss(x) = 1/4 sum (|b|^2 - y)^2
"""

import numpy as np
from numpy.linalg import norm
from scipy.sparse.linalg import LinearOperator

SOLVERS = ["newton", "htp", "sparta", "copram", "thwf"]


def scale(X):
    """What the columns of X are divided by, and coefficients are multiplied by: their root mean squares (n,)."""
    return np.sqrt(np.mean(np.abs(X) ** 2, axis=0))


def phase(b):
    size = np.abs(b)
    return np.where(size > 0, b / np.where(size > 0, size, 1), 1)


def residual(A, z, x):
    return norm(np.abs(A @ x) - z) / norm(z)


def largest(v, k):
    """Indices of the k largest |v|, ascending."""
    return np.sort(np.argsort(-np.abs(v), kind="stable")[:k])


def hard(v, k):
    """v with all but its k largest entries set to zero."""
    x = np.zeros_like(v)
    S = largest(v, k)
    x[S] = v[S]
    return x


def soft(v, t):
    """Every entry t closer to zero."""
    return phase(v) * np.maximum(np.abs(v) - t, 0)


def spread(v, S, n):
    x = np.zeros(n, np.result_type(v))
    x[S] = v
    return x


def fit(A, target, S):
    """argmin || A_S v - target ||, zero elsewhere, min-norm."""
    return spread(np.linalg.lstsq(A[:, S], target, rcond=None)[0], S, A.shape[1])


def relative_error(x, truth):
    """min over |c| = 1 of ||c x - truth|| / ||truth||."""
    return norm(phase(np.vdot(x, truth)) * x - truth) / norm(truth)


# ---- one iteration of each solver: x -> x


def loss(A, y, x):
    return np.sum((np.abs(A @ x) ** 2 - y) ** 2) / 4


def support(A, z, x, s, step=0.95):
    """S of the next iterate: the s largest entries after a gradient step on the magnitudes."""
    b = A @ x
    return largest(x - step / len(z) * A.conj().T @ (b - z * phase(b)), s)


def system(A, y, x, S, w):
    """-> H, rhs of the step of real x on S; J = supp(x) \\ S is set to zero. w = 3 b^2 - y or, Gauss-Newton, 2 b^2."""
    b, J = A @ x, np.setdiff1d(np.flatnonzero(x), S)
    H = A[:, S].T @ np.diag(w) @ A[:, S]
    return H, A[:, S].T @ (w * (A[:, J] @ x[J])) - A[:, S].T @ ((b**2 - y) * b)


def newton_step(A, z, x, S):
    """Real: Newton where the Hessian is positive definite, else Gauss-Newton."""
    b, y = A @ x, z**2
    H, rhs = system(A, y, x, S, 3 * b**2 - y)
    if np.linalg.eigvalsh(H).min() <= 0:
        return gauss_newton_step(A, z, x, S)
    return spread(x[S] + np.linalg.solve(H, rhs), S, len(x))


def gauss_newton_step(A, z, x, S):
    """|b|^2 linearised, least squares, min-norm. Complex: in the numbers [Re d, Im d], with d orthogonal to i x_S."""
    b, J = A @ x, np.setdiff1d(np.flatnonzero(x), S)
    target = z**2 - np.abs(b) ** 2 + 2 * np.real(b.conj() * (A[:, J] @ x[J]))
    B = 2 * b.conj()[:, None] * A[:, S]
    if not np.iscomplexobj(B):
        return spread(x[S] + np.linalg.lstsq(B, target, rcond=None)[0], S, len(x))
    turn = np.concatenate([-x[S].imag, x[S].real])  # a change of the global phase
    keep = np.eye(2 * len(S)) - np.outer(turn, turn) / (turn @ turn or 1)
    d = keep @ np.linalg.lstsq(np.hstack([B.real, -B.imag]) @ keep, target, rcond=None)[0]
    return spread(x[S] + d[: len(S)] + 1j * d[len(S) :], S, len(x))


def newton(A, z, x, s, step=None):
    """The step, or the fit to the measurements with the present phases where the step is worse than x and than it."""
    S = support(A, z, x, s)
    step = step or (gauss_newton_step if np.iscomplexobj(A) else newton_step)
    new = step(A, z, x, S)
    if residual(A, z, new) > residual(A, z, x):
        other = fit(A, z * phase(A @ x), S)
        new = min(new, other, key=lambda x: residual(A, z, x))
    return new


def gauss_newton(A, z, x, s):
    """What newton does with an operator."""
    return newton(A, z, x, s, gauss_newton_step)


def htp(A, z, x, s):
    return fit(A, z * phase(A @ x), support(A, z, x, s))


def sparta(A, z, x, s, gamma=0.7):
    b = A @ x
    rows = np.abs(b) >= z / (1 + gamma)
    return hard(x - A[rows].conj().T @ (b - z * phase(b))[rows] / len(z), s)


def copram(A, z, x, s):
    """The phases stay, and CoSaMP takes them for signs of linear measurements."""
    target = z * phase(A @ x)
    for _ in range(10):
        g = A.conj().T @ (target - A @ x)
        new = hard(fit(A, target, np.union1d(np.flatnonzero(x), largest(g, 2 * s))), s)
        change, x = norm(new - x), new
        if change < 1e-2 * norm(new):
            break
    return x


def thwf(A, z, x, s=None, beta=0.3, mu=0.23):
    m, n = A.shape
    b, y = A @ x, z**2
    g = A.conj().T @ ((np.abs(b) ** 2 - y) * b) / m
    tau = np.sqrt(beta * np.log(m * n) / m**2 * np.sum((np.abs(b) ** 2 - y) ** 2 * np.abs(b) ** 2))
    step = mu / np.mean(y)
    return soft(x - step * g, step * tau)


def run(A, z, x, s, solver, n_iter):
    """-> the iterate with the smallest residual, the residuals of all iterates (n_iter + 1,)."""
    iteration = globals()[solver]
    best, path = x, [residual(A, z, x)]
    for _ in range(n_iter):
        x = iteration(A, z, x, s)
        best = x if residual(A, z, x) < min(path) else best
        path.append(residual(A, z, x))
    return best, np.array(path)


# ---- starts


def leading(M):
    """The eigenvector of the largest eigenvalue."""
    return np.linalg.eigh(M)[1][:, -1]


def anchored_ranking(A, z, *, flat=False):
    """What ranks the columns; flat: all entries have one magnitude, weighted energies would tell nothing."""
    t = z - z.mean()
    return np.abs(leading(A.conj().T @ np.diag(t) @ A)) if flat else t @ np.abs(A) ** 2


def spectral_start(A, z, s, solver="newton"):
    (m, n), y = A.shape, z**2
    Z, phi = y @ np.abs(A) ** 2 / m, np.sqrt(y.mean())
    excess = Z / phi**2 - 1
    S = np.flatnonzero(excess > 1.5 * np.sqrt(np.log(m * n) / m)) if solver == "thwf" else largest(Z, s)
    B, w = A[:, S], y
    if solver == "sparta":
        rows = largest(z / norm(B, axis=1), -(-m // 6))
        B, w = B[rows], y[rows]
    return spread(phi * leading(B.conj().T @ np.diag(w) @ B), S, n)


def anchored_start(A, z, s, k=0, *, flat=False):
    t, Z = z - z.mean(), anchored_ranking(A, z, flat=flat)
    w = np.zeros(A.shape[1], A.dtype)
    w[np.argsort(-Z, kind="stable")[k]] = 1
    for _ in range(3):
        w = hard(A.conj().T @ (t * (A @ w)), s)
        w /= norm(w)
    return np.sqrt(np.mean(z**2)) * w


# ---- problems


def normal(rng, shape, is_complex=False):
    """Standard normal, with E |.|^2 = 1."""
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape)) / np.sqrt(2) if is_complex else x


def planted(rng, n, s, is_complex=False):
    """s non-zeros of size at least 1/2, so that supports are clear; the largest is real and positive."""
    v = normal(rng, s, is_complex)
    v = phase(v) * (0.5 + np.abs(v))
    v *= phase(v[np.argmax(np.abs(v))]).conj()
    return spread(v, rng.choice(n, s, replace=False), n)


def gaussian_problem(rng, m, n, s, is_complex=False):
    """-> A (m, n), x (n,), z = |A x|; the columns of A have unit mean squares by construction."""
    A, x = normal(rng, (m, n), is_complex), planted(rng, n, s, is_complex)
    A = A / scale(A)
    return A, x, np.abs(A @ x)


def masked_dft(rng, m, n):
    """m random frequencies of unimodular masks times the vector, as a dense matrix and as an operator of FFTs."""
    n_masks = -(-m // n)
    masks = np.exp(2j * np.pi * rng.random((n_masks, n)))
    rows = np.sort(rng.choice(n_masks * n, m, replace=False))
    dense = np.vstack([np.fft.fft(np.eye(n)) * mask for mask in masks])[rows]

    def forward(x):
        return np.fft.fft(masks * x.ravel()).ravel()[rows]

    def adjoint(r):
        full = np.zeros(n_masks * n, complex)
        full[rows] = r.ravel()
        return np.sum(masks.conj() * np.fft.ifft(full.reshape(n_masks, n)) * n, axis=0)

    return dense, LinearOperator((m, n), matvec=forward, rmatvec=adjoint, dtype=complex)


def masked_dft_problem(rng, m, n, s):
    """-> dense A, the operator, x, z."""
    A, operator = masked_dft(rng, m, n)
    x = planted(rng, n, s, is_complex=True)
    return A, operator, x, np.abs(A @ x)

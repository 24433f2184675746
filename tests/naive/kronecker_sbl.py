"""Kronecker-structured sparse Bayesian learning from its definition: the product and its covariances are formed.

Factors A_i are (M_i, N_i), g_i (N_i,) their prior variances, y (prod M_i,), x (prod N_i,), all in C order.

    y = kron(A_1, ..., A_d) x + e,   x ~ N(0, diag(kron(g_1, ..., g_d))),   e ~ N(0, noise I)
"""

from functools import reduce

import numpy as np

METHODS = ["root", "svd", "am"]


def kron(parts):
    return reduce(np.kron, parts)


def normal(rng, shape, is_complex=False):
    """Of unit variance."""
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape)) / np.sqrt(2) if is_complex else x


def problem(rng, lengths, widths, k, snr=20.0, is_complex=False):
    """Factors, y, x (N_1, ..., N_d) with k normal non-zeros per factor where they meet, their places, the noise."""
    factors = [normal(rng, shape, is_complex) for shape in zip(lengths, widths, strict=True)]
    places = np.ix_(*[np.sort(rng.choice(n, k, replace=False)) for n in widths])
    x = np.zeros(widths, complex if is_complex else float)
    x[places] = normal(rng, [k] * len(widths), is_complex)
    clean = kron(factors) @ x.ravel()
    noise = np.mean(np.abs(clean) ** 2) * 10 ** (-snr / 10)
    return factors, clean + np.sqrt(noise) * normal(rng, len(clean), is_complex), x, places, noise


def covariance(factors, hyper, noise):
    """Of y."""
    A = kron(factors)
    return noise * np.eye(len(A)) + A @ np.diag(kron(hyper)) @ A.conj().T


def posterior(factors, hyper, noise, y):
    """Mean and covariance of x."""
    A, G = kron(factors), np.diag(kron(hyper))
    gain = G @ A.conj().T @ np.linalg.inv(covariance(factors, hyper, noise))
    return gain @ y, G - gain @ A @ G


def evidence(factors, hyper, noise, y):
    """log p(y) up to a constant and, for complex data, a factor."""
    C = covariance(factors, hyper, noise)
    return -0.5 * (np.linalg.slogdet(C)[1] + np.real(np.vdot(y, np.linalg.solve(C, y))))


def next_noise(factors, hyper, noise, y):
    mean, cov = posterior(factors, hyper, noise, y)
    seen = np.sum(1 - np.real(np.diag(cov)) / kron(hyper))
    return (np.linalg.norm(y - kron(factors) @ mean) ** 2 + noise * seen) / len(y)


def moments(factors, hyper, noise, y):
    """E|x|^2 (N_1, ..., N_d)."""
    mean, cov = posterior(factors, hyper, noise, y)
    return (np.abs(mean) ** 2 + np.real(np.diag(cov))).reshape([len(g) for g in hyper])


def sequential(L):
    """Vectors whose outer product is near L: the left singular vector of an unfolding, then the folded rest."""
    if L.ndim == 1:
        return [np.abs(L)]
    u, s, v = np.linalg.svd(L.reshape(len(L), -1), full_matrices=False)
    return [np.abs(u[:, 0]), *sequential(np.abs(s[0] * v[0]).reshape(L.shape[1:]))]


def maximum(L, hyper, blocks):
    """The maximum of -sum(log G + L / G), G = outer(g_1, ...), over one factor after the other until nothing moves."""
    hyper = list(hyper)
    for _ in range(300):
        for i in range(L.ndim):
            others = [np.ones(n) if j == i else g for j, (n, g) in enumerate(zip(L.shape, hyper, strict=True))]
            axes = tuple(j for j in range(L.ndim) if j != i)
            hyper[i] = averaged((L / kron(others).reshape(L.shape)).mean(axis=axes), blocks[i])
    return hyper


def averaged(g, size):
    """Every entry replaced by the mean of its block of consecutive entries."""
    return np.concatenate([np.full(len(part), part.mean()) for part in np.split(g, range(size, len(g), size))])


def step(factors, hyper, noise, y, method, blocks=None):
    """The next hyper-parameters."""
    L = moments(factors, hyper, noise, y)
    blocks = blocks or [1] * L.ndim
    if method == "am":
        return maximum(L, hyper, blocks)
    for axis, size in enumerate(blocks):
        L = np.apply_along_axis(averaged, axis, L, size)
    return sequential(L) if method == "svd" else [g**2 for g in sequential(np.sqrt(L))]


def least_squares(factors, y, places):
    """The answer of someone who knows where the non-zeros are."""
    x = np.zeros([A.shape[1] for A in factors], np.result_type(*factors, y))
    A = kron([A[:, index.ravel()] for A, index in zip(factors, places, strict=True)])
    x[places] = np.linalg.lstsq(A, y, rcond=None)[0].reshape(x[places].shape)
    return x


def nmse(x, truth):
    """In dB."""
    return 20 * np.log10(np.linalg.norm(x - truth) / np.linalg.norm(truth))

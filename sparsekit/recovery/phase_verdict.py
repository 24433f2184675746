r"""Whether to believe an answer of phase retrieval, from the data alone.

*Exact data.* A residual of rounding size is accepted, for no other s-sparse vector has the same magnitudes up to the
phase, for almost every X with m >= 2 s real or m >= 4 s - 2 complex measurements [akcakaya2013]_. With fewer, nothing
is accepted; nor with s <= 2 where all entries of X have one magnitude, for two coefficients can then change places.

*Noisy data.* A vector unrelated to the truth fits by chance. For one support and one pattern of signs, the share of
z's energy outside of a random subspace of p real dimensions follows Beta((m - p) / 2, p / 2); there are C(n, s)
supports, and hyperplanes of m measurements cut p dimensions into at most sum_{k < p} C(m - 1, k) pairs of opposite
patterns. So all of them leave more than the rho with

    log P(Beta <= rho^2) + log C(n, s) + log sum_{k < p} C(m - 1, k) = log(1/1000)

of |z| except once in a thousand times (p = s for real X; for complex X, whose phases are no finite number of patterns,
p = 2 s is a rule of thumb). An answer that is partly right may go below rho: where it agrees with the truth up to one
sign for half of the measurements and up to the other for the rest, its residual is about the energy of the smaller
halves, E[g^2; |g| < median] = 0.0713 of a Gaussian g, times that of the smaller error. Residuals up to
sqrt(0.0713) rho = 0.267 rho are therefore accepted, if two more things hold.

That law is Gaussian. With another X - columns that share a mean, entries of one modulus, rows of many lengths -
anything may fit: the solver is given the same X and shuffled z / |x_i|, and its residual takes the place of rho where
it is smaller. And where columns resemble each other, a wrong one may fit nearly as well: what is left must look like
noise, whose largest squared cosine with n other columns follows from Beta(1/2, (m - s - 1) / 2), or Beta(1, m - s - 1)
for complex X.
"""

import numpy as np
from scipy.linalg import qr
from scipy.special import betaincinv, betaln, gammaln, logsumexp

from sparsekit.recovery.phase_solvers import phase

_CHANCE = 1e-3
SHARE = np.sqrt(0.0713)
_CANDIDATES = 8  # columns whose cosines with a residual are looked at
_DEPENDENT = 1e-8  # of the largest pivot: what a turn of the global phase leaves


def determined(m, n, *, is_real):
    """The largest s <= n for which m generic measurements determine every s-sparse vector [akcakaya2013]_.

    With s = n one real measurement less than 2 s will do [balan2006]_, and two complex ones less [conca2015]_.
    """
    s = m // 2 if is_real else (m + 2) // 4
    return n if m >= (2 * n - 1 if is_real else 4 * n - 4) else s


def log_choose(n, k):
    """Logarithm of the binomial coefficient."""
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def chance_residual(m, n, s, *, is_real):
    """The relative residual that a vector unrelated to the truth reaches with the probability _CHANCE, at least."""
    p = s if is_real else 2 * s
    if p >= m:
        return 0.0
    patterns = logsumexp(log_choose(m - 1, np.arange(p)))
    a, b = (m - p) / 2, p / 2
    log_share = (np.log(_CHANCE) - log_choose(n, s) - patterns + np.log(a) + betaln(a, b)) / a
    share = min(1.0, np.exp(log_share))  # P(Beta <= x) <= x^a max(1, (1 - x)^(b - 1)) / (a B(a, b))
    if b < 1:
        share *= (1 - share) ** ((1 - b) / a)
    return float(np.sqrt(share))


def leaves_noise(problem, answer, s):
    """Whether no other column has a larger cosine with the residual than noise has with any of them."""
    free = problem.m - s - 1
    if free < 1:
        return False
    left = problem.z * phase(answer.b) - answer.b
    gradient = np.abs(problem.gradient(left))
    gradient[answer.support] = 0
    largest = np.argpartition(-gradient, min(_CANDIDATES, problem.n) - 1)[:_CANDIDATES]
    lengths = np.linalg.norm(problem.columns(largest), axis=0) * np.linalg.norm(left)
    cosines = gradient[largest] / np.where(lengths > 0, lengths, 1)
    tail = _CHANCE / problem.n
    bound = betaincinv(0.5, free / 2, 1 - tail) if problem.is_real else -np.expm1(np.log(tail) / free)
    return np.max(cosines) ** 2 <= bound * (1 - s / problem.m)


def criterion(problem, residual, s, goal):
    """Extended Bayesian information criterion [chen2008]_ of s coefficients; residuals below the goal are equal."""
    parameters = s if problem.is_real else 2 * s
    fit = problem.m * np.log(np.maximum(residual, goal) ** 2)
    return fit + parameters * np.log(problem.m) + 2 * log_choose(problem.n, s)


def nested_gains(A, p, z):
    """Shares of z's energy that each further column explains (k,), the phases p of A x held fixed."""
    K = (p.conj()[:, None] * A).real
    if A.dtype.kind == "c":
        K = np.stack([K, (p.conj()[:, None] * A).imag], axis=2).reshape(len(A), -1)
    Q, R = qr(K, mode="economic")
    sizes = np.abs(np.diagonal(R))
    used = sizes > _DEPENDENT * sizes.max(initial=0)
    gains = np.zeros(K.shape[1])
    gains[: len(sizes)] = np.where(used, Q.T @ z, 0) ** 2 / np.sum(z**2)
    return gains.reshape(A.shape[1], -1).sum(axis=1)

"""Sparse Bayesian learning with a support in runs: a Markov chain over a three-layer prior, by turbo-VBI [liu2020]_.

    x_n ~ N(0, 1 / rho_n),   rho_n ~ Gamma(a, b) where s_n = 1, Gamma(a0, b0) where s_n = 0,   s_1, s_2, ... a chain

Variational updates of x, rho and s in turn; the evidence about each s_n goes through the chain by a forward and a
backward pass, which also tell how likely a run starts and ends.
"""

import numpy as np
from scipy.special import digamma, gammaln

from sparsekit.core.kernels import kernel
from sparsekit.recovery.bayes_belief import gains
from sparsekit.recovery.bayes_noise import follow_noise

_A, _B = 1.0, 1.0  # shape and rate of the precisions of the support, in units of its variance
_A0, _B0 = 1.0, 1e-5  # the same off the support
_LIMIT = 50.0  # of the evidence about one s_n, in nats
_RARE = 1e-6  # probabilities of the chain are kept that far from 0 and 1
_FIRST_END = 0.25  # probability that a run ends, before it is learnt
_LIKELY = 0.5  # probability from which a coefficient is kept
_WARM = 30  # iterations of sparse Bayesian learning before
_LITTLE = 0.1  # of the noise variance that was learnt
_INNER, _INNER_MAX = 0.1, 100  # tolerance of the messages, times that of the iteration, and their passes


@kernel
def chain_marginals(odds, begin, end):
    """Marginals of a two-state chain from the log odds (n,) that the data give to state 1.

    `begin` is the probability of 0 -> 1, `end` of 1 -> 0. The marginals P(s_n = 1), the expected number of steps
    0 -> 1 and 1 -> 0, and the expected numbers of steps from 0 and from 1.
    """
    n = len(odds)
    forward, marginal = np.empty(n), np.empty(n)
    p = begin / (begin + end)
    for i in range(n):
        if i > 0:
            p = p * (1 - end) + (1 - p) * begin
        forward[i] = p
        p = p / (p + (1 - p) * np.exp(-odds[i]))
    counts = np.zeros(4)
    b = 0.5  # backward message: the share that speaks for 1
    for i in range(n - 1, -1, -1):
        f = forward[i]
        q = f / (f + (1 - f) * np.exp(-odds[i]))
        marginal[i] = q * b / (q * b + (1 - q) * (1 - b))
        here = 1 / (1 + np.exp(-odds[i]))
        e1 = here * b / (here * b + (1 - here) * (1 - b))  # what i and all after it say of s_i
        if i > 0:
            g = forward[i - 1]
            g = g / (g + (1 - g) * np.exp(-odds[i - 1]))
            w01, w11 = (1 - g) * begin * e1, g * (1 - end) * e1
            w00, w10 = (1 - g) * (1 - begin) * (1 - e1), g * end * (1 - e1)
            total = w00 + w01 + w10 + w11
            counts[0] += w01 / total
            counts[1] += w10 / total
            counts[2] += (w00 + w01) / total
            counts[3] += (w10 + w11) / total
        one, zero = (1 - end) * e1 + end * (1 - e1), begin * e1 + (1 - begin) * (1 - e1)
        b = one / (one + zero)
    return marginal, counts


class SupportChain:
    """The belief about the support and the precisions, over all n positions.

    Parameters
    ----------
    n : int
        Positions of the chain.
    positions : ndarray of shape (k,)
        Where the active coefficients are; the others are taken to be zero, as far as the chain is concerned.
    belief : Belief
        Where sparse Bayesian learning has ended; a cold start ends with all coefficients at zero.
    """

    def __init__(self, n, positions, belief, clear):
        self._n, self._positions = n, positions
        strong = gains(belief) > clear
        self._scale = belief.gamma[strong].mean() if strong.any() else max(belief.gamma.mean(), belief.noise)
        self._precision, self._log_precision = 1 / belief.gamma, -np.log(belief.gamma)
        share = max(strong.sum(), 1) / n
        self.end = _FIRST_END
        self.begin = float(np.clip(share * self.end / max(1 - share, _RARE), _RARE, 1 - _RARE))
        self._infer_support()

    def update(self, belief, order):
        """Precisions from the moments, then the support; `order` is 1/2 for each real target, 1 for a complex one."""
        n_targets = len(belief.moments.mean)
        s, rate, rate0 = self.probability, _B * self._scale, _B0 * self._scale
        shape = s * _A + (1 - s) * _A0 + order * n_targets
        total = s * rate + (1 - s) * rate0 + order * n_targets * belief.second_moments()
        self._precision, self._log_precision = shape / total, digamma(shape) - np.log(total)
        belief.gamma = 1 / self._precision
        self._infer_support()

    def _infer_support(self):
        rate, rate0 = _B * self._scale, _B0 * self._scale
        on = _A * np.log(rate) - gammaln(_A) + (_A - 1) * self._log_precision - rate * self._precision
        off = _A0 * np.log(rate0) - gammaln(_A0) + (_A0 - 1) * self._log_precision - rate0 * self._precision
        odds = np.full(self._n, -_LIMIT)
        odds[self._positions] = np.clip(on - off, -_LIMIT, _LIMIT)
        marginal, (n01, n10, n0, n1) = chain_marginals(odds, self.begin, self.end)
        self.probability = marginal[self._positions]
        self.begin = float(np.clip(n01 / max(n0, _RARE), _RARE, 1 - _RARE))
        self.end = float(np.clip(n10 / max(n1, _RARE), _RARE, 1 - _RARE))


def structured(problem, engine, belief, rules):
    """Turbo-VBI for the noise and the correlation of a belief; the likely coefficients are kept. P(s_n = 1).

    It starts from a few iterations of sparse Bayesian learning anew, as those that have settled have given up too many
    coefficients, with little noise, which rises to where it belongs. A cold start gives up all of them.
    """
    order = 1.0 if problem.Y.dtype.kind == "c" else 0.5
    if rules.noise is None:
        belief.noise = max(_LITTLE * belief.noise, problem.floor)
    for _ in range(_WARM):
        belief.expect(engine, _INNER, _INNER_MAX)
        belief.gamma = belief.second_moments()
        belief.n_iter += 1
    chain = SupportChain(problem.n_positions, problem.candidates[belief.active], belief, rules.clear)
    settled, belief.converged = belief.converged, False
    for _ in range(rules.max_iter):
        chain.update(belief, order)
        change = belief.expect(engine, _INNER * rules.tol, _INNER_MAX)
        rests = follow_noise(problem, belief, rules, chain.probability > _LIKELY) and change < rules.tol
        belief.n_iter += 1
        if rests:
            belief.converged = settled
            break
    probability = np.zeros(problem.n_positions)
    probability[problem.candidates[belief.active]] = chain.probability
    belief.keep(chain.probability > _LIKELY)
    return probability

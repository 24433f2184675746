"""Sparse Bayesian learning with a support in runs: a Markov chain over the supports, in turn with the evidence.

    P(s) = P(s_1) prod_n P(s_n | s_n-1),   x_n ~ N(0, gamma_n) where s_n = 1,   x_n = 0 where s_n = 0

What the data say of each s_n, given the other coefficients, is the evidence that x_n adds or would add. A forward and a
backward pass carry it through the chain, and tell how likely a run starts and ends. As in turbo-VBI [liu2020]_, the two
sides take turns; but there x, gamma and s are believed to be independent given y, which loses small coefficients within
a run. Here x is integrated out and gamma at its best.
"""

from dataclasses import replace

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.recovery.bayes_belief import LARGE, gains
from sparsekit.recovery.bayes_evidence import CHOICE, absent_gains, maximise, to_its_end, unlike

_LIMIT = 50.0  # of the evidence about one s_n, in nats
_BEGIN, _END = 0.02, 0.25  # probabilities that a run begins and ends, before they are learnt
_STEPS_OUT, _STEPS_IN = 50.0, 4.0  # steps outside and inside runs that this is worth
_RARE = 1e-6  # probabilities of the chain are kept that far from 0 and 1
_TURNS = 5  # of learning the chain from one look at the evidence
_LIKELY = 0.5  # probability from which a coefficient is kept
_AT_ONCE = 4  # coefficients that are added at a time, and half as many dropped
_DIGITS = 6  # of a probability that tell which is likelier
_DROPS = 2  # after which a coefficient stays at zero, so that the turns end


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
    """What is believed about how runs begin and end."""

    def __init__(self):
        self.begin, self.end = _BEGIN, _END

    def infer(self, odds):
        """P(s_n = 1) from the log odds (n,) that the data give, having learnt the chain from them."""
        for _ in range(_TURNS):
            probability, (n01, n10, n0, n1) = chain_marginals(odds, self.begin, self.end)
            self.begin = (n01 + _BEGIN * _STEPS_OUT) / (n0 + _STEPS_OUT)
            self.end = (n10 + _END * _STEPS_IN) / (n1 + _STEPS_IN)
        return np.clip(probability, 0.0, 1.0)


def structured(problem, belief, rules):
    """Move the support of a belief until it is what the evidence and a chain say. P(s_n = 1) for all positions."""
    chain, drops, n_turns = SupportChain(), np.zeros(len(problem.candidates), int), 0
    probability, settled = np.zeros(problem.n_positions), belief.converged
    last = to_its_end(replace(rules, clear=-np.inf, floor=0.0))
    while len(belief.active) <= LARGE:
        odds, gamma = _odds(problem, belief, drops < _DROPS)
        probability = chain.infer(odds.clip(-_LIMIT, _LIMIT))
        likely = probability[problem.candidates]
        now = np.isin(np.arange(len(likely)), belief.active)
        drop, add = np.flatnonzero(now & (likely <= _LIKELY)), np.flatnonzero(~now & (likely > _LIKELY))
        if not len(add) + len(drop):
            break
        if n_turns == rules.max_iter:
            settled = False
            break
        n_turns += 1
        order = np.lexsort((odds[problem.candidates], likely.round(_DIGITS)))  # nearly sure ones by their own evidence
        drop, add = order[np.isin(order, drop)][: _AT_ONCE // 2], order[np.isin(order, add)][::-1][:_AT_ONCE]
        add = unlike(problem, add) if len(add) else add
        belief.keep(~np.isin(belief.active, drop))
        for j in add:
            belief.add(j, gamma[j])
        if len(belief.active):
            maximise(problem, problem.posterior(belief), belief, last)
            settled &= belief.converged
        drops[np.setdiff1d(np.append(np.flatnonzero(now), add), belief.active)] += 1
    belief.converged = settled
    return probability


def _odds(problem, belief, possible):
    """Log odds (n_positions,) that the data give to each s_n = 1, and the best prior variances of the candidates."""
    gain, gamma = absent_gains(problem, belief)
    gain[belief.active] = gains(belief)
    odds = np.full(problem.n_positions, -np.inf)
    odds[problem.candidates[possible]] = (gain - CHOICE)[possible]
    return odds, gamma

"""Sparse Bayesian learning from its start to its end: all coefficients, then those worth keeping, then from below.

The noise variance begins large and falls to what the clear coefficients leave. It can stop too early: a signal with
many coefficients is taken for noise as long as few of them are clear. So where much is left unexplained, or many
explain the rest, the search is repeated with the noise held at a part of what was found, and the likelier end is kept.
"""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import gammaln
from sklearn.exceptions import ConvergenceWarning

from sparsekit.recovery.bayes_belief import LARGE, Correlation, Rules, blank
from sparsekit.recovery.bayes_evidence import CHOICE, HELD_BACK, maximise, select
from sparsekit.recovery.bayes_noise import left_noise
from sparsekit.recovery.bayes_problem import SINGLE, BayesProblem
from sparsekit.recovery.support_chain import structured

_FIRST_NOISE = 0.1  # of the mean square of the targets
_LESS = 0.1  # of the noise variance that was found: where a search from below begins
_MUCH = 0.01  # of the mean square of the targets: more than that left makes a repetition worth its time
_MANY = 0.2  # of the samples: more coefficients than that do so as well


@dataclass
class Search:
    """A search for the prior variances, the noise variance and the correlation of a problem."""

    problem: BayesProblem
    solver: str
    damping: float | None
    prior: str
    min_gain: float
    noise: float | None  # given, in working units; None: learnt
    level: float | None  # held in the first stage, then learnt; in units of the mean square of the targets
    rules: Rules
    probability: np.ndarray = field(init=False)  # of the support, with prior="markov"

    def run(self):
        """What is believed in the end."""
        problem, rules, learn = self.problem, self.rules, self.noise is None
        self.probability = np.zeros(problem.n_positions)
        n_targets, size = len(problem.Y), problem.size
        given = self.level * size if self.level else self.noise
        belief = self._blank(max(_FIRST_NOISE * size, given or 0.0))
        if len(belief.active) and size:
            belief = self._first_stage(belief, replace(rules, noise=given))
            if not learn:
                belief.noise = given
            last = replace(rules, noise=self.noise)
            select(problem, belief, last, self.min_gain)
            if not self.level and self.min_gain >= 0:  # what keeps everything explains everything
                belief = self._from_below(belief)
            if self.prior == "markov":
                self.probability = structured(problem, belief, last)
        else:
            belief.forget(problem.Y.dtype)
        if not len(belief.active):
            belief.noise = left_noise(problem, belief, []) if learn else given
            belief.correlation = Correlation(rules.correlation or 0.0, n_targets)
        return belief

    def _blank(self, noise):
        first = float(np.clip(self.rules.correlation or 0.0, -HELD_BACK, HELD_BACK))
        return blank(self.problem, noise, Correlation(first, len(self.problem.Y)))

    def _first_stage(self, belief, rules):
        """All coefficients; with exact posteriors where messages fail."""
        start = replace(belief)
        rules = replace(rules, floor=0.0 if self.solver == "em" else SINGLE * self.problem.size)
        try:
            maximise(self.problem, self._engine(belief), belief, rules)
        except FloatingPointError as error:
            warnings.warn(f"{error}; exact posteriors take their place", ConvergenceWarning, stacklevel=5)
            belief = start
            maximise(self.problem, self.problem.posterior(belief, exact=True), belief, rules)
        return belief

    def _engine(self, belief):
        if self.solver == "em":
            return self.problem.posterior(belief, exact=True)
        return self.problem.messages(belief, self.damping, single=True)

    def _from_below(self, belief):
        """The likeliest of the ends that are found with less and less noise held, or the given one from the start."""
        problem, rules = self.problem, self.rules
        if not len(belief.active):
            belief.noise = self.noise or left_noise(problem, belief, [])
        odds = log_odds(problem, belief)
        while odds is not None and self._is_doubtful(belief):
            noise = self.noise or _LESS * belief.noise
            other = self._first_stage(self._blank(noise), replace(rules, noise=noise))
            select(problem, other, replace(rules, noise=self.noise), self.min_gain)
            other.n_iter += belief.n_iter
            new = log_odds(problem, other) if len(other.active) else -np.inf
            if new is None or new <= odds:
                belief.n_iter = other.n_iter
                break
            belief, odds = other, new
            if self.noise:
                break
        return belief

    def _is_doubtful(self, belief):
        left, explaining = belief.noise / self.problem.size, len(belief.active) / self.problem.n_free
        return left > _MUCH or explaining > _MANY


def log_odds(problem, belief):
    """Log evidence of a belief, less what its k coefficients of n owe for having been chosen: log (n over k) + k.

    Without that it would be largest where they explain all noise. None where their covariance is not computed.
    """
    n, k = len(problem.candidates), len(belief.active)
    if k > LARGE:
        return None
    prior = np.multiply.outer(belief.correlation.eigenvalues, belief.gamma)
    evidence = problem.exact(belief.active, belief.correlation).log_evidence(prior, belief.noise, problem.n_free)
    return evidence - (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)) - CHOICE * k

"""Sparse Bayesian learning: prior variances and noise that maximise the evidence, by expectation and maximisation.

    x_nt ~ N(0, gamma_n) with the correlation R over the T targets,   y_t = A x_t + N(0, s2)

With R = Q diag(lam) Q^T the targets Y Q are independent with the prior variances lam_t gamma_n, so that one posterior
a target is all that is needed: gamma_n <- mean_t (|x_nt|^2 + v_nt) / lam_t. The maximum itself fits noise: see `gains`
for what is worth keeping, and `left_noise` for the noise variance.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import minimize_scalar

from sparsekit.core.operators import energy
from sparsekit.recovery.bayes_exact import ExactPosterior, Moments

_CLEAR = 2.0  # nats of evidence from which a coefficient counts for the noise
_STEP = 1.5  # largest factor by which the noise variance changes in one iteration
_SETTLED = 0.05  # relative: the noise variance rests
_DISTINCT = 1.0  # the same after the others are dropped
_INERT = 1e-2  # explained share of a prior variance below which a coefficient without evidence is frozen at zero
_BATCH = 0.1  # of the coefficients: fewer are not worth a copy of the matrix
_INNER = 0.1  # times the change of the last iteration: tolerance of the messages
_INNER_MAX = 100  # passes of messages in one iteration
_LOUD = 4.0  # of the noise variance: the energy from which a coefficient is not dropped beside one like it
_ALIKE = 0.3  # cosine of columns that may stand in for each other
_LARGEST = 0.999  # correlation that is learnt
HELD_BACK = 0.8  # largest correlation to begin with: beyond it the ascent is slow and ends early


@dataclass
class Correlation:
    """R_tu = beta^|t - u| over T targets, by its eigenvectors."""

    beta: float
    n_targets: int
    eigenvalues: np.ndarray = field(init=False)  # (T,)
    vectors: np.ndarray = field(init=False)  # (T, T), one eigenvector a column

    def __post_init__(self):
        lags = np.abs(np.subtract.outer(np.arange(self.n_targets), np.arange(self.n_targets)))
        if self.beta == 0:
            self.eigenvalues, self.vectors = np.ones(self.n_targets), np.eye(self.n_targets)
        else:
            self.eigenvalues, self.vectors = np.linalg.eigh(np.float64(self.beta) ** lags)

    def rotated(self, rows):
        """Rows (T, ...) over the targets in the coordinates of the eigenvectors."""
        return rows if self.beta == 0 else (self.vectors.T @ rows).astype(rows.dtype)

    def back(self, rows):
        """The inverse."""
        return rows if self.beta == 0 else (self.vectors @ rows).astype(rows.dtype)


@dataclass
class Belief:
    """What is believed at some point of a fit; arrays over the active coefficients."""

    active: np.ndarray  # (k,) indices
    gamma: np.ndarray  # (k,) prior variances
    noise: float
    correlation: Correlation
    moments: Moments | None = None  # in the coordinates of the eigenvectors
    prior: np.ndarray | None = None  # (T, k) prior variances that led to the moments
    crowded: bool = False  # more clear coefficients than the noise variance can be learnt with
    n_iter: int = 0
    converged: bool = False

    def expect(self, engine, tol, max_iter):
        """The posterior, and the largest relative change of its means."""
        old = None if self.moments is None else self.moments.mean
        self.prior = np.multiply.outer(self.correlation.eigenvalues, self.gamma)
        self.moments = engine.posterior(self.prior, self.noise, tol=tol, max_iter=max_iter)
        if old is None:
            return np.inf
        norm = np.linalg.norm(self.moments.mean)
        return float(np.linalg.norm(self.moments.mean - old) / norm) if norm else 0.0

    def second_moments(self):
        """The prior variances (k,) under which the moments are most likely."""
        mean, variance, _ = self.moments
        second = np.square(np.abs(mean, dtype=np.float64)) + variance
        return (second / self.correlation.eigenvalues[:, None]).mean(axis=0)

    def keep(self, mask):
        """Forget the coefficients outside the mask."""
        self.active, self.gamma, self.prior = self.active[mask], self.gamma[mask], self.prior[:, mask]
        self.moments = Moments(*(part[:, mask] for part in self.moments))

    def forget(self, dtype):
        """Believe that nothing but noise is there."""
        empty = np.zeros((self.correlation.n_targets, 0), dtype)
        self.active, self.gamma, self.prior = self.active[:0], self.gamma[:0], empty.real
        self.moments, self.crowded, self.converged = Moments(empty, empty.real, empty.real), False, True

    def correlate(self, engine, beta):
        """Go over to the correlation beta."""
        new = Correlation(beta, self.correlation.n_targets)
        engine.turn(new.vectors.T @ self.correlation.vectors)
        if self.moments is not None:
            turned = new.rotated(self.correlation.back(self.moments.mean))
            self.moments = self.moments._replace(mean=turned)
        self.correlation = new


@dataclass
class Rules:
    """What is learnt, and when to end."""

    noise: float | None  # given; None: learnt
    correlation: float | None  # the same
    tol: float
    max_iter: int
    clear: float = _CLEAR


def blank(problem, noise, correlation):
    """What is believed before y is looked at, but for its size: all coefficients alike."""
    n = len(problem.candidates)
    gamma = np.full(n, problem.size * problem.Y.shape[1] / max(n, 1))
    return Belief(np.arange(n), gamma, noise, correlation)


def gains(belief):
    """Log evidence (k,) that each coefficient adds to that of the others: log Bayes factors, in nats.

    For one real target, with u the estimate from the other coefficients in units of its standard deviation, the largest
    gain over gamma is (u^2 - 1 - log u^2) / 2: 1 nat at |u| = 2.1, 2 nats at 2.7.
    """
    mean, variance, _ = belief.moments
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.log(variance / belief.prior) + np.square(np.abs(mean)) / variance
    each[~np.isfinite(each)] = 0  # a prior variance of zero
    return each.sum(axis=0) * (1.0 if mean.dtype.kind == "c" else 0.5)


def left_noise(problem, belief, chosen):
    """The noise variance that the chosen coefficients leave.

    ||y - A_P x_P||^2 / (m - sum_P explained) with x_P the posterior mean on the chosen coefficients P alone: what many
    faint ones explain together counts as noise.
    """
    Y, dof = belief.correlation.rotated(problem.Y), 0.0
    if len(chosen):
        A = problem.columns(belief.active[chosen])
        moments = ExactPosterior(A, Y).posterior(belief.prior[:, chosen], belief.noise)
        Y, dof = Y - moments.mean @ A.T, moments.explained.sum()
    return max(energy(Y) / max(len(Y) * problem.n_free - dof, 1.0), problem.floor)


def follow_noise(problem, belief, rules, clear):
    """Move the noise variance to what the clear coefficients (a mask) leave, in bounded steps; whether it rests.

    A noise variance that is given is a lower bound for a while: with little noise the ascent would end too early.
    """
    if rules.noise is not None and belief.noise <= rules.noise:
        return True
    chosen = np.flatnonzero(clear)
    crowded = len(chosen) > problem.most_clear
    if crowded:
        chosen = np.sort(chosen[np.argsort(-gains(belief)[chosen], kind="stable")[: problem.most_clear]])
    belief.crowded = crowded and rules.noise is None
    new = max(left_noise(problem, belief, chosen), rules.noise or 0.0)
    rests = abs(np.log(new / belief.noise)) < _SETTLED
    belief.noise = float(np.clip(new, belief.noise / _STEP, belief.noise * _STEP))
    return rests


def maximise(problem, engine, belief, rules):
    """Expectation and maximisation until the means rest (relative change below tol), and the noise with them."""
    change, belief.converged = 1.0, False
    for _ in range(rules.max_iter):
        change = belief.expect(engine, np.clip(_INNER * change, _INNER * rules.tol, _INNER), _INNER_MAX)
        rests = change < rules.tol
        gain, explained = gains(belief), belief.moments.explained.max(axis=0)
        rests &= follow_noise(problem, belief, rules, gain > rules.clear)
        belief.gamma = belief.second_moments()
        belief.n_iter += 1
        if rests:
            belief.converged = _follow_correlation(belief, engine, rules, gain > rules.clear)
            if belief.converged:
                return
        inert = (explained < _INERT) & (gain < 0)
        if inert.sum() > _BATCH * len(inert):
            engine.keep(~inert)
            belief.keep(~inert)


def select(problem, belief, rules, min_gain):
    """Drop what adds no more than min_gain to the log evidence and learn the rest anew, until all of it adds more."""
    rules = replace(rules, clear=max(min_gain, _DISTINCT))
    settled = belief.converged
    keep = _worth_keeping(problem, belief, min_gain)
    while keep.any():
        belief.keep(keep)
        maximise(problem, problem.posterior(belief, exact=False), belief, rules)
        settled &= belief.converged
        keep = _worth_keeping(problem, belief, min_gain)
        if keep.all():
            break
    belief.keep(keep)
    belief.converged = settled


def _worth_keeping(problem, belief, min_gain):
    """All but the coefficients with too little gain; of those that may stand in for each other only the least."""
    gain = gains(belief)
    drop = gain <= min_gain
    shared = drop & (np.square(np.abs(belief.moments.mean)).mean(axis=0) > _LOUD * belief.noise)
    shared = np.flatnonzero(shared)[np.argsort(gain[shared], kind="stable")]
    if len(shared):
        A = problem.columns(belief.active[shared])
        alike = np.abs(A.conj().T @ A) > _ALIKE
        for i in range(len(shared)):
            drop[shared[i]] = not (alike[i, :i] & drop[shared[:i]]).any()
    return ~drop


def _follow_correlation(belief, engine, rules, clear):
    """Go over to the given correlation, or to the one of the clear coefficients; whether it has been there before."""
    old = belief.correlation
    if old.n_targets == 1:
        return True
    new = _likely_correlation(belief, clear) if rules.correlation is None else rules.correlation
    if new != old.beta:
        belief.correlate(engine, new)
    return abs(new - old.beta) < _SETTLED and (rules.correlation is None or new == old.beta)


def _likely_correlation(belief, chosen):
    """The beta that maximises the expected likelihood of the chosen coefficients: a tridiagonal inverse of R."""
    mean, variance, _ = belief.moments
    if not chosen.any():
        return 0.0
    vectors = belief.correlation.vectors
    weights = 1 / belief.gamma[chosen]
    second = ((mean[:, chosen] * weights) @ mean[:, chosen].conj().T).real
    second[np.diag_indices_from(second)] += variance[:, chosen] @ weights
    second = vectors @ second @ vectors.T
    n, T = chosen.sum(), len(second)
    ends, middle, next_ = second[0, 0] + second[-1, -1], np.trace(second[1:-1, 1:-1]), np.trace(second, offset=1)

    def loss(beta):
        left = 1 - beta * beta
        return n * (T - 1) * np.log(left) + (ends + (1 + beta * beta) * middle - 2 * beta * next_) / left

    return float(minimize_scalar(loss, bounds=(-_LARGEST, _LARGEST), method="bounded").x)

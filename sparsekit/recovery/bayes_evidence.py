"""Sparse Bayesian learning: prior variances and noise that maximise the evidence, by expectation and maximisation.

    x_nt ~ N(0, gamma_n) with the correlation R over the T targets,   y_t = A x_t + N(0, s2)

With R = Q diag(lam) Q^T the targets Y Q are independent with the prior variances lam_t gamma_n, so that one posterior
a target is all that is needed: gamma_n <- mean_t (|x_nt|^2 + v_nt) / lam_t. The maximum itself fits noise: see `gains`
for what is worth keeping and `left_noise` for the noise variance.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar

from sparsekit.recovery.bayes_belief import LARGE, gains
from sparsekit.recovery.bayes_noise import find_twins, follow_noise

HELD_BACK = 0.8  # largest correlation to begin with: beyond it the ascent is slow and ends early
CHOICE = 1.0  # nats that a coefficient owes for its prior variance, which is chosen too
_DISTINCT = 1.0  # nats from which a coefficient counts for the noise after the faint ones are dropped
_END = 1e-12  # relative change of the means that ends the ascent of the coefficients that are kept
_PATIENCE = 300  # iterations of that ascent, at most
_TOGETHER = 16  # of them that are tried at a time, at most
_HIDDEN = 1e-6  # of a column, at least, is not spanned by those in use
_EVERY = 3  # iterations from one look at the noise to the next; twice as many while it rests
_LOOKS = (9, 81, np.inf)  # iterations after which twins are looked for, and whenever the means rest
_INERT = 1e-2  # explained share of a prior variance below which a coefficient without evidence is frozen at zero
_BATCH = 0.1  # of the coefficients: fewer are not worth a copy of the matrix
_PASSES = 100  # of messages in one iteration, at most
_LOUD = 4.0  # times the noise variance: energy from which a coefficient is not dropped together with one like it
_ALIKE = 0.3  # cosine of the columns of these
_SETTLED = 0.1  # change of a correlation that rests, times 1 - |correlation|
_LARGEST = 0.999  # correlation that is learnt


def maximise(problem, engine, belief, rules):
    """Expectation and maximisation until the means rest (relative change below tol), and the noise with them."""
    change, done, looks, belief.converged = 1.0, 0, 0, False
    calm = rests = False
    while done < rules.max_iter:
        steps = 1 if done == 0 else min(_EVERY * (1 + calm), rules.max_iter - done)
        change, steps = belief.ascend(engine, change=change, tol=rules.end or rules.tol, max_iter=_PASSES, steps=steps)
        done += steps
        if rules.end == 0 and (done > _LOOKS[looks] or (change < rules.tol and not rests)):
            looks = min(looks + 1, len(_LOOKS) - 1)
            find_twins(problem, belief)
        rests = change < rules.tol
        gain = gains(belief)
        calm = follow_noise(problem, belief, rules, gain > rules.clear)
        rests &= calm
        if rests and (change < rules.end or rules.end == 0):
            belief.converged = _follow_correlation(belief, engine, rules, gain > rules.clear)
            if belief.converged:
                return
        inert = (belief.moments.explained.max(axis=0) < _INERT) & (gain < 0) & (not rules.keep_all)
        if inert.sum() > _BATCH * len(inert):
            belief.keep(~inert)
            if inert.all():
                belief.converged = True
                return
            engine.keep(~inert)
    if rules.correlation not in (None, belief.correlation.beta):
        belief.correlate(engine, rules.correlation)
        return
    belief.converged = rests


def to_its_end(rules):
    """Rules under which the ascent ends where it would end from anywhere near, up to rounding."""
    return replace(rules, end=_END, max_iter=min(rules.max_iter, _PATIENCE))


def select(problem, belief, rules, min_gain):
    """Drop what adds no more than min_gain to the log evidence and learn the rest anew, until all of it adds more.

    The ascent is fast where all gains are large, and is taken to its end: how it began is forgotten.
    """
    rules = replace(rules, clear=max(min_gain, _DISTINCT), floor=0.0)
    if min_gain >= _DISTINCT:
        rules = to_its_end(rules)
    settled, added = belief.converged, set()
    keep = _worth_keeping(problem, belief, min_gain)
    while keep.any():
        if not keep.all():
            belief.keep(keep)
        maximise(problem, problem.posterior(belief), belief, rules)
        settled &= belief.converged
        keep = _worth_keeping(problem, belief, min_gain)
        if keep.all():
            missed = [] if rules.keep_all else [each for each in _missed(problem, belief) if each[0] not in added]
            if not missed:
                break
            for index, gamma in missed:
                added.add(index)
                belief.add(index, gamma)
            keep = np.ones(len(belief.active), bool)
    belief.keep(keep)
    belief.converged = settled


def absent_gains(problem, belief):
    """Log evidence (n,) that each coefficient at zero would add at its best gamma, and this gamma; 0 for the active.

    With q = a^H C^-1 y and s = a^H C^-1 a of its column a, the best gamma is (|q|^2 - s) / s^2, and the gain is that of
    u^2 = |q|^2 / s.
    """
    engine, noise, T = problem.exact(belief.active, belief.correlation), belief.noise, len(problem.Y)
    prior = np.multiply.outer(belief.correlation.eigenvalues, belief.gamma)
    mean = engine.posterior(prior, noise).mean
    q = problem.adjoint(engine.residual(mean).T).T / noise
    products = problem.adjoint(problem.columns(belief.active).astype(q.dtype))
    s = np.empty(q.shape)
    for t, each in enumerate(prior):
        if t == 0 or not np.array_equal(each, prior[t - 1]):
            hidden = np.einsum("ij,ij->i", products @ engine.covariance(each, noise), products.conj()).real / noise
        s[t] = np.maximum(1 - hidden, _HIDDEN) / noise
    energies = np.square(np.abs(q)) / s
    u2 = np.maximum(energies.mean(axis=0), 1.0)
    gain = T * (u2 - 1 - np.log(u2)) * (1.0 if q.dtype.kind == "c" else 0.5)
    gain[belief.active] = 0
    gamma = ((energies - 1) / (s * belief.correlation.eigenvalues[:, None])).mean(axis=0)
    return gain, np.maximum(gamma, noise)


def unlike(problem, indices):
    """Those of the indices whose columns are unlike all before them."""
    A = problem.columns(indices)
    alike = np.abs(A.conj().T @ A) > _ALIKE
    return indices[[not alike[i, :i].any() for i in range(len(indices))]].tolist()


def _missed(problem, belief):
    """Coefficients at zero that would add more to the log evidence than chance does, and their gamma.

    Only the best of those with columns that are alike, and only some at a time, as they change with each other. The
    largest of n gains of noise is about log n.
    """
    if len(belief.active) > LARGE:
        return []
    gain, gamma = absent_gains(problem, belief)
    best = np.argsort(-gain, kind="stable")[:_TOGETHER]
    best = unlike(problem, best[gain[best] > np.log(len(gain)) + CHOICE])
    return [(index, gamma[index]) for index in best]


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
    if new == old.beta or (rules.correlation is None and abs(new - old.beta) < _SETTLED * (1 - abs(new))):
        return True
    belief.correlate(engine, new)
    return False


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

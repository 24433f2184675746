"""The noise variance of sparse Bayesian learning: what a fit to the clear coefficients leaves.

With fewer samples than coefficients the evidence is largest without noise, and its own rules end there. What many faint
coefficients explain together counts as noise here. Coefficients whose columns are nearly the same hide each other: each
adds little evidence to the other. Such twins are looked for from time to time, and the largest of them stands for all.
"""

import numpy as np

from sparsekit.core.operators import energy
from sparsekit.recovery.bayes_belief import gains

_STEP = 3.0  # largest factor by which the noise variance changes at a time
_SETTLED = 0.05  # relative change of a noise variance that rests
_LOUD = 8.0  # times the noise variance: energy from which a coefficient, if alone, is clear
_LOOKED_AT = 100  # coefficients, at least, among which twins are looked for
_SAME = 0.95  # cosine of the columns of twins


def left_noise(problem, belief, chosen):
    """The noise variance that the chosen coefficients leave.

    ||y - A_P x_P||^2 / (m - sum_P explained) with x_P the posterior mean on the chosen coefficients P alone: what many
    faint ones explain together counts as noise.
    """
    residual, dof = problem.Y, 0.0
    if len(chosen):
        engine, moments = problem.exact(belief.active[chosen], belief.correlation), belief.moments
        if len(chosen) < len(belief.active):
            moments = engine.posterior(belief.prior[:, chosen], belief.noise)
        residual, dof = engine.residual(moments.mean), moments.explained.sum()
    return max(energy(residual) / max(problem.Y.shape[0] * problem.n_free - dof, 1.0), problem.floor)


def follow_noise(problem, belief, rules, clear):
    """Move the noise variance to what the clear coefficients (a mask) leave, in bounded steps; whether it rests.

    A noise variance that is given is a lower bound for a while: with little noise the ascent would end too early.
    """
    if rules.noise is not None and belief.noise <= rules.noise:
        return True
    chosen = np.union1d(np.flatnonzero(clear), _stand_ins(belief, clear))
    crowded = len(chosen) > problem.most_clear
    if crowded:
        chosen = np.sort(chosen[np.argsort(-gains(belief)[chosen], kind="stable")[: problem.most_clear]])
    belief.crowded = crowded and rules.noise is None
    new = max(left_noise(problem, belief, chosen), rules.noise or 0.0, rules.floor)
    rests = abs(np.log(new / belief.noise)) < _SETTLED
    belief.noise = float(np.clip(new, belief.noise / _STEP, belief.noise * _STEP))
    return rests


def find_twins(problem, belief):
    """Note pairs among the largest coefficients whose columns are nearly the same: each is not clear for the other."""
    energies = np.square(np.abs(belief.moments.mean)).mean(axis=0)
    most = max(_LOOKED_AT, problem.Y.shape[1] // 4)
    loud = np.sort(np.argsort(-energies, kind="stable")[:most])
    A = problem.columns(belief.active[loud])
    cosines = np.triu(A.conj().T @ A, 1)
    first, second = np.nonzero(np.abs(cosines) > _SAME)
    belief.twins = belief.active[loud[first]], belief.active[loud[second]], cosines[first, second]


def _stand_ins(belief, clear):
    """Positions of the largest of each group of twins, where they are clear together, but none of them by itself."""
    first, second, cosines = belief.twins
    if not len(first):
        return first
    there = np.isin(first, belief.active) & np.isin(second, belief.active)
    first, second = (np.searchsorted(belief.active, each[there]) for each in (first, second))
    if not len(first):
        return first
    mean = belief.moments.mean
    together = mean.copy()
    np.add.at(together.T, first, (mean[:, second] * cosines[there]).T)
    np.add.at(together.T, second, (mean[:, first] * cosines[there].conj()).T)
    loud = np.square(np.abs(together)).mean(axis=0) > _LOUD * belief.noise
    smaller = np.where(np.abs(mean[0, first]) < np.abs(mean[0, second]), first, second)
    members = np.union1d(first, second)
    led = clear.copy()
    for one, other in ((first, second), (second, first)):
        led[one] |= clear[other]
    return np.array([i for i in members if loud[i] and not led[i] and i not in smaller], int)

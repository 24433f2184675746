"""What a fit of sparse Bayesian learning ends with, in the user's units."""

from typing import NamedTuple

import numpy as np

from sparsekit.recovery.bayes_belief import LARGE, gains

_TOL, _MAX_PASSES = 1e-8, 2000  # of the last messages, where the posterior is not exact


class Conclusion(NamedTuple):
    """The k coefficients that are kept, for the T targets that share a belief."""

    where: np.ndarray  # (k,) features
    mean: np.ndarray  # (T, k)
    std: np.ndarray  # (T, k)
    prior_variance: np.ndarray  # (k,)
    gain: np.ndarray  # (k,)
    root: np.ndarray | None  # of the covariance, (T, k, k) or (1, k, k) where it is the same for all; None for large k
    noise_variance: float


def conclude(problem, belief):
    """The posterior that belongs to the prior variances and the noise variance of the belief."""
    active, turn = belief.active, belief.correlation
    gain, root = np.zeros(len(active)), np.zeros((1, len(active), len(active)))
    if len(active):
        engine = problem.posterior(belief)
        belief.expect(engine, _TOL, _MAX_PASSES)
        gain = gains(belief)
        root = _covariance_root(problem, engine, belief) if len(active) <= LARGE else None
    shares = np.square(turn.vectors)
    return Conclusion(
        where=problem.candidates[active],
        mean=problem.in_users_units(turn.back(belief.moments.mean), active),
        std=problem.in_users_units(np.sqrt(shares @ belief.moments.variance), active),
        prior_variance=_squared(problem.in_users_units(np.sqrt(belief.gamma), active)),
        gain=gain,
        root=root,
        noise_variance=problem.noise_in_users_units(belief.noise) if problem.size else 0.0,
    )


def _squared(x):
    with np.errstate(over="ignore", under="ignore"):
        return np.square(x)


def _covariance_root(problem, engine, belief):
    """L with L L^H the covariance of each target: with correlated targets a mixture of those of the rotated ones."""
    priors = belief.prior if belief.correlation.beta else belief.prior[:1]
    each = np.stack([engine.covariance(prior, belief.noise) for prior in priors])
    if belief.correlation.beta:
        each = np.tensordot(np.square(belief.correlation.vectors), each, 1)
    values, vectors = np.linalg.eigh(each)
    root = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    return problem.in_users_units(root.swapaxes(1, 2), belief.active).swapaxes(1, 2)

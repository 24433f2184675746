"""What sparse Bayesian learning believes about coefficients, noise and correlation, and what it has been told."""

from dataclasses import dataclass, field

import numpy as np

from sparsekit.recovery.bayes_exact import Moments

LARGE = 2000  # coefficients from which on their covariance is not computed
CLEAR = 2.0  # nats of evidence from which a coefficient counts for the noise


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
    twins: tuple = (np.empty(0, int), np.empty(0, int), np.empty(0))  # two indices and the inner product of each pair
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

    def ascend(self, engine, **limits):
        """Steps of expectation and maximisation; the last relative change of the means, and the number of steps."""
        mean = None if self.moments is None else self.moments.mean
        after = engine.ascend(self.gamma, self.correlation.eigenvalues, self.noise, mean, **limits)
        self.moments, self.prior, self.gamma, change, steps = after
        self.n_iter += steps
        return change, steps

    def second_moments(self):
        """The prior variances (k,) under which the moments are most likely."""
        mean, variance, _ = self.moments
        second = np.square(np.abs(mean, dtype=np.float64)) + variance
        return (second / self.correlation.eigenvalues[:, None]).mean(axis=0)

    def keep(self, mask):
        """Forget the coefficients outside the mask."""
        self.active, self.gamma, self.prior = self.active[mask], self.gamma[mask], self.prior[:, mask]
        self.moments = Moments(*(part[:, mask] for part in self.moments))

    def add(self, index, gamma):
        """Believe in one more coefficient."""
        place = np.searchsorted(self.active, index)
        self.active, self.gamma = np.insert(self.active, place, index), np.insert(self.gamma, place, gamma)
        self.moments = self.prior = None

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
    end: float = 0.0  # a smaller tol that is aimed at
    keep_all: bool = False  # no coefficient is frozen at zero
    floor: float = 0.0  # of the noise variance, on top of that of the problem
    clear: float = CLEAR


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

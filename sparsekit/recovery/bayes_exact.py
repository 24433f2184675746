"""The exact posterior of y = A x + noise under independent normal priors, by one Cholesky factor.

With prior variances gamma = d^2 and noise variance s2, whichever matrix is smaller:

    n <= m    I + D A^H A D / s2            m < n    I + A D^2 A^H / s2

Neither has an eigenvalue below 1, up to rounding.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import get_lapack_funcs

from sparsekit.core.operators import energy

INNER = 0.1  # times the change of the last step of expectation and maximisation: tolerance of the next posterior


class Moments(NamedTuple):
    """What is known of x given y, one row a target (T)."""

    mean: np.ndarray  # (T, n) posterior means
    variance: np.ndarray  # (T, n) posterior variances
    explained: np.ndarray  # (T, n) 1 - variance / prior variance, without cancellation


class Ascent:
    """Expectation and maximisation around a posterior."""

    def ascend(self, gamma, eigenvalues, noise, mean, *, change, tol, max_iter, steps):
        """At most so many steps, from the prior variances eigenvalues (T,) times gamma (n,), until the means rest.

        The moments, the prior variances (T, n) that led to them, the next gamma, the relative change of the means by
        the last step (by the first one from `mean`; None is 0), and the number of steps.
        """
        old, done = 0 if mean is None else mean, 0
        while True:
            prior = np.multiply.outer(eigenvalues, gamma)
            moments = self.posterior(prior, noise, tol=INNER * min(max(change, tol), 1.0), max_iter=max_iter)
            norm, moved = np.linalg.norm(moments.mean), np.linalg.norm(moments.mean - old)
            change, old, done = float(moved / norm) if norm else 0.0, moments.mean, done + 1
            second = np.square(np.abs(moments.mean, dtype=np.float64)) + moments.variance
            gamma = (second / eigenvalues[:, None]).mean(axis=0)
            if change < tol or done == steps:
                return moments, prior, gamma, change, done


class ExactPosterior(Ascent):
    """The posterior of several targets for one dense matrix, in double precision.

    Parameters
    ----------
    A : ndarray of shape (m, n)
        The matrix.
    Y : ndarray of shape (T, m)
        Targets as rows.
    """

    n_passes = 0

    def __init__(self, A, Y):
        wide = np.result_type(A, Y, np.float64)
        self._A, self._Y = A.astype(wide), Y.astype(wide)
        self._set_products()

    def _set_products(self):
        self._tall = self._A.shape[1] <= self._A.shape[0]
        if self._tall:
            self._gram, self._images = self._A.conj().T @ self._A, self._Y @ self._A.conj()

    def posterior(self, prior, noise, *, tol=None, max_iter=None):
        """Moments for the prior variances (T, n) and the noise variance."""
        mean, variance, explained = (np.empty(prior.shape, dtype) for dtype in (self._A.dtype, float, float))
        for i, one in enumerate(prior if prior.shape[1] else ()):
            if i == 0 or not np.array_equal(one, prior[i - 1]):
                solve = (self._tall_solver if self._tall else self._wide_solver)(one, noise)
            mean[i], explained[i], variance[i] = solve(i)
        return Moments(mean, variance, explained)

    def _tall_solver(self, prior, noise):
        d = np.sqrt(prior)
        root = FactorWithIdentity((d[:, None] * self._gram) * (d / noise))
        left = root.inverse().diagonal().real

        def solve(i):
            return d * root.solve(d * self._images[i]) / noise, np.clip(1 - left, 0, 1), prior * left

        return solve

    def _wide_solver(self, prior, noise):
        scaled = self._A * np.sqrt(prior)
        root = FactorWithIdentity(scaled @ (scaled.conj().T / noise))
        explained = np.clip(np.square(np.abs(root.half_solve(scaled))).sum(axis=0) / noise, 0, 1)

        def solve(i):
            return prior * (self._A.conj().T @ root.solve(self._Y[i])) / noise, explained, prior * (1 - explained)

        return solve

    def log_evidence(self, prior, noise, n_free):
        """Log density of the targets under the prior variances (T, n), up to a constant; of n_free samples each.

        y^H (noise I + A D^2 A^H)^-1 y is ||y - A x||^2 / noise + sum |x|^2 / prior at the posterior mean x.
        """
        mean = self.posterior(prior, noise).mean
        total = len(prior) * n_free * np.log(noise) + energy(self.residual(mean)) / noise
        total += (np.square(np.abs(mean[prior > 0])) / prior[prior > 0]).sum()
        for d in np.sqrt(prior) if prior.shape[1] else ():
            inner = (
                (d[:, None] * self._gram) * (d / noise) if self._tall else self._A * d @ (self._A * d).conj().T / noise
            )
            total += FactorWithIdentity(inner).log_determinant()
        return -total * (1.0 if mean.dtype.kind == "c" else 0.5)

    def covariance(self, prior, noise):
        """Posterior covariance (n, n) of one target with the prior variances (n,)."""
        d = np.sqrt(prior)
        if not len(d):
            return np.empty((0, 0))
        if self._tall:
            return d[:, None] * FactorWithIdentity((d[:, None] * self._gram) * (d / noise)).inverse() * d
        scaled = self._A * d
        half = FactorWithIdentity(scaled @ (scaled.conj().T / noise)).half_solve(scaled)
        return d[:, None] * (np.eye(len(d)) - half.conj().T @ half / noise) * d

    def residual(self, mean):
        """Y - A x for means (T, n) as rows."""
        return self._Y - mean @ self._A.T

    def turn(self, rotation):
        """Multiply the targets by an orthogonal matrix (T, T)."""
        self._Y = rotation @ self._Y
        self._set_products()

    def keep(self, mask):
        """Forget the columns outside the mask."""
        self._A = self._A[:, mask]
        self._set_products()


@cache
def _routines(dtype):
    return get_lapack_funcs(("potrf", "potri", "potrs", "trtrs"), dtype=dtype)


class FactorWithIdentity:
    """Cholesky's lower factor of I + inner; of a little more of I where rounding has made inner indefinite."""

    def __init__(self, inner):
        lift = 1.0
        while True:
            lifted = inner.copy()
            lifted.flat[:: len(inner) + 1] += lift
            factorise, self._invert, self._solve, self._half = _routines(lifted.dtype)
            self._factor, failed = factorise(lifted, lower=True, overwrite_a=True)
            if not failed:
                return
            lift = 4 * max(lift, np.finfo(float).eps * np.trace(inner).real)

    def solve(self, right):
        """(I + inner)^-1 right."""
        return self._solve(self._factor, right, lower=True)[0]

    def log_determinant(self):
        """log det(I + inner)."""
        return 2 * float(np.log(self._factor.diagonal().real).sum())

    def half_solve(self, right):
        """factor^-1 right."""
        return self._half(self._factor, right, lower=True)[0]

    def inverse(self):
        """(I + inner)^-1."""
        lower = np.tril(self._invert(self._factor, lower=True)[0])
        return lower + np.tril(lower, -1).conj().T

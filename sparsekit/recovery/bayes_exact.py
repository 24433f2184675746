"""The exact posterior of y = A x + noise under independent normal priors, by one Cholesky factor.

With prior variances gamma = d^2 and noise variance s2, whichever matrix is smaller:

    n <= m    I + D A^H A D / s2            m < n    I + A D^2 A^H / s2

Neither has an eigenvalue below 1, up to rounding.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular


class Moments(NamedTuple):
    """What is known of x given y, one row a target."""

    mean: np.ndarray  # (t, n) posterior means
    variance: np.ndarray  # (t, n) posterior variances
    explained: np.ndarray  # (t, n) 1 - variance / prior variance, without cancellation


class ExactPosterior:
    """The posterior of several targets for one dense matrix, in double precision.

    Parameters
    ----------
    A : ndarray of shape (m, n)
        The matrix.
    Y : ndarray of shape (t, m)
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
        """Moments for the prior variances (t, n) and the noise variance."""
        mean, variance, explained = (np.empty(prior.shape, dtype) for dtype in (self._A.dtype, float, float))
        first = None
        for i, one in enumerate(prior):
            if first is None or not np.array_equal(one, first):
                first, factor = one, self._factor(one, noise)
            mean[i], explained[i], variance[i] = self._solved(i, one, noise, factor)
        return Moments(mean, variance, explained)

    def _factor(self, prior, noise):
        """Upper Cholesky factor, and the shares of the prior variances that are explained and left."""
        d = np.sqrt(prior)
        if self._tall:
            R = _factor_with_identity((d[:, None] * self._gram) * (d / noise))
            inverse = solve_triangular(R, np.eye(len(d)), trans="C", check_finite=False)
            left = np.square(np.abs(inverse)).sum(axis=0)
            return R, 1 - left, left
        scaled = self._A * d
        R = _factor_with_identity(scaled @ (scaled.conj().T / noise))
        half = solve_triangular(R, scaled, trans="C", check_finite=False)
        explained = np.square(np.abs(half)).sum(axis=0) / noise
        return R, explained, np.maximum(1 - explained, 0)

    def _solved(self, i, prior, noise, factor):
        R, explained, left = factor
        d = np.sqrt(prior)
        if self._tall:
            mean = d * cho_solve((R, False), d * self._images[i], check_finite=False) / noise
        else:
            mean = prior * (self._A.conj().T @ cho_solve((R, False), self._Y[i], check_finite=False)) / noise
        return mean, np.clip(explained, 0, 1), prior * left

    def covariance(self, prior, noise):
        """Posterior covariance (n, n) of one target with the prior variances (n,)."""
        d = np.sqrt(prior)
        R, _, _ = self._factor(prior, noise)
        if self._tall:
            half = solve_triangular(R, np.diag(d), trans="C", check_finite=False)
            return half.conj().T @ half
        half = solve_triangular(R, self._A * prior, trans="C", check_finite=False)
        return np.diag(prior) - half.conj().T @ half / noise

    def turn(self, rotation):
        """Multiply the targets by an orthogonal matrix (t, t)."""
        self._Y = rotation @ self._Y
        self._set_products()

    def keep(self, mask):
        """Forget the columns outside the mask."""
        self._A = self._A[:, mask]
        self._set_products()


def _factor_with_identity(inner):
    """Upper Cholesky factor of I + inner, with a little more of I where rounding has made inner indefinite."""
    lift = 1.0
    while True:
        lifted = inner.copy()
        lifted[np.diag_indices_from(inner)] += lift
        try:
            return cholesky(lifted, overwrite_a=True, check_finite=False)
        except LinAlgError:
            lift = 4 * max(lift, np.finfo(float).eps * np.trace(inner).real)

"""The weighted LASSO in the units of the user, along falling strengths.

    sum_i s_i (y_i - b - x_i w)^2 / (2 W) + alpha sum_j omega_j |w_j|,    W = sum_i s_i

Powers of two are taken out of the data, and columns of infinite weight are left out.
"""

import numpy as np

from sparsekit.core.operators import Design, squared_norms
from sparsekit.core.scaling import exponent, is_extreme, shifted
from sparsekit.recovery.columns import columns_of
from sparsekit.recovery.lasso_solver import LassoSolver


class LassoFit:
    """A problem and its solution for the last alpha.

    Parameters
    ----------
    X : ndarray or CSR/CSC of shape (n_samples, n_features)
        Real.
    y : ndarray of shape (n_samples,)
        Real target.
    omega : ndarray of shape (n_features,)
        Feature weights in [0, inf].
    sample_weight : ndarray of shape (n_samples,) or None
        s.
    center : bool
        Whether there is an intercept.
    positive, tol, max_iter
        As in `LassoSolver`.

    Attributes
    ----------
    gap : float
        Duality gap of the last solution.
    converged : bool
        Whether it is small enough.
    n_iter : int
        Rounds that it took.
    """

    def __init__(self, X, y, *, omega, sample_weight, center, positive, tol, max_iter):
        self._finite = np.isfinite(omega)
        X = X if self._finite.all() else X[:, np.flatnonzero(self._finite)]
        self._tol, self._center = tol, center
        design = Design(X, sample_weight=sample_weight, center=center)
        Y, self._y_mean = design.target(y)
        self._y_shift = exponent(Y)
        Y = shifted(Y, -self._y_shift)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            extreme = X.shape[1] and is_extreme(squared_norms(design.adjoint(Y).T).max(), design.dtype)
        design, self._x_shift = design.tamed() if extreme else (design, 0)
        self._x_mean = design.mean
        self.total = float(X.shape[0] if sample_weight is None else sample_weight.sum())
        self._solver = LassoSolver(
            columns_of(design),
            Y[:, 0].astype(np.float64),
            omega[self._finite],
            positive=positive,
            tol=tol,
            max_iter=max_iter,
        )
        self.gap, self.converged, self.n_iter = np.inf, False, 0

    def _in_users_units(self, value):
        return float(shifted(np.float64(value), 2 * self._y_shift)) / self.total

    @property
    def null(self):
        """The objective without penalised columns."""
        return self._in_users_units(self._solver.null)

    def largest_alpha(self):
        """The smallest alpha at which all penalised coefficients are zero."""
        strength = np.float64(self._solver.largest_strength())
        return float(shifted(strength, self._y_shift - self._x_shift)) / self.total

    def start(self, coef):
        """Begin with the coefficients (n_features,) of another fit."""
        self._solver.start(shifted(coef[self._finite].astype(np.float64), -self._y_shift - self._x_shift))

    def solve(self, alpha):
        """Coefficients (n_features,) and intercept for an alpha; sets the gap, in units of the objective."""
        strength = float(shifted(np.float64(alpha * self.total), self._x_shift - self._y_shift))
        self.n_iter = self._solver.solve(strength)
        self.converged = bool(self._solver.gap <= self._tol * self._solver.null)
        self.gap = self._in_users_units(self._solver.gap)
        coef = np.zeros(len(self._finite))
        coef[self._finite] = shifted(self._solver.w, self._y_shift + self._x_shift)
        intercept = self._y_mean[0] - self._x_mean @ coef[self._finite] if self._center else 0.0
        return coef, float(intercept)

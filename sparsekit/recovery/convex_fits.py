r"""Minima of the convex problems along falling strengths, in the units of the user.

    squared   ||y - b - X w||_s^2 / (2 W) + alpha sum_j omega_j |w_j|,     ||r||_s^2 = sum_i s_i r_i^2,  W = sum_i s_i
    sqrt      ||y - b - X w||_s / sqrt(W) + alpha sum_j omega_j |w_j|
    absolute  sum_i s_i |y_i - b - x_i w| / W + alpha sum_j omega_j |w_j|

For the first two powers of two are taken out of the data, and columns of infinite weight are left out. Several targets
or groups of columns, with the squared loss, have norms of rows or blocks of w in the place of |w_j|.
"""

import numpy as np
from scipy.sparse import issparse

from sparsekit.core.operators import Design, squared_norms
from sparsekit.core.scaling import exponent, is_extreme, shifted
from sparsekit.recovery.columns import columns_of
from sparsekit.recovery.group_columns import group_columns_of
from sparsekit.recovery.group_lasso_solver import GroupLassoSolver
from sparsekit.recovery.lad_lasso_solver import LADProblem
from sparsekit.recovery.lasso_solver import LassoSolver
from sparsekit.recovery.preconditioning import preconditioned
from sparsekit.recovery.square_root_solver import SquareRootSolver

ROUNDS = 100  # working sets for one alpha, at most
LOSSES = ("squared", "sqrt", "absolute")


def convex_fit(X, y, *, loss, omega, sample_weight, center, positive, tol, max_iter, groups=None, preconditioner=None):
    """A problem, and its solution for the last alpha.

    Parameters
    ----------
    X : ndarray or CSR/CSC of shape (n_samples, n_features)
        Real; an ndarray for the absolute loss.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Real target, or several for the squared loss.
    loss : {"squared", "sqrt", "absolute"}
        See above.
    omega : ndarray of shape (n_features,)
        Feature weights in [0, inf].
    sample_weight : ndarray of shape (n_samples,) or None
        s.
    center : bool
        Whether there is an intercept.
    positive : bool
        Whether coefficients must not be negative.
    tol : float
        Duality gap that is aimed at, relative to the objective without penalised columns.
    max_iter : int or None
        Working sets, or edges of the absolute loss, for one alpha; None is 100, or 50 for each row and column.
    groups : ndarray of shape (n_features,) or None
        Labels of groups of equal omega; for the squared loss.
    preconditioner : "puffer", callable or None
        As in `preconditioned`; for the squared loss.

    Returns
    -------
    fit : RegularFit, AbsoluteFit or PreconditionedFit
        With the methods `largest_alpha`, `start` and `solve`, and `null`, `gap`, `converged` and `n_iter`.
    """
    settings = {"omega": omega, "sample_weight": sample_weight, "center": center, "positive": positive}
    settings |= {"tol": tol, "max_iter": max_iter}
    if loss == "absolute":
        return AbsoluteFit(X, y, **settings)
    if preconditioner is not None:
        return PreconditionedFit(X, y, preconditioner, **settings, groups=groups)
    return RegularFit(X, y, loss=loss, **settings, groups=groups)


class RegularFit:
    """The squared and the square-root loss; parameters as in `convex_fit`.

    Attributes
    ----------
    gap : float
        Duality gap of the last solution.
    converged : bool
        Whether it is small enough.
    n_iter : int
        Rounds that it took.
    """

    def __init__(self, X, y, *, loss, omega, sample_weight, center, positive, tol, max_iter, groups):
        self._finite = np.isfinite(omega)
        X = X if self._finite.all() else X[:, np.flatnonzero(self._finite)]
        self._tol, self._center = tol, center
        design = Design(X, sample_weight=sample_weight, center=center)
        Y, y_mean = design.target(y)
        self._y_mean = y_mean.reshape(y.shape[1:])
        self._y_shift = exponent(Y)
        Y = shifted(Y, -self._y_shift)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            extreme = X.shape[1] and is_extreme(squared_norms(design.adjoint(Y).T).max(), design.dtype)
        design, self._x_shift = design.tamed() if extreme else (design, 0)
        self._x_mean = design.mean
        total = float(X.shape[0] if sample_weight is None else sample_weight.sum())
        self._power, self._units = (2, total) if loss == "squared" else (1, np.sqrt(total))
        omega, controls = omega[self._finite], {"tol": tol, "max_iter": max_iter or ROUNDS}
        if groups is not None or y.ndim == 2:
            labels, omega = _grouped(np.arange(len(omega)) if groups is None else groups[self._finite], omega)
            self._solver = GroupLassoSolver(group_columns_of(design), Y, omega, labels, **controls)
        else:
            solver = LassoSolver if loss == "squared" else SquareRootSolver
            y = Y[:, 0].astype(np.float64)
            self._solver = solver(columns_of(design), y, omega, positive=positive, **controls)
        self.gap, self.converged, self.n_iter = np.inf, False, 0

    def _in_users_units(self, value):
        return float(shifted(np.float64(value), self._power * self._y_shift)) / self._units

    def _strength(self, alpha, sign):
        """Between alpha and the strength of the problem that is solved."""
        shift = sign * (self._x_shift - (self._power - 1) * self._y_shift)
        return float(shifted(np.float64(alpha), shift))

    @property
    def null(self):
        """The objective without penalised columns."""
        return self._in_users_units(self._solver.null)

    def largest_alpha(self):
        """The smallest alpha at which all penalised coefficients are zero."""
        return self._strength(self._solver.largest_strength(), -1) / self._units

    def start(self, coef):
        """Begin with the coefficients (n_features,) or (n_features, n_targets) of another fit."""
        coef = coef[self._finite].astype(np.float64).reshape(self._solver.w.shape)
        self._solver.start(shifted(coef, -self._y_shift - self._x_shift))

    def solve(self, alpha):
        """Coefficients, as in `start`, and intercept for an alpha; sets the gap, in units of the objective."""
        self.n_iter = self._solver.solve(self._strength(alpha * self._units, 1))
        self.converged = bool(self._solver.gap <= self._tol * self._solver.null)
        self.gap = self._in_users_units(self._solver.gap)
        targets = self._y_mean.shape
        coef = np.zeros((len(self._finite), *targets))
        coef[self._finite] = shifted(self._solver.w.reshape(-1, *targets), self._y_shift + self._x_shift)
        with np.errstate(over="ignore", invalid="ignore"):  # of coefficients that leave the range are refused later
            intercept = self._y_mean - self._x_mean @ coef[self._finite] if self._center else np.zeros(targets)
        return coef, intercept


def _grouped(groups, omega):
    """Labels 0, 1, ... of the columns and weights of the groups, with the square roots of their sizes."""
    _, members, labels, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    return labels, np.sqrt(sizes) * omega[members]


class AbsoluteFit:
    """The absolute loss, whose solutions are vertices; parameters and attributes as for the others."""

    def __init__(self, X, y, *, omega, sample_weight, center, positive, tol, max_iter):
        settings = {"sample_weight": sample_weight, "fit_intercept": center, "positive": positive}
        self._problem = LADProblem(X, y, feature_weights=omega, **settings)
        free = omega == 0
        _, _, theta, self.null, *_ = LADProblem(X[:, free], y, feature_weights=omega[free], **settings).solve(1.0)
        slopes, penalised = X.T @ theta, (omega > 0) & np.isfinite(omega)
        slopes = slopes if positive else np.abs(slopes)
        self._largest = float(np.max(slopes[penalised] / omega[penalised], initial=0.0))
        self._tol, self._max_iter = tol, max_iter
        self.gap, self.converged, self.n_iter = np.inf, False, 0

    def largest_alpha(self):
        """An alpha at which all penalised coefficients are zero; the smallest where ties leave no choice."""
        return self._largest

    def start(self, coef):
        """Begin near the coefficients (n_features,) of another fit."""
        self._problem.start_from(coef)

    def solve(self, alpha):
        """Coefficients (n_features,) and intercept for an alpha; sets the gap, in units of the objective."""
        coef, intercept, _, _, gap, optimal, n_iter = self._problem.solve(alpha, self._max_iter)
        self.gap, self.n_iter = float(gap), max(1, n_iter)
        self.converged = bool(optimal or gap <= self._tol * self.null)
        return coef, float(intercept)


class PreconditionedFit(RegularFit):
    """The squared loss of F (y - X w); the gap and the strengths are those of that problem."""

    def __init__(self, X, y, preconditioner, *, omega, sample_weight, center, groups, **settings):
        self._used = np.isfinite(omega)
        X = X if issparse(X) else X[:, self._used]
        self._problem = preconditioned(X, y, preconditioner, sample_weight=sample_weight, fit_intercept=center)
        X, y = self._problem.X, self._problem.y
        settings |= {"omega": omega[self._used], "groups": None if groups is None else groups[self._used]}
        super().__init__(X, y, loss="squared", sample_weight=None, center=False, **settings)

    def start(self, coef):
        """Begin with the coefficients of another fit."""
        super().start(coef[self._used])

    def solve(self, alpha):
        """Coefficients and intercept for an alpha; sets the gap, in units of the objective."""
        used, _ = super().solve(alpha)
        coef = np.zeros((len(self._used), *used.shape[1:]))
        coef[self._used] = used
        return coef, self._problem.y_mean - self._problem.X_mean @ used

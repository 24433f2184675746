"""Least squares with penalties that are not convex, in the units of the user.

The algorithm is in :mod:`sparsekit.recovery.penalised_solver`.
"""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_scalar

from sparsekit.core.operators import Design, squared_norms
from sparsekit.core.scaling import exponent, is_extreme, shifted
from sparsekit.core.validation import check_choice
from sparsekit.recovery._convex import check_alpha, check_tol, checked
from sparsekit.recovery._regressor import SparseRegressor
from sparsekit.recovery.columns import columns_of
from sparsekit.recovery.penalised_solver import PenalisedSolver
from sparsekit.recovery.penalties import CEL0, L0, MCP, SCAD, LHalf, LTwoThirds

_TYPES = {"mcp": MCP, "scad": SCAD, "cel0": CEL0, "l0": L0, "l_half": LHalf, "l_two_thirds": LTwoThirds}
_SHAPED = {"mcp": 0, "scad": 2}  # what the shape must exceed
_COUNTS = {"cel0": 2, "l0": 2}  # power of the feature weights; 1 for the others
_DEGREES = {"cel0": 0, "l0": 0, "l_half": 1 / 2, "l_two_thirds": 2 / 3}  # p(t x) = t^degree p(x)
_MOST = 1e300  # strengths that nothing overcomes


class PenalizedRegressor(SparseRegressor):
    r"""Least squares with a penalty that is not convex: sparser than the LASSO, and without its shrinkage.

    Looks for a minimum of, with sample weights :math:`s_i` of sum W,

    .. math:: \frac{1}{2W} \sum_i s_i (y_i - b - x_i w)^2 + \sum_j p(w_j)

    where p is, with the feature weights :math:`\omega_j`, :math:`L_j = \sum_i s_i x_{ij}^2 / W` (of centred columns,
    with an intercept) and :math:`\gamma` the shape,

    ================  =============================  ==========================================================
    penalty           strength                       p(w), for :math:`w \ge 0`
    ================  =============================  ==========================================================
    ``mcp``           :math:`\lambda =\alpha\omega`  :math:`\lambda w - w^2 / 2\gamma` up to
                                                     :math:`w = \gamma\lambda`, then constant :cite:`zhang2010`
    ``scad``          :math:`\lambda =\alpha\omega`  :math:`\lambda w` up to :math:`w = \lambda`, from there
                                                     :math:`\lambda w - (w - \lambda)^2 / 2 (\gamma - 1)` up to
                                                     :math:`\gamma\lambda`, then constant :cite:`fan2001`
    ``l0``            :math:`\alpha \omega^2`        :math:`\alpha \omega^2 [w \ne 0]`
    ``cel0``          :math:`\alpha \omega^2`        the largest minorant of ``l0`` that :math:`L w^2 / 2` makes
                                                     convex; flat from :math:`w = \omega \sqrt{2\alpha / L}`
                                                     :cite:`soubies2015`
    ``l_half``        :math:`\alpha\omega`           :math:`\alpha\omega w^{1/2}` :cite:`xu2012`
    ``l_two_thirds``  :math:`\alpha\omega`           :math:`\alpha\omega w^{2/3}` :cite:`cao2013`
    ================  =============================  ==========================================================

    Parameters
    ----------
    penalty : {"mcp", "scad", "cel0", "l0", "l_half", "l_two_thirds"}, default="mcp"
        See the table.
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    shape : float, default=None
        :math:`\gamma`: > 0 for "mcp" (None is 3), > 2 for "scad" (None is 3.7), None for the others. It does not know
        the units of X: columns of mean square 1 suit the defaults.
    feature_weights : array-like of shape (n_features,), default=None
        :math:`\omega` in [0, inf]; None is 1. 0: never penalised; inf: never in use.
    fit_intercept : bool, default=True
        Whether the intercept b is fitted, which is never penalised; else it is 0.
    warm_start : bool, default=False
        Whether `fit` begins with the coefficients of the last one, if there are as many.
    max_iter : int, default=100
        Working sets from each start, at most.
    tol : float, default=1e-6
        Largest violation of the conditions of a minimum, see ``kkt_violation_``.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients w.
    intercept_ : float
        Intercept b.
    kkt_violation_ : float
        The largest distance of a coefficient from where it alone is best, times :math:`L_j`, relative to the largest
        gradient of the model without penalised columns; as :func:`~sparsekit.kkt_violation` measures it.
    objective_ : float
        The objective at these coefficients.
    n_iter_ : int
        Working sets that were solved, from both starts.
    converged_ : bool
        Whether the violation is as small as `tol` asks for.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    WeightedLasso : The convex problem, with a certificate of the global minimum.
    kkt_violation : The conditions of a minimum along every coordinate, for any coefficients.
    prox_half : What a penalty does to one coefficient.

    Notes
    -----
    No coefficient alone could lower the objective, to the tolerance; other minima may be lower. The answer is the lower
    of two that are reached from zeros, and from the LASSO at half the thresholds. Every step lowers the objective:
    coordinate descent, by the exact minimum along each coordinate, and Newton steps on the support. ``l0`` and ``cel0``
    have the same steps, and the same answers.

    A working set costs a product with X; within it, an epoch O(m k) for k columns, and a Newton step some products with
    the support. Memory: a copy of X and some vectors.

    Integer sample weights are repetitions of rows.

    References
    ----------
    :cite:`zhang2010`, :cite:`fan2001`, :cite:`soubies2015`, :cite:`xu2012`, :cite:`cao2013`

    Examples
    --------
    >>> from sparsekit import PenalizedRegressor, WeightedLasso
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 300, 5, noise=0.1, values="ones", rng=0)
    >>> X = 10 * X
    >>> model = PenalizedRegressor("mcp", alpha=0.03).fit(X, y)
    >>> model.get_support(indices=True), coef.nonzero()[0]
    (array([ 31,  80, 167, 190, 211]), array([ 31,  80, 167, 190, 211]))
    >>> abs(model.coef_).sum() > abs(WeightedLasso(alpha=0.03).fit(X, y).coef_).sum()
    np.True_
    """

    def __init__(
        self,
        penalty="mcp",
        alpha=1.0,
        *,
        shape=None,
        feature_weights=None,
        fit_intercept=True,
        warm_start=False,
        max_iter=100,
        tol=1e-6,
    ):
        self.penalty = penalty
        self.alpha = alpha
        self.shape = shape
        self.feature_weights = feature_weights
        self.fit_intercept = fit_intercept
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X, y, sample_weight=None):
        """Descend to a minimum.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
            Training data, real.
        y : array-like of shape (n_samples,)
            Target, real.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights s, not negative; None is 1.

        Returns
        -------
        self : PenalizedRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, complex data, several targets, shapes that do not fit, negative weights, `alpha` <= 0,
            other parameters out of range, and for "mcp" and "scad" columns whose squares leave the floating-point
            range.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` working sets did not reach `tol`.
        """
        penalty = self._checked_parameters()
        before = getattr(self, "coef_", None) if self.warm_start else None
        X, y, omega, s = checked(X, y, self.feature_weights, sample_weight, estimator=self)
        strengths = _strengths(self.penalty, self.alpha, omega)
        problem = _Problem(X, y, strengths, s, self.penalty, center=bool(self.fit_intercept))
        solver = PenalisedSolver(
            columns_of(problem.design), problem.target, penalty, problem.lam, tol=self.tol, max_iter=self.max_iter
        )
        if before is not None and before.shape == omega.shape:
            solver.start(problem.scaled(before))
            self.n_iter_ = solver.solve()
        else:
            self.n_iter_ = solver.solve_anew()
        coef, intercept = problem.in_users_units(solver.w)
        self._set_coefficients(coef[None].astype(X.dtype), np.array([intercept]), single=True)
        with np.errstate(over="ignore", under="ignore"):
            self.objective_ = float(np.ldexp(solver.objective(), 2 * problem.of_y))
        self.kkt_violation_, self.converged_ = float(solver.violation), bool(solver.violation <= self.tol)
        if not self.converged_:
            warnings.warn(
                f"the violation {self.kkt_violation_:.1e} is above tol = {self.tol:.1e} after {self.n_iter_} working "
                "sets: raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _checked_parameters(self):
        """The penalty, after all parameters but those of the shape of X were looked at."""
        check_choice(self.penalty, "penalty", tuple(_TYPES))
        check_alpha(self.alpha)
        check_tol(self.tol)
        check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        if self.shape is None:
            return _TYPES[self.penalty]()
        if self.penalty not in _SHAPED:
            msg = f"shape must be None for penalty={self.penalty!r}, which has none, got {self.shape!r}"
            raise ValueError(msg)
        check_scalar(self.shape, "shape", Real)
        if not _SHAPED[self.penalty] < self.shape < np.inf:
            msg = f"shape must be in ({_SHAPED[self.penalty]}, inf) for penalty={self.penalty!r}, got {self.shape}"
            raise ValueError(msg)
        return _TYPES[self.penalty](float(self.shape))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags


class _Problem:
    """Weights of sum 1, powers of two taken out of y and (where the penalty lets it) of X, no columns of weight inf.

    Attributes
    ----------
    design, target, lam
        What the solver is given.
    of_y, of_x : int
        y = target 2^of_y, w = what the solver finds times 2^(of_y + of_x).
    """

    def __init__(self, X, y, strengths, sample_weight, penalty, *, center):
        self._finite, self._center = np.isfinite(strengths), center
        X = X if self._finite.all() else X[:, np.flatnonzero(self._finite)]
        s = np.ones(len(y)) if sample_weight is None else sample_weight
        design = Design(X, sample_weight=s / s.sum(), center=center)
        Y, self._y_mean = design.target(y)
        self.of_y = exponent(Y)
        self.target = shifted(Y, -self.of_y)[:, 0].astype(np.float64)
        self.design, self.of_x = _tamed(design, self.target, penalty) if X.shape[1] else (design, 0)
        self._x_mean = design.mean
        if penalty in _SHAPED:
            power = -self.of_y
        else:
            degree = _DEGREES[penalty]
            power = degree * (self.of_y + self.of_x) - 2 * self.of_y
        lam = strengths[self._finite]
        with np.errstate(over="ignore", under="ignore"):
            lam = np.ldexp(lam, int(np.floor(power))) * 2.0 ** (power - np.floor(power))
        self.lam = np.minimum(lam, _MOST)

    def scaled(self, coef):
        """Coefficients (n_features,) of the user as the solver knows them."""
        return shifted(coef[self._finite].astype(np.float64), -self.of_y - self.of_x)

    def in_users_units(self, w):
        """Coefficients (n_features,) and intercept."""
        coef = np.zeros(len(self._finite))
        coef[self._finite] = shifted(w, self.of_y + self.of_x)
        intercept = self._y_mean[0] - self._x_mean @ coef[self._finite] if self._center else 0.0
        return coef, float(intercept)


def _tamed(design, y, penalty):
    """The design with entries of a size whose squares are safe, and the power of two for it."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        largest = design.squared_norms().max()
        if penalty in _SHAPED:
            if largest > 0 and is_extreme(largest, np.dtype(float)):
                msg = (
                    f"the columns of X are too large or too small for penalty={penalty!r}, whose shape has their units "
                    f"(largest mean square {largest:.1e}): divide X by its largest absolute value"
                )
                raise ValueError(msg)
            return design, 0
        products = squared_norms(design.adjoint(y.astype(design.dtype)[:, None]).T).max()
    extreme = is_extreme(np.array([largest, products]), design.dtype).any()
    return design.tamed() if extreme else (design, 0)


def _strengths(penalty, alpha, omega):
    """Alpha times the weights, or their squares; inf stays inf."""
    with np.errstate(over="ignore", under="ignore"):
        return float(alpha) * omega ** _COUNTS.get(penalty, 1)

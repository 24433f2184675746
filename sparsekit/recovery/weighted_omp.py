"""The greedy side of the LASSO: the estimator and its rule as a function on arrays.

The algorithm is in :mod:`sparsekit.recovery.penalised_pursuit`, the rules are in :mod:`sparsekit.recovery.decrease`.
"""

import warnings
from numbers import Integral

import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_scalar, column_or_1d

from sparsekit.core.scaling import shifted
from sparsekit.core.validation import (
    check_choice,
    check_dense,
    check_feature_weights,
    check_non_negative,
    check_problem,
    check_sample_weight,
    is_complex,
)
from sparsekit.recovery._regressor import SparseRegressor
from sparsekit.recovery.decrease import LOSSES, PENALTIES, paper_units, penalty_of
from sparsekit.recovery.noise_level import noise_cosine, sample_count, typical_weight
from sparsekit.recovery.penalised_fits import prepared
from sparsekit.recovery.penalised_pursuit import pursue_penalised

_CERTIFIED = 1e-8  # violation up to which a refit by least absolute deviations passes for optimal


def greedy_decrease(X, y, coef, *, loss, penalty, alpha, feature_weights=None):
    r"""Largest decrease of a penalised loss by changing one coefficient, for every coefficient.

    The objective is, with n samples and weights :math:`\omega_j`,

    .. math:: F(y - X w) + \alpha \Omega(w), \quad F(r) = \frac{\|r\|_2^2}{2n},\ \frac{\|r\|_2}{\sqrt n}
        \text{ or } \frac{\|r\|_1}{n}, \quad \Omega(w) = \sum_j \omega_j |w_j| \text{ or } \sum_{w_j \neq 0} \omega_j^2

    Parameters
    ----------
    X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
        Columns, real or complex; dense and real for ``loss="absolute"``.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Target(s); one for ``loss="absolute"``.
    coef : array-like of shape (n_features,) or (n_targets, n_features)
        Any coefficients. With several targets a row is changed at a time: norms over the targets take the place of
        absolute values.
    loss : {"squared", "sqrt", "absolute"}
        F, in the order of the formula.
    penalty : {"l0", "l1"}
        Omega: counts or absolute values.
    alpha : float
        Strength of the penalty, >= 0.
    feature_weights : array-like of shape (n_features,), default=None
        Weights in [0, inf]; None is 1. A column of infinite weight is left as it is: its decrease is 0.

    Returns
    -------
    decrease : ndarray of shape (n_features,)
        In float64, never negative. At the exact refit on a support these are the rules of weighted OMP.

    Raises
    ------
    ValueError
        For NaN or infinity, shapes that do not fit, an unknown loss or penalty, alpha < 0, negative weights, and
        complex data or several targets with ``loss="absolute"``.
    TypeError
        For sparse X or a LinearOperator with ``loss="absolute"``.

    See Also
    --------
    WeightedOMP : Adds the column with the largest decrease and refits, until none decreases the objective.

    Notes
    -----
    Costs one product with X for the first two losses (and the column norms, n_features products more for a
    LinearOperator), and O(n_samples) a column, a weighted median, for the third.

    References
    ----------
    :cite:`taheri2023`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import greedy_decrease
    >>> X, y = np.eye(3), np.array([3.0, 1.0, 0.0])
    >>> greedy_decrease(X, y, np.zeros(3), loss="absolute", penalty="l1", alpha=0.1)
    array([0.7       , 0.23333333, 0.        ])
    """
    check_choice(loss, "loss", LOSSES)
    check_choice(penalty, "penalty", PENALTIES)
    X, y = check_penalised(X, y, loss)
    check_non_negative(alpha, "alpha")
    coef = np.atleast_2d(_check_coef(coef, X, y, loss)).T
    omega = check_feature_weights(feature_weights, X.shape[1])
    X = X if isinstance(X, LinearOperator) else X.astype(np.result_type(X, np.float64), copy=False)
    residual = y.reshape(len(y), -1) - X @ coef
    fit = prepared(X, residual[:, 0] if y.ndim == 1 else residual, None, loss, center=False)
    units = paper_units(loss, X.shape[0])
    fit.begin(penalty_of(penalty, alpha * units, omega))
    return fit.in_units_of_loss(fit.decreases_at(coef)) / units


def _check_coef(coef, X, y, loss):
    """Coefficients (n_features,) or (n_targets, n_features) as wide as X and y."""
    if not is_complex(coef):
        coef = check_array(coef, ensure_2d=False, dtype=np.float64, input_name="coef")
    coef = np.asarray(coef)
    if not np.isfinite(coef).all():
        msg = "Input coef contains NaN or infinity"
        raise ValueError(msg)
    if loss == "absolute" and is_complex(coef):
        msg = "coef must be real for loss='absolute', got complex numbers"
        raise ValueError(msg)
    shape = y.shape[1:] + X.shape[1:] if y.ndim == 2 else X.shape[1:]
    if coef.shape != shape:
        msg = f"coef must have shape {shape} for X of shape {X.shape} and y of shape {y.shape}, got {coef.shape}"
        raise ValueError(msg)
    return coef


def check_penalised(X, y, loss, *, estimator=None):
    """Matrix and target(s) as the loss takes them: the absolute loss needs dense real X and one target (n_samples,)."""
    X, y = check_problem(X, y, estimator=estimator)
    if loss == "absolute":
        check_dense(X, y, "loss='absolute'")
        y = column_or_1d(y, warn=True)
    return X, y


def noise_strength(n_samples, n_columns, n_targets, *, is_complex):
    """The alpha for which Gaussian noise alone lets one of N columns of weight 1 in with a small probability.

    With phi_j = alpha ||a_j|| a coefficient in use gains R (1 - sqrt(1 - alpha^2)) by shrinking, and a new column gains
    more when its cosine |c_j| / (||a_j|| R) exceeds sin(2 asin(alpha)).
    """
    level = noise_cosine(n_samples, n_columns, n_targets, is_complex=is_complex)
    return float(np.sin(np.arcsin(level) / 2))


def cosine_to_enter(phi):
    """The cosine that a column must exceed when a coefficient is in use; phi relative to the length of the column."""
    return np.sin(2 * np.arcsin(np.minimum(phi, np.sqrt(0.5))))


class WeightedOMP(SparseRegressor):
    r"""Greedy sparse regression whose choices and stopping follow a penalised loss: weighted OMP.

    Adds the column whose coefficient alone could lower

    .. math:: F(y - b - X w) + \alpha \Omega(w)

    most, refits all chosen columns without the penalty, and ends when no new column promises more than a coefficient
    that is already there would gain by shrinking. With sample weights :math:`s_i` of sum W and feature weights
    :math:`\omega_j`,

    .. math:: F(r) = \frac{1}{2W} \sum_i s_i r_i^2,\ \sqrt{\frac 1W \sum_i s_i r_i^2} \text{ or }
        \frac 1W \sum_i s_i |r_i|, \quad
        \Omega(w) = \sum_j \omega_j |w_j| \text{ or } \sum_{w_j \neq 0} \omega_j^2

    Parameters
    ----------
    loss : {"sqrt", "squared", "absolute"}, default="sqrt"
        F: "squared" is that of the Lasso; the right `alpha` of "sqrt" does not depend on the noise; "absolute" refits
        by least absolute deviations and withstands gross errors in y. Only "sqrt" works with the default `alpha`.
    penalty : {"l1", "l0"}, default="l1"
        Omega: absolute values or counts.
    alpha : "auto" or float, default="auto"
        Strength of the penalty, >= 0. "auto", which the other losses and "l0" do not have, follows from the shape of X:
        Gaussian noise alone lets a column in with a probability of 5 % when all feature weights are equal; when not,
        columns of the median weight are treated so. The feature weights are then multiplied by the norms of the
        (centred) columns over sqrt(W), so that neither the units of the columns nor a common factor of the feature
        weights matter.
    feature_weights : array-like of shape (n_features,), default=None
        Weights in [0, inf], small for columns known to matter. 0: in the support from the start, never penalised; inf:
        never chosen.
    max_iter : int, default=None
        Largest number of columns to choose beside those of weight 0; None is as many as can be independent.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalised.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients. Several targets share one support, and norms over the targets take the place of absolute values.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept(s).
    alpha_ : float
        Strength of the penalty.
    effective_weights_ : ndarray of shape (n_features,)
        Feature weights in the penalty; other than `feature_weights` for ``alpha="auto"``.
    active_ : ndarray of shape (n_active,)
        Chosen columns in the order of entry, those of weight 0 first.
    path_ : ndarray of shape (n_active, n_active) or (n_targets, n_active, n_active)
        Row i holds the coefficients of ``active_[:i + 1]`` after i + 1 columns.
    residual_ : ndarray of shape (n_active + 1,)
        F before the first and after each column.
    objective_ : ndarray of shape (n_active + 1,)
        F + alpha Omega at the same times. The refit ignores the penalty, so this may rise.
    decrease_ : ndarray of shape (n_active,)
        The decrease that each column promised when it was chosen; 0 for those of weight 0.
    kkt_violation_ : float
        Certificate of the refit. Squared and square-root loss: the largest cosine, relative to y, between the residual
        and a column in use. Absolute loss: how far the dual solution is from feasible and from closing the gap.
    n_nonzero_coefs_ : int
        Number of columns in use.
    n_iter_ : int
        How often all columns were compared, at least 1.
    stop_reason_ : {"fixed point", "no decrease", "noise", "max_iter", "exact fit", "no column left"}
        "fixed point": shrinking a coefficient would gain more than any new column; "no decrease": no new column lowers
        the objective; "noise" (``alpha="auto"``): no column correlates with y more than it would with noise; "exact
        fit": the residual is rounding; "no column left": all are in use, depend on those in use, are zero or have
        infinite weight.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    greedy_decrease : The rule by itself.
    WeightedOMPCV : Chooses alpha by cross-validation.
    OrthogonalMatchingPursuit : Chooses by correlation; stops at a number of columns or at a residual.

    Notes
    -----
    For the first two losses a step costs one product with X, O(n_features) for the rules and O(n_samples k) for the
    refit of k columns; memory O(n_samples k + n_targets k^2) beside X. The norms of a LinearOperator's columns cost
    n_features products first. The absolute loss takes a float64 copy of X; a step costs one
    product with it, a weighted median, O(n_samples), for the few columns that two bounds leave, and some edges of the
    simplex method, O(n_samples k) each. For it X must be dense and real, with one target.

    ``alpha="auto"`` depends on the number of samples: with `sample_weight` in whole numbers, which are repetitions, it
    is their sum, else the number of rows with a positive weight, as for inverse variances of the noise. For any other
    `alpha` only ratios of sample weights matter. Heavy tails in X and y at once, and correlated columns, let noise in
    more often or less often than 5 %.

    With unit columns and :math:`\alpha = 0` the first two losses choose as orthogonal matching pursuit does.

    References
    ----------
    :cite:`taheri2023`, :cite:`barrodale1973`

    Examples
    --------
    >>> from sparsekit import WeightedOMP
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 200, 3, noise=0.1, values="ones", rng=0)
    >>> model = WeightedOMP().fit(X, y)
    >>> model.get_support(indices=True), coef.nonzero()[0]
    (array([  9,  83, 158]), array([  9,  83, 158]))
    >>> model.stop_reason_
    'fixed point'
    >>> y[::10] += 100  # gross errors
    >>> WeightedOMP("absolute", alpha=0.02).fit(X, y).get_support(indices=True)
    array([  9,  83, 158])
    """

    def __init__(
        self, loss="sqrt", penalty="l1", alpha="auto", *, feature_weights=None, max_iter=None, fit_intercept=True
    ):
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.feature_weights = feature_weights
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept

    def fit(self, X, y, sample_weight=None):
        """Choose columns and fit their coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
            Training data, real or complex; dense and real for ``loss="absolute"``.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target(s); one for ``loss="absolute"``.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; an integer weight is that many copies of the row.

        Returns
        -------
        self : WeightedOMP
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, shapes that do not fit, negative weights, an unknown loss or penalty, `alpha` < 0 or
            "auto" where it is not defined, `max_iter` < 1, complex data or several targets with ``loss="absolute"``, or
            data whose coefficients overflow.
        TypeError
            For sparse X or a LinearOperator with ``loss="absolute"``.

        Warns
        -----
        ConvergenceWarning
            When the last refit by least absolute deviations is not certified: `kkt_violation_` exceeds 1e-8.
        """
        check_choice(self.loss, "loss", LOSSES)
        check_choice(self.penalty, "penalty", PENALTIES)
        self._check_alpha()
        X, y = check_penalised(X, y, self.loss, estimator=self)
        omega = check_feature_weights(self.feature_weights, X.shape[1])
        s = check_sample_weight(sample_weight, X.shape[0])
        n_steps = X.shape[1] if self.max_iter is None else check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        fit = prepared(X, y, s, self.loss, center=self.fit_intercept)
        total = float(X.shape[0] if s is None else s.sum())
        self.alpha_, self.effective_weights_, noise = self.alpha, omega, False
        if self.alpha == "auto":
            self.alpha_, self.effective_weights_, noise = _automatic(fit, omega, s, total)
        units = paper_units(self.loss, total)
        penalty = penalty_of(self.penalty, self.alpha_ * units, self.effective_weights_)
        course = pursue_penalised(fit, penalty, np.flatnonzero(omega == 0), 0 if noise else n_steps)
        self._set_course(course, units, single=y.ndim == 1)
        self.stop_reason_ = "noise" if noise and course.reason == "max_iter" else course.reason
        self.kkt_violation_ = fit.violation()
        if self.loss == "absolute" and self.kkt_violation_ > _CERTIFIED:
            warnings.warn(
                f"the refit by least absolute deviations is not certified (violation {self.kkt_violation_:.1e}): the "
                "columns in use may be nearly dependent; drop some of them or lower max_iter",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _check_alpha(self):
        if not isinstance(self.alpha, str):
            check_non_negative(self.alpha, "alpha")
            return
        check_choice(self.alpha, "alpha", ("auto",))
        if (self.loss, self.penalty) != ("sqrt", "l1"):
            msg = (
                f"alpha='auto' is for loss='sqrt' and penalty='l1', got {self.loss!r} and {self.penalty!r}: "
                "there it depends on the noise; give alpha, or take WeightedOMPCV"
            )
            raise ValueError(msg)

    def _set_course(self, course, units, *, single):
        """Store how the pursuit went, in the units of the objective."""
        path, weights = course.path, self.effective_weights_[course.active]
        coef = np.zeros((len(path), self.n_features_in_), path.dtype)
        coef[:, course.active] = path[:, -1] if len(weights) else 0
        self._set_coefficients(coef, course.intercept, single)
        lengths = np.abs(path[0]) if len(path) == 1 else np.linalg.norm(path, axis=0)
        Omega = lengths @ weights if self.penalty == "l1" else (lengths != 0) @ np.square(weights)
        self.active_, self.path_ = course.active, path[0] if single else path
        self.residual_, self.decrease_ = course.loss / units, course.decrease / units
        self.objective_ = self.residual_ + self.alpha_ * np.concatenate([[0.0], Omega])
        self.n_nonzero_coefs_, self.n_iter_ = len(weights), max(1, course.n_iter)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.target_tags.multi_output = self.loss != "absolute"
        return tags


def _automatic(fit, omega, sample_weight, total):
    """alpha="auto": the strength, the weights that make it a pure number, and whether y is but noise to all columns.

    The last is asked for once the columns of weight 0 are in: they do not shrink, so that the rule is less strict then.
    """
    fit.start(omega)
    lengths, competes = np.sqrt(fit.norms), (omega > 0) & np.isfinite(omega) & (fit.norms > 0)
    n_samples = sample_count(sample_weight, fit.n_samples) - fit.design.center - len(fit.active)
    alpha = noise_strength(n_samples, competes.sum(), fit.n_targets, is_complex=fit.dtype.kind == "c")
    alpha /= typical_weight(omega[competes])
    effective = np.full(len(omega), np.inf)
    finite = np.isfinite(omega)
    effective[finite] = (omega * shifted(lengths, -fit.of_design))[finite] / np.sqrt(total)
    correlations = np.sqrt(fit.energies())[competes]
    levels = cosine_to_enter(alpha * omega[competes]) * lengths[competes] * np.sqrt(fit.refit.rest)
    return alpha, effective, not (correlations > levels).any()

"""The weighted LASSO: the path as a function on arrays, and the estimator.

The algorithm is in :mod:`sparsekit.recovery.lasso_solver`.
"""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_scalar, column_or_1d

from sparsekit.core.validation import check_feature_weights, check_problem, check_sample_weight, is_complex
from sparsekit.recovery._regressor import SparseRegressor
from sparsekit.recovery.lasso_fit import LassoFit


def lasso_path(
    X,
    y,
    *,
    alphas=None,
    n_alphas=100,
    eps=1e-3,
    feature_weights=None,
    sample_weight=None,
    fit_intercept=False,
    positive=False,
    tol=1e-6,
    max_iter=100,
):
    r"""Weighted LASSO solutions along a path of strengths, each with its certificate.

    Minimises, with sample weights :math:`s_i` of sum W and feature weights :math:`\omega_j`,

    .. math:: \frac{1}{2W} \sum_i s_i (y_i - b - x_i w)^2 + \alpha \sum_j \omega_j |w_j|

    Parameters
    ----------
    X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
        Columns, real.
    y : array-like of shape (n_samples,)
        Target, real.
    alphas : array-like of shape (n_alphas,), default=None
        Strengths, positive; solved from the largest to the smallest. None is a geometric grid from the smallest
        strength at which all penalised coefficients are zero.
    n_alphas : int, default=100
        Number of strengths in that grid.
    eps : float, default=1e-3
        Smallest over largest strength in it, in (0, 1).
    feature_weights : array-like of shape (n_features,), default=None
        :math:`\omega` in [0, inf]; None is 1. 0: never penalised; inf: never in use.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights s, not negative; None is 1.
    fit_intercept : bool, default=False
        Whether b is fitted; else it is 0.
    positive : bool, default=False
        Whether coefficients must not be negative.
    tol : float, default=1e-6
        Largest duality gap, relative to the objective without penalised columns.
    max_iter : int, default=100
        Working sets for one strength, at most.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,)
        Strengths, falling.
    coefs : ndarray of shape (n_features, n_alphas)
        Coefficients.
    gaps : ndarray of shape (n_alphas,)
        Duality gaps, in units of the objective: no other coefficients are better by more than that.
    intercepts : ndarray of shape (n_alphas,)
        Intercepts b.

    Raises
    ------
    ValueError
        For NaN or infinity, complex data, several targets, shapes that do not fit, negative weights, `alphas` that are
        not positive, or other parameters out of range.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` working sets did not reach `tol`.

    See Also
    --------
    WeightedLasso : One strength, as an estimator.

    Notes
    -----
    A working set costs a product with X, unless the gap excludes columns; within it, an epoch of coordinate descent
    O(m k) for k columns, and a Newton step on the support O(k^3) (dense X) or some products with it. Memory: a copy of
    dense X unless it is in Fortran order, of the same precision, unweighted and without an intercept; and the inner
    products of up to 4096 columns in use.

    References
    ----------
    :cite:`tibshirani1996`, :cite:`massias2018`, :cite:`ndiaye2017`

    Examples
    --------
    >>> from sparsekit import lasso_path
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 300, 5, noise=0.1, values="ones", rng=0)
    >>> alphas, coefs, gaps, intercepts = lasso_path(X, y, n_alphas=5, eps=0.1)
    >>> (coefs != 0).sum(axis=0)
    array([0, 5, 5, 5, 5])
    >>> bool((gaps <= 1e-6 * (y @ y) / 200).all())
    True
    """
    X, y, omega, s = _checked(X, y, feature_weights, sample_weight)
    _check_controls(tol, max_iter)
    fit = LassoFit(
        X, y, omega=omega, sample_weight=s, center=fit_intercept, positive=positive, tol=tol, max_iter=max_iter
    )
    alphas = _strengths(fit, alphas, n_alphas, eps)
    answers, gaps, failed = [], [], 0
    for alpha in alphas:
        answers.append(fit.solve(alpha))
        gaps.append(fit.gap)
        failed += not fit.converged
    if failed:
        warnings.warn(
            f"the duality gap is above tol for {failed} of {len(alphas)} strengths (largest "
            f"{max(gaps):.1e}): raise max_iter or tol, or drop the smallest strengths",
            ConvergenceWarning,
            stacklevel=2,
        )
    coefs, intercepts = (np.array(each, X.dtype) for each in zip(*answers, strict=True))
    return alphas, coefs.T, np.array(gaps), intercepts


class WeightedLasso(SparseRegressor):
    r"""The LASSO with a weight for every feature and every sample, solved to a certified duality gap.

    Minimises, with sample weights :math:`s_i` of sum W and feature weights :math:`\omega_j`,

    .. math:: \frac{1}{2W} \sum_i s_i (y_i - b - x_i w)^2 + \alpha \sum_j \omega_j |w_j|

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    feature_weights : array-like of shape (n_features,), default=None
        :math:`\omega` in [0, inf]; None is 1. 0: never penalised; inf: never in use.
    positive : bool, default=False
        Whether coefficients must not be negative.
    fit_intercept : bool, default=True
        Whether the intercept b is fitted, which is never penalised; else it is 0.
    warm_start : bool, default=False
        Whether `fit` begins with the coefficients of the last one, if there are as many.
    max_iter : int, default=100
        Working sets, at most.
    tol : float, default=1e-6
        Largest duality gap, relative to the objective without penalised columns.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients w.
    intercept_ : float
        Intercept b.
    dual_gap_ : float
        Certificate: no coefficients are better by more than that, in units of the objective.
    n_iter_ : int
        Working sets that were solved, at least 1.
    converged_ : bool
        Whether the gap is as small as `tol` asks for.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    lasso_path : Many strengths.
    WeightedOMP : The greedy side: chooses by the same penalty, and does not shrink.
    sklearn.linear_model.Lasso : Without feature weights.

    Notes
    -----
    Working sets are solved by coordinate descent and Newton steps on the support; columns that the gap excludes are
    left out. Cost and memory are told at :func:`~sparsekit.lasso_path`. The gap is summed in double precision, also for
    float32 X, which is not copied to double precision but for the columns in use.

    Integer sample weights are repetitions of rows.

    References
    ----------
    :cite:`tibshirani1996`, :cite:`massias2018`, :cite:`ndiaye2017`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import WeightedLasso
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 300, 5, noise=0.1, values="ones", rng=0)
    >>> model = WeightedLasso(alpha=0.003).fit(X, y)
    >>> model.get_support(indices=True), coef.nonzero()[0]
    (array([ 31,  80, 167, 190, 211]), array([ 31,  80, 167, 190, 211]))
    >>> weights = np.ones(300)
    >>> weights[31], weights[80] = 0, np.inf
    >>> weighted = WeightedLasso(alpha=0.003, feature_weights=weights).fit(X, y)
    >>> bool(weighted.coef_[31] > model.coef_[31]), float(weighted.coef_[80])
    (True, 0.0)
    """

    def __init__(
        self,
        alpha=1.0,
        *,
        feature_weights=None,
        positive=False,
        fit_intercept=True,
        warm_start=False,
        max_iter=100,
        tol=1e-6,
    ):
        self.alpha = alpha
        self.feature_weights = feature_weights
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X, y, sample_weight=None):
        """Solve for the coefficients.

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
        self : WeightedLasso
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, complex data, several targets, shapes that do not fit, negative weights, `alpha` <= 0,
            or other parameters out of range.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` working sets did not reach `tol`.
        """
        check_scalar(self.alpha, "alpha", Real)
        if not 0 < self.alpha < np.inf:
            msg = f"alpha must be in (0, inf), got {self.alpha}; feature_weights of 0 take the penalty away"
            raise ValueError(msg)
        _check_controls(self.tol, self.max_iter)
        before = getattr(self, "coef_", None) if self.warm_start else None
        X, y, omega, s = _checked(X, y, self.feature_weights, sample_weight, estimator=self)
        fit = LassoFit(
            X,
            y,
            omega=omega,
            sample_weight=s,
            center=bool(self.fit_intercept),
            positive=bool(self.positive),
            tol=self.tol,
            max_iter=self.max_iter,
        )
        if before is not None and before.shape == omega.shape:
            fit.start(before)
        coef, intercept = fit.solve(self.alpha)
        self._set_coefficients(coef[None].astype(X.dtype), np.array([intercept]), single=True)
        self.dual_gap_, self.n_iter_, self.converged_ = fit.gap, fit.n_iter, fit.converged
        if not self.converged_:
            warnings.warn(
                f"the duality gap {self.dual_gap_:.1e} is above tol = {self.tol:.1e} times {fit.null:.1e} after "
                f"{self.n_iter_} working sets: raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags


def _strengths(fit, alphas, n_alphas, eps):
    """The given strengths, falling, or a geometric grid."""
    if alphas is not None:
        alphas = np.sort(np.asarray(alphas, float).reshape(-1))[::-1]
        if not len(alphas) or not (0 < alphas[-1] <= alphas[0] < np.inf):
            msg = (
                "alphas must be positive and finite; least squares without a penalty is not a LASSO (LinearRegression)"
            )
            raise ValueError(msg)
        return alphas
    check_scalar(n_alphas, "n_alphas", Integral, min_val=1)
    check_scalar(eps, "eps", Real, min_val=0, max_val=1, include_boundaries="neither")
    largest = fit.largest_alpha() or np.finfo(float).tiny ** 0.5
    return largest * np.geomspace(1, eps, n_alphas)


def _checked(X, y, feature_weights, sample_weight, *, estimator=None):
    """The validated problem: X, y (n_samples,), omega (n_features,) and s (n_samples,) or None."""
    if isinstance(X, LinearOperator):
        name = "lasso_path" if estimator is None else type(estimator).__name__
        msg = f"X must be an array or a sparse matrix for {name}, got a LinearOperator: form it with X @ np.eye(n)"
        raise TypeError(msg)
    if is_complex(X) or is_complex(y):
        msg = "Complex data not supported by the LASSO: X and y must be real"
        raise ValueError(msg)
    X, y = check_problem(X, y, estimator=estimator)
    if y.ndim == 2 and y.shape[1] > 1:
        msg = f"y must be one target, got {y.shape[1]}: fit them one by one (MultiOutputRegressor)"
        raise ValueError(msg)
    y = column_or_1d(y, warn=True)
    return X, y, check_feature_weights(feature_weights, X.shape[1]), check_sample_weight(sample_weight, X.shape[0])


def _check_controls(tol, max_iter):
    """Raise unless tol is in (0, 1) and max_iter positive."""
    check_scalar(tol, "tol", Real)
    if not 0 < tol < 1:
        msg = f"tol must be in (0, 1), got {tol}"
        raise ValueError(msg)
    check_scalar(max_iter, "max_iter", Integral, min_val=1)

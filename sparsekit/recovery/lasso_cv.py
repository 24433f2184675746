"""The convex regressors with the strength of the penalty chosen by cross-validation."""

from functools import partial

import numpy as np

from sparsekit.core.scaling import exponent, shifted
from sparsekit.recovery._convex import ConvexRegressor
from sparsekit.recovery.convex_path import strengths
from sparsekit.recovery.held_out import check_rows, held_out_errors

_ROUNDING = 64 * np.finfo(float).eps  # of the largest error: differences that say nothing, as after an exact fit


class _CrossValidated(ConvexRegressor):
    """Shared manners: a path a fold, the best strength, the final fit."""

    def fit(self, X, y, sample_weight=None):
        """Choose alpha, then fit all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
            Training data, real; dense for the absolute loss.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target, real; several for the squared loss alone.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative, in the fits and in the errors; None is 1.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, complex data, several targets of another loss, shapes that do not fit, negative
            weights, `alphas` that are not positive, or other parameters out of range.
        TypeError
            For a LinearOperator, and for sparse X with the absolute loss.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` ended the final fit.
        """
        check_rows(X)
        X_, y_, omega, s = self._checked(X, y, sample_weight)
        fit = self._posed(X_, y_, omega, s)
        self.alphas_ = strengths(fit, self.alphas, self.eps)
        shift = exponent(y_ if s is None else y_[s > 0])
        errors_of = partial(self._fold_errors, X_, y_, omega, s, shift)
        errors, mean = held_out_errors(errors_of, X_, y_, s, self.cv, len(self.alphas_), self.n_jobs)
        power = 1 if self._loss == "absolute" else 2
        self.error_path_ = shifted(errors, shift * power)
        slack = _ROUNDING * mean[np.isfinite(mean)].max(initial=0.0)
        best = np.flatnonzero(mean <= mean.min() + slack)[0]
        self.alpha_ = float(self.alphas_[best])
        return self._solve(X_, y_, omega, s, self.alpha_)

    def _fold_errors(self, X, y, omega, s, shift, train, test):
        """Held-out mean error of every alpha, in units of 2^shift."""
        inside, outside = (None, None) if s is None else (s[train], s[test])
        fit = self._posed(X[train], y[train], omega, inside)
        held_out, errors = X[test], np.empty(len(self.alphas_))
        for i, alpha in enumerate(self.alphas_):
            coef, intercept = fit.solve(alpha)
            used = np.flatnonzero(np.atleast_2d(coef.T).any(axis=0))
            with np.errstate(over="ignore", invalid="ignore"):
                residual = np.abs(shifted(y[test] - held_out[:, used] @ coef[used] - intercept, -shift))
                losses = residual if self._loss == "absolute" else residual**2
                errors[i] = np.average(losses.reshape(len(losses), -1).mean(axis=1), weights=outside)
        return np.where(np.isnan(errors), np.inf, errors)


class WeightedLassoCV(_CrossValidated):
    """The weighted LASSO whose alpha has the smallest error on held-out rows.

    Each fold is solved once for all strengths, each from the solution of the one before.

    Parameters
    ----------
    alphas : int or array-like of shape (n_alphas,), default=100
        Strengths to try; a number spaces so many evenly in the logarithm, from the smallest that leaves no column.
    eps : float, default=1e-3
        Smallest over largest strength when `alphas` is a number, in (0, 1).
    feature_weights : array-like of shape (n_features,), default=None
        Weights in [0, inf]; None is 1. 0: never penalised; inf: never in use. Equal within groups.
    groups : array-like of shape (n_features,), default=None
        Integer labels of columns that are in use together, or not at all.
    positive : bool, default=False
        Whether coefficients must not be negative; for one target without groups.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalised.
    cv : int, splitter or iterable, default=None
        As in scikit-learn; None is five folds.
    n_jobs : int, default=None
        Number of threads over folds; the answer does not depend on it.
    max_iter : int, default=100
        Working sets for one strength, at most.
    tol : float, default=1e-6
        Largest duality gap, relative to the objective without penalised columns.

    Attributes
    ----------
    alphas_ : ndarray of shape (n_alphas,)
        Strengths that were tried, the largest first.
    error_path_ : ndarray of shape (n_alphas, n_folds)
        Mean squared error on the held-out rows, over all targets.
    alpha_ : float
        The best strength: the largest with the smallest mean error over all held-out rows.
    coef_, intercept_, dual_gap_, n_iter_, converged_
        Of the final fit on all rows, as in :class:`WeightedLasso`.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    WeightedLasso : With a given strength.
    lasso_path : All strengths, without folds.

    Notes
    -----
    Costs about n_folds + 1 paths. The errors are those of the shrunken coefficients, so that the strength is small and
    many columns are selected. Where a splitter needs groups, `cv` takes its splits as a list.

    References
    ----------
    :cite:`tibshirani1996`

    Examples
    --------
    >>> from sparsekit import WeightedLassoCV
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 200, 3, noise=0.1, values="ones", rng=0)
    >>> model = WeightedLassoCV(alphas=20).fit(X, y)
    >>> bool((model.coef_[coef != 0] > 0.5).all())
    True
    """

    _loss = "squared"

    def __init__(
        self,
        *,
        alphas=100,
        eps=1e-3,
        feature_weights=None,
        groups=None,
        positive=False,
        fit_intercept=True,
        cv=None,
        n_jobs=None,
        max_iter=100,
        tol=1e-6,
    ):
        self.alphas = alphas
        self.eps = eps
        self.feature_weights = feature_weights
        self.groups = groups
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.n_jobs = n_jobs
        self.max_iter = max_iter
        self.tol = tol


class SquareRootLassoCV(_CrossValidated):
    """The square-root LASSO whose alpha has the smallest error on held-out rows.

    Each fold is solved once for all strengths, each from the solution of the one before.

    Parameters
    ----------
    alphas : int or array-like of shape (n_alphas,), default=100
        Strengths to try; a number spaces so many evenly in the logarithm, from the smallest that leaves no column.
    eps : float, default=1e-2
        Smallest over largest strength when `alphas` is a number, in (0, 1).
    feature_weights : array-like of shape (n_features,), default=None
        Weights in [0, inf]; None is 1. 0: never penalised; inf: never in use.
    positive : bool, default=False
        Whether coefficients must not be negative.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalised.
    cv : int, splitter or iterable, default=None
        As in scikit-learn; None is five folds.
    n_jobs : int, default=None
        Number of threads over folds; the answer does not depend on it.
    max_iter : int, default=100
        Working sets for one strength, at most.
    tol : float, default=1e-6
        Largest duality gap, relative to the objective without penalised columns.

    Attributes
    ----------
    alphas_ : ndarray of shape (n_alphas,)
        Strengths that were tried, the largest first.
    error_path_ : ndarray of shape (n_alphas, n_folds)
        Mean squared error on the held-out rows.
    alpha_ : float
        The best strength: the largest with the smallest mean error over all held-out rows.
    coef_, intercept_, dual_gap_, n_iter_, converged_
        Of the final fit on all rows, as in :class:`SquareRootLasso`.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    SquareRootLasso : With a given strength; ``alpha="auto"`` needs no folds.
    lasso_path : All strengths, without folds.

    Notes
    -----
    Costs about n_folds + 1 paths. The errors are those of the shrunken coefficients, so that the strength is small and
    many columns are selected. Where a splitter needs groups, `cv` takes its splits as a list.

    References
    ----------
    :cite:`belloni2011`

    Examples
    --------
    >>> from sparsekit import SquareRootLassoCV
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 200, 3, noise=0.1, values="ones", rng=0)
    >>> model = SquareRootLassoCV(alphas=20).fit(X, y)
    >>> bool((model.coef_[coef != 0] > 0.5).all())
    True
    """

    _loss = "sqrt"

    def __init__(
        self,
        *,
        alphas=100,
        eps=1e-2,
        feature_weights=None,
        positive=False,
        fit_intercept=True,
        cv=None,
        n_jobs=None,
        max_iter=100,
        tol=1e-6,
    ):
        self.alphas = alphas
        self.eps = eps
        self.feature_weights = feature_weights
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.n_jobs = n_jobs
        self.max_iter = max_iter
        self.tol = tol


class LADLassoCV(_CrossValidated):
    """The LASSO of least absolute deviations whose alpha has the smallest error on held-out rows.

    Each fold is solved once for all strengths, each from the solution of the one before.

    Parameters
    ----------
    alphas : int or array-like of shape (n_alphas,), default=50
        Strengths to try; a number spaces so many evenly in the logarithm, from the smallest that leaves no column.
    eps : float, default=1e-2
        Smallest over largest strength when `alphas` is a number, in (0, 1).
    feature_weights : array-like of shape (n_features,), default=None
        Weights in [0, inf]; None is 1. 0: never penalised; inf: never in use.
    positive : bool, default=False
        Whether coefficients must not be negative.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalised.
    cv : int, splitter or iterable, default=None
        As in scikit-learn; None is five folds.
    n_jobs : int, default=None
        Number of threads over folds; the answer does not depend on it.
    max_iter : int, default=None
        Edges that are followed for one strength, at most; None is 50 for each row and column.

    Attributes
    ----------
    alphas_ : ndarray of shape (n_alphas,)
        Strengths that were tried, the largest first.
    error_path_ : ndarray of shape (n_alphas, n_folds)
        Mean absolute error on the held-out rows.
    alpha_ : float
        The best strength: the largest with the smallest mean error over all held-out rows.
    coef_, intercept_, dual_gap_, n_iter_, converged_
        Of the final fit on all rows, as in :class:`LADLasso`.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    LADLasso : With a given strength.
    lasso_path : All strengths, without folds.

    Notes
    -----
    Costs about n_folds + 1 paths. The errors are those of the shrunken coefficients, so that the strength is small and
    many columns are selected. Where a splitter needs groups, `cv` takes its splits as a list.

    References
    ----------
    :cite:`wang2007lad`

    Examples
    --------
    >>> from sparsekit import LADLassoCV
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 200, 3, noise=0.1, values="ones", rng=0)
    >>> model = LADLassoCV(alphas=20).fit(X, y)
    >>> bool((model.coef_[coef != 0] > 0.5).all())
    True
    """

    _loss = "absolute"

    def __init__(
        self,
        *,
        alphas=50,
        eps=1e-2,
        feature_weights=None,
        positive=False,
        fit_intercept=True,
        cv=None,
        n_jobs=None,
        max_iter=None,
    ):
        self.alphas = alphas
        self.eps = eps
        self.feature_weights = feature_weights
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.n_jobs = n_jobs
        self.max_iter = max_iter

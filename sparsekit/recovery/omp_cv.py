"""Orthogonal matching pursuit with the number of columns chosen by cross-validation."""

import warnings
from functools import partial
from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar

from sparsekit.core.operators import Design
from sparsekit.core.scaling import exponent, shifted
from sparsekit.core.validation import check_choice, check_feature_weights, check_problem, check_sample_weight
from sparsekit.recovery._regressor import SparseRegressor
from sparsekit.recovery.held_out import check_rows, held_out_errors
from sparsekit.recovery.omp import RULES, OrthogonalMatchingPursuit, pursue
from sparsekit.recovery.pursuit import check_stop, dense_coefficients


class OrthogonalMatchingPursuitCV(SparseRegressor):
    """Orthogonal matching pursuit whose number of columns has the smallest mean squared error on held-out rows.

    Each fold is pursued once; its path gives the error after every step.

    Parameters
    ----------
    selection : {"omp", "ols"}, default="omp"
        The rule, as in :class:`OrthogonalMatchingPursuit`.
    feature_weights : array-like of shape (n_features,), default=None
        A column competes with its correlation divided by its weight; 0 enters first, inf never.
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    max_iter : int, default=None
        Largest number of columns tried; None is ``n_features // 10``, at least 5 and at most n_features.
    joint : bool, default=False
        Whether several targets share one support.
    cv : int, splitter or iterable, default=None
        As in scikit-learn; None is five folds.
    n_jobs : int, default=None
        Number of threads over folds; the answer does not depend on it.

    Attributes
    ----------
    mse_path_ : ndarray of shape (max_iter, n_folds)
        Mean squared error on the held-out rows, averaged over targets; row i after i + 1 columns.
    n_nonzero_coefs_ : int or ndarray of shape (n_targets,)
        Number of columns of the final fit.
    coef_, intercept_, active_, path_, residual_, kkt_violation_, n_iter_, stop_reason_
        Of the final fit on all rows, as in :class:`OrthogonalMatchingPursuit`.
    n_features_in_ : int
        Number of features seen in fit.

    See Also
    --------
    OrthogonalMatchingPursuit : With a given number of columns.

    Notes
    -----
    Costs n_folds + 1 pursuits of `max_iter` steps.

    References
    ----------
    :cite:`pati1993`, :cite:`chen1989`

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sparsekit import OrthogonalMatchingPursuitCV
    >>> X, y = make_regression(n_features=50, n_informative=3, random_state=0)
    >>> OrthogonalMatchingPursuitCV().fit(X, y).n_nonzero_coefs_
    3
    """

    def __init__(
        self,
        *,
        selection="omp",
        feature_weights=None,
        fit_intercept=True,
        max_iter=None,
        joint=False,
        cv=None,
        n_jobs=None,
    ):
        self.selection = selection
        self.feature_weights = feature_weights
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.joint = joint
        self.cv = cv
        self.n_jobs = n_jobs

    def fit(self, X, y, sample_weight=None):
        """Choose the number of columns, then fit all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
            Training data, real or complex.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, in the fits and in the errors.

        Returns
        -------
        self : OrthogonalMatchingPursuitCV
            The fitted estimator.

        Raises
        ------
        TypeError
            For a LinearOperator, whose rows cannot be held out.
        ValueError
            For NaN or infinity, shapes that do not fit, negative weights, or parameters out of range.
        """
        check_choice(self.selection, "selection", RULES)
        check_rows(X)
        data, targets = check_problem(X, y, estimator=self)
        weights = check_sample_weight(sample_weight, data.shape[0])
        n_features = data.shape[1]
        check_feature_weights(self.feature_weights, n_features)
        if self.max_iter is None:
            n_steps = min(max(n_features // 10, 5), n_features)
        else:
            n_steps = check_scalar(self.max_iter, "max_iter", Integral, min_val=1, max_val=n_features)
        shift = exponent(targets if weights is None else targets[weights > 0])
        scaled = shifted(targets, -shift)
        errors_of = partial(self._fold_errors, data, scaled, weights, n_steps)
        errors, mean = held_out_errors(errors_of, data, scaled, weights, self.cv, n_steps, self.n_jobs)
        self.mse_path_ = shifted(errors, 2 * shift)
        best = OrthogonalMatchingPursuit(
            int(np.argmin(mean)) + 1,
            selection=self.selection,
            feature_weights=self.feature_weights,
            fit_intercept=self.fit_intercept,
            joint=self.joint,
            n_jobs=self.n_jobs,
        ).fit(X, y, sample_weight)
        vars(self).update({name: value for name, value in vars(best).items() if name.endswith("_")})
        return self

    def _fold_errors(self, X, y, sample_weight, n_steps, train, test):
        """Held-out mean squared error after 1 ... n_steps columns."""
        inside, outside = (None, None) if sample_weight is None else (sample_weight[train], sample_weight[test])
        design = Design(X[train], sample_weight=inside, center=self.fit_intercept)
        Y, y_mean = design.target(y[train])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fold may have fewer rows than max_iter: its last error then stands
            stop = check_stop(n_steps, None, design)
        omega = check_feature_weights(self.feature_weights, X.shape[1])
        found = pursue(design, Y, self.selection, omega, stop, joint=self.joint)
        used = np.unique(found.active[found.active >= 0])
        place = np.where(found.active >= 0, np.searchsorted(used, found.active), -1)
        held_out, mean, targets = X[test][:, used], design.mean[used], y[test].reshape(len(test), -1)
        mse = np.empty(n_steps)
        for step in range(n_steps):
            row = np.minimum(step, np.maximum(found.n_steps - 1, 0))
            coef = found.path[np.arange(len(found.path)), row] if found.path.shape[1] else found.coef
            coef = dense_coefficients(place, coef, len(used))
            error = np.abs(targets - held_out @ coef.T - (y_mean - coef @ mean)) ** 2
            mse[step] = np.average(error.mean(axis=1), weights=outside)
        return mse

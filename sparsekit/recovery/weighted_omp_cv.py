"""Weighted OMP with the strength of the penalty chosen by cross-validation."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

from sparsekit.core.scaling import exponent, shifted
from sparsekit.core.validation import check_choice, check_feature_weights, check_sample_weight
from sparsekit.recovery._regressor import SparseRegressor
from sparsekit.recovery.decrease import LOSSES, PENALTIES, paper_units, penalty_of
from sparsekit.recovery.held_out import check_rows, held_out_errors
from sparsekit.recovery.noise_level import sample_count
from sparsekit.recovery.penalised_fits import prepared
from sparsekit.recovery.penalised_pursuit import pursue_penalised
from sparsekit.recovery.weighted_omp import WeightedOMP, check_penalised

_ROUNDING = 64 * np.finfo(float).eps  # of the largest error: differences that say nothing, as after an exact fit
_EPS = {"l1": 1e-3, "l0": 1e-6}  # smallest over largest alpha: a correlation enters the count penalty squared


class WeightedOMPCV(SparseRegressor):
    """Weighted OMP whose alpha has the smallest error on held-out rows.

    Each fold is pursued once for all strengths, as long as they choose the same columns.

    Parameters
    ----------
    loss : {"sqrt", "squared", "absolute"}, default="sqrt"
        As in :class:`WeightedOMP`; it also sets the error: absolute for "absolute", squared for the others.
    penalty : {"l1", "l0"}, default="l1"
        As in :class:`WeightedOMP`.
    alphas : int or array-like of shape (n_alphas,), default=50
        Strengths to try; a number spaces so many evenly in the logarithm, from the smallest that chooses no column.
    eps : float, default=None
        Smallest over largest strength when `alphas` is a number; None is 1e-3 for "l1" and 1e-6 for "l0".
    feature_weights : array-like of shape (n_features,), default=None
        Weights in [0, inf]; 0 is in the support from the start, inf never chosen.
    max_iter : int, default=None
        Largest number of columns to choose beside those of weight 0, in the folds and in the final fit; None is a third
        of the number of samples (rows, or their repetitions when `sample_weight` is in whole numbers).
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    cv : int, splitter or iterable, default=None
        As in scikit-learn; None is five folds.
    n_jobs : int, default=None
        Number of threads over folds; the answer does not depend on it.

    Attributes
    ----------
    alphas_ : ndarray of shape (n_alphas,)
        Strengths that were tried, the largest first.
    error_path_ : ndarray of shape (n_alphas, n_folds)
        Mean squared (absolute) error on the held-out rows, averaged over targets.
    alpha_ : float
        The best strength: the largest with the smallest mean error over all held-out rows.
    coef_, intercept_, active_, path_, residual_, objective_, decrease_, kkt_violation_, n_iter_, stop_reason_
        Of the final fit on all rows, as in :class:`WeightedOMP`; so are `n_nonzero_coefs_` and `effective_weights_`.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    WeightedOMP : With a given strength; ``alpha="auto"`` needs no folds.

    Notes
    -----
    Costs about n_folds + 1 pursuits down to the smallest strength, and for each strength and step O(n_features), or
    with the absolute loss O(n_samples) for each column that the first bounds leave. Where a splitter needs groups,
    `cv` takes its splits as a list.

    References
    ----------
    :cite:`taheri2023`

    Examples
    --------
    >>> from sparsekit import WeightedOMPCV
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 200, 3, noise=0.1, values="ones", rng=0)
    >>> model = WeightedOMPCV("squared").fit(X, y)
    >>> bool(((model.coef_ != 0) == (coef != 0)).all())
    True
    """

    def __init__(
        self,
        loss="sqrt",
        penalty="l1",
        *,
        alphas=50,
        eps=None,
        feature_weights=None,
        max_iter=None,
        fit_intercept=True,
        cv=None,
        n_jobs=None,
    ):
        self.loss = loss
        self.penalty = penalty
        self.alphas = alphas
        self.eps = eps
        self.feature_weights = feature_weights
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.n_jobs = n_jobs

    def fit(self, X, y, sample_weight=None):
        """Choose alpha, then fit all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
            Training data, real or complex; dense and real for ``loss="absolute"``.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target(s); one for ``loss="absolute"``.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, in the fits and in the errors.

        Returns
        -------
        self : WeightedOMPCV
            The fitted estimator.

        Raises
        ------
        TypeError
            For a LinearOperator, whose rows cannot be held out, and for sparse X with ``loss="absolute"``.
        ValueError
            For NaN or infinity, shapes that do not fit, negative weights, or parameters out of range.

        Warns
        -----
        ConvergenceWarning
            When the final refit by least absolute deviations is not certified.
        """
        check_choice(self.loss, "loss", LOSSES)
        check_choice(self.penalty, "penalty", PENALTIES)
        check_rows(X)
        data, targets = check_penalised(X, y, self.loss, estimator=self)
        weights = check_sample_weight(sample_weight, data.shape[0])
        omega = check_feature_weights(self.feature_weights, data.shape[1])
        if self.max_iter is None:
            n_steps = max(1, sample_count(weights, len(targets)) // 3)
        else:
            n_steps = check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        self.alphas_ = self._strengths(data, targets, weights, omega)
        shift = exponent(targets if weights is None else targets[weights > 0])
        errors_of = partial(self._fold_errors, data, targets, weights, omega, n_steps, shift)
        errors, mean = held_out_errors(errors_of, data, targets, weights, self.cv, len(self.alphas_), self.n_jobs)
        self.error_path_ = shifted(errors, shift * self._power)
        best = WeightedOMP(
            self.loss,
            self.penalty,
            float(self.alphas_[np.flatnonzero(mean <= mean.min() + _ROUNDING * mean.max())[0]]),
            feature_weights=self.feature_weights,
            max_iter=n_steps,
            fit_intercept=self.fit_intercept,
        ).fit(X, y, sample_weight)
        vars(self).update({name: value for name, value in vars(best).items() if name.endswith("_")})
        return self

    @property
    def _power(self):
        """Of the residual in the error."""
        return 1 if self.loss == "absolute" else 2

    def _strengths(self, X, y, sample_weight, omega):
        """The alphas, falling."""
        if not isinstance(self.alphas, Integral):
            alphas = np.sort(np.asarray(self.alphas, float).reshape(-1))[::-1]
            if np.ndim(self.alphas) != 1 or not len(alphas) or not (0 <= alphas[-1] <= alphas[0] < np.inf):
                msg = f"alphas must be a number of strengths or strengths (n_alphas,) in [0, inf), got {self.alphas!r}"
                raise ValueError(msg)
            return alphas
        check_scalar(self.alphas, "alphas", Integral, min_val=1)
        eps = _EPS[self.penalty] if self.eps is None else self.eps
        check_scalar(eps, "eps", Real, min_val=0, max_val=1, include_boundaries="neither")
        fit = prepared(X, y, sample_weight, self.loss, center=self.fit_intercept)
        largest = fit.refusing(self.penalty, omega)
        largest /= paper_units(self.loss, X.shape[0] if sample_weight is None else sample_weight.sum())
        return largest * np.geomspace(1, eps, self.alphas)

    def _fold_errors(self, X, y, sample_weight, omega, n_steps, shift, train, test):
        """Held-out mean error of every alpha, in units of 2^shift."""
        inside, outside = (None, None) if sample_weight is None else (sample_weight[train], sample_weight[test])
        fit = prepared(X[train], y[train], inside, self.loss, center=self.fit_intercept, remembers=True)
        units = paper_units(self.loss, len(train) if inside is None else inside.sum())
        free, targets, errors = np.flatnonzero(omega == 0), y[test].reshape(len(test), -1), np.empty(len(self.alphas_))
        held_out, used = X[test], np.empty(0, int)
        for i, alpha in enumerate(self.alphas_):
            course = pursue_penalised(fit, penalty_of(self.penalty, alpha * units, omega), free, n_steps)
            if len(course.active) == len(used) and (course.active == used).all() and i > 0:
                errors[i] = errors[i - 1]
                continue
            used = course.active
            fitted = held_out[:, used] @ course.path[:, -1].T if len(used) else 0.0
            error = np.abs(shifted(targets - fitted - course.intercept, -shift)) ** self._power
            errors[i] = np.average(error.mean(axis=1), weights=outside)
        return errors

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.target_tags.multi_output = self.loss != "absolute"
        return tags

"""The base of the room's regressors: y ~ X w + b with w sparse, which also select the columns that w uses."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from sparsekit.core.operators import Design
from sparsekit.core.scaling import exponent, shifted
from sparsekit.core.validation import check_matrix, check_problem, check_sample_weight, is_complex

_BLOCK = 64  # columns that are made dense at a time


class SparseRegressor(SelectorMixin, RegressorMixin, BaseEstimator):
    """Shared manners: validation, the weighted and centred problem, prediction, the selected columns."""

    def predict(self, X):
        """Predict targets.

        Parameters
        ----------
        X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            ``X @ coef_.T + intercept_``.
        """
        check_is_fitted(self)
        X = check_matrix(X, estimator=self, reset=False)
        return X @ self.coef_.T + self.intercept_

    def transform(self, X):
        """Keep the selected columns.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        X_selected : array of shape (n_samples, n_selected)
            The columns with a non-zero coefficient for any target.
        """
        if is_complex(X):  # scikit-learn's selector refuses complex data
            return check_matrix(X, estimator=self, reset=False)[:, self.get_support()]
        return super().transform(X)

    def _get_support_mask(self):
        check_is_fitted(self)
        return np.atleast_2d(self.coef_ != 0).any(axis=0)

    def _problem(self, X, y, sample_weight):
        """The validated problem: design, targets Y (m, t), their means, and whether y was 1-d."""
        X, y = check_problem(X, y, estimator=self)
        design = Design(X, sample_weight=check_sample_weight(sample_weight, X.shape[0]), center=self.fit_intercept)
        Y, mean = design.target(y)
        return design, Y, mean, y.ndim == 1

    def _set_coefficients(self, coef, intercept, single):
        """Store coef (t, n_features) and intercept (t,)."""
        check_in_range(coef)
        check_in_range(intercept)
        self.coef_ = coef[0] if single else coef
        self.intercept_ = 0.0
        if self.fit_intercept:
            intercept = intercept.astype(coef.dtype)
            self.intercept_ = intercept[0] if single else intercept

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        return tags


def check_in_range(coef):
    """Raise when coefficients have left the range of their dtype."""
    if not np.isfinite(coef).all():
        msg = (
            f"the coefficients overflow {coef.dtype}: X and y differ too much in scale. "
            "Divide X and y by their largest absolute values before fitting."
        )
        raise ValueError(msg)


def misalignment(design, Y, coef):
    """How far the residual is from orthogonal to the columns in use.

    Parameters
    ----------
    design : Design of shape (m, N)
        The columns.
    Y : ndarray of shape (m, t)
        Targets.
    coef : ndarray of shape (t, N)
        Coefficients.

    Returns
    -------
    violation : float
        max over targets and their non-zero coefficients of |a_j^H r| / (||a_j|| ||y||), summed in float64; 0 at a
        perfect refit, 1 at worst.
    """
    used = np.flatnonzero((coef != 0).any(axis=0))
    if not len(used) or not Y.any():
        return 0.0
    wide = np.result_type(Y, coef, np.float64)
    shift = exponent(Y)
    R, w = shifted(Y.astype(wide), -shift), shifted(coef[:, used].T.astype(wide), -shift)
    blocks = [slice(i, i + _BLOCK) for i in range(0, len(used), _BLOCK)]
    lengths = np.linalg.norm(R, axis=0)
    lengths[lengths == 0] = 1
    for block in blocks:
        A, peaks = _scaled_columns(design, used[block], wide)
        R = R - A @ (w[block] * peaks[:, None])
    worst = 0.0
    if design.center:  # the intercept is a column in use
        ones = design.ones().astype(wide)
        worst = (np.abs(ones @ R) / lengths).max() / np.linalg.norm(ones)
    for block in blocks:
        A, _ = _scaled_columns(design, used[block], wide)
        norms = np.linalg.norm(A, axis=0)[:, None] * lengths
        cosines = np.divide(
            np.abs(A.conj().T @ R), norms, out=np.zeros(norms.shape), where=(norms > 0) & (w[block] != 0)
        )
        worst = max(worst, cosines.max())
    return float(worst)


def _scaled_columns(design, indices, dtype):
    """Columns divided by their largest entries, and these."""
    A = design.columns(indices).astype(dtype)
    peaks = np.abs(A).max(axis=0)
    peaks[peaks == 0] = 1
    return A / peaks, peaks

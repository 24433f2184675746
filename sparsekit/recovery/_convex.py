"""The base of the convex regressors, and what they and the paths refuse."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_scalar, column_or_1d

from sparsekit.core.validation import check_dense, check_feature_weights, check_problem, check_sample_weight, is_complex
from sparsekit.recovery._regressor import SparseRegressor
from sparsekit.recovery.convex_fits import convex_fit

_ROUNDS = {"squared": "working sets", "sqrt": "working sets", "absolute": "edges"}  # what max_iter counts


class ConvexRegressor(SparseRegressor):
    """Shared manners: one convex problem, warm starts, the certificate."""

    _loss = "squared"

    def _checked(self, X, y, sample_weight):
        """The validated problem: X, y, omega and s."""
        check_tol(getattr(self, "tol", EXACT))
        check_max_iter(self.max_iter)
        problem, refused = (X, y, self.feature_weights, sample_weight), limits(self._loss, positive=self.positive)
        return checked(*problem, **refused, estimator=self)

    def _solve(self, X, y, omega, s, alpha):
        """Solve, store the answer, warn where it is not certified."""
        before = getattr(self, "coef_", None) if getattr(self, "warm_start", False) else None
        fit = self._posed(X, y, omega, s)
        if before is not None and before.shape == (*y.shape[1:], len(omega)):
            fit.start(before.T)
        coef, intercept = fit.solve(alpha)
        self._set_coefficients(np.atleast_2d(coef.T).astype(X.dtype), np.atleast_1d(intercept), single=y.ndim == 1)
        self.dual_gap_, self.n_iter_, self.converged_ = fit.gap, fit.n_iter, fit.converged
        if not self.converged_:
            warnings.warn(
                f"the duality gap {self.dual_gap_:.1e} is too large beside the objective {fit.null:.1e} of no columns "
                f"after {self.n_iter_} {_ROUNDS[self._loss]}: raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _posed(self, X, y, omega, s):
        return convex_fit(
            X,
            y,
            loss=self._loss,
            omega=omega,
            sample_weight=s,
            center=bool(self.fit_intercept),
            positive=bool(self.positive),
            tol=getattr(self, "tol", EXACT),
            max_iter=self.max_iter,
            groups=check_groups(getattr(self, "groups", None), omega, positive=self.positive),
            preconditioner=getattr(self, "preconditioner", None),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._loss == "squared" and not self.positive
        tags.input_tags.sparse = self._loss != "absolute"
        return tags


EXACT = 1e-9  # relative gap of a vertex that rounding explains


def check_alpha(alpha):
    """Raise unless alpha is a positive number."""
    check_scalar(alpha, "alpha", Real)
    if not 0 < alpha < np.inf:
        msg = f"alpha must be in (0, inf), got {alpha}; feature_weights of 0 take the penalty away"
        raise ValueError(msg)


def limits(loss, *, positive):
    """What `checked` refuses for a loss."""
    return {"dense": loss == "absolute", "one_target": loss != "squared" or positive}


def checked(X, y, feature_weights, sample_weight, *, dense=False, one_target=True, estimator=None):
    """The validated problem: X, y (n_samples,) or (n_samples, n_targets), omega (n_features,), s (n_samples,)."""
    name = "lasso_path" if estimator is None else type(estimator).__name__
    if isinstance(X, LinearOperator):
        msg = f"X must be an array or a sparse matrix for {name}, got a LinearOperator: form it with X @ np.eye(n)"
        raise TypeError(msg)
    if is_complex(X) or is_complex(y):
        msg = f"Complex data not supported by {name}: X and y must be real"
        raise ValueError(msg)
    X, y = check_problem(X, y, estimator=estimator)
    if dense:
        check_dense(X, y, "the absolute loss")
    if one_target:
        if y.ndim == 2 and y.shape[1] > 1:
            msg = f"y must be one target, got {y.shape[1]}: fit them one by one (MultiOutputRegressor)"
            raise ValueError(msg)
        y = column_or_1d(y, warn=True)
    return X, y, check_feature_weights(feature_weights, X.shape[1]), check_sample_weight(sample_weight, X.shape[0])


def check_groups(groups, omega, *, positive):
    """Labels (n_features,) of groups of columns, or None; raise where they cannot be."""
    if groups is None:
        return None
    if positive:
        msg = "positive=True must come without groups"
        raise ValueError(msg)
    labels = np.asarray(groups)
    if labels.shape != omega.shape or labels.dtype.kind not in "iu":
        msg = f"groups must be integers of shape {omega.shape}, got {labels.dtype} of shape {labels.shape}"
        raise ValueError(msg)
    _, members, inverse = np.unique(labels, return_index=True, return_inverse=True)
    if (omega != omega[members][inverse]).any():
        msg = "feature_weights must be equal within groups"
        raise ValueError(msg)
    return labels


def check_tol(tol):
    """Raise unless tol is in (0, 1)."""
    check_scalar(tol, "tol", Real)
    if not 0 < tol < 1:
        msg = f"tol must be in (0, 1), got {tol}"
        raise ValueError(msg)


def check_max_iter(max_iter):
    """Raise unless max_iter is positive, or None."""
    if max_iter is not None:
        check_scalar(max_iter, "max_iter", Integral, min_val=1)

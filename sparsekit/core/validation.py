"""A thin layer over scikit-learn's validation: the way in for complex data and LinearOperators, and the weights.

scikit-learn refuses both kinds of X; here complex arrays are checked by their real and imaginary parts, and an
operator is taken at its word.
"""

import re
from contextlib import contextmanager
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator
from sklearn.utils import check_array, check_scalar
from sklearn.utils.validation import validate_data

_REAL = (np.float64, np.float32)
_SPARSE = ("csr", "csc")


def check_matrix(X, *, estimator=None, reset=True, input_name="X"):
    """A matrix as the algorithms want it: finite, 2-d, float32/float64/complex64/complex128.

    Parameters
    ----------
    X : array-like, sparse matrix or array, LinearOperator
        Real or complex, (n_samples, n_features).
    estimator : estimator, default=None
        Gets or checks ``n_features_in_`` and ``feature_names_in_``.
    reset : bool, default=True
        Whether the estimator learns these (fit) or checks them (predict, transform).
    input_name : str, default="X"
        For the error messages.

    Returns
    -------
    X : ndarray, CSR/CSC matrix or array, or LinearOperator
        Converted only where the kind or the dtype asks for it.
    """
    if isinstance(X, LinearOperator) or is_complex(X):
        checked = _check_foreign(X, input_name)
        if estimator is not None:
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        return _without_duplicates(checked)
    with _named(input_name):
        if estimator is None:
            X = check_array(X, accept_sparse=_SPARSE, dtype=_REAL, input_name=input_name)
        else:
            X = validate_data(estimator, X, reset=reset, accept_sparse=_SPARSE, dtype=_REAL)
    return _without_duplicates(X)


def check_problem(X, y, *, estimator=None):
    """Matrix and target(s) of a regression: X as in :func:`check_matrix`, y (n_samples,) or (n_samples, n_targets)."""
    X = check_matrix(X, estimator=estimator)
    if y is None:
        name = "This estimator" if estimator is None else f"This {type(estimator).__name__} estimator"
        msg = f"{name} requires y to be passed, but the target y is None"
        raise ValueError(msg)
    if is_complex(y):
        y = _check_foreign(y, "y", ndim=(1, 2))
    else:
        with _named("y"):
            y = check_array(y, dtype=_REAL, ensure_2d=False, allow_nd=True, input_name="y")
    if y.ndim not in (1, 2) or 0 in y.shape:
        msg = f"y must be (n_samples,) or (n_samples, n_targets), got an array of shape {y.shape}"
        raise ValueError(msg)
    if X.shape[0] != y.shape[0]:
        msg = f"X and y must have the same number of rows, got inconsistent numbers {X.shape[0]} and {y.shape[0]}"
        raise ValueError(msg)
    return X, y


def _without_duplicates(X):
    """A sparse matrix without entries that share a place; the caller's is left as it is."""
    if issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


@contextmanager
def _named(name):
    """Put the name of the argument before a message that lacks it."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if re.search(rf"\b{name}\b", str(error)):
            raise
        raise type(error)(f"{name}: {error}") from error


def check_sample_weight(sample_weight, n_samples):
    """None, or non-negative finite weights (n_samples,) in float64, not all zero."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_samples, float(sample_weight))
    with _named("sample_weight"):
        weights = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.shape != (n_samples,):
        msg = f"sample_weight must have shape ({n_samples},), got {weights.shape}"
        raise ValueError(msg)
    if (weights < 0).any():
        msg = f"sample_weight must be non-negative, got {weights.min()}"
        raise ValueError(msg)
    if not weights.any():
        msg = "sample_weight must not be zero everywhere: no sample is left"
        raise ValueError(msg)
    if not 1e-30 <= weights.max() <= 1e30:
        msg = (
            f"the largest sample_weight must be in [1e-30, 1e30], got {weights.max()}: divide the weights by their mean"
        )
        raise ValueError(msg)
    return weights


def check_feature_weights(feature_weights, n_features):
    """Weights omega (n_features,) in [0, inf], float64; None is 1."""
    if feature_weights is None:
        return np.ones(n_features)
    with _named("feature_weights"):
        weights = check_array(feature_weights, ensure_2d=False, dtype=np.float64, ensure_all_finite=False)
    if weights.shape != (n_features,):
        msg = f"feature_weights must have shape ({n_features},), got {weights.shape}"
        raise ValueError(msg)
    if not (weights >= 0).all():
        msg = (
            "feature_weights must be in [0, inf] (0: never penalised, inf: never selected), got negative values or NaN"
        )
        raise ValueError(msg)
    return weights


def check_choice(value, name, choices):
    """Raise ValueError unless value is one of the choices."""
    if value not in choices:
        msg = f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}"
        raise ValueError(msg)


def check_non_negative(value, name):
    """Raise unless value is a finite real number that is not negative."""
    check_scalar(value, name, Real, min_val=0)
    if not np.isfinite(value):
        msg = f"{name} must be finite, got {value}"
        raise ValueError(msg)


def check_dense(X, y, reason):
    """Raise unless X is an ndarray of real numbers and y one real target; `reason` opens the message."""
    if isinstance(X, LinearOperator):
        msg = f"X must be dense for {reason}, got a LinearOperator; form it with X @ np.eye(X.shape[1])"
        raise TypeError(msg)
    if issparse(X):
        msg = f"Sparse X is not supported by {reason}: pass X.toarray()"
        raise TypeError(msg)
    if is_complex(X) or is_complex(y):
        msg = f"Complex data not supported by {reason}: X and y must be real"
        raise ValueError(msg)
    if y.ndim == 2 and y.shape[1] > 1:
        msg = f"y must be one target for {reason}, got {y.shape[1]}: fit them one by one (MultiOutputRegressor)"
        raise ValueError(msg)


def is_complex(X):
    """Whether X holds complex numbers, looked at after conversion to an array."""
    if issparse(X) or isinstance(X, LinearOperator):
        return np.dtype(X.dtype or float).kind == "c"
    if isinstance(X, np.ndarray):
        return X.dtype.kind == "c"
    try:
        return np.asarray(X).dtype.kind == "c"
    except ValueError:  # ragged: scikit-learn's check explains it better
        return False


def _check_foreign(X, name, ndim=(2,)):
    if isinstance(X, LinearOperator):
        try:
            probe = X.rmatvec(np.zeros(X.shape[0]))
        except (TypeError, NotImplementedError) as error:
            msg = f"{name} must be a LinearOperator with rmatvec, the product with its adjoint"
            raise TypeError(msg) from error
        if not np.isfinite(probe).all():
            msg = f"Input {name} contains NaN or infinity"
            raise ValueError(msg)
        return X
    if issparse(X):
        X = X if X.format in _SPARSE else X.tocsr()
        values, shape = X.data, X.shape
    else:
        values = X = np.asarray(X)
        shape = X.shape
    if len(shape) not in ndim:
        msg = f"{name} must be {' or '.join(f'{d}-d' for d in ndim)}, got an array of shape {shape}"
        raise ValueError(msg)
    if 0 in shape:
        msg = f"{name} is empty: found shape {shape}, a minimum of 1 row and 1 column is required"
        raise ValueError(msg)
    if not np.isfinite(values).all():
        msg = f"Input {name} contains NaN or infinity"
        raise ValueError(msg)
    return X if X.dtype in (np.complex64, np.complex128) else X.astype(np.complex128)

"""Random problems with a sparse solution."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar


def make_sparse_signal(n_samples, n_features, n_nonzero_coefs, *, noise=0.0, values="normal", rng=None):
    """A random design with unit columns and a target that a few of them explain.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of the design.
    n_nonzero_coefs : int
        Number of non-zero coefficients, at random places.
    noise : float, default=0.0
        Euclidean norm of the Gaussian noise on the target.
    values : {"normal", "ones"}, default="normal"
        Non-zero coefficients: standard normal, or all equal to one.
    rng : int, numpy.random.Generator or None, default=None
        Source of randomness.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Gaussian columns divided by their norms.
    y : ndarray of shape (n_samples,)
        ``X @ coef`` plus noise.
    coef : ndarray of shape (n_features,)
        The sparse truth.

    Raises
    ------
    ValueError
        For numbers out of range or an unknown kind of values.

    Examples
    --------
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(20, 50, 3, rng=0)
    >>> int((coef != 0).sum())
    3
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(n_features, "n_features", Integral, min_val=1)
    check_scalar(n_nonzero_coefs, "n_nonzero_coefs", Integral, min_val=0, max_val=n_features)
    if values not in ("normal", "ones"):
        msg = f"values must be 'normal' or 'ones', got {values!r}"
        raise ValueError(msg)
    rng = np.random.default_rng(rng)
    X = rng.standard_normal((n_samples, n_features))
    X /= np.linalg.norm(X, axis=0)
    coef = np.zeros(n_features)
    support = rng.choice(n_features, n_nonzero_coefs, replace=False)
    coef[support] = 1.0 if values == "ones" else rng.standard_normal(n_nonzero_coefs)
    direction = rng.standard_normal(n_samples)
    return X, X @ coef + noise * direction / np.linalg.norm(direction), coef

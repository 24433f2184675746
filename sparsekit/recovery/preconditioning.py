r"""Least squares multiplied from the left, so that fewer columns look alike.

    A = diag(sqrt(s)) (X - 1 mu^T),   z = diag(sqrt(s)) (y - ybar),   ||F (z - A w)||^2 / (2 W) + penalty(w)

The coefficients of y = X w + noise solve F y = F X w + F noise as well, for any F (k, m). The "puffer" [jia2015]_ takes
F = U D^-1 U^T of A = U D V^T, so that all singular values of F A are equal; noise along small singular values grows.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from sparsekit.core.operators import Design
from sparsekit.core.scaling import exponent, shifted


class Preconditioned(NamedTuple):
    """A problem of k rows without weights and intercept, and what was subtracted from X and y.

    The intercept of coefficients w is ``y_mean - X_mean @ w``.
    """

    X: np.ndarray  # (k, n_features), Fortran order
    y: np.ndarray  # (k,) or (k, n_targets), as y was
    X_mean: np.ndarray  # (n_features,), double precision
    y_mean: np.ndarray  # () or (n_targets,)


def preconditioned(X, y, preconditioner, *, sample_weight, fit_intercept):
    r"""The problem :math:`\|F (z - A w)\|^2 / (2 W)` as one of k rows, :math:`\|y' - X' w\|^2 / (2 k)`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Real, the columns that are in use.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Real.
    preconditioner : "puffer" or callable
        "puffer": :math:`F = c\, U D^{-1} U^T`, with c such that the columns of F A keep the mean squared length of
        those of A, and `alpha` its meaning; k is the rank. Singular values up to max(m, n) eps times the Frobenius norm
        of the weighted X before centring are rounding and are left out. Or ``preconditioner(A)`` returns F of shape
        (k, n_samples); A is read-only.
    sample_weight : ndarray of shape (n_samples,) or None
        s.
    fit_intercept : bool
        Whether means are subtracted.

    Returns
    -------
    problem : Preconditioned
        In the precision of X.

    Raises
    ------
    TypeError
        For sparse X.
    ValueError
        For another preconditioner, or when it returns no finite, real F with n_samples columns.

    Notes
    -----
    O(m n min(m, n)) for the puffer, in double precision.
    """
    if issparse(X):
        msg = (
            "Sparse X is not supported by a preconditioner, as F X is dense: pass X.toarray(), or preconditioner=None "
            "and feature_weights"
        )
        raise TypeError(msg)
    if not (callable(preconditioner) or (isinstance(preconditioner, str) and preconditioner == "puffer")):
        msg = f'preconditioner must be "puffer", a callable or None, got {preconditioner!r}'
        raise ValueError(msg)
    shift = exponent(X)  # no square leaves the range
    design = Design(shifted(X, -shift), sample_weight=sample_weight, center=fit_intercept)
    total = float(len(X) if sample_weight is None else sample_weight.sum())
    Z, y_mean = design.target(y)
    A = design.columns(slice(None))
    if callable(preconditioner):
        A = shifted(A, shift).view()
        A.flags.writeable = False
        F = _checked(preconditioner(A), len(X))
        rows = np.sqrt(len(F) / total)
        A, Z = rows * (F @ A), rows * (F @ Z)
    else:
        A, Z = _puffed(A, Z, total, np.sqrt(total) * np.linalg.norm(design.mean))
        A = shifted(A, shift)
    return Preconditioned(
        np.asfortranarray(A, dtype=X.dtype),
        Z.reshape(len(Z), *y.shape[1:]).astype(X.dtype),
        shifted(design.mean, shift),
        y_mean.reshape(y.shape[1:]),
    )


def _checked(F, n_samples):
    """What a callable returned, if it is a matrix to multiply with."""
    wanted = f"preconditioner must return a real array F of shape (k, {n_samples})"
    if issparse(F):
        msg = f"{wanted}, got a sparse matrix: F.toarray()"
        raise ValueError(msg)
    F = np.asarray(F)
    if F.ndim != 2 or F.shape[1] != n_samples or not len(F):
        msg = f"{wanted}, got an array of shape {F.shape}"
        raise ValueError(msg)
    if F.dtype.kind not in "fiub":
        msg = f"{wanted}, got dtype {F.dtype}"
        raise ValueError(msg)
    if not np.isfinite(F).all():
        msg = f"{wanted} without NaN and infinity, got {np.count_nonzero(~np.isfinite(F))} such entries"
        raise ValueError(msg)
    return F


def _puffed(A, Z, total, removed):
    """V^T and D^-1 U^T Z times the norm of D over the root of the total weight; one row of zeros for A = 0.

    U, which F = U D^-1 U^T has on the left, changes no length and is left out; so are singular values that are no more
    than the rounding of A and of the means, of norm `removed`.
    """
    U, d, Vt = np.linalg.svd(A.astype(np.float64), full_matrices=False)
    kept = d > max(A.shape) * np.finfo(A.dtype).eps * np.hypot(np.linalg.norm(d), removed)
    if not kept.any():
        return np.zeros((1, A.shape[1])), np.zeros((1, Z.shape[1]))
    U, d, Vt = U[:, kept], d[kept], Vt[kept]
    size = np.linalg.norm(d) / np.sqrt(total)
    return size * Vt, size * ((U.T @ Z) / d[:, None])

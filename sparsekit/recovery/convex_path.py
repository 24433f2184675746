"""Paths of the weighted LASSO with any of its losses, as a function on arrays."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_scalar

from sparsekit.core.validation import check_choice
from sparsekit.recovery._convex import check_groups, check_max_iter, check_tol, checked, limits
from sparsekit.recovery.convex_fits import LOSSES, convex_fit


def lasso_path(
    X,
    y,
    *,
    loss="squared",
    alphas=None,
    n_alphas=100,
    eps=1e-3,
    feature_weights=None,
    groups=None,
    sample_weight=None,
    fit_intercept=False,
    positive=False,
    tol=1e-6,
    max_iter=None,
):
    r"""Weighted LASSO solutions along a path of strengths, each with its certificate.

    Minimises :math:`F(w, b) + \alpha \sum_j \omega_j |w_j|` with feature weights :math:`\omega_j`; with sample weights
    :math:`s_i` of sum W and residuals :math:`r_i = y_i - b - x_i w`, F is

    .. math:: \frac{1}{2W} \sum_i s_i r_i^2, \qquad \sqrt{\frac{1}{W} \sum_i s_i r_i^2} \qquad\text{or}\qquad
        \frac{1}{W} \sum_i s_i |r_i|

    With the squared loss, several targets share their support: rows :math:`\|w_j\|_2` take the place of
    :math:`|w_j|`, and with `groups` blocks :math:`\sqrt{n_g} \|w_g\|_2` of :math:`n_g` columns.

    Parameters
    ----------
    X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
        Columns, real; dense for the absolute loss.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Target, real; several for the squared loss alone.
    loss : {"squared", "sqrt", "absolute"}, default="squared"
        F, in this order.
    alphas : array-like of shape (n_alphas,), default=None
        Strengths, positive; solved from the largest to the smallest. None is a geometric grid from the smallest
        strength at which all penalised coefficients are zero.
    n_alphas : int, default=100
        Number of strengths in that grid.
    eps : float, default=1e-3
        Smallest over largest strength in it, in (0, 1).
    feature_weights : array-like of shape (n_features,), default=None
        :math:`\omega` in [0, inf]; None is 1. 0: never penalised; inf: never in use. Equal within groups.
    groups : array-like of shape (n_features,), default=None
        Integer labels: columns of the same are in use together, or not at all. For the squared loss.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights s, not negative; None is 1.
    fit_intercept : bool, default=False
        Whether b is fitted; else it is 0.
    positive : bool, default=False
        Whether coefficients must not be negative; for one target without groups.
    tol : float, default=1e-6
        Largest duality gap, relative to the objective without penalised columns. The absolute loss goes to a vertex,
        whose gap is rounding.
    max_iter : int, default=None
        Working sets for one strength, or edges of the absolute loss, at most; None is 100, or 50 for each row and
        column.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,)
        Strengths, falling.
    coefs : ndarray of shape (n_features, n_alphas) or (n_targets, n_features, n_alphas)
        Coefficients.
    gaps : ndarray of shape (n_alphas,)
        Duality gaps, in units of the objective: no other coefficients are better by more than that.
    intercepts : ndarray of shape (n_alphas,) or (n_targets, n_alphas)
        Intercepts b.

    Raises
    ------
    ValueError
        For NaN or infinity, complex data, shapes that do not fit, negative weights, weights that differ within a group,
        several targets or groups with another loss or with `positive`, `alphas` that are not positive, or other
        parameters out of range.
    TypeError
        For a LinearOperator, and for sparse X with the absolute loss.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` working sets did not reach `tol`.

    See Also
    --------
    WeightedLasso, SquareRootLasso, LADLasso : One strength, as estimators.

    Notes
    -----
    A working set costs a product with X, unless the gap excludes columns; within it, an epoch of coordinate descent
    O(m k) for k columns, and a Newton step on the support O(k^3) (dense X) or some products with it. Memory: a copy of
    dense X unless it is in Fortran order, of the same precision, unweighted and without an intercept; and the inner
    products of up to 4096 columns in use.

    References
    ----------
    :cite:`tibshirani1996`, :cite:`massias2018`, :cite:`ndiaye2017`, :cite:`belloni2011`, :cite:`wang2007lad`,
    :cite:`yuan2006`, :cite:`obozinski2010`

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
    check_choice(loss, "loss", LOSSES)
    X, y, omega, s = checked(X, y, feature_weights, sample_weight, **limits(loss, positive=positive))
    check_tol(tol)
    check_max_iter(max_iter)
    if groups is not None and loss != "squared":
        msg = f"groups must come with loss='squared', got {loss!r}"
        raise ValueError(msg)
    fit = convex_fit(
        X,
        y,
        loss=loss,
        omega=omega,
        sample_weight=s,
        center=bool(fit_intercept),
        positive=bool(positive),
        tol=tol,
        max_iter=max_iter,
        groups=check_groups(groups, omega, positive=positive),
    )
    alphas = strengths(fit, n_alphas if alphas is None else alphas, eps, "alphas" if alphas is not None else "n_alphas")
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
    return alphas, coefs.T, np.array(gaps), intercepts.T


def strengths(fit, alphas, eps, name="alphas"):
    """The given strengths, falling, or as many as `alphas` on a geometric grid."""
    if not isinstance(alphas, Integral):
        given = np.sort(np.asarray(alphas, float).reshape(-1))[::-1]
        if np.ndim(alphas) != 1 or not len(given) or not (0 < given[-1] <= given[0] < np.inf):
            msg = f"alphas must be strengths (n_alphas,) in (0, inf), or how many of them, got {alphas!r}"
            raise ValueError(msg)
        return given
    check_scalar(alphas, name, Integral, min_val=1)
    check_scalar(eps, "eps", Real, min_val=0, max_val=1, include_boundaries="neither")
    largest = fit.largest_alpha() or np.finfo(float).tiny ** 0.5
    return largest * np.geomspace(1, eps, alphas)

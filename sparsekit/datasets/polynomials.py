"""Tensor products of orthonormal polynomials on a hyperbolic cross: designs for functions of many variables."""

from numbers import Integral

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.polynomial.legendre import legvander
from sklearn.utils import check_scalar

from sparsekit.core.validation import check_choice

_FAMILIES = ("legendre", "chebyshev")


def hyperbolic_cross(n_dims, order):
    r"""Multi-indices whose variables are of high degree one at a time.

    .. math:: \{\nu \in \mathbb{N}_0^d : \prod_{k=1}^d (\nu_k + 1) \le n + 1\}

    Parameters
    ----------
    n_dims : int
        Number d of variables, >= 1.
    order : int
        The largest degree n, >= 0.

    Returns
    -------
    indices : ndarray of shape (n_indices, n_dims)
        Integers, sorted by the product, equal products lexicographically: the constant is first.

    Raises
    ------
    ValueError
        For numbers out of range.

    See Also
    --------
    polynomial_design : The polynomials at given points.
    intrinsic_weights : Their largest values.

    Notes
    -----
    Costs at most O(n_indices (n_dims^2 + log n_indices)): the set grows by one variable at a time and never shrinks, so
    that the grid of all degrees is not touched. The size grows like n (log n)^(d - 1).

    References
    ----------
    :cite:`adcock2022`

    Examples
    --------
    >>> from sparsekit.datasets import hyperbolic_cross
    >>> hyperbolic_cross(2, 2)
    array([[0, 0],
           [0, 1],
           [1, 0],
           [0, 2],
           [2, 0]])
    """
    check_scalar(n_dims, "n_dims", Integral, min_val=1)
    check_scalar(order, "order", Integral, min_val=0)
    indices, products = np.zeros((1, 0), int), np.ones(1, int)
    for _ in range(n_dims):
        counts = (order + 1) // products  # degrees 0 ... count - 1 fit beside what is there
        degrees = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        indices = np.column_stack([np.repeat(indices, counts, axis=0), degrees])
        products = np.repeat(products, counts) * (degrees + 1)
    return indices[np.argsort(products, kind="stable")]


def polynomial_design(points, indices, *, family="legendre"):
    r"""Orthonormal polynomials of many variables at given points.

    .. math:: X_{i \nu} = \prod_{k=1}^d p_{\nu_k}(t_{ik}), \quad \int p_a p_b \, d\mu = [a = b]

    Parameters
    ----------
    points : array-like of shape (n_points, n_dims)
        Points t in [-1, 1]^d.
    indices : array-like of shape (n_indices, n_dims)
        Degrees, integers >= 0.
    family : {"legendre", "chebyshev"}, default="legendre"
        The probability measure on [-1, 1]: uniform, or with density :math:`1 / (\pi \sqrt{1 - t^2})`.

    Returns
    -------
    X : ndarray of shape (n_points, n_indices)
        One column a multi-index; its squares have mean 1 over points drawn from the measure.

    Raises
    ------
    ValueError
        For points outside [-1, 1], degrees that are not integers >= 0, shapes that do not fit or an unknown family.

    See Also
    --------
    hyperbolic_cross : Multi-indices.

    Notes
    -----
    Costs O(n_points n_dims degree) for the recurrences and one multiplication an entry and variable of degree > 0.

    References
    ----------
    :cite:`adcock2022`

    Examples
    --------
    >>> from sparsekit.datasets import polynomial_design
    >>> polynomial_design([[0.0, 1.0], [1.0, 1.0]], [[0, 0], [1, 1]], family="chebyshev").round(12)
    array([[1., 0.],
           [1., 2.]])
    """
    check_choice(family, "family", _FAMILIES)
    indices, points = _check_indices(indices), np.asarray(points, float)
    if points.ndim != 2 or points.shape[1] != indices.shape[1]:
        msg = f"points must have shape (n_points, {indices.shape[1]}), as wide as indices, got {points.shape}"
        raise ValueError(msg)
    if not (np.abs(points) <= 1).all():
        msg = "points must be in [-1, 1]"
        raise ValueError(msg)
    vander = legvander if family == "legendre" else chebvander
    X = np.ones((len(points), len(indices)))
    for t, degrees in zip(points.T, indices.T, strict=True):
        columns = np.flatnonzero(degrees)
        each = np.arange(degrees.max(initial=0) + 1)
        X[:, columns] *= (vander(t, each[-1]) * _largest(each, family))[:, degrees[columns]]
    return X


def intrinsic_weights(indices, *, family="legendre"):
    r"""Largest absolute values of orthonormal polynomials on [-1, 1]^d.

    .. math:: \omega_\nu = \prod_{k=1}^d \sqrt{2 \nu_k + 1} \text{ (Legendre)}, \quad
        \omega_\nu = \sqrt 2^{\#\{k : \nu_k > 0\}} \text{ (Chebyshev)}

    Parameters
    ----------
    indices : array-like of shape (n_indices, n_dims)
        Degrees, integers >= 0.
    family : {"legendre", "chebyshev"}, default="legendre"
        Which polynomials.

    Returns
    -------
    weights : ndarray of shape (n_indices,)
        All >= 1: feature weights that prefer polynomials which a few points cannot mistake for a spike.

    Raises
    ------
    ValueError
        For degrees that are not integers >= 0, or an unknown family.

    See Also
    --------
    polynomial_design : The polynomials.

    Notes
    -----
    Costs O(n_indices n_dims).

    References
    ----------
    :cite:`adcock2022`

    Examples
    --------
    >>> from sparsekit.datasets import intrinsic_weights
    >>> intrinsic_weights([[0, 0], [4, 0], [1, 1]])
    array([1., 3., 3.])
    """
    check_choice(family, "family", _FAMILIES)
    return _largest(_check_indices(indices), family).prod(axis=1)


def _largest(degrees, family):
    """Sup norms of the orthonormal polynomials of one variable; those of classical normalisation have sup norm 1."""
    return np.sqrt(2 * degrees + 1) if family == "legendre" else np.sqrt(np.where(degrees > 0, 2.0, 1.0))


def _check_indices(indices):
    indices = np.asarray(indices)
    if indices.ndim != 2 or not np.issubdtype(indices.dtype, np.integer) or (indices < 0).any():
        msg = (
            f"indices must be integers >= 0 of shape (n_indices, n_dims), got {indices.dtype} of shape {indices.shape}"
        )
        raise ValueError(msg)
    return indices.astype(np.int64)

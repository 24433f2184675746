"""How close to orthogonal few columns of a matrix are: mutual coherence, and restricted isometry from below."""

from numbers import Integral

import numpy as np
from scipy.sparse import diags_array, issparse
from sklearn.utils import check_random_state, check_scalar

from sparsekit.core.operators import Design
from sparsekit.core.validation import check_matrix

_BLOCK = 256  # columns whose products with the others are looked at at a time


def mutual_coherence(X):
    r"""Largest absolute cosine of two different columns.

    .. math:: \mu(X) = \max_{i \neq j} \frac{|x_i^H x_j|}{\|x_i\| \|x_j\|}

    Parameters
    ----------
    X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
        Columns, real or complex.

    Returns
    -------
    coherence : float
        In [0, 1]. Zero columns are ignored; 0 when there are no two others.

    Raises
    ------
    ValueError
        For NaN or infinity.

    See Also
    --------
    restricted_isometry_estimate : Looks at more than two columns at a time.

    Notes
    -----
    O(n_samples n_features^2) in float64, 256 columns at a time; sparse products for sparse X, which is copied.
    Orthogonal matching pursuit finds every signal of fewer than :math:`(1 + 1 / \mu) / 2` columns :cite:`tropp2007`.

    References
    ----------
    :cite:`tropp2007`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import mutual_coherence
    >>> mutual_coherence(np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 2.0]]))
    0.7071067811865475
    """
    X = check_matrix(X)
    if not issparse(X):
        X = _unit_columns(Design(X))
    else:
        X = X.astype(np.result_type(X, np.float64)).tocsc()
        peaks = abs(X).max(axis=0).toarray().ravel()
        X = X @ diags_array(1 / np.where(peaks > 0, peaks, 1))
        lengths = np.sqrt(Design(X).squared_norms())
        X = (X @ diags_array(1 / np.where(lengths > 0, lengths, 1))).tocsc()
    largest = 0.0
    for start in range(0, X.shape[1], _BLOCK):
        cosines = abs(X[:, start : start + _BLOCK].conj().T @ X[:, start:])
        if issparse(cosines):
            cosines = cosines.tocoo()
            largest = max(largest, cosines.data[cosines.row != cosines.col].max(initial=0))
        else:
            np.fill_diagonal(cosines, 0)
            largest = max(largest, cosines.max())
    return float(min(largest, 1.0))


def _unit_columns(design):
    """All columns, dense, in double precision, divided by their lengths; zero columns stay zero."""
    A = design.columns(slice(None))
    A = A.astype(np.result_type(A, np.float64))
    for divisor in (np.abs(A).max(axis=0), None):
        lengths = np.linalg.norm(A, axis=0) if divisor is None else divisor
        A = A / np.where(lengths > 0, lengths, 1)
    return A


def restricted_isometry_estimate(X, n_nonzero_coefs, *, n_trials=100, random_state=None):
    r"""Lower bound on the restricted isometry constant, by a search for badly conditioned sets of columns.

    The constant is the smallest :math:`\delta_k` with

    .. math:: (1 - \delta_k) \|w\|^2 \leq \|X w\|^2 \leq (1 + \delta_k) \|w\|^2
        \quad \text{for all } w \text{ with at most } k \text{ non-zero entries}

    Parameters
    ----------
    X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
        Columns, real or complex, taken as they are: not normalised, and with lengths far from 1 the constant is large.
    n_nonzero_coefs : int
        At most n_features: the k of the formula.
    n_trials : int, default=100
        Random sets of k columns; the search starts from the worst of them.
    random_state : int, RandomState instance or None, default=None
        Determines the sets.

    Returns
    -------
    delta : float
        At most the constant, which is hard to compute: a large value disproves, a small one proves nothing.
    support : ndarray of shape (n_nonzero_coefs,)
        The columns for which :math:`\max(\sigma_{\max}^2 - 1, 1 - \sigma_{\min}^2)` is delta, in rising order.

    Raises
    ------
    ValueError
        For NaN or infinity, and parameters out of their ranges.

    See Also
    --------
    mutual_coherence : With unit columns and k = 2 the constant itself.

    Notes
    -----
    From the worst set on, one column is exchanged at a time as long as delta rises. For each column of the set that one
    comes in its place that moves an extreme singular value most when its vector may only change in the new column.
    O(n_trials n_samples k^2 + n_steps k ((n_samples + k) n_features + n_samples k^2)).

    References
    ----------
    :cite:`adcock2022`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import restricted_isometry_estimate
    >>> X = np.eye(4)
    >>> X[:, 3] = [0.6, 0, 0, 0.8]
    >>> delta, support = restricted_isometry_estimate(X, 2, random_state=0)
    >>> round(delta, 10), support
    (0.6, array([0, 3]))
    """
    X = check_matrix(X)
    k = check_scalar(n_nonzero_coefs, "n_nonzero_coefs", Integral, min_val=1, max_val=X.shape[1])
    check_scalar(n_trials, "n_trials", Integral, min_val=1)
    rng, design = check_random_state(random_state), Design(X)
    delta, support = -1.0, None
    for _ in range(n_trials):
        trial = rng.choice(X.shape[1], k, replace=False)
        value = _deviation(_columns(design, trial))
        if value > delta:
            delta, support = value, trial
    norms = design.squared_norms()
    improved = k < X.shape[1]
    while improved:
        found = max((_exchanged(design, norms, support, side) for side in (1, -1)), key=lambda each: each[0])
        improved = found[0] > delta * (1 + 1e-12)
        if improved:
            delta, support = found
    return float(delta), np.sort(support)


def _columns(design, support):
    A = design.columns(support)
    return A.astype(np.result_type(A, np.float64))


def _deviation(A):
    """max(sigma_max^2 - 1, 1 - sigma_min^2) of a matrix (m, k); sigma_min is 0 for m < k."""
    sigma = np.linalg.svd(A, compute_uv=False)
    least = sigma[-1] if A.shape[0] >= A.shape[1] else 0.0
    return max(sigma[0] ** 2 - 1, 1 - least**2)


def _exchanged(design, norms, support, side):
    """The best exchange of one column found: the deviation after it and the new support.

    With v the singular vector of sigma_max (side 1) or sigma_min (side -1), and v_i its entry i set to zero, column i
    leaves and j comes: the 2 x 2 matrix of A^H A on v_i / ||v_i|| and e_j bounds the new value from inside. For every i
    the j with the best bound is tried.
    """
    A = _columns(design, support)
    _, _, V = np.linalg.svd(A, full_matrices=True)
    v = V[0 if side == 1 else -1].conj()
    C = design.adjoint(A)  # (n, k)
    gram, best = A.conj().T @ A, (-np.inf, support)
    outside = np.ones(len(norms), bool)
    outside[support] = False
    for i in range(len(support)):
        rest = v.copy()
        rest[i] = 0
        length = np.linalg.norm(rest)
        rest = rest / length if length > 0 else rest
        energy = float((rest.conj() @ gram @ rest).real)
        half, middle = (norms - energy) / 2, (norms + energy) / 2
        value = side * (middle + side * np.hypot(half, np.abs(C @ rest)) if length > 0 else norms)
        new = support.copy()
        new[i] = np.where(outside, value, -np.inf).argmax()
        best = max(best, (_deviation(_columns(design, new)), new), key=lambda each: each[0])
    return best

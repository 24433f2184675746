"""The weighted, centred regression problem as explicit dense float64 (or complex128) matrices."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, aslinearoperator

# every form in which one and the same matrix may arrive
KINDS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr_array": sp.csr_array,
    "csc_array": sp.csc_array,
    "csr_matrix": sp.csr_matrix,
    "csc_matrix": sp.csc_matrix,
    "operator": aslinearoperator,
}
SPARSE = ["csr_array", "csc_array", "csr_matrix", "csc_matrix"]


def dense(X):
    """X in any of its forms -> ndarray in double precision."""
    if isinstance(X, LinearOperator):
        X = X @ np.eye(X.shape[1])
    X = X.toarray() if sp.issparse(X) else np.asarray(X)
    return X.astype(np.result_type(X.dtype, np.float64))


def centred(X, sample_weight=None, center=False):
    """-> diag(sqrt(s)) (X - 1 mean^T), mean; for a matrix or for a vector of targets"""
    X = dense(X)
    s = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    mean = s @ X / s.sum() if center else 0 * X[0]
    return (np.sqrt(s) * (X - mean).T).T, mean


def scattered(m, n, density):
    """A sparse matrix of normal entries at random places, in coordinates."""
    rng = np.random.default_rng(0)
    places = rng.choice(m * n, int(density * m * n), replace=False)
    return sp.coo_array((rng.standard_normal(len(places)), np.divmod(places, n)), shape=(m, n))

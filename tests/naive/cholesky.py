"""What the Cholesky kernels must agree with: a Gram matrix, enlarged and cut down as a whole."""

import numpy as np


def gram(A):
    return A.conj().T @ A


def delete(G, position):
    """The Gram matrix without one of its columns."""
    return np.delete(np.delete(G, position, axis=0), position, axis=1)


def squared_distance(A, a):
    """Squared distance of the vector a to the span of the columns of A."""
    return np.linalg.norm(a - A @ np.linalg.lstsq(A, a, rcond=None)[0]) ** 2

"""Dictionaries that need no data: atoms as rows, of unit norm."""

from functools import reduce

import numpy as np


def dct_dictionary(n_atoms, shape):
    """Overcomplete dictionary of cosines, as in the K-SVD papers.

    Along each axis of length n, atom k is cos(pi k (i + 1/2) / n_atoms) for i = 0 ... n - 1, its mean taken out when
    k > 0; several axes multiply.

    Parameters
    ----------
    n_atoms : int or tuple of int
        Number of frequencies along each axis; an int serves every axis. As many as samples gives the orthonormal basis.
    shape : int or tuple of int
        Shape of a signal or patch.

    Returns
    -------
    dictionary : ndarray of shape (prod(n_atoms), prod(shape))
        Atoms as rows, of unit norm.

    Raises
    ------
    ValueError
        When the lengths of `n_atoms` and `shape` differ or a number is below 1.

    References
    ----------
    :cite:`elad2006`

    Examples
    --------
    >>> from sparsekit.datasets import dct_dictionary
    >>> dct_dictionary(16, (8, 8)).shape
    (256, 64)
    """
    shape = (shape,) if np.isscalar(shape) else tuple(shape)
    n_atoms = (n_atoms,) * len(shape) if np.isscalar(n_atoms) else tuple(n_atoms)
    if len(n_atoms) != len(shape) or min(n_atoms + shape, default=0) < 1:
        msg = f"n_atoms and shape must have one number of at least 1 for each axis, got {n_atoms} and {shape}"
        raise ValueError(msg)
    return reduce(np.kron, map(_cosines, n_atoms, shape))


def _cosines(n_atoms, n_samples):
    atoms = np.cos(np.pi * np.outer(np.arange(n_atoms), np.arange(n_samples) + 0.5) / n_atoms)
    atoms[1:] -= atoms[1:].mean(axis=1, keepdims=True)
    return atoms / np.linalg.norm(atoms, axis=1, keepdims=True)

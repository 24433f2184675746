"""Groups of columns: who belongs where, norms of blocks, and the eigenvectors of the groups in use."""

from typing import NamedTuple

import numpy as np

_FLAT = 1e-14  # times the size of the group: eigenvalue, relative to the largest, of directions that do nothing


class Part(NamedTuple):
    """Some groups: their indices, their columns, and for each column the position of its group among them."""

    groups: np.ndarray
    columns: np.ndarray
    owners: np.ndarray


class Blocks:
    """Which columns belong together, and the eigenvectors of the groups in use.

    Parameters
    ----------
    columns : DenseGroups or SparseGroups of n columns
        For inner products.
    labels : ndarray of shape (n,)
        Group of each column in 0, ..., n_groups - 1; -1: in none.
    n_groups : int
        None of them without columns.

    Attributes
    ----------
    bounds : ndarray of shape (n_groups,)
        ||A_g||_2^2 of groups that were in use, ||A_g||_F^2 of the others.
    everything : Part
        All groups.
    """

    def __init__(self, columns, labels, n_groups):
        self._columns = columns
        order = np.argsort(labels, kind="stable")
        self._members = order[np.count_nonzero(labels < 0) :]
        self._sizes = np.bincount(labels[self._members], minlength=n_groups)
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)])
        self.everything = Part(np.arange(n_groups), self._members, np.repeat(np.arange(n_groups), self._sizes))
        self.bounds = np.bincount(labels[self._members], columns.norms[self._members], minlength=n_groups)
        self._values, self._ranks = columns.norms[self._members], np.minimum(self._sizes, 1)
        self._vectors, self._stored = np.ones(1), 1  # the eigenvector of every group of one column is at 0
        self._places = np.where(self._sizes == 1, 0, -1)

    def part(self, groups):
        """These groups (indices, or a mask)."""
        groups = np.flatnonzero(groups) if groups.dtype == bool else groups
        sizes = self._sizes[groups]
        ends = np.cumsum(sizes)
        inside = np.arange(sizes.sum()) + np.repeat(self._starts[groups] - ends + sizes, sizes)
        return Part(groups, self._members[inside], np.repeat(np.arange(len(groups)), sizes))

    def prepared(self, groups):
        """What the kernels need for these groups."""
        for g in groups[self._places[groups] < 0]:
            self._decompose(g)
        return self._members, self._starts, self._values, self._ranks, self._vectors, self._places

    def _decompose(self, g):
        inside = slice(self._starts[g], self._starts[g + 1])
        d, V = np.linalg.eigh(self._columns.products_once(self._members[inside]))
        kept = d > _FLAT * len(d) * d[-1]
        rank, V = np.count_nonzero(kept), V[:, kept].ravel()
        if self._stored + len(V) > len(self._vectors):
            vectors = np.empty(2 * (self._stored + len(V)))
            vectors[: self._stored] = self._vectors[: self._stored]
            self._vectors = vectors
        self._vectors[self._stored : self._stored + len(V)] = V
        self._places[g], self._ranks[g], self.bounds[g] = self._stored, rank, d[-1]
        self._values[self._starts[g] : self._starts[g] + rank] = d[kept]
        self._stored += len(V)


def lengths(x, part):
    """The norms of the blocks of x (n, t), (k,)."""
    return owned_lengths(x[part.columns], part)


def owned_lengths(x, part):
    """The same for the rows x of the columns of the part alone."""
    return np.sqrt(owned_sums(x * x, part))


def owned_sums(x, part):
    """Sums of the rows of each group."""
    return np.bincount(part.owners, x.sum(axis=1), minlength=len(part.groups))

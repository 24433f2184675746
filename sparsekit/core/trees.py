"""Rooted trees on flat arrays: breadth-first positions, lowest common ancestors, sums along paths and over subtrees.

Nodes are renumbered breadth first, children of a node in ascending order of their index: a parent stands before its
children, and the children of the node at position p are the positions from starts[p] to starts[p + 1].
"""

from typing import NamedTuple

import numpy as np

from sparsekit.core.kernels import kernel


class Tree(NamedTuple):
    """A rooted tree of n nodes; all arrays but `order` and `position` are by position."""

    order: np.ndarray  # (n,) node at each position; the root is first
    position: np.ndarray  # (n,) the inverse: position of each node
    parent: np.ndarray  # (n,) position of the parent, -1 at the root
    starts: np.ndarray  # (n + 1,) first child
    length: np.ndarray  # (n,) weight of the edge to the parent, 0 at the root
    depth: np.ndarray  # (n,) edges to the root


def rooted(u, v, weight, n_nodes, root):
    """The tree of these edges from a root.

    Parameters
    ----------
    u, v : ndarray of shape (n_nodes - 1,)
        Ends of the edges.
    weight : ndarray of shape (n_nodes - 1,)
        Their lengths.
    n_nodes : int
        Number of nodes.
    root : int
        Node at position 0.

    Returns
    -------
    tree : Tree
        O(n log n).

    Raises
    ------
    ValueError
        Where the edges do not connect all nodes.
    """
    ends, others = np.concatenate([u, v]), np.concatenate([v, u])
    sort = np.lexsort((others, ends))
    starts = np.searchsorted(ends[sort], np.arange(n_nodes + 1))
    order, parent, first, edge = _breadth_first(starts, others[sort], n_nodes, root)
    if order[-1] < 0:
        msg = f"the edges connect {np.count_nonzero(order >= 0)} of {n_nodes} nodes"
        raise ValueError(msg)
    position = np.empty(n_nodes, np.int64)
    position[order] = np.arange(n_nodes)
    length = np.zeros(n_nodes)
    length[1:] = np.concatenate([weight, weight])[sort][edge[1:]]
    return Tree(order, position, parent, first, length, _depths(parent))


@kernel
def _breadth_first(starts, others, n, root):
    """Nodes in order (-1 where none is reached), positions of parents, first children, and index of the edge taken."""
    order, parent, edge = np.full(n, -1), np.full(n, -1), np.full(n, -1)
    first, seen = np.full(n + 1, n), np.zeros(n, np.bool_)
    order[0], seen[root], end = root, True, 1
    for p in range(n):
        if order[p] < 0:
            break
        first[p] = end
        for e in range(starts[order[p]], starts[order[p] + 1]):
            x = others[e]
            if not seen[x]:
                seen[x] = True
                order[end], parent[end], edge[end] = x, p, e
                end += 1
    return order, parent, first, edge


@kernel
def _depths(parent):
    depth = np.zeros(len(parent), np.int64)
    for p in range(1, len(parent)):
        depth[p] = depth[parent[p]] + 1
    return depth


@kernel
def subtree_sums(parent, values):
    """Sums of values (n,) over the subtree of each position, itself included."""
    sums = values.copy()
    for p in range(len(parent) - 1, 0, -1):
        sums[parent[p]] += sums[p]
    return sums


@kernel
def path_sums(parent, values):
    """Sums of values (n,) from the root, whose value does not count, to each position."""
    sums = np.zeros_like(values)
    for p in range(1, len(parent)):
        sums[p] = sums[parent[p]] + values[p]
    return sums

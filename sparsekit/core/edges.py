"""Graphs of any form as canonical edges: u < v, sorted, with positive weights and the labels of the nodes."""

import warnings
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array, issparse
from scipy.sparse.csgraph import connected_components

_ASYMMETRY = 1e6  # roundings by which two entries of an adjacency may differ


class Edges(NamedTuple):
    """An undirected graph."""

    n_nodes: int
    u: np.ndarray  # (m,) int64, smaller end
    v: np.ndarray  # (m,) int64, larger end; pairs are sorted
    weight: np.ndarray  # (m,) float64, positive
    nodes: np.ndarray  # (n_nodes,) labels


def check_edges(graph, *, weight="weight", connected=False):
    """Canonical edges of a graph.

    Parameters
    ----------
    graph : networkx graph, sparse matrix, or array
        A networkx graph, whose directions do not count; a symmetric adjacency (n, n), sparse, or dense for n > 3, where
        zeros are no edges; edges (m, 2), or (m, 3) with weights; or parents (n,), -1 or itself at a root.
    weight : str, default="weight"
        Attribute of networkx edges; 1 where it is missing.
    connected : bool, default=False
        Whether a graph of several components is an error.

    Returns
    -------
    edges : Edges
        Self loops are dropped, with a warning; an edge that is given twice counts once.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For a graph without nodes, weights that are not positive and finite, two weights of one edge, an adjacency that
        is not symmetric, parents in circles, and several components if they are an error.
    """
    if hasattr(graph, "nodes") and hasattr(graph, "edges"):
        ends, weights, nodes = _of_networkx(graph, weight)
    elif is_matrix(graph):
        ends, weights, nodes = _of_adjacency(graph if issparse(graph) else np.asarray(graph))
    else:
        ends, weights, nodes = _of_array(np.asarray(graph))
    if not len(nodes):
        msg = "graph must have a node, got none"
        raise ValueError(msg)
    _check_weights(weights)
    edges = _canonical(ends, weights, nodes)
    if connected:
        n_components = components(edges).max() + 1
        if n_components > 1:
            msg = f"graph must be connected, got {n_components} components: embed them one by one, or forest=True"
            raise ValueError(msg)
    return edges


def is_matrix(graph):
    """Whether an array is to be an adjacency: a sparse one, or one of two axes whose rows are not those of edges."""
    return issparse(graph) or (np.ndim(graph) == 2 and np.shape(graph)[1] not in (2, 3))


def adjacency(edges):
    """Symmetric adjacency, csr_array of shape (n_nodes, n_nodes)."""
    ends = np.concatenate([edges.u, edges.v]), np.concatenate([edges.v, edges.u])
    return csr_array((np.tile(edges.weight, 2), ends), shape=(edges.n_nodes, edges.n_nodes))


def components(edges):
    """Component of each node (n_nodes,): 0 for that of the first node, and so on."""
    return connected_components(adjacency(edges), directed=False)[1]


def _check_weights(weights):
    bad = ~(np.isfinite(weights) & (weights > 0))
    if bad.any():
        msg = f"graph must have positive finite weights, got {weights[bad][0]}"
        raise ValueError(msg)


def _of_networkx(graph, weight):
    labels = list(graph.nodes)
    index = {label: i for i, label in enumerate(labels)}
    rows = [(index[a], index[b], data.get(weight, 1.0)) for a, b, data in graph.edges(data=True)]
    table = np.array(rows, float).reshape(-1, 3)
    nodes = np.array(labels) if all(type(label) is int for label in labels) else np.empty(len(labels), object)
    if nodes.dtype == object:
        nodes[:] = labels
    return table[:, :2].astype(np.int64), table[:, 2], nodes


def _of_adjacency(graph):
    if graph.ndim != 2 or graph.shape[0] != graph.shape[1]:
        msg = f"graph must be a square adjacency, or edges (m, 2) or (m, 3), got shape {graph.shape}"
        raise ValueError(msg)
    if graph.dtype.kind not in "biuf":
        msg = f"graph must have real numbers as weights, got {graph.dtype}"
        raise TypeError(msg)
    rounding = np.finfo(graph.dtype).eps if graph.dtype.kind == "f" else 0.0
    A = coo_array(graph).astype(np.float64)
    A.sum_duplicates()
    _check_weights(A.data[A.data != 0])
    difference = abs(A - A.T)
    if difference.nnz and difference.max() > _ASYMMETRY * rounding * A.max():
        msg = "graph must be a symmetric adjacency: use A.maximum(A.T) for the undirected graph"
        raise ValueError(msg)
    rows, columns = A.coords
    kept = (rows <= columns) & (A.data != 0)
    return np.stack([rows[kept], columns[kept]], axis=1).astype(np.int64), A.data[kept], np.arange(graph.shape[0])


def _of_array(array):
    if array.ndim == 1 and array.dtype.kind in "iu":
        return _of_parents(array.astype(np.int64))
    if array.ndim == 2 and array.shape[1] in (2, 3) and array.dtype.kind in "iuf":
        ends, weights = array[:, :2], array[:, 2].astype(float) if array.shape[1] == 3 else np.ones(len(array))
        if not np.isfinite(ends).all() or (ends % 1).any():
            bad = "fractions" if np.isfinite(ends).all() else "NaN or infinity"
            msg = f"graph must have integers as nodes in the first two columns of its edges, got {bad}"
            raise ValueError(msg)
        nodes, places = np.unique(ends.astype(np.int64), return_inverse=True)
        return places.reshape(ends.shape), weights, nodes
    msg = (
        "graph must be a networkx graph, an adjacency (n, n), edges (m, 2) or (m, 3), or integer parents (n,), got "
        f"an array of {array.dtype} of shape {array.shape}"
    )
    raise TypeError(msg)


def _of_parents(parents):
    n = len(parents)
    own = np.arange(n)
    if n and not (parents.min() >= -1 and parents.max() < n):
        msg = f"graph must have parents from -1 to {n - 1}, got {parents.min()} to {parents.max()}"
        raise ValueError(msg)
    children = np.flatnonzero((parents >= 0) & (parents != own))
    above = np.where(parents < 0, own, parents)
    for _ in range(max(1, n).bit_length()):
        above = above[above]
    if (above != np.where(parents[above] < 0, above, parents[above])).any():
        msg = "graph must have parents without circles"
        raise ValueError(msg)
    return np.stack([children, parents[children]], axis=1), np.ones(len(children)), own


def _canonical(ends, weights, nodes):
    loops = ends[:, 0] == ends[:, 1]
    if loops.any():
        warnings.warn(f"{np.count_nonzero(loops)} self loops were dropped", UserWarning, stacklevel=3)
        ends, weights = ends[~loops], weights[~loops]
    u, v = ends.min(axis=1, initial=len(nodes)), ends.max(axis=1, initial=-1)
    order = np.lexsort((weights, v, u))
    u, v, weights = u[order], v[order], weights[order]
    again = np.zeros(len(u), bool)
    again[1:] = (u[1:] == u[:-1]) & (v[1:] == v[:-1])
    different = np.flatnonzero(again[1:] & (weights[1:] != weights[:-1]))
    if len(different):
        i = different[0]
        msg = (
            f"graph must have one weight an edge, got {weights[i]} and {weights[i + 1]} between {nodes[u[i]]!r} and "
            f"{nodes[v[i]]!r}"
        )
        raise ValueError(msg)
    kept = ~again
    return Edges(len(nodes), u[kept].astype(np.int64), v[kept].astype(np.int64), weights[kept], nodes)


class NodeIndex:
    """Indices of labels.

    Parameters
    ----------
    nodes : ndarray of shape (n_nodes,)
        Labels, of integers or objects.
    """

    def __init__(self, nodes):
        self._nodes = nodes
        if nodes.dtype == object:
            self._index = {label: i for i, label in enumerate(nodes)}
        else:
            self._order = np.argsort(nodes, kind="stable")

    def find(self, labels):
        """Index of one label, or indices of many.

        Parameters
        ----------
        labels : label, or array-like of labels
            What is a label is not taken for a sequence of some.

        Returns
        -------
        indices : ndarray of int64
            Of shape () for a label, else of the shape of the labels.

        Raises
        ------
        ValueError
            For one that is not among the nodes.
        """
        return self._among_objects(labels) if self._nodes.dtype == object else self._among_integers(labels)

    def _among_objects(self, labels):
        if isinstance(labels, str) or (isinstance(labels, Hashable) and labels in self._index):
            return np.array(self._index[labels] if labels in self._index else _unknown(labels))
        if not isinstance(labels, list | tuple | np.ndarray):
            _unknown(labels)
        return np.array([self._among_objects(label) for label in labels], np.int64)

    def _among_integers(self, labels):
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu" and labels.size:
            _unknown(labels.flat[0])
        places = np.minimum(np.searchsorted(self._nodes, labels, sorter=self._order), len(self._nodes) - 1)
        indices = self._order[places]
        unknown = self._nodes[indices] != labels
        if unknown.any():
            _unknown(labels[unknown].flat[0])
        return indices.astype(np.int64)


def _unknown(label):
    label = label.item() if isinstance(label, np.generic) else label
    msg = f"node must be one of the graph's, got {label!r}"
    raise ValueError(msg)

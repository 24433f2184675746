"""A tree of a graph, rooted: breadth first, or of least weight."""

from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

from sparsekit.core.edges import adjacency, check_edges, components
from sparsekit.core.trees import Tree, path_sums, rooted
from sparsekit.core.validation import check_choice

METHODS = ("bfs", "mst")
_SMALL = 2000  # nodes up to which the centre of a graph that is no tree is looked for among all


class GraphTree(NamedTuple):
    """A rooted tree of a graph."""

    nodes: np.ndarray  # (n_total,) labels; those of added nodes come last
    tree: Tree  # whose nodes are indices to these
    n_added: int  # nodes that are not the graph's


def graph_to_tree(graph, *, method="bfs", root="center", forest=False, weight="weight"):
    """A rooted tree of a graph.

    Parameters
    ----------
    graph : graph
        A networkx graph, sparse adjacency (n_nodes, n_nodes), edges (n_edges, 2) or (n_edges, 3) with weights, or
        parents (n_nodes,).
    method : {"bfs", "mst"}, default="bfs"
        Breadth first from the root, by numbers of edges, a node hanging from the first of its neighbours that was
        reached; or the spanning tree of least weight.
    root : "center", "max_degree" or node, default="center"
        The node whose farthest node is nearest, in the graph for "bfs" (by edges), in the tree for "mst" (by weights);
        the node with most neighbours; or one that is named. Among equals the first.
    forest : bool, default=False
        Whether several components are joined, by a node that is added and is the root: its edges to their own roots
        are as long as the longest of the graph. Else they are an error.
    weight : str, default="weight"
        Attribute of networkx edges.

    Returns
    -------
    graph_tree : GraphTree
        Labels (n_total,), a tree on their indices by breadth-first position, and the number of added nodes.

    Raises
    ------
    ValueError
        For graphs without nodes or with several components, weights that are not positive, an unknown root, and other
        methods.
    TypeError
        For what is no graph.

    Notes
    -----
    O(m log n) for m edges of n nodes. The centre of a tree is found exactly; that of a graph with more than 2000 nodes
    for "bfs" is the middle of a longest path between nodes that are mutually farthest, and may be an edge off.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import graph_to_tree
    >>> square = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])
    >>> nodes, tree, n_added = graph_to_tree(square, root=0)
    >>> nodes[tree.order], tree.parent
    (array([0, 1, 3, 2]), array([-1,  0,  0,  1]))
    """
    check_choice(method, "method", METHODS)
    edges = check_edges(graph, weight=weight, connected=not forest)
    parts = components(edges)
    if parts.max() == 0:
        return GraphTree(edges.nodes, _tree(edges, method, root), 0)
    return _joined(edges, parts, method, root)


def _tree(edges, method, root):
    A = adjacency(edges)
    if method == "mst":
        spanning = minimum_spanning_tree(A).tocoo()
        ends, weights = spanning.coords, spanning.data
        if root == "center" if isinstance(root, str) else False:
            return rooted(*ends, weights, edges.n_nodes, _center_of_tree(ends, weights, edges.n_nodes))
        return rooted(*ends, weights, edges.n_nodes, _root(edges, A, root))
    return _breadth_first(edges, A, _root(edges, A, root))


def _breadth_first(edges, A, root):
    """Levels of nodes; each hangs from the first neighbour in the order of the level before."""
    n = edges.n_nodes
    place, parent, length = np.full(n, n), np.full(n, -1), np.zeros(n)
    place[root], level, reached = 0, np.array([root]), 1
    while len(level):
        counts = A.indptr[level + 1] - A.indptr[level]
        entries = np.repeat(A.indptr[level] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        found, above = A.indices[entries], np.repeat(level, counts)
        new = np.flatnonzero(place[found] == n)
        found, above, entries = found[new], above[new], entries[new]
        found, first = np.unique(found, return_index=True)
        parent[found], length[found] = above[first], A.data[entries[first]]
        level = found[np.lexsort((found, place[parent[found]]))]
        place[level] = reached + np.arange(len(level))
        reached += len(level)
    children = np.flatnonzero(parent >= 0)
    return rooted(parent[children], children, length[children], n, root)


def _root(edges, A, root):
    if isinstance(root, str) and root == "max_degree":
        return int(np.argmax(np.diff(A.indptr)))
    if isinstance(root, str) and root == "center":
        return _center_of_graph(edges, A)
    found = [i for i, node in enumerate(edges.nodes) if node == root]
    if not found:
        msg = f"root must be 'center', 'max_degree' or a node, got {root!r}"
        raise ValueError(msg)
    return found[0]


def _center_of_graph(edges, A):
    """By numbers of edges."""
    n = edges.n_nodes
    if len(edges.u) == n - 1:
        return _center_of_tree((edges.u, edges.v), np.ones(n - 1), n)
    candidates = np.arange(n)
    if n > _SMALL:
        hops = lambda i: dijkstra(A, indices=i, unweighted=True)  # noqa: E731  a line says it
        start = int(np.argmax(hops(0)))
        from_start = hops(start)
        from_end = hops(int(np.argmax(from_start)))
        longest = from_start.max()
        candidates = np.flatnonzero((from_start + from_end == longest) & (from_start == longest // 2))
    farthest = dijkstra(A, indices=candidates, unweighted=True).max(axis=1)
    return int(candidates[np.argmin(farthest)])


def _center_of_tree(ends, weights, n):
    """The node whose farthest node is nearest: on the longest path."""
    if n == 1:
        return 0
    distances = _distances(ends, weights, n, 0)
    from_start = _distances(ends, weights, n, int(np.argmax(distances)))
    from_end = _distances(ends, weights, n, int(np.argmax(from_start)))
    return int(np.argmin(np.maximum(from_start, from_end)))


def _distances(ends, weights, n, source):
    tree = rooted(*ends, weights, n, source)
    return path_sums(tree.parent, tree.length)[tree.position]


def _joined(edges, parts, method, root):
    """The trees of the components below an added node; a named root is that of its component."""
    u, v, lengths, n = [], [], [], edges.n_nodes
    long = edges.weight.max(initial=0.0) or 1.0
    for part in range(parts.max() + 1):
        inside = np.flatnonzero(parts == part)
        kept = parts[edges.u] == part
        local = np.searchsorted(inside, edges.u[kept]), np.searchsorted(inside, edges.v[kept])
        piece = type(edges)(len(inside), *local, edges.weight[kept], edges.nodes[inside])
        named = not isinstance(root, str) or root not in ("center", "max_degree")
        tree = _tree(piece, method, "center" if named and root not in piece.nodes else root)
        u += [np.array([n]), inside[tree.order[tree.parent[1:]]]]
        v += [inside[tree.order[:1]], inside[tree.order[1:]]]
        lengths += [np.array([long]), tree.length[1:]]
    tree = rooted(np.concatenate(u), np.concatenate(v), np.concatenate(lengths), n + 1, n)
    nodes = edges.nodes.astype(object) if edges.nodes.dtype == object else edges.nodes
    added = np.array([None], object) if nodes.dtype == object else np.array([nodes.max(initial=0) + 1], nodes.dtype)
    return GraphTree(np.concatenate([nodes, added]), tree, 1)

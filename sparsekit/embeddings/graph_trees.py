"""A tree of a graph, rooted: breadth first, of least weight, of most overlap, or by Gromov products."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

from sparsekit.core.edges import Edges, adjacency, check_edges, components
from sparsekit.core.trees import Tree, path_sums, rooted
from sparsekit.core.validation import check_choice
from sparsekit.embeddings.gromov_trees import meeting_tree, pairing_tree

METHODS = ("bfs", "mst", "overlap", "treerep", "steiner")
ROOTS = ("center", "max_degree")
_MOST_DISTANCES = 30_000**2  # 7 GB
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
        A networkx graph; an adjacency (n_nodes, n_nodes), sparse, or dense for more than 3 nodes; edges (n_edges, 2) or
        (n_edges, 3) with weights; or parents (n_nodes,).
    method : {"bfs", "mst", "overlap", "treerep", "steiner"}, default="bfs"
        "bfs": breadth first from the root, by numbers of edges, a node hanging from the first of its neighbours that
        was reached. "mst": the spanning tree of least weight. "overlap": the spanning tree of edges whose ends share
        most neighbours, by the cosine of the sets of a node and its neighbours. The other two fit the distances in the
        graph and add nodes where paths meet. "treerep": three nodes and the point where they meet divide the others,
        again and again :cite:`sonthalia2020`. "steiner": again and again, the node joins the tree that shares the
        longest way to the root with one nearer to it :cite:`sala2018`; distances to the root, or the centre of the
        graph, are exact.
    root : "center", "max_degree" or node, default="center"
        The node whose farthest node is nearest, in the graph for "bfs" (by edges), in the tree for the others (by
        weights); the node with most neighbours in the graph; or one that is named. Among equals the first. Added nodes
        are never the root.
    forest : bool, default=False
        Whether several components are joined, by a node that is added and is the root: its edges to their own roots
        are as long as the longest of the graph. Else they are an error.
    weight : str, default="weight"
        Attribute of networkx edges.

    Returns
    -------
    graph_tree : GraphTree
        Labels (n_total,), a tree on their indices by breadth-first position, and the number of added nodes. These come
        last. Where labels are integers theirs are the next ones, else ("steiner", i), and None for the root of a
        forest.

    Raises
    ------
    ValueError
        For graphs without nodes or with several components, weights that are not positive, an unknown root, other
        methods, and more than 30,000 nodes in one component for "treerep" and "steiner", unless they form a tree.
    TypeError
        For what is no graph.

    Notes
    -----
    O(m log n) for m edges of n nodes; O(n m log n) and n^2 distances in memory for "treerep" and "steiner". A graph
    that is a tree is its own tree, whatever the method. The centre of a tree is found exactly; that of a graph with
    more than 2000 nodes for "bfs" is the middle of a longest path between nodes that are mutually farthest, and may be
    an edge off. No answer depends on chance.

    Which tree is best depends on the graph. "treerep" and "steiner" mostly keep its distances better than spanning
    trees do. "overlap" mostly keeps neighbours nearest, by far where they form cliques, at the expense of distances;
    where many nodes hang on the same few hubs, "bfs" does.

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
    if not (isinstance(root, str) and root in ROOTS):
        root = _index(edges.nodes, root)
    parts = components(edges)
    if parts.max() > 0:
        return _joined(edges, parts, method, root)
    tree, n_added = _tree(edges, method, root)
    return GraphTree(_labels(edges.nodes, n_added), tree, n_added)


def _index(nodes, label):
    for i, node in enumerate(nodes):
        if node == label:
            return i
    msg = f"root must be 'center', 'max_degree' or a node, got {label!r}"
    raise ValueError(msg)


def _labels(nodes, n_added, *, forest=False):
    if nodes.dtype != object:
        return np.concatenate([nodes, nodes.max() + 1 + np.arange(n_added, dtype=nodes.dtype)])
    added = np.empty(n_added, object)
    added[:] = [("steiner", i) for i in range(n_added - forest)] + [None] * forest
    return np.concatenate([nodes, added])


def _tree(edges, method, root):
    """A tree, of a connected graph, and its number of added nodes."""
    A = adjacency(edges)
    if isinstance(root, str) and root == "max_degree":
        root = int(np.argmax(np.diff(A.indptr)))
    centered = isinstance(root, str)
    if method == "bfs":
        return _breadth_first(edges, A, _center_of_graph(edges, A) if centered else root), 0
    *ends, weights, n_added = _unrooted(edges, A, method, None if centered else root)
    if centered:
        root = _center_of_tree(ends, weights, edges.n_nodes, n_added)
    return rooted(*ends, weights, edges.n_nodes + n_added, root), n_added


def _unrooted(edges, A, method, root):
    n = edges.n_nodes
    if len(edges.u) == n - 1:
        return edges.u, edges.v, edges.weight, 0
    if method == "mst":
        spanning = minimum_spanning_tree(A).tocoo()
        return *(ends.astype(np.int64) for ends in spanning.coords), spanning.data, 0
    if method == "overlap":
        return *_most_overlapping(edges, A), 0
    if n**2 > _MOST_DISTANCES:
        msg = f"graph must have at most 30000 nodes in a component for method={method!r}, got {n}: use 'bfs' or 'mst'"
        raise ValueError(msg)
    distances = dijkstra(A)
    distances = np.minimum(distances, distances.T)  # both ways round alike
    base = int(np.argmin(distances.max(axis=1))) if root is None else root
    return (meeting_tree if method == "treerep" else pairing_tree)(distances, base)


def _most_overlapping(edges, A):
    """Ends and weights of the spanning tree of largest cosines; among equals the first edges."""
    u, v, n = edges.u, edges.v, edges.n_nodes
    degree = np.diff(A.indptr)
    linked = csr_array((np.ones(A.nnz), A.indices, A.indptr), shape=A.shape)
    shared = 2 + linked[u].multiply(linked[v]).sum(axis=1)
    order = np.argsort(-shared / np.sqrt((degree[u] + 1.0) * (degree[v] + 1.0)), kind="stable")
    rank = np.empty(len(u))
    rank[order] = np.arange(1, len(u) + 1)
    kept = order[minimum_spanning_tree(csr_array((rank, (u, v)), shape=(n, n))).data.astype(np.int64) - 1]
    return u[kept], v[kept], edges.weight[kept]


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


def _center_of_graph(edges, A):
    """By numbers of edges."""
    n = edges.n_nodes
    if len(edges.u) == n - 1:
        return _center_of_tree((edges.u, edges.v), np.ones(n - 1), n, 0)
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


def _center_of_tree(ends, weights, n, n_added):
    """The node, of the first n, whose farthest one is nearest."""
    total = n + n_added
    if total == 1:
        return 0
    start = int(np.argmax(_distances(ends, weights, total, 0)[:n]))
    from_start = _distances(ends, weights, total, start)[:n]
    from_end = _distances(ends, weights, total, int(np.argmax(from_start)))[:n]
    return int(np.argmin(np.maximum(from_start, from_end)))


def _distances(ends, weights, n, source):
    tree = rooted(*ends, weights, n, source)
    return path_sums(tree.parent, tree.length)[tree.position]


def _joined(edges, parts, method, root):
    """The trees of the components below an added node; a named root is that of its component."""
    n, n_added, tops, u, v, lengths = edges.n_nodes, 0, [], [], [], []
    n_parts = parts.max() + 1
    local = np.empty(n, np.int64)
    each_nodes = np.split(np.argsort(parts, kind="stable"), np.cumsum(np.bincount(parts))[:-1])
    of_edges = parts[edges.u]
    sizes = np.bincount(of_edges, minlength=n_parts)
    each_edges = np.split(np.argsort(of_edges, kind="stable"), np.cumsum(sizes)[:-1])
    for inside, kept in zip(each_nodes, each_edges, strict=True):
        local[inside] = np.arange(len(inside))
        piece = Edges(len(inside), local[edges.u[kept]], local[edges.v[kept]], edges.weight[kept], edges.nodes[inside])
        own = root
        if not isinstance(root, str):
            own = int(local[root]) if parts[root] == parts[inside[0]] else "center"
        tree, new = _tree(piece, method, own)
        places = np.concatenate([inside, n + n_added + np.arange(new)])[tree.order]
        tops.append(places[0])
        u.append(places[tree.parent[1:]])
        v.append(places[1:])
        lengths.append(tree.length[1:])
        n_added += new
    top = n + n_added
    u.append(np.full(n_parts, top))
    v.append(np.array(tops))
    lengths.append(np.full(n_parts, edges.weight.max(initial=0.0) or 1.0))
    tree = rooted(np.concatenate(u), np.concatenate(v), np.concatenate(lengths), top + 1, top)
    return GraphTree(_labels(edges.nodes, n_added + 1, forest=True), tree, n_added + 1)

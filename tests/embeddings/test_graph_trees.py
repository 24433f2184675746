"""Trees of graphs against networkx and plain definitions."""

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sparsekit import graph_to_tree
from sparsekit.core.trees import path_sums


def random_graph(seed, n=60, extra=20):
    rng = np.random.default_rng(seed)
    tree = np.array([[i, rng.integers(0, i)] for i in range(1, n)])
    more = rng.integers(0, n, (extra, 2))
    graph = nx.Graph([tuple(map(int, pair)) for pair in [*tree, *more[more[:, 0] != more[:, 1]]]])
    for pair in graph.edges:
        graph.edges[pair]["weight"] = rng.uniform(0.5, 2)
    return graph


def as_networkx(result):
    nodes, tree, _ = result
    found = nx.Graph()
    found.add_nodes_from(nodes)
    labels = nodes[tree.order]
    for p in range(1, len(labels)):
        found.add_edge(labels[p], labels[tree.parent[p]], weight=tree.length[p])
    return found


@pytest.mark.parametrize("seed", range(5))
def test_breadth_first_keeps_distances_to_the_root(seed):
    graph = random_graph(seed)
    for root in (0, 17):
        result = graph_to_tree(graph, root=root)
        hops = nx.single_source_shortest_path_length(graph, root)
        assert result.nodes[result.tree.order[0]] == root
        depth = dict(zip(result.nodes[result.tree.order], result.tree.depth, strict=True))
        assert depth == hops
        for a, b, data in as_networkx(result).edges(data=True):
            assert graph.edges[a, b]["weight"] == data["weight"]


def test_ties_go_to_the_first_that_was_reached():
    square = np.array([[0, 3], [3, 2], [2, 1], [1, 0], [4, 3], [4, 1]])
    nodes, tree, _ = graph_to_tree(square, root=0)
    assert_array_equal(nodes[tree.order], [0, 1, 3, 2, 4])
    assert_array_equal(tree.parent, [-1, 0, 0, 1, 1])


@pytest.mark.parametrize("seed", range(5))
def test_spanning_trees_have_the_least_weight(seed):
    graph = random_graph(seed)
    found = as_networkx(graph_to_tree(graph, method="mst"))
    expected = nx.minimum_spanning_tree(graph)
    assert nx.is_tree(found)
    assert found.size(weight="weight") == pytest.approx(expected.size(weight="weight"), rel=1e-12)


@pytest.mark.parametrize("method", ["bfs", "mst"])
@pytest.mark.parametrize("seed", range(5))
def test_the_centre_is_nearest_to_its_farthest(method, seed):
    graph = random_graph(seed, extra=0 if method == "mst" else 20)
    result = graph_to_tree(graph, method=method)
    root = result.nodes[result.tree.order[0]]
    far = nx.eccentricity(graph, weight="weight" if method == "mst" else None)
    assert far[root] == min(far.values())
    reach = path_sums(result.tree.parent, result.tree.length).max()
    if method == "mst":
        assert reach == pytest.approx(min(far.values()), rel=1e-12)


def test_the_centre_of_a_large_graph_is_near():
    graph = random_graph(3, n=3000, extra=300)
    root = graph_to_tree(graph).tree.order[0]
    far = nx.eccentricity(graph)
    assert far[root] <= min(far.values()) + 1


def test_the_root_of_largest_degree():
    graph = random_graph(1)
    result = graph_to_tree(graph, root="max_degree")
    degrees = dict(graph.degree)
    assert degrees[result.nodes[result.tree.order[0]]] == max(degrees.values())


ALL = ["bfs", "mst", "overlap", "treerep", "steiner"]


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("root", ["center", "max_degree", 11])
def test_a_tree_is_its_own_tree(method, root):
    graph = random_graph(2, extra=0)
    result = graph_to_tree(graph, method=method, root=root)
    assert result.n_added == 0
    assert nx.utils.edges_equal(as_networkx(result).edges(data=True), graph.edges(data=True))
    if root == 11:
        assert result.tree.order[0] == 11


@pytest.mark.parametrize("seed", range(4))
def test_overlap_is_the_spanning_tree_of_largest_cosines(seed):
    graph = nx.connected_watts_strogatz_graph(40, 6, 0.3, seed=seed)
    for number, (a, b) in enumerate(graph.edges):
        around = [{x, *graph[x]} for x in (a, b)]
        cosine = len(around[0] & around[1]) / np.sqrt(len(around[0]) * len(around[1]))
        graph.edges[a, b].update(cosine=cosine, weight=1.0 + number)
    found = as_networkx(graph_to_tree(graph, method="overlap"))
    best = nx.maximum_spanning_tree(graph, weight="cosine")
    expected = sorted(best.edges[pair]["cosine"] for pair in best.edges)
    assert_allclose(sorted(graph.edges[pair]["cosine"] for pair in found.edges), expected, rtol=1e-15)
    assert all(found.edges[pair]["weight"] == graph.edges[pair]["weight"] for pair in found.edges)


def test_overlap_keeps_cliques_together():
    """Two cliques and an edge between them."""
    cliques = nx.barbell_graph(6, 0)
    tree = as_networkx(graph_to_tree(cliques, method="overlap"))
    assert all(nx.is_connected(tree.subgraph(part)) for part in (range(6), range(6, 12)))


@pytest.mark.parametrize("method", ["treerep", "steiner"])
@pytest.mark.parametrize("root", ["center", "max_degree", 11])
def test_added_nodes_fit_distances_better(method, root):
    graph = random_graph(4, extra=8)
    labels = list(range(60))
    expected = nx.floyd_warshall_numpy(graph, nodelist=labels)

    def distances(result):
        full = nx.floyd_warshall_numpy(as_networkx(result), nodelist=[*labels, *result.nodes[60:]])
        return full[:60, :60]

    nodes, tree, n_added = result = graph_to_tree(graph, method=method, root=root)
    assert_array_equal(nodes[:60], list(graph))
    assert_array_equal(nodes[60:], 60 + np.arange(n_added))
    assert n_added > 0
    assert len(tree.order) == 60 + n_added
    assert (tree.length[1:] > 0).all()
    found = distances(result)
    spanning = distances(graph_to_tree(graph, method="mst", root=root))
    assert np.abs(found - expected).sum() < np.abs(spanning - expected).sum()
    top = nodes[tree.order[0]]
    assert top < 60
    if root == "center":
        far = found.max(axis=1)
        assert far[top] == pytest.approx(far.min(), rel=1e-13)  # rounding of sums of some ten lengths
    elif method == "steiner":
        assert_allclose(found[top], expected[top], rtol=1e-13)


def test_labels_of_added_nodes():
    triangles = [("a", "b"), ("b", "c"), ("c", "a")]
    nodes, _, n_added = graph_to_tree(nx.Graph(triangles), method="steiner", root="a")
    assert (n_added, nodes[3:].tolist()) == (1, [("steiner", 0)])
    two = nx.Graph([*triangles, *((x + "'", y + "'") for x, y in triangles)])
    nodes, tree, n_added = graph_to_tree(two, method="treerep", forest=True)
    assert (n_added, nodes[6:].tolist()) == (3, [("steiner", 0), ("steiner", 1), None])
    assert tree.order[0] == 8
    assert_array_equal(np.sort(tree.length), [0, *[0.5] * 6, 1, 1])


def test_a_root_that_is_a_tuple_in_a_forest():
    graph = nx.Graph([("b", "a"), (("c", 1), ("c", 2)), (("c", 2), ("c", 3))])
    nodes, tree, _ = graph_to_tree(graph, root=("c", 1), forest=True)
    assert [nodes[i] for i in tree.order[1:3]] == ["b", ("c", 1)]


def test_too_many_distances(monkeypatch):
    monkeypatch.setattr("sparsekit.embeddings.graph_trees._MOST_DISTANCES", 15)
    square = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])
    with pytest.raises(ValueError, match="30000 nodes in a component for method='treerep', got 4"):
        graph_to_tree(square, method="treerep")
    assert graph_to_tree(square[:3], method="treerep").n_added == 0


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("root", ["center", "max_degree", 2])
def test_forests_hang_from_an_added_node(method, root):
    edges = np.array([[0, 1, 1.0], [1, 2, 4.0], [5, 6, 2.0]])
    nodes, tree, n_added = graph_to_tree(edges, method=method, root=root, forest=True)
    assert n_added == 1
    assert_array_equal(nodes, [0, 1, 2, 5, 6, 7])
    assert tree.order[0] == 5
    assert_array_equal(tree.length[tree.depth == 1], [4.0, 4.0])
    assert (2 in nodes[tree.order[tree.depth == 1]]) == (root == 2)
    with pytest.raises(ValueError, match="2 components"):
        graph_to_tree(edges, method=method)


def test_labels_of_any_kind():
    graph = nx.Graph([("b", "a"), ("a", ("c", 1))])
    nodes, tree, _ = graph_to_tree(graph, root="b")
    assert [nodes[i] for i in tree.order] == ["b", "a", ("c", 1)]
    nodes, tree, n_added = graph_to_tree(nx.Graph([("a", "b"), ("c", "d")]), forest=True)
    assert (n_added, nodes[-1]) == (1, None)


def test_refused():
    edges = np.array([[0, 1]])
    with pytest.raises(ValueError, match="method must be one of"):
        graph_to_tree(edges, method="dfs")
    for root in (7, "middle"):
        with pytest.raises(ValueError, match="root must be"):
            graph_to_tree(edges, root=root)

"""Every form of a graph gives the same canonical edges; what is no graph is refused."""

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import coo_array, csr_array, csr_matrix

from sparsekit.core.edges import NodeIndex, adjacency, check_edges, components

PAIRS = np.array([[0, 1], [3, 1], [2, 0], [4, 3]])


def same(found, expected, *, nodes=True):
    for a, b in zip(found[: 5 if nodes else 4], expected, strict=False):
        assert_array_equal(a, b)


@pytest.mark.parametrize("weighted", [False, True])
def test_all_forms_agree(weighted):
    weight = np.array([2.0, 0.5, 1.0, 3.0]) if weighted else np.ones(4)
    edges = check_edges(np.column_stack([PAIRS, weight]) if weighted else PAIRS)
    assert_array_equal(np.column_stack([edges.u, edges.v]), [[0, 1], [0, 2], [1, 3], [3, 4]])
    assert_array_equal(edges.weight, weight[[0, 2, 1, 3]])
    assert edges.u.dtype == edges.v.dtype == np.int64
    graph = nx.DiGraph()
    graph.add_nodes_from(range(5))
    graph.add_weighted_edges_from((a, b, w) for (a, b), w in zip(PAIRS, weight, strict=True))
    same(check_edges(graph), edges)
    A = adjacency(edges)
    assert (A != A.T).nnz == 0
    for form in (csr_array, csr_matrix, coo_array):
        same(check_edges(form(A)), edges)
    if not weighted:
        same(check_edges(np.array([-1, 0, 0, 1, 3])), edges)
        same(check_edges(np.array([0, 0, 0, 1, 3])), edges)


def test_labels_are_kept():
    assert_array_equal(check_edges(np.array([[70, 20], [20, -5]])).nodes, [-5, 20, 70])
    graph = nx.Graph([("b", "a"), ("a", ("c", 1))])
    edges = check_edges(graph)
    assert list(edges.nodes) == ["b", "a", ("c", 1)]
    assert_array_equal(np.column_stack([edges.u, edges.v]), [[0, 1], [1, 2]])
    assert check_edges(nx.path_graph(1)).n_nodes == 1
    assert check_edges(np.array([-1])).n_nodes == 1


def test_order_of_edges_does_not_matter():
    rng = np.random.default_rng(0)
    table = np.column_stack([PAIRS + 3, np.array([2.0, 0.5, 1.0, 3.0])])
    expected = check_edges(table)
    for _ in range(5):
        shuffled = table[rng.permutation(4)]
        turned = rng.random(4) < 0.5
        shuffled[turned] = shuffled[turned][:, [1, 0, 2]]
        same(check_edges(shuffled), expected)


def test_nearly_symmetric_adjacency():
    A = csr_array(np.array([[0.0, 1], [1 + 1e-12, 0]]))
    assert_array_equal(check_edges(A).weight, [1.0])
    A.data[0] = 0  # explicit
    A.data[1] = 0
    assert check_edges(A).n_nodes == 2
    assert len(check_edges(A).u) == 0


def test_attribute_of_networkx():
    graph = nx.Graph()
    graph.add_edge(0, 1, km=3.0)
    graph.add_edge(1, 2)
    assert_array_equal(check_edges(graph, weight="km").weight, [3.0, 1.0])


def test_edges_that_are_given_twice_count_once():
    edges = check_edges(np.array([[0, 1, 2.0], [1, 0, 2.0], [1, 2, 1.0]]))
    assert_array_equal(edges.weight, [2.0, 1.0])
    with pytest.raises(ValueError, match=r"one weight an edge, got 2\.0 and 3\.0"):
        check_edges(np.array([[0, 1, 2.0], [1, 0, 3.0]]))


def test_loops_are_dropped_with_a_warning():
    with pytest.warns(UserWarning, match="2 self loops"):
        edges = check_edges(np.array([[0, 1], [1, 1], [0, 0]]))
    assert_array_equal(edges.u, [0])


def test_components():
    edges = check_edges(np.array([[0, 1], [2, 3], [3, 4]]))
    assert_array_equal(components(edges), [0, 0, 1, 1, 1])
    with pytest.raises(ValueError, match="2 components"):
        check_edges(np.array([[0, 1], [2, 3]]), connected=True)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.Graph(), "must have a node"),
        (np.zeros((0, 2), int), "must have a node"),
        (np.array([[0, 1, -1.0]]), r"positive finite weights, got -1\.0"),
        (np.array([[0, 1, 0.0]]), "positive finite weights"),
        (np.array([[0, 1, np.nan]]), "positive finite weights"),
        (np.array([[0, 1, np.inf]]), "positive finite weights"),
        (np.array([[0.5, 1]]), "integers as nodes"),
        (np.array([[np.nan, 1]]), "integers as nodes"),
        (csr_array(np.array([[0.0, 1], [0, 0]])), "symmetric"),
        (csr_array(np.array([[0.0, 1], [np.nan, 0]])), "positive finite weights, got nan"),
        (csr_array(np.array([[0.0, np.inf], [np.inf, 0]])), "positive finite weights, got inf"),
        (csr_array(np.array([[0.0, -1], [-1, 0]])), r"positive finite weights, got -1\.0"),
        (csr_array(np.ones((2, 3))), "square"),
        (np.array([1, 2, 0]), "without circles"),
        (np.array([1, 0]), "without circles"),
        (np.array([-1, 5]), "parents from -1 to 1"),
    ],
)
def test_what_is_no_graph_is_refused(graph, message):
    with pytest.raises(ValueError, match=message):
        check_edges(graph)


@pytest.mark.parametrize("graph", ["graph", None, np.array([0.0, 1.0]), np.zeros((2, 2, 2))])
def test_other_things_are_refused(graph):
    with pytest.raises(TypeError, match="must be a networkx graph, an adjacency"):
        check_edges(graph)
    with pytest.raises(TypeError, match="real numbers as weights"):
        check_edges(np.full((4, 4), "a"))


@pytest.mark.parametrize("dtype", [int, bool, np.float32, np.float64])
def test_dense_adjacency(dtype):
    A = np.zeros((5, 5), dtype)
    A[[0, 1, 1, 3], [1, 0, 3, 1]] = 1
    same(check_edges(A), check_edges(csr_array(A)))
    same(check_edges(A.tolist()), check_edges(A))
    A[0, 4] = 1
    with pytest.raises(ValueError, match="symmetric"):
        check_edges(A)


def test_rounding_of_single_precision_is_no_asymmetry():
    A = np.zeros((4, 4), np.float32)
    A[0, 1], A[1, 0] = 1, 1 + 2e-7
    assert check_edges(A).weight == 1
    with pytest.raises(ValueError, match="symmetric"):
        check_edges(A.astype(np.float64) + np.triu(np.full((4, 4), 1e-7)))


@pytest.mark.parametrize("labels", [[5, 3, 9], ["a", "b", "c"], [("a", 1), "a", 7], [-1, 0, 2**40]])
def test_index_of_labels(labels):
    graph = nx.path_graph(3)
    index = NodeIndex(check_edges(nx.relabel_nodes(graph, dict(enumerate(labels)))).nodes)
    for i, label in enumerate(labels):
        assert index.find(label) == i
        assert index.find(label).shape == ()
    assert_array_equal(index.find(labels[::-1]), [2, 1, 0])
    assert_array_equal(index.find([labels[:2], labels[1:]]), [[0, 1], [1, 2]])
    assert index.find(labels[:0]).shape == (0,)
    for unknown in ("z", 8, ("a", 2), 5.5, None):
        with pytest.raises(ValueError, match="node must be one of the graph's, got"):
            index.find(unknown)
    with pytest.raises(ValueError, match="node must be one of the graph's, got 8"):
        index.find([labels[0], 8])


def test_long_chains_of_parents():
    n = 1000
    assert len(check_edges(np.arange(-1, n - 1)).u) == n - 1
    circle = np.roll(np.arange(n), 1)
    with pytest.raises(ValueError, match="without circles"):
        check_edges(circle)

"""The estimator against the paper's construction, its own promises, and what it does with graphs of all kinds."""

import pickle
import warnings

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sparsekit import HyperbolicTreeEmbedding, graph_to_tree, hyperbolic_distances, mean_average_precision
from sparsekit.datasets import load_wordnet
from sparsekit.embeddings.tree_placement import paper_scale
from tests.naive.hyperbolic import Plane

SMALL = np.array([[0, 1], [0, 2], [1, 3], [1, 4], [4, 5]])
PAPER_GRAPHS = [
    "balanced_tree", "cs_phds", "cycle_tree", "diamond5", "diseases", "grqc", "phylo_tree", "power_grid",
    "sierpinski_c5_5", "tree_20_3", "usca312_distances", "web_edu", "wordnet_paper", "wordnet_paper_weighted_tree",
    "yeast",
]  # fmt: skip
each_dimension = pytest.mark.parametrize("r", [2, 3, 10])


def random_tree(seed, n=50, *, weighted=False):
    rng = np.random.default_rng(seed)
    edges = [[rng.integers(max(0, i - 8), i), i, rng.uniform(1, 3) if weighted else 1.0] for i in range(1, n)]
    return np.array(edges)


def tree_distances(edges, n):
    graph = nx.Graph()
    graph.add_weighted_edges_from((int(a), int(b), w) for a, b, w in edges)
    return nx.floyd_warshall_numpy(graph, nodelist=range(n))


def construction_of_the_paper(edges, root, scale, n):
    """Children by ascending index at equal angles, mapped back and forth by disc automorphisms."""
    neighbours = {i: [] for i in range(n)}
    for a, b, w in edges:
        neighbours[int(a)].append((int(b), w))
        neighbours[int(b)].append((int(a), w))
    z, waiting, parent = np.zeros(n, complex), [root], {root: None}
    while waiting:
        x = waiting.pop(0)
        children = sorted((y, w) for y, w in neighbours[x] if y != parent[x])
        c = len(children)
        back = 0.0
        if parent[x] is not None:
            p = z[parent[x]]
            back = np.angle((p - z[x]) / (1 - np.conj(z[x]) * p))
        for k, (y, w) in enumerate(children):
            turn = 2 * np.pi * k / c if parent[x] is None else back + 2 * np.pi * (k + 1) / (c + 1)
            at = np.tanh(scale * w / 2) * np.exp(1j * turn)
            z[y], parent[y] = (at + z[x]) / (1 + np.conj(z[x]) * at), x
            waiting.append(y)
    return np.stack([z.real, z.imag], axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_construction_of_the_paper(seed):
    edges = random_tree(seed, weighted=seed % 2)
    found = HyperbolicTreeEmbedding(scale=0.5, root=7).fit(edges).embedding_
    # rounding of points at up to 10 from the root grows by 1 / (1 - |z|), that is e^10 / 2
    assert_allclose(found, construction_of_the_paper(edges, 7, 0.5, 50), atol=1e-11)


@each_dimension
@pytest.mark.parametrize("seed", range(3))
def test_distances_are_those_of_the_coordinates(r, seed):
    tree = HyperbolicTreeEmbedding(r, scale=0.4).fit(random_tree(seed))
    assert tree.embedding_.shape == (50, r)
    expected = hyperbolic_distances(tree.embedding_)
    rows = np.array([tree.distances_from(i) for i in range(50)])
    assert_allclose(rows, expected, rtol=1e-9, atol=1e-9)  # coordinates up to 7 from the root: e^7 roundings
    assert_allclose(tree.distance(np.arange(50)[:, None], np.arange(50)), rows, rtol=1e-14, atol=1e-14)
    for node in (0, 13):
        points = tree.recentered(node)
        assert_allclose(hyperbolic_distances(points), expected, rtol=1e-8, atol=1e-8)  # up to 14 from the centre
        assert_allclose(2 * np.arctanh(np.linalg.norm(points, axis=1)), rows[node], rtol=1e-8)


@each_dimension
@pytest.mark.parametrize("scale", ["auto", "tight", "paper"])
@pytest.mark.parametrize("max_distortion", [0.1, 1.0])
def test_scales_keep_their_promise(r, scale, max_distortion):
    edges = random_tree(5, weighted=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "at scale .* float64 cannot hold coordinates")
        tree = HyperbolicTreeEmbedding(r, scale=scale, max_distortion=max_distortion).fit(edges)
    expected = tree_distances(edges, 50)
    rows = np.array([tree.distances_from(i) for i in range(50)]) / tree.scale_
    apart = ~np.eye(50, dtype=bool)
    shrinking = (expected[apart] / rows[apart]).max()
    assert (rows <= expected * (1 + 1e-14)).all()
    if np.isfinite(tree.distortion_bound_):
        assert shrinking <= (1 + tree.distortion_bound_) * (1 + 1e-14)
    if scale != "auto":
        assert tree.distortion_bound_ <= max_distortion * (1 + 1e-14)
    if scale == "tight":
        assert tree.distortion_bound_ == pytest.approx(max_distortion, rel=1e-12)
    if scale == "auto":
        assert HyperbolicTreeEmbedding(r, max_distortion=max_distortion).fit(edges).embedding_.shape == (50, r)


def test_scale_of_the_paper():
    edges = random_tree(1)
    degree = np.bincount(edges[:, :2].astype(int).ravel()).max()
    tree = HyperbolicTreeEmbedding(scale="paper", max_distortion=1.0)
    with pytest.warns(UserWarning, match="cannot hold"):
        assert tree.fit(edges).scale_ == paper_scale(degree, 1.0)


def test_beyond_coordinates():
    tree = HyperbolicTreeEmbedding(scale=1000.0, root=0)
    with pytest.warns(UserWarning, match="at scale 1000 float64 cannot hold coordinates of all nodes"):
        tree.fit(SMALL)
    assert not hasattr(tree, "embedding_")
    with pytest.raises(AttributeError, match=r"nodes are up to 3000 from the root .* end at 36"):
        _ = tree.embedding_
    assert_allclose(tree.distances_from(5) / 1000, [3, 2, 4, 3, 1, 0], rtol=1e-2)
    assert_allclose(np.linalg.norm(tree.recentered(5), axis=1), [1, 1, 1, 1, 1, 0])


def test_automatic_scale_is_capped():
    path = np.array([[i, i + 1] for i in range(100)])
    tree = HyperbolicTreeEmbedding().fit(path)
    assert tree.scale_ == pytest.approx(36 / 50)
    assert tree.distortion_bound_ == 0  # whatever the scale: it is straight
    bushy = np.concatenate([path, [[50, 101], [50, 102]]])
    tree = HyperbolicTreeEmbedding().fit(bushy)
    assert tree.scale_ == pytest.approx(36 / 50)
    assert tree.distortion_bound_ > 0.1


def test_nodes_that_share_coordinates_are_counted():
    star = np.array([[0, i] for i in range(1, 4)])
    tree = HyperbolicTreeEmbedding(scale=5e-324)
    with pytest.warns(UserWarning, match="6 pairs of nodes share their coordinates"):
        tree.fit(star)
    assert tree.n_collapsed_ == 6
    assert HyperbolicTreeEmbedding(scale=1e-300).fit(star).n_collapsed_ == 0


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.parametrize("name", PAPER_GRAPHS)
def test_no_pair_collapses_unseen(name, paper_graph):
    """At any scale the distances of different nodes are positive, or pairs that share coordinates are reported."""
    graph = paper_graph(name)
    for scale in (0.1, 1.0, 10.0, 100.0, 1000.0):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tree = HyperbolicTreeEmbedding(scale=scale, forest=True).fit(graph)
        told = " ".join(str(each.message) for each in caught)
        n = len(tree.nodes_)
        for node in tree.nodes_[:: max(1, n // 20)]:
            assert np.count_nonzero(tree.distances_from(node)) == n - 1
        if hasattr(tree, "embedding_"):
            different = len(np.unique(tree.embedding_, axis=0))
            assert (different < n) == (tree.n_collapsed_ > 0) == ("share their coordinates" in told)
        else:
            assert "cannot hold coordinates" in told


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:at scale .* float64 cannot hold coordinates")
@pytest.mark.parametrize("name", ["phylo_tree", "cs_phds"])
def test_distances_in_big_floats(name, paper_graph):
    """Trees of the paper at its scale for a distortion of 0.1, where points need 2400 bits."""
    graph = paper_graph(name)
    tree = HyperbolicTreeEmbedding(scale="paper", root=graph.min()).fit(graph)
    oracle = Plane(tree.parents_, tree.edge_lengths_, tree.angles_)
    n = len(tree.order_)
    for source in (0, n // 3, n - 1):
        row = tree.distances_from(tree.nodes_[tree.order_[source]])[tree.order_]
        exact = np.array([float(oracle.distance(source, x)) for x in range(n)])
        assert_allclose(row, exact, rtol=1e-14)  # some roundings of sums along 60 edges; 1e-12 was the aim


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:at scale .* float64 cannot hold coordinates")
def test_precision_of_wordnet():
    """The paper's 0.989, over all 74,374 nouns."""
    edges = load_wordnet()
    tree = HyperbolicTreeEmbedding(scale=22.9, root=0).fit(edges)
    assert mean_average_precision(edges, tree) == pytest.approx(0.989497, abs=1e-6)


@each_dimension
def test_sectors_and_directions(r):
    tree = HyperbolicTreeEmbedding(r, scale=1.0).fit(random_tree(3))
    if r == 2:
        assert tree.angles_.shape == (50,)
        other = HyperbolicTreeEmbedding(child_angles="subtree", scale=1.0).fit(random_tree(3))
        assert np.abs(other.angles_ - tree.angles_).max() > 0.1
    else:
        assert_allclose(np.linalg.norm(tree.directions_[1:], axis=1), 1, rtol=1e-15)
    assert_array_equal(tree.edge_lengths_[1:], 1.0)
    assert tree.parents_[0] == -1
    assert tree.edge_lengths_[0] == 0


@pytest.mark.parametrize("labels", [[9, 3, 5, 7, 1, 2], list("fedcba"), [("x", i) for i in range(6)]])
def test_labels(labels):
    graph = nx.relabel_nodes(nx.Graph(SMALL.tolist()), dict(enumerate(labels)))
    tree = HyperbolicTreeEmbedding(root=labels[0], scale=2.0).fit(graph)
    assert list(tree.nodes_) == list(graph)
    assert tree.n_features_in_ == 6
    plain = HyperbolicTreeEmbedding(root=0, scale=2.0).fit(SMALL)
    order = [labels.index(node) for node in tree.nodes_]  # node i of `tree` is order[i] of `plain`
    expected = np.array([plain.distances_from(i) for i in range(6)])
    for i, label in enumerate(labels):
        # children go by their place in the graph: the same distances in these trees, whose parents have two at most
        assert_allclose(np.sort(tree.distances_from(label)), np.sort(expected[i]), rtol=1e-13)
        assert tree.distances_from(label)[order.index(i)] == 0
    assert tree.distance(labels[1], labels[2]) == pytest.approx(expected[1, 2])
    distances, indices = tree.kneighbors([labels[3]], n_neighbors=2)
    assert_allclose(distances[0], np.sort(expected[3])[1:3], rtol=1e-13)
    assert tree.nodes_[indices[0, 0]] == labels[1]
    for call in (tree.distances_from, tree.recentered, lambda node: tree.distance(labels[0], node)):
        with pytest.raises(ValueError, match="node must be one of the graph's, got 'unknown'"):
            call("unknown")
    rows = tree.distances_from(labels[:2])
    assert_array_equal(rows, [tree.distances_from(labels[0]), tree.distances_from(labels[1])])
    with pytest.raises(ValueError, match="node must be one label, got 2"):
        tree.recentered(labels[:2])


@each_dimension
def test_neighbours_are_the_nearest(r):
    graph = nx.connected_watts_strogatz_graph(40, 4, 0.3, seed=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "at scale .* float64 cannot hold coordinates")
        tree = HyperbolicTreeEmbedding(r, scale=3.0, tree="treerep").fit(graph)
    assert len(tree.order_) > 40
    distances, indices = tree.kneighbors(n_neighbors=7, n_jobs=2)
    for i, node in enumerate(tree.nodes_):
        row = tree.distances_from(node)
        assert len(row) == 40
        row[i] = np.inf
        assert_array_equal(np.sort(row)[:7], distances[i])
        assert_array_equal(row[indices[i]], distances[i])
    few, places = tree.kneighbors(tree.nodes_[[3, 8]], n_neighbors=7)
    assert_array_equal(few, distances[[3, 8]])
    assert_array_equal(places, indices[[3, 8]])
    with pytest.raises(ValueError, match="n_neighbors must be at most 39"):
        tree.kneighbors(n_neighbors=40)


@pytest.mark.parametrize("method", ["bfs", "mst", "treerep", "steiner"])
def test_forest(method):
    graph = nx.disjoint_union(nx.cycle_graph(5), nx.path_graph(4))
    with pytest.raises(ValueError, match="graph must be connected, got 2 components"):
        HyperbolicTreeEmbedding(tree=method).fit(graph)
    tree = HyperbolicTreeEmbedding(tree=method, forest=True).fit(graph)
    assert tree.embedding_.shape == (9, 2)
    assert (tree.embedding_ != 0).any(axis=1).all()  # the added node is at the centre
    assert len(tree.order_) == 9 + graph_to_tree(graph, method=method, forest=True).n_added
    within, between = tree.distance(0, np.arange(1, 5)), tree.distance(0, np.arange(5, 9))
    assert within.min() < between.min()


def test_forms_of_a_graph_are_one():
    graph = nx.Graph(SMALL.tolist())
    expected = HyperbolicTreeEmbedding().fit(SMALL)
    adjacency = nx.to_scipy_sparse_array(graph)
    for form in (graph, adjacency, adjacency.toarray(), np.array([-1, 0, 0, 1, 1, 4]), SMALL.tolist()):
        tree = HyperbolicTreeEmbedding().fit(form)
        assert_array_equal(tree.embedding_, expected.embedding_)
        assert tree.n_features_in_ == 6
    assert_array_equal(HyperbolicTreeEmbedding().fit_transform(graph), expected.embedding_)


def test_few_nodes():
    one = HyperbolicTreeEmbedding().fit(np.array([-1]))
    assert_array_equal(one.embedding_, [[0.0, 0.0]])
    assert_array_equal(one.distances_from(0), [0.0])
    assert one.distortion_bound_ == 0
    two = HyperbolicTreeEmbedding(3).fit(np.array([[4, 8, 2.0]]))
    assert two.distance(4, 8) == two.scale_ * 2
    assert two.distortion_bound_ == 0


def test_frames_and_copies():
    tree = HyperbolicTreeEmbedding().set_output(transform="pandas")
    frame = tree.fit_transform(SMALL)
    assert list(frame.columns) == ["hyperbolictreeembedding0", "hyperbolictreeembedding1"]
    again = pickle.loads(pickle.dumps(tree))
    assert_array_equal(again.distances_from(2), tree.distances_from(2))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_components": 1}, ValueError, "n_components == 1, must be >= 2"),
        ({"n_components": 2.0}, TypeError, "n_components must be an instance of int"),
        ({"scale": 0.0}, ValueError, r"scale must be in \(0, inf\), got 0.0"),
        ({"scale": np.inf}, ValueError, "scale must be in"),
        ({"scale": "large"}, ValueError, "scale must be one of 'auto', 'tight', 'paper', got 'large'"),
        ({"scale": None}, TypeError, "scale must be an instance of"),
        ({"max_distortion": -1.0}, ValueError, "max_distortion must be in"),
        ({"child_angles": "even"}, ValueError, "child_angles must be one of"),
        ({"child_angles": "subtree", "n_components": 3}, ValueError, "must come with n_components=2, got 3"),
        ({"tree": "star"}, ValueError, "method must be one of|tree must be one of"),
        ({"root": 77}, ValueError, "root must be 'center', 'max_degree' or a node, got 77"),
    ],
)
def test_parameters_are_checked(parameters, error, message):
    with pytest.raises(error, match=message):
        HyperbolicTreeEmbedding(**parameters).fit(SMALL)


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (np.empty((0, 2), int), ValueError, "graph must have a node"),
        (np.array([[0, 1, -1.0]]), ValueError, r"positive finite weights, got -1\.0"),
        (np.array([[0, 1, np.nan]]), ValueError, "positive finite weights, got nan"),
        (np.array([[0, 1], [2, 3]]), ValueError, "2 components: embed them one by one, or forest=True"),
        (np.array([[0, 1.0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]), ValueError, "symmetric"),
        (-np.ones((4, 4)), ValueError, "Negative values"),
        (np.ones((4, 5)), ValueError, "square adjacency"),
        (np.full((4, 4), np.inf), ValueError, "infinity"),
        ("graph", TypeError, "must be a networkx graph"),
    ],
)
def test_graphs_are_checked(graph, error, message):
    with pytest.raises(error, match=message):
        HyperbolicTreeEmbedding().fit(graph)


def test_self_loops_are_dropped_with_a_warning():
    with pytest.warns(UserWarning, match="1 self loops were dropped"):
        tree = HyperbolicTreeEmbedding().fit(np.concatenate([SMALL, [[2, 2]]]))
    assert_array_equal(tree.embedding_, HyperbolicTreeEmbedding().fit(SMALL).embedding_)

"""Measures of embeddings against their definitions in plain loops."""

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom

from sparsekit import HyperbolicTreeEmbedding, distortion_report, hyperbolic_distances, mean_average_precision

TIE = 1 + 1e-12


def numbered(graph, *, weighted=False, seed=0):
    graph = nx.convert_node_labels_to_integers(graph)
    rng = np.random.default_rng(seed)
    for pair in graph.edges:
        graph.edges[pair]["weight"] = rng.uniform(0.5, 2) if weighted else 1.0
    return graph


GRAPHS = {
    "path": numbered(nx.path_graph(9)),
    "cycle": numbered(nx.cycle_graph(12)),
    "star": numbered(nx.star_graph(11)),
    "grid": numbered(nx.grid_2d_graph(4, 5)),
    "weighted": numbered(nx.connected_watts_strogatz_graph(20, 4, 0.3, seed=1), weighted=True),
    "disconnected": numbered(nx.disjoint_union(nx.cycle_graph(5), nx.path_graph(4))),
    "lopsided": numbered(nx.disjoint_union_all([nx.complete_graph(7), *[nx.path_graph(2)] * 4])),
    "isolated": numbered(nx.disjoint_union(nx.cycle_graph(5), nx.empty_graph(3))),
}
each_graph = pytest.mark.parametrize("name", GRAPHS)


class Fake:
    """An estimator that only knows its distances."""

    def __init__(self, D, scale=None):
        self.D = D
        if scale is not None:
            self.scale_ = scale

    def distances_from(self, node):
        return self.D[node]


def distances_with_ties(n, seed=0, levels=6):
    D = np.random.default_rng(seed).integers(1, levels, (n, n)).astype(float)
    return np.triu(D, 1) + np.triu(D, 1).T


def average_precision(row, source, neighbours):
    """The hits and the misses that are not farther, one neighbour after the other."""
    far = [np.inf if np.isnan(row[t]) else row[t] for t in neighbours]
    parts = []
    for d in far:
        hits = sum(other <= d * TIE for other in far)
        others = [x for x in range(len(row)) if x != source and x not in neighbours]
        misses = sum(np.isnan(row[x]) or row[x] <= d * TIE for x in others)
        parts.append(hits / (hits + misses))
    return np.mean(parts)


def measures(graph, D, scale, rows=None):
    """MAP, average and worst distortion, collapsed pairs, pairs."""
    n = len(graph)
    lengths = dict(nx.all_pairs_dijkstra_path_length(graph))
    precisions, means, ratios, n_collapsed, n_pairs = [], [], [], 0, 0
    for i in range(n) if rows is None else rows:
        if graph.degree[i]:
            precisions.append(average_precision(D[i], i, list(graph[i])))
        errors = []
        for j in range(n):
            if j == i:
                continue
            if j not in lengths[i]:
                n_collapsed += D[i, j] == 0
                continue
            n_pairs += 1
            if 0 < D[i, j] < np.inf:
                ratios.append(D[i, j] / lengths[i][j])
                errors.append(abs(D[i, j] / scale - lengths[i][j]) / lengths[i][j])
            else:
                n_collapsed += 1
                errors.append(1.0 if D[i, j] == 0 else np.inf)
        if errors:
            means.append(np.mean(errors))
    worst = np.inf if n_collapsed else max(ratios) / min(ratios)
    return np.mean(precisions), np.mean(means), worst, n_collapsed, n_pairs


def check(report, expected):
    precision, average, worst, n_collapsed, n_pairs = expected
    assert report.mean_average_precision == pytest.approx(precision, rel=1e-13)  # sums of some hundred terms
    assert report.average_distortion == pytest.approx(average, rel=1e-13)
    assert report.worst_distortion == pytest.approx(worst, rel=1e-13)
    assert (report.n_collapsed, report.n_pairs) == (n_collapsed, n_pairs)


@each_graph
@pytest.mark.parametrize("scale", [0.7, 3.0])
def test_definitions(name, scale):
    graph = GRAPHS[name]
    D = distances_with_ties(len(graph))
    report = distortion_report(graph, Fake(D), scale=scale)
    check(report, measures(graph, D, scale))
    assert report.n_rows == len(graph)
    assert (report.scale, report.mean_average_precision_half_width) == (scale, 0.0)
    assert mean_average_precision(graph, Fake(D)) == pytest.approx(report.mean_average_precision, rel=1e-14)


@each_graph
def test_collapsed_pairs_are_counted(name):
    graph = GRAPHS[name]
    n = len(graph)
    D = distances_with_ties(n, 1)
    D[0, 1] = D[1, 0] = 0
    D[2, 3] = np.inf
    check(distortion_report(graph, Fake(D), scale=2.0), measures(graph, D, 2.0))
    D[1, 4] = D[3, 2] = np.nan
    check(distortion_report(graph, Fake(D), scale=2.0), measures(graph, D, 2.0))
    assert mean_average_precision(graph, Fake(D)) == pytest.approx(measures(graph, D, 2.0)[0], rel=1e-13)


@pytest.mark.parametrize("r", [1, 2, 5])
def test_points(r):
    graph = GRAPHS["weighted"]
    points = np.random.default_rng(r).uniform(-0.4, 0.4, (20, r))
    report = distortion_report(graph, points, scale=1.5)
    check(report, measures(graph, hyperbolic_distances(points), 1.5))


def test_points_that_are_no_points():
    graph = GRAPHS["grid"]
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 2))
    points[3], points[7] = points[4], points[8]
    D = hyperbolic_distances(points)
    points[11], points[12] = [1.0, 0.0], [0.8, 0.8]
    D[[11, 12]] = D[:, [11, 12]] = np.nan
    np.fill_diagonal(D, 0)
    report = distortion_report(graph, points, scale=1.0)
    check(report, measures(graph, D, 1.0))
    assert report.n_collapsed == 2 * (2 + 18 + 18 + 1)
    assert report.worst_distortion == np.inf


@each_graph
@pytest.mark.parametrize("seed", [2, 3])
def test_scale_of_least_distortion(name, seed):
    graph = GRAPHS[name]
    D = distances_with_ties(len(graph), seed) * np.linspace(1, 2, len(graph))
    report = distortion_report(graph, Fake(D))
    check(report, measures(graph, D, report.scale))
    lengths = dict(nx.all_pairs_dijkstra_path_length(graph))
    ratios = {D[i, j] / lengths[i][j] for i in lengths for j in lengths[i] if i != j}
    least = min(measures(graph, D, ratio)[1] for ratio in ratios)  # linear between ratios, in 1/s
    assert report.average_distortion == pytest.approx(least, rel=1e-12)


def test_scale_is_that_of_the_estimator():
    graph = GRAPHS["cycle"]
    assert distortion_report(graph, Fake(distances_with_ties(12), scale=2.5)).scale == 2.5
    assert distortion_report(graph, Fake(distances_with_ties(12), scale=2.5), scale=3.0).scale == 3.0


def test_ties_by_rounding():
    """Two nodes at the distance of a neighbour but for the last digits: on either side they count as nearer."""
    graph = GRAPHS["path"]
    for factor in (1 - 1e-14, 1.0, 1 + 1e-14):
        D = np.full((9, 9), 5.0)
        D[0, 1], D[0, 2], D[0, 3] = 1.0, factor, factor
        report = distortion_report(graph, Fake(D), scale=1.0)
        rest = distortion_report(graph, Fake(np.full((9, 9), 5.0)), scale=1.0)
        gain = 9 * (report.mean_average_precision - rest.mean_average_precision)
        assert gain == pytest.approx(1 / 3 - 1 / 8, rel=1e-12)


def test_threads_do_not_matter():
    graph = nx.gnp_random_graph(300, 0.02, seed=0)
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (300, 2))
    reports = [distortion_report(graph, points, n_jobs=n_jobs) for n_jobs in (1, 2, 3)]
    assert reports[0] == reports[1] == reports[2]
    assert mean_average_precision(graph, points, n_jobs=1) == mean_average_precision(graph, points, n_jobs=2)


def test_some_rows():
    graph = GRAPHS["weighted"]
    points = np.random.default_rng(3).uniform(-0.5, 0.5, (20, 2))
    every = distortion_report(graph, points, scale=1.0)
    some = distortion_report(graph, points, scale=1.0, n_rows=6, random_state=4)
    assert some.n_rows == 6
    assert some == distortion_report(graph, points, scale=1.0, n_rows=6, random_state=4)
    assert some.mean_average_precision != every.mean_average_precision
    assert some.worst_distortion <= every.worst_distortion
    assert 0 < some.average_distortion_half_width < np.inf
    assert distortion_report(graph, points, scale=1.0, n_rows=20) == every
    assert distortion_report(graph, points, scale=1.0, n_rows=99) == every
    one = distortion_report(graph, points, scale=1.0, n_rows=1, random_state=0)
    assert one.mean_average_precision_half_width == np.inf
    wide = distortion_report(graph, points, scale=1.0, n_rows=6, random_state=4, confidence=0.99)
    assert wide.mean_average_precision_half_width > some.mean_average_precision_half_width


@pytest.mark.jit
def test_intervals_cover():
    graph = nx.gnp_random_graph(120, 0.05, seed=1)
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (120, 2))
    truth = distortion_report(graph, points, scale=1.0)
    hits = np.zeros(2)
    for seed in range(300):
        some = distortion_report(graph, points, scale=1.0, n_rows=40, confidence=0.9, random_state=seed, n_jobs=1)
        hits += (
            abs(some.mean_average_precision - truth.mean_average_precision) <= some.mean_average_precision_half_width,
            abs(some.average_distortion - truth.average_distortion) <= some.average_distortion_half_width,
        )
    # means of 40 skewed numbers: coverage between 0.85 and 0.95, and what 300 draws add, one time in a thousand
    assert (hits >= binom.ppf(0.0005, 300, 0.85)).all()
    assert (hits <= binom.ppf(0.9995, 300, 0.95)).all()


@pytest.mark.parametrize(
    ("r", "tree", "forest"), [(2, "bfs", False), (2, "treerep", False), (3, "steiner", False), (2, "mst", True)]
)
@pytest.mark.filterwarnings("ignore:at scale .* float64 cannot hold coordinates")
def test_estimators(r, tree, forest):
    graph = nx.connected_watts_strogatz_graph(30, 4, 0.2, seed=2)
    graph = nx.disjoint_union(graph, nx.cycle_graph(7)) if forest else graph
    embedding = HyperbolicTreeEmbedding(r, scale=4.0, tree=tree, forest=forest).fit(graph)
    D = np.array([embedding.distances_from(i) for i in range(len(graph))])
    expected = measures(numbered(graph), D, 4.0)
    check(distortion_report(graph, embedding), expected)
    assert mean_average_precision(graph, embedding) == pytest.approx(expected[0], rel=1e-13)


def test_labels():
    graph = nx.relabel_nodes(GRAPHS["grid"], {i: f"node {19 - i}" for i in range(20)})
    embedding = HyperbolicTreeEmbedding(scale=1.0).fit(graph)
    same = distortion_report(graph, embedding.embedding_, scale=1.0)
    assert_allclose(distortion_report(graph, embedding)[:3], same[:3], rtol=1e-9)  # 10 from the centre: e^10 roundings
    assert mean_average_precision(graph, embedding) == pytest.approx(same.mean_average_precision)


def test_text():
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 2))
    text = str(distortion_report(GRAPHS["grid"], points, n_rows=5, random_state=0))
    assert "(a sample)" in text
    assert "at least" in text
    assert "(95% confidence)" in text
    assert "sample" not in str(distortion_report(GRAPHS["grid"], points))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scale": 0.0}, "scale must be positive and finite, or None, got 0.0"),
        ({"scale": np.nan}, "scale must be positive"),
        ({"n_rows": 0}, "n_rows must be at least 1, or None for all, got 0"),
        ({"confidence": 1.0}, "confidence must be between 0 and 1, got 1.0"),
        ({"embedding": np.zeros((19, 2))}, r"points of shape \(20, r\), got \(19, 2\)"),
        ({"embedding": np.zeros(20)}, r"points of shape \(20, r\), got \(20,\)"),
        ({"graph": np.array([[1, 1.0, 2.0]])}, "graph must have edges"),
        ({"embedding": Fake(np.zeros((20, 19)))}, r"distances of shape \(20,\) from a node, got \(19,\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:1 self loops")
def test_arguments_are_checked(parameters, message):
    arguments = {"graph": GRAPHS["grid"], "embedding": np.zeros((20, 2)), **parameters}
    with pytest.raises(ValueError, match=message):
        distortion_report(**arguments)


def test_the_graph_must_be_the_one_of_the_embedding():
    embedding = HyperbolicTreeEmbedding(scale=1.0).fit(GRAPHS["grid"])
    for measure in (distortion_report, mean_average_precision):
        with pytest.raises(ValueError, match="embedding must be of the graph, got one of 20 nodes for 12"):
            measure(GRAPHS["cycle"], embedding)

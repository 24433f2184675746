"""The picture of a tree: arcs that are geodesics, dots in their place, labels, and what is refused."""

import networkx as nx
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sparsekit import HyperbolicTreeEmbedding, PoincareDiskDisplay, hyperbolic_distances
from sparsekit.datasets import load_mammals

EDGES = np.array([[0, 1], [0, 2], [1, 3], [1, 4], [4, 5]])


def embedded(**parameters):
    return HyperbolicTreeEmbedding(**{"scale": 1.0, "root": 0, **parameters}).fit(EDGES)


def test_edges_are_geodesics():
    tree = embedded()
    display = PoincareDiskDisplay.from_estimator(tree, center=4)
    points = tree.recentered(4)
    assert_allclose(display.nodes_.get_offsets(), points, atol=1e-9)
    arcs = display.edges_.get_segments()
    assert len(arcs) == 5
    for arc, (parent, child) in zip(arcs, [(0, 1), (0, 2), (1, 3), (1, 4), (4, 5)], strict=True):
        assert_allclose(arc[[0, -1]], points[[parent, child]], atol=1e-12)
        steps = hyperbolic_distances(arc)
        # what is left and what is done add up to the whole: every point is on the way
        assert_allclose(steps[0] + steps[-1], 1.0, atol=1e-8)
        assert (np.diff(steps[0]) > 0).all()
    assert display.ax_.figure is display.figure_


@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-6, 1e-12])
def test_arcs_from_rim_to_rim_are_smooth(gap):
    a, b = (1 - gap) * np.exp([0j, 2j])
    (arc,) = PoincareDiskDisplay([[a.real, a.imag], [b.real, b.imag]], np.array([-1, 0])).plot().edges_.get_segments()
    center = np.exp(1j) * 0.5 * (1 - gap + 1 / (1 - gap)) / np.cos(1.0)  # of the circle through both, by hand
    radius = np.sqrt(np.abs(center) ** 2 - 1)
    z = arc[:, 0] + 1j * arc[:, 1]
    # a chord of the 23rd part of an arc below 66 degrees is within radius (1 - cos(0.025)) = 0.0005 of it
    assert_allclose(np.abs(z - center), radius, atol=1e-9)
    assert_allclose(np.abs((z[1:] + z[:-1]) / 2 - center), radius, atol=6e-4)


def test_axes_that_are_given():
    ax = Figure().subplots()
    display = PoincareDiskDisplay.from_estimator(embedded(), ax=ax, labels=True)
    assert display.ax_ is ax
    assert {text.get_text() for text in display.texts_} == {"0", "1", "2", "3", "4", "5"}
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_labels():
    tree = embedded()
    shown = PoincareDiskDisplay.from_estimator(tree, labels={0: "root", 4: "four"}).texts_
    assert {text.get_text() for text in shown} == {"root", "four"}
    assert PoincareDiskDisplay.from_estimator(tree).texts_ == []
    assert PoincareDiskDisplay.from_estimator(tree, labels=[""] * 6).texts_ == []
    few = PoincareDiskDisplay.from_estimator(tree, labels=list("abcdef"), max_labels=2)
    assert [text.get_text() for text in few.texts_] == ["a", "b"]  # of the largest branches


def test_labels_are_plain_text():
    texts = ["$", "$x$", r"$\frac$", None, "", "a_b"]
    display = PoincareDiskDisplay.from_estimator(embedded(), labels=texts)
    display.figure_.draw_without_rendering()
    assert {text.get_text() for text in display.texts_} == {"$", "$x$", r"$\frac$", "a_b"}
    assert not any(text.get_parse_math() for text in display.texts_)
    assert PoincareDiskDisplay.from_estimator(embedded(), labels=False).texts_ == []


def test_labels_of_leaves_go_on_along_their_edges():
    points = np.array([[0.0, 0.0], [0.3, 0.0], [0.3, 0.3], [0.6, 0.0], [0.0, 0.88], [-0.5, 0.0]])
    labels = ["middle", "inner", "up", "leaf", "crosses the rim", "left"]
    display = PoincareDiskDisplay(points, np.array([-1, 0, 1, 1, 0, 0]), labels=labels).plot()
    texts = {text.get_text(): text for text in display.texts_}
    assert set(texts) == set(labels)
    assert_array_equal([texts[name].get_rotation() for name in ("middle", "inner", "leaf", "left")], 0)
    assert_allclose(texts["inner"].get_position(), points[1])
    arc = display.edges_.get_segments()[1][-2:]  # ends at "up"
    turn = np.degrees(np.arctan2(*(arc[1] - arc[0])[::-1]))
    assert texts["up"].get_rotation() == pytest.approx(turn, abs=3)  # a 23rd part of an arc turns less
    display.figure_.draw_without_rendering()
    for name, i in (("leaf", 3), ("left", 5)):
        box = texts[name].get_window_extent().transformed(display.ax_.transData.inverted())
        assert box.x0 > points[i, 0] if name == "leaf" else box.x1 < points[i, 0]
    assert np.hypot(*texts["crosses the rim"].get_position()) > 1


def test_importance_is_that_of_the_view():
    chain = np.column_stack([np.arange(1, 7), np.arange(6)])
    tree = HyperbolicTreeEmbedding(scale=1.0, root=0).fit(chain)
    for center, second in ((0, "1"), (6, "5")):
        display = PoincareDiskDisplay.from_estimator(tree, center=center, labels=True, max_labels=2)
        assert [text.get_text() for text in display.texts_] == [str(center), second]


def test_colour_maps():
    display = PoincareDiskDisplay.from_estimator(embedded(), cmap="gray")
    assert_allclose(np.ptp(display.nodes_.get_facecolors()[1:, :3], axis=1), 0, atol=1e-12)


def test_labels_at_the_rim_stand_outside_and_upright():
    star = np.array([[0, i] for i in range(1, 40)])
    tree = HyperbolicTreeEmbedding(scale=5.0, root=0).fit(star)
    display = PoincareDiskDisplay.from_estimator(tree, labels=[f"label {i}" for i in range(40)])
    assert len(display.texts_) == 40
    for text in display.texts_[1:]:
        x, y = text.get_position()
        assert np.hypot(x, y) > 1
        assert -90 <= text.get_rotation() % 360 - 360 * (text.get_rotation() % 360 > 180) <= 90
        assert np.sin(np.radians(text.get_rotation()) - np.arctan2(y, x)) == pytest.approx(0, abs=1e-9)


@pytest.mark.jit
def test_mammals_do_not_overlap():
    edges, names = load_mammals()
    tree = HyperbolicTreeEmbedding(scale=1.6, child_angles="subtree", root=0).fit(edges)
    display = PoincareDiskDisplay.from_estimator(tree, labels=names)
    assert len(display.texts_) > 100
    from docs.figures.wordnet_mammals import overlaps

    assert overlaps(display) == 0


def test_branches_differ_in_hue_and_the_middle_has_none():
    tree = embedded()
    colours = PoincareDiskDisplay.from_estimator(tree).nodes_.get_facecolors()
    assert colours[0, :3].max() - colours[0, :3].min() < 0.1
    assert np.abs(colours[1, :3] - colours[2, :3]).max() > 0.2
    seen_from_1 = PoincareDiskDisplay.from_estimator(tree, center=1).nodes_.get_facecolors()
    assert seen_from_1[1, :3].max() - seen_from_1[1, :3].min() < 0.1


@pytest.mark.parametrize("n", [1, 2])
def test_few_nodes(n):
    points, parents = np.array([[0.0, 0.0], [0.5, 0.0]])[:n], np.array([-1, 0])[:n]
    display = PoincareDiskDisplay(points, parents, labels=["a", "b"][:n]).plot()
    assert len(display.nodes_.get_offsets()) == n
    assert len(display.texts_) == n


def test_points_on_the_circle_and_on_one_another():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    display = PoincareDiskDisplay(points, np.array([-1, 0, 1, 2])).plot()
    assert all(np.isfinite(arc).all() for arc in display.edges_.get_segments())


@pytest.mark.filterwarnings("ignore:at scale .* float64 cannot hold coordinates")
@pytest.mark.parametrize(("tree", "forest"), [("treerep", False), ("bfs", True)])
def test_added_nodes_are_left_out(tree, forest):
    graph = nx.cycle_graph(7) if not forest else nx.disjoint_union(nx.path_graph(3), nx.path_graph(2))
    estimator = HyperbolicTreeEmbedding(scale=2.0, tree=tree, forest=forest).fit(graph)
    assert len(estimator.order_) > len(graph)
    display = PoincareDiskDisplay.from_estimator(estimator)
    assert len(display.nodes_.get_offsets()) == len(graph)
    assert len(display.edges_.get_segments()) == len(graph) - 1
    assert np.count_nonzero(np.asarray(display.parents) < 0) == 1


def test_beyond_coordinates():
    with pytest.warns(UserWarning, match="cannot hold coordinates"):
        tree = embedded(scale=100.0)
    display = PoincareDiskDisplay.from_estimator(tree, labels=True)
    assert_array_equal(np.isfinite(display.nodes_.get_offsets()), True)


@pytest.mark.parametrize(
    ("points", "parents", "labels", "message"),
    [
        (np.zeros((2, 3)), [-1, 0], None, r"points must have shape \(n_nodes, 2\), got \(2, 3\)"),
        ([[0.0, 0.0], [1.1, 0.0]], [-1, 0], None, r"points must be in the unit disc, got one at radius 1\.1"),
        ([[0.0, 0.0], [np.nan, 0.0]], [-1, 0], None, "points must be in the unit disc"),
        ([[0.0, 0.0], [0.1, 0.0]], [-1, -1], None, "got 2 roots"),
        ([[0.0, 0.0], [0.1, 0.0]], [-1, 2], None, "parents must be below 2"),
        ([[0.0, 0.0], [0.1, 0.0]], [-1], None, "parents must be 2 integers"),
        ([[0.0, 0.0], [0.1, 0.0]], [-1.0, 0.0], None, "parents must be 2 integers"),
        ([[0.0, 0.0], [0.1, 0.0]], [-1, 0], ["a"], "labels must be 2, one a point, got 1"),
        ([[0.0, 0.0], [0.1, 0.0], [0.2, 0.0]], [-1, 2, 1], None, "connect 1 of 3 nodes"),
    ],
)
def test_arguments_are_checked(points, parents, labels, message):
    with pytest.raises(ValueError, match=message):
        PoincareDiskDisplay(points, parents, labels=labels).plot()


def test_estimators_are_checked():
    with pytest.raises(NotFittedError):
        PoincareDiskDisplay.from_estimator(HyperbolicTreeEmbedding())
    with pytest.raises(ValueError, match="n_components=2, got 3"):
        PoincareDiskDisplay.from_estimator(HyperbolicTreeEmbedding(3, scale=1.0).fit(EDGES))
    with pytest.raises(ValueError, match="node must be one of the graph's, got 9"):
        PoincareDiskDisplay.from_estimator(embedded(), center=9)

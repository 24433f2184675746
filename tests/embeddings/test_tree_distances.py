"""Distances of tree embeddings against their points in big floats, at scales from 1e-8 to 1000, and their promises."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sparsekit.core.trees import rooted
from sparsekit.embeddings.planar_distances import planar_form
from sparsekit.embeddings.spatial_distances import spatial_form
from sparsekit.embeddings.tree_distances import (
    directions_from,
    nearest,
    pair_distances,
    recentered,
    row_workspace,
    rows_from,
)
from tests.naive import hyperbolic as naive

EPS = np.finfo(float).eps
SCALES = [1e-8, 0.01, 0.5, 2, 30, 300]
# of the length of the path along the tree: an edge costs some five roundings, most of them far smaller than the path,
# and measured errors are below 4 EPS
ROUNDING = 8 * EPS

each_dimension = pytest.mark.parametrize("r", [2, 3, 10])
each_kind = pytest.mark.parametrize("kind", ["random", "deep", "star"])


class Case(NamedTuple):
    form: tuple
    oracle: object
    paths: np.ndarray  # (n, n) lengths along the tree


def tree_of(parent):
    n = len(parent)
    return rooted(np.arange(1, n), np.asarray(parent[1:], dtype=np.int64), np.ones(n - 1), n, 0)


def random_tree(rng, n, kind):
    lowest = {"random": lambda i: 0, "deep": lambda i: max(0, i - 3), "star": lambda i: 0}[kind]
    return tree_of([-1] + [int(rng.integers(lowest(i), 1 if kind == "star" else i)) for i in range(1, n)])


def path_lengths(parent, lengths):
    """(n, n) from the sums over common ancestors."""
    n = len(parent)
    above = np.zeros((n, n))
    for p in range(1, n):
        above[p] = above[parent[p]]
        above[p, p] = lengths[p]
    return np.abs(above[:, None] - above[None]).sum(axis=2)


def unit_rows(X):
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def lengths_of(rng, n, scale, *, uneven):
    """Around the scale, a third of them 1e-8 of it where they are uneven."""
    lengths = scale * rng.uniform(0.5, 1.5, n)
    if uneven:
        lengths[rng.random(n) < 0.3] = 1e-8 * scale
    lengths[0] = 0
    return lengths


def planar_case(tree, lengths, angles):
    oracle = naive.Plane(tree.parent, lengths, angles)
    form = planar_form(tree.parent, tree.starts, lengths, angles)
    return Case(form, oracle, path_lengths(tree.parent, lengths))


def spatial_case(tree, lengths, directions):
    oracle = naive.Space(tree.parent, lengths, directions)
    form = spatial_form(tree.parent, tree.starts, lengths, directions)
    return Case(form, oracle, path_lengths(tree.parent, lengths))


def random_case(rng, r, scale, kind="random", n=24, *, uneven=False):
    tree = random_tree(rng, n, kind)
    lengths = lengths_of(rng, n, scale, uneven=uneven)
    if r == 2:
        return planar_case(tree, lengths, rng.uniform(0, 2 * np.pi, n))
    return spatial_case(tree, lengths, unit_rows(rng.standard_normal((n, r))))


def assert_exact(case, sources, tolerance=ROUNDING):
    """Rows and pairs to the given part of the path; relative to the distance where it is not a small part of that."""
    n = len(case.form.parent)
    for s in sources:
        row = rows_from(case.form, s)
        pairs = pair_distances(case.form, np.full(n, s), np.arange(n))
        exact = [case.oracle.distance(s, x) for x in range(n)]
        for found in (row, pairs):
            error = np.array([float(abs(d - f)) for d, f in zip(exact, found, strict=True)])
            assert np.all(error <= tolerance * case.paths[s])
            far = case.paths[s] < 100 * np.array(exact, dtype=float)
            assert np.all(error[far] <= 1e-12 * np.array(exact, dtype=float)[far])


def uniform_angles(tree):
    """Children at equal angles, the parent at 0."""
    p, counts = tree.parent[1:], np.diff(tree.starts)
    k = np.arange(1, len(tree.parent)) - tree.starts[p]
    angles = np.where(p == 0, 2 * np.pi * k / np.maximum(counts[p], 1), 2 * np.pi * (k + 1) / (counts[p] + 1))
    return np.concatenate([[0.0], angles])


# Against big floats


@each_kind
@each_dimension
@pytest.mark.parametrize("scale", SCALES)
def test_distances_are_those_of_points_in_big_floats(rng, r, scale, kind):
    assert_exact(random_case(rng, r, scale, kind), [0, 1, 7, 23])


@each_dimension
@pytest.mark.parametrize("scale", SCALES)
def test_edges_of_very_different_lengths(rng, r, scale):
    assert_exact(random_case(rng, r, scale, "deep", uneven=True), [0, 5, 23])


@pytest.mark.parametrize(("scale", "depth"), [(55.0, 30), (78.3, 22)])
def test_a_tree_far_beyond_the_range_of_coordinates(rng, scale, depth):
    # distances to the root up to 1700, where points need 4900 bits
    tree = tree_of([-1, *range(depth)] + [int(x) for x in rng.integers(0, depth, 60)])
    case = planar_case(tree, scale * tree.length, uniform_angles(tree))
    n = len(tree.parent)
    for s in (0, n // 2, n - 1):
        exact = np.array([float(case.oracle.distance(s, x)) for x in range(n)])
        assert_allclose(rows_from(case.form, s), exact, rtol=1e-12)
        assert exact.max() > 700  # cosh overflows


@pytest.mark.parametrize("scale", [0.01, 2, 30, 300])
def test_paths_that_go_straight_on_or_turn_back_in_the_plane(rng, scale):
    n = 24
    tree = random_tree(rng, n, "deep")
    angles = rng.choice([0.0, np.pi, 1e-9, -1e-9, 1e-200, 2.0], n)
    assert_exact(planar_case(tree, lengths_of(rng, n, scale, uneven=True), angles), range(0, n, 3))


@pytest.mark.parametrize("r", [3, 10])
@pytest.mark.parametrize("scale", [0.01, 2, 30, 300])
def test_paths_that_go_straight_on_or_turn_back_in_space(rng, r, scale):
    n = 24
    tree = random_tree(rng, n, "deep")
    X = unit_rows(rng.standard_normal((n, r)))
    for p in range(1, n):
        above = X[tree.parent[p]] if tree.parent[p] > 0 else X[p]
        slightly = unit_rows((-above + 1e-9 * rng.standard_normal(r))[None])[0]
        X[p] = [above, -above, slightly, X[p]][rng.integers(4)]
    assert_exact(spatial_case(tree, lengths_of(rng, n, scale, uneven=True), X), range(0, n, 3))


@each_dimension
@pytest.mark.parametrize("angle", [3.0, 1e-3, 1e-8, 1e-12])
@pytest.mark.parametrize("length", [1e-8, 1.0, 40.0])
def test_siblings_at_small_angles_keep_their_relative_precision(rng, r, angle, length):
    lengths, tree = np.array([0, length, length, length]), tree_of([-1, 0, 1, 1])
    if r == 2:
        case = planar_case(tree, lengths, np.array([0, 0, 2.0, 2.0 + angle]))
    else:
        X = unit_rows(rng.standard_normal((4, r)))
        X[3] = unit_rows((X[2] + np.tan(angle) * np.eye(r)[0])[None])[0]
        case = spatial_case(tree, lengths, X)
    exact = float(case.oracle.distance(2, 3))
    # in space the rounding of unit vectors is that part of the angle, squared, at the most
    assert_allclose(pair_distances(case.form, np.array([2]), np.array([3])), exact, rtol=1e-14, atol=0)
    assert_allclose(rows_from(case.form, 3)[2], exact, rtol=1e-14, atol=0)
    assert 0 < exact < 2 * length


@each_dimension
@pytest.mark.parametrize("angle", [1e-5, 1e-8, 1e-14])
@pytest.mark.parametrize("length", [1.0, 40.0])
def test_a_turn_back_by_a_small_angle_keeps_its_relative_precision(rng, r, angle, length):
    lengths, tree = np.array([0, length, length, length]), tree_of([-1, 0, 1, 2])
    if r == 2:
        case = planar_case(tree, lengths, np.array([0, 0, angle, 2.0]))
    else:
        X = unit_rows(rng.standard_normal((4, r)))
        X[2] = unit_rows((-X[1] + angle * np.eye(r)[0])[None])[0]
        case = spatial_case(tree, lengths, X)
    assert_exact(case, [0, 1, 2, 3], 1e-14)
    exact = float(case.oracle.distance(0, 2))
    assert_allclose(rows_from(case.form, 0)[2], exact, rtol=1e-14, atol=0)
    shorter = type(case.form)(*(values[:-1] for values in case.form))._replace(starts=np.array([1, 2, 3, 3]))
    assert_array_equal(rows_from(shorter, 0), rows_from(case.form, 0)[:3])  # a leaf is no other case


@each_dimension
def test_directions_in_the_frame_of_a_node(rng, r):
    for scale in (0.5, 30):
        case = random_case(rng, r, scale)
        for s in (0, 1, 9, 23):
            found = directions_from(case.form, s)
            assert_array_equal(found[s], 0)
            for x in set(range(24)) - {s}:
                exact = case.oracle.direction(s, x)
                exact = [exact.real, exact.imag] if r == 2 else exact
                assert_allclose(found[x], exact, atol=1e-13)  # triangles where the error of a distance weighs 100


def test_directions_over_many_short_edges(rng):
    """Hundreds of small turns add up without loss: points that follow from them are as far apart as the row says."""
    tree = tree_of([-1, *range(400), *rng.integers(0, 400, 50)])
    form = planar_form(tree.parent, tree.starts, np.full(451, 0.02), np.pi + rng.normal(0, 0.1, 451))
    for source in (0, 200, 400):
        points = recentered(form, source)
        for other in (3, 150, 399, 440):
            expected = naive.ball_distances(points[other], points)
            assert_allclose(rows_from(form, other), expected, rtol=1e-11, atol=1e-12)  # e^8 roundings at the rim


# Against coordinates, and against each other


@each_dimension
def test_distances_of_points_of_the_ball(rng, r):
    tree = random_tree(rng, 60, "random")
    lengths = lengths_of(rng, 60, 0.5, uneven=False)
    if r == 2:
        angles = rng.uniform(0, 2 * np.pi, 60)
        form, directions = (
            planar_form(tree.parent, tree.starts, lengths, angles),
            naive.planar_directions(tree.parent, angles),
        )
    else:
        directions = unit_rows(rng.standard_normal((60, r)))
        form = spatial_form(tree.parent, tree.starts, lengths, directions)
    points = naive.ball_points(tree.parent, lengths, directions)
    for s in range(60):
        # points at distance t from the origin are rounded to e^t EPS, here below 1e3 EPS
        assert_allclose(rows_from(form, s), naive.ball_distances(points[s], points), rtol=1e-10)
        around = recentered(form, s)
        assert_array_equal(around[s], 0)
        assert_allclose(naive.ball_distances(around[7], around), rows_from(form, 7), rtol=1e-10)
    assert_allclose(recentered(form, 0), points, atol=1e-12)


@pytest.mark.parametrize("scale", [0.5, 78.3])
def test_the_plane_is_the_case_of_two_dimensions(rng, scale):
    tree = random_tree(rng, 60, "random")
    lengths, angles = scale * tree.length, uniform_angles(tree)
    plane = planar_form(tree.parent, tree.starts, lengths, angles)
    space = spatial_form(tree.parent, tree.starts, lengths, naive.planar_directions(tree.parent, angles))
    for s in (0, 20, 59):
        assert_allclose(rows_from(plane, s), rows_from(space, s), rtol=1e-13, atol=100 * scale * EPS)


@each_dimension
@pytest.mark.parametrize("scale", [0.1, 20])
def test_pairs_are_symmetric_and_the_row_of_the_smaller_position_bit_for_bit(rng, r, scale):
    form = random_case(rng, r, scale).form
    a, b = (x.ravel() for x in np.indices((24, 24)))
    found = pair_distances(form, a, b).reshape(24, 24)
    assert_array_equal(found, found.T)
    assert_array_equal(np.diag(found), 0)
    rows = np.array([rows_from(form, s) for s in range(24)])
    assert_array_equal(np.triu(found), np.triu(rows))
    assert_allclose(found, rows, rtol=1e-12)


@each_dimension
def test_an_edge_is_as_long_as_given(rng, r):
    case = random_case(rng, r, 400)
    for x in range(1, 24):
        assert rows_from(case.form, x)[case.form.parent[x]] == case.form.lengths[x]
        assert rows_from(case.form, case.form.parent[x])[x] == case.form.lengths[x]


@each_dimension
@pytest.mark.parametrize("length", [1e-100, 1.0, 300.0, 5000.0])
def test_a_child_laid_back_over_its_parent_is_at_distance_0(r, length):
    tree, lengths = tree_of([-1, 0, 1, 2]), np.array([0, length, length, length])
    if r == 2:
        form = planar_form(tree.parent, tree.starts, lengths, np.zeros(4))
    else:
        X = np.outer([1, 1, -1, 1], np.eye(r)[1])
        form = spatial_form(tree.parent, tree.starts, lengths, X)
    # below 1e-75 terms are taken in logarithms, of 230 to rounding
    rounding = 1e-13 if length < 1e-75 else 0
    assert_allclose(rows_from(form, 0), [0, length, 0, length], rtol=rounding)
    assert_allclose(rows_from(form, 3), [length, 0, length, 0], rtol=rounding)


@each_dimension
def test_a_very_long_edge_that_leads_back_to_near_the_source(r):
    tree, lengths = tree_of([-1, 0, 1, 2]), np.array([0, 5000, 4999.5, 1])  # on a line, at 0, 5000, 0.5, 1.5
    if r == 2:
        form = planar_form(tree.parent, tree.starts, lengths, np.zeros(4))
    else:
        form = spatial_form(tree.parent, tree.starts, lengths, np.outer([1, 1, -1, 1], np.eye(r)[1]))
    assert_allclose(rows_from(form, 0), [0, 5000, 0.5, 1.5], rtol=4 * EPS)
    assert_allclose(rows_from(form, 3), [1.5, 4998.5, 1, 0], rtol=4 * EPS)


@each_dimension
@pytest.mark.parametrize("length", [1e-100, 2.0, 800.0])
def test_a_straight_path_is_a_line(r, length):
    n = 40
    tree, lengths = tree_of([-1, *range(n - 1)]), np.r_[0, np.full(n - 1, length)]
    if r == 2:
        form = planar_form(tree.parent, tree.starts, lengths, np.full(n, np.pi))
    else:
        form = spatial_form(tree.parent, tree.starts, lengths, np.tile(np.eye(r)[0], (n, 1)))
    for s in (0, 17, n - 1):
        # each of 40 sums rounds by half a unit; below 1e-75 terms are taken in logarithms, see above
        assert_allclose(rows_from(form, s), length * np.abs(np.arange(n) - s), rtol=40 * EPS if length > 1 else 1e-11)


def test_a_single_node_has_distance_0():
    one, zero = np.array([-1]), np.zeros(1)
    for form in (
        planar_form(one, np.array([1, 1]), zero, zero),
        spatial_form(one, np.array([1, 1]), zero, np.zeros((1, 3))),
    ):
        assert_array_equal(rows_from(form, 0), [0])
        assert_array_equal(recentered(form, 0), np.zeros((1, 2 if len(form) == 8 else 3)))


@each_dimension
def test_workspace_and_output_may_be_reused(rng, r):
    form = random_case(rng, r, 3).form
    out, work = np.full((3, 24), np.nan), np.full_like(row_workspace(form), np.nan)
    for sources in ([23, 0, 11], [5, 5, 1]):
        assert rows_from(form, np.array(sources), out, work) is out
        assert_array_equal(out, [rows_from(form, s) for s in sources])


# Neighbours


@each_dimension
@pytest.mark.parametrize("k", [1, 5, 23])
def test_neighbours_are_the_nearest_others(rng, r, k):
    form = random_case(rng, r, 2).form
    sources = np.array([3, 0, 23, 3])
    indices, distances = nearest(form, sources, k)
    for s, found, rho in zip(sources, indices, distances, strict=True):
        row = rows_from(form, s)
        others = [x for x in np.argsort(row, kind="stable") if x != s][:k]
        assert_array_equal(found, others)
        assert_array_equal(rho, row[others])


def test_among_equal_distances_the_lowest_position_comes_first():
    tree = tree_of([-1] + [0] * 59)
    lengths = np.r_[0, 2.0 + np.arange(1, 60) % 3]
    form = planar_form(tree.parent, tree.starts, lengths, uniform_angles(tree))
    indices, distances = nearest(form, np.array([0]), 50)
    assert_array_equal(indices, [[*range(3, 60, 3), *range(1, 60, 3), *range(2, 34, 3)]])
    assert_array_equal(distances, [[2.0] * 19 + [3.0] * 20 + [4.0] * 11])


def test_a_node_that_coincides_with_the_source_is_its_neighbour():
    tree = tree_of([-1, 0, 1])
    form = planar_form(tree.parent, tree.starts, np.array([0, 2.0, 2.0]), np.zeros(3))
    indices, distances = nearest(form, np.array([0, 2]), 1)
    assert_array_equal(indices, [[2], [0]])
    assert_array_equal(distances, [[0], [0]])


@pytest.mark.parametrize("k", [0, 24])
def test_neighbours_that_do_not_exist_are_refused(rng, k):
    form = random_case(rng, 2, 2).form
    with pytest.raises(ValueError, match=f"from 1 to 23, .* got {k}"):
        nearest(form, np.array([0]), k)


@pytest.mark.jit
@pytest.mark.parametrize("r", [2, 3])
def test_neighbours_do_not_depend_on_the_number_of_threads(rng, r):
    n = 3000
    tree = random_tree(rng, n, "random")
    if r == 2:
        form = planar_form(tree.parent, tree.starts, tree.length, uniform_angles(tree))
    else:
        form = spatial_form(tree.parent, tree.starts, tree.length, unit_rows(rng.standard_normal((n, r))))
    one, two = (nearest(form, np.arange(0, n, 7), 10, n_jobs) for n_jobs in (1, 2))
    assert_array_equal(one[0], two[0])
    assert_array_equal(one[1], two[1])

"""The pruned mean average precision against all distances, and the bounds that it prunes by."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import coo_array

from sparsekit.core.trees import rooted
from sparsekit.embeddings.planar_distances import planar_form
from sparsekit.embeddings.pruned_map import average_precisions, look_behind
from sparsekit.embeddings.row_measures import row_precision
from sparsekit.embeddings.tree_distances import directions_from, rows_from
from sparsekit.embeddings.tree_placement import subtree_angles, uniform_angles

SCALES = [0.05, 0.5, 2, 8, 23, 300]


def random_tree(seed, n=60):
    """Bushy, deep, shallow or mixed by the seed; every third one has lengths."""
    rng = np.random.default_rng(seed)
    low = [lambda i: 0, lambda i: max(0, i - 3), lambda i: 0, lambda i: max(0, i - 30)][seed % 4]
    high = [lambda i: i, lambda i: i, lambda i: min(i, 4), lambda i: i][seed % 4]
    parents = np.array([rng.integers(low(i), high(i)) for i in range(1, n)], dtype=np.int64)
    weights = rng.uniform(0.3, 2, n - 1) if seed % 3 == 0 else np.ones(n - 1)
    return rooted(np.arange(1, n), parents, weights, n, 0)


def some_angles(tree, seed):
    n = len(tree.parent)
    anything = np.random.default_rng(seed).uniform(-7, 7, n)  # nodes that look through each other
    return [uniform_angles(tree), subtree_angles(tree), anything][seed % 3]


def graph_neighbours(tree, seed, n_extra):
    """Neighbours by position: the edges of the tree and others."""
    rng, n = np.random.default_rng(seed), len(tree.parent)
    u = np.concatenate([tree.parent[1:], rng.integers(0, n, n_extra)])
    v = np.concatenate([np.arange(1, n), rng.integers(0, n, n_extra)])
    u, v = u[u != v], v[u != v]
    A = coo_array((np.ones(2 * len(u)), (np.r_[u, v], np.r_[v, u])), shape=(n, n)).tocsr()
    A.sum_duplicates()
    return A.indptr.astype(np.int64), A.indices.astype(np.int64)


def form_of(tree, scale, angles):
    return planar_form(tree.parent, tree.starts, scale * tree.length, angles)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scale", SCALES)
def test_bit_for_bit(seed, scale):
    tree = random_tree(seed)
    begins, neighbours = graph_neighbours(tree, seed, 8)
    form = form_of(tree, scale, some_angles(tree, seed))
    found, visited = average_precisions(form, begins, neighbours)
    assert_array_equal(found, [row_precision(rows_from(form, p), begins, neighbours, p) for p in range(60)])
    assert (visited > 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_positions_that_do_not_count(seed):
    """Added nodes are walked through, and neither rank nor are asked for."""
    tree = random_tree(seed)
    counted = np.random.default_rng(seed).random(60) < 0.7
    own = np.flatnonzero(counted)
    begins, neighbours = graph_neighbours(tree, seed, 8)
    rows = [[x for x in neighbours[begins[p] : begins[p + 1]] if counted[x]] if counted[p] else [] for p in range(60)]
    begins = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    neighbours = np.array([x for row in rows for x in row], dtype=np.int64)
    form = form_of(tree, 6.0, some_angles(tree, seed))
    found, _ = average_precisions(form, begins, neighbours, counted=counted)
    assert len(found) == len(own)
    place = np.cumsum(counted) - 1
    for p, precision in zip(own, found, strict=True):
        first = place[rows[p]].astype(np.int64)
        n_before = np.zeros(len(own) + 1, np.int64)
        n_before[place[p] + 1 :] = len(first)
        assert_array_equal(precision, row_precision(rows_from(form, p)[own], n_before, first, place[p]))


def test_sources_and_threads():
    tree = random_tree(3, 300)
    begins, neighbours = graph_neighbours(tree, 3, 30)
    form = form_of(tree, 5.0, uniform_angles(tree))
    whole, visited = average_precisions(form, begins, neighbours, n_jobs=1)
    again, _ = average_precisions(form, begins, neighbours, n_jobs=2)
    assert_array_equal(again, whole)
    few, visits = average_precisions(form, begins, neighbours, sources=np.array([7, 250, 7]))
    assert_array_equal(few, whole[[7, 250, 7]])
    assert_array_equal(visits, visited[[7, 250, 7]])


@pytest.mark.parametrize(
    "parents", [[], [0], [0, 1, 1], [0] * 80, list(range(80))], ids=["one", "two", "four", "star", "path"]
)
@pytest.mark.parametrize("scale", SCALES)
def test_small_and_extreme_trees(parents, scale):
    n = len(parents) + 1
    tree = rooted(np.arange(1, n), np.array(parents, dtype=np.int64), np.ones(n - 1), n, 0)
    begins, neighbours = graph_neighbours(tree, 0, 0)
    form = form_of(tree, scale, uniform_angles(tree))
    found, _ = average_precisions(form, begins, neighbours)
    assert_array_equal(found, [row_precision(rows_from(form, p), begins, neighbours, p) for p in range(n)])


@pytest.mark.jit
def test_most_nodes_are_not_visited():
    tree = random_tree(0, 3000)
    begins, neighbours = graph_neighbours(tree, 0, 0)
    _, visited = average_precisions(form_of(tree, 20.0, uniform_angles(tree)), begins, neighbours)
    assert visited.mean() < 100
    _, visited = average_precisions(form_of(tree, 0.01, uniform_angles(tree)), begins, neighbours)
    assert visited.mean() > 1000  # next to nothing can be told apart


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize("scale", [0.5, 2, 8])
def test_what_lies_behind_an_edge(seed, scale):
    """Angles and distances behind each edge, both ways, are within the bounds."""
    tree = random_tree(seed, 40)
    form = form_of(tree, scale, some_angles(tree, seed))
    horizon = look_behind(form, np.ones(40, np.int64))
    rows = np.array([rows_from(form, p) for p in range(40)])
    inside = np.eye(40, dtype=bool)
    for p in range(39, 0, -1):
        inside[tree.parent[p]] |= inside[p]
    n_bounded = 0
    for p in range(1, 40):
        for way, (near, far) in enumerate([(tree.parent[p], p), (p, tree.parent[p])]):
            behind = np.flatnonzero(inside[p] if way == 0 else ~inside[p])
            behind = behind[behind != far]
            assert horizon.size[way, p] == len(behind)
            if not len(behind):
                continue
            assert (rows[far, behind] >= horizon.least[way, p] * (1 - 1e-12) - 1e-12).all()
            assert (rows[far, behind] <= horizon.most[way, p] * (1 + 1e-12)).all()
            directions = directions_from(form, far)
            angles = np.arccos(np.clip(directions[behind] @ directions[near], -1, 1))
            gamma = 2 * np.arctan2(horizon.sines[way, p], horizon.cosines[way, p])
            assert (angles >= gamma - 1e-7).all()  # arccos near 0
            n_bounded += gamma > 0
    if seed % 3 < 2 and scale == 8:
        assert n_bounded > 30  # most edges of a regular layout bound something

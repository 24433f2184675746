"""Rooted trees on flat arrays against plain recursion."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sparsekit.core.trees import path_sums, rooted, subtree_sums


def random_tree(seed, n=40):
    rng = np.random.default_rng(seed)
    names = rng.permutation(n)
    parents = np.array([rng.integers(0, i) for i in range(1, n)])
    weight = rng.uniform(0.5, 2, n - 1)
    return names[1:], names[parents], weight


@pytest.mark.parametrize("seed", range(5))
def test_positions_are_breadth_first(seed):
    u, v, weight = random_tree(seed)
    tree = rooted(u, v, weight, 40, 7)
    assert tree.order[0] == 7
    assert_array_equal(np.sort(tree.order), np.arange(40))
    assert_array_equal(tree.position[tree.order], np.arange(40))
    assert (np.diff(tree.depth) >= 0).all()
    known = {frozenset((a, b)): w for a, b, w in zip(u, v, weight, strict=True)}
    for p in range(40):
        children = range(tree.starts[p], tree.starts[p + 1])
        assert (tree.parent[list(children)] == p).all()
        assert (np.diff(tree.order[list(children)]) > 0).all()
        if p:
            assert tree.length[p] == known[frozenset((tree.order[p], tree.order[tree.parent[p]]))]
            assert tree.depth[p] == tree.depth[tree.parent[p]] + 1
    assert tree.parent[0] == -1
    assert tree.length[0] == 0


@pytest.mark.parametrize("seed", range(5))
def test_sums_and_ancestors(seed):
    tree = rooted(*random_tree(seed), 40, 0)
    values = np.random.default_rng(seed).integers(0, 100, 40).astype(float)
    chains = []
    for p in range(40):
        chain = [p]
        while chain[-1]:
            chain.append(tree.parent[chain[-1]])
        chains.append(chain)
    assert_array_equal(path_sums(tree.parent, values), [sum(values[q] for q in chain[:-1]) for chain in chains])
    assert_array_equal(
        subtree_sums(tree.parent, values), [sum(values[q] for q in range(40) if p in chains[q]) for p in range(40)]
    )


def test_one_node_is_a_tree():
    none = np.zeros(0, np.int64)
    tree = rooted(none, none, np.zeros(0), 1, 0)
    assert_array_equal(tree.order, [0])
    assert_array_equal(tree.starts, [1, 1])


def test_edges_must_connect():
    with pytest.raises(ValueError, match="connect 2 of 3 nodes"):
        rooted(np.array([0]), np.array([1]), np.ones(1), 3, 0)

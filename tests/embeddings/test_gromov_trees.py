"""Trees of metrics: exact for metrics of trees, and trees with positive lengths for all others."""

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sparsekit.core.trees import path_sums, rooted
from sparsekit.embeddings.gromov_trees import meeting_tree, pairing_tree

METHODS = pytest.mark.parametrize("method", [meeting_tree, pairing_tree])


def distances_in_tree(u, v, weight, total, n):
    """Between the first n nodes: sums along paths, from each root anew."""
    rows = np.empty((n, n))
    for root in range(n):
        tree = rooted(u, v, weight, total, root)
        rows[root] = path_sums(tree.parent, tree.length)[tree.position[:n]]
    return rows


def random_tree(seed, n=40):
    rng = np.random.default_rng(seed)
    u = np.array([rng.integers(max(0, i - 4), i) if seed % 2 else rng.integers(0, i) for i in range(1, n)])
    return u, np.arange(1, n), rng.uniform(0.2, 3, n - 1)


def some_of_a_tree(seed, n=40):
    """Distances between a half of the nodes of a tree, and how many more nodes it takes to join these."""
    rng = np.random.default_rng(seed)
    u, v, weight = random_tree(seed, n)
    kept = rng.permutation(n)[: n // 2]
    tree = nx.Graph(list(zip(u.tolist(), v.tolist(), strict=True)))
    while removable := [x for x in tree if tree.degree[x] == 1 and x not in kept]:
        tree.remove_nodes_from(removable)
    branching = [x for x in tree if tree.degree[x] > 2 and x not in kept]
    return distances_in_tree(u, v, weight, n, n)[np.ix_(kept, kept)], len(branching)


def random_graph_metric(seed, n=40, *, weighted=True):
    rng = np.random.default_rng(seed)
    graph = nx.connected_watts_strogatz_graph(n, 4, 0.3, seed=seed)
    for pair in graph.edges:
        graph.edges[pair]["weight"] = rng.uniform(0.5, 2) if weighted else 1
    return nx.floyd_warshall_numpy(graph)


@METHODS
@pytest.mark.parametrize("seed", range(6))
def test_metrics_of_trees_are_met_exactly(method, seed):
    D, n_branching = some_of_a_tree(seed)
    n = len(D)
    for base in (0, 7):
        u, v, weight, n_added = method(D, base)
        assert n_added == n_branching
        assert len(u) == n + n_added - 1
        # sums of 40 lengths, twice: some 100 roundings of 1e-16
        assert_allclose(distances_in_tree(u, v, weight, n + n_added, n), D, rtol=1e-13)


@METHODS
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_units_do_not_matter(method, scale):
    D, n_branching = some_of_a_tree(1)
    u, v, weight, n_added = method(D * scale, 3)
    assert n_added == n_branching
    assert_allclose(distances_in_tree(u, v, weight, 20 + n_added, 20), D * scale, rtol=1e-13)


@METHODS
def test_trees_take_no_added_nodes(method):
    u, v, weight = random_tree(3)
    D = distances_in_tree(u, v, weight, 40, 40)
    a, b, found, n_added = method(D, 5)
    assert n_added == 0
    order = np.lexsort((np.maximum(a, b), np.minimum(a, b)))
    expected = np.lexsort((v, u))
    assert_array_equal(np.minimum(a, b)[order], u[expected])
    assert_array_equal(np.maximum(a, b)[order], v[expected])
    assert_allclose(found[order], weight[expected], rtol=1e-12)  # differences of distances up to 30 times as long


@METHODS
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weighted", [False, True])
def test_other_metrics_give_trees_without_coincident_nodes(method, seed, weighted):
    D = random_graph_metric(seed, weighted=weighted)
    n = len(D)
    u, v, weight, n_added = method(D, 0)
    total = n + n_added
    assert len(u) == total - 1
    assert_array_equal(np.unique(np.concatenate([u, v])), np.arange(total))
    assert (weight > 0).all()
    assert (np.bincount(np.concatenate([u, v]))[n:] >= 3).all()
    found = distances_in_tree(u, v, weight, total, n)
    assert found[~np.eye(n, dtype=bool)].min() > 0
    again = method(D, 0)
    assert_array_equal(again[2], weight)


@pytest.mark.parametrize("seed", range(8))
def test_metrics_near_a_tree_are_nearly_met_by_pairs(seed):
    D, _ = some_of_a_tree(seed)
    noise = np.triu(np.random.default_rng(seed).uniform(-1, 1, D.shape), 1) * 1e-3
    u, v, weight, n_added = pairing_tree(D + noise + noise.T, 0)
    found = distances_in_tree(u, v, weight, 20 + n_added, 20)
    # Gromov's bound: 2 log2(n) times the hyperbolicity, which is two noises at most
    assert np.abs(found - D).max() < 2 * np.log2(20) * 2e-3


@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_hung_in_order_of_their_product(seed):
    """The rule, word for word, one pair after the other."""
    D = random_graph_metric(seed, n=14)
    n, base = len(D), 2
    left, hung = set(range(n)), []
    while len(left) > 1:
        pairs = [(p, q) for p in left for q in left - {base} if D[base, p] < D[base, q]]
        p, q = max(pairs, key=lambda pair: D[base, pair[0]] + D[base, pair[1]] - D[pair])
        hung.append((p, q, (D[base, p] + D[base, q] - D[p, q]) / 2))
        left.remove(q)
    paths = {base: [(base, 0.0)]}  # of each node, from the base: whose own path it is on, and from what height
    for p, q, height in reversed(hung):
        paths[q] = [part for part in paths[p] if part[1] <= height] + [(q, height)]
    expected = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            shared = [k for k in range(min(len(paths[a]), len(paths[b]))) if paths[a][: k + 1] == paths[b][: k + 1]]
            k = len(shared)
            ends = [path[k][1] if k < len(path) else D[base, x] for x, path in ((a, paths[a]), (b, paths[b]))]
            expected[a, b] = D[base, a] + D[base, b] - 2 * min(ends)
    u, v, weight, n_added = pairing_tree(D, base)
    found = distances_in_tree(u, v, weight, n + n_added, n)
    assert_allclose(found, expected, atol=1e-13)  # roundings of numbers up to 10
    assert_allclose(found[base], D[base], rtol=1e-13)
    for p, q, _ in hung:
        assert found[p, q] == pytest.approx(D[p, q], rel=1e-13)


def meet(D, base):
    """The parts of TreeRep, one by one, as {pair of nodes: length}; added nodes are ("r", i)."""
    edges, n_added = {}, 0

    def join(a, b, length):
        edges[a, b] = length

    def largest(scores):
        return min(w for w in scores if scores[w] > max(scores.values()) - 1e-9)

    def behind(a, members):  # {member: distance from a}
        if len(members) == 1:
            join(a, *members, *members.values())
        elif members:
            b = largest(members)
            between(a, b, members[b], {w: (far, D[b, w]) for w, far in members.items() if w != b})

    def between(a, b, length, members):  # {member: (distance from a, distance from b)}
        nonlocal n_added
        if not members:
            join(a, b, length)
            return
        c = largest({w: min(length - abs(x - y), x + y - length) / 2 for w, (x, y) in members.items()})
        (to_a, to_b), corners = members[c], (a, b, c)
        far = {w: (*ends, D[c, w]) for w, ends in members.items() if w != c}
        products = {w: np.array([y + z - to_b, x + z - to_a, x + y - length]) / 2 for w, (x, y, z) in far.items()}
        first = min(max((length + to_a - to_b) / 2, 0), length)
        legs = [first, length - first, max((to_a + to_b - length) / 2, 0)]
        if legs[2] < 1e-9:
            r, legs = c, [to_a, to_b, 0]
        elif legs[0] < 1e-9:
            r, legs = a, [0, length, to_a]
        elif legs[1] < 1e-9:
            r, legs = b, [length, 0, to_b]
        elif on := [w for w in sorted(far) if products[w].max() < 1e-9]:
            r = on[0]
            legs = far.pop(r)
        else:
            r, n_added = ("r", n_added), n_added + 1
        at_joint, at_corners, on_legs = {}, ({}, {}, {}), ({}, {}, {})
        for w, ends in far.items():
            leg = int(np.argmax(products[w]))
            joins = 1.5 * products[w][leg] - products[w].sum() / 2
            from_joint = ends[corners.index(r)] if r in corners else products[w][leg] if type(r) is tuple else D[r, w]
            from_joint = max(from_joint, 0)
            if joins < 1e-9 or corners[leg] == r:
                at_joint[w] = from_joint
            elif joins > legs[leg] - 1e-9:
                at_corners[leg][w] = ends[leg]
            else:
                on_legs[leg][w] = ends[leg], from_joint
        behind(r, at_joint)
        for k in range(3):
            behind(corners[k], at_corners[k])
            if corners[k] != r:
                between(corners[k], r, legs[k], on_legs[k])

    behind(base, {w: D[base, w] for w in range(len(D)) if w != base})
    return edges


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("weighted", [False, True])
def test_meetings_follow_the_rules(seed, weighted):
    D = random_graph_metric(seed, weighted=weighted)
    if not weighted:  # ties are broken otherwise than by the rules
        D = D + 0.25 * (D[:, [seed]] + D[[seed]]) * (1 - np.eye(40))
        D *= 1 + 1e-4 * np.add.outer(np.arange(40) ** 2, np.arange(40) ** 2)
    expected = nx.Graph()
    expected.add_weighted_edges_from((a, b, max(length, 0)) for (a, b), length in meet(D, 1).items())
    assert nx.is_tree(expected)
    lengths = dict(nx.all_pairs_dijkstra_path_length(expected))
    u, v, weight, n_added = meeting_tree(D, 1)
    found = distances_in_tree(u, v, weight, 40 + n_added, 40)
    assert_allclose(found, [[lengths[i][j] for j in range(40)] for i in range(40)], atol=1e-10)  # of 10, by 1e-16


@METHODS
def test_short_distances_are_no_rounding(method):
    x = np.array([0, 1e-12, 1])
    D = np.abs(np.subtract.outer(x, x))
    u, v, weight, n_added = method(D, 0)
    assert n_added == 0
    assert_allclose(distances_in_tree(u, v, weight, 3, 3)[1:, 2:], D[1:, 2:], atol=2e-16)


@METHODS
def test_few_nodes(method):
    u, v, weight, n_added = method(np.zeros((1, 1)), 0)
    assert (len(u), n_added) == (0, 0)
    u, v, weight, n_added = method(np.array([[0.0, 2], [2, 0]]), 1)
    assert (sorted([*u, *v]), weight.tolist(), n_added) == ([0, 1], [2.0], 0)
    u, v, weight, n_added = method(np.array([[0.0, 3, 4], [3, 0, 5], [4, 5, 0]]), 0)
    assert n_added == 1
    assert_allclose(np.sort(weight), [1, 2, 3])


def test_members_on_a_joint_are_kept_apart():
    """A four-cycle: its products put nodes on one point, whose distances are then those of the metric."""
    D = nx.floyd_warshall_numpy(nx.cycle_graph(4))
    for method in (meeting_tree, pairing_tree):
        u, v, weight, n_added = method(D, 0)
        found = distances_in_tree(u, v, weight, 4 + n_added, 4)
        assert found[~np.eye(4, dtype=bool)].min() >= 0.5

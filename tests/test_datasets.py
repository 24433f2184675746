"""The data that ships, the dictionaries and the generators."""

import hashlib
from importlib.resources import files
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sparsekit.datasets import (
    dct_dictionary,
    fetch_hierarchy,
    hierarchies,
    hyperbolic_cross,
    intrinsic_weights,
    load_camera,
    load_mammals,
    load_wordnet,
    make_sparse_signal,
    polynomial_design,
)


def test_camera_is_the_photograph():
    image = load_camera()
    assert image.shape == (512, 512)
    assert image.dtype == np.uint8
    assert image.min() == 0
    assert image.max() == 255
    assert round(float(image.mean())) == 129


@pytest.mark.parametrize("shape", [8, (4, 6), (2, 3, 4)])
def test_as_many_atoms_as_samples_are_the_orthonormal_cosines(shape):
    dictionary = dct_dictionary(shape, shape)
    size = int(np.prod(shape))
    units = np.eye(size).reshape(size, *np.atleast_1d(shape))
    expected = dctn(units, axes=range(1, units.ndim), norm="ortho").reshape(size, size).T
    np.testing.assert_allclose(dictionary, expected, atol=1e-14)


def test_overcomplete_atoms_have_unit_norm_and_no_mean():
    dictionary = dct_dictionary(16, (8, 8))
    np.testing.assert_allclose(np.linalg.norm(dictionary, axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(dictionary[1:].sum(axis=1), 0, atol=1e-13)


@pytest.mark.parametrize(("n_atoms", "shape"), [((4, 4), 8), (0, 8), (4, (8, 0))])
def test_dictionaries_refuse_impossible_shapes(n_atoms, shape):
    with pytest.raises(ValueError, match="n_atoms and shape"):
        dct_dictionary(n_atoms, shape)


@pytest.mark.parametrize("values", ["normal", "ones"])
def test_sparse_signals_are_what_they_say(values):
    X, y, coef = make_sparse_signal(30, 80, 5, noise=0.5, values=values, rng=1)
    np.testing.assert_allclose(np.linalg.norm(X, axis=0), 1, rtol=1e-14)
    assert np.count_nonzero(coef) == 5
    np.testing.assert_allclose(np.linalg.norm(y - X @ coef), 0.5, rtol=1e-13)
    again = make_sparse_signal(30, 80, 5, noise=0.5, values=values, rng=1)
    np.testing.assert_array_equal(again[1], y)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0, 5, 1), "n_samples"), ((5, 0, 0), "n_features"), ((5, 5, 6), "n_nonzero_coefs")],
)
def test_sparse_signals_refuse_impossible_numbers(arguments, name):
    with pytest.raises(ValueError, match=name):
        make_sparse_signal(*arguments)


def test_sparse_signals_refuse_unknown_values():
    with pytest.raises(ValueError, match="values"):
        make_sparse_signal(5, 5, 1, values="twos")


every_family = pytest.mark.parametrize("family", ["legendre", "chebyshev"])


@pytest.mark.parametrize(("n_dims", "order", "size"), [(5, 18, 426), (10, 8, 471), (1, 0, 1), (40, 0, 1), (1, 7, 8)])
def test_hyperbolic_crosses_have_the_sizes_of_the_papers(n_dims, order, size):
    assert hyperbolic_cross(n_dims, order).shape == (size, n_dims)


@pytest.mark.parametrize(("n_dims", "order"), [(1, 5), (2, 9), (3, 11), (4, 4)])
def test_hyperbolic_crosses_are_what_the_full_grid_leaves(n_dims, order):
    grid = [nu for nu in product(range(order + 1), repeat=n_dims) if np.prod(np.add(nu, 1)) <= order + 1]
    expected = sorted(grid, key=lambda nu: (np.prod(np.add(nu, 1)), nu))
    np.testing.assert_array_equal(hyperbolic_cross(n_dims, order), expected)


@pytest.mark.parametrize(("arguments", "name"), [((0, 3), "n_dims"), ((3, -1), "order")])
def test_hyperbolic_crosses_refuse_impossible_numbers(arguments, name):
    with pytest.raises(ValueError, match=name):
        hyperbolic_cross(*arguments)


def nodes_of(family, n_nodes):
    """Gauss nodes and weights of the probability measure: exact up to degree 2 n_nodes - 1."""
    gauss = np.polynomial.legendre.leggauss if family == "legendre" else np.polynomial.chebyshev.chebgauss
    nodes, weights = gauss(n_nodes)
    return nodes, weights / weights.sum()


@every_family
def test_polynomials_are_orthonormal(family):
    indices = hyperbolic_cross(3, 7)
    nodes, weights = nodes_of(family, 8)
    points = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 3)
    X = polynomial_design(points, indices, family=family)
    measure = np.einsum("i,j,k->ijk", weights, weights, weights).ravel()
    np.testing.assert_allclose(X.T @ (measure[:, None] * X), np.eye(len(indices)), atol=1e-13)


@every_family
def test_polynomials_of_high_degree_are_orthonormal(family):
    nodes, weights = nodes_of(family, 120)
    X = polynomial_design(nodes[:, None], np.arange(120)[:, None], family=family)
    np.testing.assert_allclose(X.T @ (weights[:, None] * X), np.eye(120), atol=1e-11)  # rounding grows with the degree


def test_columns_stand_in_the_order_of_the_indices():
    t, u = np.random.default_rng(0).uniform(-1, 1, (2, 6))
    X = polynomial_design(np.column_stack([t, u]), [[1, 2], [0, 0], [3, 0]])
    second, third = (3 * u**2 - 1) / 2, (5 * t**3 - 3 * t) / 2
    expected = np.column_stack([np.sqrt(15) * t * second, np.ones(6), np.sqrt(7) * third])
    np.testing.assert_allclose(X, expected, atol=1e-14)


@every_family
def test_intrinsic_weights_are_the_largest_values(family):
    indices = hyperbolic_cross(2, 6)
    line = np.cos(np.linspace(0, np.pi, 121))  # holds the extrema of all Chebyshev polynomials up to degree 6
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    largest = np.abs(polynomial_design(points, indices, family=family)).max(axis=0)
    np.testing.assert_allclose(intrinsic_weights(indices, family=family), largest, rtol=1e-13)


@pytest.mark.parametrize(
    ("points", "indices", "name"),
    [
        ([[0.0, 1.1]], [[0, 1]], "points"),
        ([[0.0, np.nan]], [[0, 1]], "points"),
        ([0.0, 0.5], [[0, 1]], "points"),
        ([[0.0]], [[0, 1]], "points"),
        ([[0.0, 0.0]], [[0, -1]], "indices"),
        ([[0.0, 0.0]], [[0.0, 1.5]], "indices"),
        ([[0.0, 0.0]], [0, 1], "indices"),
    ],
)
def test_polynomial_designs_refuse_bad_input(points, indices, name):
    with pytest.raises(ValueError, match=name):
        polynomial_design(points, indices)


def test_polynomials_refuse_unknown_families_and_bad_indices():
    with pytest.raises(ValueError, match="family"):
        polynomial_design([[0.0]], [[1]], family="hermite")
    with pytest.raises(ValueError, match="family"):
        intrinsic_weights([[1]], family="hermite")
    with pytest.raises(ValueError, match="indices"):
        intrinsic_weights([[-1]])


def test_nouns_are_connected_and_nearly_a_tree():
    edges = load_wordnet()
    assert edges.shape == (75_834, 2)
    assert edges.max() == 74_373
    n_components, _ = connected_components(coo_array((np.ones(len(edges)), edges.T), shape=(74_374, 74_374)))
    assert n_components == 1


def test_mammals_have_the_closure_of_the_dictionary():
    edges, names = load_mammals()
    assert names[0] == "mammal"
    assert len(names) == len(edges) == 1182
    above = [set() for _ in names]
    for child, parent in edges:  # parents come first
        assert parent < child
    for child in range(len(names)):
        for parent in edges[edges[:, 0] == child, 1]:
            above[child] |= {int(parent)} | above[parent]
    assert sum(map(len, above)) == 6542


def test_hierarchies_are_fetched_and_checked(tmp_path, monkeypatch):
    (tmp_path / "smalltree.edges").write_text("0 1\n1 2\n")
    monkeypatch.setattr(hierarchies, "_HOME", f"file://localhost{tmp_path.as_posix()}/")
    with pytest.raises(OSError, match="SHA256"):
        fetch_hierarchy("balanced_tree", data_home=tmp_path / "wrong", n_retries=0)
    checksum = hashlib.sha256(b"0 1\n1 2\n").hexdigest()
    monkeypatch.setitem(hierarchies._GRAPHS, "balanced_tree", ("smalltree.edges", checksum))
    assert_array_equal(fetch_hierarchy("balanced_tree", data_home=tmp_path / "right"), [[0, 1], [1, 2]])
    with pytest.raises(ValueError, match="name must be one of"):
        fetch_hierarchy("tree")


def test_licence_of_wordnet_ships():
    assert "Princeton" in (files("sparsekit.datasets") / "data" / "LICENSE.wordnet.txt").read_text()

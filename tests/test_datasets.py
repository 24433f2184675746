"""The data that ships, the dictionaries and the generators."""

import numpy as np
import pytest
from scipy.fft import dctn

from sparsekit.datasets import dct_dictionary, load_camera, make_sparse_signal


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

"""Distances in the ball and the other models, against many digits and against each other."""

import numpy as np
import pytest
from mpmath import acosh, mp, mpf
from numpy.testing import assert_allclose, assert_array_equal

from sparsekit.embeddings.hyperbolic import (
    ball_to_half_space,
    ball_to_hyperboloid,
    half_space_to_ball,
    hyperbolic_distances,
    hyperboloid_to_ball,
)


def points(seed, n=12, r=3, reach=5.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, r))
    return X / np.linalg.norm(X, axis=1)[:, None] * np.tanh(rng.uniform(0, reach, n) / 2)[:, None]


def by_many_digits(u, v):
    with mp.workdps(60):
        u, v = [mpf(float(x)) for x in u], [mpf(float(x)) for x in v]
        square = sum((a - b) ** 2 for a, b in zip(u, v, strict=True))
        room = (1 - sum(a * a for a in u)) * (1 - sum(b * b for b in v))
        return float(acosh(1 + 2 * square / room))


@pytest.mark.parametrize("reach", [1e-6, 0.1, 5.0, 12.0])
def test_distances_have_all_their_digits(reach):
    X = points(1, reach=reach)
    expected = [[by_many_digits(u, v) for v in X] for u in X]
    # 1 - |x|^2 is known to eps / (1 - |x|): the point itself is not known better
    assert_allclose(hyperbolic_distances(X), expected, rtol=1e-14 + 1e-16 * np.exp(reach), atol=0)


def test_close_points_keep_their_distance():
    X = points(2)
    Y = X * (1 + 1e-12)
    expected = [by_many_digits(u, v) for u, v in zip(X, Y, strict=True)]
    assert_allclose(np.diag(hyperbolic_distances(X, Y)), expected, rtol=1e-12)


def test_points_on_the_sphere_are_infinitely_far():
    distances = hyperbolic_distances([[1.0, 0.0], [0.0, -1.0], [0.3, 0.4]])
    assert_array_equal(distances, np.where(np.eye(3), 0.0, np.inf))


@pytest.mark.parametrize("r", [1, 2, 5])
def test_models_are_the_same_space(r):
    X = points(3, r=r)
    H, Z = ball_to_hyperboloid(X), ball_to_half_space(X)
    assert_allclose(hyperboloid_to_ball(H), X, rtol=0, atol=1e-14)
    assert_allclose(half_space_to_ball(Z), X, rtol=0, atol=1e-13)
    distances = hyperbolic_distances(X)
    lorentz = np.multiply.outer(H[:, 0], H[:, 0]) - H[:, 1:] @ H[:, 1:].T
    assert_allclose(np.arccosh(np.maximum(lorentz, 1)), distances, rtol=0, atol=1e-5)  # by acosh: half of the digits
    squares = np.square(Z[:, None] - Z).sum(axis=2)
    by_heights = np.arccosh(1 + squares / (2 * np.multiply.outer(Z[:, -1], Z[:, -1])))
    assert_allclose(by_heights, distances, rtol=0, atol=1e-5)
    assert_allclose(H[:, 0] ** 2 - np.square(H[:, 1:]).sum(axis=1), 1, rtol=1e-10)


@pytest.mark.parametrize(
    ("function", "X", "message"),
    [
        (hyperbolic_distances, [[1.1, 0.0]], "X must be in the ball"),
        (hyperbolic_distances, [[np.nan, 0.0]], "NaN"),
        (ball_to_hyperboloid, [[1.0, 0.0]], "inside the ball"),
        (ball_to_half_space, [[0.0, 1.0]], "inside the ball"),
        (hyperboloid_to_ball, [[0.5, 0.0]], "times"),
        (half_space_to_ball, [[0.5, 0.0]], "heights"),
    ],
)
def test_what_is_no_point_is_refused(function, X, message):
    with pytest.raises(ValueError, match=message):
        function(X)


def test_dimensions_must_agree():
    with pytest.raises(ValueError, match="same number of columns"):
        hyperbolic_distances([[0.0, 0.0]], [[0.0, 0.0, 0.0]])

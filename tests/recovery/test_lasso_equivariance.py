"""What WeightedLasso must not care about: units, order and signs of rows and columns, on tiny random problems.

The answer to the transformed problem is brought back and must be as good an answer to the given one: minimisers need
not be unique, but their objectives and fitted values are.
"""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.sparse import csc_array

from sparsekit import WeightedLasso, lasso_path

properties = settings(max_examples=40, deadline=None, derandomize=True)
factors = st.floats(0.01, 100)
TOL = 1e-12  # relative duality gap
# Within the gap of the minimum |fit - best fit|_s^2 / (2 W) is no more than the gap, which is no more than TOL times
# |y|_s^2 / (2 W); twice, as there are two answers.
NEAR = 2 * TOL**0.5
ROUNDING = 1e-13  # of |y|_s^2 / (2 W): sums of a dozen squares, in which coefficients of some tens may cancel


@dataclass
class Problem:
    """One fit; `matrix` makes X dense or sparse."""

    X: np.ndarray
    y: np.ndarray
    s: np.ndarray
    alpha: float
    omega: np.ndarray
    positive: bool
    intercept: bool
    matrix: object

    def fit(self):
        options = {"positive": self.positive, "fit_intercept": self.intercept, "feature_weights": self.omega}
        model = WeightedLasso(self.alpha, tol=TOL, **options).fit(self.matrix(self.X), self.y, self.s)
        assert model.converged_
        return model.coef_, model.intercept_, model.dual_gap_

    def size(self):
        return self.s @ self.y**2 / (2 * self.s.sum())

    def penalty(self, coef):
        used = coef != 0
        return float(self.omega[used] @ np.abs(coef[used]))

    def objective(self, coef, intercept):
        r = self.y - intercept - self.X @ coef
        return self.s @ r**2 / (2 * self.s.sum()) + self.alpha * self.penalty(coef)


@st.composite
def problems(draw, *, intercept=None, positive=None):
    """X of any mean, with equal columns now and then; rows and columns without weight; columns that are free."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m, n = draw(st.integers(2, 12)), draw(st.integers(1, 15))
    X = np.round(rng.standard_normal((m, n)) + rng.uniform(-2, 2, n), draw(st.sampled_from([0, 1, 12])))
    y = X @ (rng.standard_normal(n) * (rng.random(n) < 0.4)) + rng.standard_normal(m)
    omega, s = rng.uniform(0.3, 3, n), rng.uniform(0.1, 2, m)
    omega[rng.random(n) < 0.1], omega[rng.random(n) < 0.1] = 0, np.inf
    s[rng.random(m) < 0.2] = 0
    s[0] = 1
    intercept = draw(st.booleans()) if intercept is None else intercept
    positive = draw(st.booleans()) if positive is None else positive
    options = {"feature_weights": omega, "sample_weight": s, "positive": positive, "fit_intercept": intercept}
    largest = max(float(lasso_path(X, y, n_alphas=1, **options)[0][0]), 1e-3)  # 0 where nothing is left to explain
    alpha = largest * draw(st.floats(0.01, 1.1))
    return Problem(X, y, s, alpha, omega, positive, intercept, draw(st.sampled_from([np.asarray, csc_array])))


def check(problem, other, back, scale=1.0):
    """`back` takes the answer to the other problem to this one, whose objective is `scale` times as large."""
    coef, intercept, gap = problem.fit()
    their_coef, their_intercept, their_gap = other.fit()
    their_coef, their_intercept = back(their_coef, their_intercept)
    slack = max(gap, their_gap * scale) + ROUNDING * max(problem.size(), other.size() * scale)
    assert_allclose(problem.objective(their_coef, their_intercept), problem.objective(coef, intercept), 0, slack)
    apart = their_intercept - intercept + problem.X @ (their_coef - coef)
    length = np.sqrt(problem.s @ problem.y**2)
    assert_allclose(np.sqrt(problem.s) * apart, 0, rtol=0, atol=NEAR * length)


@properties
@given(problems(), factors)
def test_units_of_the_target(p, c):
    check(p, replace(p, y=c * p.y, alpha=c * p.alpha), lambda w, b: (w / c, b / c), 1 / c**2)


@properties
@given(problems(positive=False))
def test_sign_of_the_target(p):
    check(p, replace(p, y=-p.y), lambda w, b: (-w, -b))


@properties
@given(problems(), factors)
def test_units_of_the_columns(p, c):
    check(p, replace(p, X=c * p.X, alpha=c * p.alpha), lambda w, b: (w * c, b))


@properties
@given(problems(), factors, st.integers(0, 14))
def test_units_of_one_column_and_its_weight(p, c, j):
    """inf stays inf, and 0 stays 0."""
    scales = np.ones(p.X.shape[1])
    scales[j % len(scales)] = c
    check(p, replace(p, X=p.X * scales, omega=p.omega * scales), lambda w, b: (w * scales, b))


@properties
@given(problems(), st.randoms(use_true_random=False))
def test_order_of_the_columns(p, random):
    order = random.sample(range(p.X.shape[1]), p.X.shape[1])
    check(p, replace(p, X=p.X[:, order], omega=p.omega[order]), lambda w, b: (w[np.argsort(order)], b))


@properties
@given(problems(), st.randoms(use_true_random=False))
def test_order_of_the_rows(p, random):
    order = random.sample(range(len(p.y)), len(p.y))
    check(p, replace(p, X=p.X[order], y=p.y[order], s=p.s[order]), lambda w, b: (w, b))


@properties
@given(problems(positive=False), st.integers(0, 2**15 - 1))
def test_signs_of_the_columns(p, bits):
    signs = np.where(bits >> np.arange(p.X.shape[1]) & 1, -1.0, 1.0)
    check(p, replace(p, X=p.X * signs), lambda w, b: (w * signs, b))


@properties
@given(problems(), factors)
def test_units_of_the_sample_weights(p, c):
    check(p, replace(p, s=c * p.s), lambda w, b: (w, b))


@properties
@given(problems(intercept=True), st.floats(-100, 100))
def test_a_constant_is_the_intercepts(p, c):
    check(p, replace(p, y=p.y + c), lambda w, b: (w, b - c))


@properties
@given(problems(intercept=True), st.floats(-100, 100), st.integers(0, 14))
def test_a_constant_in_a_column_is_the_intercepts(p, c, j):
    shift = np.zeros(p.X.shape[1])
    shift[j % len(shift)] = c
    check(p, replace(p, X=p.X + shift), lambda w, b: (w, b + shift @ w))


@properties
@given(problems(), st.floats(1.01, 10))
def test_the_minimum_rises_with_the_strength_and_the_penalty_falls(p, ratio):
    stronger = replace(p, alpha=ratio * p.alpha)
    (w, b, gap), (v, d, their_gap) = p.fit(), stronger.fit()
    rounding = ROUNDING * p.size()
    assert p.objective(w, b) <= stronger.objective(v, d) + gap + rounding
    # P(w, b) is within a gap of the least at alpha, their P at ratio * alpha: added, what is left is this
    slack = (gap + their_gap + 2 * rounding) / (stronger.alpha - p.alpha)
    assert p.penalty(v) <= p.penalty(w) + slack

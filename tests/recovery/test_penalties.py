"""Penalties and thresholds against search, 60 digits, and what is known of them."""

import json
import math
import re
import warnings

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numba.core.errors import TypingError
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Lasso

from sparsekit.recovery.penalties import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    LHalf,
    LTwoThirds,
    PositiveL1,
    prox,
    slack,
    value,
    violation,
)
from sparsekit.recovery.thresholding import prox_cel0, prox_half, prox_hard, prox_soft, prox_two_thirds
from tests.naive import penalties as naive

TYPES = {
    "l1": L1,
    "positive_l1": PositiveL1,
    "mcp": MCP,
    "scad": SCAD,
    "cel0": CEL0,
    "l0": L0,
    "l_half": LHalf,
    "l_two_thirds": LTwoThirds,
}
STRENGTH = {"l1": 1, "positive_l1": 1, "mcp": 1, "scad": 1, "l_half": 1.5, "l_two_thirds": 4 / 3, "cel0": 2, "l0": 2}
SMALL, HUGE = 1, 100  # decades to both sides of 1
# Sums, products and elementary functions of a dozen roundings. Issue: 1e-13 of u, and 1e-12 of the objective.
PRECISION = 1e-13
EXCESS = 1e-12

each_kind = pytest.mark.parametrize("kind", naive.KINDS)
each_even = pytest.mark.parametrize("kind", naive.EVEN)


def penalty_of(kind, gamma):
    return TYPES[kind](float(gamma)) if kind in {"mcp", "scad"} else TYPES[kind]()


def cases(rng, kind, n, decades):
    """u, lam, lipschitz, gamma (n,): magnitudes in these decades, lam within a factor of 30 of where things happen.

    Every fifth u is at most 1e-16 ... 1e-3 from a tie; every tenth lam is 0.
    """
    u = rng.choice([-1, 1], n) * 10 ** rng.uniform(-decades, decades, n)
    lipschitz = 10 ** rng.uniform(-min(decades, 30), min(decades, 30), n)
    gamma = np.full(n, 3.0)
    if kind == "mcp":  # from concave to almost l1
        gamma = 10 ** rng.uniform(-1, 2, n) / lipschitz
    if kind == "scad":  # lipschitz of order 1: lam is a slope and a length
        lipschitz, gamma = 10 ** rng.uniform(-1.5, 1, n), 2 + 10 ** rng.uniform(-2, 1, n)
    lam = lipschitz * np.abs(u) ** STRENGTH[kind] * 10 ** rng.uniform(-1.5, 1.5, n)
    lam[::10] = 0
    for i in range(3, n, 5):
        tie = naive.ties(kind, lam[i], lipschitz[i], gamma[i])
        if tie is not None:
            u[i] = math.copysign(tie, u[i]) * (1 + rng.choice([-1, 1]) * 10 ** rng.uniform(-17, -3))
    return u, lam, lipschitz, gamma


def prox_of(kind, u, lam, lipschitz, gamma):
    """One by one."""
    each = zip(u.tolist(), lam.tolist(), lipschitz.tolist(), gamma.tolist(), strict=True)
    return np.array([prox(penalty_of(kind, g), u, lam, lipschitz) for u, lam, lipschitz, g in each])


# ---- the best value


@pytest.mark.parametrize("decades", [SMALL, HUGE], ids=["plain", "extreme"])
@each_kind
def test_no_search_finds_better(rng, kind, decades):
    decades = min(decades, 70) if STRENGTH[kind] == 2 else decades  # lam ~ lipschitz u^2 stays in 1e-200 ... 1e200
    u, lam, lipschitz, gamma = cases(rng, kind, 1000, decades)
    x = prox_of(kind, u, lam, lipschitz, gamma)
    _, lowest = naive.best_by_search(kind, u, lam, lipschitz, gamma)
    assert np.all(naive.objective(kind, x, u, lam, lipschitz, gamma) <= lowest * (1 + EXCESS))
    assert_array_equal(x[::10], np.maximum(u[::10], 0) if kind == "positive_l1" else u[::10])
    shrunk = (x != 0) & (x != u)
    assert np.mean(x == 0) > 0.1
    assert np.mean(shrunk) > 0.1 or kind in {"l0", "cel0"}


@each_kind
def test_precision(rng, kind):
    """Of x, in units of u; cases whose valleys are equal to 1e-11 may go either way."""
    compared = 0
    for u, lam, lipschitz, gamma in zip(*cases(rng, kind, 150, 50 if STRENGTH[kind] == 2 else HUGE), strict=True):
        bend = lipschitz * (gamma - 1 if kind == "scad" else gamma)
        if kind in {"mcp", "scad"} and abs(bend - 1) < 0.1:  # slopes of more than 10: gamma's last digit decides
            continue
        expected, gap = naive.exact(kind, u, lam, lipschitz, gamma)
        if gap > 1e-11:
            actual = prox(penalty_of(kind, gamma), u, lam, lipschitz)
            steepest = 10 if kind in {"mcp", "scad"} else 1
            assert abs(mp.mpf(actual) - expected) <= steepest * PRECISION * abs(u)
            compared += 1
    assert compared > 100


@pytest.mark.parametrize("kind", [*naive.JUMPING, "mcp", "scad"])
def test_jumps_where_the_papers_say(rng, kind):
    """To 1e-13 of u on both sides, at any magnitude; what is best there is equally good on both sides."""
    seen = 0
    for _ in range(200):
        lipschitz = 10 ** (rng.uniform(-1.4, -0.1) if kind == "scad" else rng.uniform(-20, 20))
        lam, gamma = 10 ** rng.uniform(-90, 90), (2 + rng.uniform(0, 9) if kind == "scad" else 0.9 / lipschitz)
        tie = naive.ties(kind, lam, lipschitz, gamma)
        if tie is None:
            continue
        below, above = (prox(penalty_of(kind, gamma), tie * (1 + d), lam, lipschitz) for d in (-PRECISION, PRECISION))
        assert below < 0.99 * above
        if kind != "scad":  # which may jump from the slope of l1
            assert below == 0
        f = naive.objective(kind, np.array([below, above]), tie, lam, lipschitz, gamma)
        assert_allclose(f[0] / f[1], 1, rtol=1e-11)  # tie is 1e-13 off, and the objectives fall at most 100 times that
        seen += 1
    assert seen > 50


def test_ties_go_to_zero():
    """Cases in which every operation is exact."""
    assert prox(L0(), 2.0, 2.0, 1.0) == 0
    assert prox(CEL0(), -2.0, 2.0, 1.0) == 0
    assert prox(MCP(1.0), 3.0, 3.0, 1.0) == 0
    assert prox(MCP(0.25), 2.0, 4.0, 1.0) == 0
    assert prox(SCAD(3.0), 4.0, 1.0, 0.25) == 0
    assert prox(SCAD(3.0), 3.25, 1.0, 0.4) == 0.75  # the smaller of two, not 0
    assert prox(LHalf(), 6.0, 8.0, 1.0) == 0
    assert prox(LTwoThirds(), -16.0, 24.0, 1.0) == 0
    assert prox(L1(), 1.5, 3.0, 2.0) == 0


@each_kind
def test_special_arguments(kind):
    penalty = penalty_of(kind, 3.0)
    for u in (-2.0, 0.0, 2.0):
        assert prox(penalty, u, 1.0, 0.0) == 0  # a zero column
        assert prox(penalty, u, 0.0, 0.0) == 0
        assert prox(penalty, u, 0.0, 2.0) == (max(u, 0) if kind == "positive_l1" else u)
        assert math.copysign(1, prox(penalty, u, 1e3, 2.0)) == 1  # never -0
    assert value(penalty, 0.0, 1.0, 1.0) == 0
    assert value(penalty, 2.0, 0.0, 1.0) == 0
    assert math.isnan(prox(penalty, math.nan, 1.0, 0.7))
    assert math.isnan(prox(penalty, math.nan, 1.0, 0.1))
    assert prox(penalty, math.inf, 1.0, 1.0) == math.inf
    for u, lam, lipschitz in (
        (1e300, 1e-300, 1.0),
        (1e-300, 1e-320, 1e-300),
        (1.0, 1e300, 1e-300),
        (1.0, 1e-300, 1e300),
    ):
        assert 0 <= prox(penalty, u, lam, lipschitz) <= u


def test_cel0_is_continuous_and_below_l0():
    x = np.linspace(-3, 3, 601)
    cel0, l0 = (np.array([value(p, t, 1.5, 2.0) for t in x]) for p in (CEL0(), L0()))
    assert np.all(cel0 <= l0)
    assert np.abs(np.diff(cel0)).max() < 0.03  # steepest at 0: sqrt(2 * 1.5 * 2) times 0.01
    assert np.all(np.diff(cel0 + x**2, 2) > -1e-14)  # the parabola of the same curvature makes it convex
    assert_array_equal(cel0[np.abs(x) > 1.23], 1.5)


@each_kind
def test_value(rng, kind):
    x, lam, lipschitz, gamma = cases(rng, kind, 300, 30)
    each = zip(x.tolist(), lam.tolist(), lipschitz.tolist(), gamma.tolist(), strict=True)
    actual = [value(penalty_of(kind, g), x, lam, lipschitz) for x, lam, lipschitz, g in each]
    expected = naive.value(kind, x, lam, lipschitz, gamma).astype(float)
    assert_allclose(actual, expected, rtol=PRECISION)


# ---- stationarity


@each_kind
def test_slack_is_the_distance_to_the_subdifferential(rng, kind):
    """The derivative by differences, in 60 digits, of steps of 1e-25: good to 1e-24."""
    start, *rest = cases(rng, kind, 100, 10)
    for x, lam, lipschitz, gamma in zip(np.abs(start) if kind == "positive_l1" else start, *rest, strict=True):
        gradient = lam / abs(x) * rng.standard_normal()
        penalty = penalty_of(kind, gamma)
        push = naive.derivative(kind, x, lam, lipschitz, gamma)
        expected = float(abs(gradient + push))
        assert slack(penalty, x, gradient, lam, lipschitz) == pytest.approx(
            expected, rel=1e-11, abs=PRECISION * float(abs(push))
        )
        push = naive.derivative(kind, 0, lam, lipschitz, gamma)
        for g in (gradient, -gradient, 3 * gradient):
            downhill = -g if kind == "positive_l1" else abs(g)
            expected = float(max(downhill - push, 0))
            assert slack(penalty, 0.0, g, lam, lipschitz) == pytest.approx(expected, rel=1e-11, abs=PRECISION * abs(g))


@each_kind
def test_the_best_value_is_stationary(rng, kind):
    for u, lam, lipschitz, gamma in zip(*cases(rng, kind, 300, 20), strict=True):
        penalty = penalty_of(kind, gamma)
        x = prox(penalty, u, lam, lipschitz)
        # roundings of u, times the steepest part of f': the curvature of the penalty is at most that of the square
        assert slack(penalty, x, lipschitz * (x - u), lam, lipschitz) <= 1e-12 * lipschitz * abs(u)
        # the same; x - (x - u) rounds, so that what is within 1e-13 of a tie may be taken to the other side
        tie = naive.ties(kind, lam, lipschitz, gamma)
        if not tie or abs(abs(u) / tie - 1) > 1e-13:
            assert violation(penalty, x, lipschitz * (x - u), lam, lipschitz) <= 1e-12 * lipschitz * abs(u)


@pytest.mark.parametrize("kind", ["l0", "l_half", "l_two_thirds"])
def test_zero_is_always_stationary_but_not_always_good(kind):
    penalty = penalty_of(kind, 3.0)
    assert slack(penalty, 0.0, 1e6, 1.0, 1.0) == 0
    assert violation(penalty, 0.0, 1e6, 1.0, 1.0) == pytest.approx(1e6, rel=1e-3)
    assert violation(penalty, 0.0, 1e-6, 1.0, 1.0) == 0
    assert slack(penalty, 0.0, -2.0, 0.0, 1.0) == 2  # nothing is penalised


@each_kind
def test_violation_is_the_distance_to_the_best_value(rng, kind):
    x, lam, lipschitz, gamma = cases(rng, kind, 100, SMALL)
    target = x * rng.uniform(-2, 3, len(x))
    best = naive.best_by_search(kind, target, lam, lipschitz, gamma)[0].astype(float)
    if kind == "positive_l1":
        best, x = np.maximum(best, 0), np.abs(x)
    each = zip(x, lipschitz * (x - target), lam, lipschitz, gamma, best, strict=True)
    for x, gradient, lam, lipschitz, gamma, best in each:
        actual = violation(penalty_of(kind, gamma), x, gradient, lam, lipschitz)
        # 1e-9: a search for the lowest value of a smooth function knows half of the digits of where it is
        assert actual == pytest.approx(lipschitz * abs(x - best), abs=1e-7 * lipschitz * abs(x))


def test_slack_and_violation_on_bad_ground():
    assert slack(PositiveL1(), -1.0, 0.0, 1.0, 1.0) == math.inf
    assert value(PositiveL1(), -1.0, 1.0, 1.0) == math.inf
    assert slack(PositiveL1(), 0.0, 5.0, 1.0, 1.0) == 0
    assert slack(PositiveL1(), 0.0, -5.0, 1.0, 1.0) == 4
    assert violation(L1(), 0.0, 0.0, 1.0, 0.0) == 0
    assert violation(L1(), 3.0, 0.0, 1.0, 0.0) == 1  # a zero column that should not be used
    assert math.isnan(slack(L1(), 0.0, math.nan, 1.0, 1.0))
    assert math.isnan(slack(MCP(), 1.0, math.nan, 1.0, 1.0))
    assert math.isnan(violation(L0(), 1.0, math.nan, 1.0, 1.0))


# ---- properties

magnitudes = st.floats(1e-100, 1e100) | st.floats(0.01, 100)
numbers = magnitudes | magnitudes.map(lambda x: -x) | st.just(0.0)


def penalties():
    gammas = {"mcp": [st.floats(0.01, 100)], "scad": [st.floats(2.01, 50)]}
    return st.one_of(*(st.builds(TYPES[kind], *gammas.get(kind, [])) for kind in naive.KINDS))


@settings(deadline=None, derandomize=True)  # the first call compiles
@given(penalties(), numbers, magnitudes | st.just(0.0), magnitudes)
def test_odd_and_never_longer(penalty, u, lam, lipschitz):
    x = prox(penalty, u, lam, lipschitz)
    assert abs(x) <= abs(u)
    assert x * u >= 0
    if not isinstance(penalty, PositiveL1):
        assert prox(penalty, -u, lam, lipschitz) == -x


@settings(deadline=None, derandomize=True)
@given(penalties(), numbers, st.floats(-1e-3, 1e-3) | numbers, magnitudes | st.just(0.0), magnitudes)
def test_rising(penalty, u, change, lam, lipschitz):
    low, high = sorted((u, u * (1 + change) if abs(change) < 1e-3 else change))
    slopes = 1 / (1e-3 + abs(1 - 1 / (lipschitz * (penalty.gamma - isinstance(penalty, SCAD))))) if penalty else 1
    room = 4 * np.finfo(float).eps * slopes * max(abs(low), abs(high))  # the rounding of u, times the steepest slope
    assert prox(penalty, low, lam, lipschitz) <= prox(penalty, high, lam, lipschitz) + room


# ---- compiled by type


@njit
def descend(penalty, A, y, w, lam, n_epochs):
    """Epochs of coordinate descent on ||y - A w||^2 / 2 + penalty; the objective after each one."""
    r, course = y - A @ w, np.empty(n_epochs)
    for epoch in range(n_epochs):
        total = 0.0
        for j in range(A.shape[1]):
            a, norm = A[:, j].copy(), (A[:, j] ** 2).sum()
            old = w[j]
            w[j] = prox(penalty, old + (a * r).sum() / norm if norm > 0 else 0.0, lam[j], norm)
            r += (old - w[j]) * a
            total += value(penalty, w[j], lam[j], norm)
        course[epoch] = (r**2).sum() / 2 + total
    return course


def problem(rng):
    A = rng.standard_normal((20, 8)) * 10 ** rng.uniform(-0.5, 0.5, 8)
    A[:, 3] = 0
    y = A[:, :3] @ np.array([2.0, 3.0, 1.0]) + 0.1 * rng.standard_normal(20)
    return A, y


@each_kind
def test_coordinate_descent_in_a_kernel(rng, kind):
    A, y = problem(rng)
    lam, w, penalty = np.full(8, 0.5), np.zeros(8), penalty_of(kind, 3.0)
    course = descend(penalty, A, y, w, lam, 300)
    assert np.all(np.diff(course) <= 1e-12 * course[0])
    assert course[-1] < 0.5 * (y @ y) / 2
    norms, gradient = (A**2).sum(axis=0), A.T @ (A @ w - y)
    at = [violation(penalty, *each) for each in zip(w, gradient, lam, norms, strict=True)]
    assert max(at) <= 1e-10 * np.abs(A.T @ y).max()  # 300 epochs of a well-conditioned problem
    assert (
        max(slack(penalty, *each) for each in zip(w, gradient, lam, norms, strict=True))
        <= 1e-10 * np.abs(A.T @ y).max()
    )
    if kind in {"l1", "positive_l1"}:
        peer = Lasso(alpha=0.5 / 20, fit_intercept=False, tol=1e-14, max_iter=10**5, positive=kind != "l1").fit(A, y)
        assert_allclose(w, peer.coef_, atol=1e-8)


def test_descent_on_cel0_and_l0_coincide(rng):
    A, y = problem(rng)
    ends = []
    for penalty in (L0(), CEL0()):
        w = np.zeros(8)
        descend(penalty, A, y, w, np.full(8, 0.5), 50)
        ends.append(w)
    assert_array_equal(*ends)
    assert 0 < np.count_nonzero(ends[0]) < 8


@pytest.mark.jit
def test_one_compilation_for_each_type(rng):
    A, y = problem(rng)
    kernel = njit(descend.py_func)
    for kind in naive.KINDS:
        for gamma in (2.5, 3.0):
            kernel(penalty_of(kind, gamma), A, y, np.zeros(8), np.ones(8), 2)
    assert len(kernel.signatures) == len(naive.KINDS)
    with pytest.raises(TypingError, match="No implementation"):
        kernel((1.0,), A, y, np.zeros(8), np.ones(8), 2)


@pytest.mark.jit
def test_another_process_finds_each_type_in_the_cache(tmp_path, python):
    code = """
import json
from sparsekit.recovery.penalties import *
from sparsekit.recovery.penalties import prox
found = [prox(p, 2.2, 1.0, 0.7) for p in (L1(), PositiveL1(), MCP(), SCAD(), CEL0(), L0(), LHalf(), LTwoThirds())]
print(json.dumps([found, sum(prox.stats.cache_hits.values()), sum(prox.stats.cache_misses.values())]))
"""
    first, second = (json.loads(python(code, NUMBA_CACHE_DIR=tmp_path)) for _ in range(2))
    assert first[1:] == [0, 8]
    assert second == [first[0], 8, 0]
    assert len(set(first[0])) == 5  # soft twice, hard twice, SCAD as soft: the types are told apart


# ---- arrays

ARRAYS = {"l1": prox_soft, "l0": prox_hard, "cel0": prox_cel0, "l_half": prox_half, "l_two_thirds": prox_two_thirds}
each_array = pytest.mark.parametrize("kind", ARRAYS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_array
def test_arrays_against_search(rng, kind, dtype):
    u, lam, lipschitz, gamma = cases(rng, kind, 1000, SMALL)
    u, step = u.astype(dtype), 1 / lipschitz
    x = prox_soft(u, lam * step) if kind == "l1" else ARRAYS[kind](u, lam, step, *[lipschitz**0.5] * (kind == "cel0"))
    assert x.dtype == dtype
    arguments = u.astype(float), lam, lipschitz, gamma
    lowest = naive.best_by_search(kind, *arguments)[1]
    actual = naive.objective(kind, x, *arguments)
    if dtype == "float64":
        assert np.all(actual <= lowest * (1 + EXCESS))
    # x rounds by 6e-8: what the objective may lose is the square of that, and 0.5 of that where it has a slope, at ties
    room = np.finfo(dtype).eps * lipschitz * u.astype(float) ** 2
    assert np.all(actual <= lowest + room)


@pytest.mark.parametrize("norm", [0.3, 0.999, 1.0, 1.001, 3.0])
def test_cel0_of_any_norm_and_step(rng, norm):
    """Its penalty has the curvature of the column, the square that of the step."""
    n = 1000
    u, alpha = rng.standard_normal(n) * 3, 10 ** rng.uniform(-1.5, 1, n)
    step = 10 ** rng.uniform(-2, 1, n) if norm == 3.0 else np.ones(n)
    x = prox_cel0(u, alpha, step, norm)
    t = np.linspace(0, 1, 2001)[:, None]

    def f(x):
        return (x - u) ** 2 / (2 * step) + naive.value("cel0", x, alpha, np.full(n, norm**2), 0)

    lowest = np.minimum(f(t * u).min(axis=0), f(np.sign(u) * np.minimum(np.sqrt(2 * alpha) / norm, np.abs(u))))
    assert np.all(f(x) <= lowest * (1 + EXCESS))
    linear = (x != 0) & (x != u)
    assert linear.any() or norm not in {0.3, 3.0}
    assert not linear[norm**2 * step >= 1].any()
    if norm == 1:
        assert_array_equal(x, prox_hard(u, alpha))


def test_cel0_without_a_norm_or_strength():
    u = np.array([-3.0, 1e-9, 2.0])
    assert_array_equal(prox_cel0(u, 5.0, 2.0, norm=0.0), u)
    assert_array_equal(prox_cel0(u, 0.0, 2.0, norm=3.0), u)
    assert_array_equal(prox_cel0(u, 1.0, 2.0, norm=[0.0, 1.0, 1e-200]), [-3.0, 0.0, 2.0])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@each_array
def test_complex_numbers_keep_their_phase(rng, kind, dtype):
    size = 10 ** rng.uniform(-1, 1, 300)
    u = (size * np.exp(2j * np.pi * rng.random(300))).astype(dtype)
    size = np.abs(u.astype(complex))
    x, shrunk = ARRAYS[kind](u, 0.7), ARRAYS[kind](size, 0.7)
    assert x.dtype == dtype
    assert np.all(np.abs(x - shrunk * u / size) <= 4 * np.finfo(dtype).eps * size)
    assert_array_equal(x == 0, shrunk == 0)
    assert not np.signbit(x[x == 0].real).any()
    assert_array_equal(ARRAYS[kind](u, 0.0), u)
    if kind == "l_half":  # no complex number nearby is better
        for direction in (1, 1j, 1 + 1j):
            for there in (x + 1e-3 * direction, x - 1e-3 * direction):
                f, g = (np.abs(z - u) ** 2 / 2 + 0.7 * np.abs(z) ** 0.5 for z in (x, there))
                assert np.all(f <= g + 1e-6)


@each_array
def test_shapes_and_kinds(kind):
    rule = ARRAYS[kind]
    u = np.array([[3.0, -1.0, 0.2], [0.0, 9.0, -2.0]])
    plain = rule(u, 0.5)
    assert plain.shape == (2, 3)
    assert_array_equal(rule(u[:, ::-1], 0.5), plain[:, ::-1])
    assert_array_equal(rule(u.tolist(), [0.5]), plain)
    assert_array_equal(rule(np.asfortranarray(u), np.full((2, 1), 0.5)), plain)
    assert_array_equal(rule(3.0, [0.5, 0.5]), [plain[0, 0]] * 2)
    both = rule(u[None], np.array([0.5, 2.0])[:, None, None])
    assert_array_equal(both, np.stack([plain, rule(u, 2.0)]))
    single = rule(3.0, 0.5)
    assert single == plain[0, 0] and np.ndim(single) == 0
    assert rule(np.arange(3), 0.5).dtype == np.float64
    assert rule(np.zeros((0, 3), np.float32), 0.5).shape == (0, 3)
    locked = u.copy()
    locked.flags.writeable = False
    assert_array_equal(rule(locked, 0.5), plain)
    with pytest.raises(AssertionError):  # u itself is not overwritten
        assert_array_equal(u, plain)


@each_array
def test_no_warning_at_the_ends_of_the_range(kind):
    rule, u = ARRAYS[kind], np.array([1e300, 1e-300, 1e-320, 0.0, np.inf, np.nan, 1.0])
    with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise", divide="raise"):
        warnings.simplefilter("error")
        for alpha in (0.0, 1e-320, 1e-300, 1.0, 1e300):
            for dtype in (float, complex, np.float32):
                ends = u[2:] if dtype is np.float32 else u
                x = rule(ends.astype(dtype), alpha)
                assert_array_equal(np.isnan(x), np.isnan(ends))
                assert np.all(np.abs(x[~np.isnan(x)]) <= np.abs(ends[~np.isnan(x)]))


BAD = [
    ({"alpha": -1.0}, ValueError, "alpha must be non-negative and finite, got -1.0"),
    ({"alpha": [1.0, np.nan]}, ValueError, "alpha must be non-negative and finite, got nan"),
    ({"alpha": np.inf}, ValueError, "alpha must be non-negative and finite, got inf"),
    ({"alpha": "1"}, TypeError, "alpha must be real, got an array of dtype <U1"),
    ({"alpha": 1j}, TypeError, "alpha must be real, got an array of dtype complex128"),
    ({"step": 0.0}, ValueError, "step must be positive and finite, got 0.0"),
    ({"step": [-2.0, 1.0]}, ValueError, "step must be positive and finite, got -2.0"),
    ({"norm": -1.0}, ValueError, "norm must be non-negative and finite, got -1.0"),
    ({"u": ["a"]}, TypeError, "u must be real or complex, got an array of dtype <U1"),
    (
        {"u": np.ones(2), "alpha": np.ones(3)},
        ValueError,
        "must have shapes that broadcast, got {'u': (2,), 'alpha': (3,)",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        prox_cel0(**({"u": 1.0, "alpha": 1.0} | arguments))
    if set(arguments) <= {"u", "alpha"}:
        arguments = {"threshold" if name == "alpha" else name: each for name, each in arguments.items()}
        with pytest.raises(error, match=re.escape(message.replace("alpha", "threshold"))):
            prox_soft(**({"u": 1.0, "threshold": 1.0} | arguments))
    if "norm" not in arguments and "threshold" not in arguments:
        for rule in (prox_hard, prox_half, prox_two_thirds):
            with pytest.raises(error, match=re.escape(message)):
                rule(**({"u": 1.0, "alpha": 1.0} | arguments))

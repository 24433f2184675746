"""The parts of the absolute loss: weighted medians, bounds of the decreases, exact refits and the way back to them."""

import time

import numpy as np
import pytest

from sparsekit import WeightedOMP
from sparsekit.recovery import least_absolute as least_absolute_kernels
from sparsekit.recovery.decrease import decreases_of, initial_slopes, largest_absolute, penalty_of
from sparsekit.recovery.penalised_fits import LeastAbsolute
from sparsekit.recovery.penalised_pursuit import pursue_penalised
from sparsekit.recovery.weighted_median import reaching, weighted_select
from tests.naive.weighted import least_absolute

TIE = 1 - 64 * np.finfo(float).eps
RTOL = 1e-10  # sums of a few hundred terms, and the precision of the linear program
EXACT = 1e-12  # a vertex computed twice


def naive_median(place, weight, need):
    order = np.argsort(place)
    reached = np.flatnonzero(np.cumsum(weight[order]) >= need)
    return place[order][reached[0] if len(reached) else -1]


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 40, 200])
@pytest.mark.parametrize("distinct", [2, 1000])
def test_weighted_median(rng, n, distinct):
    for share in (0.0, 0.01, 0.3, 0.9, 2.0):
        # whole weights: sums do not depend on the order
        place, weight = rng.integers(0, distinct, n) / 8, rng.integers(1, 9, n).astype(float)
        need = share * weight.sum()
        want = naive_median(place, weight, need)
        assert weighted_select(place.copy(), weight.copy(), n, need) == want
        stop = np.append(place, np.full(n // 2, np.inf))
        load = np.append(weight, np.zeros(n // 2))
        shuffled = rng.permutation(len(stop))
        work = np.empty((2, len(stop)))
        assert reaching(stop[shuffled], load[shuffled], need, weight.sum(), *work) == want


def test_no_breakpoint():
    assert reaching(np.full(3, np.inf), np.zeros(3), 1.0, 0.0, np.empty(3), np.empty(3)) == np.inf


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("penalty", ["l0", "l1"])
def test_bounds_spare_no_maximum(rng, penalty, whole):
    spared, chosen = 0, 0
    for _ in range(60):
        m, n = rng.integers(3, 120), rng.integers(1, 40)
        columns, r = rng.standard_normal((n, m)), rng.standard_normal(m) * 10 ** rng.uniform(-2, 2, m)
        if whole:  # ties and zero residuals
            columns, r = np.round(columns), np.round(8 * r)
        r[: m // 8] = 0
        phi, psi = penalty_of(penalty, 10 ** rng.uniform(-3, 0.5), 10 ** rng.uniform(-1, 1, n))
        blocked, gains, slopes, want = rng.random(n) < 0.2, np.empty(n), np.empty((2, n)), np.empty(n)
        initial_slopes(columns, r, np.empty(m, int), *slopes)
        lengths = np.abs(columns).sum(axis=1)
        spared += n - largest_absolute(columns, lengths, r, *slopes, blocked, phi, psi, TIE, gains)
        decreases_of(columns, np.arange(n), r, np.zeros(n), phi, psi, want)
        want[blocked] = 0
        best = want.max()
        noise = 1e-13 * np.abs(r).sum()
        if best > noise:
            assert gains.max() == best
            np.testing.assert_array_equal(np.flatnonzero(gains >= best * TIE), np.flatnonzero(want >= best * TIE))
            chosen += 1
        else:
            assert gains.max() <= noise
    assert chosen > 10
    assert spared > 300


def problem(rng, kind, m, k):
    """Columns as rows (k, m) and a target."""
    columns, y = rng.standard_normal((k, m)), rng.standard_normal(m)
    if kind == "whole":  # many rows at once on the fit
        columns, y = np.round(columns), np.round(y)
    if kind == "repeated rows":
        columns[:, m // 2 : 2 * (m // 2)], y[m // 2 : 2 * (m // 2)] = columns[:, : m // 2], y[: m // 2]
    if kind == "gross errors":
        y[: m // 5] += 1e4
    if kind == "scales":
        columns *= 10 ** rng.uniform(-8, 8, (k, 1))
    if kind == "exact":
        y = rng.standard_normal(k) @ columns
    return columns, y


@pytest.mark.parametrize("kind", ["normal", "whole", "repeated rows", "gross errors", "scales", "exact"])
def test_refits_are_those_of_the_linear_program(rng, kind):
    for m, k in ((1, 1), (2, 2), (7, 3), (40, 12), (130, 25), (60, 60)):
        columns, y = problem(rng, kind, m, k)
        fit = LeastAbsolute(columns.copy(), y, center=False, dtype=y.dtype)
        for j in range(k):
            fit.append(j)
            if j not in (0, k // 2, k - 1):
                continue
            A = columns[fit.active].T / np.linalg.norm(columns[fit.active], axis=1)
            want = np.abs(y - A @ least_absolute(A, y)).sum()
            loss = fit.in_units_of_loss(fit.losses())[-1]
            np.testing.assert_allclose(loss, want, rtol=RTOL, atol=RTOL * np.abs(y).sum())
            assert fit.violation() <= RTOL
        residual = y - fit.path()[0, -1] @ columns[fit.active]
        np.testing.assert_allclose(np.abs(residual).sum(), loss, rtol=1e-8, atol=1e-8 * np.abs(y).sum())


@pytest.mark.jit
def test_ties_do_not_stall():
    """Ten thousand rows of small whole numbers: every vertex is degenerate, and yet seconds are enough."""
    rng = np.random.default_rng(0)
    X, y = (rng.random((10_000, 8)) < 0.3).astype(float), rng.poisson(2, 10_000).astype(float)
    start = time.process_time()
    model = WeightedOMP("absolute", alpha=0.0, feature_weights=np.zeros(8)).fit(X, y)
    assert (
        time.process_time() - start < 10
    )  # 0.02 s measured, and the compilation before; 31 s at 12,000 x 10 before ties were spread
    assert model.kkt_violation_ <= RTOL


@pytest.mark.parametrize("idle", [0, -1000])
def test_careful_steps_end(rng, monkeypatch, idle):
    """Ties spread from the first edge on, or the rule that cannot cycle; constants of the compiled kernels."""
    if hasattr(least_absolute_kernels.descend, "py_func"):
        pytest.skip("needs plain Python, as one job of the CI runs it")
    monkeypatch.setattr(least_absolute_kernels, "_IDLE", idle)
    columns, y = problem(rng, "whole", 30, 6)
    fit = LeastAbsolute(np.vstack([columns, np.ones(30)]), y, center=True, dtype=y.dtype)
    for j in range(5):
        assert fit.append(j)
    assert fit.violation() <= RTOL


@pytest.mark.parametrize("penalty", ["l0", "l1"])
def test_a_fit_that_remembers_gives_the_same_path(rng, penalty):
    columns, y = problem(rng, "gross errors", 60, 30)
    make = lambda remembers: LeastAbsolute(  # noqa: E731
        np.vstack([columns, np.ones(60)]), y, center=True, dtype=y.dtype, remembers=remembers
    )
    memory, omega, longest = make(True), rng.uniform(0.5, 2, 30), 0
    omega[3] = 0
    for strength in (*np.geomspace(1e5, 1e-4, 12), 3.0, 1e5, 0.0):  # back and forth
        terms = penalty_of(penalty, strength, omega)
        got, want = (pursue_penalised(fit, terms, [3], 20) for fit in (memory, make(False)))
        np.testing.assert_array_equal(got.active, want.active)
        assert got.reason == want.reason
        np.testing.assert_allclose(got.path, want.path, rtol=0, atol=EXACT * np.abs(want.path).max(initial=1))
        np.testing.assert_allclose(got.decrease, want.decrease, rtol=0, atol=EXACT * want.loss[0])
        longest = max(longest, len(got.active))
    assert longest > 10

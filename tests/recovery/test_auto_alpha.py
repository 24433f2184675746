"""alpha="auto": what noise lets in, how near it comes to the best strength, and what it does not depend on."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import f1_score

from sparsekit import WeightedOMP
from sparsekit.datasets import make_sparse_signal
from sparsekit.recovery.weighted_omp import noise_strength

UNLIKELY = 1e-6  # probability that a correct level fails a test


def f1(coef, truth):
    return f1_score(truth != 0, coef != 0)


def random_problem(trial):
    """50 to 500 rows, up to five times as many columns, noise between 1e-4 and 1, at most a fifteenth non-zero."""
    rng = np.random.default_rng([7, trial])
    m = int(50 * 10 ** rng.random())
    N = int(m / 2 * 10 ** rng.random())
    s, noise = rng.integers(1, m // 15 + 1), 10 ** rng.uniform(-4, 0)
    return make_sparse_signal(m, N, s, noise=noise, rng=rng)


@pytest.mark.slow
def test_support_as_good_as_with_the_best_strength():
    auto, best = [], []
    for trial in range(60):  # the benchmark has 200 and a finer grid
        X, y, coef = random_problem(trial)
        model = WeightedOMP(fit_intercept=False).fit(X, y)
        weights, limit = model.effective_weights_, 3 * np.count_nonzero(coef) + 5
        others = (
            WeightedOMP(alpha=alpha, feature_weights=weights, fit_intercept=False, max_iter=limit).fit(X, y).coef_
            for alpha in np.geomspace(0.02, 0.7, 15)
        )
        auto.append(f1(model.coef_, coef))
        best.append(max(f1(model.coef_, coef), *(f1(other, coef) for other in others)))
    assert np.mean(auto) >= 0.95 * np.mean(best)
    assert np.mean(best) > 0.9  # else there was nothing to find


@pytest.mark.parametrize("kind", ["equal", "several targets", "complex", "free columns"])
def test_noise_lets_in_one_column_in_twenty_times(kind):
    trials, alarms = 400, 0
    omega = np.full(40, 3.0)
    omega[:3] = 0.0 if kind == "free columns" else omega[:3]
    free = np.count_nonzero(omega == 0)
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        X, y = rng.standard_normal((30, 40)), rng.standard_normal((30, 3) if kind == "several targets" else 30)
        if kind == "complex":
            X, y = X + 1j * rng.standard_normal(X.shape), y + 1j * rng.standard_normal(30)
        model = WeightedOMP(feature_weights=omega).fit(X, y)
        alarms += model.n_nonzero_coefs_ > free
        assert (model.stop_reason_ == "noise") == (model.n_nonzero_coefs_ == free)
    low, high = binom.ppf([UNLIKELY / 2, 1 - UNLIKELY / 2], trials, 0.05)
    assert low <= alarms <= high


def test_level_of_equal_weights_is_that_of_the_largest_cosine():
    for m, N, quantile in ((150, 300, 0.303), (100, 200, 0.357)):  # 95 % quantiles that simulation gives
        alpha = noise_strength(m, N, 1, is_complex=False)
        np.testing.assert_allclose(np.sin(2 * np.arcsin(alpha)), quantile, rtol=0.01)


@pytest.mark.parametrize("weight", [0.3, 1e-3, 0.0])
def test_small_weights_do_not_shut_out_the_others(weight):
    X, y, coef = make_sparse_signal(150, 300, 10, noise=0.1, values="ones", rng=0)
    omega = np.ones(300)
    omega[np.flatnonzero(coef)[:5]] = weight
    model = WeightedOMP(feature_weights=omega).fit(X, y)
    np.testing.assert_array_equal(model.coef_ != 0, coef != 0)


def test_noise_is_said_only_of_noise():
    X, y, _ = random_problem(3)
    assert WeightedOMP().fit(X, np.ones(len(y))).stop_reason_ == "exact fit"
    assert WeightedOMP(feature_weights=np.full(X.shape[1], np.inf)).fit(X, y).stop_reason_ == "no column left"
    assert WeightedOMP().fit(np.zeros_like(X), y).stop_reason_ == "no column left"


def test_neither_units_of_columns_nor_a_factor_of_weights_matter(rng):
    X, y, _ = random_problem(3)
    d, omega = 10 ** rng.uniform(-3, 3, X.shape[1]), rng.uniform(0.5, 2, X.shape[1])
    model = WeightedOMP(feature_weights=omega).fit(X, y)
    assert 0 < model.n_nonzero_coefs_ < 30
    other = WeightedOMP(feature_weights=7 * omega).fit(X * d, 3 * y)
    np.testing.assert_array_equal(other.active_, model.active_)
    np.testing.assert_allclose(other.coef_ * d, 3 * model.coef_, rtol=1e-8)  # conditioned as the columns are
    np.testing.assert_allclose(other.alpha_ * 7, model.alpha_, rtol=1e-12)


def test_the_strength_and_weights_that_it_reports_give_the_same_fit():
    X, y, _ = random_problem(5)
    auto = WeightedOMP().fit(X, y)
    again = WeightedOMP(alpha=auto.alpha_, feature_weights=auto.effective_weights_).fit(X, y)
    np.testing.assert_array_equal(again.coef_, auto.coef_)
    np.testing.assert_array_equal(again.decrease_, auto.decrease_)


def test_whole_weights_are_repetitions_and_others_are_not():
    X, y, _ = random_problem(5)
    rng = np.random.default_rng(0)
    s, unequal = rng.integers(0, 4, len(y)), rng.uniform(0.5, 2, len(y))
    repeated, weighted = WeightedOMP().fit(np.repeat(X, s, axis=0), np.repeat(y, s)), WeightedOMP().fit(X, y, s)
    np.testing.assert_allclose(weighted.alpha_, repeated.alpha_, rtol=1e-12)
    np.testing.assert_array_equal(weighted.active_, repeated.active_)
    assert weighted.alpha_ != WeightedOMP().fit(X[s > 0], y[s > 0]).alpha_
    plain = WeightedOMP().fit(X, y)
    for factor in (1e-3, 1.0, 1e3):  # as inverse variances, or weights that sum to one
        model = WeightedOMP().fit(X, y, factor * unequal)
        np.testing.assert_allclose(model.alpha_, plain.alpha_, rtol=1e-12)

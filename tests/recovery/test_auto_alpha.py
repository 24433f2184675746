"""alpha="auto": what noise lets in, how near it comes to the best strength, and what it does not depend on."""

import numpy as np
import pytest
from scipy.stats import binom

from sparsekit import WeightedOMP
from sparsekit.recovery.weighted_omp import noise_strength

UNLIKELY = 1e-6  # probability that a correct level fails a test


def f1(coef, truth):
    """Harmonic mean of precision and recall of the support."""
    found, there = coef != 0, truth != 0
    return 2 * np.count_nonzero(found & there) / max(np.count_nonzero(found) + np.count_nonzero(there), 1)


def random_problem(trial):
    """50 to 500 rows, up to five times as many columns, noise between 1e-4 and 1, at most a fifteenth non-zero."""
    rng = np.random.default_rng([7, trial])
    m = int(50 * 10 ** rng.random())
    N = int(m / 2 * 10 ** rng.random())
    s, noise = rng.integers(1, m // 15 + 1), 10 ** rng.uniform(-4, 0)
    X, coef, e = rng.standard_normal((m, N)), np.zeros(N), rng.standard_normal(m)
    X /= np.linalg.norm(X, axis=0)
    coef[rng.choice(N, s, replace=False)] = rng.standard_normal(s)
    return X, X @ coef + noise * e / np.linalg.norm(e), coef


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


@pytest.mark.parametrize("kind", ["equal", "weighted", "several targets", "complex", "free columns"])
def test_noise_lets_in_one_column_in_twenty_times(kind):
    trials, alarms = 400, 0
    omega = np.geomspace(0.5, 4, 40) if kind == "weighted" else np.ones(40)
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
        alpha = noise_strength(m, np.ones(N), 1, is_complex=False)
        np.testing.assert_allclose(np.sin(2 * np.arcsin(alpha)), quantile, rtol=0.01)


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


def test_weights_that_sum_to_one_are_refused(rng):
    X, y = rng.standard_normal((10, 4)), rng.standard_normal(10)
    with pytest.raises(ValueError, match="sample_weight as numbers of repetitions, and they sum to"):
        WeightedOMP().fit(X, y, np.full(10, 0.1))

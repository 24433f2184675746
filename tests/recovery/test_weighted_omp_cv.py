"""The errors and the choice of WeightedOMPCV against fits on its folds, one by one."""

import numpy as np
import pytest
from sklearn.model_selection import KFold

from sparsekit import WeightedOMP, WeightedOMPCV

RTOL = 1e-9  # two refits of a well-conditioned problem


def problem(rng, n_targets=None):
    X = rng.standard_normal((60, 20)) + 1
    coef = np.zeros((20, n_targets or 1))
    coef[:4] = rng.standard_normal((4, n_targets or 1)) + 2
    Y = X @ coef + rng.standard_normal((60, n_targets or 1))
    return X, (Y if n_targets else Y[:, 0]), rng.integers(0, 4, 60).astype(float)


@pytest.mark.parametrize(
    ("loss", "n_targets"), [("squared", None), ("squared", 3), ("sqrt", None), ("sqrt", 3), ("absolute", None)]
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", ["l0", "l1"])
def test_errors_are_those_of_fits_on_the_folds(rng, loss, penalty, weighted, n_targets):
    X, y, s = problem(rng, n_targets)
    s = s if weighted else None
    omega = np.where(np.arange(20) == 7, 0.0, rng.uniform(0.5, 2, 20))
    folds, common = list(KFold(3).split(X)), {"feature_weights": omega, "max_iter": 8}
    model = WeightedOMPCV(loss, penalty, alphas=12, cv=folds, **common).fit(X, y, s)
    errors, weights, power = np.empty((12, 3)), np.empty(3), 1 if loss == "absolute" else 2
    for i, (train, test) in enumerate(folds):
        inside, outside = (None, np.ones(len(test))) if s is None else (s[train], s[test])
        weights[i] = outside.sum()
        for k, alpha in enumerate(model.alphas_):
            fold = WeightedOMP(loss, penalty, alpha, **common).fit(X[train], y[train], inside)
            error = np.abs(y[test] - fold.predict(X[test])) ** power
            errors[k, i] = np.average(error.reshape(len(test), -1).mean(axis=1), weights=outside)
    np.testing.assert_allclose(model.error_path_, errors, rtol=RTOL)
    assert model.alpha_ == model.alphas_[np.argmin(errors @ weights)]
    final = WeightedOMP(loss, penalty, model.alpha_, **common).fit(X, y, s)
    np.testing.assert_array_equal(model.coef_, final.coef_)


@pytest.mark.parametrize("penalty", ["l0", "l1"])
@pytest.mark.parametrize("loss", ["squared", "sqrt", "absolute"])
def test_the_largest_strength_chooses_nothing_and_a_little_less_does(rng, loss, penalty):
    X, y, _ = problem(rng)
    omega = rng.uniform(0.5, 2, 20)
    model = WeightedOMPCV(loss, penalty, feature_weights=omega, cv=3, alphas=5).fit(X, y)
    assert len(model.alphas_) == 5
    np.testing.assert_allclose(model.alphas_[-1] / model.alphas_[0], {"l1": 1e-3, "l0": 1e-6}[penalty])
    for factor, chosen in ((1 + 1e-9, False), (1 - 1e-6, True)):
        fit = WeightedOMP(loss, penalty, factor * model.alphas_[0], feature_weights=omega, max_iter=1).fit(X, y)
        assert (fit.n_nonzero_coefs_ > 0) == chosen


def test_the_final_fit_has_the_bound_of_the_folds(rng):
    X, decay = rng.standard_normal((40, 100)), 0.8 ** np.arange(100)
    y = X @ (decay * rng.standard_normal(100)) + 1e-3 * rng.standard_normal(40)
    model = WeightedOMPCV(alphas=[0.0, 1e-6]).fit(X, y)
    assert model.n_nonzero_coefs_ == 40 // 3
    assert model.stop_reason_ == "max_iter"

"""Groups of columns and several targets in WeightedLasso, WeightedLassoCV and lasso_path."""

import numpy as np
import pytest
from numpy.linalg import norm
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csr_array
from sklearn.linear_model import MultiTaskLasso

from sparsekit import WeightedLasso, WeightedLassoCV, duality_gap, lasso_path
from tests.naive import convex as naive

TIGHT = 1e-12
FORMS = [np.asarray, csr_array, csc_array]


def problem(seed, t=None, m=40, n=48):
    """X, y or Y, groups of uneven size in no order, weights equal within them (0 and inf, too), sample weights."""
    rng = np.random.default_rng(seed)
    groups = 3 * rng.permutation(np.concatenate([np.arange(12), rng.integers(0, 12, n - 12)])) - 5
    omega = rng.uniform(0.3, 2, 40)[groups]
    omega[groups == -5], omega[groups == 1] = 0, np.inf
    s = rng.uniform(0, 2, m)
    s[:2] = 0
    X = (rng.standard_normal((m, n)) + rng.uniform(-1, 1, n)) * 10 ** rng.uniform(-0.5, 0.5, n)
    Y = X[:, :5] @ rng.standard_normal((5, t or 1)) + rng.standard_normal((m, t or 1)) + 5
    return X, Y if t else Y[:, 0], groups, omega, s


def violation(model, X, y, alpha, groups, omega, s):
    """How far the conditions of optimality are from holding, block by block, from their definition."""
    Y, W, b = y.reshape(len(y), -1), np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
    R = (s / s.sum())[:, None] * (Y - X @ W - b)
    worst = [np.abs(R.sum(axis=0)).max()]
    for g in np.unique(groups):
        inside = groups == g
        gradient, block, weight = X[:, inside].T @ R, W[inside], omega[inside][0]
        lam = alpha * np.sqrt(inside.sum()) * weight
        if weight == np.inf:
            assert not block.any()
        elif weight == 0:
            worst.append(norm(gradient))
        elif block.any():
            worst.append(norm(gradient - lam * block / norm(block)))
        else:
            worst.append(max(0, norm(gradient) - lam))
    return max(worst)


@pytest.mark.parametrize("t", [None, 1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_conditions_of_optimality(form, t):
    for seed in range(5):
        X, y, groups, omega, s = problem(seed, t)
        options = {"feature_weights": omega, "groups": groups}
        alphas, coefs, gaps, intercepts = lasso_path(
            form(X), y, n_alphas=6, eps=0.05, fit_intercept=True, sample_weight=s, tol=TIGHT, **options
        )
        penalised = (omega > 0) & np.isfinite(omega)
        assert not coefs[..., penalised, 0].any()
        assert coefs[..., penalised, 1].any()
        for i, alpha in enumerate(alphas):
            model = WeightedLasso(alpha, tol=TIGHT, **options).fit(form(X), y, s)
            assert violation(model, X, y, alpha, groups, omega, s) < 1e-6 * alphas[0]
            assert model.coef_.shape == ((t, 48) if t else (48,))
            assert_allclose(model.coef_, coefs[..., i], rtol=0, atol=1e-5 * np.abs(coefs[..., i]).max())
            assert_allclose(model.intercept_, intercepts[..., i], rtol=1e-5)
            assert gaps[i] >= 0


def test_targets_share_their_support_as_in_scikit_learn(rng):
    X, Y = rng.standard_normal((40, 60)), rng.standard_normal((40, 3)) + 2
    for alpha in (0.3, 0.2, 0.05):
        expected = MultiTaskLasso(alpha, tol=1e-12, max_iter=100_000).fit(X, Y)
        model = WeightedLasso(alpha, tol=TIGHT).fit(X, Y)
        assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-6)
        assert_allclose(model.intercept_, expected.intercept_, rtol=0, atol=1e-6)
        assert_array_equal((model.coef_ != 0).all(axis=0), (model.coef_ != 0).any(axis=0))


def test_the_gap_of_several_targets_is_certified_by_duality_gap():
    X, Y, _, _, s = problem(1, 3)
    omega = np.random.default_rng(2).uniform(0.5, 2, 48)
    omega[:2] = 0
    measure = {"loss": "squared", "feature_weights": omega, "sample_weight": s}
    top = naive.alpha_max(X, Y, **measure)
    for tol in (1e-3, 1e-6, TIGHT):
        model = WeightedLasso(0.1 * top, feature_weights=omega, tol=tol).fit(X, Y, s)
        null = naive.null_model(X, Y, **measure).objective
        assert duality_gap(X, Y, model.coef_, model.intercept_, alpha=0.1 * top, **measure) <= tol * null
        assert model.dual_gap_ <= tol * null


def test_groups_of_one_column_are_none():
    X, y, *_ = problem(3)
    plain = WeightedLasso(0.5, tol=TIGHT).fit(X, y)
    grouped = WeightedLasso(0.5, tol=TIGHT, groups=np.arange(48)[::-1]).fit(X, y)
    assert plain.coef_.any()
    assert_allclose(grouped.coef_, plain.coef_, rtol=0, atol=1e-7)


def test_a_conic_solver_finds_the_same():
    X, y, groups, omega, s = problem(7)
    measure = {"loss": "squared", "feature_weights": omega, "sample_weight": s, "groups": groups}
    alpha = 0.1 * naive.alpha_max(X, y, **measure)
    expected = naive.solve(X, y, alpha=alpha, **measure)
    model = WeightedLasso(alpha, feature_weights=omega, groups=groups, tol=TIGHT).fit(X, y, s)
    found = naive.objective(X, y, model.coef_, model.intercept_, alpha=alpha, **measure)
    assert found <= expected.objective * (1 + 1e-8)
    assert_allclose(model.coef_, expected.coef, rtol=0, atol=1e-5 * np.abs(expected.coef).max())


@pytest.mark.parametrize("t", [None, 3])
@pytest.mark.parametrize("shift", [-600, 500])
def test_units_do_not_matter(t, shift):
    X, y, groups, omega, s = problem(4, t)
    options = {"feature_weights": omega, "groups": groups}
    model = WeightedLasso(0.4, tol=TIGHT, **options).fit(X, y, s)
    far = WeightedLasso(np.ldexp(0.4, shift), tol=TIGHT, **options).fit(X, np.ldexp(y, shift), s)
    assert_array_equal(far.coef_, np.ldexp(model.coef_, shift))


def test_single_precision_stays():
    X, Y, groups, _, _ = problem(5, 2)
    model = WeightedLasso(0.5, groups=groups).fit(X, Y)
    single = WeightedLasso(0.5, groups=groups).fit(X.astype(np.float32), Y.astype(np.float32))
    assert single.coef_.dtype == single.intercept_.dtype == np.float32
    assert_allclose(single.coef_, model.coef_, rtol=0, atol=1e-2 * np.abs(model.coef_).max())


def test_warm_starts_are_used():
    X, Y, groups, _, _ = problem(6, 3)
    model = WeightedLasso(0.1, groups=groups, tol=1e-9, warm_start=True).fit(X, Y)
    cold, coef = model.n_iter_, model.coef_
    model.fit(X, Y)
    assert model.n_iter_ == 1 <= cold
    assert_allclose(model.coef_, coef, rtol=0, atol=1e-6 * np.abs(coef).max())
    model.fit(X, Y[:, 0])  # another shape: from nothing
    assert model.coef_.shape == (48,)


def test_the_puffer_takes_targets_and_groups():
    X, Y, groups, _, s = problem(8, 2)
    model = WeightedLasso(1.0, groups=groups, preconditioner="puffer", tol=1e-9).fit(X, Y, s)
    one = WeightedLasso(1.0, groups=groups, preconditioner="puffer", tol=1e-9).fit(X, Y[:, :1], s)
    assert model.coef_.shape == (2, 48)
    assert one.coef_.shape == (1, 48)
    used = [model.coef_[:, groups == g].any() for g in np.unique(groups)]
    assert 0 < sum(used) < len(used)


def test_folds_of_groups_and_targets():
    X, Y, groups, _, s = problem(9, 2, m=60)
    model = WeightedLassoCV(groups=groups, alphas=8, cv=3).fit(X, Y, s)
    assert model.error_path_.shape == (8, 3)
    assert model.coef_.shape == (2, 48)
    train, test = slice(20, None), slice(0, 20)
    inside = WeightedLasso(model.alphas_[4], groups=groups).fit(X[train], Y[train], s[train])
    squares = np.square(Y[test] - inside.predict(X[test])).mean(axis=1)
    assert_allclose(model.error_path_[4, 0], np.average(squares, weights=s[test]), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [0, 1]}, "groups must be integers of shape"),
        ({"groups": np.zeros(48)}, "groups must be integers of shape"),
        ({"groups": np.zeros(48, int), "feature_weights": np.arange(48.0)}, "equal within groups"),
        ({"groups": np.zeros(48, int), "positive": True}, "without groups"),
    ],
)
def test_refused(options, message):
    X, y, *_ = problem(0)
    with pytest.raises(ValueError, match=message):
        WeightedLasso(**options).fit(X, y)
    with pytest.raises(ValueError, match=message):
        lasso_path(X, y, **options)


def test_refused_elsewhere():
    X, Y, groups, _, _ = problem(0, 2)
    with pytest.raises(ValueError, match="y must be one target"):
        lasso_path(X, Y, positive=True)
    with pytest.raises(ValueError, match="groups must come with loss='squared'"):
        lasso_path(X, Y[:, 0], groups=groups, loss="sqrt")
    with pytest.raises(ValueError, match="y must be one target"):
        lasso_path(X, Y, loss="sqrt")

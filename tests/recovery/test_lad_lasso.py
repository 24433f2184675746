"""LADLasso and its paths against a linear program; the solver itself is tested in test_lad_lasso_solver."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import QuantileRegressor

from sparsekit import LADLasso, duality_gap, lasso_path
from sparsekit.datasets import make_sparse_signal
from tests.naive import convex as naive

EXACT = 1e-9  # what the linear programs of the comparisons reach


def problem(seed, m=40, n=30, *, weights=True):
    """Heavy tails, feature weights with zeros and infinities, sample weights with zeros."""
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((m, n)) + rng.uniform(-1, 1, n)) * 10.0 ** rng.uniform(-1, 1, n)
    y = X[:, :4] @ rng.standard_normal(4) / 3 + rng.standard_cauchy(m) + 5
    omega, s = None, None
    if weights:
        omega, s = rng.uniform(0.3, 2, n), rng.uniform(0, 2, m)
        omega[:2], omega[5:8], s[:3] = 0, np.inf, 0
    return X, y, omega, s


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("shape", [(40, 30), (30, 60)])
def test_equals_a_linear_program(shape, weights, intercept, positive):
    for seed, share in ((0, 0.5), (1, 0.1)):
        X, y, omega, s = problem(seed, *shape, weights=weights)
        options = {"feature_weights": omega, "fit_intercept": intercept, "positive": positive}
        alpha = share * naive.alpha_max(X, y, loss="absolute", sample_weight=s, **options)
        expected = naive.solve(X, y, loss="absolute", alpha=alpha, sample_weight=s, **options)
        model = LADLasso(alpha, **options).fit(X, y, s)
        measure = {"loss": "absolute", "alpha": alpha, "feature_weights": omega, "sample_weight": s}
        found = naive.objective(X, y, model.coef_, model.intercept_, **measure)
        assert found <= expected.objective * (1 + EXACT)
        assert model.converged_ and model.dual_gap_ <= 1e-12 * found
        gap = duality_gap(X, y, model.coef_, model.intercept_, fit_intercept=intercept, **measure)
        assert positive or gap <= EXACT * found
        assert not weights or not model.coef_[5:8].any()


def test_the_grid_begins_where_nothing_is_selected():
    for seed in range(5):
        X, y, omega, s = problem(seed)
        measure = {"feature_weights": omega, "sample_weight": s}
        alphas, coefs, gaps, intercepts = lasso_path(
            X, y, loss="absolute", n_alphas=10, eps=0.1, fit_intercept=True, **measure
        )
        expected = naive.alpha_max(X, y, loss="absolute", **measure)
        assert alphas[0] >= expected * (1 - EXACT)  # the same where no tie leaves a choice of the dual point
        assert not coefs[2:, 0].any() and coefs[2:, 3:].any(axis=0).all()
        for alpha, coef, intercept, gap in zip(alphas, coefs.T, intercepts, gaps, strict=True):
            found = naive.objective(X, y, coef, intercept, loss="absolute", alpha=alpha, **measure)
            assert gap <= 1e-12 * found


def test_equals_scikit_learn():
    X, y, _, s = problem(6)
    for alpha in (1.0, 0.1):
        peer = QuantileRegressor(alpha=alpha / 2, solver="highs").fit(X, y, s)  # half the absolute loss
        ours = LADLasso(alpha).fit(X, y, s)
        values = [
            naive.objective(X, y, each.coef_, each.intercept_, loss="absolute", alpha=alpha, sample_weight=s)
            for each in (ours, peer)
        ]
        assert values[0] <= values[1] * (1 + EXACT)


def test_gross_errors_change_nothing():
    """The answer depends on where y is above and below the fit, not on how far."""
    X, y, coef = make_sparse_signal(100, 200, 3, noise=0.1, values="ones", rng=0)
    y[::10] += 100
    model = LADLasso(0.03).fit(X, y)
    assert np.array_equal(model.coef_ != 0, coef != 0)
    y[::10] += 1e6
    again = LADLasso(0.03).fit(X, y)
    assert_allclose(again.coef_, model.coef_, rtol=0, atol=1e-8)


def test_units_and_single_precision():
    X, y, omega, s = problem(7)
    plain = LADLasso(0.5, feature_weights=omega).fit(X, y, s)
    with_units = LADLasso(0.5 * 2.0**300, feature_weights=omega).fit(np.ldexp(X, 300), np.ldexp(y, -300), s)
    assert_allclose(np.ldexp(with_units.coef_, 600), plain.coef_, rtol=1e-9)
    single = LADLasso(0.5, feature_weights=omega).fit(X.astype(np.float32), y.astype(np.float32), s)
    assert single.coef_.dtype == np.float32
    assert_allclose(single.coef_, plain.coef_, rtol=0, atol=1e-3 * np.abs(plain.coef_).max())


def test_warm_starts():
    X, y, omega, s = problem(8)
    model = LADLasso(0.3, feature_weights=omega, warm_start=True).fit(X, y, s)
    edges, first = model.n_iter_, model.coef_.copy()
    assert model.fit(X, y, s).n_iter_ < edges
    assert_allclose(model.coef_, first, rtol=1e-9, atol=1e-12)


def test_too_few_edges():
    X, y, _ = make_sparse_signal(60, 100, 10, noise=0.1, rng=0)
    with pytest.warns(ConvergenceWarning, match=r"duality gap .* after \d+ edges: raise max_iter or tol"):
        model = LADLasso(1e-3, max_iter=2).fit(X, y)
    assert not model.converged_ and model.dual_gap_ > 0


def test_nothing_to_explain():
    X, _, _, _ = problem(9)
    model = LADLasso(0.1).fit(X, np.full(40, 3.0))
    assert not model.coef_.any() and model.dual_gap_ == 0 and model.intercept_ == 3
    dropped = LADLasso(0.1, feature_weights=np.full(30, np.inf)).fit(X, np.arange(41.0)[1:])
    assert not dropped.coef_.any() and 20 <= dropped.intercept_ <= 21


def test_input_that_is_refused():
    X, y, _, _ = problem(10)
    for alpha in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="alpha"):
            LADLasso(alpha).fit(X, y)
    with pytest.raises(ValueError, match="max_iter"):
        LADLasso(max_iter=0).fit(X, y)
    with pytest.raises(TypeError, match=r"Sparse X is not supported"):
        LADLasso().fit(csr_array(X), y)
    with pytest.raises(TypeError, match="LinearOperator"):
        LADLasso().fit(aslinearoperator(X), y)
    with pytest.raises(ValueError, match="one target"):
        LADLasso().fit(X, np.column_stack([y, y]))

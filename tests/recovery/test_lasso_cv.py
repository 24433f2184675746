"""The convex regressors by cross-validation, against folds that are written out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator
from sklearn.linear_model import LassoCV
from sklearn.model_selection import KFold

from sparsekit import LADLasso, LADLassoCV, SquareRootLasso, SquareRootLassoCV, WeightedLasso, WeightedLassoCV
from sparsekit.datasets import make_sparse_signal

pytestmark = pytest.mark.jit  # paths on many folds are slow as plain Python; the solvers are tested so elsewhere

KINDS = [(WeightedLassoCV, WeightedLasso, 2), (SquareRootLassoCV, SquareRootLasso, 2), (LADLassoCV, LADLasso, 1)]


def problem(seed=0):
    rng = np.random.default_rng(seed)
    X, y, coef = make_sparse_signal(60, 90, 4, noise=0.2, values="ones", rng=seed)
    omega, s = rng.uniform(0.5, 2, 90), rng.uniform(0, 2, 60)
    omega[1], s[:5] = np.inf, 0
    return X, y + 3, coef, omega, s


@pytest.mark.parametrize(("validated", "plain", "power"), KINDS)
def test_folds_by_hand(validated, plain, power):
    X, y, _, omega, s = problem()
    model = validated(alphas=8, eps=0.05, feature_weights=omega, cv=3).fit(X, y, s)
    folds = list(KFold(3).split(X))
    assert model.error_path_.shape == (8, 3)
    for i in (2, 7):
        for fold, (train, test) in enumerate(folds):
            one = plain(model.alphas_[i], feature_weights=omega).fit(X[train], y[train], s[train])
            errors = np.abs(y[test] - one.predict(X[test])) ** power
            assert_allclose(model.error_path_[i, fold], np.average(errors, weights=s[test]), rtol=1e-3)  # two gaps
    counts = [s[test].sum() for _, test in folds]
    mean = model.error_path_ @ counts
    assert model.alpha_ == model.alphas_[np.argmin(mean)]
    final = plain(model.alpha_, feature_weights=omega).fit(X, y, s)
    assert_allclose(model.coef_, final.coef_, rtol=0, atol=1e-4)
    assert model.converged_


@pytest.mark.parametrize(("validated", "plain", "power"), KINDS)
def test_recovers_and_threads_change_nothing(validated, plain, power):
    X, y, coef, _, _ = problem(1)
    one, two = (validated(alphas=12, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2))
    assert_array_equal(one.error_path_, two.error_path_)
    assert_array_equal(one.coef_, two.coef_)
    assert (one.coef_[coef != 0] > 0.5).all()
    assert_allclose(one.alphas_, np.geomspace(1, one.eps, 12) * one.alphas_[0], rtol=1e-12)
    assert not plain(one.alphas_[0] * 1.0001).fit(X, y).coef_.any()
    assert power in {1, 2}


def test_equals_scikit_learn():
    X, y, _, _, _ = problem(2)
    alphas = np.geomspace(0.1, 0.002, 10)
    ours, peer = WeightedLassoCV(alphas=alphas, cv=4).fit(X, y), LassoCV(alphas=alphas, cv=4, tol=1e-8).fit(X, y)
    assert ours.alpha_ == peer.alpha_
    assert_allclose(ours.error_path_, peer.mse_path_, rtol=1e-3)
    sparse = WeightedLassoCV(alphas=alphas, cv=4).fit(csr_array(X), y)
    assert_allclose(sparse.error_path_, ours.error_path_, rtol=1e-3)


def test_input_that_is_refused():
    X, y, _, _, _ = problem()
    for alphas in (0, -1, [], [1.0, 0.0], [[1.0]]):
        with pytest.raises(ValueError, match="alphas"):
            WeightedLassoCV(alphas=alphas).fit(X, y)
    for eps in (0.0, 1.0):
        with pytest.raises(ValueError, match="eps"):
            SquareRootLassoCV(eps=eps).fit(X, y)
    with pytest.raises(TypeError, match="LinearOperator"):
        WeightedLassoCV().fit(aslinearoperator(X), y)
    with pytest.raises(TypeError, match="Sparse X"):
        LADLassoCV().fit(csr_array(X), y)
    with pytest.raises(ValueError, match="Cannot have number of splits"):
        WeightedLassoCV(cv=100).fit(X, y)

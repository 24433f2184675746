"""Cross-validation against folds that are fitted one by one."""

import numpy as np
import pytest
from sklearn.linear_model import OrthogonalMatchingPursuitCV as ScikitLearnCV
from sklearn.model_selection import KFold, LeaveOneGroupOut

from sparsekit import OrthogonalMatchingPursuit, OrthogonalMatchingPursuitCV

RTOL = 1e-9  # two refits of a well-conditioned problem


def problem(rng, n_targets=None):
    X = rng.standard_normal((60, 12)) + 1
    coef = np.zeros((12, n_targets or 1))
    coef[:3] = rng.standard_normal((3, n_targets or 1)) + 2
    Y = X @ coef + rng.standard_normal((60, n_targets or 1))
    return X, (Y if n_targets else Y[:, 0]), rng.integers(0, 4, 60).astype(float)


@pytest.mark.parametrize("n_targets", [None, 3])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("selection", ["omp", "ols"])
def test_errors_are_those_of_fits_on_the_folds(rng, n_targets, joint, weighted, selection):
    X, y, s = problem(rng, n_targets)
    s = s if weighted else None
    folds = list(KFold(4).split(X))
    model = OrthogonalMatchingPursuitCV(selection=selection, joint=joint, max_iter=6, cv=folds).fit(X, y, s)
    expected, weights = np.empty((6, 4)), np.empty(4)
    for i, (train, test) in enumerate(folds):
        inside, outside = (None, np.ones(len(test))) if s is None else (s[train], s[test])
        weights[i] = outside.sum()
        for k in range(6):
            fold = OrthogonalMatchingPursuit(k + 1, selection=selection, joint=joint).fit(X[train], y[train], inside)
            errors = (y[test] - fold.predict(X[test])) ** 2
            expected[k, i] = np.average(errors.reshape(len(test), -1).mean(axis=1), weights=outside)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=RTOL)
    best = np.argmin(expected @ weights) + 1
    assert np.max(model.n_nonzero_coefs_) == best
    final = OrthogonalMatchingPursuit(best, selection=selection, joint=joint).fit(X, y, s)
    np.testing.assert_allclose(model.coef_, final.coef_, rtol=RTOL)


def test_agrees_with_scikit_learn_on_equal_folds(rng):
    X, y, _ = problem(rng)
    ours, theirs = OrthogonalMatchingPursuitCV(max_iter=8, cv=5).fit(X, y), ScikitLearnCV(max_iter=8, cv=5).fit(X, y)
    assert ours.n_nonzero_coefs_ == theirs.n_nonzero_coefs_
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=RTOL)


def test_masks_as_folds_and_rows_without_weight(rng):
    X, y, s = problem(rng)
    indices = list(KFold(3).split(X))
    masks = [(np.isin(np.arange(60), train), np.isin(np.arange(60), test)) for train, test in indices]
    wild = np.where(s == 0, 1e300, y)
    by_index = OrthogonalMatchingPursuitCV(cv=indices).fit(X, y, s)
    by_mask = OrthogonalMatchingPursuitCV(cv=masks).fit(X, wild, s)
    np.testing.assert_allclose(by_mask.mse_path_, by_index.mse_path_, rtol=RTOL)


def test_integer_weights_are_repeated_rows(rng):
    X, y, s = problem(rng)
    groups, times = np.repeat(np.arange(4), 15), s.astype(int)
    split = LeaveOneGroupOut().split
    once = OrthogonalMatchingPursuitCV(cv=list(split(X, groups=groups))).fit(X, y, s)
    X, y, groups = (np.repeat(array, times, axis=0) for array in (X, y, groups))
    often = OrthogonalMatchingPursuitCV(cv=list(split(X, groups=groups))).fit(X, y)
    np.testing.assert_allclose(once.mse_path_, often.mse_path_, rtol=RTOL)
    np.testing.assert_allclose(once.coef_, often.coef_, rtol=RTOL)


def test_a_training_fold_without_weight_is_refused(rng):
    X, y, _ = problem(rng)
    s = np.r_[np.ones(30), np.zeros(30)]
    with pytest.raises(ValueError, match="sample_weight"):
        OrthogonalMatchingPursuitCV(cv=KFold(2)).fit(X, y, s)

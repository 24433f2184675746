"""The harness passes a sound estimator and catches broken ones."""

import time

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from tests import contract


class BestColumn(RegressorMixin, BaseEstimator):
    """Least squares on the one column that explains most; sound."""

    def fit(self, X, y):
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True)
        y = np.asarray(y, X.dtype)
        units = np.frexp(np.abs(X).max(axis=0))[1]
        unit = np.frexp(np.abs(y).max())[1]
        A, b = np.ldexp(X, -units), np.ldexp(y, -unit)
        norms = (A**2).sum(axis=0)
        products = (A * b[:, None]).sum(axis=0)
        scores = np.divide(products**2, norms, out=np.zeros_like(norms), where=norms > 0)
        best = scores.argmax()
        self.coef_ = np.zeros(X.shape[1], X.dtype)
        if scores[best] > 0:
            with np.errstate(over="ignore", under="ignore"):
                self.coef_[best] = np.ldexp(products[best] / norms[best], unit - units[best])
        if not np.isfinite(self.coef_).all():
            raise ValueError("y is too large for X: coef_ overflows; rescale y")
        self.intercept_ = 0.0
        return self

    def predict(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        best = np.abs(self.coef_).argmax()
        return X[:, best] * self.coef_[best]


class Greedy(BestColumn):
    def fit(self, X, y):
        if isinstance(X, np.ndarray) and X.dtype == float and X.flags.writeable:
            X[0, 0] += 1.0  # the caller's array
        return super().fit(X, y)


class Divides(BestColumn):
    def fit(self, X, y):
        super().fit(X, y)
        norms = (np.asarray(X, float) ** 2).sum(axis=0)
        self.coef_ = np.where(self.coef_ != 0, self.coef_, 0 / norms).astype(self.coef_.dtype)
        return self


class ReadsMemory(BestColumn):
    def fit(self, X, y):
        if isinstance(X, np.ndarray) and X.dtype == float:
            X = X.ravel(order="K").reshape(X.shape)  # right for C order only
        return super().fit(X, y)


class Shared(BestColumn):
    scratch = [None]  # noqa: RUF012  that is the fault

    def fit(self, X, y):
        super().fit(X, y)
        Shared.scratch[0] = self.coef_
        time.sleep(1e-4)
        self.coef_ = Shared.scratch[0].copy()
        self.work_ = lambda: None
        return self


class Refuses(BestColumn):
    def fit(self, X, y):
        raise ValueError("y is too large for X")


def describe(factory, **more):
    return contract.Subject(factory.__name__, factory, **{"checks": 95, "refuses": ["too large for X"]} | more)


test_sound = contract.parametrize([describe(BestColumn)])


@pytest.mark.parametrize(
    ("factory", "name"),
    [
        (Greedy, "input is not modified: C"),
        (Divides, "edge: zero columns"),
        (Divides, "hypothesis plain"),
        (ReadsMemory, "layout: Fortran"),
        (Shared, "python threads"),
        (Shared, "fitted state is plain"),
        (Refuses, "hypothesis plain"),
        (Refuses, "scale: X * 2^40"),
    ],
)
def test_fault_is_caught(factory, name):
    with pytest.raises((AssertionError, ValueError)):
        contract.run(describe(factory), name)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"sparse": True}, "capabilities"),
        ({"sample_weight": True}, "capabilities"),
        ({"multi_target": True}, "capabilities"),
        ({"checks": 1000}, "count"),
        ({"refuses": [], "warns": []}, "hypothesis hostile"),
    ],
)
def test_wrong_description_is_caught(more, name):
    with pytest.raises(AssertionError):
        contract.run(describe(BestColumn, **more), name)


def test_capability_that_is_not_claimed_is_caught():
    class Weighted(BestColumn):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y)

    with pytest.raises(AssertionError, match="sample_weight"):
        contract.run(describe(Weighted), "capabilities")


def test_excuses_are_strict_and_known():
    marks = contract.parametrize([describe(BestColumn, excused={"layout: C": "none"})]).pytestmark[0].args[1]
    [excused] = [mark for each in marks for mark in each.marks if mark.name == "xfail"]
    assert excused.kwargs == {"strict": True, "reason": "none"}
    with pytest.raises(AssertionError, match="do not apply"):
        contract.parametrize([describe(BestColumn, excused={"layout: D": "no such check"})])

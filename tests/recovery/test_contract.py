"""The robustness harness over the room's estimators."""

from functools import partial

import numpy as np
import pytest

from sparsekit import (
    LADLasso,
    LADLassoCV,
    MatchingPursuit,
    OrthogonalMatchingPursuit,
    OrthogonalMatchingPursuitCV,
    PenalizedRegressor,
    PursuitCoder,
    SparseBayesianRegressor,
    SparsePhaseRetrieval,
    SquareRootLasso,
    SquareRootLassoCV,
    WeightedLasso,
    WeightedLassoCV,
    WeightedOMP,
    WeightedOMPCV,
    duality_gap,
    kkt_violation,
)
from tests import contract

ROUNDED = 1e-14  # of y: a sum of some terms that cancel
NOTHING = 1e-13  # of its length: what centring leaves of a constant
ORTHOGONAL = 1e-8  # coefficients grow to 1e6 beside nearly dependent columns (4096 eps), and rounding with them
DEPENDENT = 2e-6  # sqrt(4096 eps) and more: what a column that counts as dependent may still correlate


def course(estimator, X, y):
    """The residual norms fall and end at that of the prediction."""
    start, end, unit = (np.linalg.norm(v) for v in (y - y.mean(), y - estimator.predict(X), y))
    np.testing.assert_allclose(estimator.residual_[[0, -1]], [start, end], rtol=0, atol=ORTHOGONAL * (unit or 1))
    assert (np.diff(estimator.residual_) <= 0).all()
    assert np.count_nonzero(estimator.coef_) <= estimator.n_nonzero_coefs_ <= max(1, min(X.shape))
    constant = np.linalg.norm(X - X.mean(axis=0), axis=0) <= NOTHING * np.linalg.norm(X, axis=0)
    assert not estimator.coef_[constant].any(), "a constant column was chosen beside the intercept"
    assert start > NOTHING * unit or not estimator.coef_.any(), "columns were chosen for a constant target"


def refit(estimator, X, y):
    """Least squares on the chosen columns, each chosen once; an early end leaves no useful column."""
    A, b = X - X.mean(axis=0), y - y.mean()
    lengths = np.linalg.norm(A, axis=0) * np.linalg.norm(b)
    rounding = NOTHING * np.linalg.norm(X, axis=0) * np.linalg.norm(y)
    correlations = np.abs(A.conj().T @ (y - estimator.predict(X)))
    active = estimator.active_[: estimator.n_nonzero_coefs_]
    assert len(set(active)) == len(active)
    assert set(np.flatnonzero(estimator.coef_)) <= set(active)
    assert (correlations <= ORTHOGONAL * lengths + rounding)[active].all(), "the residual is not orthogonal"
    assert 0 <= estimator.kkt_violation_ <= ORTHOGONAL
    if estimator.stop_reason_ in ("exact fit", "no column left"):
        assert (correlations <= DEPENDENT * lengths + rounding).all(), estimator.stop_reason_
    else:
        assert estimator.stop_reason_ == "n_nonzero_coefs"


def greedy(estimator, X, y):
    course(estimator, X, y)
    refit(estimator, X, y)
    if estimator.stop_reason_ == "n_nonzero_coefs":
        assert estimator.n_nonzero_coefs_ == max(1, min(X.shape[1] // 10, len(X) - 1))


def penalised(estimator, X, y):
    """An optimal refit, losses that fall and end at that of the prediction, and promises in the order of the rule."""
    r = y - estimator.predict(X)
    loss = {
        "squared": np.square(np.abs(r)).mean() / 2,
        "sqrt": np.sqrt(np.square(np.abs(r)).mean()),
        "absolute": np.abs(r).mean(),
    }
    largest = np.abs(y).max()
    unit = {"squared": largest**2, "sqrt": largest, "absolute": largest}[estimator.loss] or 1
    np.testing.assert_allclose(estimator.residual_[-1], loss[estimator.loss], rtol=0, atol=ORTHOGONAL * unit)
    assert (np.diff(estimator.residual_) <= NOTHING * unit).all()
    assert 0 <= estimator.kkt_violation_ <= ORTHOGONAL
    active = estimator.active_
    assert len(set(active)) == len(active) == estimator.n_nonzero_coefs_
    assert set(np.flatnonzero(estimator.coef_)) <= set(active)
    constant = np.linalg.norm(X - X.mean(axis=0), axis=0) <= NOTHING * np.linalg.norm(X, axis=0)
    assert not estimator.coef_[constant].any(), "a constant column was chosen beside the intercept"
    assert (estimator.decrease_ > 0).all()
    # what a new column promises, the refit delivers at least, less the penalty
    assert (-np.diff(estimator.residual_) >= estimator.decrease_ - ORTHOGONAL * unit).all()
    assert estimator.stop_reason_ in {"fixed point", "no decrease", "noise", "exact fit", "no column left"}


def codes_of(estimator, X):
    codes = estimator.transform(X)
    return {"codes": codes, "signals": estimator.inverse_transform(codes)}


def coded(estimator, X, y):
    """A code never describes a signal worse than nothing does."""
    answer = codes_of(estimator, X)
    assert (np.linalg.norm(X - answer["signals"], axis=1) <= np.linalg.norm(X, axis=1) * (1 + ORTHOGONAL)).all()
    assert (np.diff(answer["codes"].indptr) <= max(1, X.shape[1] // 10)).all()


def magnitude_problem(rng, n_samples, n_features, dtype):
    """Magnitudes of a third of the columns."""
    X, _ = contract.linear_problem(rng, n_samples, n_features, dtype)
    w = np.where(np.arange(n_features) % 3 == 0, 2 + np.arange(n_features), 0).astype(dtype)
    return X, np.abs(X @ w)


def magnitude_examples(elements):
    return contract.linear_examples(elements).map(lambda example: (example[0], np.abs(example[1])))


def magnitudes_of(estimator, X):
    return {"coef_": estimator.coef_, "predict": estimator.predict(X)}


def phaseless(estimator, X, y):
    """The residual is that of the answer, the smallest of the path; the largest coefficient is positive."""
    unit = np.linalg.norm(y) or 1
    distance = np.linalg.norm(estimator.predict(X) - y) / unit
    np.testing.assert_allclose(estimator.residual_, distance, rtol=0, atol=ORTHOGONAL)
    assert estimator.residual_ <= estimator.residual_path_.min() * (1 + 1e-9)  # equal up to the last digits
    assert len(estimator.residual_path_) == estimator.n_iter_ + 1
    assert np.count_nonzero(estimator.coef_) <= estimator.n_nonzero_coefs_ <= X.shape[1]
    assert not estimator.coef_.any() or estimator.coef_[np.abs(estimator.coef_).argmax()] > 0
    s, n = estimator.n_nonzero_coefs_, X.shape[1]
    enough = min(4 * s - 2, 4 * n - 4) if X.dtype.kind == "c" else min(2 * s, 2 * n - 1)
    assert not estimator.converged_ or len(X) >= enough or not y.any()


def beliefs_of(estimator, X):
    return contract.linear_answer(estimator, X) | {"coef_std_": estimator.coef_std_}


def believed(estimator, X, y):
    """Means and standard deviations are those of a dense normal posterior with the reported variances."""
    kept = np.flatnonzero(estimator.prior_variance_)
    assert (kept == np.flatnonzero(estimator.coef_std_)).all()
    assert not np.delete(estimator.coef_, kept).any() and not np.delete(estimator.gain_, kept).any()
    worth = (
        estimator.gain_ > estimator.min_gain
        if estimator.prior == "independent"
        else estimator.support_probability_ > 0.5
    )
    assert worth[kept].all()
    constant = np.linalg.norm(X - X.mean(axis=0), axis=0) <= NOTHING * np.linalg.norm(X, axis=0)
    assert not estimator.coef_[constant].any(), "a constant column was chosen beside the intercept"
    if np.linalg.norm(y - y.mean()) <= NOTHING * np.linalg.norm(y):
        assert not len(kept), "columns were chosen for a constant target"
    if not len(kept):
        np.testing.assert_allclose(estimator.predict(X), np.full(len(X), y.mean()), rtol=ORTHOGONAL, atol=1e-300)
        return
    A, lengths = X[:, kept] - X[:, kept].mean(axis=0), np.sqrt(estimator.prior_variance_[kept])
    noise = estimator.noise_variance_
    C = noise * np.eye(len(X)) + (A * lengths**2) @ A.conj().T
    if np.linalg.cond(C) > 1e10:  # an exact fit
        return
    gain = np.linalg.solve(C, A * lengths**2).conj().T
    coef, std = estimator.coef_[kept], estimator.coef_std_[kept]
    np.testing.assert_allclose(coef, gain @ (y - y.mean()), rtol=0, atol=1e-5 * np.abs(coef).max())
    left = np.maximum(np.diag(np.diag(lengths**2) - gain @ (A * lengths**2)).real, 0)
    np.testing.assert_allclose(std, np.sqrt(left), rtol=0, atol=1e-4 * lengths.max())  # roots of cancelled digits


def certified(estimator, X, y):
    """The gap is small, and so is what the correlations exceed the penalty by; those in use are at the penalty."""
    r = y - estimator.predict(X)
    r, X = r - r.mean(), X - X.mean(axis=0)
    lengths = np.linalg.norm(X, axis=0)
    rounding = ORTHOGONAL * lengths * np.linalg.norm(y) / len(y)
    slopes, used = X.T @ r / len(y), estimator.coef_ != 0
    assert estimator.converged_ and 0 <= estimator.dual_gap_ <= estimator.tol * np.square(y - y.mean()).mean()
    slack = np.sqrt(2 * estimator.dual_gap_ / len(y)) * lengths + rounding  # a gap of d moves the residual by sqrt(2 d)
    assert (np.abs(slopes) <= estimator.alpha + slack).all()
    assert (np.abs(slopes[used] - estimator.alpha * np.sign(estimator.coef_[used])) <= slack[used]).all()


def gap_is_small(estimator, X, y, loss):
    """By the public certificate."""
    weights = getattr(estimator, "effective_weights_", None)
    alpha = getattr(estimator, "alpha_", estimator.alpha)
    gap = duality_gap(X, y, estimator.coef_, estimator.intercept_, loss=loss, alpha=alpha, feature_weights=weights)
    assert estimator.converged_ and 0 <= gap <= ORTHOGONAL * np.abs(y - y.mean()).max() + ROUNDED * np.abs(y).max()


def settled(estimator, X, y):
    """No coefficient alone could lower the objective, which is as reported."""
    r = y - estimator.predict(X)
    assert estimator.converged_ and estimator.objective_ >= np.square(r).mean() / 2 * (1 - ORTHOGONAL) - NOTHING * (
        y @ y
    )
    if np.linalg.norm(y - y.mean()) <= NOTHING * np.linalg.norm(y):
        assert not estimator.coef_.any(), "columns were chosen for a constant target"
        return
    pull = kkt_violation(X, y, estimator.coef_, estimator.intercept_, penalty=estimator.penalty, alpha=estimator.alpha)
    assert pull <= estimator.tol + ORTHOGONAL


COMMON = {"sparse": True, "complex": True, "n_jobs": True}
REGRESSOR = COMMON | {
    "checks": 152,
    "multi_target": True,
    "sample_weight": True,
    "feature_weights": True,
    "refuses": [r"the coefficients overflow float\d\d: X and y differ too much in scale"],
}
STEPS = {"n_nonzero_coefs": [0, -1, 1.5, "three"], "tol": [-1.0, np.nan, "small"], "n_jobs": [0, 1.5]}
RULE = {"selection": ["mp", None]}
PURSUIT = REGRESSOR | {"linear_operator": True, "verify": greedy, "bad_params": STEPS | RULE}
MATCHING = REGRESSOR | {
    "linear_operator": True,
    "free_features": False,
    "verify": course,
    "bad_params": STEPS | {"sign": ["negative", None]},
}
VALIDATED = REGRESSOR | {
    "independent_targets": False,  # one number of columns for all
    "verify": refit,
    "bad_params": RULE | {"max_iter": [0, 1.5, 11], "n_jobs": [0, 1.5]},
    "refuses": [*REGRESSOR["refuses"], "Cannot have number of splits"],
}
WEIGHTED = REGRESSOR | {
    "n_jobs": False,
    "linear_operator": True,
    "independent_targets": False,  # one support for all
    "verify": penalised,
    "bad_params": {
        "loss": ["l2", None], "penalty": ["l2", None], "alpha": [-1.0, np.nan, np.inf, "aic", None],
        "max_iter": [0, 1.5],
    },
    "warns": ["No features were selected"],
    "checks": 147,
}  # fmt: skip
UNITS = {"scaling": {}, "checks": 128}  # alpha has the units of the data
DENSE = {"sparse": False, "complex": False, "linear_operator": False, "multi_target": False, "checks": 102}
OTHER_FOLDS = {"sample weights are repetitions": "rows that are repeated or left out make other folds"}
STRENGTHS = {
    "verify": None, "refuses": [*REGRESSOR["refuses"], "Cannot have number of splits"],
    "bad_params": {
        "loss": ["l2"], "penalty": ["l2"], "alphas": [0, -1.0, [[1.0]], [-1.0]], "eps": [0.0, 1.0, -1.0],
        "max_iter": [0, 1.5], "n_jobs": [0, 1.5],
    },
}  # fmt: skip
CODER = COMMON | {
    "checks": 110,
    "problem": contract.signal_problem,
    "answer": codes_of,
    "scaling": {"codes": (1, 0), "signals": (1, 0)},
    "verify": coded,
    "refuses": [r"codes overflow float\d\d"],
    "bad_params": STEPS | {"method": ["lars", None], "sign": ["negative", None]},
}
PHASES = {
    "checks": 110,
    "sparse": True,
    "complex": True,
    "linear_operator": True,
    "problem": magnitude_problem,
    "examples": magnitude_examples,
    "admissible": np.abs,
    "answer": magnitudes_of,
    "scaling": {"coef_": (-1, 1), "predict": (0, 1)},
    "verify": phaseless,
    "refuses": [r"the coefficients overflow float\d\d: X and y differ too much in scale"],
    "warns": ["No features were selected", "no start led to an acceptable answer", "measurements determine at most"],
    "bad_params": {
        "n_nonzero_coefs": [0, -1, 1.5, 11], "solver": ["omp", None], "n_starts": [0, 1.5], "init": ["random"],
        "measurement": ["phase"], "max_iter": [0, 1.5], "tol": [-1.0, np.nan, "small"],
    },
}  # fmt: skip
BAYES = {
    "checks": 120,
    "sparse": True,
    "complex": True,
    "linear_operator": True,
    "multi_target": True,
    "independent_targets": False,  # one support for all
    "answer": beliefs_of,
    "scaling": contract.LINEAR_SCALING | {"coef_std_": (-1, 1)},
    "verify": believed,
    "refuses": [
        r"the coefficients overflow float\d\d: X and y differ too much in scale",
        r"the noise variance overflows float\d\d: divide y",
        "needs at least 2 samples",
    ],
    "warns": ["the noise variance cannot be learnt"],
    "bad_params": {
        "solver": ["vb", None], "noise_variance": ["known", -1.0, np.nan, np.inf, None], "prior": ["tree", None],
        "row_correlation": ["fit", 1.0, -1.0, np.nan], "min_gain": ["bic", np.nan, np.inf, None],
        "damping": [0.0, 1.5, np.nan, "auto"], "max_iter": [0, 1.5], "tol": [0.0, 1.0, np.nan, "small"],
    },
}  # fmt: skip
LASSO = REGRESSOR | {
    "checks": 100,
    "n_jobs": False,
    "complex": False,
    "independent_targets": False,  # one support for all
    "scaling": {},  # alpha has the units of the data
    "verify": certified,
    "warns": ["No features were selected"],
    "bad_params": {
        "alpha": [0.0, -1.0, np.nan, np.inf, "auto", None], "tol": [0.0, 1.0, np.nan, "small"], "max_iter": [0, 1.5],
    },
}  # fmt: skip
ROOT = LASSO | {
    "multi_target": False,
    "verify": lambda estimator, X, y: gap_is_small(estimator, X, y, "sqrt"),
    "bad_params": LASSO["bad_params"] | {"alpha": [0.0, -1.0, np.nan, np.inf, "best", None]},
}
LAD = LASSO | {
    "sparse": False,
    "multi_target": False,
    "checks": 80,
    "verify": lambda estimator, X, y: gap_is_small(estimator, X, y, "absolute"),
    "bad_params": {"alpha": [0.0, -1.0, np.nan, np.inf, "auto", None], "max_iter": [0, 1.5]},
}
FOLDS = {
    "verify": None,
    "n_jobs": True,
    "refuses": [*LASSO["refuses"], "Cannot have number of splits"],
    "excused": OTHER_FOLDS,
    "bad_params": {
        "alphas": [0, -1.0, [[1.0]], [-1.0]],
        "eps": [0.0, 1.0, -1.0],
        "max_iter": [0, 1.5],
        "n_jobs": [0, 1.5],
    },
}
PENALISED = LASSO | {
    "multi_target": False,
    "verify": settled,
    "refuses": [*REGRESSOR["refuses"], r"the columns of X are too large or too small for penalty="],
    "bad_params": LASSO["bad_params"] | {
        "penalty": ["l1", None], "shape": [0.0, -1.0, np.nan, np.inf, "round"],
    },
}  # fmt: skip
COMPILED = [pytest.mark.jit]  # messages are slow as plain Python; the exact solver runs the same course without them
LENGTHS = "the columns of an operator are not brought to one length: another start"
CAPPED = {"verify": None, "warns": ["n_nonzero_coefs=5 is more than"]}
OMP = OrthogonalMatchingPursuit

test_contract = contract.parametrize(
    [
        contract.Subject("omp", OMP, **PURSUIT),
        contract.Subject("ols", partial(OMP, selection="ols"), **PURSUIT),
        contract.Subject("joint", partial(OMP, joint=True), independent_targets=False, divides=False, **PURSUIT),
        contract.Subject("five columns", partial(OMP, n_nonzero_coefs=5), **PURSUIT | CAPPED),
        contract.Subject("cross-validated", partial(OrthogonalMatchingPursuitCV, cv=2), **VALIDATED),
        contract.Subject("matching pursuit", MatchingPursuit, **MATCHING),
        contract.Subject(
            "positive", partial(MatchingPursuit, sign="positive"), **MATCHING | {"complex": False, "checks": 143}
        ),
        contract.Subject("sqrt l1", WeightedOMP, weights_count=True, **WEIGHTED),
        contract.Subject("sqrt l0", partial(WeightedOMP, loss="sqrt", penalty="l0", alpha=0.5), **WEIGHTED | UNITS),
        contract.Subject("squared l1", partial(WeightedOMP, loss="squared", alpha=100.0), **WEIGHTED | UNITS),
        contract.Subject(
            "squared l0", partial(WeightedOMP, loss="squared", penalty="l0", alpha=500.0), **WEIGHTED | UNITS
        ),
        contract.Subject("absolute l1", partial(WeightedOMP, loss="absolute", alpha=2.0), **WEIGHTED | UNITS | DENSE),
        contract.Subject(
            "absolute l0", partial(WeightedOMP, loss="absolute", penalty="l0", alpha=20.0), **WEIGHTED | UNITS | DENSE
        ),
        contract.Subject(
            "strength by folds",
            partial(WeightedOMPCV, alphas=8, cv=2),
            **WEIGHTED | STRENGTHS | {"n_jobs": True, "linear_operator": False},
            excused=OTHER_FOLDS,
        ),
        contract.Subject(
            "absolute by folds",
            partial(WeightedOMPCV, loss="absolute", alphas=8, cv=2),
            **WEIGHTED | STRENGTHS | DENSE | {"n_jobs": True, "checks": 120},
            excused=OTHER_FOLDS,
        ),
        contract.Subject("bayes", SparseBayesianRegressor, **BAYES, marks=COMPILED),
        contract.Subject(
            "bayes, exact",
            partial(SparseBayesianRegressor, solver="em"),
            **BAYES,
        ),
        contract.Subject(
            "bayes, runs",
            partial(SparseBayesianRegressor, solver="em", prior="markov"),
            **BAYES,
            excused={"operator: real": LENGTHS},
        ),
        contract.Subject(
            "bayes, apart",
            partial(SparseBayesianRegressor, row_correlation=None),
            **BAYES | {"independent_targets": True},
            marks=COMPILED,
        ),
        contract.Subject("lasso", partial(WeightedLasso, alpha=2.0, tol=1e-12), **LASSO),
        contract.Subject("sqrt lasso", partial(SquareRootLasso, alpha=1.5, tol=1e-8), **ROOT),
        contract.Subject(
            "automatic lasso",
            partial(SquareRootLasso, tol=1e-8),
            weights_count=True,
            **ROOT | {"scaling": contract.LINEAR_SCALING, "warns": ["No features were selected"]},
        ),
        contract.Subject("lad lasso", partial(LADLasso, alpha=1.0), **LAD, marks=COMPILED),
        contract.Subject(
            "lasso by folds", partial(WeightedLassoCV, alphas=6, cv=2, tol=1e-10), **LASSO | FOLDS, marks=COMPILED
        ),
        contract.Subject(
            "sqrt lasso by folds",
            partial(SquareRootLassoCV, alphas=6, cv=2),
            **ROOT | FOLDS | {"excused": {}},
            marks=COMPILED,
        ),
        contract.Subject("lad lasso by folds", partial(LADLassoCV, alphas=6, cv=2), **LAD | FOLDS, marks=COMPILED),
        contract.Subject(
            "mcp", partial(PenalizedRegressor, penalty="mcp", alpha=2.0, tol=1e-12), **PENALISED, marks=COMPILED
        ),
        contract.Subject(
            "scad", partial(PenalizedRegressor, penalty="scad", alpha=8.0, tol=1e-12), **PENALISED, marks=COMPILED
        ),
        contract.Subject(
            "l0", partial(PenalizedRegressor, penalty="l0", alpha=2.0, tol=1e-12), **PENALISED, marks=COMPILED
        ),
        contract.Subject(
            "l half", partial(PenalizedRegressor, penalty="l_half", alpha=2.0, tol=1e-12), **PENALISED, marks=COMPILED
        ),
        contract.Subject("phases", partial(SparsePhaseRetrieval, random_state=0), **PHASES),
        contract.Subject("omp codes", PursuitCoder, **CODER),
        contract.Subject("ols codes", partial(PursuitCoder, method="ols"), **CODER),
        contract.Subject("mp codes", partial(PursuitCoder, method="mp"), **CODER),
    ]
)

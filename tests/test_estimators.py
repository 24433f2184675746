"""scikit-learn's common checks over every public estimator, found by itself; how many ran is asserted as well."""

import inspect
import re
import unittest

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import estimator_checks_generator

import sparsekit

PUBLIC = [
    thing
    for thing in (getattr(sparsekit, name) for name in sparsekit.__all__ if not name.startswith("_"))
    if inspect.isclass(thing) and issubclass(thing, BaseEstimator)
]

# Settings that run other code than the defaults.
VARIANTS = {
    "OrthogonalMatchingPursuit": [{"selection": "ols"}, {"joint": True}, {"tol": 1.0}],
    "MatchingPursuit": [{"sign": "positive"}],
    "KroneckerSBL": [{"method": "svd"}, {"method": "am"}, {"noise_variance": 0.1}],
    "PursuitCoder": [{"method": "ols"}, {"method": "mp"}],
    "PenalizedRegressor": [
        {"penalty": "scad", "alpha": 0.1},
        {"penalty": "l0", "alpha": 0.01},
        {"penalty": "l_half", "alpha": 0.1},
    ],
    "SparseBayesianRegressor": [
        {"solver": "em"},
        {"prior": "markov"},
        {"row_correlation": None},
        {"row_correlation": 0.9},
        {"row_correlation": "learn"},
        {"noise_variance": "cv", "cv": 2},
        {"noise_variance": 0.1},
    ],
    "SparsePhaseRetrieval": [{"solver": "htp"}, {"solver": "thwf"}],
    "LADLasso": [{"alpha": 0.01}],
    "SquareRootLasso": [{"alpha": 0.05}],
    "WeightedLasso": [{"alpha": 0.01}, {"alpha": 0.01, "positive": True}],
    "WeightedOMP": [
        {"loss": "squared", "alpha": 0.1},
        {"loss": "squared", "penalty": "l0", "alpha": 0.01},
        {"penalty": "l0", "alpha": 0.01},
        {"loss": "absolute", "alpha": 0.01},
    ],
    "WeightedOMPCV": [{"loss": "absolute"}],
}

# Checks that cannot pass, with the reason; one that passes fails the suite (strict xfail).
COMPLEX = {"check_complex_data": "complex data are welcome"}
LINE = "n_components=1 is a line, which has no room for branches"
EXCUSED = {
    "HyperbolicTreeEmbedding": {
        "check_dont_overwrite_parameters": LINE,
        "check_fit2d_1feature": LINE,
        "check_fit2d_1sample": LINE,
        "check_fit2d_predict1d": LINE,
        "check_fit_non_negative": "two rows of two are edges",
        "check_methods_sample_order_invariance": LINE,
        "check_methods_subset_invariance": LINE,
    },
    "KroneckerSBL": COMPLEX,
    "MatchingPursuit": COMPLEX,
    "OrthogonalMatchingPursuit": COMPLEX,
    "OrthogonalMatchingPursuitCV": COMPLEX,
    "PursuitCoder": COMPLEX,
    "SparseBayesianRegressor": COMPLEX,
    "WeightedOMP": COMPLEX,
    "WeightedOMPCV": COMPLEX,
}

# Checks that must run at least, as many as in the oldest release supported: a wrong tag makes scikit-learn leave checks
# out and look green.
MINIMUM = {
    "HyperbolicTreeEmbedding": 34,
    "KroneckerSBL": 49,
    "MatchingPursuit": 64,
    "OrthogonalMatchingPursuit": 64,
    "OrthogonalMatchingPursuitCV": 64,
    "PenalizedRegressor": 55,
    "PursuitCoder": 45,
    "SparseBayesianRegressor": 58,
    "SparsePhaseRetrieval": 56,
    "LADLasso": 52,
    "LADLassoCV": 52,
    "SquareRootLasso": 55,
    "SquareRootLassoCV": 55,
    "WeightedLasso": 55,
    "WeightedLassoCV": 55,
    "WeightedOMP": 64,
    "WeightedOMPCV": 64,
}

# The only reason to skip a check: SciPy reads this variable when it is imported, one job of the CI sets it.
SKIPPED = "SCIPY_ARRAY_API is not set"

# Instead of the defaults, under which nothing is selected from the data of some checks.
DEFAULT = {
    "HyperbolicTreeEmbedding": {"forest": True},
    "LADLasso": {"alpha": 0.03},
    "PenalizedRegressor": {"alpha": 0.1},
    "WeightedLasso": {"alpha": 0.1},
}
INSTANCES = [
    cls(**params) for cls in PUBLIC for params in (DEFAULT.get(cls.__name__, {}), *VARIANTS.get(cls.__name__, []))
]


def excused(estimator):
    real = getattr(estimator, "loss", None) == "absolute"  # welcomes no complex data
    return {} if real else EXCUSED.get(type(estimator).__name__, {})


def label(check):
    """The name and the options of a check."""
    options = ",".join(f"{name}={option}" for name, option in check.keywords.items())
    return check.func.__name__ + (f"({options})" if options else "")


def parameters():
    """What scikit-learn's own decorator makes of the instances; older releases give a check twice, and no list."""
    found = {}
    for instance in INSTANCES:
        for estimator, check in estimator_checks_generator(instance):
            reason = excused(estimator).get(check.func.__name__)
            marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
            name = f"{estimator!r}-{label(check)}"
            found[name] = pytest.param(estimator, check, marks=marks, id=name)
    return list(found.values())


@pytest.mark.filterwarnings("ignore:.* self loops were dropped")  # the diagonals of kernels
@pytest.mark.filterwarnings("ignore:No features were selected")  # nothing stands out of the noise of some checks
@pytest.mark.filterwarnings("ignore:no start led to an acceptable answer")  # no magnitudes are behind their targets
@pytest.mark.filterwarnings("ignore:.*measurements determine at most")
@pytest.mark.filterwarnings("ignore:the prior variances still change")  # by one factor of noise, slowly
@pytest.mark.filterwarnings("ignore:the noise variance cannot be learnt")  # of a handful of samples
@pytest.mark.parametrize(("estimator", "check"), parameters())
def test_scikit_learn(estimator, check):
    try:
        check(estimator)
    except unittest.SkipTest as skipped:
        if re.search(SKIPPED, str(skipped)):
            raise
        pytest.fail(f"skipped: {skipped}")


@pytest.mark.parametrize("cls", PUBLIC, ids=lambda cls: cls.__name__)
def test_number_of_checks(cls):
    checks = {label(check): check.func.__name__ for _, check in estimator_checks_generator(cls())}
    assert len(checks) - len(excused(cls())) >= MINIMUM[cls.__name__]
    assert set(excused(cls())) <= set(checks.values()), "an excused check does not exist"


def test_tables_name_public_estimators():
    assert set(MINIMUM) == {cls.__name__ for cls in PUBLIC}
    assert set(EXCUSED) | set(VARIANTS) <= set(MINIMUM)

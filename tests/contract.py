"""One robustness harness for every estimator of the house.

A room describes an estimator once and gets one test per (estimator, check):

    test_contract = contract.parametrize([
        contract.Subject("Lasso", Lasso, sparse=True, sample_weight=True, checks=80),
    ])

What a description claims is checked in both directions: a capability that is not claimed must be refused or absent, a
check that compares nothing fails, and `checks` states how many must apply. An excused check carries its reason and
fails the suite as soon as it passes.

Documented errors and warnings (`refuses`, `warns`) are the only ones that an unusual but valid input may cause.
"""

import contextlib
import copy
import io
import os
import pickle
import re
import sys
import tempfile
import threading
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from unittest import mock

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse.linalg import LinearOperator
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_info, threadpool_limits

ROUNDING = 1e-9  # relative to the largest entry: other layouts may sum in another order
EXAMPLES = 50  # per Hypothesis check


def linear_problem(rng, n_samples, n_features, dtype):
    """y = X w + noise, w sparse; whole numbers, so that int8 to float64 hold the same data."""

    def noise(*shape):
        values = rng.standard_normal(shape)
        return values + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else values

    def whole(values):
        return np.round(8 * values).astype(dtype)

    X = noise(n_samples, n_features)
    w = np.where(np.arange(n_features) % 3 == 0, 2.0 + np.arange(n_features), 0.0)
    return whole(X), whole(X @ w + 0.3 * noise(n_samples))


def signal_problem(rng, n_samples, n_features, dtype):
    """Rows to be coded: the same without a target."""
    return linear_problem(rng, n_samples, n_features, dtype)[0], None


def linear_answer(estimator, X):
    """What a linear regressor answers."""
    return {"coef_": estimator.coef_, "intercept_": estimator.intercept_, "predict": estimator.predict(X)}


LINEAR_SCALING = {"coef_": (-1, 1), "intercept_": (0, 1), "predict": (0, 1)}


@st.composite
def linear_examples(draw, elements):
    """(X, y) of any small shape, with few distinct values: ties, duplicates and constants are common."""
    n_samples, n_features = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    values = st.sampled_from(draw(st.lists(elements, min_size=1, max_size=4, unique_by=repr)))
    return draw(arrays(float, (n_samples, n_features), elements=values)), draw(
        arrays(float, n_samples, elements=values)
    )


@dataclass(frozen=True)
class Subject:
    """An estimator as the harness sees it."""

    name: str
    factory: Callable  # factory(**params) -> estimator, seeded
    checks: int  # at least so many must apply
    problem: Callable = linear_problem  # (rng, n_samples, n_features, dtype) -> X, y; y None without a target
    answer: Callable = linear_answer  # (estimator, X) -> {name: array or sparse array}: all that defines the answer
    scaling: Mapping = field(default_factory=lambda: LINEAR_SCALING)  # name -> powers of the units of X and of y
    verify: Callable | None = None  # (estimator, X, y): a certificate; raises AssertionError when it does not hold
    examples: Callable = linear_examples  # strategy of element values -> strategy of (X, y)
    admissible: Callable = lambda y: y  # brings any target into the estimator's domain
    sparse: bool = False
    complex: bool = False
    linear_operator: bool = False
    sample_weight: bool = False
    feature_weights: bool = False
    n_jobs: bool = False
    multi_target: bool = False
    free_features: bool = True  # a feature of weight 0 is always selected (else refused)
    independent_targets: bool = True  # several targets are answered one by one
    weights_count: bool = False  # the sum of the sample weights is the number of samples (else only ratios matter)
    large: tuple = (60, 30, 40)  # samples, features, targets: work for several threads
    divides: bool = True  # n_jobs > 1 divides the large problem
    bad_params: Mapping = field(default_factory=dict)  # parameter -> values that fit must refuse by name
    refuses: Sequence = ()  # regular expressions of documented errors on valid input
    warns: Sequence = ()  # the same for warnings
    excused: Mapping = field(default_factory=dict)  # check -> reason
    marks: Sequence = ()  # of pytest, on all its checks


@dataclass(frozen=True)
class Check:
    function: Callable
    case: object
    when: Callable
    marks: tuple


CHECKS: dict[str, Check] = {}


def check(*cases, when=lambda subject: True, needs=(), marks=()):
    """Register function(subject, rng[, case]) under its name, once per case; needs: (case, capability) pairs."""

    def register(function):
        name = function.__name__.replace("_", " ")
        for case in cases or (None,):
            needed = [capability for of, capability in needs if of == case]
            applies = lambda subject, needed=needed: when(subject) and capable(*needed)(subject)  # noqa: E731
            CHECKS[name if case is None else f"{name}: {case}"] = Check(function, case, applies, marks)
        return function

    return register


def supervised(subject):
    return subject.problem(np.random.default_rng(0), 4, 3, float)[1] is not None


def capable(*names):
    return lambda subject: all(getattr(subject, name) for name in names)


def applicable(subject):
    """Names of the checks that concern this estimator."""
    return [name for name, each in CHECKS.items() if each.when(subject)]


COMPARISONS = Counter()


def run(subject, name):
    """One check; an AssertionError tells what is wrong."""
    before, each = COMPARISONS.total(), CHECKS[name]
    rng = np.random.default_rng(zlib.crc32(f"{subject.name} {name}".encode()))
    each.function(subject, rng, *(() if each.case is None else (each.case,)))
    assert COMPARISONS.total() > before, f"{name} compared nothing"


def parametrize(subjects):
    """The test function of a room: one parameter per (estimator, check)."""
    assert len({subject.name for subject in subjects}) == len(subjects), "two descriptions share a name"
    parameters = []
    for subject in subjects:
        names = applicable(subject)
        unknown = set(subject.excused) - set(names)
        assert not unknown, f"{subject.name}: excused checks that do not apply: {sorted(unknown)}"
        for name in names:
            marks = [*CHECKS[name].marks, *subject.marks]
            if name in subject.excused:
                marks.append(pytest.mark.xfail(strict=True, reason=subject.excused[name]))
            parameters.append(pytest.param(subject, name, marks=marks, id=f"{subject.name}-{name}"))

    @pytest.mark.parametrize(("subject", "name"), parameters)
    def test_contract(subject, name):
        run(subject, name)

    return test_contract


# ---------------------------------------------------------------- helpers


def expect(condition, message):
    COMPARISONS["all"] += 1
    assert condition, message


def dense(value):
    return value.toarray() if sp.issparse(value) else np.asarray(value)


def same(got, want, rtol=0.0, what="the answer"):
    """The same names, shapes and values; bit for bit unless rtol (of the largest entry) is given."""
    expect(got.keys() == want.keys(), f"{what}: {sorted(got)} against {sorted(want)}")
    for key in want:
        a, b = dense(got[key]), dense(want[key])
        expect(a.shape == b.shape, f"{what}: {key} has shape {a.shape}, expected {b.shape}")
        if rtol == 0.0:
            np.testing.assert_array_equal(a, b, err_msg=f"{what}: {key}")
        else:
            unit = np.abs(b).max(initial=0.0)
            np.testing.assert_allclose(
                a / unit if unit else a, b / unit if unit else b, rtol=0, atol=rtol, err_msg=f"{what}: {key}"
            )


def finite(answer):
    for key, value in answer.items():
        expect(np.isfinite(dense(value)).all(), f"{key} is not finite: {dense(value)}")


@contextlib.contextmanager
def quiet(subject):
    """Only documented warnings, and never a RuntimeWarning."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
    for each in seen:
        known = any(re.search(pattern, str(each.message)) for pattern in subject.warns)
        runtime = issubclass(each.category, RuntimeWarning)
        assert known and not runtime, f"undocumented {each.category.__name__}: {each.message}"


def fit(subject, X, y=None, params=None, **fit_params):
    with quiet(subject):
        return subject.factory(**(params or {})).fit(*((X,) if y is None else (X, y)), **fit_params)


def solve(subject, X, y=None, params=None, **fit_params):
    """The answer for X, y, with the queries in the same form as the training data."""
    estimator = fit(subject, X, y, params, **fit_params)
    with quiet(subject):
        return subject.answer(estimator, X)


def attempt(subject, X, y, certify=True):
    """A finite, certified answer, or None after a documented error."""
    try:
        estimator = fit(subject, X, y)
        with quiet(subject):
            answer = subject.answer(estimator, X)
    except (ValueError, TypeError) as error:
        documented = any(re.search(pattern, str(error)) for pattern in subject.refuses)
        expect(documented, f"undocumented {type(error).__name__} on valid input: {error}\nX = {X!r}\ny = {y!r}")
        return None
    finite(answer)
    if certify and subject.verify is not None:
        subject.verify(estimator, X, y)
    return answer


def refused(action, pattern, what):
    """A ValueError or TypeError whose message says what is wrong."""
    try:
        action()
    except (ValueError, TypeError) as error:
        expect(re.search(pattern, str(error)), f"{what}: the message does not match {pattern!r}: {error}")
    else:
        expect(False, f"{what} was accepted")


def small(subject, rng, dtype=float):
    return subject.problem(rng, 24, 10, dtype)


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


# ---------------------------------------------------------------- what is claimed


@check()
def count(subject, rng):
    expect(len(applicable(subject)) >= subject.checks, f"{len(applicable(subject))} checks apply, not {subject.checks}")


@check()
def capabilities(subject, rng):
    """What is not claimed is refused or absent: a wrong description cannot hide a missing check."""
    X, y = small(subject, rng)
    tags, params = get_tags(subject.factory()), subject.factory().get_params()
    expect(tags.input_tags.sparse == subject.sparse, "the tag for sparse input differs from the description")
    expect(has_fit_parameter(subject.factory(), "sample_weight") == subject.sample_weight, "sample_weight")
    for name in ("feature_weights", "n_jobs"):
        expect((name in params) == getattr(subject, name), f"parameter {name} and the description differ")
    if y is not None:
        expect(tags.target_tags.multi_output == subject.multi_target, "the tag for several targets differs")
    if not subject.sparse:
        refused(lambda: fit(subject, sp.csr_array(X), y), "[Ss]parse", "sparse X")
    if not subject.complex:
        refused(lambda: fit(subject, X + 1j, y), "[Cc]omplex", "complex X")
    if not subject.linear_operator:
        refused(lambda: fit(subject, matrix_free(X), y), "X|LinearOperator", "an operator")


# ---------------------------------------------------------------- layouts and types


def strided(A):
    B = (
        np.full([2 * n for n in A.shape], np.nan).astype(A.dtype)
        if A.dtype.kind in "fc"
        else np.zeros([2 * n for n in A.shape], A.dtype)
    )
    every_second = (slice(None, None, 2),) * A.ndim
    B[every_second] = A
    return B[every_second]


def backwards(A):
    flipped = (slice(None, None, -1),) * A.ndim
    return np.ascontiguousarray(A[flipped])[flipped]


def read_only(A):
    A = A.copy()
    A.flags.writeable = False
    return A


def memory_mapped(A):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        joblib.dump(A, f"{folder}/array")
        return joblib.load(f"{folder}/array", mmap_mode="r")


def unaligned(A):
    bytes_ = np.empty(A.nbytes + 1, np.uint8)
    B = np.ndarray(A.shape, A.dtype, bytes_[1:])
    B[...] = A
    return B


def frame(A):
    pandas = pytest.importorskip("pandas")
    return pandas.Series(A) if A.ndim == 1 else pandas.DataFrame(A, columns=[f"x{j}" for j in range(A.shape[1])])


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "negative strides": backwards,
    "read-only": read_only,
    "read-only Fortran": lambda A: read_only(A.T).T,
    "memory-mapped": memory_mapped,
    "unaligned": unaligned,
    "swapped bytes": lambda A: A.astype(A.dtype.newbyteorder()),
    "frame": frame,
    "lists": lambda A: A.tolist(),
    "objects": lambda A: A.astype(object),
    "int64": lambda A: A.astype(np.int64),
    "int8": lambda A: np.clip(A, -128, 127).astype(np.int8),
    "int objects": lambda A: A.astype(np.int64).astype(object),
    "float16": lambda A: A.astype(np.float16),
    "long double": lambda A: A.astype(np.longdouble),
}


@check(*LAYOUTS)
def layout(subject, rng, case):
    X, y = (A if A is None else LAYOUTS[case](A) for A in small(subject, rng))
    plain = [A if A is None else np.array(A, dtype=float, order="C") for A in (X, y)]
    same(solve(subject, X, y), solve(subject, *plain), ROUNDING)


@check("Fortran", "strided", "negative strides", "read-only", "unaligned", "swapped bytes", when=capable("complex"))
def complex_layout(subject, rng, case):
    X, y = small(subject, rng, complex)
    same(solve(subject, *(A if A is None else LAYOUTS[case](A) for A in (X, y))), solve(subject, X, y), ROUNDING)


def keeps(subject, rng, single, double):
    X, y = small(subject, rng, double)
    got = solve(subject, X.astype(single), None if y is None else y.astype(single))
    want = solve(subject, X, y)
    for key, value in got.items():
        if np.ndim(value) or sp.issparse(value):
            kept = single if want[key].dtype.kind == "c" else np.finfo(single).dtype
            expect(value.dtype == kept, f"{key} is {value.dtype} for {np.dtype(single)} input")
    same(got, want, 1e-3)  # single precision, condition number below 100


@check()
def float32_stays(subject, rng):
    keeps(subject, rng, np.float32, np.float64)


@check(when=capable("complex"))
def complex64_stays(subject, rng):
    keeps(subject, rng, np.complex64, np.complex128)


@check(when=capable("complex"))
def complex_without_imaginary_part_is_real(subject, rng):
    X, y = small(subject, rng)
    got = solve(subject, X.astype(complex), None if y is None else y.astype(complex))
    same(got, solve(subject, X, y), ROUNDING)


@check(when=capable("complex"))
def complex_is_certified(subject, rng):
    for shape in ((4, 1), (6, 9), (24, 10)):
        expect(attempt(subject, *subject.problem(rng, *shape, complex)) is not None, f"refused complex {shape}")


def unsorted(X):
    """CSR with the entries of each row in falling order, one of them split in two, and a stored zero."""
    X = sp.csr_array(X)
    rows = [slice(*ends) for ends in pairwise(X.indptr)]
    data, columns = ([A[row][::-1] for row in rows] for A in (X.data, X.indices))
    data[0] = np.concatenate([data[0][:1] - 1, data[0][1:], [1, 0]])
    columns[0] = np.concatenate([columns[0], columns[0][[0, 0]]])
    starts = np.concatenate([[0], np.cumsum([len(row) for row in data])])
    return sp.csr_array((np.concatenate(data), np.concatenate(columns), starts), shape=X.shape)


def long_indices(X):
    X = sp.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def read_only_csr(X):
    X = sp.csr_array(X)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    return X


SPARSE = {each.__name__: each for each in (
    sp.csr_array, sp.csc_array, sp.coo_array, sp.lil_array, sp.dok_array, sp.bsr_array, sp.dia_array,
    sp.csr_matrix, sp.csc_matrix, sp.coo_matrix, unsorted, long_indices, read_only_csr,
)}  # fmt: skip


def holes(subject, rng, dtype=float):
    """A small problem, two thirds of X zero."""
    X, y = small(subject, rng, dtype)
    X = np.where(rng.random(X.shape) < 1 / 3, X, 0)
    X[0, :2] = 3
    return X, y


@check(*SPARSE, when=capable("sparse"))
def sparse(subject, rng, case):
    X, y = holes(subject, rng)
    same(solve(subject, SPARSE[case](X), y), solve(subject, X, y), ROUNDING, "sparse against dense")


@check("empty rows and columns", "single", "int", "bool", when=capable("sparse"))
def sparse_content(subject, rng, case):
    X, y = holes(subject, rng)
    X[:, 3], X[5] = 0, 0
    if case == "single":
        got = solve(subject, sp.csr_array(X.astype(np.float32)), None if y is None else y.astype(np.float32))
        for key, value in got.items():
            expect(not np.ndim(value) or value.dtype == np.float32, f"{key} is {value.dtype}")
        same(got, solve(subject, X, y), 1e-3)
        return
    X = (X != 0).astype(float) if case == "bool" else X
    kind = {"int": np.int32, "bool": bool}.get(case, float)
    same(solve(subject, sp.csr_array(X.astype(kind)), y), solve(subject, X, y), ROUNDING)


@check(when=capable("sparse", "complex"))
def sparse_complex(subject, rng):
    X, y = holes(subject, rng, complex)
    same(solve(subject, sp.csr_array(X), y), solve(subject, X, y), ROUNDING)


@check(when=capable("sparse", "sample_weight"))
def sparse_weighted(subject, rng):
    X, y = holes(subject, rng)
    s = rng.integers(0, 4, len(X)).astype(float)
    got = solve(subject, sp.csc_array(X), y, sample_weight=s)
    same(got, solve(subject, X, y, sample_weight=s), ROUNDING)


def matrix_free(X):
    """X as products with vectors only."""
    return LinearOperator(
        X.shape, matvec=lambda v: X @ v.ravel(), rmatvec=lambda v: X.conj().T @ v.ravel(), dtype=X.dtype
    )


@check(
    "real", "complex", "single", "weighted",
    when=capable("linear_operator"), needs=[("complex", "complex"), ("weighted", "sample_weight")],
)  # fmt: skip
def operator(subject, rng, case):
    X, y = small(subject, rng, {"complex": complex, "single": np.float32}.get(case, float))
    options = {"sample_weight": rng.random(len(X))} if case == "weighted" else {}
    rtol = 1e-3 if case == "single" else ROUNDING
    same(solve(subject, matrix_free(X), y, **options), solve(subject, X, y, **options), rtol)


# ---------------------------------------------------------------- refusals

BAD_X = {
    "NaN": (lambda X: changed(X, (1, 1), np.nan), r"\bX\b.*NaN"),
    "inf": (lambda X: changed(X, (1, 1), np.inf), r"\bX\b.*inf"),
    "-inf": (lambda X: changed(X, (-1, -1), -np.inf), r"\bX\b.*inf"),
    "NaN in float32": (lambda X: changed(X.astype(np.float32), (1, 1), np.nan), r"\bX\b.*NaN"),
    "None objects": (lambda X: changed(X.astype(object), (1, 1), None), "NaN|NoneType"),
    "words": (lambda X: changed(X.astype(object), (1, 1), "a"), r"\bX\b|convert|numeric"),
    "strings": (lambda X: np.full(X.shape, "a"), r"\bX\b|convert|numeric|strings"),
    "no rows": (lambda X: X[:0], "0 sample"),
    "no columns": (lambda X: X[:, :0], "0 feature"),
    "1-d": (lambda X: X[:, 0], "2D array|2-d"),
    "scalar": (lambda X: 1.0, "2D array|2-d"),
    "3-d": (lambda X: X[..., None] + np.zeros(2), "dim 3|3-d|2D"),
    "ragged": (lambda X: [[1.0, 2.0], [1.0]], "X|inhomogeneous"),
    "None": (lambda X: None, "X|2D array"),
    "a dictionary": (lambda X: {"a": 1}, "X|2D array|dict"),
}
BAD_Y = {
    "NaN": (lambda y: changed(y, 1, np.nan), r"\by\b.*NaN"),
    "inf": (lambda y: changed(y, 1, np.inf), r"\by\b.*inf"),
    "words": (lambda y: np.array(["a"] * len(y)), r"\by\b|convert|numeric|strings"),
    "too short": (lambda y: y[:-1], r"inconsistent|\by\b"),
    "too long": (lambda y: np.append(y, 1.0), r"inconsistent|\by\b"),
    "empty": (lambda y: y[:0], r"inconsistent|\by\b|0 sample"),
    "3-d": (lambda y: y[:, None, None], r"\by\b|dim 3|3-d"),
    "scalar": (lambda y: 1.0, r"\by\b|1D|1d|Singleton|scalar"),
    "None": (lambda y: None, r"\by\b"),
}
BAD_WEIGHTS = {
    "NaN": lambda w: changed(w, 0, np.nan),
    "negative": lambda w: changed(w, 0, -1.0),
    "too short": lambda w: w[:-1],
    "too long": lambda w: np.append(w, 1.0),
    "2-d": lambda w: w[:, None] + np.zeros(2),
    "words": lambda w: np.array(["a"] * len(w)),
}


@check(*BAD_X)
def bad_X(subject, rng, case):
    X, y = small(subject, rng)
    change, pattern = BAD_X[case]
    refused(lambda: fit(subject, change(X), y), pattern, f"X with {case}")


@check(*BAD_Y, when=supervised)
def bad_y(subject, rng, case):
    X, y = small(subject, rng)
    change, pattern = BAD_Y[case]
    refused(lambda: subject.factory().fit(X, change(y)), pattern, f"y with {case}")


@check(when=lambda subject: supervised(subject) and not subject.multi_target)
def several_targets_are_refused(subject, rng):
    X, y = small(subject, rng)
    refused(lambda: fit(subject, X, np.column_stack([y, y])), r"\by\b", "a 2-d target")


@check(*BAD_WEIGHTS, "inf", "all zero", when=capable("sample_weight"))
def bad_sample_weight(subject, rng, case):
    X, y = small(subject, rng)
    more = {"inf": lambda s: changed(s, 0, np.inf), "all zero": np.zeros_like}
    s = (BAD_WEIGHTS | more)[case](np.ones(len(X)))
    pattern = "(?i)sample.?weight|convert" if case == "words" else "(?i)sample.?weight"
    refused(lambda: fit(subject, X, y, sample_weight=s), pattern, f"sample_weight with {case}")


@check(*BAD_WEIGHTS, when=capable("feature_weights"))
def bad_feature_weights(subject, rng, case):
    X, y = small(subject, rng)
    weights = BAD_WEIGHTS[case](np.ones(X.shape[1]))
    pattern = "feature_weights|convert" if case == "words" else "feature_weights"
    refused(lambda: fit(subject, X, y, {"feature_weights": weights}), pattern, f"feature_weights with {case}")


@check(when=capable("bad_params"))
def bad_parameters(subject, rng):
    """Refused in fit, by name, with the value received or its type."""
    X, y = small(subject, rng)
    faults = []
    for name, values in subject.bad_params.items():
        for value in values:
            pattern = rf"(?s)(?=.*\b{name}\b).*({re.escape(str(value))}|{type(value).__name__})"
            try:
                refused(lambda name=name, value=value: fit(subject, X, y, {name: value}), pattern, f"{name}={value!r}")
            except Exception as fault:  # noqa: BLE001  all of them are wanted
                faults.append(str(fault).partition("\n")[0])
    expect(not faults, "; ".join(faults))


def queries(estimator):
    names = ("predict", "transform", "predict_proba", "decision_function", "kneighbors")
    return [getattr(estimator, name) for name in names if hasattr(estimator, name)]


@check()
def bad_queries(subject, rng):
    """After fit: another width, NaN; before fit: NotFittedError."""
    X, y = small(subject, rng)
    for query in queries(fit(subject, X, y)):
        refused(lambda query=query: query(X[:, :-1]), "features", f"{query.__name__} with a column less")
        refused(lambda query=query: query(changed(X, (0, 0), np.nan)), r"\bX\b.*NaN", f"{query.__name__} with NaN")
        refused(lambda query=query: query(X[0]), "2D array|2-d", f"{query.__name__} with a vector")
    for query in queries(subject.factory()):
        with pytest.raises(NotFittedError):
            query(X)


# ---------------------------------------------------------------- degenerate and extreme data

EDGES = {
    "1 x 1": (1, 1, None),
    "single row": (1, 7, None),
    "single column": (12, 1, None),
    "two rows": (2, 3, None),
    "more columns than rows": (5, 14, None),
    "constant columns": (12, 6, lambda X, y: X.__setitem__((slice(None), [1, 4]), 3.0)),
    "columns of 0.1": (11, 6, lambda X, y: X.__setitem__((slice(None), [1, 4]), 0.1)),
    "only columns of 0.1": (12, 3, lambda X, y: X.__setitem__(slice(None), 0.1)),
    "far from zero": (13, 6, lambda X, y: X.__iadd__(1e6 / 3)),
    "only constant columns": (12, 3, lambda X, y: X.__setitem__(slice(None), 3.0)),
    "zero columns": (12, 6, lambda X, y: X.__setitem__((slice(None), [0, 3]), 0.0)),
    "zero X": (6, 4, lambda X, y: X.fill(0.0)),
    "duplicate columns": (12, 6, lambda X, y: X.__setitem__((slice(None), [3, 4]), X[:, [0, 0]])),
    "opposite columns": (12, 6, lambda X, y: X.__setitem__((slice(None), 3), -X[:, 0])),
    "nearly equal columns": (12, 6, lambda X, y: X.__setitem__((slice(None), 3), X[:, 0] * (1 + 2**-50))),
    "dependent columns": (12, 6, lambda X, y: X.__setitem__((slice(None), 5), X[:, 0] - 2 * X[:, 1])),
    "duplicate rows": (12, 6, lambda X, y: X.__setitem__(slice(None), X[:1])),
}
TARGETS = {
    "zero": lambda X, y: np.zeros_like(y),
    "constant": lambda X, y: np.full_like(y, 3.0),
    "constant 0.1": lambda X, y: np.full_like(y, 0.1),
    "one column": lambda X, y: X[:, 0].copy(),
    "one entry": lambda X, y: np.where(np.arange(len(y)) == 2, 5.0, 0.0),
    "orthogonal to X": lambda X, y: y - X @ np.linalg.lstsq(X, y)[0],
}


@check(*EDGES)
def edge(subject, rng, case):
    n_samples, n_features, change = EDGES[case]
    X, y = subject.problem(rng, n_samples, n_features, float)
    if change is not None:
        change(X, y)
    attempt(subject, X, y)
    attempt(subject, X.astype(np.float32), None if y is None else y.astype(np.float32), certify=False)


@check(*TARGETS, when=supervised)
def target(subject, rng, case):
    X, y = small(subject, rng)
    y = subject.admissible(TARGETS[case](X, y))
    expect(attempt(subject, X, y) is not None, "refused")
    if subject.multi_target:
        expect(attempt(subject, X, np.column_stack([y, X[:, 1], y]), certify=False) is not None, "refused")


def units(subject, answer, which, factor):
    powers = {name: power[which] for name, power in subject.scaling.items()}
    return {name: dense(value) * {-1: 1 / factor, 0: 1.0, 1: factor}[powers[name]] for name, value in answer.items()}


def scales(subject):
    return bool(subject.scaling)


def scaled(subject, rng, case):
    name, exponent = case.split(" * 2^")
    X, y = small(subject, rng)
    factor, which = 2.0 ** int(exponent), "Xy".index(name)
    if which == 1 and y is None:
        return None, None
    data = (X * factor, y) if which == 0 else (X, y * factor)
    return attempt(subject, *data, certify=False), units(subject, solve(subject, X, y), which, factor)


@check(*(f"X * 2^{e}" for e in (-200, -40, 40, 200)), when=scales)
def scale(subject, rng, case):
    """A power of two changes no digit of the answer."""
    got, want = scaled(subject, rng, case)
    expect(got is not None, "refused a moderate scale")
    same(got, want)


@check(*(f"X * 2^{e}" for e in (-996, -498, 498, 996)), when=scales)
def extreme(subject, rng, case):
    """1e-300, 1e-150, 1e150 and 1e300: right (squares may lose digits) or refused, never silently wrong."""
    got, want = scaled(subject, rng, case)
    if got is not None:
        same(got, want, 1e-6)


check(*(f"y * 2^{e}" for e in (-200, -40, 40, 200)), when=lambda s: scales(s) and supervised(s))(scale)
check(*(f"y * 2^{e}" for e in (-996, -498, 498, 996)), when=lambda s: scales(s) and supervised(s))(extreme)


@check(when=supervised)
def columns_of_many_sizes(subject, rng):
    X, y = small(subject, rng)
    attempt(subject, X * 10.0 ** np.linspace(-150, 150, X.shape[1]), y, certify=False)


PLAIN = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 0.1, 1 / 3])
HOSTILE = st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 5e-324, 2.3e-308, 1e-300, -1e-150, 1e-8, 1 + 2**-52, 1e8, 1e150, -1e300, 1.7e308]
)


def explore(subject, elements, certify):
    answers = [0, 0]

    @settings(
        derandomize=True, database=None, deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck)
    )
    @given(subject.examples(elements))
    def attempts(example):
        X, y = example
        answers[attempt(subject, X, y if supervised(subject) else None, certify) is None] += 1

    attempts()
    return answers


@check()
def hypothesis_plain(subject, rng):
    """Small numbers, ties and duplicates: a certified answer, hardly ever a refusal."""
    answered, declined = explore(subject, PLAIN, True)
    expect(answered >= 2 * declined, f"{answered} answers, {declined} refusals")


@check()
def hypothesis_hostile(subject, rng):
    """Any float64: a finite answer or a documented refusal, no NaN, no RuntimeWarning."""
    answered, declined = explore(subject, HOSTILE, False)
    expect(answered > 0, f"nothing but {declined} refusals")


@check("plain", "rows of many sizes")
def any_batch(subject, rng, case):
    """A row is answered alone as in company."""
    X, y = small(subject, rng)
    estimator = fit(subject, X, y)
    X = X if case == "plain" else X * 10.0 ** np.linspace(-150, 150, len(X))[:, None]
    for query in queries(estimator):
        with quiet(subject):
            together, alone = dense(query(X)), [dense(query(X[i : i + 1]))[0] for i in range(len(X))]
        for i, row in enumerate(alone):
            same({query.__name__: together[i]}, {query.__name__: row}, ROUNDING, f"row {i} in company and alone")


# ---------------------------------------------------------------- manners


def bytes_of(value):
    if sp.issparse(value):
        return [bytes_of(getattr(value, name)) for name in ("data", "indices", "indptr")]
    return value.tobytes() if isinstance(value, np.ndarray) else pickle.dumps(value)


@check("C", "Fortran", "sparse", "complex", needs=[("sparse", "sparse"), ("complex", "complex")])
def input_is_not_modified(subject, rng, case):
    X, y = small(subject, rng, complex if case == "complex" else float)
    X = {"Fortran": np.asfortranarray, "sparse": unsorted}.get(case, np.ascontiguousarray)(X)
    inputs = {"X": X} | ({} if y is None else {"y": y})
    options = {"sample_weight": rng.random(X.shape[0])} if subject.sample_weight else {}
    params = {"feature_weights": 1 + rng.random(X.shape[1])} if subject.feature_weights else {}
    before = {name: bytes_of(value) for name, value in (inputs | options | params).items()}
    with quiet(subject):
        estimator = subject.factory(**params).fit(**inputs, **options)
        for query in queries(estimator):
            query(X)
    for name, value in (inputs | options | params).items():
        expect(bytes_of(value) == before[name], f"{name} was modified")
    if subject.multi_target:
        Y = np.asfortranarray(np.column_stack([y, y[::-1]]))
        copied = Y.copy()
        fit(subject, X, Y)
        expect((copied == Y).all(), "y (several targets) was modified")


@check()
def parameters_are_not_modified(subject, rng):
    X, y = small(subject, rng)
    estimator = subject.factory()
    before = estimator.get_params(deep=False)
    stored = {name: pickle.dumps(value) for name, value in before.items()}
    estimator.fit(*((X,) if y is None else (X, y)))
    for query in queries(estimator):
        query(X)
    after = estimator.get_params(deep=False)
    expect(after.keys() == before.keys(), "the names of the parameters changed")
    for name, value in after.items():
        expect(value is before[name] and pickle.dumps(value) == stored[name], f"{name} was modified")


@check()
def fit_forgets(subject, rng):
    """Twice is once, and nothing is left of earlier data."""
    X, y = small(subject, rng)
    once = fit(subject, X, y)
    again = copy.deepcopy(once).fit(*((X,) if y is None else (X, y)))
    other_X, other_y = subject.problem(rng, 9, 5, float)
    moved = fit(subject, other_X, other_y).fit(*((X,) if y is None else (X, y)))
    for each in (again, moved):
        same(subject.answer(each, X), subject.answer(once, X))
        expect(vars(each).keys() == vars(once).keys(), "attributes differ after the second fit")


@check()
def clone_and_representation(subject, rng):
    X, y = small(subject, rng)
    estimator = fit(subject, X, y)
    copied = clone(estimator)
    expect(not any(name.endswith("_") for name in vars(copied)), "clone is fitted")
    same(subject.answer(copied.fit(*((X,) if y is None else (X, y))), X), subject.answer(estimator, X))
    expect(type(estimator).__name__ in repr(estimator), "repr does not name the class")
    expect(estimator.set_params(**estimator.get_params()) is estimator, "set_params does not return the estimator")


@check("pickle", "joblib", "joblib memory map")
def round_trip(subject, rng, case):
    X, y = small(subject, rng)
    estimator = fit(subject, X, y)
    if case == "pickle":
        copied = pickle.loads(pickle.dumps(estimator))
    elif case == "joblib":
        joblib.dump(estimator, buffer := io.BytesIO())
        copied = joblib.load(io.BytesIO(buffer.getvalue()))
    else:
        copied = memory_mapped(estimator)
    same(subject.answer(copied, X), subject.answer(estimator, X))


def plain(value):
    """NumPy and SciPy arrays, scalars, strings, None, and lists and tuples of these."""
    if isinstance(value, list | tuple):
        return all(map(plain, value))
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray and (
            value.dtype.kind in "biufcU" or all(isinstance(v, str) for v in value.flat)
        )
    return value is None or sp.issparse(value) or isinstance(value, bool | int | float | complex | str | np.generic)


@check()
def fitted_state_is_plain(subject, rng):
    X, y = small(subject, rng)
    for data in (X, frame(X)):
        estimator = fit(subject, data, y)
        for name, value in vars(estimator).items():
            if name not in estimator.get_params(deep=False):
                expect(name.endswith("_"), f"{name} is neither a parameter nor ends in an underscore")
                expect(plain(value), f"{name} is a {type(value).__name__}: {value!r}")


# ---------------------------------------------------------------- weights and targets


@check(when=capable("sample_weight"))
def sample_weights_are_repetitions(subject, rng):
    X, y = small(subject, rng)
    s = rng.integers(0, 4, len(X))
    s[:3] = 0, 1, 2
    repeated = [A if A is None else np.repeat(A, s, axis=0) for A in (X, y)]
    queried = lambda estimator: subject.answer(estimator, X)  # noqa: E731
    got = queried(fit(subject, X, y, sample_weight=s.astype(float)))
    same(got, queried(fit(subject, *repeated)), 1e-7, "weights against repeated rows")  # other order of sums
    kept = [A if A is None else A[s > 0] for A in (X, y)]
    same(got, queried(fit(subject, *kept, sample_weight=s[s > 0].astype(float))), 1e-7, "zero weights against no rows")
    same(queried(fit(subject, X, y, sample_weight=s.tolist())), got, 0.0, "a list of int weights")
    if not subject.weights_count:
        same(queried(fit(subject, X, y, sample_weight=4.0 * s)), got, ROUNDING, "four times the weights")
    ones = queried(fit(subject, X, y, sample_weight=np.ones(len(X))))
    same(ones, queried(fit(subject, X, y)), ROUNDING, "weights of one")


@check(when=capable("feature_weights"))
def feature_weights_mean_what_they_say(subject, rng):
    X, y = small(subject, rng)
    ones, none = (solve(subject, X, y, {"feature_weights": w}) for w in (np.ones(X.shape[1]), None))
    same(ones, none, ROUNDING, "weights of one")
    same(solve(subject, X, y, {"feature_weights": [1] * X.shape[1]}), none, ROUNDING, "a list of int weights")
    support = lambda w: np.atleast_2d(fit(subject, X, y, {"feature_weights": w}).coef_).any(axis=0)  # noqa: E731
    chosen = support(None)
    never = np.where(chosen, np.inf, 1.0)
    expect(chosen.any() and not support(never)[chosen].any(), "a column of infinite weight was chosen")
    free = int(np.flatnonzero(~chosen)[0])
    weights = changed(np.ones(X.shape[1]), free, 0.0)
    if subject.free_features:
        expect(support(weights)[free], "a column of weight zero was not chosen")
    else:
        refused(lambda: support(weights), "feature_weights", "a column of weight zero")
    nothing = solve(subject, X, y, {"feature_weights": np.full(X.shape[1], np.inf)})
    expect(not np.any(nothing["coef_"]), "all columns have infinite weight and yet one was chosen")


@check(when=capable("multi_target"))
def several_targets(subject, rng):
    X, y = small(subject, rng)
    Y = np.column_stack([y, y[::-1], -2 * y])
    got = fit(subject, X, Y)
    finite(subject.answer(got, X))
    expect(got.coef_.shape == (3, X.shape[1]), f"coef_ has shape {got.coef_.shape}")
    expect(got.predict(X).shape == Y.shape, f"predict gives shape {got.predict(X).shape}")
    expect(fit(subject, X, Y[:, :1]).coef_.shape == (1, X.shape[1]), "coef_ for y of shape (n, 1)")
    same(solve(subject, X, np.asfortranarray(Y)), subject.answer(got, X), ROUNDING, "Fortran targets")
    same(solve(subject, X, strided(Y)), subject.answer(got, X), ROUNDING, "strided targets")
    if subject.independent_targets:
        one_by_one = np.array([fit(subject, X, Y[:, t]).coef_ for t in range(3)])
        same({"coef_": got.coef_}, {"coef_": one_by_one}, ROUNDING, "one target at a time")


# ---------------------------------------------------------------- threads and processes


def large(subject, rng, dtype=float):
    n_samples, n_features, n_targets = subject.large
    X, y = subject.problem(rng, n_samples, n_features, dtype)
    if subject.multi_target:
        y = np.column_stack([subject.problem(rng, n_samples, n_features, dtype)[1] for _ in range(n_targets)])
    return X, y


@check(
    "float64", "float32", "sparse", "complex128",
    when=capable("n_jobs"), needs=[("sparse", "sparse"), ("complex128", "complex")],
)  # fmt: skip
def n_jobs_changes_no_bit(subject, rng, case):
    X, y = large(subject, rng, "float64" if case == "sparse" else case)
    X = sp.csr_array(X) if case == "sparse" else X
    whole = solve(subject, X, y, {"n_jobs": 1})
    tasks = Counter()

    class Counting(ThreadPoolExecutor):
        def map(self, function, work):
            tasks["all"] += len(work)
            return super().map(function, work)

    with (
        mock.patch("sparsekit.core.threads._WORK_PER_CHUNK", 1e3),  # many chunks of a problem that is solved quickly
        mock.patch("sparsekit.core.threads.ThreadPoolExecutor", Counting),
    ):
        serial = solve(subject, X, y, {"n_jobs": 1})
        for n_jobs in (None, 2, 4, -1):
            same(solve(subject, X, y, {"n_jobs": n_jobs}), serial, 0.0, f"n_jobs={n_jobs}")
    same(whole, serial, 1e-4 if case == "float32" else ROUNDING, "one chunk against many")
    expect(not subject.divides or tasks["all"] > 1, "nothing was divided: the description should name a larger problem")


def pool_sizes():
    return sorted((pool["filepath"].rpartition("/")[2], pool["num_threads"]) for pool in threadpool_info())


@check()
def python_threads(subject, rng):
    """Many threads fit and query at once, each its own data, and one shared estimator: the serial answers."""
    problems = [small(subject, rng) for _ in range(3)]
    for i in (2, 4, 6, 8):  # of different sizes, so that the threads enter and leave at different times
        X, y = large(subject, rng)
        problems.append(
            (X, y[:, ::i].copy()) if subject.multi_target else (X[::i].copy(), y if y is None else y[::i].copy())
        )
    serial = [solve(subject, *problem) for problem in problems]
    shared = fit(subject, *problems[0])
    pools = pool_sizes()
    start, faults = threading.Barrier(len(problems)), []

    def work(i):
        try:
            start.wait(60)
            X, y = problems[i]
            for _ in range(10):
                estimator = subject.factory().fit(*((X,) if y is None else (X, y)))
                for got, want in ((estimator, serial[i]), (shared, serial[0])):
                    answer = subject.answer(got, X if got is estimator else problems[0][0])
                    for key in want:
                        np.testing.assert_array_equal(dense(answer[key]), dense(want[key]), err_msg=key)
        except BaseException as fault:  # noqa: BLE001  reported by the main thread
            faults.append(fault)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    with threadpool_limits(), warnings.catch_warnings():  # puts the pools back for the checks to come
        for pattern in subject.warns:
            warnings.filterwarnings("ignore", f".*{pattern}")
        try:
            threads = [threading.Thread(target=work, args=(i,)) for i in range(len(problems))]
            for action in ("start", "join"):
                for thread in threads:
                    getattr(thread, action)()
        finally:
            sys.setswitchinterval(interval)
        after = pool_sizes()
    expect(not faults, f"{len(faults)} threads failed, the first with {faults[:1]}")
    expect(after == pools, f"thread pools were left limited: {after}, before: {pools}")


@check(when=lambda subject: hasattr(os, "fork"), marks=(pytest.mark.jit,))
def fork_after_use(subject, rng):
    """A forked worker fits and queries (with threads of its own) and ends with 0."""
    X, y = small(subject, rng)
    params = {"n_jobs": 2} if subject.n_jobs else {}
    want = solve(subject, X, y, params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:
        status = 1
        try:
            same(solve(subject, X, y, params), want)
            status = 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + 120
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.005)
    if ended[0] == 0:
        os.kill(child, 9)
        os.waitpid(child, 0)
    expect(ended == (child, 0), f"the forked child ended with {ended[1] if ended[0] else 'a deadlock'}")

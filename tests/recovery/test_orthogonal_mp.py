"""orthogonal_mp against the definition and against scikit-learn."""

import tracemalloc
import warnings
from functools import lru_cache
from itertools import combinations
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import linear_model

from sparsekit import orthogonal_mp
from tests.naive import pursuit as naive
from tests.naive.design import KINDS, SPARSE, dense, scattered

DTYPES = ["float32", "float64", "complex64", "complex128"]
K = 5
# targets, joint: 12 targets of K atoms outweigh the Gram matrix of 30 columns, 2 do not
TARGETS = [(None, False), (2, False), (12, False), (4, True)]
properties = settings(max_examples=40, deadline=None, derandomize=True)


def gaussian(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x).astype(dtype)


def problem(dtype, n_targets=None, m=24, n=30, seed=0):
    rng = np.random.default_rng(seed)
    X = gaussian(rng, (m, n), dtype) * (rng.random((m, n)) < 0.7)
    return X.astype(dtype), gaussian(rng, (m,) if n_targets is None else (m, n_targets), dtype)


def definition(X, y, n_steps, *, joint=False, tol=0.0, eps=None, **options):
    """-> path (n_features, n_targets, n_steps), coefficients after each step; a target that stopped is repeated"""
    X, Y, eps = dense(X), y.reshape(len(y), -1), eps or np.finfo(X.dtype).eps
    groups = [Y] if joint else list(Y.T)
    paths = []
    for g in groups:
        S, W, _ = naive.orthogonal_pursuit(X, dense(g), n_steps, tol=tol, eps=eps, **options)
        paths.append(naive.spread(S, W, X.shape[1]))
    steps = max(p.shape[2] for p in paths)
    return np.concatenate([np.concatenate([p] + [p[:, :, -1:]] * (steps - p.shape[2]), axis=2) for p in paths], axis=1)


@lru_cache
def expected_path(dtype, n_targets, joint, selection):
    X, y = problem(dtype, n_targets)
    return definition(X, y, K, joint=joint, selection=selection)


def assert_close(actual, expected, dtype):
    # the normal equations of K well-conditioned columns: kappa^2 < 10 times m + K < 50 roundings
    assert actual.shape == expected.shape
    assert_array_equal(actual != 0, expected != 0)
    assert_allclose(actual, expected, rtol=0, atol=500 * np.finfo(dtype).eps * np.abs(expected).max())


# ---- the definition


@pytest.mark.parametrize("with_gram", [False, True], ids=["", "gram"])
@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_definition(dtype, kind, n_targets, joint, selection, with_gram):
    X, y = problem(dtype, n_targets)
    expected = expected_path(dtype, n_targets, joint, selection)
    expected = expected[:, 0] if n_targets is None else expected
    options = {
        "n_nonzero_coefs": K,
        "selection": selection,
        "joint": joint,
        "gram": X.conj().T @ X if with_gram else None,
    }
    path = orthogonal_mp(KINDS[kind](X), y, **options, return_path=True)
    assert path.dtype == dtype
    assert_close(path, expected, dtype)
    coef = orthogonal_mp(KINDS[kind](X), y, **options)
    assert coef.dtype == dtype
    assert_close(coef, expected[..., -1], dtype)


@pytest.mark.parametrize("with_gram", [False, True], ids=["", "gram"])
@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_tol_equals_definition(dtype, n_targets, joint, selection, with_gram):
    """Targets stop at different steps; the path of those that stopped is repeated."""
    X, y = problem(dtype, n_targets, seed=1)
    if n_targets and not joint:
        y = (y * np.linspace(0.5, 2, n_targets)).astype(dtype)
    norms = naive.orthogonal_pursuit(dense(X), dense(y if joint or y.ndim == 1 else y[:, 0]), 9)[2]
    tol = norms[2] * norms[3]  # between two squared residual norms: far from both
    expected = definition(X, y, 24, tol=tol, joint=joint, selection=selection)
    expected = expected[:, 0] if n_targets is None else expected
    gram = X.conj().T @ X if with_gram else None
    path = orthogonal_mp(
        X, y, tol=tol, n_nonzero_coefs=1, selection=selection, joint=joint, gram=gram, return_path=True
    )
    counts = np.atleast_1d(np.count_nonzero(path[..., -1], axis=0))
    assert joint or n_targets is None or len(set(counts.tolist())) > 1
    # more columns than above, so the Gram matrix of those chosen is worse: kappa^2 < 1000
    assert_array_equal(path != 0, expected != 0)
    assert_allclose(path, expected, rtol=0, atol=5e4 * np.finfo(dtype).eps * np.abs(expected).max())


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("n_targets", [None, 12])
@pytest.mark.parametrize(
    ("X_dtype", "y_dtype"), [("float64", "complex128"), ("complex128", "float64"), ("float32", "float64")]
)
def test_mixed_dtypes(X_dtype, y_dtype, n_targets, selection):
    X, y = problem(X_dtype, n_targets)[0], problem(y_dtype, n_targets)[1]
    expected = definition(X, y, K, selection=selection)
    coef = orthogonal_mp(X, y, n_nonzero_coefs=K, selection=selection)
    assert np.iscomplexobj(coef) == np.iscomplexobj(expected)
    assert_close(coef, expected[:, 0, -1] if n_targets is None else expected[..., -1], X_dtype)


def test_default_is_a_tenth_of_the_columns():
    X, y = problem("float64")
    assert np.count_nonzero(orthogonal_mp(X, y)) == 3
    assert np.count_nonzero(orthogonal_mp(X[:, :9], y)) == 1


@pytest.mark.parametrize("n_targets", [1, 12])
def test_lists_and_integers(n_targets):
    rng = np.random.default_rng(0)
    X, y = rng.integers(-9, 10, (20, 8)), rng.integers(-9, 10, (20, n_targets))
    expected = orthogonal_mp(X.astype(float), y.astype(float), n_nonzero_coefs=3)
    assert_array_equal(orthogonal_mp(X.tolist(), y.tolist(), n_nonzero_coefs=3), expected)
    assert_array_equal(orthogonal_mp(X, y, n_nonzero_coefs=3), expected)


@pytest.mark.parametrize("kind", ["C", "F", "csr_array"])
@pytest.mark.parametrize("n_targets", [None, 12])
def test_read_only_input_is_read_only(kind, n_targets):
    X, y = problem("float64", n_targets)
    wrapped = KINDS[kind](X.copy())
    for array in (y, *([wrapped] if kind != "csr_array" else [wrapped.data, wrapped.indices, wrapped.indptr])):
        array.setflags(write=False)
    assert_array_equal(
        orthogonal_mp(wrapped, y, n_nonzero_coefs=K), orthogonal_mp(KINDS[kind](X), y.copy(), n_nonzero_coefs=K)
    )


def test_strided_views():
    X, y = problem("float64", 12)
    expected = orthogonal_mp(X, y, n_nonzero_coefs=K)
    wide, tall = np.repeat(X, 2, axis=1)[:, ::2], np.repeat(y, 3, axis=0)[::3]
    assert_array_equal(orthogonal_mp(wide, tall, n_nonzero_coefs=K) != 0, expected != 0)
    assert_allclose(orthogonal_mp(wide, tall, n_nonzero_coefs=K), expected, rtol=1e-12)  # BLAS may sum in another order


# ---- scikit-learn


@pytest.mark.parametrize(
    "options", [{"n_nonzero_coefs": K}, {"tol": 8.0}, {}, {"n_nonzero_coefs": K, "return_path": True}], ids=str
)
@pytest.mark.parametrize("with_gram", [False, True], ids=["", "gram"])
@pytest.mark.parametrize("n_targets", [None, 1, 3, 12])
def test_equals_scikit_learn(n_targets, with_gram, options):
    X, y = problem("float64", n_targets, seed=2)
    expected = linear_model.orthogonal_mp(X, y, precompute=with_gram, **options)
    coef = orthogonal_mp(X, y, gram=X.T @ X if with_gram else None, **options)
    if n_targets == 1:  # scikit-learn drops the axis of a single target; the values are what counts here
        coef = coef.reshape(expected.shape)
    # both solve normal equations by Cholesky: kappa^2 < 1000, 50 roundings
    assert coef.shape == expected.shape
    assert_array_equal(coef != 0, expected != 0)
    assert_allclose(coef, expected, rtol=0, atol=5e4 * np.finfo(float).eps * np.abs(expected).max())


# ---- properties


@st.composite
def problems(draw, dtypes=("float64", "complex128")):
    m, n = draw(st.integers(7, 14)), draw(st.integers(1, 14))
    X, y = problem(
        draw(st.sampled_from(dtypes)), draw(st.sampled_from([None, 2, 9])), m, n, seed=draw(st.integers(0, 9999))
    )
    return X, y, draw(st.integers(1, min(n, m - 4))), draw(st.sampled_from(["omp", "ols"])), draw(st.booleans())


def run(X, y, n_steps, selection, joint, **options):
    return orthogonal_mp(X, y, n_nonzero_coefs=n_steps, selection=selection, joint=joint, return_path=True, **options)


@properties
@given(problems())
def test_residual_is_orthogonal_to_the_chosen_columns_and_never_grows(p):
    X, y, *_ = p
    path = run(*p)
    before = np.linalg.norm(y, axis=0)
    for t in range(path.shape[-1]):
        W = path[..., t]
        R = y - X @ W
        # backward error of the normal equations: eps * kappa^2 with kappa < 1000 at these sizes
        leak = np.abs(X.conj().T @ R) * (W != 0)
        assert np.all(leak <= 1e-9 * np.linalg.norm(X, axis=0).max() * np.linalg.norm(y))
        norms = np.linalg.norm(R, axis=0)
        assert np.all(norms <= before + 1e-9 * np.linalg.norm(y))
        before = norms


@properties
@given(problems(), st.integers(-200, 200), st.integers(-200, 200))
def test_powers_of_two_scale_through(p, a, b):
    """Scaling by a power of two rounds nothing, so that every comparison comes out the same."""
    X, y, *rest = p
    scaled = run(X * 2.0**a, y * 2.0**b, *rest)
    plain = run(X, y, *rest)
    assert_array_equal(scaled != 0, plain != 0)
    assert_allclose(
        scaled * 2.0 ** (a - b), plain, rtol=1e-9
    )  # a summation order may depend on the alignment of the copy


@properties
@given(problems(), st.randoms(use_true_random=False))
def test_permuted_columns_permute_the_answer(p, random):
    X, y, *rest = p
    order = random.sample(range(X.shape[1]), X.shape[1])
    path, permuted = run(X, y, *rest), run(X[:, order], y, *rest)
    assert_array_equal(permuted != 0, path[order] != 0)
    assert_allclose(permuted, path[order], rtol=0, atol=1e-9 * np.abs(path).max())  # eps * kappa^2, kappa < 1000


@properties
@given(problems(), st.sampled_from([k for k in KINDS if k != "C"]))
def test_the_form_of_the_input_does_not_matter(p, kind):
    X, y, *rest = p
    path, other = run(X, y, *rest), run(KINDS[kind](X), y, *rest)
    assert_array_equal(other != 0, path != 0)
    assert_allclose(other, path, rtol=0, atol=1e-9 * np.abs(path).max())  # eps * kappa^2, kappa < 1000


@properties
@given(problems())
def test_gram_and_single_targets_change_nothing(p):
    X, y, n_steps, selection, joint = p
    path = run(*p)
    others = [run(*p, gram=X.conj().T @ X)]
    if y.ndim == 2 and not joint:
        others.append(np.stack([run(X, column, n_steps, selection, False) for column in y.T], axis=1))
    for other in others:
        assert_array_equal(other != 0, path != 0)
        assert_allclose(other, path, rtol=0, atol=1e-9 * np.abs(path).max())  # eps * kappa^2, kappa < 1000


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), [(1, False), (1, True), (8, False)])
def test_joint_of_one_target_is_the_plain_pursuit(n_targets, joint, selection):
    """Equal targets: the joint support is that of each of them."""
    X, y = problem("float64")
    Y = np.repeat(y[:, None], 8, axis=1)
    alone = orthogonal_mp(X, y, n_nonzero_coefs=K, selection=selection)
    together = orthogonal_mp(X, Y, n_nonzero_coefs=K, selection=selection, joint=True)
    assert_close(together, np.repeat(alone[:, None], 8, axis=1), "float64")
    several = orthogonal_mp(X, Y[:, :n_targets], n_nonzero_coefs=K, selection=selection, joint=joint)
    assert_close(several.reshape(30, -1), np.repeat(alone[:, None], n_targets, axis=1), "float64")


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@mock.patch("sparsekit.core.threads._WORK_PER_CHUNK", 1e3)  # several chunks of a small problem
@mock.patch("sparsekit.recovery.batch_omp._BLOCK", 1)
def test_same_bits_for_any_n_jobs(dtype, joint, selection):
    X, y = problem(dtype, 60)
    results = [
        orthogonal_mp(X, y, n_nonzero_coefs=K, selection=selection, joint=joint, n_jobs=n) for n in (None, 1, 2, 4)
    ]
    for other in results[1:]:
        assert_array_equal(other, results[0])


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("options", [{"n_nonzero_coefs": 6}, {"tol": 8.0}], ids=str)
def test_same_bits_for_any_n_jobs_over_many_chunks(options, selection):
    X, y = problem("float64", 6000, m=32, n=96)
    results = [orthogonal_mp(X, y, selection=selection, n_jobs=n, **options) for n in (1, 2, 4)]
    assert_array_equal(results[1], results[0])
    assert_array_equal(results[2], results[0])


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("n_targets", [25, 160])
def test_targets_may_come_in_any_batches(n_targets, selection):
    X, y = problem("float64", n_targets)
    whole = orthogonal_mp(X, y, n_nonzero_coefs=K, selection=selection)
    for cuts in ([1], [7, 8, 20], range(5, n_targets, 5)):
        parts = [orthogonal_mp(X, part, n_nonzero_coefs=K, selection=selection) for part in np.split(y, cuts, axis=1)]
        assert_close(
            np.concatenate([part.reshape(30, -1) for part in parts], axis=1), whole, "float64"
        )  # equal bits are not promised


# ---- ties, dependent and zero columns


def duplicated(integer, n_targets):
    """Each of 10 columns four times: every choice is a tie among j, j + 10, j + 20, j + 30."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((23, 10))
    y = rng.standard_normal((23,) if n_targets is None else (23, n_targets))
    if integer:
        X, y = np.rint(5 * X), np.rint(5 * y)
    return np.tile(X, 4), y


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("integer", [True, False], ids=["integer", "real"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("kind", KINDS)
def test_of_equal_columns_the_first_is_taken(kind, n_targets, joint, integer, selection):
    X, y = duplicated(integer, n_targets)
    coef = orthogonal_mp(KINDS[kind](X), y, n_nonzero_coefs=6, selection=selection, joint=joint)
    assert_array_equal(coef[10:], 0)
    assert_array_equal(np.count_nonzero(coef, axis=0), 6)
    expected = definition(X[:, :10], y, 6, selection=selection, joint=joint)
    assert_close(coef[:10], expected[:, 0, -1] if n_targets is None else expected[..., -1], "float64")


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dependent_columns_are_passed_over(dtype, n_targets, joint, selection):
    """Six columns, their sums and differences: six of the 24 enter, and the pursuit stops with the best fit."""
    rng = np.random.default_rng(4)
    basis, pairs = gaussian(rng, (20, 6), dtype), rng.permutation(list(combinations(range(6), 2)))[:9]
    mixed = [basis[:, i] + sign * basis[:, j] for i, j in pairs for sign in (1, -1)]
    X = (np.column_stack([basis, *mixed])[:, rng.permutation(24)] * rng.uniform(0.5, 2, 24)).astype(dtype)
    y = gaussian(rng, (20,) if n_targets is None else (20, n_targets), dtype)
    coef = orthogonal_mp(X, y, n_nonzero_coefs=15, selection=selection, joint=joint)
    assert np.all(np.count_nonzero(coef, axis=0) == 6)
    best = naive.refit(dense(basis), dense(y.reshape(20, -1)), list(range(6)))[1]
    residual = dense(y).reshape(20, -1) - dense(X) @ dense(coef).reshape(24, -1)
    # rounding X to its dtype moves the span by eps, the choice of six columns multiplies that by kappa < 100
    assert_allclose(np.linalg.norm(residual, axis=0), np.linalg.norm(best, axis=0), rtol=1e3 * np.finfo(dtype).eps)


@pytest.mark.parametrize("with_gram", [False, True], ids=["", "gram"])
@pytest.mark.parametrize(("selection", "first"), [("omp", 0), ("ols", 1)])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
def test_next_best_is_taken_instead_of_a_dependent_column(n_targets, joint, selection, first, with_gram):
    """Columns 0 and 1 are 1e-7 apart: the second to be asked has the larger score, 100 against 1, and is refused."""
    X, y = np.zeros((6, 3)), np.zeros(6)
    X[0, 0], X[0, 1], X[5, 1], X[1, 2] = 1000, 1, 1e-7, 1
    y[[0, 1, 5]] = 1, 1, 1e9
    Y = y if n_targets is None else np.repeat(y[:, None], n_targets, axis=1)
    gram = X.T @ X if with_gram else None
    path = orthogonal_mp(X, Y, n_nonzero_coefs=3, selection=selection, joint=joint, gram=gram, return_path=True)
    for target in path.reshape(3, -1, path.shape[-1]).transpose(1, 2, 0):
        assert_array_equal(np.flatnonzero(target[0]), [first])
        assert_array_equal(np.flatnonzero(target[-1]), sorted([first, 2]))


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("kind", KINDS)
def test_zero_columns_are_never_selected(kind, n_targets, joint, selection):
    X, y = problem("float64", n_targets)
    X[:, ::3] = 0
    coef = orthogonal_mp(KINDS[kind](X), y, n_nonzero_coefs=20, selection=selection, joint=joint)
    assert np.all(np.isfinite(coef))
    assert_array_equal(coef[::3], 0)
    assert np.all(np.count_nonzero(coef, axis=0) == 20)


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("what", ["y = 0", "X = 0", "orthogonal"])
@pytest.mark.parametrize("with_gram", [False, True], ids=["", "gram"])
def test_nothing_to_find_gives_zeros(n_targets, joint, selection, what, with_gram):
    X, y = problem("float64", n_targets)
    if what == "y = 0":
        y[:] = 0
    elif what == "X = 0":
        X[:] = 0
    else:
        X[12:], y[:12] = 0, 0
    coef = orthogonal_mp(X, y, n_nonzero_coefs=4, selection=selection, joint=joint, gram=X.T @ X if with_gram else None)
    assert_array_equal(coef, np.zeros((30,) if n_targets is None else (30, n_targets)))


@pytest.mark.parametrize("selection", ["omp", "ols"])
def test_one_zero_target_among_many(selection):
    X, y = problem("float64", 12)
    y[:, 5] = 0
    coef = orthogonal_mp(X, y, n_nonzero_coefs=K, selection=selection)
    assert_array_equal(np.count_nonzero(coef, axis=0), [0 if t == 5 else K for t in range(12)])


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize(("n_targets", "joint"), TARGETS)
@pytest.mark.parametrize("with_gram", [False, True], ids=["", "gram"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_stops_at_an_exact_fit(dtype, n_targets, joint, selection, with_gram):
    """Orthogonal columns find a 3-sparse signal in 3 steps; what is left is rounding and must not be fitted."""
    rng = np.random.default_rng(5)
    Q = np.linalg.qr(gaussian(rng, (20, 20), dtype.replace("64", "128") if "c" in dtype else "float64"))[0].astype(
        dtype
    )
    W = np.zeros((20, n_targets or 1), dtype=dtype)
    W[[3, 8, 11]] = 1 + np.arange(3)[:, None]
    y = (Q @ W).astype(dtype)
    gram = Q.conj().T @ Q if with_gram else None
    coef = orthogonal_mp(
        Q, y[:, 0] if n_targets is None else y, n_nonzero_coefs=12, selection=selection, joint=joint, gram=gram
    )
    assert_array_equal(coef.reshape(W.shape) != 0, W != 0)
    assert_allclose(coef.reshape(W.shape), W, rtol=0, atol=100 * np.finfo(dtype).eps)  # 20 roundings on numbers up to 3


@pytest.mark.parametrize("n_targets", [None, 12])
@pytest.mark.parametrize("shape", [(6, 20), (20, 6)])
def test_too_many_atoms_are_capped_with_a_warning(shape, n_targets):
    X, y = problem("float64", n_targets, *shape)
    with pytest.warns(UserWarning, match="n_nonzero_coefs"):
        coef = orthogonal_mp(X, y, n_nonzero_coefs=9)
    assert np.all(np.count_nonzero(coef, axis=0) <= 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(coef, orthogonal_mp(X, y, n_nonzero_coefs=6))


@pytest.mark.parametrize("selection", ["omp", "ols"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_scales(dtype, selection):
    """Squares of 1e-18 (float32: 1e-36) and of 1e150 (1e17) are still numbers."""
    X, y = problem(dtype)
    expected = orthogonal_mp(X, y, n_nonzero_coefs=K, selection=selection)
    tiny, huge = (1e-18, 1e17) if dtype == "float32" else (1e-150, 1e150)
    for scale in (tiny, huge):
        coef = orthogonal_mp(X, (y * scale).astype(dtype), n_nonzero_coefs=K, selection=selection)
        assert_close(coef / np.dtype(dtype).type(scale), expected, dtype)


# ---- sparse stays sparse


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("kind", SPARSE)
def test_sparse_is_never_made_dense(kind, joint):
    m, n = 20_000, 1_000

    def fit(m, traced):
        X = KINDS[kind](scattered(m, n, 2e-3))
        y = np.random.default_rng(1).standard_normal((m, 2) if joint else m)
        if traced:
            tracemalloc.start()
        try:
            orthogonal_mp(X, y, n_nonzero_coefs=4, joint=joint)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    fit(60, traced=False)  # what is compiled at a first call does not count
    assert fit(m, traced=True) < m * n * 8 / 20


# ---- bad input


def bad(**changes):
    X, y = problem("float64")
    return {"X": X, "y": y} | changes


def spoiled(value, dtype="float64"):
    X, y = problem(dtype)
    X[2, 3], y[4] = value, value
    return X, y


BAD = {
    "X": [
        *(spoiled(v)[0] for v in (np.nan, np.inf)),
        *(kind(spoiled(np.nan)[0]) for kind in (sp.csr_array, sp.csc_array)),
        spoiled(np.nan, "complex128")[0],
        np.ones(24),
        np.ones((24, 3, 2)),
        np.full((24, 3), "a", dtype=object),
        None,
    ],
    "y": [
        *(spoiled(v)[1] for v in (np.nan, np.inf)),
        spoiled(np.nan, "complex128")[1],
        np.ones(23),
        np.ones((23, 2)),
        np.ones((24, 2, 2)),
        np.ones((24, 0)),
        np.full(24, "a", dtype=object),
        None,
        3.0,
    ],
    "n_nonzero_coefs": [0, -1, 2.5, "3", np.nan],
    "tol": [-1.0, np.nan, "small"],
    "selection": ["best", None, 1],
    "gram": [np.eye(29), np.ones(30), np.ones((30, 29)), np.full((30, 30), np.nan)],
    "n_jobs": [0, "two"],
}


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param(n, v, id=f"{n}-{i}") for n, vs in BAD.items() for i, v in enumerate(vs)]
)
def test_bad_input_is_refused_by_name(name, value):
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        orthogonal_mp(**bad(**{name: value}))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_empty_input(shape):
    with pytest.raises(ValueError, match=r"\bX\b|sample|feature"):  # the last two are scikit-learn's words for it
        orthogonal_mp(np.empty(shape), np.empty(shape[0]))

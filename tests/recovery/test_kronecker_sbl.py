"""KroneckerSBL against the dense definition, against an oracle, and its own promises."""

import pickle
import re
import tracemalloc
import warnings
from functools import reduce

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError

from sparsekit.recovery.kronecker_em import coordinate_maximum, maximised, multilinear, posterior
from sparsekit.recovery.kronecker_sbl import KroneckerSBL
from tests.naive import kronecker_sbl as naive

# matrices of some 100 rows with condition numbers below 1e4, solved twice: 1e-12 is measured
ROUNDING = 1e-10
SHAPES = {1: ((12,), (20,)), 2: ((6, 9), (10, 7)), 3: ((4, 5, 3), (6, 4, 5))}  # wide and tall factors

each_field = pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
each_method = pytest.mark.parametrize("method", naive.METHODS)
each_order = pytest.mark.parametrize("d", SHAPES)


def fitted(factors, y, **options):
    """A fit that may stop early."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KroneckerSBL(**options).fit(factors, y)


def draw(rng, d, is_complex=False, snr=20.0):
    lengths, widths = SHAPES[d]
    return naive.problem(rng, lengths, widths, 2, snr, is_complex)


def outer(vectors):
    return reduce(np.multiply.outer, vectors)


def close(found, expected, tol=ROUNDING):
    assert_allclose(found, expected, rtol=0, atol=tol * np.abs(expected).max())


def tensor_posterior(factors, hyper, noise, y):
    return posterior(factors, hyper, noise, y.reshape([len(A) for A in factors]))


# ---- the E-step


@each_order
@each_field
def test_mean_and_variances(rng, d, is_complex):
    factors, y, *_ = draw(rng, d, is_complex)
    hyper = [rng.uniform(0.1, 2, A.shape[1]) for A in factors]
    now = tensor_posterior(factors, hyper, 0.3, y)
    mean, cov = naive.posterior(factors, hyper, 0.3, y)
    close(now.mean(now.noise_share()).ravel(), mean)
    close(now.variances(now.noise_share()).ravel(), np.diag(cov).real)


@each_order
@each_field
def test_noise_rule(rng, d, is_complex):
    factors, y, *_ = draw(rng, d, is_complex)
    hyper = [rng.uniform(0.1, 2, A.shape[1]) for A in factors]
    now = tensor_posterior(factors, hyper, 0.3, y)
    found = now.next_noise(y.reshape([len(A) for A in factors]), now.noise_share())
    assert_allclose(found, naive.next_noise(factors, hyper, 0.3, y), rtol=ROUNDING)


def test_variances_do_not_cancel(rng):
    """With little noise they are 1e-12 of the prior's; G - G o (...) would leave four digits."""
    A = [rng.standard_normal((6, 4)) for _ in range(2)]
    now = tensor_posterior(A, [np.ones(4)] * 2, 1e-12, rng.standard_normal(36))
    P = np.linalg.inv(naive.kron(A).T @ naive.kron(A))
    close(now.variances(now.noise_share()).ravel(), 1e-12 * np.diag(P), 1e-9)  # the prior adds 1e-12 / min eig


def test_mixed_kinds(rng):
    factors, y, *_ = draw(rng, 2)
    factors[1] = factors[1] + 1j * rng.standard_normal(factors[1].shape)
    for data in (y, y + 1j):
        now = tensor_posterior(factors, [np.ones(10), np.ones(7)], 0.3, data)
        mean, cov = naive.posterior(factors, [np.ones(10), np.ones(7)], 0.3, data)
        close(now.mean(now.noise_share()).ravel(), mean)
        close(now.variances(now.noise_share()).ravel(), np.diag(cov).real)
    assert KroneckerSBL(max_iter=500).fit(factors, y).coef_.dtype == np.complex128


# ---- EM


def start(factors, y):
    """Uniform hyper-parameters: 100 times the prior variance that explains the energy of y."""
    scale = 100 * np.sum(np.abs(y) ** 2) / np.prod([np.sum(np.abs(A) ** 2) for A in factors])
    hyper = [np.ones(A.shape[1]) for A in factors]
    return [*hyper[:-1], scale * hyper[-1]]


@each_order
@each_field
@each_method
@pytest.mark.parametrize("learnt", [True, False])
def test_iterations_are_those_of_dense_em(rng, d, is_complex, method, learnt):
    factors, y, *_ = draw(rng, d, is_complex)
    hyper, noise = start(factors, y), 0.1 * np.var(y) if learnt else 0.2
    for n_iter in range(1, 6):
        update = naive.next_noise(factors, hyper, noise, y) if learnt else noise
        hyper, noise, before = naive.step(factors, hyper, noise, y, method), update, hyper
        options = {"noise_variance": "learn" if learnt else 0.2, "prune": 0.0, "max_iter": n_iter, "tol": 1e-12}
        model = fitted(factors, y, method=method, **options)
        tol = 1e-3 if method == "am" and d > 1 else 1e-9  # the coordinates stop at changes of 1e-5, five times
        close(outer(model.gammas_), outer(hyper), tol)
        close(model.coef_.ravel(), naive.posterior(factors, hyper, noise, y)[0], tol)
        close(model.coef_std_.ravel() ** 2, np.diag(naive.posterior(factors, hyper, noise, y)[1]).real, tol)
        assert_allclose(model.noise_variance_, noise, rtol=tol)
        change = np.linalg.norm(outer(hyper) - outer(before)) / np.linalg.norm(outer(before))
        assert_allclose(model.change_path_[-1], change, rtol=100 * tol)
        assert model.n_iter_ == n_iter and not model.converged_


@each_field
def test_one_factor_is_plain_sparse_bayesian_learning(rng, is_complex):
    """gamma <- |mu|^2 + diag Sigma, until it stands still; the same for every method, as matrix or as tuple."""
    (A,), y, *_ = draw(rng, 1, is_complex)
    gamma = start([A], y)[0]
    for _ in range(300):
        mean, cov = naive.posterior([A], [gamma], 0.1, y)
        gamma = np.abs(mean) ** 2 + np.diag(cov).real
    mean, _ = naive.posterior([A], [gamma], 0.1, y)
    for method in naive.METHODS:
        for factors in (A, (A,)):
            model = fitted(factors, y, method=method, noise_variance=0.1, prune=0.0, max_iter=300, tol=1e-14)
            close(model.gammas_[0], gamma, 1e-8)
            close(model.coef_, mean, 1e-8)  # 300 iterations multiply roundings by some 100


@each_order
def test_am_raises_the_evidence(rng, d):
    """In every iteration, with held noise and without pruning."""
    for _ in range(3):
        factors, y, *_ = draw(rng, d, snr=5)
        options = {"method": "am", "noise_variance": 0.5, "prune": 0.0, "tol": 1e-12}
        values = [
            naive.evidence(factors, fitted(factors, y, max_iter=n, **options).gammas_, 0.5, y) for n in range(1, 25)
        ]
        assert np.diff(values).min() > -1e-9 * np.abs(values).max()
        assert values[-1] > values[0]


@each_method
def test_blocks_share_their_variances(rng, method):
    """Consecutive columns, the last block shorter; equal to dense EM with tied variances."""
    lengths, widths, blocks = (5, 4, 6), (7, 5, 4), (3, 1, 2)
    factors, y, *_ = naive.problem(rng, lengths, widths, 2)
    hyper = start(factors, y)
    if method == "am":
        for _ in range(3):
            hyper = naive.step(factors, hyper, 0.2, y, method, blocks)
    options = {"method": method, "noise_variance": 0.2, "prune": 0.0, "tol": 1e-12, "max_iter": 3}
    model = fitted(factors, y, block_size=blocks, **options)
    for g, size in zip(model.gammas_, blocks, strict=True):
        assert_allclose(g, naive.averaged(g, size), rtol=1e-14)
    if method == "am":
        close(outer(model.gammas_), outer(hyper), 1e-3)  # see above
    twos = fitted(factors, y, block_size=2, **options)
    assert [len(np.unique(g)) for g in twos.gammas_] == [4, 3, 2]
    same = [fitted(factors, y, block_size=size, **options).coef_ for size in (None, 1, (1, 1, 1))]
    assert_array_equal(same[0], same[1])
    assert_array_equal(same[0], same[2])


@pytest.mark.parametrize("method", ["root", "svd"])
def test_tied_fit_with_unequal_blocks(rng, method):
    """The rank-one fit of a tensor that is constant on blocks: its own singular vectors, unfolded in full."""
    L = rng.uniform(0.5, 2, (7, 5, 4))
    blocks = (3, 1, 3)
    for axis, size in enumerate(blocks):
        L = np.apply_along_axis(naive.averaged, axis, L, size)
    found = maximised(L, [np.arange(n) // b for n, b in zip(L.shape, blocks, strict=True)], method, None)
    expected = naive.sequential(L) if method == "svd" else [g**2 for g in naive.sequential(np.sqrt(L))]
    close(outer(found), outer(expected))


@pytest.mark.parametrize("shape", [(20, 3), (3, 20), (2, 3, 40), (40, 2, 3), (5,), (1, 4, 1)])
def test_rank_one_tensors_are_found_exactly(rng, shape):
    vectors = [rng.uniform(0.01, 2, n) for n in shape]
    hyper, ones = [np.ones(n) for n in shape], [np.ones(n) for n in shape]
    for method in ("root", "svd"):
        close(outer(maximised(outer(vectors), [np.arange(n) for n in shape], method, hyper)), outer(vectors))
    close(outer(coordinate_maximum(outer(vectors), ones, hyper)), outer(vectors))


def test_products_along_modes(rng):
    T, B = rng.standard_normal((3, 4, 5)), [rng.standard_normal((m, n)) for m, n in ((2, 3), (6, 4), (1, 5))]
    close(multilinear(B, T), np.einsum("ijk,ai,bj,ck->abc", T, *B), 1e-14)


# ---- recovery


@each_method
@each_field
def test_within_one_decibel_of_the_oracle(rng, method, is_complex):
    """At 20 dB, median of 9: least squares on the true support."""
    losses, ratios, found = [], [], []
    for _ in range(9):
        factors, y, x, places, noise = naive.problem(rng, (8, 10, 9), (12, 12, 12), 3, 20, is_complex)
        model = fitted(factors, y, method=method, max_iter=300)
        losses.append(naive.nmse(model.coef_, x) - naive.nmse(naive.least_squares(factors, y, places), x))
        ratios.append(model.noise_variance_ / noise)
        found.append(np.mean((model.coef_ != 0) == (x != 0)))
    assert np.median(losses) < 1
    assert 0.8 < np.median(ratios) < 1.25  # 720 entries of y: a standard error of 5 %, and few degrees of freedom
    assert np.median(found) > 0.99


def test_square_roots_do_not_shrink_what_is_small(rng):
    """Non-zeros of very different size: the fit to the moments themselves loses up to all of them (see Notes)."""
    losses = {method: [] for method in naive.METHODS[:2]}
    for _ in range(12):
        factors, y, x, places, _ = naive.problem(rng, (8, 12, 15), (15, 15, 15), 3, 10)
        for method, loss in losses.items():
            oracle = naive.nmse(naive.least_squares(factors, y, places), x)
            loss.append(naive.nmse(fitted(factors, y, method=method).coef_, x) - oracle)
    assert np.mean(losses["root"]) < np.mean(losses["svd"]) - 1  # 4 dB in the mean of 40


def test_columns_are_dropped(rng):
    factors, y, x, *_ = naive.problem(rng, (8, 10, 9), (12, 12, 12), 2, 30)
    model = KroneckerSBL().fit(factors, y)
    few = KroneckerSBL(prune=0.5).fit(factors, y)
    assert_array_equal(model.coef_ != 0, x != 0)
    for one in (model, few):
        assert_array_equal(one.coef_std_ != 0, one.coef_ != 0)
        assert_array_equal(outer(one.gammas_) != 0, one.coef_ != 0)
    assert np.count_nonzero(few.coef_) < np.count_nonzero(model.coef_)
    assert all((g[g > 0] > 1e-3 * g.max()).all() for g in model.gammas_)
    assert_allclose(np.linalg.norm(model.gammas_[0]), np.linalg.norm(model.gammas_[2]), rtol=1e-12)


@each_field
def test_columns_of_zeros(rng, is_complex):
    """They hold no coefficient, and the others do not notice them."""
    factors, y, *_ = draw(rng, 3, is_complex)
    plain = fitted(factors, y)
    wider = [np.insert(A, [0, 2], 0, axis=1) for A in factors]
    model = fitted(wider, y)
    kept = np.ix_(*[np.flatnonzero(A.any(axis=0)) for A in wider])
    close(model.coef_[kept], plain.coef_, 1e-9)
    left = model.coef_.copy()
    left[kept] = 0
    assert not left.any()


def test_residual_and_score(rng):
    factors, y, *_ = draw(rng, 3)
    model = fitted(factors, y)
    predicted = naive.kron(factors) @ model.coef_.ravel()
    assert_allclose(model.predict(factors), predicted, rtol=0, atol=1e-12 * np.abs(y).max())
    assert_allclose(model.residual_, np.linalg.norm(y - predicted) / np.linalg.norm(y), rtol=ROUNDING)
    score = 1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2)
    assert_allclose(model.score(factors, y), score, rtol=ROUNDING)
    assert_allclose(model.score(factors, y.reshape(4, 5, 3)), score, rtol=ROUNDING)


@each_order
@each_field
def test_predictions_and_their_uncertainty(rng, d, is_complex):
    """Against the dense posterior covariance, at new rows; the noise of a new sample is part of it."""
    factors, y, *_ = draw(rng, d, is_complex)
    model = fitted(factors, y, noise_variance=0.2, prune=0.01, max_iter=8)
    rows = [naive.normal(rng, (m, A.shape[1]), is_complex) for m, A in zip((3, 2, 4), factors, strict=False)]
    mean, std = model.predict(rows, return_std=True)
    B = naive.kron(rows)
    cov = naive.posterior(factors, model.gammas_, 0.2, y)[1]
    close(mean, B @ model.coef_.ravel())
    close(std**2, np.diag(B @ cov @ B.conj().T).real + 0.2)
    tensor = fitted(factors, y.reshape(SHAPES[d][0]), noise_variance=0.2, prune=0.01, max_iter=8)
    again, again_std = tensor.predict(rows, return_std=True)
    assert again.shape == again_std.shape == tuple(len(B) for B in rows)
    assert_array_equal(again.ravel(), mean)
    assert_array_equal(again_std.ravel(), std)


# ---- promises


@each_method
@pytest.mark.parametrize("up", [(150, -150, 0), (-150, 100, 60), (0, 120, -110), (150, 40, 40), (-150, -140, 0)])
def test_any_units(rng, method, up):
    """10^150 and the like, given as powers of two: the same digits."""
    factors, y, *_ = draw(rng, 2)
    ey, *ea = (round(e * np.log2(10)) for e in up)
    plain = fitted(factors, y, method=method)
    scaled = fitted([np.ldexp(A, e) for A, e in zip(factors, ea, strict=True)], np.ldexp(y, ey), method=method)
    shift = ey - sum(ea)
    assert_array_equal(scaled.coef_, np.ldexp(plain.coef_, shift))
    assert_array_equal(scaled.coef_std_, np.ldexp(plain.coef_std_, shift))
    assert_allclose(scaled.noise_variance_, np.ldexp(plain.noise_variance_, 2 * ey), rtol=1e-12, atol=5e-324)
    for a, b in zip(scaled.gammas_, plain.gammas_, strict=True):
        assert_allclose(a, np.ldexp(b, shift), rtol=1e-9)  # 2^(2 shift / d); exp2 of 1000 has lost three digits
    rows = [np.ldexp(A[:2], e) for A, e in zip(factors, ea, strict=True)]
    expected = plain.predict([A[:2] for A in factors], return_std=True)
    for found, value in zip(scaled.predict(rows, return_std=True), expected, strict=True):
        assert_allclose(found, np.ldexp(value, ey), rtol=1e-12)


@each_method
def test_no_unit_is_special(rng, method):
    factors, y, *_ = draw(rng, 2)
    plain, scaled = fitted(factors, y, method=method), fitted([3 * factors[0], factors[1] / 7], 10 * y, method=method)
    close(scaled.coef_, plain.coef_ * 10 * 7 / 3, 1e-8)  # 100 iterations multiply roundings by some 1e6
    given = fitted([3 * factors[0], factors[1]], 10 * y, method=method, noise_variance=20.0)
    close(given.coef_, fitted(factors, y, method=method, noise_variance=0.2).coef_ * 10 / 3, 1e-8)


@each_method
@each_field
def test_single_precision(rng, method, is_complex):
    factors, y, *_ = naive.problem(rng, (8, 10, 9), (12, 12, 12), 2, 30, is_complex)
    single = np.complex64 if is_complex else np.float32
    model = fitted([A.astype(single) for A in factors], y.astype(single), method=method)
    double = fitted(factors, y, method=method)
    assert model.coef_.dtype == single
    assert model.coef_std_.dtype == np.float32
    predicted = model.predict([A.astype(single) for A in factors], return_std=True)
    assert [each.dtype for each in predicted] == [single, np.float32]
    close(model.coef_, double.coef_, 1e-3)  # iterations until the change is 1e-4
    assert_allclose(model.noise_variance_, double.noise_variance_, rtol=1e-3)
    assert fitted([factors[0].astype(single), *factors[1:]], y.astype(single)).coef_.dtype == double.coef_.dtype


@each_method
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_data_without_noise(rng, method, dtype):
    """0 stands for rounding; learning ends when the prior variances stand still, with a noise of some 1e-8."""
    factors, _, x, *_ = naive.problem(rng, (8, 10, 9), (12, 12, 12), 2)
    y, eps = naive.kron(factors) @ x.ravel(), np.finfo(dtype).eps
    power = np.mean(y**2)
    for noise, tol, left in (("learn", max(1e3 * eps, 1e-6), 1e-6), (0.0, 1e3 * eps, (10 * eps) ** 2)):
        model = fitted([A.astype(dtype) for A in factors], y.astype(dtype), method=method, noise_variance=noise)
        assert np.linalg.norm(model.coef_ - x) <= tol * np.linalg.norm(x)
        assert eps**2 * power < model.noise_variance_ <= left * power


def test_no_data(rng):
    factors, y, *_ = draw(rng, 2)
    model = KroneckerSBL().fit(factors, 0 * y)
    assert model.converged_ and model.residual_ == 0 and model.noise_variance_ == 0 and model.n_iter_ == 0
    empty = KroneckerSBL().fit([factors[0], 0 * factors[1]], y)
    assert empty.converged_ and empty.residual_ == 1
    assert_allclose(empty.noise_variance_, np.mean(y**2), rtol=1e-12)
    for one in (model, empty):
        assert one.coef_.shape == (10, 7) and not one.coef_.any() and not one.coef_std_.any()
        assert not one.predict(factors).any()
        assert_allclose(one.predict(factors, return_std=True)[1] ** 2, one.noise_variance_, rtol=1e-12)


def test_constant_data_have_no_variance_but_are_no_noise(rng):
    A = np.c_[np.ones(30), rng.standard_normal((30, 5))]
    model = fitted((A, np.ones((2, 1))), np.full(60, 3.0))
    assert_allclose(model.coef_[0], 3, rtol=1e-6)  # the noise that is left when learning ends


def test_too_few_iterations(rng):
    factors, y, *_ = draw(rng, 3)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=3 .*tol"):
        model = KroneckerSBL(max_iter=3).fit(factors, y)
    assert not model.converged_ and model.n_iter_ == 3 == len(model.change_path_)
    done = KroneckerSBL(tol=0.5).fit(factors, y)
    assert done.converged_ and done.change_path_[-1] < 0.5 <= done.change_path_[:-1].min(initial=1)


def test_estimator_manners(rng):
    factors, y, *_ = draw(rng, 3)
    copies = [A.copy() for A in factors]
    for array in (*factors, y):
        array.setflags(write=False)
    model = KroneckerSBL("svd", block_size=(1, 2, 1), noise_variance=0.1)
    again = clone(model)
    model.fit(tuple(factors), y)
    assert not hasattr(again, "coef_") and again.get_params() == model.get_params()
    assert_array_equal(again.fit(list(factors), y).coef_, model.coef_)
    assert_array_equal(model.fit(tuple(factors), y).coef_, again.coef_)
    for a, b in zip(
        pickle.loads(pickle.dumps(model)).predict(factors, return_std=True),
        model.predict(factors, return_std=True),
        strict=True,
    ):
        assert_array_equal(a, b)
    assert model.n_features_in_ == 6 * 4 * 5
    for array, copy in zip(factors, copies, strict=True):
        assert_array_equal(array, copy)
    with pytest.raises(NotFittedError):
        KroneckerSBL().predict(factors)


def test_a_matrix_and_lists_of_rows_are_one_factor(rng):
    (A,), y, *_ = draw(rng, 1)
    plain = fitted(A, y)
    for factors in ((A,), A.tolist(), [A.tolist()], [A[:, :0].shape and A]):
        assert_array_equal(fitted(factors, y).coef_, plain.coef_)
    with pytest.warns(DataConversionWarning):
        assert_array_equal(KroneckerSBL(max_iter=1000).fit(A, y[:, None]).coef_, fitted(A, y, max_iter=1000).coef_)
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(A).add_prefix("x")
    model = fitted(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((A, np.ones((2, 1))), np.r_[y, y])
    assert not hasattr(model, "feature_names_in_")
    assert model.coef_.shape == (20, 1)


def test_memory(rng):
    """A few tensors of the size of the coefficients; the product of the factors would have 2e9 bytes."""
    factors = [rng.standard_normal((m, 25)) for m in (20, 22, 24)]
    y = rng.standard_normal((20, 22, 24))
    fitted(factors, y, max_iter=2)
    tracemalloc.start()
    fitted(factors, y, max_iter=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 8 * 25**3


# ---- bad input

BAD_VALUES = {
    "method": ["als", "SVD"],
    "noise_variance": ["cv", -0.1, np.nan, np.inf],
    "block_size": [0, 11, (1, 8), (0, 1), (1,), (1, 1, 1), ()],
    "max_iter": [0, -1],
    "tol": [0.0, -1.0, np.nan, np.inf],
    "prune": [-0.1, 1.0, np.nan],
}
BAD_TYPES = {
    "noise_variance": [None, 1j, [0.1]],
    "block_size": ["2", 1.5, (1, 2.5)],
    "max_iter": [2.5, None, "3"],
    "tol": [None, "small", 1j],
    "prune": ["half", 1j],
}


def cases(table):
    return pytest.mark.parametrize(
        ("name", "value"), [pytest.param(n, v, id=f"{n}-{i}") for n, vs in table.items() for i, v in enumerate(vs)]
    )


@cases(BAD_VALUES)
def test_bad_values_are_refused_by_name(rng, name, value):
    factors, y, *_ = draw(rng, 2)
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        KroneckerSBL(**{name: value}).fit(factors, y)


@cases(BAD_TYPES)
def test_wrong_types_are_refused_by_name(rng, name, value):
    factors, y, *_ = draw(rng, 2)
    with pytest.raises(TypeError, match=rf"\b{name}\b"):
        KroneckerSBL(**{name: value}).fit(factors, y)


def test_sizes_that_do_not_fit(rng):
    factors, y, *_ = draw(rng, 2)
    for data, found in ((y[:-1], 53), (np.r_[y, y], 108), (y.reshape(6, 9)[:, :-1], 48)):
        with pytest.raises(ValueError, match=rf"\by\b.*\b54\b.*\b{found}\b"):
            KroneckerSBL().fit(factors, data)
    with pytest.raises(ValueError, match=r"\by\b|1d"):
        KroneckerSBL().fit(factors, y.reshape(9, 6))
    with pytest.raises(ValueError, match=r"\by\b.*\b1\b"):
        KroneckerSBL().fit([np.ones((1, 3)), np.ones((1, 2))], [1.0])
    model = fitted(factors, y)
    for wrong in (factors[:1], factors[::-1], [*factors, factors[0]], [factors[0], factors[1][:, :-1]]):
        with pytest.raises(ValueError, match=r"\(10, 7\)|7[0] features"):
            model.predict(wrong)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@each_field
def test_nan_and_infinity(rng, is_complex, value):
    factors, y, *_ = draw(rng, 2, is_complex)
    y[3] = value
    with pytest.raises(ValueError, match=r"\by\b(.|\n)*(NaN|infinity)"):
        KroneckerSBL().fit(factors, y)
    y[3], factors[1][0, 0] = 0, value
    with pytest.raises(ValueError, match=r"factors\[1\](.|\n)*(NaN|infinity)"):
        KroneckerSBL().fit(factors, y)
    model = fitted((factors[0],), y[:6])
    with pytest.raises(ValueError, match=r"(NaN|infinity)"):
        model.predict(np.full((2, 10), value))


def test_no_matrices(rng):
    factors, y, *_ = draw(rng, 2)
    with pytest.raises(ValueError, match="at least one matrix"):
        KroneckerSBL().fit([], y)
    with pytest.raises(ValueError, match=re.escape("tuple(factors)")):
        KroneckerSBL().fit(np.ones((2, 3, 4)), np.ones(9))
    for wrong in (None, 3.0, "A", factors[0][0], {"A": factors[0]}, [factors[0], "B"], [factors[0], None]):
        with pytest.raises((ValueError, TypeError)):
            KroneckerSBL().fit(wrong, y)
    for wrong in (csr_array(factors[0]), aslinearoperator(factors[0])):
        for given in (wrong, [wrong, factors[1]], (factors[1], wrong)):
            with pytest.raises(TypeError, match="dense"):
                KroneckerSBL().fit(given, y)
    with pytest.raises(ValueError, match=r"factors\[0\].*0 feature|factors\[0\](.|\n)*0 feature"):
        KroneckerSBL().fit([factors[0][:, :0], factors[1]], y)
    with pytest.raises(ValueError, match="y to be passed"):
        KroneckerSBL().fit(factors, None)


def test_coefficients_beyond_the_range():
    """They would be 1e600."""
    with pytest.raises(ValueError, match="overflow"):
        KroneckerSBL().fit([1e-150 * np.eye(2)] * 3, np.arange(1.0, 9) * 1e150)

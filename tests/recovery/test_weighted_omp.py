"""WeightedOMP against the loop written from its definition, linear programs, special cases and itself."""

import pickle

import numpy as np
import pytest
from numpy.linalg import norm
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sparsekit import OrthogonalMatchingPursuit, WeightedOMP, greedy_decrease
from tests.naive import weighted as naive
from tests.naive.design import KINDS, centred

CELLS = [(loss, penalty) for loss in naive.LOSSES for penalty in naive.PENALTIES]
SMOOTH = [cell for cell in CELLS if cell[0] != "absolute"]
M, N = 25, 14  # odd: the median of y is one number
OPTIONS = {  # fit_intercept, sample weights, feature weights
    "plain": (False, False, False),
    "intercept": (True, False, False),
    "samples": (True, True, False),
    "features": (False, False, True),
    "all": (True, True, True),
}
each_cell = pytest.mark.parametrize(("loss", "penalty"), CELLS)
each_smooth_cell = pytest.mark.parametrize(("loss", "penalty"), SMOOTH)


def gaussian(rng, shape, dtype="float64"):
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x


def problem(rng, n_targets=None, dtype="float64", m=M, n=N):
    """Four columns of a few scales and noise, with means that matter; sample weights with zeros."""
    X = (gaussian(rng, (m, n), dtype) + 1) * rng.uniform(0.3, 3, n)
    shape = () if n_targets is None else (n_targets,)
    y = X[:, rng.permutation(n)[:4]] @ gaussian(rng, (4, *shape), dtype) + 0.5 * gaussian(rng, (m, *shape), dtype) + 3
    s = rng.exponential(size=m)
    s[rng.choice(m, 2, replace=False)] = 0
    return X, y, s


def feature_weights(rng, n=N):
    """A factor of ten between the smallest and the largest, two columns that are free and two that are out."""
    w = 10 ** rng.uniform(-0.5, 0.5, n)
    w[rng.permutation(n)[:4]] = 0, 0, np.inf, np.inf
    return w


def assert_follows(model, course, several=False):
    """The fitted model went the way of the definition."""
    k = len(course.active)
    n_free = sum(d == 0 for d in course.decrease)
    assert_array_equal(np.sort(model.active_[:n_free]), course.active[:n_free])
    assert_array_equal(model.active_[n_free:], course.active[n_free:])
    assert model.stop_reason_ == course.reason
    assert model.n_nonzero_coefs_ == k
    # bases of up to eight columns with kappa < 1000 times some 100 roundings; issue: 1e-8
    W, b = course.coef[-1], course.intercept[-1]
    close = {"rtol": 0, "atol": 1e-10 * max(np.abs(W).max(), np.abs(b).max(), 1)}
    assert_allclose(model.coef_, W if several else W[0], **close)
    assert_allclose(model.intercept_, b if several else b[0], **close)
    path = model.path_ if several else model.path_[None]
    assert path.shape == (len(W), k, k)
    for i in range(n_free, k):
        assert_allclose(path[:, i, : i + 1], course.coef[i + 1][:, model.active_[: i + 1]], **close)
        assert_array_equal(path[:, i, i + 1 :], 0)
    # the losses between the free columns depend on their order
    scale = {"rtol": 0, "atol": 1e-12 * course.objective[0]}  # 100 roundings, conditioned as above
    for name, expected in (("residual_", course.loss), ("objective_", course.objective)):
        actual = getattr(model, name)
        assert actual.shape == (k + 1,)
        assert_allclose(actual[n_free:], expected[n_free:], **scale)
        assert_allclose(actual[0], expected[0], **scale)
    assert_allclose(model.decrease_, course.decrease, **scale)
    assert 0 <= model.kkt_violation_ <= 1e-10  # kappa and roundings as above


def fitted_and_defined(rng, loss, penalty, options, part, n_targets=None, dtype="float64"):
    """WeightedOMP and the course of the definition on one problem; alpha is a part of what refuses all columns."""
    intercept, samples, features = OPTIONS[options]
    X, y, s = problem(rng, n_targets, dtype)
    s = s if samples else None
    w = feature_weights(rng) if features else np.ones(N)
    A, B = X - X.mean(axis=0) * intercept, y - y.mean(axis=0) * intercept
    alpha = part * naive.first_refusal(A, B, loss, penalty, np.clip(w, 0.3, 3))
    model = WeightedOMP(
        loss, penalty, alpha, feature_weights=w if features else None, fit_intercept=intercept, max_iter=6
    ).fit(X, y, sample_weight=s)
    return model, naive.weighted_omp(X, y, loss, penalty, alpha, w, s, intercept, max_iter=6)


# ---- the definition


@pytest.mark.parametrize("part", [0.003, 0.05, 0.3])
@pytest.mark.parametrize("options", OPTIONS)
@each_cell
def test_equals_definition(rng, loss, penalty, options, part):
    for _ in range(2):
        model, course = fitted_and_defined(rng, loss, penalty, options, part)
        assert_follows(model, course)
        assert np.shape(model.intercept_) == ()
        assert model.coef_.shape == (N,)


@pytest.mark.parametrize(("options", "part"), [("plain", 0.1), ("all", 0.003)])
@pytest.mark.parametrize(("n_targets", "dtype"), [(2, "float64"), (None, "complex128")])
@each_smooth_cell
def test_equals_definition_complex_and_several_targets(rng, loss, penalty, n_targets, dtype, options, part):
    model, course = fitted_and_defined(rng, loss, penalty, options, part, n_targets, dtype)
    assert course.active
    assert_follows(model, course, several=n_targets is not None)


@each_smooth_cell
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "C"])
def test_the_form_of_the_input_does_not_matter(rng, kind, dtype, loss, penalty):
    X, y, s = problem(rng, None, dtype)
    X = X * (rng.random(X.shape) < 0.6)
    model = WeightedOMP(loss, penalty, 0.02, feature_weights=feature_weights(rng), max_iter=5)
    expected = model.fit(X, y, s)
    assert expected.n_nonzero_coefs_ > 2
    actual = clone(model).fit(KINDS[kind](X), y, s)
    assert_array_equal(actual.active_, expected.active_)
    # sums in another order and centring without forming: 100 roundings times kappa < 1000
    close = {"rtol": 0, "atol": 1e-11 * np.abs(y).max()}
    for name in ("coef_", "intercept_", "path_", "residual_", "objective_", "decrease_"):
        assert_allclose(getattr(actual, name), getattr(expected, name), **close)
    assert_allclose(actual.predict(KINDS[kind](X)), expected.predict(X), **close)


# ---- the promise


@each_cell
@pytest.mark.parametrize("part", [0.003, 0.05])
def test_decrease_is_the_largest_of_greedy_decrease(rng, loss, penalty, part):
    """At every state of the path; at the last one no column outside promises more than one in use."""
    X, y, _ = problem(rng)
    w = 10 ** rng.uniform(-0.5, 0.5, N)
    alpha = part * naive.first_refusal(X, y, loss, penalty, w)
    options = {"loss": loss, "penalty": penalty, "alpha": alpha, "feature_weights": w}
    model = WeightedOMP(**options, fit_intercept=False).fit(X, y)
    close = 1e-12 * model.objective_[0]  # differences of objectives, 100 roundings
    assert model.n_nonzero_coefs_ > 1
    for i in range(len(model.active_) + 1):
        coef = np.zeros(N)
        coef[model.active_[:i]] = model.path_[i - 1, :i] if i else 0
        D = greedy_decrease(X, y, coef, **options)
        outside = D[np.delete(np.arange(N), model.active_[:i])]
        if i < len(model.active_):
            assert_allclose(model.decrease_[i], D[model.active_[i]], rtol=0, atol=close)
            assert_allclose(model.decrease_[i], outside.max(), rtol=0, atol=close)
    assert model.stop_reason_ in {"fixed point", "no decrease"}
    assert outside.max() <= max(D[model.active_].max(), close)
    if model.stop_reason_ == "no decrease":
        assert outside.max() <= close


@each_smooth_cell
def test_without_a_penalty_the_promise_is_kept(rng, loss, penalty):
    """alpha = 0: the refit does no worse than the step of one coefficient that was promised."""
    X, y, _ = problem(rng)
    model = WeightedOMP(loss, penalty, 0.0, max_iter=8).fit(X, y)
    assert np.all(-np.diff(model.residual_) >= model.decrease_ * (1 - 1e-10))
    assert_array_equal(model.objective_, model.residual_)


# ---- special cases


@each_smooth_cell
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("n_targets", [None, 3])
def test_no_penalty_and_unit_columns_is_orthogonal_matching_pursuit(rng, loss, penalty, n_targets, dtype):
    X, y, _ = problem(rng, n_targets, dtype)
    X = X / norm(X, axis=0)
    model = WeightedOMP(loss, penalty, 0.0, fit_intercept=False, max_iter=8).fit(X, y)
    omp = OrthogonalMatchingPursuit(8, fit_intercept=False, joint=n_targets is not None).fit(X, y)
    assert_array_equal(model.active_, omp.active_)
    assert model.stop_reason_ == "max_iter"
    # two ways to the same least squares, kappa < 1000
    assert_allclose(model.coef_, omp.coef_, rtol=0, atol=1e-11 * np.abs(omp.coef_).max())
    sums = omp.residual_**2 / M
    assert_allclose(model.residual_, sums / 2 if loss == "squared" else np.sqrt(sums), rtol=1e-11)


@each_cell
def test_weights_of_one_are_no_weights(rng, loss, penalty):
    X, y, _ = problem(rng)
    model = WeightedOMP(loss, penalty, 0.02).fit(X, y)
    ones = WeightedOMP(loss, penalty, 0.02, feature_weights=np.ones(N)).fit(X, y, np.ones(M))
    assert_array_equal(ones.active_, model.active_)
    assert len(model.active_) > 1
    assert_allclose(ones.coef_, model.coef_, rtol=0, atol=1e-12 * np.abs(model.coef_).max())  # kappa < 100
    assert_array_equal(model.effective_weights_, np.ones(N))
    assert model.alpha_ == 0.02


def assert_same(a, b, columns=slice(None)):
    """Two fits that are the same in exact arithmetic: 100 roundings times kappa < 1000, relative to the largest."""
    scale = max(np.abs(a.coef_).max(), np.abs(a.intercept_).max())
    assert a.stop_reason_ == b.stop_reason_
    assert_allclose(b.coef_[..., columns], a.coef_, rtol=0, atol=1e-11 * scale)
    assert_allclose(b.intercept_, a.intercept_, rtol=0, atol=1e-11 * scale)
    assert_allclose(b.residual_, a.residual_, rtol=0, atol=1e-11 * a.objective_[0])
    assert_allclose(b.objective_, a.objective_, rtol=0, atol=1e-11 * a.objective_[0])
    assert_allclose(b.decrease_, a.decrease_, rtol=0, atol=1e-11 * a.objective_[0])


@each_cell
def test_integer_sample_weights_repeat_rows_and_zero_removes_them(rng, loss, penalty):
    X, y, _ = problem(rng)
    s = rng.integers(1, 4, M)
    s[:4] = 0
    s[4] += 1 - s.sum() % 2  # an odd number of samples: one median
    model = WeightedOMP(loss, penalty, 0.02, feature_weights=feature_weights(rng))
    weighted, repeated = clone(model).fit(X, y, s), clone(model).fit(np.repeat(X, s, axis=0), np.repeat(y, s))
    assert weighted.n_nonzero_coefs_ > 2
    assert_array_equal(weighted.active_, repeated.active_)
    assert_same(weighted, repeated)


@each_cell
@pytest.mark.parametrize("factor", [1e-8, 7.0, 1e12])
def test_a_common_factor_of_the_sample_weights_is_nothing(rng, loss, penalty, factor):
    X, y, s = problem(rng)
    model = WeightedOMP(loss, penalty, 0.02)
    one, other = clone(model).fit(X, y, s), clone(model).fit(X, y, factor * s)
    assert len(one.active_) > 1
    assert_array_equal(one.active_, other.active_)
    assert_same(one, other)


@each_cell
def test_alpha_and_the_weights_share_their_scale(rng, loss, penalty):
    X, y, _ = problem(rng)
    w = feature_weights(rng)
    factor = 8 if penalty == "l1" else 64
    one = WeightedOMP(loss, penalty, 0.01, feature_weights=w).fit(X, y)
    other = WeightedOMP(loss, penalty, 0.01 / factor, feature_weights=8 * w).fit(X, y)
    assert len(one.active_) > 2
    assert_array_equal(one.active_, other.active_)
    assert_same(one, other)


@each_cell
def test_permuted_columns_permute_the_answer(rng, loss, penalty):
    X, y, s = problem(rng)
    w, order = feature_weights(rng), rng.permutation(N)
    model = WeightedOMP(loss, penalty, 0.02, feature_weights=w).fit(X, y, s)
    permuted = WeightedOMP(loss, penalty, 0.02, feature_weights=w[order]).fit(X[:, order], y, s)
    assert len(model.active_) > 2
    assert_array_equal(order[permuted.active_][2:], model.active_[2:])  # the free columns keep the order of X
    assert_array_equal(np.sort(order[permuted.active_]), np.sort(model.active_))
    assert_allclose(permuted.coef_, model.coef_[order], rtol=0, atol=1e-11 * np.abs(model.coef_).max())


@each_cell
def test_weights_zero_first_and_infinite_never(rng, loss, penalty):
    X, y, _ = problem(rng)
    w = np.ones(N)
    w[[2, 5, 11]], w[[0, 1, 8, 9]] = 0, np.inf
    refusal = naive.first_refusal(X, y, loss, penalty, np.ones(N))
    only_free = WeightedOMP(loss, penalty, 1e3 * refusal, feature_weights=w).fit(X, y)
    assert_array_equal(np.sort(only_free.active_), [2, 5, 11])
    assert_array_equal(only_free.decrease_, 0)
    assert only_free.stop_reason_ == "no decrease"
    model = WeightedOMP(loss, penalty, 0.0, feature_weights=w, max_iter=1).fit(X, y)
    assert set(model.active_[:3].tolist()) == {2, 5, 11} and len(model.active_) == 4  # free columns do not count
    assert model.active_[3] not in {0, 1, 8, 9}
    keep = np.flatnonzero(w < np.inf)
    fewer = WeightedOMP(loss, penalty, 0.01, feature_weights=w[keep]).fit(X[:, keep], y)
    model = WeightedOMP(loss, penalty, 0.01, feature_weights=w).fit(X, y)
    assert_array_equal(keep[fewer.active_], model.active_)
    assert_same(fewer, model, keep)


@each_cell
def test_of_equal_columns_the_first_is_taken(rng, loss, penalty):
    X, y, _ = problem(rng)
    model = WeightedOMP(loss, penalty, 1e-4).fit(X, y)
    tiled = WeightedOMP(loss, penalty, 1e-4, max_iter=model.n_nonzero_coefs_).fit(np.tile(X, 3), y)
    assert model.n_nonzero_coefs_ > 1
    assert_array_equal(tiled.active_, model.active_)


# ---- which alpha refuses


@pytest.mark.parametrize(
    ("loss", "penalty", "fit_intercept"),
    [(*cell, False) for cell in CELLS] + [(*cell, True) for cell in SMOOTH],  # a median meets a sample: other formula
)
def test_alpha_max(rng, loss, penalty, fit_intercept):
    """A part in 10,000 above it nothing enters, as far below it one column does."""
    X, y, _ = problem(rng)
    w = 10 ** rng.uniform(-0.5, 0.5, N)
    mean_X, mean_y = (X.mean(axis=0), y.mean()) if fit_intercept else (0, 0)
    refusal = naive.first_refusal(X - mean_X, y - mean_y, loss, penalty, w)
    options = {"feature_weights": w, "fit_intercept": fit_intercept}
    above = WeightedOMP(loss, penalty, refusal * 1.0001, **options).fit(X, y)
    assert above.stop_reason_ == "no decrease"
    assert above.active_.shape == above.decrease_.shape == (0,)
    assert above.path_.shape == (0, 0)
    assert_array_equal(above.coef_, np.zeros(N))
    assert_allclose(above.intercept_, mean_y, rtol=1e-14)
    assert_allclose(above.objective_, above.residual_)
    below = WeightedOMP(loss, penalty, refusal / 1.0001, max_iter=1, **options).fit(X, y)
    assert below.n_nonzero_coefs_ == below.n_iter_ == 1
    assert below.decrease_[0] > 0


@each_cell
def test_defect_2_nothing_to_gain_adds_no_column(rng, loss, penalty):
    """The smallest index of an argmax over zeros is 0; it must not enter."""
    X, y, _ = problem(rng)
    model = WeightedOMP(loss, penalty, 1e6).fit(X, y)
    assert model.n_nonzero_coefs_ == 0 and model.stop_reason_ == "no decrease"
    w = np.ones(N)
    w[3] = 0
    assert_array_equal(WeightedOMP(loss, penalty, 1e6, feature_weights=w).fit(X, y).active_, [3])


@each_cell
def test_defect_3_it_stops_at_a_fixed_point(rng, loss, penalty):
    """Not after max_iter refits of the same columns; and it would not have gone on with more of them."""
    X, y, _ = problem(rng)
    alpha = 0.05 * naive.first_refusal(X, y, loss, penalty, np.ones(N))
    model = WeightedOMP(loss, penalty, alpha, max_iter=13).fit(X, y)
    assert model.n_nonzero_coefs_ == len(set(model.active_.tolist()))
    assert 1 < model.n_iter_ == model.n_nonzero_coefs_ + 1 <= 13  # the last comparison refuses
    assert model.stop_reason_ in {"fixed point", "no decrease"}


# ---- stop reasons


@each_cell
def test_stop_reasons(rng, loss, penalty):
    X, y, _ = problem(rng)
    reasons = {"no decrease": WeightedOMP(loss, penalty, 1e6).fit(X, y).stop_reason_}
    reasons["max_iter"] = WeightedOMP(loss, penalty, 0.0, max_iter=2).fit(X, y).stop_reason_
    reasons["exact fit"] = WeightedOMP(loss, penalty, 1e-9).fit(X, X[:, 3] * 2 + 5).stop_reason_
    assert reasons == {key: key for key in reasons}


@pytest.mark.parametrize("loss", naive.LOSSES)
def test_fixed_points_with_l1(rng, loss):
    """To shrink a coefficient in use may gain more than any new column."""
    reasons = set()
    for _ in range(10):
        X, y, _ = problem(rng)
        for part in np.geomspace(1e-4, 1, 9):
            alpha = part * naive.first_refusal(X, y, loss, "l1", np.ones(N))
            reasons.add(WeightedOMP(loss, "l1", alpha).fit(X, y).stop_reason_)
    assert {"fixed point", "no decrease"} <= reasons


@pytest.mark.parametrize(("loss", "alpha"), [("squared", 0.001 / 12), ("sqrt", 0.001 / np.sqrt(6))])
def test_fixed_point_with_l0(loss, alpha):
    """An expensive column enters first and is made useless by the others: to drop it gains more than the last one."""
    E = np.eye(6)
    X, y = np.c_[E[0] + E[1] + 0.5 * E[4], E[:, :4]], E[:, :4] @ [1, 1, 0.2, 0.05]
    model = WeightedOMP(loss, "l0", alpha, feature_weights=np.array([10.0, 1, 1, 1, 1]), fit_intercept=False).fit(X, y)
    assert_array_equal(model.active_, [0, 3, 1, 2])
    assert model.stop_reason_ == "fixed point"
    assert_allclose(model.coef_, [0, 1, 1, 0.2, 0], rtol=0, atol=1e-14)  # a few roundings


@each_smooth_cell
def test_no_column_left(rng, loss, penalty):
    """Nine columns in three dimensions: three enter, the others are dependent."""
    X, y, _ = problem(rng)
    X = X[:, :3] @ rng.standard_normal((3, 9))
    model = WeightedOMP(loss, penalty, 0.0).fit(X, y)
    assert model.n_nonzero_coefs_ == 3
    assert model.stop_reason_ in {"no column left", "no decrease"}  # what remains is rounding
    best = LinearRegression().fit(X[:, :3], y)
    assert_allclose(model.predict(X), best.predict(X[:, :3]), rtol=0, atol=1e-10 * np.abs(y).max())  # kappa < 1000


@each_cell
def test_every_column_in_use_or_none_allowed(rng, loss, penalty):
    X, y, _ = problem(rng)
    all_of_them = WeightedOMP(loss, penalty, 0.1, feature_weights=np.zeros(3)).fit(X[:, :3], y)
    assert all_of_them.stop_reason_ == "no column left"
    assert_array_equal(np.sort(all_of_them.active_), [0, 1, 2])
    none = WeightedOMP(loss, penalty, 0.1, feature_weights=np.full(N, np.inf)).fit(X, y)
    assert none.stop_reason_ == "no column left"
    assert_array_equal(none.coef_, 0)
    zeros = WeightedOMP(loss, penalty, 0.1).fit(0 * X, y)
    assert zeros.n_nonzero_coefs_ == 0 and zeros.stop_reason_ in {"no column left", "no decrease"}


@each_cell
@pytest.mark.parametrize("alpha", [0.0, 1e-3, 1.0])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_nothing_to_fit(rng, loss, penalty, alpha, fit_intercept):
    X, y, _ = problem(rng)
    for target in (0 * y, 0 * y + 3) if fit_intercept else (0 * y,):
        model = WeightedOMP(loss, penalty, alpha, fit_intercept=fit_intercept).fit(X, target)
        assert model.stop_reason_ == "exact fit"
        assert_array_equal(model.coef_, 0)
        assert_allclose(model.intercept_, target[0], rtol=1e-14)


@each_cell
def test_exact_fit_is_not_fitted_further(rng, loss, penalty):
    """Orthogonal columns: three are enough, what is left is rounding."""
    Q = np.linalg.qr(gaussian(rng, (20, 12)))[0]
    coef = np.zeros(12)
    coef[[3, 8, 11]] = 1, -2, 4
    if loss == "absolute":  # orthogonality helps no 1-norm
        Q, coef[[3, 8]] = np.abs(Q), 0
    model = WeightedOMP(loss, penalty, 0.0, fit_intercept=False).fit(Q, Q @ coef)
    assert model.stop_reason_ == "exact fit"
    assert_allclose(model.coef_, coef, rtol=0, atol=1e-13)  # 20 roundings on numbers up to 4
    assert_array_equal(model.coef_ != 0, coef != 0)


@each_cell
def test_max_iter_none_is_as_many_as_fit(rng, loss, penalty):
    """More columns than samples: never more coefficients than samples, of which the intercept takes one."""
    X, y, _ = problem(rng, m=9, n=30)
    for fit_intercept in (False, True):
        model = WeightedOMP(loss, penalty, 0.0, fit_intercept=fit_intercept).fit(X, y)
        assert model.n_nonzero_coefs_ <= 9 - fit_intercept
        assert np.all(np.isfinite(model.coef_))
        if loss != "absolute":
            assert model.n_nonzero_coefs_ == 9 - fit_intercept
            assert model.residual_[-1] <= 1e-10 * model.residual_[0]  # kappa < 1000, squared


# ---- least absolute deviations


def all_columns(A, y, s=None, fit_intercept=False):
    """WeightedOMP whose columns are all free: nothing but the refit."""
    return WeightedOMP("absolute", "l1", 0.1, feature_weights=np.zeros(A.shape[1]), fit_intercept=fit_intercept).fit(
        A, y, s
    )


def assert_least_absolute(A, y, s=None, *, fit_intercept=False):
    """The loss is that of the linear program: 1e-10 of the loss at zero, HiGHS' own tolerance."""
    model = all_columns(A, y, s, fit_intercept)
    full = np.hstack([A, np.ones((len(A), int(fit_intercept)))])
    expected = naive.loss_of((y - full @ naive.least_absolute(full, y, s))[:, None], "absolute", s)
    actual = naive.loss_of((y - A @ model.coef_ - model.intercept_)[:, None], "absolute", s)
    scale = naive.loss_of(y[:, None], "absolute", s)
    assert_allclose(actual, expected, rtol=0, atol=1e-10 * scale)
    assert_allclose(model.residual_[-1], actual, rtol=0, atol=1e-13 * scale)
    assert 0 <= model.kkt_violation_ <= 1e-10


SIZES = [(1, 1), (2, 1), (3, 2), (5, 2), (6, 6), (8, 3), (20, 3), (21, 9), (50, 12), (101, 7), (200, 15), (400, 4)]


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize(("m", "k"), SIZES)
def test_refit_is_the_linear_program(rng, m, k, fit_intercept):
    for weighted in (False, True):
        for scale in (0, 2):  # columns of one size, and between 1 and 100
            A = rng.standard_normal((m, k)) * 10 ** rng.uniform(0, scale, k)
            y = A @ rng.standard_normal(k) + rng.standard_t(1, m)
            s = rng.exponential(size=m) * (rng.random(m) < 0.8) if weighted and m > 2 else None
            if s is not None and not s.any():
                s[0] = 1
            assert_least_absolute(A, y, s, fit_intercept=fit_intercept)


DEGENERATE = {
    "integers": lambda rng, A, y: (np.rint(A), np.rint(3 * y)),
    "signs": lambda rng, A, y: (np.where(A < 0, -1.0, 1.0), np.rint(y)),
    "mostly zeros": lambda rng, A, y: (np.rint(A) * (rng.random(A.shape) < 0.4), np.rint(y)),
    "repeated rows": lambda rng, A, y: (np.repeat(A[::3], 3, axis=0)[: len(A)], np.repeat(y[::3], 3)[: len(A)]),
    "repeated rows, other targets": lambda rng, A, y: (np.repeat(A[::3], 3, axis=0)[: len(A)], y),
    "half of y is zero": lambda rng, A, y: (A, y * (rng.random(len(y)) < 0.5)),
    "y of one value": lambda rng, A, y: (A, np.full(len(y), 2.0)),
    "met by most rows": lambda rng, A, y: (A, A.sum(axis=1) + 50 * y * (rng.random(len(y)) < 0.2)),
    "groups": lambda rng, A, y: (np.eye(A.shape[1])[rng.integers(A.shape[1], size=len(A))], np.rint(2 * y)),
    "rows of zeros": lambda rng, A, y: (A * (rng.random((len(A), 1)) < 0.6), y),
    "a line": lambda rng, A, y: (np.vander(np.arange(float(len(A))), 2)[:, :1], np.rint(y) + np.arange(len(A))),
}


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("how", DEGENERATE)
def test_refit_is_the_linear_program_on_degenerate_data(rng, how, fit_intercept):
    for m, k in [(7, 2), (12, 3), (25, 4), (40, 6), (90, 5)]:
        A, y = DEGENERATE[how](rng, rng.standard_normal((m, k)), 2 * rng.standard_normal(m))
        assert_least_absolute(A, y, fit_intercept=fit_intercept)
        assert_least_absolute(A, y, rng.integers(0, 3, m) + (np.arange(m) == 0), fit_intercept=fit_intercept)


# one in a hundred of such problems once had no certificate, one in a thousand gave NaN or cycled
SEEDS = [1000076, 1001572, 1006321, 1007879, 1011228, 2000037, 2000054, 2000068, 3000123, 3000204, 3000289, 3008049]


@pytest.mark.parametrize("seed", SEEDS)
def test_refit_is_the_linear_program_on_small_integers(seed):
    """Many rows meet in one vertex."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 130))
    k, fit_intercept, h = int(rng.integers(1, min(14, m))), bool(rng.integers(2)), int(rng.integers(1, 4))
    A, y = rng.integers(-h, h + 1, (m, k)).astype(float), rng.integers(-5, 6, m).astype(float)
    s = None if rng.random() < 0.6 else rng.integers(0, 4, m) + (np.arange(m) == 0)
    assert_least_absolute(A, y, s, fit_intercept=fit_intercept)


@pytest.mark.parametrize("fit_intercept", [False, True])
@each_cell
def test_more_free_columns_than_samples(rng, loss, penalty, fit_intercept):
    """As many of them enter as are independent; that is an exact fit. Samples of weight zero are none."""
    X, y, _ = problem(rng)
    s = (rng.permutation(M) < 6).astype(float)
    free = WeightedOMP(loss, penalty, 0.1, feature_weights=np.zeros(N), fit_intercept=fit_intercept)
    for model in (clone(free).fit(X[s > 0], y[s > 0]), clone(free).fit(X, y, s)):
        assert model.n_nonzero_coefs_ == 6 - fit_intercept
        assert model.stop_reason_ == "exact fit"
        # bases of six random rows: kappa < 1e4, 100 roundings
        assert_allclose(model.predict(X[s > 0]), y[s > 0], rtol=0, atol=1e-10 * np.abs(y).max())


def test_dependent_free_columns_do_not_spoil_the_refit(rng):
    for columns in (2, 3):
        A = rng.standard_normal((20, columns)) @ rng.standard_normal((columns, 6))
        y = rng.standard_normal(20)
        model = all_columns(A, y)
        expected = naive.loss_of((y - A @ naive.least_absolute(A, y))[:, None], "absolute")
        assert_allclose(model.residual_[-1], expected, rtol=1e-10)
        assert np.all(np.isfinite(model.coef_))


def test_the_intercept_of_the_absolute_loss_is_a_column_and_no_mean(rng):
    """Two fifths of the samples are far off; 3 x + 1 is met by all others. A mean would be off by 400."""
    x = rng.standard_normal((50, 1))
    y = 3 * x[:, 0] + 1
    y[rng.permutation(50)[:20]] += 1000
    model = WeightedOMP("absolute", "l1", 1e-3).fit(x, y)
    assert_allclose(model.coef_, [3], rtol=1e-10)
    assert_allclose(model.intercept_, 1, rtol=1e-10)
    empty = WeightedOMP("absolute", "l1", 1e6).fit(x[:49], y[:49])
    assert empty.intercept_ == np.median(y[:49])
    s = rng.integers(1, 5, 49)
    s[0] += 1 - s.sum() % 2
    assert WeightedOMP("absolute", "l1", 1e6).fit(x[:49], y[:49], s).intercept_ == np.median(np.repeat(y[:49], s))


@pytest.mark.parametrize("penalty", naive.PENALTIES)
def test_defect_6_every_refit_is_a_vertex(rng, penalty):
    """A unique solution with k columns meets k samples, not up to a solver's tolerance but up to rounding."""
    X, y, _ = problem(rng, m=61)
    y = y + 50 * rng.standard_normal(61) * (rng.random(61) < 0.15)
    model = WeightedOMP("absolute", penalty, 1e-3, fit_intercept=False).fit(X, y)
    assert model.n_nonzero_coefs_ > 3
    for i, coef in enumerate(model.path_):
        S = model.active_[: i + 1]
        r = np.sort(np.abs(y - X[:, S] @ coef[: i + 1]))
        assert r[i] <= 1e-11 * np.abs(y).max() < r[i + 1]  # kappa of i + 1 rows < 1000
        expected = naive.loss_of((y - X[:, S] @ naive.least_absolute(X[:, S], y))[:, None], "absolute")
        assert_allclose(model.residual_[i + 1], expected, rtol=1e-10)


# ---- alpha that needs no tuning


def auto(X, y, s=None, **options):
    return WeightedOMP(**options).fit(X, y, sample_weight=s)


def test_auto_weights_and_alpha(rng):
    X, y, s = problem(rng, m=81)
    w = feature_weights(rng)
    model = auto(X, y, s, feature_weights=w)
    A, _ = centred(X, s, center=True)
    expected = w * norm(A, axis=0) / np.sqrt(s.sum())
    assert_allclose(model.effective_weights_, expected, rtol=1e-13)  # 25 roundings
    assert 0 < model.alpha_ < 1  # the sine of an angle
    assert_allclose(auto(X, y, fit_intercept=False).effective_weights_, norm(X, axis=0) / np.sqrt(81), rtol=1e-13)
    assert model.stop_reason_ != "noise" and model.n_nonzero_coefs_ > 2  # a rule that other alphas do not have
    by_hand = WeightedOMP("sqrt", "l1", model.alpha_, feature_weights=model.effective_weights_).fit(X, y, s)
    assert_array_equal(by_hand.active_, model.active_)
    assert_same(by_hand, model)
    assert_follows(model, naive.weighted_omp(X, y, "sqrt", "l1", model.alpha_, model.effective_weights_, s))


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_auto_does_not_see_units(rng, fit_intercept):
    """Columns in units between 1e-3 and 1e3, y in others: the same support, coefficients in their units."""
    for _ in range(5):
        X, y, s = problem(rng, m=40, n=60)
        d = 10 ** rng.uniform(-3, 3, 60)
        model = auto(X, y, s, fit_intercept=fit_intercept)
        assert model.n_nonzero_coefs_ > 0
        for factor, other in (
            (1 / d, auto(X * d, y, s, fit_intercept=fit_intercept)),
            (1e-9, auto(X, 1e-9 * y, s, fit_intercept=fit_intercept)),
            (-1e7, auto(X, -1e7 * y, s, fit_intercept=fit_intercept)),
        ):
            assert other.alpha_ == model.alpha_
            assert_array_equal(other.active_, model.active_)
            # kappa of the normalised columns < 1000, 100 roundings
            assert_allclose(other.coef_ / factor, model.coef_, rtol=0, atol=1e-11 * np.abs(model.coef_).max())


def test_auto_reads_sample_weights_as_repetitions(rng):
    X, y, _ = problem(rng, m=40, n=60)
    s = rng.integers(0, 4, 40)
    weighted, repeated = auto(X, y, s), auto(np.repeat(X, s, axis=0), np.repeat(y, s))
    assert weighted.n_nonzero_coefs_ > 1
    assert_allclose(weighted.alpha_, repeated.alpha_, rtol=1e-14)
    assert_array_equal(weighted.active_, repeated.active_)
    assert_same(weighted, repeated)


def test_auto_of_pure_noise_is_nothing(rng):
    """A column is selected at 5 of 100 noises; if that were 10, more than 9 of 40 would come once in 200 runs."""
    models = [auto(rng.standard_normal((60, 100)), rng.standard_normal(60)) for _ in range(40)]
    assert sum(model.stop_reason_ != "noise" for model in models) <= 9
    assert all(model.n_nonzero_coefs_ == 0 for model in models if model.stop_reason_ == "noise")


def test_auto_needs_no_noise_level(rng):
    """Ten of 300 columns, 150 samples: over two decades of noise the error is that of whoever knows the columns."""
    for noise in (1e-3, 1e-2, 1e-1):
        ratios = []
        for _ in range(5):
            X = rng.standard_normal((150, 300))
            X /= norm(X, axis=0)
            coef = np.zeros(300)
            coef[rng.permutation(300)[:10]] = rng.standard_normal(10)
            e = rng.standard_normal(150)
            y = X @ coef
            y = y + noise * norm(y) * e / norm(e)
            model = auto(X, y, fit_intercept=False)
            known = np.linalg.lstsq(X[:, coef != 0], y, rcond=None)[0]
            ratios.append(norm(model.coef_ - coef) / norm(known - coef[coef != 0]))
        assert np.median(ratios) <= 1.6


# ---- types


@each_cell
def test_single_precision_stays_single(rng, loss, penalty):
    X, y, s = problem(rng)
    model = WeightedOMP(loss, penalty, 0.05)
    single, double = (clone(model).fit(X.astype(t), y.astype(t), s.astype(t)) for t in ("float32", "float64"))
    assert single.coef_.dtype == single.path_.dtype == np.float32
    assert single.predict(X.astype("float32")).dtype == np.float32
    assert double.n_nonzero_coefs_ > 1
    assert_array_equal(single.active_, double.active_)
    # kappa < 100, 100 roundings
    assert_allclose(single.coef_, double.coef_, rtol=0, atol=1e-3 * np.abs(double.coef_).max())


@each_cell
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_scales(rng, loss, penalty, dtype):
    """Squares of 1e-18 (float32: 1e-36) and of 1e150 (1e17) are still numbers."""
    X, y, _ = (a.astype(dtype) for a in problem(rng))
    model = WeightedOMP(loss, penalty, 0.0, max_iter=4).fit(X, y)
    assert model.n_nonzero_coefs_ > 1
    for scale in (1e-18, 1e17) if dtype == "float32" else (1e-150, 1e150):
        scaled = clone(model).fit(X, (y * scale).astype(dtype))
        assert_array_equal(scaled.active_, model.active_)
        # kappa < 100, 100 roundings
        atol = 1e4 * np.finfo(dtype).eps * np.abs(model.coef_).max()
        assert_allclose(scaled.coef_ / np.dtype(dtype).type(scale), model.coef_, rtol=0, atol=atol)


@each_smooth_cell
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_types(rng, loss, penalty, dtype):
    X, y, _ = problem(rng, 2, dtype)
    model = WeightedOMP(loss, penalty, 0.02).fit(X.astype(dtype), y.astype(dtype))
    assert model.coef_.dtype == dtype
    assert model.coef_.shape == (2, N) and model.intercept_.shape == (2,)
    for name in ("residual_", "objective_", "decrease_"):
        assert getattr(model, name).dtype.kind == "f"


@pytest.mark.parametrize("n_targets", [None, 1, 3])
@each_smooth_cell
def test_shapes(rng, loss, penalty, n_targets):
    X, y, _ = problem(rng, n_targets)
    model = WeightedOMP(loss, penalty, 0.02, feature_weights=feature_weights(rng)).fit(X, y)
    k = model.n_nonzero_coefs_
    targets = () if n_targets is None else (n_targets,)
    assert k > 2
    assert model.coef_.shape == (*targets, N)
    assert np.shape(model.intercept_) == targets
    assert model.active_.shape == model.decrease_.shape == (k,)
    assert model.path_.shape == (*targets, k, k)
    assert model.residual_.shape == model.objective_.shape == (k + 1,)
    assert model.effective_weights_.shape == (N,)
    assert np.all(np.diff(model.residual_) <= 1e-13 * model.residual_[0])  # rounding
    assert isinstance(model.n_iter_, int) and isinstance(model.stop_reason_, str)
    assert model.predict(X).shape == y.shape
    assert_allclose(model.coef_[..., model.active_], model.path_[..., -1, :], rtol=1e-14)


# ---- life among others


def test_in_a_pipeline_with_a_grid_search(rng):
    X = rng.standard_normal((80, 20)) * 10 ** rng.uniform(-2, 2, 20) + 5
    y = X[:, 3] / X[:, 3].std() - 2 * X[:, 7] / X[:, 7].std() + 0.1 * rng.standard_normal(80)
    for loss, penalty in CELLS:
        pipe = make_pipeline(StandardScaler(), WeightedOMP(loss, penalty, 0.1))
        search = GridSearchCV(pipe, {"weightedomp__alpha": [0.003, 0.03, 30.0]}, cv=3).fit(X, y)
        assert search.best_score_ > 0.9
        assert search.best_params_["weightedomp__alpha"] < 1
        assert {3, 7} <= set(search.best_estimator_[-1].active_.tolist())


@each_cell
def test_pickle_and_clone(rng, loss, penalty):
    X, y, s = problem(rng)
    model = WeightedOMP(loss, penalty, 0.02, feature_weights=feature_weights(rng)).fit(X, y, s)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))
    assert_array_equal(clone(model).fit(X, y, s).coef_, model.coef_)
    assert_array_equal(again.fit(X, y, s).path_, model.path_)


@each_cell
def test_input_is_left_alone(rng, loss, penalty):
    X, y, s = problem(rng)
    w = feature_weights(rng)
    arrays = (X, y, s, w)
    copies = [a.copy() for a in arrays]
    for a in arrays:
        a.setflags(write=False)
    WeightedOMP(loss, penalty, 0.02, feature_weights=w).fit(X, y, s)
    for a, copy in zip(arrays, copies, strict=True):
        assert_array_equal(a, copy)


# ---- bad input


@pytest.mark.parametrize(("loss", "penalty"), [cell for cell in CELLS if cell != ("sqrt", "l1")])
def test_auto_is_for_the_square_root_with_l1(rng, loss, penalty):
    X, y, _ = problem(rng)
    with pytest.raises(ValueError, match=r"\balpha\b"):
        WeightedOMP(loss, penalty, "auto").fit(X, y)


@pytest.mark.parametrize("kind", ["csr_array", "csc_matrix", "operator", "complex X", "complex y", "two targets"])
def test_absolute_takes_one_real_dense_target(rng, kind):
    X, y, _ = problem(rng)
    if kind == "two targets":
        y = np.c_[y, y]
    elif kind == "complex y":
        y = y + 1j
    else:
        X = X + 1j if kind == "complex X" else KINDS[kind](X)
    with pytest.raises((ValueError, TypeError), match="absolute"):
        WeightedOMP("absolute", "l1", 0.1).fit(X, y)


BAD = {
    "alpha": [-1.0, np.nan, "small", None],
    "loss": ["huber", "Sqrt", None],
    "penalty": ["l2", None],
    "max_iter": [0, -1, 2.5, "3"],
    "feature_weights": [np.ones(N - 1), np.full(N, -1.0), np.full(N, np.nan)],
}


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param(n, v, id=f"{n}-{i}") for n, vs in BAD.items() for i, v in enumerate(vs)]
)
def test_bad_parameters_are_refused_by_name(rng, name, value):
    X, y, _ = problem(rng)
    model = WeightedOMP(**({"loss": "sqrt", "penalty": "l1", "alpha": 0.1} | {name: value}))
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        model.fit(X, y)


@pytest.mark.parametrize("s", [-np.ones(M), np.full(M, np.nan), np.ones(M + 1), np.zeros(M)], ids=range(4))
@pytest.mark.parametrize("loss", naive.LOSSES)
def test_bad_sample_weights(rng, loss, s):
    X, y, _ = problem(rng)
    with pytest.raises(ValueError, match="sample_weight"):
        WeightedOMP(loss, "l1", 0.1).fit(X, y, s)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("loss", naive.LOSSES)
def test_nan_and_infinity(rng, loss, value):
    X, y, _ = problem(rng)
    bad_X, bad_y = X.copy(), y.copy()
    bad_X[2, 3], bad_y[4] = value, value
    for a, b in ((bad_X, y), (X, bad_y)):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            WeightedOMP(loss, "l1", 0.1).fit(a, b)

"""Cases in which an answer was once wrong."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import aslinearoperator

from sparsekit import MatchingPursuit, OrthogonalMatchingPursuit, PursuitCoder, orthogonal_mp


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_float32_means_of_many_rows(rng, make):
    X = (1000 + rng.standard_normal((100_000, 3))).astype(np.float32)
    y = (X.astype(float) @ [1, 2, 3]).astype(np.float32)
    model = OrthogonalMatchingPursuit(3).fit(make(X), y)
    np.testing.assert_allclose(model.coef_, [1, 2, 3], rtol=1e-4)  # y itself is rounded to 2e-4 of its spread
    assert model.kkt_violation_ < 1e-4


@pytest.mark.parametrize("layout", ["csr", "csc"])
@pytest.mark.parametrize("model", [MatchingPursuit(8), OrthogonalMatchingPursuit(4, selection="ols")])
def test_entries_that_share_a_place_add_up(rng, layout, model):
    A, y = rng.standard_normal((30, 8)), rng.standard_normal(30)
    entries, rows, columns = A.T.ravel(), np.tile(np.arange(30), 8), np.repeat(np.arange(8), 30)
    major, minor = (columns, rows) if layout == "csc" else (rows, columns)
    order = np.argsort(major, kind="stable")
    data = np.stack([5 * entries[order], -4 * entries[order]], axis=1).ravel()
    indptr = np.concatenate([[0], 2 * np.cumsum(np.bincount(major))])
    make = sp.csc_array if layout == "csc" else sp.csr_array
    S = make((data, np.repeat(minor[order], 2), indptr), shape=A.shape)
    np.testing.assert_allclose(model.fit(S, y).coef_, model.fit(A, y).coef_, atol=1e-13)


def test_a_sparse_column_of_large_mean_keeps_its_digits(rng):
    X = rng.standard_normal((500, 12))
    X[:, 0] += 1e7
    Y = X @ rng.standard_normal((12, 12)) + 0.1 * rng.standard_normal((500, 12))
    dense, sparse = (OrthogonalMatchingPursuit(12).fit(make(X), Y).coef_ for make in (np.asarray, sp.csr_array))
    np.testing.assert_allclose(sparse, dense, rtol=1e-6)  # 1e7 leaves nine digits


@pytest.mark.parametrize("model", [MatchingPursuit(2), OrthogonalMatchingPursuit(2)])
def test_targets_of_very_different_scale(rng, model):
    X = rng.standard_normal((50, 20))
    both = model.fit(X, np.c_[X[:, 0], 1e-200 * X[:, 1]]).coef_[1]
    np.testing.assert_allclose(both, model.fit(X, 1e-200 * X[:, 1]).coef_, rtol=1e-12)
    assert np.argmax(both) == 1


def test_a_tolerance_does_not_reserve_memory_for_every_column():
    X = sp.eye_array(200_000, format="csr")
    y = np.zeros(200_000)
    y[:3] = 3, 2, 1
    np.testing.assert_array_equal(np.flatnonzero(orthogonal_mp(X, y, tol=0.5)), [0, 1, 2])


def test_float32_codes_meet_their_tolerance(rng):
    atoms = rng.standard_normal((60, 40))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    signals, tol = rng.standard_normal((100, 40)).astype(np.float32), 1e-6 * 40
    coder = PursuitCoder(atoms, tol=tol).fit(signals)
    rest = signals - coder.inverse_transform(coder.transform(signals))
    assert ((rest.astype(float) ** 2).sum(axis=1) <= 1.05 * tol).all()  # the check itself is made in float32


def test_a_tolerance_that_takes_more_directions_than_there_is_room_for_at_first(rng):
    X, y = rng.standard_normal((200, 300)), rng.standard_normal(200)
    model = OrthogonalMatchingPursuit(tol=1e-3, fit_intercept=False).fit(X, y)
    assert model.n_nonzero_coefs_ > 64
    expected = np.linalg.lstsq(X[:, model.active_], y, rcond=None)[0]
    np.testing.assert_allclose(model.coef_[model.active_], expected, rtol=1e-9)
    np.testing.assert_allclose(np.diag(model.path_[-1:][:, -1:]), expected[-1:], rtol=1e-9)


def test_no_step_makes_an_empty_path(rng):
    X = rng.standard_normal((10, 4))
    assert orthogonal_mp(X, np.zeros(10), return_path=True).shape == (4, 0)
    assert orthogonal_mp(X, np.zeros((10, 3)), return_path=True).shape == (4, 3, 0)


@pytest.mark.parametrize(
    ("gram", "message"), [(sp.eye_array(4), "gram must be an array"), (np.zeros((4, 4)), "diagonal")]
)
def test_a_gram_matrix_that_is_none(rng, gram, message):
    X = rng.standard_normal((10, 4))
    with pytest.raises(ValueError, match=message):
        orthogonal_mp(X, X[:, :2], gram=gram)


def test_operators_that_cannot_serve():
    holed = np.eye(3)
    holed[1, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        orthogonal_mp(aslinearoperator(holed), np.ones(3))
    whole = aslinearoperator(np.array([[2, 0], [0, 3]]))
    np.testing.assert_allclose(orthogonal_mp(whole, np.array([2.0, 6.0]), n_nonzero_coefs=2), [1, 2])


def test_a_coder_checks_parameters_that_changed_and_signals_that_overflow(rng):
    signals = rng.standard_normal((5, 20))
    coder = PursuitCoder(n_nonzero_coefs=2).fit(signals.astype(np.float32))
    with pytest.raises(ValueError, match="overflows float32"):
        coder.transform(signals * 1e39)
    with pytest.raises(ValueError, match="method"):
        coder.set_params(method="nonsense").transform(signals)


def test_feature_weights_of_any_ratio(rng):
    X = rng.standard_normal((50, 20))
    weights = np.ones(20)
    weights[3] = 1e-170
    model = OrthogonalMatchingPursuit(5, feature_weights=weights).fit(X, rng.standard_normal(50))
    assert model.active_[0] == 3
    assert model.n_nonzero_coefs_ == 5


def test_sample_weights_out_of_range_are_refused(rng):
    X = rng.standard_normal((10, 4))
    with pytest.raises(ValueError, match="sample_weight"):
        OrthogonalMatchingPursuit(1).fit(X, X[:, 0], sample_weight=np.full(10, 1e308))

"""The 8-bit copies never hide the best column."""

from unittest import mock

import numpy as np
import pytest

from sparsekit import orthogonal_mp
from sparsekit.core.operators import Design
from sparsekit.recovery import omp
from sparsekit.recovery.screening import ScreenedColumns


def columns(rng, kind, m=40, n=300):
    A = rng.standard_t(2, (m, n)) if kind == "heavy" else rng.standard_normal((m, n))
    if kind == "coherent":
        A += 3 * rng.standard_normal((m, 1))
    if kind == "scaled":
        A *= 10.0 ** rng.uniform(-30, 30, n)
    if kind == "zeros":
        A[:, ::3] = 0
    return A


@pytest.mark.parametrize("kind", ["plain", "heavy", "coherent", "scaled", "zeros"])
def test_codes_reproduce_the_columns_within_the_stated_error(rng, kind):
    A = columns(rng, kind)
    screen = ScreenedColumns(Design(A))
    coded = (screen.codes * screen.step[:, None]).T
    # the kernel sums in another order than NumPy: 40 terms, so 40 eps of the column's length
    rounding = 40 * np.finfo(float).eps * np.linalg.norm(A, axis=0)
    assert (abs(np.linalg.norm(A - coded, axis=0) - screen.error) <= rounding).all()
    assert (abs(np.linalg.norm(coded, axis=0) - screen.size) <= rounding).all()
    assert (np.abs(screen.codes) <= 127).all()


@pytest.mark.parametrize("kind", ["plain", "heavy", "coherent", "zeros"])
def test_candidates_hold_the_best_column(rng, kind):
    A = columns(rng, kind)
    screen, offered = ScreenedColumns(Design(A)), 0
    for _ in range(50):
        r, preference = rng.standard_normal(len(A)), rng.uniform(0, 1, A.shape[1]) ** 2
        found = screen.candidates(r, preference)
        if found is not None:
            offered += 1
            assert np.argmax((A.T @ r) ** 2 * preference) in found
    assert offered > 5 or kind == "coherent"  # near copies crowd the bound: there the plain product decides


@pytest.mark.parametrize("kind", ["plain", "heavy", "coherent"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_screened_and_plain_supports_are_the_same(rng, kind, dtype):
    A = columns(rng, kind).astype(dtype)
    y = (A[:, :10] @ rng.standard_normal(10) + 0.1 * rng.standard_normal(len(A))).astype(dtype)
    plain = orthogonal_mp(A, y, n_nonzero_coefs=12)
    with (
        mock.patch.object(omp, "_SCREENED_SIZE", 1),
        mock.patch.object(
            ScreenedColumns, "candidates", autospec=True, side_effect=ScreenedColumns.candidates
        ) as asked,
    ):
        screened = orthogonal_mp(A, y, n_nonzero_coefs=12)
    assert asked.call_count >= 10
    np.testing.assert_array_equal(screened != 0, plain != 0)


def test_a_zero_residual_has_no_candidates():
    screen = ScreenedColumns(Design(np.eye(4)))
    assert screen.candidates(np.array([1.0, 0, 0, 0]), np.zeros(4)) is None

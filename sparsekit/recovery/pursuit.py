"""What all greedy pursuits share: when to stop, what comes out, and who may be chosen."""

import warnings
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_scalar

from sparsekit.core.kernels import kernel
from sparsekit.core.scaling import exponent, shifted
from sparsekit.core.validation import check_non_negative

REASONS = ("n_nonzero_coefs", "tol", "exact fit", "no column left")
FULL, TOL, EXACT, NO_COLUMN = range(len(REASONS))

_DEPENDENT = 4096  # times eps: a column with less of its square outside the span of the others depends on them
_NOISE = 64  # times eps: correlations of this size, relative to ||a|| ||y||, are rounding
_TIE = 64  # times eps: scores this close are equal, and the smallest index wins


class Limits(NamedTuple):
    """When a pursuit stops and what it takes for zero."""

    n_steps: int
    tol: float  # squared residual norm; -1 when not asked for
    dependent: float  # squared distance to the span, relative to the squared column norm
    noise: float  # |a^H r| relative to ||a|| ||y||
    tie: float  # share of the largest score that still counts as largest


class Pursuit(NamedTuple):
    """The course of P pursuits over t targets: P = 1 for one joint support, P = t otherwise."""

    active: np.ndarray  # (P, k) columns in the order of entry, -1 beyond the last step
    coef: np.ndarray  # (t, k) their final coefficients
    path: np.ndarray  # (t, k, k) row i: coefficients after step i; (0, k, k) when not asked for
    residual: np.ndarray  # (P, k + 1) residual norms in float64, before and after each step; the last one repeated
    n_steps: np.ndarray  # (P,)
    reason: np.ndarray  # (P,) index into REASONS


@kernel
def ended(reason, t, rest, tol, rounding, limits):
    """Why a pursuit to the tolerance `tol` ended after t steps with the squared residual `rest`.

    A residual below `rounding` is zero but for rounding.

    `reason` is what the loop saw: FULL, or NO_COLUMN when no correlation meant anything. A pursuit that was to reach
    a tolerance and used all its steps has no column left either.
    """
    if rest <= tol:
        return TOL
    if rest <= rounding and (t < limits.n_steps or tol >= 0):
        return EXACT
    return NO_COLUMN if tol >= 0 and t == limits.n_steps else reason


def check_stop(n_nonzero_coefs, tol, design, *, repeats=False):
    """Limits from the parameters of an estimator, capped by the steps that can make sense.

    Without repeats these are the columns that can be independent, min(m, N), one less row after centring; a matching
    pursuit, which may choose a column again, gets ten steps a column.
    """
    m, n_features = design.shape
    most = 10 * n_features if repeats else max(1, min(m - design.center, n_features))
    if tol is not None:
        check_non_negative(tol, "tol")
        n_steps = most
    elif n_nonzero_coefs is None:
        n_steps = min(most, max(1, n_features // 10))
    else:
        check_scalar(n_nonzero_coefs, "n_nonzero_coefs", Integral, min_val=1)
        n_steps = min(most, n_nonzero_coefs)
        if n_nonzero_coefs > most:
            warnings.warn(
                f"n_nonzero_coefs={n_nonzero_coefs} is more than the {most} steps that make sense for {m} samples and "
                f"{n_features} features: {most} are made. Lower n_nonzero_coefs to silence this.",
                UserWarning,
                stacklevel=3,
            )
    eps = float(np.finfo(design.dtype).eps)
    return Limits(int(n_steps), -1.0 if tol is None else float(tol), _DEPENDENT * eps, _NOISE * eps, 1 - _TIE * eps)


def at_unit_scale(Y, stop):
    """Targets with entries of at most 1, limits to match, and the power of two that was taken out."""
    shift = exponent(Y)
    tol = float(np.ldexp(stop.tol, -2 * shift)) if stop.tol > 0 else stop.tol
    return shifted(Y, -shift), stop._replace(tol=tol), shift


def scaled_back(pursuit, shift, of_coef):
    """The pursuit of the original targets, from the powers of two of the residual and of the coefficients."""
    coef, path = shifted(pursuit.coef, of_coef), shifted(pursuit.path, of_coef)
    return pursuit._replace(coef=coef, path=path, residual=shifted(pursuit.residual, shift))


def empty_pursuit(n_pursuits, n_targets, n_steps, dtype, *, path):
    """Arrays for the outcome, with nothing chosen yet."""
    return Pursuit(
        active=np.full((n_pursuits, n_steps), -1),
        coef=np.zeros((n_targets, n_steps), dtype),
        path=np.zeros((n_targets if path else 0, n_steps, n_steps), dtype),
        residual=np.zeros((n_pursuits, n_steps + 1)),
        n_steps=np.zeros(n_pursuits, np.int64),
        reason=np.zeros(n_pursuits, np.int64),
    )


def joined(pursuits):
    """One Pursuit from those of consecutive targets, with no more steps than the longest took."""
    n_steps = np.concatenate([pursuit.n_steps for pursuit in pursuits])
    k = n_steps.max(initial=0)
    return Pursuit(
        active=np.concatenate([_fitted(pursuit.active, (k,), constant_values=-1) for pursuit in pursuits]),
        coef=np.concatenate([_fitted(pursuit.coef, (k,)) for pursuit in pursuits]),
        path=np.concatenate([_fitted(pursuit.path, (k, k)) for pursuit in pursuits]),
        residual=np.concatenate([_fitted(pursuit.residual, (k + 1,), mode="edge") for pursuit in pursuits]),
        n_steps=n_steps,
        reason=np.concatenate([pursuit.reason for pursuit in pursuits]),
    )


def _fitted(array, shape, **padding):
    """The array with its last axes cut or padded to a shape."""
    array = array[(slice(None), *map(slice, shape))]
    missing = [(0, n - have) for n, have in zip(shape, array.shape[1:], strict=True)]
    return np.pad(array, [(0, 0), *missing], **padding) if any(map(any, missing)) else array


def dense_coefficients(active, coef, n_features):
    """Coefficients (t, n_features) from their values (t, k) at the columns `active` (P, k)."""
    dense = np.zeros((len(coef), n_features), coef.dtype)
    target, step = np.nonzero(np.broadcast_to(active, coef.shape) >= 0)
    np.add.at(dense, (target, np.broadcast_to(active, coef.shape)[target, step]), coef[target, step])
    return dense

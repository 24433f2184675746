"""Matching pursuit: one atom at a time, never refitted [mallat1993]_.

    r = y, w = 0
    repeat: j = argmax_j |a_j^H r| / (||a_j|| omega_j)          sign = "both"
            j = argmax_j  a_j^T r  / (||a_j|| omega_j) > 0      sign = "positive"
            v = a_j^H r / ||a_j||^2,   w_j <- w_j + v,   r <- r - v a_j

An atom may return; its coefficient then adds up. With the Gram matrix G = A^H A the residual is not needed:
c <- c - v G[:, j], so that a step on one of many targets costs O(N).
"""

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.core.operators import energy, squared_norms
from sparsekit.core.scaling import is_extreme
from sparsekit.core.simd import float_of, max_bits
from sparsekit.core.threads import check_n_jobs, run_chunks
from sparsekit.core.validation import check_choice, check_feature_weights
from sparsekit.recovery._regressor import SparseRegressor
from sparsekit.recovery.batch_omp import Decrease, State, first_above, gram_pays, pursue_batch
from sparsekit.recovery.pursuit import (
    FULL,
    NO_COLUMN,
    REASONS,
    Pursuit,
    at_unit_scale,
    check_stop,
    dense_coefficients,
    ended,
    joined,
    scaled_back,
)
from sparsekit.recovery.selection import first_largest, preference

SIGNS = ("both", "positive")


@kernel(fastmath={"contract", "reassoc"})
def match_gram(positive, G, preference, C, tol, limits, out):
    """Matching pursuit of every row of C (n, N) = (A^H y)^T; out.residual[:, 0] holds ||y||, C is used up."""
    n_columns, k = G.shape[0], out.active.shape[1]
    inverse, score = np.empty(n_columns), np.empty(n_columns)
    for j in range(n_columns):
        inverse[j] = 1 / G[j, j].real if G[j, j].real > 0 else 0.0
    for row in range(C.shape[0]):
        c, energy = C[row], out.residual[row, 0] ** 2
        floor = limits.noise * limits.noise * energy
        t, reason, rest = 0, FULL, energy
        while t < k and rest > tol[row]:
            best = np.int64(0)
            for j in range(n_columns):
                share = (c[j] * np.conj(c[j])).real * inverse[j]
                meaningful = share > floor and not (positive and c[j].real < 0)
                score[j] = share * preference[j] if meaningful else 0.0
                best = max_bits(best, score[j])
            if best == 0:
                reason = NO_COLUMN
                break
            s = first_above(Decrease(), float_of(best) * limits.tie, State(c, inverse, score))
            v, g = c[s] * inverse[s], G[s]
            rest = max(rest - (v * np.conj(c[s])).real, 0.0)
            for j in range(n_columns):
                c[j] -= v * np.conj(g[j])
            out.active[row, t], out.coef[row, t] = s, v
            t += 1
            out.residual[row, t] = np.sqrt(rest)
        for i in range(t + 1, k + 1):
            out.residual[row, i] = out.residual[row, t]
        out.n_steps[row] = t
        out.reason[row] = ended(reason, t, rest, tol[row], (t + 1) * limits.noise / 16 * energy, limits)


def match_columns(design, y, positive, omega, stop):
    """Matching pursuit of one target y (m,) through products with the columns; Pursuit with P = 1."""
    y, stop, shift = at_unit_scale(y, stop)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        extreme = is_extreme(squared_norms(design.adjoint(y)[None, :]).max(), design.dtype)
    design, of_design = design.tamed() if extreme else (design, 0)
    norms = design.squared_norms()
    inverse = np.divide(1, norms, out=np.zeros(len(norms)), where=norms > 0)
    weight, r, rest = preference(omega), y, energy(y)
    floor, residual, reason = stop.noise**2 * rest, [np.sqrt(rest)], FULL
    active, increments = [], []
    while len(active) < stop.n_steps and rest > stop.tol:
        c = design.adjoint(r)
        share = squared_norms(c[None, :]) * inverse
        score = np.where((share > floor) & ~(positive & (c.real < 0)), share * weight, 0.0)
        j = first_largest(score, stop.tie)
        if j < 0:
            reason = NO_COLUMN
            break
        v = (c[j] * inverse[j]).astype(y.dtype)
        r = r - v * design.columns([j])[:, 0]
        rest = energy(r)
        active.append(j)
        increments.append(v)
        residual.append(np.sqrt(rest))
    found = Pursuit(
        active=np.array([active], int),
        coef=np.array([increments], y.dtype),
        path=np.zeros((0, 0, 0), y.dtype),
        residual=np.array([residual]),
        n_steps=np.array([len(active)]),
        reason=np.array([ended(reason, len(active), rest, stop.tol, floor, stop)]),
    )
    return scaled_back(found, shift, shift + of_design)


class MatchingPursuit(SparseRegressor):
    r"""Linear regression by single corrections: the residual gives up its share along one column at a time.

    Parameters
    ----------
    n_nonzero_coefs : int, default=None
        Number of steps, which bounds the number of non-zero coefficients; None is ``max(1, n_features // 10)``. More
        than ``10 * n_features`` is capped with a warning.
    tol : float, default=None
        Squared (weighted) residual norm at which to stop; overrides `n_nonzero_coefs`, up to ``10 * n_features`` steps.
    sign : {"both", "positive"}, default="both"
        Correct by the largest correlation in absolute value, or only ever upwards: the largest positive correlation
        (as the encoder of a matching-pursuit autoencoder does).
    feature_weights : array-like of shape (n_features,), default=None
        A column competes with its cosine divided by its weight, in (0, inf]; inf: never chosen.
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    n_jobs : int, default=None
        Number of threads over several targets; the answer does not depend on it.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept(s).
    active_ : ndarray of shape (n_steps,) or (n_targets, n_steps)
        The column of every step; -1 where a target stopped earlier than others.
    increments_ : ndarray of the shape of `active_`
        What the step added to the coefficient of that column.
    residual_ : ndarray of shape (n_steps + 1,) or (n_targets, n_steps + 1)
        Weighted residual norms before the first and after each step.
    n_nonzero_coefs_ : int or ndarray of shape (n_targets,)
        Number of non-zero coefficients.
    n_iter_ : int or ndarray of shape (n_targets,)
        Number of steps.
    stop_reason_ : str or list of str
        "n_nonzero_coefs" (all steps made), "tol", "exact fit" or "no column left".
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    OrthogonalMatchingPursuit : Refits all chosen columns at every step.
    PursuitCoder : Sparse codes of many signals.

    Notes
    -----
    One target costs a product with X a step. Several targets whose steps are at least n_features together
    go through the Gram matrix: O(n_samples n_features^2) once and O(n_features) a step.

    References
    ----------
    :cite:`mallat1993`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import MatchingPursuit
    >>> X = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    >>> model = MatchingPursuit(n_nonzero_coefs=3, fit_intercept=False).fit(X, [4.0, 0.0, 0.0])
    >>> model.coef_
    array([4., 0., 0.])
    >>> model.stop_reason_
    'exact fit'
    """

    def __init__(
        self, n_nonzero_coefs=None, *, tol=None, sign="both", feature_weights=None, fit_intercept=True, n_jobs=None
    ):
        self.n_nonzero_coefs = n_nonzero_coefs
        self.tol = tol
        self.sign = sign
        self.feature_weights = feature_weights
        self.fit_intercept = fit_intercept
        self.n_jobs = n_jobs

    def fit(self, X, y, sample_weight=None):
        """Pursue the target(s).

        Parameters
        ----------
        X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
            Training data, real or complex.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; an integer weight is that many copies of the row.

        Returns
        -------
        self : MatchingPursuit
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, shapes that do not fit, weights out of range, `n_nonzero_coefs` < 1, `tol` < 0, an
            unknown `sign`, or ``sign="positive"`` with complex data.
        """
        check_choice(self.sign, "sign", SIGNS)
        design, Y, y_mean, single = self._problem(X, y, sample_weight)
        omega = check_feature_weights(self.feature_weights, design.shape[1])
        if (omega == 0).any():
            msg = "feature_weights must be in (0, inf], got 0: a matching pursuit has no refit to leave free"
            raise ValueError(msg)
        if self.sign == "positive" and Y.dtype.kind == "c":
            msg = "sign='positive' needs real data, got complex X or y; use sign='both'"
            raise ValueError(msg)
        stop = check_stop(self.n_nonzero_coefs, self.tol, design, repeats=True)
        found = match(design, Y, self.sign == "positive", omega, stop, n_jobs=self.n_jobs)
        coef = dense_coefficients(found.active, found.coef, design.shape[1])
        self._set_coefficients(coef, y_mean - coef @ design.mean, single)
        pick = (lambda values: values[0]) if single else (lambda values: values)
        self.active_, self.increments_, self.residual_ = map(pick, (found.active, found.coef, found.residual))
        counts = found.n_steps, np.count_nonzero(coef, axis=1)
        self.n_iter_, self.n_nonzero_coefs_ = map(int, map(pick, counts)) if single else counts
        self.stop_reason_ = pick([REASONS[reason] for reason in found.reason])
        return self


def match(design, Y, positive, omega, stop, *, n_jobs=None):
    """Matching pursuit of every column of Y (m, t), through the Gram matrix where it pays; Pursuit with P = t."""
    check_n_jobs(n_jobs)
    if gram_pays(design, Y, omega, stop):
        found = pursue_batch(match_gram, positive, design, np.ascontiguousarray(Y.T), omega, stop, n_jobs=n_jobs)
    else:
        one = lambda i: match_columns(design, Y[:, i], positive, omega, stop)  # noqa: E731  a line says it
        found = run_chunks(one, range(Y.shape[1]), n_jobs)
    return joined(found)

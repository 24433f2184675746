"""How far coefficients are from optimal, on arrays: the duality gap of convex problems, the violation of stationarity.

The dual points are in :mod:`sparsekit.recovery.dual_points` and :mod:`sparsekit.recovery.dual_search`.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.utils import check_array

from sparsekit.core.operators import Design, energy, squared_norms
from sparsekit.core.scaling import exponent, is_extreme, shifted
from sparsekit.core.validation import (
    check_choice,
    check_dense,
    check_feature_weights,
    check_non_negative,
    check_problem,
    check_sample_weight,
    is_complex,
)
from sparsekit.recovery.decrease import LOSSES, penalty_of
from sparsekit.recovery.dual_points import Problem, free_columns, products, projected, sizes
from sparsekit.recovery.dual_search import searched

_BLOCK = 64  # columns that are made dense at a time
_ROUNDING = 1e-12  # of the target: residuals without a direction


def duality_gap(
    X,
    y,
    coef,
    intercept=0.0,
    *,
    loss,
    alpha,
    feature_weights=None,
    sample_weight=None,
    fit_intercept=True,
    positive=False,
):
    r"""Bound how much the objective of a weighted LASSO could still fall, whoever computed the coefficients.

    The objective is, with sample weights :math:`s_i` of sum W, residuals :math:`r = y - b - X w` and feature weights
    :math:`\omega_j`,

    .. math:: P(w, b) = F(r) + \alpha \sum_j \omega_j |w_j|, \quad F(r) = \frac{1}{2W} \sum_i s_i r_i^2,\
        \sqrt{\frac 1W \sum_i s_i r_i^2} \text{ or } \frac 1W \sum_i s_i |r_i|

    Parameters
    ----------
    X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
        Columns; dense for ``loss="absolute"``.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Target(s); one for ``loss="absolute"``.
    coef : array-like of shape (n_features,) or (n_targets, n_features)
        Any coefficients w. With several targets the norms of all residuals and of the rows of w take the place of
        absolute values.
    intercept : float or array-like of shape (n_targets,), default=0.0
        The b of the formula.
    loss : {"squared", "sqrt", "absolute"}
        F, in the order of the formula.
    alpha : float
        Strength of the penalty, >= 0.
    feature_weights : array-like of shape (n_features,), default=None
        Weights in [0, inf]; None is 1, 0 is never penalised, inf must have coefficient 0.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights s; None is 1.
    fit_intercept : bool, default=True
        Whether b is minimised over as well; otherwise it stays at the given value.
    positive : bool, default=False
        Whether the minimum is sought over w >= 0, for columns of weight 0, too.

    Returns
    -------
    gap : float
        Never negative: P is at most this above its minimum, up to rounding. inf when a column of infinite weight is
        in use.

    Raises
    ------
    ValueError
        For NaN or infinity, shapes that do not fit, an unknown loss, alpha < 0, negative weights, complex data,
        negative coefficients with `positive`, and several targets with ``loss="absolute"``.
    TypeError
        For sparse X or a LinearOperator with ``loss="absolute"``.

    See Also
    --------
    kkt_violation : The conditions of optimality one by one.

    Notes
    -----
    By a point of the dual problem: the residual, free of the columns of weight 0, times the best number
    :cite:`ndiaye2017`. Near a minimum, at an exact fit with the square-root loss and at zero residuals of the absolute
    loss points from the conditions of optimality are tried as well, by least squares and linear programs over few
    columns; there the residual alone has an error of first order, or says nothing. The bound is valid for any
    coefficients and tight at a minimum, except where several targets are fitted exactly by w >= 0 with zeros in rows in
    use, and where a linear program would have more than a million entries.

    Sums and products are in float64. Costs a product with X and one with its adjoint, O(n_samples k^2) for k columns of
    weight 0 (all, when alpha is 0), and for those points some more products, and O(n_samples k^2) for k coefficients
    or zero residuals. Float32 data are copied.

    References
    ----------
    :cite:`ndiaye2017`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import duality_gap
    >>> X, y = np.eye(3), np.array([3.0, 1.0, 0.0])
    >>> duality_gap(X, y, [1.5, 0, 0], loss="squared", alpha=0.5, fit_intercept=False)
    0.0
    >>> duality_gap(X, y, np.zeros(3), loss="squared", alpha=0.5, fit_intercept=False)
    0.4166666666666667
    """
    check_choice(loss, "loss", LOSSES)
    posed = _posed(X, y, coef, intercept, loss, alpha, feature_weights, sample_weight, fit_intercept, positive)
    w = posed.w
    if not (np.isfinite(posed.R).all() and np.isfinite(w).all()) or w[np.isinf(posed.problem.lam)].any():
        return float("inf")
    gap = searched(posed.problem, posed.R, w, posed.peak).gap
    return float(np.ldexp(gap, posed.shift * (2 if loss == "squared" else 1)))


def kkt_violation(
    X,
    y,
    coef,
    intercept=0.0,
    *,
    loss="squared",
    penalty="l1",
    alpha,
    shape=None,
    feature_weights=None,
    sample_weight=None,
    fit_intercept=True,
    positive=False,
):
    r"""Largest violation of the conditions of optimality, relative to the largest gradient of the null model.

    With the penalty :math:`\alpha \sum_j \omega_j |w_j|` and F as in :func:`duality_gap` the negative gradient of F is
    :math:`\alpha \omega_j \operatorname{sign} w_j` where :math:`w_j \neq 0`, at most :math:`\alpha \omega_j` in size
    elsewhere, and 0 for the intercept. For the other penalties coefficients are compared with where their coordinates
    are best: :math:`L_j |w_j - \operatorname{prox}(w_j - g_j / L_j)|` with the gradient g and
    :math:`L_j = \|x_j\|^2 / W`. With an intercept the columns are centred, so that an error of b is not counted again
    for every column.

    Parameters
    ----------
    X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
        Columns.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Target(s); one for penalties other than "l1".
    coef : array-like of shape (n_features,) or (n_targets, n_features)
        Any coefficients w. With several targets rows of w take the place of numbers.
    intercept : float or array-like of shape (n_targets,), default=0.0
        The b of the formula.
    loss : {"squared", "sqrt"}, default="squared"
        F; "squared" for penalties other than "l1".
    penalty : {"l1", "mcp", "scad", "cel0", "l0", "l_half", "l_two_thirds"}, default="l1"
        Function of the coefficients.
    alpha : float
        Strength of the penalty, >= 0; times the weights, for "l0" and "cel0" times their squares.
    shape : float, default=None
        The gamma of "mcp" (> 0, None is 3) and "scad" (> 2, None is 3.7).
    feature_weights : array-like of shape (n_features,), default=None
        Weights in [0, inf]; None is 1, 0 is never penalised, inf must have coefficient 0.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; None is 1.
    fit_intercept : bool, default=True
        Whether b is to be optimal as well.
    positive : bool, default=False
        Whether the minimum is sought over w >= 0; for "l1" only.

    Returns
    -------
    violation : float
        0 at a minimum for "l1", at a minimum along every coordinate for the others. The unit is the largest gradient of
        a penalised coefficient when only the intercept and the columns of weight 0 are fitted (alpha_max when all
        weights are 1), so that the scales of X, y and the weights do not matter; violations of those count as if their
        columns were as long as the one with that gradient. inf when a column of infinite weight is in use.

    Raises
    ------
    ValueError
        For NaN or infinity, shapes that do not fit, unknown or unsupported combinations of loss and penalty, alpha < 0,
        negative weights, complex data, negative coefficients with `positive`.

    See Also
    --------
    duality_gap : How much lower the objective can get, for all three losses; "l1" only.

    Notes
    -----
    Costs a product with X and two with its adjoint, the norms of the columns of weight 0 and, for penalties other than
    "l1", of all columns (n_features products for a LinearOperator). At an exact fit with the square-root loss the
    gradient is the subgradient that certifies best.

    References
    ----------
    :cite:`ndiaye2017`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import kkt_violation
    >>> X, y = np.eye(3), np.array([3.0, 1.0, 0.0])
    >>> kkt_violation(X, y, [1.5, 0, 0], alpha=0.5, fit_intercept=False)
    0.0
    >>> kkt_violation(X, y, [3.0, 1.0, 0], penalty="l0", alpha=1.0, fit_intercept=False)
    0.3333333333333333
    """
    check_choice(loss, "loss", LOSSES[:2])
    check_choice(penalty, "penalty", ("l1", *_SHAPES))
    given = (loss, alpha, feature_weights, sample_weight, fit_intercept, positive)
    if penalty == "l1":
        posed = _posed(X, y, coef, intercept, *given)
    else:
        if loss != "squared" or positive or np.ndim(y) != 1:
            msg = f"penalty={penalty!r} must come with loss='squared', positive=False and one target"
            raise ValueError(msg)
        posed = _posed(X, y, coef, intercept, *given, at_unit_scale=False)
    problem, w = posed.problem, posed.w
    if not (np.isfinite(posed.R).all() and np.isfinite(w).all()) or w[np.isinf(problem.lam)].any():
        return float("inf")
    U = _gradient_point(posed)
    G = products(problem.design, U)
    bound = (problem.lam > 0) & np.isfinite(problem.lam)
    if penalty == "l1":
        distances = _distances(problem, G, w)
    else:
        omega = check_feature_weights(feature_weights, len(w))
        distances = _proximal_distances(penalty, shape, alpha, omega, problem, G, w)
    unit, length = _unit(posed, bound)
    worst = max(distances[bound].max(initial=0), length * _of_free(problem, U, G, w))
    return float(worst / unit) if worst > 0 else 0.0


_SHAPES = {"mcp": 3.0, "scad": 3.7, "cel0": None, "l0": None, "l_half": None, "l_two_thirds": None}


def _gradient_point(posed):
    """U (m, t) with -A^T U the gradient of the loss, or one of its subgradients at an exact fit."""
    problem, R = posed.problem, posed.R
    if problem.loss == "squared":
        return R / problem.total
    length = np.sqrt(problem.total * energy(R))
    if length <= _ROUNDING * problem.total * posed.peak:
        return searched(problem, R, posed.w, posed.peak).point
    return R / length


def _distances(problem, G, w):
    """How far the rows of G = A^T U (n, t) are from lam times the subdifferential of the norm."""
    size = np.linalg.norm(w, axis=1)
    used = size > 0
    lam = np.where(np.isfinite(problem.lam), problem.lam, 0)[:, None]
    excess = G - lam * w / np.where(used, size, 1)[:, None]
    if problem.positive:
        excess = np.where(w > 0, excess, np.maximum(excess, 0))
    return np.where(used, np.linalg.norm(excess, axis=1), np.maximum(sizes(problem, G) - problem.lam, 0))


def _proximal_distances(penalty, shape, alpha, omega, problem, G, w):
    """L |w - prox(w + G / L)| of every coefficient, 0 for those without a finite penalty."""
    from sparsekit.recovery import penalties

    types = {"cel0": "CEL0", "l0": "L0", "l_half": "LHalf", "l_two_thirds": "LTwoThirds"}
    if penalty in types:
        kind = getattr(penalties, types[penalty])()
    else:
        gamma = float(_SHAPES[penalty] if shape is None else shape)
        if not gamma > (0 if penalty == "mcp" else 2):
            msg = f"shape must be > {0 if penalty == 'mcp' else 2} for penalty={penalty!r}, got {shape}"
            raise ValueError(msg)
        kind = getattr(penalties, penalty.upper())(gamma)
    lam = penalty_of("l0", alpha, omega).psi if penalty in {"l0", "cel0"} else problem.lam
    curvature = problem.design.squared_norms() / problem.total
    distances = np.zeros(len(w))
    for j in np.flatnonzero((lam > 0) & np.isfinite(lam)):
        distances[j] = penalties.violation(kind, float(w[j, 0]), float(-G[j, 0]), float(lam[j]), float(curvature[j]))
    return distances


def _unit(posed, bound):
    """The largest gradient of a bound column (n,) at the null model, and the length of this column.

    Where all are rounding the largest that the column could have takes its place.
    """
    problem, target = posed.problem, posed.target()
    V, length = projected(problem.free, target), 1.0
    share = 1 / problem.total
    if problem.loss == "sqrt":
        rest = np.sqrt(energy(V if energy(V) > _ROUNDING**2 * energy(target) else target))
        share = 1 / (np.sqrt(problem.total) * rest) if rest > 0 else 0.0
    largest = 0.0
    if bound.any():
        gradients = np.where(bound, sizes(problem, products(problem.design, V)), 0) * share
        j = int(gradients.argmax())
        largest, length = gradients[j], float(np.sqrt(squared_norms(problem.design.columns([j]))[0])) or 1.0
    most = length * np.sqrt(energy(target)) * share
    return (largest if largest > _ROUNDING * most else most) or np.finfo(float).tiny, length


def _of_free(problem, U, G, w):
    """The largest product of U with the ones of the intercept, or a column without penalty, at length 1."""
    worst = 0.0
    if problem.design.center:
        ones = problem.design.ones()
        worst = float(np.linalg.norm(ones @ U) / np.linalg.norm(ones))
    free = np.flatnonzero(problem.lam == 0)
    for start in range(0, len(free), _BLOCK):
        block = free[start : start + _BLOCK]
        length = np.sqrt(squared_norms(problem.design.columns(block)))
        moves = length > 0
        excess = np.where((w[block] > 0) | (not problem.positive), G[block], np.maximum(G[block], 0))
        worst = max(worst, (np.linalg.norm(excess, axis=1)[moves] / length[moves]).max(initial=0))
    return worst


class _Posed(NamedTuple):
    """A validated problem at unit scale, and the point in question."""

    problem: Problem
    R: np.ndarray  # (m, t) weighted residual
    w: np.ndarray  # (n, t)
    shift: int  # y was divided by two to this
    peak: float  # largest target, then

    def target(self):
        """Y (m, t), up to what the intercept and free columns make of it."""
        return self.R + self.problem.design.dot(self.w)


def _posed(
    X, y, coef, intercept, loss, alpha, feature_weights, sample_weight, fit_intercept, positive, *, at_unit_scale=True
):
    X, Y, w, b = _checked(X, y, coef, intercept, loss, positive)
    check_non_negative(alpha, "alpha")
    omega = check_feature_weights(feature_weights, X.shape[1])
    s = check_sample_weight(sample_weight, X.shape[0])
    with np.errstate(over="ignore", invalid="ignore"):
        R = Y - b - X @ w
    roots = np.ones(len(Y)) if s is None else np.sqrt(s)
    total = float(len(Y) if s is None else s.sum())
    shift = exponent(np.vstack([Y[roots > 0], R[roots > 0]])) if at_unit_scale else 0
    R, w, peak = shifted(R, -shift) * roots[:, None], shifted(w, -shift), np.abs(shifted(Y, -shift)[roots > 0]).max()
    lam = shifted(penalty_of("l1", alpha, omega).phi, -shift if loss == "squared" else 0)
    design = Design(X, sample_weight=s, center=fit_intercept)
    if at_unit_scale:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            extreme = is_extreme(squared_norms(design.adjoint(R).T).max(), np.dtype(float))
        if extreme:
            design, of_design = design.tamed()
            w, lam = shifted(w, -of_design), shifted(lam, of_design)
    free = free_columns(design, np.flatnonzero(lam == 0), positive=positive)
    beta = roots / total if loss == "absolute" else None
    return _Posed(Problem(design, loss, total, lam, free, beta, positive), R, w, shift, peak)


def _checked(X, y, coef, intercept, loss, positive):
    """X in float64, targets (m, t), coefficients (n, t), intercepts (t,)."""
    X, y = check_problem(X, y)
    if loss == "absolute":
        check_dense(X, y, "loss='absolute'")
    if is_complex(X) or is_complex(y) or is_complex(coef) or is_complex(intercept):
        msg = "Complex data not supported by certificates: X, y, coef and intercept must be real"
        raise ValueError(msg)
    coef = check_array(coef, ensure_2d=False, dtype=np.float64, input_name="coef")
    shape = y.shape[1:] + X.shape[1:]
    if coef.shape != shape:
        msg = f"coef must have shape {shape} for X of shape {X.shape} and y of shape {y.shape}, got {coef.shape}"
        raise ValueError(msg)
    if positive and (coef < 0).any():
        msg = f"coef must not be negative with positive=True, got {coef.min()}"
        raise ValueError(msg)
    b = np.asarray(intercept, dtype=float)
    if b.shape not in {(), y.shape[1:]} or not np.isfinite(b).all():
        msg = f"intercept must be a finite number or an array of shape {y.shape[1:]}, got {intercept!r}"
        raise ValueError(msg)
    X = 1.0 * X if isinstance(X, LinearOperator) else X.astype(np.float64, copy=False)
    return X, y.reshape(len(y), -1).astype(float), np.atleast_2d(coef).T, b

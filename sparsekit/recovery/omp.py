"""Orthogonal matching pursuit and orthogonal least squares, for one target, many, or many with one support.

    S = {}, r = y
    repeat: j = argmax_j |a_j^H r| / omega_j                          omp  [pati1993]_
            j = argmax_j |a_j^H r| / (omega_j ||(I - P_S) a_j||)      ols  [chen1989]_
            S = S + {j},  w_S = argmin ||y - A_S w||,  r = y - A_S w_S

With several targets and one support |a_j^H r| becomes the Euclidean norm over the targets [tropp2006]_. The refit is
kept by Gram-Schmidt with one repetition: A_S = Q U, r <- r - q (q^H r), and U w_S = Q^H y at the end. The columns are
reached through products alone, so X may be sparse or a LinearOperator; many targets on few columns go through the
Gram matrix instead (:mod:`sparsekit.recovery.batch_omp`), and one large dense target through 8-bit copies
(:mod:`sparsekit.recovery.screening`).
"""

import numpy as np

from sparsekit.core.operators import Design
from sparsekit.core.scaling import is_extreme
from sparsekit.core.threads import check_n_jobs, run_chunks
from sparsekit.core.validation import check_choice, check_feature_weights, check_matrix, check_problem
from sparsekit.recovery._regressor import SparseRegressor, misalignment
from sparsekit.recovery.batch_omp import Correlation, Decrease, gram_pays, pursue_batch, pursue_gram
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
from sparsekit.recovery.refit import Refit
from sparsekit.recovery.screening import MAX_ROWS, ScreenedColumns
from sparsekit.recovery.selection import LargestDecrease, MostCorrelated

RULES = {"omp": Correlation(), "ols": Decrease()}
_SCREENED_SIZE = 1 << 20  # entries of X from which 8-bit copies pay
_SCREENED_STEPS = 8  # steps from which they pay


def pursue(design, Y, selection, omega, stop, *, gram=None, joint=False, path=True, n_jobs=None):
    """Pursue targets by the way that suits them: the Gram matrix, 8-bit copies, or products alone.

    Parameters
    ----------
    design : Design of shape (m, N)
        The columns to choose from.
    Y : ndarray of shape (m, t)
        Targets.
    selection : {"omp", "ols"}
        The rule.
    omega : ndarray of shape (N,)
        Feature weights: 0 comes first, inf never.
    stop : Limits
        When to stop.
    gram : ndarray of shape (N, N), default=None
        A^H A when it is known already; for independent targets.
    joint : bool, default=False
        Whether the targets share one support.
    path : bool, default=True
        Whether to keep the coefficients after every step.
    n_jobs : int, default=None
        Number of threads over independent targets.

    Returns
    -------
    pursuit : Pursuit
        With P = 1 for a joint support, P = t otherwise.
    """
    check_n_jobs(n_jobs)
    n_targets = Y.shape[1]
    if not joint and gram_pays(design, Y, omega, stop, gram):
        rows = np.ascontiguousarray(Y.T)
        found = pursue_batch(
            pursue_gram, RULES[selection], design, rows, omega, stop, gram=gram, path=path, n_jobs=n_jobs
        )
    elif joint or n_targets == 1:
        screen = _screen(design, Y, selection, stop)
        found = [pursue_columns(design, Y, selection, omega, stop, screen=screen, path=path)]
    else:
        screen = _screen(design, Y[:, :1], selection, stop)
        found = run_chunks(
            lambda one: pursue_columns(design, Y[:, one], selection, omega, stop, screen=screen, path=path),
            [slice(i, i + 1) for i in range(n_targets)],
            n_jobs,
        )
    return joined(found)


def _screen(design, Y, selection, stop):
    """8-bit copies of the columns where they pay: one large dense real target by the rule "omp", and enough steps."""
    m, n_columns = design.shape
    suits = selection == "omp" and isinstance(design.X, np.ndarray) and design.dtype.kind == Y.dtype.kind == "f"
    pays = Y.shape[1] == 1 and m * n_columns >= _SCREENED_SIZE and m <= MAX_ROWS and stop.n_steps >= _SCREENED_STEPS
    return ScreenedColumns(design) if suits and pays else None


def pursue_columns(design, Y, selection, omega, stop, *, screen=None, path=False):
    """One pursuit for all targets Y (m, t) together, through products with the columns; Pursuit with P = 1."""
    Y, stop, shift = at_unit_scale(Y, stop)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        rule = _rule(design, Y, selection, omega, stop, screen)
        if not is_extreme(rule.energies.max(), design.dtype):
            return scaled_back(_greedy(Y, rule, stop, path=path), shift, shift)
    design, of_design = design.tamed()
    found = _greedy(Y, _rule(design, Y, selection, omega, stop), stop, path=path)
    return scaled_back(found, shift, shift + of_design)


def _rule(design, Y, selection, omega, stop, screen=None):
    if selection == "omp":
        return MostCorrelated(design, Y, omega, stop, screen)
    return LargestDecrease(design, Y, omega, stop)


def _greedy(Y, rule, stop, *, path):
    """The loop: ask the rule for a column, refit, tell the rule what left the residual."""
    fit, active, reason = Refit(Y, stop.n_steps, stop.dependent, known=stop.tol < 0), [], FULL
    residual = [np.sqrt(fit.rest)]
    while fit.t < stop.n_steps and fit.rest > max(stop.tol, rule.floor):
        j, a = rule.next()
        if j < 0:
            reason = NO_COLUMN
            break
        rule.forbid(j)
        if not fit.append(a):
            continue
        active.append(j)
        residual.append(np.sqrt(fit.rest))
        if fit.t < stop.n_steps:
            rule.advance(fit.R, *fit.last())
    steps = fit.path() if path else np.zeros((0, fit.t, fit.t), Y.dtype)
    reason = ended(reason, fit.t, fit.rest, stop.tol, rule.floor, stop)
    return Pursuit(
        active=np.array([active], int),
        coef=fit.coefficients(),
        path=steps,
        residual=np.array([residual]),
        n_steps=np.array([fit.t]),
        reason=np.array([reason]),
    )


def orthogonal_mp(
    X, y, *, n_nonzero_coefs=None, tol=None, selection="omp", gram=None, joint=False, n_jobs=None, return_path=False
):
    r"""Orthogonal matching pursuit, in the shapes of scikit-learn's function of the same name.

    Greedily approximates

    .. math:: \min_w \|y - X w\|_2^2 \quad\text{subject to}\quad \|w\|_0 \le K

    Parameters
    ----------
    X : {ndarray, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
        Columns to choose from, real or complex; neither centred nor normalised here.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Target(s).
    n_nonzero_coefs : int, default=None
        Number of columns K to choose; None is ``max(1, n_features // 10)``. More than ``min(n_samples, n_features)`` is
        capped with a warning.
    tol : float, default=None
        Squared residual norm at which to stop; overrides `n_nonzero_coefs`.
    selection : {"omp", "ols"}, default="omp"
        Choose the column most correlated with the residual, or the one that lowers the residual most.
    gram : ndarray of shape (n_features, n_features), default=None
        ``X.conj().T @ X`` when it is known already, for independent targets; None forms it when they are many.
    joint : bool, default=False
        Whether all targets share one support (simultaneous OMP).
    n_jobs : int, default=None
        Number of threads over independent targets; the answer does not depend on it.
    return_path : bool, default=False
        Whether to return the coefficients after every step.

    Returns
    -------
    coef : ndarray of shape (n_features,) or (n_features, n_targets)
        Coefficients; with `return_path` one more axis at the end, for 1, 2, ... chosen columns.

    Raises
    ------
    ValueError
        For NaN or infinity, shapes that do not fit, `n_nonzero_coefs` < 1, `tol` < 0, an unknown `selection`.

    See Also
    --------
    OrthogonalMatchingPursuit : The estimator, with intercept, sample weights and feature weights.
    PursuitCoder : Sparse codes of many signals as a sparse matrix.

    Notes
    -----
    A target costs one product with X a step and O(n_samples K) for the refit, which takes O(n_samples K)
    memory. Through the Gram matrix t targets cost O(n_samples n_features (n_features + t) + t n_features K^2).
    Columns whose squared distance to the span of the chosen ones is below 4096 eps of their squared norm are passed
    over.

    References
    ----------
    :cite:`pati1993`, :cite:`chen1989`, :cite:`tropp2006`, :cite:`rubinstein2008`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import orthogonal_mp
    >>> X = np.eye(4)[:, ::-1]
    >>> orthogonal_mp(X, np.array([0.0, 3.0, 0.0, -5.0]), n_nonzero_coefs=1)
    array([-5.,  0.,  0.,  0.])
    """
    X, y = check_problem(X, y)
    check_choice(selection, "selection", RULES)
    design = Design(X)
    if gram is not None:
        gram = check_matrix(gram, input_name="gram")
        if not isinstance(gram, np.ndarray) or gram.shape != (X.shape[1], X.shape[1]):
            msg = f"gram must be an array of shape ({X.shape[1]}, {X.shape[1]}), got {type(gram).__name__} {gram.shape}"
            raise ValueError(msg)
        if not np.allclose(gram.diagonal(), design.squared_norms(), rtol=1e-3):
            msg = "gram must be X.conj().T @ X, but its diagonal is not that of the squared column norms of X"
            raise ValueError(msg)
    stop = check_stop(n_nonzero_coefs, tol, design)
    Y, _ = design.target(y)
    pursuit = pursue(
        design, Y, selection, np.ones(X.shape[1]), stop, gram=gram, joint=joint, path=return_path, n_jobs=n_jobs
    )
    if not return_path:
        coef = dense_coefficients(pursuit.active, pursuit.coef, X.shape[1]).T
        return coef[:, 0] if y.ndim == 1 else coef
    last = np.maximum(pursuit.n_steps - 1, 0)
    steps = np.arange(pursuit.active.shape[1])
    if not len(steps):
        return np.zeros((X.shape[1], *Y.shape[1:][: y.ndim - 1], 0), Y.dtype)
    path = [
        dense_coefficients(pursuit.active, pursuit.path[np.arange(len(pursuit.path)), np.minimum(i, last)], X.shape[1])
        for i in steps
    ]
    path = np.stack(path, axis=-1).transpose(1, 0, 2)
    return path[:, 0] if y.ndim == 1 else path


class OrthogonalMatchingPursuit(SparseRegressor):
    r"""Linear regression with a few non-zero coefficients, chosen greedily and refitted at every step.

    Approximates, with weights :math:`s_i` (``sample_weight``) and a free intercept,

    .. math:: \min_{w, b} \sum_i s_i (y_i - b - x_i^T w)^2 \quad\text{subject to}\quad \|w\|_0 \le K

    Parameters
    ----------
    n_nonzero_coefs : int, default=None
        Number of columns K to choose; None is ``max(1, n_features // 10)``.
    tol : float, default=None
        Squared (weighted) residual norm at which to stop; overrides `n_nonzero_coefs`.
    selection : {"omp", "ols"}, default="omp"
        Choose the column most correlated with the residual (orthogonal matching pursuit), or the one that lowers the
        residual most (orthogonal least squares).
    feature_weights : array-like of shape (n_features,), default=None
        A column competes with its correlation divided by its weight. 0: the column enters before all others; inf:
        never. The refit is not penalised.
    fit_intercept : bool, default=True
        Whether to fit an intercept; sparse X and operators are centred without being formed.
    joint : bool, default=False
        Whether several targets share one support (simultaneous OMP).
    n_jobs : int, default=None
        Number of threads over independent targets; the answer does not depend on it.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept(s).
    active_ : ndarray of shape (n_steps,) or (n_targets, n_steps)
        Chosen columns in the order of entry; -1 where a target stopped earlier than others.
    path_ : ndarray of shape (n_steps, n_steps) or (n_targets, n_steps, n_steps)
        Row i holds the coefficients of ``active_[:i + 1]`` after step i + 1.
    residual_ : ndarray of shape (n_steps + 1,) or (n_targets, n_steps + 1)
        Weighted residual norms before the first and after each step.
    kkt_violation_ : float
        Certificate of the refit: the largest cosine, relative to y, between the residual and a column in use.
    n_nonzero_coefs_ : int or ndarray of shape (n_targets,)
        Number of columns that were chosen.
    n_iter_ : int or ndarray of shape (n_targets,)
        Number of steps; equal to `n_nonzero_coefs_`.
    stop_reason_ : str or list of str
        "n_nonzero_coefs", "tol", "exact fit" or "no column left".
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    orthogonal_mp : The function on arrays.
    OrthogonalMatchingPursuitCV : Chooses the number of columns by cross-validation.
    PursuitCoder : Sparse codes of many signals.

    Notes
    -----
    A step costs one product with X (an eighth of its memory traffic for large dense X, see the user guide) and
    O(n_samples K); memory O(n_samples K) beside X. With ``joint=True`` `active_`, `residual_`, `n_nonzero_coefs_` and
    `stop_reason_` have the shapes of one target.

    References
    ----------
    :cite:`pati1993`, :cite:`chen1989`, :cite:`tropp2006`, :cite:`rubinstein2008`

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sparsekit import OrthogonalMatchingPursuit
    >>> X, y = make_regression(n_features=50, n_informative=3, noise=1.0, random_state=0)
    >>> model = OrthogonalMatchingPursuit(n_nonzero_coefs=3).fit(X, y)
    >>> model.get_support(indices=True)
    array([ 6, 21, 32])
    >>> model.stop_reason_
    'n_nonzero_coefs'
    """

    def __init__(
        self,
        n_nonzero_coefs=None,
        *,
        tol=None,
        selection="omp",
        feature_weights=None,
        fit_intercept=True,
        joint=False,
        n_jobs=None,
    ):
        self.n_nonzero_coefs = n_nonzero_coefs
        self.tol = tol
        self.selection = selection
        self.feature_weights = feature_weights
        self.fit_intercept = fit_intercept
        self.joint = joint
        self.n_jobs = n_jobs

    def fit(self, X, y, sample_weight=None):
        """Choose columns and fit their coefficients.

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
        self : OrthogonalMatchingPursuit
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, shapes that do not fit, negative weights, `n_nonzero_coefs` < 1, `tol` < 0, an unknown
            `selection`, or data whose coefficients overflow.
        """
        check_choice(self.selection, "selection", RULES)
        design, Y, y_mean, single = self._problem(X, y, sample_weight)
        omega = check_feature_weights(self.feature_weights, design.shape[1])
        stop = check_stop(self.n_nonzero_coefs, self.tol, design)
        found = pursue(design, Y, self.selection, omega, stop, joint=self.joint, n_jobs=self.n_jobs)
        coef = dense_coefficients(found.active, found.coef, design.shape[1])
        self._set_coefficients(coef, y_mean - coef @ design.mean, single)
        self._set_course(found, first=single or self.joint, path_first=single)
        self.kkt_violation_ = misalignment(design, Y, coef)
        return self

    def _set_course(self, found, *, first, path_first):
        """Store how the pursuit went: arrays over targets, or the only entry of each."""
        pick = (lambda values: values[0]) if first else (lambda values: values)
        self.active_, self.residual_ = pick(found.active), pick(found.residual)
        self.path_ = found.path[0] if path_first else found.path
        self.n_iter_ = self.n_nonzero_coefs_ = int(found.n_steps[0]) if first else found.n_steps
        self.stop_reason_ = pick([REASONS[reason] for reason in found.reason])

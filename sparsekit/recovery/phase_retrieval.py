"""Sparse phase retrieval: s-sparse w from magnitudes |X w| alone, and a word on whether to trust it.

Several starts (:mod:`sparsekit.recovery.phase_starts`), a solver from each of them
(:mod:`sparsekit.recovery.phase_solvers`), a choice among their answers (:mod:`sparsekit.recovery.phase_search`), and a
verdict (:mod:`sparsekit.recovery.phase_verdict`).
"""

import warnings
from numbers import Integral

import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.utils import check_scalar, column_or_1d
from sklearn.utils.validation import check_is_fitted

from sparsekit.core.validation import check_choice, check_matrix, check_non_negative, check_problem, is_complex
from sparsekit.recovery._regressor import SparseRegressor, check_in_range
from sparsekit.recovery.phase_search import Search, warn
from sparsekit.recovery.phase_solvers import SOLVERS

_ROUNDING = 8  # times eps: the residual of an exact answer


class SparsePhaseRetrieval(SparseRegressor):
    r"""Sparse coefficients from magnitudes: :math:`y_i = |x_i^H w|` without the phases.

    Several starts, each refined by a second-order method, are compared by their residuals. An answer is accepted when
    its residual is that of rounding, or far below what a vector unrelated to y reaches (see Notes).

    Parameters
    ----------
    n_nonzero_coefs : int, default=None
        Number s of non-zero coefficients, 1 to min(n_samples, n_features). None tries 1, 2, 4, ... until an answer is
        exact, or accepted and no better than the one before by the extended Bayesian information criterion
        :cite:`chen2008`; then as many of its coefficients are kept as the criterion asks for.
    solver : {"newton", "htp", "sparta", "copram", "thwf"}, default="newton"
        Newton's method for the intensities on a support that the magnitudes choose :cite:`cai2024` (Gauss-Newton for
        complex X and operators), hard thresholding pursuit :cite:`cai2022`, sparse truncated amplitude flow
        :cite:`wang2018`, alternating minimisation with CoSaMP :cite:`jagatap2017`, or thresholded Wirtinger flow
        :cite:`cai2016`, which chooses s by itself. "sparta" and "thwf" are of first order and want `max_iter` near
        1000.
    n_starts : int, default=5
        Largest number of starts; an exact answer ends the search. If more than one start is allowed and none is exact,
        a last one is cut from an answer for 2s.
    init : {"spectral", "anchored"} or array-like of shape (n_features,), default="spectral"
        First start: the one that the solver is published with ("sparta" and "thwf": as :cite:`jagatap2017` runs them),
        one grown from the coordinate that the magnitudes point to, or a vector of your own, of which the s largest
        entries are taken. All others are grown from the next coordinates.
    measurement : {"magnitude", "intensity"}, default="magnitude"
        Whether y is :math:`|x_i^H w|` or its square.
    max_iter : int, default=100
        Largest number of iterations from each start.
    tol : float, default=1e-10
        Relative residual at which an answer counts as exact; at least 8 eps of the data's precision is taken.
    random_state : int, RandomState instance, Generator or None, default=None
        Shuffles y to judge noisy answers, and seeds the search for a leading eigenvector that operators and X of
        constant modulus need.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients up to their common sign (real X) or phase (complex X), which makes the largest one positive.
    converged_ : bool
        Whether the answer was accepted.
    residual_ : float
        Relative residual of the magnitudes, ``norm(abs(X @ coef_) - magnitudes) / norm(magnitudes)``.
    residual_path_ : ndarray of shape (n_iter + 1,)
        The residual at the start and after every iteration; the answer is the iterate with the smallest one.
    n_iter_ : int
        Iterations from the start that led to the answer.
    start_ : int
        Which start that was; 0 is the first, `n_starts` the one cut from an answer for 2s.
    n_nonzero_coefs_ : int
        The s that was given or found ("thwf" does not keep to it).
    n_products_ : int
        Products with all of X or its adjoint, over all starts; an iteration of Newton's method takes one when X is a
        matrix.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has names that are all strings.

    Raises
    ------
    ValueError
        For NaN or infinity, y with imaginary parts, negative magnitudes, intensities of which more than half are
        negative, several targets, `n_nonzero_coefs` out of range, an `init` of wrong shape, zero, or complex beside
        real X, and unknown options.
    TypeError
        For ``solver="copram"`` with a LinearOperator, and parameters of wrong type.

    Warns
    -----
    ConvergenceWarning
        When no start led to an acceptable answer: the one with the smallest residual is returned.
    UserWarning
        When a few intensities are negative; they are set to zero.

    See Also
    --------
    truncated_power_method : The iteration that the anchored starts take.

    Notes
    -----
    With n features and m samples, an iteration costs one product with :math:`X^H`, O(mn), and O(ms^2) for the Hessian
    on the support; a fit holds O(ms) beside X. Real X asks for real coefficients. Columns of a matrix are divided by
    their lengths first, those of an operator should be comparable. Near an exact answer the error is squared by each
    iteration. Newton's method ends noisy magnitudes with least squares on the support, coefficients and phases in turn;
    that counts as an iteration.

    *Acceptance.* With fewer than 2s measurements (complex: 4s - 2) several s-sparse vectors explain the same data
    :cite:`akcakaya2013`, and nothing is accepted. An exact answer has a residual of at most `tol`. A noisy one must
    leave a residual that (1) is at most 0.27 times the one that some s-sparse vector unrelated to the truth reaches
    with the probability 1/1000, over all supports and sign patterns of Gaussian X, and (2) of the one that the solver
    reaches with this X and shuffled y, and that (3) has no larger cosine with another column than noise has, except
    once in a thousand times. So signals with more than s coefficients of note are not accepted, nor noise of more than
    some 15 to 20 % of y. Answers of "thwf", which shrinks the coefficients, are accepted only when they are exact.

    The three tests are calibrated on Gaussian X. With some tens of measurements, or with rows or columns of X that are
    far from Gaussian, an inexact answer can pass and be wrong. A structured X may have ambiguities of its own, such as
    shifts and reflections for a Fourier transform without masks, or relative signs of coefficients that share few rows
    of a sparse X, which no residual can show.

    References
    ----------
    :cite:`cai2024`, :cite:`cai2022`, :cite:`wang2018`, :cite:`jagatap2017`, :cite:`cai2016`, :cite:`akcakaya2013`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import SparsePhaseRetrieval
    >>> rng = np.random.default_rng(0)
    >>> X, w = rng.standard_normal((80, 100)), np.zeros(100)
    >>> w[[3, 14, 15]] = 2.0, -1.0, 0.5
    >>> retrieval = SparsePhaseRetrieval(3).fit(X, np.abs(X @ w))
    >>> retrieval.converged_, retrieval.coef_[[3, 14, 15]].round(6)
    (True, array([ 2. , -1. ,  0.5]))
    """

    def __init__(
        self,
        n_nonzero_coefs=None,
        *,
        solver="newton",
        n_starts=5,
        init="spectral",
        measurement="magnitude",
        max_iter=100,
        tol=1e-10,
        random_state=None,
    ):
        self.n_nonzero_coefs = n_nonzero_coefs
        self.solver = solver
        self.n_starts = n_starts
        self.init = init
        self.measurement = measurement
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X, y):
        """Recover the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
            Measurement vectors as rows, real or complex.
        y : array-like of shape (n_samples,)
            Magnitudes or intensities.

        Returns
        -------
        self : SparsePhaseRetrieval
            The fitted estimator.
        """
        self._check_options()
        X, y = check_problem(X, y, estimator=self)
        magnitudes = self._magnitudes(y)
        if isinstance(X, LinearOperator) and not SOLVERS[self.solver].takes_operator:
            msg = (
                f'X must be a matrix for solver="{self.solver}", got a LinearOperator; '
                "form it with X @ np.eye(X.shape[1])"
            )
            raise TypeError(msg)
        largest = min(X.shape)
        if self.n_nonzero_coefs is not None and self.n_nonzero_coefs > largest:
            msg = f"n_nonzero_coefs must be at most min(n_samples, n_features) = {largest}, got {self.n_nonzero_coefs}"
            raise ValueError(msg)
        init = self.init if isinstance(self.init, str) else self._check_start(X)
        dtype = np.result_type(X.dtype or np.float64, np.float32)
        if not magnitudes.any():
            return self._store(
                np.zeros(X.shape[1], dtype),
                path=[0.0],
                residual=0.0,
                converged=True,
                start=0,
                s=self.n_nonzero_coefs or 1,
            )
        search = Search(self, X, magnitudes, init, max(self.tol, _ROUNDING * np.finfo(dtype).eps))
        found = search.for_any() if self.n_nonzero_coefs is None else search.for_sparsity(self.n_nonzero_coefs)
        if not found.accepted:
            warn(found)
        problem, best = search.problem, found.run.best
        coef = problem.in_users_units(best.support, best.values).astype(dtype)
        run = {"path": found.run.path, "residual": found.run.residual, "n_products": problem.n_products}
        return self._store(coef, converged=found.accepted, start=found.start, s=found.s, **run)

    def predict(self, X):
        """Predict measurements of the kind that was fitted.

        Parameters
        ----------
        X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
            Measurement vectors.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            ``abs(X @ coef_)``, squared for ``measurement="intensity"``.
        """
        check_is_fitted(self)
        magnitudes = np.abs(check_matrix(X, estimator=self, reset=False) @ self.coef_)
        return magnitudes if self.measurement == "magnitude" else magnitudes**2

    def _check_options(self):
        if self.n_nonzero_coefs is not None:
            check_scalar(self.n_nonzero_coefs, "n_nonzero_coefs", Integral, min_val=1)
        check_choice(self.solver, "solver", tuple(SOLVERS))
        check_choice(self.measurement, "measurement", ("magnitude", "intensity"))
        if isinstance(self.init, str):
            check_choice(self.init, "init", ("spectral", "anchored"))
        check_scalar(self.n_starts, "n_starts", Integral, min_val=1)
        check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        check_non_negative(self.tol, "tol")

    def _magnitudes(self, y):
        """What X w should have, without its phases."""
        if np.iscomplexobj(y) and y.imag.any():
            msg = f"Complex data not supported for y: {self.measurement}s are real"
            raise ValueError(msg)
        y = column_or_1d(y.real, warn=True)
        if self.measurement == "magnitude":
            if (y < 0).any():
                msg = f'y must not be negative for measurement="magnitude", got {y.min()}; pass np.abs(y)'
                raise ValueError(msg)
            return y
        negative = np.count_nonzero(y < 0)
        if 2 * negative > len(y):
            msg = f'y must be intensities for measurement="intensity", got {negative} negative values out of {len(y)}'
            raise ValueError(msg)
        if negative:
            warnings.warn(f"{negative} negative intensities in y are set to zero", UserWarning, stacklevel=3)
        return np.sqrt(np.maximum(y, 0))

    def _check_start(self, X):
        start = check_matrix(np.reshape(self.init, (-1, 1)), input_name="init")[:, 0]
        if np.shape(self.init) != (X.shape[1],):
            msg = f"init must have shape ({X.shape[1]},), got {np.shape(self.init)}"
            raise ValueError(msg)
        if is_complex(start) and not is_complex(X):
            msg = "init must be real for real X, got complex numbers"
            raise ValueError(msg)
        if not start.any():
            msg = "init must not be zero everywhere: a zero vector gives no direction to move in"
            raise ValueError(msg)
        return start

    def _store(self, coef, *, converged, start, s, path, residual, n_products=0):
        check_in_range(coef)
        self.coef_ = coef
        self.converged_, self.start_, self.n_nonzero_coefs_ = bool(converged), int(start), int(s)
        self.residual_, self.residual_path_ = float(residual), np.array(path)
        self.n_iter_, self.n_products_ = len(path) - 1, n_products
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        tags.target_tags.positive_only = True
        tags.regressor_tags.poor_score = True
        return tags

r"""Sparse phase retrieval: s-sparse w from magnitudes |X w| alone, and a word on whether to trust it.

Several starts, each followed by a solver of :mod:`sparsekit.recovery.phase_solvers`; the residual alone decides which
answer is accepted.

*Exact data.* A residual of rounding size is accepted, for no other s-sparse vector has the same magnitudes up to the
phase, for almost every X with m >= 2 s real or m >= 4 s - 2 complex measurements [akcakaya2013]_. With fewer, nothing
is accepted.

*Noisy data.* A vector unrelated to the truth fits by chance. For one support and one pattern of signs, the share of
z's energy outside of a random subspace of p real dimensions follows Beta((m - p) / 2, p / 2); there are C(n, s)
supports, and hyperplanes of m measurements cut p dimensions into at most sum_{k < p} C(m - 1, k) pairs of opposite
patterns. So all of them leave more than the rho with

    log P(Beta <= rho^2) + log C(n, s) + log sum_{k < p} C(m - 1, k) = log(1/1000)

of |z| except once in a thousand times. An answer that is partly right may go below rho: where it agrees with the truth
up to one sign for half of the measurements and up to the other for the rest, its residual is at least the energy of
the smaller halves, E[g^2; |g| < median] = 0.0717 of a Gaussian g, times that of the smaller error. Residuals up to
sqrt(0.0717) rho are therefore accepted.

That law is Gaussian. With another X - columns that share a mean, entries of one modulus - anything may fit: the solver
is given the same X and shuffled z, and its residual takes the place of rho where it is smaller. And where columns
resemble each other, a wrong one may fit nearly as well: what is left must look like noise, whose largest squared cosine
with n other columns follows from Beta(1/2, (m - s - 1) / 2), or Beta(1, m - s - 1) with complex ones.
"""

import warnings
from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr
from scipy.sparse.linalg import LinearOperator
from scipy.special import betaincinv, betaln, gammaln, logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_scalar, column_or_1d
from sklearn.utils.validation import check_is_fitted

from sparsekit.core.rng import key_from
from sparsekit.core.validation import check_choice, check_matrix, check_non_negative, check_problem, is_complex
from sparsekit.recovery._regressor import SparseRegressor, check_in_range
from sparsekit.recovery.phase_problem import MatrixMeasurements, OperatorMeasurements
from sparsekit.recovery.phase_solvers import SOLVERS, Run, phase, refitted, solve
from sparsekit.recovery.phase_starts import starts

_ROUNDING = 8  # times eps: the residual of an exact answer
_CHANCE = 1e-3
_HALF = np.sqrt(0.0717)
_DEPENDENT = 1e-8


class _Found(NamedTuple):
    run: Run
    start: int
    s: int
    accepted: bool


class _Search:
    """The starts of one problem, for one s or for many."""

    def __init__(self, estimator, X, magnitudes, init, goal):
        self.X, self.magnitudes, self.init, self.goal = X, magnitudes, init, goal
        self.solver, self.n_starts, self.max_iter = SOLVERS[estimator.solver], estimator.n_starts, estimator.max_iter
        self.refits = estimator.measurement == "magnitude" and self.solver.refits
        self.generator = np.random.default_rng(int(key_from(estimator.random_state)))
        self.problem = self._measured(magnitudes)
        self.most = determined(*X.shape, is_real=self.problem.is_real)

    def _measured(self, magnitudes):
        kind = OperatorMeasurements if isinstance(self.X, LinearOperator) else MatrixMeasurements
        return kind(self.X, magnitudes, self.generator)

    def for_sparsity(self, s):
        """The first exact answer, or that of the smallest residual."""
        best, best_number = None, 0
        begin = starts(self.problem, s, self.init, self.solver.start, self.n_starts, self.generator)
        for number, start in enumerate(begin):
            run = self._run(start, s)
            if best is None or run.residual < best.residual:
                best, best_number = run, number
            if best.residual <= self.goal:
                break
        return self._judged(best, best_number, s)

    def _run(self, start, s):
        run = solve(self.problem, self.solver.step, start, s, self.max_iter, self.goal, self.solver.patience)
        return refitted(self.problem, run) if self.refits and run.settled and run.residual > self.goal else run

    def _judged(self, run, number, s):
        used = max(s, np.count_nonzero(run.best.values))
        return _Found(run, number, s, used <= self.most and self._is_acceptable(run.best, used))

    def _is_acceptable(self, answer, s):
        if answer.residual <= self.goal:
            return True
        m, n = self.X.shape
        chance = chance_residual(m, n, s, is_real=self.problem.is_real)
        if self.solver.shrinks or answer.residual > _HALF * chance or not self._leaves_noise(answer, s):
            return False
        shuffled = self._measured(self.generator.permutation(self.magnitudes))
        start = next(starts(shuffled, s, "anchored", None, 1, self.generator))
        unrelated = solve(shuffled, self.solver.step, start, s, self.max_iter, self.goal, self.solver.patience)
        self.problem.n_products += shuffled.n_products
        return answer.residual <= _HALF * unrelated.residual

    def _leaves_noise(self, answer, s):
        problem = self.problem
        left = problem.z * phase(answer.b) - answer.b
        cosines = np.abs(problem.gradient(left)) / (problem.column_norms * np.linalg.norm(left))
        cosines[answer.support] = 0
        free = problem.m - s - 1
        tail = _CHANCE / problem.n
        largest = betaincinv(0.5, free / 2, 1 - tail) if problem.is_real else -np.expm1(np.log(tail) / free)
        return np.max(cosines) ** 2 <= largest * (1 - s / problem.m)

    def for_any(self):
        """The s of 1, 2, 4, ... with the best criterion among acceptable answers, pruned."""
        limit = max(1, self.most)
        tried = []
        s = 1
        while s <= limit:
            tried.append(self.for_sparsity(s))
            rising = len(tried) > 1 and self._criterion(tried[-1]) > self._criterion(tried[-2])
            if tried[-1].accepted and (tried[-1].run.residual <= self.goal or rising):
                break
            s = limit if s < limit < 2 * s else 2 * s
        accepted = [found for found in tried if found.accepted]
        return self._pruned(min(accepted or tried, key=self._criterion))

    def _from(self, start, s, number):
        run = solve(self.problem, self.solver.step, start, s, self.max_iter, self.goal, self.solver.patience)
        used = max(s, np.count_nonzero(run.best.values))
        return _Found(run, number, s, self._accepts(run.residual, used))

    def _accepts(self, residual, s):
        problem = self.problem
        if s > self.most:
            return False
        if self.solver.shrinks:
            return residual <= self.goal
        noise = _HALF * chance_residual(problem.m, problem.n, s, is_real=problem.is_real)
        return residual <= max(self.goal, noise)

    def _criterion(self, found):
        return self._ebic(found.run.residual, found.s)

    def _ebic(self, residual, s):
        """Extended Bayesian information criterion [chen2008]_ of s coefficients; residuals below the goal are equal."""
        m, n = self.problem.m, self.problem.n
        parameters = s if self.problem.is_real else 2 * s
        return m * np.log(np.maximum(residual, self.goal) ** 2) + parameters * np.log(m) + 2 * log_choose(n, s)

    def _pruned(self, found):
        """The same with as many of its largest coefficients as the criterion asks for."""
        best = found.run.best
        order = np.argsort(-np.abs(best.values), kind="stable")
        support, values = best.support[order], best.values[order]
        gains = nested_gains(self.problem.columns(support), phase(best.b), self.problem.z)
        left = found.run.residual**2 + np.append(np.cumsum(gains[:0:-1])[::-1], 0)
        counts = np.arange(1, len(support) + 1)
        k = int(counts[np.argmin(self._ebic(np.sqrt(left), counts))])
        if k == found.s:
            return found
        fewer = self._judged(self._run((support[:k], values[:k]), k), found.start, k)
        return fewer if fewer.accepted or not found.accepted else found

    def warn(self, found):
        """Say why an answer was not accepted, and what to try."""
        if found.s > self.most:
            msg = (
                f"{self.problem.m} measurements determine at most {self.most} coefficients up to their common sign or "
                f"phase, n_nonzero_coefs is {found.s}: take more measurements"
            )
        else:
            msg = (
                f"no start led to an acceptable answer, the smallest residual is {found.run.residual:.2g}: "
                "raise n_starts, max_iter or, for noisy data, tol; or check n_nonzero_coefs"
            )
        warnings.warn(msg, ConvergenceWarning, stacklevel=3)


def determined(m, n, *, is_real):
    """The largest s <= n for which m generic measurements determine every s-sparse vector [akcakaya2013]_.

    With s = n one real measurement less than 2 s will do [balan2006]_, and two complex ones less [conca2015]_.
    """
    s = m // 2 if is_real else (m + 2) // 4
    return n if m >= (2 * n - 1 if is_real else 4 * n - 4) else s


def nested_gains(A, p, z):
    """Shares of z's energy that each further column explains (k,), the phases p of A x held fixed."""
    K = (p.conj()[:, None] * A).real
    if A.dtype.kind == "c":
        K = np.stack([K, (p.conj()[:, None] * A).imag], axis=2).reshape(len(A), -1)
    Q, R = qr(K, mode="economic")
    sizes = np.abs(np.diagonal(R))
    used = sizes > _DEPENDENT * sizes.max(initial=0)  # a turn of the global phase moves nothing
    gains = np.zeros(K.shape[1])
    gains[: len(sizes)] = np.where(used, Q.T @ z, 0) ** 2 / np.sum(z**2)
    return gains.reshape(A.shape[1], -1).sum(axis=1)


def log_choose(n, k):
    """Logarithm of the binomial coefficient."""
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def chance_residual(m, n, s, *, is_real):
    """The relative residual that a vector unrelated to the truth reaches with the probability _CHANCE, at least."""
    p = s if is_real else 2 * s
    if p >= m:
        return 0.0
    patterns = logsumexp(log_choose(m - 1, np.arange(p)))
    a, b = (m - p) / 2, p / 2
    log_share = (np.log(_CHANCE) - log_choose(n, s) - patterns + np.log(a) + betaln(a, b)) / a  # P <= x^a / (a B(a, b))
    return float(min(1.0, np.exp(log_share / 2)))


class SparsePhaseRetrieval(SparseRegressor):
    r"""Sparse coefficients from magnitudes: :math:`y_i = |x_i^H w|` without the phases.

    Several starts, each refined by a second-order method, are compared by their residuals. An answer is accepted when
    its residual is that of rounding, or far below what a vector unrelated to y reaches (see Notes).

    Parameters
    ----------
    n_nonzero_coefs : int, default=None
        Number s of non-zero coefficients, 1 to min(n_samples, n_features). None tries 1, 2, 4, ... until an answer is
        accepted, and then keeps as many of its coefficients as the extended Bayesian information criterion asks for.
    solver : {"newton", "htp", "sparta", "copram", "thwf"}, default="newton"
        Newton's method for the intensities on a support that the magnitudes choose :cite:`cai2024` (Gauss-Newton for
        complex X and operators), hard thresholding pursuit :cite:`cai2022`, sparse truncated amplitude flow
        :cite:`wang2018`, alternating minimisation with CoSaMP :cite:`jagatap2017`, or thresholded Wirtinger flow
        :cite:`cai2016`, which chooses s by itself. "sparta" and "thwf" are of first order and want `max_iter` near
        1000.
    n_starts : int, default=5
        Largest number of starts; an exact answer ends the search.
    init : {"spectral", "anchored"} or array-like of shape (n_features,), default="spectral"
        First start: that of the solver's paper, one grown from the coordinate that the magnitudes point to, or a vector
        of your own. All others are grown from the next coordinates.
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
    residual_path_ : ndarray of shape (n_iter_ + 1,)
        The residual at the start and after every iteration; the answer is the iterate with the smallest one.
    n_iter_ : int
        Iterations from the start that led to the answer.
    start_ : int
        Which start that was; 0 is the first.
    n_nonzero_coefs_ : int
        The s that was used.
    n_products_ : int
        Products with all of X or its adjoint, over all starts; an iteration of Newton's method takes one.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
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
    on the support; a fit holds O(ms) beside X. Columns of comparable length are assumed.

    Real X asks for real coefficients. Near an exact answer the error is squared by each iteration.

    *Acceptance.* With fewer than 2s measurements (complex: 4s - 2) several s-sparse vectors explain the same data
    :cite:`akcakaya2013`, and nothing is accepted. An exact answer has a residual of at most `tol`. A noisy one must
    leave a residual that (1) is at most 0.27 times the one that some s-sparse vector unrelated to the truth reaches
    with the probability 1/1000, over all supports and sign patterns of Gaussian X, and (2) of the one that the solver
    reaches with this X and shuffled y, and that (3) has no larger cosine with another column than noise has, except
    once in a thousand times. So signals with more than s coefficients of note are not accepted. Answers of "thwf",
    which shrinks the coefficients, are accepted only when they are exact.

    Newton's method ends noisy magnitudes with least squares on the support, coefficients and phases in turn; it counts
    as an iteration.

    A structured X may have ambiguities of its own, such as shifts and reflections for a Fourier transform without
    masks, or relative signs of coefficients that share few rows of a
    sparse X, which no residual can show.

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
            return self._store(np.zeros(X.shape[1], dtype), 0, True, [0.0], 0, self.n_nonzero_coefs or 1, 0)
        search = _Search(self, X, magnitudes, init, max(self.tol, _ROUNDING * np.finfo(dtype).eps))
        found = search.for_any() if self.n_nonzero_coefs is None else search.for_sparsity(self.n_nonzero_coefs)
        if not found.accepted:
            search.warn(found)
        problem, best = search.problem, found.run.best
        coef = problem.in_users_units(best.support, best.values).astype(dtype)
        return self._store(
            coef, found.start, found.accepted, found.run.path, found.run.residual, found.s, problem.n_products
        )

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
        check_choice(self.solver, "solver", SOLVERS)
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

    def _store(self, coef, start, converged, path, residual, s, n_products):
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

r"""Which start, which s, and whether to believe the answer: the residual alone decides.

*Exact data.* A residual of rounding size is accepted, for no other s-sparse vector has the same magnitudes up to the
phase, for almost every X with m >= 2 s real or m >= 4 s - 2 complex measurements [akcakaya2013]_. With fewer, nothing
is accepted.

*Noisy data.* A vector unrelated to the truth fits by chance. For one support and one pattern of signs, the share of
z's energy outside of a random subspace of p real dimensions follows Beta((m - p) / 2, p / 2); there are C(n, s)
supports, and hyperplanes of m measurements cut p dimensions into at most sum_{k < p} C(m - 1, k) pairs of opposite
patterns. So all of them leave more than the rho with

    log P(Beta <= rho^2) + log C(n, s) + log sum_{k < p} C(m - 1, k) = log(1/1000)

of |z| except once in a thousand times. An answer that is partly right may go below rho: where it agrees with the truth
up to one sign for half of the measurements and up to the other for the rest, its residual is about the energy of the
smaller halves, E[g^2; |g| < median] = 0.0717 of a Gaussian g, times that of the smaller error. Residuals up to
sqrt(0.0717) rho are therefore accepted.

That law is Gaussian. With another X - columns that share a mean, entries of one modulus - anything may fit: the solver
is given the same X and shuffled z, and its residual takes the place of rho where it is smaller. And where columns
resemble each other, a wrong one may fit nearly as well: what is left must look like noise, whose largest squared cosine
with n other columns follows from Beta(1/2, (m - s - 1) / 2), or Beta(1, m - s - 1) with complex ones.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr
from scipy.sparse.linalg import LinearOperator
from scipy.special import betaincinv, betaln, gammaln, logsumexp
from sklearn.exceptions import ConvergenceWarning

from sparsekit.core.rng import key_from
from sparsekit.recovery.phase_problem import MatrixMeasurements, OperatorMeasurements
from sparsekit.recovery.phase_solvers import SOLVERS, Run, phase, refitted, solve
from sparsekit.recovery.phase_starts import anchored, starts

_CHANCE = 1e-3
_HALF = np.sqrt(0.0717)
_DEPENDENT = 1e-8  # of the largest pivot: what a turn of the global phase leaves


class Found(NamedTuple):
    """An answer for s coefficients, the number of the start that led to it, and whether it may be believed."""

    run: Run
    start: int
    s: int
    accepted: bool


class Search:
    """The starts of one problem, for one s or for many.

    Parameters
    ----------
    estimator : SparsePhaseRetrieval
        Its solver, numbers and random state.
    X : matrix or LinearOperator of shape (m, n)
        The measurement vectors.
    magnitudes : ndarray of shape (m,)
        Not all zero.
    init : {"spectral", "anchored"} or ndarray of shape (n,)
        The first start.
    goal : float
        Residual of an exact answer.
    """

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
        run = self._solved(self.problem, start, s)
        return refitted(self.problem, run) if self.refits and run.settled and run.residual > self.goal else run

    def _solved(self, problem, start, s):
        return solve(problem, self.solver.step, start, s, self.max_iter, self.goal, self.solver.patience)

    def _judged(self, run, number, s):
        used = max(s, np.count_nonzero(run.best.values))
        return Found(run, number, s, used <= self.most and self._is_acceptable(run.best, used))

    def _is_acceptable(self, answer, s):
        if answer.residual <= self.goal:
            return True
        m, n = self.X.shape
        chance = chance_residual(m, n, s, is_real=self.problem.is_real)
        if self.solver.shrinks or answer.residual > _HALF * chance or not self._leaves_noise(answer, s):
            return False
        shuffled = self._measured(self.generator.permutation(self.magnitudes))
        unrelated = self._solved(shuffled, next(anchored(shuffled, s, self.generator)), s)
        self.problem.n_products += shuffled.n_products
        return answer.residual <= _HALF * unrelated.residual

    def _leaves_noise(self, answer, s):
        problem = self.problem
        left = problem.z * phase(answer.b) - answer.b
        cosines = np.abs(problem.gradient(left)) / (problem.column_norms * np.linalg.norm(left))
        cosines[answer.support] = 0
        free = problem.m - s - 1
        if free < 1:
            return False
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

"""Which starts are tried for how many coefficients, and which answer is kept."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.exceptions import ConvergenceWarning

from sparsekit.core.rng import key_from
from sparsekit.recovery.phase_problem import MatrixMeasurements, OperatorMeasurements
from sparsekit.recovery.phase_solvers import SOLVERS, Run, phase, refitted, solve
from sparsekit.recovery.phase_starts import anchored, has_flat_energies, starts, strongest
from sparsekit.recovery.phase_verdict import (
    SHARE,
    chance_residual,
    criterion,
    determined,
    leaves_noise,
    nested_gains,
)

_NULLS = 3  # starts for shuffled data


class Found(NamedTuple):
    """An answer for s coefficients, the number of the start that led to it, and what speaks against it, if anything."""

    run: Run
    start: int
    s: int
    doubt: str

    @property
    def accepted(self):
        """Whether nothing speaks against it."""
        return not self.doubt


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
        """The first exact answer, or that of the smallest residual; one more start is cut from twice the support."""
        best, number = self._best_of_starts(s)
        if best.residual > self.goal and self.n_starts > 1 and 2 * s <= self.most:
            wide, _ = self._best_of_starts(2 * s)
            kept = strongest(wide.best.values, s)
            run = self._run((wide.best.support[kept], wide.best.values[kept]), s)
            if run.residual < best.residual:
                best, number = run, self.n_starts
        return self._judged(best, number, s)

    def _best_of_starts(self, s):
        best, best_number = None, 0
        begin = starts(self.problem, s, self.init, self.solver.start, self.n_starts, self.generator)
        for number, start in enumerate(begin):
            run = self._run(start, s)
            if best is None or run.residual < best.residual:
                best, best_number = run, number
            if best.residual <= self.goal:
                break
        return best, best_number

    def _run(self, start, s):
        run = self._solved(self.problem, start, s)
        return refitted(self.problem, run) if self.refits and run.settled and run.residual > self.goal else run

    def _solved(self, problem, start, s):
        return solve(problem, self.solver.step, start, s, self.max_iter, self.goal, self.solver.patience)

    def _judged(self, run, number, s):
        used = max(s, np.count_nonzero(run.best.values))
        return Found(run, number, s, self._doubt(run, used))

    def _doubt(self, run, s):
        """What speaks against an answer with s coefficients; nothing when it is accepted."""
        residual, problem = run.residual, self.problem
        if s > self.most:
            return (
                f"{problem.m} measurements determine at most {self.most} coefficients up to their common sign or "
                f"phase, not {s}: take more measurements"
            )
        if s <= min(2, problem.n - 1) and self._is_ambiguous(run.best.support):
            return "two coefficients can change places where all entries of X have one magnitude"
        if residual <= self.goal:
            return ""
        if self.solver.shrinks:
            return f"the residual of {residual:.2g} is not exact: raise max_iter, or polish with another solver"
        limit = SHARE * chance_residual(problem.m, problem.n, s, is_real=problem.is_real)
        if residual > limit:
            return (
                f"the smallest residual is {residual:.2g}, noisy data are believed up to {limit:.2g}: raise n_starts, "
                "check n_nonzero_coefs, or take more measurements"
            )
        if not run.settled:
            return f"the iteration had not settled at a residual of {residual:.2g}: raise max_iter={self.max_iter}"
        if not leaves_noise(problem, run.best, s):
            return (
                f"the residual of {residual:.2g} resembles a column that is not in use: raise n_nonzero_coefs or "
                "n_starts"
            )
        limit = SHARE * self.residual_of_shuffled(s)
        if residual > limit:
            return f"shuffled magnitudes are fitted, too; the residual is {residual:.2g}, believed up to {limit:.2g}"
        return ""

    def _is_ambiguous(self, support):
        if isinstance(self.X, LinearOperator):
            sizes = np.abs(self.problem.columns(support))
            return np.ptp(sizes) <= np.sqrt(np.finfo(self.problem.design.dtype).eps) * sizes.max()
        return has_flat_energies(self.problem)

    def residual_of_shuffled(self, s):
        """The smallest residual that the solver reaches when the magnitudes are another row's, up to its length."""
        lengths = self.problem.row_norms()
        ratios = np.divide(self.magnitudes, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
        shuffled = self._measured(self.generator.permutation(ratios) * lengths)
        begin = zip(range(min(_NULLS, self.n_starts)), anchored(shuffled, s, self.generator), strict=False)
        least = min(self._solved(shuffled, start, s).residual for _, start in begin)
        self.problem.n_products += shuffled.n_products
        return least

    def for_any(self):
        """The s of 1, 2, 4, ... with the best criterion among acceptable answers, pruned."""
        limit = max(1, self.most)
        tried = []
        s = 1
        while s <= limit:
            tried.append(self._judged(*self._best_of_starts(s), s))
            rising = len(tried) > 1 and self._criterion(tried[-1]) > self._criterion(tried[-2])
            if tried[-1].accepted and (tried[-1].run.residual <= self.goal or rising):
                break
            s = limit if s < limit < 2 * s else 2 * s
        accepted = [found for found in tried if found.accepted]
        return self._pruned(min(accepted or tried, key=self._criterion))

    def _criterion(self, found):
        return criterion(self.problem, found.run.residual, found.s, self.goal)

    def _pruned(self, found):
        """The same with as many of its largest coefficients as the criterion asks for."""
        best = found.run.best
        order = np.argsort(-np.abs(best.values), kind="stable")
        support, values = best.support[order], best.values[order]
        gains = nested_gains(self.problem.columns(support), phase(best.b), self.problem.z)
        left = found.run.residual**2 + np.append(np.cumsum(gains[:0:-1])[::-1], 0)
        counts = np.arange(1, len(support) + 1)
        k = int(counts[np.argmin(criterion(self.problem, np.sqrt(left), counts, self.goal))])
        if k == found.s:
            return found
        fewer = self._judged(self._run((support[:k], values[:k]), k), found.start, k)
        return fewer if fewer.accepted or not found.accepted else found


def warn(found):
    """Say what speaks against an answer."""
    warnings.warn(f"no start led to an acceptable answer: {found.doubt}", ConvergenceWarning, stacklevel=3)

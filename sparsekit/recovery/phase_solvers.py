"""The solvers of sparse phase retrieval: one step each, and the loop that they share.

b = A x, p = b / |b|, y = z^2; H_s keeps the s largest magnitudes, S is the support of H_s(x - eta / m A^H (b - z p)).

* Newton [cai2024]_: a Newton step for the intensities on S, that also undoes the coordinates which leave.
* Hard thresholding pursuit [cai2022]_: the x on S nearest to z p.
* SPARTA [wang2018]_: H_s(x - 1/m A_I^H (b - z p)_I) over the measurements I with |b_i| >= z_i / 1.7.
* CoPRAM [jagatap2017]_: CoSaMP for A x = z p, with p fixed.
* Thresholded Wirtinger flow [cai2016]_: a gradient step for the intensities, then a soft threshold.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sparsekit.recovery.phase_problem import Iterate
from sparsekit.recovery.phase_starts import spectral, strongest, thresholded_spectral, truncated_spectral

_ETA = 0.95
_PATIENCE = 15  # iterations without a smaller residual
_STILL = 1e-12  # relative change that counts as none
_REFITS = 50
_SPARTA_GAMMA = 0.7
_COPRAM_ROUNDS = 10
_COPRAM_TOL = 1e-2
_FLOW_STEP = 0.23  # these two as in the comparison of jagatap2017
_FLOW_THRESHOLD = 0.3


class Run(NamedTuple):
    """How a solver fared from one start: its best iterate, the residual before and after each iteration."""

    best: Iterate
    path: list
    settled: bool  # came to a standstill, or to its best for long

    @property
    def residual(self):
        """That of the best iterate."""
        return self.best.residual


def solve(problem, step, start, s, max_iter, goal, patience):
    """Iterate from (support, values) to a residual of `goal`, to a standstill, or for as long as that promises well."""
    best = now = problem.iterate(*start)
    path, last_best = [now.residual], 0
    for k in range(1, max_iter + 1):
        if best.residual <= goal:
            break
        with np.errstate(over="ignore", invalid="ignore"):  # first-order steps may diverge
            new = step(problem, now, s)
        if not np.isfinite(new.residual):
            break
        path.append(new.residual)
        stands = problem.difference(now, new) <= _STILL * np.linalg.norm(new.values)
        now = new
        if now.residual <= best.residual * (1 + _STILL):  # of equal ones the later, which is closer to a fixed point
            last_best = k if now.residual < best.residual * (1 - _STILL) else last_best
            best = now
        if stands or k - last_best >= patience:
            return Run(best, path, settled=True)
    return Run(best, path, settled=best.residual <= goal)


def refitted(problem, run):
    """The best iterate after least squares on its support, phases and coefficients in turn: one more step."""
    best = run.best
    for _ in range(_REFITS):
        new = problem.least_squares(best.support, problem.z * phase(best.b))
        if not new.residual < best.residual * (1 - _STILL):
            break
        best = new
    return run if best is run.best else Run(best, [*run.path, best.residual], settled=True)


def phase(b):
    """B / |b|, and 1 where b is 0."""
    if b.dtype.kind == "f":
        return np.where(b < 0, -1.0, 1.0)
    size = np.abs(b)
    return np.where(size > 0, b / np.where(size > 0, size, 1), 1)


def next_support(problem, now, s):
    """Where a gradient step for the magnitudes is largest, and the measurements with phases that it aimed at."""
    target = problem.z * phase(now.b)
    u = (-_ETA / problem.m) * problem.gradient(now.b - target)
    u[now.support] += now.values
    return strongest(u, s), target


def newton(problem, now, s):
    """A Newton step; where it does not lower the residual, the better one of it and of least squares."""
    support, target = next_support(problem, now, s)
    new = problem.newton(now, support)
    if new.residual <= now.residual:
        return new
    other = problem.least_squares(support, target)
    return new if new.residual <= other.residual else other


def pursuit(problem, now, s):
    """A step of hard thresholding pursuit."""
    return problem.least_squares(*next_support(problem, now, s))


def truncated_flow(problem, now, s):
    """A step of SPARTA."""
    trusted = np.abs(now.b) >= problem.z / (1 + _SPARTA_GAMMA)
    u = -problem.gradient(np.where(trusted, now.b - problem.z * phase(now.b), 0)) / problem.m
    u[now.support] += now.values
    support = strongest(u, s)
    return problem.iterate(support, u[support])


def alternating(problem, now, s):
    """A step of CoPRAM."""
    target = problem.z * phase(now.b)
    for _ in range(_COPRAM_ROUNDS):
        proxy = problem.gradient(target - now.b)
        wide = np.union1d(now.support[now.values != 0], strongest(proxy, min(2 * s, problem.n)))
        fit = problem.least_squares(wide, target)
        kept = strongest(fit.values, s)
        old, now = now, problem.iterate(fit.support[kept], fit.values[kept])
        change = problem.difference(old, now)
        if change < _COPRAM_TOL * np.linalg.norm(now.values):
            break
    return now


def wirtinger_flow(problem, now, s):
    """A step of thresholded Wirtinger flow, which does not look at s."""
    miss = np.abs(now.b) ** 2 - problem.y
    noise = _FLOW_THRESHOLD * np.log(problem.m * problem.n) * np.sum(miss**2 * np.abs(now.b) ** 2)
    threshold = _FLOW_STEP * np.sqrt(noise) / problem.m
    u = (-_FLOW_STEP / problem.m) * problem.gradient(miss * now.b)
    u[now.support] += now.values
    size = np.abs(u)
    support = np.flatnonzero(size > threshold)
    return problem.iterate(support, u[support] * (1 - threshold / size[support]))


class Solver(NamedTuple):
    """A step, the start it was published with, the patience of its loop, and what it can do."""

    step: Callable
    start: Callable = spectral
    patience: float = _PATIENCE
    takes_operator: bool = True
    refits: bool = False  # noisy magnitudes, which it does not fit itself, by least squares
    shrinks: bool = False  # its answers fit noisy data worse than they could


SOLVERS = {
    "newton": Solver(newton, refits=True),
    "htp": Solver(pursuit),
    "sparta": Solver(truncated_flow, truncated_spectral, patience=np.inf),
    "copram": Solver(alternating, takes_operator=False),
    "thwf": Solver(wirtinger_flow, thresholded_spectral, patience=np.inf, shrinks=True),
}

"""Weighted OMP: greedy selection by the decrease of a penalised loss, refits without the penalty [taheri2023]_.

    G(x) = F(y - A x) + sum_j phi_j |x_j| + sum_j psi_j [x_j != 0],     F(r) = ||r||^2, ||r|| or ||r||_1
    S = {j: never penalised},  x = argmin F(y - A_S x_S)
    repeat: Delta_j = max_t G(x) - G(x + t e_j)                  for every j
            stop unless max_{j not in S} Delta_j > max_{j in S} Delta_j
            S = S + {argmax_{j not in S} Delta_j},  x = argmin F(y - A_S x_S)

A column of S that would gain most has no effect on the refit: the loop of the paper stands still there, ours ends.
One loop serves two kinds of fit. A fit can remember the supports that it has been to, so that a path over many
strengths of the penalty costs little more than its longest pursuit: where the same columns are chosen nothing is
refitted.
"""

from typing import NamedTuple

import numpy as np

from sparsekit.core.scaling import shifted
from sparsekit.recovery.decrease import Penalty
from sparsekit.recovery.selection import first_largest

TIE = 64  # times eps: decreases this close are equal, and the smallest index wins


class Course(NamedTuple):
    """How a pursuit went; k columns, t targets."""

    active: np.ndarray  # (k,) columns in the order of entry, the free ones first
    path: np.ndarray  # (t, k, k) row i: coefficients after i + 1 columns
    intercept: np.ndarray  # (t,) of the last fit
    loss: np.ndarray  # (k + 1,) F before the first and after each column
    decrease: np.ndarray  # (k,) Delta of each column when it was chosen; 0 for the free ones
    reason: str
    n_iter: int  # how often all columns were compared


def pursue_penalised(fit, penalty, free, n_steps):
    """The loop over a fit; `free` are the columns that enter first, `n_steps` bounds the number of the others."""
    fit.begin(penalty)
    blocked, promised, n_iter = fit.never(), [], 0
    for j in free:
        blocked[j] = True
        if fit.append(j):
            promised.append(0.0)
    n_steps += len(promised)
    while True:
        if fit.loss <= fit.rounding:
            reason = "exact fit"
        elif blocked.all():
            reason = "no column left"
        elif len(promised) == n_steps:
            reason = "max_iter"
        else:
            outside, inside = fit.decreases(blocked)
            n_iter += 1
            found, reason = _chosen(fit, np.where(blocked, 0.0, outside), inside, blocked)
            if found is not None:
                promised += found
                continue
        break
    return Course(
        active=np.array(fit.active, int),
        path=fit.path(),
        intercept=fit.intercept(),
        loss=fit.in_units_of_loss(fit.losses()),
        decrease=fit.in_units_of_loss(np.array(promised)),
        reason=reason,
        n_iter=n_iter,
    )


def _chosen(fit, outside, inside, blocked):
    """Take the best column that is independent of those in use.

    Its promise as a list (empty when the decreases must be computed anew), or None and the reason to stop.
    """
    while True:
        j = first_largest(outside, 1 - TIE * fit.eps)
        if j < 0 or outside[j] <= inside:
            return None, "no decrease" if j < 0 else "fixed point"
        blocked[j] = True
        if fit.append(j):
            return [outside[j]], ""
        outside[j] = 0
        if not fit.all_decreases:
            return [], ""


class State:
    """A fit to one support: what is known of it, to come back to."""

    def __init__(self, column, loss, w, **known):
        self.column, self.loss, self.w = column, loss, w  # the last column, F, coefficients (t, k)
        self.known = known
        self.rejected = set()  # columns that depend on those in use


class Fit:
    """What both kinds of fit share: a way through nested supports, and the memory of the longest one.

    `states[i]` is the fit to i columns and `t` the place of the pursuit among them. :meth:`begin` goes back to the
    start, :meth:`append` one state on: to the remembered one, if it has the same last column, else to a new one.
    A kind of fit provides `extended` (the state with one column more) and `restore` (its working arrays at the present
    state, once later states have been forgotten), what it says of the columns (`never`, `decreases`, `thresholds`) and
    the units of its problem (`at_unit_scale`, `in_units_of_loss`, `of_coefficients`).
    """

    first = 0  # states that are passed at the beginning of every pursuit

    def begin(self, penalty):
        """Go back to the start, under a penalty in the units of F."""
        self.penalty, self.t = self.at_unit_scale(penalty), self.first

    def start(self, omega):
        """Take the columns of weight 0, without a penalty on any."""
        nothing = np.zeros(len(omega))
        self.begin(Penalty(nothing, nothing))
        for j in np.flatnonzero(omega == 0):
            self.append(j)

    @property
    def state(self):
        """Where the pursuit stands."""
        return self.states[self.t]

    @property
    def loss(self):
        """F of the residual, at unit scale."""
        return self.state.loss

    @property
    def active(self):
        """The columns in use, in the order of entry."""
        return [state.column for state in self.states[self.first + 1 : self.t + 1]]

    def append(self, j):
        """Refit with column j; False when it depends on those in use."""
        if j in self.state.rejected:
            return False
        if self.t + 1 < len(self.states) and self.states[self.t + 1].column != j:
            self.forget()
        if self.t + 1 == len(self.states):
            new = self.extended(j)
            if new is None:
                self.state.rejected.add(j)
                return False
            if not self.remembers:
                self.state.known.clear()
            self.states.append(new)
        self.t += 1
        return True

    def forget(self):
        """Give up the states beyond the present one."""
        if self.t + 1 < len(self.states):
            del self.states[self.t + 1 :]
            self.restore()

    def refusing(self, penalty, omega):
        """The smallest strength, in the units of F, for which the first step after the free columns chooses none."""
        self.start(omega)
        eligible = (omega > 0) & np.isfinite(omega)
        weights = omega[eligible] if penalty == "l1" else np.square(omega[eligible])
        return (self.thresholds(penalty)[eligible] / weights).max(initial=0.0)

    def losses(self):
        """F before the first and after each column, at unit scale."""
        return np.array([state.loss for state in self.states[self.first : self.t + 1]])

    def path(self):
        """Coefficients in the units of the data as a lower triangle (t, k, k), row i after i + 1 columns."""
        k = self.t - self.first
        path = np.zeros((self.n_targets, k, k), self.dtype)
        for i in range(k):
            path[:, i, : i + 1] = self.states[self.first + 1 + i].w[:, self.first :]
        return shifted(path, self.of_coefficients(self.active))

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

from sparsekit.core.operators import squared_norms
from sparsekit.core.scaling import exponent, is_extreme, row_exponents, shifted
from sparsekit.recovery._regressor import kkt_violation
from sparsekit.recovery.decrease import Penalty, decreases_of, initial_slopes, largest_absolute, largest_decrease
from sparsekit.recovery.least_absolute import extend, refit, vertex, widened
from sparsekit.recovery.refit import Refit
from sparsekit.recovery.selection import first_largest

_DEPENDENT = 4096  # times eps: a column with less of its square outside the span of the others depends on them
_NOISE = 64  # times eps: correlations and residuals of this size, relative to those of y, are rounding
_TIE = 64  # times eps: decreases this close are equal, and the smallest index wins
_ROOM = 32  # columns that a least-absolute fit has room for at first
_DRIFT = 1e-11  # of the largest target: residual of an interpolated row from which the inverse is computed anew
_EDGES = 100  # edges a row and column after which a least-absolute refit is given up


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
            j = first_largest(np.where(blocked, 0.0, outside), 1 - _TIE * fit.eps)
            if j >= 0 and outside[j] > inside:
                blocked[j] = True
                if fit.append(j):
                    promised.append(outside[j])
                continue
            reason = "no decrease" if j < 0 else "fixed point"
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


class State:
    """A fit to one support: what is known of it, to come back to."""

    def __init__(self, column, loss, w, **known):
        self.column, self.loss, self.w = column, loss, w  # the last column, F, coefficients (t, k)
        self.known = known
        self.rejected = set()  # columns that depend on those in use


class Fit:
    """What both kinds of fit share: a way through nested supports, and the memory of the longest one."""

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


class LeastSquares(Fit):
    """F = ||r||^2 or ||r||, through products with the columns.

    Parameters
    ----------
    design : Design of shape (m, N)
        The columns, with sample weights and centring.
    Y : ndarray of shape (m, t)
        Targets, weighted and centred; one support serves all.
    y_mean : ndarray of shape (t,)
        What the centring took.
    loss : {"squared", "sqrt"}
        F.
    remembers : bool, default=False
        Whether to keep what a later pursuit can use.
    """

    converged = True

    def __init__(self, design, Y, y_mean, loss, *, remembers=False):
        self.remembers = remembers
        self.given, self.y_mean, self.name, self.power = (design, Y), y_mean, loss, 2 if loss == "squared" else 1
        self.eps, self.dtype, self.n_targets = float(np.finfo(Y.dtype).eps), Y.dtype, Y.shape[1]
        self.n_samples, self.shift = len(Y), exponent(Y)
        Y = shifted(Y, -self.shift)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            extreme = is_extreme(squared_norms(design.adjoint(Y).T).max(), design.dtype)
        self.design, self.of_design = design.tamed() if extreme else (design, 0)
        self.norms = self.design.squared_norms()
        self.refit = Refit(Y, max(0, min(Y.shape[0] - design.center, design.shape[1])), _DEPENDENT * self.eps)
        floor = (_NOISE * self.eps) ** 2 * self.refit.rest
        self.floor, self.rounding = floor, floor ** (self.power / 2)
        self.states = [self._state(-1)]

    def _state(self, j):
        return State(j, self.refit.rest ** (self.power / 2), self.refit.coefficients(), rest=self.refit.rest)

    def at_unit_scale(self, penalty):
        """The penalty of the problem that is solved."""
        return penalty.scaled(self.of_design - self.shift * (self.power - 1), -self.shift * self.power)

    def in_units_of_loss(self, values):
        """F, or decreases of F, in the units of the data."""
        return shifted(values, self.shift * self.power)

    def of_coefficients(self, _active):
        """The power of two that leads to the units of the data."""
        return self.shift + self.of_design

    def never(self):
        """Columns that cannot be chosen: those of infinite weight and those that are zero."""
        return self.penalty.infinite() | (self.norms == 0)

    def energies(self):
        """|c_j|^2 of all columns, 0 where that is rounding."""
        known = self.state.known
        if "energies" not in known:
            self.forget()
            energies = squared_norms(self.design.adjoint(self.refit.R).T)
            known["energies"] = np.where(energies > self.floor * self.norms, energies, 0.0)
        return known["energies"]

    def decreases(self, blocked):
        """Delta of all columns, and the largest among those in use."""
        state, active = self.state, self.active
        energies, x = np.where(blocked, 0.0, self.energies()), np.zeros(len(blocked))
        x[active] = np.sqrt(squared_norms(state.w))
        found = largest_decrease(self.name, energies, self.norms * x, x, self.norms, state.known["rest"], self.penalty)
        return found, found[active].max(initial=0.0)

    def thresholds(self, penalty):
        """The phi ("l1") or psi ("l0") from which a column is not chosen, in the units of F."""
        if penalty == "l0":
            return self.in_units_of_loss(self.decreases(self.never())[0])
        correlations = np.sqrt(self.energies())
        slopes = 2 * correlations if self.power == 2 else correlations / (self.loss or 1)
        return shifted(slopes, self.shift * (self.power - 1) - self.of_design)

    def decreases_at(self, w):
        """Delta of all columns where the coefficients are w (N, t) and the residual is the target."""
        w = shifted(w, -self.of_coefficients(None))
        c = self.design.adjoint(self.refit.R)
        u, lengths = (np.sqrt(squared_norms(each.T)) for each in (c + self.norms[:, None] * w, w))
        return largest_decrease(self.name, squared_norms(c.T), u, lengths, self.norms, self.refit.rest, self.penalty)

    def extended(self, j):
        """The state with column j added; None when it depends on those in use."""
        return self._state(j) if self.refit.append(self.design.columns([j])[:, 0]) else None

    def restore(self):
        """Bring the refit to the present state."""
        self.refit.truncate(self.t)

    def intercept(self):
        """(t,)."""
        w = shifted(self.state.w, self.of_coefficients(None))
        return self.y_mean - w @ self.given[0].mean[self.active]

    def violation(self):
        """The largest cosine, relative to y, between the residual and a column in use."""
        coef = np.zeros((self.n_targets, len(self.norms)), self.dtype)
        coef[:, self.active] = shifted(self.state.w, self.of_coefficients(None))
        return kkt_violation(*self.given, coef)


class LeastAbsolute(Fit):
    """F = ||r||_1, for dense real columns and one target; computed in float64 whatever comes in.

    Parameters
    ----------
    columns : ndarray of shape (N, m)
        The columns as rows, in float64; changed in place: each is divided by a power of two. With `center` the last one
        is that of the intercept.
    y : ndarray of shape (m,)
        Target in float64.
    center : bool
        Whether there is an intercept.
    dtype : dtype
        Of the data and of the answer.
    remembers : bool, default=False
        Whether to keep what a later pursuit can use.
    """

    n_targets = 1

    def __init__(self, columns, y, *, center, dtype, remembers=False):
        self.remembers = remembers
        self.dtype, self.eps, self.first = dtype, float(np.finfo(dtype).eps), int(center)
        self.n_features = columns.shape[0] - center
        self.shift, self.exponents = exponent(y), row_exponents(columns)
        np.ldexp(columns, -self.exponents[:, None], out=columns)
        self.columns, self.y, self.lengths = columns, shifted(y, -self.shift), np.abs(columns).sum(axis=1)
        self.vertex, self.converged = vertex(self.y, min(*columns.shape, _ROOM)), True
        loss = np.abs(self.y).sum()
        self.rounding = _NOISE * self.eps * loss
        self.states, self.t = [State(-1, loss, np.zeros((1, 0)), **self._known(0))], 0
        if center:
            self.append(self.n_features)

    def _known(self, k):
        """What the state keeps of the vertex of k columns."""
        v = self.vertex
        keep = np.copy if self.remembers else np.asarray
        return {"r": keep(v.r), "sigma": keep(v.sigma), "basis": keep(v.basis[:k]), "g": keep(v.g[:k])}

    def at_unit_scale(self, penalty):
        """The penalty of the problem that is solved."""
        return penalty.scaled(-self.exponents[: self.n_features], -self.shift)

    def in_units_of_loss(self, values):
        """F, or decreases of F, in the units of the data."""
        return shifted(values, self.shift)

    def of_coefficients(self, active):
        """The powers of two that lead to the units of the data."""
        return self.shift - self.exponents[active]

    def never(self):
        """Columns that cannot be chosen: those of infinite weight and those that are zero."""
        return self.penalty.infinite() | (self.lengths[: self.n_features] == 0)

    def decreases(self, blocked):
        """Delta of all columns (0 where it cannot be the largest), and the largest among those in use."""
        active, r, (phi, psi) = np.array(self.active, int), self.state.known["r"], self.penalty
        gains, bounds = np.empty((2, self.n_features))
        largest_absolute(
            self.columns[: self.n_features], self.lengths, r, blocked, phi, psi, gains, bounds, 1 - _TIE * self.eps
        )
        gains[gains <= self.rounding] = 0
        inside = np.empty(len(active))
        decreases_of(self.columns, active, r, self.state.w[0, self.first :], phi, psi, inside)
        return gains, inside.max(initial=0.0)

    def thresholds(self, penalty):
        """The phi ("l1") or psi ("l0") from which a column is not chosen, in the units of F."""
        r, n = self.state.known["r"], self.n_features
        if penalty == "l0":
            gains = np.empty(n)
            decreases_of(self.columns, np.arange(n), r, np.zeros(n), *self.penalty, gains)
            return self.in_units_of_loss(gains)
        slope, flat = np.empty((2, n))
        initial_slopes(self.columns[:n], r, np.empty(len(r), int), slope, flat)
        return shifted(np.maximum(np.abs(slope) - flat, 0), self.exponents[:n])

    def decreases_at(self, w):
        """Delta of all columns where the coefficients are w (N, 1) and the residual is the target."""
        found = np.empty(self.n_features)
        w = shifted(w[:, 0], -self.of_coefficients(slice(None)))
        decreases_of(self.columns, np.arange(len(w)), self.y, w, *self.penalty, found)
        return found

    def extended(self, j):
        """The state with column j added; None when it depends on those in use."""
        k = self.t
        if k == len(self.vertex.basis):
            self.vertex = widened(self.vertex, 2 * k)
        used, v, x = self._used(j), self.vertex, np.empty(k + 1)
        limit = _EDGES * (len(self.y) + k + 1)
        dependent = _DEPENDENT * self.eps
        useful, loss, optimal, drift = extend(v, self.columns, used, k, dependent, self.y, x, limit)
        if not useful:
            return None
        if drift > _DRIFT:
            self._invert(used)
            loss, optimal, drift = refit(v, self.columns, used, k + 1, self.y, x, limit)
        self.converged &= optimal and drift <= _DRIFT
        return State(j, loss, x[None, :], **self._known(k + 1))

    def _invert(self, used):
        """Compute the inverse of the vertex anew."""
        k = len(used)
        self.vertex.M[:k, :k] = np.linalg.inv(self.columns[used][:, self.vertex.basis[:k]].T)

    def _used(self, *more):
        """The columns in use, with that of the intercept."""
        return np.array([state.column for state in self.states[1 : self.t + 1]] + [*more], int)

    def restore(self):
        """Bring the vertex to the present state."""
        k, v = self.t, self.vertex
        v.r[:], v.sigma[:], v.basis[:k] = (self.state.known[name] for name in ("r", "sigma", "basis"))
        v.basis[k:] = -1
        self._invert(self._used())

    def intercept(self):
        """(1,)."""
        return (
            shifted(self.state.w[0, : self.first], self.of_coefficients([self.n_features]))
            if self.first
            else np.zeros(1)
        )

    def violation(self):
        """How far the dual solution u is from a certificate, the largest of three.

        The excess of |u_i| over 1, |a_j^T u| over ||a_j||_1 for the columns in use, and the duality gap
        ||r||_1 - y^T u relative to ||y||_1.
        """
        used, total, known = self._used(), np.abs(self.y).sum(), self.state.known
        u = known["sigma"].copy()
        u[known["basis"]] = -known["g"]
        gap = abs(self.loss - self.y @ u) / total if total > 0 else 0.0
        return float(
            max(0.0, np.abs(u).max() - 1, gap, (np.abs(self.columns[used] @ u) / self.lengths[used]).max(initial=0))
        )

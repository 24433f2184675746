"""The fits that weighted OMP pursues: least squares through products with the columns, and least absolute deviations.

Both solve a problem of unit scale: powers of two are taken out of the data, the penalty and the answer.
"""

import numpy as np

from sparsekit.core.operators import Design, squared_norms
from sparsekit.core.scaling import exponent, is_extreme, row_exponents, shifted
from sparsekit.recovery._regressor import misalignment
from sparsekit.recovery.decrease import decreases_of, initial_slopes, largest_absolute, largest_decrease
from sparsekit.recovery.least_absolute import extend, refit, vertex, widened
from sparsekit.recovery.penalised_pursuit import TIE, Fit, State
from sparsekit.recovery.refit import Refit

_DEPENDENT = 4096  # times eps: a column with less of its square outside the span of the others depends on them
_NOISE = 64  # times eps: correlations and residuals of this size, relative to those of y, are rounding
_ROOM = 32  # columns that a least-absolute fit has room for at first
_DRIFT = 1e-11  # of the largest target: residual of an interpolated row from which the inverse is computed anew
_EDGES = 20  # edges a row and column after which a least-absolute refit is given up


def prepared(X, y, sample_weight, loss, *, center, remembers=False):
    """The fit, LeastSquares or LeastAbsolute, to validated data."""
    if loss != "absolute":
        design = Design(X, sample_weight=sample_weight, center=center)
        return LeastSquares(design, *design.target(y), loss, remembers=remembers)
    rows = slice(None) if sample_weight is None else sample_weight > 0
    columns = np.ones((X.shape[1] + center, len(y[rows])))
    columns[: X.shape[1]] = X[rows].T
    target = y[rows].astype(float)
    if sample_weight is not None:
        columns *= sample_weight[rows]
        target = target * sample_weight[rows]
    return LeastAbsolute(columns, target, center=center, dtype=X.dtype, remembers=remembers)


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

    all_decreases = True  # those that are not the largest are right, too

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
        self.refit = Refit(
            Y, max(0, min(Y.shape[0] - design.center, design.shape[1])), _DEPENDENT * self.eps, known=False
        )
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
        return misalignment(*self.given, coef)


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

    n_targets, all_decreases = 1, False

    def __init__(self, columns, y, *, center, dtype, remembers=False):
        self.remembers = remembers
        self.dtype, self.eps, self.first = dtype, float(np.finfo(dtype).eps), int(center)
        self.n_features = columns.shape[0] - center
        self.offset = np.median(y / columns[-1]) if center else 0.0  # what is rounding depends on the rest alone
        y = y - self.offset * columns[-1] if center else y
        self.shift, self.exponents = exponent(y), row_exponents(columns)
        np.ldexp(columns, -self.exponents[:, None], out=columns)
        self.columns, self.y, self.lengths = columns, shifted(y, -self.shift), np.abs(columns).sum(axis=1)
        self.vertex = vertex(self.y, min(*columns.shape, _ROOM))
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
        active, r, (phi, psi), n = np.array(self.active, int), self.state.known["r"], self.penalty, self.n_features
        gains, inside, tie = np.empty(n), np.empty(len(active)), 1 - TIE * self.eps
        largest_absolute(self.columns[:n], self.lengths, r, *self.slopes(), blocked, phi, psi, tie, gains)
        gains[gains <= self.rounding] = 0
        decreases_of(self.columns, active, r, self.state.w[0, self.first :], phi, psi, inside)
        return gains, inside.max(initial=0.0)

    def slopes(self):
        """The initial slopes of all columns: what moves the loss, and what holds it."""
        known, n = self.state.known, self.n_features
        if "slopes" not in known:
            known["slopes"] = np.empty((2, n))
            initial_slopes(self.columns[:n], known["r"], np.empty(len(self.y), int), *known["slopes"])
        return known["slopes"]

    def thresholds(self, penalty):
        """The phi ("l1") or psi ("l0") from which a column is not chosen, in the units of F."""
        r, n = self.state.known["r"], self.n_features
        if penalty == "l0":
            gains = np.empty(n)
            decreases_of(self.columns, np.arange(n), r, np.zeros(n), *self.penalty, gains)
            return self.in_units_of_loss(gains)
        slope, flat = self.slopes()
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
        useful, loss, drift = extend(v, self.columns, used, k, dependent, self.y, x, limit)
        if not useful:
            return None
        if drift > _DRIFT:
            self._invert(used)
            loss, drift = refit(v, self.columns, used, k + 1, self.y, x, limit)
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
        return self.offset + shifted(self.state.w[0, : self.first], self.of_coefficients([-1] * self.first))

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

r"""Least squares with a separable penalty that is not convex: working sets, coordinate descent, Newton steps.

    P(w) = ||y - A w||^2 / 2 + sum_j p(w_j; lam_j, ||a_j||^2)

Coordinate descent moves every coefficient to where P is lowest along it. Where the penalties are smooth, that is on the
support, a Newton step with their (negative) curvature follows, if P falls by it. Working sets gain the columns that
violate the conditions of a minimum along coordinates most,

    ||a_j||^2 |w_j - prox(w_j + a_j^T r / ||a_j||^2)|

There are many local minima. A descent that begins at the LASSO whose strengths are half of the correlations up to which
a coefficient alone stays zero mostly ends lowest; one from zeros does so now and then, and costs little more. Along a
path of falling strengths it would end higher.
"""

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.core.operators import energy
from sparsekit.recovery.lasso_solver import LassoSolver
from sparsekit.recovery.penalties import MCP, SCAD, LHalf, LTwoThirds, slack, value, violation

_FIRST, _GROWTH = 64, 0.5  # columns that a working set gains, at least, and times the support
_EPOCHS = 8  # of descent between two Newton steps
_TURNS = 50  # of both in one round, at most
_HALVINGS = 8
_INNER, _PART = 0.3, 0.1  # of the tolerance, and of the violation over all columns: violation that ends a round
_NOTHING = 1e-3  # of that violation, as the change of a coefficient: after it there is no other epoch
_START, _START_TOL, _START_ROUNDS = 0.5, 1e-3, 5  # of the thresholds; duality gap and rounds of the LASSO
_CG, _CG_TOL = 100, 1e-4  # iterations, and reduction of the residual
_SHORT = 1e-3  # of a coefficient: steps whose change of the penalty is its slope half-way
_EQUAL = 1e-9  # relative difference of minima that count as the same
_LEAST = 1e-300  # a threshold that is not zero
_ROUNDING = 1e-12  # of ||a|| ||y||: gradients that are but rounding


@kernel
def violations(penalty, w, c, lam, norms, chosen, out):
    """Write the violation of each chosen column to out[j]; c = A^T r."""
    for j in chosen:
        out[j] = violation(penalty, w[j], -c[j], lam[j], norms[j])


@kernel
def total(penalty, w, lam, norms):
    """The penalty of all coefficients."""
    height = 0.0
    for j in range(len(w)):
        if w[j] != 0:
            height += value(penalty, w[j], lam[j], norms[j])
    return height


@kernel
def rise(penalty, old, new, lam, norms):
    """What the penalty gains from old to new coefficients, to all digits also when they hardly differ."""
    gained = 0.0
    for j in range(len(old)):
        step = abs(new[j]) - abs(old[j])
        if abs(new[j] - old[j]) <= _SHORT * abs(old[j]):
            gained += step * slack(penalty, (old[j] + new[j]) / 2, 0.0, lam[j], norms[j])
        else:
            gained += value(penalty, new[j], lam[j], norms[j]) - value(penalty, old[j], lam[j], norms[j])
    return gained


@kernel
def slopes(penalty, x, lam, norms, out):
    """Write the derivative of the penalty of |x_j| to out[j]."""
    for j in range(len(x)):
        out[j] = slack(penalty, x[j], 0.0, lam[j], norms[j]) if x[j] != 0 else 0.0


_POWERS = {LHalf: 1 / 2, LTwoThirds: 2 / 3}  # 0 for L0 and CEL0


def curvature(penalty, size, lam):
    """p'' at sizes > 0 of coefficients; 0 for L0, and for CEL0, which is flat where a coefficient is best."""
    if isinstance(penalty, MCP):
        return np.where(size < penalty.gamma * lam, -1 / penalty.gamma, 0.0)
    if isinstance(penalty, SCAD):
        return np.where((lam < size) & (size < penalty.gamma * lam), -1 / (penalty.gamma - 1), 0.0)
    power = _POWERS.get(type(penalty), 0)
    return power * (power - 1) * lam * size ** (power - 2)


def thresholds(penalty, lam, norms):
    """Correlations up to which a coefficient stays zero while the others do."""
    if isinstance(penalty, MCP):
        return lam * np.minimum(1, np.sqrt(penalty.gamma * norms))
    if isinstance(penalty, SCAD):
        return lam * np.minimum(1, np.sqrt((penalty.gamma + 1) * norms))
    power = _POWERS.get(type(penalty), 0)
    share, twice = 1 / (2 - power), 2 * (1 - power)
    return (2 - power) / twice * (twice * lam) ** share * norms ** (1 - share)


class PenalisedSolver:
    """A local minimum.

    Parameters
    ----------
    columns : DenseColumns or SparseColumns of shape (m, n)
        What y is regressed on.
    y : ndarray of shape (m,)
        Target, in double precision.
    penalty : MCP, SCAD, CEL0, L0, LHalf or LTwoThirds
        Its type and shape.
    lam : ndarray of shape (n,)
        Strengths, finite.
    tol : float
        Violation, relative to the largest correlation of a penalised column when only the others are fitted.
    max_iter : int
        Rounds, at most.

    Attributes
    ----------
    w : ndarray of shape (n,)
        Coefficients.
    r : ndarray of shape (m,)
        Residual.
    violation : float
        The largest, in that unit.
    """

    def __init__(self, columns, y, penalty, lam, *, tol, max_iter):
        self._columns, self._penalty, self._lam, self._tol, self._max_iter = columns, penalty, lam, tol, max_iter
        omega = np.where(lam > 0, np.maximum(thresholds(penalty, lam, columns.norms), _LEAST), 0.0)
        self._convex = LassoSolver(columns, y, omega, positive=False, tol=_START_TOL, max_iter=_START_ROUNDS)
        self._unit = self._largest(y)
        self.violation, self._found = np.inf, np.zeros(len(lam))

    def _largest(self, y):
        """The largest correlation of a penalised column; where it is but rounding, the largest possible."""
        sizes = np.where(self._lam > 0, np.abs(self.c), -1.0)
        if not (sizes >= 0).any():
            return 1.0
        at = sizes.argmax()
        most = np.sqrt(self._columns.norms[at] * energy(y))
        return (sizes[at] if sizes[at] > _ROUNDING * most else most) or 1.0

    @property
    def w(self):
        """Coefficients (n,)."""
        return self._convex.w

    @property
    def r(self):
        """Residual (m,)."""
        return self._convex.r

    @property
    def c(self):
        """Correlations A^T r (n,)."""
        return self._convex.c

    def start(self, w):
        """Begin with these coefficients."""
        self._convex.start(w)

    def solve_anew(self):
        """Descend from zeros and from the LASSO, to the lower of the two minima; the number of rounds."""
        self.start(np.zeros(len(self.w)))
        n_rounds = self.solve()
        lowest, w, violated = self.objective(), self.w.copy(), self.violation
        self._convex.solve(_START)
        self.start(self.w)
        n_rounds += self.solve()
        if lowest < (1 - _EQUAL) * self.objective():
            self.start(w)
            self.violation = violated
        return n_rounds

    def objective(self):
        """P."""
        return energy(self.r) / 2 + total(self._penalty, self.w, self._lam, self._columns.norms)

    def solve(self):
        """Descend until the violation is as small as the tolerance; the number of rounds."""
        everything, limit = np.arange(len(self.w)), None
        for done in range(self._max_iter + 1):
            worst = self._worst(everything)
            self.violation = worst / self._unit
            if self.violation <= self._tol or done == self._max_iter:
                return max(1, done)
            chosen, limit = self._working_set(limit)
            self._solve_on(chosen, max(_INNER * self._tol * self._unit, _PART * worst))
            self._convex.start(self.w)
        return done

    def _worst(self, chosen):
        violations(self._penalty, self.w, self.c, self._lam, self._columns.norms, chosen, self._found)
        return self._found[chosen].max(initial=0.0)

    def _working_set(self, limit):
        """The support, the free columns, and those that violate most; how many may come next time."""
        inside = (self.w != 0) | self._convex.free
        limit = max(_FIRST, int(_GROWTH * inside.sum())) if limit is None else 2 * limit
        found = np.where(inside, 0.0, self._found)
        candidates = np.flatnonzero(found > 0)
        if len(candidates) > limit:
            candidates = candidates[np.argpartition(-found[candidates], limit)[:limit]]
        return np.sort(np.concatenate([np.flatnonzero(inside), candidates])), limit

    def _solve_on(self, chosen, goal):
        """Lower P over the chosen columns until they violate no more than the goal."""
        columns, longest = self._columns, self._columns.norms[chosen].max()
        enough = (_NOTHING * goal) ** 2 / longest if longest > 0 else 0.0
        for _ in range(_TURNS):
            columns.epochs(self._penalty, self.w, self.r, self._lam, chosen, _EPOCHS, enough)
            columns.correlations(self.r, chosen, self.c)
            if self._worst(chosen) <= goal:
                return
            if self._newton(chosen):
                columns.correlations(self.r, chosen, self.c)
                if self._worst(chosen) <= goal:
                    return

    def _newton(self, chosen):
        """A Newton step on the support; whether P falls."""
        w, free = self.w, self._convex.free
        support = chosen[((w[chosen] != 0) | free[chosen]) & (self._columns.norms[chosen] > 0)]
        if not len(support):
            return False
        old, lam, norms = w[support], self._lam[support], self._columns.norms[support]
        slope, signs = np.empty(len(support)), np.sign(old)
        slopes(self._penalty, old, lam, norms, slope)
        bends = curvature(self._penalty, np.where(lam > 0, np.abs(old), 1.0), lam)
        direction = self._direction(support, self.c[support] - slope * signs, bends)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where((direction * signs < 0) & (lam > 0), -old / direction, np.inf)
        for step in 0.5 ** np.arange(_HALVINGS):
            new = np.where(reach <= step, 0.0, old + step * direction)
            image = self._columns.image(support, new - old)
            if energy(image) / 2 - self.r @ image + rise(self._penalty, old, new, lam, norms) < 0:
                w[support] = new
                self.r[:] -= image
                return True
        return False

    def _direction(self, support, right, bends):
        """The solution of (A_S^T A_S + diag(bends)) d = right by conjugate gradients, up to a bend downwards."""
        columns, norms, c = self._columns, self._columns.norms[support], np.empty(len(self.w))
        d, left = np.zeros(len(right)), right.copy()
        z = left / norms
        step, power = z.copy(), left @ z
        goal = _CG_TOL**2 * power
        for i in range(_CG):
            if power <= goal:
                break
            image = columns.image(support, step)
            bend = image @ image + bends @ (step * step)
            if bend <= 0:
                return d if i else step
            columns.correlations(image, support, c)
            d += (power / bend) * step
            left -= (power / bend) * (c[support] + bends * step)
            z = left / norms
            power, before = left @ z, power
            step = z + (power / before) * step
        return d

r"""The weighted LASSO to a certified duality gap: working sets, coordinate descent, Newton steps on the support.

    P(w) = ||y - A w||^2 / 2 + sum_j lam_j |w_j|,   lam_j >= 0
    D(theta) = y^T theta - ||theta||^2 / 2,   |a_j^T theta| <= lam_j

A round solves the problem over a working set: the support, and the columns that correlate most with the residual. A
few epochs of descent find signs, and a Newton step on the support solves for the values. Steps that would change signs
set those coefficients to zero, and are halved until they lower P; a step that sets one does. With theta = q r, q the
best factor that is feasible, P - D bounds the distance from the minimum, and a coefficient is zero at every minimum if

    |a_j^T theta| + ||a_j|| sqrt(2 (P - D)) < lam_j

so that the rounds that follow leave it out ("gap-safe" screening [ndiaye2017]_). Columns with lam_j = 0 bind theta to
their complement; they are in every working set.
"""

import numpy as np
from scipy.optimize import nnls

from sparsekit.core.operators import energy
from sparsekit.recovery.penalties import L1, PositiveL1

_FIRST, _GROWTH = 64, 0.5  # columns that a working set gains, at least, and times the support
_NEAR = 0.9  # of lam_j: correlation from which a column is taken in before it is needed
_EPOCHS, _BETWEEN = 8, 3  # of descent before the first Newton step, and between two of them
_MORE = 20  # of descent where a Newton step has failed
_TURNS = 50  # of both in one round, at most
_HALVINGS = 8
_STRIDE, _WAY = 0.3, 0.01  # between strengths on the way to a small one, and relative gap there
_INNER, _PART = 0.3, 0.1  # of the tolerance, and of the gap over all columns: gap that ends a round
_NOTHING = 1e-6  # of that gap: change of an epoch after which there is no other
_ROUNDING = 1e-14  # of ||a|| ||y||: a correlation that is but rounding
_CONE = 100.0  # times that: products of unpenalised columns that are orthogonal to the residual after a Newton step
_FITTED = 1e-13  # of ||y||: what the free columns leave when they explain all
_DEPENDENT = 1e-10  # relative singular value of free columns that depend on others


class LassoSolver:
    """Solutions for any strength of the penalty, each starting from the last one.

    Parameters
    ----------
    columns : DenseColumns or SparseColumns of shape (m, n)
        What y is regressed on.
    y : ndarray of shape (m,)
        Target, in double precision.
    omega : ndarray of shape (n,)
        Weights of the penalty, finite.
    positive : bool
        Whether coefficients must not be negative.
    tol : float
        Duality gap, relative to P at the solution without penalised columns.
    max_iter : int
        Rounds, at most.

    Attributes
    ----------
    w : ndarray of shape (n,)
        Coefficients.
    r : ndarray of shape (m,)
        Residual.
    gap : float
        P - D.
    null : float
        P without penalised columns.
    free : ndarray of shape (n,)
        Which columns have no penalty.
    """

    def __init__(self, columns, y, omega, *, positive, tol, max_iter):
        self._columns, self._omega, self._tol, self._max_iter = columns, omega, tol, max_iter
        self._y, self._positive = y, positive
        self._penalty = PositiveL1() if positive else L1()
        self.free = (omega == 0) & (columns.norms > 0)
        n = len(omega)
        self.w, self.r, self.c = np.zeros(n), y.copy(), np.empty(n)
        self._basis = self._free_columns() if self.free.any() else None
        self._settle_free()
        if energy(self.r) <= _FITTED**2 * energy(y):
            self.r[:] = 0
        self.null = energy(self.r) / 2
        self._columns.correlations(self.r, None, self.c)
        self._rounding = _ROUNDING * np.sqrt(columns.norms * energy(y))
        self.gap, self._left_out = np.inf, None

    def _free_columns(self):
        """Their indices, an orthonormal basis of their span, and what turns its coordinates into coefficients.

        Where coefficients must not be negative, the columns themselves instead of the basis, at unit length.
        """
        free = np.flatnonzero(self.free)
        A = np.stack([self._columns.image(free[[i]], np.ones(1)) for i in range(len(free))], axis=1)
        A /= np.sqrt(self._columns.norms[free])
        if self._positive:
            return free, A, 1 / np.sqrt(self._columns.norms[free])
        U, sizes, Vt = np.linalg.svd(A, full_matrices=False)
        kept = sizes > _DEPENDENT * sizes[0]
        back = (Vt[kept].T / sizes[kept]) / np.sqrt(self._columns.norms[free])[:, None]
        return free, U[:, kept], back

    def _settle_free(self):
        """Make the residual orthogonal to the free columns, exactly; or to the cone of their positive multiples."""
        if self._basis is not None and self._positive:
            free, A, back = self._basis
            target = self.r + A @ (self.w[free] / back)
            coordinates = nnls(A, target)[0]
            self.r = target - A @ coordinates
            self.w[free] = back * coordinates
        elif self._basis is not None:
            free, U, back = self._basis
            coordinates = U.T @ self.r
            self.r -= U @ coordinates
            self.w[free] += back @ coordinates

    def start(self, w):
        """Begin with these coefficients."""
        self.w = w.astype(np.float64)
        self._look_anew(None)

    def refine(self, support):
        """A step of least squares on these columns, against the rounding of an exact fit."""
        step = self._columns.newton(support, self.c[support])
        if step is not None:
            moved = self.w[support] + step
            if (moved * self.w[support] >= 0).all():
                self.w[support] = moved
                self._look_anew(None)

    def is_feasible(self, c):
        """Whether no unpenalised column has a positive product c with a dual point, as positive coefficients ask."""
        return not (c[self._omega == 0] > _CONE * self._rounding[self._omega == 0]).any()

    def beyond_rounding(self, c):
        """The products c with a dual point that count, zero where they are but rounding."""
        c = c if self._positive else np.abs(c)
        return np.where(c > self._rounding, c, 0.0)

    def largest_strength(self):
        """The smallest strength at which all penalised coefficients are zero."""
        c = self.c if self._positive else np.abs(self.c)
        penalised = self._omega > 0
        return float(np.max(c[penalised] / self._omega[penalised], initial=0.0))

    def solve(self, strength, goal=None):
        """Lower P for lam = strength times the weights until the gap is at the goal; the number of rounds.

        From nothing, where more columns violate their bounds than there are rows, by way of larger strengths.
        """
        n_rounds = 0
        if not self.w.any() and self._n_violating(strength) > len(self.r):
            ahead = _STRIDE * self.largest_strength()
            while ahead * _STRIDE > strength:
                n_rounds += self._solve(ahead, _WAY * self.null)
                ahead *= _STRIDE
        return n_rounds + self._solve(strength, goal)

    def _n_violating(self, strength):
        c = self.c if self._positive else np.abs(self.c)
        return np.count_nonzero(c > strength * self._omega)

    def _solve(self, strength, goal):
        lam, goal = strength * self._omega, self._tol * self.null if goal is None else goal
        if self._left_out is not None:
            self._columns.correlations(self.r, self._left_out, self.c)
            self._left_out = None
        alive, limit = None, None
        for done in range(self._max_iter + 1):
            self.gap, scale = self._certify(lam)
            if self.gap <= goal or done == self._max_iter:
                return max(1, done)
            alive = self._alive(lam, scale, alive)
            chosen, limit = self._working_set(lam, alive, limit)
            self._solve_on(chosen, lam, goal)
            self._look_anew(alive)
        return done

    def _certify(self, lam, chosen=None):
        """P - D, over all columns or the chosen ones, and the factor from the residual to the dual point."""
        c = self.c if chosen is None else self.c[chosen]
        c = c if self._positive else np.abs(c)
        bounds = lam if chosen is None else lam[chosen]
        rounding = self._rounding if chosen is None else self._rounding[chosen]
        most = np.maximum(bounds, rounding)  # that a product with the dual point may be
        most[bounds == 0] = _CONE * rounding[bounds == 0] if self._positive else np.inf
        steepest = np.max(c[most > 0] / most[most > 0], initial=0.0)
        rest, image = energy(self.r), float(self._y @ self.r)
        scale = max(image, 0.0) / rest if rest > 0 else 0.0
        scale = min(scale, 1 / steepest) if steepest > 0 else scale
        used = np.flatnonzero(self.w) if chosen is None else chosen
        primal = rest / 2 + float(lam[used] @ np.abs(self.w[used]))
        return max(primal - scale * image + scale**2 * rest / 2, 0.0), scale

    def _alive(self, lam, scale, alive):
        """Columns that the gap does not exclude: a mask, or None for all."""
        c = self.c if self._positive else np.abs(self.c)
        mask = scale * c + np.sqrt(2 * self.gap * self._columns.norms) >= lam
        mask |= self.w != 0
        if alive is not None:
            mask &= alive
        return None if mask.all() else mask

    def _working_set(self, lam, alive, limit):
        """The support, the free columns, and those that violate their bounds most; how many may come next time."""
        inside = (self.w != 0) | self.free
        limit = max(_FIRST, int(_GROWTH * inside.sum())) if limit is None else 2 * limit
        near = _NEAR if limit else 1.0
        c = self.c if self._positive else np.abs(self.c)
        excess = c - near * lam
        excess[inside] = -np.inf
        if alive is not None:
            excess[~alive] = -np.inf
        candidates = np.flatnonzero(excess > 0)
        if len(candidates) > limit:
            with np.errstate(divide="ignore"):
                order = np.argpartition(-c[candidates] / lam[candidates], limit)
            candidates = candidates[order[:limit]]
        return np.sort(np.concatenate([np.flatnonzero(inside), candidates])), limit

    def _solve_on(self, chosen, lam, goal):
        """Lower P over the chosen columns, until the gap over them is small enough."""
        goal, n_epochs = max(_INNER * goal, _PART * self.gap), _EPOCHS
        for _ in range(_TURNS):
            self._columns.epochs(self._penalty, self.w, self.r, lam, chosen, n_epochs, _NOTHING * goal)
            self._settle_free()
            self._columns.correlations(self.r, chosen, self.c)
            if self._certify(lam, chosen)[0] <= goal:
                return
            n_epochs = _BETWEEN if self._newton(chosen, lam) else _MORE

    def _newton(self, chosen, lam):
        """A Newton step on the support; whether P falls."""
        w, columns = self.w, self._columns
        unbound = self.free & (not self._positive)
        support = chosen[(w[chosen] != 0) | unbound[chosen]]
        if not len(support):
            return False
        old, signs, bounds = w[support], np.sign(w[support]), lam[support]
        direction = columns.newton(support, self.c[support] - bounds * signs)
        if direction is None:
            return False
        bound = (direction * signs < 0) & ~unbound[support]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(bound, -old / direction, np.inf)  # step at which a coefficient is zero
        halves = 0.5 ** np.arange(_HALVINGS)
        first = reach.min(initial=np.inf)
        for step in [*halves[halves > first], min(first, 1.0)]:
            new = np.where(reach <= step, 0.0, old + step * direction)
            image = columns.image(support, new - old)
            if image @ image / 2 - self.r @ image + bounds @ (np.abs(new) - np.abs(old)) < 0:
                w[support] = new
                self.r -= image
                return True
        return False

    def _look_anew(self, alive):
        """The residual and the correlations, without what rounding has gathered."""
        used = np.flatnonzero(self.w)
        self.r = self._y - self._columns.image(used, self.w[used])
        self._settle_free()
        if alive is None:
            self._columns.correlations(self.r, None, self.c)
        else:
            self._columns.correlations(self.r, np.flatnonzero(alive), self.c)
            self._left_out = np.flatnonzero(~alive)
            self.c[self._left_out] = 0.0

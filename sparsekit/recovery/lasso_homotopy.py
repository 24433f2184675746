r"""The piecewise linear path of the LASSO towards smaller strengths, knot by knot [osborne2000]_.

For P(w) = ||y - A w||^2 / 2 + t sum_j omega_j |w_j| and a solution with support S and signs s,

    w_S(t - h) = w_S(t) + h d,   d = (A_S^T A_S)^-1 (omega_S s),   a_j^T r(t - h) = a_j^T r(t) - h a_j^T A_S d

until a coefficient is zero, or until a product with a column that is not in use reaches (t - h) omega_j. Where
r = t A_S d the fit is exact at strength 0, and no product reaches its bound before. A knot costs a product with all
columns: worth it where supports hardly change, as near an exact fit.
"""

import numpy as np

from sparsekit.core.operators import energy

_EXACT = 1e-9  # of ||r||^2: a part of it that is but rounding, on a piece that ends in an exact fit


class Homotopy:
    """A walk along the path of a `LassoSolver`.

    Parameters
    ----------
    columns : DenseColumns or SparseColumns of shape (m, n)
        A.
    omega : ndarray of shape (n,)
        Weights of the penalty.
    solver : LassoSolver
        At a solution; its coefficients are moved.
    t : float
        The strength that it solves for.

    Attributes
    ----------
    t : float
        Present strength.
    """

    def __init__(self, columns, omega, solver, t, *, positive):
        self._columns, self._omega, self._solver, self.t, self._positive = columns, omega, solver, t, positive
        solver.start(solver.w)
        self._support = np.flatnonzero((solver.w != 0) | solver.free)
        self._signs = np.where(solver.free[self._support], 0.0, np.sign(solver.w[self._support]))
        self._dropped = -1

    def follow(self, wanted, max_knots):
        """Walk until the present piece of the path holds what is wanted.

        Parameters
        ----------
        wanted : callable
            ``wanted(r, v, h)``: at which step, no more than h, from a residual r (m,) that changes by -v (m,) a step,
            the piece holds it; None where it does not. A piece that ends in an exact fit is wanted, too.
        max_knots : int
            After so many the walk is given up.

        Returns
        -------
        found : bool
            Whether the coefficients are on the piece, with all of its columns in use.
        """
        for _ in range(max_knots):
            direction = self._columns.newton(self._support, self._penalties(), precise=True)
            if direction is None:
                return False
            v = self._columns.image(self._support, direction)
            q = np.empty(len(self._omega))
            self._columns.correlations(v, None, q)
            leaving, h_leaving = self._first_to_leave(direction)
            entering, h_entering = self._first_to_enter(q)
            r = self._solver.r
            if energy(r - self.t * v) <= _EXACT * energy(r):
                if h_leaving >= self.t:
                    return self._go(self.t / 2)
                h_entering = np.inf
            h = min(h_leaving, h_entering)
            here = wanted(r, v, h)
            if here is not None:
                return self._go(here)
            if h >= self.t or not self._go(h):
                return False
            if h_leaving <= h_entering:
                self._drop(leaving)
            else:
                self._add(entering)
        return False

    def _penalties(self):
        return self._omega[self._support] * self._signs

    def _first_to_leave(self, direction):
        """Place in the support of the coefficient that is zero first, and the step."""
        w = self._solver.w[self._support]
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where((w * direction < 0) & (self._signs != 0), -w / direction, np.inf)
        place = int(np.argmin(steps)) if len(steps) else -1
        return place, steps[place] if len(steps) else np.inf

    def _first_to_enter(self, q):
        """The column whose product reaches its bound first, and the step."""
        c, room = self._solver.c, self.t * self._omega
        best, first = -1, np.inf
        for sign in (1,) if self._positive else (1, -1):
            with np.errstate(divide="ignore", invalid="ignore"):
                steps = (room - sign * c) / (self._omega - sign * q)
            steps[~(self._omega - sign * q > 0)] = np.inf
            steps[self._support] = np.inf
            if self._dropped >= 0 and sign * c[self._dropped] > 0:
                steps[self._dropped] = np.inf
            steps = np.maximum(steps, 0.0)
            j = int(np.argmin(steps))
            if steps[j] < first:
                best, first = j, steps[j]
        return best, first

    def _go(self, h):
        """Take a step; whether the solution is that of the support."""
        t = self.t - h
        correction = self._columns.newton(
            self._support, self._solver.c[self._support] - t * self._penalties(), precise=True
        )
        if correction is None:
            return False
        w = self._solver.w.copy()
        w[self._support] += correction
        self._solver.start(w)
        self.t = t
        return True

    def _drop(self, place):
        self._dropped = self._support[place]
        w = self._solver.w.copy()
        w[self._dropped] = 0.0
        self._solver.start(w)
        self._support, self._signs = np.delete(self._support, place), np.delete(self._signs, place)

    def _add(self, column):
        self._dropped = -1
        place = int(np.searchsorted(self._support, column))
        self._support = np.insert(self._support, place, column)
        self._signs = np.insert(self._signs, place, np.sign(self._solver.c[column]))

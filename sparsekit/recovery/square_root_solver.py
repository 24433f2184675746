r"""The square-root LASSO to a certified duality gap, by weighted LASSO problems of the right strength [belloni2011]_.

    P(w) = ||y - A w|| + sum_j lam_j |w_j|,    D(theta) = y^T theta,  ||theta|| <= 1,  |a_j^T theta| <= lam_j

With r = y - A w at the minimum, w solves min ||y - A w||^2 / 2 + t sum_j lam_j |w_j| for t = ||r||. While the support
and the signs stay,

    w_S = u - t d,    r = r_0 + t v,    u = A_S^+ y,   d = (A_S^T A_S)^-1 (lam_S sign(w_S)),   v = A_S d

with r_0 orthogonal to v, so that the t with t = ||r|| is known: a Newton step, from where t is taken anew until the
gap is small. ||r|| / t does not grow with t, which bounds t from both sides. theta = r / ||r||, or less.

Where lam is small the fit is exact: r_0 = 0, ||v|| <= 1, and r / ||r|| would be rounding. There w_S = u, theta = v.
Where the residual gets short, supports are followed knot by knot (`Homotopy`).
"""

import numpy as np

from sparsekit.core.operators import energy
from sparsekit.recovery.lasso_homotopy import Homotopy
from sparsekit.recovery.lasso_solver import LassoSolver

_TURNS = 50  # strengths that are tried
_FAILURES = 3  # problems on the way that are not solved to their tolerance, at most
_TIGHT = 0.1  # of the tolerance: for the problems on the way
_ROUNDING = 1e-12  # of ||y||: a dual point, in the units of y, that is but rounding
_EXACT = 1e-9  # of ||r||^2: a part of it that is but rounding
_SHORT = 1e-4  # of ||y||: no shorter residual is looked for; the fit is exact then
_CLOSE, _KNOTS = 0.05, 4  # of ||y||: residual from which on knots are followed; and knots for each row, at most
_LESS = 0.1  # times the length that was tried, at least, is tried next: signs change slowly


class SquareRootSolver:
    """Solutions for any strength, each starting from the last one; parameters and attributes as in `LassoSolver`."""

    def __init__(self, columns, y, omega, *, positive, tol, max_iter):
        self._squared = LassoSolver(columns, y, omega, positive=positive, tol=tol, max_iter=max_iter)
        self._columns, self._omega, self._positive = columns, omega, positive
        self._target = y if positive else self._squared.r.copy()  # the part that dual points have a product with
        self._tol, self.null = tol, float(np.linalg.norm(self._squared.r))
        self.gap, self._exact_from = np.inf, 0.0

    @property
    def w(self):
        """Coefficients (n,)."""
        return self._squared.w

    def start(self, w):
        """Begin with these coefficients."""
        self._squared.start(w)
        self._exact_from = 0.0

    def largest_strength(self):
        """The smallest strength at which all penalised coefficients are zero."""
        return self._squared.largest_strength() / self.null if self.null else 0.0

    def solve(self, strength):
        """Lower P for lam = strength times the weights until the gap is small enough; the number of rounds."""
        if 0 < strength <= self._exact_from:  # an exact fit with the least penalty stays so
            rest = float(np.linalg.norm(self._squared.r))
            self.gap = rest + (self.gap - rest) * strength / self._exact_from
            self._exact_from = strength
            return 1
        squared, goal, n_rounds, failed, followed = self._squared, self._tol * self.null, 0, 0, False
        self._exact_from = 0.0
        shortest = _SHORT * self.null
        if np.linalg.norm(squared.r) < 10 * shortest:  # the way up from a fit that is too close is long
            squared.start(np.zeros(len(squared.w)))
        length, low, high = max(float(np.linalg.norm(squared.r)), shortest), 0.0, np.inf
        self.gap = 0.0 if self.null == 0 else np.inf
        for _ in range(_TURNS):
            if self.gap <= goal or failed == _FAILURES:
                break
            n_rounds += squared.solve(strength * length, goal=_TIGHT * goal * length)
            failed += squared.gap > _TIGHT * goal * length
            rest = float(np.linalg.norm(squared.r))
            if rest > length:
                low = length
            else:
                high = length
            if rest < min(length, _CLOSE * self.null) and not followed:
                followed = True
                if self._follow(strength, length, goal):
                    break
            length = max(self._settle(strength, length), _LESS * length, shortest)
            if not low < length < high:
                length = np.sqrt(max(low, _LESS**2 * high) * min(high, low / _LESS**2 or high))
        return max(1, n_rounds)

    def _follow(self, strength, length, goal):
        """From a residual shorter than `length`, go along the path of the LASSO to the minimum; whether it is there.

        Where columns all but depend on each other rounding leads astray: then nothing changes.
        """
        squared = self._squared
        if self._positive and squared.free.any():
            return False
        before = squared.w.copy()
        path = Homotopy(self._columns, self._omega, squared, strength * length, positive=self._positive)

        def wanted(r, v, h):
            """The step to a residual as long as the strength says."""
            a, c = energy(v) - 1 / strength**2, energy(r) - (path.t / strength) ** 2
            b = path.t / strength**2 - float(r @ v)
            inside = b * b - a * c
            root = -c / (b + np.sqrt(inside)) if inside >= 0 and b > 0 else np.inf
            return root if root <= h else None

        if path.follow(wanted, _KNOTS * len(squared.r)):
            self._settle(strength, length)
            if self.gap <= goal:
                return True
        squared.start(before)
        return False

    def _settle(self, strength, length):
        """Go to the minimum for the present signs, if it has them; the length of the residual to be tried next."""
        squared, lam = self._squared, strength * self._omega
        unbound = squared.free & (not self._positive)
        support = np.flatnonzero((squared.w != 0) | unbound)
        signs = np.sign(squared.w[support])
        self.gap = self._gap(lam, squared.r, squared.c)
        if self.gap <= self._tol * self.null or not len(support):
            return float(np.linalg.norm(squared.r))
        right = lam[support] * signs
        d, step = (self._columns.newton(support, each, precise=True) for each in (right, squared.c[support]))
        slope = -1 if d is None or step is None else 1 - float(right @ d)
        if slope < 0:
            return float(np.linalg.norm(squared.r))
        rest = energy(squared.r - self._columns.image(support, step))
        exact = slope == 0 or rest <= _EXACT * energy(squared.r)
        new = squared.w[support] + step
        if not exact:
            length = np.sqrt(rest / slope)
            new -= length * d
        if ((new * signs >= 0) | unbound[support]).all():
            self._take(support, new, strength, d if exact else None)
        return 0.0 if exact else length

    def _take(self, support, new, strength, of_exact):
        """Take new values of the coefficients, unless the gap is smaller without; `of_exact` is d of an exact fit."""
        squared, old, lam = self._squared, self._squared.w.copy(), strength * self._omega
        w = old.copy()
        w[support] = new
        squared.start(w)
        theta, c = squared.r, squared.c
        if of_exact is not None:
            squared.refine(support)
            theta, c = self._columns.image(support, of_exact), np.empty(len(w))
            self._columns.correlations(theta, None, c)
        gap = self._gap(lam, theta, c)
        if gap < self.gap:
            self.gap, self._exact_from = gap, strength if of_exact is not None else 0.0
        else:
            squared.start(old)

    def _gap(self, lam, theta, c):
        """P - D at the multiple of theta that is feasible, if theta is more than rounding; c is A^T theta."""
        squared, length = self._squared, float(np.linalg.norm(theta))
        if self._positive and not squared.is_feasible(c):
            return np.inf
        c = squared.beyond_rounding(c)
        steepest = np.max(c / np.where(lam > 0, lam, np.inf), initial=0.0)
        dual = float(self._target @ theta) / max(length, steepest) if length > _ROUNDING * self.null else 0.0
        used = np.flatnonzero(squared.w)
        return max(float(np.linalg.norm(squared.r) + lam[used] @ np.abs(squared.w[used])) - dual, 0.0)

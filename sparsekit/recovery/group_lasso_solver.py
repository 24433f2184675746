r"""The LASSO with rows or groups that are zero together, to a certified duality gap.

    P(W) = ||Y - A W||_F^2 / 2 + sum_g lam_g ||W_g||_F,   lam_g >= 0
    D(theta) = <Y, theta> - ||theta||_F^2 / 2,   ||A_g^T theta||_F <= lam_g

Y is (m, t), and W_g are the rows of W (n, t) for the columns of a group: of one column, several targets share their
support [obozinski2010]_; for one target these are groups of coefficients [yuan2006]_. As in `LassoSolver`, rounds
solve the problem over working sets, here by block coordinate descent with exact blocks, and by Newton steps on the
blocks that are not zero, where P is smooth. A Newton step that takes a block through zero (its product with the block
turns negative) sets it to zero. With theta = q R, a block is zero at every minimum if

    ||A_g^T theta||_F + ||A_g||_2 sqrt(2 (P - D)) < lam_g
"""

import numpy as np

from sparsekit.core.operators import energy
from sparsekit.recovery.group_blocks import Blocks, lengths, owned_lengths, owned_sums
from sparsekit.recovery.group_newton import newton_direction
from sparsekit.recovery.lasso_solver import LassoSolver

_FIRST, _GROWTH = 64, 0.5  # columns that a working set gains, at least, and groups, times the support
_FEWEST = 8  # groups that it gains, at least
_NEAR = 0.9  # of lam_g: correlation from which a group is taken in before it is needed
_EPOCHS, _BETWEEN = 8, 3  # of descent before the first Newton step, and between two of them
_MORE = 20  # of descent where a Newton step has failed
_TURNS = 50  # of both in one round, at most
_HALVINGS = 8
_INNER, _PART = 0.3, 0.1  # of the tolerance, and of the gap over all groups: gap that ends a round
_NOTHING = 1e-6  # of that gap: change of an epoch after which there is no other
_ROUNDING = 1e-14  # of ||A_g|| ||Y||: a correlation that is but rounding
_FITTED = 1e-13  # of ||Y||: what the free columns leave when they explain all


class GroupLassoSolver(LassoSolver):
    """Solutions for any strength of the penalty, each starting from the last one.

    Parameters
    ----------
    columns : DenseGroups or SparseGroups of shape (m, n)
        What Y is regressed on; see `group_columns_of`.
    Y : ndarray of shape (m, t)
        Targets, in double precision.
    omega : ndarray of shape (n_groups,)
        Weights of the penalty, finite.
    groups : ndarray of shape (n,)
        Group of each column: 0, ..., n_groups - 1, in any order.
    tol : float
        Duality gap, relative to P at the solution without penalised columns.
    max_iter : int
        Rounds, at most.

    Attributes
    ----------
    w : ndarray of shape (n, t)
        Coefficients.
    r : ndarray of shape (m, t)
        Residual, in Fortran order.
    gap : float
        P - D.
    null : float
        P without penalised columns.
    free : ndarray of shape (n,)
        Which columns have no penalty.
    """

    def __init__(self, columns, Y, omega, groups, *, tol, max_iter):
        self._columns, self._tol, self._max_iter, self._positive = columns, tol, max_iter, False
        self._y = np.asfortranarray(Y, dtype=np.float64)
        self.free = (omega[groups] == 0) & (columns.norms > 0)
        self._blocks, self._omega = self._grouped(omega, groups)
        shape = (len(groups), self._y.shape[1])
        self.w, self.r, self.c = np.zeros(shape), self._y.copy(order="F"), np.empty(shape)
        self._basis = self._free_columns() if self.free.any() else None
        self._settle_free()
        if energy(self.r) <= _FITTED**2 * energy(self._y):
            self.r[:] = 0
        self.null = energy(self.r) / 2
        columns.correlations(self.r, None, self.c)
        self._rounding = _ROUNDING * np.sqrt(self._blocks.bounds * energy(self._y))
        self.gap, self._left_out = np.inf, None
        penalised = self._omega > 0
        steepest = lengths(self.c, self._blocks.everything)[penalised]
        self._largest = float(np.max(steepest / self._omega[penalised], initial=0.0))

    def _grouped(self, omega, groups):
        """Groups of columns that are not zero, where free columns are alone, and their weights."""
        penalised = (self._columns.norms > 0) & ~self.free
        used, owners = np.unique(groups[penalised], return_inverse=True)
        labels = np.full(len(groups), -1)
        labels[penalised] = owners
        n_free = np.count_nonzero(self.free)
        labels[self.free] = len(used) + np.arange(n_free)
        blocks = Blocks(self._columns, labels, len(used) + n_free)
        return blocks, np.concatenate([omega[used], np.zeros(n_free)])

    def start(self, w):
        """Begin with these coefficients (n, t)."""
        super().start(np.where(self._columns.norms[:, None] > 0, w, 0.0))

    def refine(self, support):
        """Not for groups."""
        raise NotImplementedError

    def largest_strength(self):
        """The smallest strength at which all penalised coefficients are zero."""
        return self._largest

    def _n_violating(self, strength):
        violating = lengths(self.c, self._blocks.everything) > strength * self._omega
        return len(self._blocks.part(violating).columns)

    def _certify(self, lam, chosen=None):
        """P - D, over all groups or the chosen ones, and the factor from the residual to the dual point."""
        chosen = self._blocks.everything if chosen is None else chosen
        bounds = lam[chosen.groups]
        least = np.where(bounds > 0, np.maximum(bounds, self._rounding[chosen.groups]), np.inf)
        steepest = np.max(lengths(self.c, chosen) / least, initial=0.0)
        rest, image = energy(self.r), float(np.vdot(self._y, self.r))
        scale = max(image, 0.0) / rest if rest > 0 else 0.0
        scale = min(scale, 1 / steepest) if steepest > 0 else scale
        primal = rest / 2 + float(bounds @ lengths(self.w, chosen))
        return max(primal - scale * image + scale**2 * rest / 2, 0.0), scale

    def _alive(self, lam, scale, alive):
        """Groups that the gap does not exclude: a mask, or None for all."""
        everything = self._blocks.everything
        mask = scale * lengths(self.c, everything) + np.sqrt(2 * self.gap * self._blocks.bounds) >= lam
        mask |= lengths(self.w, everything) > 0
        if alive is not None:
            mask &= alive
        return None if mask.all() else mask

    def _working_set(self, lam, alive, limit):
        """The support, the free columns, and groups that violate their bounds most; how many may come next time."""
        everything = self._blocks.everything
        inside = (lengths(self.w, everything) > 0) | (lam == 0)
        if limit is None:
            fewest = max(_FEWEST, _FIRST * len(everything.groups) // max(1, len(everything.columns)))
            limit = max(fewest, int(_GROWTH * inside.sum()))
        else:
            limit = 2 * limit
        c = lengths(self.c, everything)
        excess = c - _NEAR * lam
        excess[inside] = -np.inf
        if alive is not None:
            excess[~alive] = -np.inf
        candidates = np.flatnonzero(excess > 0)
        if len(candidates) > limit:
            order = np.argpartition(-c[candidates] / lam[candidates], limit)
            candidates = candidates[order[:limit]]
        return self._blocks.part(np.sort(np.concatenate([np.flatnonzero(inside), candidates]))), limit

    def _solve_on(self, chosen, lam, goal):
        """Lower P over the chosen groups, until the gap over them is small enough."""
        goal, n_epochs = max(_INNER * goal, _PART * self.gap), _EPOCHS
        blocks = self._blocks.prepared(chosen.groups)
        for _ in range(_TURNS):
            self._columns.group_epochs(blocks, self.w, self.r, lam, chosen.groups, n_epochs, _NOTHING * goal)
            self._settle_free()
            self._columns.correlations(self.r, chosen.columns, self.c)
            if self._certify(lam, chosen)[0] <= goal:
                return
            n_epochs = _BETWEEN if self._newton(chosen, lam) else _MORE

    def _newton(self, chosen, lam):
        """A Newton step on the blocks that are not zero; whether P falls."""
        part = self._blocks.part(chosen.groups[(lengths(self.w, chosen) > 0) | (lam[chosen.groups] == 0)])
        if not len(part.columns):
            return False
        old, bounds = self.w[part.columns], lam[part.groups]
        sizes = np.where(bounds > 0, owned_lengths(old, part), 1.0)
        units = np.where(bounds > 0, 1 / sizes, 0.0)[part.owners, None] * old
        right = self.c[part.columns] - bounds[part.owners, None] * units
        direction = newton_direction(self._columns, part, right, units, bounds / sizes)
        if direction is None:
            return False
        along = owned_sums(units * direction, part)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(along < 0, -sizes / along, np.inf)  # step at which a block is orthogonal to what it was
        halves = 0.5 ** np.arange(_HALVINGS)
        first = reach.min(initial=np.inf)
        for step in [*halves[halves > first], min(first, 1.0)]:
            if self._lower(part, np.where((reach <= step)[part.owners, None], 0.0, old + step * direction), bounds):
                return True
        return False

    def _lower(self, part, new, bounds):
        """Take these rows of w if P falls; whether it does."""
        old = self.w[part.columns]
        image = self._columns.image(part.columns, new - old)
        total = owned_lengths(new, part) + owned_lengths(old, part)
        growth = owned_sums((new - old) * (new + old), part)
        growth = np.divide(growth, total, out=np.zeros(len(total)), where=total > 0)
        if energy(image) / 2 - float(np.vdot(self.r, image)) + bounds @ growth < 0:
            self.w[part.columns] = new
            self.r -= image
            return True
        return False

    def _look_anew(self, alive):
        """The residual and the correlations, without what rounding has gathered."""
        used = np.flatnonzero(self.w.any(axis=1))
        self.r = np.asfortranarray(self._y - self._columns.image(used, self.w[used]))
        self._settle_free()
        if alive is None:
            self._columns.correlations(self.r, None, self.c)
        else:
            self._columns.correlations(self.r, self._blocks.part(alive).columns, self.c)
            self._left_out = self._blocks.part(~alive).columns
            self.c[self._left_out] = 0.0

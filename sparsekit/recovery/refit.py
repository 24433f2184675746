"""The least-squares refit of a growing set of columns, by Gram-Schmidt with one repetition.

A_S = Q U,  R = (I - Q Q^H) Y,  U w_S = Q^H Y
"""

import numpy as np
from scipy.linalg import get_lapack_funcs, solve_triangular

from sparsekit.core.operators import energy

_ROOM = 64  # columns that there is room for at first when their number is not known


class Refit:
    """Least squares on the columns given so far.

    Parameters
    ----------
    Y : ndarray of shape (m, t)
        Targets.
    n_columns : int
        How many columns may come.
    dependent : float
        Squared distance to the span of the others, relative to the squared norm, from which a column counts as
        dependent.
    known : bool, default=True
        Whether so many columns will come, which gets them room at once.

    Attributes
    ----------
    R : ndarray of shape (m, t)
        Residual.
    rest : float
        Its squared norm.
    t : int
        Number of columns.
    """

    def __init__(self, Y, n_columns, dependent, *, known=True):
        room = n_columns if known else min(n_columns, _ROOM)
        self.n_columns, self.dependent = n_columns, dependent
        self.Q, self.U = np.empty((len(Y), room), Y.dtype, order="F"), np.zeros((room, room), Y.dtype)
        (self._solve,) = get_lapack_funcs(("trtrs",), dtype=Y.dtype)  # a tenth of solve_triangular's time
        self.Y, self.R, self.rest, self.t, self.Z = Y, Y, energy(Y), 0, []

    def append(self, a):
        """Refit with one more column a (m,); False when it depends on the others or is one too many."""
        t = self.t
        if t == self.n_columns:
            return False
        if t == len(self.U):
            room = min(self.n_columns, 2 * t)
            self.Q, self.U = _wider(self.Q, len(self.R), room), _wider(self.U, room, room)
        q, self.U[:t, t] = _orthogonalised(a, self.Q[:, :t])
        distance = energy(q)
        if distance <= self.dependent * energy(a):
            return False
        self.U[t, t] = np.sqrt(distance)
        self.Q[:, t] = q / self.U[t, t]
        self.Z.append(self.Q[:, t].conj() @ self.R)
        self.R = self.R - np.multiply.outer(self.Q[:, t], self.Z[t])
        self.rest = energy(self.R)
        self.t += 1
        return True

    def truncate(self, t):
        """Go back to the first t columns."""
        self.t, self.Z = t, self.Z[:t]
        self.R = self.Y - self.Q[:, :t] @ np.array(self.Z) if t else self.Y
        self.rest = energy(self.R)

    def last(self):
        """The direction (m,) that left the residual last, and its coefficients (t,)."""
        return self.Q[:, self.t - 1], self.Z[-1]

    def coefficients(self):
        """Of the columns in the order given, (n_targets, n_columns)."""
        t = self.t
        if not t:
            return np.zeros((self.R.shape[1], 0), self.R.dtype)
        return self._solve(self.U[:t, :t], np.array(self.Z))[0].T

    def path(self):
        """Row i: the coefficients after i + 1 columns, (n_targets, n_columns, n_columns)."""
        t = self.t
        if not t:
            return np.zeros((self.R.shape[1], 0, 0), self.R.dtype)
        # the sum of the first i columns of U^-1, each times its coefficient
        inverse = solve_triangular(self.U[:t, :t], np.eye(t, dtype=self.U.dtype))
        return np.cumsum(np.array(self.Z).T[:, :, None] * inverse.T, axis=1)


def _wider(old, n_rows, n_columns):
    new = np.zeros((n_rows, n_columns), old.dtype, order="F")
    new[: len(old), : old.shape[1]] = old
    return new


def _orthogonalised(a, Q):
    """What is left of a outside the span of the orthonormal Q, and Q^H a."""
    h = Q.conj().T @ a
    q = a - Q @ h
    again = Q.conj().T @ q  # once more, and q is orthogonal to working precision
    return q - Q @ again, h + again

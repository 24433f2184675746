"""The rules by which a pursuit chooses its next column, known only through products with the columns.

A rule keeps the energies ||a_j^H R||^2 of all columns, offers the best, and is told of every direction that leaves R.
"""

import numpy as np

from sparsekit.core.operators import energy, squared_norms


class MostCorrelated:
    """score_j = ||a_j^H R||^2 / omega_j^2, from a fresh product at every step.

    Parameters
    ----------
    design : Design of shape (m, N)
        The columns to choose from.
    R : ndarray of shape (m, t)
        The first residual; one support serves its t columns.
    omega : ndarray of shape (N,)
        Feature weights: 0 comes first, inf never.
    stop : Limits
        What is a tie and what is rounding.
    screen : ScreenedColumns, default=None
        8-bit copies of the columns, for t = 1.
    """

    def __init__(self, design, R, omega, stop, screen=None):
        self.design, self.R, self.stop, self.screen = design, R, stop, screen
        self.unpenalised = omega == 0
        self.preference = preference(omega)
        self.correlations = design.adjoint(R)
        self.energies = squared_norms(self.correlations.T)
        self.floor = stop.noise**2 * energy(R)

    def next(self):
        """Index of the best column and the column itself (m,); (-1, None) when no correlation is more than rounding."""
        if self.unpenalised.any():
            return self._with_column(int(np.argmax(np.where(self.unpenalised, self.fresh_energies(), -1.0))))
        j, a = self._with_column(self._best())
        while j >= 0 and not a.any():  # constant: only the rounding of the centring was left of it
            self.forbid(j)
            j, a = self._with_column(self._best())
        if j >= 0 and energy(a.conj() @ self.R) <= self.floor * energy(a):
            meaningful = self.fresh_energies() > self.floor * self.design.squared_norms()
            return self._with_column(first_largest(self.scores() * meaningful, self.stop.tie))
        return j, a

    def forbid(self, j):
        """Never offer column j again."""
        self.preference[j], self.unpenalised[j] = 0, False

    def advance(self, R, q, z):
        """The direction q (m,) with coefficients z (t,) has left the residual, which is R now."""
        self.R, self.energies = R, None

    def fresh_energies(self):
        """||a_j^H R||^2 of every column, in float64."""
        if self.energies is None:
            self.energies = squared_norms(self.design.adjoint(self.R).T)
        return self.energies

    def scores(self):
        """The rule's value of every column; 0 for the forbidden."""
        return self.fresh_energies() * self.preference

    def _best(self):
        if self.screen is not None and self.energies is None:
            r = self.R[:, 0].astype(np.float64)
            candidates = self.screen.candidates(r, self.preference)
            if candidates is not None:
                score = np.square(r @ self.design.columns(candidates)) * self.preference[candidates]
                return int(candidates[first_largest(score, self.stop.tie)])
        return first_largest(self.scores(), self.stop.tie)

    def _with_column(self, j):
        return (j, None) if j < 0 else (j, self.design.columns([j])[:, 0])


class LargestDecrease(MostCorrelated):
    """score_j = ||a_j^H R||^2 / (omega_j^2 ||(I - P_S) a_j||^2); each step costs one product with the new direction."""

    def __init__(self, design, R, omega, stop):
        super().__init__(design, R, omega, stop)
        self.distance = design.squared_norms().copy()
        self.dependent = stop.dependent * self.distance

    def advance(self, R, q, z):
        """Take q out of all correlations and of the squared distances to the span."""
        shares = self.design.adjoint(q)
        self.R = R
        self.correlations = self.correlations - np.multiply.outer(shares, z)
        self.energies = squared_norms(self.correlations.T)
        self.distance -= squared_norms(shares[None, :])

    def scores(self):
        """The rule's value of every column; 0 for the forbidden and the dependent."""
        free = self.distance > self.dependent
        return np.divide(self.fresh_energies() * self.preference, self.distance, out=np.zeros(len(free)), where=free)


def preference(omega):
    """1 / omega^2, scaled to a largest value of 1, for squared correlations; 0 for omega = inf or 0."""
    finite = (omega > 0) & np.isfinite(omega)
    smallest = omega[finite].min(initial=np.inf)
    ratio = np.divide(smallest, omega, out=np.zeros(len(omega)), where=finite)
    return np.where(finite, np.maximum(np.square(ratio), np.finfo(float).tiny), 0.0)


def first_largest(score, tie):
    """First index whose score is at least `tie` times the largest; -1 when all scores (>= 0) are zero."""
    largest = score.max()
    return int(np.flatnonzero(score >= largest * tie)[0]) if largest > 0 else -1

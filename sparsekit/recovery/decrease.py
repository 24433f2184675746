r"""How much one coefficient can lower a penalised loss: the rules of weighted OMP [taheri2023]_.

    G(x) = F(y - A x) + sum_j phi_j |x_j| + sum_j psi_j [x_j != 0],    F(r) = ||r||^2, ||r|| or ||r||_1
    Delta_j = max_t G(x) - G(x + t e_j)

With r = y - A x, R = ||r||, c = a_j^H r, nu = ||a_j||^2 the first two losses depend on t only through the distance
from the best value without penalty: R^2 = d^2 + |c|^2 / nu, and with z = x_j + t and u = |c + nu x_j|

    ||y - A x - t a_j||^2 = d^2 + nu |z - (c + nu x_j) / nu|^2

so that the best z != 0 lies on the ray of c + nu x_j, at a distance that the derivative gives; z = 0 is the other
candidate. The absolute loss is piecewise linear in t: a weighted median. With several targets |.| is the Euclidean
norm over the targets.
"""

from typing import NamedTuple

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.core.scaling import shifted
from sparsekit.recovery.weighted_median import reaching, weighted_select

LOSSES = ("squared", "sqrt", "absolute")
PENALTIES = ("l0", "l1")
_SAMPLE = 16  # rows from which the best t of a column is guessed
_ROUNDING = 1e-13  # of ||r||_1: what a bound may be wrong by
_TINY = np.finfo(float).tiny


class Penalty(NamedTuple):
    """phi (N,) multiplies |x_j|, psi (N,) counts x_j != 0; infinite where the column is never to be taken."""

    phi: np.ndarray
    psi: np.ndarray

    def infinite(self):
        """Which columns are never to be taken."""
        return np.isinf(self.phi) | np.isinf(self.psi)

    def scaled(self, of_phi, of_psi):
        """The penalty in other units, given as powers of two."""
        return Penalty(shifted(self.phi, of_phi), shifted(self.psi, of_psi))


def penalty_of(penalty, strength, omega):
    """strength omega_j |x_j| (l1) or strength omega_j^2 [x_j != 0] (l0); inf stays inf without strength, too."""
    with np.errstate(over="ignore", invalid="ignore"):
        weighted = strength * (omega if penalty == "l1" else np.square(omega))
    weighted = np.where(np.isinf(omega), np.inf, weighted)
    nothing = np.zeros(len(omega))
    return Penalty(weighted, nothing) if penalty == "l1" else Penalty(nothing, weighted)


def paper_units(loss, total_weight):
    """F over the loss of the estimators, which has the scale of one sample: the paper's lambda is alpha times this."""
    return {"squared": 2 * total_weight, "sqrt": np.sqrt(total_weight), "absolute": total_weight}[loss]


def largest_decrease(loss, energies, u, x, nu, rest, penalty):
    """Delta (N,) for F = ||r||^2 ("squared") or ||r|| ("sqrt").

    Parameters
    ----------
    loss : {"squared", "sqrt"}
        F.
    energies : ndarray of shape (N,)
        |c_j|^2.
    u : ndarray of shape (N,)
        |c_j + nu_j x_j|.
    x : ndarray of shape (N,)
        |x_j|.
    nu : ndarray of shape (N,)
        Squared column norms; the decrease of a zero column is that of its penalty.
    rest : float
        R^2.
    penalty : Penalty
        phi and psi.

    Returns
    -------
    decrease : ndarray of shape (N,)
        Never negative.
    """
    never = penalty.infinite()
    phi, psi = (np.where(never, 0.0, part) for part in penalty)
    new, moved, zeroed = _RULES[loss]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        decrease = new(energies, nu, rest, phi) - psi
        decrease[never | (nu == 0)] = 0
        used = np.flatnonzero(x)
        if len(used):
            at = [values[used] for values in (energies, u, x, nu)]
            put = np.where(nu[used] > 0, zeroed(*at, rest), 0.0) + phi[used] * x[used] + psi[used]
            decrease[used] = np.where(never[used], 0.0, np.fmax(moved(*at, rest, phi[used]), put))
    return np.maximum(decrease, 0.0, out=decrease)


# Less F and phi |.|: at the best z when x = 0; at the best z != 0 on the ray when x != 0 (or 0); at z = 0.


def _new_squared(energies, nu, rest, phi):
    return np.square(np.maximum(np.sqrt(energies) - phi / 2, 0)) / nu


def _moved_squared(energies, u, x, nu, rest, phi):
    shrunk = phi * (x - u / nu) + np.square(phi) / (4 * nu)
    return energies / nu + np.where(u > phi / 2, shrunk, phi * x - np.square(u) / nu)


def _zeroed_squared(energies, u, x, nu, rest):
    return (energies - np.square(u)) / nu


def _new_sqrt(energies, nu, rest, phi):
    # R - cosine |c| / ||a|| - sine d, as angles between r, a_j and the cone that the penalty leaves unmoved
    cosine, sine = _cone(nu, phi)
    explained = energies / nu
    opening = np.arctan2(sine, cosine) - np.arctan2(np.sqrt(np.maximum(rest - explained, 0)), np.sqrt(explained))
    return 2 * np.sqrt(rest) * np.square(np.sin(np.maximum(opening, 0) / 2))


def _moved_sqrt(energies, u, x, nu, rest, phi):
    cosine, sine = _cone(nu, phi)
    explained, length, far = energies / nu, np.sqrt(rest), u / np.sqrt(nu)
    d = np.sqrt(np.maximum(rest - explained, 0))
    shrunk = (explained + np.square(d * cosine)) / (length + d * sine + _TINY) + phi * (x - u / nu)
    return np.where(sine * far > cosine * d, shrunk, length + phi * x - np.hypot(d, far))


def _zeroed_sqrt(energies, u, x, nu, rest):
    behind = np.sqrt(np.maximum(rest - energies / nu, 0) + np.square(u) / nu)
    return (energies - np.square(u)) / nu / (np.sqrt(rest) + behind + _TINY)


def _cone(nu, phi):
    """Cosine and sine of the half angle of the cone around a_j outside of which the penalty keeps r from moving."""
    cosine = np.minimum(phi / np.sqrt(nu), 1)
    return cosine, np.sqrt((1 - cosine) * (1 + cosine))


_RULES = {
    "squared": (_new_squared, _moved_squared, _zeroed_squared),
    "sqrt": (_new_sqrt, _moved_sqrt, _zeroed_sqrt),
}


@kernel(fastmath={"contract", "reassoc"})
def initial_slopes(columns, r, zeros, slope, flat):
    """The slopes of sum_i |r_i - t a_ji| at t = 0 for every row a_j of `columns`.

    To the right it is flat_j - slope_j, to the left flat_j + slope_j. `zeros` (m,) is work space.
    """
    m, n = r.shape[0], 0
    sign = np.empty(m)
    for i in range(m):
        sign[i] = 1.0 if r[i] > 0 else -1.0
        if r[i] == 0:
            sign[i] = 0.0
            zeros[n] = i
            n += 1
    for j in range(columns.shape[0]):
        total = 0.0
        for i in range(m):
            total += columns[j, i] * sign[i]
        slope[j] = total
        total = 0.0
        for i in range(n):
            total += abs(columns[j, zeros[i]])
        flat[j] = total


@kernel(fastmath={"contract", "reassoc"})
def ahead(r, a, x, phi):
    """The slope at t = 0 of the gain of :func:`gain_at` in the direction in which it rises, and this direction.

    A slope of at most 0 says that it falls to both sides.
    """
    slope, flat = 0.0, 0.0
    for i in range(r.shape[0]):
        entry = a[i]
        slope += entry if r[i] > 0 else (-entry if r[i] < 0 else 0.0)
        flat += abs(entry) if r[i] == 0 else 0.0
    if x == 0:
        flat += phi
    else:
        slope -= phi if x > 0 else -phi
    return abs(slope) - flat, 1.0 if slope > 0 else -1.0


@kernel(fastmath={"contract", "reassoc"})
def gain_at(r, a, x, phi, t):
    """sum_i |r_i| - |r_i - t a_i| + phi (|x| - |x + t|), and one of its slopes at t."""
    gain, slope = phi * (abs(x) - abs(x + t)), -phi if x + t > 0 else phi
    for i in range(r.shape[0]):
        rest = r[i] - t * a[i]
        gain += abs(r[i]) - abs(rest)
        slope += a[i] if rest > 0 else -a[i]
    return gain, slope


@kernel(fastmath={"contract", "reassoc"})
def line_search(r, a, x, phi, work):
    """The largest gain of :func:`gain_at` over all t, at a weighted median; work space (4, m + 1)."""
    need, direction = ahead(r, a, x, phi)
    if need <= 0:
        return 0.0
    m, total = r.shape[0], 0.0
    stop, load = work[0], work[1]
    for i in range(m):
        meets = r[i] * a[i] * direction > 0
        stop[i] = abs(r[i] / a[i]) if meets else np.inf
        load[i] = 2 * abs(a[i]) if meets else 0.0
        total += load[i]
    meets = x * direction < 0
    stop[m], load[m] = (abs(x), 2 * phi) if meets else (np.inf, 0.0)
    t = reaching(stop, load, need, total + load[m], work[2], work[3])
    if t == np.inf:  # products that underflow
        return 0.0
    return max(gain_at(r, a, x, phi, direction * t)[0], 0.0)


@kernel
def decrease_of(r, a, x, phi, psi, work):
    """Delta of one column a (m,) with coefficient x for F = ||r||_1; not below 0."""
    gain = line_search(r, a, x, phi, work)
    if x == 0:
        return max(gain - psi, 0.0)
    return max(gain, gain_at(r, a, x, phi, -x)[0] + psi)


@kernel
def bracket(r, a, phi, slope, direction, total, length, work):
    """Bounds from below and above of the largest gain along a column with x = 0, by the gain at a guess of the best t.

    The guess is the weighted median of a sample. The gain is concave and lies below its tangents: there, at t = 0 with
    `slope`, and at infinity, 2 ||r||_1 - t (||a||_1 + phi), given total = ||r||_1 and length = ||a||_1.
    """
    m, found = r.shape[0], 0
    step = max(m // _SAMPLE, 1)
    for i in range(0, m, step):
        if r[i] * a[i] * direction > 0:
            work[2, found], work[3, found] = abs(r[i] / a[i]), 2 * abs(a[i])
            found += 1
    if found == 0:
        return 0.0, np.inf
    t = weighted_select(work[2], work[3], found, slope / step)
    gain, steep = gain_at(r, a, 0.0, phi, direction * t)
    steep *= direction
    if steep <= 0:
        return gain, slope * (gain - steep * t) / (slope - steep)
    return gain, gain + steep * (2 * total - gain - t * (length + phi)) / (steep + length + phi)


@kernel
def largest_absolute(columns, lengths, r, slopes, flats, blocked, phi, psi, tie, gains):
    """The largest Delta_j for F = ||r||_1 over the rows a_j of `columns` (N, m) that are not blocked, all with x_j = 0.

    Three bounds spare most of the weighted medians: the initial slope s_j must be positive;

        Delta_j <= 2 s_j ||r||_1 / (s_j + phi_j + ||a_j||_1) - psi_j

    where the tangents at 0 and at infinity meet; and a tangent in between (:func:`bracket`). `slopes` and `flats` are
    those of :func:`initial_slopes`, `lengths` holds ||a_j||_1; `gains` gets the values, 0 where a bound said enough.
    Returns the number of weighted medians.
    """
    n_columns, m = columns.shape
    bounds, work = np.zeros(n_columns), np.empty((4, m + 1))
    total, best, evaluated = np.abs(r).sum(), 0.0, 0
    margin = _ROUNDING * total  # the gains are differences of sums of this size
    for j in range(n_columns):
        slope, direction = abs(slopes[j]) - flats[j] - phi[j], 1.0 if slopes[j] > 0 else -1.0
        if slope > 0 and not blocked[j]:
            bounds[j] = 2 * slope * total / (slope + phi[j] + lengths[j]) - psi[j]
            if bounds[j] >= best * tie - margin:
                lower, upper = bracket(r, columns[j], phi[j], slope, direction, total, lengths[j], work)
                best = max(best, lower - psi[j])
                bounds[j] = min(bounds[j], upper - psi[j])
    for j in range(n_columns):
        gains[j] = 0.0
        if bounds[j] > 0 and bounds[j] >= best * tie - margin:
            gains[j] = decrease_of(r, columns[j], 0.0, phi[j], psi[j], work)
            best = max(best, gains[j])
            evaluated += 1
    return evaluated


@kernel
def decreases_of(columns, indices, r, x, phi, psi, out):
    """Delta for F = ||r||_1 of the columns at `indices` with coefficients x (k,), one by one."""
    work = np.empty((4, r.shape[0] + 1))
    for i, j in enumerate(indices):
        out[i] = 0.0
        if phi[j] < np.inf and psi[j] < np.inf:
            out[i] = decrease_of(r, columns[j], x[i], phi[j], psi[j], work)

"""Spherical codes: n unit vectors in r dimensions, the smallest angle between two of them as large as possible.

Classical optima stand by themselves: the simplex (n <= r + 1, cosine -1/(n - 1)), the cross-polytope (n <= 2r, cosine
0) and the regular polygon (r = 2). Elsewhere the largest cosine is replaced by its smooth bound

    f(X) = ln(sum_{i != j} exp(beta x_i'x_j)) / beta,    max_{i != j} x_i'x_j <= f <= max + ln(n (n - 1)) / beta,

minimised over the sphere by L-BFGS for growing beta, from several starts. The roots of D4, D5, E6, E7 and E8 and the
600-cell, which no such search finds, are taken where n points of them are better. Beyond some thousand points the
sphere is cut into layers of equal latitude, an angle delta apart, each of them into layers of one dimension less.
"""

from functools import lru_cache
from itertools import product
from numbers import Integral

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

_BLOCK = 512  # rows of the matrix of cosines that are held at once
_SPREAD = 1.2  # 1 - cosine of neighbours among n points is about this times n^(-2/(r - 1))
_MANY = 4000  # vectors beyond which there is no search
_EFFORT = {  # by the largest n: random starts; stages of growing beta, steps in each and decrease of f to go on
    32: (16, (2, 120, 1e-7), (6, 60, 1e-9)),
    128: (5, (2, 120, 1e-7), (5, 60, 1e-8)),
    500: (1, (2, 120, 1e-7), (5, 60, 1e-8)),
    1000: (1, (2, 60, 1e-7), (3, 30, 1e-7)),
    _MANY: (1, (2, 30, 1e-7), (2, 20, 1e-7)),
}
_GROWTH = 4.0  # of beta, from one stage to the next


@lru_cache(maxsize=1024)
def separated_directions(n, r):
    """Unit vectors with a large smallest angle; the same for the same n and r.

    Parameters
    ----------
    n : int
        Number of vectors, at least 1.
    r : int
        Dimension, at least 2.

    Returns
    -------
    directions : ndarray of shape (n, r)
        Read-only; kept for the next call. A step of the search takes O(n^2 r); there are up to 5000 for n <= 32 (some
        0.2 s), 1500 for n <= 128 (0.3 s), 550 for n <= 500 (1 s at n = 404, r = 10), 200 for n <= 1000, 100 for n <=
        4000.
        From there on the layers take O(n), at the loss of some 15 % of the angle for r = 4, and of a third for r = 10.

    Raises
    ------
    ValueError
        For n < 1 or r < 2.
    """
    _check_size(n, r)
    if r == 2:
        turn = 2 * np.pi * np.arange(n) / n
        found = np.column_stack([np.cos(turn), np.sin(turn)])
    elif n <= r + 1:
        found = _simplex(n, r)
    elif n <= 2 * r:
        found = np.concatenate([np.eye(r), -np.eye(r)])[:n]
    else:
        with threadpool_limits(1):  # sums in another order end in another optimum
            found = _search(n, r)
    found = np.ascontiguousarray(found, dtype=np.float64)
    found.flags.writeable = False
    return found


@lru_cache(maxsize=1024)
def simplex_directions(n, r):
    """Words 0 to n - 1 of the binary simplex code, repeated and cut to r coordinates of +-1/sqrt(r).

    With k = ceil(log2 n) bits, column j = 1..2^k - 1 of a word is the parity of its bits that j has as well. Any two
    words differ in 2^(k - 1) of these columns; vectors that differ in h coordinates have the distance 2 sqrt(h/r).

    Parameters
    ----------
    n : int
        Number of vectors, 1 to r.
    r : int
        Dimension, at least 2.

    Returns
    -------
    directions : ndarray of shape (n, r)
        Read-only. They differ in at least 2^(k - 1) floor(r/(2^k - 1)) coordinates, and in one where r < 2^k - 1.

    Raises
    ------
    ValueError
        For n < 1, r < 2 or n > r.
    """
    _check_size(n, r)
    if n > r:
        raise ValueError(f"n={n} simplex codes need as many coordinates, got r={r}; take separated_directions")
    length = max(2 ** (int(n) - 1).bit_length() - 1, 1)
    shared = np.arange(n)[:, None] & (np.arange(r) % length + 1)
    found = (1.0 - 2.0 * (np.bitwise_count(shared) % 2)) / np.sqrt(r)
    found.flags.writeable = False
    return found


def separation(directions):
    """Smallest angle between two unit vectors, pi for a single one; from their distance, so that small ones count.

    Parameters
    ----------
    directions : ndarray of shape (n, r)
        Unit vectors.

    Returns
    -------
    angle : float
        In radians. O(n^2 r).
    """
    if len(directions) < 2:
        return np.pi
    i, j = _closest_pair(directions)
    a, b = directions[i], directions[j]
    return 2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))


def _check_size(n, r):
    for name, value, least in (("n", n, 1), ("r", r, 2)):
        if not isinstance(value, Integral) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def _simplex(n, r):
    """n <= r + 1 points of equal distances around 0, as the rows of a triangle."""
    points = np.zeros((n, r))
    for i in range(n - 1):
        points[i, i] = np.sqrt(1 - points[i, :i] @ points[i, :i])
        points[i + 1 :, i] = (-1 / (n - 1) - points[i + 1, :i] @ points[i, :i]) / points[i, i]
    if n == 1:
        points[0, 0] = 1.0
    return points


# ---- search


def _search(n, r):
    """The best of several starts, refined, or n points of a code of the literature."""
    if n > _MANY:
        return _fibonacci(n) if r == 3 else _layered(n, r)
    rng = np.random.default_rng([n, r])
    n_starts, coarse, fine = _EFFORT[next(most for most in _EFFORT if n <= most)]
    codes = _known_codes(r)
    known = [code[:n] for code in codes if len(code) >= n]
    starts = known + [np.concatenate([c, _random(rng, n - len(c), r)]) for c in codes if n / 1.2 < len(c) < n]
    starts += [_fibonacci(n)] * (r == 3) + [_random(rng, n, r) for _ in range(n_starts)]
    beta = 4 * n ** (2 / (r - 1)) / _SPREAD
    found = min((_refined(start, beta, *coarse) for start in starts), key=_largest_cosine)
    finest = _refined(found, beta * _GROWTH ** coarse[0], *fine)
    return min([*known, found, finest], key=_largest_cosine)


def _random(rng, n, r):
    points = rng.standard_normal((n, r))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def _fibonacci(n):
    """Points on a spiral over the sphere in three dimensions, a golden angle apart."""
    z = 1 - (2 * np.arange(n) + 1) / n
    turn = np.pi * (1 + np.sqrt(5)) * np.arange(n)
    radius = np.sqrt(1 - z**2)
    return np.column_stack([radius * np.cos(turn), radius * np.sin(turn), z])


def _refined(points, beta, stages, steps, ftol):
    """Minimise f for beta, 4 beta, 16 beta, ..."""
    options = {"maxiter": steps, "ftol": ftol, "gtol": 1e-9}
    for _ in range(stages):
        found = minimize(_smooth_maximum, points.ravel(), (*points.shape, beta), "L-BFGS-B", jac=True, options=options)
        points = found.x.reshape(points.shape)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        beta *= _GROWTH
    return points


def _smooth_maximum(flat, n, r, beta):
    """f of the normalised rows and its gradient; the sum is scaled by the largest term so far."""
    norms = np.linalg.norm(flat.reshape(n, r), axis=1, keepdims=True)
    points = flat.reshape(n, r) / norms
    largest, total, pull = -np.inf, 0.0, np.zeros((n, r))
    for start in range(0, n, _BLOCK):
        cosines = _cosines(points, start)
        top = max(largest, cosines.max())
        cosines -= top
        cosines *= beta
        np.exp(cosines, out=cosines)
        shrink = np.exp(beta * (largest - top))
        total, pull = total * shrink + cosines.sum(), pull * shrink
        pull[start : start + _BLOCK] = cosines @ points
        largest = top
    pull *= 2 / total
    pull -= points * np.einsum("ij,ij->i", points, pull)[:, None]
    return largest + np.log(total) / beta, (pull / norms).ravel()


def _cosines(points, start):
    """Cosines of a block of rows with all; those with themselves are put out of the way."""
    cosines = points[start : start + _BLOCK] @ points.T
    np.fill_diagonal(cosines[:, start:], -3.0)
    return cosines


def _largest_cosine(points):
    return max(_cosines(points, start).max() for start in range(0, len(points), _BLOCK))


def _closest_pair(points):
    best, pair = -np.inf, (0, 1)
    for start in range(0, len(points), _BLOCK):
        cosines = _cosines(points, start)
        i, j = divmod(int(cosines.argmax()), len(points))
        if cosines[i, j] > best:
            best, pair = cosines[i, j], (start + i, j)
    return pair


# ---- layers


def _layered(n, r):
    """n of the points of the widest layers, by bisection."""
    low, high = 0.0, np.pi
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        if len(_layers(middle, r, n)) >= n:
            low = middle
        else:
            high = middle
    return _layers(low, r, n)[:n]


def _layers(delta, r, n):
    """Points at least delta apart; no more than some n of them."""
    if r == 2:
        turn = 2 * np.pi / (count := min(int(2 * np.pi / delta), n)) * np.arange(count)
        return np.column_stack([np.cos(turn), np.sin(turn)])
    found, total = [], 0
    latitudes = np.linspace(0, np.pi, min(int(np.pi / delta), n) + 1)
    for latitude in latitudes:
        chord = np.sin(delta / 2) / max(np.sin(latitude), 1e-300)
        layer = np.eye(1, r - 1) if chord >= 1 else _layers(2 * np.arcsin(chord), r - 1, n - total)
        found.append(np.column_stack([np.sin(latitude) * layer, np.full(len(layer), np.cos(latitude))]))
        total += len(layer)
        if total >= n:
            break
    return np.concatenate(found)


# ---- codes of the literature


def _known_codes(r):
    """Roots of D4, D5, E6, E7, E8 (60 degrees) and the 600-cell (36 degrees)."""
    if r in {4, 5}:
        codes = [_integer_roots(r)]
    elif r in {6, 7, 8}:
        codes = [_exceptional_roots(r)]
    else:
        codes = []
    return [*codes, _icosians()] if r == 4 else codes


def _integer_roots(r):
    """The 2 r (r - 1) vectors with two entries +-1, normalised."""
    i, j = np.triu_indices(r, 1)
    units = np.eye(r)
    return np.concatenate([a * units[i] + b * units[j] for a, b in product((1, -1), repeat=2)]) / np.sqrt(2)


def _exceptional_roots(r):
    """Roots of E8 that are orthogonal to 8 - r of them, any two of which are 60 degrees apart."""
    halves = np.array([signs for signs in product((0.5, -0.5), repeat=8) if np.prod(signs) > 0])
    roots = np.concatenate([_integer_roots(8), halves / np.sqrt(2)])
    normals = np.zeros((0, 8))
    for _ in range(8 - r):
        fits = np.all(np.abs(roots @ normals.T - 0.5) < 1e-9, axis=1)
        normals = np.vstack([normals, roots[np.argmax(fits)]])
    roots = roots[np.all(np.abs(roots @ normals.T) < 1e-9, axis=1)]
    basis = np.linalg.svd(roots, full_matrices=False)[2][:r]
    return roots @ basis.T


def _icosians():
    """The 120 unit quaternions of the binary icosahedral group: the vertices of the 600-cell."""
    golden = (1 + np.sqrt(5)) / 2
    even = [(0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2), (1, 0, 3, 2), (1, 2, 0, 3), (1, 3, 2, 0)]
    even += [(2, 0, 1, 3), (2, 1, 3, 0), (2, 3, 0, 1), (3, 0, 2, 1), (3, 1, 0, 2), (3, 2, 1, 0)]
    halves = np.array(list(product((0.5, -0.5), repeat=4)))
    signs = np.array(list(product((1, -1), repeat=3)))
    snub = np.column_stack([signs * [golden / 2, 0.5, 1 / (2 * golden)], np.zeros(8)])
    return np.concatenate([np.eye(4), -np.eye(4), halves, *(snub[:, list(order)] for order in even)])

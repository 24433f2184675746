"""Penalties of one coefficient from their definitions, and its best value by search or in 60 digits.

    f(x) = L (x - u)^2 / 2 + p(x; lam, L, gamma)

The arguments of value, objective and best_by_search are arrays of one shape; gamma is ignored where p has none.
"""

import mpmath as mp
import numpy as np

KINDS = ["l1", "positive_l1", "mcp", "scad", "cel0", "l0", "l_half", "l_two_thirds"]
EVEN = [kind for kind in KINDS if kind != "positive_l1"]
JUMPING = ["l0", "cel0", "l_half", "l_two_thirds"]  # thresholds at which the best value leaves 0 by a jump, always


def value(kind, x, lam, lipschitz, gamma):
    x, lam, lipschitz, gamma = (np.asarray(a, dtype=np.longdouble) for a in (x, lam, lipschitz, gamma))
    z = np.abs(x)
    if kind == "mcp":
        return np.where(z <= gamma * lam, lam * z - z**2 / (2 * gamma), gamma * lam**2 / 2)
    if kind == "scad":
        middle = (2 * gamma * lam * z - z**2 - lam**2) / (2 * (gamma - 1))
        return np.where(z <= lam, lam * z, np.where(z <= gamma * lam, middle, lam**2 * (gamma + 1) / 2))
    if kind == "cel0":
        a = np.sqrt(lipschitz)
        edge = np.sqrt(2 * lam) / a
        return np.where(z <= edge, lam - a**2 / 2 * (z - edge) ** 2, lam)
    if kind == "positive_l1":
        return np.where(x >= 0, lam * z, np.inf)
    powers = {"l1": 1, "l_half": 1 / np.longdouble(2), "l_two_thirds": 2 / np.longdouble(3)}
    return lam * (z > 0) if kind == "l0" else lam * z ** powers[kind]


def objective(kind, x, u, lam, lipschitz, gamma):
    return np.asarray(lipschitz, np.longdouble) / 2 * (np.asarray(x, np.longdouble) - u) ** 2 + value(
        kind, x, lam, lipschitz, gamma
    )


def best_by_search(kind, u, lam, lipschitz, gamma, n_grid=1500):
    """-> x, f(x): the best of 0, u and the lowest valley of a grid over their interval, by golden section."""
    u = np.asarray(u, np.longdouble)
    t = np.linspace(0, 1, n_grid + 1).astype(np.longdouble)

    def f(t):
        return objective(kind, t * u, u, lam, lipschitz, gamma)

    values = np.stack([f(each) for each in t])
    beyond = np.vstack([values[1:], np.full((1, len(u)), np.inf)])
    valley = (values[1:] <= values[:-1]) & (values[1:] <= beyond[1:])
    best = 1 + np.argmin(np.where(valley, values[1:], np.inf), axis=0)
    low, high = t[best - 1], t[np.minimum(best + 1, n_grid)]
    ratio = (np.sqrt(np.longdouble(5)) - 1) / 2
    for _ in range(70):  # widths of 1e-17
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        lower = f(left) < f(right)
        low, high = np.where(lower, low, left), np.where(lower, right, high)
    candidates = np.stack([0 * t[best], 1 + 0 * t[best], (low + high) / 2, t[best]])
    found = np.stack([f(each) for each in candidates])
    index = np.argmin(found, axis=0), np.arange(len(u))
    return candidates[index] * u, found[index]


def exact(kind, u, lam, lipschitz, gamma):
    """-> x in 60 digits, and by how much of f the next valley is worse; from the stationary points of every piece."""
    with mp.workdps(60):
        u, lam, lipschitz, gamma = map(mp.mpf, (u, lam, lipschitz, gamma))
        points = {mp.mpf(0)}
        if kind != "positive_l1" or u > 0:
            points |= {mp.sign(u) * z for z in _stationary(kind, abs(u), lam, lipschitz, gamma) if 0 < z < abs(u)} | {u}
        ranked = sorted((lipschitz / 2 * (x - u) ** 2 + _mp_value(kind, x, lam, lipschitz, gamma), x) for x in points)
        gap = (ranked[1][0] - ranked[0][0]) / ranked[1][0] if len(ranked) > 1 and ranked[1][0] else mp.inf
        return ranked[0][1], gap


def _stationary(kind, v, lam, lipschitz, gamma):
    """Where the derivative of f vanishes on 0 < x < v, for each formula of p."""
    step = lam / lipschitz
    if kind in {"l1", "positive_l1"}:
        return [v - step]
    if kind == "mcp":
        flat = [(lipschitz * v - lam) / (lipschitz - 1 / gamma)] if lipschitz * gamma != 1 else []
        return [z for z in flat if z <= gamma * lam]
    if kind == "scad":
        curvature = lipschitz - 1 / (gamma - 1)
        middle = [(lipschitz * v - gamma * lam / (gamma - 1)) / curvature] if curvature else []
        return [z for z in [v - step] if z <= lam] + [z for z in middle if lam <= z <= gamma * lam]
    if kind == "l_half":  # z - v + step / (2 sqrt z) = 0
        return [v * r**2 for r in _largest_root(3, step / v**1.5 / 2)]
    if kind == "l_two_thirds":  # z - v + (2/3) step z^(-1/3) = 0
        return [v * r**3 for r in _largest_root(4, step / v ** (mp.mpf(4) / 3) * 2 / 3)]
    return []


def _largest_root(power, c):
    """Of r^power - r + c, by halving; the other positive root is a hill of f."""
    low, high = mp.mpf(power) ** (-mp.mpf(1) / (power - 1)), mp.mpf(1)
    if low**power - low + c > 0:
        return []
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle**power - middle + c <= 0 else (low, middle)
    return [high]


def _mp_value(kind, x, lam, lipschitz, gamma):
    z = abs(x)
    if kind == "mcp":
        z = min(z, gamma * lam)
        return lam * z - z**2 / (2 * gamma)
    if kind == "scad":
        z = min(z, gamma * lam)
        return lam * z if z <= lam else (2 * gamma * lam * z - z**2 - lam**2) / (2 * (gamma - 1))
    if kind == "cel0":
        edge = mp.sqrt(2 * lam / lipschitz)
        return lam - lipschitz / 2 * (min(z, edge) - edge) ** 2
    if kind == "l0":
        return lam if z else mp.mpf(0)
    return lam * z ** {"l1": mp.mpf(1), "positive_l1": mp.mpf(1), "l_half": mp.mpf(1) / 2}.get(kind, mp.mpf(2) / 3)


def derivative(kind, x, lam, lipschitz, gamma):
    """p'(x) for x != 0, and the limit from the right at 0 (inf where there is none), by differences in 60 digits."""
    with mp.workdps(60):
        x, lam, lipschitz, gamma = map(mp.mpf, (x, lam, lipschitz, gamma))
        if x == 0:
            if kind in {"l0", "l_half", "l_two_thirds"}:
                return mp.inf if lam else mp.mpf(0)
            h = mp.mpf(10) ** -40
            return _mp_value(kind, h, lam, lipschitz, gamma) / h
        h = abs(x) * mp.mpf(10) ** -25
        ahead, behind = (_mp_value(kind, x + d, lam, lipschitz, gamma) for d in (h, -h))
        return (ahead - behind) / (2 * h)


def ties(kind, lam, lipschitz, gamma):
    """|u| at which the best value jumps (None: nowhere), as the papers give it."""
    step = lam / lipschitz
    if kind in {"l0", "cel0"}:
        return np.sqrt(2 * step)
    if kind == "l_half":
        return 1.5 * step ** (2 / 3)
    if kind == "l_two_thirds":
        return 2 * (2 * step / 3) ** 0.75
    if kind == "mcp" and lipschitz * gamma < 1:
        return lam * np.sqrt(gamma / lipschitz)
    if kind == "scad" and lipschitz * (gamma - 1) < 1:
        return (gamma * lam + lam + step) / 2 if lipschitz * (gamma + 1) > 1 else lam * np.sqrt((gamma + 1) / lipschitz)
    return None

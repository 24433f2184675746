r"""Separable penalties as types, and where one coefficient is best: thresholds and shrinkage.

    prox(u) = argmin_x  L (x - u)^2 / 2 + p(x),   lam >= 0 the strength, L >= 0 the curvature ("lipschitz")

    L1          lam |x|                          PositiveL1  the same, x >= 0
    MCP         lam |x| - x^2 / (2 gamma)        up to |x| = gamma lam, constant beyond [zhang2010]_
    SCAD        lam |x| - (|x| - lam)_+^2 / (2 (gamma - 1))    up to |x| = gamma lam, constant beyond [fan2001]_
    CEL0        lam - (a |x| - sqrt(2 lam))^2 / 2    up to a |x| = sqrt(2 lam), lam beyond; a^2 = L [soubies2015]_
    L0          lam [x != 0]
    LHalf       lam |x|^(1/2) [xu2012]_          LTwoThirds  lam |x|^(2/3) [cao2013]_

All but PositiveL1 are even, so that a type has three formulas of magnitudes: p, prox and p'. A kernel that is given a
penalty is compiled for its type.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba.extending import overload

from sparsekit.core.kernels import kernel

_NEWTON = 6  # steps for s^4 - s + c = 0 from s = 1: after the fifth no more than 1e-10 is left


class L1(NamedTuple):
    """lam |x|."""


class PositiveL1(NamedTuple):
    """lam x for x >= 0, infinite below."""


class MCP(NamedTuple):
    """lam |x| that bends to a constant at |x| = gamma lam; gamma > 0."""

    gamma: float = 3.0


class SCAD(NamedTuple):
    """lam |x| up to lam, from there bent to a constant at |x| = gamma lam; gamma > 2."""

    gamma: float = 3.7


class CEL0(NamedTuple):
    """The largest minorant of lam [x != 0] with which L x^2 / 2 is convex."""


class L0(NamedTuple):
    """lam where x is not zero."""


class LHalf(NamedTuple):
    """lam |x|^(1/2)."""


class LTwoThirds(NamedTuple):
    """lam |x|^(2/3)."""


# |prox(u)| at size = |u|, for lam > 0 and L > 0. NaN stays NaN.


def _soft(penalty, size, lam, lipschitz):
    return 0.0 if size <= lam / lipschitz else size - lam / lipschitz


def _hard(penalty, size, lam, lipschitz):
    return 0.0 if size <= math.sqrt(2 * lam / lipschitz) else size


def _firm(penalty, size, lam, lipschitz):
    gamma, bend = penalty.gamma, lipschitz * penalty.gamma
    if bend <= 1:  # concave up to gamma lam: 0 or u
        return 0.0 if size <= lam * math.sqrt(gamma / lipschitz) else size
    if size <= lam / lipschitz:
        return 0.0
    return size if size >= gamma * lam else min(size, (size - lam / lipschitz) / (1 - 1 / bend))


def _scad(penalty, size, lam, lipschitz):
    gamma, step = penalty.gamma, lam / lipschitz
    bend = lipschitz * (gamma - 1)
    soft = 0.0 if size <= step else size - step
    if bend > 1:
        if size <= lam + step:
            return soft
        return size if size >= gamma * lam else min(size, lam + (size - lam - step) / (1 - 1 / bend))
    # concave from lam to gamma lam: soft or u, equally good at
    tie = (gamma * lam + lam + step) / 2 if lipschitz * (gamma + 1) >= 1 else lam * math.sqrt((gamma + 1) / lipschitz)
    return soft if size <= tie else size


def _half(penalty, size, lam, lipschitz):
    step, scale = lam / lipschitz, size / 1.5 * math.sqrt(size / 1.5)
    if step >= scale:
        return 0.0
    angle = math.asin(math.sqrt(0.5) * (step / scale))
    return min(size, size / 1.5 * (1 + math.cos((math.pi + 2 * angle) / 3)))


def _two_thirds(penalty, size, lam, lipschitz):
    step, scale = lam / lipschitz / 1.5, size / 2 * float(np.cbrt(size / 2))
    if step >= scale:
        return 0.0
    c, s = 2 ** (-4 / 3) * (step / scale), 1.0
    for _ in range(_NEWTON):  # s^3 = x / u; the largest root, from above
        s -= (s**4 - s + c) / (4 * s**3 - 1)
    return size * s**3


# p at size = |x|, and p', from the right at 0.


def _mcp_height(penalty, size, lam, lipschitz):
    reach = min(size, penalty.gamma * lam)
    return reach * (lam - reach / (2 * penalty.gamma))


def _scad_height(penalty, size, lam, lipschitz):
    reach = min(size, penalty.gamma * lam)
    return lam * reach - max(reach - lam, 0.0) ** 2 / (2 * (penalty.gamma - 1))


def _scad_slope(penalty, size, lam, lipschitz):
    return lam if size <= lam else max(penalty.gamma * lam - size, 0.0) / (penalty.gamma - 1)


def _cel0_height(penalty, size, lam, lipschitz):
    image, flat = math.sqrt(lipschitz) * size, math.sqrt(2 * lam)
    return lam if image >= flat else image * (flat - image / 2)


def _cel0_slope(penalty, size, lam, lipschitz):
    return math.sqrt(lipschitz) * max(math.sqrt(2 * lam) - math.sqrt(lipschitz) * size, 0.0)


class Formulas(NamedTuple):
    """The code of one penalty: functions of (penalty, size, lam, lipschitz)."""

    height: Callable
    shrunk: Callable
    slope: Callable


_ABSOLUTE = Formulas(
    lambda penalty, size, lam, lipschitz: lam * size,
    _soft,
    lambda penalty, size, lam, lipschitz: lam,
)
_FORMULAS = {
    L1: _ABSOLUTE,
    PositiveL1: _ABSOLUTE,
    MCP: Formulas(_mcp_height, _firm, lambda penalty, size, lam, lipschitz: max(lam - size / penalty.gamma, 0.0)),
    SCAD: Formulas(_scad_height, _scad, _scad_slope),
    CEL0: Formulas(_cel0_height, _hard, _cel0_slope),
    L0: Formulas(
        lambda penalty, size, lam, lipschitz: lam if size > 0 else 0.0,
        _hard,
        lambda penalty, size, lam, lipschitz: 0.0 if size > 0 else math.inf,
    ),
    LHalf: Formulas(
        lambda penalty, size, lam, lipschitz: lam * math.sqrt(size),
        _half,
        lambda penalty, size, lam, lipschitz: lam / (2 * math.sqrt(size)) if size > 0 else math.inf,
    ),
    LTwoThirds: Formulas(
        lambda penalty, size, lam, lipschitz: lam * float(np.cbrt(size)) ** 2,
        _two_thirds,
        lambda penalty, size, lam, lipschitz: lam * (2 / 3) / float(np.cbrt(size)) if size > 0 else math.inf,
    ),
}


def _selected(name):
    """A function that runs this formula of the penalty it is given, in Python and, chosen by the type, in kernels."""

    def select(penalty, size, lam, lipschitz):
        return getattr(_FORMULAS[type(penalty)], name)(penalty, size, lam, lipschitz)

    @overload(select)
    def _compiled(penalty, size, lam, lipschitz):
        return getattr(_FORMULAS.get(getattr(penalty, "instance_class", None)), name, None)

    return select


_height, _shrunk, _slope = map(_selected, Formulas._fields)


def _one_sided(penalty):
    return isinstance(penalty, PositiveL1)


@overload(_one_sided)
def _compiled_one_sided(penalty):
    answer = getattr(penalty, "instance_class", None) is PositiveL1
    return lambda penalty: answer


@kernel
def value(penalty, x, lam, lipschitz):
    """The penalty of a coefficient x; lipschitz matters to CEL0 alone."""
    if x < 0 and _one_sided(penalty):
        return math.inf
    return _height(penalty, abs(x), lam, lipschitz)


@kernel
def prox(penalty, u, lam, lipschitz):
    """argmin_x lipschitz (x - u)^2 / 2 + value(penalty, x, lam, lipschitz), the smaller of two; 0 for lipschitz = 0."""
    if lipschitz == 0 or (u < 0 and _one_sided(penalty)):
        return 0.0
    size = abs(u) if lam == 0 else _shrunk(penalty, abs(u), lam, lipschitz)
    return 0.0 - size if u < 0 else size  # never -0


@kernel
def slack(penalty, x, gradient, lam, lipschitz):
    """The distance of 0 from gradient + the limiting subdifferential of the penalty at x.

    At x = 0 that is all of R for L0, LHalf and LTwoThirds with lam > 0: 0 is stationary, whatever the gradient, and
    only :func:`violation` tells a good zero from a bad one.
    """
    push = 0.0 if lam == 0 else _slope(penalty, abs(x), lam, lipschitz)
    if x == 0:
        excess = (-gradient if _one_sided(penalty) else abs(gradient)) - push
        return 0.0 if excess < 0 else excess
    if x < 0 and _one_sided(penalty):
        return math.inf
    return abs(gradient + push) if x > 0 else abs(gradient - push)


@kernel
def violation(penalty, x, gradient, lam, lipschitz):
    """lipschitz |x - prox(x - gradient / lipschitz)|: how far x is from where its coordinate is best, as a gradient.

    0 only at a coordinate-wise minimum, for every penalty. For lipschitz = 0 it is :func:`slack`.
    """
    if lipschitz == 0:
        return slack(penalty, x, gradient, lam, lipschitz)
    return lipschitz * abs(x - prox(penalty, x - gradient / lipschitz, lam, lipschitz))

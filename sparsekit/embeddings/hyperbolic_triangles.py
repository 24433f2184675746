"""The third side of a hyperbolic triangle from two sides and the angle between them, at any size, in float64.

Sides rho and l meet at phi, q = 1 - cos phi; the far side rho' stands at psi to l. The law of cosines for half of it,

    4 sinh(rho'/2)^2 = 4 sinh((rho - l)/2)^2 + 2 q sinh(rho) sinh(l)

is a sum of squares. Side rho is held with e = exp(-rho) and m = 1 - e, of which one is precise where the other is not:

    P  = e e_l,   K = (e_l - e)^2 + q m (2 - m) m_l (2 - m_l) / 2 = 4 sinh(rho'/2)^2 P
    H  = K/2 + sqrt(K (P + K/4)),   e' = P / (P + H),   m' = H / (P + H),   rho' = rho + l + ln(P + H)
    G  = H (2 - m') = 2 sinh(rho') P,   x = cos psi = ((e - e_l)(e + e_l) + q m (2 - m) (1 + e_l^2) / 2) / G
    y  = sin psi / sin phi = m (2 - m) e_l / G

One root, one division and one logarithm; nothing overflows, and where e underflows it no longer counts, but for K
itself: there q is so small that a side lies on another one, and the same sums are taken in logarithms.
"""

import math

from sparsekit.core.kernels import kernel

_SMALL = 1e-150  # the square of K must not underflow
_LARGE = 690.0  # exp of it is finite
_FAR = 20.0  # 2 sinh of it is its exp to the last digit


@kernel
def far_side(rho, e, m, length, e_l, m_l, q):
    """rho', exp(-rho'), 1 - exp(-rho'), cos psi and sin psi / sin phi."""
    d = e_l - e if e_l + e < 1 else m - m_l
    D = m * (2 - m)
    K = d * d + 0.5 * q * D * (m_l * (2 - m_l))
    if K < _SMALL:
        return _thin(rho, m, length, e_l, m_l, q)
    P = e * e_l
    H = 0.5 * K + math.sqrt(K * (P + 0.25 * K))
    scale = 1 / (P + H)
    gap = H * scale
    G = 1 / (H * (2 - gap))
    x = (0.5 * q * D * (1 + e_l * e_l) - d * (e + e_l)) * G
    if H > P:
        return rho + length + math.log(P + H), P * scale, gap, x, D * e_l * G
    return -math.log1p(-gap), P * scale, gap, x, D * e_l * G


@kernel
def far_length(rho, e, m, length, e_l, m_l, q):
    """rho' alone, bit for bit as above."""
    d = e_l - e if e_l + e < 1 else m - m_l
    K = d * d + 0.5 * q * (m * (2 - m)) * (m_l * (2 - m_l))
    if K < _SMALL:
        return _thin(rho, m, length, e_l, m_l, q)[0]
    P = e * e_l
    H = 0.5 * K + math.sqrt(K * (P + 0.25 * K))
    if H > P:
        return rho + length + math.log(P + H)
    return -math.log1p(-(H * (1 / (P + H))))


@kernel
def _thin(rho, m, length, e_l, m_l, q):
    """The same where K underflows: every product is a sum of logarithms, relative to the largest."""
    difference = abs(length - rho)
    half_turn = 0.5 * _log(0.5 * q) + 0.5 * (_log(m * (2 - m)) + _log(m_l * (2 - m_l))) + min(rho, length)
    half_difference = _log(-math.expm1(-difference))
    largest = max(half_turn, half_difference)
    if largest == -math.inf:  # both ends are one point
        return 0.0, 1.0, 0.0, 1.0, 0.0
    squares = math.exp(2 * (half_turn - largest)) + math.exp(2 * (half_difference - largest))
    half = 0.5 * difference + largest + 0.5 * math.log(squares)  # ln(2 sinh(rho' / 2))
    far = 2 * half if half > _FAR else 2 * math.asinh(0.5 * math.exp(half))
    if far == 0:
        return 0.0, 1.0, 0.0, 1.0, 0.0
    height = far + math.log(-math.expm1(-2 * far))  # ln(2 sinh(rho'))
    x = math.exp(length + rho + _log(0.5 * q * m * (2 - m)) + math.log1p(e_l * e_l) - height)
    if difference > 0:
        x += math.copysign(math.exp(difference + math.log(-math.expm1(-2 * difference)) - height), length - rho)
    y = math.exp(min(rho + _log(m * (2 - m)) - height, _LARGE))
    return far, math.exp(-far), -math.expm1(-far), x, y


@kernel
def _log(x):
    """Logarithm that is -inf at 0, also where the code is not compiled."""
    return math.log(x) if x > 0 else -math.inf

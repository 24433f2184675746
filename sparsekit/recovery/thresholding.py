"""The best coefficients under a separable penalty, entry by entry: soft, firm and hard thresholds, and their kin.

    prox(u) = argmin_x |x - u|^2 / (2 step) + alpha p(x)

The formulas are those of :mod:`sparsekit.recovery.penalties`, in double precision; x has the phase of u.
"""

import math

import numpy as np

from sparsekit.core.kernels import kernel
from sparsekit.recovery.penalties import L0, L1, MCP, LHalf, LTwoThirds, prox

_SINGLE = (np.float32, np.complex64)


@kernel
def shrink(penalty, x, alpha, step):
    """Put prox in the place of every entry of x (n,); alpha and step (n,) or (1,), all float64 and contiguous."""
    for i in range(x.shape[0]):
        strength, length = float(alpha[min(i, alpha.shape[0] - 1)]), float(step[min(i, step.shape[0] - 1)])
        x[i] = prox(penalty, float(x[i]), strength, 1 / length)


@kernel
def shrink_cel0(x, alpha, step, norm):
    """The same for CEL0 with a = norm, (n,) or (1,), and any step: MCP by other letters."""
    for i in range(x.shape[0]):
        strength, length = float(alpha[min(i, alpha.shape[0] - 1)]), float(step[min(i, step.shape[0] - 1)])
        a = float(norm[min(i, norm.shape[0] - 1)])
        if a > 0:
            x[i] = prox(MCP(1 / a / a), float(x[i]), a * math.sqrt(2 * strength), 1 / length)


def _checked(value, name, *, positive=False):
    """Strengths, steps or norms in float64, writable."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        msg = f"{name} must be real, got an array of dtype {array.dtype}"
        raise TypeError(msg)
    array = array.astype(np.float64)
    bad = ~np.isfinite(array) | (array < 0) | (positive & (array == 0))
    if bad.any():
        bound = "positive" if positive else "non-negative"
        msg = f"{name} must be {bound} and finite, got {array[bad].flat[0]}"
        raise ValueError(msg)
    return array


def _on_magnitudes(rule, u, **parameters):
    """Let rule(x, *parameters) overwrite |u| (or u, if it is real), all broadcast and flat; x in the precision of u."""
    u = np.asarray(u)
    if u.dtype.kind not in "biufc":
        msg = f"u must be real or complex, got an array of dtype {u.dtype}"
        raise TypeError(msg)
    shapes = {"u": u.shape} | {name: array.shape for name, array in parameters.items()}
    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError:
        msg = f"u and its parameters must have shapes that broadcast, got {shapes}"
        raise ValueError(msg) from None
    flat = [np.ravel(a if a.size == 1 else np.broadcast_to(a, shape)) for a in parameters.values()]
    double = np.complex128 if u.dtype.kind == "c" else np.float64
    x = np.broadcast_to(u, shape).astype(double, order="C").ravel()
    if double is np.float64:
        rule(x, *flat)
    else:
        size = np.abs(x)
        shrunk = size.copy()
        rule(shrunk, *flat)
        factor = np.divide(shrunk, size, out=np.ones_like(size), where=shrunk != size)
        parts = x.view(np.float64).reshape(-1, 2)
        parts *= factor[:, None]
        parts += 0.0  # never -0
    return x.astype(u.dtype if u.dtype in _SINGLE else double, copy=False).reshape(shape)[()]


def _prox(penalty, u, alpha, step):
    def rule(x, alpha, step):
        shrink(penalty, x, alpha, step)

    return _on_magnitudes(rule, u, alpha=_checked(alpha, "alpha"), step=_checked(step, "step", positive=True))


def prox_soft(u, threshold):
    r"""Soft threshold: what is best under an absolute-value penalty.

    .. math:: \operatorname{argmin}_x \tfrac12 |x - u|^2 + \tau |x|

    Parameters
    ----------
    u : array-like
        Real or complex.
    threshold : array-like
        :math:`\tau \ge 0`. Both broadcast.

    Returns
    -------
    x : ndarray
        Lowered by the threshold in magnitude, or 0; phase (or sign) and precision are those of u. NaN stays NaN.

    Raises
    ------
    ValueError
        For a threshold that is negative or not finite, and shapes that do not broadcast.

    Examples
    --------
    >>> from sparsekit import prox_soft
    >>> prox_soft([-3.0, 0.5, 2.0], 1.0)
    array([-2.,  0.,  1.])
    """
    threshold = _checked(threshold, "threshold")

    def rule(x, threshold):
        shrink(L1(), x, threshold, np.ones(1))

    return _on_magnitudes(rule, u, threshold=threshold)


def prox_hard(u, alpha, step=1.0):
    r"""Hard threshold: what is best under a price for every non-zero.

    .. math:: \operatorname{argmin}_x \frac{|x - u|^2}{2\,\mathrm{step}} + \alpha [x \ne 0]

    Parameters
    ----------
    u : array-like
        Real or complex.
    alpha : array-like
        Strength of the penalty, >= 0. All arguments broadcast.
    step : array-like, default=1.0
        Positive.

    Returns
    -------
    x : ndarray
        As u where :math:`|u| > \sqrt{2 \alpha\,\mathrm{step}}`, else 0; in the precision of u. NaN stays NaN.

    Raises
    ------
    ValueError
        For a negative alpha, a step that is not positive, infinite ones, and shapes that do not broadcast.

    Examples
    --------
    >>> from sparsekit import prox_hard
    >>> prox_hard([-3.0, 0.5, 2.0], alpha=1.0, step=0.5)
    array([-3.,  0.,  2.])
    """
    return _prox(L0(), u, alpha, step)


def prox_cel0(u, alpha, step=1.0, norm=1.0):
    r"""Threshold of CEL0, the continuous penalty with the minimisers of :math:`\ell_0` least squares.

    .. math:: \operatorname{argmin}_x \frac{|x - u|^2}{2\,\mathrm{step}} + \alpha
        - \frac{a^2}{2} \Bigl(|x| - \frac{\sqrt{2\alpha}}{a}\Bigr)^2 \Bigl[|x| \le \frac{\sqrt{2\alpha}}{a}\Bigr]

    Parameters
    ----------
    u : array-like
        Real or complex.
    alpha : array-like
        Price of a non-zero in the :math:`\ell_0` problem, >= 0. All arguments broadcast.
    step : array-like, default=1.0
        Positive.
    norm : array-like, default=1.0
        :math:`a \ge 0`, the norm of the column; without it nothing is penalised.

    Returns
    -------
    x : ndarray
        For :math:`a^2\,\mathrm{step} \ge 1` the hard threshold; else 0 up to :math:`a \sqrt{2\alpha}\,\mathrm{step}`, u
        from :math:`\sqrt{2\alpha} / a` on, linear in between. In the precision of u; NaN stays NaN.

    Raises
    ------
    ValueError
        For a negative alpha or norm, a step that is not positive, infinite ones, and shapes that do not broadcast.

    References
    ----------
    :cite:`soubies2015`

    Examples
    --------
    >>> from sparsekit import prox_cel0
    >>> prox_cel0([-3.0, 0.5, 1.5], alpha=2.0, step=0.5)
    array([-3.,  0.,  1.])
    """
    checked = {"alpha": _checked(alpha, "alpha"), "step": _checked(step, "step", positive=True)}
    return _on_magnitudes(shrink_cel0, u, **checked, norm=_checked(norm, "norm"))


def prox_half(u, alpha, step=1.0):
    r"""Threshold of the penalty :math:`|x|^{1/2}`, in closed form.

    .. math:: \operatorname{argmin}_x \frac{|x - u|^2}{2\,\mathrm{step}} + \alpha |x|^{1/2}

    Parameters
    ----------
    u : array-like
        Real or complex.
    alpha : array-like
        Strength of the penalty, >= 0. All arguments broadcast.
    step : array-like, default=1.0
        Positive.

    Returns
    -------
    x : ndarray
        0 up to :math:`|u| = \tfrac32 (\alpha\,\mathrm{step})^{2/3}`, where it jumps to two thirds of u, and closer and
        closer to u beyond; in the precision of u. NaN stays NaN.

    Raises
    ------
    ValueError
        For a negative alpha, a step that is not positive, infinite ones, and shapes that do not broadcast.

    References
    ----------
    :cite:`xu2012`

    Examples
    --------
    >>> from sparsekit import prox_half
    >>> prox_half([-3.0, 1.4, 1.6], alpha=1.0)
    array([-2.69545315,  0.        ,  1.1295448 ])
    """
    return _prox(LHalf(), u, alpha, step)


def prox_two_thirds(u, alpha, step=1.0):
    r"""Threshold of the penalty :math:`|x|^{2/3}`.

    .. math:: \operatorname{argmin}_x \frac{|x - u|^2}{2\,\mathrm{step}} + \alpha |x|^{2/3}

    Parameters
    ----------
    u : array-like
        Real or complex.
    alpha : array-like
        Strength of the penalty, >= 0. All arguments broadcast.
    step : array-like, default=1.0
        Positive.

    Returns
    -------
    x : ndarray
        0 up to :math:`|u| = 2 (\tfrac23 \alpha\,\mathrm{step})^{3/4}`, where it jumps to half of u, and closer and
        closer to u beyond; in the precision of u. NaN stays NaN.

    Raises
    ------
    ValueError
        For a negative alpha, a step that is not positive, infinite ones, and shapes that do not broadcast.

    References
    ----------
    :cite:`cao2013`

    Examples
    --------
    >>> from sparsekit import prox_two_thirds
    >>> prox_two_thirds([-3.0, 1.4, 1.6], alpha=1.0)
    array([-2.50941059,  0.        ,  0.91272878])
    """
    return _prox(LTwoThirds(), u, alpha, step)

"""Powers of two that bring data into the middle of the floating-point range and the answer back, without rounding."""

import numpy as np


def exponent(x):
    """The e with 2^(e-1) <= max|x| < 2^e, over real and imaginary parts; 0 for zeros and empty arrays."""
    parts = (x.real, x.imag) if x.dtype.kind == "c" else (x,)
    return int(np.frexp(max(max(part.max(initial=0), -part.min(initial=0)) for part in parts))[1])


def row_exponents(x):
    """The same (n,) for every row of a dense matrix."""
    parts = (x.real, x.imag) if x.dtype.kind == "c" else (x,)
    return np.frexp(np.max([np.abs(part).max(axis=1, initial=0) for part in parts], axis=0))[1]


def shifted(x, e):
    """X times 2^e, real or complex, e a number or a column; inf or 0 where that leaves the range of the dtype."""
    if not x.size or not np.any(e):
        return x
    with np.errstate(over="ignore", under="ignore"):
        if x.dtype.kind != "c":
            return np.ldexp(x, e)
        return np.ldexp(np.ascontiguousarray(x).view(x.real.dtype), e).view(x.dtype)


def is_extreme(energies, dtype):
    """Where squared norms are so large or so small (zero, too) that products of the dtype may leave its range."""
    reach = float(np.finfo(dtype).max) ** 0.5
    return ~((1 / reach <= energies) & (energies <= reach))

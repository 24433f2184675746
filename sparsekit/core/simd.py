"""Intrinsics: what the hardware can do and NumPy's language cannot say. Each has a Python twin."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload


def bits_of(x):
    """The bits of a float64 as an int64: non-negative floats are ordered as their bits are."""
    return np.float64(x).view(np.int64)


def float_of(bits):
    """The float64 with these bits."""
    return np.int64(bits).view(np.float64)


@intrinsic
def _bits_of(typing_context, x):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def _float_of(typing_context, bits):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@overload(bits_of)
def _compiled_bits_of(x):
    return lambda x: _bits_of(np.float64(x))


@overload(float_of)
def _compiled_float_of(bits):
    return lambda bits: _float_of(np.int64(bits))

"""Counter-based random streams: the same numbers for any thread count and any chunking.

Every item of a data set draws from its own stream, keyed by (seed, item). A stream is SplitMix64 [steele2014]_

    state <- state + 0x9E3779B97F4A7C15,    output = mix(state)

whose starting state is a hash of the key and the item: streams are stretches of one sequence of period 2^64 from random
places, so n streams of length L overlap with a probability below n^2 L / 2^64.
"""

import math
from numbers import Integral

import numpy as np
from numba.extending import overload

from sparsekit.core.kernels import kernel

_MASK = 0xFFFFFFFFFFFFFFFF
_GAMMA = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


def key_from(random_state):
    """Key of 64 bits for the streams of one fit.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None draws a fresh key; an int always gives the same one; a generator is advanced by one draw.

    Returns
    -------
    key : numpy.uint64
        In [0, 2^64).
    """
    if random_state is None or isinstance(random_state, Integral):
        if random_state is not None and random_state < 0:
            msg = f"random_state must be a non-negative integer, got {random_state}"
            raise ValueError(msg)
        return np.random.SeedSequence(random_state).generate_state(1, np.uint64)[0]
    if isinstance(random_state, np.random.Generator):
        return random_state.integers(_MASK, dtype=np.uint64, endpoint=True)
    if isinstance(random_state, np.random.RandomState):
        return random_state.randint(0, _MASK, dtype=np.uint64)
    msg = f"random_state must be None, an int, a RandomState or a Generator, got {random_state!r}"
    raise TypeError(msg)


def _advance(state):
    return np.uint64((int(state) + _GAMMA) & _MASK)


def _mix(z):
    z = int(z)
    z = ((z ^ (z >> 30)) * _FIRST) & _MASK
    z = ((z ^ (z >> 27)) * _SECOND) & _MASK
    return np.uint64(z ^ (z >> 31))


@overload(_advance)
def _advance_compiled(state):
    return lambda state: np.uint64(state) + np.uint64(_GAMMA)


@overload(_mix)
def _mix_compiled(z):
    def mix(z):
        z = np.uint64(z)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
        return z ^ (z >> np.uint64(31))

    return mix


@kernel
def stream(key, item):
    """State (1,) uint64 of the stream of one item, for the next_* functions."""
    state = np.empty(1, np.uint64)
    state[0] = _mix(_advance(_mix(_advance(key)) ^ np.uint64(item)))
    return state


@kernel
def next_uint64(state):
    """64 random bits; advances the state in place."""
    state[0] = _advance(state[0])
    return _mix(state[0])


@kernel
def next_uniform(state):
    """A float64 in [0, 1), a multiple of 2^-53."""
    return np.float64(next_uint64(state) >> np.uint64(11)) * 1.1102230246251565e-16


@kernel
def next_below(state, bound):
    """An int64 in [0, bound), bound >= 1, without bias: draws beyond the last whole multiple are thrown away."""
    n = np.uint64(bound)
    while True:
        draw = next_uint64(state)
        rest = draw % n
        if draw - rest <= np.uint64(_MASK) - (n - np.uint64(1)):
            return np.int64(rest)


@kernel
def next_normal(state):
    """A standard normal float64 by the transform of Box and Muller."""
    radius = math.sqrt(-2.0 * math.log(1.0 - next_uniform(state)))
    return radius * math.cos(2.0 * math.pi * next_uniform(state))

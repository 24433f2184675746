"""SplitMix64 on Python integers."""

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def next_uint64(state):
    """-> (new state, output)"""
    state = (state + GOLDEN) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


def outputs(state, n):
    """The first n outputs of the generator that starts at `state`."""
    result = []
    for _ in range(n):
        state, z = next_uint64(state)
        result.append(z)
    return result


def uniform(z):
    """The upper 53 bits of an output as a number in [0, 1)."""
    return (z >> 11) / 2**53

"""Counter-based streams: bits against SplitMix64 on Python integers, then distributions.

Seeds are fixed, so a test passes always or never; "fails with probability p" is over the choice of the seed.
"""

import numpy as np
import pytest
from scipy import stats

from sparsekit.core.rng import key_from, next_below, next_normal, next_uint64, next_uniform, stream
from tests.naive import rng as naive

N = 20_000
SIGMAS = 5  # two-sided 6e-7


def draws(function, *args, key=17, item=3, n=N):
    state = stream(key, item)
    return np.array([function(state, *args) for _ in range(n)])


@pytest.mark.filterwarnings("error")  # uint64 arithmetic that warns of overflow would be fatal without the compiler
@pytest.mark.parametrize("key", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("item", [0, 1, 12_345, 2**40])
def test_bits(key, item):
    state = stream(np.uint64(key), item)
    assert state.shape == (1,) and state.dtype == np.uint64
    start = int(state[0])
    assert [int(next_uint64(state)) for _ in range(50)] == naive.outputs(start, 50)
    assert int(state[0]) == (start + 50 * naive.GOLDEN) & naive.MASK


def test_uniform_is_the_upper_53_bits():
    start = int(stream(5, 6)[0])
    assert draws(next_uniform, key=5, item=6, n=200).tolist() == [naive.uniform(z) for z in naive.outputs(start, 200)]


def test_stream_takes_python_integers():
    assert np.array_equal(stream(17, 3), stream(np.uint64(17), 3))
    assert np.array_equal(stream(17, np.uint64(3)), stream(17, 3))


@pytest.mark.parametrize(("function", "args"), [(next_uniform, ()), (next_normal, ()), (next_below, (7,))])
def test_stream_is_reproducible_and_depends_on_key_and_item(function, args):
    assert np.array_equal(draws(function, *args, n=30), draws(function, *args, n=30))
    assert not np.array_equal(draws(function, *args, n=30), draws(function, *args, item=4, n=30))
    assert not np.array_equal(draws(function, *args, n=30), draws(function, *args, key=18, n=30))


def test_uniform_distribution():
    u = draws(next_uniform)
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 1 / 2) < SIGMAS / np.sqrt(12 * N)
    counts = np.histogram(u, bins=64, range=(0, 1))[0]
    assert 1e-6 < stats.chisquare(counts).pvalue < 1 - 1e-6


def test_normal_distribution():
    z = draws(next_normal)
    # standard errors of mean, second, third and fourth moment of a standard normal
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((z**power).mean() - moment) < SIGMAS * np.sqrt(variance / N)
    assert stats.kstest(z, "norm").pvalue > 1e-6
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < SIGMAS / np.sqrt(N)
    assert np.abs(z).max() > 3.2  # tails: missed with probability exp(-27)


@pytest.mark.parametrize("bound", [1, 2, 3, 10, 97])
def test_below_is_uniform(bound):
    x = draws(next_below, bound)
    assert x.min() >= 0 and x.max() < bound
    if bound > 1:
        assert stats.chisquare(np.bincount(x, minlength=bound)).pvalue > 1e-6


def test_below_is_unbiased_where_a_remainder_is_not():
    # 2^64 = 2 bound + (2/3) bound: without rejection the lower two thirds would get 3/4 of the draws (26 sigma)
    bound = 3 * 2**61
    x = draws(next_below, bound)
    assert x.min() >= 0 and x.max() < bound
    assert abs((x < 2**62).mean() - 2 / 3) < SIGMAS * np.sqrt(2 / 9 / N)


@pytest.mark.parametrize("vary", ["key", "item"])
def test_neighbouring_streams_are_uncorrelated(vary):
    n = 4000
    u = np.empty((n, 4))
    for i in range(n):
        state = stream(*((i, 9) if vary == "key" else (9, i)))
        u[i] = [next_uniform(state) for _ in range(4)]
    bound = SIGMAS / np.sqrt(n)
    for lag in (1, 2, 64):
        for a in range(4):
            for b in range(4):
                assert abs(np.corrcoef(u[:-lag, a], u[lag:, b])[0, 1]) < bound  # 48 of them: 3e-5 in all
    assert 1e-6 < stats.chisquare(np.histogram(u[:, 0], bins=50, range=(0, 1))[0]).pvalue < 1 - 1e-6


def test_streams_do_not_overlap():
    # SplitMix64 has one orbit: two streams are shifted copies when one starts in the other's orbit (chance 1e-8)
    starts = [int(stream(key, item)[0]) for key in range(30) for item in range(30)]
    visited = [(s + t * naive.GOLDEN) & naive.MASK for s in starts for t in range(500)]
    assert len(set(visited)) == len(visited)


SOURCES = {
    "int": lambda seed: seed,
    "numpy integer": np.int64,
    "RandomState": np.random.RandomState,
    "Generator": np.random.default_rng,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_key_is_reproducible_and_distinct(source):
    keys = [key_from(source(seed)) for seed in range(50)]
    assert keys == [key_from(source(seed)) for seed in range(50)]
    assert len(set(keys)) == 50
    assert all(0 <= key < 2**64 and int(key) == key for key in keys)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_key_opens_a_stream(source):
    starts = {int(stream(key_from(source(seed)), 0)[0]) for seed in range(50)}
    assert len(starts) == 50


@pytest.mark.parametrize("source", [np.random.RandomState, np.random.default_rng])
def test_key_from_a_generator_advances_it(source):
    generator = source(0)
    assert key_from(generator) != key_from(generator)


def test_key_from_none_is_fresh():
    assert len({key_from(None) for _ in range(10)}) > 1


@pytest.mark.parametrize("rubbish", ["seed", -1, 1.5, [1, 2], np.nan, {}])
def test_key_rejects_rubbish(rubbish):
    with pytest.raises((ValueError, TypeError), match="random_state"):
        key_from(rubbish)

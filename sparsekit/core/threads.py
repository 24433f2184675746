"""n_jobs as a pool of threads over chunks of a serial kernel; the chunks depend on the data only."""

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from numbers import Integral
from threading import Lock

from joblib import effective_n_jobs
from threadpoolctl import ThreadpoolController

_WORK_PER_CHUNK = (
    1.2e7  # elementary operations, a few milliseconds: an interrupt is heard soon, and caches hold the data
)
_LIMITING = Lock()
_EVEN = 8  # chunks come in multiples of this, so that 2, 4 or 8 threads end together


def chunks(n_items, work_per_item, *, at_least=1):
    """Slices of equal length over n_items, each of a few milliseconds.

    Parameters
    ----------
    n_items : int
        Number of items to divide.
    work_per_item : float
        Elementary operations that one item costs.
    at_least : int, default=1
        Items that a chunk should not fall below.

    Returns
    -------
    slices : list of slice
        In order, without gaps; the same for any number of threads.
    """
    count = math.ceil(min(n_items * work_per_item / _WORK_PER_CHUNK, n_items / at_least))
    count = min(n_items, math.ceil(count / _EVEN) * _EVEN if count > 1 else 1)
    bounds = [n_items * i // max(count, 1) for i in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def run_chunks(function, slices, n_jobs):
    """``[function(chunk) for chunk in slices]`` on n_jobs threads, each with one BLAS thread.

    Parameters
    ----------
    function : callable
        Takes a slice; releases the GIL where it spends its time.
    slices : list of slice
        From :func:`chunks`.
    n_jobs : int or None
        Threads, counted as joblib does: None is 1 unless a ``joblib.parallel_config`` says otherwise, -1 all
        processors.

    Returns
    -------
    results : list
        In the order of the slices, bit for bit the same for any n_jobs.
    """
    check_n_jobs(n_jobs)
    with _one_blas_thread():
        n_threads = min(effective_n_jobs(n_jobs), len(slices))
        if n_threads < 2:
            return [function(chunk) for chunk in slices]
        # joblib.Parallel takes ten milliseconds to start its threads, this half of one
        with ThreadPoolExecutor(n_threads) as pool:
            try:
                return list(pool.map(function, slices))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def check_n_jobs(n_jobs):
    """Raise unless n_jobs is None or a whole number other than 0."""
    if n_jobs is not None and not isinstance(n_jobs, Integral):
        msg = f"n_jobs must be None or an integer, got {n_jobs!r}"
        raise TypeError(msg)
    if n_jobs == 0:
        msg = "n_jobs must be None, positive, or negative to count back from the number of processors (-1: all), got 0"
        raise ValueError(msg)


@contextmanager
def _one_blas_thread():
    """Limit BLAS to one thread, unless another Python thread does so: overlapping limits restore each other's."""
    if not _LIMITING.acquire(blocking=False):
        yield
        return
    try:
        with _thread_pools().limit(limits=1, user_api="blas"):
            yield
    finally:
        _LIMITING.release()


@cache
def _thread_pools():
    return ThreadpoolController()

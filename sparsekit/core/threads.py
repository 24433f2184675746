"""n_jobs as a pool of threads over chunks of a serial kernel; the chunks depend on the data only."""

import math
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from numbers import Integral
from threading import Lock

from joblib import Parallel, delayed
from threadpoolctl import ThreadpoolController

_WORK_PER_CHUNK = 4e7  # elementary operations, some ten milliseconds: an interrupt is heard soon
_LIMITING = Lock()
_EVEN = 8  # chunks come in multiples of this, so that 2, 4 or 8 threads end together


def chunks(n_items, work_per_item):
    """Slices of equal length over n_items, each of some ten milliseconds.

    Parameters
    ----------
    n_items : int
        Number of items to divide.
    work_per_item : float
        Elementary operations that one item costs.

    Returns
    -------
    slices : list of slice
        In order, without gaps; the same for any number of threads.
    """
    count = math.ceil(n_items * work_per_item / _WORK_PER_CHUNK)
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
        Threads as in joblib: None is 1 unless a ``joblib.parallel_config`` says otherwise, -1 all processors.

    Returns
    -------
    results : list
        In the order of the slices, bit for bit the same for any n_jobs.
    """
    check_n_jobs(n_jobs)
    with _one_blas_thread():
        if len(slices) < 2 or n_jobs == 1:
            return [function(chunk) for chunk in slices]
        return Parallel(n_jobs=n_jobs, require="sharedmem")(delayed(function)(chunk) for chunk in slices)


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
    """Limit BLAS to one thread, unless another Python thread does so already: overlapping limits restore each other's."""
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

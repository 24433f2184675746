"""n_jobs as a pool of threads over chunks of a serial kernel; the chunks depend on the data only."""

import math
from functools import cache
from itertools import pairwise

from joblib import Parallel, delayed
from threadpoolctl import ThreadpoolController

_WORK_PER_CHUNK = 4e7  # elementary operations, some ten milliseconds: an interrupt is heard soon
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
    with _thread_pools().limit(limits=1, user_api="blas"):
        if len(slices) < 2 or n_jobs == 1:
            return [function(chunk) for chunk in slices]
        return Parallel(n_jobs=n_jobs, require="sharedmem")(delayed(function)(chunk) for chunk in slices)


@cache
def _thread_pools():
    return ThreadpoolController()

"""The thread pool: order, errors, coverage, one BLAS thread inside."""

import os
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sparsekit.core.threads import chunks, run_chunks

WORK = [0, 1, 1e3, 1e6, 1e9, 1e15]


@pytest.mark.parametrize("n_items", [0, 1, 2, 7, 1000, 12_345])
@pytest.mark.parametrize("work", WORK)
def test_chunks_cover_everything_once_in_order(n_items, work):
    slices = chunks(n_items, work)
    assert all(isinstance(s, slice) and s.step in (None, 1) for s in slices)
    indices = [i for s in slices for i in range(*s.indices(10**9))]
    assert indices == list(range(n_items))
    assert n_items == 0 or all(s.stop > s.start for s in slices)


@pytest.mark.parametrize("n_items", [1, 1000])
def test_more_work_never_means_fewer_chunks(n_items):
    counts = [len(chunks(n_items, work)) for work in WORK]
    assert counts == sorted(counts)
    assert counts[-1] == n_items  # an item of 1e15 operations is a chunk by itself
    assert counts[0] < 1000  # and idle items are not


def test_chunks_depend_on_the_data_only(monkeypatch):
    expected = chunks(5000, 1e6)
    for cpus in (1, 64):
        monkeypatch.setattr(os, "cpu_count", lambda cpus=cpus: cpus)
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, cpus=cpus: set(range(cpus)), raising=False)
        with threadpool_limits(cpus):
            assert chunks(5000, 1e6) == expected


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 4, -1])
def test_results_keep_their_order(n_jobs):
    slices = [slice(i, i + 2) for i in range(0, 24, 2)]

    def late_first(s):
        time.sleep(0.002 * (24 - s.start) / 2)
        return s.start, s.stop

    assert run_chunks(late_first, slices, n_jobs) == [(s.start, s.stop) for s in slices]


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_no_chunks(n_jobs):
    assert run_chunks(lambda s: 1 / 0, [], n_jobs) == []


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
@pytest.mark.parametrize("where", [0, 5, 9])
def test_exceptions_propagate(n_jobs, where):
    def fail(s):
        if s.start == where:
            raise ArithmeticError(f"chunk {s.start}")
        return s

    with pytest.raises(ArithmeticError, match=f"chunk {where}"):
        run_chunks(fail, [slice(i, i + 1) for i in range(10)], n_jobs)


def test_two_jobs_run_at_the_same_time():
    meeting = threading.Barrier(2, timeout=20)  # broken, hence an exception, when one waits alone
    assert sorted(run_chunks(lambda s: meeting.wait(), [slice(0, 1), slice(1, 2)], 2)) == [0, 1]


def test_no_more_threads_than_jobs():
    seen = run_chunks(lambda s: (time.sleep(0.005), threading.get_ident())[1], [slice(i, i + 1) for i in range(20)], 2)
    assert len(set(seen)) <= 2


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_blas_has_one_thread_inside_and_its_own_number_afterwards(n_jobs):
    np.ones((2, 2)) @ np.ones((2, 2))

    def blas_threads(_=None):
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        for inside in run_chunks(blas_threads, [slice(0, 1), slice(1, 2), slice(2, 3)], n_jobs):
            assert inside == [1] * len(before)
        assert blas_threads() == before
        with pytest.raises(KeyError):
            run_chunks(lambda s: {}["nothing"], [slice(0, 1)], n_jobs)
        assert blas_threads() == before


@pytest.mark.parametrize("n_jobs", [0, 1.5, "two"])
def test_bad_n_jobs(n_jobs):
    with pytest.raises((ValueError, TypeError), match="n_jobs"):
        run_chunks(lambda s: s, [slice(0, 1), slice(1, 2)], n_jobs)

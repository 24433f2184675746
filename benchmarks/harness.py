"""Compare programs on the same work in one process: quality first, then time, interleaved, medians, one BLAS thread.

Import this before NumPy: it sets the number of threads.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import json
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "sparsekit",
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "spams-bin",
    "cvxpy",
    "celer",
    "skglm",
    "gensim",
    "gmpy2",
)


def compare(work, contestants, quality, *, ours, repeats=7):
    """Run every contestant in turn, print a table, keep it as JSON.

    Parameters
    ----------
    work : str
        What is computed; the title of the table and the name of the file.
    contestants : dict of str to callable
        Programs without arguments; all of one call counts, conversion and validation included.
    quality : callable
        ``quality(result)`` gives a dict of numbers that are looked at before the times.
    ours : str
        The contestant that the ratios refer to.
    repeats : int, default=7
        Rounds; the first call of each program, which may compile, is apart.

    Returns
    -------
    ratios : dict of str to float
        Median over rounds of a program's wall time divided by ours in the same round.
    """
    first, results = {}, {}
    for name, run in contestants.items():
        start = time.process_time()
        results[name] = run()
        first[name] = time.process_time() - start
    qualities = {name: quality(result) for name, result in results.items()}
    cpu, wall = ({name: [] for name in contestants} for _ in range(2))
    for _ in range(repeats):
        for name, run in contestants.items():
            start_cpu, start = time.process_time(), time.perf_counter()
            run()
            cpu[name].append(time.process_time() - start_cpu)
            wall[name].append(time.perf_counter() - start)
    ratios = {name: float(np.median(np.divide(wall[name], wall[ours]))) for name in contestants}
    rows = [
        {
            "program": name,
            "ratio": ratios[name],
            "wall_ms": 1e3 * float(np.median(wall[name])),
            "cpu_ms": 1e3 * float(np.median(cpu[name])),
            "first_call_ms": 1e3 * first[name],
            **{key: float(value) for key, value in qualities[name].items()},
        }
        for name in contestants
    ]
    keep(work, rows)
    return ratios


def keep(work, rows):
    """Print rows (dicts with equal keys, the first "program"), write them as JSON with machine and versions."""
    _show(work, rows)
    _write(work, rows)


def _show(work, rows):
    print(f"\n{work}")
    cells = [list(rows[0]), *([row["program"], *(f"{value:.4g}" for value in list(row.values())[1:])] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def _write(work, rows):
    RESULTS.mkdir(exist_ok=True)
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    name = "".join(letter if letter.isalnum() else "_" for letter in work.lower())
    text = json.dumps({"work": work, "machine": _processor(), "versions": versions, "rows": rows}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def _processor():
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} processors"

"""What a fresh process pays with a warm cache, and what it does without one."""

import hashlib
import json
import os
import shutil
import statistics
from pathlib import Path

import pytest

import sparsekit

pytestmark = pytest.mark.jit

BUDGET = 0.5  # CPU seconds over importing NumPy, SciPy, scikit-learn's validation and Numba
PROCESSES = 3  # the median counts

# Every module, so that KERNELS is complete.
EVERYTHING = """
import json, pkgutil, shutil, warnings
from importlib import import_module
import sparsekit
for module in pkgutil.walk_packages(sparsekit.__path__, "sparsekit."):
    import_module(module.name)
from sparsekit.core.kernels import KERNELS
"""

ESTIMATORS = """
import inspect
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
def estimators():
    public = [getattr(sparsekit, name) for name in sparsekit.__all__ if not name.startswith("_")]
    return [each for each in public if inspect.isclass(each) and issubclass(each, BaseEstimator)]
def small_fit(cls, dtype=float):
    X = np.random.default_rng(0).standard_normal((30, 8)).astype(dtype)
    if get_tags(cls()).input_tags.pairwise:
        return cls().fit(np.square(X[:, None] - X).sum(axis=2))
    estimator = cls().fit(X, np.abs(X[:, 0] - X[:, 5]))
    (getattr(estimator, "predict", None) or estimator.transform)(X)
    return estimator
"""

COUNTS = """
print(json.dumps({f"{each.py_func.__module__}.{each.py_func.__qualname__}": [
    len(each.signatures), sum(each.stats.cache_hits.values()), sum(each.stats.cache_misses.values())
] for each in KERNELS}))
"""


@pytest.fixture(scope="module")
def warm(python):
    """A folder filled by the warm-up alone, and the counts of each kernel in the process that filled it.

    The cache outlives this checkout, and Numba files a kernel by the path and the date of its source.
    """
    sources = sorted(Path(sparsekit.__file__).parent.rglob("*.py"))
    checkout = hashlib.sha256(str([(path, path.stat().st_mtime_ns) for path in sources]).encode()).hexdigest()[:16]
    folder = Path(os.environ["NUMBA_CACHE_DIR"]) / f"warmup-{checkout}"
    counts = folder / "counts.json"
    if not counts.exists():
        shutil.rmtree(folder, ignore_errors=True)
        printed = python(EVERYTHING + "sparsekit.warmup.main()" + COUNTS, NUMBA_CACHE_DIR=folder)
        counts.write_text(printed.splitlines()[-1])
    return folder, json.loads(counts.read_text())


def test_warmup_compiles_every_kernel(warm):
    _, counts = warm
    assert counts
    assert [name for name, (signatures, _, _) in counts.items() if signatures == 0] == []


def test_second_process_only_hits_the_cache(warm, python):
    folder, first = warm
    code = (
        EVERYTHING
        + ESTIMATORS
        + """
sparsekit.warmup.main()
for cls in estimators():
    for dtype in (np.float64, np.float32):
        small_fit(cls, dtype)
"""
    )
    second = json.loads(python(code + COUNTS, NUMBA_CACHE_DIR=folder).splitlines()[-1])
    assert second.keys() == first.keys()
    assert {name: misses for name, (_, _, misses) in second.items() if misses} == {}
    assert sum(hits for _, hits, _ in second.values()) > 0


MEASURE = """
import os, sys, time
import numba, numpy, scipy.linalg, scipy.sparse.linalg, sklearn.utils.validation

def work(number):
    start = time.process_time()
    for room in {"recovery", "embeddings", "ann", "graphs"} & set(sparsekit.__all__):
        getattr(sparsekit, room)
    imported = time.process_time() - start
    everyone = estimators()
    start = time.process_time()
    small_fit(everyone[number])
    return everyone[number].__name__, len(everyone), imported, time.process_time() - start

def in_a_child(number):
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            os.write(write, json.dumps(work(number)).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.wait()
    with os.fdopen(read) as pipe:
        return json.loads(pipe.read())

for number in range(in_a_child(0)[1]):
    print(json.dumps([in_a_child(number) for _ in range(PROCESSES)]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process imports the others' packages, its children measure")
def test_import_and_first_fit_are_cheap(warm, python):
    """Children of a process that has imported the others' packages, and nothing of ours, import all rooms and fit."""
    code = f"import json, sparsekit\nPROCESSES = {PROCESSES}\n" + ESTIMATORS + MEASURE
    runs = [json.loads(line) for line in python(code, NUMBA_CACHE_DIR=warm[0]).splitlines()]
    assert runs
    imports = statistics.median(each[2] for run in runs for each in run)
    fits = {run[0][0]: statistics.median(each[3] for each in run) for run in runs}
    print(f"import {imports:.2f} CPU s, first fits {fits}")
    assert imports <= BUDGET
    assert {name: seconds for name, seconds in fits.items() if seconds > BUDGET} == {}


@pytest.fixture
def sealed(tmp_path):
    """A copy of the package and an environment in which no folder of Numba's can be made: files stand in the way."""
    target = tmp_path / "target"
    shutil.copytree(Path(sparsekit.__file__).parent, target / "sparsekit", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in {path.parent for path in target.rglob("*.py")}:
        (folder / "__pycache__").touch()
    file = tmp_path / "file"
    file.touch()
    homes = ("NUMBA_CACHE_DIR", "HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")
    return dict.fromkeys(homes, file / "x") | {"PYTHONPATH": target}


def fit_and_warnings(python, first, environment):
    """The file imported, answers of first fits, and the messages of all warnings since the first import of ours."""
    code = f"""
import warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    exec({EVERYTHING!r} + {ESTIMATORS!r} + {first!r})
    coef = small_fit(sparsekit.OrthogonalMatchingPursuit).coef_.tolist()
    nonzero = small_fit(sparsekit.PursuitCoder).fit_transform(np.eye(8)).nnz
assert any(each.signatures for each in KERNELS), "nothing was compiled"
print(json.dumps([sparsekit.__file__, [*coef, nonzero], [str(each.message) for each in seen]]))
"""
    return json.loads(python(code, **environment).splitlines()[-1])


def test_without_any_cache_folder(sealed, python):
    """One warning that names the way out, and a working fit."""
    file, answers, messages = fit_and_warnings(python, "", sealed)
    assert file.startswith(str(sealed["PYTHONPATH"]))
    assert any(answers)
    assert len(messages) == 1
    assert "NUMBA_CACHE_DIR" in messages[0]


def test_cache_folder_that_vanishes(tmp_path, python):
    """Cleaned away, or full, between import and first use: a working fit, at most one warning."""
    folder = str(tmp_path / "cache")
    replace = f"shutil.rmtree({folder!r}); open({folder!r}, 'w').close()\n"
    _, answers, messages = fit_and_warnings(python, replace, {"NUMBA_CACHE_DIR": folder})
    assert any(answers)
    assert len(messages) <= 1

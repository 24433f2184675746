"""An upgrade over a warm cache: no kernel of the old version may survive in the new one."""

import shutil
from pathlib import Path

import pytest

import sparsekit

pytestmark = [pytest.mark.jit, pytest.mark.slow]

CALLEE = """
from sparsekit.core.kernels import kernel

@kernel
def factor(x):
    return {factor} * x
"""

CALLER = """
from sparsekit.core._callee import factor
from sparsekit.core.kernels import kernel

@kernel
def total(values):
    result = 0.0
    for x in values:
        result += factor(x)
    return result
"""


def install(target, factor):
    """As an installer does it: the old files go, the new ones get new time stamps; what it did not write stays."""
    for path in [*target.rglob("*.py"), *target.rglob("*.pyc")]:
        path.unlink()
    source = Path(sparsekit.__file__).parent
    shutil.copytree(
        source, target / "sparsekit", dirs_exist_ok=True,
        copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    (target / "sparsekit/core/_callee.py").write_text(CALLEE.format(factor=factor))
    (target / "sparsekit/core/_caller.py").write_text(CALLER)


@pytest.mark.parametrize("cache", ["NUMBA_CACHE_DIR", "__pycache__"])
def test_upgrade_over_a_warm_cache(tmp_path, python, cache):
    target = tmp_path / "site"
    environment = {
        "PYTHONPATH": target,
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": tmp_path / "cache" if cache == "NUMBA_CACHE_DIR" else "",
    }
    code = """
import numpy as np, sparsekit
from sparsekit.core._caller import total
print(sparsekit.__file__, total(np.ones(4)), sum(total.stats.cache_hits.values()))
"""
    found = []
    for factor in (2.0, None, 5.0):  # the second process finds the first version and a warm cache
        if factor is not None:
            install(target, factor)
        file, *numbers = python(code, **environment).split()
        assert file.startswith(str(target))
        found.append(tuple(map(float, numbers)))
    assert found == [(8.0, 0), (8.0, 1), (20.0, 0)]

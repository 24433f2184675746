"""Kernels are cached in a folder that is keyed by all package sources; every test has its own random numbers."""

import hashlib
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path
from shutil import rmtree

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "sparsekit"


def kernel_cache():
    """The folder of these sources and settings; Numba notices neither an edited callee elsewhere nor bounds checks."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("NUMBA_")}
    settings.pop("NUMBA_CACHE_DIR", None)
    digest = hashlib.sha256(f"{sys.version} {sorted(settings.items())}".encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparsekit-tests"
    folder = home / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    for other in home.iterdir():
        if time.time() - other.stat().st_mtime > 3 * 24 * 3600:
            rmtree(other, ignore_errors=True)
    return folder


assert "numba" not in sys.modules, "Numba reads NUMBA_CACHE_DIR once, when it is imported"
os.environ["NUMBA_CACHE_DIR"] = str(kernel_cache())
pytest.register_assert_rewrite("tests.contract")


@pytest.fixture
def rng(request):
    """Seeded by the test's name: independent of the order and of the selection."""
    import numpy as np

    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


@pytest.fixture(scope="session")
def python():
    """Run code in a fresh interpreter that finds this checkout; python(code, **environment) -> what it prints."""

    def run(code, **environment):
        settings = {"PYTHONPATH": PACKAGE.parent} | environment
        env = os.environ | {name: str(value) for name, value in settings.items()}
        done = subprocess.run([sys.executable, "-P", "-c", code], check=False, capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run

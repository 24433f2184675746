"""The one way in which a kernel is compiled: serial, without the GIL, cached on disk.

Numba stamps a cached kernel by the file that it stands in and does not notice an edited callee in another file. Here
the digest of all sources is a part of every kernel's name in the cache, so that an upgrade never meets stale code.
"""

import hashlib
import warnings
from functools import cache, wraps
from pathlib import Path

from numba import njit

KERNELS = []  # every compiled function, for the warm-up and the cache guards


def kernel(function=None, *, fastmath=False):
    """Compile a pure function of arrays and scalars on its first call; x / 0 is inf or NaN, as in NumPy.

    Parameters
    ----------
    function : callable
        Arrays in, arrays out; legal Python, so that it also runs with ``NUMBA_DISABLE_JIT=1``.
    fastmath : False or set of str, default=False
        A named subset of LLVM's flags, usually ``{"contract", "reassoc"}``; never where NaN or inf is a value.

    Returns
    -------
    dispatcher : callable
        The compiled function. Where no cache folder can be written it is compiled anew in every process, and one
        warning says so.
    """

    def compile_lazily(function):
        function.__qualname__ += f"-{_digest()}"
        try:
            dispatcher = njit(cache=True, nogil=True, fastmath=fastmath, error_model="numpy")(function)
        except RuntimeError:  # Numba: "no locator available"
            _warn_uncached()
            dispatcher = njit(nogil=True, fastmath=fastmath, error_model="numpy")(function)
        _forgive_lost_folder(dispatcher)
        KERNELS.append(dispatcher)
        return dispatcher

    return compile_lazily if function is None else compile_lazily(function)


@cache
def _digest():
    package = Path(__file__).parents[1]
    sources = (path.read_bytes() for path in sorted(package.rglob("*.py")))
    return hashlib.sha256(b"".join(sources)).hexdigest()[:16]


def _forgive_lost_folder(dispatcher):
    """Let a kernel work on when its cache folder has vanished, filled up or lost its permissions since the import."""
    folder = getattr(dispatcher, "_cache", None)
    if folder is None:  # compilation is switched off
        return
    for name in ("load_overload", "save_overload"):
        setattr(folder, name, _forgiving(getattr(folder, name)))


def _forgiving(access):
    @wraps(access)
    def attempt(*args):
        try:
            return access(*args)
        except OSError:
            _warn_uncached()
            return None

    return attempt


@cache
def _warn_uncached():
    warnings.warn(
        "no folder for compiled kernels can be written: every process will compile them anew. "
        "Set NUMBA_CACHE_DIR to a writable folder.",
        RuntimeWarning,
        stacklevel=4,
    )

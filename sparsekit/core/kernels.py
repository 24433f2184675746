"""The one way in which a kernel is compiled: serial, without the GIL, cached on disk."""

import warnings

from numba import njit

KERNELS = []  # every compiled function, for the warm-up and the cache guards


def kernel(function=None, *, fastmath=False):
    """Compile a pure function of arrays and scalars on its first call.

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
        try:
            dispatcher = njit(cache=True, nogil=True, fastmath=fastmath)(function)
        except RuntimeError:  # Numba: "no locator available"
            _warn_uncached()
            dispatcher = njit(nogil=True, fastmath=fastmath)(function)
        KERNELS.append(dispatcher)
        return dispatcher

    return compile_lazily if function is None else compile_lazily(function)


def _warn_uncached(_told=[]):  # noqa: B006  the default remembers that the warning was given
    if not _told:
        _told.append(True)
        warnings.warn(
            "no folder for compiled kernels can be written: every process will compile them anew. "
            "Set NUMBA_CACHE_DIR to a writable folder.",
            RuntimeWarning,
            stacklevel=4,
        )

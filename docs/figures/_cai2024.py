"""What the scripts on :cite:`cai2024` share: the problems, the methods with their colours, a fit and its error.

A real Gaussian X, s normal coefficients at random places, scaled to the norm 1; magnitudes z = |X w|. Every method
begins with its own start and has its own published parameters, on columns that are divided by their lengths. Those of
first order, SPARTA and ThWF, get 1000 iterations, the others 100.
"""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sparsekit import SparsePhaseRetrieval

RECOVERED = 1e-3  # relative error, as in the paper


class Method(NamedTuple):
    """A curve."""

    solver: str
    n_starts: int
    colour: str
    max_iter: int = 100


METHODS = {
    "Newton": Method("newton", 1, "tab:blue"),
    "HTP": Method("htp", 1, "tab:orange"),
    "CoPRAM": Method("copram", 1, "tab:red"),
    "SPARTA": Method("sparta", 1, "tab:green", 1000),
    "ThWF": Method("thwf", 1, "tab:purple", 1000),
}
DEFAULT = "Newton, 5 starts (default)"
WITH_DEFAULT = {DEFAULT: Method("newton", 5, "black"), **METHODS}


def draw(seed, n, m, s):
    """X (m, n), coefficients (n,) and the Generator, ready for the noise."""
    rng = np.random.default_rng(seed)
    X, truth = rng.standard_normal((m, n)), np.zeros(n)
    truth[rng.choice(n, s, replace=False)] = rng.standard_normal(s)
    return X, truth / np.linalg.norm(truth), rng


def fitted(method, X, z, s):
    """SparsePhaseRetrieval with the options of a Method."""
    model = SparsePhaseRetrieval(
        s, solver=method.solver, n_starts=method.n_starts, max_iter=method.max_iter, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # failures are counted
        return model.fit(X, z)


def error(coef, truth):
    """Relative, up to the common sign."""
    return min(np.linalg.norm(coef - truth), np.linalg.norm(coef + truth)) / np.linalg.norm(truth)

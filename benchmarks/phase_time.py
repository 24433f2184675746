"""Time of sparse phase retrieval to an error of 1e-6, n = 5000, m = 3000, and the quadratic tail of Newton's method."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import warnings
from functools import partial

import numpy as np
from phase_success import error

from sparsekit import SparsePhaseRetrieval

N, M = 5000, 3000
SEEDS = 20
SOLVERS = {
    "newton": {},
    "htp": {"solver": "htp"},
    "sparta": {"solver": "sparta", "max_iter": 1000},
    "copram": {"solver": "copram"},
    "thwf": {"solver": "thwf", "max_iter": 1000},
}


def problem(s, seed):
    rng = np.random.default_rng([s, seed])
    A, x = rng.standard_normal((M, N)), np.zeros(N)
    x[rng.choice(N, s, replace=False)] = rng.standard_normal(s)
    return A, np.abs(A @ x), x


def fitted(options, s, A, z, tol=5e-7):
    return SparsePhaseRetrieval(s, n_starts=1, tol=tol, **options).fit(A, z)


def times(s, seed):
    """All solvers on the first instance from `seed` on that each of them solves from its own start."""
    while True:
        A, z, x = problem(s, seed)
        models = {name: fitted(options, s, A, z) for name, options in SOLVERS.items() if name != "thwf"}
        if all(error(model.coef_, x) < 1e-6 for model in models.values()):
            break
        seed += 1

    def quality(model):
        return {"error": error(model.coef_, x), "iterations": model.n_iter_, "products": model.n_products_}

    runs = {name: partial(fitted, options, s, A, z) for name, options in SOLVERS.items()}
    return harness.compare(f"phase retrieval to 1e-6, s {s}, seed {seed}", runs, quality, ours="newton", repeats=5)


def tails(s=80):
    """Errors of the last iterations of every recovered run, from the default starts."""
    constants, iterations = [], []
    for seed in range(SEEDS):
        A, z, x = problem(s, seed)
        model = SparsePhaseRetrieval(s, tol=1e-14).fit(A, z)
        if error(model.coef_, x) > 1e-3:
            continue
        path = model.residual_path_
        late = [k for k in range(len(path) - 1) if path[k] < 0.1 and path[k] ** 2 > 1e-13]
        constants.append(max(path[k + 1] / path[k] ** 2 for k in late))
        iterations.append(model.n_iter_)
    rows = [
        {
            "program": "newton, five starts", "recovered": len(constants), "of": SEEDS,
            "largest_next_over_square": max(constants), "most_iterations": max(iterations),
        }
    ]  # fmt: skip
    harness.keep("phase retrieval, quadratic tail, n 5000, m 3000, s 80", rows)


def main():
    warnings.simplefilter("ignore")  # a solver may fail where another does not
    for s in (80, 100):
        times(s, 0)
    tails()


if __name__ == "__main__":
    main()

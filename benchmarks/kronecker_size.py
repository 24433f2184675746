"""Kronecker-structured sparse Bayesian learning: 80^3 unknowns, and against dense EM on the explicit dictionary."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import time
import tracemalloc
from functools import partial, reduce

import numpy as np

from sparsekit.recovery.kronecker_sbl import KroneckerSBL

SEEDS = 5
METHODS = ("root", "svd", "am")
LARGE = {"widths": (80, 80, 80), "lengths": (45, 55, 60), "k": 6}
SMALL = {"widths": (15, 15, 15), "lengths": (8, 12, 15), "k": 3}
SECONDS, MEGABYTES = 2, 500  # the goals for LARGE


def problem(seed, widths, lengths, k, snr=20):
    """Factors, y, x and its places; independent normal non-zeros."""
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal(shape) for shape in zip(lengths, widths, strict=True)]
    places = np.ix_(*[np.sort(rng.choice(n, k, replace=False)) for n in widths])
    x = np.zeros(widths)
    x[places] = rng.standard_normal([k] * len(widths))
    clean = np.einsum("ai,bj,ck,ijk->abc", *factors, x, optimize=True).ravel()
    noise = np.sqrt(np.mean(clean**2) * 10 ** (-snr / 10))
    return factors, clean + noise * rng.standard_normal(clean.size), x, places


def dense(factors, y, max_iter, tol=1e-4):
    """Plain sparse Bayesian learning (Woodbury, noise learnt, pruning at 1e-6) on the explicit product."""
    A = reduce(np.kron, factors)
    m, n = A.shape
    gamma, noise, kept, x = np.ones(n), np.var(y) / 10, np.arange(n), np.zeros(n)
    for n_iter in range(1, max_iter + 1):
        root = np.linalg.cholesky(noise * np.eye(m) + (A * gamma) @ A.T)
        V = np.linalg.solve(root, A * gamma)
        mean, variance = V.T @ np.linalg.solve(root, y), gamma - np.einsum("ij,ij->j", V, V)
        noise = (np.sum((y - A @ mean) ** 2) + noise * np.sum(1 - variance / gamma)) / m
        before, x = x, np.zeros(n)
        x[kept] = mean
        if np.linalg.norm(x - before) < tol * np.linalg.norm(x):
            return x.reshape([B.shape[1] for B in factors]), n_iter
        gamma = mean**2 + np.maximum(variance, 0)
        used = gamma > 1e-6 * gamma.max()
        A, gamma, kept = A[:, used], gamma[used], kept[used]
    return x.reshape([B.shape[1] for B in factors]), max_iter


def oracle(factors, y, places):
    """Least squares on the true support."""
    x = np.zeros([A.shape[1] for A in factors])
    pinvs = [np.linalg.pinv(A[:, index.ravel()]) for A, index in zip(factors, places, strict=True)]
    x[places] = np.einsum("ai,bj,ck,ijk->abc", *pinvs, y.reshape([len(A) for A in factors]), optimize=True)
    return x


def nmse(x, truth):
    return 20 * np.log10(np.linalg.norm(x - truth) / np.linalg.norm(truth))


def support_rate(x, truth):
    chosen, right = np.abs(x) > 1e-3 * np.abs(x).max(), truth != 0
    return np.count_nonzero(chosen & right) / np.count_nonzero(chosen | right)


def fitted(method, factors, y):
    model = KroneckerSBL(method, max_iter=1000).fit(factors, y)
    return model.coef_, model.n_iter_


def timed(run):
    clock, cpu = time.perf_counter(), time.process_time()
    result = run()
    return *result, time.perf_counter() - clock, time.process_time() - cpu


def row(name, method, sizes, seeds):
    """Medians over the seeds."""
    values = []
    for seed in seeds:
        factors, y, x, places = problem(seed, **sizes)
        found, n_iter, wall, cpu = timed(partial(method, factors, y))
        best = nmse(oracle(factors, y, places), x)
        values.append((nmse(found, x), nmse(found, x) - best, support_rate(found, x), n_iter, wall, cpu))
    names = ("nmse_db", "above_least_squares_db", "support_rate", "iterations", "wall_s", "cpu_s")
    return {"program": name} | dict(zip(names, np.median(values, axis=0), strict=True))


def peak(method):
    """Megabytes of a fit at its worst moment, data apart."""
    factors, y, *_ = problem(0, **LARGE)
    tracemalloc.start()
    fitted(method, factors, y)
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size / 1e6


def main():
    fitted("root", *problem(0, **SMALL)[:2])
    rows = []
    for method in METHODS:
        one = row(f"KroneckerSBL, {method}", partial(fitted, method), LARGE, range(SEEDS))
        rows.append(one | {"peak_mb": peak(method)})
    harness.keep("kronecker sbl, 80^3 unknowns, m 45 x 55 x 60, k 6, 20 dB", rows)
    for name, value, goal in (("seconds", rows[0]["wall_s"], SECONDS), ("megabytes", rows[0]["peak_mb"], MEGABYTES)):
        print(f"{name} {value:.3g} {goal} {'PASS' if value < goal else 'FAIL'}")
    rows = [row(f"KroneckerSBL, {method}", partial(fitted, method), SMALL, [0]) for method in METHODS]
    rows.append(row("dense EM, at most 40 iterations", partial(dense, max_iter=40), SMALL, [0]))
    harness.keep("kronecker sbl, one problem of 15^3 unknowns, m 8 x 12 x 15, k 3, 20 dB", rows)


if __name__ == "__main__":
    main()

"""Sparse Bayesian learning over ten families of matrices, against exact EM run to rest; failures are counted."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import warnings

import numpy as np
from sbl_vs_ard import decibels

from sparsekit import SparseBayesianRegressor

M, N, K, LEVEL = 150, 300, 30, 40
FAMILIES = (
    "iid",
    "ar 0.5",
    "ar 0.8",
    "ar 0.9",
    "rank 0.8",
    "rank 0.6",
    "condition 10",
    "condition 100",
    "mean 0.1",
    "mean 0.5",
)


def matrix(family, rng):
    """M x N of the family, with columns of mean square length 1."""
    G = rng.standard_normal((M, N))
    kind, _, number = family.partition(" ")
    if kind == "ar":  # neighbouring columns correlate
        rho = float(number)
        for j in range(1, N):
            G[:, j] = rho * G[:, j - 1] + np.sqrt(1 - rho**2) * G[:, j]
    elif kind == "rank":
        r = int(float(number) * M)
        G = rng.standard_normal((M, r)) @ rng.standard_normal((r, N))
    elif kind == "condition":
        U, _, Vt = np.linalg.svd(G, full_matrices=False)
        G = (U * float(number) ** (-np.arange(M) / (M - 1))) @ Vt
    elif kind == "mean":
        G = G + float(number)
    return G / np.sqrt(np.square(G).sum(axis=0).mean())


def problem(family, seed):
    rng = np.random.default_rng([FAMILIES.index(family), seed])
    A, x = matrix(family, rng), np.zeros(N)
    x[rng.choice(N, K, replace=False)] = rng.standard_normal(K)
    variance = np.mean(np.square(A @ x)) * 10 ** (-LEVEL / 10)
    return A, A @ x + np.sqrt(variance) * rng.standard_normal(M), x, variance


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    everything = -1e6  # nats: no coefficient is dropped, but those without evidence are frozen at zero
    rows, broken = [], 0
    for family in FAMILIES:
        found = []
        for seed in range(seeds):
            A, y, x, variance = problem(family, seed)
            options = {"fit_intercept": False, "noise_variance": variance}
            models = (
                SparseBayesianRegressor("em", min_gain=everything, tol=1e-8, max_iter=20_000, **options).fit(A, y),
                SparseBayesianRegressor(min_gain=everything, **options).fit(A, y),
                SparseBayesianRegressor(**options).fit(A, y),
                SparseBayesianRegressor(fit_intercept=False).fit(A, y),
            )
            broken += sum(not np.isfinite(model.coef_).all() for model in models)
            found.append([decibels(model.coef_, x) for model in models] + [models[-1].noise_variance_ / variance])
        found = np.array(found)
        excess = found[:, 1:4] - found[:, :1]
        rows.append(
            {
                "program": family,
                "em_to_1e-8": np.median(found[:, 0]),
                "gamp_all_kept": np.median(found[:, 1]),
                "gamp_told": np.median(found[:, 2]),
                "default": np.median(found[:, 3]),
                "default_worst_excess": excess[:, 2].max(),
                "default_above_0.5_dB": int((excess[:, 2] > 0.5).sum()),
                "all_kept_above_0.5_dB": int((excess[:, 0] > 0.5).sum()),
                "noise_over_true": np.median(found[:, 4]),
                "smallest": found[:, 4].min(),
                "largest": found[:, 4].max(),
            }
        )
    print(f"{broken} of {4 * seeds * len(FAMILIES)} answers are not finite")
    harness.keep(f"ten families of matrices, {M} x {N}, {K} non-zeros, {LEVEL} dB, {seeds} seeds each", rows)


if __name__ == "__main__":
    main()

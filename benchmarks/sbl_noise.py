"""The noise variance that sparse Bayesian learning finds, against what it finds when it is told, and the rule of EM."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import warnings

import numpy as np
from sbl_vs_ard import decibels, problem

from sparsekit import SparseBayesianRegressor

SIZES = ((200, 1000, 20), (200, 1000, 40), (250, 500, 50))
LEVELS = (10, 20, 30, 40)  # dB
SLOW = {"cross-validated", "learnt, all coefficients kept", "told, all coefficients kept"}  # a quarter of the seeds
EVERYTHING = -1e6  # nats: nothing is dropped, but what has no evidence is frozen at zero
SETTINGS = {
    "learnt": {},
    "told": {"noise_variance": None},
    "cross-validated": {"noise_variance": "cv"},
    "learnt, all coefficients kept": {"min_gain": EVERYTHING},
    "told, all coefficients kept": {"noise_variance": None, "min_gain": EVERYTHING},
}


def fitted(options, X, y, variance):
    options = {key: variance if value is None and key == "noise_variance" else value for key, value in options.items()}
    return SparseBayesianRegressor(fit_intercept=False, **options).fit(X, y)


def rule_of_em(X, y, steps=100):
    """EM with its own rule for the noise, as it is published: coefficients and noise variance."""
    m, n = X.shape
    gamma, noise = np.ones(n), np.var(y) / 100
    for _ in range(steps):
        inverse = np.linalg.inv(noise * np.eye(m) + (X * gamma) @ X.T)
        mean = gamma * (X.T @ (inverse @ y))
        explained = gamma * np.einsum("ij,ij->j", X, inverse @ X)
        noise = (np.sum(np.square(y - X @ mean)) + noise * explained.sum()) / m
        gamma = np.square(mean) + gamma * (1 - explained)
    return mean, noise


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    for m, n, k in SIZES:
        for level in LEVELS:
            errors = {name: [] for name in [*SETTINGS, "the rule of EM"]}
            ratios = {name: [] for name in errors}
            unknown = dict.fromkeys(errors, 0)
            for seed in range(seeds):
                X, y, w, variance = problem(m, n, k, level, 1000 + seed)
                for name, options in SETTINGS.items():
                    if name in SLOW and seed >= seeds // 4:
                        continue
                    model = fitted(options, X, y, variance)
                    errors[name].append(decibels(model.coef_, w))
                    ratios[name].append(model.noise_variance_ / variance)
                    unknown[name] += not model.noise_is_known_
                if seed < seeds // 4:
                    coef, noise = rule_of_em(X, y)
                    errors["the rule of EM"].append(decibels(coef, w))
                    ratios["the rule of EM"].append(noise / variance)
            rows = [
                {
                    "program": name,
                    "nmse_dB": np.median(errors[name]),
                    "noise_over_true": np.median(ratios[name]),
                    "smallest": np.min(ratios[name]),
                    "largest": np.max(ratios[name]),
                    "abstained": unknown[name],
                    "fits": len(errors[name]),
                }
                for name in errors
            ]
            harness.keep(f"noise variance, {m} x {n}, {k} non-zeros, {level} dB", rows)


if __name__ == "__main__":
    main()

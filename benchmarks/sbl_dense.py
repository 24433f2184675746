"""Sparse Bayesian learning of signals with nearly as many non-zeros as can be recovered: noise found, and errors."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import time
import warnings

import numpy as np
from sbl_noise import fitted, rule_of_em
from sbl_vs_ard import decibels, problem

from sparsekit import SparseBayesianRegressor
from sparsekit.recovery import bayes_search

SETTINGS = ((100, 250, 25, 25), (100, 250, 35, 25), (100, 250, 45, 25), (250, 500, 110, 40))  # m, n, k, dB


def only_from_above(X, y):
    """The same without the search from below."""
    kept = bayes_search._MUCH, bayes_search._MANY  # noqa: SLF001  there is no option for it
    bayes_search._MUCH = bayes_search._MANY = np.inf  # noqa: SLF001
    try:
        return SparseBayesianRegressor(fit_intercept=False).fit(X, y)
    finally:
        bayes_search._MUCH, bayes_search._MANY = kept  # noqa: SLF001


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    for m, n, k, snr in SETTINGS:
        found = {}
        for seed in range(seeds):
            X, y, w, variance = problem(m, n, k, snr, 2000 + seed)
            programs = {
                "default": lambda X=X, y=y: fitted({}, X, y, None),
                "from above alone": lambda X=X, y=y: only_from_above(X, y),
                "told the noise": lambda X=X, y=y, v=variance: fitted({"noise_variance": v}, X, y, v),
                "the rule of EM": lambda X=X, y=y: rule_of_em(X, y),
            }
            for name, run in programs.items():
                start = time.perf_counter()
                answer = run()
                spent = time.perf_counter() - start
                coef, noise = answer if name == "the rule of EM" else (answer.coef_, answer.noise_variance_)
                found.setdefault(name, []).append((decibels(coef, w), noise / variance, spent))
        rows = []
        for name, each in found.items():
            error, ratio, spent = np.array(each).T
            rows.append(
                {
                    "program": name,
                    "error_dB": np.median(error),
                    "worst_dB": error.max(),
                    "noise_over_true": np.median(ratio),
                    "largest": ratio.max(),
                    "seconds": np.median(spent),
                }
            )
        harness.keep(f"dense signals, {m} x {n}, {k} non-zeros, {snr} dB, {seeds} seeds", rows)


if __name__ == "__main__":
    main()

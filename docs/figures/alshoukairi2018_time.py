"""How long does sparse Bayesian learning take? After the runtimes of :cite:`alshoukairi2018`, beside scikit-learn.

Gaussian designs, normal coefficients, 30 dB: 200 x 1000 with 40 non-zeros and 500 x 2000 with 100. CPU time on one
thread. ARDRegression has the same model and another update rule, made for more samples than columns. OMP by
cross-validation searches up to 1.5 times the true number of non-zeros. Times are of one machine, and no promise.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import ARDRegression
from threadpoolctl import threadpool_limits

from docs.figures._sbl import db, fitted, least_squares, matrix, problem
from sparsekit import OrthogonalMatchingPursuitCV, WeightedOMP

TITLE = "Sparse Bayesian learning: accuracy against time (after Al-Shoukairi et al., 2018)"
ROOM = "recovery"
DEFAULT, ARD = "SparseBayesianRegressor (default)", "ARDRegression (scikit-learn)"
METHODS = {
    DEFAULT: (lambda one, k: fitted(one.A, one.y), "black", "o"),
    'SparseBayesianRegressor, solver="em"': (lambda one, k: fitted(one.A, one.y, solver="em"), "tab:blue", "s"),
    ARD: (lambda one, k: ARDRegression(fit_intercept=False).fit(one.A, one.y), "tab:red", "x"),
    "WeightedOMP": (lambda one, k: WeightedOMP(fit_intercept=False).fit(one.A, one.y), "tab:green", "^"),
    "OrthogonalMatchingPursuitCV": (
        lambda one, k: OrthogonalMatchingPursuitCV(fit_intercept=False, max_iter=3 * k // 2).fit(one.A, one.y),
        "tab:purple",
        "D",
    ),
}
SIZES = {(200, 1000, 40): (10, 5), (500, 2000, 100): (10, 1)}  # trials with and without --full


def draw(seed, m, n, n_nonzero):
    rng = np.random.default_rng(seed)
    return problem(matrix("iid", 0, (m, n), rng), n_nonzero, 30, rng)


def reproduce(record, *, full):
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    rows, done, total = [], 0, sum(trials[not full] for trials in SIZES.values())
    small = draw([9], 40, 80, 4)
    for method, *_ in METHODS.values():
        method(small, 4)  # compiles
    for panel, (sizes, trials) in zip(panels, SIZES.items(), strict=True):
        m, n, k = sizes
        times = {name: [] for name in METHODS}
        errors, oracle = {name: [] for name in METHODS}, []
        for trial in range(trials[not full]):
            one = draw([trial], *sizes)
            oracle.append(db(least_squares(one), one.x))
            for name, (method, *_) in METHODS.items():
                with threadpool_limits(1):
                    start = time.process_time()
                    model = method(one, k)
                    times[name].append(time.process_time() - start)
                errors[name].append(db(model.coef_, one.x))
                rows.append((m, n, k, name, trial, times[name][-1], errors[name][-1]))
            done += 1
            record.progress(done, total)
        for name, (_, colour, marker) in METHODS.items():
            panel.plot(times[name], errors[name], marker, color=colour, label=name, markerfacecolor="none")
        panel.axhline(np.median(oracle), color="gray", linestyle="--", label="least squares, support known")
        panel.set(xscale="log", xlabel="CPU time (s)", title=f"{m} x {n}, {k} non-zeros, 30 dB")
        panel.grid(alpha=0.25, which="both")
        add_rows(record, f"{m} x {n}", times, errors, np.median(oracle))
    panels[0].set_ylabel("NMSE (dB)")
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=3, loc="outside lower center", frameon=False)
    record.picture(figure)
    plt.close(figure)
    record.numbers(("rows", "columns", "non-zeros", "method", "trial", "CPU seconds", "NMSE in dB"), rows)


def add_rows(record, place, times, errors, oracle):
    for name, values in errors.items():
        record.row(f"{place}: median NMSE (dB), {name}", np.median(values))
    record.row(f"{place}: median NMSE (dB), least squares, support known", oracle)
    gained = np.median(errors[ARD]) - np.median(errors[DEFAULT])
    record.row(f"{place}: NMSE that the default gains over ARDRegression (dB)", gained)
    for name, values in times.items():
        record.row(f"{place}: median CPU time (ms), {name}", 1000 * np.median(values))
    record.row(f"{place}: time of ARDRegression over the default's", np.median(times[ARD]) / np.median(times[DEFAULT]))

"""How fast do solvers of sparse phase retrieval converge? The experiment of the convergence figure of :cite:`cai2024`.

n = 5000, m = 3000, s = 80 and 100, no noise. Drawn is the true error of every iterate; so the steps of the solvers are
taken one by one here, as SparsePhaseRetrieval takes them (an assertion compares the residuals), and the clock runs
during the start and the steps alone: not while errors are computed, and not for the checks of the input. Every method
runs alone on one instance, on which all five succeed: the first, of which the picture is (with --full, the first twenty
of each s; the rows are medians). The paper's exact numbers are not at hand, so that the rows compare the methods.

Newton's method doubles the number of correct digits at each of its last steps. HTP and CoPRAM, which are least squares
on a support with the signs held fixed, are exact as soon as support and signs are right: their last step does it all.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from docs.figures._cai2024 import METHODS, draw, error, fitted
from sparsekit.recovery.phase_problem import MatrixMeasurements
from sparsekit.recovery.phase_solvers import SOLVERS

TITLE = "Convergence of solvers of sparse phase retrieval (after Cai et al., 2024)"
ROOM = "recovery"
N, M, SPARSITIES = 5000, 3000, (80, 100)
GOAL, EXACT = 1e-6, 1e-14


def course(method, X, z, truth):
    """Errors (k + 1,), seconds (k + 1,) and residuals (k + 1,) from the start to the last iterate."""
    solver, s = SOLVERS[method.solver], np.count_nonzero(truth)
    clock = time.perf_counter()
    problem = MatrixMeasurements(X, z, np.random.default_rng(0))
    now = problem.iterate(*solver.start(problem, s, np.random.default_rng(0)))
    seconds, iterates = [time.perf_counter() - clock], [now]
    while now.residual > 1e-10 and len(iterates) <= method.max_iter:
        clock = time.perf_counter()
        now = solver.step(problem, now, s)
        seconds.append(time.perf_counter() - clock)
        iterates.append(now)
    errors = [error(problem.in_users_units(one.support, one.values), truth) for one in iterates]
    return np.array(errors), np.cumsum(seconds), np.array([one.residual for one in iterates])


def instances(s, count):
    """Courses {name: (errors, seconds, residuals)} of the first instances on which every method gets to 1e-6."""
    seed = 0
    while count:
        X, truth, _ = draw([s, seed], N, M, s)
        z, courses = np.abs(X @ truth), {}
        for name, method in METHODS.items():
            courses[name] = course(method, X, z, truth)
            if courses[name][0][-1] > GOAL:
                break
        else:
            model = fitted(METHODS["Newton"], X, z, s)
            assert np.allclose(model.residual_path_, courses["Newton"][2], rtol=1e-6, atol=1e-12)
            yield courses
            count -= 1
        seed += 1


def order(errors):
    """By what the last step that ends above rounding multiplies the number of correct digits."""
    last = np.flatnonzero(errors > EXACT)[-1]
    return np.log(errors[last]) / np.log(errors[last - 1])


def reproduce(record, *, full):
    count = 20 if full else 1
    X, truth, _ = draw(0, 50, 40, 2)
    for method in METHODS.values():
        course(method, X, np.abs(X @ truth), truth)  # compiles
    figure, panels = plt.subplots(2, 2, figsize=(10, 6.4), sharey=True, layout="constrained")
    rows = []
    for (left, right), s in zip(panels, SPARSITIES, strict=True):
        steps, seconds, orders = {name: [] for name in METHODS}, {name: [] for name in METHODS}, []
        for i, courses in enumerate(instances(s, count)):
            for name, (errors, clock, _) in courses.items():
                there = np.argmax(errors <= GOAL)
                steps[name].append(there)
                seconds[name].append(clock[there])
                if i == 0:
                    drawn = np.maximum(errors, 1e-16)
                    style = {"color": METHODS[name].colour, "label": name, "linewidth": 1.5, "markersize": 5}
                    marker = "." if len(errors) < 50 else None
                    left.plot(np.arange(len(errors)), drawn, marker=marker, **style)
                    right.plot(clock, drawn, marker=marker, **style)
                    rows += [(s, name, k, *pair) for k, pair in enumerate(zip(clock, errors, strict=True))]
            orders.append(order(courses["Newton"][0]))
            record.progress(SPARSITIES.index(s) * count + i + 1, len(SPARSITIES) * count)
        for name in METHODS:
            record.row(f"s = {s}: iterations to the error 1e-6, {name}", np.median(steps[name]))
        for name in METHODS:
            record.row(f"s = {s}: seconds to the error 1e-6, {name}", np.median(seconds[name]))
        record.row(f"s = {s}: correct digits after Newton's last step, times those before", np.median(orders))
        left.set(yscale="log", ylabel="relative error", xlim=(0, 45), title=f"s = {s}")
        right.set(xscale="log", title=f"s = {s}")
        right.set_xticks([0.03, 0.1, 0.3, 1, 3], [0.03, 0.1, 0.3, 1, 3])
        right.xaxis.set_minor_formatter(NullFormatter())
        for panel in (left, right):
            panel.axhline(GOAL, color="gray", linewidth=0.8, linestyle=":", zorder=0)
            panel.grid(alpha=0.25)
    panels[1, 0].set_xlabel("iteration (ThWF goes on to the right)")
    panels[1, 1].set_xlabel("seconds with one thread, start included")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), ncols=5, loc="outside lower center", frameon=False)
    record.picture(figure)
    plt.close(figure)
    record.numbers(("s", "method", "iteration", "seconds", "error"), rows)

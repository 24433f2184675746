"""What the five figures of :cite:`taheri2023` share: the problems, a fit at the paper's lambda, and the two pictures.

Our rule differs from the paper's loop in three places. The loop always takes the best column of all and goes on to its
last iteration; at a column that it has already, it stands still, and there WeightedOMP stops. When no column decreases
the objective, the loop adds the first one; WeightedOMP stops. The formula of the square root with l1 has a guard for
columns nearly orthogonal to the residual, without which they promise a decrease that they cannot keep.
Every level and panel of a figure has the same random draws; the paper makes new ones.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sparsekit import WeightedOMP, lasso_path
from sparsekit.datasets import hyperbolic_cross, intrinsic_weights, polynomial_design

NAMES = {"squared": "LASSO", "sqrt": "SR-LASSO", "absolute": "LAD-LASSO"}
NOISE = {0.0: "tab:gray", 1e-3: "tab:blue", 1e-2: "tab:orange", 1e-1: "tab:red"}
CONVEX = {  # lambdas among which the convex programs have their best one
    "squared": 10.0 ** np.arange(-1, -7.1, -0.25),
    "sqrt": 10.0 ** np.arange(0, -2.1, -0.125),
    "absolute": 10.0 ** np.arange(1, -1.6, -0.125),
}
CORRUPTED = {0.0: "tab:blue", 0.05: "tab:green", 0.1: "tab:purple", 0.2: "tab:brown"}


class Problem(NamedTuple):
    """A design of unit columns, a target, and the relative error of coefficients (..., n_features) of the design."""

    X: np.ndarray
    y: np.ndarray
    error: Callable
    feature_weights: np.ndarray | None = None


class Level(NamedTuple):
    """A curve: its name and colour, and a function that draws the Problem of a trial from a Generator."""

    name: str
    colour: str
    draw: Callable


class Panel(NamedTuple):
    """Errors of one loss and penalty against lambda."""

    loss: str
    penalty: str
    lambdas: np.ndarray
    levels: list
    note: str = ""

    @property
    def title(self):
        return f"{NAMES[self.loss]}-{self.penalty}{self.note}"


class Course(NamedTuple):
    """Errors of one loss with l1 against the iteration; `convex` is the error of the convex program in the paper."""

    loss: str
    lambdas: list
    draw: Callable
    convex: float


def unit_columns(X, y, error, feature_weights=None):
    """The Problem with the columns divided by their norms; `error` is that of coefficients of X itself."""
    norms = np.linalg.norm(X, axis=0)
    return Problem(X / norms, y, lambda coef: error(coef / norms), feature_weights)


def distance(truth):
    """Relative error in the coefficients."""
    return lambda coef: np.linalg.norm(coef - truth, axis=-1) / np.linalg.norm(truth)


def corruption(rng, n_samples, share, size):
    """Normal values times `size` at a share of all places, 0 elsewhere."""
    values, count = np.zeros(n_samples), round(share * n_samples)
    values[rng.choice(n_samples, count, replace=False)] = size * rng.standard_normal(count)
    return values


class Approximation:
    """exp(-sum_k t_k / (2 d)) of d variables from polynomials on a hyperbolic cross.

    The error is that in L2, on ten random points a polynomial; R comes from a QR factorisation of polynomials and
    function there.
    """

    def __init__(self, n_dims, order, family, rng):
        self.n_dims, self.family = n_dims, family
        self.indices = hyperbolic_cross(n_dims, order)
        self.weights = intrinsic_weights(self.indices, family=family)
        R = np.linalg.qr(np.column_stack(self.at(self.points(rng, 10 * len(self.indices)))), mode="r")
        self.R, self.f = R[:, :-1], R[:, -1]

    def points(self, rng, n_points):
        """Independent points from the measure to which the polynomials are orthogonal."""
        t = rng.random((n_points, self.n_dims))
        return 2 * t - 1 if self.family == "legendre" else np.cos(np.pi * t)

    def at(self, points):
        """The polynomials (n_points, n_indices) and the function (n_points,)."""
        f = np.exp(-points.sum(axis=1) / (2 * self.n_dims))
        return polynomial_design(points, self.indices, family=self.family), f

    def error(self, coef):
        return np.linalg.norm(coef @ self.R.T - self.f, axis=-1) / np.linalg.norm(self.f)

    def draw(self, rng, n_samples, noise, share=0.0, size=0.0):
        """Noisy values at random points."""
        X, f = (part / np.sqrt(n_samples) for part in self.at(self.points(rng, n_samples)))
        direction = rng.standard_normal(n_samples)
        y = f + noise * direction / np.linalg.norm(direction) + corruption(rng, n_samples, share, size)
        return unit_columns(X, y, self.error, self.weights)


def fitted(problem, loss, penalty, lam, n_steps):
    """WeightedOMP at the lambda of the paper, whose losses are ||r||^2, ||r|| and ||r||_1."""
    alpha = lam / units(problem, loss)
    model = WeightedOMP(
        loss, penalty, alpha, feature_weights=problem.feature_weights, max_iter=n_steps, fit_intercept=False
    )
    return model.fit(problem.X, problem.y)


def units(problem, loss):
    """What a lambda of the paper is divided by."""
    m = len(problem.y)
    return {"squared": 2 * m, "sqrt": np.sqrt(m), "absolute": m}[loss]


def convex_errors(problem, loss):
    """Errors (n_lambdas,) of the convex program."""
    alphas, tol = CONVEX[loss] / units(problem, loss), 1e-9 if loss == "squared" else 1e-5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near exact fits the gap may stay at 1e-5
        _, coefs, _, _ = lasso_path(
            problem.X, problem.y, loss=loss, alphas=alphas, feature_weights=problem.feature_weights, tol=tol
        )
    return problem.error(coefs.T)


def powers(exponents):
    """0 and powers of ten."""
    return np.concatenate([[0.0], 10.0 ** np.asarray(exponents)])


def against_lambda(record, panels, *, figure, n_trials, n_steps):
    """Sweep, picture and numbers; returns {(title of the panel, name of the level): errors (n_trials, n_lambda)}."""
    errors, rows = {}, []
    for i, panel in enumerate(panels):
        for level in panel.levels:
            errors[panel.title, level.name] = table = np.empty((n_trials, len(panel.lambdas)))
            for trial in range(n_trials):
                problem = level.draw(np.random.default_rng([figure, trial]))
                for k, lam in enumerate(panel.lambdas):
                    table[trial, k] = problem.error(fitted(problem, panel.loss, panel.penalty, lam, n_steps).coef_)
            quartiles = np.quantile(table, [0.25, 0.5, 0.75], axis=0).T
            rows += [(panel.title, level.name, *row) for row in np.column_stack([panel.lambdas, quartiles])]
        record.progress(i + 1, len(panels))
    canvas, grid = plt.subplots(2, 3, figsize=(13, 7.5), sharey=True, layout="constrained")
    for axes, panel in zip(grid.flat, panels, strict=True):
        for level in panel.levels:
            _curve(axes, panel.lambdas, errors[panel.title, level.name], level)
        _ticks(axes, panel.lambdas[panel.lambdas > 0])
        axes.set(title=f'{panel.title} (loss="{panel.loss}")', yscale="log")
        axes.grid(alpha=0.25)
    for axes in grid[1]:
        axes.set_xlabel("λ of the paper")
    for axes in grid[:, 0]:
        axes.set_ylabel("relative error")
    curves = {curve.get_label(): curve for axes in grid.flat for curve in axes.get_legend_handles_labels()[0]}
    origin = ". Square: λ = 0" if any(0 in panel.lambdas for panel in panels) else ""
    note = f"Median and quartiles of {n_trials} trials. Ring: the best λ{origin}."
    canvas.legend(handles=curves.values(), ncols=len(curves), loc="outside lower center", frameon=False, title=note)
    record.picture(canvas)
    plt.close(canvas)
    record.numbers(("panel", "level", "lambda", "lower quartile", "median", "upper quartile"), rows)
    return errors


def _curve(axes, lambdas, errors, level):
    low, median, high = np.quantile(errors, [0.25, 0.5, 0.75], axis=0)
    some = lambdas > 0
    axes.plot(lambdas[some], median[some], marker=".", color=level.colour, label=level.name)
    axes.fill_between(lambdas[some], low[some], high[some], color=level.colour, alpha=0.15, linewidth=0)
    if not some.all():
        bars = np.abs(np.array([low, high]) - median)[:, ~some]
        style = {"fmt": "s", "markersize": 4, "capsize": 2, "color": level.colour}
        axes.errorbar(_origin(lambdas[some]), median[~some], bars, **style)
    best = np.argmin(median)
    place = lambdas[best] if some[best] else _origin(lambdas[some])
    axes.plot(place, median[best], marker="o", markersize=9, markerfacecolor="none", color=level.colour)


def _origin(lambdas):
    """Where 0 stands on a logarithmic axis."""
    return lambdas.min() / (lambdas.max() / lambdas.min()) ** 0.08


def _ticks(axes, lambdas):
    low, high = np.log10(lambdas.min()), np.log10(lambdas.max())
    exponents = np.arange(np.ceil(low - 1e-9), high + 1e-9).astype(int)
    exponents = exponents[:: 1 + len(exponents) // 7]
    axes.set_xscale("log")
    axes.set_xticks(10.0**exponents, [f"$10^{{{exponent}}}$" for exponent in exponents])
    axes.xaxis.set_minor_locator(plt.NullLocator())


def best(errors, lambdas):
    """The least median error and its lambda."""
    median = np.median(errors, axis=0)
    return median.min(), lambdas[np.argmin(median)]


def against_iterations(record, courses, *, figure, n_trials, n_steps, label):
    """Fits, picture and numbers: {(loss, lambda): log10 of the errors (n_trials, n_steps + 1)}, {loss: convex error}.

    The convex program has the lambda that is best on all trials; which one the paper took is not known.
    """
    logs, ends, rows = {}, {}, []
    for i, course in enumerate(courses):
        for lam in course.lambdas:
            logs[course.loss, lam] = table = np.empty((n_trials, n_steps + 1))
            for trial in range(n_trials):
                problem = course.draw(np.random.default_rng([figure, trial]))
                table[trial] = np.log10(_along_the_path(problem, course.loss, lam, n_steps))
            summary = zip(range(n_steps + 1), table.mean(axis=0), table.std(axis=0, ddof=1), strict=True)
            rows += [(course.loss, lam, step, 10**mean, std) for step, mean, std in summary]
        trials = (course.draw(np.random.default_rng([figure, trial])) for trial in range(n_trials))
        ends[course.loss] = 10 ** np.mean([np.log10(convex_errors(one, course.loss)) for one in trials], axis=0).min()
        record.progress(i + 1, len(courses))
    canvas, grid = plt.subplots(1, 3, figsize=(13, 4.4), sharey=True, layout="constrained")
    for axes, course in zip(grid, courses, strict=True):
        for lam, colour in zip(course.lambdas, ("black", "tab:blue", "tab:orange", "tab:red"), strict=True):
            mean, std = logs[course.loss, lam].mean(axis=0), logs[course.loss, lam].std(axis=0, ddof=1)
            style = "-" if lam else (0, (4, 3))
            axes.plot(10**mean, color=colour, linestyle=style, zorder=3 - bool(lam), label=f"λ = {lam:.3g}")
            band = 10 ** (mean - std), 10 ** (mean + std)
            axes.fill_between(range(n_steps + 1), *band, color=colour, alpha=0.15, linewidth=0)
        axes.axhline(ends[course.loss], color="tab:green", label="convex, best λ")
        axes.axhline(course.convex, color="tab:green", linestyle=":", label="convex (paper)")
        axes.set(title=f'{NAMES[course.loss]}-l1 (loss="{course.loss}")', yscale="log", xlabel="iteration")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=9, loc="upper right")
    grid[0].set_ylabel(label)
    note = f"Geometric mean of {n_trials} trials, ± 1 standard deviation of log10; constant after the stop."
    canvas.supxlabel(note, fontsize=10)
    record.picture(canvas)
    plt.close(canvas)
    record.numbers(("loss", "lambda", "iteration", "geometric mean error", "std of log10"), rows)
    return logs, ends


def convex_rows(record, courses, ends):
    """The errors of the convex programs beside the paper's."""
    for course in courses:
        quantity = f"{NAMES[course.loss]}, convex, best lambda: error"
        record.row(quantity, float(ends[course.loss]), course.convex)


def _along_the_path(problem, loss, lam, n_steps):
    """Errors (n_steps + 1,) from the empty support on; the last one stays."""
    model = fitted(problem, loss, "l1", lam, n_steps)
    coef = np.zeros((len(model.active_) + 1, problem.X.shape[1]))
    coef[1:, model.active_] = model.path_
    errors = problem.error(coef)
    return np.pad(errors, (0, n_steps + 1 - len(errors)), mode="edge")


def after(logs):
    """Geometric mean of the errors after the last iteration."""
    return 10 ** logs[:, -1].mean()

"""A function of many variables from few samples: weighted OMP on hyperbolic-cross polynomials beside OMP and Lasso.

f(z) = exp(-sum_k z_k / (2 d)) and f(z) = 1 / (1 + sum_k z_k^2 / k^2) of d = 8 variables, uniform samples with a little
noise. Legendre polynomials of the hyperbolic cross; the weights are their largest values, which keep wild columns out
as long as tame ones serve. No method knows the noise: weighted OMP takes its automatic strength or folds, others folds.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LassoCV

from sparsekit import OrthogonalMatchingPursuitCV, WeightedOMP, WeightedOMPCV
from sparsekit.datasets import hyperbolic_cross, intrinsic_weights, polynomial_design

TITLE = "Functions of eight variables from few samples"
ROOM = "recovery"
D, ORDER, NOISE = 8, 8, 1e-3
OPTIONS = {"fit_intercept": False, "max_iter": 40}
FUNCTIONS = {
    "exponential": lambda z: np.exp(-z.sum(axis=1) / (2 * D)),
    "rational": lambda z: 1 / (1 + (z**2 / np.arange(1, D + 1) ** 2).sum(axis=1)),
}


def methods(weights):
    return {
        "weighted OMP, auto": lambda: WeightedOMP(feature_weights=weights, fit_intercept=False),
        "weighted OMP, CV": lambda: WeightedOMPCV("squared", alphas=30, feature_weights=weights, **OPTIONS),
        "unweighted OMP, CV": lambda: OrthogonalMatchingPursuitCV(**OPTIONS),
        "Lasso, CV (scikit-learn)": lambda: LassoCV(fit_intercept=False, alphas=30, max_iter=5000),
    }


def reproduce(record, *, full):
    sizes, trials = ((50, 75, 100, 150, 200, 300, 400), 30) if full else ((60, 120, 240), 5)
    indices = hyperbolic_cross(D, ORDER)
    weights = intrinsic_weights(indices, family="legendre")
    figure, panels = plt.subplots(1, len(FUNCTIONS), figsize=(9, 3.6))
    rows = []
    for panel, (title, function) in zip(panels, FUNCTIONS.items(), strict=True):
        errors = {name: np.empty((len(sizes), trials)) for name in methods(weights)}
        for i, m in enumerate(sizes):
            for trial in range(trials):
                rng = np.random.default_rng([m, trial])
                z, fresh = rng.uniform(-1, 1, (m, D)), rng.uniform(-1, 1, (4000, D))
                X, held_out = (polynomial_design(points, indices, family="legendre") for points in (z, fresh))
                y, truth = function(z) + NOISE * rng.standard_normal(m), function(fresh)
                for name, method in methods(weights).items():
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # of the peers, about their convergence
                        model = method().fit(X, y)
                    errors[name][i, trial] = np.linalg.norm(truth - model.predict(held_out)) / np.linalg.norm(truth)
                record.progress(len(rows), 8 * len(sizes))
        for name, values in errors.items():
            panel.plot(sizes, np.median(values, axis=1), marker="o", label=name)
            rows += [(title, name, m, *values[i]) for i, m in enumerate(sizes)]
            record.row(f"relative error, {title}, {sizes[0]} samples, {name}", np.median(values[0]))
        panel.set(xlabel="samples", title=title, yscale="log")
    panels[0].set_ylabel("median relative error")
    panels[0].legend(frameon=False, fontsize=7)
    record.picture(figure)
    plt.close(figure)
    record.numbers(("function", "method", "samples", *range(trials)), rows)

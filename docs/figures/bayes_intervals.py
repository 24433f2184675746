"""Do 80 % intervals hold 80 % of new observations? Predictions with standard deviations on real data.

Diabetes progression (scikit-learn's data: 442 patients, ten measurements) and the alcohol of wines (178 wines, twelve
other measurements), both with squares and products: 65 and 90 columns. Trained on random halves of the rows, or on 50
patients, which are fewer rows than columns; counted on the rows held out. Intervals are those of the normal
distribution with the predicted mean and standard deviation. What they leave out is that columns, prior variances and
noise were themselves chosen on the same rows: methods that choose columns hold less than they promise. Targets are
standardised, for the pruning of ARDRegression depends on their units.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import ARDRegression, BayesianRidge
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sparsekit import SparseBayesianRegressor

TITLE = "Prediction intervals on real data"
ROOM = "recovery"
LEVELS = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
OURS = "SparseBayesianRegressor"
METHODS = {
    OURS: (SparseBayesianRegressor, "black", "o"),
    "ARDRegression (scikit-learn)": (ARDRegression, "tab:red", "x"),
    "BayesianRidge (scikit-learn)": (BayesianRidge, "tab:blue", "s"),
}


def diabetes():
    return load_diabetes(return_X_y=True)


def wine():
    X = load_wine().data
    return X[:, 1:], X[:, 0]


SETTINGS = {
    "diabetes, 221 of 442 rows": (diabetes, 221),
    "diabetes, 50 of 442 rows": (diabetes, 50),
    "wine, 89 of 178 rows": (wine, 89),
}


def split(load, n_train, trial):
    """Training and held-out rows with squares and products; all, the targets too, standardised by the training rows."""
    X, y = load()
    X = PolynomialFeatures(2, include_bias=False).fit_transform(StandardScaler().fit_transform(X))
    X, held_out, y, truth = train_test_split(X, y, train_size=n_train, random_state=trial)
    scaler = StandardScaler().fit(X)
    center, scale = y.mean(), y.std()
    return scaler.transform(X), (y - center) / scale, scaler.transform(held_out), (truth - center) / scale


def measured(method, X, y, held_out, truth):
    """Observed coverage at LEVELS, R^2 on held-out rows, the number of columns in use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about convergence
        model = method().fit(X, y)
    mean, std = model.predict(held_out, return_std=True)
    inside = np.abs(truth - mean) <= norm.ppf(0.5 + LEVELS[:, None] / 2) * std
    return *inside.mean(axis=1), 1 - np.mean((truth - mean) ** 2) / np.var(truth), np.count_nonzero(model.coef_)


def reproduce(record, *, full):
    n_trials = 100 if full else 20
    figure, panels = plt.subplots(1, 3, figsize=(12, 4.4), sharey=True, layout="constrained")
    rows = []
    for i, (panel, (place, setting)) in enumerate(zip(panels, SETTINGS.items(), strict=True)):
        outcomes = {name: [] for name in METHODS}
        for trial in range(n_trials):
            parts = split(*setting, trial)
            for name, (method, *_) in METHODS.items():
                outcomes[name].append(measured(method, *parts))
                rows.append((place, name, trial, *outcomes[name][-1]))
            record.progress(i * n_trials + trial + 1, len(SETTINGS) * n_trials)
        panel.plot((48, 100), (48, 100), color="gray", linestyle="--", label="calibrated")
        notes = []
        for name, (_, colour, marker) in METHODS.items():
            table = np.array(outcomes[name])
            coverage = 100 * table[:, :-2].mean(axis=0)
            panel.plot(100 * LEVELS, coverage, color=colour, marker=marker, markerfacecolor="none", label=name)
            r2, used = np.median(table[:, -2:], axis=0)
            notes.append(f"{name.split(' ')[0]}: R² {r2:.2f}, {used:.0f} columns")
            add_rows(record, f"{place}, {name}", coverage, r2, used)
        panel.text(0.98, 0.03, "\n".join(notes), transform=panel.transAxes, ha="right", va="bottom", fontsize=8)
        panel.set(xlabel="nominal coverage (%)", title=place)
        panel.grid(alpha=0.25)
    panels[0].set_ylabel(f"observed on held-out rows (%), mean of {n_trials} splits")
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=4, loc="outside lower center", frameon=False)
    record.picture(figure)
    plt.close(figure)
    record.numbers(("data", "method", "split", *LEVELS, "R2", "columns"), rows)


def add_rows(record, place, coverage, r2, used):
    for level in (0.5, 0.8, 0.95):
        record.row(f"{place}: coverage at {level:.0%} (%)", coverage[level == LEVELS][0])
    record.row(f"{place}: median R2 on held-out rows", r2)
    record.row(f"{place}: median number of columns", used)

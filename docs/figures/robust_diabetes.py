"""Gross errors in the targets: weighted OMP with the absolute loss beside least-squares methods, on real data.

The diabetes data of scikit-learn (442 patients), ten measurements with their squares and products: 65 columns. A share
of the training targets is replaced by values ten standard deviations too high, as by a wrong unit. All methods choose
their strength by cross-validation on the corrupted rows; errors are measured on clean rows that none has seen.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import HuberRegressor, LassoCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sparsekit import OrthogonalMatchingPursuitCV, WeightedOMPCV

TITLE = "Greedy regression with gross errors in the targets"
ROOM = "recovery"
METHODS = {
    "WeightedOMPCV, absolute": lambda: WeightedOMPCV("absolute", alphas=20, max_iter=20),
    "WeightedOMPCV, sqrt": lambda: WeightedOMPCV(alphas=20, max_iter=20),
    "OrthogonalMatchingPursuitCV": lambda: OrthogonalMatchingPursuitCV(max_iter=20),
    "Lasso (scikit-learn, CV)": lambda: LassoCV(alphas=20),
    "Huber (scikit-learn, all columns)": lambda: HuberRegressor(alpha=1.0, max_iter=1000),
}


def split(share, trial):
    """Standardised training and test rows; `share` of the training targets are ten standard deviations too high."""
    X, y = load_diabetes(return_X_y=True)
    X = PolynomialFeatures(2, include_bias=False).fit_transform(X)
    X, held_out, y, truth = train_test_split(X, y, test_size=0.3, random_state=trial)
    scaler, rng = StandardScaler().fit(X), np.random.default_rng(trial)
    hit = rng.choice(len(y), round(share * len(y)), replace=False)
    y[hit] += 10 * y.std()
    return scaler.transform(X), y, scaler.transform(held_out), truth


def reproduce(record, *, full):
    shares, trials = ((0, 0.05, 0.1, 0.2, 0.3), 50) if full else ((0, 0.1, 0.2), 8)
    errors = {name: np.empty((len(shares), trials)) for name in METHODS}
    counts = np.empty(trials)
    for i, share in enumerate(shares):
        for trial in range(trials):
            X, y, held_out, truth = split(share, trial)
            for name, method in METHODS.items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of the peers, about their convergence
                    model = method().fit(X, y)
                errors[name][i, trial] = np.sqrt(np.mean((truth - model.predict(held_out)) ** 2))
                if name == "WeightedOMPCV, absolute":
                    counts[trial] = model.n_nonzero_coefs_
            record.progress(i * trials + trial + 1, len(shares) * trials)
        if share == 0.2:
            record.row("columns in use with 20 % gross errors, absolute loss", np.median(counts))
    figure, axis = plt.subplots(figsize=(6, 3.8))
    for name, values in errors.items():
        axis.plot(100 * np.array(shares), np.median(values, axis=1), marker="o", label=name)
    axis.set(xlabel="training targets with gross errors (%)", ylabel="median error on clean rows (RMSE)", yscale="log")
    axis.legend(frameon=False, fontsize=8)
    record.picture(figure)
    plt.close(figure)
    for share in (0, 0.2):
        for name, values in errors.items():
            record.row(f"RMSE on clean rows, {share:.0%} gross errors, {name}", np.median(values[shares.index(share)]))
    rows = [(name, share, *values[i]) for name, values in errors.items() for i, share in enumerate(shares)]
    record.numbers(("method", "share", *range(trials)), rows)

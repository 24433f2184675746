"""Sequential attention with a linear model is OMP, as :cite:`yasuda2023` say; and OMP as a selector in a pipeline.

For a linear model the paper reduces sequential attention to the sequential Lasso: with the chosen columns
unpenalised, lower the penalty until the next column enters. Here that path is followed with scikit-learn's Lasso,
step by step, on the diabetes data with all products of two features, and compared with the order in which OMP (on
standardised columns) chooses. The picture shows a pipeline, scale -> OMP -> logistic regression, tuned by
GridSearchCV over the number of columns on the breast-cancer data, beside two selectors of scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.feature_selection import SelectFromModel, SelectKBest, f_classif
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sparsekit import OrthogonalMatchingPursuit

TITLE = "Sequential attention, linear case (Yasuda et al.): the sequential Lasso chooses as OMP does"
ROOM = "recovery"


def sequential_lasso(X, y, n_steps):
    """Columns in the order in which they enter when those before are unpenalised.

    Unpenalised columns S are projected out of X and y; the Lasso just below its largest useful penalty has one column.
    """
    chosen = []
    for _ in range(n_steps):
        Q = np.linalg.qr(X[:, chosen])[0] if chosen else np.zeros((len(y), 0))
        rest, target = X - Q @ (Q.T @ X), y - Q @ (Q.T @ y)
        rest[:, chosen] = 0
        top = np.abs(rest.T @ target).max() / len(y)
        coef = Lasso(alpha=0.9999 * top, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(rest, target).coef_
        chosen.append(int(np.argmax(np.abs(coef))))
    return chosen


def reproduce(record, *, full):
    n_steps = 40 if full else 20
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(PolynomialFeatures(2, include_bias=False).fit_transform(X))
    ours = OrthogonalMatchingPursuit(n_steps).fit(X, y).active_
    theirs = sequential_lasso(X, y - y.mean(), n_steps)
    record.row("first columns in the same order (%)", 100 * np.mean(ours == theirs), 100)

    X, y = load_breast_cancer(return_X_y=True)
    counts = [1, 2, 3, 4, 6, 8, 12, 16, 24, 30]
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    selectors = {
        "OMP": (OrthogonalMatchingPursuit(), "n_nonzero_coefs"),
        "OLS": (OrthogonalMatchingPursuit(selection="ols"), "n_nonzero_coefs"),
        "F test": (SelectKBest(f_classif), "k"),
        "Lasso": (SelectFromModel(Lasso(alpha=1e-3, max_iter=20000), threshold=-np.inf), "max_features"),
    }
    figure, axes = plt.subplots(figsize=(6, 4))
    rows = []
    for i, (name, (selector, parameter)) in enumerate(selectors.items()):
        pipeline = make_pipeline(StandardScaler(), selector, LogisticRegression(max_iter=1000))
        step = pipeline.steps[1][0]
        search = GridSearchCV(pipeline, {f"{step}__{parameter}": counts}, cv=folds).fit(X, y)
        accuracy = 100 * search.cv_results_["mean_test_score"]
        axes.plot(counts, accuracy, marker=".", label=name)
        rows += [(name, count, value) for count, value in zip(counts, accuracy, strict=True)]
        record.row(f"accuracy with 4 of 30 columns, {name} (%)", accuracy[counts.index(4)])
        record.row(f"columns that GridSearchCV chooses, {name}", search.best_params_[f"{step}__{parameter}"])
        record.progress(i + 1, len(selectors))
    axes.set(
        xlabel="columns kept", ylabel="10-fold accuracy (%)", title="breast cancer: selector, then logistic regression"
    )
    axes.legend(frameon=False)
    record.picture(figure)
    plt.close(figure)
    record.numbers(("selector", "columns", "accuracy"), rows)

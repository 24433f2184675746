"""What is correlation between targets worth? Several targets with a common support, after :cite:`zhang2011`.

100 x 250, 45 rows of coefficients that are not zero, 4 targets, 25 dB; each row is a stationary AR(1) process with the
correlation beta. The targets one by one; together without correlation, with the true one, with a learnt one; and the
mean of those who know support, correlation, prior variance and noise (the oracle). One by one, 45 non-zeros are many
for 100 samples: few coefficients are clear, the noise is taken for too large, and its rule as published does better.
"""

import matplotlib.pyplot as plt
import numpy as np

from docs.figures._sbl import Problem, conventional_em, db, fitted

TITLE = "Several targets with correlated coefficients (after Zhang and Rao, 2011)"
ROOM = "recovery"
M, N, K, T, SNR = 100, 250, 45, 4, 25
BETAS = (0, 0.5, 0.8, 0.9, 0.95, 0.99)
APART, PUBLISHED, ZERO, TRUE, LEARNT, ORACLE = (
    "targets one by one",
    "targets one by one, as published",
    "together, correlation 0 (default)",
    "together, correlation known",
    "together, correlation learnt",
    "oracle",
)
LOOKS = {
    APART: "tab:red",
    PUBLISHED: "tab:green",
    ZERO: "black",
    TRUE: "tab:blue",
    LEARNT: "tab:orange",
    ORACLE: "gray",
}
MARKERS = dict(zip(LOOKS, ("x", "v", "o", "s", "^", None), strict=True))


def draw(beta, seed):
    """A (M, N), Y (M, T), coefficients (N, T) and the variance of the noise."""
    rng = np.random.default_rng(seed)
    A, X = rng.standard_normal((M, N)) / np.sqrt(M), np.zeros((N, T))
    support, steps = rng.choice(N, K, replace=False), rng.standard_normal((K, T))
    for t in range(1, T):
        steps[:, t] = beta * steps[:, t - 1] + np.sqrt(1 - beta**2) * steps[:, t]
    X[support] = steps
    Z = A @ X
    noise = np.mean(Z**2) * 10 ** (-SNR / 10)
    return A, Z + np.sqrt(noise) * rng.standard_normal(Z.shape), X, noise


def oracle(A, Y, X, beta, noise):
    """The posterior mean on the support: targets are independent in the basis of their correlations."""
    support, lags = X.any(axis=1), np.abs(np.subtract.outer(range(T), range(T)))
    B, coef = A[:, support], np.zeros_like(X)
    scales, Q = np.linalg.eigh(float(beta) ** lags)
    scales = np.maximum(scales, 0)
    turned = [
        s * B.T @ np.linalg.solve(noise * np.eye(M) + s * B @ B.T, y) for s, y in zip(scales, (Y @ Q).T, strict=True)
    ]
    coef[support] = np.stack(turned, axis=1) @ Q.T
    return coef


def reproduce(record, *, full):
    n_trials = 50 if full else 5
    errors = {name: np.empty((len(BETAS), n_trials)) for name in LOOKS}
    learnt = np.empty((len(BETAS), n_trials))
    for i, beta in enumerate(BETAS):
        options = {APART: None, ZERO: 0.0, TRUE: float(beta), LEARNT: "learn"}
        for trial in range(n_trials):
            A, Y, X, noise = draw(beta, [trial])
            for name, correlation in options.items():
                model = fitted(A, Y, row_correlation=correlation)
                errors[name][i, trial] = db(model.coef_.T, X)
            learnt[i, trial] = model.row_correlation_
            coef = [conventional_em(Problem(A, Y[:, t], X[:, t], noise)) for t in range(T)]
            errors[PUBLISHED][i, trial] = db(np.stack(coef, axis=1), X)
            errors[ORACLE][i, trial] = db(oracle(A, Y, X, beta, noise), X)
            record.progress(i * n_trials + trial + 1, len(BETAS) * n_trials)
    medians = {name: np.median(table, axis=1) for name, table in errors.items()}
    places = np.arange(len(BETAS))
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, median in medians.items():
        style = {"color": LOOKS[name], "marker": MARKERS[name], "linestyle": "--" if name == ORACLE else "-"}
        panels[0].plot(places, median, markerfacecolor="none", label=name, **style)
    panels[0].set(ylabel=f"median NMSE of {n_trials} (dB)")
    low, middle, high = np.quantile(learnt, (0, 0.5, 1), axis=1)
    panels[1].errorbar(
        places,
        middle,
        (middle - low, high - middle),
        color=LOOKS[LEARNT],
        marker="^",
        capsize=3,
        linestyle="none",
        markerfacecolor="none",
    )
    panels[1].plot(places, BETAS, color="gray", linestyle="none", marker="_", markersize=18, label="true")
    panels[1].set(ylabel="learnt correlation: median and range")
    panels[1].legend(frameon=False, loc="lower right")
    for panel in panels:
        panel.set_xticks(places, [str(beta) for beta in BETAS])
        panel.set_xlabel("true correlation of neighbouring targets")
        panel.grid(alpha=0.25)
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=3, loc="outside lower center", frameon=False)
    record.picture(figure)
    plt.close(figure)
    for i, beta in enumerate(BETAS):
        for name in (TRUE, LEARNT):
            gains = errors[name][i] - errors[ZERO][i]
            record.row(f"beta = {beta}: NMSE over that with correlation 0 (dB), {name}", np.median(gains))
        record.row(f"beta = {beta}: learnt correlation", middle[i])
    at = BETAS.index(0.9)
    for name in (APART, PUBLISHED, ZERO, TRUE, LEARNT):
        record.row(f"beta = 0.9: NMSE over the oracle's (dB), {name}", np.median(errors[name][at] - errors[ORACLE][at]))
    rows = [
        (name, beta, *table[i]) for name, table in {**errors, "learnt": learnt}.items() for i, beta in enumerate(BETAS)
    ]
    record.numbers(("method", "beta", *range(n_trials)), rows)

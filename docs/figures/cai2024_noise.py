"""What does noise do to sparse phase retrieval? After the table of noisy measurements of :cite:`cai2024`.

n = 500, m = 600, s = 10; normal noise of standard deviation sigma |w| is added to the magnitudes, which are set to zero
where that makes them negative. The least that a method can hope for is the error of least squares by someone who knows
support and signs (the oracle), sigma sqrt(s / m) on average. HTP, CoPRAM and SPARTA have one start, and its failures
raise their medians a little. The paper's exact numbers are not at hand, so that the rows compare with the oracle.
"""

import matplotlib.pyplot as plt
import numpy as np

from docs.figures._cai2024 import DEFAULT, WITH_DEFAULT, draw, error, fitted

TITLE = "Sparse phase retrieval with noisy magnitudes (after Cai et al., 2024)"
ROOM = "recovery"
N, M, S = 500, 600, 10
SIGMAS = (0.001, 0.01, 0.05, 0.1, 0.2)
NAMES = (DEFAULT, "HTP", "CoPRAM", "SPARTA")
ORACLE = "oracle (support and signs known)"


def oracle(X, z, truth):
    coef, support = np.zeros(N), np.flatnonzero(truth)
    coef[support] = np.linalg.lstsq(X[:, support], z * np.sign(X @ truth), rcond=None)[0]
    return coef


def reproduce(record, *, full):
    n_trials = 100 if full else 15
    errors = {name: np.empty((len(SIGMAS), n_trials)) for name in (*NAMES, ORACLE)}
    trusted = np.zeros((len(SIGMAS), n_trials), bool)
    for i, sigma in enumerate(SIGMAS):
        for trial in range(n_trials):
            X, truth, rng = draw([trial], N, M, S)
            z = np.maximum(np.abs(X @ truth) + sigma * rng.standard_normal(M), 0)
            for name in NAMES:
                model = fitted(WITH_DEFAULT[name], X, z, S)
                errors[name][i, trial] = error(model.coef_, truth)
                if name == DEFAULT:
                    trusted[i, trial] = model.converged_
            errors[ORACLE][i, trial] = error(oracle(X, z, truth), truth)
            record.progress(i * n_trials + trial + 1, len(SIGMAS) * n_trials)
    medians = {name: np.median(table, axis=1) for name, table in errors.items()}
    scaled = {name: median / SIGMAS for name, median in medians.items()}
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    looks = dict(
        zip(NAMES, (("o", 4), ("s", 1.3), ("^", 1.3), ("D", 1.3)), strict=True)
    )  # the first shows below others
    for panel, lines in zip(panels, (medians, scaled), strict=True):
        panel.plot(SIGMAS, lines[ORACLE], color="gray", linestyle="--", label=ORACLE)
        for name in NAMES:
            marker, width = looks[name]
            style = {
                "color": WITH_DEFAULT[name].colour,
                "marker": marker,
                "linewidth": width,
                "markerfacecolor": "none",
            }
            panel.plot(SIGMAS, lines[name], label=name, **style)
        panel.set(xscale="log", xlabel="standard deviation of the noise, sigma")
        panel.grid(alpha=0.25)
    panels[0].set(yscale="log", ylabel=f"median relative error of {n_trials} trials")
    panels[1].set(ylim=(0, 1.1 * max(line.max() for line in scaled.values())), ylabel="median relative error / sigma")
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=5, loc="outside lower center", frameon=False)
    record.picture(figure)
    plt.close(figure)
    small = np.array(SIGMAS) <= 0.1
    for name in (*NAMES, ORACLE):
        record.row(f"median error / sigma, sigma = 0.1, {name}", scaled[name][SIGMAS.index(0.1)])
    for name in NAMES:
        spread = scaled[name][small].max() / scaled[name][small].min()
        record.row(f"median error / sigma, largest over smallest up to sigma = 0.1, {name}", spread)
    record.row("median error over the oracle's, sigma = 0.01, default", medians[DEFAULT][1] / medians[ORACLE][1])
    for sigma, share in zip(SIGMAS, trusted.mean(axis=1), strict=True):
        record.row(f"answers that the default trusts, sigma = {sigma} (%)", 100 * share)
    record.row(
        "trusted answers with an error above sigma", np.sum(trusted & (errors[DEFAULT] > np.array(SIGMAS)[:, None]))
    )
    rows = [(name, sigma, *errors[name][i]) for name in errors for i, sigma in enumerate(SIGMAS)]
    record.numbers(("method", "sigma", *range(n_trials)), rows)

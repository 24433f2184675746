"""How many measurements does sparse phase retrieval need? The experiment of the success figure of :cite:`cai2024`.

n = 1000, s = 25 (in the quick run n = 500, s = 15), no noise; success is a relative error below 1e-3, up to the sign.
Each method has one start, its own; the default of SparsePhaseRetrieval, Newton's method with up to five starts, stops
at the first answer that fits exactly, and says with converged_ whether it trusts the answer. It must never trust a
wrong one. The paper's exact numbers are not at hand, so that the rows compare the methods on the same problems.
"""

import matplotlib.pyplot as plt
import numpy as np

from docs.figures._cai2024 import DEFAULT, METHODS, RECOVERED, WITH_DEFAULT, draw, error, fitted

TITLE = "Measurements that sparse phase retrieval needs (after Cai et al., 2024)"
ROOM = "recovery"


def reproduce(record, *, full):
    n, s, n_trials = (1000, 25, 100) if full else (500, 15, 20)
    sizes = np.arange(n // 5, 6 * n // 5 + 1, n // 10 if full else n // 5)
    found = {name: np.zeros((len(sizes), n_trials), bool) for name in WITH_DEFAULT}
    trusted = np.zeros((len(sizes), n_trials), bool)
    for i, m in enumerate(sizes):
        for trial in range(n_trials):
            X, truth, _ = draw([m, trial], n, m, s)
            z = np.abs(X @ truth)
            for name, method in WITH_DEFAULT.items():
                model = fitted(method, X, z, s)
                found[name][i, trial] = error(model.coef_, truth) < RECOVERED
                if name == DEFAULT:
                    trusted[i, trial] = model.converged_
            record.progress(i * n_trials + trial + 1, len(sizes) * n_trials)
    shares = {name: 100 * hits.mean(axis=1) for name, hits in found.items()}
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for name, share in shares.items():
        width = 2.5 if name == DEFAULT else 1.5
        axes.plot(sizes, share, marker=".", color=WITH_DEFAULT[name].colour, linewidth=width, label=name)
    axes.set(xlabel="measurements m", ylabel="recovered (%)", ylim=(-3, 103), title=f"n = {n}, s = {s}, no noise")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    record.picture(figure)
    plt.close(figure)
    middle = np.argmin(np.abs(sizes - 0.6 * n))
    for name, share in shares.items():
        record.row(f"recovered with m = 0.6 n, {name} (%)", share[middle])
    single = max(shares[name][middle] for name in METHODS)
    record.row("gained over the best single start with m = 0.6 n (%)", shares[DEFAULT][middle] - single)
    record.row(f"recovered with m = 1.2 n, {DEFAULT} (%)", shares[DEFAULT][-1])
    record.row("wrong answers that the default trusts, all sizes", np.sum(trusted & ~found[DEFAULT]))
    record.row("right answers that the default does not trust, all sizes", np.sum(~trusted & found[DEFAULT]))
    rows = [(name, m, value) for name, share in shares.items() for m, value in zip(sizes, share, strict=True)]
    record.numbers(("method", "measurements", "recovered (%)"), rows)

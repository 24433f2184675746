"""Where does sparse phase retrieval succeed? Sparsity against measurements, the phase transition of :cite:`cai2024`.

Newton's method with one start and with up to five (the default of SparsePhaseRetrieval), no noise; success is a
relative error below 1e-3, up to the sign. The quick run has n = 200, --full n = 1000. Below m = 2 s the magnitudes of
real measurements do not determine s coefficients. The paper's exact numbers are not at hand, so that the rows compare
one start with five on the same problems.
"""

import matplotlib.pyplot as plt
import numpy as np

from docs.figures._cai2024 import DEFAULT, RECOVERED, WITH_DEFAULT, draw, error, fitted

TITLE = "Phase transition of sparse phase retrieval by Newton's method (after Cai et al., 2024)"
ROOM = "recovery"
ONE = "Newton"
LABELS = {ONE: "one start", DEFAULT: "up to five starts (default)"}
LINES = {ONE: ("tab:blue", "one start: half recovered"), DEFAULT: ("tab:orange", "five starts: half recovered")}


def frontier(shares, sparsities):
    """Where shares (sparsities, sizes) fall through one half, for every size; from the area below, which is steady."""
    return sparsities[0] * (0.5 + shares.sum(axis=0))  # sparsities are multiples of the first


def reproduce(record, *, full):
    n, n_trials = (1000, 50) if full else (200, 8)
    sparsities = np.arange(5, 61, 5) if full else np.arange(4, 41, 4)
    sizes = np.arange(100, 1501, 100) if full else np.arange(40, 401, 40)
    shares = {name: np.zeros((len(sparsities), len(sizes))) for name in LABELS}
    mistaken = 0
    for i, s in enumerate(sparsities):
        for j, m in enumerate(sizes):
            for trial in range(n_trials):
                X, truth, _ = draw([s, m, trial], n, m, s)
                z = np.abs(X @ truth)
                for name in LABELS:
                    model = fitted(WITH_DEFAULT[name], X, z, s)
                    found = error(model.coef_, truth) < RECOVERED
                    shares[name][i, j] += found / n_trials
                    mistaken += model.converged_ and not found
            record.progress(i * len(sizes) + j + 1, len(sparsities) * len(sizes))
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
    edges = {name: frontier(table, sparsities) for name, table in shares.items()}
    for panel, (name, label) in zip(panels, LABELS.items(), strict=True):
        image = panel.pcolormesh(sizes, sparsities, 100 * shares[name], cmap="gray", vmin=0, vmax=100)
        limits = panel.axis()
        for other, (colour, line) in LINES.items():
            edge = np.where(shares[other][-1] < 0.5, edges[other], np.nan)  # beyond the grid
            panel.plot(sizes, edge, color=colour, linewidth=2.2 if other == name else 1.2, label=line)
        panel.plot([0, *sizes], [0, *(sizes / 2)], color="tab:red", linestyle="--", label="m = 2 s")
        panel.axis(limits)
        panel.set(xlabel="measurements m", title=f"{label}, n = {n}", yticks=sparsities)
    panels[0].set_ylabel("non-zeros s")
    figure.colorbar(image, ax=panels, label="recovered (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=3, loc="outside lower center", frameon=False)
    record.picture(figure)
    plt.close(figure)
    for name, label in LABELS.items():
        half = edges[name][sizes == 6 * n // 10][0]
        record.row(f"non-zeros of which half are recovered with m = 0.6 n, {label}", half)
    for name, label in LABELS.items():
        record.row(f"recovered over the whole grid, {label} (%)", 100 * shares[name].mean())
    gained = 100 * (shares[DEFAULT] - shares[ONE]).mean()
    record.row("recovered over the whole grid, gained by five starts (%)", gained)
    record.row("wrong answers that are trusted, both, whole grid", mistaken)
    rows = [
        (label, s, m, shares[name][i, j])
        for name, label in LABELS.items()
        for i, s in enumerate(sparsities)
        for j, m in enumerate(sizes)
    ]
    record.numbers(("method", "non-zeros", "measurements", "recovered"), rows)

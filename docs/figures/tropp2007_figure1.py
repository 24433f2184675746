"""How many Gaussian measurements does OMP need? The experiment of Figure 1 of :cite:`tropp2007`.

A signal of length d = 256 has m ones; y = Phi s with N Gaussian measurements. OMP takes m steps and succeeds when it
has found the m places; the paper makes 1000 trials for each (m, N). The number to meet is the law that
:cite:`fletcher2009` proved for it later: N = 2 m ln(d - m) is enough as d grows.
"""

import matplotlib.pyplot as plt
import numpy as np

from sparsekit import orthogonal_mp

TITLE = "Measurements that OMP needs (Tropp and Gilbert, Figure 1; Fletcher and Rangan's law)"
ROOM = "recovery"
D = 256


def success(m, n_measurements, n_trials):
    """Share of trials in which all m places are found."""
    hits = 0
    for trial in range(n_trials):
        rng = np.random.default_rng([m, n_measurements, trial])
        places = rng.choice(D, m, replace=False)
        measurements = rng.standard_normal((n_measurements, D)) / np.sqrt(n_measurements)
        coef = orthogonal_mp(measurements, measurements[:, places].sum(axis=1), n_nonzero_coefs=m)
        hits += set(np.flatnonzero(coef)) == set(places)
    return hits / n_trials


def reproduce(record, *, full):
    n_trials, step = (1000, 4) if full else (80, 8)
    figure, axes = plt.subplots(figsize=(6, 4))
    rows, sparsities = [], (4, 12, 20, 28, 36)
    for i, m in enumerate(sparsities):
        law = 2 * m * np.log(D - m)
        grid = np.arange(-(-m // step) * step, min(D, 1.25 * law) + 1, step).astype(int)
        shares = [success(m, n, n_trials) for n in grid]
        rows += [(m, n, share) for n, share in zip(grid, shares, strict=True)]
        (line,) = axes.plot(grid, 100 * np.array(shares), marker=".", label=f"m = {m}")
        if law <= D:
            axes.axvline(law, color=line.get_color(), linewidth=0.8, linestyle=":")
        if shares[-1] >= 0.95:  # N cannot exceed d
            record.row(f"N for 95 % success, m = {m}", np.interp(0.95, np.maximum.accumulate(shares), grid), law)
        record.progress(i + 1, len(sparsities))
    axes.set(xlabel="measurements N", ylabel="signals recovered (%)", title="OMP, d = 256; dotted: 2 m ln(d - m)")
    axes.legend(frameon=False)
    record.picture(figure)
    plt.close(figure)
    record.numbers(("m", "N", "success"), rows)

"""Non-zeros in runs: what prior="markov" is worth. The model is that of :cite:`liu2020`, the setting ours.

256 coefficients, N(0, 1) on a support drawn from a Markov chain: 28 non-zeros in the mean, in runs of 7. Gaussian
matrices. Fewer and more samples at 20 dB, and less and more noise at 100 samples. A trial keeps its coefficients, the
rows of its matrix and its noise, up to a factor, over all values. Some trials have 10 non-zeros and some 60, so that
quartiles are far apart, and the rows compare trial by trial.

The two priors learn everything. Others are told the number of non-zeros (OMP), or the noise variance and that non-zeros
have variance 1 (the paper's variational inference, with the chain and without), or that and the support (oracle).

With Gamma(1, 1) for the precisions on the support, and next to nothing off it, what is smaller than 0.3 counts as off
the support for the paper's inference, whatever its neighbours are; its means keep it none the less.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import solve_triangular

from docs.figures._sbl import Problem, db, fitted
from sparsekit import OrthogonalMatchingPursuit
from sparsekit.recovery.support_chain import chain_marginals

TITLE = "Non-zeros in runs (model of Liu et al., 2020)"
ROOM = "recovery"
N, N_NONZERO, RUN = 256, 28, 7
PANELS = {  # label: (m, SNR in dB) of each place
    "samples at 20 dB": {m: (m, 20) for m in (60, 80, 100, 120, 150)},
    "SNR (dB) with 100 samples": {snr: (100, snr) for snr in (5, 10, 15, 20, 30)},
}
SETTINGS = tuple(dict.fromkeys(setting for places in PANELS.values() for setting in places.values()))
OFF, RARE, LIMIT = 1e-5, 1e-6, 50.0  # rate of the precisions off the support; least probability; largest log odds
MARKOV, INDEPENDENT, CHAIN, NO_CHAIN, OMP, ORACLE = (
    'prior="markov"',
    'prior="independent" (default)',
    "variational with a chain, told the noise",
    "variational without, told the noise",
    "OMP, told the number",
    "oracle",
)
LOOKS = {  # colour, marker, line
    MARKOV: ("black", "o", "-"),
    INDEPENDENT: ("tab:blue", "s", "-"),
    CHAIN: ("tab:orange", "^", "-"),
    NO_CHAIN: ("tab:green", "v", "--"),
    OMP: ("tab:red", "x", "-"),
    ORACLE: ("gray", None, "--"),
}


def draw_support(rng):
    """A stationary chain (N,) of booleans, not all of them false."""
    end, share = 1 / RUN, N_NONZERO / N
    begin = end * share / (1 - share)
    used = np.zeros(N, bool)
    while not used.any():
        used[0] = rng.random() < share
        for i in range(1, N):
            used[i] = rng.random() < (1 - end if used[i - 1] else begin)
    return used


def draw(seed):
    """A function from m and SNR to a Problem."""
    rng, most = np.random.default_rng(seed), max(m for m, _ in SETTINGS)
    x = draw_support(rng) * rng.standard_normal(N)
    A, e = rng.standard_normal((most, N)), rng.standard_normal(most)

    def problem(m, snr):
        B = A[:m] / np.sqrt(m)
        noise = np.mean((B @ x) ** 2) * 10 ** (-snr / 10)
        return Problem(B, B @ x + np.sqrt(noise) * e[:m], x, noise)

    return problem


def posterior(one, gamma):
    """Means and variances under independent prior variances."""
    scaled = one.A * np.sqrt(gamma)
    L = np.linalg.cholesky(one.noise * np.eye(len(one.y)) + scaled @ scaled.T)
    V = solve_triangular(L, np.column_stack([scaled, one.y]), lower=True, check_finite=False)
    return np.sqrt(gamma) * (V[:, :-1].T @ V[:, -1]), gamma * (1 - np.sum(V[:, :-1] ** 2, axis=0))


def variational(one, *, chain, warm=30, rounds=60):
    """Precisions ~ Gamma(1, 1) on the support and Gamma(1, OFF) off it; how often non-zeros begin and end is learnt.

    From some steps of sparse Bayesian learning: from gamma = 1 everything ends at zero.
    """
    gamma = np.ones(N)
    for _ in range(warm):
        mean, variance = posterior(one, gamma)
        gamma = mean**2 + variance
    share = N_NONZERO / N
    end = 0.25 if chain else 1 - share
    begin = end * share / (1 - share)
    for _ in range(rounds):
        odds = np.clip(-np.log(OFF) - (1 - OFF) / gamma, -LIMIT, LIMIT)
        s, (n01, n10, n0, n1) = chain_marginals(odds, begin, end)
        if chain:
            begin, end = (float(np.clip(p, RARE, 1 - RARE)) for p in (n01 / max(n0, RARE), n10 / max(n1, RARE)))
        else:
            begin = float(np.clip(s.mean(), RARE, 1 - RARE))
            end = 1 - begin
        mean, variance = posterior(one, gamma)
        gamma = (s + (1 - s) * OFF + (mean**2 + variance) / 2) / 1.5
    return mean


def pursuit(one):
    n_nonzero = min(np.count_nonzero(one.x), len(one.y))
    return OrthogonalMatchingPursuit(n_nonzero, fit_intercept=False).fit(one.A, one.y).coef_


METHODS = {
    MARKOV: lambda one: fitted(one.A, one.y, prior="markov").coef_,
    INDEPENDENT: lambda one: fitted(one.A, one.y).coef_,
    CHAIN: lambda one: variational(one, chain=True),
    NO_CHAIN: lambda one: variational(one, chain=False),
    OMP: pursuit,
    ORACLE: lambda one: posterior(one, (one.x != 0).astype(float))[0],
}


def measure(record, n_trials):
    """Errors in dB {(setting, method): (n_trials,)}."""
    errors = {(setting, name): np.zeros(n_trials) for setting in SETTINGS for name in METHODS}
    for trial in range(n_trials):
        problem = draw([trial])
        for setting in SETTINGS:
            one = problem(*setting)
            for name, method in METHODS.items():
                errors[setting, name][trial] = db(method(one), one.x)
        record.progress(trial + 1, n_trials)
    return errors


def draw_panels(errors, n_trials):
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True, layout="constrained")
    for axis, (label, places) in zip(axes, PANELS.items(), strict=True):
        for name, (colour, marker, line) in LOOKS.items():
            low, middle, high = np.quantile([errors[at, name] for at in places.values()], (0.25, 0.5, 0.75), axis=1)
            style = {"color": colour, "marker": marker, "linestyle": line, "markerfacecolor": "none"}
            axis.plot(list(places), middle, label=name, **style)
            if name in (MARKOV, INDEPENDENT):
                axis.fill_between(list(places), low, high, color=colour, alpha=0.12, linewidth=0)
        axis.set(xlabel=label, xticks=list(places))
        axis.grid(alpha=0.25)
    axes[0].set_ylabel(f"NMSE (dB), median of {n_trials};\nbands: quartiles of the two priors")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside lower center", frameon=False)
    return figure


def reproduce(record, *, full):
    n_trials = 100 if full else 10
    errors = measure(record, n_trials)
    figure = draw_panels(errors, n_trials)
    record.picture(figure)
    plt.close(figure)

    def gap(setting, name, other):
        return errors[setting, name] - errors[setting, other]

    for m, snr in SETTINGS:
        where, setting = f"m = {m}, {snr} dB", (m, snr)
        for name in (MARKOV, INDEPENDENT):
            record.row(f"{where}: NMSE (dB), {name}", np.median(errors[setting, name]))
        record.row(
            f"{where}: NMSE of markov over that of independent (dB)", np.median(gap(setting, MARKOV, INDEPENDENT))
        )
    for name in (MARKOV, INDEPENDENT, CHAIN, OMP):
        mean = np.mean([gap(setting, name, ORACLE) for setting in SETTINGS])
        record.row(f"all settings: mean NMSE over the oracle's (dB), {name}", mean)
    mean = np.mean([gap(setting, MARKOV, INDEPENDENT) for setting in SETTINGS])
    record.row("all settings: mean NMSE of markov over that of independent (dB)", mean)
    mean = np.mean([gap(setting, CHAIN, NO_CHAIN) for setting in SETTINGS])
    record.row("all settings: mean NMSE of variational inference with a chain over that without (dB)", mean)
    rows = [(*setting, name, *table) for (setting, name), table in errors.items()]
    record.numbers(("samples", "snr_db", "method", *range(n_trials)), rows)

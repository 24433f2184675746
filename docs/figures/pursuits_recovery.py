"""How sparse must a signal be? Recovery by MP, OMP and OLS against the number of non-zeros.

Two designs of 100 x 200: Gaussian, and Gaussian with a common component in all columns (coherent: the case in which
OLS is worth its price, after Soussen et al., 2013). Normal coefficients, no noise; success is a relative error below
1e-4. MP, which never refits, gets ten steps a non-zero and succeeds when its largest coefficients stand at the right
places.
"""

import matplotlib.pyplot as plt
import numpy as np

from sparsekit import MatchingPursuit, orthogonal_mp

TITLE = "Recovery by MP, OMP and OLS against sparsity"
ROOM = "recovery"
M, N = 100, 200


def problem(rng, common, n_nonzero):
    """Unit columns (M, N) with a common component, and a sparse truth (N,)."""
    X = rng.standard_normal((M, N)) + common
    X /= np.linalg.norm(X, axis=0)
    truth = np.zeros(N)
    truth[rng.choice(N, n_nonzero, replace=False)] = rng.standard_normal(n_nonzero)
    return X, truth


def found(method, X, truth):
    y, s = X @ truth, np.count_nonzero(truth)
    if method == "mp":
        coef = MatchingPursuit(n_nonzero_coefs=10 * s, fit_intercept=False).fit(X, y).coef_
        return set(np.argsort(-np.abs(coef))[:s]) == set(np.flatnonzero(truth))
    coef = orthogonal_mp(X, y, n_nonzero_coefs=s, selection=method)
    return np.linalg.norm(coef - truth) < 1e-4 * np.linalg.norm(truth)


def reproduce(record, *, full):
    n_trials, sparsities = (500, range(2, 61, 2)) if full else (60, range(4, 61, 8))
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    rows = []
    designs = {"Gaussian": 0.0, "coherent": 3.0}
    for panel, (name, common) in zip(panels, designs.items(), strict=True):
        shares = {method: [] for method in ("mp", "omp", "ols")}
        for s in sparsities:
            problems = [problem(np.random.default_rng([s, trial]), common, s) for trial in range(n_trials)]
            for method, share in shares.items():
                share.append(np.mean([found(method, *one) for one in problems]))
                rows.append((name, s, method, share[-1]))
            record.progress(len(rows), 2 * 3 * len(sparsities))
        half = {}
        for method, share in shares.items():
            panel.plot(sparsities, 100 * np.array(share), marker=".", label=method.upper())
            half[method] = np.interp(-0.5, -np.minimum.accumulate(share), sparsities)
            record.row(f"non-zeros at 50 % success, {name}, {method.upper()}", half[method])
        record.row(f"non-zeros that OLS gains over OMP, {name}", half["ols"] - half["omp"])
        panel.set(xlabel="non-zeros", title=f"{name} design, {M} x {N}")
    panels[0].set_ylabel("recovered (%)")
    panels[0].legend(frameon=False)
    record.picture(figure)
    plt.close(figure)
    record.numbers(("design", "non-zeros", "method", "success"), rows)

"""Six weighted OMPs on Gaussian designs: the best lambda, and whom the noise moves. Figure 1 of :cite:`taheri2023`.

10 normal coefficients, 150 x 300 unit columns, at most 30 steps. The least-squares losses get noise of norm 0.001 to
0.1; least absolute deviations get 0.001 and corrupted entries, 100 times a normal value. What is ours in "our rule"
stands in _taheri2023.py.
"""

import numpy as np

from docs.figures._taheri2023 import (
    CORRUPTED,
    NOISE,
    Level,
    Panel,
    Problem,
    against_lambda,
    best,
    corruption,
    distance,
    powers,
)
from sparsekit.datasets import make_sparse_signal

TITLE = "Error against lambda, Gaussian designs (Mohammad-Taheri and Brugiapaglia, Figure 1)"
ROOM = "recovery"
M, N, S, N_STEPS = 150, 300, 10, 30
PAPER = {  # least median error at each level
    "LASSO-l0": (8.5e-5, 7.8e-4, 9.1e-3),
    "LASSO-l1": (8.9e-5, 8.1e-4, 9.7e-3),
    "SR-LASSO-l0": (8.4e-5, 8.6e-4, 8.2e-3),
    "SR-LASSO-l1": (8.4e-5, 9.0e-4, 8.7e-3),
    "LAD-LASSO-l1": (9.3e-5, 1.13e-4, 1.09e-4, 1.5e-4),
}
PAPER_LAMBDA = {
    "LASSO-l1": (3.2e-4, 3.2e-3, 3.2e-2),
    "SR-LASSO-l1": (0.178, 0.178, 0.178),
    "LAD-LASSO-l1": (1.78, 1.78, 1.78, 1.78),
}
PAPER_OVERFIT = (3.3e-4, 3.3e-3, 3.3e-2)
QUICK = {  # exponents of lambda
    "LASSO-l0": (-6, -5, -4, -3, -1),
    "LASSO-l1": (-4.5, -3.5, -2.5, -1.5, -0.5),
    "SR-LASSO-l0": (-4.25, -3.25, -2.25, -1.25, -0.25),
    "SR-LASSO-l1": (-2.25, -1.25, -1, -0.75, -0.5, -0.25),
    "LAD-LASSO-l0": (-3, -1, 0, 1),
    "LAD-LASSO-l1": (-1.25, -0.25, 0, 0.25, 0.5),
}


def draw(noise, share=0.0):
    def problem(rng):
        X, y, truth = make_sparse_signal(M, N, S, noise=noise, rng=rng)
        return Problem(X, y + corruption(rng, M, share, 100), distance(truth))

    return problem


def reproduce(record, *, full):
    noisy = [Level(f"noise {eta:g}", NOISE[eta], draw(eta)) for eta in (1e-3, 1e-2, 1e-1)]
    corrupt = [Level(f"{100 * share:g} % corrupted", CORRUPTED[share], draw(1e-3, share)) for share in CORRUPTED]
    panels = []
    for penalty in ("l0", "l1"):
        for loss, levels in (("squared", noisy), ("sqrt", noisy), ("absolute", corrupt)):
            panel = Panel(loss, penalty, None, levels)
            exponents = np.arange(-8, 2.1, 0.25) + (loss == "absolute") if full else QUICK[panel.title]
            panels.append(panel._replace(lambdas=powers(exponents)))
    errors = against_lambda(record, panels, figure=1, n_trials=30 if full else 20, n_steps=N_STEPS)
    for panel in panels:
        for level, paper in zip(panel.levels, PAPER.get(panel.title, ()), strict=False):
            error, _ = best(errors[panel.title, level.name], panel.lambdas)
            record.row(f"{panel.title}, {level.name}: least error (our rule)", error, paper)
        for level, paper in zip(panel.levels, PAPER_LAMBDA.get(panel.title, ()), strict=False):
            _, lam = best(errors[panel.title, level.name], panel.lambdas)
            record.row(f"{panel.title}, {level.name}: best lambda (our rule)", lam, paper)
    for level, paper in zip(noisy, PAPER_OVERFIT, strict=True):
        record.row(
            f"{level.name}, lambda = 0: error (our rule)", np.median(errors["LASSO-l1", level.name][:, 0]), paper
        )

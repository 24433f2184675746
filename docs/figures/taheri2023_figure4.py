"""Three weighted OMPs with l1 step by step, Gaussian designs. Figure 4 of :cite:`taheri2023`.

15 normal coefficients, 100 x 200 unit columns, noise of norm 0.001, up to 150 steps; for least absolute deviations 5 %
are corrupted, 100 times a normal value. What is ours in "our rule" stands in _taheri2023.py.

At lambda = 0 the paper goes on beyond the 100 columns that fit everything, where the least-squares solution is no
longer unique, and ends at an error of 1.65; WeightedOMP stops at the exact fit.
"""

from docs.figures._taheri2023 import (
    NAMES,
    Course,
    Problem,
    after,
    against_iterations,
    convex_rows,
    corruption,
    distance,
)
from sparsekit.datasets import make_sparse_signal

TITLE = "Error step by step, Gaussian designs (Mohammad-Taheri and Brugiapaglia, Figure 4)"
ROOM = "recovery"
M, N, S, N_STEPS = 100, 200, 15, 150
COURSES = {  # lambdas, share of corrupted entries, error of the convex program in the paper
    "squared": ([0.0, 1e-5, 1e-3, 1e-1], 0.0, 2.7e-4),
    "sqrt": ([0.0, 0.0889, 0.158, 0.281], 0.0, 2.65e-4),
    "absolute": ([0.0, 0.1, 1.0, 10.0], 0.05, 4.1e-4),
}
PAPER = {("squared", 1e-3): 1.04e-4, ("sqrt", 0.158): 1.17e-4, ("absolute", 1.0): 2.5e-4, ("squared", 0.0): 1.65}


def draw(share):
    def problem(rng):
        X, y, truth = make_sparse_signal(M, N, S, noise=1e-3, rng=rng)
        return Problem(X, y + corruption(rng, M, share, 100), distance(truth))

    return problem


def reproduce(record, *, full):
    courses = [Course(loss, lambdas, draw(share), convex) for loss, (lambdas, share, convex) in COURSES.items()]
    logs, ends = against_iterations(
        record, courses, figure=4, n_trials=30 if full else 20, n_steps=N_STEPS, label="relative error"
    )
    for (loss, lam), paper in PAPER.items():
        record.row(f"{NAMES[loss]}-l1, lambda {lam:g}: error after 150 steps (our rule)", after(logs[loss, lam]), paper)
    convex_rows(record, courses, ends)

"""How often sparse phase retrieval succeeds, n = 1000 and s = 25, and whether `converged_` can be trusted."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import warnings

import numpy as np

from sparsekit import SparsePhaseRetrieval

N, S, TRIALS = 1000, 25, 100
MEASUREMENTS = (300, 500, 700)
IMPOSSIBLE = (40, 60)  # fewer than 2 s, and hardly more
FIRST_ORDER = {"max_iter": 1000}
METHODS = {
    "Newton, five starts": {},
    "Newton, five anchored starts": {"init": "anchored"},
    "Newton, one start": {"n_starts": 1},
    "Newton, one anchored start": {"n_starts": 1, "init": "anchored"},
    "hard thresholding pursuit, one start": {"solver": "htp", "n_starts": 1},
    "CoPRAM, one start": {"solver": "copram", "n_starts": 1},
    "SPARTA, one start": {"solver": "sparta", "n_starts": 1} | FIRST_ORDER,
    "thresholded Wirtinger flow, one start": {"solver": "thwf", "n_starts": 1} | FIRST_ORDER,
    "hard thresholding pursuit, five starts": {"solver": "htp"},
    "SPARTA, five starts": {"solver": "sparta"} | FIRST_ORDER,
}


def problem(m, trial):
    """Gaussian A, x with Gaussian non-zeros."""
    rng = np.random.default_rng([m, trial])
    A, x = rng.standard_normal((m, N)), np.zeros(N)
    x[rng.choice(N, S, replace=False)] = rng.standard_normal(S)
    return A, np.abs(A @ x), x


def error(coef, x):
    """Relative, up to the sign."""
    return min(np.linalg.norm(coef - x), np.linalg.norm(coef + x)) / np.linalg.norm(x)


def outcomes(m, methods, trials):
    """(success, converged_ although wrong) for each method and trial."""
    found = {name: [] for name in methods}
    for trial in range(trials):
        A, z, x = problem(m, trial)
        for name, options in methods.items():
            model = SparsePhaseRetrieval(S, random_state=0, **options).fit(A, z)
            success = error(model.coef_, x) < 1e-3
            found[name].append((success, model.converged_ and not success))
    return {name: np.array(each) for name, each in found.items()}


def masked_fourier(rng, m, n, n_masks):
    """Random rows of a Fourier transform behind masks of random phases."""
    rows = rng.choice(n_masks * n, m, replace=False)
    phases = np.exp(2j * np.pi * rng.random((n_masks, n)))
    frequencies = np.outer(rows % n, np.arange(n))
    return np.exp(-2j * np.pi * (frequencies % n) / n) * phases[rows // n]


def complex_trials(n_masks, m=700, n=500, s=12):
    """Complex coefficients, Gaussian X (no masks) or masked Fourier transforms; all options at their defaults."""
    outcomes = []
    for trial in range(TRIALS):
        rng = np.random.default_rng([n_masks, trial])
        x = np.zeros(n, complex)
        x[rng.choice(n, s, replace=False)] = rng.standard_normal(s) + 1j * rng.standard_normal(s)
        A = rng.standard_normal((m, 2 * n)).view(complex) if n_masks == 0 else masked_fourier(rng, m, n, n_masks)
        model = SparsePhaseRetrieval(s, random_state=0).fit(A, np.abs(A @ x))
        turn = np.vdot(model.coef_, x)
        distance = np.linalg.norm(model.coef_ * turn / abs(turn) - x) / np.linalg.norm(x)
        outcomes.append((distance < 1e-6, model.converged_ and distance > 1e-3, model.n_iter_))
    success, false, iterations = np.array(outcomes).T
    return {
        "program": f"{n_masks} masks" if n_masks else "complex Gaussian",
        "success": success.mean(),
        "falsely_converged": int(false.sum()),
        "median_iterations": np.median(iterations[success == 1]),
    }


def main():
    warnings.simplefilter("ignore")  # most of these fits fail, and say so
    rows = [complex_trials(n_masks) for n_masks in (0, 2, 4, 8)]
    harness.keep("complex phase retrieval, n 500, m 700, s 12, 100 trials each", rows)
    by_m = {m: outcomes(m, METHODS, TRIALS) for m in MEASUREMENTS}
    rows = [
        {"program": name, **{f"m_{m}": by_m[m][name][:, 0].mean() for m in MEASUREMENTS}}
        | {"falsely_converged": int(sum(by_m[m][name][:, 1].sum() for m in MEASUREMENTS))}
        for name in METHODS
    ]
    harness.keep("phase retrieval, share of successes, n 1000, s 25, 100 trials each", rows)
    default = {"Newton, five starts": {}}
    impossible = [outcomes(m, default, TRIALS // 2)["Newton, five starts"] for m in IMPOSSIBLE]
    false = [by_m[700]["Newton, five starts"][:, 1], by_m[300]["Newton, five starts"][:, 1]]
    false = np.concatenate([*false, *(each[:, 1] for each in impossible)])
    single = max(row["m_500"] for row in rows if row["program"].endswith("one start"))
    print(f"success at m = 500 above the best published single start: {rows[0]['m_500'] - single:.2f} (target 0.15)")
    print(f"false converged_ in {len(false)} easy, hard and impossible runs: {false.sum()} (target 0)")


if __name__ == "__main__":
    main()

"""The LASSO on text against celer, skglm and scikit-learn: one strength from nothing, a path, and the very first call.

Text: the sublinear TF-IDF weights of words in the entries of WordNet 3.0, 116,659 x 55,225. The target is the weight of
one word, the columns are the other words, as when the neighbours of a word in a graph are chosen. `fresh_ms` is the
first call in a new process without compiled kernels on disk, `again_ms` the same in the next process; imports and data
do not count. The other designs are those of lasso_path.py. Every program gets the loosest tolerance that leaves no
relative gap above 1e-6.
"""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import lasso_path as designs
import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "ann" / "wordnet_tfidf_sparse.npz"
WORD = "genus"  # in 4,560 entries, and what it goes with is known
PROGRAMS = {
    "lasso_path": designs.ours,
    "celer": designs.celer,
    "skglm": designs.skglm,
    "scikit-learn": designs.scikit_learn,
}
COLD = (0.1, 0.01)  # of the smallest strength at which nothing is selected
PATH = 0.01, 20
NAMES = "text", "dense", "sparse"


def text(path, step=1):
    """Words but one, that one less its mean; columns that are empty in the rows are left out."""
    with np.load(path, allow_pickle=False) as file:
        shape = len(file["base_indptr"]) - 1, int(file["n_features"])
        X = csr_matrix((file["base_data"], file["base_indices"], file["base_indptr"]), shape=shape)
        word = int(np.flatnonzero(file["vocab"] == WORD)[0])
    X = csc_matrix(X[::step], dtype=np.float64)
    y = X[:, [word]].toarray()[:, 0]
    used = np.diff(X.indptr) > 0
    used[word] = False
    return X[:, np.flatnonzero(used)], y - y.mean()


def problem(name, options):
    if name == "text":
        return text(options.data, 20 if options.small else 1)
    if name == "dense":
        return designs.dense(100, 1000, 20) if options.small else designs.dense()
    return designs.sparse(2000, 10_000, 100) if options.small else designs.sparse()


def strengths(X, y, shares):
    return np.abs(X.T @ y).max() / len(y) * np.asarray(shares)


def first_call(options):
    """Called in a new process: seconds of the first call."""
    name, label, tol, *shares = options.first_call
    X, y = problem(name, options)
    alphas = strengths(X, y, [float(share) for share in shares])
    start = time.perf_counter()
    PROGRAMS[label](X, y, alphas, float(tol))
    print(time.perf_counter() - start)


def fresh(name, label, tol, shares, options):
    """Milliseconds of the first calls in two new processes, the first of which finds no compiled kernels."""
    command = [sys.executable, __file__, "--data", str(options.data), *(["--small"] if options.small else [])]
    command += ["--first-call", name, label, repr(tol), *map(repr, map(float, shares))]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        runs = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)]
    return [1e3 * float(run.stdout.split()[-1]) for run in runs]


def compare(work, name, X, y, shares, options):
    alphas, contestants, first = strengths(X, y, shares), {}, {}
    for label, program in PROGRAMS.items():
        tol = designs.loosest(program, X, y, alphas)
        if tol is None:
            print(f"{work}: {label} leaves gaps above {designs.GAP} at all tolerances")
            continue
        title = f"{label}, tol {tol:.0e}"
        first[title] = fresh(name, label, float(tol), shares, options)
        contestants[title] = lambda p=program, t=tol, title=title: (title, p(X, y, alphas, t))
    ours = next(iter(contestants))

    def quality(result):
        title, coefs = result
        fresh_ms, again_ms = first[title]
        return {
            "fresh_ms": fresh_ms,
            "again_ms": again_ms,
            "largest_gap": designs.gaps(X, y, alphas, coefs).max(),
            "nonzero": np.count_nonzero(coefs[:, -1]),
        }

    ratios = harness.compare(work, contestants, quality, ours=ours, repeats=options.repeats)
    others = [ratio for title, ratio in ratios.items() if title != ours]
    fresh_others = [times[0] for title, times in first.items() if title != ours]
    if others:
        print(f"{1 / min(others):.2f} times the fastest peer, {first[ours][0] / min(fresh_others):.2f} when fresh")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="a twentieth of the data, to see that it runs")
    parser.add_argument("--data", type=Path, default=DATA, help="wordnet_tfidf_sparse.npz")
    parser.add_argument("--only", choices=NAMES, nargs="+", default=NAMES)
    parser.add_argument("--first-call", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of programs that do not reach a tolerance that is tried
    if options.first_call:
        first_call(options)
        return
    for name in options.only:
        if name == "text" and not options.data.exists():
            print(f"{options.data} is not there: text is left out (--data)")
            continue
        X, y = problem(name, options)
        size = f"{name} {X.shape[0]:,} x {X.shape[1]:,}"
        for share in COLD:
            compare(f"LASSO first call, {size}, {share} of the largest strength", name, X, y, [share], options)
        if name == "text":
            compare(f"LASSO path, {size}, {PATH[1]} strengths", name, X, y, np.geomspace(1, *PATH), options)


if __name__ == "__main__":
    main()

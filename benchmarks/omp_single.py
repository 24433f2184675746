"""One target: 50 columns of a dense 1000 x 5000, and 100 columns of a sparse 20,000 x 100,000 by its peak memory."""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import json
import subprocess
import sys
from functools import cache
from unittest import mock

import numpy as np
import spams
from sklearn.linear_model import orthogonal_mp as scikit_learn_omp

from sparsekit import OrthogonalMatchingPursuit, orthogonal_mp
from sparsekit.datasets import make_sparse_signal
from sparsekit.recovery import omp

K = 50

SPARSE = """
import json, sys
from pathlib import Path
import numpy as np
from scipy.sparse import random_array
from sparsekit import orthogonal_mp

def megabytes(field):  # of this process, from the kernel's own count
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024

X = random_array((20_000, 100_000), density=1e-3, format=sys.argv[1], rng=0)
y = X[:, :100] @ np.random.default_rng(0).standard_normal(100)
orthogonal_mp(X[:100, :200], y[:100], n_nonzero_coefs=2)
Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
before = megabytes("VmRSS")
coef = orthogonal_mp(X, y, n_nonzero_coefs=100)
size = (X.data.nbytes + X.indices.nbytes + X.indptr.nbytes) / 2**20
print(json.dumps({"X (MB)": size, "added peak (MB)": megabytes("VmHWM") - before, "chosen": int((coef != 0).sum())}))
"""


def plain(X, y):
    """Our own float64 path: a product with all columns at every step."""
    with mock.patch.object(omp, "_screen", return_value=None):
        return orthogonal_mp(X, y, n_nonzero_coefs=K)


def dense():
    X, y, truth = make_sparse_signal(1000, 5000, K, noise=0.1, rng=0)
    X = np.asfortranarray(X)
    target, support = np.asfortranarray(y[:, None]), cache(lambda: plain(X, y) != 0)

    def quality(coef):
        coef = np.asarray(coef.todense()).ravel() if hasattr(coef, "todense") else coef
        return {
            "same support": np.array_equal(coef != 0, support()),
            "true columns": np.count_nonzero(truth[coef != 0]),
            "residual": np.linalg.norm(y - X @ coef),
        }

    harness.compare(
        "one target, 1000 x 5000, 50 atoms",
        {
            "sparsekit": lambda: orthogonal_mp(X, y, n_nonzero_coefs=K),
            "sparsekit estimator, with intercept": lambda: OrthogonalMatchingPursuit(K).fit(X, y).coef_,
            "sparsekit without 8-bit copies": lambda: plain(X, y),
            "sparsekit ols": lambda: orthogonal_mp(X, y, n_nonzero_coefs=K, selection="ols"),
            "spams (ols)": lambda: spams.omp(target, X, L=K, eps=0.0, numThreads=1),
            "scikit-learn": lambda: scikit_learn_omp(X, y, n_nonzero_coefs=K),
        },
        quality,
        ours="sparsekit",
        repeats=9,
    )


def sparse():
    rows = []
    for layout in ("csr", "csc"):
        run = subprocess.run([sys.executable, "-c", SPARSE, layout], check=True, capture_output=True, text=True)
        found = json.loads(run.stdout)
        total = (found["X (MB)"] + found["added peak (MB)"]) / found["X (MB)"]
        rows.append({"program": f"sparsekit, X in {layout}", **found, "X and pursuit over X": total})
    harness.keep("memory, one target, sparse 20,000 x 100,000, density 1e-3, 100 atoms", rows)


if __name__ == "__main__":
    dense()
    sparse()

"""Sparse codes of 10,000 signals: sparsekit, scikit-learn and spams.

spams.omp selects by the largest decrease of the residual, which is orthogonal least squares: it stands beside
method="ols".
"""

from functools import cache

import harness
import numpy as np
import spams
from scipy.sparse import issparse
from sklearn.decomposition import SparseCoder
from sklearn.feature_extraction.image import extract_patches_2d

from sparsekit import PursuitCoder
from sparsekit.datasets import load_camera


def synthetic(rng, n_signals=10_000, n_atoms=256, n_features=64, n_nonzero=5):
    """Random atoms; signals of five atoms with normal coefficients and some noise."""
    atoms = rng.standard_normal((n_atoms, n_features))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = np.zeros((n_signals, n_atoms))
    for row in codes:
        row[rng.choice(n_atoms, n_nonzero, replace=False)] = rng.standard_normal(n_nonzero)
    return atoms, codes @ atoms + 0.01 * rng.standard_normal((n_signals, n_features))


def patches(rng, n_signals=10_000, n_atoms=256):
    """8 x 8 patches of a photograph, centred; 256 other patches as atoms."""
    found = extract_patches_2d(load_camera(), (8, 8), max_patches=n_signals + 2 * n_atoms, random_state=0)
    found = found.reshape(len(found), -1).astype(float)
    found -= found.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(found, axis=1)
    atoms = found[lengths > 10][:n_atoms]
    return atoms / np.linalg.norm(atoms, axis=1, keepdims=True), np.ascontiguousarray(found[-n_signals:])


def race(work, atoms, signals, k, repeats):
    columns, targets = np.asfortranarray(atoms.T), np.asfortranarray(signals.T)

    def coder(method, n_jobs=1):
        return lambda: PursuitCoder(atoms, method=method, n_nonzero_coefs=k, n_jobs=n_jobs).fit_transform(signals)

    references = cache(lambda: [coder(method)().toarray() != 0 for method in ("omp", "ols")])

    def quality(codes):
        codes = codes.T if codes.shape[0] == len(atoms) else codes
        codes = codes.toarray() if issparse(codes) else codes
        same = [100 * np.mean(((codes != 0) == ours).all(axis=1)) for ours in references()]
        residual = np.linalg.norm(signals - codes @ atoms, axis=1).mean()
        return {"mean residual": residual, "% supports as omp": same[0], "% supports as ols": same[1]}

    return harness.compare(
        work,
        {
            "sparsekit omp": coder("omp"),
            "sparsekit ols": coder("ols"),
            "sparsekit omp, 2 threads": coder("omp", 2),
            "spams (ols)": lambda: spams.omp(targets, columns, L=k, eps=0.0, numThreads=1),
            "scikit-learn (omp)": lambda: SparseCoder(
                atoms, transform_algorithm="omp", transform_n_nonzero_coefs=k
            ).fit_transform(signals),
        },
        quality,
        ours="sparsekit omp",
        repeats=repeats,
    )


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    race("batch OMP, 10,000 signals, 64 x 256, 5 atoms", *synthetic(rng), 5, repeats=7)
    race("batch OMP, 10,000 image patches, 64 x 256, 8 atoms", *patches(rng), 8, repeats=5)

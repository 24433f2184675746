"""Sparse codes of natural image patches: error against the number of atoms in use, for four penalties.

After "Beyond l1 sparse coding in V1" (PLoS Computational Biology, 2023), which finds that codes with CEL0, l0 and
l_half penalties need up to ten times fewer atoms than l1 codes of the same error. Its patches and dictionary could not
be had. Here: 8 x 8 patches of one photograph, whitened by the covariance of the patches of its left half, from which
scikit-learn learns 128 atoms of unit length as well. Patches of the right half, of one length, are coded with strengths
at which an atom alone stays out up to the same correlation for all penalties. The error is what is left of a patch,
||x - D z||^2 / ||x||^2.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.feature_extraction.image import extract_patches_2d

from sparsekit import PenalizedRegressor, WeightedLasso
from sparsekit.datasets import load_camera

TITLE = "Sparse codes of image patches beyond l1 (after the V1 study of 2023)"
ROOM = "recovery"
SIDE, ATOMS = 8, 128
PENALTIES = ("l1", "cel0", "l0", "l_half")
ERRORS = (0.1, 0.2, 0.3)


def patches_of(image, count, seed):
    patches = extract_patches_2d(image, (SIDE, SIDE), max_patches=count, random_state=seed).reshape(count, -1)
    return patches - patches.mean(axis=1, keepdims=True)


def whitening(patches):
    """The symmetric root of the inverse covariance of patches without their means, regularised."""
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    return (vectors[:, 1:] / np.sqrt(values[1:] + 1e-3 * values.max())) @ vectors[:, 1:].T


def model_for(penalty, threshold):
    """The estimator at whose strength an atom of unit length stays out up to this correlation."""
    m = SIDE**2
    options = {"fit_intercept": False, "tol": 1e-4}
    if penalty == "l1":
        return WeightedLasso(threshold / m, **options)
    strength = (threshold / 1.5) ** 1.5 if penalty == "l_half" else threshold**2 / 2
    return PenalizedRegressor(penalty, strength / m, **options)


def curve(penalty, thresholds, patches, dictionary, progress):
    """Mean number of atoms and mean error (n_thresholds,) each."""
    counts, errors = np.empty((2, len(thresholds), len(patches)))
    for i, threshold in enumerate(thresholds):
        model = model_for(penalty, threshold)
        for j, x in enumerate(patches):
            code = model.fit(dictionary, x).coef_
            counts[i, j] = np.count_nonzero(code)
            errors[i, j] = np.square(x - dictionary @ code).sum() / np.square(x).sum()
        progress()
    return counts.mean(axis=1), errors.mean(axis=1)


def atoms_at(error, curve_of_penalty):
    """Number of atoms at an error, between the strengths."""
    counts, errors = curve_of_penalty
    return float(np.interp(error, errors[::-1], counts[::-1]))


def reproduce(record, *, full):
    image = load_camera().astype(float)
    n_training, n_patches, n_strengths = (50000, 500, 20) if full else (10000, 40, 12)
    training = patches_of(image[:, :256], n_training, 0)
    white = whitening(training)
    learner = MiniBatchDictionaryLearning(ATOMS, alpha=1.0, batch_size=256, max_iter=20 if full else 6, random_state=0)
    dictionary = learner.fit(training @ white).components_.T
    dictionary = dictionary / np.linalg.norm(dictionary, axis=0)
    patches = patches_of(image[:, 256:], n_patches, 1) @ white
    patches *= SIDE / np.linalg.norm(patches, axis=1, keepdims=True)
    thresholds = SIDE * np.geomspace(0.7, 0.02, n_strengths)
    done = [0]

    def progress():
        done[0] += 1
        record.progress(done[0], len(PENALTIES) * n_strengths)

    curves = {penalty: curve(penalty, thresholds, patches, dictionary, progress) for penalty in PENALTIES}
    for error in ERRORS:
        for penalty in PENALTIES:
            record.row(f"atoms per patch at {error:.0%} error, {penalty}", atoms_at(error, curves[penalty]))
        for penalty in PENALTIES[1:]:
            ratio = atoms_at(error, curves["l1"]) / atoms_at(error, curves[penalty])
            record.row(f"times fewer atoms than l1 at {error:.0%} error, {penalty}", ratio)
    grid = np.linspace(0.05, 0.6, 56)
    best = max(atoms_at(e, curves["l1"]) / atoms_at(e, curves["cel0"]) for e in grid)
    record.row("most times fewer atoms than l1 at one error from 5 to 60 %, cel0", best, 10)
    apart = max(abs(a - b).max() for a, b in zip(curves["l0"], curves["cel0"], strict=True))
    record.row("largest difference between the curves of l0 and cel0", apart)
    figure, axis = plt.subplots(figsize=(6, 3.8))
    for penalty, style in zip(PENALTIES, ("o-", "s-", "x--", "^-"), strict=True):
        axis.plot(*curves[penalty], style, label=penalty, markersize=4)
    axis.set(xlabel="atoms in use per patch (of 128), mean", ylabel="error (share of the patch)", xscale="log")
    axis.set_xlim(left=0.5)
    axis.legend(frameon=False, fontsize=8)
    record.picture(figure)
    plt.close(figure)
    rows = [(name, *point) for name, each in curves.items() for point in zip(thresholds, *each, strict=True)]
    record.numbers(("penalty", "threshold", "atoms", "error"), rows)

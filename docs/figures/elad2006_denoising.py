"""Denoising a photograph by sparse codes of its patches, after :cite:`elad2006`.

Every 8 x 8 patch of the noisy image is coded by OMP up to the error that the noise would leave, ||r||^2 <= 64 (1.15
sigma)^2, over an overcomplete DCT and over a dictionary learned from the noisy patches themselves; the overlapping
estimates and the noisy image (weight 30 / sigma) are averaged. The paper shows other photographs, so that its numbers
have no row here; scikit-learn's OMP on the same patches does. Its codes are ours wherever a patch needs an atom; to a
patch that is within the error already it gives one all the same, which is noise.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.image import extract_patches_2d, reconstruct_from_patches_2d
from sklearn.linear_model import orthogonal_mp_gram

from sparsekit import PursuitCoder
from sparsekit.datasets import dct_dictionary, load_camera

TITLE = "Denoising a photograph by sparse codes (after Elad and Aharon)"
ROOM = "recovery"
SIDE, SIGMA = 8, 20.0
TOL = SIDE**2 * (1.15 * SIGMA) ** 2


def psnr(image, truth):
    """Peak signal-to-noise ratio in dB."""
    return 10 * np.log10(255**2 / np.mean((image - truth) ** 2))


def by_sparsekit(patches, dictionary):
    coder = PursuitCoder(dictionary, tol=TOL)
    return coder.inverse_transform(coder.fit_transform(patches))


def by_scikit_learn(patches, dictionary):
    codes = orthogonal_mp_gram(
        dictionary @ dictionary.T, dictionary @ patches.T, tol=TOL, norms_squared=np.sum(patches**2, axis=1)
    )
    return codes.T @ dictionary


def denoise(noisy, dictionary, code):
    """The image from the codes of all its patches."""
    patches = extract_patches_2d(noisy, (SIDE, SIDE)).reshape(-1, SIDE**2)
    means = patches.mean(axis=1, keepdims=True)
    estimates = (code(patches - means, dictionary) + means).reshape(-1, SIDE, SIDE)
    average = reconstruct_from_patches_2d(estimates, noisy.shape)
    covered = np.minimum(SIDE, np.minimum(np.arange(1, len(noisy) + 1), np.arange(len(noisy), 0, -1)))
    overlap = np.multiply.outer(covered, covered)
    return (overlap * average + 30 / SIGMA * noisy) / (overlap + 30 / SIGMA)


def learned_dictionary(noisy, n_patches, n_rounds):
    """Method of optimal directions: code noisy patches, refit all atoms by least squares, replace the unused."""
    rng = np.random.default_rng(0)
    patches = extract_patches_2d(noisy, (SIDE, SIDE), max_patches=n_patches, random_state=0).reshape(-1, SIDE**2)
    patches = patches - patches.mean(axis=1, keepdims=True)
    dictionary = dct_dictionary(16, (SIDE, SIDE))
    for _ in range(n_rounds):
        codes = PursuitCoder(dictionary, tol=TOL).fit_transform(patches)
        gram = (codes.T @ codes).toarray()
        dictionary = np.linalg.solve(gram + 1e-6 * np.trace(gram) * np.eye(len(gram)), codes.T @ patches)
        lengths = np.linalg.norm(dictionary, axis=1)
        unused = np.flatnonzero((np.bincount(codes.indices, minlength=len(gram)) < 5) | (lengths == 0))
        dictionary[unused] = patches[rng.choice(len(patches), len(unused), replace=False)]
        dictionary /= np.linalg.norm(dictionary, axis=1, keepdims=True)
    return dictionary


def reproduce(record, *, full):
    truth = load_camera().astype(float)
    truth = truth if full else truth[64:320, 128:384]
    noisy = truth + SIGMA * np.random.default_rng(0).standard_normal(truth.shape)
    dictionaries = {
        "DCT": dct_dictionary(16, (SIDE, SIDE)),
        "learned": learned_dictionary(noisy, *((40000, 20) if full else (10000, 8))),
    }
    images = {"noisy": noisy}
    record.row("PSNR of the noisy image (dB)", psnr(noisy, truth))
    corner = (slice(0, 96), slice(0, 96))  # scikit-learn takes minutes for the whole image
    for i, (name, dictionary) in enumerate(dictionaries.items()):
        images[name] = denoise(noisy, dictionary, by_sparsekit)
        record.row(f"PSNR, {name} dictionary (dB)", psnr(images[name], truth))
        patches = extract_patches_2d(noisy[corner], (SIDE, SIDE)).reshape(-1, SIDE**2)
        patches = patches - patches.mean(axis=1, keepdims=True)
        ours, theirs = by_sparsekit(patches, dictionary), by_scikit_learn(patches, dictionary)
        busy = np.sum(patches**2, axis=1) > TOL
        record.row(f"largest difference from scikit-learn's patches, {name}", np.abs(ours - theirs)[busy].max())
        pair = [
            psnr(denoise(noisy[corner], dictionary, code), truth[corner]) for code in (by_sparsekit, by_scikit_learn)
        ]
        record.row(f"PSNR of a corner, {name} dictionary (dB); peer: scikit-learn", *pair)
        record.progress(i + 1, len(dictionaries))
    reached = {name: psnr(image, truth) for name, image in images.items()}
    record.row("PSNR gained by the DCT dictionary (dB)", reached["DCT"] - reached["noisy"])
    record.row("PSNR gained by learning the dictionary (dB)", reached["learned"] - reached["DCT"])
    figure, panels = plt.subplots(1, 4, figsize=(13, 3.6))
    for panel, (name, image) in zip(panels, images.items(), strict=False):
        panel.imshow(image, cmap="gray", vmin=0, vmax=255)
        panel.set_title(f"{name}: {reached[name]:.2f} dB")
    atoms = dictionaries["learned"].reshape(16, 16, SIDE, SIDE)
    atoms = np.pad(atoms / np.abs(atoms).max(axis=(2, 3), keepdims=True), [(0, 0), (0, 0), (0, 1), (0, 1)])
    panels[3].imshow(atoms.transpose(0, 2, 1, 3).reshape(16 * (SIDE + 1), -1), cmap="gray")
    panels[3].set_title("256 learned atoms")
    for panel in panels:
        panel.set_axis_off()
    record.picture(figure)
    plt.close(figure)
    record.numbers(("image", "PSNR"), reached.items())

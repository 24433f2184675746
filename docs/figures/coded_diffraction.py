"""A photograph from the magnitudes of coded diffraction patterns, through a LinearOperator made of FFTs.

A detector records how brightly a diffraction pattern shines, not its phases. A mask stands in front of the object; each
random octanary mask (Candes, Li and Soltanolkotabi, 2015) gives one pattern, the Fourier transform of mask times image.
The unknowns are complex coefficients in the orthonormal basis of cosines, an eighth of which are not zero.
SparsePhaseRetrieval gets the operator and the magnitudes; for an operator its Newton steps are solved by LSMR, and its
starts grow from a leading eigenvector.

An image that has so few coefficients is recovered exactly from two patterns by the first start. From one pattern, as
large as the image, the first start fails, and a later one of the default five succeeds. The photograph as it is has all
coefficients: those that the model leaves out act as noise, and the best that an eighth can do is the error of the
largest ones. From four patterns the answer comes near it; converged_ does not trust it, for what is left over is no
noise, but depends on the columns that the model leaves out.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy import fft
from scipy.sparse.linalg import LinearOperator
from sklearn.exceptions import ConvergenceWarning

from sparsekit import SparsePhaseRetrieval
from sparsekit.datasets import load_camera

TITLE = "A photograph from coded diffraction patterns"
ROOM = "recovery"
KEPT = 8  # one of so many coefficients is not zero


def octanary(count, side):
    """Random masks (count, side, side): a fourth root of unity times sqrt(1/2), or one time in five sqrt(3)."""
    rng, shape = np.random.default_rng(0), (count, side, side)
    return rng.choice([1, -1, 1j, -1j], shape) * rng.choice([np.sqrt(0.5), np.sqrt(3)], shape, p=[0.8, 0.2])


def image(coef):
    """The complex image (side, side) of cosine coefficients."""
    side = int(np.sqrt(np.size(coef)))
    return fft.idctn(np.reshape(coef, (side, side)), norm="ortho")


def diffraction(masks):
    """Operator from cosine coefficients to the Fourier transforms of mask times image."""

    def forward(coef):
        return fft.fft2(masks * image(coef), norm="ortho").ravel()

    def adjoint(patterns):
        images = fft.ifft2(np.reshape(patterns, masks.shape), norm="ortho")
        return fft.dctn(np.sum(masks.conj() * images, axis=0), norm="ortho").ravel()

    return LinearOperator((masks.size, masks[0].size), matvec=forward, rmatvec=adjoint, dtype=complex)


def turned(coef, truth):
    """Coefficients in the global phase nearest to the truth, and their relative error."""
    inner = np.vdot(coef, truth)
    coef = coef * (inner / abs(inner))
    return coef, np.linalg.norm(coef - truth) / np.linalg.norm(truth)


def retrieved(masks, coef, n_starts):
    """The magnitudes of the patterns, and the model fitted to them."""
    A = diffraction(masks)
    z = np.abs(A @ coef)
    model = SparsePhaseRetrieval(len(coef) // KEPT, n_starts=n_starts, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # converged_ is shown
        return z, model.fit(A, z)


def reproduce(record, *, full):
    side = 256 if full else 64
    photograph = load_camera()[64:320, 128:384].reshape(side, 256 // side, side, -1).mean(axis=(1, 3)) / 255
    every = fft.dctn(photograph, norm="ortho").ravel()
    few = every.copy()
    few[np.argsort(-np.abs(every), kind="stable")[len(every) // KEPT :]] = 0
    problems = {
        "two patterns, one start": (2, few, 1),
        "one pattern, one start": (1, few, 1),
        "one pattern, up to five starts": (1, few, 5),
        "photograph, four patterns": (4, every, 1),
    }
    smallest = turned(few, every)[1]
    recovered, rows = {}, []
    for i, (name, (count, coef, n_starts)) in enumerate(problems.items()):
        z, model = retrieved(octanary(count, side), coef, n_starts)
        answer, error = turned(model.coef_, coef)
        recovered[name] = answer, error
        record.row(f"{name}: relative error", error)
        record.row(f"{name}: relative residual", model.residual_)
        record.row(f"{name}: trusted (1) or not (0)", model.converged_)
        record.row(f"{name}: Newton steps from the start that led to the answer", model.n_iter_)
        record.row(f"{name}: products with the operator or its adjoint, all starts", model.n_products_)
        rows += [(name, k, residual) for k, residual in enumerate(model.residual_path_)]
        record.progress(i + 1, len(problems))
        if count == 1:
            pattern = z.reshape(side, side)
    answer, last = recovered["photograph, four patterns"]
    record.row("photograph: relative error of its largest coefficients", smallest)
    record.row("photograph, four patterns: relative error over that of the largest coefficients", last / smallest)
    phases = np.exp(2j * np.pi * np.random.default_rng(1).random(pattern.size))
    wrong, error = turned(diffraction(octanary(1, side)).rmatvec(pattern.ravel() * phases), few)
    failed, found = recovered["one pattern, one start"], recovered["one pattern, up to five starts"]
    panels = [
        (f"{side} x {side} image:\n1 in {KEPT} cosines kept", few),
        (f"one pattern, random phases:\nerror {error:.2f}", wrong),
        (f"one pattern, one start:\nerror {failed[1]:.2f}", failed[0]),
        (f"one pattern, up to five starts:\nerror {found[1]:.1e}", found[0]),
        (f"photograph, four patterns:\nerror {last:.2f} (best possible {smallest:.2f})", answer),
    ]
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 7.2), layout="constrained")
    places = axes.flat
    for place, (title, coef) in zip((places[0], *places[2:]), panels, strict=True):
        place.imshow(image(coef).real, cmap="gray", vmin=0, vmax=1)
        place.set_title(title, fontsize=10)
    places[1].imshow(np.log10(fft.fftshift(pattern) / pattern.max()), cmap="magma", vmin=-2, vmax=0)
    places[1].set_title("one diffraction pattern:\nmagnitudes (log)", fontsize=10)
    for place in axes.flat:
        place.set_axis_off()
    record.picture(figure)
    plt.close(figure)
    record.numbers(("problem", "step", "relative residual"), rows)

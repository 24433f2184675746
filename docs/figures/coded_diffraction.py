"""A photograph from the magnitudes of coded diffraction patterns, through a LinearOperator made of FFTs.

A detector records how brightly a diffraction pattern shines, not its phases. A mask stands in front of the object; each
of a few random octanary masks (Candes, Li and Soltanolkotabi, 2015) gives one pattern, the Fourier transform of mask
times image. The unknowns are complex coefficients in an orthonormal Haar basis, an eighth of which are not zero.
SparsePhaseRetrieval gets the operator and the magnitudes; for an operator its Newton steps are solved by LSMR, and its
start grows from a leading eigenvector. One start is enough or nothing helps, so that each problem gets one.

Two masks recover an image that has so few coefficients exactly, one mask does not. The photograph as it is has all
coefficients: those that the model leaves out act as noise, and the best that an eighth of them can do is the error of
the largest ones. Four masks come near it.
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


def haar(side):
    """Orthonormal Haar wavelets as columns (side, side); side is a power of two."""
    W = np.ones((1, 1))
    while len(W) < side:
        W = np.hstack([np.kron(W, [[1], [1]]), np.kron(np.eye(len(W)), [[1], [-1]])]) / np.sqrt(2)
    return W


def octanary(count, side):
    """Random masks (count, side, side): a fourth root of unity times sqrt(1/2), or one time in five sqrt(3)."""
    rng, shape = np.random.default_rng(0), (count, side, side)
    return rng.choice([1, -1, 1j, -1j], shape) * rng.choice([np.sqrt(0.5), np.sqrt(3)], shape, p=[0.8, 0.2])


def diffraction(masks, W):
    """Operator from Haar coefficients to the Fourier transforms of mask times image."""
    side = len(W)

    def forward(coef):
        return fft.fft2(masks * (W @ np.reshape(coef, (side, side)) @ W.T), norm="ortho").ravel()

    def adjoint(patterns):
        images = fft.ifft2(np.reshape(patterns, masks.shape), norm="ortho")
        return (W.T @ np.sum(masks.conj() * images, axis=0) @ W).ravel()

    return LinearOperator((masks.size, side**2), matvec=forward, rmatvec=adjoint, dtype=complex)


def turned(coef, truth):
    """Coefficients in the global phase nearest to the truth, and their relative error."""
    inner = np.vdot(coef, truth)
    coef = coef * (inner / abs(inner))
    return coef, np.linalg.norm(coef - truth) / np.linalg.norm(truth)


def retrieved(masks, W, coef, max_iter):
    """The magnitudes of the patterns, and the model fitted to them."""
    A = diffraction(masks, W)
    z = np.abs(A @ coef)
    model = SparsePhaseRetrieval(len(coef) // KEPT, n_starts=1, max_iter=max_iter, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # converged_ is shown
        return z, model.fit(A, z)


def reproduce(record, *, full):
    side = 256 if full else 64
    photograph = load_camera()[64:320, 128:384].reshape(side, 256 // side, side, -1).mean(axis=(1, 3)) / 255
    W = haar(side)
    every = (W.T @ photograph @ W).ravel()
    few = every.copy()
    few[np.argsort(-np.abs(every), kind="stable")[len(every) // KEPT :]] = 0
    problems = {"two masks": (2, few, 100), "one mask": (1, few, 25), "photograph, four masks": (4, every, 100)}
    models, images, rows = {}, {}, []
    for i, (name, (count, coef, max_iter)) in enumerate(problems.items()):
        z, model = retrieved(octanary(count, side), W, coef, max_iter)
        answer, error = turned(model.coef_, coef)
        images[name] = f"{name}: error {error:.1e}" if error < 1e-3 else f"{name}: error {error:.2f}", answer
        record.row(f"{name}: relative error", error)
        record.row(f"{name}: relative residual", model.residual_)
        record.row(f"{name}: trusted (1) or not (0)", model.converged_)
        record.row(f"{name}: Newton steps", model.n_iter_)
        record.row(f"{name}: products with the operator or its adjoint", model.n_products_)
        rows += [(name, k, residual) for k, residual in enumerate(model.residual_path_)]
        models[name] = z, model
        record.progress(i + 1, len(problems))
    smallest = turned(few, every)[1]
    record.row("photograph: relative error of its largest coefficients", smallest)
    record.row("photograph, four masks: relative error over that of the largest coefficients", error / smallest)
    z = models["two masks"][0]
    phases = np.exp(2j * np.pi * np.random.default_rng(1).random(len(z)))
    wrong, error = turned(diffraction(octanary(2, side), W).rmatvec(z * phases), few)
    panels = [
        (f"image: {side} x {side}, 1 of {KEPT} coefficients", few),
        (f"random phases: error {error:.2f}", wrong),
        images["one mask"],
        images["two masks"],
        images["photograph, four masks"],
    ]
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 6.8), layout="constrained")
    places = axes.flat
    pattern = fft.fftshift(z.reshape(2, side, side)[0])
    for place, (title, coef) in zip((places[0], *places[2:]), panels, strict=True):
        place.imshow((W @ np.reshape(coef, (side, side)) @ W.T).real, cmap="gray", vmin=0, vmax=1)
        place.set_title(title, fontsize=10)
    places[1].imshow(np.log10(pattern / pattern.max()), cmap="magma", vmin=-2, vmax=0)
    places[1].set_title("a diffraction pattern, magnitudes (log)", fontsize=10)
    for place in axes.flat:
        place.set_axis_off()
    record.picture(figure)
    plt.close(figure)
    record.numbers(("problem", "step", "relative residual"), rows)

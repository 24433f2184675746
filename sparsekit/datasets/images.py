"""Photographs."""

from importlib.resources import files

import numpy as np


def load_camera():
    """Photograph of a man with a camera in a park, the successor of the classical test image.

    Taken by Lav Varshney and released by him under CC0 (no rights reserved); from the data of scikit-image.

    Returns
    -------
    image : ndarray of shape (512, 512)
        Grey levels, uint8.

    Examples
    --------
    >>> from sparsekit.datasets import load_camera
    >>> load_camera().shape
    (512, 512)
    """
    with (files("sparsekit.datasets") / "data" / "camera.npy").open("rb") as file:
        return np.load(file, allow_pickle=False)

"""Small data that ships with the package, dictionaries, and generators of problems whose answer is known."""

from sparsekit.datasets.dictionaries import dct_dictionary
from sparsekit.datasets.images import load_camera
from sparsekit.datasets.signals import make_sparse_signal

__all__ = ["dct_dictionary", "load_camera", "make_sparse_signal"]

"""Small data that ships with the package, dictionaries, and generators of problems whose answer is known."""

from sparsekit.datasets.dictionaries import dct_dictionary
from sparsekit.datasets.hierarchies import fetch_hierarchy, load_mammals, load_wordnet
from sparsekit.datasets.images import load_camera
from sparsekit.datasets.polynomials import hyperbolic_cross, intrinsic_weights, polynomial_design
from sparsekit.datasets.signals import make_sparse_signal

__all__ = [
    "dct_dictionary",
    "fetch_hierarchy",
    "hyperbolic_cross",
    "intrinsic_weights",
    "load_camera",
    "load_mammals",
    "load_wordnet",
    "make_sparse_signal",
    "polynomial_design",
]

"""Trees and metrics into hyperbolic space."""

from sparsekit.embeddings.distortion import distortion_report, mean_average_precision
from sparsekit.embeddings.graph_trees import graph_to_tree
from sparsekit.embeddings.hyperbolic import (
    ball_to_half_space,
    ball_to_hyperboloid,
    half_space_to_ball,
    hyperbolic_distances,
    hyperboloid_to_ball,
)
from sparsekit.embeddings.tree_embedding import HyperbolicTreeEmbedding

__all__ = [
    "HyperbolicTreeEmbedding",
    "ball_to_half_space",
    "ball_to_hyperboloid",
    "distortion_report",
    "graph_to_tree",
    "half_space_to_ball",
    "hyperbolic_distances",
    "hyperboloid_to_ball",
    "mean_average_precision",
]

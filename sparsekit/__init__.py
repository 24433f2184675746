"""Sparse recovery, hyperbolic embeddings, near neighbours and graph sparsification.

Every public name is imported on first use, so that ``import sparsekit`` costs nothing.
"""

from importlib import import_module

_ROOMS = {
    "recovery": (
        "KroneckerSBL",
        "LADLasso",
        "LADLassoCV",
        "MatchingPursuit",
        "OrthogonalMatchingPursuit",
        "OrthogonalMatchingPursuitCV",
        "PenalizedRegressor",
        "PursuitCoder",
        "SparseBayesianRegressor",
        "SparsePhaseRetrieval",
        "SquareRootLasso",
        "SquareRootLassoCV",
        "WeightedLasso",
        "WeightedLassoCV",
        "WeightedOMP",
        "WeightedOMPCV",
        "duality_gap",
        "greedy_decrease",
        "kkt_violation",
        "lasso_path",
        "mutual_coherence",
        "orthogonal_mp",
        "prox_cel0",
        "prox_half",
        "prox_hard",
        "prox_soft",
        "prox_two_thirds",
        "restricted_isometry_estimate",
        "truncated_power_method",
    ),
    "embeddings": (
        "HyperbolicTreeEmbedding",
        "ball_to_half_space",
        "ball_to_hyperboloid",
        "distortion_report",
        "graph_to_tree",
        "half_space_to_ball",
        "hyperbolic_distances",
        "hyperboloid_to_ball",
        "mean_average_precision",
    ),
    "plotting": ("PoincareDiskDisplay",),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = ["__version__", "datasets", *_ROOMS, *_HOME]


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in _ROOMS or name == "datasets":
        return import_module(f"{__name__}.{name}")
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version(__name__)
        except PackageNotFoundError:  # a checkout that was not installed
            return "0+unknown"
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__():
    return __all__

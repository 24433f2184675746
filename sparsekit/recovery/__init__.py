"""Recovery: y ~ X w with w sparse, and signals as sparse codes over a dictionary."""

from sparsekit.recovery.coder import PursuitCoder
from sparsekit.recovery.matching_pursuit import MatchingPursuit
from sparsekit.recovery.omp import OrthogonalMatchingPursuit, orthogonal_mp
from sparsekit.recovery.omp_cv import OrthogonalMatchingPursuitCV

__all__ = [
    "MatchingPursuit",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PursuitCoder",
    "orthogonal_mp",
]

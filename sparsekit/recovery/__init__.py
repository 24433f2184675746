"""Recovery: y ~ X w with w sparse, and signals as sparse codes over a dictionary."""

from sparsekit.recovery.certificates import duality_gap, kkt_violation
from sparsekit.recovery.coder import PursuitCoder
from sparsekit.recovery.coherence import mutual_coherence, restricted_isometry_estimate
from sparsekit.recovery.convex_path import lasso_path
from sparsekit.recovery.kronecker_sbl import KroneckerSBL
from sparsekit.recovery.lad_lasso import LADLasso
from sparsekit.recovery.lasso import WeightedLasso
from sparsekit.recovery.lasso_cv import LADLassoCV, SquareRootLassoCV, WeightedLassoCV
from sparsekit.recovery.matching_pursuit import MatchingPursuit
from sparsekit.recovery.omp import OrthogonalMatchingPursuit, orthogonal_mp
from sparsekit.recovery.omp_cv import OrthogonalMatchingPursuitCV
from sparsekit.recovery.penalised_regressor import PenalizedRegressor
from sparsekit.recovery.phase_retrieval import SparsePhaseRetrieval
from sparsekit.recovery.power_method import truncated_power_method
from sparsekit.recovery.sparse_bayes import SparseBayesianRegressor
from sparsekit.recovery.square_root_lasso import SquareRootLasso
from sparsekit.recovery.thresholding import prox_cel0, prox_half, prox_hard, prox_soft, prox_two_thirds
from sparsekit.recovery.weighted_omp import WeightedOMP, greedy_decrease
from sparsekit.recovery.weighted_omp_cv import WeightedOMPCV

__all__ = [
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
]

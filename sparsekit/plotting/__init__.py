"""Pictures of estimators, after scikit-learn's displays."""

from sparsekit.plotting.poincare_disk import PoincareDiskDisplay

__all__ = ["PoincareDiskDisplay"]

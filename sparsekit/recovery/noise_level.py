"""What noise alone does to the columns, from which a strength follows that does not depend on how strong it is."""

import numpy as np
from scipy.special import betainccinv

_LEVEL = 0.95  # probability that noise alone exceeds the level nowhere
_ORDINARY = 1e-100, 1e100  # typical feature weights


def sample_count(sample_weight, n_rows):
    """How many samples there are: weights in whole numbers are repetitions, others mark the rows that count."""
    if sample_weight is None:
        return n_rows
    whole = (sample_weight == np.round(sample_weight)).all()
    return int(sample_weight.sum() if whole else np.count_nonzero(sample_weight))


def noise_cosine(n_samples, n_columns, n_targets=1, *, is_complex=False):
    """The level that no cosine |a_j^H e| / (||a_j|| ||e||) of N columns and Gaussian noise exceeds, in most cases.

    In n dimensions the squared cosine between noise and a given column is Beta(1/2, (n - 1)/2); t targets multiply both
    parameters by t, complex numbers by 2. The columns behave nearly as independent ones. 1 where nothing can be told.
    """
    if n_samples <= 1 or not n_columns:
        return 1.0
    a = n_targets * (1.0 if is_complex else 0.5)
    return float(np.sqrt(betainccinv(a, a * (n_samples - 1), -np.expm1(np.log(_LEVEL) / n_columns))))


def typical_weight(omega):
    """The median of feature weights that are positive and finite, against which a strength is read; 1 for none."""
    typical = float(np.median(omega)) if len(omega) else 1.0
    if not _ORDINARY[0] <= typical <= _ORDINARY[1]:
        msg = f"the median of the feature_weights must be in [1e-100, 1e100] for alpha='auto', got {typical}"
        raise ValueError(msg)
    return typical

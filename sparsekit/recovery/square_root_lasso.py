"""The square-root LASSO.

The algorithm is in :mod:`sparsekit.recovery.square_root_solver`.
"""

import numpy as np

from sparsekit.core.operators import Design
from sparsekit.core.scaling import shifted
from sparsekit.core.validation import check_choice
from sparsekit.recovery._convex import ConvexRegressor, check_alpha
from sparsekit.recovery.noise_level import noise_cosine, sample_count, typical_weight

_MARGIN = 1.1  # times the level of noise


class SquareRootLasso(ConvexRegressor):
    r"""The LASSO with the square root of the squared loss: its strength need not know how strong the noise is.

    Minimises, with sample weights :math:`s_i` of sum W and feature weights :math:`\omega_j`,

    .. math:: \sqrt{\frac{1}{W} \sum_i s_i (y_i - b - x_i w)^2} + \alpha \sum_j \omega_j |w_j|

    Parameters
    ----------
    alpha : "auto" or float, default="auto"
        Strength of the penalty, > 0. "auto" follows from the shape of X: 1.1 times the level that no cosine between
        Gaussian noise and a column exceeds with a probability of 95 %; :math:`\omega_j` is then multiplied by the root
        mean square of the centred column.
    feature_weights : array-like of shape (n_features,), default=None
        :math:`\omega` in [0, inf]; None is 1. 0: never penalised; inf: never in use. "auto" reads them relative to the
        median of the others.
    positive : bool, default=False
        Whether coefficients must not be negative.
    fit_intercept : bool, default=True
        Whether the intercept b is fitted, which is never penalised; else it is 0.
    warm_start : bool, default=False
        Whether `fit` begins with the coefficients of the last one, if there are as many.
    max_iter : int, default=100
        Working sets for one strength of the squared loss, at most.
    tol : float, default=1e-6
        Largest duality gap, relative to the objective without penalised columns.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients w.
    intercept_ : float
        Intercept b.
    alpha_ : float
        Strength of the penalty.
    effective_weights_ : ndarray of shape (n_features,)
        Feature weights in the penalty; other than `feature_weights` for ``alpha="auto"``.
    dual_gap_ : float
        Certificate: no coefficients are better by more than that, in units of the objective.
    n_iter_ : int
        Working sets that were solved, at least 1.
    converged_ : bool
        Whether the gap is as small as `tol` asks for.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    SquareRootLassoCV : Chooses alpha by cross-validation.
    WeightedLasso : The squared loss, whose strength has the units of y.
    WeightedOMP : The greedy side, whose default has the same loss.

    Notes
    -----
    Solved by some weighted LASSO problems, whose strengths are found by Newton steps; cost and memory are told at
    :func:`~sparsekit.lasso_path`. Below some strength the fit is exact where X has as many independent columns as rows:
    the answer is the solution of X w + b = y with the smallest penalty then, and takes longer.

    The level for "auto" is that of the infinity norm of the score in :cite:`belloni2011`, with their factor 1.1, taken
    in finite samples: the cosines of columns with Gaussian noise. With `sample_weight` in whole numbers, which are
    repetitions, the number of samples is their sum, else the number of rows with a positive weight.

    Supports of more than about :math:`1 / \alpha^2` columns are out of its reach, whatever the noise: shrinking them
    costs more than they explain. :class:`WeightedOMP`, whose automatic strength is half of this one, and
    cross-validation reach further.

    References
    ----------
    :cite:`belloni2011`, :cite:`ndiaye2017`

    Examples
    --------
    >>> from sparsekit import SquareRootLasso
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 300, 5, noise=0.1, values="ones", rng=0)
    >>> model = SquareRootLasso().fit(X, y)
    >>> model.get_support(indices=True), coef.nonzero()[0]
    (array([ 31,  80, 167, 190, 211]), array([ 31,  80, 167, 190, 211]))
    >>> louder = SquareRootLasso().fit(X, 1000 * y)  # the same strength
    >>> bool(louder.alpha_ == model.alpha_), louder.get_support(indices=True)
    (True, array([ 31,  80, 167, 190, 211]))
    """

    _loss = "sqrt"

    def __init__(
        self,
        alpha="auto",
        *,
        feature_weights=None,
        positive=False,
        fit_intercept=True,
        warm_start=False,
        max_iter=100,
        tol=1e-6,
    ):
        self.alpha = alpha
        self.feature_weights = feature_weights
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X, y, sample_weight=None):
        """Solve for the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
            Training data, real.
        y : array-like of shape (n_samples,)
            Target, real.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights s, not negative; None is 1.

        Returns
        -------
        self : SquareRootLasso
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, complex data, several targets, shapes that do not fit, negative weights, `alpha` <= 0,
            or other parameters out of range.
        TypeError
            For a LinearOperator.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` working sets did not reach `tol`.
        """
        if isinstance(self.alpha, str):
            check_choice(self.alpha, "alpha", ("auto",))
        else:
            check_alpha(self.alpha)
        X, y, omega, s = self._checked(X, y, sample_weight)
        self.alpha_, self.effective_weights_ = self.alpha, omega
        if self.alpha == "auto":
            self.alpha_, self.effective_weights_ = automatic_strength(X, omega, s, center=bool(self.fit_intercept))
        return self._solve(X, y, self.effective_weights_, s, self.alpha_)


def automatic_strength(X, omega, sample_weight, *, center):
    """alpha="auto": the strength, and the weights (n_features,) that make it a pure number."""
    design, shift = Design(X, sample_weight=sample_weight, center=center).tamed()
    norms = design.squared_norms()
    lengths = shifted(np.sqrt(norms), -shift)
    there, finite = norms > 0, np.isfinite(omega)
    competes = there & finite & (omega > 0)
    n_samples = sample_count(sample_weight, X.shape[0]) - center - np.count_nonzero(there & (omega == 0))
    alpha = _MARGIN * noise_cosine(n_samples, np.count_nonzero(competes)) / typical_weight(omega[competes])
    effective = np.full(len(omega), np.inf)
    effective[finite] = (omega * lengths)[finite]
    effective[finite] /= np.sqrt(X.shape[0] if sample_weight is None else sample_weight.sum())
    return alpha, effective

"""The weighted LASSO.

The algorithm is in :mod:`sparsekit.recovery.lasso_solver`.
"""

from sparsekit.recovery._convex import ConvexRegressor, check_alpha


class WeightedLasso(ConvexRegressor):
    r"""The LASSO with a weight for every feature and every sample, solved to a certified duality gap.

    Minimises, with sample weights :math:`s_i` of sum W and feature weights :math:`\omega_j`,

    .. math:: \frac{1}{2W} \sum_i s_i (y_i - b - x_i w)^2 + \alpha \sum_j \omega_j |w_j|

    Several targets share their support: the penalty is :math:`\alpha \sum_j \omega_j \|w_j\|_2` with the coefficients
    :math:`w_j` of a column for all targets. With `groups` of columns it is
    :math:`\alpha \sum_g \sqrt{n_g}\, \omega_g \|w_g\|_2` with blocks of :math:`n_g` columns.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    feature_weights : array-like of shape (n_features,), default=None
        :math:`\omega` in [0, inf]; None is 1. 0: never penalised; inf: never in use. Equal within groups.
    groups : array-like of shape (n_features,), default=None
        Integer labels: columns of the same are in use together, or not at all. None: each for itself.
    positive : bool, default=False
        Whether coefficients must not be negative; for one target without groups.
    fit_intercept : bool, default=True
        Whether the intercept b is fitted, which is never penalised; else it is 0.
    preconditioner : "puffer", callable or None, default=None
        F of shape (k, n_samples) that multiplies the weighted and centred X and y from the left: "puffer" makes all
        singular values of X equal, at the same mean squared length of the columns; ``preconditioner(X)`` returns F for
        the weighted, centred X. Dense X only.
    warm_start : bool, default=False
        Whether `fit` begins with the coefficients of the last one, if there are as many.
    max_iter : int, default=100
        Working sets, at most.
    tol : float, default=1e-6
        Largest duality gap, relative to the objective without penalised columns.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients w.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept b.
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
    lasso_path : Many strengths.
    WeightedLassoCV : Chooses alpha by cross-validation.
    SquareRootLasso : Needs no knowledge of the noise.
    LADLasso : Withstands gross errors in y.
    PenalizedRegressor : Penalties that shrink less, and no certificate.
    WeightedOMP : The greedy side: chooses by the same penalty, and does not shrink.
    sklearn.linear_model.Lasso, sklearn.linear_model.MultiTaskLasso : Without feature weights.

    Notes
    -----
    Working sets are solved by coordinate descent and Newton steps on the support; columns that the gap excludes are
    left out. A step of descent on a group is exact, by the eigenvectors of its columns. Cost and memory are told at
    :func:`~sparsekit.lasso_path`. The gap is summed in double precision, also for float32 X, which is not copied to
    double precision but for the columns in use.

    Integer sample weights are repetitions of rows.

    With a preconditioner the objective, `dual_gap_` and `alpha` are those of :math:`\|F (y - X w)\|^2`. On
    ill-conditioned X the puffer finds better supports, but noise along small singular values grows, and with it the
    error of the coefficients: measured in :doc:`/performance`. It costs a singular value decomposition.

    References
    ----------
    :cite:`tibshirani1996`, :cite:`yuan2006`, :cite:`obozinski2010`, :cite:`massias2018`, :cite:`ndiaye2017`,
    :cite:`jia2015`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import WeightedLasso
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 300, 5, noise=0.1, values="ones", rng=0)
    >>> model = WeightedLasso(alpha=0.003).fit(X, y)
    >>> model.get_support(indices=True), coef.nonzero()[0]
    (array([ 31,  80, 167, 190, 211]), array([ 31,  80, 167, 190, 211]))
    >>> weights = np.ones(300)
    >>> weights[31], weights[80] = 0, np.inf
    >>> weighted = WeightedLasso(alpha=0.003, feature_weights=weights).fit(X, y)
    >>> bool(weighted.coef_[31] > model.coef_[31]), float(weighted.coef_[80])
    (True, 0.0)
    """

    def __init__(
        self,
        alpha=1.0,
        *,
        feature_weights=None,
        groups=None,
        positive=False,
        fit_intercept=True,
        preconditioner=None,
        warm_start=False,
        max_iter=100,
        tol=1e-6,
    ):
        self.alpha = alpha
        self.feature_weights = feature_weights
        self.groups = groups
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.preconditioner = preconditioner
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X, y, sample_weight=None):
        """Solve for the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
            Training data, real.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target(s), real.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights s, not negative; None is 1.

        Returns
        -------
        self : WeightedLasso
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, complex data, shapes that do not fit, negative weights, weights that differ within a
            group, `positive` with several targets or groups, `alpha` <= 0, a preconditioner of another shape, or other
            parameters out of range.
        TypeError
            For a LinearOperator, and for sparse X with a preconditioner.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` working sets did not reach `tol`.
        """
        check_alpha(self.alpha)
        return self._solve(*self._checked(X, y, sample_weight), self.alpha)

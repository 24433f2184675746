"""The LASSO of least absolute deviations.

The algorithm is in :mod:`sparsekit.recovery.lad_lasso_solver`.
"""

from sparsekit.recovery._convex import ConvexRegressor, check_alpha


class LADLasso(ConvexRegressor):
    r"""The LASSO of least absolute deviations, which gross errors in y hardly touch; solved exactly.

    Minimises, with sample weights :math:`s_i` of sum W and feature weights :math:`\omega_j`,

    .. math:: \frac{1}{W} \sum_i s_i |y_i - b - x_i w| + \alpha \sum_j \omega_j |w_j|

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, > 0.
    feature_weights : array-like of shape (n_features,), default=None
        :math:`\omega` in [0, inf]; None is 1. 0: never penalised; inf: never in use.
    positive : bool, default=False
        Whether coefficients must not be negative.
    fit_intercept : bool, default=True
        Whether the intercept b is fitted, which is never penalised; else it is 0.
    warm_start : bool, default=False
        Whether `fit` begins near the coefficients of the last one, if there are as many.
    max_iter : int, default=None
        Edges that are followed, at most; None is 50 for each row and column.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients w.
    intercept_ : float
        Intercept b.
    dual_gap_ : float
        Certificate: no coefficients are better by more than that, in units of the objective; rounding at a vertex.
    n_iter_ : int
        Edges and steps of the interior path, at least 1.
    converged_ : bool
        Whether the vertex is proven to be optimal, up to rounding.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    LADLassoCV : Chooses alpha by cross-validation.
    WeightedOMP : The greedy side, with ``loss="absolute"``.
    sklearn.linear_model.QuantileRegressor : The same problem for any quantile, by a general linear program.

    Notes
    -----
    A linear program. From a start its vertices are followed along edges, among the columns that are found out of their
    bounds; where that takes long, an interior path leads near the optimum first. An edge costs O((m + k) k) for m
    rows and k columns in use, a pass over all columns O(m n). X is copied to float64. Where several vertices are
    optimal any of them may be the answer.

    References
    ----------
    :cite:`wang2007lad`, :cite:`barrodale1973`, :cite:`mehrotra1992`

    Examples
    --------
    >>> from sparsekit import LADLasso
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 200, 3, noise=0.1, values="ones", rng=0)
    >>> y[::10] += 100  # gross errors
    >>> model = LADLasso(alpha=0.03).fit(X, y)
    >>> model.get_support(indices=True), coef.nonzero()[0]
    (array([  9,  83, 158]), array([  9,  83, 158]))
    >>> model.dual_gap_ < 1e-12
    True
    """

    _loss = "absolute"

    def __init__(
        self,
        alpha=1.0,
        *,
        feature_weights=None,
        positive=False,
        fit_intercept=True,
        warm_start=False,
        max_iter=None,
    ):
        self.alpha = alpha
        self.feature_weights = feature_weights
        self.positive = positive
        self.fit_intercept = fit_intercept
        self.warm_start = warm_start
        self.max_iter = max_iter

    def fit(self, X, y, sample_weight=None):
        """Solve for the coefficients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, real.
        y : array-like of shape (n_samples,)
            Target, real.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights s, not negative; None is 1.

        Returns
        -------
        self : LADLasso
            The fitted estimator.

        Raises
        ------
        ValueError
            For NaN or infinity, complex data, several targets, shapes that do not fit, negative weights, `alpha` <= 0,
            or other parameters out of range.
        TypeError
            For sparse X and LinearOperators.

        Warns
        -----
        ConvergenceWarning
            When `max_iter` edges did not lead to an optimal vertex.
        """
        check_alpha(self.alpha)
        return self._solve(*self._checked(X, y, sample_weight), self.alpha)

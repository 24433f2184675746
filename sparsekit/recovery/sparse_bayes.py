"""Sparse Bayesian learning: the estimator. The algorithms are in the modules ``bayes_*`` and ``support_chain``."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import check_cv
from sklearn.utils import check_scalar

from sparsekit.core.scaling import exponent, shifted
from sparsekit.core.validation import check_choice, check_matrix, check_non_negative, check_problem
from sparsekit.recovery._regressor import SparseRegressor
from sparsekit.recovery.bayes_belief import LARGE, Rules
from sparsekit.recovery.bayes_conclusion import conclude
from sparsekit.recovery.bayes_problem import BayesProblem
from sparsekit.recovery.bayes_search import Search
from sparsekit.recovery.held_out import check_rows

_GRID = 10.0 ** -np.arange(0, 6.5, 0.5)  # noise, in units of the mean square of y: what cross-validation tries
_PAST, _WORSE = 2, 1.1  # points past the best one, and times its error, at which it ends


class SparseBayesianRegressor(SparseRegressor):
    r"""Sparse Bayesian learning: every coefficient has a prior variance of its own, learnt from the data.

    .. math:: y = b + X w + e, \quad w_j \sim N(0, \gamma_j), \quad e_i \sim N(0, \sigma^2)

    The :math:`\gamma` that maximise the probability of y are mostly zero :cite:`tipping2001`. They are found by
    expectation and maximisation around damped message passing :cite:`alshoukairi2018` or exact posteriors.

    Parameters
    ----------
    solver : {"gamp", "em"}, default="gamp"
        Posterior means and variances while there are many coefficients: by message passing, O(mn) a pass, or exactly,
        O(m^2 n). The coefficients that are kept get exact posteriors either way, up to 2000 of them.
    noise_variance : "learn", "cv" or float, default="learn"
        :math:`\sigma^2`; learnt from what the clear coefficients leave (see Notes), or held during the search at the
        best of 13 levels by cross-validation and then learnt, or given (not negative; 0 asks for an exact fit).
    prior : {"independent", "markov"}, default="independent"
        "markov": non-zero coefficients come in runs. A Markov chain over the support, after :cite:`liu2020`, and the
        evidence of each coefficient move the support from where "independent" ends, until both agree.
    row_correlation : float, "learn" or None, default=0.0
        For several targets: the correlation :math:`\beta` of a coefficient between neighbouring targets, in (-1, 1);
        :math:`\beta^k` between targets k apart. With any number, 0 included, the targets share the prior variances, so
        the support, and the noise variance. None fits each target by itself.
    min_gain : float, default=1.0
        What a coefficient must add to the log evidence to be kept, in nats. 1 stands for 2.1 standard deviations, 2 for
        2.7. ``-inf`` keeps all, as plain sparse Bayesian learning does. With ``prior="markov"`` the chain decides.
    damping : float, default=None
        Of the messages, in (0, 1]. None takes the largest that is known to converge. It is halved where they overflow.
    max_iter : int, default=1000
        Largest number of iterations of each stage.
    tol : float, default=1e-3
        Ends when the relative change of the coefficients is smaller. Much smaller values overfit when n > m.
    cv : int, cross-validation generator or iterable, default=5
        For ``noise_variance="cv"``.
    fit_intercept : bool, default=True
        Whether b is fitted; else it is 0.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Posterior means.
    coef_std_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Posterior standard deviations given the prior variances and the noise variance; 0 where the coefficient is.
    intercept_ : float or ndarray of shape (n_targets,)
        The intercept b.
    prior_variance_ : ndarray of shape (n_features,) or (n_targets, n_features)
        The :math:`\gamma`; of shape (n_features,) if the targets share them.
    gain_ : ndarray of shape (n_features,) or (n_targets, n_features)
        What each kept coefficient adds to the log evidence, in nats; 0 for the others. Shaped as `prior_variance_`.
    support_probability_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Probabilities of the support, with ``prior="markov"`` only.
    noise_variance_ : float or ndarray of shape (n_targets,)
        The noise variance; one per target with ``row_correlation=None``.
    noise_is_known_ : bool
        Whether it was given, or nothing speaks against what was learnt (see Notes).
    row_correlation_ : float
        The :math:`\beta` that was given or learnt; 0 for a single target.
    covariance_ : ndarray of shape (n_selected, n_selected) or (n_targets, n_selected, n_selected), or None
        Posterior covariance of the selected coefficients, one a target where it differs: with a correlation or None.
        None if there are more than 2000.
    n_iter_ : int
        Iterations of expectation and maximisation, the largest number over targets.
    converged_ : bool
        Whether `tol` was reached, for all targets.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has names that are all strings.

    Raises
    ------
    ValueError
        For NaN or infinity, fewer than two samples, `damping` outside (0, 1], a negative noise variance, a correlation
        outside (-1, 1), or unknown options.
    TypeError
        For ``noise_variance="cv"`` with a LinearOperator.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` iterations were not enough, or the noise variance cannot be learnt.

    See Also
    --------
    WeightedOMP : Faster, without standard deviations, for incoherent columns.
    sklearn.linear_model.ARDRegression : The same model for tall, real, dense data.

    Notes
    -----
    *The noise.* With fewer samples than features the evidence is largest where the coefficients explain everything and
    the noise nothing: the usual rules end at a thousandth of the noise variance or less. Here the noise is what a fit
    to the clear coefficients leaves, those that add more than 2 nats to the log evidence. If more than half as many
    coefficients as samples are clear, these could explain any noise: then `noise_is_known_` is False, with a warning.
    Where more than 1 % of y is left, or more coefficients are kept than a fifth of the samples, the search is repeated
    with a tenth of the noise held at first (or what was given), and its end replaces the other if it is likelier: by
    the evidence less log (n over k) + k for the choice of k coefficients of n. That finds signals with many
    coefficients. One with too many to be recovered at all cannot be told from noise, and counts as such. With
    `min_gain` < 0, which explains noise, nothing is repeated.

    Columns that are multiples of an earlier one get the coefficient 0.

    *Which coefficients.* The evidence asks for a :math:`\gamma_j > 0` wherever an estimate exceeds one standard
    deviation, which noise does one time in three. `min_gain` asks for more, which improves coefficients and noise.

    *Cost.* n features, m samples, k kept coefficients: a pass of messages takes one reading of X and O(mn), some 4
    passes an iteration; an iteration with exact posteriors O(m min(m, n) n). The fit holds a copy of X with columns of
    unit length. A LinearOperator is not copied; its messages take all entries for equally large, and its columns should
    be of comparable lengths. Several targets with a correlation are rotated to be independent, so that each takes one
    posterior.

    `tol` stops an ascent, and its value matters: the evidence keeps rising while noise is being fitted.

    References
    ----------
    :cite:`tipping2001`, :cite:`wipf2004`, :cite:`alshoukairi2018`, :cite:`zhang2011`, :cite:`liu2020`

    Examples
    --------
    >>> from sparsekit import SparseBayesianRegressor
    >>> from sparsekit.datasets import make_sparse_signal
    >>> X, y, coef = make_sparse_signal(100, 300, 5, noise=0.1, values="ones", rng=0)
    >>> model = SparseBayesianRegressor().fit(X, y)
    >>> model.get_support(indices=True), coef.nonzero()[0]
    (array([ 31,  80, 167, 190, 211]), array([ 31,  80, 167, 190, 211]))
    >>> float(model.coef_[31].round(2)), float(model.coef_std_[31].round(2)), round(model.noise_variance_, 5)
    (1.01, 0.01, 0.0001)
    """

    def __init__(
        self,
        solver="gamp",
        *,
        noise_variance="learn",
        prior="independent",
        row_correlation=0.0,
        min_gain=1.0,
        damping=None,
        max_iter=1000,
        tol=1e-3,
        cv=5,
        fit_intercept=True,
    ):
        self.solver = solver
        self.noise_variance = noise_variance
        self.prior = prior
        self.row_correlation = row_correlation
        self.min_gain = min_gain
        self.damping = damping
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.fit_intercept = fit_intercept

    def fit(self, X, y):
        """Learn the coefficients, their uncertainty and the noise.

        Parameters
        ----------
        X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
            Training data, real or complex.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target(s), real or complex.

        Returns
        -------
        self : SparseBayesianRegressor
            The fitted estimator.
        """
        self._check_options()
        X, y = check_problem(X, y, estimator=self)
        if X.shape[0] < 2:
            msg = "SparseBayesianRegressor needs at least 2 samples to tell noise from signal, got n_samples = 1"
            raise ValueError(msg)
        level = self._held_out_level(X, y) if self.noise_variance == "cv" else None
        problem = BayesProblem(X, y, center=bool(self.fit_intercept))
        apart = self.row_correlation is None and len(problem.Y) > 1
        parts = [problem.only(i) for i in range(len(problem.Y))] if apart else [problem]
        answers = [self._answer(part, level) for part in parts]
        self._store(problem, answers, single=y.ndim == 1)
        self._warn()
        return self

    def predict(self, X, return_std=False):
        """Predict targets, and how uncertain they are.

        Parameters
        ----------
        X : {array-like, sparse matrix or array, LinearOperator} of shape (n_samples, n_features)
            Samples.
        return_std : bool, default=False
            Whether to return standard deviations as well.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            ``X @ coef_.T + intercept_``.
        std : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Standard deviations of new targets, noise, coefficients and intercept included; with `return_std` only.

        Raises
        ------
        ValueError
            When standard deviations are asked for and `covariance_` is None.
        """
        mean = super().predict(X)
        if not return_std:
            return mean
        if self.covariance_ is None:
            msg = f"the covariance of more than {LARGE} coefficients is not kept: raise min_gain, or use coef_std_"
            raise ValueError(msg)
        chosen = self.get_support(indices=True)
        X = check_matrix(X, estimator=self, reset=False)
        unit = np.zeros((self.n_features_in_, len(chosen)), self.coef_.dtype)
        unit[chosen, np.arange(len(chosen))] = 1
        spread = np.linalg.norm((np.asarray(X @ unit) - self._x_mean_[chosen]) @ self._covariance_root_, axis=-1)
        noise = np.sqrt(np.reshape(self.noise_variance_, (-1, 1)) * (1 + self._intercept_share_))
        std = np.hypot(spread, noise).astype(self.coef_std_.dtype)
        return mean, (std[0] if mean.ndim == 1 else np.broadcast_to(std, mean.T.shape).T)

    def _check_options(self):
        check_choice(self.solver, "solver", ("gamp", "em"))
        check_choice(self.prior, "prior", ("independent", "markov"))
        if isinstance(self.noise_variance, str):
            check_choice(self.noise_variance, "noise_variance", ("learn", "cv"))
        else:
            check_non_negative(self.noise_variance, "noise_variance")
        if isinstance(self.row_correlation, str):
            check_choice(self.row_correlation, "row_correlation", ("learn",))
        elif self.row_correlation is not None:
            check_scalar(self.row_correlation, "row_correlation", Real)
            if not -1 < self.row_correlation < 1:
                msg = f"row_correlation must be in (-1, 1), got {self.row_correlation}; 'learn' finds it"
                raise ValueError(msg)
        check_scalar(self.min_gain, "min_gain", Real)
        if not self.min_gain < np.inf:
            msg = f"min_gain must be smaller than inf, got {self.min_gain}; -inf keeps all coefficients"
            raise ValueError(msg)
        if self.damping is not None:
            check_non_negative(self.damping, "damping")
            check_scalar(self.damping, "damping", Real, min_val=0, max_val=1, include_boundaries="right")
        check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        check_non_negative(self.tol, "tol")
        check_scalar(self.tol, "tol", Real, min_val=0, max_val=1, include_boundaries="neither")

    def _answer(self, problem, level):
        """What is believed in the end, with the probabilities of the support."""
        beta = self.row_correlation if len(problem.Y) > 1 and self.row_correlation is not None else 0.0
        learn = isinstance(self.noise_variance, str)
        rules = Rules(
            noise=None, correlation=None if beta == "learn" else float(beta), tol=self.tol, max_iter=self.max_iter
        )
        rules.keep_all = self.min_gain == -np.inf
        search = Search(
            problem,
            self.solver,
            self.damping,
            self.prior,
            self.min_gain,
            noise=None if learn else problem.noise_in_working_units(self.noise_variance),
            level=level,
            rules=rules,
        )
        return search.run(), search.probability

    def _held_out_level(self, X, y):
        """The noise variance, in units of the mean square of y, with the smallest errors on held-out rows.

        From above, until errors have risen: with less noise the fits take longer and explain more of it.
        """
        check_rows(X)
        folds, errors = list(check_cv(self.cv).split(X, y)), []
        for level in _GRID:
            errors.append(sum(self._held_out_error(X, y, *fold, level) for fold in folds))
            if len(errors) > np.argmin(errors) + _PAST and errors[-1] > _WORSE * min(errors):
                break
        return _GRID[np.argmin(errors)]

    def _held_out_error(self, X, y, train, test, level):
        problem = BayesProblem(X[train], y[train], center=bool(self.fit_intercept))
        model = clone(self).set_params(noise_variance=problem.noise_in_users_units(level * problem.size))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            missed = y[test] - model.fit(X[train], y[train]).predict(X[test])
        return float(np.square(np.abs(shifted(missed, -exponent(y)))).sum())

    def _store(self, problem, answers, *, single):
        """Set the attributes from one answer for all targets, or one for each."""
        n, n_targets, dtype = problem.n_positions, len(problem.Y), problem.Y.dtype
        coef, std = np.zeros((n_targets, n), dtype), np.zeros((n_targets, n), problem.Y.real.dtype)
        prior, gain = (np.zeros((len(answers), n)) for _ in range(2))
        shared = len(answers) == 1
        ends = [conclude(problem if shared else problem.only(i), belief) for i, (belief, _) in enumerate(answers)]
        for i, end in enumerate(ends):
            rows = slice(None) if shared else slice(i, i + 1)
            coef[rows, end.where], std[rows, end.where] = end.mean, end.std
            prior[i, end.where], gain[i, end.where] = end.prior_variance, end.gain
        offset = problem.y_mean - coef @ problem.x_mean
        self._set_coefficients(coef, offset, single)
        self.coef_std_ = std[0] if single else std
        self.prior_variance_, self.gain_ = (prior[0], gain[0]) if shared else (prior, gain)
        if self.prior == "markov":
            probability = np.stack([each for _, each in answers])
            self.support_probability_ = probability[0] if shared else probability
        self.noise_variance_ = ends[0].noise_variance if shared else np.array([end.noise_variance for end in ends])
        self._covariance_root_ = _covariance_root(ends, np.flatnonzero((coef != 0).any(axis=0)))
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            self.covariance_ = (
                None
                if self._covariance_root_ is None
                else self._covariance_root_ @ self._covariance_root_.conj().swapaxes(-1, -2)
            )
        beliefs = [belief for belief, _ in answers]
        self.row_correlation_ = beliefs[0].correlation.beta
        self.n_iter_ = max(1, *(belief.n_iter for belief in beliefs))
        self.converged_ = all(belief.converged for belief in beliefs)
        self.noise_is_known_ = not any(belief.crowded for belief in beliefs)
        self._x_mean_, self._intercept_share_ = problem.x_mean, self.fit_intercept / problem.Y.shape[1]

    def _warn(self):
        if not self.converged_:
            warnings.warn(
                f"sparse Bayesian learning did not settle to tol={self.tol} in {self.max_iter} iterations; "
                "raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )
        if not self.noise_is_known_:
            warnings.warn(
                "the noise variance cannot be learnt: more than half as many coefficients as samples are clear, which "
                "could explain any noise; give noise_variance, or more samples",
                ConvergenceWarning,
                stacklevel=3,
            )


def _covariance_root(ends, chosen):
    """For the chosen features: (k, r), or (n_targets, k, r) where it differs; None where it is not kept."""
    if any(end.root is None for end in ends):
        return None
    widest, parts = max(end.root.shape[2] for end in ends), []
    for end in ends:
        inside, places = np.intersect1d(end.where, chosen, return_indices=True)[1:]
        part = np.zeros((len(end.root), len(chosen), widest), end.root.dtype)
        part[:, places, : end.root.shape[2]] = end.root[:, inside]
        parts.append(part)
    root = np.concatenate(parts)
    return root[0] if len(root) == 1 else root

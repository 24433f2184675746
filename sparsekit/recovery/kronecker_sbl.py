"""Sparse Bayesian learning for Kronecker-structured dictionaries; the work is done in kronecker_em.py."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_scalar, column_or_1d, metadata_routing
from sklearn.utils.validation import check_is_fitted

from sparsekit.core.operators import energy
from sparsekit.core.scaling import exponent, shifted
from sparsekit.core.validation import check_choice, check_matrix, check_non_negative
from sparsekit.recovery._regressor import check_in_range
from sparsekit.recovery.kronecker_em import Posterior, learn, multilinear

_PRUNE = {"root": 1e-3, "svd": 1e-3, "am": 1e-2}  # the last two are the authors'


class KroneckerSBL(RegressorMixin, BaseEstimator):
    r"""Sparse Bayesian learning with a Kronecker-structured dictionary.

    Coefficients x of :math:`y \approx (A_1 \otimes \dots \otimes A_d) x`, whose prior variances are an outer product,
    too: the non-zeros lie where chosen columns of the factors meet. The Kronecker product is never formed.

    Parameters
    ----------
    method : {"root", "svd", "am"}, default="root"
        How an outer product is fitted to the second moments of the coefficients in every iteration of EM: to their
        square roots by one leading singular vector after the other, to themselves in the same way ("svd" of
        :cite:`he2024`), or by the maximum of the bound of EM, one factor at a time ("am" of :cite:`he2024`). With one
        factor all three are plain sparse Bayesian learning.
    noise_variance : "learn" or float, default="learn"
        Variance of the noise, :math:`E|e_i|^2`. "learn" begins with a tenth of the variance of y and follows the rule
        of EM. 0 stands for the rounding error of y, as does everything below it.
    block_size : int or tuple of int, default=None
        Number of consecutive columns of a factor, of every factor for an int, that share one prior variance, 1 to its
        number of columns. The last block may be shorter. None is 1.
    max_iter : int, default=500
        Largest number of iterations. "am" wants some 1000 when there is much noise.
    tol : float, default=1e-4
        Relative change of the prior variances (of their outer product) at which to stop.
    prune : float, default=None
        Columns are dropped for good when their prior variance is at most this part of the largest in their factor, 0 to
        below 1. None is 0.001 for "root" and "svd", 0.01 for "am".

    Attributes
    ----------
    coef_ : ndarray of shape (N_1, ..., N_d)
        Posterior mean of the coefficients; zero for dropped columns.
    coef_std_ : ndarray of shape (N_1, ..., N_d)
        Posterior standard deviations, given the prior variances; zero for dropped columns.
    gammas_ : tuple of ndarray of shape (N_i,)
        Vectors of equal length whose outer product holds the prior variances, in double precision; beyond its range
        inf.
    noise_variance_ : float
        The variance of the noise that was learnt or given.
    n_iter_ : int
        Number of iterations.
    converged_ : bool
        Whether the last change was below `tol`.
    change_path_ : ndarray of shape (n_iter,)
        Relative change of the prior variances in every iteration.
    residual_ : float
        ``norm(y - A x) / norm(y)``.
    n_features_in_ : int
        Number of coefficients, N_1 ... N_d.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, when the only factor has names that are all strings.

    Raises
    ------
    ValueError
        For NaN or infinity, no factors, fewer than two samples, a y of other size than the factors ask for, parameters
        out of range, and coefficients beyond the floating-point range.
    TypeError
        For factors that are sparse or no matrices, and parameters of wrong type.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` iterations were not enough.

    Notes
    -----
    Factors are (M_i, N_i). With N_1 ... N_d coefficients, an iteration costs O(N_1 ... N_d (N_1 + ... + N_d)) plus the
    singular value decompositions of the factors, until columns are dropped; from then on only the others count. Memory
    is a few tensors of the size of the coefficients. There is no intercept.

    Which method? Least squares to the second moments ("svd") explain the largest at the cost of the others, whose prior
    variances become too small: these coefficients are biased towards zero, now and then severely. Square roots
    ("root") have a smaller range. The two agree when the non-zeros are an outer product themselves. "am" raises the
    evidence in every iteration, but its small variances decay slowly, and at its threshold `prune` it loses columns
    that hold less than a hundredth of the power of the strongest.

    References
    ----------
    :cite:`he2024`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import KroneckerSBL
    >>> rng = np.random.default_rng(0)
    >>> A1, A2 = rng.standard_normal((15, 20)), rng.standard_normal((20, 30))
    >>> x = np.zeros((20, 30))
    >>> x[np.ix_([2, 7], [4, 9])] = [[1.0, -2.0], [3.0, 1.0]]
    >>> y = A1 @ x @ A2.T + 0.1 * rng.standard_normal((15, 20))
    >>> model = KroneckerSBL().fit((A1, A2), y)
    >>> model.coef_[np.ix_([2, 7], [4, 9])].round(1)
    array([[ 1., -2.],
           [ 3.,  1.]])
    >>> int(np.count_nonzero(model.coef_)), round(model.noise_variance_, 2)
    (4, 0.01)
    """

    __metadata_request__fit = {"factors": metadata_routing.UNUSED}  # noqa: RUF012  as scikit-learn writes it
    __metadata_request__predict = {"factors": metadata_routing.UNUSED}  # noqa: RUF012
    __metadata_request__score = {"factors": metadata_routing.UNUSED}  # noqa: RUF012

    def __init__(self, method="root", *, noise_variance="learn", block_size=None, max_iter=500, tol=1e-4, prune=None):
        self.method = method
        self.noise_variance = noise_variance
        self.block_size = block_size
        self.max_iter = max_iter
        self.tol = tol
        self.prune = prune

    def fit(self, factors, y):
        """Learn the prior variances, and with them the coefficients.

        Parameters
        ----------
        factors : sequence of d array-likes of shape (M_i, N_i), or one such array-like
            Matrices, real or complex; mixed kinds are welcome.
        y : array-like of shape (M_1 ... M_d,) or (M_1, ..., M_d)
            Data ``kron(A_1, ..., A_d) @ x``, as a vector or as a tensor in C order: the index of the last factor is the
            fastest.

        Returns
        -------
        self : KroneckerSBL
            The fitted estimator.
        """
        self._check_options()
        factors = self._check_factors(factors, reset=True)
        Y, vector = _check_target(y, [A.shape[0] for A in factors], type(self).__name__)
        dtype = np.result_type(*factors, Y)
        real = np.finfo(dtype).dtype
        Y, *factors = (each.astype(np.result_type(each.dtype, real), copy=False) for each in (Y, *factors))
        unit = exponent(Y)
        self._vector_, self._exponents_ = (
            vector,
            (unit, unit - sum(exponent(A) for A in factors)),
        )  # of y, of coefficients
        Y, *factors = (shifted(each, -exponent(each)) for each in (Y, *factors))
        blocks = self._check_blocks([A.shape[1] for A in factors])
        noise = None
        if self.noise_variance != "learn":
            noise = float(min(np.ldexp(float(self.noise_variance), -2 * unit), np.finfo(real).max ** 0.5))
        if not (Y.any() and all(A.any() for A in factors)):
            return self._store_nothing(factors, Y, noise, dtype)
        prune = _PRUNE[self.method] if self.prune is None else self.prune
        options = {"max_iter": self.max_iter, "tol": self.tol, "prune": prune}
        found = learn(factors, Y, method=self.method, noise=noise, blocks=blocks, **options)
        if not found.converged:
            warnings.warn(
                f"the prior variances still change by {found.path[-1]:.2g} of their size after "
                f"max_iter={self.max_iter} iterations: raise max_iter, or tol above {self.tol:g}",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self._store(factors, Y, found, dtype)

    def predict(self, factors, return_std=False):
        """Predict data.

        Parameters
        ----------
        factors : sequence of d array-likes of shape (m_i, N_i), or one such array-like
            Matrices with the columns of those that were fitted.
        return_std : bool, default=False
            Whether to return standard deviations.

        Returns
        -------
        y : ndarray of shape (m_1 ... m_d,) or (m_1, ..., m_d)
            ``kron(A_1, ..., A_d) @ x``, as a vector or as a tensor like the y that was fitted.
        y_std : ndarray of the shape of y
            Standard deviations of new data, their noise included; only with `return_std`.
        """
        check_is_fitted(self)
        factors = self._check_factors(factors, reset=False)
        peaks = [exponent(A) for A in factors]
        factors = [shifted(A, -e) for A, e in zip(factors, peaks, strict=True)]
        unit = exponent(self.coef_)
        answers = [shifted(multilinear(factors, shifted(self.coef_, -unit)), unit + sum(peaks))]
        if return_std:
            known = Posterior(self._noise_, self._roots_, self._bases_, self._values_)
            variances = np.zeros(answers[0].shape)
            if self.coef_std_.any():
                used = [A[:, k] for A, k in zip(factors, self._kept_, strict=True)]
                variances = known.variances_of_products(used, known.noise_share())
            noise = np.ldexp(np.sqrt(self._noise_), self._exponents_[0])
            answers.append(np.hypot(shifted(np.sqrt(variances), self._exponents_[1] + sum(peaks)), noise))
            answers[1] = answers[1].astype(self.coef_std_.dtype, copy=False)
        if self._vector_:
            answers = [answer.ravel() for answer in answers]
        return tuple(answers) if return_std else answers[0]

    def score(self, factors, y):
        """Coefficient of determination over all entries of y.

        Parameters
        ----------
        factors : sequence of d array-likes of shape (m_i, N_i), or one such array-like
            Matrices.
        y : array-like of shape (m_1 ... m_d,) or (m_1, ..., m_d)
            Data.

        Returns
        -------
        score : float
            ``1 - norm(y - predict(factors))**2 / norm(y - mean(y))**2``.
        """
        y = np.asarray(y)
        residual = np.linalg.norm(y.ravel() - self.predict(factors).ravel())
        return float(1 - (residual / np.linalg.norm(y - y.mean())) ** 2)

    def _store_nothing(self, factors, Y, noise, dtype):
        """No data, or a factor without columns: the coefficients are zero."""
        nothing = [np.zeros((0, 0), dtype)] * len(factors)
        self._noise_ = energy(Y) / Y.size if noise is None else noise
        self._kept_ = self._roots_ = self._values_ = tuple(np.zeros(0, int) for _ in factors)
        self._bases_ = tuple(nothing)
        shape = tuple(A.shape[1] for A in factors)
        self.coef_, self.coef_std_ = np.zeros(shape, dtype), np.zeros(shape, np.finfo(dtype).dtype)
        self.gammas_ = tuple(np.zeros(n) for n in shape)
        self.residual_ = 1.0 if Y.any() else 0.0
        return self._store_course([], converged=True)

    def _store(self, factors, Y, found, dtype):
        posterior, places = found.posterior, np.ix_(*found.kept)
        share = posterior.noise_share()
        mean, std = posterior.mean(share), np.sqrt(posterior.variances(share))
        used = [A[:, k] for A, k in zip(factors, found.kept, strict=True)]
        self.residual_ = float(np.sqrt(energy(Y - multilinear(used, mean)) / energy(Y)))
        self.coef_ = np.zeros([A.shape[1] for A in factors], dtype)
        self.coef_std_ = np.zeros(self.coef_.shape, np.finfo(dtype).dtype)
        self.coef_[places] = shifted(mean, self._exponents_[1])
        self.coef_std_[places] = shifted(std, self._exponents_[1])
        check_in_range(self.coef_)
        lengths = [np.linalg.norm(g) for g in found.hyper]
        self.gammas_ = tuple(np.zeros(A.shape[1]) for A in factors)
        with np.errstate(over="ignore"):
            size = np.exp2((np.log2(lengths).sum() + 2 * self._exponents_[1]) / len(factors))
            for gamma, kept, g, length in zip(self.gammas_, found.kept, found.hyper, lengths, strict=True):
                gamma[kept] = size * (g / length)
        self._noise_, self._kept_ = posterior.noise, tuple(found.kept)
        self._roots_, self._bases_, self._values_ = posterior.roots, posterior.bases, posterior.values
        return self._store_course(found.path, converged=found.converged)

    def _store_course(self, path, *, converged):
        with np.errstate(over="ignore"):
            self.noise_variance_ = float(np.ldexp(self._noise_, 2 * self._exponents_[0]))
        self.change_path_, self.n_iter_, self.converged_ = np.array(path, float), len(path), converged
        return self

    def _check_options(self):
        check_choice(self.method, "method", tuple(_PRUNE))
        if isinstance(self.noise_variance, str):
            if self.noise_variance != "learn":
                msg = f'noise_variance must be "learn" or a number, got {self.noise_variance!r}'
                raise ValueError(msg)
        else:
            check_non_negative(self.noise_variance, "noise_variance")
        check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        check_scalar(self.tol, "tol", Real, min_val=0, include_boundaries="neither")
        check_non_negative(self.tol, "tol")  # no inf, no NaN
        if self.prune is not None:
            check_scalar(self.prune, "prune", Real, max_val=1, include_boundaries="neither")
            check_non_negative(self.prune, "prune")

    def _check_blocks(self, widths):
        """One block size per factor."""
        size = 1 if self.block_size is None else self.block_size
        sizes = size if isinstance(size, (tuple, list)) else (size,) * len(widths)
        if len(sizes) != len(widths):
            msg = f"block_size must have one entry for each of the {len(widths)} factors, got {len(sizes)}"
            raise ValueError(msg)
        for each, width in zip(sizes, widths, strict=True):
            check_scalar(each, "block_size", Integral, min_val=1, max_val=width)
        return sizes

    def _check_factors(self, factors, *, reset):
        """The factors as a list of finite dense matrices; learns or checks their widths."""
        several = _is_sequence_of_matrices(factors)
        if several and not len(factors):
            msg = "factors must hold at least one matrix (M_i, N_i), got none"
            raise ValueError(msg)
        if isinstance(factors, np.ndarray) and factors.ndim == 3:
            msg = "factors must be a tuple of matrices (M_i, N_i), got one 3-d array; pass tuple(factors)"
            raise ValueError(msg)
        matrices = list(factors) if several else [factors]
        for A in matrices:
            if issparse(A) or isinstance(A, LinearOperator):
                msg = f"Sparse factors and operators are not supported: factors must be dense, got {type(A).__name__}"
                raise TypeError(msg)
        if len(matrices) == 1:
            matrices = [check_matrix(matrices[0], estimator=self, reset=reset)]
        else:
            matrices = [check_matrix(A, input_name=f"factors[{i}]") for i, A in enumerate(matrices)]
        widths = tuple(A.shape[1] for A in matrices)
        if reset:
            self.n_features_in_ = int(np.prod(widths))
            if len(matrices) > 1 and hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif widths != self.coef_.shape:
            msg = f"factors must have {self.coef_.shape} columns, as those that were fitted; got {widths}"
            raise ValueError(msg)
        return matrices


def _is_sequence_of_matrices(factors):
    """Whether this is a list or tuple of matrices, not one matrix as a list of rows."""
    if not isinstance(factors, (list, tuple)):
        return False
    try:
        return all((A.ndim if hasattr(A, "ndim") else np.ndim(A)) == 2 for A in factors)
    except ValueError:  # ragged
        return False


def _check_target(y, lengths, name):
    """Y (M_1, ..., M_d), finite, and whether it came as a vector."""
    if y is None:
        msg = f"This {name} estimator requires y to be passed, but the target y is None"
        raise ValueError(msg)
    y = np.asarray(y)
    size = int(np.prod(lengths))
    if y.size != size:
        msg = (
            f"y must have one entry for each row of the Kronecker product, {size} = "
            f"{' x '.join(map(str, lengths))} samples, got {y.size}: inconsistent numbers of samples"
        )
        raise ValueError(msg)
    if size < 2:
        msg = f"y must have at least 2 entries, got {size}: n_samples = 1 does not tell coefficients from noise"
        raise ValueError(msg)
    vector = y.shape != tuple(lengths) or len(lengths) == 1
    if vector:
        column_or_1d(y.real, warn=True)
    return check_matrix(y.reshape(-1, 1), input_name="y").reshape(lengths), vector

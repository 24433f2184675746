"""Sparse codes of many signals over one dictionary, as a transformer: row i of the codes belongs to signal i."""

import numpy as np
from scipy.fft import dct
from scipy.sparse import csr_array, issparse
from scipy.sparse.linalg import LinearOperator
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sparsekit.core.kernels import kernel
from sparsekit.core.operators import Design
from sparsekit.core.threads import check_n_jobs, run_chunks
from sparsekit.core.validation import check_choice, check_matrix, is_complex
from sparsekit.recovery.batch_omp import Correlation, Decrease, is_accurate, pursue_batch, pursue_gram
from sparsekit.recovery.matching_pursuit import SIGNS, match_columns, match_gram
from sparsekit.recovery.omp import pursue_columns
from sparsekit.recovery.pursuit import check_stop

_METHODS = ("omp", "ols", "mp")
_KEPT_GRAM = 1 << 12  # atoms up to which the Gram matrix (128 MB) is kept


class PursuitCoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Code every row of X by a few atoms of a dictionary.

    Row by row, with atoms d_j, approximates

    .. math:: \min_z \|x - \sum_j z_j d_j\|_2^2 \quad\text{subject to}\quad \|z\|_0 \le K

    Parameters
    ----------
    dictionary : {ndarray, sparse matrix or array, LinearOperator} of shape (n_atoms, n_features), default=None
        Atoms as rows, usually of unit norm. None is the orthonormal basis of cosines (DCT-II) for signals of length
        n_features.
    method : {"omp", "ols", "mp"}, default="omp"
        Orthogonal matching pursuit, orthogonal least squares or matching pursuit.
    n_nonzero_coefs : int, default=None
        Number of atoms K for each signal (steps for "mp"); None is ``max(1, n_features // 10)``.
    tol : float, default=None
        Squared residual norm at which a signal is done; overrides `n_nonzero_coefs`.
    sign : {"both", "positive"}, default="both"
        For "mp": correct by the largest correlation in absolute value, or only ever upwards.
    n_jobs : int, default=None
        Number of threads over signals; the codes do not depend on it.

    Attributes
    ----------
    dictionary_ : {ndarray, sparse matrix or array, LinearOperator} of shape (n_atoms, n_features)
        The atoms in the precision of the data.
    gram_ : ndarray of shape (n_atoms, n_atoms) or None
        Inner products of the atoms; None for an operator and for more than 4096 atoms, which are coded signal by
        signal.
    n_features_in_ : int
        Length of the signals.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, when X has string names.

    See Also
    --------
    orthogonal_mp : The same pursuits for regression, where the columns of X are the atoms.

    Notes
    -----
    O(n_atoms^2 n_features) once, then O(n_atoms (n_features + K^2)) a signal for "omp" and "ols", and
    O(n_atoms (n_features + K)) for "mp". Codes are the same for any `n_jobs`; the correlations pass through BLAS, so
    that another split of the signals into batches may change their last bits.

    References
    ----------
    :cite:`rubinstein2008`, :cite:`chen1989`, :cite:`mallat1993`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import PursuitCoder
    >>> signals = np.cos(np.pi * np.outer([3, 5], np.arange(16) + 0.5) / 16)
    >>> codes = PursuitCoder(n_nonzero_coefs=1).fit_transform(signals)
    >>> codes.indices
    array([3, 5], dtype=int32)
    """

    def __init__(self, dictionary=None, *, method="omp", n_nonzero_coefs=None, tol=None, sign="both", n_jobs=None):
        self.dictionary = dictionary
        self.method = method
        self.n_nonzero_coefs = n_nonzero_coefs
        self.tol = tol
        self.sign = sign
        self.n_jobs = n_jobs

    def fit(self, X, y=None):
        """Check the dictionary against the signals and prepare it.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_signals, n_features)
            Signals, real or complex; only their length and precision matter.
        y : None
            Ignored.

        Returns
        -------
        self : PursuitCoder
            The fitted coder.

        Raises
        ------
        ValueError
            For NaN or infinity, a dictionary whose rows are not as long as the signals, or parameters out of range.
        """
        X = _check_signals(X, self)
        if self.dictionary is None:
            dictionary = dct(np.eye(X.shape[1]), axis=0, norm="ortho")
        else:
            dictionary = check_matrix(self.dictionary, input_name="dictionary")
        if dictionary.shape[1] != X.shape[1]:
            msg = (
                f"dictionary must have rows of the length of the signals, {X.shape[1]}, got shape {dictionary.shape}; "
                "atoms are rows: transpose a dictionary whose atoms are columns"
            )
            raise ValueError(msg)
        dtype = np.result_type(X.dtype, np.complex64) if is_complex(dictionary) else X.dtype
        if isinstance(dictionary, LinearOperator):
            self.dictionary_ = dictionary
        else:
            self.dictionary_ = dictionary.astype(dtype, copy=False)
        design = Design(self.dictionary_.T)
        self._stop(design)
        keep = not isinstance(dictionary, LinearOperator) and dictionary.shape[0] <= _KEPT_GRAM
        self.gram_ = design.gram() if keep else None
        return self

    def transform(self, X):
        """Code signals.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_signals, n_features)
            Signals.

        Returns
        -------
        codes : csr_array of shape (n_signals, n_atoms)
            Coefficients of the chosen atoms, indices sorted.

        Raises
        ------
        ValueError
            For NaN or infinity, signals of another length, or signals so large that their codes overflow.
        """
        check_is_fitted(self)
        X = _check_signals(X, self, reset=False)
        design = Design(self.dictionary_.T)
        if is_complex(X) and design.dtype.kind != "c":
            msg = "X is complex, but the dictionary is real: fit to complex signals with an array as dictionary"
            raise ValueError(msg)
        with np.errstate(over="ignore"):
            X = X.astype(design.dtype, copy=False)
        if not np.isfinite(X.data if issparse(X) else X).all():
            msg = f"X overflows {X.dtype}, the precision that this coder was fitted to"
            raise ValueError(msg)
        stop = self._stop(design)
        n_steps, active, coef = map(np.concatenate, zip(*self._code(design, X, stop), strict=True))
        if not np.isfinite(coef).all():
            msg = f"codes overflow {coef.dtype}: divide X by its largest absolute value before coding"
            raise ValueError(msg)
        ends = np.concatenate([[0], np.cumsum(n_steps)], dtype=active.dtype)
        codes = csr_array((coef, active, ends), shape=(X.shape[0], design.shape[1]))
        codes.has_canonical_format = self.method != "mp"
        codes.sum_duplicates()  # a matching pursuit may choose an atom again
        return codes

    def inverse_transform(self, X):
        """Signals from codes.

        Parameters
        ----------
        X : {array-like, sparse matrix or array} of shape (n_signals, n_atoms)
            Codes.

        Returns
        -------
        signals : ndarray of shape (n_signals, n_features)
            ``X @ dictionary_``.
        """
        check_is_fitted(self)
        X = check_matrix(X, input_name="X")
        if X.shape[1] != self.dictionary_.shape[0]:
            msg = f"X must have {self.dictionary_.shape[0]} columns, one for each atom, got {X.shape[1]}"
            raise ValueError(msg)
        if isinstance(self.dictionary_, LinearOperator):
            return (self.dictionary_.T @ (X.toarray() if issparse(X) else X).T).T
        signals = X @ self.dictionary_
        return signals.toarray() if issparse(signals) else signals

    def _stop(self, design):
        """The parameters, checked: they may have changed since fit."""
        check_choice(self.method, "method", _METHODS)
        check_choice(self.sign, "sign", SIGNS)
        check_n_jobs(self.n_jobs)
        if self.sign == "positive" and design.dtype.kind == "c":
            msg = "sign='positive' needs real data, got complex signals or atoms; use sign='both'"
            raise ValueError(msg)
        n_nonzero_coefs = max(1, design.shape[0] // 10) if self.n_nonzero_coefs is None else self.n_nonzero_coefs
        return check_stop(n_nonzero_coefs, self.tol, design, repeats=self.method == "mp")

    def _code(self, design, signals, stop):
        """Numbers of steps, atoms and coefficients of consecutive signals, for each chunk."""
        if self.gram_ is not None and is_accurate(stop, signals):
            kernel, rule = {
                "omp": (pursue_gram, Correlation()),
                "ols": (pursue_gram, Decrease()),
                "mp": (match_gram, self.sign == "positive"),
            }[self.method]
            omega = np.ones(design.shape[1])
            return pursue_batch(
                kernel, rule, design, signals, omega, stop, gram=self.gram_, n_jobs=self.n_jobs, finish=_sorted
            )

        return run_chunks(lambda i: self._code_alone(design, signals, i, stop), range(signals.shape[0]), self.n_jobs)

    def _code_alone(self, design, signals, i, stop):
        """The same for signal i, through products with the dictionary."""
        y = signals[[i]].toarray().T if issparse(signals) else signals[i][:, None]
        omega = np.ones(design.shape[1])
        if self.method == "mp":
            return _sorted(match_columns(design, y[:, 0], self.sign == "positive", omega, stop))
        return _sorted(pursue_columns(design, y, self.method, omega, stop))

    @property
    def _n_features_out(self):
        return self.dictionary_.shape[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _check_signals(X, coder, *, reset=True):
    if isinstance(X, LinearOperator):
        msg = "X must be an array or a sparse matrix of signals, got a LinearOperator; only the dictionary may be one"
        raise TypeError(msg)
    X = check_matrix(X, estimator=coder, reset=reset)
    return csr_array(X) if issparse(X) else X


@kernel
def sort_codes(pursuit, atoms, values):
    """Write the chosen atoms of every signal in increasing order, signal after signal, and their coefficients."""
    start = 0
    for row in range(pursuit.n_steps.shape[0]):
        for step in range(pursuit.n_steps[row]):
            atom, place = pursuit.active[row, step], start + step
            while place > start and atoms[place - 1] > atom:
                atoms[place], values[place] = atoms[place - 1], values[place - 1]
                place -= 1
            atoms[place], values[place] = atom, pursuit.coef[row, step]
        start += pursuit.n_steps[row]


def _sorted(pursuit):
    """Numbers of steps, atoms in increasing order and coefficients of consecutive signals."""
    count = pursuit.n_steps.sum()
    atoms, values = np.empty(count, np.int32), np.empty(count, pursuit.coef.dtype)
    sort_codes(pursuit, atoms, values)
    return pursuit.n_steps, atoms, values

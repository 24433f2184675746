"""Cross-validation by the errors of one path a fold on the rows that it has not seen."""

import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.model_selection import check_cv

from sparsekit.core.threads import run_chunks


def check_rows(X):
    """Raise for a LinearOperator."""
    if isinstance(X, LinearOperator):
        msg = "X must be an array or a sparse matrix: the rows of a LinearOperator cannot be held out"
        raise TypeError(msg)


def held_out_errors(errors_of, X, y, sample_weight, cv, n_candidates, n_jobs):
    """Errors of every candidate on every fold, and their means over all held-out rows.

    Parameters
    ----------
    errors_of : callable
        ``errors_of(train, test)`` gives the mean errors (n_candidates,) on the rows `test` after a fit to `train`.
    X, y : array or sparse matrix of shape (n_samples, n_features), ndarray of shape (n_samples, ...)
        What is split.
    sample_weight : ndarray of shape (n_samples,) or None
        A row of weight zero is in no fold.
    cv : int, splitter, iterable or None
        As in scikit-learn.
    n_candidates : int
        How many there are.
    n_jobs : int or None
        Threads over folds.

    Returns
    -------
    errors : ndarray of shape (n_candidates, n_folds)
        One column a fold; zeros where nothing is held out.
    mean : ndarray of shape (n_candidates,)
        Averages, a fold counting as much as its held-out rows.
    """
    rows = np.arange(len(y))
    counted = rows if sample_weight is None else np.flatnonzero(sample_weight)
    folds = [[np.intersect1d(rows[part], counted) for part in fold] for fold in check_cv(cv).split(X, y)]
    if not all(len(train) for train, _ in folds) or not any(len(test) for _, test in folds):
        msg = "sample_weight is zero on all training rows of a fold, or on all test rows: use fewer folds"
        raise ValueError(msg)
    one = lambda fold: errors_of(*fold) if len(fold[1]) else np.zeros(n_candidates)  # noqa: E731  a line says it
    errors = np.stack(run_chunks(one, folds, n_jobs), axis=1)
    weights = [len(test) if sample_weight is None else sample_weight[test].sum() for _, test in folds]
    return errors, np.average(errors, axis=1, weights=weights)

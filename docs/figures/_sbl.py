"""What the scripts on sparse Bayesian learning share: matrix families, signals, the method as published, a measure.

Column j of an "AR(1)" matrix is rho times column j - 1 plus noise. A "low-rank" matrix is a product of m x R and R x n.
Singular values fall geometrically with a given condition number. All are scaled to columns of mean square length 1.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.signal import lfilter
from sklearn.exceptions import ConvergenceWarning

from sparsekit import SparseBayesianRegressor
from sparsekit.recovery.bayes_messages import DenseMessages


class Problem(NamedTuple):
    """A (m, n), y (m,), coefficients (n,) and the variance of the noise."""

    A: np.ndarray
    y: np.ndarray
    x: np.ndarray
    noise: float


def matrix(family, parameter, shape, rng):
    """A matrix of a family: "AR(1)", "low rank" (R / m), "condition", "mean" or "iid"."""
    m, n = shape
    A = rng.standard_normal(shape)
    if family == "AR(1)":
        A[:, 1:] *= np.sqrt(1 - parameter**2)
        A = lfilter([1], [1, -parameter], A, axis=1)
    elif family == "low rank":
        rank = round(parameter * m)
        A = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
    elif family == "condition":
        U, _, V = np.linalg.svd(A, full_matrices=False)
        A = (U * parameter ** (-np.arange(m) / (m - 1))) @ V
    elif family == "mean":
        A += parameter
    return A / np.sqrt(np.sum(A**2) / n)


def problem(A, n_nonzero, snr, rng):
    """A Problem with normal coefficients at random places; the SNR is in dB."""
    x = np.zeros(A.shape[1])
    x[rng.choice(A.shape[1], n_nonzero, replace=False)] = rng.standard_normal(n_nonzero)
    z = A @ x
    noise = np.mean(z**2) * 10 ** (-snr / 10)
    return Problem(A, z + np.sqrt(noise) * rng.standard_normal(len(z)), x, noise)


def db(coef, truth):
    """Squared error over the squared norm of the truth, in dB."""
    return 20 * np.log10(np.linalg.norm(coef - truth) / np.linalg.norm(truth))


def fitted(A, y, **options):
    """SparseBayesianRegressor without an intercept; failures to converge are seen in its errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SparseBayesianRegressor(**options, fit_intercept=False).fit(A, y)


def least_squares(one):
    """By someone who knows the support."""
    coef, support = np.zeros_like(one.x), np.flatnonzero(one.x)
    coef[support] = np.linalg.lstsq(one.A[:, support], one.y, rcond=None)[0]
    return coef


def conventional_em(one, *, pruning=1e-8, tol=1e-6, max_iter=500):
    """Sparse Bayesian learning as published: exact posteriors, noise variance by expectation and maximisation.

    Prior variances below `pruning` of the largest are dropped. 1e-8 does so for speed and changes 0.1 dB; larger values
    change the answers by many dB, for better or worse.
    """
    B, y, active = one.A, one.y, np.arange(one.A.shape[1])
    gamma, noise, coef = np.ones(len(active)), np.var(y) / 100, np.zeros(len(active))
    for _ in range(max_iter):
        scaled = B * np.sqrt(gamma)
        L = np.linalg.cholesky(noise * np.eye(len(y)) + scaled @ scaled.T)
        V = solve_triangular(L, np.column_stack([scaled, y]), lower=True, check_finite=False)
        explained = np.einsum("ij,ij->j", V[:, :-1], V[:, :-1])
        mean = np.sqrt(gamma) * (V[:, :-1].T @ V[:, -1])
        noise = (np.sum((y - B @ mean) ** 2) + noise * explained.sum()) / len(y)
        gamma = mean**2 + gamma * np.maximum(1 - explained, 0)
        old, coef = coef, np.zeros_like(coef)
        coef[active] = mean
        if np.linalg.norm(coef - old) < tol * np.linalg.norm(coef):
            break
        kept = gamma > pruning * gamma.max()
        if not kept.all():
            gamma, active, B = gamma[kept], active[kept], B[:, kept]
    return coef


def message_em(one, *, damping=1.0, tol=1e-4, max_iter=150):
    """The same with posteriors by message passing, undamped by default; None where the messages diverge.

    DenseMessages halves the damping when numbers overflow, which counts as divergence, too.
    """
    gamma, noise, coef = np.ones(one.A.shape[1]), np.var(one.y) / 100, np.zeros(one.A.shape[1])
    messages = DenseMessages(one.A, one.y[None], damping)
    first = messages.damping
    for _ in range(max_iter):
        try:
            moments = messages.posterior(gamma[None], noise, tol=1e-3, max_iter=100)
        except FloatingPointError:
            return None
        if messages.damping < first:
            return None
        old, coef = coef, moments.mean[0]
        with np.errstate(over="ignore"):
            misfit = np.sum((one.y - one.A @ coef) ** 2)
        if not misfit < 1e6 * np.sum(one.y**2):
            return None
        noise = (misfit + noise * moments.explained.sum()) / len(one.y)
        gamma = coef**2 + moments.variance[0]
        if np.linalg.norm(coef - old) < tol * np.linalg.norm(coef):
            break
    return coef if db(coef, one.x) <= 0 else None

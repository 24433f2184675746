"""SparseBayesianRegressor against dense covariances, determinants and enumerated supports, and its own promises."""

import pickle
import re
import warnings
from itertools import pairwise

import numpy as np
import pytest
from numpy.linalg import norm
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sparsekit import SparseBayesianRegressor
from sparsekit.recovery.bayes_belief import Belief, Correlation
from sparsekit.recovery.bayes_evidence import _missed, absent_gains
from sparsekit.recovery.bayes_exact import ExactPosterior
from sparsekit.recovery.bayes_messages import (
    DenseMessages,
    LooseMessages,
    OperatorProducts,
    damping_rule,
    squared_norm,
)
from sparsekit.recovery.bayes_problem import BayesProblem
from sparsekit.recovery.bayes_search import log_odds
from sparsekit.recovery.support_chain import chain_marginals
from tests.naive import bayes as naive
from tests.naive.design import KINDS

# covariances of some 40 rows with condition numbers below 1e4 (signal to noise), inverted twice: 1e-12 measured
CERTAIN = 1e-8
ROUNDING = 1e-10  # some ten passes over sums of less than 100 terms

each_field = pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
each_solver = pytest.mark.parametrize("solver", ["gamp", "em"])
# messages are slow as plain Python, and a course of many iterations sends many
each_solver_compiled = pytest.mark.parametrize("solver", [pytest.param("gamp", marks=pytest.mark.jit), "em"])
each_prior = pytest.mark.parametrize("prior", ["independent", "markov"])


def fitted(X, y, *args, **options):
    """A fit that may stop early."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SparseBayesianRegressor(*args, **options).fit(X, y)


def close(found, expected, tol=ROUNDING):
    """Relative to the largest entry; also of nothing."""
    assert np.shape(found) == np.shape(expected)
    assert_allclose(found, expected, rtol=0, atol=tol * np.abs(expected).max(initial=0))


def columns(Y):
    """Targets as columns (m, T)."""
    return Y if Y.ndim == 2 else Y[:, None]


def rows_of(W):
    """Where a matrix or a vector of coefficients has its rows."""
    return np.flatnonzero(np.abs(columns(W)).any(axis=1))


# ---- the twins themselves


@each_field
def test_the_naive_intercept_is_centring(rng, is_complex):
    """An infinite prior variance of b, in precisions, against centred data, in covariances."""
    X, Y, _ = naive.problem(rng, 12, 7, 3, T=2, is_complex=is_complex)
    X, Y, g = X + 1, Y - 2, rng.uniform(0.5, 2, 7)
    mean, cov = naive.by_precisions(X, g, 0.1, Y, np.eye(2), intercept=True)
    A, b = X - X.mean(axis=0), Y - Y.mean(axis=0)
    for t in range(2):
        centred = naive.posterior(A, g, 0.1, b[:, t])
        close(mean[t, 1:], centred[0])
        close(cov[t, 1:, t, 1:], centred[1])
        assert_allclose(mean[t, 0], Y[:, t].mean() - X.mean(axis=0) @ centred[0], rtol=1e-9)


@each_field
@pytest.mark.parametrize("beta", [0.0, 0.9, -0.6])
def test_the_naive_rotation_is_the_joint_posterior(rng, beta, is_complex):
    """And what a coefficient adds to the evidence is the ratio of the densities of zero before and after."""
    X, Y, _ = naive.problem(rng, 12, 7, 3, T=3, beta=beta, is_complex=is_complex)
    A, Y, _ = naive.working(X, Y)
    g, R = rng.uniform(0.5, 2, 7), naive.correlation(beta, 3)
    Q = np.linalg.eigh(R)[1]
    mean, cov = naive.by_precisions(A, g, 0.1, Y, R, intercept=False)
    means, variances, _ = naive.rotated(A, g, 0.1, Y, R)
    close(means @ Q.T, mean[:, 1:].T)
    expected = [np.diag(cov[t, 1:, t, 1:]).real for t in range(3)]
    close(np.square(Q) @ variances.T, np.array(expected))
    close(naive.bayes_factors(A, g, 0.1, Y, R), naive.gains(A, g, 0.1, Y, R), 1e-9)


def test_the_naive_ascent_ascends(rng):
    """Expectation and maximisation never lower the evidence while the noise is held."""
    X, Y, _ = naive.problem(rng, 20, 30, 3, T=2, beta=0.5)
    A, Y, _ = naive.working(X, Y)
    g, R, path = np.ones(30), naive.correlation(0.5, 2), []
    for _ in range(20):
        path.append(naive.joint_evidence(A, g, 0.02, Y, R))
        g = naive.moment(A, g, 0.02, Y, R)
    assert np.diff(path).min() >= 0
    assert path[-1] > path[0] + 1


# ---- messages


def random_messages(rng, is_complex, m=10, n=15, T=2):
    """Matrix, targets as rows, unequal prior variances; m is no multiple of the four rows that are read at a time."""
    A, Y = naive.normal(rng, (m, n), is_complex), naive.normal(rng, (T, m), is_complex)
    return A / norm(A, axis=0), Y, 10.0 ** rng.uniform(-4, 1, (T, n))


@each_field
@pytest.mark.parametrize("n_passes", [1, 2, 7])
def test_passes_equal_the_formulas(rng, n_passes, is_complex):
    A, Y, prior = random_messages(rng, is_complex)
    engine = DenseMessages(A, Y, 0.6)
    found = engine.posterior(prior, 0.01, tol=0.0, max_iter=n_passes)
    for t in range(2):
        x, v = naive.messages(A, Y[t], prior[t], 0.01, 0.6, n_passes)
        close(found.mean[t], x)
        assert_allclose(found.variance[t], v, rtol=ROUNDING)
        assert_allclose(found.explained[t], 1 - v / prior[t], rtol=0, atol=ROUNDING)
    assert engine.n_passes == 2 * n_passes


@each_field
def test_messages_go_on_where_they_ended(rng, is_complex):
    A, Y, prior = random_messages(rng, is_complex)
    engine = DenseMessages(A, Y, 0.6)
    for n_passes in (2, 3):
        found = engine.posterior(prior, 0.01, tol=0.0, max_iter=n_passes)
    for t in range(2):
        close(found.mean[t], naive.messages(A, Y[t], prior[t], 0.01, 0.6, 5)[0])


@each_field
def test_messages_stop_when_the_mean_rests(rng, is_complex):
    A, Y, prior = random_messages(rng, is_complex, T=1)
    engine = DenseMessages(A, Y, 0.6)
    engine.posterior(prior, 0.01, tol=0.01, max_iter=500)
    path = [naive.messages(A, Y[0], prior[0], 0.01, 0.6, k)[0] for k in range(engine.n_passes + 1)]
    changes = [norm(new - old) / norm(new) for old, new in pairwise(path)]
    assert changes[-1] <= 0.01 < min(changes[:-1])


@each_field
def test_explained_shares_keep_their_digits(rng, is_complex):
    """Of prior variances so small that 1 - v / prior would be rounding."""
    A, Y, _ = random_messages(rng, is_complex)
    prior = np.full((2, 15), 1e-25)
    found = DenseMessages(A, Y, 0.6).posterior(prior, 1.0, tol=1e-10, max_iter=100).explained
    close(found, np.full((2, 15), 1e-25), 1e-9)  # columns of length one, noise of one: prior * |a|^2 / noise


MATRICES = {
    "iid": lambda rng, m, n: rng.standard_normal((m, n)),
    "correlated columns": lambda rng, m, n: correlated(rng, m, n, 0.95),
    "low rank": lambda rng, m, n: rng.standard_normal((m, m // 2)) @ rng.standard_normal((m // 2, n)),
    "mean": lambda rng, m, n: rng.standard_normal((m, n)) + 0.5,
}


def correlated(rng, m, n, rho):
    A = rng.standard_normal((m, n))
    for j in range(1, n):
        A[:, j] = rho * A[:, j - 1] + np.sqrt(1 - rho**2) * A[:, j]
    return A


@each_field
@pytest.mark.parametrize("kind", MATRICES)
@pytest.mark.parametrize("shape", [(30, 60), (40, 30)], ids=["wide", "tall"])
def test_the_mean_at_rest_is_exact(rng, shape, kind, is_complex):
    """Whatever the variances are, with the damping of the rule: no step is ever halved."""
    A = MATRICES[kind](rng, *shape)
    A = A + 1j * MATRICES[kind](rng, *shape) if is_complex else A
    A /= norm(A, axis=0)
    Y, prior = naive.normal(rng, (1, len(A)), is_complex), 10.0 ** rng.uniform(-4, 1, (1, shape[1]))
    engine = DenseMessages(A, Y)
    damping = engine.damping
    found = engine.posterior(prior, 0.02, tol=1e-14, max_iter=20000).mean[0]
    close(found, naive.posterior(A, prior[0], 0.02, Y[0])[0], 1e-9)
    assert engine.damping == damping


@pytest.mark.parametrize("shape", [(30, 60), (60, 30), (30, 30)])
@pytest.mark.parametrize("safety", [1.0, 1.1])
def test_the_damping_rule(rng, shape, safety):
    seen = []
    for kind in MATRICES.values():
        A = kind(rng, *shape)
        found = damping_rule(*shape, norm(A, 2) ** 2 / norm(A) ** 2, safety)
        assert_allclose(found, naive.damping_rule(A, safety), rtol=1e-12)
        seen.append(found)
    assert min(seen) < 0.8


@each_field
@pytest.mark.parametrize("kind", MATRICES)
def test_engines_know_their_damping(rng, kind, is_complex):
    """The power method comes near the norm from below: the rule's safety of 1.1 covers 20 products."""
    A = MATRICES[kind](rng, 30, 60)
    A = A + 1j * MATRICES[kind](rng, 30, 60) if is_complex else A
    A /= norm(A, axis=0)
    engine = DenseMessages(A, A[:, :1].T)
    assert naive.damping_rule(A, 1.1) * (1 - 1e-12) <= engine.damping <= naive.damping_rule(A, 1.0)
    start = naive.normal(rng, 60, is_complex)
    found, direction = squared_norm(lambda x: A @ x, lambda s: A.conj().T @ s, start)
    assert 0.95 <= found / norm(A, 2) ** 2 <= 1 + 1e-12
    assert_allclose(norm(direction), 1, rtol=1e-12)


def test_without_damping_messages_grow(rng):
    """What the rule is for."""
    A = correlated(rng, 30, 60, 0.95)
    A /= norm(A, axis=0)
    y = rng.standard_normal(30)
    plain, damped = (naive.messages(A, y, np.ones(60), 1e-3, t, 100)[0] for t in (1.0, naive.damping_rule(A, 1.1)))
    assert norm(plain) > 1e6
    assert norm(damped) < 1e3


def test_messages_that_overflow_are_damped_more(rng):
    A = correlated(rng, 30, 60, 0.95)
    A /= norm(A, axis=0)
    Y, prior = rng.standard_normal((1, 30)), np.ones((1, 60))
    expected = naive.posterior(A, prior[0], 0.01, Y[0])[0]
    for engine in (DenseMessages(A, Y, 1.0), loose(csr_array(A), Y[0], 1.0)[0]):
        with np.errstate(over="ignore", invalid="ignore"):  # what plain Python says, and a kernel does not
            found = engine.posterior(prior, 0.01, tol=1e-13, max_iter=2000).mean[0]
        assert engine.damping in {0.5, 0.25}
        if isinstance(engine, DenseMessages):
            close(found, expected, 1e-8)


@pytest.mark.parametrize("engine", ["dense", "sparse"])
def test_messages_that_cannot_converge_say_so(rng, engine):
    """A damping that is not a number stands for a matrix for which no damping helps."""
    A, Y, prior = random_messages(rng, is_complex=False)
    engine = DenseMessages(A, Y, 1.0) if engine == "dense" else loose(csr_array(A), Y[0], 1.0)[0]
    with pytest.raises(FloatingPointError, match="damping"):
        engine.posterior(prior[:1] * np.inf if isinstance(engine, LooseMessages) else prior, np.nan, tol=0, max_iter=3)


@each_field
def test_messages_forget_columns(rng, is_complex):
    A, Y, prior = random_messages(rng, is_complex)
    keep = np.arange(15) % 3 > 0
    engine = DenseMessages(A, Y)
    engine.posterior(prior, 0.05, tol=1e-3, max_iter=20)
    engine.keep(keep)
    found = engine.posterior(prior[:, keep], 0.05, tol=1e-14, max_iter=20000).mean
    for t in range(2):
        close(found[t], naive.posterior(A[:, keep], prior[t, keep], 0.05, Y[t])[0], 1e-9)


@each_field
@pytest.mark.parametrize("form", ["dense", "sparse", "exact"])
def test_turned_targets(rng, form, is_complex):
    A, Y, prior = random_messages(rng, is_complex)
    rotation = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    if form == "exact":
        engine = ExactPosterior(A, Y)
    else:
        engine = DenseMessages(A, Y) if form == "dense" else loose(csr_array(A), Y.T, center=False)[0]
        if form == "sparse":
            Y = engine._Y.copy()  # in units of its own
    engine.posterior(prior, 0.05, tol=1e-3, max_iter=20)
    engine.turn(rotation)
    found = engine.posterior(prior, 0.05, tol=1e-14, max_iter=20000).mean
    for t in range(2):
        close(found[t], naive.posterior(A, prior[t], 0.05, rotation[t] @ Y)[0], 1e-9)


def loose(X, y, damping=None, *, center=True):
    """The engine that the estimator would use for any form of X, and the matrix in working units."""
    problem = BayesProblem(X, y, center=center)
    n, T = len(problem.candidates), len(problem.Y)
    belief = Belief(np.arange(n), np.ones(n), 1.0, Correlation(0.0, T))
    return problem.messages(belief, damping), problem


@each_field
@pytest.mark.parametrize("center", [True, False])
def test_sparse_messages_are_the_dense_ones(rng, center, is_complex):
    """Centred columns are never formed."""
    A, Y, prior = random_messages(rng, is_complex)
    A = A * (rng.random(A.shape) < 0.5) * 2.0 ** rng.integers(-3, 4, 15)
    engine, problem = loose(csc_array(A), Y.T, center=center)
    assert isinstance(engine, LooseMessages)
    B, _, _ = naive.working(A, Y.T, intercept=center)
    twin = DenseMessages(np.ascontiguousarray(B), problem.Y)
    assert_allclose(engine.damping, twin.damping, rtol=1e-2)  # power methods from other starts
    engine.damping = twin.damping
    for n_passes in (1, 5):
        found, expected = (each.posterior(prior, 0.02, tol=0.0, max_iter=n_passes) for each in (engine, twin))
        for ours, theirs in zip(found, expected, strict=True):
            close(ours, theirs)
    keep = np.arange(15) % 4 > 0
    for each in (engine, twin):
        each.keep(keep)
        each.damping = 0.5
    found, expected = (each.posterior(prior[:, keep], 0.02, tol=0.0, max_iter=3) for each in (engine, twin))
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs)


@each_field
@pytest.mark.parametrize("n_passes", [1, 5])
def test_messages_of_an_operator(rng, n_passes, is_complex):
    """One variance for all entries; their mean square is estimated, and told to the twin."""
    A, Y, prior = random_messages(rng, is_complex)
    engine, problem = loose(aslinearoperator(3 * A), Y.T, 0.6, center=False)
    products = engine._A
    found = engine.posterior(prior, 0.02, tol=0.0, max_iter=n_passes)
    B = 3 * A / problem._lengths[0]
    assert_allclose(products._mean, np.mean(np.abs(B) ** 2), rtol=0.5)
    for t in range(2):
        x, v = naive.loose_messages(B, problem.Y[t], prior[t], 0.02, 0.6, n_passes, products._mean)
        close(found.mean[t], x)
        assert_allclose(found.variance[t], v, rtol=ROUNDING)


@each_field
def test_products_of_an_operator_estimate_its_energy(rng, is_complex):
    """32 random products: a relative error of at most sqrt(2 / 32), for a dominant direction; 5 times that is never."""
    A = naive.normal(rng, (50, 30), is_complex)
    _, problem = loose(aslinearoperator(A), A[:, 0])
    products = OperatorProducts(problem.design, 1.0, np.arange(30))
    centred = A - A.mean(axis=0)
    assert_allclose(products.energy, norm(centred) ** 2, rtol=0.2)  # 0.05 for random entries
    assert_allclose(products.dot(A[0]), centred @ A[0], rtol=0, atol=1e-12 * 30)
    assert_allclose(products.adjoint(A[:, 0]), centred.conj().T @ A[:, 0], rtol=0, atol=1e-12 * 50)


# ---- exact posteriors


@each_field
@pytest.mark.parametrize("shape", [(12, 8), (8, 12)], ids=["tall", "wide"])
def test_exact_posteriors(rng, shape, is_complex):
    A, Y = naive.normal(rng, shape, is_complex), naive.normal(rng, (2, shape[0]), is_complex)
    prior = 10.0 ** rng.uniform(-3, 1, (2, shape[1]))
    prior[0, 3] = 0
    engine = ExactPosterior(A, Y)
    found = engine.posterior(prior, 0.05)
    for t in range(2):
        mean, cov = naive.posterior(A, prior[t], 0.05, Y[t])
        close(found.mean[t], mean)
        close(found.variance[t], np.diag(cov).real)
        close(engine.covariance(prior[t], 0.05), cov)
        seen = prior[t] > 0
        assert_allclose(found.explained[t, seen], (1 - np.diag(cov).real[seen] / prior[t, seen]), rtol=1e-8)


@each_field
@pytest.mark.parametrize("shape", [(12, 8), (8, 12)], ids=["tall", "wide"])
def test_the_evidence_of_exact_posteriors(rng, shape, is_complex):
    A, Y = naive.normal(rng, shape, is_complex), naive.normal(rng, (2, shape[0]), is_complex)
    prior = 10.0 ** rng.uniform(-3, 1, (2, shape[1]))
    prior[:, 3] = 0
    expected = sum(naive.log_evidence(A, prior[t], 0.05, Y[t]) for t in range(2))
    assert_allclose(ExactPosterior(A, Y).log_evidence(prior, 0.05, shape[0]), expected, rtol=ROUNDING)


def test_the_evidence_of_nothing():
    """That of noise alone: no coefficient, no column."""
    Y = np.array([[3.0, 4.0]])
    found = ExactPosterior(np.empty((2, 0)), Y).log_evidence(np.empty((1, 0)), 2.0, 2)
    assert_allclose(found, -(25 / 2 + 2 * np.log(2)) / 2, rtol=1e-15)


@pytest.mark.parametrize("intercept", [False, True])
def test_odds_are_the_evidence_less_the_choice(rng, intercept):
    X, y, _ = naive.problem(rng, 30, 40, 3, noise=0.1)
    problem = BayesProblem(X, y, center=intercept)
    belief = Belief(np.array([1, 5, 7]), np.array([0.5, 1.0, 2.0]), 0.2, Correlation(0.0, 1))
    A, target = problem.columns(belief.active), problem.Y[0]
    if intercept:  # an orthonormal basis of what a mean leaves
        basis = np.linalg.svd(np.eye(30) - 1 / 30)[0][:, :29].T
        A, target = basis @ A, basis @ target
    expected = naive.log_evidence(A, belief.gamma, 0.2, target) - np.log(40 * 39 * 38 / 6) - 3
    assert_allclose(log_odds(problem, belief), expected, rtol=ROUNDING)


@each_solver_compiled
def test_dense_signals_are_not_taken_for_noise(solver):
    """44 % as many non-zeros as samples: from above, the noise is found 50 times too large, and 5 dB of the signal."""
    rng = np.random.default_rng(9)
    X, w = rng.standard_normal((100, 250)), np.zeros(250)
    w[rng.choice(250, 44, replace=False)] = rng.standard_normal(44)
    noise = np.mean(np.square(X @ w)) * 10**-2.5
    model = SparseBayesianRegressor(solver, fit_intercept=False).fit(
        X, X @ w + np.sqrt(noise) * rng.standard_normal(100)
    )
    assert 0.2 < model.noise_variance_ / noise < 5
    assert norm(model.coef_ - w) < 0.2 * norm(w)


def test_noise_is_not_taken_for_a_dense_signal():
    """From below, 50 of 300 coefficients explain nearly all of 100 samples of noise; the odds are against them."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        model = fitted(rng.standard_normal((100, 300)), rng.standard_normal(100))
        assert model.noise_variance_ > 0.4
        assert model.get_support().sum() < 12


@each_field
@pytest.mark.parametrize("shape", [(12, 8), (8, 12)], ids=["tall", "wide"])
def test_small_shares_that_are_explained_exactly(rng, shape, is_complex):
    A = naive.normal(rng, shape, is_complex)
    found = ExactPosterior(A, np.ones((1, shape[0]))).posterior(np.full((1, shape[1]), 1e-12), 1.0)
    # 1 - (1 - 1e-11) leaves 5 digits of a tall matrix
    assert_allclose(found.explained[0], 1e-12 * norm(A, axis=0) ** 2, rtol=1e-3)


@pytest.mark.parametrize("shape", [(12, 8), (8, 12)], ids=["tall", "wide"])
@pytest.mark.parametrize("noise", [1e-6, 1e-13, 1e-20])
def test_posteriors_of_dependent_columns_without_noise(rng, shape, noise):
    """Condition numbers beyond 1 / eps: the fit is exact; how equal columns share it is lost in rounding."""
    A = rng.standard_normal((shape[0], shape[1] // 2))
    A = np.hstack([A, A])
    y = A @ np.tile(rng.standard_normal(shape[1] // 2), 2)
    found = ExactPosterior(A, y[None]).posterior(np.ones((1, shape[1])), noise)
    close(A @ found.mean[0], y, 1e-5)  # what 1e-6 of noise takes
    assert (found.variance >= 0).all() and found.variance.max() <= 1


@each_field
@pytest.mark.parametrize("form", ["dense", "exact"])
def test_steps_of_the_ascent(rng, form, is_complex):
    """Two, one by one, as the tolerance of messages follows the change: moments, prior variances, and the next ones."""
    A, Y, _ = random_messages(rng, is_complex)
    lam, gamma = np.array([0.4, 1.6]), 10.0 ** rng.uniform(-2, 1, 15)
    engine = DenseMessages(A, Y, 0.6) if form == "dense" else ExactPosterior(A, Y)
    limits = {"change": 1e-14, "tol": 1e-14, "max_iter": 5000}
    expected = gamma
    for _ in range(2):
        prior = np.outer(lam, expected)
        before = expected
        moments = ExactPosterior(A, Y).posterior(prior, 0.05)
        if form == "dense":
            variance = np.stack([naive.messages(A, Y[t], prior[t], 0.05, 0.6, 3000)[1] for t in range(2)])
            moments = moments._replace(variance=variance)
        expected = np.mean((np.abs(moments.mean) ** 2 + moments.variance) / lam[:, None], axis=0)
    after = gamma
    for _ in range(2):
        found, prior, after, _, steps = engine.ascend(after, lam, 0.05, None, steps=1, **limits)
        assert steps == 1
    close(prior, np.outer(lam, before), 1e-8)
    close(found.mean, moments.mean, 1e-8)
    close(found.variance, moments.variance, 1e-8)
    close(after, expected, 1e-8)


# ---- the chain of the support


def stay(rng, n):
    return 3 * rng.standard_normal(n), *rng.uniform(0.02, 0.9, 2)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_the_chain_by_the_list_of_all_supports(rng, n):
    for _ in range(3):
        odds, begin, end = stay(rng, n)
        marginal, counts = chain_marginals(odds, begin, end)
        on, expected = naive.chain(odds, begin, end)
        assert_allclose(marginal, on, rtol=1e-12)  # sums of 256 products
        assert_allclose(counts, expected, rtol=1e-12)


def test_the_chain_of_sure_evidence():
    """At the limit of what it is told, 50 nats, either way: e^-50 is no rounding problem."""
    odds = np.array([50.0, 50, -50, -50, 50, -50])
    marginal, counts = chain_marginals(odds, 0.1, 0.3)
    assert_allclose(marginal, odds > 0, rtol=0, atol=1e-15)
    assert_allclose(counts, [1, 2, 2, 3], rtol=0, atol=1e-14)


def test_the_chain_learns_how_long_runs_are(rng):
    """Counts from clear evidence are those of the support."""
    s = np.repeat([0, 1, 0, 1, 0], [30, 5, 20, 8, 40])
    _, (n01, n10, n0, n1) = chain_marginals(np.where(s, 30.0, -30.0), 0.05, 0.2)
    assert_allclose([n01, n10, n0, n1], [2, 2, 89, 13], atol=1e-6)


# ---- the answer is the posterior of its own variances


def certify(model, X, Y, *, intercept=True):
    """All that is reported follows from the reported prior variances, noise variance and correlation."""
    T = Y.shape[1]
    kept = np.flatnonzero(model.prior_variance_)
    assert_array_equal(rows_of(model.coef_.T), kept)
    assert_array_equal(np.flatnonzero(model.gain_), kept)
    assert_array_equal(rows_of(model.coef_std_.T), kept)
    g, R, noise = model.prior_variance_[kept], naive.correlation(model.row_correlation_, T), model.noise_variance_
    mean, cov = naive.by_precisions(X[:, kept], g, noise, Y, R, intercept=intercept)
    own = np.stack([cov[t, :, t] for t in range(T)])
    coef, std = np.atleast_2d(model.coef_), np.atleast_2d(model.coef_std_)
    close(coef[:, kept], mean[:, 1:], CERTAIN)
    close(std[:, kept], np.sqrt(np.diagonal(own[:, 1:, 1:], 0, 1, 2).real), CERTAIN)
    close(model.covariance_, own[:, 1:, 1:] if T > 1 and model.row_correlation_ else own[0, 1:, 1:], CERTAIN)
    close(np.reshape(model.intercept_ * np.ones(T), -1), mean[:, 0], CERTAIN)
    A, B, lengths = naive.working(X[:, kept], Y, intercept=intercept)
    working = g * lengths**2, noise, B, R
    close(model.gain_[kept], naive.gains(A, *working), CERTAIN)
    new = X[:3] - 1
    expected = [np.einsum("ij,jk,ik->i", ones_and(new[:, kept]), S, ones_and(new[:, kept]).conj()).real for S in own]
    predicted, found = model.predict(new, return_std=True)
    assert predicted.shape == found.shape == model.predict(new).shape
    close(columns(found), np.sqrt(np.array(expected).T + noise), CERTAIN)
    return A, working


def ones_and(X):
    return np.hstack([np.ones((len(X), 1)), X])


def draw(rng, m=40, n=60, k=4, *, T=None, beta=0.0, noise=0.002, is_complex=False):
    """Columns of any length and mean, an intercept; supports are clear."""
    X, y, W = naive.problem(rng, m, n, k, T=T, beta=beta, noise=noise, is_complex=is_complex)
    lengths = 10.0 ** rng.uniform(-2, 2, n)
    return (X + rng.uniform(-1, 1, n) / np.sqrt(m)) * lengths, y + 3, (W.T / lengths).T


@each_solver
@each_field
@each_prior
@pytest.mark.parametrize("noise", ["learn", 0.002])
def test_one_target_is_certified(rng, noise, prior, is_complex, solver):
    X, y, W = draw(rng, is_complex=is_complex)
    model = SparseBayesianRegressor(solver, noise_variance=noise, prior=prior).fit(X, y)
    certify(model, X, y[:, None])
    assert set(rows_of(W)) <= set(model.get_support(indices=True))
    assert model.converged_ and model.noise_is_known_
    if noise != "learn":
        assert_allclose(model.noise_variance_, noise, rtol=1e-12)


@each_solver
@each_field
@pytest.mark.parametrize("beta", [0.0, 0.9, -0.5, "learn"])
def test_several_targets_are_certified(rng, beta, is_complex, solver):
    X, Y, W = draw(rng, T=3, beta=0.6 if beta == "learn" else beta, is_complex=is_complex)
    model = SparseBayesianRegressor(solver, row_correlation=beta).fit(X, Y)
    certify(model, X, Y)
    assert set(rows_of(W)) <= set(model.get_support(indices=True))
    assert beta in {model.row_correlation_, "learn"}


@pytest.mark.parametrize("beta", [0.9, 0.0])
def test_several_targets_with_runs_are_certified(rng, beta):
    X, Y, _ = draw(rng, T=3, beta=beta)
    certify(SparseBayesianRegressor(prior="markov", row_correlation=beta).fit(X, Y), X, Y)


@each_solver
@each_field
def test_answers_without_intercept_are_certified(rng, is_complex, solver):
    X, Y, _ = naive.problem(rng, 40, 60, 4, T=2, noise=0.002, is_complex=is_complex)
    model = SparseBayesianRegressor(solver, fit_intercept=False, row_correlation=0.3).fit(X, Y)
    certify(model, X, Y, intercept=False)
    assert model.intercept_ == 0


@each_solver
def test_tall_problems_are_certified(rng, solver):
    X, y, W = draw(rng, 60, 20, 6)
    model = SparseBayesianRegressor(solver).fit(X, y)
    certify(model, X, y[:, None])
    assert set(rows_of(W)) <= set(model.get_support(indices=True))


@pytest.mark.parametrize("kind", KINDS)
@each_field
@each_solver
def test_every_form_of_the_matrix_is_certified(rng, solver, is_complex, kind):
    X, _, W = naive.problem(rng, 40, 60, 4, noise=0.002, is_complex=is_complex)
    X = X * (rng.random(X.shape) < 0.7) * 2.0 ** rng.integers(-1, 2, 60)
    y = X @ W + 1 + 0.04 * naive.normal(rng, 40, is_complex)
    model = SparseBayesianRegressor(solver).fit(KINDS[kind](X), y)
    certify(model, X, y[:, None])
    assert set(rows_of(W)) <= set(model.get_support(indices=True))
    _, std = model.predict(KINDS[kind](X), return_std=True)
    close(std, model.predict(X, return_std=True)[1])


@each_field
def test_targets_apart_are_separate_fits(rng, is_complex):
    X, Y, _ = draw(rng, T=3, is_complex=is_complex)
    for options in ({}, {"prior": "markov"}):
        model = SparseBayesianRegressor("em", row_correlation=None, **options).fit(X, Y)
        alone = [SparseBayesianRegressor("em", **options).fit(X, y) for y in Y.T]
        for name in ("coef_", "coef_std_", "intercept_", "prior_variance_", "gain_", "noise_variance_"):
            close(getattr(model, name), np.array([getattr(each, name) for each in alone]), 1e-12)
        if options:
            close(model.support_probability_, np.array([each.support_probability_ for each in alone]), 1e-12)
        chosen = model.get_support(indices=True)
        for t, each in enumerate(alone):
            own = np.searchsorted(chosen, each.get_support(indices=True))
            expected = np.zeros((len(chosen), len(chosen)), X.dtype)
            expected[np.ix_(own, own)] = each.covariance_
            close(model.covariance_[t], expected, 1e-12)
            together, found = (one.predict(X, return_std=True) for one in (model, each))
            close(together[0][:, t], found[0], 1e-12)
            close(together[1][:, t], found[1], 1e-12)
        assert model.n_iter_ == max(each.n_iter_ for each in alone)
        assert model.row_correlation_ == 0


# ---- the course


@each_solver_compiled
@each_field
@pytest.mark.parametrize("beta", [None, 0.0, 0.7, 0.9, -0.5])
def test_the_whole_course(rng, beta, is_complex, solver):
    """The naive course ends where the estimator does; a gain near the limit may be dropped by one of them alone."""
    same = 0
    for trial in range(4):
        shape = (40, 60) if trial % 2 else (50, 30)
        T = None if beta is None else 3
        X, y, _ = draw(rng, *shape, T=T, beta=beta or 0.0, is_complex=is_complex)
        noise = 0.002 if trial < 2 else None
        A, Y, lengths = naive.working(X, columns(y))
        R = naive.correlation(beta or 0.0, Y.shape[1])
        g, s2 = naive.learn(A, Y, R, noise=noise, intercept=True, min_gain=3.0, tol=1e-5)
        options = {"row_correlation": beta, "noise_variance": noise or "learn", "tol": 1e-5, "max_iter": 10**4}
        options["min_gain"] = 3.0
        model = SparseBayesianRegressor(solver, **options).fit(X, y)
        if np.array_equal(np.flatnonzero(g), np.flatnonzero(model.prior_variance_)):
            same += 1
            # the ascent is linear: a thousand steps of 1e-5 may be left of a variance that is hardly determined
            close(model.prior_variance_ * lengths**2, g, 1e-2)
            assert_allclose(model.noise_variance_, s2, rtol=1e-3)
    assert same >= 3


@each_solver_compiled
@pytest.mark.parametrize("beta", [0.0, 0.8])
def test_where_the_ascent_rests(rng, beta, solver):
    """Prior variances are second moments, the noise is what they leave, and everything kept is worth it."""
    X, Y, _ = draw(rng, T=3, beta=beta)
    model = SparseBayesianRegressor(solver, row_correlation=beta, tol=1e-6, max_iter=10**4).fit(X, Y)
    A, (g, noise, B, R) = certify(model, X, Y)
    assert_allclose(naive.moment(A, g, noise, B, R), g, rtol=1e-4)  # 1e-6 of all means may be 1e-4 of one variance
    everything = np.arange(len(g))
    assert_allclose(naive.residual_noise(A, g, noise, B, R, everything, intercept=True), noise, rtol=1e-4)
    assert model.gain_[model.gain_ != 0].min() > 1


@pytest.mark.parametrize("min_gain", [0.5, 1.0, 2.0, 4.0])
def test_what_is_kept_is_worth_its_place(rng, min_gain):
    """Of pure noise; fewer stay where more is asked."""
    X, y = rng.standard_normal((40, 60)), rng.standard_normal(40)
    model = SparseBayesianRegressor(noise_variance=1.0, min_gain=min_gain).fit(X, y)
    less = SparseBayesianRegressor(noise_variance=1.0, min_gain=0.1).fit(X, y)
    assert model.gain_[model.gain_ != 0].min(initial=np.inf) > min_gain
    assert np.count_nonzero(model.coef_) < np.count_nonzero(less.coef_)


@each_solver
def test_minus_infinity_keeps_all(rng, solver):
    X, y, _ = draw(rng)
    model = fitted(X, y, solver, min_gain=-np.inf, noise_variance=0.002)
    assert model.coef_.all() and model.prior_variance_.all()
    close(model.coef_, naive.by_precisions(
        X, model.prior_variance_, 0.002, y[:, None], np.eye(1), intercept=True
    )[0][0, 1:], 1e-6)  # precisions up to 1e10 beside others of 1  # fmt: skip


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize("snr", [10, 20, 40])
@each_solver
def test_the_noise_is_learnt(rng, solver, snr):
    """Where the usual rules end at a thousandth of it or less. The bounds are the promise, for each of 5 problems."""
    ratios = []
    for _ in range(5):
        X, y, _ = naive.problem(rng, 200, 1000, 20, noise=0.0)
        noise = np.mean(y**2) * 10 ** (-snr / 10)
        model = SparseBayesianRegressor(solver).fit(X, y + np.sqrt(noise) * rng.standard_normal(200))
        ratios.append(model.noise_variance_ / noise)
    assert min(ratios) >= 1 / 3 and max(ratios) <= 3


@pytest.mark.parametrize("beta", [0.9, 0.4, -0.6])
@each_field
def test_the_correlation_is_learnt(rng, beta, is_complex):
    """Of 20 rows over 6 targets: a standard deviation of (1 - beta^2) / sqrt(100), and what shrinking adds."""
    X, Y, _ = naive.problem(rng, 80, 60, 20, T=6, beta=beta, noise=0.005, is_complex=is_complex)
    model = SparseBayesianRegressor("em", row_correlation="learn").fit(X, Y)
    assert abs(model.row_correlation_ - beta) <= 0.2
    A, (g, noise, B, _) = certify(model, X, Y)
    found, less, more = (
        naive.joint_evidence(A, g, noise, B, naive.correlation(model.row_correlation_ + step, 6))
        for step in (0, -0.1, 0.1 * (1 - abs(model.row_correlation_)))
    )
    assert found > max(less, more) - 1  # nats; it stops moving at 0.05


def test_the_noise_by_cross_validation(rng):
    X, y, W = draw(rng)
    model = SparseBayesianRegressor("em", noise_variance="cv").fit(X, y)
    certify(model, X, y[:, None])
    assert_array_equal(model.get_support(indices=True), rows_of(W))
    assert 0.002 / 2 <= model.noise_variance_ <= 0.002 * 2
    level = model._held_out_level(X, y)  # of the mean square; shrinking makes up for some noise
    assert 0.1 <= level * np.var(y) / 0.002 <= 10
    folds = [(np.arange(20), np.arange(20, 40)), (np.arange(20, 40), np.arange(20))]
    assert_array_equal(fitted(X, y, "em", noise_variance="cv", cv=folds).coef_ != 0, W != 0)


def test_operators_have_no_rows_to_hold_out(rng):
    X, y, _ = draw(rng)
    with pytest.raises(TypeError, match="LinearOperator"):
        SparseBayesianRegressor(noise_variance="cv").fit(aslinearoperator(X), y)


# ---- runs


def runs(rng, m, n, *, noise):
    """Three runs of ten coefficients."""
    X, W = rng.standard_normal((m, n)) / np.sqrt(m), np.zeros(n)
    for start in rng.choice(n // 20, 3, replace=False) * 20:
        W[start : start + 10] = rng.standard_normal(10)
    clean = X @ W
    return X, clean + np.sqrt(noise * np.mean(clean**2)) * rng.standard_normal(m), W


def test_probabilities_of_the_support(rng):
    X, y, W = runs(rng, 70, 100, noise=0.01)
    model = fitted(X, y, prior="markov")
    p = model.support_probability_
    assert p.min() >= 0 and p.max() <= 1
    assert_array_equal(p > 0.5, model.coef_ != 0)
    assert p[np.abs(W) > 0.5].mean() > 0.8
    assert p[W == 0].mean() < 0.2
    assert not hasattr(fitted(X, y), "support_probability_")


@each_field
@pytest.mark.parametrize("T", [None, 3])
def test_where_runs_rest(rng, T, is_complex):
    """Prior variances at their best, the noise as it is left, and the support that the evidence and its chain give."""
    X, Y, _ = draw(rng, T=T, is_complex=is_complex)
    model = SparseBayesianRegressor("em", prior="markov", row_correlation=0.7).fit(X, Y)
    kept = np.flatnonzero(model.get_support())
    A, B, lengths = naive.working(X, columns(Y))
    A, g = A[:, kept], model.prior_variance_[kept] * lengths[kept] ** 2
    noise, R = model.noise_variance_, naive.correlation(0.7, T or 1)
    assert len(kept) >= 3
    assert_allclose(naive.moment(A, g, noise, B, R), g, rtol=0.05)  # the means rest to 1e-3, the smallest less
    assert_allclose(naive.residual_noise(A, g, noise, B, R, np.arange(len(g)), intercept=True), noise, rtol=0.06)
    odds = naive.bayes_factors(A, g, noise, B, R) - 1
    p = model.support_probability_
    assert_array_equal(p > 0.5, model.coef_.any(axis=0) if T else model.coef_ != 0)
    # a chain whose runs are rare takes evidence for a coefficient among zeros, and its neighbours' chance is small
    alone = [i for i, j in enumerate(kept) if not (np.abs(kept - j) == 1).any()]
    assert len(alone) >= 2
    assert (p[kept[alone]] <= expit(odds[alone])).all()


@each_field
@pytest.mark.parametrize("T", [1, 3])
def test_gains_of_absent_coefficients(rng, T, is_complex):
    """The evidence with one more coefficient at its best prior variance, less that without, for a few of them."""
    X, Y, _ = naive.problem(rng, 30, 40, 4, T=T, noise=0.05, is_complex=is_complex)
    problem, there = BayesProblem(X, Y, center=False), np.array([2, 11, 30])
    belief = Belief(there, np.array([0.3, 1.0, 2.0]), 0.05 * problem.size, Correlation(0.0, T))
    gain, gamma = absent_gains(problem, belief)
    A, R = problem.columns(np.arange(40)), np.eye(T)
    without = naive.joint_evidence(A[:, there], belief.gamma, belief.noise, problem.Y.T, R)
    assert_array_equal(gain[there], 0)
    others = np.setdiff1d(np.argsort(-gain)[:8], there)
    for j in others:
        assert gamma[j] >= belief.noise
        at = [
            naive.joint_evidence(A[:, [*there, j]], np.r_[belief.gamma, each], belief.noise, problem.Y.T, R) - without
            for each in gamma[j] * np.array([1.0, 0.9, 1.1])
        ]
        if gamma[j] > belief.noise:
            assert_allclose(gain[j], at[0], rtol=CERTAIN)
            assert at[0] > max(at[1:])
    assert (gamma[others] > belief.noise).sum() >= 3


def test_runs_fill_their_gaps():
    """A coefficient within a run that is too small to be kept for itself."""
    rng = np.random.default_rng(3)
    X, w = rng.standard_normal((80, 200)), np.zeros(200)
    w[50:61], w[55] = 1.0, 0.12
    y = X @ w + 0.5 * rng.standard_normal(80)
    alone = fitted(X, y, min_gain=2.0, solver="em")
    together = fitted(X, y, prior="markov", solver="em")
    assert not alone.coef_[55] and together.coef_[55]
    assert_array_equal(np.flatnonzero(together.coef_), np.arange(50, 61))


@pytest.mark.slow
@pytest.mark.jit
def test_runs_help(rng):
    """Coefficients in runs are found better than one by one, in the mean over 12 problems."""
    errors = np.zeros((12, 2))
    for row in errors:
        X, y, W = runs(rng, 80, 256, noise=0.01)
        for i, prior in enumerate(["independent", "markov"]):
            row[i] = 20 * np.log10(norm(fitted(X, y, prior=prior).coef_ - W) / norm(W))
    independent, markov = errors.mean(axis=0)
    print(f"independent {independent:.1f} dB, markov {markov:.1f} dB")
    assert markov < independent - 4


# ---- facts


@each_solver_compiled
def test_equal_targets_have_one_answer(rng, solver):
    """Three times the same says the same with three times the evidence."""
    X, y, _ = draw(rng)
    options = {"noise_variance": 0.002, "tol": 1e-7, "max_iter": 10**4}
    model = SparseBayesianRegressor(solver, min_gain=6.0, **options).fit(X, np.c_[y, y, y])
    one = SparseBayesianRegressor(solver, min_gain=2.0, **options).fit(X, y)
    assert_allclose(model.coef_, np.tile(one.coef_, (3, 1)), rtol=0, atol=1e-5 * np.abs(one.coef_).max())
    close(model.gain_, 3 * one.gain_, 1e-5)
    close(model.coef_[1:], model.coef_[[0, 0]], 1e-12)


@each_solver
@each_field
def test_units_of_columns(rng, is_complex, solver):
    """Powers of two change no digit; others change rounding, and the same are kept."""
    X, y, _ = draw(rng, is_complex=is_complex)
    plain = SparseBayesianRegressor(solver).fit(X, y)
    two = 2.0 ** rng.integers(-20, 20, 60)
    scaled = SparseBayesianRegressor(solver).fit(X * two, y)
    assert_array_equal(scaled.coef_ * two, plain.coef_)
    assert_array_equal(scaled.prior_variance_ * two**2, plain.prior_variance_)
    ten = 10.0 ** rng.uniform(-6, 6, 60)
    scaled = SparseBayesianRegressor(solver).fit(X * ten, y)
    assert_array_equal(scaled.get_support(), plain.get_support())
    close(scaled.coef_ * ten, plain.coef_, 1e-6)


@pytest.mark.parametrize("factor", [2.0**-330, 2.0**-100, 2.0**100, 2.0**330], ids=lambda f: f"{f:.0e}")
@pytest.mark.parametrize("form", ["dense", "sparse", "operator"])
def test_units_of_everything(rng, form, factor):
    """1e-100 beside 1e100: coefficients and standard deviations scale, though squares of them leave the range."""
    X, _, W = naive.problem(rng, 40, 60, 4, noise=0.002)
    X = X * (rng.random(X.shape) < 0.7)
    y, kind = X @ W + 0.04 * rng.standard_normal(40), {"dense": "C", "sparse": "csr_array"}.get(form, form)
    plain, scaled = (fitted(KINDS[kind](X * f), y / f) for f in (1.0, factor))
    for name in ("coef_", "coef_std_"):
        assert_allclose(getattr(scaled, name) * factor * factor, getattr(plain, name), rtol=1e-12)
    assert_array_equal(scaled.gain_, plain.gain_)
    assert_allclose(scaled.noise_variance_ * factor * factor, plain.noise_variance_, rtol=1e-12)
    assert_allclose(scaled.predict(X * factor) * factor, plain.predict(X), rtol=1e-9)
    if 1e-50 < factor < 1e50:
        stds = scaled.predict(X * factor, return_std=True)[1], plain.predict(X, return_std=True)[1]
        assert_allclose(stds[0] * factor, stds[1], rtol=1e-9)


@each_solver_compiled
def test_the_order_of_columns(rng, solver):
    X, y, _ = draw(rng)
    order = rng.permutation(60)
    options = {"tol": 1e-6, "max_iter": 10**4}
    plain, moved = (SparseBayesianRegressor(solver, **options).fit(A, y) for A in (X, X[:, order]))
    close(moved.coef_, plain.coef_[order], 1e-6 if solver == "em" else 1e-3)  # a power method starts elsewhere


@each_solver
@pytest.mark.parametrize("sign", [1, -3])
@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_repeated_columns_lose_nothing(rng, precision, sign, solver):
    """One of them, or both together, have the coefficient of one alone, up to what they start with."""
    X, y, W = naive.problem(rng, 40, 60, 4, noise=0.002)
    X, y = X.astype(precision), y.astype(precision)
    plain = fitted(X, y, solver)
    twice = fitted(np.hstack([X, sign * X]), y, solver)
    together = twice.coef_[:60] + sign * twice.coef_[60:]
    close(together[W != 0], plain.coef_[W != 0], 0.1)
    assert norm(together - W) <= 0.3 * norm(W)


@each_solver_compiled
@pytest.mark.parametrize("distance", [1e-1, 1e-2, 1e-3, 1e-6, 1e-9, 1e-12, 1e-14])
def test_columns_that_are_nearly_equal_lose_nothing(rng, distance, solver):
    """Each explains what the other does, so that neither seems to be worth its place."""
    for _ in range(3):
        X, y, W = naive.problem(rng, 40, 30, 4, noise=0.002)
        B = np.hstack([X, X + distance * rng.standard_normal(X.shape) / np.sqrt(40)])
        model = fitted(B, y, solver)
        assert norm(model.predict(B) - X @ W) <= 0.3 * norm(X @ W)  # 0.1 measured without twins; nothing found: 1
        assert np.count_nonzero(model.coef_) <= 16


def test_columns_that_say_nothing(rng):
    X, y, _ = naive.problem(rng, 40, 20, 3)
    for form in (np.asarray, csr_array):
        for solver in ("gamp", "em"):
            B = X.copy()
            B[:, 3], B[:, 7], B[:, 11] = 0, 2.5, 0.1
            model = fitted(form(B), y, solver, min_gain=-np.inf)
            assert not model.coef_[[3, 7, 11]].any() and not model.coef_std_[[3, 7, 11]].any()
            assert np.isfinite(model.coef_).all()


@each_solver
@each_prior
@pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
@pytest.mark.parametrize("unit", [1.0, 2.0**40, 2.0**-40, 2.0**-300], ids=lambda f: f"{f:.0e}")
@pytest.mark.parametrize("T", [None, 2])
def test_constant_targets(rng, T, unit, value, prior, solver):
    """Nothing but the intercept, no noise, and no warning."""
    X = unit * rng.standard_normal((30, 20))
    y = np.full(30 if T is None else (30, T), value)
    model = SparseBayesianRegressor(solver, prior=prior).fit(X, y)
    assert not model.coef_.any() and model.noise_variance_ == 0 and model.converged_ and model.noise_is_known_
    assert_allclose(model.intercept_, np.full(T or (), value), rtol=1e-14)
    predicted, std = model.predict(X, return_std=True)
    assert_allclose(predicted, y, rtol=1e-14)
    assert not std.any()


def test_targets_that_the_columns_do_not_see(rng):
    """All noise, of which the mean takes a degree of freedom."""
    X, y = rng.standard_normal((40, 5)), rng.standard_normal(40)
    y = y - ones_and(X) @ np.linalg.lstsq(ones_and(X), y)[0]
    for prior in ("independent", "markov"):
        model = SparseBayesianRegressor(prior=prior).fit(X, y)
        assert not model.coef_.any() and model.covariance_.shape == (0, 0)
        assert_allclose(model.noise_variance_, y @ y / 39, rtol=1e-12)
        assert_allclose(model.predict(X, return_std=True)[1], np.sqrt(y @ y / 39 * (1 + 1 / 40)), rtol=1e-12)


@each_solver
@each_field
def test_an_exact_fit(rng, is_complex, solver):
    """Without noise, told or not, the planted coefficients; the rest is rounding of squares, 1e-7."""
    X, _, W = naive.problem(rng, 40, 60, 4, is_complex=is_complex)
    for noise in (0, 0.0, "learn"):
        model = fitted(X, X @ W, solver, noise_variance=noise)
        assert norm(model.coef_ - W) <= 1e-5 * norm(W)
        assert 0 <= model.noise_variance_ <= 1e-9


@each_solver
@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("shape", [(40, 60), (40, 8)])
def test_no_noise_and_no_limit(rng, shape, copies, solver):
    """The evidence has no maximum; whatever comes is finite and fits."""
    X = np.hstack([rng.standard_normal(shape)] * copies)
    y = X[:, :5].sum(axis=1)
    model = fitted(X, y, solver, noise_variance=0, min_gain=-np.inf)
    assert norm(model.predict(X) - y) <= 1e-4 * norm(y)
    assert np.isfinite(model.coef_std_).all() and np.isfinite(model.covariance_).all()


@pytest.mark.parametrize("is_given", [True, False], ids=["given", "learnt"])
def test_too_many_coefficients_to_tell_the_noise(rng, is_given):
    """25 of 60 coefficients, which eight targets make clear, in 40 samples: they could explain anything."""
    X, Y, _ = naive.problem(rng, 40, 60, 25, T=8, noise=1e-4)
    if is_given:
        assert SparseBayesianRegressor(noise_variance=1e-4).fit(X, Y).noise_is_known_
        return
    with pytest.warns(ConvergenceWarning, match="noise_variance"):
        model = SparseBayesianRegressor().fit(X, Y)
    assert not model.noise_is_known_ and np.count_nonzero(model.gain_ > 2) > 20


@each_solver
@each_prior
def test_too_few_iterations(rng, prior, solver):
    X, y, _ = draw(rng)
    with pytest.warns(ConvergenceWarning, match=r"tol=0.001 in 3 iterations; raise max_iter"):
        model = SparseBayesianRegressor(solver, prior=prior, max_iter=3).fit(X, y)
    assert not model.converged_


@pytest.mark.parametrize("beta", [0.9, -0.9])
def test_a_given_correlation_is_the_one_that_is_used(rng, beta):
    """Also when iterations end while it is held back."""
    X, Y, _ = draw(rng, T=3, beta=beta)
    for max_iter in (1, 3, 29, 1000):
        model = fitted(X, Y, row_correlation=beta, max_iter=max_iter)
        assert model.row_correlation_ == beta
        certify(model, X, Y)
    unseen = Y - ones_and(X[:, :9]) @ np.linalg.lstsq(ones_and(X[:, :9]), Y)[0]
    for targets in (np.ones((40, 3)), unseen):
        for prior in ("independent", "markov"):
            model = fitted(X[:, :9], targets, row_correlation=beta, prior=prior)
            assert model.row_correlation_ == beta and not model.coef_.any()


def test_stages_that_do_not_settle_are_told(rng):
    """Whichever it is: what the last one reports is not enough."""
    X, y, _ = draw(rng)
    model = fitted(X, y, max_iter=3)
    assert model.n_iter_ > 3 or not model.converged_
    for max_iter in range(3, 40, 4):
        model = fitted(X, y, max_iter=max_iter)
        longer = fitted(X, y, max_iter=100 * max_iter)
        assert model.converged_ <= np.allclose(model.coef_, longer.coef_, rtol=0.02, atol=0)


# ---- precision, units, forms


@pytest.mark.parametrize("T", [None, 3])
@each_field
@each_solver
def test_single_precision_stays(rng, solver, is_complex, T):
    X, y, _ = naive.problem(rng, 40, 60, 4, T=T, noise=0.002, is_complex=is_complex)
    single = np.complex64 if is_complex else np.float32
    for beta in (0.0, 0.9):
        model = fitted(X.astype(single), y.astype(single), solver, row_correlation=beta)
        double = fitted(X, y, solver, row_correlation=beta)
        assert model.coef_.dtype == single and model.coef_std_.dtype == np.float32
        predicted, std = model.predict(X[:5].astype(single), return_std=True)
        assert predicted.dtype == single and std.dtype == np.float32
        assert_array_equal(model.get_support(), double.get_support())
        close(model.coef_, double.coef_.astype(single), 1e-3)
        close(model.coef_std_, double.coef_std_.astype(np.float32), 1e-3)
        assert_allclose(model.noise_variance_, double.noise_variance_, rtol=1e-2)


def test_more_coefficients_than_a_covariance_is_kept_for(rng):
    X, y = rng.standard_normal((10, 2100)), rng.standard_normal(10)
    model = fitted(X, y, noise_variance=1.0, min_gain=-np.inf, max_iter=2)
    assert np.count_nonzero(model.coef_) > 2000
    assert model.covariance_ is None
    with pytest.raises(ValueError, match="covariance"):
        model.predict(X, return_std=True)
    assert model.predict(X).shape == (10,)
    expected = naive.posterior(X - X.mean(axis=0), model.prior_variance_, 1.0, y - y.mean())
    close(model.coef_, expected[0], CERTAIN)
    close(model.coef_std_, np.sqrt(np.diag(expected[1])), CERTAIN)


def test_the_manners_of_scikit_learn(rng):
    X, y, W = draw(rng)
    model = make_pipeline(StandardScaler(), SparseBayesianRegressor()).fit(X, y)
    plain = SparseBayesianRegressor().fit(X, y)
    assert_array_equal(model[-1].get_support(), plain.get_support())
    assert_allclose(model.predict(X), plain.predict(X), rtol=1e-6)
    assert plain.score(X, y) > 0.9
    assert_array_equal(plain.transform(X), X[:, plain.get_support()])
    search = GridSearchCV(SparseBayesianRegressor(), {"min_gain": [1.0, 4.0]}, cv=3).fit(X, y)
    assert np.count_nonzero(search.best_estimator_.coef_) >= np.count_nonzero(W)
    again = pickle.loads(pickle.dumps(plain))
    for ours, theirs in zip(again.predict(X, return_std=True), plain.predict(X, return_std=True), strict=True):
        assert_array_equal(ours, theirs)
    assert not hasattr(clone(plain), "coef_")
    with pytest.raises(NotFittedError):
        SparseBayesianRegressor().predict(X)


def test_data_are_left_alone(rng):
    for is_complex in (False, True):
        X, Y, _ = draw(rng, T=2, is_complex=is_complex)
        copies = X.copy(), Y.copy()
        for form in (np.asarray, csr_array):
            fitted(form(X), Y, row_correlation=0.9)
        assert_array_equal(X, copies[0])
        assert_array_equal(Y, copies[1])


def test_fits_are_deterministic(rng):
    X, y, _ = draw(rng)
    for form in (np.asarray, aslinearoperator):
        one, other = (SparseBayesianRegressor().fit(form(X), y) for _ in range(2))
        assert_array_equal(one.coef_, other.coef_)


# ---- bad input

BAD = {
    "solver": ["vb", None, 1],
    "noise_variance": ["known", -1.0, np.nan, np.inf, None, 1j, [0.1]],
    "prior": ["tree", None],
    "row_correlation": ["fit", 1.0, -1.0, 2, np.nan, 1j, [0.5]],
    "min_gain": ["bic", np.nan, np.inf, None, 1j],
    "damping": [0, 0.0, -0.5, 1.1, np.nan, "auto", 1j],
    "max_iter": [0, -1, 1.5, None, np.nan],
    "tol": [0, 0.0, -1e-3, 1, np.nan, np.inf, None, "small"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_parameters(rng, name, value):
    X, y = rng.standard_normal((8, 5)), rng.standard_normal(8)
    with pytest.raises((ValueError, TypeError)) as caught:
        SparseBayesianRegressor(**{name: value}).fit(X, y)
    message = str(caught.value)
    assert re.search(rf"\b{name}\b", message)
    assert re.search(rf"({re.escape(str(value))}|{type(value).__name__})", message)


@pytest.mark.parametrize("cv", [1, 0, "five", 1.5, 41, [(np.arange(1), np.arange(1, 40))]], ids=str)
def test_bad_folds(rng, cv):
    X, y, _ = draw(rng)
    with pytest.raises((ValueError, TypeError), match=r"split|cv|fold|samples"):
        SparseBayesianRegressor(noise_variance="cv", cv=cv).fit(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["X", "y"])
def test_data_that_are_no_numbers(rng, where, value):
    X, y, _ = draw(rng)
    for form in (np.asarray, csr_array):
        A, b = X.copy(), y.copy()
        (A if where == "X" else b).flat[3] = value
        with pytest.raises(ValueError, match=rf"\b{where}\b"):
            SparseBayesianRegressor().fit(form(A), b)


def test_operators_that_answer_nan(rng):
    X, y, _ = draw(rng)
    bad = LinearOperator(X.shape, matvec=lambda v: X @ v * np.nan, rmatvec=lambda v: X.T @ v, dtype=float)
    with pytest.raises((ValueError, FloatingPointError)):
        SparseBayesianRegressor().fit(bad, y)


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_hardly_any_samples(rng, n_samples):
    X, y = rng.standard_normal((n_samples, 5)), rng.standard_normal(n_samples)
    if n_samples == 1:
        with pytest.raises(ValueError, match="2 samples"):
            SparseBayesianRegressor().fit(X, y)
        return
    for options in ({}, {"solver": "em"}, {"prior": "markov"}, {"fit_intercept": False}):
        model = fitted(X, y, **options)
        assert np.isfinite(model.coef_).all() and np.isfinite(model.noise_variance_)


@each_field
@pytest.mark.parametrize("T", [1, 3])
def test_what_was_given_up_too_early_is_found(rng, T, is_complex):
    """The gain and the prior variance of a coefficient at zero are those that the dense evidence has (T = 1)."""
    X, Y, W = naive.problem(rng, 40, 60, 5, T=T, is_complex=is_complex)
    problem = BayesProblem(X, Y, center=False)
    there, absent = np.split(rows_of(W), [-2])
    belief = Belief(there, np.ones(len(there)), 0.01 * problem.size, Correlation(0.0, T))
    belief.expect(problem.exact(there, belief.correlation), 0.0, 0)
    found = dict(_missed(problem, belief))
    assert set(found) >= set(absent)  # with others that correlate with these
    if T > 1:
        return
    A = problem.columns(np.arange(60))
    for j, gamma in found.items():
        at = [
            naive.log_evidence(A[:, [*there, j]], np.array([1.0, 1.0, 1.0, gamma * factor]), belief.noise, problem.Y[0])
            for factor in (0.99, 1.0, 1.01)
        ]
        assert at[1] > max(at[0], at[2])
        without = naive.log_evidence(A[:, there], np.ones(len(there)), belief.noise, problem.Y[0])
        assert at[1] - without > np.log(60)


@pytest.mark.jit
def test_small_coefficients_beside_large_ones_are_kept(rng):
    """One percent of the largest, ten deviations of the noise: given up by the first stage, taken back by the last."""
    X, w = rng.standard_normal((200, 1000)), np.zeros(1000)
    w[:20], w[20:23] = np.linspace(1, 2, 20), 0.01
    y = X @ w + 0.01 * rng.standard_normal(200)
    assert_array_equal(np.flatnonzero(SparseBayesianRegressor().fit(X, y).gain_ > np.log(1000)), np.arange(23))

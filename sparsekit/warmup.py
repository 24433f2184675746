"""Fill the cache of compiled kernels: ``python -m sparsekit.warmup``, for images and clusters.

Every kernel is called on toy data in the precisions that users meet, so that no later process compiles anything.
"""

import numpy as np
from scipy.sparse import csc_array

from sparsekit.core import cholesky, rng
from sparsekit.embeddings import HyperbolicTreeEmbedding, distortion_report, mean_average_precision
from sparsekit.recovery import LADLasso, PenalizedRegressor, PursuitCoder, WeightedLasso, WeightedOMPCV, orthogonal_mp
from sparsekit.recovery.bayes_messages import DenseMessages
from sparsekit.recovery.penalties import (
    CEL0,
    L0,
    L1,
    MCP,
    SCAD,
    LHalf,
    LTwoThirds,
    PositiveL1,
    prox,
    slack,
    value,
    violation,
)
from sparsekit.recovery.phase_problem import weighted_energies
from sparsekit.recovery.support_chain import chain_marginals
from sparsekit.recovery.thresholding import prox_cel0, prox_half, prox_hard, prox_soft, prox_two_thirds


def main():
    """Compile and cache every kernel."""
    noise = np.random.default_rng(0)
    for dtype in (np.float64, np.float32, np.complex128, np.complex64):
        X = noise.standard_normal((8, 16)).astype(dtype)
        locked = X.copy()  # as from a memory map: kernels compile apart for arrays that may not be written to
        locked.flags.writeable = False
        for method in ("omp", "ols", "mp"):
            for signals in (X, locked):
                PursuitCoder(X, method=method, n_nonzero_coefs=2).fit_transform(signals)
        orthogonal_mp(X, X, n_nonzero_coefs=2, return_path=True)
        _warm_cholesky(X[:, :3])
        for matrix in (X, locked, np.asfortranarray(X), locked.T):
            weighted_energies(matrix, np.ones((1, len(matrix))))
        _warm_messages(X)
    _warm_lasso(noise)
    _warm_lad_lasso(noise)
    _warm_penalised(noise)
    _warm_penalties()
    _warm_screening(noise)
    _warm_absolute(noise)
    _warm_streams()
    _warm_trees()


def _warm_cholesky(A):
    gram, L = A.conj().T @ A, np.zeros((3, 3), A.dtype)
    for k in range(3):
        cholesky.cholesky_append(L, k, gram[:k, k].copy(), gram[k, k].real, 1e-3)
    cholesky.cholesky_solve(L, 3, A[0].copy())
    cholesky.cholesky_delete(L, 3, 0)


def _warm_messages(X):
    engine = DenseMessages(X, X[:, :1].T.copy())
    engine.posterior(np.ones((1, X.shape[1])), 1.0, tol=0.1, max_iter=2)
    engine.ascend(np.ones(X.shape[1]), np.ones(1), 1.0, None, change=1.0, tol=0.1, max_iter=2, steps=2)
    chain_marginals(np.zeros(3), 0.5, 0.5)


def _warm_lasso(noise):
    X = noise.standard_normal((20, 40))
    for matrix in (X, X.astype(np.float32), csc_array(X), csc_array(X.astype(np.float32))):
        for positive in (False, True):
            WeightedLasso(0.01, positive=positive).fit(matrix, X[:, 0] + X[:, 1])
        WeightedLasso(0.01, groups=np.arange(40) // 3).fit(matrix, X[:, :2])


def _warm_penalised(noise):
    X = noise.standard_normal((20, 40))
    for matrix in (X, X.astype(np.float32), csc_array(X), csc_array(X.astype(np.float32))):
        for penalty in ("mcp", "scad", "cel0", "l0", "l_half", "l_two_thirds"):
            PenalizedRegressor(penalty, 0.01).fit(matrix, X[:, 0] + X[:, 1])


def _warm_lad_lasso(noise):
    X = noise.standard_normal((30, 40))
    for alpha in (0.5, 0.05):
        LADLasso(alpha).fit(X, X[:, 0] + X[:, 1] + 0.1 * X[:, 2])


def _warm_trees():
    square = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [3, 4], [4, 5], [4, 6]])
    for r, child_angles, tree in ((2, "uniform", "treerep"), (2, "subtree", "steiner"), (3, "uniform", "mst")):
        embedding = HyperbolicTreeEmbedding(r, child_angles=child_angles, tree=tree).fit(square)
        embedding.kneighbors(n_neighbors=1)
        embedding.distance([0, 1], [2, 3])
        distortion_report(square, embedding)
        mean_average_precision(square, embedding)
    distortion_report(square, np.zeros((7, 2)), n_rows=3)


def _warm_penalties():
    for u in (np.ones(2), np.ones(2, np.float32), np.ones(2, complex), np.ones(2, np.complex64)):
        prox_soft(u, 0.5)
        for threshold in (prox_hard, prox_cel0, prox_half, prox_two_thirds):
            threshold(u, 0.5)
    for penalty in (L1(), PositiveL1(), MCP(), SCAD(), CEL0(), L0(), LHalf(), LTwoThirds()):
        value(penalty, 1.0, 0.5, 1.0)
        prox(penalty, 1.0, 0.5, 1.0)
        slack(penalty, 1.0, 0.5, 0.5, 1.0)
        violation(penalty, 1.0, 0.5, 0.5, 1.0)


def _warm_screening(noise):
    X = noise.standard_normal((128, 8192))
    for dtype in (np.float64, np.float32):
        orthogonal_mp(X.astype(dtype), X[:, 0].astype(dtype) + X[:, 1].astype(dtype), n_nonzero_coefs=8)


def _warm_absolute(noise):
    X = noise.integers(-2, 3, (16, 8)).astype(float)  # ties, so that the careful steps are needed, too
    for penalty in ("l0", "l1"):
        WeightedOMPCV("absolute", penalty, alphas=3, cv=2).fit(X, X @ noise.standard_normal(8))


def _warm_streams():
    state = rng.stream(np.uint64(0), 0)
    rng.next_normal(state)
    rng.next_below(state, 3)


if __name__ == "__main__":
    main()

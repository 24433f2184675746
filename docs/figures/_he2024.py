"""The problems of :cite:`he2024`, the methods with their colours, and the two measures.

Factors of normal entries, M1 x 15, 12 x 15 and 15 x 15; K non-zeros per factor, K^3 of 3375, where the chosen columns
of the factors meet. In the paper the non-zeros are themselves an outer product of normal vectors; "independent" ones
are normal, each by itself, which is the model behind the methods. The noise is set by the power of the data with all
14 rows of the first factor, or of those in use, as in the authors' scripts. The Bayesian methods know its variance, OMP
the number of non-zeros.
"""

import warnings
from functools import reduce
from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.exceptions import ConvergenceWarning

from sparsekit import orthogonal_mp
from sparsekit.recovery.kronecker_sbl import KroneckerSBL

N, M1, M2, M3, MOST = 15, (6, 8, 10, 12, 14), 12, 15, 6
COLOURS = {
    "KroneckerSBL, root (default)": "black",
    "KroneckerSBL, svd": "tab:blue",
    "KroneckerSBL, am": "tab:orange",
    "OMP with K^3 steps": "tab:green",
    "least squares, support known": "gray",
}
ROOT, SVD, AM, OMP, ORACLE = COLOURS


class Problem(NamedTuple):
    """Factors A_i (M_i, N), data (M1, M2, M3), coefficients (N, N, N), their places, the variance of the noise."""

    factors: list
    Y: np.ndarray
    x: np.ndarray
    places: tuple
    noise: float


class Draw:
    """What the problems of one trial share: factors of 14 rows, nested supports, values, the noise before scaling."""

    def __init__(self, seed, *, independent=False):
        rng = np.random.default_rng(seed)
        self.factors = [rng.standard_normal((m, N)) for m in (M1[-1], M2, M3)]
        self.orders = [rng.permutation(N) for _ in range(3)]
        vectors = rng.standard_normal((3, N))
        self.values = rng.standard_normal((N,) * 3) if independent else np.einsum("i,j,k->ijk", *vectors)
        self.noise = rng.standard_normal((M1[-1], M2, M3))

    def problem(self, *, snr, k=3, rows=8, all_rows=False):
        """The first `rows` rows of the first factor; the SNR in dB is that of these rows, or of all."""
        places = np.ix_(*[np.sort(order[:k]) for order in self.orders])
        x = np.zeros((N,) * 3)
        x[places] = self.values[places]
        clean = np.einsum("ai,bj,ck,ijk->abc", *self.factors, x, optimize=True)
        noise = np.mean(clean[: None if all_rows else rows] ** 2) * 10 ** (-snr / 10)
        Y = (clean + np.sqrt(noise) * self.noise)[:rows]
        return Problem([self.factors[0][:rows], *self.factors[1:]], Y, x, places, noise)


def bayes(method, max_iter=150):
    def answer(problem):
        model = KroneckerSBL(method, noise_variance=problem.noise, max_iter=max_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(problem.factors, problem.Y).coef_

    return answer


def along_modes(matrices, tensor):
    return reduce(lambda T, B: np.tensordot(T, B, (0, 1)), matrices, tensor)


def pursuit(problem):
    """OMP on the 3375 unit columns of the product: as an operator it chooses as with the explicit matrix."""
    lengths = [np.linalg.norm(A, axis=0) for A in problem.factors]
    units = [A / size for A, size in zip(problem.factors, lengths, strict=True)]
    adjoints = [A.T for A in units]
    operator = LinearOperator(
        (problem.Y.size, N**3),
        matvec=lambda v: along_modes(units, v.reshape(N, N, N)).ravel(),
        rmatvec=lambda v: along_modes(adjoints, v.reshape(problem.Y.shape)).ravel(),
        dtype=float,
    )
    w = orthogonal_mp(operator, problem.Y.ravel(), n_nonzero_coefs=np.count_nonzero(problem.x))
    return w.reshape(N, N, N) / reduce(np.multiply.outer, lengths)


def least_squares(problem):
    x = np.zeros_like(problem.x)
    used = [A[:, index.ravel()] for A, index in zip(problem.factors, problem.places, strict=True)]
    x[problem.places] = along_modes([np.linalg.pinv(A) for A in used], problem.Y)
    return x


METHODS = dict(zip(COLOURS, (bayes("root"), bayes("svd"), bayes("am", 1000), pursuit, least_squares), strict=True))


def nmse(x, truth):
    """In dB."""
    return 20 * np.log10(np.linalg.norm(x - truth) / np.linalg.norm(truth))


def support_rate(x, truth):
    """Right places over those that are right or chosen (%), from a thousandth of the largest coefficient on."""
    chosen, right = np.abs(x) > 1e-3 * np.abs(x).max(), truth != 0
    return 100 * np.count_nonzero(chosen & right) / np.count_nonzero(chosen | right)

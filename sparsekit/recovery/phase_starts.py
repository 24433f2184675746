"""Where the solvers of sparse phase retrieval begin.

*Spectral*, as published: the columns with the largest intensity-weighted energies, and on them the leading eigenvector.

*Anchored*: for Gaussian A, the matrix M = A^H diag(t) A with t_i = z_i - mean(z) is on average proportional to x x^H
plus a multiple of the identity. Its largest diagonal entries point to coordinates of x. From one of them, j, a few
truncated power iterations w <- H_s(M w) gather the coordinates that belong to it; another j gives another start.
Magnitudes are used as weights, for their tails are lighter than those of intensities.

Where all entries of A have one magnitude the diagonal of M is constant; so it is in effect where the entries are not at
hand. Then the leading eigenvector names candidates for j, and those with the largest off-diagonal entries are taken.
"""

from functools import partial
from itertools import islice

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from sparsekit.recovery.phase_problem import weighted_gram
from sparsekit.recovery.power_method import largest_entries, power_iterations

_GATHER = 3  # truncated power iterations from an anchor
_WIDE = 5  # with each of the wider supports that lead from an eigenvector to s coordinates
_CANDIDATES = 128  # coordinates of a leading eigenvector from which an anchor is chosen
_FLAT = 1e-6  # relative spread of energies up to which all entries of A have the same magnitude
_LANCZOS_TOL = 0.05
_SPARTA_PART = 6  # one measurement in so many; this and the next as in the comparison of jagatap2017
_FLOW_LEVEL = 1.5


def strongest(u, s):
    """Indices of the s largest magnitudes, ascending."""
    return np.sort(np.argpartition(-np.abs(u), s - 1)[:s])


def starts(problem, s, init, published, n_starts, generator):
    """Supports and values to begin with, at most `n_starts`: a first one by `init`, then anchored ones."""
    if isinstance(init, str):
        firsts = [published(problem, s, generator)] if init == "spectral" else []
    else:
        x = largest_entries(problem.from_users_units(init), s)
        firsts = [(np.flatnonzero(x), x[x != 0])]
    yield from firsts
    yield from islice(anchored(problem, s, generator), n_starts - len(firsts))


def spectral(problem, s, generator):
    """The published start of Newton's method, hard thresholding pursuit and CoPRAM."""
    if has_flat_energies(problem):
        return truncated_eigenvector(problem, s, generator)
    support = strongest(problem.intensity_marginals, s)
    return on_support(problem, support, problem.y)


def truncated_spectral(problem, s, generator):
    """SPARTA's, as CoPRAM's authors run it: the sixth of the measurements with the largest z_i / ||a_i,S||."""
    if has_flat_energies(problem):
        return truncated_eigenvector(problem, s, generator)
    support = strongest(problem.intensity_marginals, s)
    rows, _ = problem.rows(support)
    lengths = np.linalg.norm(rows, axis=0)
    ratio = np.divide(problem.z, lengths, out=np.zeros(problem.m), where=lengths > 0)
    used = strongest(ratio, -(-problem.m // _SPARTA_PART))
    weights = np.zeros(problem.m)
    weights[used] = problem.y[used]
    return on_support(problem, support, weights)


def thresholded_spectral(problem, s, generator):
    """That of thresholded Wirtinger flow: energies above (1 + 1.5 sqrt(log(m n) / m)) times their mean."""
    if has_flat_energies(problem):
        return truncated_eigenvector(problem, s, generator)
    marginals = problem.intensity_marginals / problem.m
    level = 1 + _FLOW_LEVEL * np.sqrt(np.log(problem.m * problem.n) / problem.m)
    support = np.flatnonzero(marginals > level)
    return on_support(problem, support if len(support) else np.array([np.argmax(marginals)]), problem.y)


def on_support(problem, support, weights):
    """The leading eigenvector of sum_i w_i a_i a_i^H on a support, as long as the answer."""
    rows, order = problem.rows(support)
    M = weighted_gram(rows, weights)
    last = len(support) - 1
    return order.copy(), eigh(M, subset_by_index=(last, last), check_finite=False)[1][:, 0]


def anchored(problem, s, generator):
    """The starts that grow from the coordinates that the magnitudes point to, one after the other."""
    M = Correlation(problem)
    if has_flat_energies(problem):
        yield from _best_connected(M, s, np.abs(leading_eigenvector(M, generator)))
        return
    for j in np.argsort(-problem.magnitude_marginals, kind="stable"):
        w, _ = power_iterations(M, partial(largest_entries, k=s), unit_vector(problem, j), _GATHER)
        yield np.flatnonzero(w), w[w != 0]


def _best_connected(M, s, ranking):
    """Of the first candidates of a rough ranking, those to which s others belong most: the largest |M_lj|, l != j."""
    keep = partial(largest_entries, k=s)
    candidates = np.argsort(-ranking, kind="stable")[:_CANDIDATES]
    first = [keep(M @ unit_vector(M.problem, j)) for j in candidates]
    strength = [np.linalg.norm(np.delete(w, j)) for w, j in zip(first, candidates, strict=True)]
    for k in np.argsort(-np.array(strength), kind="stable"):
        w = first[k] if first[k].any() else unit_vector(M.problem, candidates[k])
        w, _ = power_iterations(M, keep, w, _GATHER - 1)
        yield np.flatnonzero(w), w[w != 0]


def unit_vector(problem, j):
    """The coordinate vector e_j."""
    w = np.zeros(problem.n, problem.dtype)
    w[j] = 1
    return w


def truncated_eigenvector(problem, s, generator):
    """Where energies say nothing: the leading eigenvector of M over all coordinates, cut to s entries by and by."""
    M = Correlation(problem)
    w = leading_eigenvector(M, generator)
    for factor in (8, 4, 2, 1):
        w, _ = power_iterations(M, partial(largest_entries, k=min(problem.n, factor * s)), w, _WIDE)
    return np.flatnonzero(w), w[w != 0]


def has_flat_energies(problem):
    """Whether all entries of a column have one magnitude, as in a Fourier matrix, or are not at hand."""
    marginals = problem.intensity_marginals
    return marginals is None or np.ptp(marginals) <= _FLAT * marginals.max()


class Correlation:
    """M = A^H diag(z - mean z) A."""

    def __init__(self, problem):
        self.problem = problem
        self.weights = problem.z - problem.z.mean()

    def __matmul__(self, w):
        support = np.flatnonzero(w)
        return self.problem.gradient(self.weights * self.problem.image(support, w[support]))


def leading_eigenvector(M, generator):
    """Of the largest eigenvalue, over all coordinates; roughly."""
    n, dtype = M.problem.n, M.problem.dtype
    start = generator.standard_normal(n).astype(dtype)
    if not (M @ start).any():
        return start
    if n <= 3:
        return np.linalg.eigh(np.stack([M @ e for e in np.eye(n, dtype=dtype)], axis=1))[1][:, -1]
    try:
        operator = LinearOperator((n, n), matvec=lambda v: M @ np.ravel(v), dtype=dtype)
        return eigsh(operator, k=1, which="LA", v0=start, tol=_LANCZOS_TOL, ncv=min(n, 40))[1][:, 0]
    except ArpackNoConvergence:
        return start

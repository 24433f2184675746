r"""Expectation maximisation for Kronecker-structured dictionaries, on tensors; see :cite:`he2024`.

    y = (A_1 ⊗ ... ⊗ A_d) x + e,   x ~ N(0, diag(g_1 ⊗ ... ⊗ g_d)),   e ~ N(0, sigma^2 I)

All of it happens on tensors: Y (M_1, ..., M_d), the coefficients (N_1, ..., N_d). With singular value decompositions
A_i diag(g_i)^(1/2) = U_i S_i V_i^H, p = s_1^2 ⊗ ... ⊗ s_d^2 and G = g_1 ⊗ ... ⊗ g_d,

    mean      = {diag(g_i)^(1/2) V_i S_i} ( ({U_i^H} Y) / (sigma^2 + p) )
    variances = G o (1 - q_1 ⊗ ... ⊗ q_d  +  {|V_i|^2} ( sigma^2 / (sigma^2 + p) )),   q_i = row sums of |V_i|^2

where {B_i} is the product with B_i along mode i. All terms of the variances are positive: nothing cancels.
"""

from functools import reduce
from typing import NamedTuple

import numpy as np

from sparsekit.core.operators import energy

_INNER_TOL, _INNER_STEPS = 1e-5, 100  # of the coordinate maximisation within a step
_FLOOR = 8  # times eps: noise of this relative size is rounding
_START = 100  # times the prior variance that explains the energy of y; at 1 columns that are in use can be pruned


class Posterior(NamedTuple):
    """The posterior of the coefficients in the bases of the factors, for given hyper-parameters."""

    noise: float  # sigma^2
    roots: tuple  # square roots of g_i: (n_i,)
    bases: tuple  # V_i (n_i, r_i)
    values: tuple  # S_i (r_i,)
    spans: tuple = ()  # U_i (M_i, r_i)
    rotated: np.ndarray | None = None  # {U_i^H} Y, (r_1, ..., r_d)

    def noise_share(self):
        """sigma^2 / (sigma^2 + p) in every direction (r_1, ..., r_d)."""
        return self.noise / (self.noise + outer([s**2 for s in self.values]))

    def mean(self, share):
        """Posterior mean (n_1, ..., n_d)."""
        loads = [g[:, None] * V * s for g, V, s in zip(self.roots, self.bases, self.values, strict=True)]
        return multilinear(loads, self.rotated * (share / self.noise))

    def variances(self, share):
        """Posterior variances (n_1, ..., n_d)."""
        inside = [np.square(np.abs(V)) for V in self.bases]
        total = [np.ones(len(q), q.dtype) for q in inside]
        missed = [
            np.maximum(1 - q.sum(axis=1), 0) if q.shape[0] > q.shape[1] else np.zeros_like(q[:, 0]) for q in inside
        ]
        return outer([g**2 for g in self.roots]) * _quadratic(inside, share, total, missed)

    def variances_of_products(self, matrices, share):
        """Posterior variances of the products with matrices (m_i, n_i) along the modes: (m_1, ..., m_d)."""
        rows = [B * g for B, g in zip(matrices, self.roots, strict=True)]
        within = [B @ V for B, V in zip(rows, self.bases, strict=True)]
        outside = [B - C @ V.conj().T for B, C, V in zip(rows, within, self.bases, strict=True)]
        inside, total, missed = ([np.square(np.abs(B)) for B in part] for part in (within, rows, outside))
        return _quadratic(inside, share, [q.sum(axis=1) for q in total], [q.sum(axis=1) for q in missed])

    def next_noise(self, Y, share):
        """The noise variance by the rule of EM."""
        residual = energy(share * self.rotated)
        if any(U.shape[0] > U.shape[1] for U in self.spans):
            residual += energy(Y - multilinear(self.spans, self.rotated))
        return (residual + self.noise * float((1 - share).sum(dtype=np.float64))) / Y.size


def posterior(factors, hyper, noise, Y):
    """The posterior for factors A_i (M_i, n_i), prior variances g_i (n_i,) and data Y (M_1, ..., M_d)."""
    roots = tuple(np.sqrt(g).astype(A.real.dtype) for A, g in zip(factors, hyper, strict=True))
    spans, values, bases = zip(
        *(np.linalg.svd(A * root, full_matrices=False) for A, root in zip(factors, roots, strict=True)), strict=True
    )
    rotated = multilinear([U.conj().T for U in spans], Y)
    return Posterior(noise, roots, tuple(Vh.conj().T for Vh in bases), values, spans, rotated)


def multilinear(matrices, T):
    """The product of a tensor with a matrix (m_i, n_i) along every mode i."""
    for B in matrices:  # each takes the first mode and leaves a last one, so that nothing is transposed in memory
        n, rest = T.shape[0], T.shape[1:]
        T = (T.reshape(n, -1).T @ B.T).reshape(*rest, B.shape[0])
    return T


def outer(vectors):
    """The outer product of vectors as a tensor."""
    return reduce(np.multiply.outer, vectors)


def _quadratic(inside, share, total, missed):
    """What the data leave inside the spans, and the outer product of `total` minus that of the row sums of `inside`."""
    found = multilinear(inside, share)
    if any(gap.any() for gap in missed):
        rows = [q.sum(axis=1) for q in inside]
        above, below = missed[0], rows[0]
        for up, low, gap in zip(total[1:], rows[1:], missed[1:], strict=True):
            above = np.multiply.outer(above, up) + np.multiply.outer(below, gap)
            below = np.multiply.outer(below, low)
        found += above
    return found


# ---- the M-step: g_1 ⊗ ... ⊗ g_d from the second moments L (n_1, ..., n_d)


def leading_singular(L, counts):
    """Rank-one fit by one leading singular vector after the other, in least squares with weights `counts`."""
    weights = [np.sqrt(c) for c in counts]
    L = L * outer([w.astype(L.dtype) for w in weights])
    hyper = []
    for w in weights[:-1]:
        unfolded = L.reshape(len(L), -1)
        if unfolded.shape[0] <= unfolded.shape[1]:
            u = np.abs(np.linalg.eigh(unfolded @ unfolded.T)[1][:, -1])
            v = u @ unfolded
        else:
            v = unfolded @ np.linalg.eigh(unfolded.T @ unfolded)[1][:, -1]
            u = np.abs(v) / np.linalg.norm(v)
            v = u @ unfolded
        hyper.append(u / w)
        L = v.reshape(L.shape[1:])
    return [*hyper, L / weights[-1]]


def coordinate_maximum(L, counts, hyper):
    """The maximum of the bound of EM, one factor after the other until they change by less than 1e-5."""
    hyper = [g.astype(L.dtype) for g in hyper]
    shares = [(c / c.sum()).astype(L.dtype) for c in counts]
    for _ in range(_INNER_STEPS):
        before, left = list(hyper), []
        right = [L]
        for g, share in zip(hyper[:0:-1], shares[:0:-1], strict=True):
            right.append(right[-1] @ (share / g))
        for i, tensor in enumerate(reversed(right)):
            hyper[i] = reduce(lambda T, weight: np.tensordot(weight, T, 1), left, tensor)
            left.append(shares[i] / hyper[i])
        hyper = _normalised(hyper, counts)
        if _change(before, hyper, counts) < _INNER_TOL:
            break
    return hyper


def _normalised(hyper, counts):
    """Factors of length one over their entries, the scale in the last."""
    lengths = [np.sqrt((c * g**2).sum()) for g, c in zip(hyper[:-1], counts, strict=False)]
    return [*(g / a for g, a in zip(hyper, lengths, strict=False)), hyper[-1] * np.prod(lengths)]


def _change(old, new, counts):
    """Relative change || outer(new) - outer(old) || / || outer(old) ||, without cancellation."""
    sizes = [[np.sqrt((c * g**2).sum()) for g, c in zip(each, counts, strict=True)] for each in (old, new)]
    cosine = 0.0  # its logarithm
    for f, g, a, b, c in zip(old, new, *sizes, counts, strict=True):
        cosine += np.log1p(-min((c * (f / a - g / b) ** 2).sum() / 2, 1 - 1e-16))
    ratio = np.prod(np.divide(sizes[1], sizes[0]))
    return float(np.sqrt((ratio - 1) ** 2 - 2 * ratio * np.expm1(cosine)))


# ---- EM


class Fit(NamedTuple):
    """What :func:`learn` found, in the units that it was given."""

    kept: list  # indices of the columns in use, (n_i,)
    hyper: list  # their prior variances, (n_i,) in float64
    posterior: Posterior
    path: list  # relative changes of the hyper-parameters
    converged: bool


def learn(factors, Y, *, method, noise=None, blocks=None, max_iter=150, tol=1e-4, prune=1e-3):
    """Alternate the posterior and the hyper-parameters until these change by less than `tol`.

    Parameters
    ----------
    factors : sequence of ndarray of shape (M_i, N_i)
        Entries of size one; columns of zeros are left out.
    Y : ndarray of shape (M_1, ..., M_d)
        Data of size one, not zero everywhere.
    method : {"root", "svd", "am"}
        The M-step.
    noise : float, default=None
        Variance of the noise; None learns it.
    blocks : sequence of int, default=None
        Consecutive columns of each factor that share a prior variance.
    max_iter, tol, prune : int, float, float
        As for :class:`KroneckerSBL`.

    Returns
    -------
    fit : Fit
        With the posterior for the last hyper-parameters.
    """
    kept = [np.flatnonzero(A.any(axis=0)) for A in factors]
    blocks = [1] * len(factors) if blocks is None else blocks
    labels = [k // size for k, size in zip(kept, blocks, strict=True)]
    factors = [A[:, k] for A, k in zip(factors, kept, strict=True)]
    floor = (_FLOOR * np.finfo(Y.dtype).eps) ** 2 * energy(Y) / Y.size
    learnt = noise is None
    noise = max(floor, 0.1 * float(np.var(Y)) if learnt else noise)
    scale = _START * energy(Y) / np.prod([energy(A) for A in factors])
    hyper = [np.full(len(k), len(k) ** -0.5) for k in kept]
    hyper[-1] = hyper[-1] * scale * np.sqrt(np.prod([len(k) for k in kept]))
    path, converged = [], False
    while not converged and len(path) < max_iter:
        now = posterior(factors, hyper, noise, Y)
        share = now.noise_share()
        if learnt:
            noise = max(floor, now.next_noise(Y, share))
        moments = np.square(np.abs(now.mean(share))) + now.variances(share)
        before, hyper = hyper, maximised(moments, labels, method, hyper)
        path.append(_change(before, hyper, [1.0] * len(hyper)))
        converged = path[-1] < tol
        used = [np.flatnonzero(g > prune * g.max()) for g in hyper]
        if any(len(u) < len(g) for u, g in zip(used, hyper, strict=True)):
            factors, kept, labels, hyper = (
                [x[..., u] for x, u in zip(each, used, strict=True)] for each in (factors, kept, labels, hyper)
            )
    return Fit(kept, hyper, posterior(factors, hyper, noise, Y), path, converged)


def maximised(moments, labels, method, hyper):
    """The next hyper-parameters; columns of a factor with the same label share one value."""
    starts = [np.flatnonzero(np.diff(each, prepend=-1)) for each in labels]
    counts = [np.diff(first, append=len(each)) for first, each in zip(starts, labels, strict=True)]
    for mode, (first, count) in enumerate(zip(starts, counts, strict=True)):
        if len(first) < moments.shape[mode]:
            sums = np.add.reduceat(moments, first, axis=mode)
            moments = sums / count.astype(sums.dtype).reshape(-1, *[1] * (sums.ndim - mode - 1))
    if method == "root":
        hyper = [g**2 for g in leading_singular(np.sqrt(moments), counts)]
    elif method == "svd":
        hyper = leading_singular(moments, counts)
    else:
        hyper = coordinate_maximum(moments, counts, [g[first] for g, first in zip(hyper, starts, strict=True)])
    return [np.repeat(g.astype(np.float64), count) for g, count in zip(hyper, counts, strict=True)]

"""Orthogonal pursuits of many targets through one Gram matrix, G = A^H A.

For each target y the kernel knows only c = A^H y and ||y||^2. With u_1, u_2, ... the orthonormal basis that Gram-Schmidt makes
of the chosen columns and q_t = A^H u_t, choosing column s at step t means [rubinstein2008]_

    L_ti = q_i[s]                                         row t of the Cholesky factor of A_S^H A_S
    d^2  = G_ss - sum_i |L_ti|^2                          squared distance of a_s to the span of the others
    q_t  = (G[:, s] - sum_i conj(L_ti) q_i) / d           one pass over q_1 ... q_t-1
    z_t  = c_s / d,  c <- c - z_t q_t,  ||r||^2 <- ||r||^2 - |z_t|^2

and the coefficients follow from L^H w = z. The rule is the largest |c_j|^2 / omega_j^2 (omp), or the largest decrease of the
residual, |c_j|^2 / (nu_j omega_j^2) with nu_j <- nu_j - |q_t[j]|^2 (ols, [chen1989]_).
"""

from typing import NamedTuple

import numpy as np
from numba.extending import overload
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from sparsekit.core.cholesky import backward_solve
from sparsekit.core.kernels import kernel
from sparsekit.core.operators import squared_norms
from sparsekit.core.simd import bits_of, float_of
from sparsekit.core.scaling import is_extreme, shifted
from sparsekit.core.threads import chunks, run_chunks
from sparsekit.recovery.pursuit import EXACT, FULL, NO_COLUMN, TOL, empty_pursuit
from sparsekit.recovery.selection import preference

_BLOCK = 512  # targets that are correlated with the columns in one matrix product
_MAX_GRAM = 1 << 13  # columns up to which a Gram matrix (512 MB) is formed
_ACCURATE_TOL = 1e-10  # tol / ||y||^2 below which ||y||^2 - sum |z|^2 is too rough a residual
_FAST = {"contract", "reassoc"}


class Correlation(NamedTuple):
    """The rule of OMP: the column that is most correlated with the residual."""

    unused: int = 0


class Decrease(NamedTuple):
    """The rule of OLS: the column that lowers the residual most."""

    unused: int = 0


def advance(rule, q, z, state):
    """Take the direction q (N,) with coefficient z out of the correlations; score all columns; return the best score.

    c <- c - z q; for OLS also nu <- nu - |q|^2, infinite (score 0) for a column that has become dependent.
    """
    state.c[:] -= z * q
    state.score[:] = (state.c * np.conj(state.c)).real * state.allowed
    if isinstance(rule, Decrease):
        state.nu[:] -= (q * np.conj(q)).real
        state.nu[state.nu <= state.lowest] = np.inf
        state.score[:] /= state.nu
    return state.score.max()


@overload(advance, jit_options={"fastmath": _FAST})
def _advance(rule, q, z, state):
    if rule.instance_class is Correlation:

        def correlation(rule, q, z, state):
            c, allowed, score = state.c, state.allowed, state.score
            largest = np.int64(0)
            for j in range(c.shape[0]):
                c[j] -= z * q[j]
                score[j] = (c[j] * np.conj(c[j])).real * allowed[j]
                bits = bits_of(score[j])
                largest = bits if bits > largest else largest
            return float_of(largest)

        return correlation

    def decrease(rule, q, z, state):
        c, allowed, score, nu, lowest = state.c, state.allowed, state.score, state.nu, state.lowest
        largest = np.int64(0)
        for j in range(c.shape[0]):
            c[j] -= z * q[j]
            rest = nu[j] - (q[j] * np.conj(q[j])).real
            nu[j] = rest if rest > lowest[j] else np.inf
            score[j] = (c[j] * np.conj(c[j])).real * allowed[j] / nu[j]
            bits = bits_of(score[j])
            largest = bits if bits > largest else largest
        return float_of(largest)

    return decrease


class State(NamedTuple):
    """What changes while one target is pursued; all (N,)."""

    c: np.ndarray  # correlations a_j^H r
    nu: np.ndarray  # squared distances to the span of the chosen columns
    lowest: np.ndarray  # below which a column is dependent
    allowed: np.ndarray  # 1 / omega^2; 0 once chosen or refused
    score: np.ndarray  # the rule's values, float64


@kernel
def first_above(score, enough):
    """First index whose score is at least `enough`; len(score) if there is none. A reduction, hence vector instructions."""
    n = np.int64(score.shape[0])
    first = n
    for j in range(n):
        here = np.int64(j) if score[j] >= enough else n
        first = here if here < first else first
    return first


@kernel
def choose(largest, state, diagonal, limits, energy):
    """The first column whose score ties with the largest and whose correlation is more than rounding, or -1."""
    floor = limits.noise * limits.noise * energy
    c, score = state.c, state.score
    s = first_above(score, largest * limits.tie) if largest > 0 else -1
    if s >= 0 and (c[s] * np.conj(c[s])).real <= floor * diagonal[s]:
        largest = 0.0
        for j in range(score.shape[0]):
            meaningful = (c[j] * np.conj(c[j])).real > floor * diagonal[j]
            score[j] = score[j] if meaningful else 0.0
            largest = max(largest, score[j])
        s = first_above(score, largest * limits.tie) if largest > 0 else -1
    return s


@kernel(fastmath=_FAST)
def new_direction(G, s, L, t, Q):
    """q_t = (conj(G[s]) - sum_i conj(L_ti) q_i) / L_tt, written to row t of Q, two directions in one pass."""
    q, g = Q[t], G[s]
    n, odd, scale = q.shape[0], t % 2, 1 / L[t, t].real
    if odd:
        a, first = np.conj(L[t, 0]) * scale, Q[0]
        for j in range(n):
            q[j] = np.conj(g[j]) * scale - a * first[j]
    else:
        for j in range(n):
            q[j] = np.conj(g[j]) * scale
    for i in range(odd, t, 2):
        a, first = np.conj(L[t, i]) * scale, Q[i]
        b, second = np.conj(L[t, i + 1]) * scale, Q[i + 1]
        for j in range(n):
            q[j] -= a * first[j] + b * second[j]


@kernel(fastmath=_FAST)
def pursue_gram(rule, G, preference, C, limits, out):
    """Pursue every row of C (n, N) = (A^H y)^T with G (N, N); out.residual[:, 0] holds ||y||. C is used up.

    All arrays are C-contiguous; C and G share one dtype; preference (N,) = 1 / omega^2 in float64.
    """
    n, k = G.shape[0], out.active.shape[1]
    Q, L, z = np.zeros((k, n), G.dtype), np.zeros((k, k), G.dtype), np.empty(k, G.dtype)
    diagonal, allowed, nu, nothing = np.empty(n), np.empty(n), np.empty(n), np.zeros(n, G.dtype)
    for j in range(n):
        diagonal[j] = G[j, j].real
        allowed[j] = preference[j] if diagonal[j] > 0 else 0.0
        nu[j] = diagonal[j] if diagonal[j] > 0 else np.inf
    lowest, now_allowed, now_nu, score = diagonal * limits.dependent, np.empty(n), np.empty(n), np.empty(n)
    for row in range(C.shape[0]):
        now_allowed[:], now_nu[:] = allowed, nu
        state = State(C[row], now_nu, lowest, now_allowed, score)
        energy = out.residual[row, 0] ** 2
        t, reason, rest = 0, FULL, energy
        best = advance(rule, nothing, nothing[0], state)
        while t < k and rest > limits.tol:
            s = choose(best, state, diagonal, limits, energy)
            if s < 0:
                reason = EXACT if rest <= (k + 1) * limits.noise * energy else NO_COLUMN
                break
            now_allowed[s] = 0.0
            d2 = diagonal[s]
            for i in range(t):
                L[t, i] = Q[i, s]
                d2 -= (Q[i, s] * np.conj(Q[i, s])).real
            if d2 <= lowest[s]:
                best = advance(rule, nothing, nothing[0], state)
                continue
            L[t, t] = np.sqrt(d2)
            z[t] = state.c[s] / L[t, t].real
            rest = max(rest - (z[t] * np.conj(z[t])).real, 0.0)
            if t + 1 < k:
                new_direction(G, s, L, t, Q)
                best = advance(rule, Q[t], z[t], state)
            out.active[row, t] = s
            t += 1
            out.residual[row, t] = np.sqrt(rest)
            if out.path.shape[0] > 0:
                backward_solve(L, t, z, out.path[row, t - 1])
        backward_solve(L, t, z, out.coef[row])
        for i in range(t + 1, k + 1):
            out.residual[row, i] = out.residual[row, t]
        out.n_steps[row] = t
        out.reason[row] = TOL if rest <= limits.tol else reason


def pursue_batch(
    pursue_rows, rule, design, signals, omega, limits, *, gram=None, path=False, n_jobs=None, finish=None
):
    """Pursue every row of `signals` through the Gram matrix.

    Parameters
    ----------
    pursue_rows : callable
        A kernel with the arguments of :func:`pursue_gram`.
    rule : Correlation, Decrease or whatever the kernel takes
        How the next column is chosen.
    design : Design of shape (m, N)
        The columns to choose from.
    signals : ndarray or sparse matrix of shape (t, m)
        One target a row.
    omega : ndarray of shape (N,)
        Feature weights, positive; inf forbids a column.
    limits : Limits
        When to stop.
    gram : ndarray of shape (N, N), default=None
        A^H A when it is known already.
    path : bool, default=False
        Whether to keep the coefficients after every step.
    n_jobs : int, default=None
        Number of threads; the answer does not depend on it.
    finish : callable, default=None
        Applied to the Pursuit of every chunk, to keep less of it.

    Returns
    -------
    pursuits : list
        One Pursuit (or what `finish` makes of it) for each chunk of consecutive rows.
    """
    n_columns, k = design.shape[1], limits.n_steps
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        gram = design.gram() if gram is None else np.ascontiguousarray(gram, dtype=design.dtype)
    shift = 0
    if is_extreme(gram.diagonal().real, design.dtype):
        design, shift = design.tamed()
        gram = design.gram()
    weight = preference(omega)

    def pursue_chunk(chunk):
        out = empty_pursuit(chunk.stop - chunk.start, chunk.stop - chunk.start, k, design.dtype, path=path)
        buffer = np.empty((min(_BLOCK, len(out.active)), n_columns), design.dtype)
        for start in range(0, len(out.active), _BLOCK):
            part = slice(start, min(start + _BLOCK, len(out.active)))
            rows = signals[chunk.start + part.start : chunk.start + part.stop]
            rows = rows.toarray() if issparse(rows) else rows
            C = design.adjoint_rows(rows, buffer[: part.stop - part.start])
            out.residual[part, 0] = np.sqrt(squared_norms(rows.T))
            pursue_rows(rule, gram, weight, C, limits, type(out)(*(field[part] for field in out)))
        out = out._replace(coef=shifted(out.coef, shift), path=shifted(out.path, shift))
        return out if finish is None else finish(out)

    work = design.shape[0] * n_columns + (k + 4) * k * n_columns / 2
    return run_chunks(pursue_chunk, chunks(signals.shape[0], work), n_jobs)


def gram_pays(design, Y, omega, stop, gram=None):
    """Whether independent targets Y (m, t) should go through the Gram matrix: if it can serve them, and is cheaper."""
    if (omega == 0).any() or Y.dtype != design.dtype or not is_accurate(stop, Y.T):
        return False
    if gram is not None:
        return True
    n_columns, n_targets = design.shape[1], Y.shape[1]
    return n_targets > 1 and not isinstance(design.X, LinearOperator) and n_columns <= min(n_targets * stop.n_steps, _MAX_GRAM)


def is_accurate(stop, signals):
    """Whether ||y||^2 - sum |z|^2 is accurate enough to tell when the tolerance is reached, for all rows y of `signals`."""
    if stop.tol < 0:
        return True
    energies = signals.multiply(signals.conj()).sum(axis=1).real if issparse(signals) else squared_norms(signals.T)
    return stop.tol >= _ACCURATE_TOL * energies.max()

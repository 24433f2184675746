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
from sparsekit.core.simd import float_of, max_bits
from sparsekit.core.scaling import is_extreme, shifted
from sparsekit.core.threads import chunks, run_chunks
from sparsekit.recovery.pursuit import FULL, NO_COLUMN, empty_pursuit, ended
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


class State(NamedTuple):
    """What changes while one target is pursued; all (N,)."""

    c: np.ndarray  # correlations a_j^H r
    nu: np.ndarray  # squared distances to the span of the chosen columns
    lowest: np.ndarray  # below which a column is dependent
    allowed: np.ndarray  # 1 / omega^2; 0 once chosen or refused
    score: np.ndarray  # the rule's values, float64


class Step(NamedTuple):
    """The last pass of step t: q_t = scale conj(base[row]) - left q_i - right q_j, c <- c - z q_t."""

    t: int
    row: int
    i: int
    j: int
    scale: float
    left: float
    right: float
    z: float


def advance(rule, step, Q, base, state):
    """Finish q_t (row t of Q), take it out of the correlations, score all columns and return the best score.

    For OLS also nu <- nu - |q_t|^2, infinite (score 0) for a column that has become dependent.
    """
    q = step.scale * np.conj(base[step.row]) - step.left * Q[step.i] - step.right * Q[step.j]
    Q[step.t] = q
    state.c[:] -= step.z * q
    state.score[:] = (state.c * np.conj(state.c)).real * state.allowed
    if isinstance(rule, Decrease):
        state.nu[:] -= (q * np.conj(q)).real
        state.nu[state.nu <= state.lowest] = np.inf
        state.score[:] /= state.nu
    return state.score.max()


@overload(advance, jit_options={"fastmath": _FAST})
def _advance(rule, step, Q, base, state):
    if rule.instance_class is Correlation:

        def correlation(rule, step, Q, base, state):
            t, row, i, j, scale, left, right, z = step
            c, allowed, score = state.c, state.allowed, state.score
            best = np.int64(0)
            for m in range(c.shape[0]):
                q = np.conj(base[row, m]) * scale - left * Q[i, m] - right * Q[j, m]
                Q[t, m] = q
                c[m] -= z * q
                score[m] = (c[m] * np.conj(c[m])).real * allowed[m]
                best = max_bits(best, score[m])
            return float_of(best)

        return correlation

    def decrease(rule, step, Q, base, state):
        t, row, i, j, scale, left, right, z = step
        c, allowed, score, nu, lowest = state.c, state.allowed, state.score, state.nu, state.lowest
        best = np.int64(0)
        for m in range(c.shape[0]):
            q = np.conj(base[row, m]) * scale - left * Q[i, m] - right * Q[j, m]
            Q[t, m] = q
            c[m] -= z * q
            rest = nu[m] - (q * np.conj(q)).real
            nu[m] = rest if rest > lowest[m] else np.inf
            score[m] = (c[m] * np.conj(c[m])).real * allowed[m] / nu[m]
            best = max_bits(best, score[m])
        return float_of(best)

    return decrease


@kernel(fastmath=_FAST)
def older_directions(G, s, L, t, scale, Q, row):
    """conj of scale conj(G[s]) - sum of all but the last two directions, written to a row of Q; two directions in a pass."""
    n, odd = Q.shape[1], t % 2
    if odd:
        a = L[t, 0] * scale
        for m in range(n):
            Q[row, m] = G[s, m] * scale - a * np.conj(Q[0, m])
    else:
        a, b = L[t, 0] * scale, L[t, 1] * scale
        for m in range(n):
            Q[row, m] = G[s, m] * scale - a * np.conj(Q[0, m]) - b * np.conj(Q[1, m])
    for i in range(2 - odd, t - 2, 2):
        a, b = L[t, i] * scale, L[t, i + 1] * scale
        for m in range(n):
            Q[row, m] -= a * np.conj(Q[i, m]) + b * np.conj(Q[i + 1, m])


@kernel
def first_above(score, enough):
    """First index whose score is at least `enough`, len(score) if there is none; a reduction, hence vector instructions."""
    n = np.int64(score.shape[0])
    first = n
    for j in range(n):
        here = np.int64(j) if score[j] >= enough else n
        first = here if here < first else first
    return first


@kernel
def choose(best, state, diagonal, limits, energy):
    """The first column whose score ties with the best and whose correlation is more than rounding, or -1."""
    floor = limits.noise * limits.noise * energy
    c, score = state.c, state.score
    s = first_above(score, best * limits.tie) if best > 0 else -1
    if s >= 0 and (c[s] * np.conj(c[s])).real <= floor * diagonal[s]:
        best = 0.0
        for j in range(score.shape[0]):
            meaningful = (c[j] * np.conj(c[j])).real > floor * diagonal[j]
            score[j] = score[j] if meaningful else 0.0
            best = max(best, score[j])
        s = first_above(score, best * limits.tie) if best > 0 else -1
    return s


@kernel(fastmath=_FAST)
def pursue_gram(rule, G, preference, C, limits, out):
    """Pursue every row of C (n, N) = (A^H y)^T with G (N, N); out.residual[:, 0] holds ||y||. C is used up.

    All arrays are C-contiguous; C and G share one dtype; preference (N,) = 1 / omega^2 in float64.
    """
    n, k = G.shape[0], out.active.shape[1]
    Q, none, scratch = np.zeros((k + 2, n), G.dtype), k, k + 1  # the last two rows: no direction, and older_directions
    L, z, zero = np.zeros((k, k), G.dtype), np.zeros(k, G.dtype), G[0, 0] * 0
    start = Step(scratch, 0, none, none, 0.0, zero, zero, zero)  # takes nothing out
    diagonal, allowed, nu = np.empty(n), np.empty(n), np.empty(n)
    for j in range(n):
        diagonal[j] = G[j, j].real
        allowed[j] = preference[j] if diagonal[j] > 0 else 0.0
        nu[j] = diagonal[j] if diagonal[j] > 0 else np.inf
    lowest, now_allowed, now_nu, score = diagonal * limits.dependent, np.empty(n), np.empty(n), np.empty(n)
    for row in range(C.shape[0]):
        for j in range(n):
            now_allowed[j], now_nu[j] = allowed[j], nu[j]
        state = State(C[row], now_nu, lowest, now_allowed, score)
        energy = out.residual[row, 0] ** 2
        t, reason, rest = 0, FULL, energy
        best = advance(rule, start, Q, G, state)
        while t < k and rest > limits.tol:
            s = choose(best, state, diagonal, limits, energy)
            if s < 0:
                reason = NO_COLUMN
                break
            now_allowed[s] = 0.0
            d2 = diagonal[s]
            for i in range(t):
                L[t, i] = Q[i, s]
                d2 -= (Q[i, s] * np.conj(Q[i, s])).real
            if d2 <= lowest[s]:
                best = advance(rule, start, Q, G, state)
                continue
            scale = 1 / np.sqrt(d2)
            L[t, t], z[t] = d2 * scale, state.c[s] * scale
            rest = max(rest - (z[t] * np.conj(z[t])).real, 0.0)
            if t > 2 and t + 1 < k:
                older_directions(G, s, L, t, scale, Q, scratch)
            if t + 1 < k:
                left = np.conj(L[t, t - 1]) * scale if t > 0 else zero
                right = np.conj(L[t, t - 2]) * scale if t > 1 else zero
                i, j = t - 1 if t > 0 else none, t - 2 if t > 1 else none
                if t > 2:
                    best = advance(rule, Step(t, scratch, i, j, 1.0, left, right, z[t]), Q, Q, state)
                else:
                    best = advance(rule, Step(t, s, i, j, scale, left, right, z[t]), Q, G, state)
            out.active[row, t] = s
            t += 1
            out.residual[row, t] = np.sqrt(rest)
            if out.path.shape[0] > 0:
                backward_solve(L, t, z, out.path[row, t - 1])
        backward_solve(L, t, z, out.coef[row])
        for i in range(t + 1, k + 1):
            out.residual[row, i] = out.residual[row, t]
        out.n_steps[row] = t
        out.reason[row] = ended(reason, t, rest, (k + 1) * limits.noise * energy, limits)


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

"""Orthogonal pursuits of many targets through one Gram matrix, G = A^H A.

For each target y the kernel knows only c = A^H y and ||y||^2. With u_1, u_2, ... the orthonormal basis that
Gram-Schmidt makes of the chosen columns and q_t = A^H u_t, choosing column s at step t means [rubinstein2008]_

    L_ti = q_i[s]                                         row t of the Cholesky factor of A_S^H A_S
    d^2  = G_ss - sum_i |L_ti|^2                          squared distance of a_s to the span of the others
    q_t  = (G[:, s] - sum_i conj(L_ti) q_i) / d           one pass over q_1 ... q_t-1
    z_t  = c_s / d,  c <- c - z_t q_t,  ||r||^2 <- ||r||^2 - |z_t|^2

and the coefficients follow from L^H w = z. The rule is the largest |c_j|^2 / omega_j^2 (omp), or the largest decrease
of the residual, |c_j|^2 / (nu_j omega_j^2) with nu_j <- nu_j - |q_t[j]|^2 (ols, [chen1989]_).
"""

from typing import NamedTuple

import numpy as np
from numba.extending import overload
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from sparsekit.core.cholesky import backward_solve
from sparsekit.core.kernels import kernel
from sparsekit.core.operators import aligned_empty, squared_norms
from sparsekit.core.scaling import is_extreme, row_exponents, shifted
from sparsekit.core.simd import float_of, max_bits
from sparsekit.core.threads import chunks, run_chunks
from sparsekit.recovery.pursuit import FULL, NO_COLUMN, empty_pursuit, ended
from sparsekit.recovery.selection import preference

_BLOCK = 32  # targets that are at least correlated with the columns in one matrix product
_MAX_GRAM = 1 << 13  # columns up to which a Gram matrix (512 MB) is formed
_ACCURATE_TOL = 1e4  # times eps: tol / ||y||^2 below which ||y||^2 - sum |z|^2 is too rough a residual
_FAST = {"contract", "reassoc"}


class Correlation(NamedTuple):
    """The rule of OMP: the column that is most correlated with the residual."""

    unused: int = 0


class Decrease(NamedTuple):
    """The rule of OLS: the column that lowers the residual most."""

    unused: int = 0


class Problem(NamedTuple):
    """What the targets share; all (N,)."""

    diagonal: np.ndarray  # squared column norms
    lowest: np.ndarray  # squared distances to the span below which a column is dependent
    preference: np.ndarray  # 1 / omega^2, for OLS; for OMP the columns are divided by omega beforehand


class State(NamedTuple):
    """What changes while one target is pursued; all (N,). The rule of OMP needs c alone."""

    c: np.ndarray  # correlations a_j^H r
    nu: np.ndarray  # squared distances to the span of the chosen columns
    score: np.ndarray  # |c_j|^2 preference_j / nu_j


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


def begin(rule, problem, state):
    """Set nu to the squared norms, score all columns, return the best score."""
    state.nu[:] = problem.diagonal
    return scored(rule, problem, state)


def advance(rule, problem, step, Q, base, state):
    """Finish q_t (row t of Q), take it out of c (and of nu), score all columns, return the best score."""
    q = step.scale * np.conj(base[step.row]) - step.left * Q[step.i] - step.right * Q[step.j]
    Q[step.t] = q
    state.c[:] -= step.z * q
    state.nu[:] -= energies(q)
    return scored(rule, problem, state)


def scored(rule, problem, state):
    """Fill the scores and return the best; a column is worth nothing once it depends on the chosen ones."""
    if isinstance(rule, Correlation):
        return energies(state.c).max()
    free = state.nu > problem.lowest
    state.score[:] = np.divide(energies(state.c) * problem.preference, state.nu, out=np.zeros(len(free)), where=free)
    return state.score.max()


def value(rule, state, j):
    """The score of column j."""
    return state.score[j] if isinstance(rule, Decrease) else energies(state.c[j])


def energies(x):
    """Squared absolute values."""
    return (x * np.conj(x)).real


@overload(begin, jit_options={"fastmath": _FAST, "error_model": "numpy"})
def _begin(rule, problem, state):
    if rule.instance_class is Correlation:

        def correlation(rule, problem, state):
            c, best = state.c, np.int64(0)
            for m in range(c.shape[0]):
                best = max_bits(best, (c[m] * np.conj(c[m])).real)
            return float_of(best)

        return correlation

    def decrease(rule, problem, state):
        c, nu, score, diagonal, preference = state.c, state.nu, state.score, problem.diagonal, problem.preference
        best = np.int64(0)
        for m in range(c.shape[0]):
            nu[m] = diagonal[m]
            gain = (c[m] * np.conj(c[m])).real * preference[m] / nu[m]
            score[m] = gain if nu[m] > 0 else 0.0
            best = max_bits(best, score[m])
        return float_of(best)

    return decrease


@overload(advance, jit_options={"fastmath": _FAST, "error_model": "numpy"})
def _advance(rule, problem, step, Q, base, state):
    if rule.instance_class is Correlation:

        def correlation(rule, problem, step, Q, base, state):
            t, row, i, j, scale, left, right, z = step
            c, best = state.c, np.int64(0)
            for m in range(c.shape[0]):
                q = np.conj(base[row, m]) * scale - left * Q[i, m] - right * Q[j, m]
                Q[t, m] = q
                rest = c[m] - z * q
                c[m] = rest
                best = max_bits(best, (rest * np.conj(rest)).real)
            return float_of(best)

        return correlation

    def decrease(rule, problem, step, Q, base, state):
        t, row, i, j, scale, left, right, z = step
        c, nu, score, lowest, preference = state.c, state.nu, state.score, problem.lowest, problem.preference
        best = np.int64(0)
        for m in range(c.shape[0]):
            q = np.conj(base[row, m]) * scale - left * Q[i, m] - right * Q[j, m]
            Q[t, m] = q
            c[m] -= z * q
            nu[m] -= (q * np.conj(q)).real
            gain = (c[m] * np.conj(c[m])).real * preference[m] / nu[m]
            score[m] = gain if nu[m] > lowest[m] else 0.0
            best = max_bits(best, score[m])
        return float_of(best)

    return decrease


@overload(value)
def _value(rule, state, j):
    if rule.instance_class is Correlation:
        return lambda rule, state, j: (state.c[j] * np.conj(state.c[j])).real
    return lambda rule, state, j: state.score[j]


@kernel(fastmath=_FAST)
def older_directions(G, s, L, t, scale, Q, row):
    """conj of scale conj(G[s]) - sum of all but the last two directions, to a row of Q; two directions in a pass."""
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
def first_above(rule, enough, state):
    """First column whose score is at least `enough`, N if there is none; a reduction, hence vector instructions."""
    n = np.int64(state.c.shape[0])
    first = n
    for j in range(n):
        here = np.int64(j) if value(rule, state, j) >= enough else n
        first = here if here < first else first
    return first


@kernel
def choose(rule, best, problem, limits, energy, state):
    """The first column whose score ties with the best and whose correlation is more than rounding, or -1."""
    n, floor = state.c.shape[0], limits.noise * limits.noise * energy
    s = first_above(rule, best * limits.tie, state) if best > 0 else n
    if s < n and (state.c[s] * np.conj(state.c[s])).real > floor * problem.diagonal[s]:
        return s
    best = 0.0
    for j in range(n):  # rounding was best: leave only what is more
        if (state.c[j] * np.conj(state.c[j])).real <= floor * problem.diagonal[j]:
            state.c[j] = state.score[j] = 0
        best = max(best, value(rule, state, j))
    return first_above(rule, best * limits.tie, state) if best > 0 else -1


@kernel(fastmath=_FAST)
def pursue_gram(rule, G, preference, C, tol, limits, out):
    """Pursue every row of C (n, N) = (A^H y)^T with G (N, N) until ||r||^2 <= tol (n,); C is used up.

    out.residual[:, 0] holds ||y||. All arrays are C-contiguous; C and G share one dtype; preference (N,) is in float64.
    """
    n, k = G.shape[0], out.active.shape[1]
    Q, none, scratch = np.zeros((k + 2, n), G.dtype), k, k + 1  # the last two rows: no direction, and older_directions
    L, z, zero = np.zeros((k, k), G.dtype), np.zeros(k, G.dtype), G[0, 0] * 0
    refused, diagonal = np.empty(n, np.int64), np.empty(n)
    for j in range(n):
        diagonal[j] = G[j, j].real
    problem = Problem(diagonal, diagonal * limits.dependent, preference)
    nu, score = np.empty(n), np.zeros(n)
    for row in range(C.shape[0]):
        state = State(C[row], nu, score)
        energy = out.residual[row, 0] ** 2
        t, n_refused, reason, rest = 0, 0, FULL, energy
        best = begin(rule, problem, state)
        while t < k and rest > tol[row]:
            s = choose(rule, best, problem, limits, energy, state)
            if s < 0:
                reason = NO_COLUMN
                break
            d2 = diagonal[s]
            for i in range(t):
                L[t, i] = Q[i, s]
                d2 -= (Q[i, s] * np.conj(Q[i, s])).real
            if d2 <= problem.lowest[s]:  # dependent on the chosen columns, or one of them by rounding
                refused[n_refused], n_refused = s, n_refused + 1
                state.c[s] = state.score[s] = 0
                best = 0.0
                for j in range(n):
                    best = max(best, value(rule, state, j))
                continue
            scale = 1 / np.sqrt(d2)
            L[t, t], z[t] = d2 * scale, state.c[s] * scale
            rest = max(rest - (z[t] * np.conj(z[t])).real, 0.0)
            if t + 1 < k:
                left = np.conj(L[t, t - 1]) * scale if t > 0 else zero
                right = np.conj(L[t, t - 2]) * scale if t > 1 else zero
                i, j = t - 1 if t > 0 else none, t - 2 if t > 1 else none
                if t > 2:
                    older_directions(G, s, L, t, scale, Q, scratch)
                    best = advance(rule, problem, Step(t, scratch, i, j, 1.0, left, right, z[t]), Q, Q, state)
                else:
                    best = advance(rule, problem, Step(t, s, i, j, scale, left, right, z[t]), Q, G, state)
                for i in range(n_refused):
                    state.c[refused[i]] = state.score[refused[i]] = 0
            out.active[row, t] = s
            t += 1
            out.residual[row, t] = np.sqrt(rest)
            if out.path.shape[0] > 0:
                backward_solve(L, t, z, out.path[row, t - 1])
        backward_solve(L, t, z, out.coef[row])
        for i in range(t + 1, k + 1):
            out.residual[row, i] = out.residual[row, t]
        out.n_steps[row] = t
        out.reason[row] = ended(reason, t, rest, tol[row], (t + 1) * limits.noise / 16 * energy, limits)


@kernel(fastmath=_FAST)
def row_energies(rows, total):
    """Squared norms of the rows (n, m), written to total (n,)."""
    for i in range(rows.shape[0]):
        energy = 0.0
        for j in range(rows.shape[1]):
            energy += (rows[i, j] * np.conj(rows[i, j])).real
        total[i] = energy


def pursue_batch(pursue_rows, rule, design, signals, omega, limits, *, gram=None, path=False, n_jobs=None, finish=None):
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
    if is_extreme(gram.diagonal().real.max(), design.dtype):
        design, shift = design.tamed()
        gram = design.gram()
    weight, root = preference(omega), None
    if isinstance(rule, Correlation) and (omega != 1).any():
        # OMP by |c_j| / omega_j is plain OMP on the columns a_j / omega_j
        root = np.sqrt(weight).astype(gram.real.dtype)
        gram = gram * root * root[:, None]

    def pursue_chunk(chunk):
        rows = signals[chunk]
        rows, energies, shifts = _middling(rows.toarray() if issparse(rows) else rows)
        out = empty_pursuit(len(rows), len(rows), k, design.dtype, path=path)
        out.residual[:, 0] = np.sqrt(energies)
        tol = np.full(len(rows), limits.tol)
        if limits.tol > 0 and shifts is not None:
            tol = shifted(tol, -2 * shifts[:, 0])
        C = design.adjoint_rows(rows, aligned_empty((len(rows), n_columns), design.dtype))
        if root is not None:
            C *= root
        pursue_rows(rule, gram, weight, C, tol, limits, out)
        if root is not None:
            out.coef[:] *= root[out.active]
            out.path[:] *= root[out.active][:, None, :]
        if shift or shifts is not None:
            shifts = np.zeros((1, 1), int) if shifts is None else shifts
            out = out._replace(
                coef=shifted(out.coef, shift + shifts),
                path=shifted(out.path, shift + shifts[:, :, None]),
                residual=shifted(out.residual, shifts),
            )
        return out if finish is None else finish(out)

    work = design.shape[0] * n_columns + (k + 4) * k * n_columns / 2
    return run_chunks(pursue_chunk, chunks(signals.shape[0], work, at_least=_BLOCK), n_jobs)


def _middling(rows):
    """Rows with squared norms in the middle of the range, these norms, and the powers of two taken out (or None)."""
    rows, total = np.ascontiguousarray(rows), np.empty(len(rows))
    with np.errstate(over="ignore", under="ignore"):
        row_energies(rows, total)
    doubtful = is_extreme(total, rows.dtype)
    if not (doubtful.any() and rows[doubtful].any()):
        return rows, total, None
    shifts = np.where(doubtful, row_exponents(rows), 0)[:, None]
    rows = shifted(rows, -shifts)
    row_energies(rows, total)
    return rows, total, shifts


def gram_pays(design, Y, omega, stop, gram=None):
    """Whether independent targets Y (m, t) should go through the Gram matrix: if it can serve them, and is cheaper."""
    if (omega == 0).any() or Y.dtype != design.dtype or not is_accurate(stop, Y.T):
        return False
    if gram is not None:
        return True
    n_columns, n_targets = design.shape[1], Y.shape[1]
    if n_targets == 1 or isinstance(design.X, LinearOperator) or n_columns > min(n_targets * stop.n_steps, _MAX_GRAM):
        return False
    return design.gram_is_accurate()


def is_accurate(stop, signals):
    """Whether ||y||^2 - sum |z|^2 can tell when the tolerance is reached, for all rows y of `signals`."""
    if stop.tol < 0:
        return True
    energies = signals.multiply(signals.conj()).sum(axis=1).real if issparse(signals) else squared_norms(signals.T)
    return stop.tol >= _ACCURATE_TOL * np.finfo(signals.dtype).eps * energies.max()

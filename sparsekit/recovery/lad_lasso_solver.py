r"""LAD-lasso: min_(w, b) 1/W sum_i s_i |y_i - b - x_i w| + alpha sum_j omega_j |w_j|, exactly, for falling alphas.

A linear program. From one alpha to the next its vertices are followed along edges (`lad_lasso_edges`), among the
columns that a pass over all has found out of their bounds, until no column is. When that takes long, as for the first
of the alphas, an interior path (`lad_lasso_interior`) finds the columns and rows of a vertex near the optimum, from
where a few edges suffice. The answer is a vertex with its dual point theta, |theta_i| <= s_i / W and
|x_j^T theta| <= alpha omega_j, which proves it: P(w, b) - y^T theta is rounding.
"""

from typing import NamedTuple

import numpy as np

from sparsekit.core.scaling import exponent, row_exponents
from sparsekit.recovery.lad_lasso_edges import LIMITED, OPTIMAL, STUCK, descend
from sparsekit.recovery.lad_lasso_interior import independent, inner_path, vertex_near
from sparsekit.recovery.lad_lasso_vertex import combine, find_dual, vertex

_EPS = float(np.finfo(float).eps)
_ROOM = 32  # columns in use that a vertex has room for at first
_FIRST = 64  # columns out of their bounds that are taken at a time, or half of those in use
_CHUNK = 100  # edges between looks at the inverse
_DRIFT = 1e-11  # of the largest target: residual of an interpolated row from which the inverse is computed anew
_EXACT = 1e-13  # of the sum of all targets: what residuals with wrong signs may cost
_FLOOR = 1e-13  # of the norm of a column: violations of its bound that are rounding
_RELATIVE = 1e-12  # of the bound: the same
_ATTEMPTS = 5  # times that signs are set right, and that an inverse is computed anew after an edge without an end
_PATIENT = 0.25  # of the time of the interior path (measured: as that of min(m, n)^2 max(m, n) multiply-adds of edges)
_EDGES = 50  # edges a row and column after which a problem is given up
_ROUNDING = 32 * _EPS  # of the norm of a column: what its product with the dual point may be wrong by
_TINY = float(np.finfo(float).tiny)


class LADPath(NamedTuple):
    """Vertices for falling alphas, with their proofs."""

    coefs: np.ndarray  # (n_features, n_alphas)
    intercepts: np.ndarray  # (n_alphas,)
    duals: np.ndarray  # (n_samples, n_alphas) theta
    objectives: np.ndarray  # (n_alphas,) P
    gaps: np.ndarray  # (n_alphas,) P - y^T theta, absolute
    converged: np.ndarray  # (n_alphas,) whether all of theta's bounds hold up to rounding: no edge leads further down
    n_iter: np.ndarray  # (n_alphas,) edges and steps of the interior path


def lad_lasso_path(
    X,
    y,
    alphas,
    *,
    feature_weights=None,
    sample_weight=None,
    fit_intercept=True,
    positive=False,
    coef=None,
    max_iter=None,
):
    """Solve for all alphas, each from the vertex before.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Real and finite; computed in float64.
    y : ndarray of shape (n_samples,)
        Target.
    alphas : sequence of float
        Nonnegative; any order, falling ones are fastest.
    feature_weights : ndarray of shape (n_features,) or None, default=None
        omega in [0, inf]; 0 is never penalised, inf is a coefficient of 0.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        s >= 0, not all 0.
    fit_intercept : bool, default=True
        Whether to fit b.
    positive : bool, default=False
        Whether w >= 0.
    coef : ndarray of shape (n_features,) or None, default=None
        Where to start; the null model by default.
    max_iter : int or None, default=None
        Edges an alpha; by default 50 a row and column.

    Returns
    -------
    path : LADPath
        In float64.
    """
    problem = LADProblem(
        X,
        y,
        feature_weights=feature_weights,
        sample_weight=sample_weight,
        fit_intercept=fit_intercept,
        positive=positive,
    )
    if coef is not None:
        problem.start_from(coef)
    solutions = [problem.solve(alpha, max_iter) for alpha in alphas]
    coefs, intercepts, duals, *rest = (np.array(each) for each in zip(*solutions, strict=True))
    return LADPath(coefs.T, intercepts, duals.T, *rest)


class LADProblem:
    """The problem in units of its own, and the vertex at hand. Parameters as for `lad_lasso_path`."""

    def __init__(self, X, y, *, feature_weights=None, sample_weight=None, fit_intercept=True, positive=False):
        m, n = X.shape
        s = np.ones(m) if sample_weight is None else np.asarray(sample_weight, float)
        self.s, self.total, self.kept, self.n_features = s, s.sum(), np.flatnonzero(s), n
        self.fit_intercept, self.positive = fit_intercept, positive
        self.omega = np.ones(n + fit_intercept)
        if feature_weights is not None:
            self.omega[:n] = feature_weights
        self.omega[n:] = 0
        s, y = s[self.kept], np.asarray(y, float)[self.kept]
        self.offset = 2 * float(np.median(y / 2)) if fit_intercept else 0.0  # halves: the mean of two may overflow
        columns = np.ones((n + fit_intercept, len(s)))
        columns[:n] = X[self.kept].T
        columns *= s
        target = (y - self.offset) * s
        self.exponents, self.shift = row_exponents(columns), exponent(target)
        self.columns = np.ldexp(columns, -self.exponents[:, None], out=columns)
        self.y = np.ldexp(target, -self.shift)
        self.lengths, self.norms = np.abs(columns).sum(axis=1), np.sqrt(np.einsum("ij,ij->i", columns, columns))
        self.size = np.abs(self.y).sum()
        self.forget()

    def forget(self):
        """Go back to the vertex without columns."""
        self._set_vertex(_ROOM, self.y.copy(), np.where(self.y < 0, -1.0, 1.0))

    def solve(self, alpha, max_iter=None):
        """The optimum: coef, intercept, theta, objective, gap, converged, n_iter."""
        self._bounds(alpha)
        limit = _EDGES * sum(self.columns.shape) if max_iter is None else max_iter
        self._choose()
        few, many = sorted(self.columns.shape)
        done, optimal = self._descend(limit, _PATIENT * few * few * many)
        if not optimal and done < limit:
            done += self._jump()
            more, optimal = self._descend(max(0, limit - done), np.inf)
            done += more
        return *self._answer(alpha, optimal), done

    def start_from(self, coef):
        """Go to a vertex with the columns of the nonzero coefficients and the rows of the smallest residuals."""
        w = np.ones(len(self.columns), bool)
        w[: self.n_features] = coef != 0
        S, weight = np.flatnonzero(w & (self.lengths > 0))[: len(self.y)], np.ones(len(self.y))
        if len(S):
            x = np.ldexp(np.asarray(coef, float), self.exponents[: self.n_features] - self.shift)
            r = self.y - x @ self.columns[: self.n_features]
            r -= np.median(r) if self.fit_intercept else 0.0
            weight = 1 / (np.abs(r) + 1e-6 * max(np.abs(r).max(), _TINY))
            self._bounds(0.0)
            self._go_to(*independent(self.columns, S, weight / weight.max()))

    def _bounds(self, alpha):
        """The slopes of the penalty in units of the problem; none needs to exceed what no column can reach."""
        never = 2 * self.lengths + 1
        with np.errstate(over="ignore", invalid="ignore"):  # 0 * inf
            lam = np.ldexp(self.total * (alpha * self.omega), -self.exponents)
        self.lam = np.where(np.isinf(self.omega), np.inf, lam)
        self.up = np.minimum(self.lam, never)
        self.low = self.up.copy()
        if self.positive:
            self.low[: self.n_features] = never[: self.n_features]
        self.floor = self._tolerance()

    def _tolerance(self):
        """Violations that are rounding."""
        return _FLOOR * self.lengths + _RELATIVE * self.up

    # ---- the vertex

    def _set_vertex(self, room, r, sigma):
        room = max(1, min(room, *self.columns.shape))
        self.v = vertex(r, sigma, room, min(len(self.columns), 3 * room + 2 * _FIRST))

    def _active(self):
        """Columns in use."""
        v = self.v
        return v.candidates[v.S[: v.size[0]]]

    def _go_to(self, S, B):
        """Make the vertex of columns S and rows B the one at hand."""
        k, y = len(S), self.y
        M = np.linalg.inv(self.columns[S][:, B].T)
        self._set_vertex(2 * k, y.copy(), np.where(y < 0, -1.0, 1.0))
        v = self.v
        v.size[0], v.S[:k], v.B[:k], v.M[:k, :k] = k, np.arange(k), B, M
        v.candidates[:k], v.size[1] = S, k
        self._coefficients()
        v.sign[:k], v.sigma[:] = np.where(v.w[:k] < 0, -1.0, 1.0), np.where(v.r < 0, -1.0, 1.0)
        v.sigma[B] = 0
        self._choose()

    def _choose(self, more=(), room=0):
        """Let the candidates be the columns in use and `more`; with room for so many in use."""
        old, k, S = self.v, self.v.size[0], self._active().copy()
        if room > len(old.B):
            self._set_vertex(room, old.r, old.sigma)
            v = self.v
            v.size[0], v.size[2], v.M[:k, :k] = k, old.size[2], old.M[:k, :k]
            for name in ("B", "w", "sign"):
                getattr(v, name)[:k] = getattr(old, name)[:k]
        v = self.v
        v.size[1], v.place[:], v.S[:k], v.place[:k] = 0, -1, np.arange(k), np.arange(k)
        self._add(S)
        self._add(np.asarray(more, int))

    def _add(self, columns):
        """Add candidates."""
        v, (k, c, _) = self.v, self.v.size
        new = slice(c, c + len(columns))
        v.candidates[new], v.up[new], v.low[new] = columns, self.up[columns], self.low[columns]
        v.floor[new], v.scale[new] = self.floor[columns], 1 / np.maximum(self.norms[columns], _TINY)
        v.h[new] = self.columns[columns] @ v.sigma
        v.rows[:k, new] = self.columns[columns[:, None], v.B[:k]].T
        v.size[1] += len(columns)

    def _coefficients(self):
        """Coefficients, once refined, and residuals of the vertex for the given target; how far it is from its rows."""
        v, k = self.v, self.v.size[0]
        B, M, w = v.B[:k], v.M[:k, :k], v.w[:k]
        w[:] = 0
        v.r[:] = self.y
        for _ in range(2):
            w += M @ v.r[B]
            combine(v, self.columns, v.w, v.d)
            np.subtract(self.y, v.d, out=v.r)
        drift = np.abs(v.r[B]).max(initial=0) / max(np.abs(self.y).max(initial=0), _TINY)
        v.r[B] = 0
        return drift if np.isfinite(drift) else np.inf

    def _invert(self):
        """Compute the inverse anew; False when there is none."""
        v, k = self.v, self.v.size[0]
        try:
            v.M[:k, :k] = np.linalg.inv(self.columns[self._active()[:, None], v.B[:k]].T)
        except np.linalg.LinAlgError:
            return False
        return self._coefficients() <= 1

    def _drifted(self):
        """Whether the inverse has lost its precision. Residuals are left alone: ties may have been spread."""
        v, k = self.v, self.v.size[0]
        B, w = v.B[:k], v.M[:k, :k] @ self.y[v.B[:k]]
        drift = np.abs(self.y[B] - w @ self.columns[self._active()[:, None], B]).max(initial=0)
        return not drift <= _DRIFT * np.abs(self.y).max(initial=0)

    def _settle(self):
        """Compute the vertex for the given target; whether residuals and coefficients have the signs they had."""
        v, k = self.v, self.v.size[0]
        if self._coefficients() > _DRIFT:
            self._invert()
        w, S = v.w[:k], v.S[:k]
        wrong, other = v.r * v.sigma < 0, w * v.sign[:k] < 0
        cost = 2 * np.abs(v.r[wrong]).sum() + ((v.up + v.low)[S] * np.abs(w))[other].sum()
        if cost <= _EXACT * self.size:
            return True
        v.sigma[wrong] *= -1
        v.sign[:k][other] *= -1
        v.h[: v.size[1]] = self.columns[v.candidates[: v.size[1]]] @ v.sigma
        v.size[2] = 0
        return False

    # ---- the search

    def _descend(self, limit, work):
        """Follow edges until all columns are within their bounds: how many, and whether they are.

        Up to `limit` edges, and about as many as take `work` multiply-adds.
        """
        done = 0
        while True:
            more, optimal, work = self._descend_inside(limit - done, work)
            done += more
            if not optimal:
                return done, False
            z = self.columns @ self._dual()
            out = np.maximum(z - self.up, -self.low - z)
            out[(out <= self.floor) | (self.norms == 0)] = 0
            out[self.v.candidates[: self.v.size[1]]] = 0
            found = np.flatnonzero(out)
            if not len(found):
                return done, True
            k, c, _ = self.v.size
            most = max(_FIRST, k // 2)
            if len(found) > most:
                found = found[np.argpartition(-out[found] / self.norms[found], most)[:most]]
            if c + len(found) > min(len(self.v.candidates), max(2 * _FIRST, 3 * k)):
                self._choose(found)
            else:
                self._add(found)

    def _descend_inside(self, limit, work):
        """The same for the candidates alone; also the work that is left."""
        done, attempts = 0, 0
        while True:
            k, room = self.v.size[0], len(self.v.B)
            if k == room < min(self.columns.shape):
                candidates = self.v.candidates[: self.v.size[1]]
                self._choose(np.setdiff1d(candidates, self._active()), 2 * room)
                room = len(self.v.B)
            chunk = min(_CHUNK, limit - done, room - k if room < min(self.columns.shape) else _CHUNK)
            more, end = descend(self.v, self.columns, chunk)
            done += more
            self.floor[self.v.candidates[: self.v.size[1]]] = self.v.floor[: self.v.size[1]]
            work -= more * (len(self.y) + self.v.size[1]) * self.v.size[0]
            if end == OPTIMAL and self._settle():
                return done, True, work
            if end == LIMITED:
                if done >= limit or work <= 0:
                    self._settle()
                    return done, False, work
                if self._drifted():
                    self._invert()
                    self._settle()
                continue
            attempts += 1
            if attempts > _ATTEMPTS:
                self._settle()
                return done, end == OPTIMAL, work
            if end == STUCK:
                self._invert()
                self._settle()

    def _jump(self):
        """Go to the vertex that the interior path leads to, unless the one at hand is better; the steps."""
        inside = np.flatnonzero((self.norms > 0) & (np.minimum(self.up, self.low) < self.lengths))
        columns = self.columns if len(inside) == len(self.columns) else self.columns[inside]
        x, steps = inner_path(columns, self.y, self.up[inside], self.low[inside])
        S, B = vertex_near(columns, x)
        if not len(S):
            return steps
        before, kept = self._loss(), self.v
        try:
            self._go_to(inside[S], B)
        except np.linalg.LinAlgError:
            self.v = kept
        if not self._loss() <= before:
            self.v = kept
        return steps

    def _loss(self):
        """The objective at the vertex."""
        v, k = self.v, self.v.size[0]
        S = self._active()
        return np.abs(v.r).sum() + np.where(v.w[:k] > 0, self.up[S], self.low[S]) @ np.abs(v.w[:k])

    # ---- the answer

    def _dual(self):
        """The dual point of the vertex, once refined."""
        v, k = self.v, self.v.size[0]
        find_dual(v)
        u, S, B, columns = v.sigma.copy(), v.S[:k], v.B[:k], self.columns[self._active()]
        u[B] = v.u[:k]
        u[B] += v.M[:k, :k].T @ (np.where(v.sign[:k] > 0, v.up[S], -v.low[S]) - columns @ u)
        return np.clip(u, -1.0, 1.0)

    def _answer(self, alpha, optimal):
        """Everything in units of the data, and the gap."""
        v, k, S = self.v, self.v.size[0], self._active()
        w, u = np.zeros(len(self.columns)), self._dual()
        rounding = _ROUNDING * (np.abs(v.M[:k, :k]) @ np.abs(self.y[v.B[:k]]))  # what ties leave of a zero
        w[S] = np.where(np.abs(v.w[:k]) > rounding, v.w[:k], 0.0)
        if self.positive:
            np.maximum(w[: self.n_features], 0, out=w[: self.n_features])
        r = self.y - w @ self.columns
        z, used = self.columns @ u, w != 0
        bounded = (self.lam > 0) & np.isfinite(self.lam)
        out = (z if self.positive else np.abs(z)) - _ROUNDING * self.lengths  # what the sum cannot tell
        excess = max(1.0, (out[bounded] / self.lam[bounded]).max(initial=0))
        penalty = self.lam[used] @ np.abs(w[used])
        loss = np.abs(r).sum() + penalty
        gap = (np.abs(r) - u * r).sum() + penalty - w[used] @ z[used] + (1 - 1 / excess) * abs(u @ self.y)
        inside = np.maximum(z - self.up, -self.low - z) <= self._tolerance()
        theta = np.zeros(len(self.s))
        theta[self.kept] = u / excess * (self.s[self.kept] / self.total)
        with np.errstate(over="ignore"):  # what leaves the range is refused later
            coef = np.ldexp(w, self.shift - self.exponents)
            intercept = self.offset + coef[-1] if self.fit_intercept else 0.0
            loss, gap = np.ldexp([loss / self.total, max(0.0, gap) / self.total], self.shift)
        return coef[: self.n_features], intercept, theta, loss, gap, optimal and bool(inside.all())

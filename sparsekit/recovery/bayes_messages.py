"""Posterior means and variances of y = A x + noise by damped message passing [alshoukairi2018]_.

With prior variances gamma and noise variance s2, S = |A|^2 entrywise, until the mean x rests:

    v_p = S v_x                        s   <- (1 - t) s + t (v_p s + A x - y) / (s2 + v_p)
    v_r = 1 / S^T (1 / (s2 + v_p))     r   =  x - v_r A^H s
    v_x = v_r gamma / (gamma + v_r)    x   <- (1 - t) x + t gamma r / (gamma + v_r)

At rest s = (A x - y) / s2 and x = -gamma A^H s: the mean is exact whatever the variances are; these are approximate.
The damping t is the largest that keeps a linear iteration with equal variances from growing. While the means change a
lot from one step of expectation and maximisation to the next, gamma moves twice as far, on the scale of its logarithm.

A matrix is read once per iteration, four rows at a time. Complex numbers are kept as planes: real parts, imaginary
parts. Sparse matrices and operators pass their messages in NumPy; operators with one variance for all entries of A.
"""

import numpy as np
from scipy.sparse import diags_array

from sparsekit.core.kernels import kernel
from sparsekit.core.operators import energy
from sparsekit.recovery.bayes_exact import Ascent, Moments

INNER = 0.1  # times the change of the last step of expectation and maximisation: tolerance of the messages
_FAR = 0.03  # relative change of the means in one step from which on the next one is twice as long
_ROWS = 4  # at a time
_FAST = {"contract", "reassoc"}
_SAFETY = 1.1  # what the squared norm of A is multiplied by in the rule for the damping
_SCALAR_SAFETY = 1.2  # the same where one variance stands for all entries
_HALVINGS = 5  # of the damping, before messages that grow are given up
_PRODUCTS = 16  # of the power iteration
_PROBES = 32  # random products that estimate the sum of squared entries of an operator


@kernel(fastmath=_FAST)
def _project(A, i, x, v, z, w):
    """z = A[i : i + 4] x and w = A[i : i + 4]^2 v, A (m, n) C-contiguous."""
    a0, a1, a2, a3 = A[i], A[i + 1], A[i + 2], A[i + 3]
    zero = z.dtype.type(0)
    z0 = z1 = z2 = z3 = w0 = w1 = w2 = w3 = zero
    for j in range(A.shape[1]):
        xj, vj = x[j], v[j]
        z0 += a0[j] * xj
        w0 += a0[j] * a0[j] * vj
        z1 += a1[j] * xj
        w1 += a1[j] * a1[j] * vj
        z2 += a2[j] * xj
        w2 += a2[j] * a2[j] * vj
        z3 += a3[j] * xj
        w3 += a3[j] * a3[j] * vj
    z[0], z[1], z[2], z[3] = z0, z1, z2, z3
    w[0], w[1], w[2], w[3] = w0, w1, w2, w3


@kernel(fastmath=_FAST)
def _collect(A, i, s, w, b, t):
    """b += A[i : i + 4]^T s and t += (A[i : i + 4]^2)^T w."""
    a0, a1, a2, a3 = A[i], A[i + 1], A[i + 2], A[i + 3]
    s0, s1, s2, s3 = s[0], s[1], s[2], s[3]
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    for j in range(A.shape[1]):
        b[j] += a0[j] * s0 + a1[j] * s1 + a2[j] * s2 + a3[j] * s3
        t[j] += a0[j] * a0[j] * w0 + a1[j] * a1[j] * w1 + a2[j] * a2[j] * w2 + a3[j] * a3[j] * w3


@kernel(fastmath=_FAST)
def _project_complex(re, im, i, x, y, v, z, w):
    """The same for a row (re + j im)[i] and x + j y; z holds two numbers, w one."""
    a, b = re[i], im[i]
    zero = z.dtype.type(0)
    real = imag = energy = zero
    for j in range(re.shape[1]):
        real += a[j] * x[j] - b[j] * y[j]
        imag += a[j] * y[j] + b[j] * x[j]
        energy += (a[j] * a[j] + b[j] * b[j]) * v[j]
    z[0], z[1] = real, imag
    w[0] = energy


@kernel(fastmath=_FAST)
def _collect_complex(re, im, i, s, w, b, c, t):
    """b + j c += conj(row) s and t += |row|^2 w."""
    p, q = re[i], im[i]
    real, imag, weight = s[0], s[1], w[0]
    for j in range(re.shape[1]):
        b[j] += p[j] * real + q[j] * imag
        c[j] += p[j] * imag - q[j] * real
        t[j] += (p[j] * p[j] + q[j] * q[j]) * weight


@kernel
def _pass_real(A, y, x, v, s, noise, damping, b, t):
    """Update s in place; b = A^T s, t = (A^2)^T (1 / (noise + A^2 v)). The number of rows is a multiple of four."""
    z, w, rows = np.empty(_ROWS, A.dtype), np.empty(_ROWS, A.dtype), np.empty(_ROWS, A.dtype)
    one = A.dtype.type(1)
    b[:] = 0
    t[:] = 0
    for i in range(0, A.shape[1], _ROWS):
        _project(A[0], i, x[0], v, z, w)
        for k in range(_ROWS):
            total = noise + w[k]
            old = s[0, i + k]
            rows[k] = old + damping * ((w[k] * old + z[k] - y[0, i + k]) / total - old)
            s[0, i + k] = rows[k]
            w[k] = one / total
        _collect(A[0], i, rows, w, b[0], t)


@kernel
def _pass_complex(A, y, x, v, s, noise, damping, b, t):
    """The same for planes of real and imaginary parts."""
    z, w = np.empty(2, A.dtype), np.empty(1, A.dtype)
    one = A.dtype.type(1)
    b[:] = 0
    t[:] = 0
    for i in range(A.shape[1]):
        _project_complex(A[0], A[1], i, x[0], x[1], v, z, w)
        total = noise + w[0]
        for c in range(2):
            old = s[c, i]
            z[c] = old + damping * ((w[0] * old + z[c] - y[c, i]) / total - old)
            s[c, i] = z[c]
        w[0] = one / total
        _collect_complex(A[0], A[1], i, z, w, b[0], b[1], t)


@kernel(fastmath=_FAST)
def _move(x, b, t, v, damping):
    """Take x towards v t r with r = x - b / t; the squared norms of the step and of x."""
    moved = norm = x.dtype.type(0)
    for j in range(len(x)):
        step = damping * (v[j] * (t[j] * x[j] - b[j]) - x[j])
        x[j] += step
        moved += step * step
        norm += x[j] * x[j]
    return moved, norm


@kernel
def _messages(A, y, x, v, s, prior, noise, damping, b, t, tol, max_iter):
    """Pass messages until x rests; x, v, s, b = A^H s and t = 1 / v_r are updated in place.

    A (planes, m, n); y, s (planes, m); x, b (planes, n); v, t, prior (n,). The number of passes, negative when
    something has left the range.
    """
    one = A.dtype.type(1)
    for k in range(max_iter):
        if len(A) == 1:
            _pass_real(A, y, x, v, s, noise, damping, b, t)
        else:
            _pass_complex(A, y, x, v, s, noise, damping, b, t)
        for j in range(A.shape[2]):
            v[j] = prior[j] / (one + prior[j] * t[j])
        moved = norm = 0.0
        for c in range(len(A)):
            sums = _move(x[c], b[c], t, v, damping)
            moved += sums[0]
            norm += sums[1]
        if not np.isfinite(norm):
            return -k - 1
        if moved <= tol * tol * norm:
            return k + 1
    return max_iter


@kernel
def _ascend(A, Y, X, V, S, T, gamma, eigenvalues, prior, noise, damping, change, tol, max_iter, steps):
    """Steps of expectation and maximisation until the means rest; all but A, Y and the eigenvalues change in place.

    Y, S (n_targets, planes, m), X (n_targets, planes, n), V, T, prior (n_targets, n), gamma (n,). The number of steps,
    the last relative change of the means, and the number of passes, negative when something has left the range.
    """
    n_targets, planes, n = X.shape
    b, old = np.empty((planes, n), A.dtype), np.empty((planes, n), A.dtype)
    passes = 0
    for k in range(steps):
        inner = INNER * min(max(change, tol), 1.0)
        moved = norm = 0.0
        for i in range(n_targets):
            for j in range(n):
                prior[i, j] = eigenvalues[i] * gamma[j]
            old[:] = X[i]
            done = _messages(A, Y[i], X[i], V[i], S[i], prior[i], noise, damping, b, T[i], inner, max_iter)
            if done < 0:
                return k, change, done - passes
            passes += done
            for c in range(planes):
                for j in range(n):
                    moved += (X[i, c, j] - old[c, j]) ** 2
                    norm += X[i, c, j] ** 2
        for j in range(n):
            second = 0.0
            for i in range(n_targets):
                each = V[i, j] + X[i, 0, j] ** 2
                if planes == 2:
                    each += X[i, 1, j] ** 2
                second += each / eigenvalues[i]
            second /= n_targets
            gamma[j] = second * (second / gamma[j] if change > _FAR and gamma[j] > 0 else 1.0)
        change = np.sqrt(moved / norm) if norm > 0 else 0.0
        if change < tol:
            return k + 1, change, passes
    return steps, change, passes


class DenseMessages:
    """The posterior of several targets for one dense matrix; every call starts where the last one ended.

    Parameters
    ----------
    A : ndarray of shape (m, n)
        Columns of unit length, or of comparable ones.
    Y : ndarray of shape (T, m)
        Targets as rows, in the dtype of A.
    damping : float, default=None
        In (0, 1]; None follows the rule.
    """

    def __init__(self, A, Y, damping=None):
        padding = -len(A) % _ROWS if A.dtype.kind != "c" else 0
        self._A, self._given, self._m = _planes(A, padding), damping, len(A)
        self._Y = np.stack([_planes(y, padding) for y in Y])
        self._S = np.zeros_like(self._Y)
        self._X = np.zeros((*self._Y.shape[:2], A.shape[1]), self._A.dtype)
        self._V = np.zeros((len(Y), A.shape[1]), self._A.dtype)
        self._T = np.zeros_like(self._V)
        self._direction, self.n_passes = None, 0
        self._set_damping()

    def posterior(self, prior, noise, *, tol, max_iter):
        """Moments for the prior variances (T, n) and the noise variance."""
        real = self._A.dtype.type
        prior = np.ascontiguousarray(prior, real)

        def run(X, V, S):
            passes, b = 0, np.empty_like(X[0])
            for i, y in enumerate(self._Y):
                arguments = prior[i], real(noise), real(self.damping), b, self._T[i], tol, max_iter
                done = _messages(self._A, y, X[i], V[i], S[i], *arguments)
                if done < 0:
                    return done - passes
                passes += done
            return passes

        self._settle(prior, run)
        return self._moments(prior)

    def ascend(self, gamma, eigenvalues, noise, _, *, change, tol, max_iter, steps):
        """Expectation and maximisation as in :class:`~sparsekit.recovery.bayes_exact.Ascent`, from the last means."""
        real = self._A.dtype.type
        prior, result = np.multiply.outer(eigenvalues, gamma).astype(real), ()

        def run(X, V, S):
            nonlocal result
            new, used = gamma.astype(real), np.empty_like(prior)
            arguments = eigenvalues, used, real(noise), real(self.damping), float(change), tol, max_iter, steps
            done, last, passes = _ascend(self._A, self._Y, X, V, S, self._T, new, *arguments)
            result = used, new.astype(np.float64), last, done
            return passes

        self._settle(prior, run)
        return self._moments(result[0]), *result

    def _settle(self, prior, run):
        """Pass messages with less and less damping, until they stay in range."""
        fresh = ~self._V.any(axis=1)
        self._V[fresh] = prior[fresh]
        for _ in range(_HALVINGS + 1):
            state = self._X.copy(), self._V.copy(), self._S.copy()
            with np.errstate(all="ignore"):  # what leaves the range is found out, and begun anew
                passes = run(*state)
            self.n_passes += abs(passes)
            if passes > 0:
                self._X, self._V, self._S = state
                return
            self.damping /= 2
        msg = f"messages leave the floating-point range even with the damping {self.damping:.1e}"
        raise FloatingPointError(msg)

    def _moments(self, prior):
        odds = prior * self._T
        return Moments(_joined(self._X.swapaxes(0, 1)), self._V.copy(), odds / (1 + odds))

    def turn(self, rotation):
        """Multiply the targets by an orthogonal matrix (T, T), and all that follows from them."""
        for name in ("_Y", "_S", "_X"):
            rows = getattr(self, name)
            setattr(self, name, np.ascontiguousarray(np.tensordot(rotation, rows, 1).astype(rows.dtype)))
        self._V = np.zeros_like(self._V)

    def keep(self, mask):
        """Forget the columns outside the mask."""
        parts = (self._A, self._X, self._V, self._T)
        self._A, self._X, self._V, self._T = (np.ascontiguousarray(each[..., mask]) for each in parts)
        self._direction = self._direction[:, mask]
        self._set_damping()

    def _set_damping(self):
        planes, _, n = self._A.shape
        if self._direction is None or not self._direction.any():
            self._direction = np.random.default_rng(0).standard_normal((planes, n)).astype(self._A.dtype)
        norm, self._direction = squared_norm(self._dot, self._adjoint, self._direction)
        energy = float(np.vdot(self._A, self._A))
        self.damping = self._given or damping_rule(self._m, n, norm / energy if energy else 0.0, _SAFETY)

    def _dot(self, x):
        A = self._A
        return A[0] @ x[0] if len(A) == 1 else np.stack([A[0] @ x[0] - A[1] @ x[1], A[1] @ x[0] + A[0] @ x[1]])

    def _adjoint(self, s):
        A = self._A
        if len(A) == 1:
            return (s @ A[0])[None]
        return np.stack([s[0] @ A[0] + s[1] @ A[1], s[1] @ A[0] - s[0] @ A[1]])


class LooseMessages(Ascent):
    """The same for a matrix that is known by its products, in NumPy.

    Parameters
    ----------
    products : SparseProducts or OperatorProducts
        The matrix.
    Y : ndarray of shape (t, m)
        Targets as rows.
    damping : float, default=None
        In (0, 1]; None follows the rule.
    """

    def __init__(self, products, Y, damping=None):
        self._A, self._Y, self._given = products, Y, damping
        shape = len(Y), products.shape[1]
        self._s, self._x, self._v = np.zeros_like(Y), np.zeros(shape, Y.dtype), np.zeros(shape, Y.real.dtype)
        self._direction, self.n_passes = None, 0
        self._set_damping()

    def posterior(self, prior, noise, *, tol, max_iter):
        """Moments for the prior variances (t, n) and the noise variance."""
        explained = np.empty(prior.shape, self._v.dtype)
        for i, one in enumerate(prior.astype(self._v.dtype)):
            if not self._v[i].any():
                self._v[i] = one
            explained[i] = self._settled(i, one, noise, tol, max_iter)
        return Moments(self._x.copy(), self._v.copy(), explained)

    def _settled(self, i, prior, noise, tol, max_iter):
        """Pass the messages of one target; the shares of its prior variances that are explained."""
        for _ in range(_HALVINGS + 1):
            x, v, s = self._x[i], self._v[i], self._s[i]
            for k in range(max_iter):
                w = self._A.squares(v)
                with np.errstate(over="ignore", invalid="ignore"):  # asked for below
                    s = s + self.damping * ((w * s + self._A.dot(x) - self._Y[i]) / (noise + w) - s)
                    t = self._A.adjoint_squares(1 / (noise + w))
                    share = prior * t / (1 + prior * t)
                    r = x - np.divide(self._A.adjoint(s), t, out=np.zeros_like(x), where=t > 0)
                    step = self.damping * (share * r - x)
                    x, v = x + step, prior / (1 + prior * t)
                    moved, norm = np.linalg.norm(step), np.linalg.norm(x)
                self.n_passes += 1
                if not np.isfinite(norm):
                    break
                if moved <= tol * norm or k + 1 == max_iter:
                    self._x[i], self._v[i], self._s[i] = x, v, s
                    return share
            self.damping /= 2
        raise _diverged(self.damping)

    def turn(self, rotation):
        """Multiply the targets by an orthogonal matrix (t, t), and all that follows from them."""
        for name in ("_Y", "_s", "_x"):
            rows = getattr(self, name)
            setattr(self, name, (rotation @ rows).astype(rows.dtype))
        self._v = np.zeros_like(self._v)

    def keep(self, mask):
        """Forget the columns outside the mask."""
        self._A = self._A.kept(mask)
        self._x, self._v = self._x[:, mask], self._v[:, mask]
        self._direction = self._direction[mask]
        self._set_damping()

    def _set_damping(self):
        m, n = self._A.shape
        if self._direction is None or not self._direction.any():
            self._direction = np.random.default_rng(0).standard_normal(n).astype(self._Y.dtype)
        norm, self._direction = squared_norm(self._A.dot, self._A.adjoint, self._direction)
        energy = float(self._A.squares(np.ones(n)).sum())
        self.damping = self._given or damping_rule(m, n, norm / energy if energy else 0.0, self._A.safety)


class SparseProducts:
    """Columns of a sparse design, centred or not, divided by their lengths; |A|^2 from the stored entries."""

    safety = _SAFETY

    def __init__(self, design, lengths, active):
        self._design, self._lengths, self._active = design, lengths, active
        self.shape = (design.shape[0], len(active))
        self._X = (design.X[:, active] @ diags_array(1 / lengths)).astype(design.dtype)
        self._mean = (design.mean[active] / lengths).astype(design.dtype)
        self._energies = abs(self._X).power(2)

    def dot(self, x):
        """A x."""
        return self._X @ x - self._mean @ x

    def adjoint(self, s):
        """A^H s."""
        return self._X.conj().T @ s - self._mean.conj() * s.sum()

    def squares(self, v):
        """|A|^2 v: |x|^2 - 2 Re(x conj(mean)) + |mean|^2."""
        spread = self._energies @ v - 2 * (self._X @ (self._mean.conj() * v)).real
        return np.maximum(spread + np.square(np.abs(self._mean)) @ v, 0)

    def adjoint_squares(self, w):
        """Transpose of `squares`."""
        spread = self._energies.T @ w - 2 * ((self._X.T @ w) * self._mean.conj()).real
        return np.maximum(spread + np.square(np.abs(self._mean)) * w.sum(), 0)

    def kept(self, mask):
        """The columns inside the mask."""
        return SparseProducts(self._design, self._lengths[mask], self._active[mask])


class OperatorProducts:
    """Columns of an operator, divided by one length; |A|^2 is its mean, which random products estimate."""

    safety = _SCALAR_SAFETY

    def __init__(self, design, length, active):
        self._design, self._length, self._active = design, length, active
        self.shape = (design.shape[0], len(active))
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (len(active), _PROBES)).astype(design.dtype)
        images = self.dot(signs)
        with np.errstate(over="ignore", under="ignore"):
            self.energy = energy(images) / _PROBES
        if not np.isfinite(self.energy) or (self.energy == 0 and images.any()):
            msg = f"X must be a LinearOperator with entries near 1, got products of the size {np.abs(images).max():.1e}"
            raise ValueError(msg)
        self._mean = self.energy / (self.shape[0] * self.shape[1])

    def dot(self, x):
        """A x."""
        whole = np.zeros((self._design.shape[1], *x.shape[1:]), x.dtype)
        whole[self._active] = x
        return (self._design.dot(whole) / self._length).astype(x.dtype)

    def adjoint(self, s):
        """A^H s."""
        return (self._design.adjoint(s)[self._active] / self._length).astype(s.dtype)

    def squares(self, v):
        """The mean of |A|^2 times the sum of v."""
        return np.full(self.shape[0], self._mean * v.sum(), v.dtype)

    def adjoint_squares(self, w):
        """Transpose of `squares`."""
        return np.full(self.shape[1], self._mean * w.sum(), w.dtype)

    def kept(self, mask):
        """The columns inside the mask."""
        return OperatorProducts(self._design, self._length, self._active[mask])


def damping_rule(m, n, norm, safety):
    """The damping for an m x n matrix whose squared norm is `norm` times the sum of its squared entries.

    The positive root of a t^2 + b t + c with a = m n norm safety, b = 2 (n - m), c = -4 n, at most 1.
    """
    a, b = m * n * norm * safety, 2.0 * (n - m)
    if a == 0:
        return 1.0
    root = np.sqrt(b * b + 16 * a * n)
    return float(min(1.0, 8 * n / (b + root) if b > 0 else (root - b) / (2 * a)))


def squared_norm(dot, adjoint, start):
    """The largest squared singular value by the power method, from below, and the direction that reaches it."""
    start = start / np.abs(start).max()
    for _ in range(_PRODUCTS):
        image = adjoint(dot(start))
        norm = float(np.linalg.norm(image))
        if norm == 0:
            return 0.0, start
        start = image / image.dtype.type(norm)
    return norm, start


def _diverged(damping):
    return FloatingPointError(f"messages leave the floating-point range even with the damping {damping:.1e}")


def _planes(x, padding):
    """Real and imaginary parts as (1 or 2, m, ...), with rows of zeros after the last one."""
    planes = np.stack([x.real, x.imag]) if x.dtype.kind == "c" else x[None]
    if padding:
        planes = np.pad(planes, [(0, 0), (0, padding), *[(0, 0)] * (x.ndim - 1)])
    return np.ascontiguousarray(planes)


def _joined(planes):
    return planes[0].copy() if len(planes) == 1 else planes[0] + 1j * planes[1]

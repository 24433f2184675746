"""Tree embeddings by their points: in big floats for any scale, in NumPy for small ones.

Plane: the root at 0, then for each node x with parent p, Phi_x(z) = (z - x) / (1 - conj(x) z),

    child = Phi_x^-1(tanh(l/2) exp(i (arg Phi_x(p) + angle))),   d = 2 asinh(|u - v| / sqrt((1 - |u|^2)(1 - |v|^2)))

r dimensions: the root at (1, 0), with the axes F_1 .. F_r as its frame; along an edge of direction a and length l

    f = sum a_i F_i,   X' = cosh(l) X + sinh(l) f,   F_i' = F_i + a_i ((cosh(l) - 1) f + sinh(l) X)

d = 2 asinh(sqrt(<X - Y, X - Y>) / 2) with <x, y> = -x_0 y_0 + x_1 y_1 + ... + x_r y_r
"""

import mpmath
import numpy as np
from mpmath import mp, mpf


def digits_for(parent, lengths):
    """Decimal digits that leave 1e-20 of the smallest distance that float64 tells from 0."""
    height = np.zeros(len(parent))
    for p in range(1, len(parent)):
        height[p] = height[parent[p]] + lengths[p]
    return int(0.9 * height.max()) + 60


class Plane:
    """Points in the disc, in big floats."""

    def __init__(self, parent, lengths, angles):
        self.parent, self.digits = parent, digits_for(parent, lengths)
        with mp.workdps(self.digits):
            self.z = [mpmath.mpc(0)]
            for p in range(1, len(parent)):
                x = self.z[parent[p]]
                y = mpmath.tanh(mpf(lengths[p]) / 2) * mpmath.expj(mpf(angles[p]))
                if parent[p] > 0:
                    back = self._centred(self.z[parent[parent[p]]], x)
                    y *= back / abs(back)
                self.z.append((y + x) / (1 + x.conjugate() * y))
            self.gap = [1 - (z.real**2 + z.imag**2) for z in self.z]

    @staticmethod
    def _centred(z, x):
        return (z - x) / (1 - x.conjugate() * z)

    def distance(self, a, b):
        with mp.workdps(self.digits):
            w = self.z[a] - self.z[b]
            square = (w.real**2 + w.imag**2) / (self.gap[a] * self.gap[b])
        with mp.workdps(40):
            return 2 * mpmath.asinh(mpmath.sqrt(square))

    def direction(self, source, node):
        """Unit complex number of a node in the frame of the source, where its parent stands at 1."""
        with mp.workdps(self.digits):
            w = self._centred(self.z[node], self.z[source])
            if source > 0:
                w *= self._centred(self.z[self.parent[source]], self.z[source]).conjugate()
            return complex(w / abs(w))


class Space:
    """Points of the hyperboloid and the frames there, in big floats."""

    def __init__(self, parent, lengths, directions):
        r, self.digits = directions.shape[1], digits_for(parent, lengths)
        with mp.workdps(self.digits):
            self.points = [[mpf(1)] + [mpf(0)] * r]
            self.frames = [[[mpf(int(i == k + 1)) for i in range(r + 1)] for k in range(r)]]
            for p in range(1, len(parent)):
                X, F = self.points[parent[p]], self.frames[parent[p]]
                a = [mpf(x) for x in directions[p]]
                size = mpmath.sqrt(sum(x * x for x in a))
                a = [x / size for x in a]
                cosh, sinh = mpmath.cosh(mpf(lengths[p])), mpmath.sinh(mpf(lengths[p]))
                f = [sum(a[k] * F[k][i] for k in range(r)) for i in range(r + 1)]
                turn = [(cosh - 1) * f[i] + sinh * X[i] for i in range(r + 1)]
                self.points.append([cosh * X[i] + sinh * f[i] for i in range(r + 1)])
                self.frames.append([[F[k][i] + a[k] * turn[i] for i in range(r + 1)] for k in range(r)])

    @staticmethod
    def _product(x, y):
        return sum(x[i] * y[i] for i in range(1, len(x))) - x[0] * y[0]

    def distance(self, a, b):
        with mp.workdps(self.digits):
            w = [x - y for x, y in zip(self.points[a], self.points[b], strict=True)]
            square = self._product(w, w)
        with mp.workdps(40):
            return 2 * mpmath.asinh(mpmath.sqrt(max(square, 0)) / 2)

    def direction(self, source, node):
        """Unit vector of a node in the frame of the source."""
        with mp.workdps(self.digits):
            v = [self._product(f, self.points[node]) for f in self.frames[source]]
            size = mpmath.sqrt(sum(x * x for x in v))
            return np.array([float(x / size) for x in v])


def ball_points(parent, lengths, directions):
    """Points of the Poincare ball (n, r) from the frames, in double precision: for distances to the root below 15."""
    n, r = directions.shape
    points, frames = np.zeros((n, r + 1)), np.zeros((n, r, r + 1))
    points[0, 0], frames[0, :, 1:] = 1, np.eye(r)
    for p in range(1, n):
        X, F, a, size = points[parent[p]], frames[parent[p]], directions[p], lengths[p]
        f = a @ F
        points[p] = np.cosh(size) * X + np.sinh(size) * f
        frames[p] = F + np.outer(a, (np.cosh(size) - 1) * f + np.sinh(size) * X)
    return points[:, 1:] / (1 + points[:, :1])


def ball_distances(u, v):
    """d = 2 asinh(|u - v| / sqrt((1 - |u|^2)(1 - |v|^2))), of rows"""
    square = ((u - v) ** 2).sum(-1)
    return 2 * np.arcsinh(np.sqrt(square / ((1 - (u**2).sum(-1)) * (1 - (v**2).sum(-1)))))


def planar_directions(parent, angles):
    """The angles as directions: transport keeps angles, and the parent of p stands at -directions[p]."""
    heading = np.zeros(len(parent))
    for p in range(1, len(parent)):
        heading[p] = angles[p] if parent[p] == 0 else heading[parent[p]] + np.pi + angles[p]
    return np.stack([np.cos(heading), np.sin(heading)], axis=1)

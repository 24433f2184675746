r"""Newton systems of sums of norms: one Cholesky factorisation, or conjugate gradients.

Where no block W_g is zero, ||y - A W||_F^2 / 2 + sum_g lam_g ||W_g||_F has the Hessian

    H = G (x) I + sum_g kappa_g (I_g - u_g u_g^T),   G = A^T A,  kappa_g = lam_g / ||W_g||_F,  u_g = W_g / ||W_g||_F

With M = G + diag(kappa) it is M (x) I less a term of rank one for each group. For several targets M is inverted, and
the identity of Woodbury leaves one equation for each group: its matrix is I less the sums of
(M^-1)_jl <u_j, u_l> sqrt(kappa_g kappa_h) over the columns j of g and l of h.
"""

import numpy as np
from scipy.linalg import get_lapack_funcs

from sparsekit.recovery.group_blocks import owned_sums

_RIDGES = (0.0, 1e-10, 1e-6)  # times the squared lengths: added where columns depend on each other
_CG, _CG_TOL = 100, 0.03  # iterations, and reduction of the residual
_potrf, _potrs, _potri = get_lapack_funcs(("potrf", "potrs", "potri"), dtype=np.float64)


def newton_direction(columns, part, right, units, kappa):
    """The solution (k, t) of H d = right, or None.

    Parameters
    ----------
    columns : DenseGroups or SparseGroups
        A.
    part : Part
        The groups whose blocks are not zero, and those without a penalty.
    right, units : ndarray of shape (k, t)
        For each column of the part, minus the gradient and the rows of u.
    kappa : ndarray of shape (n_groups,)
        Curvatures of the groups, 0 without a penalty.
    """
    products = columns.products(part.columns)
    if products is None:
        return _by_conjugate_gradients(columns, part, right, units, kappa)
    solve = _by_cholesky if right.shape[1] == 1 else _by_woodbury
    lengths = products.diagonal().copy()
    for ridge in _RIDGES:
        np.fill_diagonal(products, (1 + ridge) * lengths + kappa[part.owners])
        direction = solve(products, part.owners, right, np.sqrt(kappa)[part.owners, None] * units)
        if direction is not None:
            return direction
    return None


def _by_cholesky(M, owners, right, weighted):
    rows, others = _pairs(owners)
    M[rows, others] -= weighted[rows, 0] * weighted[others, 0]
    factor, failed = _potrf(M, lower=True)
    M[rows, others] += weighted[rows, 0] * weighted[others, 0]
    return None if failed else _potrs(factor, right, lower=True)[0]


def _pairs(owners):
    """Indices of all pairs of columns in the same group; owners do not fall."""
    firsts = np.flatnonzero(np.diff(owners, prepend=-1))
    sizes = np.diff(firsts, append=len(owners))[owners]
    ends = np.cumsum(sizes)
    return np.repeat(np.arange(len(owners)), sizes), np.arange(ends[-1]) + np.repeat(
        firsts[owners] - ends + sizes, sizes
    )


def _by_woodbury(M, owners, right, weighted):
    factor, failed = _potrf(M, lower=True)
    if failed:
        return None
    inverse, failed = _potri(factor, lower=True)  # its lower half
    if failed:
        return None
    firsts = np.flatnonzero(np.diff(owners, prepend=-1))
    if len(firsts) < len(owners):
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
    small = (weighted @ weighted.T).T
    small *= -inverse
    if len(firsts) < len(owners):
        small = np.add.reduceat(np.add.reduceat(small, firsts, axis=0), firsts, axis=1)
    small[np.diag_indices(len(firsts))] += 1
    small, failed = _potrf(small, lower=True)
    if failed:
        return None
    plain = _potrs(factor, right, lower=True)[0]
    radial = np.add.reduceat((weighted * plain).sum(axis=1), firsts)
    multiples = _potrs(small, radial, lower=True)[0]
    return plain + _potrs(factor, weighted * multiples[owners, None], lower=True)[0]


def _by_conjugate_gradients(columns, part, right, units, kappa):
    """To some digits; preconditioned by the diagonal of M."""
    chosen, curved = part.columns, kappa[part.owners, None]
    scale = columns.norms[chosen, None] + curved
    product = columns.gram_product(chosen)
    d, left = np.zeros_like(right), right.copy()
    z = left / scale
    step, energy = z.copy(), float(np.vdot(left, z))
    goal = _CG_TOL**2 * energy
    for _ in range(_CG):
        if energy <= goal:
            break
        image = product(step) + curved * (step - units * owned_sums(units * step, part)[part.owners, None])
        length = float(np.vdot(step, image))
        if length <= 0:
            return None
        d += (energy / length) * step
        left -= (energy / length) * image
        z = left / scale
        energy, old = float(np.vdot(left, z)), energy
        step = z + (energy / old) * step
    return d

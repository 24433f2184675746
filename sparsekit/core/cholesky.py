"""Append to, delete from and solve with a growing Cholesky factor.

L is lower triangular with L L^H = A_S^H A_S, the Gram matrix of the columns chosen so far, kept in the leading k x k
block of an array that is allocated once. All kernels serve real and complex data.
"""

import numpy as np

from sparsekit.core.kernels import kernel


@kernel
def cholesky_append(L, k, column, diagonal, dependent):
    """Add a column to the set: write row k of L and return its squared distance to the span of the others.

    column (k,) = A_S^H a, diagonal = ||a||^2. A distance d2 <= dependent * diagonal leaves L as it was and returns 0.
    """
    row = np.empty(k, L.dtype)
    forward_solve(L, k, column, row)
    d2 = diagonal
    for i in range(k):
        d2 -= (row[i] * np.conj(row[i])).real
    if d2 <= dependent * diagonal:
        return diagonal * 0
    for i in range(k):
        L[k, i] = np.conj(row[i])
    L[k, k] = np.sqrt(d2)
    return d2


@kernel
def cholesky_delete(L, k, position):
    """Take the column at `position` out of the set; the new factor is the leading (k - 1) x (k - 1) block.

    The rows below move up; Givens rotations on neighbouring columns restore the triangle.
    """
    for i in range(position + 1, k):
        L[i - 1, : i + 1] = L[i, : i + 1]
    for j in range(position, k - 1):
        a, b = L[j, j], L[j, j + 1].real  # b stood on the diagonal: real and positive
        length = np.hypot(np.abs(a), b)
        a, b = a / length, b / length
        for i in range(j, k - 1):
            left, right = L[i, j], L[i, j + 1]
            L[i, j] = np.conj(a) * left + b * right
            L[i, j + 1] = a * right - b * left
        L[j, j + 1] = 0


@kernel
def forward_solve(L, k, b, x):
    """Solve L[:k, :k] x = b; x is written to its first k entries (b itself may be given)."""
    for i in range(k):
        total = b[i]
        for j in range(i):
            total -= L[i, j] * x[j]
        x[i] = total / L[i, i].real


@kernel
def backward_solve(L, k, b, x):
    """Solve L[:k, :k]^H x = b; x is written to its first k entries (b itself may be given)."""
    for i in range(k - 1, -1, -1):
        total = b[i]
        for j in range(i + 1, k):
            total -= np.conj(L[j, i]) * x[j]
        x[i] = total / L[i, i].real


@kernel
def cholesky_solve(L, k, b):
    """x (k,) with L L^H x = b: the coefficients of the least-squares fit when b = A_S^H y."""
    x = np.empty(k, L.dtype)
    forward_solve(L, k, b, x)
    backward_solve(L, k, x, x)
    return x

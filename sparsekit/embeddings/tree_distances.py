"""Exact distances in a tree embedding of any scale: rows, pairs, nearest neighbours, and the view from a node.

A form is the tree by breadth-first positions with the lengths of its edges and their angles (plane) or directions (r
dimensions); nothing below forms coordinates, except the ball around one node. With L the length of the path along the
tree and h its number of edges, a distance d is off by a few units in the last place of L, by h / 2 of them at most
where roundings of equal sums agree; relative to d that is as little wherever d is not a small part of L. Two cases lie
outside: a path that after a bend all but meets itself, at an angle phi, where 2 ln(phi) turns a rounding into
rounding / phi, and one that runs back along itself for more than 350, where the square of the deviation underflows.
"""

import numpy as np

from sparsekit.core.threads import chunks, run_chunks
from sparsekit.embeddings.planar_distances import PlanarForm, planar_directions, planar_pairs, planar_rows
from sparsekit.embeddings.spatial_distances import spatial_directions, spatial_pairs, spatial_rows

_STEP = 60  # elementary operations that a node of a row costs, and each dimension beyond the plane a tenth of it


def row_workspace(form):
    """An array that rows_from may be given, to be spared an allocation of that size in every call."""
    n = len(form.parent)
    return np.empty((4, n) if isinstance(form, PlanarForm) else (n, form.directions.shape[1] + 3))


def rows_from(form, sources, out=None, work=None):
    """Distances of all positions from one or several.

    Parameters
    ----------
    form : PlanarForm or SpatialForm
        A tree of n nodes.
    sources : int or ndarray of shape (k,) of int64
        Positions.
    out : ndarray of shape (k, n), optional
        Where to write them, for an array of sources.
    work : ndarray, optional
        From :func:`row_workspace`; overwritten.

    Returns
    -------
    rho : ndarray of shape (n,) or (k, n)
        O(n) each in the plane, O(n r) in r dimensions.
    """
    if np.ndim(sources) == 0:
        return rows_from(form, np.array([sources]), work=work)[0]
    rho = np.empty((len(sources), len(form.parent))) if out is None else out
    work = row_workspace(form) if work is None else work
    (planar_rows if isinstance(form, PlanarForm) else spatial_rows)(form, sources, rho, work)
    return rho


def pair_distances(form, a, b):
    """Distances of pairs of positions through their lowest common ancestors.

    Parameters
    ----------
    form : PlanarForm or SpatialForm
    a, b : ndarray of shape (k,) of int64
        Positions.

    Returns
    -------
    rho : ndarray of shape (k,)
        Bit for bit the same for (b, a), and the number in the row from the smaller position. The row from the larger
        one may differ by rounding. O(path) each.
    """
    rho = np.empty(len(a))
    pairs = planar_pairs if isinstance(form, PlanarForm) else spatial_pairs
    pairs(form, np.ascontiguousarray(a, np.int64), np.ascontiguousarray(b, np.int64), rho)
    return rho


def directions_from(form, source):
    """Unit vectors to all positions in the frame of one; zeros to itself.

    Parameters
    ----------
    form : PlanarForm or SpatialForm
    source : int
        Position. In the plane its parent stands at angle 0; the frame of the root is that of the whole embedding.

    Returns
    -------
    directions : ndarray of shape (n, r)
        O(n) in the plane; else O(path r) for each position.
    """
    return _polar(form, source)[1]


def recentered(form, source):
    """Coordinates in the Poincare ball with one position at its centre.

    Parameters
    ----------
    form : PlanarForm or SpatialForm
    source : int
        Position of the centre, in whose frame the coordinates are.

    Returns
    -------
    points : ndarray of shape (n, r)
        Distance rho from the centre is radius tanh(rho / 2), which rounds to 1 from rho = 37 on.
    """
    rho, directions = _polar(form, source)
    return np.tanh(0.5 * rho)[:, None] * directions


def _polar(form, source):
    """Distances (n,) and directions (n, r)."""
    n = len(form.parent)
    if isinstance(form, PlanarForm):
        rho, directions = np.empty(n), np.empty((n, 2))
        planar_directions(form, source, rho, row_workspace(form), directions)
        return rho, directions
    directions = np.empty(form.directions.shape)
    spatial_directions(form, source, directions)
    return rows_from(form, source), directions


def nearest(form, sources, k, n_jobs=None):
    """The nearest other positions of each source.

    Parameters
    ----------
    form : PlanarForm or SpatialForm
        A tree of n nodes.
    sources : ndarray of shape (m,) of int64
        Positions.
    k : int
        Number of neighbours, from 1 to n - 1.
    n_jobs : int or None, default=None
        Threads; the answer is the same for any number.

    Returns
    -------
    indices : ndarray of shape (m, k)
        Positions by ascending distance; among equal distances the lowest first.
    distances : ndarray of shape (m, k)
        O(m n) time, O(n) memory for each thread beside the results.

    Raises
    ------
    ValueError
        Where there are no k others.
    """
    n = len(form.parent)
    if not 1 <= k < n:
        msg = f"the number of neighbours must be from 1 to {n - 1}, the number of other nodes, got {k}"
        raise ValueError(msg)
    indices, distances = np.empty((len(sources), k), np.int64), np.empty((len(sources), k))

    def fill(part):
        work = row_workspace(form)
        for i in range(part.start, part.stop):
            rho = rows_from(form, sources[i], work=work)
            rho[sources[i]] = np.inf
            indices[i] = _smallest(rho, k)
            distances[i] = rho[indices[i]]

    dimensions = 2 if isinstance(form, PlanarForm) else form.directions.shape[1]
    run_chunks(fill, chunks(len(sources), n * _STEP * (0.8 + 0.1 * dimensions)), n_jobs)
    return indices, distances


def _smallest(values, k):
    """Indices of the k smallest, in ascending order, the lowest index first among equals."""
    bound = np.partition(values, k - 1)[k - 1]
    below, equal = np.flatnonzero(values < bound), np.flatnonzero(values == bound)
    found = np.concatenate([below, equal[: k - len(below)]])
    return found[np.argsort(values[found], kind="stable")]

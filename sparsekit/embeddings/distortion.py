"""How well an embedding keeps a graph: a row of distances at a time, in any number of rows.

With d_G the shortest paths, d_H the embedded distances and s a scale, for a source and all n - 1 others

    average precision    mean over neighbours t of |{neighbours x: d_H(x) <= d_H(t)}| / |{nodes x: d_H(x) <= d_H(t)}|
    average distortion   mean of |d_H / s - d_G| / d_G
    worst distortion     max(d_H / d_G) / min(d_H / d_G), over all rows

The mean of the first is the MAP. The median of the ratios d_H/d_G, weighted by themselves, is the s of least average
distortion: sum |x / s - 1| = sum x |1/s - 1/x|. It is found by its digits of 16 bits, from the first to the last.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import dijkstra
from scipy.stats import t as student

from sparsekit.core.edges import Edges, adjacency, check_edges
from sparsekit.core.rng import key_from
from sparsekit.core.threads import chunks, run_chunks
from sparsekit.embeddings.planar_distances import PlanarForm
from sparsekit.embeddings.pruned_map import average_precisions
from sparsekit.embeddings.row_measures import add_digits, ball_row, hop_row, row_distortion, row_precision

_WORK = 100  # elementary operations of a pair
_DIGIT = 16  # bits; the sign bit of a ratio is 0
_BATCH = 64  # histograms at a time
_BLOCK = 32  # rows of shortest paths with weights at a time


class DistortionReport(NamedTuple):
    """How well an embedding keeps a graph; see :func:`distortion_report`."""

    mean_average_precision: float
    average_distortion: float
    worst_distortion: float
    n_collapsed: int
    n_pairs: int
    n_rows: int
    mean_average_precision_half_width: float
    average_distortion_half_width: float
    scale: float
    confidence: float

    def __str__(self):
        """A line for each measure."""
        is_sample = self.mean_average_precision_half_width > 0 or self.average_distortion_half_width > 0
        widths = self.mean_average_precision_half_width, self.average_distortion_half_width
        errors = [f" +- {width:.2g} ({self.confidence:.0%} confidence)" if is_sample else "" for width in widths]
        return "\n".join(
            [
                f"rows                    {self.n_rows:,}{' (a sample)' if is_sample else ''}",
                f"mean average precision  {self.mean_average_precision:.4f}{errors[0]}",
                f"average distortion      {self.average_distortion:.4g}{errors[1]} at scale {self.scale:.4g}",
                f"worst distortion        {'at least ' if is_sample else ''}{self.worst_distortion:.4g}",
                f"collapsed pairs         {self.n_collapsed:,} of {self.n_pairs:,}",
            ]
        )


def distortion_report(
    graph, embedding, *, scale=None, n_rows=None, weight="weight", confidence=0.95, random_state=None, n_jobs=None
):
    """Mean average precision, distortions and collapsed pairs of an embedding of a graph.

    Parameters
    ----------
    graph : graph
        A networkx graph, sparse adjacency (n, n), edges (m, 2) or (m, 3) with weights, or parents (n,).
    embedding : estimator or array-like of shape (n, r)
        An estimator has a method ``distances_from(node)`` of shape (n,); else points of the Poincare ball. Both in the
        order of the graph's nodes: that of networkx, or ascending.
    scale : float, default=None
        Embedded length of a graph's unit, for the average distortion. None is the estimator's `scale_`, or, where it
        has none and for points, the scale of least average distortion over the rows used.
    n_rows : int, default=None
        Number of sources to draw, without replacement; None, or as many as there are nodes, uses all.
    weight : str, default="weight"
        Attribute of networkx edges.
    confidence : float, default=0.95
        Of the intervals around the means of a sample, between 0 and 1.
    random_state : int, RandomState or Generator, default=None
        Draws the rows.
    n_jobs : int, default=None
        Threads; the report is the same for any number.

    Returns
    -------
    report : DistortionReport
        `mean_average_precision`
            Over sources that have neighbours, whatever the weights. Nodes as far as a neighbour, to twelve digits,
            count as nearer, unless they are neighbours, too; 1 is perfect.
        `average_distortion`
            At `scale`; 0 is perfect.
        `worst_distortion`
            Of any scale; 1 is perfect. Infinite where a pair is collapsed; from a sample a lower bound.
        `n_collapsed`
            Pairs at distance 0, infinity or NaN. The first have a distortion of 1, the others an infinite one. All
            pairs with a point that is not inside the ball are among them. In the precision, NaN to a neighbour is
            farthest, NaN to another node nearest.
        `n_pairs`, `n_rows`
            Ordered pairs of a row and a node that a path leads to. Others only count in the precision.
        `mean_average_precision_half_width`, `average_distortion_half_width`
            Of the confidence intervals, by Student's t and with the correction for a finite population; 0 when all
            rows are used.
        `scale`, `confidence`
            As used.

    Raises
    ------
    TypeError
        For a graph that is none of these.
    ValueError
        For a graph without edges, an embedding that does not fit it, and parameters out of range.

    See Also
    --------
    hyperbolic_distances : Distances of points.
    mean_average_precision : That alone, in a fraction of the time for trees in the plane.

    Notes
    -----
    O(n + m) time for a row, with weights O((n + m) log n), and O(n) memory for a thread. The best scale takes four
    more passes. See :cite:`sala2018` for the measures; nothing is left out of them here.

    Examples
    --------
    >>> from sparsekit import distortion_report
    >>> path = [[0, 1], [1, 2]]
    >>> print(distortion_report(path, [[-0.5, 0.0], [0.0, 0.0], [0.0, 0.5]]))
    rows                    3
    mean average precision  1.0000
    average distortion      0.07836 at scale 1.099
    worst distortion        1.307
    collapsed pairs         0 of 6
    """
    edges = _edges_of(graph, weight)
    _check_numbers(scale, n_rows, confidence)
    row_of = _embedded_rows(edges, embedding)
    rows = np.arange(edges.n_nodes)
    if n_rows is not None and n_rows < len(rows):
        rng = np.random.default_rng(key_from(random_state))
        rows = np.sort(rng.choice(edges.n_nodes, n_rows, replace=False))
    walk = _Rows(edges, row_of, rows, n_jobs)
    scale = getattr(embedding, "scale_", None) if scale is None else scale
    scale = walk.best_scale() if scale is None else float(scale)
    return _report(walk.measure(scale), edges.n_nodes, scale, confidence)


def mean_average_precision(graph, embedding, *, weight="weight", n_jobs=None):
    """Mean average precision of an embedding of a graph: of all nodes, and nothing else.

    Parameters
    ----------
    graph : graph
        As for :func:`distortion_report`, as all that follows.
    embedding : estimator or array-like of shape (n, r)
        Of the graph.
    weight : str, default="weight"
        Attribute of networkx edges.
    n_jobs : int, default=None
        Threads; the answer is the same for any number.

    Returns
    -------
    mean_average_precision : float
        Over nodes that have neighbours; 1 is perfect.

    Raises
    ------
    TypeError
        For a graph that is none.
    ValueError
        For a graph without edges, and an embedding that does not fit it.

    See Also
    --------
    distortion_report : With the distortions.

    Notes
    -----
    For a :class:`HyperbolicTreeEmbedding` in the plane only nodes that may be nearer than a neighbour are visited:
    bounds of what lies behind each edge tell, without changing a digit. The longer the edges, the fewer these are. For
    others O(n) for each node.

    Examples
    --------
    >>> from sparsekit import HyperbolicTreeEmbedding, mean_average_precision
    >>> from sparsekit.datasets import load_mammals
    >>> edges, names = load_mammals()
    >>> tree = HyperbolicTreeEmbedding(scale=4.0).fit(edges)
    >>> round(mean_average_precision(edges, tree), 4)
    0.9349
    """
    edges = _edges_of(graph, weight)
    row_of = _embedded_rows(edges, embedding)
    form = getattr(embedding, "_form_", None)
    if not isinstance(form, PlanarForm):
        return float(np.nanmean(_Rows(edges, row_of, np.arange(edges.n_nodes), n_jobs).precisions()))
    positions, n_positions = embedding._positions_, len(form.parent)
    moved = Edges(n_positions, positions[edges.u], positions[edges.v], edges.weight, edges.nodes)
    A = adjacency(moved)
    counted = np.zeros(n_positions, bool)
    counted[positions] = True
    precisions, _ = average_precisions(form, A.indptr, A.indices, counted=counted, sources=positions, n_jobs=n_jobs)
    return float(np.nanmean(precisions))


def _edges_of(graph, weight):
    edges = check_edges(graph, weight=weight)
    if len(edges.u) == 0:
        msg = f"graph must have edges, got {edges.n_nodes} nodes without any"
        raise ValueError(msg)
    return edges


def _check_numbers(scale, n_rows, confidence):
    if scale is not None and not 0 < scale < np.inf:
        msg = f"scale must be positive and finite, or None, got {scale}"
        raise ValueError(msg)
    if n_rows is not None and n_rows < 1:
        msg = f"n_rows must be at least 1, or None for all, got {n_rows}"
        raise ValueError(msg)
    if not 0 < confidence < 1:
        msg = f"confidence must be between 0 and 1, got {confidence}"
        raise ValueError(msg)


def _embedded_rows(edges, embedding):
    """Function of the index of a node that returns its row of distances."""
    n = edges.n_nodes
    if hasattr(embedding, "distances_from"):
        nodes = list(getattr(embedding, "nodes_", edges.nodes))
        if nodes != list(edges.nodes):
            msg = (
                f"embedding must be of the graph, got one of {len(nodes)} nodes for {n}, or in another order: pass the "
                "graph that it was fitted to"
            )
            raise ValueError(msg)

        def row_of(i):
            row = np.ascontiguousarray(embedding.distances_from(edges.nodes[i]), np.float64)
            if row.shape != (n,):
                msg = f"embedding must have distances of shape ({n},) from a node, got {row.shape}"
                raise ValueError(msg)
            return row

        return row_of
    points = np.ascontiguousarray(embedding, np.float64)
    if points.ndim != 2 or len(points) != n:
        msg = f"embedding must have distances_from, or be points of shape ({n}, r), got {points.shape}"
        raise ValueError(msg)
    lengths = np.linalg.norm(points, axis=1)
    with np.errstate(invalid="ignore"):
        rooms = np.sqrt((1 - lengths) * (1 + lengths))  # NaN outside
    rooms[rooms == 0] = np.nan

    def row_of_point(i):
        row = np.empty(n)
        ball_row(points, rooms, i, row)
        return row

    return row_of_point


class _Rows:
    """Rows of distances in a graph and its embedding, in threads."""

    def __init__(self, edges, row_of, rows, n_jobs):
        self.row_of, self.rows, self.n_jobs = row_of, rows, n_jobs
        self.A = adjacency(edges)
        self.A.sort_indices()
        self.begins, self.neighbours = self.A.indptr.astype(np.int64), self.A.indices.astype(np.int64)
        self.unit = edges.weight[0] if (edges.weight == edges.weight[0]).all() else None
        self.slices = chunks(len(rows), _WORK * edges.n_nodes)

    def measure(self, scale):
        """Measures (n_rows, 6) of all rows."""
        results = np.empty((len(self.rows), 6))

        def fill(part):
            place = part.start
            for source, d_G in self._graph_rows(self.rows[part]):
                d_H = self.row_of(source)
                precision = row_precision(d_H, self.begins, self.neighbours, source)
                results[place] = (precision, *row_distortion(d_H, d_G, source, scale))
                place += 1

        run_chunks(fill, self.slices, self.n_jobs)
        return results

    def precisions(self):
        """Average precisions (n_rows,)."""
        results = np.empty(len(self.rows))

        def fill(part):
            for place in range(part.start, part.stop):
                source = self.rows[place]
                results[place] = row_precision(self.row_of(source), self.begins, self.neighbours, source)

        run_chunks(fill, self.slices, self.n_jobs)
        return results

    def best_scale(self):
        """Weighted median of the ratios."""
        prefix, target = 0, None
        for shift in (48, 32, 16, 0):

            def fill(part, prefix=prefix, shift=shift):
                sums = np.zeros(1 << _DIGIT)
                for source, d_G in self._graph_rows(self.rows[part]):
                    with np.errstate(divide="ignore", invalid="ignore"):
                        ratios = self.row_of(source) / d_G
                    share = 1 / max(np.count_nonzero(np.isfinite(d_G)) - 1, 1)
                    add_digits(ratios, ratios.view(np.int64), source, share, prefix, shift, sums)
                return sums

            sums = np.zeros(1 << _DIGIT)
            for i in range(0, len(self.slices), _BATCH):
                for part in run_chunks(fill, self.slices[i : i + _BATCH], self.n_jobs):
                    sums += part
            total = np.cumsum(sums)
            if total[-1] == 0:
                return 1.0  # all pairs are collapsed
            target = total[-1] / 2 if target is None else target
            digit = min(int(np.searchsorted(total, target)), int(np.flatnonzero(sums)[-1]))
            target -= total[digit] - sums[digit]
            prefix = (prefix << _DIGIT) | digit
        return float(np.array(prefix, np.int64).view(np.float64))

    def _graph_rows(self, sources):
        """Each source with its distances in the graph, infinite where no path leads."""
        if self.unit is not None:
            queue = np.empty(len(self.begins) - 1, np.int64)
            for source in sources:
                d_G = np.empty(len(queue))
                hop_row(self.begins, self.neighbours, source, self.unit, d_G, queue)
                yield source, d_G
            return
        for i in range(0, len(sources), _BLOCK):
            yield from zip(sources[i : i + _BLOCK], dijkstra(self.A, indices=sources[i : i + _BLOCK]), strict=True)


def _report(measures, n_nodes, scale, confidence):
    precisions, means, least, most, n_collapsed, n_pairs = measures.T
    precisions, means = precisions[~np.isnan(precisions)], means[n_pairs > 0]
    n_collapsed, n_pairs = int(n_collapsed.sum()), int(n_pairs.sum())
    widths = [_half_width(values, 1 - len(measures) / n_nodes, confidence) for values in (precisions, means)]
    averages = [float(values.mean()) if len(values) else float("nan") for values in (precisions, means)]
    worst = float("inf") if n_collapsed else float(most.max() / least.min())
    return DistortionReport(*averages, worst, n_collapsed, n_pairs, len(measures), *widths, scale, confidence)


def _half_width(values, left_out, confidence):
    """Of the interval around the mean of some values; left_out is the part of the population that is not among them."""
    if left_out == 0:
        return 0.0
    if len(values) < 2 or not np.isfinite(values).all():
        return float("inf")
    error = np.sqrt(values.var(ddof=1) / len(values) * left_out)
    return float(student.ppf((1 + confidence) / 2, len(values) - 1) * error)

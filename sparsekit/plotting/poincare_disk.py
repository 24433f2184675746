"""A tree in the Poincare disc: geodesic edges, branches in their own hues, and labels that do not overlap."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sparsekit.core.trees import rooted, subtree_sums
from sparsekit.plotting.label_placement import free_boxes

_STEPS = 24  # points of an arc
_FLAT, _NEAR = 1e4, 1e-3  # centres of circles beyond, and ends within: the chord is the arc, to a pixel
_RIM = 1 - 1e-12  # points beyond are drawn there
_OUTSIDE = 0.93  # radius from which labels stand outside of the disc
_OUTSIDE_LEAVES = 0.85  # the same for leaves whose label would cross the rim
_LABELS_FROM = 1.015  # where these begin
_GAP = 0.012  # between a leaf inside of the disc and its label
_REACH = 1.22  # half the width of the picture, in radii: room for labels
_DRIFT = 0.65  # of hues within a branch of the centre; the rest of a hue is the branch's
_LIGHTNESS, _CHROMA = 0.68, 0.15  # of the hues, in OKLab: even steps look even


class PoincareDiskDisplay:
    """Picture of a tree in the Poincare disc.

    Parameters
    ----------
    points : array-like of shape (n_nodes, 2)
        Coordinates in the disc; what is to be seen well should be near 0.
    parents : array-like of shape (n_nodes,)
        Index of the parent of each node, -1 at the root.
    labels : sequence of str of shape (n_nodes,), default=None
        Texts, plain; empty ones and None are not shown. None shows no labels.

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the picture.
    figure_ : matplotlib Figure
        Of these axes.
    edges_ : matplotlib LineCollection
        Arcs of the edges.
    nodes_ : matplotlib PathCollection
        Dots of the nodes.
    texts_ : list of matplotlib Text
        Labels that are shown.

    See Also
    --------
    HyperbolicTreeEmbedding : Where points come from.

    Notes
    -----
    Seen from any node, as in :cite:`lamping1995`. Hues go around with the leaves behind each branch of the node in the
    middle. Labels are tried by the number of nodes behind, then by nearness and shortness.

    References
    ----------
    :cite:`lamping1995`

    Examples
    --------
    >>> from sparsekit import HyperbolicTreeEmbedding, PoincareDiskDisplay
    >>> from sparsekit.datasets import load_mammals
    >>> edges, names = load_mammals()
    >>> tree = HyperbolicTreeEmbedding(scale=1.2, child_angles="subtree", root=0).fit(edges)
    >>> display = PoincareDiskDisplay.from_estimator(tree, labels=names)
    >>> len(display.texts_) > 100
    True
    """

    def __init__(self, points, parents, *, labels=None):
        self.points = points
        self.parents = parents
        self.labels = labels

    @classmethod
    def from_estimator(cls, estimator, *, center=None, labels=None, ax=None, **kwargs):
        """Draw a fitted tree embedding.

        Parameters
        ----------
        estimator : HyperbolicTreeEmbedding
            In the plane, fitted. Nodes that the tree added are left out, their children hang on what is above them.
        center : label, default=None
            Node at the centre of the picture; None is the root of the tree, or the first node below an added root.
        labels : dict, sequence of str, bool or None, default=None
            Texts by node, or in the order of `nodes_`; True shows the nodes' own names, None and False
            nothing.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            To :meth:`plot`.

        Returns
        -------
        display : PoincareDiskDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            For an estimator that is not fitted.
        ValueError
            For an estimator that is not in the plane, an unknown centre, and labels that do not fit.
        """
        check_is_fitted(estimator)
        if estimator.n_components != 2:
            msg = f"estimator must have n_components=2, got {estimator.n_components}"
            raise ValueError(msg)
        n = len(estimator.nodes_)
        parents = _parents_without_added(estimator.order_, estimator.parents_, n)
        top = estimator.nodes_[np.flatnonzero(parents < 0)[0]]
        points = estimator.recentered(top if center is None else center)
        if labels is False:
            labels = None
        elif labels is True:
            labels = [str(node) for node in estimator.nodes_]
        elif isinstance(labels, dict):
            labels = [labels.get(node, "") for node in estimator.nodes_.tolist()]
        return cls(points, parents, labels=labels).plot(ax, **kwargs)

    def plot(
        self,
        ax=None,
        *,
        edge_width=1.6,
        node_size=60.0,
        cmap=None,
        max_labels=None,
        min_font_size=4.5,
        max_font_size=15.0,
    ):
        """Draw the tree.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure of ten inches.
        edge_width : float, default=1.6
            Of an edge at the centre, in points; towards the rim they grow thin.
        node_size : float, default=60.0
            Area of the dot at the centre, in square points.
        cmap : str or matplotlib Colormap, default=None
            Once around the disc, so a cyclic one, such as "twilight" or "hsv"; None is a wheel of even steps.
        max_labels : int, default=None
            None shows all that fit.
        min_font_size, max_font_size : float, default=4.5, 15.0
            In points; labels at the rim have the first, those of large branches near the centre up to the second.

        Returns
        -------
        self : PoincareDiskDisplay
            With `ax_`, `figure_`, `edges_`, `nodes_` and `texts_`.

        Raises
        ------
        ValueError
            For points outside the disc, parents that form no tree, and labels of another number.
        """
        from matplotlib.collections import LineCollection
        from matplotlib.patches import Circle

        z, parents, labels = self._checked()
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(10, 10), layout="constrained").subplots()
        tree = _seen_from_the_middle(z, parents)
        sizes, hues = _sizes(tree), _hues(z, tree)
        room = 1 - np.abs(z) ** 2  # what a unit of length at the centre shrinks to
        colours = _wheel(hues) if cmap is None else _colormap(cmap)(hues / (2 * np.pi) % 1)[:, :3]
        colours = np.concatenate([colours, (0.45 + 0.55 * room[:, None] ** 0.3)], axis=1)  # paler towards the rim
        colours[tree.order[0]] = 0.35, 0.35, 0.4, 1.0  # the middle is in no branch
        children = np.flatnonzero(parents >= 0)
        outer = np.where(tree.position[children] > tree.position[parents[children]], children, parents[children])
        arcs = _arcs(z[parents[children]], z[children])
        middle = np.sqrt(room[children] * room[parents[children]])
        widths = edge_width * np.clip(middle**0.5 * (0.4 + 0.6 * (sizes[outer] / sizes.max()) ** 0.25), 0.12, 1)
        ax.add_patch(Circle((0, 0), 1, facecolor="#fcfcfd", edgecolor="#c8c8d0", linewidth=0.8, zorder=0))
        self.edges_ = ax.add_collection(
            LineCollection(arcs, linewidths=widths, colors=colours[outer], capstyle="round", zorder=1)
        )
        areas = node_size * np.clip(room * (sizes / sizes.max()) ** 0.3, 0.006, 1)
        self.nodes_ = ax.scatter(
            z.real,
            z.imag,
            s=areas,
            c=colours,
            edgecolors="white",
            linewidths=0.3 * np.sqrt(areas / node_size),
            zorder=2,
        )
        ax.set(xlim=(-_REACH, _REACH), ylim=(-_REACH, _REACH), aspect="equal")
        ax.set_axis_off()
        self.ax_, self.figure_ = ax, ax.figure
        self.texts_ = []
        if labels is not None:
            fonts = _font_sizes(z, tree, min_font_size, max_font_size)
            self._write(z, labels, tree, fonts, colours, max_labels)
        return self

    def _checked(self):
        points = np.asarray(self.points, float)
        if points.ndim != 2 or points.shape[1] != 2:
            msg = f"points must have shape (n_nodes, 2), got {points.shape}"
            raise ValueError(msg)
        z = points[:, 0] + 1j * points[:, 1]
        if not (np.abs(z) <= 1 + 1e-9).all():
            msg = f"points must be in the unit disc, got one at radius {np.abs(z).max():.4g}"
            raise ValueError(msg)
        parents = np.asarray(self.parents)
        if parents.shape != z.shape or parents.dtype.kind not in "iu":
            msg = f"parents must be {len(z)} integers, one a point, got shape {parents.shape} of {parents.dtype}"
            raise ValueError(msg)
        if np.count_nonzero(parents < 0) != 1 or parents.max(initial=-1) >= len(z):
            msg = f"parents must be below {len(z)}, and -1 at one root, got {np.count_nonzero(parents < 0)} roots"
            raise ValueError(msg)
        labels = None if self.labels is None else ["" if text is None else str(text) for text in self.labels]
        if labels is not None and len(labels) != len(z):
            msg = f"labels must be {len(z)}, one a point, got {len(labels)}"
            raise ValueError(msg)
        return z * np.minimum(1, _RIM / np.maximum(np.abs(z), 0.5)), parents, labels

    def _write(self, z, labels, tree, fonts, colours, most):
        """Add the labels that fit, the most important first."""
        from matplotlib.patheffects import withStroke

        shown = np.array([i for i, text in enumerate(labels) if text], dtype=int)
        if not len(shown):
            return
        lengths = np.array([len(labels[i]) for i in shown])
        shown = shown[np.lexsort((lengths, np.abs(z[shown]).round(2), -_sizes(tree)[shown]))]
        boxes = _extents([labels[i] for i in shown]) * (fonts[shown] / _points_of_a_unit(self.ax_))[:, None]
        centers, angles, along = _places(z, tree, shown, boxes[:, 0])
        fits = np.abs(centers) + np.where(along, 0.5 * boxes[:, 0], 0) <= _REACH
        shown, boxes, angles, centers, along = (each[fits] for each in (shown, boxes, angles, centers, along))
        halo = [withStroke(linewidth=0.2 * fonts.mean(), foreground="white", alpha=0.85)]
        for k in free_boxes(np.stack([centers.real, centers.imag], 1), boxes, angles, most=most):
            turned = np.degrees((angles[k] + np.pi / 2) % np.pi - np.pi / 2)  # never upside down
            text = self.ax_.text(
                centers[k].real,
                centers[k].imag,
                labels[shown[k]],
                fontsize=fonts[shown[k]],
                rotation=turned,
                rotation_mode="anchor",
                ha="center",
                va="center_baseline" if along[k] else "center",
                color=0.55 * colours[shown[k], :3],
                parse_math=False,
                path_effects=None if np.abs(centers[k]) > 1 else halo,
                zorder=3,
            )
            self.texts_.append(text)


def _parents_without_added(order, parents, n):
    """Index of the nearest node of the graph above each one (n,); one that has none is the root, -1, of the others."""
    nearest = np.full(len(order), -1)  # by position, the position itself included
    found = np.full(n, -1)
    for position, node in enumerate(order):
        above = nearest[parents[position]] if position else -1
        nearest[position] = node if node < n else above
        if node < n:
            found[node] = above
    tops = np.flatnonzero(found < 0)
    found[tops[1:]] = tops[0]
    return found


def _seen_from_the_middle(z, parents):
    """The tree with the node in the middle as its root."""
    children = np.flatnonzero(parents >= 0)
    root = int(np.argmin(np.abs(z)))
    return rooted(parents[children], children, np.ones(len(children)), len(parents), root)


def _sizes(tree):
    """Number of nodes behind each one, itself included (n,)."""
    return subtree_sums(tree.parent, np.ones(len(tree.parent)))[tree.position]


def _hues(z, tree):
    """In radians (n,): where the leaves behind a node are among all, seen from the node in the middle."""
    leaves = subtree_sums(tree.parent, (np.diff(tree.starts) == 0).astype(float))
    n = len(z)
    first, hues, branch = np.zeros((3, n))
    for p in range(n):
        below, begin = np.arange(tree.starts[p], tree.starts[p + 1]), first[p]
        turns = np.angle(z[tree.order[below]] - z[tree.order[p]])
        for q in below[np.argsort(turns)] if p == 0 else below:
            first[q], begin = begin, begin + leaves[q]
            hues[q] = 2 * np.pi * (first[q] + leaves[q] / 2) / leaves[0]
            branch[q] = hues[q] if p == 0 else branch[p]
    return ((1 - _DRIFT) * branch + _DRIFT * hues)[tree.position]


def _places(z, tree, shown, widths):
    """Middles and angles of the labels shown, and whether they go on from where an edge ends.

    At the rim they stand around the disc. Those of leaves go on along their edges; all others are on their nodes.
    """
    inner = tree.order[np.maximum(tree.parent, 0)][tree.position][shown]
    has_children = (np.diff(tree.starts) > 0)[tree.position][shown]
    z, inner = z[shown], z[inner]
    ahead = np.angle((z - inner) / (1 - np.conj(z) * inner))
    beyond = z + np.exp(1j * ahead) * (_GAP + widths)
    crosses = ~has_children & (np.abs(beyond) > 1)
    outside = np.abs(z) >= np.where(crosses, _OUTSIDE_LEAVES, _OUTSIDE)
    along = outside | ~(has_children | crosses | (z == inner))
    angles = np.where(outside, np.angle(z), np.where(along, ahead, 0.0))
    begin = np.where(outside, _LABELS_FROM * np.exp(1j * np.angle(z)), z + _GAP * along * np.exp(1j * angles))
    return begin + 0.5 * np.where(along, widths, 0) * np.exp(1j * angles), angles, along


def _colormap(name):
    from matplotlib import colormaps

    return colormaps[name] if isinstance(name, str) else name


def _wheel(hues):
    """Red, green and blue (n, 3) from OKLCh."""
    a, b = _CHROMA * np.cos(hues), _CHROMA * np.sin(hues)
    long = _LIGHTNESS + 0.3963377774 * a + 0.2158037573 * b
    medium = _LIGHTNESS - 0.1055613458 * a - 0.0638541728 * b
    short = _LIGHTNESS - 0.0894841775 * a - 1.2914855480 * b
    cones = np.stack([long, medium, short], axis=1) ** 3
    linear = cones @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _arcs(a, b):
    """Points (m, steps, 2) of the geodesics from a to b, at equal steps on their circles.

    Their centres are i ((1 + |b|^2) a - (1 + |a|^2) b) / (2 Im(conj(a) b)).
    """
    steps = np.linspace(0, 1, _STEPS)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        c = 0.5j * ((1 + np.abs(b) ** 2) * a - (1 + np.abs(a) ** 2) * b) / (np.conj(a) * b).imag
        z = c[:, None] + (a - c)[:, None] * np.exp(1j * np.angle((b - c) / (a - c))[:, None] * steps)
    is_straight = ~(np.abs(c) < _FLAT) | (np.abs(b - a) < _NEAR)
    z = np.where(is_straight[:, None], a[:, None] + (b - a)[:, None] * steps, z)
    z[:, 0], z[:, -1] = a, b
    return np.stack([z.real, z.imag], axis=2)


def _font_sizes(z, tree, least, most):
    sizes = _sizes(tree)
    share = (sizes / sizes.max()) ** 0.3 * (1 - np.abs(z) ** 2) ** 0.2
    at_rim = np.abs(z) >= np.where(sizes == 1, _OUTSIDE_LEAVES, _OUTSIDE)
    return np.where(at_rim, least, least + (most - least) * share)


def _extents(texts):
    """Widths and heights (n, 2) of texts in units of their font size, summed over characters, with some room."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=1)

    def width(text):
        return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]

    advances = {c: width(f"x{c}x") - width("xx") for c in sorted(set("".join(texts)))}
    widths = [sum(map(advances.get, text)) for text in texts]
    return np.stack([np.array(widths) + 0.3, np.full(len(texts), 1.15)], axis=1)


def _points_of_a_unit(ax):
    """Typographic points of a unit of the axes' data."""
    figure = ax.figure
    figure.draw_without_rendering()
    pixels = ax.transData.transform([[0, 0], [1, 0]])
    return (pixels[1, 0] - pixels[0, 0]) * 72 / figure.dpi

"""The mammals of WordNet in the Poincare disc, a picture for the wall: from placental mammals out to breeds of dogs.

Around a node, sectors grow nearly in proportion to the leaves behind them, the parent's as well, so that children fan
out ahead. The half-plane that just fits a sector of half-angle a is arcosh(1/sin a) away. Edges that go as far into the
sectors of both their ends keep all branches apart; half as long they nearly do, and more of the tree is well inside.
"""

import numpy as np
from matplotlib.figure import Figure

from sparsekit import PoincareDiskDisplay, graph_to_tree
from sparsekit.datasets import load_mammals
from sparsekit.embeddings.planar_distances import planar_form
from sparsekit.embeddings.tree_distances import recentered
from sparsekit.embeddings.tree_placement import subtree_angles

TITLE = "The mammals of WordNet"
ROOM = "embeddings"
MIDDLE = "placental"
POWER, EVENNESS = 0.65, 0.12  # of sectors
SHARE, SHORTEST = 0.47, 0.6  # of the length that keeps branches apart; of all edges


def reproduce(record, *, full):
    edges, names = load_mammals()
    names = [name.replace("_", " ") for name in names]
    tree = graph_to_tree(edges, root=names.index(MIDDLE)).tree
    angles = subtree_angles(tree, power=POWER, evenness=EVENNESS)
    form = planar_form(tree.parent, tree.starts, edge_lengths(tree, angles), angles)
    points = recentered(form, 0)[tree.position]
    parents = np.append(tree.order, -1)[tree.parent][tree.position]
    ax = Figure(figsize=(18, 18), layout="constrained").subplots()  # 2,000 pixels as it is saved
    display = PoincareDiskDisplay(points, parents, labels=names).plot(
        ax, edge_width=3.0, node_size=190.0, min_font_size=8.0, max_font_size=27.0
    )
    record.row("nodes", len(points))
    record.row("labels shown", len(display.texts_))
    record.row("pairs of labels that overlap", overlaps(display))
    record.row("pairs of edges that cross", crossings(points, parents))
    record.picture(display.figure_)
    shown = [text.get_text() for text in display.texts_]
    record.numbers(
        ("label", "x", "y"), [(text, *each.get_position()) for text, each in zip(shown, display.texts_, strict=True)]
    )


def edge_lengths(tree, angles):
    """Lengths (n,) by position; 0 at the root."""
    ahead, behind = (np.full(len(angles), np.pi / 2) for _ in range(2))  # half a node's sector, and its parent's there
    for node, (begin, end) in enumerate(zip(tree.starts[:-1], tree.starts[1:], strict=True)):
        around = np.append(angles[begin:end], [0.0] * (node > 0)) % (2 * np.pi)
        if len(around) < 2:
            continue
        sort = np.argsort(around)
        gaps = np.diff(around[sort], append=around[sort[0]] + 2 * np.pi)
        halves = np.empty(len(around))
        halves[sort] = np.minimum(np.minimum(gaps, np.roll(gaps, 1)) / 2, np.pi / 2)
        ahead[begin:end] = halves[: end - begin]
        if node > 0:
            behind[node] = halves[-1]
    lengths = np.arccosh(1 / np.sin(ahead)) + np.arccosh(1 / np.sin(behind))
    lengths = np.maximum(SHARE * lengths, SHORTEST)
    lengths[0] = 0
    return lengths


def crossings(points, parents):
    """Number of pairs of edges that cross, as chords of Klein's disc, where geodesics are straight."""
    z = (points[:, 0] + 1j * points[:, 1]) * 2 / (1 + (points**2).sum(axis=1))
    child = np.flatnonzero(parents >= 0)
    parent = parents[child]
    a, b = z[child], z[parent]
    sides = [np.sign(((b - a).conj()[:, None] * (ends - a[:, None])).imag) for ends in (a, b)]
    parted = sides[0] * sides[1] < 0
    met = np.equal.outer(child, parent)
    met |= met.T | np.equal.outer(parent, parent)
    return np.count_nonzero(parted & parted.T & ~met) // 2


def overlaps(display):
    """Number of pairs of labels whose boxes, as drawn, meet: no side of one has the other beyond it."""
    display.figure_.draw_without_rendering()  # a picture saved at another resolution leaves its sizes behind
    corners, axes = [], []
    for text in display.texts_:
        turn = np.radians(text.get_rotation())
        text.set_rotation(0)
        box = text.get_window_extent()
        text.set_rotation(np.degrees(turn))
        along = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-along[1], along[0]])
        middle = display.ax_.transData.transform(text.get_position())
        half = 0.5 * box.width * along, 0.5 * box.height * across
        corners.append([middle + i * half[0] + j * half[1] for i in (-1, 1) for j in (-1, 1)])
        axes.append([along, across])
    corners, axes = np.array(corners), np.array(axes)
    apart = np.zeros((len(corners), len(corners)), bool)
    for i, own in enumerate(axes):
        shadows = corners @ own.T  # (n, 4, 2)
        low, high = shadows.min(axis=1), shadows.max(axis=1)
        apart[i] |= ((low[i] > high) | (high[i] < low)).any(axis=1)
    apart |= apart.T
    return (np.count_nonzero(~apart) - len(corners)) // 2

"""The mammals of WordNet in the Poincare disc, a picture for the wall: from placental mammals out to breeds of dogs."""

import numpy as np

from sparsekit import HyperbolicTreeEmbedding, PoincareDiskDisplay
from sparsekit.datasets import load_mammals

TITLE = "The mammals of WordNet"
ROOM = "embeddings"


def reproduce(record, *, full):
    edges, names = load_mammals()
    names = [name.replace("_", " ") for name in names]
    tree = HyperbolicTreeEmbedding(scale=1.6, child_angles="subtree", root=0).fit(edges)
    display = PoincareDiskDisplay.from_estimator(tree, center=names.index("placental"), labels=names)
    record.row("nodes", len(tree.nodes_))
    record.row("labels shown", len(display.texts_))
    record.row("pairs of labels that overlap", overlaps(display))
    record.picture(display.figure_)
    shown = [text.get_text() for text in display.texts_]
    record.numbers(
        ("label", "x", "y"), [(text, *each.get_position()) for text, each in zip(shown, display.texts_, strict=True)]
    )


def overlaps(display):
    """Number of pairs of labels whose boxes, as drawn, meet: no side of one has the other beyond it."""
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

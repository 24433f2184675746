"""What is left of a tree embedding when its coordinates are float64, and when its distances need no coordinates.

The graphs of :cite:`sala2018` at growing scales, in the construction of the paper. Coordinates of nodes farther than 37
from the centre round to the circle: more and more pairs are at distance 0 or infinity, which the measures of the
paper's program leave out, and precision falls without a word.
"""

import matplotlib.pyplot as plt
import numpy as np

from docs.figures._hierarchies import NAMES, embed, graph
from sparsekit import distortion_report

TITLE = "Float64 coordinates against exact distances"
ROOM = "embeddings"
SCALES = np.geomspace(0.5, 80, 23)
GRAPHS = "phylo_tree", "cs_phds", "diseases"


def construction(tree):
    """Coordinates in complex128, parents before children, by disc automorphisms, as everywhere."""
    z, towards = np.zeros(len(tree.order_), complex), np.zeros(len(tree.order_), complex)
    for node in range(1, len(z)):
        parent = tree.parents_[node]
        back = 1.0 if parent == 0 else towards[parent]
        local = np.tanh(tree.edge_lengths_[node] / 2) * np.exp(1j * tree.angles_[node]) * back
        z[node] = (local + z[parent]) / (1 + np.conj(z[parent]) * local)
        seen = (z[parent] - z[node]) / (1 - np.conj(z[node]) * z[parent])
        towards[node] = seen / abs(seen) if seen != 0 else 1.0
    points = np.empty((len(z), 2))
    points[tree.order_] = np.stack([z.real, z.imag], axis=1)
    return points


def reproduce(record, *, full):
    figure, axes = plt.subplots(2, len(GRAPHS), figsize=(11, 6), sharex=True, sharey="row", layout="constrained")
    numbers = []
    for done, (name, column) in enumerate(zip(GRAPHS, axes.T, strict=True)):
        edges, curve = graph(name), []
        for scale in SCALES:
            tree = embed(edges, scale=scale)
            with np.errstate(invalid="ignore", divide="ignore"):
                points = np.nan_to_num(construction(tree))
            exact, rounded = (distortion_report(edges, each, scale=scale) for each in (tree, points))
            curve.append([scale])
            for report in (exact, rounded):
                collapsed = report.n_collapsed / report.n_pairs
                curve[-1] += [report.mean_average_precision, report.average_distortion, collapsed]
        curve = np.array(curve)
        numbers += [(NAMES[name], *point) for point in curve]
        depth = tree.distances_from(edges.min()).max() / tree.scale_
        for axis, exact, rounded in ((column[0], 1, 4), (column[1], 3, 6)):
            axis.plot(curve[:, 0], curve[:, exact], color="tab:blue", label="exact distances")
            axis.plot(curve[:, 0], curve[:, rounded], color="tab:red", label="float64 coordinates")
            axis.axvline(36 / depth, color="gray", linestyle=":", label="scale x depth = 36")
            axis.set_xscale("log")
        column[0].set_title(NAMES[name])
        column[1].set_xlabel("scale: length of an edge")
        last = curve[-1]
        record.row(f"{NAMES[name]}: MAP from exact distances at scale {last[0]:.3g}", last[1])
        record.row(f"{NAMES[name]}: MAP from float64 coordinates at scale {last[0]:.3g}", last[4])
        record.row(f"{NAMES[name]}: collapsed pairs of exact distances, all scales", curve[:, 3].max())
        record.row(f"{NAMES[name]}: share of pairs that coordinates collapse at scale {last[0]:.3g}", last[6])
        record.progress(done + 1, len(GRAPHS))
    axes[0, 0].set_ylabel("mean average precision")
    axes[1, 0].set_ylabel("share of collapsed pairs")
    axes[1, 0].legend(fontsize=8)
    record.picture(figure)
    kinds = [f"{what}_{of}" for of in ("exact", "float64") for what in ("precision", "distortion", "collapsed")]
    record.numbers(("graph", "scale", *kinds), numbers)

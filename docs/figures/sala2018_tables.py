"""Mean average precision and distortion of trees and graphs in the plane. Tables 4 and 5 of :cite:`sala2018`.

The construction of the paper: breadth first from node 0, children at equal angles. The paper's numbers were written
down from memory, its scales are not known to us; so we show all scales. At scales above 36 / depth no float64
coordinates exist, and the numbers are from distances that need none.

Average distortion is |d_H / scale - d_G| / d_G, mean over all pairs. Of WordNet it, and the curve of the precision, are
from 400 rows; the precision of the table is from all.

"by tree overlap" and so on: trees, angles and roots that are not the paper's, for graphs that are no trees.
"""

import matplotlib.pyplot as plt
import numpy as np

from docs.figures._hierarchies import NAMES, embed, graph
from sparsekit import distortion_report, mean_average_precision

TITLE = "Trees and graphs in the plane at every scale (Sala et al., Tables 4 and 5)"
ROOM = "embeddings"
SCALES = np.geomspace(0.5, 100, 24)
PAPER = {  # mean average precision, average distortion
    "balanced_tree": (1.0, 0.013),
    "phylo_tree": (1.0, 0.006),
    "cs_phds": (0.991, 0.286),
    "diseases": (0.822, 0.147),
    "grqc": (0.696, 0.354),
    "wordnet": (0.989, None),
}
OWN = {"root": "center", "child_angles": "subtree"}
PRECISE = {"tree": "overlap", "scale": 15.0}, "MAP"
OURS = {  # other trees and angles than the paper's, and the measure that these are for
    "cs_phds": [({"tree": "bfs", "scale": 15.0}, "average distortion")],
    "diseases": [PRECISE, ({"tree": "steiner", "scale": 60.0}, "average distortion")],
    "grqc": [PRECISE, ({"tree": "treerep", "scale": 15.0}, "average distortion")],
}
COLOURS = dict(zip(PAPER, ["tab:gray", "tab:green", "tab:blue", "tab:orange", "tab:red", "tab:purple"], strict=True))


def reproduce(record, *, full):
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    numbers = []
    for done, (name, paper) in enumerate(PAPER.items()):
        edges = graph(name)
        n_rows = 400 if name == "wordnet" and not full else None
        curve = []
        for scale in SCALES:
            report = distortion_report(edges, embed(edges, scale=scale), n_rows=n_rows, random_state=0)
            curve.append((scale, report.mean_average_precision, report.average_distortion))
        numbers += [(NAMES[name], *point) for point in curve]
        for eps in (1.0, 0.1):
            tree = embed(edges, scale="paper", max_distortion=eps)
            at = f"at scale {tree.scale_:.3g} (eps {eps:g}); paper from memory"
            distortion = distortion_report(edges, tree, n_rows=n_rows, random_state=0).average_distortion
            record.row(f"{NAMES[name]}: MAP {at}", mean_average_precision(edges, tree), paper[0])
            record.row(f"{NAMES[name]}: average distortion {at}", distortion, paper[1])
        for parameters, measure in OURS.get(name, []):
            report = distortion_report(edges, embed(edges, **OWN, **parameters))
            precise = measure == "MAP"
            found = report.mean_average_precision if precise else report.average_distortion
            how = ", ".join(f"{key} {value}" for key, value in parameters.items())
            record.row(f"{NAMES[name]}: {measure} by {how}, subtree angles", found, paper[0 if precise else 1])
        curve = np.array(curve)
        best = curve[np.argmin(curve[:, 2])]
        record.row(f"{NAMES[name]}: least average distortion of all scales, at {best[0]:.3g}", best[2], paper[1])
        for axis, column in zip(axes, (1, 2), strict=True):
            axis.plot(curve[:, 0], curve[:, column], color=COLOURS[name], label=NAMES[name])
            if paper[column - 1] is not None:
                axis.plot(SCALES[-1] * 1.3, paper[column - 1], marker="<", color=COLOURS[name], clip_on=False)
        record.progress(done + 1, len(PAPER))
    for axis, label in zip(axes, ("mean average precision", "average distortion"), strict=True):
        axis.set(xscale="log", xlabel="scale: length of an edge", ylabel=label)
    axes[1].set_yscale("log")
    axes[0].legend(title="paper's values: arrowheads", fontsize=8, title_fontsize=8)
    record.picture(figure)
    record.numbers(("graph", "scale", "mean_average_precision", "average_distortion"), numbers)

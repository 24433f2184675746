"""How many bits coordinates need, by scale and by dimension. The trade-off of :cite:`sala2018`.

Left: bits of the coordinates at which distances of the phylogenetic tree are right to 1e-6 and 1e-12, by disc
automorphisms in big floats, 12 rows, against ours, which need 53 at any scale. Depth times scale / ln 2 bits hold the
coordinates; what is asked beyond that is the accuracy.

Right: bits that the worst-case distortion 1 + eps asks for by the sizes of angles between neighbours, in the plane and
in more dimensions, where they are wider, for a tree of 5 children and depth 5. The six neighbours of a node are the
corners of a simplex in five dimensions, which more dimensions do not improve.
"""

import matplotlib.pyplot as plt
import mpmath
import numpy as np

from docs.figures._hierarchies import embed, graph
from sparsekit import distortion_report

TITLE = "Bits, scale and dimension (Sala et al.)"
ROOM = "embeddings"
ACCURACIES = (1e-6, 1e-12)
N_ROWS = 12
DIMENSIONS = (2, 3, 5)
DISTORTIONS = np.geomspace(0.01, 2, 12)


def rows_in_big_floats(tree, sources, bits):
    """Distances (rows, n_nodes) of positions, from coordinates of that many bits."""
    with mpmath.workprec(bits):
        z, towards = [mpmath.mpc(0)], [mpmath.mpc(1)]
        for node in range(1, len(tree.order_)):
            parent = tree.parents_[node]
            turn = mpmath.expj(mpmath.mpf(float(tree.angles_[node]))) * towards[parent]
            local = turn * mpmath.tanh(mpmath.mpf(float(tree.edge_lengths_[node])) / 2)
            z.append((local + z[parent]) / (1 + mpmath.conj(z[parent]) * local))
            if z[-1] == z[parent] or abs(z[-1]) >= 1:
                return np.full((len(sources), len(tree.order_)), np.nan)  # too few bits
            seen = (z[parent] - z[-1]) / (1 - mpmath.conj(z[-1]) * z[parent])
            towards.append(seen / abs(seen))
        gaps = [1 - abs(point) ** 2 for point in z]
        rows = np.full((len(sources), len(z)), np.nan)
        for i, source in enumerate(sources):
            for x, point in enumerate(z):
                product = gaps[source] * gaps[x]
                if product > 0:
                    rows[i, x] = 2 * mpmath.asinh(abs(point - z[source]) / mpmath.sqrt(product))
        return rows


def bits_needed(tree, sources, exact, accuracy, guess):
    """Least number of bits, to a sixteenth of the guess, at which all rows are that accurate."""
    step = max(guess // 16, 4)
    bits = max(30, guess // 2)
    while True:
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.abs(rows_in_big_floats(tree, sources, bits) / exact - 1)
        if np.nanmax(np.where(exact == 0, 0.0, np.nan_to_num(error, nan=np.inf))) <= accuracy:
            return bits
        bits += step


def measured_bits(record, axis, scales):
    edges = graph("phylo_tree")
    numbers = []
    for done, scale in enumerate(scales):
        tree = embed(edges, scale=scale)
        sources = np.linspace(0, len(tree.order_) - 1, N_ROWS).astype(int)
        exact = np.array([tree.distances_from(tree.nodes_[tree.order_[p]])[tree.order_] for p in sources])
        bound = exact[0].max() / np.log(2)
        found = [bits_needed(tree, sources, exact, accuracy, int(bound)) for accuracy in ACCURACIES]
        numbers.append((scale, bound, *found))
        record.progress(done + 1, len(scales))
    numbers = np.array(numbers)
    for accuracy, column in zip(ACCURACIES, numbers.T[2:], strict=True):
        axis.plot(numbers[:, 0], column, marker="o", label=f"measured, for {accuracy:g}")
    axis.plot(numbers[:, 0], numbers[:, 1], color="gray", linestyle=":", label="depth x scale / ln 2")
    axis.axhline(53, color="black", label="exact distances of sparsekit")
    axis.set(xscale="log", yscale="log", xlabel="scale: length of an edge", ylabel="bits of a coordinate")
    axis.set_title("phylogenetic tree, plane", fontsize=10)
    axis.legend(fontsize=8)
    scale, bound, *_, needed = numbers[-1]
    record.row(f"bits for 1e-12 at scale {scale:g}, through depth x scale / ln 2", needed / bound)
    return numbers


def reproduce(record, *, full):
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    measured_bits(record, axes[0], (1, 3, 10, 30, 55) if full else (1, 3, 10))
    n = (5**6 - 1) // 4
    edges = np.column_stack([np.arange(1, n), np.arange(n - 1) // 5])
    numbers = []
    for r in DIMENSIONS:
        bits = []
        for eps in DISTORTIONS:
            tree = embed(edges, r, scale="tight", max_distortion=eps)
            bits.append(tree.distances_from(0).max() / np.log(2))
            numbers.append((r, eps, tree.scale_, bits[-1]))
        axes[1].plot(DISTORTIONS, bits, label=f"{r}{' and more' if r == DIMENSIONS[-1] else ''} dimensions")
        worst = distortion_report(edges, embed(edges, r, scale=36 / 5)).worst_distortion
        record.row(f"5 children, depth 5, float64 coordinates, {r} dimensions: worst-case distortion", worst)
    axes[1].axhline(53, color="black", linestyle=":", label="float64")
    axes[1].set(xscale="log", yscale="log", xlabel="worst-case distortion - 1", ylabel="bits of a coordinate")
    axes[1].set_title("5 children, depth 5", fontsize=10)
    axes[1].legend(fontsize=8)
    record.picture(figure)
    record.numbers(("dimensions", "eps", "scale", "bits"), numbers)

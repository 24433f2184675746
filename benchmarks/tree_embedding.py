"""Tree embeddings against gensim's Poincare model and against big floats.

Mammals: the transitive closure of WordNet's mammals, 1,182 nodes and 6,542 pairs. gensim learns it from the pairs, in
50 epochs; ours is the tree of the hypernyms with edges twice as long at each step down, so that the ancestors of a node
are nearer than its siblings. Mean average precision counts the pairs of the closure as neighbours.

Distances: rows of the phylogenetic tree and of the CS PhDs at max_distortion 0.1, in the plane, from coordinates of
as many bits as their reach asks for and 64 more, and of the 8,192 bits of the paper (gmpy2); the embedding itself does
not count.

WordNet: 74,374 nodes at scale 22.9, embedded in the plane, and its exact mean average precision; all measures of all
5.5e9 pairs. On two threads, where it says so.
"""

import harness  # noqa: I001  sets the number of threads before NumPy is imported
import argparse
import warnings
from pathlib import Path

import gmpy2
import numpy as np
from gensim.models.poincare import PoincareModel

from sparsekit import HyperbolicTreeEmbedding, distortion_report, mean_average_precision
from sparsekit.datasets import load_mammals, load_wordnet

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "hierarchies"
GROWTH = 2.0  # of edges with depth
BITS_OF_THE_PAPER = 8192
N_ROWS = 60


def closure(edges):
    """Pairs of a node and what is above it, and the depth of each node."""
    above, depth = {0: set()}, {0: 0}
    waiting = edges.tolist()
    while waiting:
        child, parent = waiting.pop(0)
        if parent not in above:
            waiting.append([child, parent])
            continue
        above[child] = above.get(child, set()) | above[parent] | {parent}
        depth[child] = min(depth.get(child, len(edges)), depth[parent] + 1)
    return np.array([[child, each] for child in sorted(above) for each in sorted(above[child])]), depth


def mammals(options):
    edges, names = load_mammals()
    pairs, depth = closure(edges)
    weighted = np.column_stack([edges, [GROWTH ** depth[child] for child, _ in edges.tolist()]])
    relations = [(names[a], names[b]) for a, b in pairs]

    def ours():
        return HyperbolicTreeEmbedding(scale=5.0, root=0).fit(weighted)

    def gensim(size):
        model = PoincareModel(relations, size=size, seed=0)
        model.train(epochs=5 if options.small else 50)
        return np.array([model.kv[name] for name in names])

    def quality(result):
        report = distortion_report(pairs, result)
        return {"precision": report.mean_average_precision, "collapsed": report.n_collapsed}

    contestants = {"sparsekit": ours, "gensim, plane": lambda: gensim(2), "gensim, 10-D": lambda: gensim(10)}
    harness.compare("closure of the mammals", contestants, quality, ours="sparsekit", repeats=options.repeats)


def coordinates(tree, bits):
    """Points and 1 - |z|^2 in big floats, by disc automorphisms, at breadth-first positions."""
    with gmpy2.context(precision=bits):
        z, towards, gaps = [gmpy2.mpc(0)], [gmpy2.mpc(1)], [gmpy2.mpfr(1)]
        for node in range(1, len(tree.order_)):
            parent = tree.parents_[node]
            angle = gmpy2.mpfr(float(tree.angles_[node]))
            radius = gmpy2.tanh(gmpy2.mpfr(float(tree.edge_lengths_[node])) / 2)
            local = gmpy2.mpc(gmpy2.cos(angle), gmpy2.sin(angle)) * towards[parent] * radius
            z.append((local + z[parent]) / (1 + z[parent].conjugate() * local))
            seen = (z[parent] - z[-1]) / (1 - z[-1].conjugate() * z[parent])
            towards.append(seen / abs(seen))
            gaps.append(1 - gmpy2.norm(z[-1]))
    return z, gaps


def rows_in_big_floats(z, gaps, sources, bits):
    with gmpy2.context(precision=bits):
        nodes = list(zip(z, gaps, strict=True))
        rows = [[2 * gmpy2.asinh(abs(x - z[s]) / gmpy2.sqrt(gap * gaps[s])) for x, gap in nodes] for s in sources]
    return np.array(rows, float)


def big_floats(name, options):
    edges = np.loadtxt(DATA / f"{name}.edges.gz").astype(int)
    tree = HyperbolicTreeEmbedding(scale="tight", max_distortion=0.1, root=edges.min()).fit(edges)
    bits = int(tree.distances_from(edges.min()).max() / np.log(2)) + 64
    sources = np.linspace(0, len(tree.order_) - 1, 2 if options.small else N_ROWS).astype(int)
    labels = tree.nodes_[tree.order_[sources]]
    contestants = {"distances_from": lambda: tree.distances_from(labels)[:, tree.order_]}
    for precision in (bits, BITS_OF_THE_PAPER):
        points = coordinates(tree, precision)
        contestants[f"gmpy2, {precision} bits"] = lambda p=precision, at=points: rows_in_big_floats(*at, sources, p)
    exact = contestants[f"gmpy2, {BITS_OF_THE_PAPER} bits"]()

    def quality(result):
        with np.errstate(invalid="ignore"):
            return {"largest_relative_error": np.nanmax(np.abs(result / exact - 1))}

    work = f"distances in {name}, scale {tree.scale_:.3g}"
    harness.compare(work, contestants, quality, ours="distances_from", repeats=options.repeats)


def wordnet(options):
    edges = load_wordnet()

    def fit():
        return HyperbolicTreeEmbedding(scale=22.9, root=0).fit(edges)

    def precision(n_jobs):
        return mean_average_precision(edges, fit(), n_jobs=n_jobs)

    def report():
        return distortion_report(edges, fit(), n_rows=400 if options.small else None, n_jobs=2)

    def quality(result):
        if isinstance(result, HyperbolicTreeEmbedding):
            return {"precision": np.nan, "collapsed": result.n_collapsed_}
        if isinstance(result, float):
            return {"precision": result, "collapsed": 0}
        return {"precision": result.mean_average_precision, "collapsed": result.n_collapsed}

    contestants = {
        "fit": fit,
        "fit, exact precision": lambda: precision(1),
        "fit, exact precision, 2 threads": lambda: precision(2),
    }
    harness.compare("WordNet", contestants, quality, ours="fit, exact precision", repeats=options.repeats)
    work = "WordNet, all measures of all pairs, 2 threads"
    harness.compare(work, {"distortion_report": report}, quality, ours="distortion_report", repeats=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="a tenth of the epochs and few rows, to see that it runs")
    parts = "wordnet", "mammals", "distances"
    parser.add_argument("--only", choices=parts, nargs="+", default=parts)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # at these scales there are no coordinates
    if "wordnet" in options.only:
        wordnet(options)
    if "mammals" in options.only:
        mammals(options)
    for name in ("phylo_tree", "cs_phds") if "distances" in options.only else ():
        if (DATA / f"{name}.edges.gz").exists():
            big_floats(name, options)
        else:
            print(f"{name} is not there: left out")


if __name__ == "__main__":
    main()

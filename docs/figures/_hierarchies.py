"""The graphs of :cite:`sala2018`: from the folder shared/data beside the checkout, else downloaded."""

import warnings
from pathlib import Path

import numpy as np

from sparsekit import HyperbolicTreeEmbedding
from sparsekit.datasets import fetch_hierarchy, load_wordnet

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "hierarchies"
NAMES = {  # as in the paper
    "balanced_tree": "balanced tree",
    "phylo_tree": "phylogenetic tree",
    "cs_phds": "CS PhDs",
    "diseases": "diseases",
    "grqc": "Gr-QC",
    "wordnet": "WordNet",
}


def graph(name):
    """Edges (m, 2) without self loops."""
    if name == "wordnet":
        return load_wordnet()
    path = FOLDER / f"{name}.edges.gz"
    edges = np.loadtxt(path) if path.exists() else fetch_hierarchy(name)
    return edges[edges[:, 0] != edges[:, 1]].astype(np.int64)


def embed(edges, n_components=2, **parameters):
    """The construction of the paper from its first node, without warnings of coordinates that float64 cannot hold."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "at scale .* float64 cannot hold coordinates")
        return HyperbolicTreeEmbedding(n_components, **{"root": edges.min(), **parameters}).fit(edges)

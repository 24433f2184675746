"""WordNet's nouns and mammals, which ship with the package, and graphs of the hyperbolic embedding papers."""

import gzip
from importlib.resources import files
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_file, get_data_home

_HOME = "https://raw.githubusercontent.com/HazyResearch/hyperbolics/master/data/edges/"
_GRAPHS = {  # name: (file, sha256)
    "balanced_tree": ("smalltree.edges", "0c0b90bddc6c52fa8736a3c0bc3a47e74ed01f053107a3d99420a4cbdf138a1f"),
    "cs_phds": ("ca-CSphd.edges", "26d761c07db457623c1e0be9644f62f188d376335a317b69b4de7f20e7c202ca"),
    "cycle_tree": ("synthetic/cycle-tree.edges", "ee4d6bef8a8ee092194df545cac87efd23689da0eeb238a64520481b9dc98562"),
    "diamond5": ("synthetic/diamond5.edges", "d1b6f05a7b302b5627a8cc69e39d6285a26d99e36a32eac61a9d31a85c1f4899"),
    "diseases": ("bio-diseasome.edges", "c6f7e0846e0547b5eec989e0f8dff58f66acc4dd86c0af3e0c644981f6a4d80c"),
    "grqc": ("grqc.edges", "d13468686616e12ffe5df5b76864ebcc256e25d6b61599ebca0cb510f77c36a9"),
    "phylo_tree": ("phylo_tree.edges", "e1b4607b0112a692e56ccd4dd5cd35cb3cebf4a45f907e0e8bbf788fe5f3499e"),
    "power_grid": ("inf-power.edges", "443f9385688a553ee5a5c226d53f15ae0bfd81bbe4f4772aa50c389bc2760f3d"),
    "sierpinski": (
        "synthetic/sierp-C5-5.edges",
        "a8ef05f165b15b9b4f89b3767c24f3911cb91bea386256e63dc490c9f30a4e25",
    ),
    "tree_20_3": ("synthetic/tree-20-3.edges", "6d70cde8398938cc17708c9fe2527a8d3f097ed84ccef5aa975050f0441e016b"),
    "usca312": ("usca312.edges", "ec90a9cf4e81ff6c0f05310bc7b3cb0d71c058f409d2e849439269d71f234037"),
    "web_edu": ("web-edu.edges", "a0d7cce42ddb09f0368115972443ec65bd4b453bfc3eb80120529a28e31cf08e"),
    "yeast": ("bio-yeast.edges", "61cf2c6c55b90fa807da9cffdfcc986ab2c9c41f39f49be52554181ce8de4bc6"),
}


def load_wordnet():
    """The hypernyms of WordNet 3.0's nouns as a graph: the largest component.

    WordNet is copyright of Princeton University, free to use and to copy with its notice, which ships beside the data
    (``sparsekit/datasets/data/LICENSE.wordnet.txt``).

    Returns
    -------
    edges : ndarray of shape (75834, 2)
        Pairs of the 74,374 nodes, int64; a tree has 74,373 edges.

    Examples
    --------
    >>> from sparsekit.datasets import load_wordnet
    >>> load_wordnet().shape
    (75834, 2)
    """
    return _edges(gzip.decompress(_shipped("wordnet_nouns.edges.gz")))


def load_mammals():
    """The mammals of WordNet 3.0: synset "mammal" and all below it.

    See :func:`load_wordnet` for the licence.

    Returns
    -------
    edges : ndarray of shape (1182, 2)
        Child and parent, int64; one child has two parents.
    names : ndarray of shape (1182,)
        First word of each synset; node 0 is "mammal".

    Examples
    --------
    >>> from sparsekit.datasets import load_mammals
    >>> edges, names = load_mammals()
    >>> names[edges[:, 0][edges[:, 1] == 0]][:3]
    array(['female_mammal', 'tusker', 'prototherian'], dtype='<U30')
    """
    lines = gzip.decompress(_shipped("wordnet_mammals.tsv.gz")).decode().splitlines()
    names, parents = zip(*(line.split("\t") for line in lines), strict=True)
    pairs = [(child, int(parent)) for child, row in enumerate(parents) for parent in row.split()]
    return np.array(pairs, np.int64), np.array(names)


def fetch_hierarchy(name, *, data_home=None, n_retries=3, delay=1.0):
    """Download a graph of the experiments of :cite:`sala2018`.

    Parameters
    ----------
    name : str
        "balanced_tree", "cs_phds", "cycle_tree", "diamond5", "diseases", "grqc", "phylo_tree", "power_grid",
        "sierpinski", "tree_20_3", "usca312", "web_edu" or "yeast".
    data_home : str or path-like, default=None
        Folder that keeps the file; None is "hierarchies" in scikit-learn's data home.
    n_retries : int, default=3
        Attempts on HTTP errors.
    delay : float, default=1.0
        Seconds between attempts.

    Returns
    -------
    edges : ndarray of shape (n_edges, 2) or (n_edges, 3)
        Pairs of nodes, int64; for "usca312" with distances, float64. Self loops are left in.

    Raises
    ------
    ValueError
        For an unknown name.
    OSError
        When the download fails, or is not the file of the checksum.

    Notes
    -----
    From the repository of the paper's authors, which states no licence; that is why the files are not shipped.

    Examples
    --------
    >>> from sparsekit.datasets import fetch_hierarchy
    >>> fetch_hierarchy("phylo_tree").shape  # doctest: +SKIP
    (343, 2)
    """
    if name not in _GRAPHS:
        msg = f"name must be one of {', '.join(map(repr, _GRAPHS))}, got {name!r}"
        raise ValueError(msg)
    file, checksum = _GRAPHS[name]
    folder = Path(get_data_home()) / "hierarchies" if data_home is None else Path(data_home)
    folder.mkdir(parents=True, exist_ok=True)
    path = fetch_file(
        f"{_HOME}{file}",
        folder=folder,
        local_filename=f"{name}.edges",
        sha256=checksum,
        n_retries=n_retries,
        delay=delay,
    )
    return _edges(Path(path).read_bytes())


def _shipped(name):
    return (files("sparsekit.datasets") / "data" / name).read_bytes()


def _edges(text):
    """Numbers in rows; integers where all are."""
    lines = text.decode().splitlines()
    values = np.array([line.split() for line in lines if line.strip()], dtype=np.float64)
    return values if (values % 1).any() or values.shape[1] > 2 else values.astype(np.int64)

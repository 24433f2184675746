"""Graphs of the papers, where they lie beside the checkout."""

import gzip
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "hierarchies"


@pytest.fixture
def paper_graph():
    """Function of a name that reads edges (m, 2) or (m, 3); the test is skipped without the files."""

    def read(name):
        path = FOLDER / f"{name}.edges.gz"
        if not path.exists():
            pytest.skip(f"{path.name} is not beside the checkout")
        return np.loadtxt(gzip.open(path, "rt"))

    return read

"""Sphinx configuration; `make docs` builds without a warning, with and without a network."""

import json
import logging
import os
import re
from importlib.metadata import version as installed_version
from pathlib import Path

project = "sparsekit"
author = "the sparsekit developers"
copyright = "2026, the sparsekit developers"  # noqa: A001 (the name that Sphinx reads)
release = installed_version("sparsekit")
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["_build", "benchmarks.md", "figures", "gallery"]
templates_path = ["_templates"]
default_role = "literal"  # `name` in a docstring is code
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# The reference: one page for each public object, with what our classes define and not what they inherit.
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

bibtex_bibfiles = ["papers.bib"]
bibtex_reference_style = "label"
bibtex_default_style = "alpha"

intersphinx_mapping = {
    "python": ("https://docs.python.org/3", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "scipy": ("https://docs.scipy.org/doc/scipy", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
}
intersphinx_timeout = 5
# Their objects are links when the inventories can be fetched and plain text when not.
nitpick_ignore_regex = [("py:.*", r"(numpy|np|scipy|sklearn|numba|joblib|collections)\..*")]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "sparsekit"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_sidebars = {page: [] for page in ("index", "start", "papers", "performance", "design", "changes")}  # no subpages
html_theme_options = {
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 8,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go"

os.environ.setdefault("MPLBACKEND", "agg")


def skip_inherited(_app, _what, _name, obj, skip, _options):
    """Leave out the members that come from scikit-learn."""
    home = getattr(getattr(obj, "fget", obj), "__module__", None)
    return skip or not (home or "").startswith("sparsekit")


def benchmark_tables():
    """The results that `make bench` left, as one page of tables."""
    parts = []
    for path in sorted(Path(__file__).parents[1].glob("benchmarks/results/*.json")):
        result = json.loads(path.read_text())
        columns = list(result["rows"][0])
        versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
        parts += [f"### {result['work']}", "", f"{result['machine']}; {versions}.", ""]
        parts += ["| " + " | ".join(name.replace("_", " ") for name in columns) + " |", "|---" * len(columns) + "|"]
        for row in result["rows"]:
            numbers = [f"{value:.3g}" for value in list(row.values())[1:]]
            parts.append("| " + " | ".join([row["program"], *numbers]) + " |")
        parts.append("")
    return "\n".join(parts)


Path(__file__).with_name("benchmarks.md").write_text(benchmark_tables())

KEYS = "|".join(re.findall(r"^@\w+\{(\w+),", Path(__file__).with_name("papers.bib").read_text(), re.MULTILINE))


def cite(_app, _what, _name, _obj, _options, lines):
    """Let ``[key]_`` in a docstring cite papers.bib."""
    lines[:] = [re.sub(rf"\[({KEYS})\]_", r":cite:t:`\1`", line) for line in lines]


def setup(app):
    """Connect the hooks, and drop the one warning that depends on the network."""
    app.connect("autodoc-skip-member", skip_inherited)
    app.connect("autodoc-process-docstring", cite, priority=400)  # before numpydoc renames citations
    logging.getLogger("sphinx.sphinx.ext.intersphinx").addFilter(
        lambda record: "failed to reach any of the inventories" not in str(record.msg)
    )

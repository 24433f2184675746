"""Docstrings of everything public: numpydoc's validation, examples, and references that exist in docs/papers.bib."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import validate

import sparsekit

ROOT = Path(__file__).parents[1]
SOURCES = sorted(Path(sparsekit.__file__).parent.rglob("*.py"))

# The ignored codes and their reasons stand in one place, pyproject.toml; not so what is asked for here.
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]["checks"]
assert SETTINGS[0] == "all", "the list is read as exceptions to all codes"
ASKED = {
    "GL08",  # everything public has a docstring
    "EX01",  # classes and functions have examples (methods are shown in the example of their class)
}
IGNORED = set(SETTINGS[1:]) - ASKED


def ours(thing):
    return (getattr(thing, "__module__", None) or "").startswith("sparsekit")


def public():
    """Dotted name -> object: classes, functions, and the methods and properties of the classes that are ours."""
    top = [name for name in sparsekit.__all__ if not name.startswith("_")]
    modules = [sparsekit, *filter(inspect.ismodule, (getattr(sparsekit, name) for name in top))]
    found = {}
    for module in modules:
        for name in module.__all__:
            thing = None if name.startswith("_") else getattr(module, name)
            if (inspect.isclass(thing) or inspect.isroutine(thing)) and ours(thing):
                found.setdefault(thing, f"{module.__name__}.{name}")
    return {name: thing for thing, name in sorted(found.items(), key=lambda each: each[1])}


def members(path, cls):
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(function) and ours(function):
            yield f"{path}.{name}"


PUBLIC = public()
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}
METHODS = [name for path, cls in CLASSES.items() for name in members(path, cls)]


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_numpydoc(name):
    ignored = IGNORED | ({"EX01"} if name in METHODS else set())
    assert [(code, text) for code, text in validate(name)["errors"] if code not in ignored] == []


def citations(text):
    """Keys cited as [key]_, :cite:`key` or [key] in the docstring of a module."""
    for keys in re.findall(r":cite(?::\w+)*:`([^`]+)`", text):
        yield from (key.strip() for key in keys.split(","))
    yield from re.findall(r"\[([^\]\s]+)\]_", text)
    yield from re.findall(r"\[([a-z]+\d{4}\w?)\]", text)


KEYS = set(re.findall(r"^@\w+\{([^,\s]+),", (ROOT / "docs" / "papers.bib").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_cited_papers_exist(path):
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, documented)]
    cited = {key for node in nodes for key in citations(ast.get_docstring(node) or "")}
    assert cited <= KEYS, f"not in docs/papers.bib: {sorted(cited - KEYS)}"


@pytest.mark.parametrize("name", CLASSES)
def test_classes_have_references_and_attributes(name):
    text = inspect.getdoc(CLASSES[name])
    references = text.partition("References\n----------\n")[2]
    assert set(citations(references)) & KEYS, "no paper is cited"
    assert "Attributes\n----------\n" in text

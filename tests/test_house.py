"""The rules of the house that a reader would otherwise have to enforce by eye."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import sparsekit

PACKAGE = Path(sparsekit.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {"recovery", "embeddings", "ann", "graphs"}
ABOVE = {"plotting", "datasets", "distributed"}

NAMES = [name for name in sparsekit.__all__ if not name.startswith("_")]
PUBLIC = [getattr(sparsekit, name) for name in NAMES]
ESTIMATORS = [thing for thing in PUBLIC if inspect.isclass(thing) and issubclass(thing, BaseEstimator)]


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def floor(path):
    """The top folder or module that a file belongs to: "core", "recovery", ..."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    """(module, name or None) of every import, in functions as well; relative ones resolved."""
    package = ["sparsekit", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield from ((module, alias.name) for alias in node.names)


every_source = pytest.mark.parametrize("path", SOURCES, ids=name_of)


@every_source
def test_imports_run_down(path):
    here = floor(path)
    if here in {"__init__", "warmup"}:
        return
    allowed = {"core", here} if here in ROOMS | {"core"} else {"core", here} | ROOMS
    for module, name in imports(path):
        parts = [*module.split("."), *([name] if name else [])]
        if parts[0] == "sparsekit":
            assert len(parts) > 1, "`import sparsekit` inside the package hides what is needed"
            assert parts[1] in allowed, f"{here} imports {'.'.join(parts)}"


def test_every_folder_is_known():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= {"core"} | ROOMS | ABOVE


@every_source
def test_no_file_for_leftovers(path):
    words = set(path.stem.strip("_").split("_"))
    assert not words & {"util", "utils", "common", "helper", "helpers", "misc"}


@every_source
def test_only_public_scikit_learn(path):
    for module, name in imports(path):
        if module.split(".")[0] == "sklearn":
            assert not any(part.startswith("_") for part in [*module.split("."), name or ""]), f"{module}: {name}"


@every_source
def test_kernels_are_compiled_in_one_way(path):
    """Only core/kernels.py meets Numba's compilers; nothing is parallel, and fastmath is a named subset."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    compilers = {"njit", "jit", "vectorize", "guvectorize", "stencil", "cfunc", "generated_jit", "jitclass"}
    if name_of(path) != "core/kernels.py":
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used |= {name for module, name in imports(path) if module.split(".")[0] == "numba"}
        assert not used & compilers
    for node in ast.walk(tree):
        assert "prange" not in (getattr(node, "id", ""), getattr(node, "attr", ""))
        if isinstance(node, ast.keyword):
            assert node.arg != "parallel"
            if node.arg == "fastmath":
                assert not (isinstance(node.value, ast.Constant) and node.value.value)
        targets = node.targets if isinstance(node, ast.Assign) else []
        assert not any(re.search(r"\bconfig\.[A-Z]", ast.unparse(target)) for target in targets), "a global of Numba"


def test_import_is_lazy(python):
    heavy = "{'numba', 'matplotlib', 'numpy', 'scipy', 'sklearn'}"
    assert python(f"import sparsekit, sys; print({heavy} & set(sys.modules))").strip() == "set()"
    assert (
        "matplotlib"
        not in python(
            f"import sparsekit, sys; [getattr(sparsekit, name) for name in {NAMES}]; print(*sys.modules)"
        ).split()
    )


def test_public_names():
    assert len(set(sparsekit.__all__)) == len(sparsekit.__all__)
    assert set(sparsekit.__all__) <= set(dir(sparsekit))
    for name in sparsekit.__all__:
        assert getattr(sparsekit, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        sparsekit.no_such_name  # noqa: B018


def test_rooms_export_what_the_package_does():
    for room in ROOMS & set(sparsekit.__all__):
        module = importlib.import_module(f"sparsekit.{room}")
        for name, thing in zip(NAMES, PUBLIC, strict=True):
            if getattr(thing, "__module__", "").startswith(f"sparsekit.{room}."):
                assert name in module.__all__


@pytest.mark.parametrize("cls", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_estimators_need_no_arguments_and_only_store_them(cls):
    estimator = cls()
    assert vars(estimator) == estimator.get_params(deep=False)
    marker = object()
    for name in estimator.get_params(deep=False):
        assert getattr(cls(**{name: marker}), name) is marker

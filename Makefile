# Every target builds .venv when it is missing, installs the groups that it needs, and runs.
# PYTHON chooses the interpreter of a new .venv; ARGS goes to the command:  make reproduce ARGS=--full
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
ARGS ?=
# Processes that share the tests, each with one BLAS thread: small problems are slower with more.
WORKERS ?= 2
export OPENBLAS_NUM_THREADS ?= 1

SOURCES := $(shell find sparsekit -name '*.py' 2>/dev/null)

.NOTPARALLEL:   # one .venv, one pip at a time
.PHONY: reproduce test docs bench lint doctest clean

reproduce: .venv/test.installed
	$(BIN)/python -m docs.figures $(ARGS)

# Compiled; then as plain Python, where coverage can see; then compiled anew with bounds checks.
test: .venv/test.installed
	SCIPY_ARRAY_API=1 $(BIN)/pytest -n $(WORKERS) $(ARGS)
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -n $(WORKERS) -m "not slow and not jit" --cov=sparsekit --cov-report=term $(ARGS)
	NUMBA_BOUNDSCHECK=1 $(BIN)/pytest -n $(WORKERS) -m "not slow" tests/core tests/recovery tests/embeddings $(ARGS)

doctest: .venv/test.installed
	$(BIN)/pytest --doctest-modules sparsekit docs/test_pages.py $(ARGS)

docs: .venv/docs.installed docs/figures/output/table.md
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky $(ARGS) docs docs/_build/html

docs/figures/output/table.md: .venv/test.installed $(SOURCES) $(wildcard docs/figures/*.py)
	$(BIN)/python -m docs.figures

bench: .venv/bench.installed
	set -e; for script in benchmarks/[!_]*.py; do $(BIN)/python $$script $(ARGS); done

lint: .venv/lint.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check

clean:
	rm -rf .venv docs/_build docs/api/generated docs/auto_gallery dist .coverage .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pip.installed:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'   # the first that knows --group
	touch $@

.venv/%.installed: .venv/pip.installed pyproject.toml
	$(BIN)/python -m pip install --quiet --editable . --group $*
	touch $@

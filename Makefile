# One command for each intention. `make demo` and `make test` set up whatever they need.
#   PYTHON=python3.12 make test     another interpreter
#   SCANWATCH_REQUIRE_ALL=1 make test   a missing browser or Node is then a failure, not a skip (CI)

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ROOT   := $(if $(filter 0,$(shell id -u)),--allow-root)  # in a container; Jupyter wants it said
XDIST  ?= -n 2 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help demo lab test test-slow chaos lint format bench docs notebooks screenshots clean packages

help:
	@echo "make demo        set up, run two simulated scans and a scan of this checkout, show the tables"
	@echo "make lab         set up and open the notebooks in JupyterLab"
	@echo "make test        set up, check the code and run the tests"
	@echo "make test-slow   the tests that are slow by nature"
	@echo "make chaos       random faults on a whole installation, with a report of what was lost (nothing)"
	@echo "make lint        style and types only"
	@echo "make format      put the code in its usual form"
	@echo "make bench       run the benchmarks"
	@echo "make docs        build the documentation into build/docs"
	@echo "make notebooks   run the notebooks and store them with what they show"
	@echo "make screenshots take the pictures of the README anew"
	@echo "make clean       remove what the others made"

demo: $(VENV)/.run
	@$(BIN)/scanwatch demo --checkout .

lab: $(VENV)/.lab
	@$(BIN)/jupyter lab $(ROOT) notebooks/01-quickstart.ipynb

test: packages $(VENV)/.test lint
	$(BIN)/python -m pytest $(XDIST) -m "not slow"

test-slow: packages $(VENV)/.test
	$(BIN)/python -m pytest $(XDIST) -m slow

chaos: $(VENV)/.test
	$(BIN)/python -m tests.faults.chaos --rounds 20 --scans 300

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test
	@$(BIN)/python benchmarks/all.py

docs: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "The documentation is in build/docs/index.html"

notebooks: $(VENV)/.test
	$(BIN)/python docs/notebooks.py

screenshots: packages $(VENV)/.test
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

packages:
	@bash .ci/packages

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'scanwatch needs Python 3.11 or newer, and $(PYTHON) is older: PYTHON=python3.12 make ...')"
	@bash .ci/packages venv
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	@echo "Installing scanwatch and what it needs into $(VENV) (once; a minute or so) ..."
	@$(PIP) --no-compile --editable .  # what is loaded is compiled then; most never is
	@touch $@

$(VENV)/.lab: $(VENV)/bin/python pyproject.toml
	@echo "Installing scanwatch and what it needs into $(VENV) (once; a minute or so) ..."
	@$(PIP) --editable ".[lab,plot]"
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml
	@echo "Installing scanwatch and what it needs into $(VENV) (once; a minute or so) ..."
	@$(PIP) --editable ".[test]"
	@touch $@

$(VENV)/.docs: $(VENV)/bin/python pyproject.toml
	@echo "Installing scanwatch and what it needs into $(VENV) (once; a minute or so) ..."
	@$(PIP) --editable ".[docs]"
	@touch $@

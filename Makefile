# Every target sets up what it needs in .venv, from nothing but python3 and make.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test test-all check docs clean

demo: $(READY)  ## the whole chain on synthetic tissue, with a report
	$(BIN)/metroem demo

test: $(READY)  ## all quick tests
	OMP_NUM_THREADS=1 $(PYTEST) -m "not slow" --numprocesses auto

test-all: test  ## slow tests too
	$(PYTEST) -m slow

check: $(READY)  ## style, types, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict metroem_core registry
	$(BIN)/mypy plugins
	$(BIN)/codespell

docs: $(READY)  ## the documentation, in site/
	$(BIN)/mkdocs build --strict

$(READY): setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt setuptools wheel
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf .venv build site *.egg-info

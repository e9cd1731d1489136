# The contributor's commands; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.10 --only-binary :all: \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help test lint types unit e2e format docs lock clean

help: ## list the commands
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 10

test: lint types ## everything that has to pass: lint, types and all tests
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(VENV)/installed ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed ## mypy, strict
	$(BIN)/mypy

unit: $(VENV)/installed ## only the tests that need neither containers nor the network
	$(BIN)/python -m pytest tests/unit

e2e: $(VENV)/installed ## only the tests that run whole lifecycles on the local SageMaker
	$(BIN)/python -m pytest tests/e2e

format: $(VENV)/installed ## rewrite the code as ruff wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed ## write the generated blocks of the README anew
	$(BIN)/python .ci/generate_docs.py

lock: $(VENV)/installed ## take the newest dependencies into both locks
	$(LOCK) --upgrade --output-file tool.lock
	$(LOCK) --upgrade --group dev --constraints tool.lock --output-file development.lock
	$(MAKE) $(VENV)/installed
	$(BIN)/python .ci/generate_excerpt.py

clean: ## remove what the commands above have made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/installed: development.lock
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 10) and sys.exit("Python 3.10 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps --only-binary :all: \
		--requirement development.lock
	@touch $@

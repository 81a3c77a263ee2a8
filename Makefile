# SimCrate: the targets that people and CI use. `make` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Files of tests run side by side, in their order: those of a browser must be last.
WORKERS ?= 2
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test check quick slow bench fuzz services format clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/run.stamp ## the whole way on this machine: simulate, pack, upload, link (ONCE=1 ends after the download; OPTIONS="--port 8001")
	@$(BIN)/simcrate demo $(if $(ONCE),--once) $(OPTIONS)

test: check services ## what CI runs: linters, types, import contracts and every test but the slow ones
	$(BIN)/pytest $(SIDE_BY_SIDE) -m "not slow"

check: $(VENV)/dev.stamp ## linters, types and import contracts, in seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: $(VENV)/dev.stamp ## the tests that need no services
	$(BIN)/pytest $(SIDE_BY_SIDE) -m "not slow and not services" -q

slow: $(VENV)/dev.stamp services ## the long extras: closed forms of oppsim, crates above 4 GB, ...
	$(BIN)/pytest -m slow

bench: $(VENV)/dev.stamp ## the table of benchmarks, each against a peer in the same run
	$(BIN)/python -m benchmarks

fuzz: $(VENV)/dev.stamp ## a minute of hostile result files against the readers
	$(BIN)/python -m tests.fuzz

services: ## what the tests need from Debian, installed where that is allowed
	@scripts/install-services.sh

format: $(VENV)/dev.stamp ## let ruff format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove the virtual environment and caches; var/ holds your data and stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/run.stamp: requirements/run.txt pyproject.toml scripts/make-venv.sh
	@PYTHON="$(PYTHON)" scripts/make-venv.sh $(VENV) requirements/run.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml scripts/make-venv.sh
	@PYTHON="$(PYTHON)" scripts/make-venv.sh $(VENV) requirements/dev.txt
	@touch $@

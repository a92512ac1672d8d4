# Every chore of the project. Each target does its own set-up: a fresh machine needs python3 (>= 3.11) and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --constraint constraints.txt

# One numeric thread per process: two threads fight over the cores of a small machine.
export OMP_NUM_THREADS ?= 1
export OPENCV_LOG_LEVEL ?= ERROR

.PHONY: help demo serve test test-fast check lint types rooms format bench deploy-check lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; run 'make PYTHON=python3.12 ...'"; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.suite: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the suite (no torch, no vLLM) ..."
	@$(PIP) --quiet --editable ".[suite]"
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the suite with its test tools ..."
	@$(PIP) --quiet --editable ".[dev]"
	@touch $(VENV)/.suite $@

demo: $(VENV)/.suite ## Repair the sample edit and print where the report is
	@$(BIN)/editrefiner demo

serve: $(VENV)/.suite ## Run the job API and all agents in one process
	@$(BIN)/editrefiner serve

test: $(VENV)/.dev ## Run every check and every test
	@$(MAKE) --no-print-directory check deploy-check
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-fast: $(VENV)/.dev ## Run the tests that start no processes
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile -m "not process and not chaos"

check: lint types rooms ## Lint, types and import rules

lint: $(VENV)/.dev ## Ruff, check only
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Pyright
	@$(BIN)/pyright

rooms: $(VENV)/.dev ## Import rules between the rooms
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## Ruff, rewrite
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure: overhead of the orchestrated loop, quality on planted flaws
	@$(BIN)/python -m bench

deploy-check: $(VENV)/.dev ## Validate Dockerfiles, compose files and manifests offline
	@$(BIN)/python -m deploy.check

lock: $(BIN)/python ## Rewrite constraints.txt from pyproject.toml
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --extra dev pyproject.toml \
		--no-header --no-annotate --no-emit-package editrefiner --constraint deploy/constraints-gpu.txt \
		--output-file constraints.txt
	@sed -i "s/+cpu$$//" constraints.txt

clean: ## Remove the environment and every output
	@rm -rf $(VENV) out build dist .pytest_cache .ruff_cache .hypothesis

# `make demo` and `make test` are all a new machine needs; both install what they use.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
VENV_TRANSFORMERS ?= .venv-transformers
BIN := $(VENV)/bin
DEMO := config/demo/study.yaml
SCHEMA := config/schema/study.schema.json
PATH := $(CURDIR)/$(BIN):$(PATH)
export PATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.PHONY: help install demo smoke browser test test-slurm test-transformers lint format clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "wattbench needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "The venv module is missing: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@echo "Installing wattbench into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

install: $(VENV)/.installed ## Install into .venv and link the profiles for `snakemake --profile`.
	@$(BIN)/wattbench install-profiles

demo: $(VENV)/.installed ## Run the demo study: three small models, two ensembles, 24 questions.
	@$(BIN)/wattbench fetch --study $(DEMO)
	@snakemake --workflow-profile profiles/local --configfile $(DEMO)
	@wattbench headline --study $(DEMO)
	@echo; echo "the report: results/demo/report/index.html"

smoke: $(VENV)/.installed ## One question per model.
	@$(BIN)/wattbench fetch --study $(DEMO)
	@snakemake --workflow-profile profiles/local --configfile $(DEMO) -- smoke

browser: ## Install Chromium for the tests of the report (Debian, Ubuntu; as root).
	apt-get update -qq && apt-get install -y -qq chromium

lint: $(VENV)/.installed ## Format, types, imports, workflow style.
	@ruff format --check src tests tools benchmarks
	@ruff check src tests tools benchmarks
	@mypy
	@lint-imports --no-cache
	@snakefmt --check Snakefile workflow
	@wattbench study schema --check $(SCHEMA)
	@wattbench docs outputs --check

test: $(VENV)/.installed lint ## All tests; fetches the small models they use.
	@$(BIN)/wattbench fetch --study $(DEMO)
	@pytest

test-slurm: $(VENV)/.installed ## Tests on a real Slurm, booted here (Debian, as root).
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  $(BIN)/python -m tests.slurm.cluster install; fi
	@$(BIN)/wattbench fetch --study $(DEMO)
	@pytest tests/slurm -rs -n 3 --dist worksteal

test-transformers: ## Tests of the backend `transformers` with small models on the processor.
	@test -x $(VENV_TRANSFORMERS)/bin/python || $(PYTHON) -m venv $(VENV_TRANSFORMERS)
	@$(VENV_TRANSFORMERS)/bin/python -m pip install --quiet --editable '.[dev,transformers]'
	@$(VENV_TRANSFORMERS)/bin/wattbench fetch smollm2-135m-instruct-q4_1
	@$(VENV_TRANSFORMERS)/bin/python -m pytest -m transformers tests/unit/inference -rs

format: $(VENV)/.installed ## Format code, Snakefiles and generated files.
	@ruff format src tests tools benchmarks
	@ruff check --fix --quiet src tests tools benchmarks
	@snakefmt --quiet Snakefile workflow
	@wattbench study schema --write $(SCHEMA)
	@wattbench docs outputs --write

clean: ## Remove the demo's results; the fetched models and .venv stay.
	@rm -rf results/demo .snakemake

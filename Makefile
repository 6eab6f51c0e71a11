# `make demo` and `make test` are all that a newcomer needs: each makes .venv on first use.

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
DEMO = $(VENV)/.installed-demo

.PHONY: help install engines demo ui psql demo-report demo-env demo-stop test live lint fmt bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

install: $(STAMP) ## make .venv and install everything into it; the other targets do it when needed

engines: $(STAMP) ## install Spark, Trino and, with a Python 3.13, a BigQuery emulator; about 2 GB, and Maven must be there
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input -c constraints.txt -e ".[dev-engines]"
	@$(BIN)/python -m reverse_metadata_tests.engines.trino
	@PYTHON313="$(PYTHON313)" $(BIN)/python -m reverse_metadata_tests.engines.bigquery

demo: $(DEMO) ## push a catalog's descriptions and owners to a small PostgreSQL and show what arrived
	@$(BIN)/python -m reverse_metadata.demo

ui: $(DEMO) ## open Dagster on the demo, with the sensor that pushes every edit of the catalog's files
	@$(BIN)/python -m reverse_metadata.demo ui

psql: $(DEMO) ## open psql on the demo's database
	@$(BIN)/python -m reverse_metadata.demo psql

demo-report: $(DEMO) ## show what the demo's database holds now
	@$(BIN)/python -m reverse_metadata.demo report

demo-env: $(DEMO) ## print the demo's environment for commands of your own: eval "$(make -s demo-env)"
	@$(BIN)/python -m reverse_metadata.demo env

demo-stop: $(DEMO) ## stop the demo's database
	@$(BIN)/python -m reverse_metadata.demo stop

test: $(STAMP) ## run the tests; ARGS="-k merge" runs some
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 $(ARGS)

live: $(STAMP) ## try a connector on an account of yours: make live SYSTEM=snowflake; docs/live.md
	@$(BIN)/python -m reverse_metadata_tests.contract.live "$(SYSTEM)" $(ARGS)

lint: $(STAMP) ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(STAMP) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## measure; JSON=path also writes the figures there
	@JSON="$(JSON)"; $(BIN)/python -m benchmarks $${JSON:+--json "$$JSON"}

clean: ## stop the demo's database and remove .venv, the demo's state and caches
	@if [ -x $(BIN)/python ] && [ -d .demo ]; then $(BIN)/python -m reverse_metadata.demo stop || exit 1; fi
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The demo needs half of what the tests need, and people wait for it.
$(DEMO): EXTRAS = demo
$(STAMP): EXTRAS = demo,dev
$(DEMO) $(STAMP): pyproject.toml constraints.txt
	@[ -x $(BIN)/pip ] || $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo "Python 3.11, 3.12 or 3.13 is needed, and '$(PYTHON)' is none: make PYTHON=python3.12 ..." >&2; exit 1; }
	@[ -x $(BIN)/pip ] || { echo "==> making $(VENV)"; $(PYTHON) -m venv $(VENV); } || { \
	  echo "venv does not work here; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "==> installing more than 100 packages into $(VENV), once; this takes a minute or two"
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input -c constraints.txt -e ".[$(EXTRAS)]"
	@touch $@

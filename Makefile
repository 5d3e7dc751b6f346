# What one does with this tree: `make help` lists it. Everything may be run again.

SHELL := /bin/bash
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Each test of the command line starts a Python, which without its bytecode takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

# Hosts are containers, and only root can boot those.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# Whole files, in the order of tests/conftest.py. Tests on real hosts wait more than they compute;
# with more than three workers, their hosts could need more inotify instances than there are.
SPREAD := --dist loadfile --no-loadscope-reorder
SUITE := -q -n 3 $(SPREAD) --hypothesis-profile=ci

# All of them at once; each says what it found when it has ended, and none stops another.
CHECKS := check-tests check-pyright check-mypy check-imports check-lint

.DEFAULT_GOAL := help
.PHONY: help setup types demo test coverage check $(CHECKS) docs zipapp bench clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing: Debian packages, and a venv in .venv
	@scripts/setup

types: ## Tell type checkers which resource types are in resources/
	@scripts/types

demo: setup ## Converge a real host twice, and fetch the page it then serves
	$(SUDO) scripts/demo

test: setup ## Run every test, on real hosts too; the last line is pytest's summary
	$(SUDO) $(BIN)/pytest $(SUITE) --durations=15 tests

coverage: setup ## Run every test with coverage, which makes Python code a third slower
	$(SUDO) $(BIN)/pytest $(SUITE) --cov=cookbook tests

check: setup types ## All one runs while working: lint, types, import contract, fast tests
	@$(MAKE) --no-print-directory --keep-going --jobs --output-sync=target $(CHECKS)

check-lint:
	ruff check .
	ruff format --check .

check-imports:
	lint-imports

check-mypy:
	mypy

check-pyright:
	scripts/pyright

check-tests:
	pytest -q -n 4 $(SPREAD) --hypothesis-profile=quick tests -m 'not hosts and not browser and not slow'

docs: setup ## Build the site of the documentation: build/site
	@cook resources --pages docs/resources
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

zipapp: setup ## Build dist/cook.pyz: cook and its libraries in one file, for this Python
	@mkdir -p dist
	@shiv --quiet --console-script cook --python '/usr/bin/env python3' --output-file dist/cook.pyz .

bench: setup ## Measure against `ssh host true` and against the peers
	$(SUDO) $(BIN)/python -m bench

clean: ## Take the hosts down; remove .venv and caches (the hosts' base in /var/cache/cook stays)
	@for folder in .kitchen .kitchen/demo; do \
	    if [ -e $$folder/kitchen.json ]; then $(SUDO) $(BIN)/python -m cookbook.kitchen --folder $$folder down || exit; fi; \
	done
	$(SUDO) rm -rf --one-file-system .kitchen
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* *.egg-info build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

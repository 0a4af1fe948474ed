# make demo: the whole distillation on the bundled corpus. make ui: the same in a browser.

PYTHON ?= python3
PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export DAGSTER_HOME := $(CURDIR)/.dagster
export DAGSTER_DISABLE_TELEMETRY := 1
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test faults ui screenshots promote lint clean

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

install: $(INSTALLED) .dagster/dagster.yaml ## Create .venv with the releases of requirements.lock

demo: install ## Run the whole distillation and say how good the models are
	$(BIN)/python -m docre_assets

test: install ## Run all tests
	$(BIN)/python -m pytest

faults: install ## All tests of what breaks, and 20 kills of the demo's distillation (an hour)
	$(BIN)/python -m pytest -m "faults or breaks" --capture=no

promote: install ## Put a version of model_history in use: make promote VERSION=…
	@test -n "$(VERSION)" || { echo "Name the version: make promote VERSION=…"; exit 2; }
	$(BIN)/python -m docre_assets --promote $(VERSION)

ui: install ## Show the asset graph at http://127.0.0.1:3000/asset-groups (PORT=… for another)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/dg dev --host 127.0.0.1 --port $(PORT)

screenshots: install ## Draw docs/lineage.png and docs/ui-*.png anew, of what make demo has made
	$(BIN)/python tests/browser/screenshots.py

lint: install ## Check style, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## Remove .venv, .dagster, caches, and artefacts but for what arrived and models in use
	rm -rf $(VENV) .dagster *.egg-info build dist
	[ ! -d artefacts ] || find artefacts -mindepth 1 -maxdepth 1 \
	  ! -name arrived ! -name production -exec rm -rf {} +
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Python 3.11 or later is needed, but $(PYTHON) is " + sys.version.split()[0] \
	  + "; name another: make PYTHON=python3.12 install")'
	@echo "Installing into $(VENV): some minutes the first time, most of them for torch"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

.dagster/dagster.yaml: instance/dagster.yaml
	@mkdir -p .dagster
	@cp $< $@

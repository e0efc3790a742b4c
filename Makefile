# livewidget: `make` lists what can be done here.
#
# Everything runs in .venv, which is made when it is first needed. PYTHON=path names another
# environment, with livewidget and its extras installed already: nothing is then installed.

PYTHON3 ?= python3
VENV ?= .venv
PORT ?= 8888

ifeq ($(origin PYTHON),command line)
  LAB_READY :=
  DEV_READY :=
else
  PYTHON := $(VENV)/bin/python
  LAB_READY := $(VENV)/.ready-lab
  DEV_READY := $(VENV)/.ready-dev
endif
BIN := $(abspath $(dir $(PYTHON)))
# Programs of the environment come first; Node may be among them.
export PATH := $(BIN):$(PATH)

BUNDLE := src/livewidget/widgets/static/index.js
FRONTEND := $(shell find js/src js/*.* -type f 2>/dev/null)
NODE_READY := js/node_modules/.package-lock.json
# Some tests run a kernel of the other major; its environment is made here when first needed.
PYTEST = LIVEWIDGET_KERNEL6_PYTHON="$$($(PYTHON) scripts/kernel6.py)" $(PYTHON) -m pytest

.PHONY: help demo test unit browser browser-late test-long load soak bench lint format types js build clean
.DEFAULT_GOAL := help

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(LAB_READY) $(BUNDLE)  ## Start JupyterLab on the quickstart (PORT=8888, BROWSER=no)
	@$(PYTHON) scripts/demo.py --port $(PORT) $(if $(filter no,$(BROWSER)),--no-browser)

# Browser tests measure frames: they run by themselves, and last, as what fails quickly fails first.
# The first run may not be told to require a browser: it has none.
# Two at a time: what needs no browser, and what may have company; then what wants it quiet.
test: lint types js $(BUNDLE)  ## Everything: lint, types, TypeScript, unit, integration, browser
	LIVEWIDGET_REQUIRE_BROWSER= $(PYTEST) -m "not long and not browser" -n 2 --dist loadfile
	$(PYTEST) -m "browser and not alone and not long" -n 2 --dist loadfile
	$(PYTEST) -m "alone and not long"

unit: $(DEV_READY) $(BUNDLE)  ## The quick tests: Python only, a minute at most
	$(PYTEST) -m "not long" tests/unit

browser: $(DEV_READY) $(BUNDLE)  ## The tests in a real JupyterLab
	$(PYTEST) -m "browser and not long"

browser-late: $(DEV_READY) $(BUNDLE)  ## The browser tests with every message late: which look too soon?
	LIVEWIDGET_LATE=1 $(PYTEST) -m "browser and not alone and not long" -n 2 --dist loadfile

test-long: $(DEV_READY) $(BUNDLE)  ## Soaks and mass fault runs; writes docs/reports/soak.md
	$(PYTEST) -m long --timeout=7200 --report=docs/reports/soak.md

load: $(DEV_READY)  ## How much the kernel's path carries; writes docs/load.md
	$(PYTHON) -m benchmarks.load

soak: $(DEV_READY) $(BUNDLE)  ## Hours of mixed load with faults (HOURS=4 or MINUTES=15); writes docs/reports/soak/
	$(PYTHON) -m benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES),--hours $(or $(HOURS),4))

bench: $(DEV_READY) $(BUNDLE)  ## Measure the promised speeds; writes docs/reports/benchmarks.md
	$(PYTHON) -m benchmarks

lint: $(DEV_READY)  ## ruff, its formatter, and the floors
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(BIN)/lint-imports

format: $(DEV_READY)  ## Format Python, and fix what ruff can fix
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

types: $(DEV_READY)  ## mypy, strict
	$(PYTHON) -m mypy

js: $(DEV_READY) $(NODE_READY)  ## biome, tsc and vitest
	npm --prefix js run --silent check

build: $(DEV_READY)  ## sdist and wheel into dist/
	$(PYTHON) -m build

clean:  ## Remove all that is made here, .venv too
	rm -rf $(VENV) dist build artifacts js/node_modules src/livewidget/widgets/static
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.ready-lab: pyproject.toml hatch_build.py scripts/environment.py
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo ":: Python 3.11 or later is needed: make $(MAKECMDGOALS) PYTHON3=python3.12"; exit 1; }
	@$(PYTHON3) scripts/environment.py $(VENV) lab,demo
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready-lab
	@$(PYTHON3) scripts/environment.py $(VENV) dev
	@touch $@

$(NODE_READY): js/package-lock.json
	npm --prefix js ci --no-audit --no-fund --loglevel=error
	@touch $@

$(BUNDLE): $(FRONTEND) | $(LAB_READY)
	@echo ":: building the frontend"
	@$(MAKE) --no-print-directory $(NODE_READY)
	npm --prefix js run --silent build

# Each target sets up what it needs in .venv; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
JOBS ?= 2
# On Linux the plain release of torch brings several GB of CUDA; the CPU build is enough for everything here.
TORCH := $(shell sed -n 's/^\(torch==.*\)/\1/p' constraints.txt)$(shell [ "$$(uname -s)" = Linux ] && echo +cpu)
DEMO := demo
UNITS ?= 5000
SEED ?= 1
SECONDS_OF_FUZZING ?= 600
# Machines that keep no bytecode would compile all of rogi again in each of the many commands that tests run.
unexport PYTHONDONTWRITEBYTECODE
BENCHMARKS ?=
FULL ?=

.PHONY: help setup demo test test-fast validators fuzz lint types docs bench bench-grass wheel qgis test-matrix docker clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(INSTALLED)  ## virtual environment with everything the other targets need

$(INSTALLED): pyproject.toml constraints.txt tools/cpu_torchvision.py tools/cpu_torchvision.pth
	@if [ -z "$(PYTHON)" ]; then \
	  echo "rogi needs Python 3.11 or newer with venv and pip; trying to install python3-venv ..." >&2; \
	  as_root=$$([ "$$(id -u)" = 0 ] && echo "" || echo "sudo -n"); \
	  { $$as_root apt-get update -qq && $$as_root apt-get install -y -qq python3 python3-venv; } >/dev/null || \
	    { echo "Install it by hand: sudo apt-get install python3-venv (Python 3.11 or newer), then run make again." >&2; exit 2; }; \
	fi
	@python=$${PYTHON_FOUND:-$(PYTHON)}; [ -n "$$python" ] || python=python3; \
	  echo "Setting up $(VENV) with $$($$python --version) ..."; \
	  [ -x $(BIN)/python ] || $$python -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH) 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --extra-index-url https://download.pytorch.org/whl/cpu $(TORCH)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@cp tools/cpu_torchvision.* "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $@

demo: $(INSTALLED)  ## the main job on generated data, ending in reports
	@./demo.sh $(DEMO) $(UNITS)

test: $(INSTALLED)  ## all tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

test-fast: $(INSTALLED)  ## tests not marked slow
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m 'not slow'

validators: $(INSTALLED)  ## validators of other projects on the formats of a release package
	@[ -x .venv-validators/bin/gpio ] || { $(BIN)/python -m venv .venv-validators && \
	  .venv-validators/bin/python -m pip install --quiet --disable-pip-version-check -r tests/release/validators.txt && \
	  .venv-validators/bin/python -m pip install --quiet --disable-pip-version-check --no-deps cffconvert==2.0.0 gdal-utils==3.13.3.0; }
	@ROGI_VALIDATORS=$(CURDIR)/.venv-validators $(BIN)/python -m pytest -q tests/release/test_validators.py

fuzz: $(INSTALLED)  ## damaged and hostile files, random geometries, kills; fails on any fault
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS_OF_FUZZING) --jobs $(JOBS) --seed $(SEED)

lint: $(INSTALLED)  ## ruff, which module may import which (.importlinter), declared against imported packages (deptry)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@said=$$($(BIN)/lint-imports --no-cache 2>&1) || { echo "$$said"; exit 1; }
	@said=$$($(BIN)/deptry rogi 2>&1) || { echo "$$said"; exit 1; }

types: $(INSTALLED)  ## mypy, strict
	@$(BIN)/mypy

docs: $(INSTALLED)  ## the documentation, warnings as errors, into site/
	@$(BIN)/python -m sphinx -b html -q -W --keep-going -j $(JOBS) -d build/doctrees docs site

bench: $(INSTALLED)  ## benchmarks against peers into docs/benchmarks.md; FULL=1 at full size
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@$(BIN)/python benchmarks/run.py $(if $(FULL),--full) $(BENCHMARKS)

bench-grass: $(INSTALLED)  ## terrain and radiation against GRASS (installed from Debian)
	@command -v grass >/dev/null || { as_root=$$([ "$$(id -u)" = 0 ] && echo "" || echo "sudo"); $$as_root apt-get update -qq && $$as_root apt-get install -y -qq --no-install-recommends grass-core; }
	@[ -n "$(ROGI_REAL_DATA)" ] || { echo "Set ROGI_REAL_DATA to the folder with zhadang/ and oetztal/." >&2; exit 2; }
	@$(BIN)/python benchmarks/grass.py $(ROGI_REAL_DATA)

wheel: $(INSTALLED)  ## the wheel, into dist/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	@$(BIN)/python -m build --wheel --outdir dist .

qgis:  ## the QGIS plugin as a zip, into dist/
	@python3 tools/qgis_plugin.py dist $(if $(EMAIL),--email $(EMAIL))

test-matrix:  ## the core on Python 3.11 to 3.14 with the newest, and on 3.11 with the lowest dependencies
	@PYTHON="$(PYTHON)" tools/test_matrix.sh .venv-matrix

docker:  ## the image of Dockerfile, tried once
	@docker build --quiet -t rogi . && docker run --rm rogi doctor

clean:  ## remove everything made here
	rm -rf $(VENV) .venv-validators .venv-matrix $(DEMO) fuzz-failures site dist build docs/{api,extra,images,rules,schemas,tutorials/files} docs/{changelog,contributing,parameters}.md .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

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
BENCHMARKS ?= validate terrain zonal attributes compare release

.PHONY: help setup demo test test-fast lint types docs bench bench-grass wheel clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(INSTALLED)  ## virtual environment with everything the other targets need

$(INSTALLED): pyproject.toml constraints.txt
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
	@touch $@

# Findings are what the demo is about, so exit code 1 of validate and compare is no failure; 2 is.
ROGI := $(BIN)/rogi
FOUND := ; [ $$? -le 1 ]

demo: $(INSTALLED)  ## the main job on a generated inventory, ending in a report
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@echo "== 1. An inventory of $(UNITS) units with planted faults"
	@$(ROGI) synthetic inventory --count $(UNITS) --seed 1 --defects all -o $(DEMO)/inventory.gpkg
	@echo "== 2. Does it follow the rules?"
	@$(ROGI) validate $(DEMO)/inventory.gpkg --no-config --limit 1 --output $(DEMO)/report.html --output $(DEMO)/report.sarif \
	  --output $(DEMO)/findings.gpkg > $(DEMO)/report.txt $(FOUND)
	@tail -n 2 $(DEMO)/report.txt
	@echo "== 3. Mend what is safe to mend, and compare with what it was"
	@$(ROGI) validate $(DEMO)/inventory.gpkg --no-config --fix safe -o $(DEMO)/mended.gpkg > /dev/null $(FOUND)
	@$(ROGI) compare $(DEMO)/inventory.gpkg $(DEMO)/mended.gpkg --output $(DEMO)/comparison.html > $(DEMO)/comparison.txt $(FOUND)
	@echo "== 4. Attributes of 200 units from synthetic terrain and climate"
	@$(ROGI) synthetic inventory --count 200 --seed 2 --region "Eastern Pamir" -o $(DEMO)/pamir.gpkg
	@$(ROGI) synthetic terrain --like $(DEMO)/pamir.gpkg --arc-seconds 9 -o $(DEMO)/dem
	@$(ROGI) synthetic climate --like $(DEMO)/pamir.gpkg -o $(DEMO)/climate.nc
	@$(ROGI) attributes $(DEMO)/pamir.gpkg --dem $(DEMO)/dem --maat $(DEMO)/climate.nc --maat-variable t2m \
	  --ap $(DEMO)/climate.nc --ap-variable tp -o $(DEMO)/attributes.gpkg
	@echo "== 5. Numbers and figures, and a sample for two reviewers"
	@$(ROGI) stats $(DEMO)/inventory.gpkg --figures $(DEMO)/figures --output $(DEMO)/stats.md
	@$(ROGI) review sample $(DEMO)/inventory.gpkg --fraction 0.05 --stratify subregion -o $(DEMO)/review > /dev/null
	@echo "== 6. Release 1.0, an edited 1.1, their differences, and 1.0 published on a local Zenodo"
	@$(ROGI) synthetic versions --count 300 -o $(DEMO)/trial
	@cd $(DEMO)/trial && export GIT_CEILING_DIRECTORIES=$(CURDIR)/$(DEMO) && rogi=$(CURDIR)/$(ROGI) && \
	  $$rogi release build 1.0 -i 1.0.gpkg -o dist > build-1.0.txt && \
	  $$rogi release build 1.1 -i 1.1.gpkg --previous dist/Synthetic_v1.0.zip -o dist > build-1.1.txt && \
	  { $$rogi release diff dist/Synthetic_v1.0.zip dist/Synthetic_v1.1.zip -o ../changes.html > changes.txt; [ $$? -le 1 ]; } && \
	  { $(CURDIR)/$(BIN)/python $(CURDIR)/tests/release/invenio_server.py --address-file server.txt & server=$$!; } && \
	  trap "kill $$server" EXIT && until [ -s server.txt ]; do sleep 0.1; done && \
	  export ZENODO_SANDBOX_TOKEN=token-of-the-maintainer && \
	  $$rogi release publish dist/Synthetic_v1.0 --server "$$(cat server.txt)" --quiet && \
	  $$rogi release publish dist/Synthetic_v1.0 --server "$$(cat server.txt)" --quiet --publish --yes && \
	  $$rogi release check dist/Synthetic_v1.1.zip | tail -n 1
	@echo "Open in a browser:"
	@echo "  $(CURDIR)/$(DEMO)/changes.html"
	@echo "  $(CURDIR)/$(DEMO)/report.html"
	@echo "  $(CURDIR)/$(DEMO)/comparison.html"

test: $(INSTALLED)  ## all tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

test-fast: $(INSTALLED)  ## tests not marked slow
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m 'not slow'

lint: $(INSTALLED)  ## ruff: rules and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(INSTALLED)  ## mypy, strict
	@$(BIN)/mypy

docs: $(INSTALLED)  ## the documentation, warnings as errors, into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(INSTALLED)  ## benchmarks against peers; prints ratios
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

bench-grass: $(INSTALLED)  ## terrain and radiation against GRASS (installed from Debian)
	@command -v grass >/dev/null || { as_root=$$([ "$$(id -u)" = 0 ] && echo "" || echo "sudo"); $$as_root apt-get update -qq && $$as_root apt-get install -y -qq --no-install-recommends grass-core; }
	@[ -n "$(ROGI_REAL_DATA)" ] || { echo "Set ROGI_REAL_DATA to the folder with zhadang/ and oetztal/." >&2; exit 2; }
	@$(BIN)/python benchmarks/grass.py $(ROGI_REAL_DATA)

wheel: $(INSTALLED)  ## the wheel, into dist/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	@$(BIN)/python -m build --wheel --outdir dist .

clean:  ## remove everything made here
	rm -rf $(VENV) $(DEMO) site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# `make demo` and `make test` need Python (>= 3.10), make and git; everything else they install themselves.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp
NODE_STAMP := labextension/node_modules/.stamp
BUNDLE := jupyter_emr_connect/labextension/package.json
LINK := .venv/share/jupyter/labextensions/jupyter_emr_connect
PLUGIN := $(shell find labextension/src labextension/style -type f) $(wildcard labextension/*.json labextension/*.js)
JLPM := cd labextension && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm
SANDBOX ?= default
LIVY_TESTS := livy_exchanges engines_livy engines_killed isolation two_roles magics cli_run secrets lifecycle
# Most tests wait rather than compute, and start a Python of their own, which shall find its modules compiled.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(3 * (os.cpu_count() or 1))')
# Quick tests compute more than they wait, and each process collects all of them first.
FAST_WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
# One run for all: tests that wait and tests that compute share the cores; those of a file with engines stay together.
PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache

.PHONY: help setup demo lab test test-fast test-full test-lowest tests lint docs fast unit functional coverage frontend engines sandbox soak livy \
  chromium browser bench dist lock lock-engines down clean

help: ## Show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(STAMP) ## Make the development environment in .venv from the locked versions

$(STAMP): requirements/bootstrap.txt requirements/dev.txt pyproject.toml labextension/package.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; set PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements/dev.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## Bring up the sandbox and run a notebook on Spark under a runtime role
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/demo.py

lab: $(STAMP) $(if $(shell command -v node),$(BUNDLE) $(LINK)) ## JupyterLab with the sandbox's clusters (and our plugin, where node is)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/lab.py

test: $(STAMP) ## What CI checks (16 minutes)
	@$(MAKE) --no-print-directory -j2 --output-sync=target lint docs frontend engines $(LINK) chromium
	@$(MAKE) --no-print-directory tests

tests: engines $(BUNDLE) $(LINK) chromium
	$(PYTEST) -m "not full"

test-full: lint docs frontend engines $(BUNDLE) $(LINK) chromium dist test-lowest ## Everything, before a release and when engines or locks change
	$(PYTEST)

test-lowest: $(STAMP) ## Unit and functional tests with the lowest versions on the oldest Python here, and the newest on the newest
	$(BIN)/python tests/run_versions.py lowest
	$(BIN)/python tests/run_versions.py newest

test-fast: $(STAMP) ## Lint, and beside it the quick tests without engines (a minute and a half)
	@$(MAKE) --no-print-directory -j2 --output-sync=target lint fast

fast: $(STAMP) ## Quick unit and functional tests: neither those marked `slow` or `full` nor those of the emulated AWS itself
	HYPOTHESIS_PROFILE=few $(PYTEST) -n $(FAST_WORKERS) -m "not slow and not full" --ignore=tests/functional/sandbox_aws tests/unit tests/functional

lint: $(STAMP) ## Style, types, layers, cycles, sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/check_structure.py
	$(BIN)/python tests/check_sizes.py

docs: $(STAMP) ## The documentation's site, docs/_build/html/index.html; warnings are errors
	$(BIN)/sphinx-build -q -W --keep-going -E -a docs docs/_build/html

unit: $(STAMP) ## Tests without input or output
	$(BIN)/pytest -q tests/unit

functional: $(STAMP) ## Tests through the user's interfaces, without engines
	$(PYTEST) tests/functional

coverage: $(STAMP) ## How much of the package the unit and functional tests run
	$(BIN)/pytest -q -n $(WORKERS) tests/unit tests/functional --cov --cov-report=term:skip-covered

frontend: $(BUNDLE) ## JupyterLab's plugin: style, types (the bundle's), tests
	$(JLPM) lint
	$(JLPM) test

$(NODE_STAMP): $(STAMP) requirements/frontend.txt labextension/package.json labextension/yarn.lock
	@node --version 2>/dev/null | grep -qE '^v2[0-9]' || \
	  $(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements/frontend.txt
	$(JLPM) install --immutable
	@touch $@

$(BUNDLE): $(NODE_STAMP) $(PLUGIN)
	$(JLPM) build:prod
	@touch $@

$(LINK): $(STAMP) | $(BUNDLE)
	@mkdir -p $(dir $@)
	@ln -sfn "$(CURDIR)/jupyter_emr_connect/labextension" $@

engines: $(STAMP) ## Install the sandbox's engines, those too that only tests use
	@$(BIN)/python -c "from jupyter_emr_connect.sandbox.engines import install, layout; \
	  install.ensure_installed(lambda *words: print(*words), gateways=layout.GATEWAYS)"

sandbox: engines ## Tests on the real engines
	$(PYTEST) -m "not full" tests/sandbox

soak: $(STAMP) ## The tests of faults and of many kernels in full length; their figures come last (20 minutes)
	$(BIN)/pytest tests/sandbox tests/functional -m faults -n 3 --soak --timeout 3600

livy: $(STAMP) ## The tests of Livy's sessions on a full Apache Livy 0.8.0 (LIVY_HOME=DIR)
	@test -d "$(LIVY_HOME)/jars" || { echo "Give LIVY_HOME, an unpacked apache-livy-0.8.0-incubating_2.12-bin."; exit 1; }
	$(BIN)/pytest --livy-home "$(LIVY_HOME)" $(LIVY_TESTS:%=tests/sandbox/test_%.py)

chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	  apt-get install -y -qq --no-install-recommends chromium; } || \
	  { echo "The browser tests need chromium: sudo apt-get install chromium"; exit 1; }

browser: engines $(BUNDLE) $(LINK) chromium ## Tests in a real browser (Debian's chromium; installed when run as root)
	$(PYTEST) tests/browser

bench: $(STAMP) .venv-bench/.stamp $(BUNDLE) $(LINK) chromium ## Measure against the peers; prints ratios (45 minutes)
	$(BIN)/python benchmarks/extension_start.py
	$(BIN)/python benchmarks/panel.py
	$(BIN)/python benchmarks/catalogue.py --peer-python .venv-bench/bin/python
	$(BIN)/python benchmarks/backups.py --peer-python .venv-bench/bin/python
	$(BIN)/jupyter-emr sandbox up --name bench
	eval "$$($(BIN)/jupyter-emr sandbox env --name bench)" && EMR_CONNECT_COMPUTE=open $(BIN)/python \
	  benchmarks/roundtrip.py --gateway-url "$$($(BIN)/jupyter-emr sandbox status --name bench --json | $(BIN)/python -c \
	  'import json, sys; print(next(one["gateway_url"] for one in json.load(sys.stdin)["computes"] if one["name"] == "open"))')" && \
	  $(BIN)/python benchmarks/livy.py --livy-url "$$($(BIN)/jupyter-emr sandbox status --name bench --json | $(BIN)/python -c \
	  'import json, sys; print(next(one["livy_url"] for one in json.load(sys.stdin)["computes"] if one["name"] == "open"))')"; \
	  code=$$?; $(BIN)/jupyter-emr sandbox down --name bench; exit $$code

.venv-bench/.stamp: $(STAMP) requirements/bench.txt
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	$(BIN)/uv pip sync -q --python .venv-bench/bin/python --require-hashes requirements/bench.txt
	@touch $@

dist: $(STAMP) .venv-release/.stamp ## Build the wheel and the sdist with the plugin, and check both (asks the package index)
	rm -rf dist jupyter_emr_connect/labextension
	$(MAKE) $(BUNDLE)
	$(BIN)/python -m hatchling build -d dist
	.venv-release/bin/twine check --strict dist/*
	.venv-release/bin/check-wheel-contents dist
	$(BIN)/python tests/install_dist.py

.venv-release/.stamp: $(STAMP) requirements/release.txt
	test -x .venv-release/bin/python || $(PYTHON) -m venv .venv-release
	$(BIN)/uv pip sync -q --python .venv-release/bin/python --require-hashes requirements/release.txt
	@touch $@

lock: ## Renew requirements/*.txt from requirements/*.in
	for name in bootstrap dev bench frontend release; do $(BIN)/uv pip compile -q --universal --python-version 3.10 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header $$( [ $$name = dev ] && echo --extra sandbox --extra magics pyproject.toml ) \
	  requirements/$$name.in -o requirements/$$name.txt --upgrade; done

lock-engines: ## Renew the lists the sandbox's engines are installed from
	for name in build gateway-2.6.0 gateway-3.3.0 java kernels spark; do input=requirements/engines/$$name; \
	  $(BIN)/uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate \
	  --no-header $$( [ -f $$input.overrides ] && echo --overrides $$input.overrides ) $$input.in \
	  -o jupyter_emr_connect/sandbox/engines/locks/$$name.txt --upgrade; done

down: ## Stop the sandbox that demo and lab leave running
	$(BIN)/jupyter-emr sandbox down --name $(SANDBOX)

clean: ## Remove what was built here (the sandbox's engines stay)
	rm -rf .venv .venv-bench .venv-lowest .venv-newest .venv-release .mypy_cache .ruff_cache .pytest_cache dist build .coverage* docs/_build labextension/lib labextension/node_modules \
	  labextension/tsconfig.tsbuildinfo jupyter_emr_connect/labextension

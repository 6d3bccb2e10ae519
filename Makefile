# Every verb a developer needs. `make help` prints the lines that carry two hashes.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
PACKAGES := server packages/client-python cli
SOURCES := server/dakora_server packages/client-python/dakora_client cli/dakora_cli
# Tests wait as much as they compute: two a core. A file stays in one process, and files begin in their order.
SIDE_BY_SIDE := --numprocesses 4 --dist loadfile --no-loadscope-reorder
# What the lock file leaves out: our own packages.
LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
	--no-emit-find-links --no-emit-package dakora --no-emit-package dakora-client --no-emit-package dakora-server

.PHONY: help setup start studio test test-studio soak peers check fix bench openapi permissions migrate lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.installed ## Install everything into .venv (the tools are then in .venv/bin)

.venv/.installed: requirements.lock requirements-uv.lock $(PACKAGES:=/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Dakora needs Python 3.11 or newer (found $$($(PYTHON) -V)). Choose one with: make PYTHON=python3.12 setup"; exit 1; }
	@echo "Setting up .venv (once, about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python could not make a virtual environment. On Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@VIRTUAL_ENV=.venv $(UV) pip sync --quiet --compile-bytecode --require-hashes requirements-uv.lock requirements.lock
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@$(BIN)/python -m compileall -q $(SOURCES)
	@touch $@

# The Studio as the server sends it, built anew when anything of it changed.
STUDIO := server/dakora_server/studio/dist/index.html
studio: $(STUDIO) ## Build the Studio (needs Node 20 or newer)

studio/node_modules/.installed: studio/package-lock.json
	@echo "Setting up the Studio (once, about half a minute) …"
	@npm --prefix studio ci --silent --no-audit --no-fund
	@touch $@

$(STUDIO): studio/node_modules/.installed $(shell find studio/src studio/index.html studio/vite.config.ts -type f)
	@npm --prefix studio run --silent build -- --logLevel warn

start: setup ## Start the platform on this machine: http://localhost:54321
	@if node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null; then $(MAKE) -s studio; \
	else echo "Node 20 or newer is not installed: starting without the Studio. (Debian: apt-get install nodejs npm)"; fi
	@exec $(BIN)/dakora dev --prompts prompts

test: check peers test-studio ## Pass every check and every test
	$(BIN)/pytest -m "not alone" $(SIDE_BY_SIDE)
	$(BIN)/pytest -m alone

test-studio: setup peers studio ## Check the Studio, and use it in a real browser
	npm --prefix studio run --silent check
	npm --prefix studio run --silent test
	npm --prefix studio run --silent e2e

# Half an hour or so. DAKORA_CRASH_SEED begins with the same random numbers again.
soak: setup ## Kill the server and its PostgreSQL hundreds of times at work, and look for what is lost
	DAKORA_CRASH_KILLS=500 DAKORA_CRASH_STOPS=100 DAKORA_CRASH_BOTH=50 $(BIN)/pytest -s server/tests/crashes

peers: ## Install what the tests talk to (nginx, Redis, PgBouncer, Node, Chromium), or say what is missing
	@sh tools/peers.sh

check: setup ## Lint, types, floors, and our own small checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_rules.py

fix: setup ## Let the tools repair what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure against a bare app in one run (results: docs/benchmarks.md)
	$(BIN)/python -m bench

openapi: setup studio/node_modules/.installed ## Write openapi.json from the server, and the Studio's types from that
	$(BIN)/python -m dakora_server openapi > openapi.json
	npm --prefix studio run --silent types

permissions: setup ## Write docs/permissions.md from the table in the server
	$(BIN)/python -c 'from dakora_server.permissions import as_markdown; print(as_markdown(), end="")' > docs/permissions.md

migrate: setup ## Bring the database at DATABASE_URL to the newest schema
	$(BIN)/python -m dakora_server migrate

lock: setup ## Renew the lock files with the newest versions
	$(UV) pip compile $(LOCK_FLAGS) --upgrade --group dev pyproject.toml -o requirements.lock --quiet
	echo uv | $(UV) pip compile $(LOCK_FLAGS) --upgrade - -o requirements-uv.lock --quiet
	echo hatchling | $(UV) pip compile $(LOCK_FLAGS) --extra azure --constraint requirements.lock server/pyproject.toml - \
		-o docker/requirements-server.lock --quiet

clean: ## Remove what setup and the tests made (your data in .dakora stays)
	rm -rf studio/node_modules server/dakora_server/studio/dist server/tests/peers/node_modules server/tests/peers/.small_model .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

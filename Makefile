# Everything a newcomer needs: `make run` and open http://localhost:8000. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin

# What `check --deploy` and the hashed files are proved with: no secret of anybody's.
PRODUCTION := DEBUG=0 SECRET_KEY=lint-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH \
	LINK_KEY=lint-only-9876543210-zyxwvutsrqponmlkjihgfedcba-HGFEDCBA \
	ALLOWED_HOSTS=meet.example.org PUBLIC_URL=https://meet.example.org EMAIL_URL=smtp+tls://mail.example.org:587

# Stories that want namespaces (root) and a quiet machine, and are not in CI: make test-networks.
NETWORK_STORIES := tests/e2e/test_networks.py tests/e2e/test_loss.py
STORIES := tests/e2e $(addprefix --ignore=,$(NETWORK_STORIES)) --capture=no

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: requirements/base.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

node_modules/.package-lock.json: package-lock.json
	npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: setup
setup: $(VENV)/.base node_modules/.package-lock.json

.PHONY: setup-dev
setup-dev: $(VENV)/.dev node_modules/.package-lock.json

.PHONY: run
run: setup ## Serve Anteroom with the demo world (PORT=8000, HTTPS=1 for a phone on the same network)
	@export DEBUG=1 PORT=$(PORT); \
	$(BIN)/python manage.py migrate --verbosity 0; \
	$(BIN)/python manage.py createcachetable; \
	$(BIN)/python manage.py demo; \
	exec $(BIN)/python manage.py serve

.PHONY: test
test: setup-dev ## Run the tests: Python, JavaScript, browser stories (DATABASE_URL=, REDIS_URL= for the grown-up set)
	@bash tests/ensure-browsers.sh
	@bash tests/ensure-coturn.sh
	@bash tests/ensure-gettext.sh
	npm test --silent
	$(BIN)/python -m pytest --ignore=tests/e2e -n 2 -q -m "not long" $(ARGS)
	$(BIN)/python -m pytest $(STORIES) -q -m "not long" $(ARGS)

.PHONY: test-networks
test-networks: setup-dev ## Run the stories over bad and closed networks (namespaces: root); they want a quiet machine
	$(BIN)/python -m pytest $(NETWORK_STORIES) -q --capture=no $(ARGS)

.PHONY: test-long
test-long: setup-dev ## Run what takes long: crashes, weak links, a thousand joins, most of the browser stories
	@bash tests/ensure-browsers.sh
	$(BIN)/python -m pytest --ignore=tests/e2e -q -m long $(ARGS)
	$(BIN)/python -m pytest $(STORIES) -q -m long $(ARGS)

.PHONY: lint
lint: setup-dev ## Style, types, templates, floors, migrations, production settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/lint-imports
	DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

.PHONY: check
check: lint test ## lint, then test

.PHONY: bench
bench: setup-dev ## Measure the relay, beside Janus when Debian's janus is installed (ARGS="--calls 8 --runs 5")
	$(BIN)/python -m bench $(ARGS)

.PHONY: loss
loss: setup-dev ## What people miss in calls over bad networks (ARGS="--seconds 20 --seed 1"); the table is in docs/loss.md
	$(BIN)/python -m bench.loss $(ARGS)

.PHONY: fuzz
fuzz: setup-dev ## Feed damaged input to all that reads strangers' bytes (ARGS="--seconds 600 --packets 1000000")
	$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: lock
lock: ## Renew the locked requirements after a change of requirements/*.in
	@$(PYTHON) -m venv var/lock && var/lock/bin/pip install --quiet pip-tools
	var/lock/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links -o requirements/base.txt requirements/base.in
	var/lock/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links -o requirements/dev.txt requirements/dev.in

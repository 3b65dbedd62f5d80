# `make up` on a machine with Python 3.11+ and make: everything else is installed into .venv.
.DEFAULT_GOAL := help
.PHONY: help up demo down status logs clean test test-system test-workers test-strikes test-midnights test-ray test-elsewhere test-images test-deploy test-figures image check audit format docs secrets lock install install-dev install-ray

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.9
# The first Python on the path that is new enough; `make up PYTHON=/path/to/python` overrides it.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
STACK := $(BIN)/python -m evergreen_workshop.stack
# How tests run: module by module, as many at once as there are cores, the longest first.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

help: ## Show the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: install ## Start everything, load the demo data, train the first champions (CLOCK=1: by a clock that `chaos` moves)
	@$(STACK) up

demo: install ## Show the loop closing on the running stack: cause, retraining, gate, swap (STORY=drift for another)
	@$(BIN)/python -m evergreen_workshop.demonstration $(STORY)

down: ## Stop everything; the data stays
	@if [ -x $(BIN)/python ]; then $(STACK) down; else echo "Nothing runs: there is no $(VENV)."; fi

status: install ## Show what runs, where, and whether it is well
	@$(STACK) status

logs: install ## Show the logs' ends (SERVICE=scheduler for one, FOLLOW=1 to go on)
	@$(STACK) logs $(SERVICE) $(if $(FOLLOW),--follow)

clean: ## Stop everything and delete the data
	@if [ -x $(BIN)/python ]; then $(STACK) clean; else rm -rf .evergreen; fi

test: install-dev ## Run the tests, in a state of their own (ARGS="-k gate" for some)
	@$(BIN)/python -m pytest -m "not (system or elsewhere or figures or images or workers or strikes or midnights or ray)" $(SIDE_BY_SIDE) $(ARGS)

test-system: install-dev ## Run the tests that need a browser, Prometheus, pgbouncer, nginx (apt brings them), or the network
	@sh tests/system_tools.sh $(BIN) chromium prometheus alertmanager pgbouncer nginx
	@$(BIN)/python -m pytest -m "(system or elsewhere) and not (workers or strikes)" $(SIDE_BY_SIDE) $(ARGS)

test-workers: install-dev ## Train all use cases by two of Celery's workers, and kill one (apt brings Redis, PgBouncer, ip)
	@sh tests/system_tools.sh $(BIN) pgbouncer redis-server ip iptables
	@$(BIN)/python -m pytest -m workers tests/workers $(ARGS)

test-strikes: install-dev ## Kill and stop Celery's workers by what `evergreen chaos` does, twice (STRIKES=16: every cell)
	@sh tests/system_tools.sh $(BIN) pgbouncer redis-server ip iptables
	@$(BIN)/python -m pytest -m strikes tests/workers $(ARGS)

test-midnights: install-dev ## Let four midnights pass over a stack of its own, by a clock that leaps (cc; NIGHTS=1 for one)
	@$(BIN)/python -m pytest -m midnights tests/midnights $(ARGS)

test-ray: install-ray ## Spread fits over two nodes of Ray, and kill one; over two hosts (the extra `ray`; apt brings ip)
	@sh tests/system_tools.sh $(BIN) ip
	@$(BIN)/python -m pytest -m ray tests/on_ray $(ARGS)

test-elsewhere: install-dev ## Of these, run those that install the wheel, or a model's packages, outside the checkout
	@$(BIN)/python -m pytest -m elsewhere tests/elsewhere tests/learning $(SIDE_BY_SIDE) $(ARGS)

test-images: install-dev ## Build both images without Docker, and run in them (root on Debian; apt brings buildah)
	@sh tests/image_tools.sh
	@sh deploy/images/base.sh
	@BASE_IMAGE=localhost/evergreen-base:0 BUILDAH_ISOLATION=chroot sh deploy/images/build.sh
	@BUILDAH_ISOLATION=chroot $(BIN)/python -m pytest -m images tests/deploy -s $(ARGS)

# Side by side, nothing is installed under what runs.
ifneq ($(filter test-ray test-deploy,$(MAKECMDGOALS)),)
test-elsewhere test-images test-workers: | $(VENV)/.installed-ray
endif

test-deploy: test-workers test-images test-ray ## Run all that more than one machine rests on (make --jobs 2 test-deploy)

test-figures: install-dev ## Try every benchmark, small: what it tells then means little
	@$(BIN)/python -m pytest -m figures tests/figures tests/end_to_end $(SIDE_BY_SIDE) $(ARGS)

image: ## Build both images (BASE_IMAGE=… for another base), with buildah or Docker
	@sh deploy/images/build.sh

check: install-dev ## Lint, format, types and import layers
	$(BIN)/ruff check --no-cache
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: install ## Ask PyPI for known vulnerabilities of what the locks name (pip-audit; not to be told is a failure)
	@$(BIN)/python -m evergreen_workshop.audit

format: install-dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: install-dev ## Renew the reference pages and build docs/ as a site
	@$(BIN)/python -m evergreen_workshop.reference
	@$(BIN)/mkdocs build --quiet
	@echo "docs: .evergreen/site/index.html"

secrets: install ## Print new secrets for docker-compose: make secrets >> .env
	@$(BIN)/python -m evergreen_workshop.stack.container secrets

lock: $(UV) ## Renew the requirements*.txt from their .in files
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-annotate --python-version 3.11 \
		--custom-compile-command "make lock" requirements.in -o requirements.txt
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-annotate --python-version 3.11 \
		--custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-annotate --python-version 3.11 \
		--custom-compile-command "make lock" requirements-serve.in -o requirements-serve.txt

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev
install-ray: $(VENV)/.installed-ray

$(UV):
	@if [ -z "$(PYTHON)" ]; then echo "error: Evergreen needs Python 3.11 or newer, and found none:" \
		"install it, or name it: make up PYTHON=/path/to/python" >&2; exit 1; fi
	@echo "creating $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) cannot create a virtual environment" \
		"(on Debian: apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.installed: requirements.txt pyproject.toml | $(UV)
	@echo "installing the packages of requirements.txt" >&2
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "installing the packages of requirements-dev.txt" >&2
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.installed-ray: $(VENV)/.installed-dev
	@echo "installing the extra ray of pyproject.toml" >&2
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r pyproject.toml --extra ray
	@touch $@

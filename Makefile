# Everything a fresh machine needs is Python >= 3.11 and make; `make setup` brings the rest.
PYTHON ?= python3
BIN := .venv/bin
# Workers of the test run, of which many wait at any moment; 0 runs the tests in one process.
WORKERS ?= 3
NAME ?=
# RACE=1 runs the bridge's tests with Go's race detector, which needs a C compiler and some minutes for its first build.
RACE ?=

.PHONY: help setup setup-dev run demo test check format bench clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install Python packages into .venv, build the bridge and the console (fast when nothing changed)
	@$(PYTHON) tools/setup.py

setup-dev: ## The same, with what checks and tests of the console need
	@$(PYTHON) tools/setup.py --dev

run: setup ## Serve Prosa on embedded defaults (SQLite, in-process cache)
	@$(BIN)/prosa serve

demo: setup ## Play with the whole product against a simulated WhatsApp: no phone, no key
	@$(BIN)/prosa demo

test: setup-dev ## Run the whole test suite
	@cd bridge && GO=$$($(PYTHON) ../tools/setup.py --go) && CGO_ENABLED=$(if $(RACE),1,0) GOTOOLCHAIN=local GOFLAGS=-buildvcs=false "$$GO" test $(if $(RACE),-race) ./...
	@$(PYTHON) tools/setup.py --web test
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup --ignore tests/console
	@$(BIN)/pytest -n 0 tests/console # a browser, Prosa and its network need the machine to themselves

check: setup-dev ## Lint and type-check everything
	@$(PYTHON) -m tools.check

format: setup-dev ## Format Python, Go and TypeScript sources
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@GO=$$($(PYTHON) tools/setup.py --go) && "$$(dirname "$$GO")/gofmt" -w bridge bench/echobot
	@$(PYTHON) tools/setup.py --web format

bench: setup ## Run the benchmarks (NAME=… for one)
	@$(BIN)/python -m bench $(NAME)

clean: ## Remove what was installed and built (data/ stays)
	rm -rf .venv .tools .cache src/prosa/_bin src/prosa/console/_dist web/node_modules .mypy_cache .ruff_cache .pytest_cache

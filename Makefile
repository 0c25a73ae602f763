# Everything a fresh machine needs is Python >= 3.11 and make; `make setup` brings the rest.
PYTHON ?= python3
BIN := .venv/bin
# Workers of the test run; 0 runs the tests in one process.
WORKERS ?= 2
NAME ?=

.PHONY: help setup run demo test check format bench clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install Python packages into .venv and build the bridge (fast when nothing changed)
	@$(PYTHON) tools/setup.py

run: setup ## Serve Prosa on embedded defaults (SQLite, in-process cache)
	@$(BIN)/prosa serve

demo: setup ## Show the whole product against a simulated WhatsApp: no phone, no key
	@$(BIN)/prosa demo

test: setup ## Run the whole test suite
	@cd bridge && GO=$$($(PYTHON) ../tools/setup.py --go) && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false "$$GO" test ./...
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup

check: setup ## Lint and type-check everything
	@$(PYTHON) -m tools.check

format: setup ## Format Python and Go sources
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@GO=$$($(PYTHON) tools/setup.py --go) && "$$(dirname "$$GO")/gofmt" -w bridge

bench: setup ## Run the benchmarks (NAME=… for one)
	@$(BIN)/python -m bench $(NAME)

clean: ## Remove what was installed and built (data/ stays)
	rm -rf .venv .tools .cache src/prosa/_bin .mypy_cache .ruff_cache .pytest_cache

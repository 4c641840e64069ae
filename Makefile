# Two commands for a newcomer: `make run` (set-up and the main job) and `make test` (set-up and the tests).
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
LOCKS := $(wildcard requirements/*.txt)
# No library of the stack may phone home or look for updates.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1
export TF_CPP_MIN_LOG_LEVEL := 3
export CUDA_VISIBLE_DEVICES ?=

.PHONY: help setup run test lint bench lock clean
help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready  ## create .venv from the locked, hashed versions
$(VENV)/.ready: $(LOCKS) pyproject.toml tools/setup.sh
	tools/setup.sh $(VENV)

run: setup  ## the main job on a simulated home; make run DATA=DIR on real captures
	$(BIN)/edgeprint run $(if $(DATA),--data "$(DATA)")

test: setup  ## all tests
	$(BIN)/python -m pytest

lint: setup  ## style, types, floors of the house
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: setup  ## speed, side by side with what a user would pick instead
	$(BIN)/python -m bench

clean:  ## remove everything that runs made (not .venv)
	rm -rf data reports state models .dvc/cache .dvc/tmp workspaces

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

.PHONY: help setup run test lint bench memory fuzz lock images images-test rollout-test clean
help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready  ## create .venv from the locked, hashed versions
$(VENV)/.ready: $(LOCKS) pyproject.toml tools/setup.sh
	tools/setup.sh $(VENV)

run: setup  ## the main job on a simulated home; make run DATA=DIR on real captures
	$(BIN)/edgeprint run $(if $(DATA),--data "$(DATA)")

test: setup  ## all tests
	$(BIN)/python -m pytest

lint: setup  ## style, types, floors of the house
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: setup  ## speed, side by side with what a user would pick instead; make bench ONLY=decode runs one
	$(BIN)/python -m benchmarks $(ONLY) $(if $(QUICK),--quick)

memory: setup  ## peak memory on a capture of 4 GB, made and removed; make memory MB=200 on a smaller one
	$(BIN)/python -m benchmarks memory $(if $(MB),--mb $(MB))

fuzz: setup  ## look for captures that break the reader; make fuzz MINUTES=60 takes longer than ten
	$(BIN)/python -m fuzz $(MINUTES)

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	$(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS))
lock: setup  ## after a change of dependencies: lock them anew, what is locked stays where it can
	$(COMPILE) --all-extras --no-emit-package torch -o requirements/all.txt
	$(COMPILE) --extra edge -c requirements/all.txt -o requirements/edge.txt
	$(COMPILE) --extra tracking -c requirements/all.txt -o requirements/mlflow.txt

TESTED := $(or $(IMAGE),edgeprint-edge:dev)
images:  ## the agent's container for amd64 and arm64, and records of both; docs/containers.md, ARGS=--help
	@python3 tools/images.py $(ARGS)

images-test: setup images  ## those images in a real Docker engine: they must recognise a device on a wire
	EDGEPRINT_IMAGE=$(TESTED) $(BIN)/python -m pytest tests/docker/test_docker_edge_image.py -rs

rollout-test: setup  ## playbooks on three Pis made of namespaces, with sshd and engines; after make images, as root
	EDGEPRINT_IMAGE=$(TESTED) $(BIN)/python -m pytest tests/docker/test_docker_roll_out.py tests/docker/test_docker_venv.py -rs

clean:  ## remove everything that runs made, signing keys and workspaces too (not .venv)
	rm -rf data reports state models dvc.lock .dvc/cache .dvc/tmp workspaces

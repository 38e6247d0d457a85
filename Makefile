# Every command sets up what it needs: a virtual environment in .venv from the hashed locks, with uv
# when it is on the PATH, else with venv and pip. A second call finds the stamp and starts at once.

.DEFAULT_GOAL := help
.PHONY: help setup keyboard demo test lint bench replay lock clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV ?= $(shell command -v uv)
VENV := .venv
WORKERS ?= 3
BIN := $(VENV)/bin

ifeq ($(UV),)
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check
else
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
endif

help:
	@echo "make demo     a chain on your table: a hub, two stores, virtual devices (Ctrl-C ends and cleans up)"
	@echo "make test     every test"
	@echo "make lint     ruff and mypy, strict"
	@echo "make bench    measurements, one table"
	@echo "make replay   a year of real purchases through real stores and a real hub"
	@echo "make lock     compute the locks again (needs uv)"
	@echo "make clean    remove the virtual environment and everything that was made"

$(BIN)/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; name it: make PYTHON=/path/to/python3.11"; exit 1; }
ifeq ($(UV),)
	"$(PYTHON)" -m venv $(VENV)
else
	$(UV) venv --quiet --allow-existing --python "$(PYTHON)" $(VENV)
endif

# What a store and a hub run on: enough for the demo.
$(VENV)/.run.stamp: requirements-run.lock pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements-run.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

# The same versions, and the tools of tests, lint and replay.
$(VENV)/.all.stamp: requirements.lock pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run.stamp

# pynput's evdev is built from source (a C compiler and kernel headers), so it stands apart.
$(VENV)/.keyboard.stamp: requirements-keyboard.lock | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements-keyboard.lock
	@touch $@

setup: $(VENV)/.all.stamp

keyboard: $(VENV)/.keyboard.stamp

demo: $(VENV)/.run.stamp
	@exec $(BIN)/jifen demo

# A third of the time tests wait for a disk, a browser or a clock, so three keep two processors at work.
# They begin hundreds of programs: where no bytecode may be kept, each would compile the whole house again.
test: $(VENV)/.all.stamp
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.all.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.all.stamp
	$(BIN)/python tests/bench/run.py
	$(BIN)/python tests/bench/weigh_wire.py
	$(BIN)/python tests/bench/weigh_directory.py
	$(BIN)/python tests/bench/carry_backlog.py
	$(BIN)/python tests/bench/play_night.py
	$(BIN)/python tests/bench/race_pouchdb.py

replay: $(VENV)/.all.stamp
	@exec $(BIN)/jifen replay

COMPILE = $(UV) pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" pyproject.toml

lock:
	@test -n "$(UV)" || { echo "make lock needs uv"; exit 1; }
	$(COMPILE) --extra agent --extra hub --extra test --extra lint --extra data -o requirements.lock
	$(COMPILE) --extra agent --extra hub -c requirements.lock -o requirements-run.lock
	$(COMPILE) --extra keyboard -c requirements.lock -o requirements-keyboard.lock

clean:
	rm -rf $(VENV) .replay .rehearsal build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

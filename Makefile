# Two commands: `make run` and `make test`. Each does all of its own set-up.
# `make run ARGS="--simulate"` begins at once with the simulated heart.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DASHBOARD := $(shell find dashboard -path dashboard/node_modules -prune -o \
                -path dashboard/dist -prune -o -type f -print 2>/dev/null)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
ARGS ?=

.PHONY: run test check e2e bench fuzz fix pictures example

run: $(VENV)/.installed  ## start the service and open the dashboard
	$(BIN)/biofeedback run $(ARGS)

test: check  ## everything: style, types, imports, then all tests
	$(BIN)/python -m tests.machine
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(VENV)/.dev  ## style, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

e2e: $(VENV)/.dev  ## only the tests in a real browser
	$(BIN)/python -m tests.machine
	$(BIN)/python -m pytest tests/e2e

bench: $(VENV)/.dev  ## figures, side by side with what one would use instead
	$(BIN)/python -m bench
	$(BIN)/python -m bench.recording
	$(BIN)/python -m bench.faults
	$(BIN)/python -m bench.resonance
	$(BIN)/python -m bench.straps
	$(BIN)/python -m bench.recovery
	$(BIN)/python -m bench.load
	$(BIN)/python -m bench.nodes
	$(BIN)/python -m bench.store
	$(BIN)/python -m bench.batch
	$(BIN)/python -m bench.home
	$(BIN)/python -m bench.chaos
	$(BIN)/python -m bench.capacity

fuzz: $(VENV)/.dev  ## a million random packets through each parser
	BIOFEEDBACK_FUZZ=1000000 $(BIN)/python -m pytest tests/property/test_fuzz.py

fix: $(VENV)/.dev  ## put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pictures: $(VENV)/.dev  ## take the README's picture anew
	PICTURE_BEATS=75 $(BIN)/python -m pytest tests/e2e -k each_look
	cp tests/e2e/output/practice-laptop-light.png docs/images/practice.png

example: $(VENV)/.installed  ## make recordings/examples anew
	$(BIN)/python recordings/examples/make.py

$(VENV)/.installed: pyproject.toml constraints.txt hatch_build.py $(DASHBOARD)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make run PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --group dev
	@touch $@

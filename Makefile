# Everything from a bare machine: Python 3.11 or newer, git and make. Nothing is written outside this folder
# but the ordinary caches of pip, uv and Go.

VENV := .venv
BIN := $(VENV)/bin
CODE := ci_ops tests $(wildcard actions benchmarks tools)

# Looked for only when an environment has to be made; PYTHON=… on the command line wins.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

# A stamp carries the checksum of what it was made from: a changed pyproject.toml asks for a new one,
# a fresh clone or another branch with the same content does not.
SUM := $(shell cat pyproject.toml Makefile | cksum | cut -d ' ' -f 1)
DEMO_READY := $(VENV)/.ready-demo-$(SUM)
TEST_READY := $(VENV)/.ready-test-$(SUM)
BENCH_READY := $(VENV)/.ready-bench-$(SUM)
EDITABLE := --editable '.[cli,github,sms,demo]'

# uv takes seconds where pip takes a minute; pip's index is its index too.
UV := UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null)}}" \
	$(BIN)/uv pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help demo test torture lint types bench parts control-plane locks dist docs format clean

help:  ## what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1 — \2/p' $(MAKEFILE_LIST)

demo: $(DEMO_READY)  ## the whole pipeline on the bundled sample application
	@$(BIN)/ci-ops demo

test: $(TEST_READY) parts  ## every test, with coverage
	@$(BIN)/pytest -n auto --dist worksteal --cov --cov-report=term-missing:skip-covered --cov-fail-under=95 $(ARGS)
	@report=$$($(BIN)/coverage report --include='ci_ops/core/*' --fail-under=100) \
		|| { echo "$$report"; echo "error: ci_ops/core is not covered completely" >&2; exit 1; }

torture: $(TEST_READY)  ## sequences of commands and kills by the thousand, held to a model: hours
	@$(BIN)/python -m tests.torture $(ARGS)

lint: $(TEST_READY)  ## ruff, rules and layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(TEST_READY)  ## mypy, strict
	@$(BIN)/mypy $(CODE)

bench: $(BENCH_READY) parts  ## the measurements, with their peers in the same run
	@$(BIN)/python -m benchmarks $(ARGS)

parts: $(TEST_READY)  ## the real programs that the tests run against, into .parts
	@$(BIN)/python -m tests.support.parts

control-plane: $(TEST_READY)  ## etcd and kube-apiserver from source, for the tests of manifests: minutes, once
	@$(BIN)/python -m tests.support.parts control-plane

locks: $(TEST_READY)  ## the hashed lock files of the actions, from pyproject.toml
	@$(BIN)/python tools/locks.py

dist: $(BIN)/uv  ## wheel and source archive, with the tools that tools/build.txt pins by hash
	@$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist

docs: $(TEST_READY)  ## the reference, the troubleshooting page and the schema, from the code
	@$(BIN)/python -m tools.docs

format: $(TEST_READY)  ## let ruff fix what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## forget the environment, the parts and every cache of this folder
	rm -rf $(VENV) .parts .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*

$(DEMO_READY): | $(BIN)/uv
	@$(UV) $(EDITABLE)
	@rm -f $(VENV)/.ready-*-* && touch $@

$(TEST_READY): | $(BIN)/uv
	@$(UV) $(EDITABLE) --group lint --group test --group service-test
	@rm -f $(VENV)/.ready-*-* && touch $@ $(DEMO_READY)

$(BENCH_READY): $(TEST_READY)
	@$(UV) --group bench
	@touch $@

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found" >&2; \
		echo "hint: install one, or say which: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo "error: $(PYTHON) cannot make an environment" >&2; \
		echo "hint: on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet \
		--require-hashes --only-binary :all: --no-deps --requirement tools/build.txt

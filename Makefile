# Needs Python 3.11 and a package index, nothing else.
#
#   make demo    a program's graph, its prompt-sharing tree, and its results on lmc-tiny
#   make test    the test suite
#   make check   ruff, and mypy --strict
#   make clean   remove what these made
#
# The first of them makes .venv. `make test VENV=dir` uses an environment that you have prepared yourself.

PYTHON ?= $(shell for p in python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
TORCH ?= torch==2.13.0
JOBS ?= 2
MODEL ?= lmc-tiny

ifeq ($(origin VENV),undefined)
VENV := .venv
RUN_DEPS := .venv/.runs
DEV_DEPS := .venv/.develops
endif
BIN := $(VENV)/bin

# what is imported is compiled once, and not by each of the many processes that tests start
unexport PYTHONDONTWRITEBYTECODE
# for the programs that make starts: this folder's lmc and nothing from a hub
export HF_HUB_OFFLINE = 1

.PHONY: demo test check clean

demo: $(RUN_DEPS)
	@echo
	@echo "== what the compiler sees: the calls of examples/essay_judge.py, and what their prompts share"
	$(BIN)/lmc compile examples/essay_judge.py --emit-graph --model $(MODEL)
	@echo
	@echo "== a program with a tool, on the CPU engine and lmc-tiny, the small model that lmc ships"
	$(BIN)/lmc run examples/tool_use.py --model $(MODEL) --backend cpu
	@echo
	@echo "== a batch over a table: what all rows begin with is computed once"
	$(BIN)/python examples/table_batch.py cpu $(MODEL)
	@echo
	@echo "== next (. $(BIN)/activate makes lmc a command of this shell)"
	@echo "  $(BIN)/lmc run examples/essay_judge.py --analyze"
	@echo "  $(BIN)/lmc explain examples/tree_of_thought.py"
	@echo "  $(BIN)/python examples/multi_turn_chat.py"

# with one thread in each worker: two cores do not gain from more, and busy threads of one would slow the other
test: $(DEV_DEPS)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)

check: $(DEV_DEPS)
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf .venv .lmc .pytest_cache .mypy_cache .ruff_cache .hypothesis

# torch first and by itself: a later step that found none would take the newest, whatever it weighs
.venv/.runs: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "lmc needs Python 3.11 or newer; name it with make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(TORCH) setuptools
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e .
	@touch $@

.venv/.develops: .venv/.runs
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

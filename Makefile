# make demo | test | lint | bench | notebooks | lock | clean; each makes the environment first.
# Options: PYTHON=python3.12 (any >= 3.11), ARGS="..." for pytest, DEMO_FOLDER=where (report.html).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO_FOLDER ?= .
ARGS ?=

.PHONY: install demo test lint bench notebooks lock clean

install: $(INSTALLED)

# The stamp makes a second `make install` a no-op until the lock or the project file changes.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is Python " \
	    + sys.version.split()[0] + "; scaling_jax needs 3.11 or newer: make install PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

demo: install
	cd "$(DEMO_FOLDER)" && "$(CURDIR)/$(BIN)/scaling-jax" demo

test: install
	$(BIN)/python -m pytest --durations=15 $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

bench: install
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

notebooks: install
	$(BIN)/python -m pytest tests/notebooks $(ARGS)

# One set of versions for every supported Python and platform; needs uv, installed here only.
lock:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	    --fork-strategy fewest --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .jax_cache .pytest_cache .ruff_cache .hypothesis

# make demo | test | test-tpu | test-gpu | lint | bench | roofline | notebooks | atlas | reproductions
# | lock | clean; each makes the environment first.
# Options: PYTHON=python3.12 (any >= 3.11), ARGS="..." for pytest, DEMO_FOLDER=where (report.html).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO_FOLDER ?= .
TPU := .tpu
GPU := .gpu
ARGS ?=

.PHONY: install demo test test-tpu test-gpu lint bench roofline notebooks atlas reproductions lock \
    clean

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

# Two processes: they halve the time, and the programs that a process compiles stay in its memory.
test: install
	$(BIN)/python -m pytest --numprocesses=2 --durations=15 $(ARGS)

# The compilers for TPU and GPU work without either. They come in folders of their own beside the
# environment: JAX would look for a device wherever they are installed. Compiled programs are for
# devices that are not there, so they cannot be cached.
ELSEWHERE := JAX_PLATFORMS=cpu JAX_ENABLE_COMPILATION_CACHE=false
FOR_TPU := PYTHONPATH=$(TPU) TPU_SKIP_MDS_QUERY=1 ALLOW_MULTIPLE_LIBTPU_LOAD=1 $(ELSEWHERE) $(BIN)/python
FOR_GPU := PYTHONPATH=$(GPU) PATH="$(CURDIR)/$(GPU)/nvidia/cuda_nvcc/bin:$$PATH" $(ELSEWHERE) \
    $(BIN)/python

$(TPU)/.installed $(GPU)/.installed: .%/.installed: requirements-%.lock
	rm -rf .$*
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --target .$* --requirement $<
	@touch $@

test-tpu: install $(TPU)/.installed
	$(FOR_TPU) -m pytest tests/tpu --durations=5 $(ARGS)

test-gpu: install $(GPU)/.installed
	$(FOR_GPU) -m pytest tests/gpu --durations=5 $(ARGS)

roofline: install $(TPU)/.installed
	$(FOR_TPU) benchmarks/tpu_roofline.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

bench: install
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

notebooks: install
	$(BIN)/python -m pytest tests/notebooks $(ARGS)

# Pages made from the registries: docs/atlas.md with its pictures, docs/reproductions.md.
atlas: install
	MPLBACKEND=Agg $(BIN)/python -m scaling_jax.atlas docs

reproductions: install
	$(BIN)/scaling-jax reproduce --all --output docs/reproductions.md

# One set of versions for every supported Python and platform; needs uv, installed here only.
lock:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	    --fork-strategy fewest --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) $(TPU) $(GPU) build dist *.egg-info .jax_cache .pytest_cache .ruff_cache .hypothesis

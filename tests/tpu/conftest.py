"""Compile for TPUs without one: `make test-tpu` brings the compiler (libtpu) these tests need."""

import importlib.util
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("libtpu") is None:
        missing = pytest.mark.skip(reason="the TPU compiler is not here; run make test-tpu")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(missing)


@pytest.fixture(autouse=True)
def tpu_kernel(monkeypatch):
    """Choose the kernel that a process on a TPU host chooses by itself."""
    import jax

    monkeypatch.setenv("SCALING_JAX_KERNEL", "pallas_tpu")
    jax.clear_caches()  # the choice is made when a program is traced

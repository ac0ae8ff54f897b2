"""Compile for GPUs without one: `make test-gpu` brings the CUDA compilers these tests need."""

import importlib.util
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("jax_cuda12_plugin") is None:
        missing = pytest.mark.skip(reason="the CUDA compilers are not here; run make test-gpu")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(missing)

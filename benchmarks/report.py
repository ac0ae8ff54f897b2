"""Shared by the benchmarks: print a table, write JSON beside it, and say on what it ran."""

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

from scaling_jax.files import write_atomically
from scaling_jax.tables import Table

RESULTS = Path(__file__).resolve().parent / "results"
_PACKAGES = ("jax", "jaxlib", "optax", "numpy", "scipy", "chinchilla")


def environment() -> dict[str, Any]:
    """Return the versions and the machine's size; timings mean nothing without them."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "packages": versions,
    }


def publish(name: str, table: Table, measured: Any) -> None:
    """Print the table and write ``results/<name>.json`` with what was measured."""
    print(table)
    RESULTS.mkdir(exist_ok=True)
    document = {"benchmark": name, "environment": environment(), "measured": measured}
    write_atomically(RESULTS / f"{name}.json", json.dumps(document, indent=1) + "\n")

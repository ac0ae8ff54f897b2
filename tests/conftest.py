"""Set the stage before JAX is imported: where data lie, where programs are cached, no network."""

import os
import socket
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
CATALOGUE = ROOT.parent / "shared" / "laws"

# Compiled programs are kept between test processes: most of the suite's time is compilation.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".jax_cache"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests run in as many processes as there are cores; threads of BLAS would spin for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
if SHARED_DATA.is_dir():
    os.environ.setdefault("SCALING_JAX_DATA", str(SHARED_DATA))

# Compilation makes the first example of a property slow; in CI a failure must be repeatable.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Refuse every connection, so that a test which needs the network fails on every machine."""

    def refuse(*arguments, **_):
        raise OSError(f"tests do not use the network (tried {arguments[-1]})")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder that holds the public tables, or skip the test."""
    folder = Path(os.environ.get("SCALING_JAX_DATA", SHARED_DATA))
    if not folder.is_dir():
        pytest.skip(f"the public tables are not here: {folder} (set SCALING_JAX_DATA)")
    return folder


@pytest.fixture(scope="session")
def catalogue_entries() -> dict[str, list[dict[str, Any]]]:
    """Return the entries of the catalogue of published laws by name, or skip the test."""
    if not CATALOGUE.is_dir():
        pytest.skip(f"the catalogue of published laws is not here: {CATALOGUE}")
    yaml = pytest.importorskip("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the compiled one, where there is one
    texts = [path.read_text("utf-8") for path in sorted(CATALOGUE.glob("*.yaml"))]
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in (entry for text in texts for entry in yaml.load(text, loader)):
        found.setdefault(entry["id"], []).append(entry)
    return found

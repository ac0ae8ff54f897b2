"""Keep a test process within the memory maps that Linux allows it.

Every compiled program holds several maps, of which a process may have 65,530 (vm.max_map_count);
beyond, the compiler aborts. Thousands of tests in one process come near it, so that between files
the programs are forgotten once there are many; they come back from the cache on disk.
"""

import gc
from pathlib import Path

import pytest

_MAPS = Path("/proc/self/maps")  # of Linux; elsewhere there is no such limit
_MANY = 30_000


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Forget compiled programs at the end of a file if they hold many maps."""
    if nextitem is not None and nextitem.path != item.path and _maps() > _MANY:
        import jax

        jax.clear_caches()
        gc.collect()


def _maps() -> int:
    try:
        return _MAPS.read_bytes().count(b"\n")
    except OSError:
        return 0

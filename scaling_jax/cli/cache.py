"""The persistent compilation cache: a second run finds the programs that the first compiled.

The command line is a process of its own, so here, and nowhere else in the library, JAX's
configuration is changed.
"""

import os
import sys
import tempfile
from pathlib import Path

VARIABLE = "SCALING_JAX_CACHE"
JAX_VARIABLE = "JAX_COMPILATION_CACHE_DIR"
_OFF = ("off", "0", "no", "false")


def use_compilation_cache(allowed: bool = True) -> Path | None:
    """Make JAX keep compiled programs in a folder; return it, or None where there is no cache.

    ``SCALING_JAX_CACHE`` moves the folder or switches the cache off. A folder that cannot be
    written to does without. Someone who has set JAX's own variable has chosen already.
    """
    import jax

    choice = os.environ.get(VARIABLE, "")
    if not allowed or choice.lower() in _OFF:
        jax.config.update("jax_enable_compilation_cache", False)
        return None
    if os.environ.get(JAX_VARIABLE):
        return Path(os.environ[JAX_VARIABLE])
    folder = Path(choice).expanduser() if choice else user_cache() / "xla"
    if not _writable(folder):
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Many small programs make up a command; each costs more to compile than to read.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def user_cache() -> Path:
    """Return the user's cache folder of this library, where downloaded tables are as well."""
    if sys.platform == "darwin":
        return Path("~/Library/Caches/scaling_jax").expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or Path("~/AppData/Local").expanduser()
        return Path(local) / "scaling_jax" / "Cache"
    base = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    return Path(base).expanduser() / "scaling_jax"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return False

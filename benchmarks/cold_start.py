"""What a user waits for in a new process: importing, and the first and second fit.

    python benchmarks/cold_start.py

Every time is the median of several new processes. The first fit compiles (empty cache folder),
the second finds the programs compiled.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from report import publish

from scaling_jax.tables import Table

REPEATS = 5
COMMAND = Path(sys.executable).with_name("scaling-jax")
FIT = ("fit", "dataset:epoch_chinchilla,keep_outliers=false", "--law", "chinchilla")
IMPORT_TARGET, FIRST_TARGET, SECOND_TARGET = 0.3, 8.0, 4.0


def seconds(command: list[str], **environment: str) -> float:
    """Return the wall time of a command that has to succeed."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)
    return time.perf_counter() - begun


def imports(statement: str) -> float:
    """Return the median wall time of a new interpreter that runs one statement."""
    return median(seconds([sys.executable, "-c", statement]) for _ in range(REPEATS))


def fits() -> tuple[float, float]:
    """Return the median wall times of a first and a second fit of 240 runs."""
    first, second = [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as cache:
            first.append(seconds([str(COMMAND), *FIT], SCALING_JAX_CACHE=cache))
            second.append(seconds([str(COMMAND), *FIT], SCALING_JAX_CACHE=cache))
    return median(first), median(second)


def main() -> None:
    """Measure and publish."""
    jax_alone, ours = imports("import jax"), imports("import jax, scaling_jax")
    first, second = fits()
    measured = {
        "import jax": jax_alone,
        "import scaling_jax beyond jax": ours - jax_alone,
        "scaling-jax --help": median(seconds([str(COMMAND), "--help"]) for _ in range(REPEATS)),
        "first fit of 240 runs": first,
        "second fit of 240 runs": second,
    }
    targets = {
        "import scaling_jax beyond jax": IMPORT_TARGET,
        "first fit of 240 runs": FIRST_TARGET,
        "second fit of 240 runs": SECOND_TARGET,
    }
    rows = tuple((name, round(s, 3), targets.get(name)) for name, s in measured.items())
    table = Table("seconds of wall time in a new process", ("what", "seconds", "at most"), rows)
    publish("cold_start", table, measured)


if __name__ == "__main__":
    main()

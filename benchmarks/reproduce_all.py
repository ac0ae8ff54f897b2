"""How long `scaling-jax reproduce --all` takes, in a new process with nothing compiled before.

    python benchmarks/reproduce_all.py [reproductions.md]

Wall time depends on what else the machine does; CPU time, of all threads together, hardly. The
page that the command writes is kept where a path is given.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import publish

from scaling_jax.tables import Table

COMMAND = Path(sys.executable).with_name("scaling-jax")
TARGET = 900.0  # seconds on two cores
SHOWN = 8  # of the slowest


def timed(arguments: list[str], cache: str) -> tuple[str, dict[str, float]]:
    """Return what a command prints, and the seconds that it took."""
    begun = time.perf_counter()
    done = subprocess.run(
        [str(COMMAND), *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"SCALING_JAX_CACHE": cache},
    )
    wall = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, {"wall": wall, "user": used.ru_utime, "system": used.ru_stime}


def main(page: str | None) -> None:
    """Measure and publish."""
    with tempfile.TemporaryDirectory() as cache:
        printed, seconds = timed(["reproduce", "--all", "--json"], cache)
        if page is not None:  # from the programs that are compiled now
            subprocess.run([str(COMMAND), "reproduce", "--all", "--output", page], check=True)
    outcomes = json.loads(printed)["reproductions"]
    each = {outcome["name"]: outcome["seconds"] for outcome in outcomes}
    slowest = sorted(each, key=each.__getitem__, reverse=True)[:SHOWN]
    measured = {**seconds, "reproductions": len(each), "slowest": {n: each[n] for n in slowest}}
    rows = [(f"all {len(each)}, {name}", round(s, 1), TARGET) for name, s in seconds.items()]
    rows += [(name, round(each[name], 1), None) for name in slowest]
    header = ("what", "seconds", "at most")
    publish("reproduce_all", Table("scaling-jax reproduce --all", header, tuple(rows)), measured)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)

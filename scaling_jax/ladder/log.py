"""The log of a group of runs: JSON lines, one evaluation a line, on disk before anything goes on.

A line is told by its run and step. A resumed group comes past steps that were logged before it was
stopped; those lines are there already and are not written again.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from scaling_jax.errors import LadderError

Line = dict[str, Any]


class RunLog:
    """A file that lines are appended to; half a line from an earlier end is cut off.

    Args:
        path: The file; it is made, with its folder.

    Raises:
        LadderError: The file cannot be read or written, or a line before the last is damaged.
    """

    def __init__(self, path: Path):
        self._path = path
        self._known = {_key(line) for line in read_lines(path)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = _whole_lines(path)
            # Unbuffered: a line that failed must not be tried again when the file is closed.
            self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
            self._file.truncate(whole)
            self._file.seek(whole)
        except OSError as error:
            raise _cannot(path, error) from None

    def append(self, line: Line) -> bool:
        """Write a line unless it is there; return whether it was new.

        Raises:
            LadderError: The disk is full or the file cannot be written; what was there is kept.
        """
        if _key(line) in self._known:
            return False
        end = self._file.tell()
        left = memoryview(json.dumps(line, allow_nan=False).encode() + b"\n")
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):  # if that fails too, the next start cuts it off
                self._file.truncate(end)
                self._file.seek(end)
            raise _cannot(self._path, error) from None
        self._known.add(_key(line))
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_lines(path: Path) -> list[Line]:
    """Return the whole lines of a log; a torn last one is left out.

    Raises:
        LadderError: A line is not a log's.
    """
    try:
        text = path.read_bytes()[: _whole_lines(path)] if path.exists() else b""
    except OSError as error:
        raise LadderError(f"cannot read {path}: {error.strerror or error}") from None
    lines = []
    for number, row in enumerate(text.splitlines(), start=1):
        try:
            line = json.loads(row)
            _key(line)
        except (ValueError, KeyError, TypeError):
            raise LadderError(
                f"{path}, line {number}: not a line of a ladder's log; restore the file, or move "
                "the group's folder away to train it again"
            ) from None
        lines.append(line)
    return lines


def _whole_lines(path: Path) -> int:
    """Return the number of bytes up to the end of the last whole line."""
    return path.read_bytes().rfind(b"\n") + 1 if path.exists() else 0


def _key(line: Line) -> tuple[str, int, bool]:
    return line["run"], line["step"], line["status"] == "running"


def _cannot(path: Path, error: OSError) -> LadderError:
    return LadderError(
        f"cannot write {path}: {error.strerror or error}; what was logged before is kept: mend "
        "that and start the ladder again, it goes on from its last checkpoint"
    )

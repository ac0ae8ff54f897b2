"""Files that a command writes: checked before the work, written when it is done."""

import os
from collections.abc import Iterable
from pathlib import Path

from scaling_jax.cli.exits import CommandError
from scaling_jax.errors import listing


def check_output(
    path: Path | None,
    option: str,
    *,
    endings: Iterable[str] = (),
    inputs: Iterable[str | Path] = (),
) -> None:
    """Refuse an output that could not be written after the work, or that would destroy an input.

    Args:
        path: The file to write; None if there is none.
        option: The option that names it.
        endings: Endings the file may have; any if there are none.
        inputs: Files that the command reads.

    Raises:
        CommandError: Says what is wrong with the path.
    """
    if path is None:
        return
    folder = path.parent
    endings = tuple(endings)
    if endings and path.suffix.lower() not in endings:
        raise CommandError(
            f"{option} {path} must end in {listing(endings).replace(' and ', ' or ')}"
        )
    if path.is_dir():
        raise CommandError(f"{option} {path} is a folder; give the name of a file in it")
    if not folder.is_dir():
        raise CommandError(f"{option} {path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise CommandError(f"{option} {path} is not writable; choose another place")
    for source in inputs:
        if path.exists() and Path(source).exists() and path.samefile(source):
            raise CommandError(f"{option} {path} is the file that is read; choose another name")


def check_distinct(paths: dict[str, Path | None]) -> None:
    """Refuse two outputs of one name; from option to path."""
    seen: dict[Path, str] = {}
    for option, path in paths.items():
        if path is None:
            continue
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise CommandError(f"{other} and {option} are both {path}; give each its own file")

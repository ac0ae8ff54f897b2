"""The files of a data set: from a local folder or fetched once, their SHA-256 always checked.

``SCALING_JAX_DATA`` names a folder with the layout ``<data set>/<path in its repository>``; with
it set, nothing is ever fetched. Without it files are fetched from their pinned addresses into the
user's cache folder, and only when `load` asks for them.
"""

import contextlib
import fnmatch
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from scaling_jax.datasets.registry import Dataset, File
from scaling_jax.errors import DatasetError, MissingDataError
from scaling_jax.progress import counting

FOLDER_VARIABLE = "SCALING_JAX_DATA"
_RETRIES = 2


def fetch(dataset: Dataset, pattern: str) -> list[Path]:
    """Return the local paths of the files of a data set that match a pattern, sorted.

    Raises:
        DatasetError: A file is missing, has other bytes, or cannot be fetched.
    """
    files = [dataset.files[path] for path in sorted(fnmatch.filter(dataset.files, pattern))]
    if folder := os.environ.get(FOLDER_VARIABLE):
        return [_in_folder(Path(folder), dataset.name, file) for file in files]
    return _fetched(dataset.name, files)


def _in_folder(folder: Path, name: str, file: File) -> Path:
    if not folder.is_dir():
        raise DatasetError(
            f"{FOLDER_VARIABLE} names {folder}, which is not a folder; correct it, or unset it "
            "to fetch public tables from their addresses"
        )
    path = folder / name / file.path
    if not path.is_file():
        remedy = "or unset it to fetch the file" if file.address else _transcribed(file)
        raise MissingDataError(
            f"{name} needs {file.path}, which is not at {path}; put it into the folder that "
            f"{FOLDER_VARIABLE} names, {remedy}"
        )
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256:
        raise DatasetError(
            f"{path} is not the pinned file of {name}: its SHA-256 is {found[:12]}... and should "
            f"be {file.sha256[:12]}...; get it again{_from(file)}"
        )
    return path


def _fetched(name: str, files: list[File]) -> list[Path]:
    for file in files:
        if not file.address:
            raise MissingDataError(
                f"{file.path} of {name} has no public address; set {FOLDER_VARIABLE} to a folder "
                f"that holds {name}/{file.path}, {_transcribed(file)}"
            )
    import pooch

    cache = pooch.create(
        path=pooch.os_cache("scaling_jax") / name,
        base_url="",
        registry={file.path: f"sha256:{file.sha256}" for file in files},
        urls={file.path: file.address for file in files},
        retry_if_failed=_RETRIES,
    )
    if all(Path(cache.abspath, file.path).is_file() for file in files):
        return [_from_cache(cache, name, file) for file in files]
    found = []
    with (
        _quiet(pooch.get_logger()),
        counting(f"Fetching {name}", len(files), unit="files") as advance,
    ):
        for file in files:
            found.append(_from_cache(cache, name, file))
            advance(1)
    return found


def _from_cache(cache, name: str, file: File) -> Path:
    try:
        return Path(cache.fetch(file.path))
    except (OSError, ValueError) as error:  # no network, no such address, a full disk; other bytes
        reason = " ".join(str(error).split())[:300]
        kind = MissingDataError if isinstance(error, OSError) else DatasetError
        raise kind(
            f"cannot fetch {file.path} of {name} from {file.address} ({reason}); check the network "
            f"and try again, or set {FOLDER_VARIABLE} to a folder that holds {name}/{file.path}"
        ) from error


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Hold back the line that pooch writes for every file: the progress bar says it."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _from(file: File) -> str:
    return f" from {file.address}" if file.address else ""


def _transcribed(file: File) -> str:
    return f"or transcribe it from {file.transcribed_from}"

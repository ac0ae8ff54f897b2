"""Reading files of known bytes, whose SHA-256 was checked, as text and numbers."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np

Columns = dict[str, Any]


def read_csv(path: Path) -> dict[str, np.ndarray]:
    """Read a CSV file, gzipped if its name says so: header -> text of each row."""
    with _opened(path) as stream:
        header, *rows = csv.reader(stream)
    return dict(zip(header, np.array(rows).T, strict=True))


def numbers(table: dict[str, np.ndarray], *columns: str) -> list[np.ndarray]:
    """Return columns of text as float64; text that is not a number is an error."""
    return [table[column].astype(float) for column in columns]


def _opened(path: Path) -> io.TextIOBase:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(newline="", encoding="utf-8")

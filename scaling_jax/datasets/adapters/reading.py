"""Reading files of known bytes, whose SHA-256 was checked, as text and numbers."""

import csv
import gzip
import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from scaling_jax.errors import DatasetError

Columns = dict[str, Any]


def read_csv(path: Path) -> dict[str, np.ndarray]:
    """Read a CSV file, gzipped if its name says so: header -> text of each row."""
    with _opened(path) as stream:
        header, *rows = csv.reader(stream)
    return dict(zip(header, np.array(rows).T, strict=True))


def numbers(table: dict[str, np.ndarray], *columns: str) -> list[np.ndarray]:
    """Return columns of text as float64; text that is not a number is an error."""
    return [table[column].astype(float) for column in columns]


def numbers_or_nan(table: dict[str, np.ndarray], *columns: str) -> list[np.ndarray]:
    """Return columns of text as float64, NaN where a cell is empty."""
    return [np.where(table[column] == "", "nan", table[column]).astype(float) for column in columns]


def read_parquet(path: Path, *columns: str) -> dict[str, np.ndarray]:
    """Read columns of a Parquet file, as numbers or text.

    Raises:
        DatasetError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise DatasetError(
            f"reading {path.name} needs pyarrow: pip install 'scaling-jax[parquet]'"
        ) from None
    table = pq.read_table(path, columns=list(columns))
    return {name: np.array(table[name].to_pylist()) for name in columns}


def column_name(header: str) -> str:
    """Return a header as a name that conditions of `RunTable.where` can use.

    >>> column_name("ARC-C"), column_name("exact_match,strict-match")
    ('arc_c', 'exact_match_strict_match')
    """
    return re.sub(r"\W+", "_", header).strip("_").lower()


def _opened(path: Path) -> io.TextIOBase:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(newline="", encoding="utf-8")

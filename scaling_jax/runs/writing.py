"""A run table leaves the library: as a CSV or Parquet file, or as a pandas frame."""

from __future__ import annotations

import contextlib
import csv
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaling_jax.errors import RunTableError

if TYPE_CHECKING:
    import pandas as pd

    from scaling_jax.runs.table import RunTable


def to_pandas(runs: RunTable) -> pd.DataFrame:
    """Return the columns as a pandas frame; see `RunTable.to_pandas`."""
    try:
        import pandas as pd
    except ImportError:
        raise RunTableError(
            "to_pandas needs pandas, which is not installed: pip install pandas; to_dict gives "
            "the same columns as arrays"
        ) from None
    return pd.DataFrame(runs.to_dict())


def to_csv(runs: RunTable, path: str | os.PathLike[str]) -> None:
    """Write the columns to a CSV file; see `RunTable.to_csv`."""
    columns = [_cells(values) for values in runs.to_dict().values()]
    with _whole(path) as temporary, open(temporary, "x", encoding="utf-8", newline="") as file:
        # csv quotes a carriage return only where it is part of the line terminator.
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(runs.columns)
        writer.writerows(zip(*columns, strict=True))


def to_parquet(runs: RunTable, path: str | os.PathLike[str]) -> None:
    """Write the columns to a Parquet file; see `RunTable.to_parquet`."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise RunTableError(
            f"writing {path} needs pyarrow: pip install 'scaling-jax[parquet]', or write a .csv"
        ) from None
    with _whole(path) as temporary, open(temporary, "xb") as file:
        # Lists, since pyarrow takes numpy's texts for objects of Python.
        columns = {name: pa.array(values.tolist()) for name, values in runs.to_dict().items()}
        pq.write_table(pa.table(columns), file)


@contextlib.contextmanager
def _whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a file to write, which takes the place of `path` if nothing goes wrong."""
    temporary = None
    try:
        target = Path(path)
        # Beside the target, so that the rename stays within one file system.
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        yield temporary
        os.replace(temporary, target)
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise RunTableError(f"cannot write {path}: {error}") from None
    finally:
        with contextlib.suppress(OSError, ValueError):  # not made, or already renamed
            if temporary is not None:
                temporary.unlink()


def _cells(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "U":
        return values.tolist()
    return [_number(value) for value in values.tolist()]


def _number(value: float) -> str:
    """Return the shortest text that reads back as the same float64."""
    if value.is_integer() and 0.0 < abs(value) < 1e15:
        return str(int(value))
    return repr(value)

"""Long tables from wide ones: a run table has no empty cells, a wide table of scores often does."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns
from scaling_jax.datasets.adapters.selection import rows_where


def melted(columns: Columns, values: Mapping[Any, np.ndarray], *, key: str, value: str) -> Columns:
    """Return one row for each row and value that is there, in the order of the rows.

    Args:
        columns: What is known of each row ``[rows]``, repeated for each of its values.
        values: Value columns ``[rows]`` by their text or number; NaN where a value is missing.
        key: Name of the column that says which value a row holds.
        value: Name of the column of values.
    """
    matrix = np.stack(list(values.values()), axis=1)
    rows, positions = np.nonzero(~np.isnan(matrix))
    return {
        **rows_where(columns, rows),
        key: np.array(list(values))[positions],
        value: matrix[rows, positions],
    }

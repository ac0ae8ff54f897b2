"""Choosing and ordering rows of the columns of a data set."""

import numpy as np

from scaling_jax.datasets.adapters.reading import Columns


def rows_where(table: Columns, keep: np.ndarray) -> Columns:
    """Return the rows of every column that a mask or an order of positions names."""
    return {name: column[keep] for name, column in table.items()}


def stacked(tables: list[Columns]) -> Columns:
    """Put tables of the same columns below each other."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def sorted_by(columns: Columns, *names: str) -> Columns:
    """Sort rows by the first column, then the second, and so on."""
    return rows_where(columns, np.lexsort([columns[name] for name in reversed(names)]))


def flagged(columns: Columns, outlier: np.ndarray, keep_outliers: bool) -> Columns:
    """Add the column ``outlier``, 1 for rows in doubt, or drop those rows."""
    columns = {**columns, "outlier": outlier.astype(float)}
    return columns if keep_outliers else rows_where(columns, ~outlier)


def without_copies(table: Columns) -> Columns:
    """Keep the first of rows that are equal in every column."""
    rows = np.stack(list(table.values()), axis=1)
    _, first = np.unique(rows, axis=0, return_index=True)
    return rows_where(table, np.sort(first))


def lowest_loss(columns: Columns) -> Columns:
    """Keep the lowest loss of each (params, tokens), in the order of the file."""
    by_loss = np.argsort(columns["loss"], kind="stable")
    cells = np.stack([columns["params"], columns["tokens"]], axis=1)[by_loss]
    _, first = np.unique(cells, axis=0, return_index=True)
    return rows_where(columns, np.sort(by_loss[first]))

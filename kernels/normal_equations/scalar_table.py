"""Scalars for a kernel: a few flat arrays, one a dtype, read back in the order they came in."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp


class ScalarTable:
    """Columns ``[n]`` of several dtypes as arrays that a kernel reads one row at a time.

    Booleans travel as 32-bit integers, since scalar memory has words only.

    Attributes:
        arrays: One array ``[n * columns]`` a dtype, rows contiguous.
        widths: Columns in each of the arrays.
    """

    def __init__(self, columns: Sequence[jax.Array]):
        self._dtypes = [column.dtype for column in columns]
        words = [c.astype(jnp.int32) if c.dtype == jnp.bool_ else c for c in columns]
        kinds = list(dict.fromkeys(word.dtype for word in words))
        self._place = [kinds.index(word.dtype) for word in words]
        groups = [[w for w in words if w.dtype == kind] for kind in kinds]
        self.arrays = [jnp.stack(group, axis=-1).reshape(-1) for group in groups]
        self.widths = [len(group) for group in groups]

    def read(self, references: Sequence[Any], row: Any) -> list[Any]:
        """Return the scalars of one row, from references to `arrays`."""
        position = [row * width for width in self.widths]
        scalars = []
        for dtype, kind in zip(self._dtypes, self._place, strict=True):
            value = references[kind][position[kind]]
            scalars.append(value != 0 if dtype == jnp.bool_ else value)
            position[kind] = position[kind] + 1
        return scalars

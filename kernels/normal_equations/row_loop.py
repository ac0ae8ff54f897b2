"""The loop over rows inside a kernel: the sums of one tile of lanes stay in registers."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from scaling_jax.kernels.normal_equations.row_program import RowProgram


def sum_rows(
    program: RowProgram,
    closure: Sequence[Any],
    held: Sequence[Any],
    read_row: Callable[[Any], list[Any]],
    read_weight: Callable[[Any], list[Any]],
    count: Any,
    zero: jax.Array,
    *,
    together: int = 1,
    remainder: bool = False,
) -> list[jax.Array]:
    """Return the sums of all terms over rows 0 to `count`, one tile each.

    Args:
        program: The contribution of one row.
        closure: See `RowProgram.terms`.
        held: The same.
        read_row: Returns the numbers of a row from its index.
        read_weight: Returns the weight of a row in every lane, or nothing.
        count: Number of rows, possibly traced.
        zero: A tile of zeros.
        together: Rows in one turn of the loop; independent work hides the latency of exp and log.
        remainder: Whether `count` may not be a multiple of `together`.
    """

    def turn(rows):
        def add(k, sums):
            for j in range(rows):
                row = k * rows + j
                terms = program.terms(closure, read_row(row), read_weight(row), held)
                sums = [total + term for total, term in zip(sums, terms, strict=True)]
            return sums

        return add

    turns = count // together
    sums = jax.lax.fori_loop(0, turns, turn(together), [zero] * program.size)
    return jax.lax.fori_loop(turns * together, count, turn(1), sums) if remainder else sums

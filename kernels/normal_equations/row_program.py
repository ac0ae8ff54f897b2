"""One row's contribution to a tile of lanes, parted by what has to be computed how often.

A Pallas kernel may not capture arrays, and the scalar core of a TPU has no logarithm. So the
contribution of one row to a tile of lanes is traced once, derivatives included, and its
equations are parted by what they depend on:

    closure  constants and captured values (an output's scale, a random key): once, outside
    row      the row's numbers too (log N, log D, log of the loss): once a row, outside
    lane     the lane's numbers alone (log A): once a tile of lanes, before the loop over rows
    both     the rest: for every row and lane, in the loop

The kernel is handed scalars only, whatever the law closes over, and no lane repeats a
logarithm that belongs to its row.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

from scaling_jax.kernels.normal_equations.flat_program import (
    FlatProgram,
    flat_program,
    is_variable,
    needed,
    read_by,
)

_CLOSURE, _ROW, _LANE, _BOTH = 0, 1, 2, 3  # bits: reads the row, reads the lane


@dataclass(frozen=True)
class RowProgram:
    """What one row adds to the sums of a tile of lanes, for any kernel to loop over.

    Attributes:
        closure: Numbers ``()`` that all rows share.
        row: Numbers ``[n]``, one a row each.
        before: The equations that run once a tile.
        inside: The equations that run for every row.
    """

    closure: list[jax.Array]
    row: list[jax.Array]
    before: FlatProgram
    inside: FlatProgram

    @property
    def size(self) -> int:
        """Number of terms."""
        return len(self.inside.outputs)

    @property
    def dtypes(self) -> set[Any]:
        """Types of the numbers inside a kernel."""
        equations = [*self.before.equations, *self.inside.equations]
        variables: list[Any] = [v for e in equations for v in (*e.outvars, *e.invars)]
        return {v.aval.dtype for v in variables}

    def prepare(self, closure: Sequence[Any], lane: Sequence[Any]) -> list[Any]:
        """Return what `terms` needs of a tile.

        Args:
            closure: The numbers of `closure`, as the kernel read them.
            lane: Leaves of (parameters, lane indices, settings), one tile each.
        """
        return self.before(*closure, *lane)

    def terms(
        self, closure: Sequence[Any], row: Sequence[Any], weight: Sequence[Any], held: Sequence[Any]
    ) -> list[Any]:
        """Return the terms of one row: value, gradient, packed upper triangle of the matrix.

        Args:
            closure: The numbers of `closure`.
            row: The numbers of `row` at this row.
            weight: The row's weight as one tile, if lanes weight rows differently; or nothing.
            held: What `prepare` returned.
        """
        return self.inside(*closure, *row, *weight, *held)


def packed_pairs(p: int) -> list[tuple[int, int]]:
    """Return the entries of a symmetric p x p matrix in the order in which they are packed."""
    return [(i, j) for i in range(p) for j in range(i, p)]


def row_program(
    residual: Callable[..., Any],
    penalty: Callable[..., Any],
    weights: Any,
    rows: jax.Array,
    lane: Any,
    tile: tuple[int, ...],
) -> RowProgram:
    """Trace one row's contribution to a tile of lanes and part it.

    Args:
        residual: See `dispatch.normal_equations`.
        penalty: The same.
        weights: The same.
        rows: ``[n, k]``.
        lane: (parameters, lane indices, settings), leaves ``[l]``; their dtypes are used.
        tile: Shape in which a kernel holds the lanes that it works on at a time.

    Raises:
        NotImplementedError: The residual needs an array of its row or closure, not a scalar.
    """
    leaves, structure = jax.tree.flatten(lane)
    tiles = [jax.ShapeDtypeStruct(tile, leaf.dtype) for leaf in leaves]
    per_row: list[jax.Array] = [jnp.arange(rows.shape[0], dtype=jnp.int32), rows]
    weight: list[jax.ShapeDtypeStruct] = []
    if not callable(weights):
        if weights.ndim == 1:
            per_row.append(weights)
        else:
            weight = [jax.ShapeDtypeStruct(tile, weights.dtype)]

    def contribution(index, row, *rest):
        own = None if callable(weights) else rest[0]
        u, lane_index, settings = jax.tree.unflatten(structure, rest[len(rest) - len(leaves) :])
        w = weights(index, lane_index) if own is None else own
        return [jnp.broadcast_to(t, tile) for t in _terms(residual, penalty, u, row, w, settings)]

    one_row = [jax.ShapeDtypeStruct(a.shape[1:], a.dtype) for a in per_row]
    program, captured = flat_program(contribution, *one_row, *weight, *tiles)
    return _parted(program, captured, per_row, len(weight), tile)


def _terms(residual, penalty, u, row, w, settings) -> Iterator[jax.Array]:
    r, pullback = jax.vjp(lambda *v: residual(v, row), *u)
    jacobian = pullback(jnp.ones_like(r))
    rho, psi, omega = penalty(r, settings)
    yield w * rho
    slope = w * psi
    yield from (slope * d for d in jacobian)
    scaled = [w * omega * d for d in jacobian]
    yield from (scaled[i] * jacobian[j] for i, j in packed_pairs(len(u)))


def _parted(
    program: FlatProgram,
    captured: dict[core.Var, Any],
    per_row: Sequence[jax.Array],
    weights: int,
    tile: tuple[int, ...],
) -> RowProgram:
    """Part a program whose inputs are a row's numbers, its weight in every lane, a lane's."""
    row_inputs = program.inputs[: len(per_row)]
    weight_inputs = program.inputs[len(per_row) : len(per_row) + weights]
    lane_inputs = program.inputs[len(per_row) + weights :]
    level = dict.fromkeys(captured, _CLOSURE) | dict.fromkeys(row_inputs, _ROW)
    level |= dict.fromkeys(weight_inputs, _BOTH) | dict.fromkeys(lane_inputs, _LANE)
    parts: list[list[core.JaxprEqn]] = [[], [], [], []]
    for equation in program.equations:
        found = _level(equation, level, tile)
        parts[found].append(equation)
        level |= dict.fromkeys(equation.outvars, found)

    def of_level(wanted: int, variables: Sequence[Any]) -> list[core.Var]:
        return list(dict.fromkeys(v for v in variables if is_variable(v) and level[v] == wanted))

    inside = needed(parts[_BOTH], program.outputs)
    read_inside = [*read_by(inside), *program.outputs]
    row, held = of_level(_ROW, read_inside), of_level(_LANE, read_inside)
    before = needed(parts[_LANE], held)
    closure = of_level(_CLOSURE, [*read_inside, *read_by(before)])
    _check_scalars([*closure, *row])
    each = needed(parts[_ROW], row)
    shared = of_level(_CLOSURE, [*closure, *read_by(each)])  # `closure` first
    once = FlatProgram(list(captured), shared, needed(parts[_CLOSURE], shared))
    numbers = once(*captured.values())
    columns = FlatProgram([*shared, *row_inputs], row, each)
    return RowProgram(
        closure=[jnp.asarray(number) for number in numbers[: len(closure)]],
        row=jax.vmap(functools.partial(columns, *numbers))(*per_row) if row else [],
        before=FlatProgram([*closure, *lane_inputs], held, before),
        inside=FlatProgram([*closure, *row, *weight_inputs, *held], program.outputs, inside),
    )


def _level(equation: Any, level: dict[Any, int], tile: tuple[int, ...]) -> int:
    found = _CLOSURE
    for v in filter(is_variable, equation.invars):
        found |= level[v]
    spread = any(v.aval.shape == tile for v in equation.outvars)
    # A number of the row or closure spread over a tile stays a scalar until the loop needs it.
    return _BOTH if spread and not found & _LANE else found


def _check_scalars(variables: Sequence[Any]) -> None:
    for v in variables:
        if v.aval.shape:
            raise NotImplementedError(
                f"the residual needs an array of shape {v.aval.shape} of its row or closure, but "
                "a kernel is given scalars: index it before it meets the parameters"
            )

"""The kernel for GPUs: one thread a lane, its sums in registers while the rows go by.

Layout: a program has 128 lanes, one a thread of four warps. Rows' numbers are read as scalars,
the same address for all threads. Where lanes alone would leave the device idle, the rows are
split over programs too and their sums are added afterwards. Accumulation in the dtype of `u`,
float32 or float64, in blocks of `BLOCK` rows, which bounds rounding.

Memory: (1 + 2 p + p**2 + s) numbers a lane for p parameters and s settings, all read or written
once; times the number of splits, at most `PROGRAMS` * 128 lanes in all.

Two compilers: Triton (any NVIDIA GPU since Turing, AMD; jax deprecates it from 0.11) and Mosaic
GPU (Hopper and later). docs/kernels.md says what was compiled and what was run.
"""

import importlib.util
from typing import NamedTuple

import jax
import jax.numpy as jnp

from scaling_jax.kernels.normal_equations.lane_tiles import (
    NAME,
    as_tiles,
    from_tiles,
    lane_inputs,
    split,
)
from scaling_jax.kernels.normal_equations.row_loop import sum_rows
from scaling_jax.kernels.normal_equations.row_program import RowProgram, packed_pairs, row_program
from scaling_jax.kernels.normal_equations.scalar_table import ScalarTable

TILE = (128,)
BLOCK = 1024  # rows in a running sum
PROGRAMS = 1024  # enough for every multiprocessor of today's GPUs to hide latency
_NOT_IN_MOSAIC = {"log1p", "expm1", "pow"}  # among what laws use; better said before lowering


def normal_equations(
    residual,
    penalty,
    u,
    rows,
    weights,
    settings,
    *,
    lane_index=None,
    compiler=None,
    interpret=False,
):
    """Return objective, gradient and Gauss-Newton matrix of every lane; see `dispatch`.

    Args:
        residual: See `dispatch`.
        penalty: See `dispatch`.
        u: See `dispatch`.
        rows: See `dispatch`.
        weights: See `dispatch`.
        settings: See `dispatch`.
        lane_index: See `dispatch`.
        compiler: ``"triton"``, the default where this jax has it, or ``"mosaic"``.
        interpret: Run the Triton kernel step by step on any platform.

    Raises:
        NotImplementedError: Neither float32 nor float64, or a residual that does not fit (see
            `row_program`).
    """
    if u.dtype not in (jnp.float32, jnp.float64):
        raise NotImplementedError(f"the GPU kernel computes in float32 or float64, not {u.dtype}")
    lanes = u.shape[1]
    lane = lane_inputs(u, weights, lane_index, settings)
    program = row_program(residual, penalty, weights, rows, lane, TILE)
    tiles = -(-lanes // TILE[0])
    blocks = -(-rows.shape[0] // BLOCK)
    arrays = _Arrays(
        program,
        p=u.shape[0],
        rows=rows.shape[0],
        splits=max(1, min(PROGRAMS // tiles, blocks)),
        closure=ScalarTable(program.closure),
        row=ScalarTable(program.row),
        weights=[] if callable(weights) or weights.ndim == 1 else [as_tiles(weights, TILE)],
        lane=[as_tiles(leaf, TILE) for leaf in jax.tree.leaves(lane)],
    )
    mosaic = compiler == "mosaic" or (compiler is None and not _has_triton())
    sums = _mosaic(arrays) if mosaic else _triton(arrays, interpret)
    value, gradient, matrix = (jnp.sum(part, axis=0) for part in sums)
    return from_tiles(value, 0, lanes), from_tiles(gradient, 1, lanes), from_tiles(matrix, 2, lanes)


def _has_triton() -> bool:
    return importlib.util.find_spec("jax.experimental.pallas.triton") is not None


class _Arrays(NamedTuple):
    """The program and what it runs on; lanes padded to whole tiles.

    Attributes:
        program: The contribution of one row.
        p: Number of parameters.
        rows: Number of rows.
        splits: Programs that share the rows of a tile.
        closure: Numbers that all rows share.
        row: Numbers of the rows.
        weights: Weights ``[n, l]`` where lanes weight rows differently, or nothing.
        lane: Parameters, lane indices and settings ``[l]`` each.
    """

    program: RowProgram
    p: int
    rows: int
    splits: int
    closure: ScalarTable
    row: ScalarTable
    weights: list[jax.Array]
    lane: list[jax.Array]

    @property
    def inputs(self) -> list[jax.Array]:
        return [*self.closure.arrays, *self.row.arrays, *self.weights, *self.lane]

    @property
    def groups(self) -> tuple[int, ...]:
        """Sizes of the groups that a kernel's references come in."""
        inputs = (self.closure.arrays, self.row.arrays, self.weights, self.lane)
        return (*map(len, inputs), 3)

    @property
    def outputs(self) -> list[jax.ShapeDtypeStruct]:
        lane = self.lane[0]
        shapes = ((), (self.p,), (self.p, self.p))
        return [jax.ShapeDtypeStruct((self.splits, *s, *lane.shape), lane.dtype) for s in shapes]


def _triton(arrays: _Arrays, interpret: bool):
    # Imported here: half a second that only those who run on a GPU should pay.
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton

    def whole(array):
        return pl.BlockSpec(array.shape, lambda tile, _: (0,) * array.ndim)

    def lanes(*leading):
        return pl.BlockSpec((*leading, *TILE), lambda tile, _: (*[0] * len(leading), tile))

    def part(output):
        leading = output.shape[1:-1]
        return pl.BlockSpec((None, *leading, *TILE), lambda tile, s: (s, *[0] * len(leading), tile))

    def kernel(*references):
        closure, row, weights, lane, outputs = split(references, *arrays.groups)
        tiles = [reference[...] for reference in lane]
        zero = jnp.zeros(TILE, arrays.lane[0].dtype)

        def weight(k):
            return [reference[k] for reference in weights]

        def write(output, place, value):
            output[place] = value

        sums = _sum_share(arrays, closure, row, weight, tiles, pl.program_id(1), zero)
        _write(arrays.p, sums, outputs, write)

    scalars = [*arrays.closure.arrays, *arrays.row.arrays]
    return pl.pallas_call(
        kernel,
        out_shape=arrays.outputs,
        grid=(arrays.lane[0].shape[0] // TILE[0], arrays.splits),
        in_specs=[
            *[whole(scalar) for scalar in scalars],
            *[lanes(arrays.rows) for _ in arrays.weights],
            *[lanes() for _ in arrays.lane],
        ],
        out_specs=[part(output) for output in arrays.outputs],
        compiler_params=triton.CompilerParams(num_warps=4),
        interpret=interpret,
        name=NAME,
    )(*arrays.inputs)


def _mosaic(arrays: _Arrays):
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import mosaic_gpu as mosaic

    names = {equation.primitive.name for equation in arrays.program.inside.equations}
    if missing := names & _NOT_IN_MOSAIC:
        raise NotImplementedError(
            f"Mosaic GPU has no {', '.join(sorted(missing))}; use the compiler 'triton'"
        )
    layout = mosaic.Layout.WG_STRIDED(TILE, vec_size=1)  # one lane a thread of the warpgroup

    def kernel(*references):
        closure, row, weights, lane, outputs = split(references, *arrays.groups)
        share = jax.lax.axis_index("share")
        lanes = pl.ds(jax.lax.axis_index("tile") * TILE[0], TILE[0])

        def load(reference, *place):
            return mosaic.load(reference, (*place, lanes), layout=layout, optimized=False)

        def weight(k):
            return [load(reference, k) for reference in weights]

        def write(output, place, value):
            output[(share, *place, lanes)] = value

        tiles = [load(reference) for reference in lane]
        zero = mosaic.layout_cast(jnp.zeros(TILE, arrays.lane[0].dtype), layout)
        sums = _sum_share(arrays, closure, row, weight, tiles, share, zero)
        _write(arrays.p, sums, outputs, write)

    return mosaic.kernel(
        kernel,
        out_type=arrays.outputs,
        grid=(arrays.lane[0].shape[0] // TILE[0], arrays.splits),
        grid_names=("tile", "share"),
    )(*arrays.inputs)


def _sum_share(arrays: _Arrays, closure_refs, row_refs, read_weight, lane, share, zero):
    """Return the sums over one program's share of the rows, block by block."""
    program, n = arrays.program, arrays.rows
    closure = arrays.closure.read(closure_refs, 0)
    held = program.prepare(closure, lane)

    def sum_block(first, count):
        def row(k):
            return arrays.row.read(row_refs, first + k)

        def weight(k):
            return read_weight(first + k)

        return sum_rows(program, closure, held, row, weight, count, zero)

    blocks = -(-n // BLOCK)
    if blocks == 1:
        return sum_block(0, n)
    in_share = -(-blocks // arrays.splits)

    def add_block(k, sums):
        first = (share * in_share + k) * BLOCK
        count = jnp.clip(n - first, 0, BLOCK)
        return [total + part for total, part in zip(sums, sum_block(first, count), strict=True)]

    return jax.lax.fori_loop(0, in_share, add_block, [zero] * program.size)


def _write(p, sums, outputs, write):
    """Write value, gradient and both triangles of the matrix."""
    value, gradient, matrix = outputs
    write(value, (), sums[0])
    for k in range(p):
        write(gradient, (k,), sums[1 + k])
    for (i, j), entry in zip(packed_pairs(p), sums[1 + p :], strict=True):
        write(matrix, (i, j), entry)
        if i != j:
            write(matrix, (j, i), entry)

"""The kernel for TPU (Mosaic): a tile of lanes stays in registers while the rows go by.

Layout: lanes as tiles of 8 sublanes x 128 lanes, one vector register a number. The grid runs
over tiles of lanes and, within one, over blocks of rows. The numbers of a block of rows lie in
scalar memory; the sums of a tile live in registers through a block and are added to the output
in VMEM between blocks, which also bounds rounding: a sum has at most `BLOCK` terms in a row.
Accumulation in float32.

Memory: for p parameters and s settings (1 + 2 p + p**2 + s) * 4 KiB of VMEM and `BLOCK` words of
SMEM for each number of a row, all twice for double buffering; weights ``[n, l]`` take another
`BLOCK` * 4 KiB.

The matrix is accumulated as its upper triangle and written in full: assembling ``[p, p, l]``
from a packed array afterwards moves three times the bytes.

docs/tpu.md says what was compiled and what was run.
"""

import contextlib
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from scaling_jax.kernels.normal_equations.cost import row_cost
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

TILE = (8, 128)
BLOCK = 512  # rows in scalar memory at a time
TOGETHER = 4  # rows in one turn of the loop: 38 instead of 66 bundles a row (docs/tpu.md)


def normal_equations(
    residual,
    penalty,
    u,
    rows,
    weights,
    settings,
    *,
    lane_index=None,
    interpret=False,
    together=TOGETHER,
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
        interpret: Run the kernel step by step on any platform and in any precision.
        together: Rows in one turn of the loop.

    Raises:
        NotImplementedError: Not in 32 bits, or a residual that does not fit (see `row_program`).
    """
    if u.dtype != jnp.float32 and not interpret:
        raise NotImplementedError(f"the TPU kernel computes in float32, not {u.dtype}")
    lanes = u.shape[1]
    lane = lane_inputs(u, weights, lane_index, settings)
    program = row_program(residual, penalty, weights, rows, lane, TILE)
    if not interpret:
        _check_precision(program)
    problem = _Problem(
        program,
        rows=rows.shape[0],
        closure=ScalarTable(program.closure),
        row=ScalarTable([_in_blocks(column) for column in program.row]),
        weights=[] if callable(weights) or weights.ndim == 1 else [as_tiles(weights, TILE)],
        u=as_tiles(u, TILE),
        others=[as_tiles(leaf, TILE) for leaf in jax.tree.leaves(lane[1:])],
    )
    # A kernel's loop counters are 32-bit, also where the caller enabled 64-bit numbers.
    with contextlib.nullcontext() if interpret else jax.enable_x64(False):
        value, gradient, matrix = _run(problem, interpret, together)
    return from_tiles(value, 0, lanes), from_tiles(gradient, 1, lanes), from_tiles(matrix, 2, lanes)


def _check_precision(program: RowProgram) -> None:
    """Refuse 64-bit numbers here: the exporter accepts them and the compiler fails later."""
    wide = sorted({str(dtype) for dtype in program.dtypes if dtype.itemsize == 8})
    if wide:
        raise NotImplementedError(
            f"the residual or penalty computes in {', '.join(wide)}; the TPU kernel has 32-bit "
            "numbers only: cast what the residual closes over to float32"
        )


class _Problem(NamedTuple):
    """The program and what it runs on; lanes as tiles ``[..., sublanes, 128]``.

    Attributes:
        program: The contribution of one row.
        rows: Number of rows.
        closure: Numbers that all rows share.
        row: Numbers of the rows, in whole blocks.
        weights: Weights ``[n, ...]`` where lanes weight rows differently, or nothing.
        u: Parameters ``[p, ...]``.
        others: Lane indices and settings.
    """

    program: RowProgram
    rows: int
    closure: ScalarTable
    row: ScalarTable
    weights: list[jax.Array]
    u: jax.Array
    others: list[jax.Array]

    @property
    def block(self) -> int:
        return min(self.rows, BLOCK)

    @property
    def blocks(self) -> int:
        return -(-self.rows // self.block)


def _in_blocks(column: jax.Array) -> jax.Array:
    """Pad a column ``[n]`` to whole blocks, if there is more than one; the loop stops before."""
    n = column.shape[0]
    return jnp.pad(column, (0, -n % min(n, BLOCK)), mode="edge")


def _run(problem: _Problem, interpret: bool, together: int):
    # Imported here: half a second that only those who run on a TPU should pay.
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import tpu as pltpu

    p, *tiles = problem.u.shape

    def lanes(*leading):
        return pl.BlockSpec((*leading, *TILE), lambda t, _: (*[0] * len(leading), t, 0))

    def numbers(array, blocks):
        size = array.shape[0] // blocks
        place = (lambda _, b: (b, 0, 0)) if blocks > 1 else lambda *_: (0, 0, 0)
        return pl.BlockSpec((None, 1, size), place, memory_space=pltpu.SMEM)

    # Blocks of scalar memory want an axis of their own: [blocks, 1, numbers].
    tables = [(array, 1) for array in problem.closure.arrays]
    tables += [(array, problem.blocks) for array in problem.row.arrays]
    weights = pl.BlockSpec((problem.block, *TILE), lambda t, b: (b, t, 0))
    return pl.pallas_call(
        functools.partial(_kernel, problem, together),
        out_shape=[jax.ShapeDtypeStruct((*s, *tiles), problem.u.dtype) for s in ((), (p,), (p, p))],
        grid=(tiles[0] // TILE[0], problem.blocks),
        in_specs=[
            *[numbers(array, blocks) for array, blocks in tables],
            *[weights for _ in problem.weights],
            lanes(p),
            *[lanes() for _ in problem.others],
        ],
        out_specs=[lanes(), lanes(p), lanes(p, p)],
        # Tiles of lanes are independent; the blocks of rows of one tile add to the same output.
        compiler_params=pltpu.CompilerParams(dimension_semantics=("parallel", "arbitrary")),
        cost_estimate=_cost(problem, pl.CostEstimate),
        interpret=interpret,
        name=NAME,
    )(
        *[array.reshape(blocks, 1, -1) for array, blocks in tables],
        *problem.weights,
        problem.u,
        *problem.others,
    )


def _cost(problem: _Problem, estimate):
    """Tell the compiler what the kernel costs; it cannot see inside."""
    cost, lanes = row_cost(problem.program), problem.u[0].size
    numbers = sum(array.size for array in (*problem.weights, problem.u, *problem.others))
    numbers += lanes * (1 + len(problem.u) + len(problem.u) ** 2)
    return estimate(
        flops=(cost.flops + cost.divisions) * problem.rows * lanes,
        transcendentals=cost.transcendentals * problem.rows * lanes,
        bytes_accessed=numbers * problem.u.dtype.itemsize,
    )


def _kernel(problem: _Problem, together: int, *references):
    """Add the sums over one block of rows for one tile of lanes to the outputs."""
    from jax.experimental import pallas as pl

    program, n, p = problem.program, problem.rows, problem.u.shape[0]
    closure, row, weights, (u, *others), outputs = split(
        references,
        len(problem.closure.arrays),
        len(problem.row.arrays),
        len(problem.weights),
        1 + len(problem.others),
        3,
    )
    block = pl.program_id(1)
    size = problem.block
    count = size if problem.blocks == 1 else jnp.minimum(n - block * size, size)
    scalars = problem.closure.read([r.at[0] for r in closure], 0)
    lane = [u[k] for k in range(p)] + [reference[...] for reference in others]
    sums = sum_rows(
        program,
        scalars,
        program.prepare(scalars, lane),
        lambda k: problem.row.read([r.at[0] for r in row], k),
        lambda k: [reference[k] for reference in weights],
        count,
        jnp.zeros(TILE, problem.u.dtype),
        together=together,
        remainder=n % together != 0,
    )
    pl.when(block == 0)(lambda: _clear(outputs))
    _add(sums, p, *outputs)


def _clear(outputs):
    for output in outputs:
        output[...] = jnp.zeros_like(output)


def _add(sums, p, value, gradient, matrix):
    """Add the sums of a block of rows to the outputs, both triangles of the matrix."""
    value[...] += sums[0]
    for k in range(p):
        gradient[k] += sums[1 + k]
    for (i, j), entry in zip(packed_pairs(p), sums[1 + p :], strict=True):
        matrix[i, j] += entry
        if i != j:
            matrix[j, i] += entry

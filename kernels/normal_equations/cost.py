"""What one row costs a lane, counted in the equations that a kernel runs."""

from typing import NamedTuple

from scaling_jax.kernels.normal_equations.row_program import RowProgram

# One turn of the transcendental unit each on TPU and GPU, or a few.
TRANSCENDENTAL = frozenset(
    {"exp", "exp2", "log", "log1p", "expm1", "logistic", "tanh", "sqrt", "rsqrt", "pow"}
)
_FREE = frozenset({"broadcast_in_dim", "convert_element_type", "stop_gradient", "copy"})


class RowCost(NamedTuple):
    """Work for one lane and one row.

    Attributes:
        transcendentals: exp, log and their like.
        divisions: A reciprocal and its refinement each.
        flops: Other arithmetic, comparisons and the additions to the sums.
        scalars: Numbers of the row that are read.
    """

    transcendentals: int
    divisions: int
    flops: int
    scalars: int


def row_cost(program: RowProgram) -> RowCost:
    """Count the equations inside the loop over rows."""
    names = [equation.primitive.name for equation in program.inside.equations]
    transcendentals = sum(name in TRANSCENDENTAL for name in names)
    divisions = names.count("div")
    free = sum(name in _FREE for name in names)
    flops = len(names) - transcendentals - divisions - free + program.size
    return RowCost(transcendentals, divisions, flops, len(program.row))

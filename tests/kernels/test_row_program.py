"""Tracing one row's contribution: what is computed where, and what a kernel is handed."""

from collections import Counter
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.kernels.normal_equations.cost import row_cost
from scaling_jax.kernels.normal_equations.row_program import row_program
from scaling_jax.kernels.normal_equations.scalar_table import ScalarTable
from tests.kernels.problems import one_pass, problem

TILE = (4,)
ROWS = jnp.asarray([[1.0, 2.0], [3.0, 4.0]])
WEIGHTS = jnp.asarray([1.0, 0.5])


def least_squares(r, settings):
    del settings
    return 0.5 * r * r, r, jnp.ones_like(r)


def traced(residual, parameters=2, weights: Any = WEIGHTS):
    lane = ([jnp.ones(4)] * parameters, jnp.arange(4) if callable(weights) else None, ())
    return row_program(residual, least_squares, weights, ROWS, lane, TILE)


def power_law(u, row):
    amplitude, exponent = u
    return jnp.log(amplitude) - exponent * jnp.log(row[0]) - jnp.log(row[1])


def counted(program):
    return Counter(equation.primitive.name for equation in program.equations)


def test_logarithms_of_the_row_and_of_the_lane_leave_the_loop():
    program = traced(power_law)
    assert counted(program.inside)["log"] == 0
    assert counted(program.before)["log"] == 1
    np.testing.assert_allclose(program.row[0], np.log([1.0, 3.0]), rtol=1e-6)
    assert row_cost(program).transcendentals == 0


def test_terms_are_value_gradient_and_upper_triangle():
    program = traced(power_law)
    lane = [jnp.full(4, 2.0), jnp.full(4, 0.5)]
    held = program.prepare([], lane)
    row = [column[1] for column in program.row]
    terms = [float(term[0]) for term in program.terms([], row, [], held)]
    r, j = np.log(2.0) - 0.5 * np.log(3.0) - np.log(4.0), np.array([0.5, -np.log(3.0)])
    expected = [0.5 * r * r, *(r * j), j[0] ** 2, j[0] * j[1], j[1] ** 2]
    np.testing.assert_allclose(terms, 0.5 * np.array(expected), rtol=1e-5)


def test_captured_tracers_become_scalars():
    @jax.jit
    def scale_in_the_kernel(logs):
        program = traced(lambda u, row: jnp.exp(logs["loss"]) * (u[0] - row[0]) + 0.0 * u[1])
        assert [scalar.shape for scalar in program.closure] == [()]
        assert counted(program.inside)["exp"] == 0
        return program.closure[0]

    assert float(scale_in_the_kernel({"loss": jnp.log(7.0)})) == pytest.approx(7.0)


def test_table_of_a_captured_array_is_read_outside():
    groups = jnp.asarray([3.0, 8.0])
    program = traced(power_law, weights=lambda row, lane: groups[row] * (lane != row))
    assert any(np.array_equal(column, [3.0, 8.0]) for column in program.row)


def test_array_beside_the_lanes_is_refused():
    with pytest.raises(NotImplementedError, match=r"array of shape \(2, 1\) of its row"):
        traced(lambda u, row: u[0] * jnp.sum(jnp.exp(row[:, None] * u[1]), axis=0))


def test_rewritten_primitives_keep_their_values():
    def residual(u, row):
        return jax.lax.stop_gradient(u[0]) * (u[0] ** 3 + u[1] ** -2) - row[0]

    program = traced(residual)
    names = {*counted(program.inside), *counted(program.before)}
    assert not names & {"integer_pow", "add_any", "stop_gradient", "jit", "pjit"}
    held = program.prepare([], [jnp.full(4, 2.0), jnp.full(4, 0.5)])
    value, by_first, by_second, *_ = program.terms([], [jnp.float32(1.0), 1.0], [], held)
    r = 2.0 * (8.0 + 4.0) - 1.0
    expected = [0.5 * r * r, r * 2.0 * 12.0, r * 2.0 * -16.0]
    np.testing.assert_allclose([value[0], by_first[0], by_second[0]], expected, rtol=1e-6)


def test_scalar_table_keeps_order_and_types():
    columns = [jnp.arange(3.0), jnp.arange(3, dtype=jnp.uint32), jnp.array([True, False, True])]
    columns.append(jnp.arange(3.0) + 10.0)
    table = ScalarTable(columns)
    assert len(table.arrays) == 3
    row = table.read(table.arrays, 2)
    assert [float(number) for number in row] == [2.0, 2.0, 1.0, 12.0]
    assert [number.dtype for number in row] == [c.dtype for c in columns]


@pytest.mark.parametrize("name", ["chinchilla", "kaplan_n"])
def test_documented_work_is_what_the_kernel_does(name, monkeypatch):
    """docs/tpu.md counts exp and log, divisions and other operations of a row and lane."""
    programs = []

    def remember(residual, penalty, u, rows, weights, settings):
        lane = (list(u), None, settings)
        programs.append(row_program(residual, penalty, weights, rows, lane, (5,)))
        return u

    given = problem(name, objective=sj.Huber(delta=1e-3))
    one_pass(remember, given).lower(*given.arrays)
    document = (Path(__file__).parents[2] / "docs" / "tpu.md").read_text()
    (line,) = [line for line in document.splitlines() if line.startswith(f"| {name} | ")][:1]
    documented = [int(cell) for cell in line.split("|")[3:6]]
    assert documented == list(row_cost(programs[0])[:3])

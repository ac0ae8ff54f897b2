"""Every law's kernel through the whole TPU compiler, and what it needs of a chip's memory."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling_jax.kernels.normal_equations import pallas_tpu
from tests.kernels.problems import LAWS, one_pass, problem
from tests.tpu.topologies import (
    ALL,
    COLUMNS,
    LANES,
    bytes_needed,
    collectives,
    memory_of_a_chip,
    mesh,
    on,
)

TOPOLOGY = "v5e:2x2"
MILLION = 2**20
MATRIX = jax.sharding.PartitionSpec(None, None, "lanes")


def compiled(given, lanes=4 * MILLION, rows=240, weights=None) -> Any:
    """Compile one pass for lanes spread over the chips, as fits run it: with 64 bits enabled."""
    arrays = (
        on(TOPOLOGY, COLUMNS, (given.z.shape[0], lanes)),
        on(TOPOLOGY, ALL, (rows, given.rows.shape[1])),
        (on(TOPOLOGY, LANES, (lanes,)),) * 2,
        {name: on(TOPOLOGY, ALL, ()) for name in given.logs},
        weights or on(TOPOLOGY, ALL, (rows,)),
    )

    def run(z, rows, settings, logs, weights):
        own = weights if given.weights is None else given.weights
        kernel = one_pass(pallas_tpu.normal_equations, given._replace(weights=own))
        return kernel(z, rows, settings, logs)

    spread = jax.shard_map(
        run,
        mesh=mesh(TOPOLOGY),
        in_specs=(COLUMNS, ALL, LANES, ALL, COLUMNS if weights else ALL),
        out_specs=(LANES, COLUMNS, MATRIX),
        check_vma=False,
    )
    with jax.enable_x64(True):
        return jax.jit(spread).lower(*arrays).compile()


def check(executable):
    text = executable.as_text()
    assert text.count('custom_call_target="tpu_custom_call"') == 1
    assert collectives(text) == []
    assert bytes_needed(executable) < memory_of_a_chip(TOPOLOGY)


@pytest.mark.parametrize("name", LAWS)
def test_compiles_for_a_million_lanes_a_chip(name):
    check(compiled(problem(name, dtype=np.float32)._replace(weights=None)))


def test_compiles_for_a_million_rows():
    given = problem("chinchilla", dtype=np.float32)._replace(weights=None)
    check(compiled(given, lanes=4 * 1024, rows=MILLION))


def test_compiles_with_a_weight_for_every_lane():
    given = problem("kaplan_n", dtype=np.float32)._replace(weights=None)
    check(compiled(given, weights=on(TOPOLOGY, COLUMNS, (240, 4 * MILLION))))


def test_compiles_with_weights_made_in_the_kernel():
    def poisson_like(row, lane):
        word = (lane.astype(jnp.uint32) * jnp.uint32(2654435761)) ^ row.astype(jnp.uint32)
        word = (word ^ (word >> 16)) * jnp.uint32(0x85EBCA6B)
        return sum(
            (word >= step).astype(jnp.float32) for step in np.array([2**30, 2**31], np.uint32)
        )

    check(compiled(problem("kaplan_n", dtype=np.float32)._replace(weights=poisson_like)))

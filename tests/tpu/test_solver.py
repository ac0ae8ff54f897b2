"""The batch solver and the bootstrap for whole slices: their memory and their communication."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.fitting import batch
from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.resampling import Multinomial, Poisson, Units
from scaling_jax.fitting.solver import Solution, begin, solve, stage_thresholds
from tests.tpu.topologies import (
    ALL,
    CHIPS,
    COLUMNS,
    LANES,
    bytes_needed,
    collectives,
    computations,
    memory_of_a_chip,
    mesh,
    on,
)

HUBER = sj.Huber(delta=1e-3)
ROWS = 240
MILLION = 2**20


def run_of(name):
    law = sj.laws.get(name)

    def run(z, rows, weights, logs, thresholds):
        steps = jnp.int32(300)
        return solve(
            begin(z), rows, weights, logs, thresholds, steps, law=law, objective=HUBER
        )[1]  # fmt: skip

    return law, run


def compiled(name, topology, lanes, spread=True) -> Any:
    law, run = run_of(name)
    specs: Any = (COLUMNS, LANES, COLUMNS, LANES, LANES)
    if spread:
        run = jax.shard_map(
            run,
            mesh=mesh(topology),
            in_specs=(COLUMNS, ALL, ALL, ALL, ALL),
            out_specs=Solution(*specs),
            check_vma=False,
        )
    columns = (*law.input_names, law.output.column)
    arrays = (
        on(topology, COLUMNS, (len(Coordinates(law).free), lanes)),
        on(topology, ALL, (ROWS, len(columns))),
        on(topology, ALL, (ROWS,)),
        {column: on(topology, ALL, ()) for column in columns},
        on(topology, ALL, stage_thresholds(HUBER, 1.0).shape),
    )
    with jax.enable_x64(True):
        return jax.jit(run).lower(*arrays).compile()


@pytest.mark.parametrize(
    ("name", "topology", "lanes"),
    [
        ("chinchilla", "v5e:2x2", 4 * MILLION),  # a million lanes on every chip
        ("chinchilla", "v5e:4x4", MILLION),
        ("farseer", "v5e:4x4", MILLION),
    ],
)
def test_solver_fits_and_chips_do_not_talk(name, topology, lanes):
    executable = compiled(name, topology, lanes)
    text = executable.as_text()
    assert text.count('custom_call_target="tpu_custom_call"') == 1
    assert len(re.findall(r" while\(", text)) == 1
    assert collectives(text) == []
    assert bytes_needed(executable) < memory_of_a_chip(topology)


def test_compiler_that_spreads_lanes_itself_talks_in_every_step(monkeypatch):
    """Why the engine uses shard_map: whether all lanes have ended is a question to all chips."""
    monkeypatch.setenv("SCALING_JAX_KERNEL", "xla")
    text = compiled("kaplan_n", "v5e:2x2", 2**16, spread=False).as_text()
    conditions = re.findall(r" while\(.*condition=%([\w.-]+)", text)
    talking = [name for name in conditions if collectives(computations(text)[name])]
    assert len(talking) == 1
    assert collectives(text) == ["all-reduce"]


def test_kernel_asks_for_shard_map():
    with pytest.raises(NotImplementedError, match="wrap the call in a shard_map"):
        compiled("kaplan_n", "v5e:2x2", 2**16, spread=False)


@pytest.mark.parametrize(
    ("topology", "scheme"), [("v5e:2x2", Poisson()), ("v5e:4x4", Multinomial())], ids=str
)
def test_bootstrap_of_a_million_replicates_fits(topology, scheme):
    law, chips = sj.laws.get("chinchilla"), CHIPS[topology]
    row = np.arange(ROWS, dtype=np.int32)
    setting = batch._Setting(
        rows=on(topology, ALL, (ROWS, 3)),
        weights=on(topology, ALL, (ROWS,)),
        units=Units(row, np.zeros_like(row), np.full_like(row, ROWS), row),
        seed=on(topology, ALL, (), np.uint32),
        logs={name: on(topology, ALL, ()) for name in (*law.input_names, "loss")},
        thresholds=on(topology, ALL, (1,)),
        max_steps=on(topology, ALL, (), np.int32),
    )
    program = batch._Program(law, HUBER, scheme, tuple(mesh(topology).devices.flat))
    with jax.enable_x64(True):
        lowered = batch._solve_block.lower(
            on(topology, LANES, (MILLION,), np.uint32),
            on(topology, COLUMNS, (5, MILLION)),
            on(topology, LANES, (chips,), np.int32),
            setting,
            program=program,
            shape=(1, MILLION // chips),
        )
        executable: Any = lowered.compile()
    assert collectives(executable.as_text()) == []
    assert bytes_needed(executable) < memory_of_a_chip(topology)

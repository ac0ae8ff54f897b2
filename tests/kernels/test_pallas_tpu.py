"""The TPU kernel, run step by step on a CPU, against the reference; and what it refuses.

That the TPU's compiler accepts it is tested in tests/tpu.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import scaling_jax as sj
from scaling_jax.kernels.normal_equations import pallas_tpu, reference
from tests.kernels.problems import LAWS, agree, one_pass, problem

FLOAT64_TOLERANCE = 1e-11
FLOAT32_TOLERANCE = 5e-7 * np.sqrt(9) * 10  # rounding of sums of nine rows with cancellation
NATURAL = sj.Squared(scale="natural")


def interpreted(given, **options):
    options = {"interpret": True, "together": 1, **options}
    with jax.enable_x64(True):
        return one_pass(pallas_tpu.normal_equations, given, **options)(*given.arrays)


def expected(given):
    with jax.enable_x64(True):
        return one_pass(reference.normal_equations, given)(*given.arrays)


@pytest.mark.parametrize("name", LAWS)
def test_agrees_with_the_reference(name):
    given = problem(name)
    agree(interpreted(given), expected(given), FLOAT64_TOLERANCE)


def test_more_lanes_than_a_tile_and_more_rows_than_a_block(monkeypatch):
    monkeypatch.setattr(pallas_tpu, "BLOCK", 4)
    given = problem("kaplan_n", lanes=1030, n=9)
    agree(interpreted(given, together=2), expected(given), FLOAT64_TOLERANCE)


def test_held_parameters_are_computed_before_the_loop():
    law = sj.laws.get("hestness_error").fix(gamma=0.1)
    given = problem(law)
    agree(interpreted(given), expected(given), FLOAT64_TOLERANCE)


def test_scale_of_the_output_reaches_the_kernel():
    given = problem("chinchilla", objective=NATURAL)
    agree(interpreted(given), expected(given), FLOAT64_TOLERANCE)


def test_weights_of_every_lane(monkeypatch):
    monkeypatch.setattr(pallas_tpu, "BLOCK", 4)
    weights = np.random.default_rng(0).poisson(1.0, (9, 5)).astype(np.float64)
    given = problem("kaplan_n")._replace(weights=weights)
    agree(interpreted(given), expected(given), FLOAT64_TOLERANCE)


def test_weights_made_in_the_kernel():
    def counter(row, lane):
        return ((row * 7 + lane * 13) % 3).astype(jnp.float64)

    made = problem("kaplan_n")._replace(weights=counter)
    lanes = np.array([40, 3, 3, 17, 5], np.int32)
    stored = made._replace(weights=(np.arange(9)[:, None] * 7 + lanes[None] * 13) % 3 * 1.0)
    agree(interpreted(made, lane_index=lanes), expected(stored), FLOAT64_TOLERANCE)


def test_float32_is_close():
    given = problem("chinchilla", dtype=np.float32)
    mine = one_pass(pallas_tpu.normal_equations, given, interpret=True, together=1)(*given.arrays)
    assert all(leaf.dtype == jnp.float32 for leaf in mine)
    agree(mine, expected(problem("chinchilla")), FLOAT32_TOLERANCE)


def test_blocks_of_one_tile_do_not_race(monkeypatch, capsys):
    from jax.experimental.pallas import tpu as pltpu

    monkeypatch.setattr(pallas_tpu, "BLOCK", 8)
    given = problem("kaplan_n", dtype=np.float32)
    simulator = pltpu.InterpretParams(detect_races=True)
    run = one_pass(pallas_tpu.normal_equations, given, interpret=simulator, together=1)
    agree(run(*given.arrays), expected(problem("kaplan_n")), FLOAT32_TOLERANCE)
    assert "RACE" not in capsys.readouterr().out


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("x64", [False, True], ids=["32 bits", "64 bits enabled"])
def test_lowers_for_tpu(name, x64):
    given = problem(name, dtype=np.float32)
    with jax.enable_x64(x64):
        run = one_pass(pallas_tpu.normal_equations, given)
        text = export.export(run, platforms=["tpu"])(*given.arrays).mlir_module()
    assert text.count("@tpu_custom_call") == 1
    assert text.count('kernel_name = "normal_equations"') == 1


def test_float64_is_refused():
    given = problem("kaplan_n")
    with (
        jax.enable_x64(True),
        pytest.raises(NotImplementedError, match="computes in float32, not float64"),
    ):
        one_pass(pallas_tpu.normal_equations, given).lower(*given.arrays)


def test_float64_that_comes_in_by_the_settings_is_refused():
    given = problem("kaplan_n", dtype=np.float32)
    wide = given._replace(settings=tuple(s.astype(np.float64) for s in given.settings))
    with (
        jax.enable_x64(True),
        pytest.raises(NotImplementedError, match="penalty computes in float64"),
    ):
        one_pass(pallas_tpu.normal_equations, wide).lower(*wide.arrays)

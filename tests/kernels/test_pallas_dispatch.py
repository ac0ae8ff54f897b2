"""Which implementation a program gets: by platform, environment and argument."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from scaling_jax.kernels.normal_equations import normal_equations, reference
from tests.kernels.problems import agree, one_pass, problem

UNCHECKED = [export.DisabledSafetyCheck.custom_call("__gpu$xla.gpu.triton")]
KERNELS = {"tpu": "@tpu_custom_call", "cuda": "@__gpu$xla.gpu.triton"}
FLOAT32_TOLERANCE = 5e-7 * np.sqrt(9) * 10
GIVEN = problem("kaplan_n", dtype=np.float32)


def exported(platform, given=GIVEN, **options):
    run = one_pass(normal_equations, given, **options)
    arrays = jax.tree.map(jnp.asarray, given.arrays)
    done = export.export(run, platforms=[platform], disabled_checks=UNCHECKED)(*arrays)
    return done.mlir_module()


@pytest.fixture
def on_host_of(monkeypatch):
    """Make JAX believe that its default backend is an accelerator."""
    return lambda backend: monkeypatch.setattr(jax, "default_backend", lambda: backend)


@pytest.mark.parametrize(("backend", "platform"), [("tpu", "tpu"), ("gpu", "cuda")])
def test_programs_get_the_kernel_of_the_platform_they_are_lowered_for(
    on_host_of, backend, platform
):
    on_host_of(backend)
    assert KERNELS[platform] in exported(platform)
    assert not any(target in exported("cpu") for target in KERNELS.values())


def test_host_of_an_accelerator_still_computes(on_host_of):
    on_host_of("gpu")
    mine = one_pass(normal_equations, GIVEN)(*GIVEN.arrays)
    agree(mine, one_pass(reference.normal_equations, GIVEN)(*GIVEN.arrays), FLOAT32_TOLERANCE)


def test_what_a_kernel_refuses_falls_back(on_host_of):
    on_host_of("tpu")
    with jax.enable_x64(True):
        text = exported("tpu", problem("kaplan_n"))
    assert "@tpu_custom_call" not in text
    assert "f64" in text


@pytest.mark.parametrize("name", ["multi_power_law", "functional_scaling_law"])
def test_rows_that_hold_a_history_are_left_to_xla(on_host_of, name):
    given = problem(name, dtype=np.float32)
    with pytest.raises(NotImplementedError):
        exported("tpu", given, implementation="pallas_tpu")
    on_host_of("tpu")
    assert "custom_call" not in exported("tpu", given)
    with jax.enable_x64(True):
        given = problem(name)
        mine = one_pass(normal_equations, given, implementation="xla")(*given.arrays)
        agree(mine, one_pass(reference.normal_equations, given)(*given.arrays), 1e-10)


def test_argument_wins_over_environment(monkeypatch):
    monkeypatch.setenv("SCALING_JAX_KERNEL", "pallas_gpu")
    assert KERNELS["cuda"] in exported("cuda")
    assert "custom_call" not in exported("cuda", implementation="xla")


def test_named_kernel_does_not_fall_back(monkeypatch):
    monkeypatch.setenv("SCALING_JAX_KERNEL", "pallas_tpu")
    given = problem("kaplan_n")
    with jax.enable_x64(True), pytest.raises(NotImplementedError, match="not float64"):
        one_pass(normal_equations, given).lower(*given.arrays)


@pytest.mark.parametrize("implementation", ["reference", "xla", "interpret"])
def test_weights_may_be_a_function_of_row_and_lane(implementation):
    def counter(row, lane):
        return ((row * 7 + lane * 13) % 3).astype(jnp.float32)

    made = GIVEN._replace(weights=counter)
    lanes = np.array([40, 3, 3, 17, 5], np.int32)
    dense = np.float32((np.arange(9)[:, None] * 7 + lanes[None] * 13) % 3)
    run = one_pass(normal_equations, made, implementation=implementation, lane_index=lanes)
    stored = one_pass(reference.normal_equations, GIVEN._replace(weights=dense))
    agree(run(*GIVEN.arrays), stored(*GIVEN.arrays), FLOAT32_TOLERANCE)

"""The GPU kernel, run step by step on a CPU, against the reference; and what it lowers to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from scaling_jax.kernels.normal_equations import pallas_gpu, reference
from tests.kernels.problems import LAWS, agree, one_pass, problem

FLOAT64_TOLERANCE = 1e-11
USE_LOG1P = {"alabdulmohsin_m4", "bnsl", "data_constrained"}  # which Mosaic GPU has not yet
TARGETS = {"triton": "__gpu$xla.gpu.triton", "mosaic": "mosaic_gpu_v2"}
# No promise that tomorrow's jax runs what is exported today: nothing is kept.
UNCHECKED = [export.DisabledSafetyCheck.custom_call(target) for target in TARGETS.values()]


def interpreted(given, **options):
    with jax.enable_x64(True):
        run = one_pass(pallas_gpu.normal_equations, given, interpret=True, **options)
        return run(*given.arrays)


def expected(given):
    with jax.enable_x64(True):
        return one_pass(reference.normal_equations, given)(*given.arrays)


@pytest.mark.parametrize("name", ["chinchilla", "bnsl", "kaplan_nd"])
def test_agrees_with_the_reference(name):
    given = problem(name)
    agree(interpreted(given), expected(given), FLOAT64_TOLERANCE)


@pytest.mark.parametrize("programs", [1, 4, 100], ids=["alone", "shared", "one block each"])
def test_rows_in_blocks_shared_by_programs(monkeypatch, programs):
    monkeypatch.setattr(pallas_gpu, "BLOCK", 2)
    monkeypatch.setattr(pallas_gpu, "PROGRAMS", programs)
    given = problem("kaplan_n", lanes=130, n=9)
    agree(interpreted(given), expected(given), FLOAT64_TOLERANCE)


def test_weights_of_every_lane():
    weights = np.random.default_rng(0).poisson(1.0, (9, 5)).astype(np.float64)
    given = problem("kaplan_n")._replace(weights=weights)
    agree(interpreted(given), expected(given), FLOAT64_TOLERANCE)


def test_weights_made_in_the_kernel():
    def counter(row, lane):
        return ((row * 7 + lane * 13) % 3).astype(jnp.float64)

    made = problem("kaplan_n")._replace(weights=counter)
    stored = made._replace(weights=(np.arange(9)[:, None] * 7 + np.arange(5) * 13) % 3 * 1.0)
    agree(interpreted(made), expected(stored), FLOAT64_TOLERANCE)


def lowered(given, compiler):
    with jax.enable_x64(True):
        run = one_pass(pallas_gpu.normal_equations, given, compiler=compiler)
        arrays = jax.tree.map(jnp.asarray, given.arrays)
        return export.export(run, platforms=["cuda"], disabled_checks=UNCHECKED)(*arrays)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lowers_with_triton(name, dtype):
    text = lowered(problem(name, dtype=dtype), "triton").mlir_module()
    assert text.count(f"@{TARGETS['triton']}") == 1
    assert text.count(' name = "normal_equations"') == 1


@pytest.mark.parametrize("name", sorted({*LAWS} - USE_LOG1P))
def test_lowers_with_mosaic(name):
    text = lowered(problem(name, dtype=np.float32), "mosaic").mlir_module()
    assert text.count(f"@{TARGETS['mosaic']}") == 1


def test_lowers_with_a_weight_for_every_lane_and_many_rows():
    weights = np.ones((3000, 5), np.float32)
    given = problem("kaplan_n", n=3000, dtype=np.float32)._replace(weights=weights)
    for compiler, target in TARGETS.items():
        assert lowered(given, compiler).mlir_module().count(f"@{target}") == 1


def test_log1p_is_refused_by_mosaic():
    with pytest.raises(NotImplementedError, match="Mosaic GPU has no log1p"):
        lowered(problem("bnsl"), "mosaic")


def test_half_precision_is_refused():
    given = problem("kaplan_n", dtype=jnp.bfloat16)
    with pytest.raises(NotImplementedError, match="float32 or float64, not bfloat16"):
        lowered(given, "triton")

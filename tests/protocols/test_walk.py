"""The required entries whose formula is a procedure: arrays, jit, vmap and grad in two precisions.

A law's formula is walked in tests/laws. These are formulas of scores, curves or answers, so their
code is a protocol; every one but those of `ON_THE_HOST` works in a program like a law.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.protocols import get

FLOPS = np.geomspace(1e18, 1e24, 9)
SCORES = 10.0 * np.log10(FLOPS / 1e17)
MODEL = dict(heads=32.0, kv_heads=8.0, head_width=4608.0)
VECTORS = np.random.default_rng(0).normal(size=(6, 4))


def _savings(name: str) -> Callable[[Any], Any]:
    return lambda x: get(name)(FLOPS, SCORES, FLOPS / 2.0, SCORES * x, 20.0)


def _curve(gain: Any) -> Callable[[Any], Any]:
    return lambda compute: 1.0 / (1.0 + (gain * compute / 1e21) ** -0.2)


# Name -> a number as a function of one number, and where to take it. Every number is smooth there.
NUMBERS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "betr_compute_multiplier": (
        lambda x: get("betr_compute_multiplier")(_curve(1.0), _curve(x), 0.6, 1e18, 1e24), 4.7
    ),
    "betr_multiplier": (_savings("betr_multiplier"), 1.1),
    "beyondweb": (_savings("beyondweb"), 1.1),
    "big_bench": (
        lambda x: get("big_bench")(jnp.stack([0.1, 0.12, 0.2, 0.4 * x])).linearity, 1.2
    ),
    "data_pruning_perceptron": (get("data_pruning_perceptron"), 2.0),
    "diversity_coefficient": (lambda x: get("diversity_coefficient")(VECTORS + x), 0.3),
    "inference_flaws": (
        lambda x: get("inference_flaws")(jnp.array([0.5, 0.1]), x, 8.0).accuracy, 0.1
    ),
    "kinetics_cost": (
        lambda x: get("kinetics_cost")(8e9, 1024.0, 1e4 * x, 8.0, **MODEL).total / 1e15, 1.6
    ),
    "knowledge_capacity": (lambda x: get("knowledge_capacity")(1e5, 12.0, x), 3.0),
    "matrix_entropy": (lambda x: get("matrix_entropy")(jnp.tanh(VECTORS * x)), 0.7),
    "metric_chain_elusive": (
        lambda x: get("metric_chain_elusive")(jnp.log(jnp.array([0.4, 0.2, 0.3])) * x, 0).brier,
        1.3,
    ),
    "scaling_crossover": (
        lambda x: jnp.log(
            get("scaling_crossover")(
                lambda c: 1.0 + 9.0 * c**-0.1, lambda c: 0.9 + 99.0 * x * c**-0.2, 1e3, 1e30
            )
        ),
        1.1,
    ),
    "signal_and_noise": (
        lambda x: get("signal_and_noise")(
            jnp.array([0.3, 0.5, 0.6]), 0.5 + 0.01 * x * jnp.array([1.0, -2.0, 0.5])
        ).ratio,
        1.5,
    ),
    "snell_tts_exchange": (lambda x: get("snell_tts_exchange")(x, 0.16), 14.0),
    "ul2r_savings": (_savings("ul2r_savings"), 1.1),
}  # fmt: skip

# Procedures of the host: their answer is a choice or a fit, and has no derivative.
ON_THE_HOST = {
    "dp_lm": "isotonic regression of measured losses",
    "sldbench": "a score of a benchmark's held-out rows, one number",
    "small_beats_large_tts": "the name of the best strategy",
}


def test_all_required_formulas_are_laws_or_walked_here(catalogue_entries):
    required = {
        name
        for name, entries in catalogue_entries.items()
        if any(entry.get("required") and entry["formula"] for entry in entries)
    }
    left = required - set(sj.laws.names()) - {"ncpl"}
    assert left == set(NUMBERS) | set(ON_THE_HOST)


@pytest.mark.parametrize("precision", [np.float64, np.float32])
@pytest.mark.parametrize("name", NUMBERS)
def test_works_in_programs(name, precision):
    function, at = NUMBERS[name]
    with jax.enable_x64(precision is np.float64):
        x = jnp.asarray(at * np.array([1.0, 1.03]), precision)
        values, slopes = jax.jit(jax.vmap(jax.value_and_grad(lambda x: jnp.sum(function(x)))))(x)
        one_by_one = [float(jnp.sum(function(x[k]))) for k in range(2)]
        x, values, slopes = (np.asarray(leaf) for leaf in (x, values, slopes))
    assert values.dtype == precision
    loose = 1e-9 if precision is np.float64 else 2e-3
    np.testing.assert_allclose(values, one_by_one, rtol=loose)
    assert np.all(np.isfinite(slopes))
    assert np.all(slopes != 0.0)
    if precision is np.float64:  # the trapezoidal rule over 3 %
        mean = 0.5 * (slopes[0] + slopes[1]) * (x[1] - x[0])
        assert float(values[1] - values[0]) == pytest.approx(float(mean), rel=2e-3)

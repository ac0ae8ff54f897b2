"""Costs of long answers by counting keys, exchange rates, the best strategy within a budget."""

import jax
import numpy as np
import pytest

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols import get
from scaling_jax.protocols.inference_budgets import (
    best_strategies,
    difficulty,
    exchanged_search,
    inference_cost,
    keys_read,
    matching_inference,
)

MODEL = {"heads": 32.0, "kv_heads": 8.0, "head_width": 128.0 * 36}


@pytest.fixture(autouse=True, scope="module")
def float64():
    with jax.enable_x64(True):
        yield


def test_registered():
    assert get("kinetics_cost") is inference_cost
    assert get("snell_tts_exchange") is matching_inference
    assert get("small_beats_large_tts") is best_strategies
    assert get("boardgame_train_test") is exchanged_search


@pytest.mark.parametrize("budget", [10.0, 400.0, 700.0, 1e9])
def test_keys_are_those_counted_token_by_token(budget):
    """In the continuum that the formula is for: token t attends to min(B, Lp + t)."""
    prompt, generated = 300.0, 500.0
    t = (np.arange(500_000) + 0.5) / 1000.0
    counted = np.minimum(budget, prompt + t).sum() / 1000.0
    assert float(keys_read(prompt, generated, budget)) == pytest.approx(counted, rel=1e-9)


def test_dense_costs_are_those_printed():
    cost = inference_cost(8e9, 1000, 2000, 4, **MODEL)
    compute = 4 * (2 * 8e9 * 2000 + 2 * (2 * 1000 + 2000) * 2000 * 32 * 4608)
    memory = 562.5 * 2 * (2 * 1000 + 4 * 2000) * 2000 * 8 * 4608
    assert float(cost.compute) == pytest.approx(compute)
    assert float(cost.memory) == pytest.approx(memory)
    assert float(cost.total) == pytest.approx(compute + memory)


def test_one_trial_with_a_full_budget_is_dense():
    dense = inference_cost(8e9, 1000, 2000, **MODEL)
    full = inference_cost(8e9, 1000, 2000, **MODEL, kv_budget=3000)
    assert float(full.compute) == pytest.approx(float(dense.compute))
    assert float(full.memory) == pytest.approx(float(dense.memory))


def test_a_search_over_blocks_costs_extra():
    sparse = inference_cost(8e9, 1000, 2000, 4, **MODEL, kv_budget=512)
    blocks = inference_cost(8e9, 1000, 2000, 4, **MODEL, kv_budget=512, block_size=16)
    extra = float(blocks.compute - sparse.compute)
    assert extra == pytest.approx(4 * (4000 // 16) * 2000 * 32 * 4608)
    extra = float(blocks.memory - sparse.memory)
    assert extra == pytest.approx(562.5 * ((2000 + 8000) // 16) * 2000 * 8 * 4608)


def test_long_answers_of_small_models_are_paid_in_attention():
    """Why FLOP alone mislead: the share of the weights' FLOP falls with the length."""
    lengths = np.array([1e3, 1e4, 1e5])
    cost = inference_cost(0.752e9, 512, lengths, **MODEL | {"heads": 16.0})
    assert np.all(np.diff(2.0 * 0.752e9 * lengths / np.asarray(cost.total)) < 0.0)
    assert float(cost.memory[-1]) > 10.0 * float(cost.compute[-1])


def test_costs_are_differentiable():
    slope = jax.grad(lambda b: inference_cost(8e9, 1e3, 2e3, **MODEL, kv_budget=b).total)
    assert float(slope(512.0)) > 0.0
    assert float(slope(5000.0)) == 0.0


def test_blocks_without_a_budget_are_refused():
    with pytest.raises(ProtocolError, match="give kv_budget too"):
        inference_cost(8e9, 1000, 2000, **MODEL, block_size=16)


def test_the_exchange_balances_the_total_flops():
    """M (X + Y) = X + m Y with X = 6 N D_pre and Y = 2 N D_inf."""
    M, R = 14.0, np.array([0.16, 0.79, 22.0])
    m = np.asarray(matching_inference(M, R))
    x, y = 6.0, 2.0 * R
    np.testing.assert_allclose(M * (x + y), x + m * y, rtol=1e-12)
    assert float(matching_inference(1.0, 0.5)) == 1.0


def test_ratios_without_sense_are_refused():
    with pytest.raises(ProtocolError, match="size_ratio must be at least 1, not 0.5"):
        matching_inference(0.5, 1.0)
    with pytest.raises(ProtocolError, match="token_ratio must be above 0"):
        matching_inference(14.0, 0.0)
    with pytest.raises(ProtocolError, match="train_factor"):
        exchanged_search(-1.0)


def test_search_is_exchanged_decade_by_decade():
    np.testing.assert_allclose(exchanged_search([0.1, 1.0, 1000.0]), [1 / 15, 1.0, 3375.0])
    assert float(exchanged_search(10.0, search_per_tenfold=7.0)) == pytest.approx(7.0)


def test_the_best_strategy_is_affordable_and_the_cheaper_of_equals():
    results = {
        "majority": ([1, 4, 16, 64], [0.3, 0.4, 0.5, 0.5]),
        "beam search": ([4, 16, 64], [0.45, 0.48, 0.6]),
    }
    found = best_strategies(results, [0.5, 1, 4, 20, 63, 64])
    assert found[0] is None
    chosen = [(best.name, best.samples) for best in found[1:] if best]
    assert chosen == [
        ("majority", 1.0),
        ("beam search", 4.0),
        ("majority", 16.0),
        ("majority", 16.0),
        ("beam search", 64.0),
    ]
    with pytest.raises(ProtocolError, match="it has 2 budgets and 1 accuracies"):
        best_strategies({"x": ([1, 2], [0.5])}, [1])


def test_difficulty_by_absolute_pass_rates():
    assert difficulty([1.0, 0.5, 0.49, 0.1, 0.09, 0.0]).tolist() == [
        *["easy"] * 2,
        *["medium"] * 2,
        *["hard"] * 2,
    ]
    with pytest.raises(ProtocolError, match="divide percents by 100"):
        difficulty([50.0])

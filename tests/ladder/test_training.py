"""Training by lanes: what a run becomes depends on the run alone, and on no width."""

import jax
import numpy as np
import pytest

from scaling_jax.ladder import Optimiser, Recipe, Trainer
from scaling_jax.ladder.training import grouped, merge

TINY = Recipe(width=16, depth=1, context=16, vocab_size=64)
STEPS, LANES, BATCH = 6, 2, 4
RATES = np.full((STEPS, LANES), 0.01)


@pytest.fixture(scope="module")
def batches():
    """A language in which a token tells the next one; every lane has batches of its own."""
    rng = np.random.default_rng(0)
    start = rng.integers(0, 64, (STEPS, LANES, BATCH, 1))
    return {"tokens": ((start + 5 * np.arange(17)) % 64).astype(np.int32)}


def trained(trainer, seeds, batches, rates=RATES, steps=STEPS):
    """Return state and losses ``[steps, lanes]``."""
    state, losses = trainer.advance(trainer.init(seeds), batches, rates, steps)
    return state, np.asarray(losses)


def lane(tree, k):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[k], tree)


def assert_equal(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_a_lane_does_not_depend_on_the_lane_beside_it(batches):
    """Neither on another seed with other data, nor on one that has diverged."""
    trainer = Trainer(TINY)
    state, losses = trained(trainer, [0, 1], batches)
    other = {"tokens": batches["tokens"].copy()}
    other["tokens"][:, 1] = (other["tokens"][:, 1] + 7) % 64
    rates = RATES.copy()
    rates[:, 1] = np.inf
    again, beside = trained(trainer, [0, 5], other, rates)
    np.testing.assert_array_equal(beside[:, 0], losses[:, 0])
    assert not np.isfinite(beside[2:, 1]).any()
    assert_equal(lane(again, 0), lane(state, 0))
    # Nor on its place.
    swapped, places = trained(trainer, [1, 0], {"tokens": batches["tokens"][:, ::-1]})
    np.testing.assert_array_equal(places[:, ::-1], losses)
    assert_equal(lane(swapped, 1), lane(state, 0))


def test_steps_in_two_calls_are_the_steps_of_one(batches):
    trainer = Trainer(TINY)
    whole, losses = trained(trainer, [0, 1], batches)
    state, first = trained(trainer, [0, 1], batches, steps=2)
    rest = {"tokens": np.concatenate([batches["tokens"][2:], batches["tokens"][:2]])}
    state, second = trainer.advance(state, rest, RATES, STEPS - 2)
    np.testing.assert_array_equal(first[2:], 0.0)
    np.testing.assert_array_equal(np.concatenate([first[:2], second[:4]]), losses)
    assert_equal(state, whole)


def test_no_steps_change_nothing(batches):
    trainer = Trainer(TINY)
    state, _ = trained(trainer, [0, 1], batches, steps=0)
    assert_equal(state, trainer.init([0, 1]))


def test_it_learns(batches):
    _, losses = trained(Trainer(TINY), [0, 1], batches)
    assert losses[0] == pytest.approx(np.log(64), rel=1e-4)
    assert np.all(losses[-1] < losses[0])


def test_the_first_step_in_closed_form(batches):
    """Adam's first step is the sign of the gradient, clipped or not, times the rate; then decay."""
    trainer = Trainer(TINY.replace(base_width=32), Optimiser(weight_decay=0.5))
    before = lane(trainer.init([0, 1]), 0)["params"]
    rates = np.full((STEPS, LANES), 0.25)
    after = lane(trained(trainer, [0, 1], batches, rates, steps=1)[0], 0)["params"]
    # The output starts at zero and does not decay; what it learns is the sign of the gradient.
    moved = after["output"][after["output"] != 0.0]
    np.testing.assert_allclose(np.abs(moved), 0.25, rtol=1e-3)
    # A matrix behind an output of zero has no gradient yet: it decays alone.
    matrix = ("layers", 0, "attention", "output")
    old, new = before, after
    for key in matrix:
        old, new = old[key], new[key]
    np.testing.assert_allclose(new, old * (1 - 0.25 * 0.5), rtol=1e-6)
    np.testing.assert_array_equal(after["embedding"], before["embedding"])


def test_evaluation_is_the_mean_over_the_examples(batches):
    trainer = Trainer(TINY)
    state, _ = trained(trainer, [0, 1], batches)
    examples = grouped({"tokens": batches["tokens"][:, 0].reshape(-1, 17)[:14]}, BATCH)
    assert examples["tokens"].shape == (3, 4, 17)  # two are left over
    found = np.asarray(trainer.evaluate(state, examples))
    for k in range(LANES):
        module = merge(TINY, lane(state, k)["params"])
        nats = np.asarray(module({"tokens": examples["tokens"].reshape(-1, 17)}).nats)
        assert found[k] == pytest.approx(nats.mean(), rel=1e-5)


WIDTHS = (32, 128, 512)


@pytest.fixture(scope="module")
def activations():
    """Root mean squares of what passes through the model, at the start and after three steps.

    The coordinate check of Yang et al. 2022, arXiv:2203.03466, App. D.1.
    """
    tokens = ((np.arange(4)[:, None] * 11 + 5 * np.arange(17)) % 64).astype(np.int32)
    batches = {"tokens": np.tile(tokens, (3, 1, 1, 1))}
    found = {}
    for width in WIDTHS:
        recipe = TINY.replace(width=width, head_dim=32)
        trainer = Trainer(recipe)
        start = trainer.init([0])
        params = [lane(start, 0)["params"]]
        state, _ = trainer.advance(start, batches, np.full((3, 1), 0.02), 3)
        params.append(lane(state, 0)["params"])
        found[width] = [_measured(merge(recipe, each), tokens) for each in params]
    return found


def _measured(module, tokens):
    def size(x):
        return float(np.sqrt(np.mean(np.square(x))))

    x = module.embedding[...][tokens[:, :-1].reshape(-1)]
    layer = module.layers[0]
    from scaling_jax.ladder.transformer import normalise

    attended = layer.attention(normalise(x))
    inner = x + attended
    fed, _ = layer.feedforward(normalise(inner))
    logits, _ = module.logits(tokens[:, :-1])
    return {"attention": size(attended), "feed-forward": size(fed), "logits": size(logits)}


@pytest.mark.parametrize("part", ["attention", "feed-forward"])
@pytest.mark.parametrize("trained", [0, 1], ids=["at the start", "after three steps"])
def test_activations_do_not_grow_with_the_width(activations, part, trained):
    sizes = [activations[width][trained][part] for width in WIDTHS]
    assert max(sizes) / min(sizes) < 2.0, sizes  # sixteen times the width
    assert 0.02 < min(sizes) < max(sizes) < 5.0


def test_three_steps_move_the_output_by_the_same_at_every_width(activations):
    """In standard parametrisation it would be sixteen times as much."""
    assert all(activations[width][0]["logits"] == 0.0 for width in WIDTHS)
    moved = [activations[width][1]["logits"] for width in WIDTHS]
    assert max(moved) / min(moved) < 2.0, moved

"""The perceptron: its counts, what it starts from, and that it learns what is common first."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.parity import open_parity
from scaling_jax.ladder.perceptron import PerceptronRecipe
from scaling_jax.ladder.training import Trainer, grouped, merge

RECIPE = PerceptronRecipe(width=32, tasks=8, bits=8)


def test_counts_are_those_of_the_module():
    state = nnx.state(RECIPE.build(nnx.Rngs(0)), nnx.Param)
    sizes = [leaf.size for leaf in jax.tree.leaves(state)]
    assert sum(sizes) == RECIPE.params_total == 8 * 32 + 8 * 32 + 32 + 32 + 1
    assert RECIPE.params_no_embed == RECIPE.params_total - 8 * 32
    # Products with W: forward and one gradient; with v: forward and both gradients.
    assert RECIPE.flops_per_token() == 2 * (2 * 8 * 32) + 3 * (2 * 32)


def test_losses_are_the_cross_entropy_of_the_logits():
    corpus = open_parity(tasks=8, bits=8, per_task=4)
    module, batch = RECIPE.build(nnx.Rngs(1)), corpus.validation()
    signs = 2.0 * batch["bits"] - 1.0
    hidden = np.asarray(module.control[...])[batch["task"]] + signs @ module.weights[...]
    logit = np.maximum(hidden + module.hidden_bias[...], 0.0) @ module.output[...]
    chance = 1.0 / (1.0 + np.exp(-np.asarray(logit)))
    nats = -np.log(np.where(batch["label"] == 1, chance, 1.0 - chance)) * batch["weight"]
    np.testing.assert_allclose(module(batch).nats[:, 0], nats, rtol=1e-4)
    # Nothing is known before training, and weights of examples average to one.
    assert float(jnp.mean(module(batch).nats)) == pytest.approx(np.log(2.0), rel=0.05)


def test_common_tasks_are_learned_first():
    corpus = open_parity(tasks=8, bits=8, parity=2, alpha=1.0, per_task=64)
    trainer, steps = Trainer(RECIPE), 500
    batches = list(corpus.batches(seed=0, batch=128, first=0, last=steps))
    stacked = {name: np.stack([one[name][None] for one in batches]) for name in batches[0]}
    rates = np.full((steps, 1), 0.01)
    state, _ = trainer.advance(trainer.init([0]), stacked, rates, steps)
    validation = corpus.validation()
    params = jax.tree.map(lambda leaf: leaf[0], state["params"])
    nats = merge(RECIPE, params)(validation).nats[:, 0] / validation["weight"]
    of_tasks = np.asarray(nats).reshape(8, 64).mean(axis=1)
    assert of_tasks[0] < 0.1 < of_tasks[4:].mean()
    loss = float(trainer.evaluate(state, grouped(validation, 512))[0])
    assert loss == pytest.approx(np.sum(corpus.frequencies * of_tasks), rel=1e-4)


def test_a_task_beyond_the_table_is_not_a_number():
    batch = {"task": jnp.array([8]), "bits": jnp.ones((1, 8)), "label": jnp.ones(1)}
    assert bool(jnp.isnan(RECIPE.build(nnx.Rngs(0))(batch).nats).all())


def test_shapes_that_make_no_network_are_refused():
    with pytest.raises(LadderError, match="width is 0; give 1 or more"):
        PerceptronRecipe(width=0)

"""The training step of a model of a billion parameters, compiled for sixteen chips; never run."""

import functools
from typing import Any

import jax
import numpy as np
import pytest

from scaling_jax.ladder.recipe import Recipe
from scaling_jax.ladder.sharding import AXIS, Layout
from scaling_jax.ladder.training import Trainer, _advance
from tests.tpu.topologies import CHIPS, bytes_needed, memory_of_a_chip, mesh

TOPOLOGY = "v5e:4x4"
EXAMPLES = CHIPS[TOPOLOGY]  # a batch of one a chip
RECIPE = Recipe(
    width=2048, depth=17, vocab_size=32_768, context=2048, head_dim=128,
    dtype="bfloat16", remat=True,
)  # fmt: skip
# By default, the compiler hides communication behind parts of products: as loops, of which its own
# count of FLOPs takes one turn.
WHOLE_PRODUCTS = {"xla_jf_spmd_threshold_for_windowed_einsum_mib": "1000000"}


def lowered(trainer: Trainer) -> Any:
    """Lower a call of one step, with one lane."""
    layout = trainer.layout
    described = functools.partial(jax.ShapeDtypeStruct, sharding=layout.on() if layout else None)
    spread = layout.on(None, None, AXIS) if layout else None
    tokens = jax.ShapeDtypeStruct((1, 1, EXAMPLES, RECIPE.context + 1), np.int32, sharding=spread)
    return _advance.lower(
        trainer, trainer.structure(1), {"tokens": tokens},
        described((1, 1), np.float32), described((), np.int32),
    )  # fmt: skip


@functools.cache
def compiled() -> Any:
    layout = Layout.over(list(mesh(TOPOLOGY).devices.flat), split=True)
    return lowered(Trainer(RECIPE, layout=layout)).compile(compiler_options=WHOLE_PRODUCTS)


def test_chip_holds_its_share_of_parameters_and_moments():
    assert pytest.approx(1e9, rel=0.02) == RECIPE.params_total
    share = 3 * 4 * RECIPE.params_total / CHIPS[TOPOLOGY]  # float32
    need = compiled().memory_analysis()
    assert need.argument_size_in_bytes == pytest.approx(share, rel=1e-3)
    assert need.alias_size_in_bytes == pytest.approx(share, rel=1e-3)  # given away, not copied


def test_step_fits_a_chip_and_gathers_one_layer_at_a_time():
    assert bytes_needed(compiled()) < memory_of_a_chip(TOPOLOGY)
    # All parameters and gradients at once would be 8 GB, the activations of all chips even more.
    assert compiled().memory_analysis().temp_size_in_bytes < 2.5e9


def test_recipe_counts_the_flops_of_the_step():
    """As lowered for one device, layer by layer: what is not a product is 0.1 % of it."""
    cost = lowered(Trainer(RECIPE.replace(remat=False))).cost_analysis()
    flops = RECIPE.flops_per_token() * EXAMPLES * RECIPE.context
    assert cost["flops"] == pytest.approx(flops, rel=2e-3)


def test_compiled_step_does_those_flops_and_one_forward_pass_again():
    """A loop over the layers is counted once, so this is the vocabulary's part and one layer's."""
    vocabulary = 2 * RECIPE.vocab_size * RECIPE.width
    layer = (RECIPE.forward_flops_per_token() - vocabulary) / RECIPE.depth
    unused = 2 * RECIPE.hidden_width * RECIPE.width  # the product that ends the layer done again
    flops = (3 * vocabulary + 4 * layer - unused) * RECIPE.context  # a chip has one example
    assert compiled().cost_analysis()["flops"] == pytest.approx(flops, rel=1e-2)

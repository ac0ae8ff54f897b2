import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from scaling_jax.ladder.experts import Experts, imbalance, slots_of
from scaling_jax.ladder.recipe import Recipe
from scaling_jax.ladder.transformer import activate

RECIPE = Recipe(width=8, depth=1, head_dim=4, experts=4, active_experts=2, capacity=4.0)
ROWS = 6


@pytest.fixture(scope="module")
def layer() -> Experts:
    return Experts(RECIPE, rngs=nnx.Rngs(0))


def test_with_room_for_all_every_row_gets_the_weighted_sum_of_its_experts(layer):
    x = jax.random.normal(jax.random.key(1), (ROWS, RECIPE.width))
    given, _ = layer(x)
    chances = np.asarray(jax.nn.softmax(x @ layer.router[...]))
    for row in range(ROWS):
        best = np.argsort(-chances[row])[:2]
        shares = chances[row, best] / chances[row, best].sum()
        expected = sum(
            share * activate("swiglu", x[row] @ layer.inputs[...][e]) @ layer.output[...][e]
            for share, e in zip(shares, best, strict=True)
        )
        assert np.asarray(given[row]) == pytest.approx(np.asarray(expected), abs=2e-5)


def test_rows_that_find_no_room_pass_by():
    narrow = Experts(RECIPE.replace(active_experts=1, capacity=0.25), rngs=nnx.Rngs(0))
    same = jnp.ones((8, RECIPE.width))  # all want the same expert, which has room for one
    given, _ = narrow(same)
    assert np.any(np.asarray(given[0]) != 0)
    assert np.all(np.asarray(given[1:]) == 0)


def test_first_choices_come_before_second_ones():
    chosen = jnp.array([[0, 1], [1, 0], [0, 1]])
    assert slots_of(chosen, experts=2, room=2).tolist() == [[0, 3], [2, 4], [1, 4]]


def test_imbalance_is_one_where_load_is_even_and_as_many_as_experts_where_one_takes_all():
    even = jnp.full((4, 4), 0.25)
    assert float(imbalance(even, jnp.arange(4))) == pytest.approx(1.0)
    one = jnp.zeros((4, 4)).at[:, 2].set(1.0)
    assert float(imbalance(one, jnp.full(4, 2))) == pytest.approx(4.0)


@pytest.mark.parametrize("tied", [False, True])
def test_params_of_a_model_with_experts_are_counted(tied):
    recipe = RECIPE.replace(tied=tied, depth=2)
    state = nnx.state(nnx.eval_shape(lambda: recipe.build(nnx.Rngs(0))), nnx.Param)
    assert sum(leaf.size for leaf in jax.tree.leaves(state)) == recipe.params_total
    idle = 2 * 2 * 3 * recipe.width * recipe.hidden_width
    assert recipe.params_total - recipe.active_params == idle

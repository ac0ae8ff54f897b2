"""What a recipe says of its model, against the model that it builds."""

import jax
import numpy as np
import pytest
from flax import nnx
from jax.extend import core

from scaling_jax.errors import LadderError
from scaling_jax.ladder import Recipe

TINY = Recipe(width=16, depth=1, context=16, vocab_size=64)
RECIPES = {
    "swiglu": TINY,
    "gelu": TINY.replace(feedforward="gelu"),
    "tied": TINY.replace(tied=True),
    "deep": TINY.replace(depth=3, width=48, hidden=40),
    "experts": TINY.replace(experts=4, active_experts=2),
    "gelu experts, tied": TINY.replace(feedforward="gelu", experts=3, tied=True),
}


def built(recipe):
    return nnx.eval_shape(lambda: recipe.build(nnx.Rngs(0)))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_parameters_are_those_of_the_module(recipe):
    state = nnx.to_pure_dict(nnx.state(built(recipe), nnx.Param))
    sizes = {path: leaf.size for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
    assert recipe.params_total == sum(sizes.values())
    vocab = [size for path, size in sizes.items() if len(path) == 1]  # embedding, output
    assert len(vocab) == (1 if recipe.tied else 2)
    assert recipe.params_total - recipe.params_no_embed == sum(vocab)


def dot_flops(jaxpr):
    """Return the FLOPs of the matrix products in a program, loops counted as often as they run."""
    total = 0.0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval.shape
            inner = int(np.prod([left[axis] for axis in contracted]))
            total += 2.0 * inner * int(np.prod(equation.outvars[0].aval.shape))
        times = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else [value]:
                if isinstance(inner, core.ClosedJaxpr):
                    total += times * dot_flops(inner.jaxpr)
                elif isinstance(inner, core.Jaxpr):
                    total += times * dot_flops(inner)
    return total


def traced(recipe, examples, function):
    graph, state = nnx.split(built(recipe))
    tokens = jax.ShapeDtypeStruct((examples, recipe.context + 1), np.int32)

    def loss(state, tokens):
        return nnx.merge(graph, state)({"tokens": tokens}).nats.mean()

    return dot_flops(jax.make_jaxpr(function(loss))(state, tokens).jaxpr)


@pytest.mark.parametrize("name", ["swiglu", "gelu", "tied", "deep"])
def test_flops_are_those_of_the_traced_program(name):
    """A walk over every matrix product of the forward and of the training program."""
    recipe, examples = RECIPES[name], 2
    tokens = examples * recipe.context
    forward = traced(recipe, examples, lambda loss: loss)
    assert recipe.forward_flops_per_token() * tokens == forward
    # Gradients of an operand that is no parameter, as the embedded tokens, are products as well.
    training = traced(recipe, examples, jax.value_and_grad)
    assert recipe.flops_per_token() * tokens == pytest.approx(training, rel=0.03)


def test_flops_approach_six_a_parameter():
    """Where the context is short beside the width, as Kaplan et al. 2020, Sec. 2.1, count."""
    recipe = Recipe(width=4096, depth=32, context=128, tied=True)
    assert recipe.flops_per_token() / (6 * recipe.params_total) == pytest.approx(1.0, rel=0.01)


def test_active_parameters_leave_out_idle_experts():
    recipe = TINY.replace(experts=8, active_experts=2)
    one = 3 * recipe.width * recipe.hidden_width
    assert recipe.params_total - recipe.active_params == 6 * one
    assert TINY.active_params == TINY.params_total


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 24}, "width 24 is not made of heads of 16"),
        ({"head_dim": 1}, "choose an even head_dim"),
        ({"depth": 0}, "depth is 0; give 1 or more"),
        ({"feedforward": "relu"}, "feedforward 'relu' is unknown"),
        ({"active_experts": 2}, "active_experts is 2 of 1 experts"),
        ({"dtype": "float16"}, "neither float32 nor bfloat16"),
    ],
)
def test_numbers_that_make_no_model_are_said(changes, message):
    with pytest.raises(LadderError, match=message):
        TINY.replace(**changes)

"""The transformer: what it may see, where it starts, and that width changes none of it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from scaling_jax.ladder import Recipe
from scaling_jax.ladder.transformer import normalise, rotate

TINY = Recipe(width=16, depth=1, context=16, vocab_size=64)
KINDS = {
    "swiglu": TINY,
    "gelu, tied": TINY.replace(feedforward="gelu", tied=True),
    "bfloat16": TINY.replace(dtype="bfloat16"),
}


@functools.lru_cache
def model(recipe):
    """Return the module with an output that is not zero, and its compiled call."""
    module = recipe.build(nnx.Rngs(0))
    if not recipe.tied:
        module.output[...] = jax.random.normal(jax.random.key(1), module.output[...].shape)
    return nnx.jit(lambda module, batch: module(batch)), module


def nats(recipe, tokens):
    call, module = model(recipe)
    return np.asarray(call(module, {"tokens": tokens}).nats)


@pytest.fixture(scope="module")
def tokens():
    return np.random.default_rng(0).integers(0, 64, (4, 17)).astype(np.int32)


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_no_token_sees_a_later_one(recipe, tokens):
    """Loss t predicts token t + 1 from those up to t: changing token t leaves those before it."""
    before = nats(recipe, tokens)
    assert before.shape == (4, 16)
    for t in (0, 1, 7, 15, 16):
        changed = tokens.copy()
        changed[:, t] = (changed[:, t] + 1) % 64
        after = nats(recipe, changed)
        np.testing.assert_array_equal(after[:, : max(t - 1, 0)], before[:, : max(t - 1, 0)])
        if t:
            assert np.all(after[:, t - 1] != before[:, t - 1])  # its own prediction
        if t < 16:
            assert np.any(after[:, t:] != before[:, t:])  # those that see it


def test_examples_do_not_see_each_other(tokens):
    changed = tokens.copy()
    changed[0] = 0
    np.testing.assert_array_equal(nats(TINY, changed)[1:], nats(TINY, tokens)[1:])


def test_the_loss_begins_at_that_of_a_uniform_guess(tokens):
    """The output is zero at first, so every symbol has the same probability."""
    module = TINY.build(nnx.Rngs(3))
    losses = module({"tokens": tokens})
    np.testing.assert_allclose(losses.nats, np.log(64), rtol=1e-6)
    assert float(losses.penalty) == pytest.approx(TINY.z_loss * np.log(64) ** 2)


@pytest.mark.parametrize("half", [1, 8])
def test_scores_of_rotated_vectors_depend_on_their_distance_alone(half):
    """<R_i q, R_j k> = <R_{i+s} q, R_{j+s} k>, and lengths are kept (Su et al. 2021, Eq. 16)."""
    vectors = jax.random.normal(jax.random.key(0), (2, 1, 1, 2 * half))
    query, key = (jnp.tile(v[None], (1, 12, 1, 1)) for v in vectors)
    np.testing.assert_allclose(
        jnp.linalg.norm(rotate(query), axis=-1), jnp.linalg.norm(query, axis=-1), rtol=1e-5
    )
    scores = jnp.einsum("bihd,bjhd->ij", rotate(query), rotate(key))
    for distance in range(-11, 12):
        diagonal = jnp.diagonal(scores, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], atol=1e-5)
    np.testing.assert_array_equal(rotate(query)[:, 0], query[:, 0])


def test_norms_make_rows_of_mean_square_one():
    x = 1e3 * jax.random.normal(jax.random.key(0), (5, 64))
    np.testing.assert_allclose(jnp.mean(normalise(x) ** 2, axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(normalise(10.0 * x), normalise(x), rtol=1e-5)
    assert normalise(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_remat_changes_nothing(tokens):
    call, module = model(TINY)
    _, again = model(TINY.replace(remat=True))
    np.testing.assert_allclose(
        call(again, {"tokens": tokens}).nats, call(module, {"tokens": tokens}).nats, rtol=1e-6
    )


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_every_parameter_says_its_rate_and_whether_it_decays(recipe):
    """Matrices inside learn at base over width and decay; those of the vocabulary do neither."""
    wide = recipe.replace(width=128)
    state = nnx.state(nnx.eval_shape(lambda: wide.build(nnx.Rngs(0))), nnx.Param)
    for path, variable in nnx.to_flat_state(state):
        found = variable.get_metadata()
        inside = "layers" in path
        assert (found["rate"], found["decays"]) == ((0.5, True) if inside else (1.0, False)), path

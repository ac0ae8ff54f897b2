import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling_jax.ladder.attention import attend

SHAPE = (2, 7, 3, 4)
SCALE = 0.3


@pytest.fixture(scope="module")
def inputs():
    keys = jax.random.split(jax.random.key(0), 4)
    return tuple(jax.random.normal(key, SHAPE) for key in keys)


def test_is_softmax_attention_of_the_past(inputs):
    query, key, value, _ = (np.asarray(array, float) for array in inputs)
    expected = np.zeros(SHAPE)
    for example, token, head in np.ndindex(SHAPE[:3]):
        scores = SCALE * key[example, : token + 1, head] @ query[example, token, head]
        shares = np.exp(scores) / np.exp(scores).sum()
        expected[example, token, head] = shares @ value[example, : token + 1, head]
    assert np.asarray(attend(*inputs[:3], SCALE)) == pytest.approx(expected, abs=2e-6)


def test_gradients_are_those_of_the_derived_pass(inputs):
    *given, weights = inputs

    def ours(*arrays):
        return jnp.sum(attend(*arrays, SCALE) * weights)

    def derived(*arrays):
        mixed = jax.nn.dot_product_attention(*arrays, is_causal=True, scale=SCALE)
        return jnp.sum(mixed * weights)

    for mine, other in zip(
        jax.grad(ours, (0, 1, 2))(*given), jax.grad(derived, (0, 1, 2))(*given), strict=True
    ):
        assert np.asarray(mine) == pytest.approx(np.asarray(other), abs=5e-6)


def test_lanes_are_as_alone(inputs):
    query, key, value, _ = inputs
    lanes = jax.vmap(lambda q: attend(q, key, value, SCALE))(jnp.stack([query, -query]))
    assert np.asarray(lanes[1]) == pytest.approx(
        np.asarray(attend(-query, key, value, SCALE)), abs=1e-6
    )

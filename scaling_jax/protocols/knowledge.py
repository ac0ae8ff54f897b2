"""Knowledge in bits: what a model has learned of synthetic biographies, from its losses."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.protocols.registry import protocol

_BITS = 1.0 / math.log(2.0)  # in a nat
NAMES = 400 * 400 * 1000  # N0, first, middle and last names
# S0: pronoun, birth date, birth city, university, major, employer with its city
VALUES = 2 * (12 * 28 * 200) * 200 * 300 * 100 * 263


@protocol("knowledge_capacity")
def biography_bits(persons: Any, name_loss: Any = 0.0, value_loss: Any = 0.0) -> jax.Array:
    """Return the bits of knowledge that a model holds of bioS(N); over parameters: its capacity R.

    Args:
        persons: Number of persons N.
        name_loss: Cross-entropy of a name, summed over its tokens, in nats (p1). Beyond the
            distribution of the N names themselves nothing is learned: at least log N.
        value_loss: Of a person's six attributes, summed over their tokens, in nats (p2).

    Example:
        >>> round(float(biography_bits(1.0)), 1)  # 27.2 of the name, 47.6 of the attributes
        74.8

    Reference:
        Allen-Zhu and Li, arXiv:2404.05405, section 2.
    """
    names = math.log2(NAMES) - _BITS * jnp.asarray(name_loss)
    return persons * (names + math.log2(VALUES) - _BITS * jnp.asarray(value_loss))


def most_biography_bits(persons: Any) -> jax.Array:
    """Return the bits of a perfect model of bioS(N): R_max times its parameters.

    Example:
        >>> exact = biography_bits(1e5, name_loss=math.log(1e5))
        >>> bool(abs(most_biography_bits(1e5) / exact - 1) < 1e-6)
        True
    """
    return biography_bits(persons, name_loss=jnp.log(jnp.asarray(persons)))


def dictionary_bits(
    persons: Any,
    attributes: Any,
    chunks: Any,
    diversity: Any,
    length: Any,
    vocab_size: Any,
    *,
    name_loss: Any = 0.0,
    value_loss: Any = 0.0,
    chunk_loss: Any = 0.0,
) -> jax.Array:
    """Return the bits of knowledge that a model holds of bioD(N, K, C, D, L, T).

    Args:
        persons: N.
        attributes: K.
        chunks: C, chunks of a value.
        diversity: D, chunks that the values of one attribute are made of.
        length: L, tokens of a chunk.
        vocab_size: T.
        name_loss: p1 in nats, summed over the name's tokens.
        value_loss: p2, of a value.
        chunk_loss: p3, of the first chunk of a value.

    Example:
        >>> round(float(dictionary_bits(1.0, 1, 1, 2, 3, 10)), 1)  # 27.25 + 1 + 2 * (9.97 - 1)
        46.2

    Reference:
        Allen-Zhu and Li, arXiv:2404.05405, section 2.
    """
    names = math.log2(NAMES) - _BITS * jnp.asarray(name_loss)
    log_d = jnp.log2(jnp.asarray(diversity, float))
    values = chunks * log_d - _BITS * jnp.asarray(value_loss)
    chunk = length * jnp.log2(jnp.asarray(vocab_size, float)) - log_d
    return (
        persons * names
        + persons * attributes * values
        + attributes * diversity * (chunk - _BITS * jnp.asarray(chunk_loss))
    )


def most_dictionary_bits(
    persons: Any, attributes: Any, chunks: Any, diversity: Any, length: Any, vocab_size: Any
) -> jax.Array:
    """Return the bits of a perfect model of bioD: R_max times its parameters."""
    sizes = (persons, attributes, chunks, diversity, length, vocab_size)
    return dictionary_bits(*sizes, name_loss=jnp.log(jnp.asarray(persons, float)))

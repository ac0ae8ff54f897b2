"""Model size and tokens when the model will be used: training and inference paid together."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scaling_jax._pytree import pytree
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.compute_savings import bisect
from scaling_jax.protocols.registry import protocol

_FAR = 40.0  # logit of a share; beyond it a share is 0 or 1 to the last digit


@pytree
class InferenceOptimum:
    """The cheapest model of a loss for a demand.

    Attributes:
        params: Model size.
        tokens: Training tokens.
        training_flops: 6 * params * tokens.
        inference_flops: 2 * params * inference tokens.
    """

    params: Any
    tokens: Any
    training_flops: Any
    inference_flops: Any

    @property
    def total_flops(self) -> Any:
        """Training and inference together."""
        return self.training_flops + self.inference_flops


@protocol("sardana_inference")
def inference_optimal(
    loss: Any, inference_tokens: Any, *, E: Any, A: Any, B: Any, alpha: Any, beta: Any
) -> InferenceOptimum:
    """Return the size and tokens that reach a loss with the least compute over the lifetime.

    Minimises 6*N*D + 2*N*D_inf on the curve L(N, D) = loss. With s the share of the model-size term
    in the reducible loss, the first-order condition

        alpha * s / (beta * (1 - s)) = 1 + D_inf / (3 * D(s)),    D(s) = (B / ((1 - s) R))**(1/beta)

    has a left side that rises and a right side that falls in s: one root, found by bisection and
    differentiable in every argument.

    Args:
        loss: Target loss.
        inference_tokens: Tokens the model will process and write in its life; see
            `priced_inference_tokens` where they cost differently.
        E: Irreducible loss.
        A: Model-size amplitude.
        B: Data amplitude.
        alpha: Model-size exponent.
        beta: Data exponent.

    Raises:
        ProtocolError: The loss is not above the irreducible loss.

    Example:
        >>> theta = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
        >>> trained_only = inference_optimal(2.0, 0.0, **theta)
        >>> used_much = inference_optimal(2.0, 1e13, **theta)
        >>> bool(used_much.params < trained_only.params), bool(used_much.tokens > 1e12)
        (True, True)

    Reference:
        Sardana et al., arXiv:2401.00448.
    """
    reducible = jnp.asarray(loss) - E
    if not isinstance(reducible, Tracer) and np.any(np.asarray(reducible) <= 0.0):
        raise ProtocolError(
            f"no model reaches a loss of {np.min(np.asarray(loss)):g}, with an irreducible loss of "
            f"{float(np.max(E)):g}; ask for a larger one"
        )
    log_r = jnp.log(reducible)

    def log_tokens(logit: jax.Array) -> jax.Array:
        return (jnp.log(B) - log_r - jax.nn.log_sigmoid(-logit)) / beta

    def excess(logit: jax.Array) -> jax.Array:
        used = jnp.log1p(jnp.asarray(inference_tokens) / 3.0 * jnp.exp(-log_tokens(logit)))
        return jnp.log(alpha) - jnp.log(beta) + logit - used

    shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in (reducible, inference_tokens, alpha)))
    ends = jnp.full(shape, _FAR, reducible.dtype)
    logit = bisect(excess, -ends, ends)
    params = jnp.exp((jnp.log(A) - log_r - jax.nn.log_sigmoid(logit)) / alpha)
    tokens = jnp.exp(log_tokens(logit))
    return InferenceOptimum(
        params, tokens, 6.0 * params * tokens, 2.0 * params * jnp.asarray(inference_tokens)
    )


def priced_inference_tokens(
    input_tokens: Any,
    output_tokens: Any,
    *,
    training_utilisation: float = 0.5,
    input_utilisation: float = 0.5,
    output_utilisation: float = 0.01,
    price_ratio: float = 1.0,
) -> Any:
    """Return the inference tokens that cost as much as these do in money, for `inference_optimal`.

    Args:
        input_tokens: Tokens read over the lifetime.
        output_tokens: Tokens written.
        training_utilisation: Share of peak FLOP/s in training.
        input_utilisation: Share of peak FLOP/s in reading.
        output_utilisation: Share of peak FLOP/s in writing.
        price_ratio: Price of a peak FLOP in inference over one in training.

    Example:
        >>> round(priced_inference_tokens(1e12, 1e10) / 1e12, 2)
        1.5
    """
    scale = price_ratio * training_utilisation
    return scale * (input_tokens / input_utilisation + output_tokens / output_utilisation)


@protocol("densing_law")
def capability_density(
    score: Any,
    params: Any,
    *,
    c: Any,
    gamma: Any,
    l: Any,  # noqa: E741 - the letter of the paper
    d: Any,
    a: Any,
    alpha: Any,
    loss_of_data: Any = 0.0,
) -> jax.Array:
    """Return effective over actual parameters of a model with a benchmark score.

    The score gives the loss of the reference models, ``S = c / (1 + exp(-gamma*(L - l))) + d``, and
    the loss the size of a reference model, ``L = a * N**-alpha + loss_of_data``. As printed; gamma
    is negative, for scores that fall with the loss.

    Args:
        score: Benchmark score, between d and c + d.
        params: The model's parameters.
        c: Height of the sigmoid.
        gamma: Its steepness, negative.
        l: Its centre.
        d: Its lower asymptote.
        a: Amplitude of the loss in parameters.
        alpha: Its exponent.
        loss_of_data: The term ``b * D**-beta`` of the reference models.

    Raises:
        ProtocolError: A score lies outside the sigmoid, or better than any reference model.

    Example:
        >>> fitted = dict(c=0.7, gamma=-5.0, l=1.0, d=0.25, a=50.0, alpha=0.2)
        >>> reference = 0.7 / (1 + np.exp(5.0 * (50.0 * 4e9**-0.2 - 1.0))) + 0.25
        >>> round(float(capability_density(reference, 2e9, **fitted)), 3)
        2.0

    Reference:
        Xiao et al., arXiv:2412.04315.
    """
    share = (jnp.asarray(score) - d) / c
    loss = l + (jnp.log(share) - jnp.log1p(-share)) / gamma
    reducible = loss - loss_of_data
    if not isinstance(reducible, Tracer) and not np.all(np.asarray(reducible) > 0.0):
        raise ProtocolError(
            "a score lies outside the fitted sigmoid, or is better than a reference model of any "
            "size; check the score's scale and the fitted coefficients"
        )
    return jnp.exp((jnp.log(a) - jnp.log(reducible)) / alpha) / params

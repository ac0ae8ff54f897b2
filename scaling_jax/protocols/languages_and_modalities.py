"""Languages and modalities: transfer scores, what more languages cost, and competition barriers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.compute_savings import log_compute_at
from scaling_jax.protocols.registry import protocol


@protocol("atlas_transfer_score")
def bilingual_transfer_score(
    mono_tokens: Any, mono_loss: Any, bilingual_tokens: Any, bilingual_loss: Any, at: float
) -> jax.Array:
    """Return how much half of the tokens in another language helps (> 0) or hurts (< 0).

    The bilingual model, half of whose tokens are in each language, reaches the loss of the
    monolingual one after twice its tokens if the other language does nothing: a score of 0.

    Args:
        mono_tokens: Tokens along the monolingual curve, rising ``[points]``.
        mono_loss: Loss on the target language, falling ``[points]``.
        bilingual_tokens: Tokens of both languages along the bilingual curve ``[points]``.
        bilingual_loss: Loss on the target language ``[points]``.
        at: Monolingual tokens d_mono to compare at, 42e9 in the publication.

    Raises:
        ProtocolError: A curve is not monotone, or the bilingual one does not reach the loss.

    Example:
        >>> import numpy as np
        >>> tokens = np.geomspace(1e9, 1e12, 31)
        >>> loss = lambda d: 2 + 1e3 * d**-0.3
        >>> score = bilingual_transfer_score(tokens, loss(tokens), tokens, loss(tokens / 2), 42e9)
        >>> bool(abs(score) < 0.01)
        True

    Reference:
        Longpre et al., arXiv:2510.22037.
    """
    tokens = np.asarray(mono_tokens)
    if not tokens[0] <= at <= tokens[-1]:
        raise ProtocolError(
            f"the monolingual curve covers {tokens[0]:g} to {tokens[-1]:g} tokens, not {at:g}"
        )
    level = jnp.interp(jnp.log(at), jnp.log(jnp.asarray(mono_tokens)), jnp.asarray(mono_loss))
    needed = jnp.exp(log_compute_at(bilingual_tokens, bilingual_loss, level, "bilingual"))
    return -(needed - 2.0 * at) / at


@dataclass(frozen=True)
class EqualLoss:
    """Factors that keep the loss on a language when there are more of them.

    Attributes:
        params: Of the model.
        tokens_per_language: Of the tokens of each language.
        tokens: Of all tokens.
        compute_flops: Of the training compute.
    """

    params: Any
    tokens_per_language: Any
    tokens: Any
    compute_flops: Any


@protocol("atlas_multilinguality")
def equal_loss_factors(ratio: Any, *, phi: Any, psi: Any, alpha: Any, beta: Any) -> EqualLoss:
    """Return by how much model and data must grow for `ratio` times as many languages.

    Args:
        ratio: New number of languages over the old one.
        phi: Capacity cost of languages.
        psi: Transfer gain, negative.
        alpha: Model-size exponent.
        beta: Data exponent.

    Example:
        >>> factors = equal_loss_factors(4.0, phi=0.11, psi=-0.04, alpha=0.4527, beta=0.1471)
        >>> round(factors.params, 2), round(factors.tokens, 2)
        (1.4, 2.74)

    Reference:
        Longpre et al., arXiv:2510.22037, section 5.
    """
    params, each = ratio ** (phi / alpha), ratio ** (psi / beta)
    return EqualLoss(params, each, ratio * each, params * ratio * each)


@protocol("mixed_modal_competition")
def competition(theta: Mapping[str, Any], params: Any, tokens: Any) -> jax.Array:
    """Return what sharing a model costs two modalities: competition less synergy.

    Positive below the barrier, where each modality would be better off on its own; negative
    beyond, where they help each other.

    Args:
        theta: C_ij, A_ij, B_ij, alpha_ij and beta_ij of the pair.
        params: Parameters N.
        tokens: Tokens of both, D_i + D_j.

    Example:
        >>> pair = dict(C_ij=0.1, A_ij=100.0, B_ij=0.0, alpha_ij=0.5, beta_ij=0.3)
        >>> [round(float(competition(pair, n, 1e9)), 3) for n in (1e4, 1e8)]
        [0.9, -0.09]

    Reference:
        Aghajanyan et al., arXiv:2301.03728, equation 4.
    """
    size = theta["A_ij"] * jnp.exp(-theta["alpha_ij"] * jnp.log(jnp.asarray(params, float)))
    data = theta["B_ij"] * jnp.exp(-theta["beta_ij"] * jnp.log(jnp.asarray(tokens, float)))
    return size + data - theta["C_ij"]


def barrier(theta: Mapping[str, Any]) -> tuple[jax.Array, jax.Array]:
    """Return the parameters and tokens with least compute 6ND at which two modalities break even.

    At the least compute both terms weigh by their exponents, alpha A N**-alpha =
    beta B D**-beta, so each takes its share of C_ij.

    Args:
        theta: C_ij, A_ij, B_ij, alpha_ij and beta_ij of the pair, all positive.

    Raises:
        ProtocolError: The pair has no synergy to break even with.

    Example:
        >>> pair = dict(C_ij=0.1, A_ij=100.0, B_ij=300.0, alpha_ij=0.4, beta_ij=0.4)
        >>> params, tokens = barrier(pair)
        >>> bool(abs(competition(pair, params, tokens)) < 1e-6)
        True
    """
    if np.any(np.asarray(theta["C_ij"]) <= 0.0):
        raise ProtocolError("the modalities have no synergy (C_ij <= 0), so no barrier to cross")
    alpha, beta = (jnp.asarray(theta[name], float) for name in ("alpha_ij", "beta_ij"))
    size = theta["C_ij"] * beta / (alpha + beta)
    data = theta["C_ij"] * alpha / (alpha + beta)
    params = jnp.exp(jnp.log(theta["A_ij"] / size) / alpha)
    return params, jnp.exp(jnp.log(theta["B_ij"] / data) / beta)

"""Translation models: splitting parameters between encoder and decoder, or between tasks."""

from typing import Any

from scaling_jax.protocols.registry import protocol


@protocol("nmt_bivariate")
def encoder_decoder_split(params: Any, pe: Any, pd: Any) -> tuple[Any, Any]:
    """Return the encoder and decoder sizes with the least loss for a number of parameters.

    Args:
        params: Parameters of both.
        pe: Encoder exponent.
        pd: Decoder exponent.

    Example:
        >>> encoder_decoder_split(3e8, 0.2, 0.1)
        (200000000.0, 100000000.0)

    Reference:
        Ghorbani et al., arXiv:2109.07740.
    """
    encoder = params * (pe / (pe + pd))
    return encoder, params - encoder


@protocol("mnmt_joint")
def effective_fraction(beta_p: Any, beta_1: Any, alpha: Any) -> Any:
    """Return the share of a multilingual model that serves a pair sampled with weight p.

    A bilingual model of f(p) N parameters has the loss that the pair has in the joint one of N.

    Args:
        beta_p: Amplitude of the pair's loss in the joint model.
        beta_1: Amplitude of the model of the pair alone.
        alpha: Exponent, common to both.

    Example:
        >>> round(effective_fraction(1.2, 1.0, 0.3), 3)
        0.545

    Reference:
        Fernandes et al., arXiv:2302.09650.
    """
    return (beta_1 / beta_p) ** (1.0 / alpha)

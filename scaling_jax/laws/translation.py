"""Translation: losses of encoder-decoder and multilingual models, and BLEU from the loss."""

import dataclasses

import jax.numpy as jnp

from scaling_jax.laws.forms import log_coupled_powers, power, power_from_zero
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.registry import law, register

_BASELINE = 1e8  # parameters; any size within a few decades of the models serves
_LOSS = Variable("loss", "L", "test cross-entropy", usual=(0.5, 6.0), bounds=SCALE)
_BLEU = Variable("bleu", "BLEU", "corpus BLEU", "points", usual=(1.0, 50.0))


@law(
    name="nmt_bivariate",
    formula="L(Ne, Nd) = alpha*(Ne_bar/Ne)**pe*(Nd_bar/Nd)**pd + L_inf",
    parameters=[
        Parameter("alpha", "reducible loss of the baseline model", unit="loss"),
        Parameter("pe", "encoder exponent", start=(0.02, 1.0)),
        Parameter("pd", "decoder exponent", start=(0.02, 1.0)),
        Parameter("L_inf", "irreducible loss", unit="loss"),
        Parameter("Ne_bar", "encoder of the baseline, held", unit="encoder_params"),
        Parameter("Nd_bar", "decoder of the baseline, held", unit="decoder_params"),
    ],
    inputs=[
        Variable(
            "encoder_params",
            "Ne",
            "encoder parameters without embeddings",
            "parameters",
            usual=(1e6, 1e10),
            bounds=SCALE,
        ),
        Variable(
            "decoder_params",
            "Nd",
            "decoder parameters without embeddings and softmax",
            "parameters",
            usual=(1e6, 1e10),
            bounds=SCALE,
        ),
    ],
    decreasing=["encoder_params", "decoder_params"],
)
def _nmt_bivariate(encoder_params, decoder_params, *, alpha, pe, pd, L_inf, Ne_bar, Nd_bar):
    """Return the loss of encoder and decoder size.

    The normalisers only choose what alpha means, so they are held: at 1e8 parameters, or at the
    baseline's own sizes by ``fix(Ne_bar=..., Nd_bar=...)``.
    """
    log_encoder = pe * (jnp.log(Ne_bar) - jnp.log(encoder_params))
    log_decoder = pd * (jnp.log(Nd_bar) - jnp.log(decoder_params))
    return L_inf + alpha * jnp.exp(log_encoder + log_decoder)


# Registered anew: with all four factors free the amplitude would be counted three times.
nmt_bivariate = register(
    dataclasses.replace(_nmt_bivariate, fixed=(("Ne_bar", _BASELINE), ("Nd_bar", _BASELINE)))
)


@law(
    name="nmt_bleu_loss",
    formula="BLEU = c_B * L**(-p_B)",
    parameters=[
        Parameter("c_B", "BLEU at a loss of 1", unit="bleu * loss**p_B"),
        Parameter("p_B", "exponent", start=(0.1, 3.0)),
    ],
    inputs=[_LOSS],
    output=_BLEU,
    decreasing=["loss"],
    returns="log",
)
def nmt_bleu_loss(loss, *, c_B, p_B):
    """Return the logarithm of BLEU, a power of the test loss."""
    return jnp.log(c_B) - p_B * jnp.log(loss)


@law(
    name="gordon_bleu",
    formula="BLEU = C*exp(k*L)",
    parameters=[
        Parameter("C", "BLEU at a loss of 0", unit="bleu"),
        Parameter("k", "decay", unit="1/loss", bounds=(-INF, 0.0), start=(-5.0, -0.05)),
    ],
    inputs=[_LOSS],
    output=_BLEU,
    decreasing=["loss"],
    returns="log",
)
def gordon_bleu(loss, *, C, k):
    """Return the logarithm of BLEU, a straight line in the development loss."""
    return jnp.log(C) + k * loss


@law(
    name="gordon_nmt_joint",
    formula="L(N, D) = ((N_C/N)**(alpha_N/alpha_D) + D_C/D)**alpha_D",
    parameters=[
        Parameter("N_C", "scale constant", unit="params * loss**(1/alpha_N)", start=(0.05, 5.0)),
        Parameter(
            "D_C", "scale constant", unit="data_bytes * loss**(1/alpha_D)", start=(0.05, 5.0)
        ),
        Parameter("alpha_N", "model-size exponent", start=(0.02, 1.0)),
        Parameter("alpha_D", "data exponent", start=(0.02, 1.0)),
    ],
    inputs=[
        Variable(
            "params", "N", "2 * layers * (4*d**2 + 2*d*d_ff), no embeddings", usual=(1e5, 1e9)
        ),
        Variable("data_bytes", "D", "training text", "bytes", usual=(5e6, 1e11), bounds=SCALE),
    ],
    decreasing=["params", "data_bytes"],
    returns="log",
)
def gordon_nmt_joint(params, data_bytes, *, N_C, D_C, alpha_N, alpha_D):
    """Return the logarithm of the development loss, Kaplan et al.'s form over bytes of text."""
    log_u = (alpha_N / alpha_D) * (jnp.log(N_C) - jnp.log(params))
    return log_coupled_powers(log_u, jnp.log(D_C) - jnp.log(data_bytes), alpha_D)


@law(
    name="mnmt_joint",
    formula="L_i(N, p) = beta_1i*((p + c1*p**c2*(1-p)**c3)*N)**(-alpha_i) + Linf_i",
    parameters=[
        Parameter("beta_1i", "amplitude of the pair alone", unit="loss * params**alpha_i"),
        Parameter("alpha_i", "exponent, independent of p", start=(0.02, 1.0)),
        Parameter("Linf_i", "irreducible loss, independent of p", unit="loss"),
        Parameter("c1", "size of the synergy", bounds=REAL_LINE, start=(-0.2, 1.0)),
        Parameter("c2", "shape of the synergy near p = 0", start=(0.3, 3.0)),
        Parameter("c3", "shape of the synergy near p = 1", start=(0.3, 3.0)),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters", usual=(2e7, 1e9)),
        Variable(
            "sampling_weight",
            "p",
            "share of the pair among the training samples",
            "fraction",
            usual=(0.05, 0.95),
            bounds=(0.0, 1.0),
        ),
    ],
    decreasing=["params"],
)
def mnmt_joint(params, sampling_weight, *, beta_1i, alpha_i, Linf_i, c1, c2, c3):
    """Return the loss of one language pair, whose share p serves it like a share f(p) of N.

    A strongly negative c1 makes f(p) negative for some p: no fraction, and no loss.
    """
    p = sampling_weight
    fraction = p + c1 * power_from_zero(p, c2) * power_from_zero(1.0 - p, c3)
    return Linf_i + beta_1i * power(fraction * params, -alpha_i)

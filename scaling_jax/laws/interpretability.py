"""Interpretability: sparse autoencoders, attacks on activations, ranks and residuals of layers."""

import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.registry import law, register
from scaling_jax.laws.templates import RISING, alternatives, power_law, sum_of_powers

_ERROR = Variable("reconstruction_error", "L", "mean squared error over that of the mean")

sum_of_powers(
    "sae_loss_compute",
    "L(C) = 0.09 + 0.056 * C**(-0.084)",
    [
        (
            Variable(
                "compute_share", "C", "compute over that of GPT-4's pre-training", "",
                (1e-9, 1e-5), SCALE,
            ),
            "A",
            "alpha",
        )
    ],
    _ERROR,
)  # fmt: skip


@law(
    name="sae_loss_nk",
    formula="L(n, k) = exp(alpha + beta_k*log(k) + beta_n*log(n) + gamma*log(k)*log(n)) + "
    "exp(zeta + eta*log(k))",
    parameters=[
        Parameter("alpha", "offset", bounds=REAL_LINE),
        Parameter("beta_k", "exponent of k at n = 1", bounds=REAL_LINE),
        Parameter("beta_n", "exponent of n at k = 1", bounds=REAL_LINE, start=(-0.5, 0.1)),
        Parameter("gamma", "interaction: the slope in n steepens with k", bounds=(-INF, 0.0)),
        Parameter("zeta", "logarithm of the irreducible part at k = 1", bounds=REAL_LINE),
        Parameter("eta", "exponent of the irreducible part", bounds=(-INF, 0.0)),
    ],
    inputs=[
        Variable("latents", "n", "latents of the autoencoder", "", (2048.0, 1.7e7), SCALE),
        Variable("active_latents", "k", "latents active at once", "", (32.0, 512.0), SCALE),
    ],
    output=_ERROR,
    decreasing=["latents"],
)
def sae_loss_nk(latents, active_latents, *, alpha, beta_k, beta_n, gamma, zeta, eta):
    """Return the reconstruction error at convergence of TopK autoencoders."""
    log_n, log_k = jnp.log(latents), jnp.log(active_latents)
    reducible = alpha + beta_k * log_k + beta_n * log_n + gamma * log_k * log_n
    return jnp.exp(reducible) + jnp.exp(zeta + eta * log_k)


def _controlled(attacked_tokens, *, kappa):
    return kappa * attacked_tokens


def _resistance(width, bits_per_dimension, vocab_size, *, kappa):
    return width * bits_per_dimension / (kappa * jnp.log2(vocab_size))


adv_activation_attack = alternatives(
    {
        "controlled_tokens": Law(
            name="adv_activation_attack",
            function=_controlled,
            inputs=(
                Variable(
                    "attacked_tokens", "a", "attacked positions", "tokens", (1.0, 16.0), SCALE
                ),
            ),
            output=Variable("controlled_tokens", "t_max", "output tokens under control", "tokens"),
            parameters=(
                Parameter("kappa", "attack multiplier", "controlled_tokens / attacked_tokens"),
            ),
            formula="t_max = kappa * a",
            increasing=("attacked_tokens",),
        ),
        "resistance": Law(
            name="adv_activation_attack",
            function=_resistance,
            inputs=(
                Variable("width", "d", "width of the activations", usual=(512.0, 2560.0)),
                Variable(
                    "bits_per_dimension", "p", "bits of an activation", "", (8.0, 32.0), SCALE
                ),
                Variable("vocab_size", "V", usual=(3e4, 2.6e5)),
            ),
            output=Variable("resistance", "chi", "input bits a controlled output bit"),
            parameters=(
                Parameter("kappa", "attack multiplier", "width * bits_per_dimension / resistance"),
            ),
            formula="chi = d * p / (kappa * log2(V))",
            increasing=("width", "bits_per_dimension"),
            decreasing=("vocab_size",),
        ),
    }
)

power_law(
    "spectral_ffn",
    "rank(D) = k * D**beta",
    Variable("width", "D", "width of the feed-forward layer", usual=(256.0, 32768.0)),
    Variable("effective_rank", "rank", "hard or soft rank of its activations"),
    amplitude="k",
    exponent="beta",
    bounds=RISING,
)


def _residual(layer, *, PR_1, rho):
    return PR_1 * jnp.exp((layer - 1.0) * jnp.log(rho))


def _layerwise(name: str) -> Law:
    """Register the geometric fall of the prediction residual over the layers."""
    return register(
        Law(
            name=name,
            function=_residual,
            inputs=(Variable("layer", "l", "layer, counted from 1", "", (1.0, 48.0), (1.0, INF)),),
            output=Variable("prediction_residual", "PR_l", "unexplained share of the next token"),
            parameters=(
                Parameter("PR_1", "residual at the first layer", bounds=(0.0, 1.0)),
                Parameter("rho", "ratio of a layer to the one before", bounds=(0.0, 1.0)),
            ),
            formula="PR_l = rho**(l-1) * PR_1",
            decreasing=("layer",),
        )
    )


# One paper, entered twice.
_layerwise("next_token_law")
_layerwise("law_next_token")

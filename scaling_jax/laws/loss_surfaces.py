"""Loss surfaces: loss as a function of model size and data."""

import jax.numpy as jnp

from scaling_jax.laws.declaration import Parameter, Variable
from scaling_jax.laws.forms import log_coupled_powers, power
from scaling_jax.laws.registry import law

_KAPLAN_EXPONENTS = (0.02, 1.0)  # published: 0.07 to 0.11 for text, up to 0.43 for translation


@law(
    name="kaplan_nd",
    formula="L(N, D) = ((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D",
    parameters=[
        Parameter("N_c", "scale constant", unit="params * loss**(1/alpha_N)", start=(0.05, 5.0)),
        Parameter("D_c", "scale constant", unit="tokens * loss**(1/alpha_D)", start=(0.05, 5.0)),
        Parameter("alpha_N", "exponent", start=_KAPLAN_EXPONENTS),
        Parameter("alpha_D", "exponent", start=_KAPLAN_EXPONENTS),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters"),
        Variable("tokens", "D", "dataset size (unique tokens)"),
    ],
    returns="log",
)
def kaplan_nd(params, tokens, *, N_c, D_c, alpha_N, alpha_D):
    """Return the logarithm of Kaplan et al.'s loss of model size and dataset size."""
    log_u = (alpha_N / alpha_D) * (jnp.log(N_c) - jnp.log(params))
    return log_coupled_powers(log_u, jnp.log(D_c) - jnp.log(tokens), alpha_D)


@law(
    name="chinchilla",
    formula="L(N, D) = E + A / N**alpha + B / D**beta",
    parameters=[
        Parameter("E", "irreducible loss (entropy of text)", unit="loss"),
        Parameter("A", "model-size amplitude", unit="loss * params**alpha"),
        Parameter("B", "data amplitude", unit="loss * tokens**beta"),
        Parameter("alpha", "model-size exponent"),
        Parameter("beta", "data exponent"),
    ],
    inputs=[
        Variable("params", "N", "parameters including embeddings"),
        Variable("tokens", "D", "training tokens"),
    ],
)
def chinchilla(params, tokens, *, E, A, B, alpha, beta):
    """Return the Chinchilla parametric loss (approach 3)."""
    return E + A * power(params, -alpha) + B * power(tokens, -beta)


@law(
    name="gadre_overtraining",
    formula="L(C, M) = E + (a * M**eta + b * M**(-eta)) * C**(-eta)",
    parameters=[
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter(
            "a",
            "amplitude (a = A*6**eta for L = E + A*N**(-2 eta) + B*D**(-2 eta))",
            unit="loss * compute_flops**eta / tokens_per_param**eta",
        ),
        Parameter(
            "b",
            "amplitude (b = B*6**eta)",
            unit="loss * compute_flops**eta * tokens_per_param**eta",
        ),
        Parameter("eta", "compute exponent = alpha/2 with alpha = beta", start=(0.03, 0.7)),
    ],
    inputs=[
        Variable("compute_flops", "C", "training FLOP = 6*N*D"),
        Variable("tokens_per_param", "M", "token multiplier D/N"),
    ],
)
def gadre_overtraining(compute_flops, tokens_per_param, *, E, a, b, eta):
    """Return the loss of over-trained models."""
    # M/C and M*C: the two powers of each amplitude in one, which also keeps float32 in range.
    log_m, log_c = jnp.log(tokens_per_param), jnp.log(compute_flops)
    return E + a * jnp.exp(eta * (log_m - log_c)) + b * jnp.exp(-eta * (log_m + log_c))


@law(
    name="skaling",
    formula="L(N, D) = E + (A / N**alpha + B / D**beta)**k",
    parameters=[
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter("A", "amplitude", unit="loss**(1/k) * params**alpha", start=(0.01, 1.0)),
        Parameter("B", "amplitude", unit="loss**(1/k) * tokens**beta", start=(0.01, 1.0)),
        Parameter("alpha", "exponent", bounds=(0.01, 2.0), start=(0.05, 1.5)),
        Parameter("beta", "exponent", bounds=(0.01, 2.0), start=(0.05, 1.5)),
        Parameter(
            "k", "coupling exponent (k=1 is Chinchilla)", bounds=(0.01, 2.0), start=(0.15, 1.5)
        ),
    ],
    inputs=[
        Variable("params", "N", "parameters (each data set's own convention)"),
        Variable("tokens", "D", "training tokens"),
    ],
)
def skaling(params, tokens, *, E, A, B, alpha, beta, k):
    """Return the loss with Chinchilla's exponents and a coupling exponent."""
    log_u = jnp.log(A) - alpha * jnp.log(params)
    log_v = jnp.log(B) - beta * jnp.log(tokens)
    return E + jnp.exp(log_coupled_powers(log_u, log_v, k))

"""Loss surfaces: loss as a function of model size and data."""

from scaling_jax.laws.declaration import Parameter, Reference
from scaling_jax.laws.registry import law


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
    reference=Reference(
        "Training Compute-Optimal Large Language Models", "Hoffmann et al.", 2022, "2203.15556",
        "Eq. 10",
    ),
)
def chinchilla(params, tokens, *, E, A, B, alpha, beta):
    """Return the Chinchilla parametric loss (approach 3)."""
    return E + A * params**-alpha + B * tokens**-beta

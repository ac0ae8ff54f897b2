"""Parallel computation: several streams of one model."""

import jax.numpy as jnp

from scaling_jax.laws.declaration import INF, Parameter, Variable
from scaling_jax.laws.forms import power
from scaling_jax.laws.registry import law


@law(
    name="parscale",
    formula="L(N, P) = E + (A/(N*(k*ln(P) + 1)))**alpha",
    parameters=[
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter("A", "scale in parameters", unit="params * loss**(1/alpha)", start=(1e-3, 1.0)),
        Parameter("k", "gain per e-fold of streams"),
        Parameter("alpha", "exponent", start=(0.05, 1.0)),
    ],
    inputs=[
        Variable(
            "params",
            "N",
            "non-embedding parameters (of the P-stream model, grows slightly with P)",
        ),
        Variable("streams", "P", "parallel streams", bounds=(1.0, INF)),
    ],
)
def parscale(params, streams, *, E, A, k, alpha):
    """Return the loss of a model run as parallel streams."""
    return E + power(A / (params * (k * jnp.log(streams) + 1.0)), alpha)

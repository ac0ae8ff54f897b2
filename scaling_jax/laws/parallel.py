"""Parallel computation: several streams of one model."""

import jax.numpy as jnp

from scaling_jax.laws.declaration import INF, Parameter, Reference, Variable
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
    predicts="loss with P parallel streams at fixed training tokens",
    reference=Reference(
        "Parallel Scaling Law for Language Models (ParScale)",
        "Chen et al. (Qwen)",
        2025,
        "2505.10475",
    ),
    fitting="Huber(1e-3) on log loss, L-BFGS-B with all four parameters >= 1e-8, starts E in "
    "exp(-1,-0.5,0), A in exp(-4..4 step 2) (units of 1e9), alpha in 0..2 step 0.5, k in 0.2..0.8 "
    "step 0.2; best objective 3.677e-5 (Stack), 1.814e-5 (Pile)",
    notes="equivalent parameters N_eq = N*(k*ln(P) + 1). SLDBench (pkuHaowei/sldbench, "
    "parallel_scaling_law) holds out P = 8.",
    limits="fixed token budget; P <= 8",
)
def parscale(params, streams, *, E, A, k, alpha):
    """Return the loss of a model run as parallel streams."""
    return E + power(A / (params * (k * jnp.log(streams) + 1.0)), alpha)

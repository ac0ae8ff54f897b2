"""Shape: width, depth and the like beside the number of parameters, and growing a model."""

import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.registry import law
from scaling_jax.laws.templates import alternatives, sum_of_powers

_NOT_NEGATIVE = (0.0, INF)

sum_of_powers(
    "gemstones_wd",
    "L = E + A / w**alpha_w + B / d**alpha_d + C / N**alpha_N + F / D**alpha_D",
    [
        (Variable("width", "w", usual=(64.0, 32768.0)), "A", "alpha_w"),
        (Variable("depth", "d", usual=(2.0, 256.0)), "B", "alpha_d"),
        (Variable("params", "N", "parameters including embeddings", usual=(1e6, 1e12)),)
        + ("C", "alpha_N"),
        (Variable("tokens", "D", usual=(1e8, 1e14)), "F", "alpha_D"),
    ],
)


@law(
    name="sovit_shape",
    formula="f_k(x_k, t) = alpha_k * x_k**(-a_k) + (beta_k * x_k**b_k + xi_k) * t**(-c) + eps_k",
    parameters=[
        Parameter("alpha_k", "amplitude", "error * shape_dimension**a_k"),
        Parameter("a_k", "exponent of the dimension"),
        Parameter(
            "beta_k", "cost of the dimension", "error * shape_dimension**-b_k * compute_flops**c"
        ),
        Parameter("b_k", "exponent of that cost"),
        Parameter("xi_k", "cost of the other dimensions", "error * compute_flops**c"),
        Parameter("c", "compute exponent"),
        Parameter("eps_k", "irreducible error", "error", _NOT_NEGATIVE),
    ],
    inputs=[
        Variable(
            "shape_dimension", "x_k", "width, depth or MLP size", "count", (4.0, 16384.0), SCALE
        ),
        Variable("compute_flops", "t", usual=(1e9, 1e22)),
    ],
    output=Variable("error", "f_k"),
    decreasing=["compute_flops"],
)
def sovit_shape(shape_dimension, compute_flops, *, alpha_k, a_k, beta_k, b_k, xi_k, c, eps_k):
    """Return the error as one dimension of the shape varies, the others held."""
    cost = beta_k * power(shape_dimension, b_k) + xi_k
    return alpha_k * power(shape_dimension, -a_k) + cost * power(compute_flops, -c) + eps_k


@law(
    name="bian_shape",
    formula="L(N, D, R) = (E + A / N**alpha + B / D**beta) * (1 + eps * R**gamma)",
    parameters=[
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter("A", "model-size amplitude", unit="loss * params**alpha"),
        Parameter("B", "data amplitude", unit="loss * tokens**beta"),
        Parameter("alpha", "model-size exponent"),
        Parameter("beta", "data exponent, tied to alpha in the paper"),
        Parameter("eps", "amplitude of the shape", unit="aspect_ratio**-gamma", start=(1e-3, 0.1)),
        Parameter("gamma", "exponent of the shape, tied to alpha in the paper"),
    ],
    inputs=[
        Variable("params", "N", usual=(1e7, 1e12)),
        Variable("tokens", "D", usual=(1e8, 1e14)),
        Variable("aspect_ratio", "R", "d_model / n_layers", "count", (2.0, 1024.0), SCALE),
    ],
    decreasing=["params", "tokens"],
    increasing=["aspect_ratio"],
)
def bian_shape(params, tokens, aspect_ratio, *, E, A, B, alpha, beta, eps, gamma):
    """Return the loss of a model of a shape: wide and shallow ones are worse."""
    loss = E + A * power(params, -alpha) + B * power(tokens, -beta)
    return loss * (1.0 + eps * power(aspect_ratio, gamma))


# Fast scaling of convolutional networks: alpha of the budget goes to width

_FAST = (
    "scale flops by s: depth x s**e_d, width x s**(e_w/2), resolution x s**(e_r/2), "
    "e_d + e_w + e_r = 1 ; activations x s**(e_d + e_w/2 + e_r) ; parameters x s**(e_d + e_w) ; "
    "fast compound scaling: e_w = alpha, e_d = e_r = (1-alpha)/2, so activations x "
    "s**(1 - alpha/2)"
)
# The exponent of s in each quantity, as offset + slope * alpha.
_FAST_EXPONENTS = {
    "activations": (1.0, -0.5),
    "params": (0.5, 0.5),
    "width": (0.0, 0.5),
    "depth": (0.5, -0.5),
    "resolution": (0.25, -0.25),
}


def _fast(column: str, offset: float, slope: float) -> Law:
    def factor(flops_factor, *, alpha):
        return power(flops_factor, offset + slope * alpha)

    return Law(
        name="fast_model_scaling",
        function=factor,
        inputs=(Variable("flops_factor", "s", "factor of the FLOP", "", (1.0, 1e4), bounds=SCALE),),
        output=Variable(f"{column}_factor", meaning=f"factor of the {column}", bounds=SCALE),
        parameters=(Parameter("alpha", "share of the budget for width", bounds=(0.0, 1.0)),),
        formula=_FAST,
        increasing=("flops_factor",),
    )


alternatives({column: _fast(column, *ends) for column, ends in _FAST_EXPONENTS.items()})


# Growing a small model into a deep one

_LOG_10 = 2.302585092994046


@law(
    name="stacking_growth",
    formula="log10(d) = a*log10(N) + b/log10(C) + c ; g = 4",
    parameters=[
        Parameter("a", "exponent of the model size", bounds=REAL_LINE, start=(0.0, 2.0)),
        Parameter("b", "coefficient of 1/log10(C)", bounds=REAL_LINE, start=(50.0, 300.0)),
        Parameter("c", "offset", bounds=REAL_LINE, start=(-10.0, 0.0)),
    ],
    inputs=[
        Variable("params", "N", "parameters of the large model", usual=(1e8, 1e12)),
        Variable("compute_flops", "C", "compute of the large model, 6*N*D", usual=(1e19, 1e27)),
    ],
    output=Variable(
        "growth_tokens", "d", "tokens for the small model before it is stacked", bounds=SCALE
    ),
    increasing=["params"],
    decreasing=["compute_flops"],
    returns="log",
)
def stacking_growth(params, compute_flops, *, a, b, c):
    """Return the logarithm of the tokens before the layers are stacked."""
    return a * jnp.log(params) + b * _LOG_10**2 / jnp.log(compute_flops) + c * _LOG_10

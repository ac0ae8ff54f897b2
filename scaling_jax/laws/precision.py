"""Precision: loss over the bits of training and of quantisation after it."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import log_coupled_powers, power
from scaling_jax.laws.parts import INF, REAL_LINE, Parameter, Variable
from scaling_jax.laws.registry import law
from scaling_jax.laws.templates import alternatives

_ABOVE_ONE = (1.0, INF)
_EFFICIENCY = (0.0, 1.0)
_LEAST_SHARE = 1e-3  # of the parameters that is effective where training diverges

_SIZE = Variable("params", "N", "parameters", usual=(3e7, 1.7e9))
_TOKENS = Variable("tokens", "D", "training tokens", usual=(1.5e9, 2.6e10))
_INCREASE = Variable("loss_increase", "delta", "loss added by quantisation", "nats per token")
_DENSE = (
    Parameter("A", "model-size amplitude", "loss * params**alpha"),
    Parameter("alpha", "model-size exponent"),
    Parameter("B", "data amplitude", "loss * tokens**beta"),
    Parameter("beta", "data exponent"),
    Parameter("E", "irreducible loss", "loss"),
)
# Below 4 bits of activations or cache, training diverges and the law is not meant.
_TRAINED_BITS = {"w": (3.0, 16.0), "a": (4.0, 16.0), "kv": (4.0, 16.0)}
_PARTS = {"w": "weight", "a": "activation", "kv": "kv"}
_BITS = tuple(
    Variable(f"{_PARTS[x]}_bits", f"P_{x}", f"{_PARTS[x]} bits in training", "bits", usual)
    for x, usual in _TRAINED_BITS.items()
)


def effective_share(bits: Any, gamma: Any, offset: Any = 0.0) -> jax.Array:
    """Return 1 - exp(-bits/gamma + offset), the share of parameters that low precision leaves.

    At least 1e-3: with the published offsets it is negative at 3 bits, where training diverges.

    Example:
        >>> round(float(effective_share(4.0, 2.2102, 1.4072)), 2)
        0.33
    """
    return jnp.maximum(-jnp.expm1(offset - bits / gamma), _LEAST_SHARE)


def _effective_size(params, bits: dict[str, Any], scales: dict[str, Any]) -> jax.Array:
    shares = [effective_share(bits[x], scales[f"gamma_{x}"], scales[f"n_{x}"]) for x in _PARTS]
    return params * math.prod(shares)


def _sensitivities(in_bits: bool) -> tuple[Parameter, ...]:
    """Return scales and offsets of the three parts; scales in bits where bits have a unit."""
    return tuple(
        parameter
        for x, part in _PARTS.items()
        for parameter in (
            Parameter(
                f"gamma_{x}",
                f"bits of {part} an e-fold",
                f"{part}_bits" if in_bits else "1",
                start=(0.1, 0.6) if in_bits else (0.5, 4.0),
            ),
            Parameter(f"n_{x}", f"offset of {part}", bounds=REAL_LINE, start=(-0.5, 1.5)),
        )
    )


@law(
    name="precision_training",
    formula="L(N, D, P_w, P_a, P_kv) = A*N_eff**(-alpha) + B*D**(-beta) + E ; "
    "N_eff = N*prod_{x in w,a,kv} (1 - exp(-P_x/gamma_x + n_x))",
    parameters=[*_DENSE, *_sensitivities(in_bits=True)],
    inputs=[_SIZE, _TOKENS, *_BITS],
    decreasing=["params", "tokens", "weight_bits", "activation_bits", "kv_bits"],
)
def precision_training(
    params, tokens, weight_bits, activation_bits, kv_bits, *, A, alpha, B, beta, E, **scales
):
    """Return the loss of training in few bits; without offsets (n = 0) it is as printed."""
    bits = {"w": weight_bits, "a": activation_bits, "kv": kv_bits}
    size = _effective_size(params, bits, scales)
    return A * power(size, -alpha) + B * power(tokens, -beta) + E


_POST_BITS = Variable("post_bits", "P_post", "weight bits after quantisation", "bits", (3.0, 8.0))
_GROWTH = (
    Parameter("gamma_D", "data exponent"),
    Parameter("gamma_N", "model-size exponent"),
)


def _post_training(params, tokens, post_bits, *, C_T, gamma_D, gamma_N, gamma_post):
    exponents = gamma_D * jnp.log(tokens) - gamma_N * jnp.log(params) - post_bits / gamma_post
    return C_T * jnp.exp(exponents)


def _unified(
    params,
    tokens,
    weight_bits,
    activation_bits,
    kv_bits,
    post_bits,
    *,
    A,
    alpha,
    B,
    beta,
    E,
    C_T,
    gamma_D,
    gamma_N,
    gamma_post,
    C_w,
    C_a,
    C_kv,
    **scales,
):
    bits = {"w": weight_bits, "a": activation_bits, "kv": kv_bits}
    size = _effective_size(params, bits, scales)
    robust = {"w": C_w, "a": C_a, "kv": C_kv}
    # A part trained in fewer bits than are left afterwards is not hurt by quantisation.
    spared = [-jnp.expm1(-robust[x] * jnp.maximum(bits[x] - post_bits, 0.0)) for x in _PARTS]
    added = _post_training(
        size, tokens, post_bits, C_T=C_T, gamma_D=gamma_D, gamma_N=gamma_N, gamma_post=gamma_post
    )
    return A * power(size, -alpha) + B * power(tokens, -beta) + E + added * math.prod(spared)


precision_ptq = alternatives(
    {
        "after": Law(
            name="precision_ptq",
            function=_post_training,
            inputs=(_SIZE, _TOKENS, _POST_BITS),
            output=Variable("loss_increase", "delta_PTQ", "loss added by quantisation"),
            parameters=(
                Parameter("C_T", "amplitude", "loss_increase * params**gamma_N * tokens**-gamma_D"),
                *_GROWTH,
                Parameter("gamma_post", "bits an e-fold", "post_bits", start=(0.05, 0.5)),
            ),
            formula="delta_PTQ(N, D, P_post) = C_T*(D**gamma_D/N**gamma_N)*exp(-P_post/gamma_post)",
            decreasing=("params", "post_bits"),
            increasing=("tokens",),
        ),
        "unified": Law(
            name="precision_ptq",
            function=_unified,
            inputs=(_SIZE, _TOKENS, *_BITS, _POST_BITS),
            output=Variable("loss"),
            parameters=(
                *_DENSE,
                Parameter("C_T", "amplitude", "loss * params**gamma_N * tokens**-gamma_D"),
                *_GROWTH,
                Parameter("gamma_post", "bits an e-fold", start=(0.3, 2.0)),
                *(
                    Parameter(f"C_{x}", f"robustness to the training precision of {part}")
                    for x, part in _PARTS.items()
                ),
                *_sensitivities(in_bits=False),
            ),
            formula="L = A*N_eff**(-alpha) + B*D**(-beta) + E + delta_PTQ ; delta_PTQ = "
            "C_T*exp(-P_post/gamma_post)*(D**gamma_D/N_eff**gamma_N)*prod_{x in w,a,kv} "
            "(1 - exp(-C_x*(P_x - P_post)))",
            decreasing=("params",),
        ),
    },
    option="training",
)


@law(
    name="quartet",
    formula="L(N, D, P_f, P_b) = (A/(N*eff_N(P_f))**alpha + B/(D*eff_D(P_b))**beta)**gamma + E",
    parameters=[
        Parameter("A", "size amplitude", "loss**(1/gamma) * params**alpha", start=(0.01, 1.0)),
        Parameter("alpha", "model-size exponent"),
        Parameter("B", "data amplitude", "loss**(1/gamma) * tokens**beta", start=(0.01, 1.0)),
        Parameter("beta", "data exponent"),
        Parameter("gamma", "coupling exponent", start=(0.15, 1.5)),
        Parameter("E", "irreducible loss", "loss"),
        Parameter("eff_N", "parameter efficiency of the forward pass", bounds=_EFFICIENCY),
        Parameter("eff_D", "data efficiency of the backward pass", bounds=_EFFICIENCY),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters", usual=(3e7, 2e8)),
        Variable("tokens", "D", "training tokens", usual=(7.5e8, 1.6e11)),
    ],
    decreasing=["params", "tokens"],
)
def quartet(params, tokens, *, A, alpha, B, beta, gamma, E, eff_N, eff_D):
    """Return the loss at one pair of precisions.

    The efficiencies trade off with A and B: fit the law of full precision with
    ``fix(eff_N=1, eff_D=1)`` first, then the efficiencies with its coefficients held.
    """
    log_u = jnp.log(A) - alpha * (jnp.log(params) + jnp.log(eff_N))
    log_v = jnp.log(B) - beta * (jnp.log(tokens) + jnp.log(eff_D))
    return jnp.exp(log_coupled_powers(log_u, log_v, gamma)) + E


_GROUP = Variable(
    "group_size", "G", "elements that share a scale", "elements", (32, 4096), _ABOVE_ONE
)
_QAT_SIZE = Variable("params", "N", "parameters", usual=(7e7, 6e8))
_QAT_TOKENS = Variable("tokens", "D", "training tokens", usual=(1e10, 1e11))


def _aware(params, tokens, group_size, *, k, gamma_D, gamma_G, gamma_N):
    growth = gamma_D * jnp.log(tokens) - gamma_N * jnp.log(params)
    # A scale for every element leaves no error; log2(1) = 0 has no power with a derivative.
    bits = jnp.where(group_size > 1.0, jnp.log2(jnp.maximum(group_size, 1.0 + 1e-6)), 1.0)
    return jnp.where(group_size > 1.0, k * power(bits, gamma_G) * jnp.exp(growth), 0.0)


def _aware_loss(params, tokens, group_size, *, A, alpha, B, beta, E, **growth):
    dense = A * power(params, -alpha) + B * power(tokens, -beta) + E
    return dense + _aware(params, tokens, group_size, **growth)


def _qat(function: Any, output: Variable, formula: str, *dense: Parameter) -> Law:
    return Law(
        name="qat_scaling",
        function=function,
        inputs=(_QAT_SIZE, _QAT_TOKENS, _GROUP),
        output=output,
        parameters=(
            *dense,
            Parameter("k", "amplitude", f"{output.column} * params**gamma_N * tokens**-gamma_D"),
            *_GROWTH,
            Parameter("gamma_G", "exponent of the group size"),
        ),
        formula=formula,
        decreasing=("params",),
        increasing=("group_size",) if dense else ("tokens", "group_size"),
    )


_DELTA_P = "delta_p(N, D, G) = k*D**gamma_D*(log2(G))**gamma_G/N**gamma_N"
qat_scaling = alternatives(
    {
        "loss_increase": _qat(
            _aware, Variable("loss_increase", "delta_p", "loss added by quantisation"), _DELTA_P
        ),
        "loss": _qat(
            _aware_loss,
            Variable("loss"),
            f"L = A*N**(-alpha) + B*D**(-beta) + E + delta_p ; {_DELTA_P}",
            *_DENSE,
        ),
    }
)


@law(
    name="low_bit_undertrained",
    formula="delta_q(N, D, P) = k*D**beta/(N**alpha*P**gamma)",
    parameters=[
        Parameter(
            "k", "amplitude", "loss_increase * params**alpha * tokens**-beta * post_bits**gamma"
        ),
        Parameter("beta", "data exponent"),
        Parameter("alpha", "model-size exponent"),
        Parameter("gamma", "exponent of the bits", start=(1.0, 8.0)),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters", usual=(1e8, 1.2e10)),
        Variable("tokens", "D", "training tokens of the checkpoint", usual=(1e9, 1e14)),
        Variable("post_bits", "P", "bits after quantisation", "bits", (2.0, 4.0)),
    ],
    output=Variable("loss_increase", "delta_q", "loss added by quantisation", "nats per token"),
    decreasing=["params", "post_bits"],
    increasing=["tokens"],
)
def low_bit_undertrained(params, tokens, post_bits, *, k, beta, alpha, gamma):
    """Return the loss that quantising a checkpoint adds."""
    growth = beta * jnp.log(tokens) - alpha * jnp.log(params) - gamma * jnp.log(post_bits)
    return k * jnp.exp(growth)


@law(
    name="compression_eff",
    formula="L(N, D, c) = A*(N*eff(c))**(-alpha) + B*D**(-beta) + E",
    parameters=[
        *_DENSE,
        Parameter("eff", "effective share of the parameters", bounds=_EFFICIENCY),
    ],
    inputs=[
        Variable("params", "N", "parameters", usual=(1e7, 1e9)),
        Variable("tokens", "D", "training tokens", usual=(1e9, 1e11)),
    ],
    decreasing=["params", "tokens"],
)
def compression_eff(params, tokens, *, A, alpha, B, beta, E, eff):
    """Return the loss under one compression method, after the dense law has been fitted.

    A and the multiplier trade off: hold the dense coefficients with ``fix`` to fit `eff`.
    """
    return A * power(params * eff, -alpha) + B * power(tokens, -beta) + E


@law(
    name="fp_quant_training",
    formula="L(N, D, E, M, B) = n/N**alpha + d/D**beta + eps + "
    "(D**beta/N**alpha)*log2(B)/(gamma*(E + 0.5)**delta*(M + 0.5)**nu)",
    parameters=[
        Parameter("n", "model-size amplitude", "loss * params**alpha"),
        Parameter("alpha", "model-size exponent"),
        Parameter("d", "data amplitude", "loss * tokens**beta"),
        Parameter("beta", "data exponent"),
        Parameter("eps", "irreducible loss", "loss"),
        Parameter(
            "gamma",
            "tolerance of low precision",
            "tokens**beta * params**-alpha * loss**-1",
            start=(0.1, 10.0),
        ),
        Parameter("delta", "exponent of the exponent bits", start=(0.5, 5.0)),
        Parameter("nu", "exponent of the mantissa bits", start=(0.5, 5.0)),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters", usual=(4e7, 7e10)),
        Variable("tokens", "D", "training tokens", usual=(1e10, 1e12)),
        Variable("exponent_bits", "E", "exponent bits", "bits", (1.0, 8.0), (0.0, INF)),
        Variable("mantissa_bits", "M", "mantissa bits", "bits", (1.0, 7.0), (0.0, INF)),
        Variable(
            "block_size", "B", "elements that share a scaling factor", "", (32, 9130), _ABOVE_ONE
        ),
    ],
    decreasing=["params", "exponent_bits", "mantissa_bits"],
    increasing=["block_size"],
)
def fp_quant_training(
    params,
    tokens,
    exponent_bits,
    mantissa_bits,
    block_size,
    *,
    n,
    alpha,
    d,
    beta,
    eps,
    gamma,
    delta,
    nu,
):
    """Return the loss of training in floating point with few exponent and mantissa bits."""
    log_n, log_d = alpha * jnp.log(params), beta * jnp.log(tokens)
    bits = delta * jnp.log(exponent_bits + 0.5) + nu * jnp.log(mantissa_bits + 0.5)
    noise = jnp.log2(block_size) / gamma * jnp.exp(log_d - log_n - bits)
    return n * jnp.exp(-log_n) + d * jnp.exp(-log_d) + eps + noise

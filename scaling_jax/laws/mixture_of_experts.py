"""Mixture of experts: loss over model size, tokens, experts, their granularity and sparsity."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import log_sum_exp, power
from scaling_jax.laws.parts import INF, REAL_LINE, Anchor, Parameter, Variable
from scaling_jax.laws.registry import family, law
from scaling_jax.laws.templates import alternatives, scaled_power_law

_ABOVE_ONE = (1.0, INF)
_NEGATIVE = (-INF, 0.0)
_LN10 = 2.302585092994046

_ROUTED_SIZE = Variable("params", "N", "parameters that one token passes through", usual=(1e7, 2e9))
_EXPERTS = Variable("experts", "E", "experts a routed layer, 1 for dense", "", (1, 512), _ABOVE_ONE)
_SATURATION = (
    Parameter("E_start", "saturation at few experts", bounds=_ABOVE_ONE, start=(1.2, 8.0)),
    Parameter("E_max", "saturation at many experts", bounds=_ABOVE_ONE, start=(50.0, 1000.0)),
)


def _saturated(above_first: Any, start: Any, most: Any) -> jax.Array:
    """Return the effective number of experts: `start` for the first, `most` for infinitely many.

    Args:
        above_first: Number of experts beyond the first (E - 1).
        start: Effective number of one expert.
        most: Effective number of infinitely many.
    """
    return 1.0 / (1.0 / (above_first + 1.0 / (1.0 / start - 1.0 / most)) + 1.0 / most)


# The bilinear law is closed under a change of units only with offsets that add, not multiply.
# At the centre of the data, with n = log10(N / N_ref), it is level + a*n + (slope + c*n)*e, where
# e = log10(E_hat / E_start): coordinates of order one that hardly know of each other.
_BILINEAR = (
    Parameter("size_slope", "a", bounds=_NEGATIVE, start=(-0.3, -0.02)),
    Parameter("slope", "b + c*log10(N_ref)", bounds=_NEGATIVE, start=(-0.3, -0.005)),
    Parameter("interaction", "c", start=(0.001, 0.05)),
    Parameter("level", "log10(L / L_ref) at N_ref for dense models", bounds=REAL_LINE),
)


def _to_bilinear(c: Any, size: Any, loss: Any, start: Any) -> dict[str, Any]:
    """Return a, b, c, d from the coordinates and the decimal logarithms of the references."""
    level = c["level"] + loss - c["size_slope"] * size - c["slope"] * start
    b = c["slope"] - c["interaction"] * size
    return {"a": c["size_slope"], "b": b, "c": c["interaction"], "d": level}


def _from_bilinear(theta: Any, size: Any, loss: Any, start: Any) -> dict[str, Any]:
    """Return the coordinates; the inverse of `_to_bilinear`."""
    slope = theta["b"] + theta["c"] * size
    level = theta["d"] - loss + theta["a"] * size + slope * start
    return {
        "size_slope": theta["a"],
        "slope": slope,
        "interaction": theta["c"],
        "level": level,
    }


def _to_routed(c: Any, logs: Any) -> dict[str, Any]:
    size, loss, start = logs["params"] / _LN10, logs["loss"] / _LN10, jnp.log10(c["E_start"])
    return _to_bilinear(c, size, loss, start) | {"E_start": c["E_start"], "E_max": c["E_max"]}


def _from_routed(theta: Any, logs: Any) -> dict[str, Any]:
    size, loss, start = logs["params"] / _LN10, logs["loss"] / _LN10, jnp.log10(theta["E_start"])
    coordinates = _from_bilinear(theta, size, loss, start)
    return coordinates | {"E_start": theta["E_start"], "E_max": theta["E_max"]}


@law(
    name="clark_routed",
    formula="log10 L(N, E) = a*log10(N) + b*log10(E_hat) + c*log10(N)*log10(E_hat) + d ; "
    "1/E_hat = 1/(E - 1 + (1/E_start - 1/E_max)**(-1)) + 1/E_max",
    parameters=[
        Parameter("a", "model-size slope", bounds=_NEGATIVE),
        Parameter("b", "expert slope at N = 1", bounds=_NEGATIVE),
        Parameter("c", "interaction: how the gain of experts falls with size"),
        Parameter("d", "offset", bounds=REAL_LINE),
        *_SATURATION,
    ],
    inputs=[_ROUTED_SIZE, _EXPERTS],
    decreasing=["params", "experts"],
    returns="log",
    anchor=Anchor((*_BILINEAR, *_SATURATION), _to_routed, _from_routed),
)
def clark_routed(params, experts, *, a, b, c, d, E_start, E_max):
    """Return the logarithm of the loss of routed models of a size and a number of experts."""
    log_e = jnp.log10(_saturated(experts - 1.0, E_start, E_max))
    log_n = jnp.log10(params)
    return _LN10 * (a * log_n + b * log_e + c * log_n * log_e + d)


scaled_power_law(
    "clark_dense", "L(N) = (N_c/N)**alpha_N", _ROUTED_SIZE, "loss", scale="N_c", exponent="alpha_N"
)


@family("clark_separable")
def clark_separable(interaction: bool = False) -> Law:
    """Return the law without saturation; with `interaction` the experts' gain varies with size."""

    def log_loss(params, experts, *, a, b, d, c=0.0):
        log_n, log_e = jnp.log10(params), jnp.log10(experts)
        return _LN10 * (a * log_n + b * log_e + c * log_n * log_e + d)

    cross = (Parameter("c", "interaction", bounds=REAL_LINE, start=(0.0, 0.05)),)
    return Law(
        name="clark_separable",
        function=log_loss,
        inputs=(_ROUTED_SIZE, _EXPERTS),
        output=Variable("loss"),
        parameters=(
            Parameter("a", "model-size slope", bounds=_NEGATIVE, start=(-0.3, -0.02)),
            Parameter("b", "expert slope", bounds=_NEGATIVE, start=(-0.3, -0.005)),
            *(cross if interaction else ()),
            Parameter("d", "offset", bounds=REAL_LINE, start=(0.0, 2.0)),
        ),
        formula="log10 L(N, E) = a*log10(N) + b*log10(E)"
        + (" + c*log10(N)*log10(E)" if interaction else "")
        + " + d",
        # Without saturation the interaction turns the gain of experts round at a finite size.
        decreasing=("params",) if interaction else ("params", "experts"),
        returns="log",
    )


@law(
    name="clark_epc",
    formula="N_eff(N, E) = N**(alpha(E_hat)/alpha(E_start)) * (E_hat/E_start)**(b/alpha(E_start)) "
    "; alpha(E) = a + c*log10(E) ; L(N, E) = L(N_eff, 1)",
    parameters=[
        Parameter("a", "model-size slope", bounds=_NEGATIVE, start=(-0.3, -0.02)),
        Parameter("b", "expert slope at N = 1", bounds=_NEGATIVE, start=(-0.3, -0.05)),
        Parameter("c", "interaction", start=(0.001, 0.02)),
        *_SATURATION,
    ],
    inputs=[_ROUTED_SIZE, _EXPERTS],
    output=Variable("effective_params", "N_eff", "size of the dense model of equal loss"),
    increasing=["params"],
    returns="log",
)
def clark_epc(params, experts, *, a, b, c, E_start, E_max):
    """Return the logarithm of the size of the dense model whose loss `clark_routed` gives."""
    first, here = jnp.log10(E_start), jnp.log10(_saturated(experts - 1.0, E_start, E_max))
    log_n = jnp.log10(params)
    return _LN10 * ((a + c * here) * log_n + b * (here - first)) / (a + c * first)


def _to_utilisation(c: Any, logs: Any) -> dict[str, Any]:
    per_flop = jnp.exp(logs["params_total"] - logs["flops_per_step"])
    ends = {name: c[name] * per_flop for name in ("B_start", "B_max")}
    size, loss = logs["flops_per_step"] / _LN10, logs["loss"] / _LN10
    return _to_bilinear(c, size, loss, jnp.log10(ends["B_start"])) | ends


def _from_utilisation(theta: Any, logs: Any) -> dict[str, Any]:
    per_flop = jnp.exp(logs["params_total"] - logs["flops_per_step"])
    size, loss = logs["flops_per_step"] / _LN10, logs["loss"] / _LN10
    coordinates = _from_bilinear(theta, size, loss, jnp.log10(theta["B_start"]))
    return coordinates | {name: theta[name] / per_flop for name in ("B_start", "B_max")}


_UTILISATION = (
    Parameter("B_start", "saturation at few parameters a FLOP", start=(0.01, 0.3)),
    Parameter("B_max", "saturation at many parameters a FLOP", start=(3.0, 100.0)),
)


@law(
    name="clark_flops_utilisation",
    formula="log10 L(F, B) = a*log10(F) + b*log10(B_hat) + c*log10(F)*log10(B_hat) + d ; B = P/F ; "
    "B_hat = saturating transform of B as for E",
    parameters=[
        Parameter("a", "slope in compute", bounds=_NEGATIVE),
        Parameter("b", "slope in utilisation at F = 1", bounds=REAL_LINE),
        Parameter("c", "interaction"),
        Parameter("d", "offset", bounds=REAL_LINE),
        *_UTILISATION,
    ],
    inputs=[
        Variable("flops_per_step", "F", "FLOP of a forward pass", "FLOP", usual=(4e13, 2e15)),
        Variable("params_total", "P", "total parameters", usual=(1.6e7, 2.1e11)),
    ],
    returns="log",
    anchor=Anchor((*_BILINEAR, *_UTILISATION), _to_utilisation, _from_utilisation),
)
def clark_flops_utilisation(flops_per_step, params_total, *, a, b, c, d, B_start, B_max):
    """Return the logarithm of the loss for any routing frequency and number of experts a token.

    B is not counted from that of a dense model, as E is from 1: B_start absorbs the difference.
    """
    log_f = jnp.log10(flops_per_step)
    log_b = jnp.log10(_saturated(params_total / flops_per_step, B_start, B_max))
    return _LN10 * (a * log_f + b * log_b + c * log_f * log_b + d)


@law(
    name="yun_moe",
    formula="log L(N, D, E) = log(A/N**alpha + B/E_hat**beta + C/D**gamma + F) + "
    "d*log(N)*log(E_hat) ; 1/E_hat = 1/(E - 1 + (1/E_start - 1/E_max)**(-1)) + 1/E_max",
    parameters=[
        # The published fit started log A, log C in 0 .. 25 and log F in -1 .. 1, for raw sizes.
        Parameter("A", "model-size amplitude", "loss", start=(1.0, 1e4)),
        Parameter("B", "expert amplitude", "loss"),
        Parameter("C", "data amplitude", "loss * tokens**gamma"),
        Parameter("F", "irreducible part", "loss", start=(0.1, 1.0)),
        Parameter("alpha", "model-size exponent", start=(0.1, 1.0)),
        Parameter("beta", "expert exponent"),
        Parameter("gamma", "data exponent"),
        Parameter("d", "interaction of size and experts", bounds=REAL_LINE, start=(-0.01, 0.01)),
        *_SATURATION,
    ],
    inputs=[
        Variable("params", "N", "parameters of the dense model, no embeddings", usual=(1e8, 7.3e8)),
        Variable("tokens", "D", "training tokens", usual=(2.5e9, 2e10)),
        Variable("experts", "E", "experts, two of them used a token", "", (1, 32), _ABOVE_ONE),
    ],
    decreasing=["tokens"],
    returns="log",
)
def yun_moe(params, tokens, experts, *, A, B, C, F, alpha, beta, gamma, d, E_start, E_max):
    """Return the logarithm of the loss of top-2 routed models in size, tokens and experts."""
    effective = _saturated(experts - 1.0, E_start, E_max)
    powers = A * power(params, -alpha) + B * power(effective, -beta) + C * power(tokens, -gamma)
    return jnp.log(powers + F) + d * jnp.log(params) * jnp.log(effective)


def _fine_grained(
    params, tokens, granularity=1.0, *, c, a, alpha, b, beta, g=0.0, gamma=1.0
) -> jax.Array:
    of_size = (g * power(granularity, -gamma) + a) * power(params, -alpha)
    return c + of_size + b * power(tokens, -beta)


_FINE_TOKENS = Variable("tokens", "D", "training tokens", usual=(1.6e10, 1.3e11))
_DENSE_TERMS = (
    Parameter("c", "irreducible loss", "loss"),
    Parameter("a", "model-size amplitude", "loss * params**alpha"),
    Parameter("alpha", "model-size exponent"),
    Parameter("b", "data amplitude", "loss * tokens**beta"),
    Parameter("beta", "data exponent"),
)

krajewski_moe = alternatives(
    {
        "routed": Law(
            name="krajewski_moe",
            function=_fine_grained,
            inputs=(
                Variable("params", "N", "total non-embedding parameters", usual=(1.29e8, 2e11)),
                _FINE_TOKENS,
                Variable("granularity", "G", "d_ff / d_expert", "", (1.0, 16.0), _ABOVE_ONE),
            ),
            output=Variable("loss"),
            parameters=(
                *_DENSE_TERMS,
                Parameter(
                    "g", "granularity amplitude", "loss * params**alpha * granularity**gamma"
                ),
                Parameter("gamma", "granularity exponent"),
            ),
            formula="L(N, D, G) = c + (g/G**gamma + a)/N**alpha + b/D**beta",
            decreasing=("params", "tokens", "granularity"),
        ),
        "dense": Law(
            name="krajewski_moe",
            function=_fine_grained,
            inputs=(Variable("params", "N", "parameters", usual=(1.29e8, 3.7e9)), _FINE_TOKENS),
            output=Variable("loss"),
            parameters=_DENSE_TERMS,
            formula="L(N, D) = c + a/N**alpha + b/D**beta",
            decreasing=("params", "tokens"),
        ),
    },
    option="model",
)


@law(
    name="joint_moe",
    formula="L(N_act, D, E) = a*E_hat**delta*N_act**(alpha + gamma*ln(E_hat)) + "
    "b*E_hat**omega*D**(beta + zeta*ln(E_hat)) + c ; "
    "1/E_hat = 1/(E - 1 + (1/E_start - 1/E_max)**(-1)) + 1/E_max",
    parameters=[
        Parameter("a", "model-size amplitude at N = 1", "loss", start=(1.0, 1e3)),
        Parameter("delta", "change of it with experts", bounds=REAL_LINE),
        Parameter("alpha", "model-size exponent", bounds=_NEGATIVE, start=(-0.5, -0.05)),
        Parameter("gamma", "change of it with experts", bounds=REAL_LINE, start=(-0.05, 0.05)),
        Parameter("b", "data amplitude at D = 1", "loss", start=(1.0, 1e3)),
        Parameter("omega", "change of it with experts", bounds=REAL_LINE),
        Parameter("beta", "data exponent", bounds=_NEGATIVE, start=(-0.5, -0.05)),
        Parameter("zeta", "change of it with experts", bounds=REAL_LINE, start=(-0.05, 0.05)),
        Parameter("c", "irreducible loss", "loss"),
        *_SATURATION,
    ],
    inputs=[
        Variable("active_params", "N_act", "active parameters", usual=(1e8, 1e10)),
        Variable("tokens", "D", "training tokens", usual=(1e9, 1e12)),
        Variable("experts", "E", "experts, one of them used a token", "", (1, 32), _ABOVE_ONE),
    ],
    decreasing=["active_params", "tokens"],
)
def joint_moe(
    active_params,
    tokens,
    experts,
    *,
    a,
    delta,
    alpha,
    gamma,
    b,
    omega,
    beta,
    zeta,
    c,
    E_start,
    E_max,
):
    """Return the loss in active parameters, tokens and experts: a Chinchilla law for each E."""
    log_e = jnp.log(_saturated(experts - 1.0, E_start, E_max))
    of_size = delta * log_e + (alpha + gamma * log_e) * jnp.log(active_params)
    of_data = omega * log_e + (beta + zeta * log_e) * jnp.log(tokens)
    return a * jnp.exp(of_size) + b * jnp.exp(of_data) + c


_ACTIVATION = Variable(
    "activation_ratio",
    "A",
    "experts used a token / all experts; dense: 1",
    "",
    (0.008, 1.0),
    (0, 1),
)
_GRANULARITY = Variable("granularity", "G", "2 * d_model / d_expert", "", (2.0, 16.0), _ABOVE_ONE)
_COMPUTE = Variable("compute_flops", "C", "training FLOP of the routed model", usual=(1e18, 1e22))
_LEVERAGE = Variable("efficiency_leverage", "EL", "dense compute / routed compute at equal loss")
_A_START = Parameter("A_start", "saturation at few active experts", start=(0.003, 0.1))
_A_MAX = Parameter("A_max", "saturation when all are active", start=(2.0, 1e3))


def _leverage(activation_ratio, granularity, compute_flops, *, a, d, gamma, beta, A_start, A_max):
    """Return the logarithm of the leverage, with log10 of C and log2 of G.

    The paper does not name the bases; only with these has the law the values that it states.
    """
    log_g = jnp.log2(granularity)
    exponent = a + d * jnp.log10(compute_flops) + gamma * log_g**2 + beta * log_g
    return exponent * jnp.log(_saturated(activation_ratio, A_start, A_max))


def _of_activation(activation_ratio, *, a_A, A_start, A_max):
    return a_A * jnp.log(_saturated(activation_ratio, A_start, A_max))


def _of_granularity(granularity, *, a_G, b_G, c_G):
    log_g = jnp.log2(granularity)
    return a_G + b_G * log_g * (log_g + c_G)


def _of_compute(compute_flops, *, a_C, c_C):
    return a_C * jnp.log(compute_flops) + c_C


def _leverage_law(
    function: Callable[..., Any],
    formula: str,
    inputs: Sequence[Variable],
    parameters: Sequence[Parameter],
) -> Law:
    return Law(
        name="efficiency_leverage",
        function=function,
        inputs=tuple(inputs),
        output=_LEVERAGE,
        parameters=tuple(parameters),
        formula=formula,
        returns="log",
    )


# One law of everything, or the marginal law of one of its inputs.
efficiency_leverage = alternatives(
    {
        "all": _leverage_law(
            _leverage,
            "EL(A, G, C) = A_hat**(alpha + gamma*(log G)**2 + beta*log G), alpha = a + d*log C ; "
            "1/A_hat = 1/(A + (1/A_start - 1/A_max)**(-1)) + 1/A_max",
            [_ACTIVATION, _GRANULARITY, _COMPUTE],
            [
                Parameter("a", "exponent at C = 1", bounds=REAL_LINE, start=(0.0, 2.0)),
                Parameter("d", "growth with compute", bounds=_NEGATIVE, start=(-0.2, -0.01)),
                Parameter("gamma", "granularity, quadratic", bounds=REAL_LINE, start=(0.0, 0.05)),
                Parameter("beta", "granularity, linear", bounds=REAL_LINE, start=(-0.5, 0.0)),
                _A_START,
                _A_MAX,
            ],
        ),
        "activation": _leverage_law(
            _of_activation,
            "log EL = a_A*log(A_hat) ; 1/A_hat = 1/(A + (1/A_start - 1/A_max)**(-1)) + 1/A_max",
            [_ACTIVATION],
            [Parameter("a_A", "exponent", bounds=_NEGATIVE), _A_START, _A_MAX],
        ),
        "granularity": _leverage_law(
            _of_granularity,
            "log EL = a_G + b_G*(log G*(log G + c_G))",
            [_GRANULARITY],
            [
                Parameter("a_G", "offset", bounds=REAL_LINE),
                Parameter("b_G", "curvature", bounds=REAL_LINE),
                Parameter("c_G", "minus twice the best log G", bounds=REAL_LINE, start=(-10, 0)),
            ],
        ),
        "compute": _leverage_law(
            _of_compute,
            "log EL = a_C*log(C) + c_C",
            [_COMPUTE],
            [
                Parameter("a_C", "exponent", bounds=REAL_LINE, start=(0.0, 0.3)),
                Parameter("c_C", "offset", bounds=REAL_LINE, start=(-10.0, 2.0)),
            ],
        ),
    },
    option="of",
)


@law(
    name="abnar_moe_sparsity",
    formula="L(N, D, S) = a/N**alpha + b/D**beta + c/(1-S)**lam + d/((1-S)**delta*N**gamma) + e",
    parameters=[
        Parameter("a", "model-size amplitude", "loss * params**alpha"),
        Parameter("alpha", "model-size exponent"),
        Parameter("b", "data amplitude", "loss * tokens**beta"),
        Parameter("beta", "data exponent"),
        Parameter("c", "sparsity amplitude", "loss"),
        Parameter("lam", "sparsity exponent", bounds=REAL_LINE),
        Parameter("d", "amplitude of sparsity and size", "loss * params**gamma"),
        Parameter("delta", "sparsity exponent with size"),
        Parameter("gamma", "size exponent with sparsity"),
        Parameter("e", "irreducible loss", "loss"),
    ],
    inputs=[
        Variable("params", "N", "total parameters", usual=(1e8, 1e11)),
        Variable("tokens", "D", "training tokens", usual=(1e9, 1e12)),
        Variable(
            "sparsity", "S", "share of inactive experts (E - K)/E", "", (0.0, 0.98), (0.0, 1.0)
        ),
    ],
    decreasing=["params", "tokens"],
)
def abnar_moe_sparsity(params, tokens, sparsity, *, a, alpha, b, beta, c, lam, d, delta, gamma, e):
    """Return the loss in total parameters, tokens and the share of inactive experts."""
    log_n, log_active = jnp.log(params), jnp.log1p(-sparsity)
    both = d * jnp.exp(-delta * log_active - gamma * log_n)
    of_size_and_data = a * jnp.exp(-alpha * log_n) + b * power(tokens, -beta)
    return of_size_and_data + c * jnp.exp(-lam * log_active) + both + e


@law(
    name="sld_moe",
    formula="L = (a*E**alpha + b*P**beta)**(-p) + c",
    parameters=[
        Parameter("a", "expert amplitude", "loss**(-1/p) * experts**-alpha", start=(0.1, 1.0)),
        Parameter("alpha", "expert exponent", bounds=(0.0, 3.0), start=(0.02, 0.5)),
        Parameter("b", "size amplitude", "loss**(-1/p) * params**-beta", start=(0.1, 1.0)),
        Parameter("beta", "size exponent", bounds=(0.0, 3.0), start=(0.02, 0.5)),
        Parameter("p", "outer exponent", bounds=(0.0, 10.0), start=(0.3, 5.0)),
        Parameter("c", "irreducible loss", "loss"),
    ],
    inputs=[_EXPERTS, Variable("params", "P", "parameters of the dense model", usual=(1e7, 2e9))],
    decreasing=["experts", "params"],
)
def sld_moe(experts, params, *, a, alpha, b, beta, p, c):
    """Return the loss of the evolved law: a power of the summed capacities."""
    of_experts = jnp.log(a) + alpha * jnp.log(experts)
    of_size = jnp.log(b) + beta * jnp.log(params)
    return jnp.exp(-p * log_sum_exp(of_experts, of_size)) + c

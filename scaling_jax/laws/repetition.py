"""Repeated data: loss when unique tokens, not compute, are what is scarce.

The laws of Muennighoff et al. let repeated tokens and parameters in excess of what the unique
tokens deserve lose their value. They compare tokens with unique tokens, so that no unit absorbs
a change of either alone: those two columns are left as they are, and the laws whose base is
fitted too move in the terms' values at the centre of the data (`_ANCHOR`).
"""

import dataclasses

import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.parts import INF, Anchor, Parameter, Variable
from scaling_jax.laws.registry import law
from scaling_jax.laws.templates import alternatives, sum_of_powers

# The runs of the publication: 7M to 8.7B parameters, up to 9000 epochs.
_PARAMS = Variable("params", "N", "total model parameters", usual=(7e6, 1e10))
_TOKENS = Variable("tokens", "D", "training tokens processed, repeats counted", usual=(1e8, 1e12))
_UNIQUE = Variable("unique_tokens", "U", "unique training tokens, U <= D", usual=(1e8, 2e11))

_BASE = (
    Parameter("E", "irreducible loss", "loss"),
    Parameter("A", "parameter coefficient", "loss * params**alpha"),
    Parameter("B", "data coefficient", "loss", start=(10.0, 1e6)),
    Parameter("alpha", "parameter exponent"),
    Parameter("beta", "data exponent"),
)
_R_D_STAR = Parameter("R_D_star", "decay constant of repeated tokens", start=(0.3, 100.0))
_R_N_STAR = Parameter("R_N_star", "decay constant of excess parameters", start=(0.3, 100.0))


def _to_natural(c, logs):
    """Return the coefficients from the terms' shares of the loss at the centre of the data."""
    level = jnp.exp(logs["loss"])
    base = {
        "E": c["floor"] * level,
        "A": c["model"] * level * jnp.exp(c["alpha"] * logs["params"]),
        "B": c["data"] * level * jnp.exp(c["beta"] * logs["tokens"]),
    }
    return base | {n: x for n, x in c.items() if n not in ("floor", "model", "data")}


def _from_natural(theta, logs):
    """Return the terms' shares of the loss at the centre of the data; undoes `_to_natural`."""
    level = jnp.exp(logs["loss"])
    shares = {
        "floor": theta["E"] / level,
        "model": theta["A"] * jnp.exp(-theta["alpha"] * logs["params"]) / level,
        "data": theta["B"] * jnp.exp(-theta["beta"] * logs["tokens"]) / level,
    }
    return shares | {n: x for n, x in theta.items() if n not in ("E", "A", "B")}


def _anchor(*decay: Parameter) -> Anchor:
    """Return the coordinates of a law with these parameters besides the base's."""
    shares = (
        Parameter("floor", "E / L_ref", start=(0.2, 1.0)),
        Parameter("model", "A * N_ref**-alpha / L_ref", start=(0.01, 1.0)),
        Parameter("data", "B * D_ref**-beta / L_ref", start=(0.01, 1.0)),
    )
    return Anchor((*shares, *_BASE[3:], *decay), _to_natural, _from_natural)


def _log_optimal_params(unique_tokens, A, B, alpha, beta):
    """Return the logarithm of the compute-optimal parameters for some unique tokens."""
    log_g = (jnp.log(alpha * A) - jnp.log(beta * B)) / (alpha + beta)
    return log_g + beta / alpha * (log_g + jnp.log(unique_tokens))


def _log_effective(log_used, log_total, decay):
    """Return log(X + X*R_star*(1 - exp(-R/R_star))) for X used once and R repetitions of it."""
    repeats = jnp.expm1(jnp.maximum(log_total - log_used, 0.0))
    return log_used + jnp.log1p(-decay * jnp.expm1(-repeats / decay))


def _loss(E, A, B, alpha, beta, log_params, log_tokens):
    return E + A * jnp.exp(-alpha * log_params) + B * jnp.exp(-beta * log_tokens)


def _effective_params(params, unique_tokens, A, B, alpha, beta, R_N_star):
    log_n = jnp.log(params)
    log_u = jnp.minimum(log_n, _log_optimal_params(unique_tokens, A, B, alpha, beta))
    return _log_effective(log_u, log_n, R_N_star)


def _effective_tokens(tokens, unique_tokens, R_D_star):
    log_d = jnp.log(tokens)
    return _log_effective(jnp.minimum(log_d, jnp.log(unique_tokens)), log_d, R_D_star)


_FALLING = ("params", "tokens", "unique_tokens")


@law(
    name="data_constrained",
    formula="U_D = min(D, U); R_D = max(D/U_D - 1, 0); U_N = min(N, G*(G*U_D)**(beta/alpha)); R_N "
    "= max(N/U_N - 1, 0); D_eff = U_D + U_D*R_D_star*(1 - exp(-R_D/R_D_star)); N_eff = U_N + "
    "U_N*R_N_star*(1 - exp(-R_N/R_N_star)); L = E + A/N_eff**alpha + B/D_eff**beta; G = "
    "(alpha*A/(beta*B))**(1/(alpha+beta))",
    parameters=[*_BASE, _R_D_STAR, _R_N_STAR],
    inputs=[_PARAMS, _TOKENS, _UNIQUE],
    decreasing=_FALLING,
    anchor=_anchor(_R_D_STAR, _R_N_STAR),
)
def data_constrained(params, tokens, unique_tokens, *, E, A, B, alpha, beta, R_D_star, R_N_star):
    """Return the loss when repeated tokens and excess parameters decay in value."""
    used = jnp.minimum(tokens, unique_tokens)
    log_n = _effective_params(params, used, A, B, alpha, beta, R_N_star)
    log_d = _effective_tokens(tokens, unique_tokens, R_D_star)
    return _loss(E, A, B, alpha, beta, log_n, log_d)


@law(
    name="data_constrained_geometric",
    formula="L = E + A/(U_N*(1-(1-delta_N)**(N/U_N))/delta_N)**alpha + "
    "B/(U*(1-(1-delta_D)**(D/U))/delta_D)**beta, U_N = min(N, G*(G*U)**(beta/alpha))",
    parameters=[
        *_BASE,
        Parameter("delta_D", "value that tokens lose an epoch", bounds=(0.0, 1.0)),
        Parameter("delta_N", "value that parameters lose a multiple", bounds=(0.0, 1.0)),
    ],
    inputs=[_PARAMS, _TOKENS, _UNIQUE],
    decreasing=_FALLING,
    anchor=_anchor(
        Parameter("delta_D", bounds=(0.0, 1.0), start=(1e-3, 0.5)),
        Parameter("delta_N", bounds=(0.0, 1.0), start=(1e-3, 0.9)),
    ),
)
def data_constrained_geometric(
    params, tokens, unique_tokens, *, E, A, B, alpha, beta, delta_D, delta_N
):
    """Return the loss when each further epoch is worth a constant share of the one before."""

    def log_worth(log_once, multiple, delta):
        return log_once + jnp.log(-jnp.expm1(multiple * jnp.log1p(-delta)) / delta)

    log_n = jnp.log(params)
    log_u = jnp.minimum(log_n, _log_optimal_params(unique_tokens, A, B, alpha, beta))
    log_n = log_worth(log_u, jnp.exp(log_n - log_u), delta_N)
    log_d = log_worth(jnp.log(unique_tokens), tokens / unique_tokens, delta_D)
    return _loss(E, A, B, alpha, beta, log_n, log_d)


@law(
    name="data_constrained_exponent_decay",
    formula="L = E + A/N**(alpha*max(0, 1 - R_N/R_N_star)) + B/D**(beta*max(0, 1 - R_D/R_D_star)), "
    "R_D = max(0, D/U-1), R_N = max(0, N/N_opt(U) - 1)",
    parameters=[
        *(dataclasses.replace(p, unit="loss", start=(10.0, 1e6)) if p.name == "A" else p
          for p in _BASE),
        dataclasses.replace(_R_D_STAR, start=(10.0, 1e5)),
        dataclasses.replace(_R_N_STAR, start=(10.0, 1e5)),
    ],
    inputs=[_PARAMS, _TOKENS, _UNIQUE],
    anchor=_anchor(
        dataclasses.replace(_R_D_STAR, start=(10.0, 1e5)),
        dataclasses.replace(_R_N_STAR, start=(10.0, 1e5)),
    ),
)  # fmt: skip
def data_constrained_exponent_decay(
    params, tokens, unique_tokens, *, E, A, B, alpha, beta, R_D_star, R_N_star
):
    """Return the loss when repetition and excess parameters lower the exponents: both can hurt.

    Once the exponent of N varies, no coefficient absorbs a change of its unit.
    """
    log_n, log_d = jnp.log(params), jnp.log(tokens)
    excess = log_n - _log_optimal_params(unique_tokens, A, B, alpha, beta)
    r_n = jnp.expm1(jnp.maximum(excess, 0.0))
    r_d = jnp.expm1(jnp.maximum(log_d - jnp.log(unique_tokens), 0.0))
    alpha_left = alpha * jnp.maximum(1.0 - r_n / R_N_star, 0.0)
    beta_left = beta * jnp.maximum(1.0 - r_d / R_D_star, 0.0)
    return _loss(E, A, B, alpha_left, beta_left, log_n, log_d)


def _data_decay(params, tokens, unique_tokens, *, E, A, B, alpha, beta, R_D_star):
    log_d = _effective_tokens(tokens, unique_tokens, R_D_star)
    return _loss(E, A, B, alpha, beta, jnp.log(params), log_d)


def _parameter_decay(params, tokens, unique_tokens, *, E, A, B, alpha, beta, R_N_star):
    log_n = _effective_params(params, unique_tokens, A, B, alpha, beta, R_N_star)
    return _loss(E, A, B, alpha, beta, log_n, jnp.log(tokens))


def _one_sided(function, formula: str, decay: Parameter) -> Law:
    return Law(
        name="data_constrained_one_sided",
        function=function,
        inputs=(_PARAMS, _TOKENS, _UNIQUE),
        output=Variable("loss"),
        parameters=(*_BASE, decay),
        formula=formula,
        decreasing=_FALLING,
        anchor=_anchor(decay),
    )


alternatives(
    {
        "data": _one_sided(
            _data_decay,
            "L = E + A/N**alpha + B/(U + U*R_D_star*(1-exp(-R_D/R_D_star)))**beta",
            _R_D_STAR,
        ),
        "params": _one_sided(
            _parameter_decay,
            "L = E + A/(U_N + U_N*R_N_star*(1-exp(-R_N/R_N_star)))**alpha + B/D**beta",
            _R_N_STAR,
        ),
    },
    option="decay",
)

sum_of_powers(
    "data_constrained_c4_base",
    "L(N, D) = E + A/N**alpha + B/D**beta with alpha = beta",
    [(_PARAMS, "A", "alpha"), (_TOKENS, "B", "beta")],
)

sum_of_powers(
    "sld_data_constrained",
    "L = c + A_T*T**(-a) + A_P*P**(-b) + A_U*U**(-g)",
    [
        (dataclasses.replace(_TOKENS, symbol="T"), "A_T", "a"),
        (dataclasses.replace(_PARAMS, symbol="P"), "A_P", "b"),
        (_UNIQUE, "A_U", "g"),
    ],
    floor="c",
)

sum_of_powers(
    "infinite_compute_parameters",
    "L_D(N) = A_D/N**alpha_D + E_D ; asymptote E_D as N -> inf",
    [(Variable("params", "N", usual=(1e8, 1e10)), "A_D", "alpha_D")],
    floor="E_D",
)

sum_of_powers(
    "infinite_compute_ensemble",
    "L(K) = A/K**alpha + E with alpha about 1 ; joint recipe: lim_{N->inf} lim_{K->inf} min_H L",
    [
        (
            Variable("members", "K", "ensemble members", "models", (1.0, 16.0), (1.0, INF)),
            "A",
            "alpha",
        )
    ],
    floor="E",
)

sum_of_powers(
    "infinite_compute_data",
    "L(D) = A/D**alpha + E ; data efficiency of recipe 2 over 1 at D: Dprime/D with "
    "A1/Dprime**alpha1 + E1 = L2(D); if E and alpha agree it is the constant (A1/A2)**(1/alpha)",
    [(Variable("unique_tokens", "D", usual=(1e8, 1e10)), "A", "alpha")],
    floor="E",
)

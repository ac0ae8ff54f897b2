"""Farseer: a loss surface whose data amplitude and exponent are themselves functions of size.

    L(N, D) = G(N) + B(N) * D**-A(N),   with ln G, ln B and ln A each linear in a power of N.

The form is closed under a change of the unit of N but not of D (the exponent of D varies with
N), and its printed coefficients are correlated to many digits. Fits therefore move in the
values and slopes of G, A and of the data term at the centre of the data.
"""

import jax.numpy as jnp

from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, REAL_LINE, Anchor, Parameter, Variable
from scaling_jax.laws.registry import law

_UNIT_INTERVAL = (0.0, 1.0)
_NEGATIVE = (-INF, 0.0)
# Towards 0 the powers become logarithms, whose offset and slope in the printed form grow without
# bound and cancel; at 1e-3 they do so to three digits, and the power is a logarithm to 0.3 %.
_FLATTEST = 1e-3

# At the centre of the data (N_ref, D_ref, L_ref), with s = d/d ln N:
_COORDINATES = (
    Parameter("floor", "G(N_ref) / L_ref", start=(0.2, 1.0)),
    Parameter("floor_slope", "s ln G", bounds=_NEGATIVE, start=(-0.5, -0.01)),
    Parameter("gamma", "exponent in G(N)", bounds=(_FLATTEST, 1.0), start=(0.05, 0.5)),
    Parameter("data", "B(N_ref) * D_ref**-A(N_ref) / L_ref", start=(0.01, 1.0)),
    Parameter("balance", "s ln B over the slope that A gives the data term", start=(0.2, 3.0)),
    Parameter("beta", "exponent in B(N)", bounds=(-INF, -_FLATTEST), start=(-0.5, -0.02)),
    Parameter("exponent", "A(N_ref)", start=(0.1, 1.0)),
    Parameter("exponent_slope", "s ln A", bounds=_NEGATIVE, start=(-0.5, -0.01)),
    Parameter("alpha", "exponent in A(N)", bounds=(_FLATTEST, 1.0), start=(0.05, 0.5)),
)


def _amplitude_lever(c, logs):
    """Return how strongly the slope of A(N) tilts the data term, the scale of `balance`.

    As N grows, A falls and D**-A rises by A * |s ln A| * ln D_ref, which a falling B makes up
    for: the two slopes are nearly equal and opposite, so fits move in their ratio (half of all
    starts reach the optimum of a noisy grid; a third do if they move in the slope of ln B).
    """
    return c["exponent"] * c["exponent_slope"] * jnp.maximum(logs["tokens"], 1.0)


def _to_natural(c, logs):
    """Return the coefficients of the formula: each ln is level + slope * (x**p - 1) / p."""
    log_n, log_d, log_l = logs["params"], logs["tokens"], logs["loss"]
    b_slope = c["balance"] * _amplitude_lever(c, logs)
    b_level = jnp.log(c["data"]) + log_l + c["exponent"] * log_d
    return {
        "a1": c["exponent_slope"] / c["alpha"] * jnp.exp(-c["alpha"] * log_n),
        "b1": jnp.log(c["exponent"]) - c["exponent_slope"] / c["alpha"],
        "alpha": c["alpha"],
        "a2": b_slope / c["beta"] * jnp.exp(-c["beta"] * log_n),
        "b2": b_level - b_slope / c["beta"],
        "beta": c["beta"],
        "a3": c["floor_slope"] / c["gamma"] * jnp.exp(-c["gamma"] * log_n),
        "b3": jnp.log(c["floor"]) + log_l - c["floor_slope"] / c["gamma"],
        "gamma": c["gamma"],
    }


def _from_natural(theta, logs):
    """Return the coordinates of given coefficients; the inverse of `_to_natural`."""
    log_n, log_d, log_l = logs["params"], logs["tokens"], logs["loss"]
    a_term = theta["a1"] * jnp.exp(theta["alpha"] * log_n)
    b_term = theta["a2"] * jnp.exp(theta["beta"] * log_n)
    g_term = theta["a3"] * jnp.exp(theta["gamma"] * log_n)
    exponent = jnp.exp(theta["b1"] + a_term)
    c = {
        "floor": jnp.exp(theta["b3"] + g_term - log_l),
        "floor_slope": theta["gamma"] * g_term,
        "gamma": theta["gamma"],
        "data": jnp.exp(theta["b2"] + b_term - exponent * log_d - log_l),
        "beta": theta["beta"],
        "exponent": exponent,
        "exponent_slope": theta["alpha"] * a_term,
        "alpha": theta["alpha"],
    }
    return c | {"balance": theta["beta"] * b_term / _amplitude_lever(c, logs)}


@law(
    name="farseer",
    formula="L(N, D) = exp(a3 * N**gamma + b3) + exp(a2 * N**beta + b2) * D**(-exp(a1 * N**alpha "
    "+ b1))",
    parameters=[
        Parameter("a1", "slope of ln A(N)", "params**-alpha", _NEGATIVE),
        Parameter("b1", "offset of ln A(N)", bounds=REAL_LINE),
        Parameter("alpha", "exponent in A(N)", bounds=_UNIT_INTERVAL),
        Parameter("a2", "slope of ln B(N)", "params**-beta"),
        Parameter("b2", "offset of ln B(N), < 0 for raw counts", bounds=REAL_LINE),
        Parameter(
            "beta", "exponent in B(N), published -0.1", bounds=_NEGATIVE, start=(-0.5, -0.02)
        ),
        Parameter("a3", "slope of ln(E+U(N))", "params**-gamma", _NEGATIVE),
        Parameter("b3", "offset of ln(E+U(N))", bounds=REAL_LINE),
        Parameter("gamma", "exponent in E+U(N)", bounds=_UNIT_INTERVAL),
    ],
    inputs=[
        Variable("params", "N", "parameters EXCLUDING embedding layers", usual=(1e8, 2.5e10)),
        Variable("tokens", "D", "training tokens", usual=(1e9, 1e12)),
    ],
    output=Variable("loss", "L", "validation loss", "bits per character"),
    decreasing=["tokens"],
    anchor=Anchor(_COORDINATES, _to_natural, _from_natural),
)
def farseer(params, tokens, *, a1, b1, alpha, a2, b2, beta, a3, b3, gamma):
    """Return the Farseer loss, in bits per character."""
    data_exponent = jnp.exp(a1 * power(params, alpha) + b1)
    log_data_term = a2 * power(params, beta) + b2 - data_exponent * jnp.log(tokens)
    return jnp.exp(a3 * power(params, gamma) + b3) + jnp.exp(log_data_term)

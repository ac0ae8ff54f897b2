"""Parallel computation: several streams of one model, several replicas of one run."""

from collections.abc import Callable

import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, REAL_LINE, Parameter, Variable
from scaling_jax.laws.registry import law
from scaling_jax.laws.templates import (
    FALLING,
    alternatives,
    power_law,
    product_of_powers,
    scaled_power_law,
)


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
        Variable("streams", "P", "parallel streams", usual=(1.0, 64.0), bounds=(1.0, INF)),
    ],
    decreasing=["params", "streams"],
)
def parscale(params, streams, *, E, A, k, alpha):
    """Return the loss of a model run as parallel streams."""
    return E + power(A / (params * (k * jnp.log(streams) + 1.0)), alpha)


# Communication-efficient training: replicas that synchronise now and then

_PARAMS = Variable("params", "N", usual=(1e7, 1e12))
_REPLICAS = Variable("replicas", "M", "replicas", "count", (1.0, 64.0), (1.0, INF))
_START = (-0.5, -0.02)

power_law(
    "diloco_loss",
    "L_M(N) = A*N**alpha",
    _PARAMS,
    Variable("loss", "L_M"),
    bounds=FALLING,
    start=_START,
)
product_of_powers(
    "diloco_loss_joint",
    "L(N, M) = A*N**alpha*M**beta",
    [_PARAMS, _REPLICAS],
    "loss",
    exponents=["alpha", "beta"],
    bounds=[FALLING, REAL_LINE],
    starts=[_START, (-0.1, 0.1)],
)
scaled_power_law(
    "local_sgd",
    "L(N) = (N_c/N)**alpha_N, same shape as for synchronous training",
    _PARAMS,
    "loss",
    scale="N_c",
    exponent="alpha_N",
    start=(0.02, 1.0),
)

_PARAMETRIC = (
    "(1) A*N**alpha*M**beta ; (2) A*N**alpha*M**beta + C ; (3) A*N**(alpha + beta*M) + C ; "
    "(4) A*N**alpha + B*M**beta + C"
)


def _powers(params, replicas, *, A, alpha, beta):
    """Return form 1."""
    return A * jnp.exp(alpha * jnp.log(params) + beta * jnp.log(replicas))


def _powers_and_floor(params, replicas, *, A, alpha, beta, C):
    """Return form 2."""
    return _powers(params, replicas, A=A, alpha=alpha, beta=beta) + C


def _exponent_of_replicas(params, replicas, *, A, alpha, beta, C):
    """Return form 3, whose exponent of the size depends on the replicas."""
    return A * power(params, alpha + beta * replicas) + C


def _sum_of_powers(params, replicas, *, A, alpha, B, beta, C):
    """Return form 4."""
    return A * power(params, alpha) + B * power(replicas, beta) + C


def _parametric(function: Callable, *parameters: Parameter) -> Law:
    return Law(
        name="diloco_parametric",
        function=function,
        inputs=(_PARAMS, _REPLICAS),
        output=Variable("loss", "L"),
        parameters=parameters,
        formula=_PARAMETRIC,
        decreasing=() if function is _exponent_of_replicas else ("params",),
    )


_ALPHA = Parameter("alpha", "model-size exponent", bounds=FALLING, start=_START)
_BETA = Parameter("beta", "exponent of the replicas", bounds=REAL_LINE, start=(-0.1, 0.1))
_FLOOR = Parameter("C", "irreducible loss", "loss")
_PRODUCT = Parameter("A", "amplitude", "loss * params**-alpha * replicas**-beta")

alternatives(
    {
        "1": _parametric(_powers, _PRODUCT, _ALPHA, _BETA),
        "2": _parametric(_powers_and_floor, _PRODUCT, _ALPHA, _BETA, _FLOOR),
        # A power of N that varies with M: no coefficient absorbs a change of the unit of N.
        "3": _parametric(
            _exponent_of_replicas,
            Parameter("A", "amplitude", "loss", start=(1.0, 100.0)),
            _ALPHA,
            Parameter("beta", "exponent a replica", bounds=REAL_LINE, start=(-0.01, 0.01)),
            _FLOOR,
        ),
        "4": _parametric(
            _sum_of_powers,
            Parameter("A", "amplitude", "loss * params**-alpha"),
            _ALPHA,
            Parameter("B", "amplitude of the replicas", "loss * replicas**-beta"),
            _BETA,
            _FLOOR,
        ),
    },
    option="form",
)

"""Critical batch sizes: up to where a larger batch saves steps without costing much data."""

import jax
import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import SCALE, Parameter, Variable
from scaling_jax.laws.registry import law
from scaling_jax.laws.templates import RISING, alternatives, powers


@law(
    name="kaplan_bcrit",
    formula="B_crit(L) = B_star / L**(1/alpha_B)",
    parameters=[
        Parameter("B_star", "batch at a loss of one", "batch_tokens * loss**(1/alpha_B)"),
        Parameter("alpha_B", "exponent", start=(0.1, 1.0)),
    ],
    inputs=[Variable("loss", "L", "current loss", usual=(1.0, 12.0), bounds=SCALE)],
    output=Variable("batch_tokens", "B_crit", "critical batch"),
    decreasing=["loss"],
    returns="log",
)
def kaplan_bcrit(loss, *, B_star, alpha_B) -> jax.Array:
    """Return the logarithm of the critical batch at a loss."""
    return jnp.log(B_star) - jnp.log(loss) / alpha_B


# Bergsma et al.: the critical batch grows with the least data that reach the target

_POWER_LINES = (
    "B_crit(D_min) = c * D_min**m ; D(B) = D_min*(1 + B/B_crit) ; S(B) = S_min*(1 + B_crit/B) ; "
    "B_crit = D_min/S_min ; helper fit per batch size: L_B(D) = E_N + D_const*D**(-beta)"
)
_LEAST_TOKENS = Variable(
    "min_tokens", "D_min", "tokens to the target at a vanishing batch", "tokens", (1e8, 1e13), SCALE
)
_BATCH = Variable("batch_tokens", "B", usual=(1e4, 1e8))
# The least data stand outside the power too, which no coefficient of a unit can absorb.
_GIVEN = (Parameter("c", "amplitude", "batch_tokens"), Parameter("m", "exponent of the data"))


def _tokens_at(min_tokens, batch_tokens, *, c, m):
    """Return the tokens to the target, twice the least at the critical batch."""
    return min_tokens * (1.0 + batch_tokens * power(min_tokens, -m) / c)


def _steps_at(min_tokens, batch_tokens, *, c, m):
    """Return the steps to the target: the least data in batches, and the least steps."""
    return min_tokens / batch_tokens + power(min_tokens, 1.0 - m) / c


alternatives(
    {
        "batch_tokens": powers(
            "power_lines_bcrit",
            _POWER_LINES,
            [_LEAST_TOKENS],
            Variable("batch_tokens", "B_crit", "critical batch"),
            amplitude="c",
            exponents=["m"],
            bounds=[RISING],
        ),
        "tokens": Law(
            name="power_lines_bcrit",
            function=_tokens_at,
            inputs=(_LEAST_TOKENS, _BATCH),
            output=Variable("tokens", "D"),
            parameters=_GIVEN,
            formula=_POWER_LINES,
            increasing=("batch_tokens",),
        ),
        "step": Law(
            name="power_lines_bcrit",
            function=_steps_at,
            inputs=(_LEAST_TOKENS, _BATCH),
            output=Variable("step", "S", "steps to the target"),
            parameters=(
                Parameter("c", "amplitude"),
                Parameter("m", "exponent of the data"),
            ),
            formula=_POWER_LINES,
            decreasing=("batch_tokens",),
        ),
    }
)


# McCandlish et al.: the hyperbola of steps and examples

_MCCANDLISH = (
    "(S/S_min - 1)*(E/E_min - 1) = 1 ; S(B) = S_min*(1 + B_crit/B) ; E(B) = E_min*(1 + B/B_crit) ; "
    "B_crit = E_min/S_min ; eps_opt(B) = eps_max/(1 + B_noise/B) ; "
    "B_noise = tr(H*Sigma)/(G^T H G) ; B_simple = tr(Sigma)/|G|**2"
)
_EXAMPLES = Variable("batch_examples", "B", "examples in a batch", "examples", (1.0, 1e7), SCALE)


def _steps_of_batch(batch_examples, *, S_min, E_min):
    """Return the optimiser steps to the target."""
    return S_min + E_min / batch_examples


def _examples_of_batch(batch_examples, *, S_min, E_min):
    """Return the examples to the target."""
    return E_min + S_min * batch_examples


def _step_size_of_batch(batch_examples, *, eps_max, B_noise):
    """Return the best learning rate, half of the largest at the noise scale."""
    return eps_max / (1.0 + B_noise / batch_examples)


alternatives(
    {
        "step": Law(
            name="mccandlish_cbs",
            function=_steps_of_batch,
            inputs=(_EXAMPLES,),
            output=Variable("step", "S", "steps to the target"),
            parameters=(
                Parameter("S_min", "least steps", "step"),
                Parameter("E_min", "least examples", "step * batch_examples", start=(0.01, 1.0)),
            ),
            formula=_MCCANDLISH,
            decreasing=("batch_examples",),
        ),
        "examples": Law(
            name="mccandlish_cbs",
            function=_examples_of_batch,
            inputs=(_EXAMPLES,),
            output=Variable("examples", "E", "examples to the target", bounds=SCALE),
            parameters=(
                Parameter("S_min", "least steps", "examples / batch_examples", start=(0.01, 1.0)),
                Parameter("E_min", "least examples", "examples"),
            ),
            formula=_MCCANDLISH,
            increasing=("batch_examples",),
        ),
        "learning_rate": Law(
            name="mccandlish_cbs",
            function=_step_size_of_batch,
            inputs=(_EXAMPLES,),
            output=Variable("learning_rate", "eps_opt", "best learning rate"),
            parameters=(
                Parameter("eps_max", "best learning rate of an infinite batch", "learning_rate"),
                Parameter("B_noise", "gradient noise scale", "batch_examples"),
            ),
            formula=_MCCANDLISH,
            increasing=("batch_examples",),
        ),
    }
)


# Zhang et al.: data and size apart

_ZHANG = (
    "B_star = c_N*N**p (Chinchilla-optimal runs) ; B_star = c_f*N**q (fixed data) ; "
    "B_star = c_D*D**r (fixed model)"
)
_PARAMS = Variable("params", "N", usual=(1e7, 1e11))


def _zhang(x: Variable, amplitude: str, exponent: str) -> Law:
    return powers(
        "zhang_cbs",
        _ZHANG,
        [x],
        Variable("batch_tokens", "B_star", "critical batch, 20% overhead"),
        amplitude=amplitude,
        exponents=[exponent],
        bounds=[RISING],
    )


alternatives(
    {
        "chinchilla_optimal": _zhang(_PARAMS, "c_N", "p"),
        "fixed_data": _zhang(_PARAMS, "c_f", "q"),
        "fixed_model": _zhang(Variable("tokens", "D", usual=(1e8, 1e12)), "c_D", "r"),
    },
    option="setting",
)

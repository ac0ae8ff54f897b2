"""Learning curves: one quantity is scaled, the others do not limit."""

import operator

import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import REAL_LINE, SCALE, Law, Parameter, Variable
from scaling_jax.laws.forms import log_broken_power, log_scaled_power, power_with_floor
from scaling_jax.laws.registry import family, law

_MOST_BREAKS = 20  # the formula has 3 parameters a break; published fits use at most a few


@law(
    name="kaplan_n",
    formula="L(N) = (N_c / N)**alpha_N",
    parameters=[
        Parameter(
            "N_c",
            "scale constant (non-embedding parameters), tokenizer dependent",
            unit="params * loss**(1/alpha_N)",
        ),
        Parameter("alpha_N", "model-size exponent", start=(0.02, 1.0)),
    ],
    inputs=[Variable("params", "N", "non-embedding parameters")],
    returns="log",
)
def kaplan_n(params, *, N_c, alpha_N):
    """Return the logarithm of Kaplan et al.'s loss of model size."""
    return log_scaled_power(params, scale=N_c, exponent=alpha_N)


@law(
    name="kaplan_d",
    formula="L(D) = (D_c / D)**alpha_D",
    parameters=[
        Parameter("D_c", "scale constant (tokens)", unit="tokens * loss**(1/alpha_D)"),
        Parameter("alpha_D", "data exponent", start=(0.02, 1.0)),
    ],
    inputs=[
        Variable("tokens", "D", "dataset size (unique tokens, multi-epoch with early stopping)")
    ],
    returns="log",
)
def kaplan_d(tokens, *, D_c, alpha_D):
    """Return the logarithm of Kaplan et al.'s loss of dataset size."""
    return log_scaled_power(tokens, scale=D_c, exponent=alpha_D)


@family("hestness_error")
def hestness_error(x: str = "examples", output: str = "error") -> Law:
    """Return the learning curve over the column `x`, for error rates or losses."""

    def curve(*, alpha, beta_g, gamma, **columns):
        return power_with_floor(columns[x], floor=gamma, amplitude=alpha, exponent=beta_g)

    return Law(
        name="hestness_error",
        function=curve,
        inputs=(Variable(x, "m", "training-set size", bounds=SCALE),),
        output=Variable(output, "eps"),
        parameters=(
            Parameter("alpha", "amplitude", unit=f"{output} * {x}**-beta_g"),
            Parameter("beta_g", "learning-curve exponent", bounds=(-1.0, 0.0), start=(-0.8, -0.03)),
            Parameter("gamma", "irreducible error, often fixed to 0", unit=output),
        ),
        formula="eps(m) = alpha * m**beta_g + gamma",
    )


@family("bnsl")
def bnsl(breaks: int = 1, x: str = "tokens", output: str = "loss") -> Law:
    """Return the broken neural scaling law with a number of breaks, over the column `x`."""
    try:
        count = operator.index(breaks)
    except TypeError:
        count = -1
    if isinstance(breaks, bool) or not 0 <= count <= _MOST_BREAKS:
        raise LawError(
            f"bnsl takes 0 to {_MOST_BREAKS} breaks, not {breaks!r}; give a whole number"
        )
    numbers = range(1, count + 1)

    def curve(*, a, b, c0, **rest):
        terms = [(rest[f"c{i}"], rest[f"d{i}"], rest[f"f{i}"]) for i in numbers]
        return a + jnp.exp(log_broken_power(rest[x], amplitude=b, slope=c0, breaks=terms))

    return Law(
        name="bnsl",
        function=curve,
        inputs=(Variable(x, "x", bounds=SCALE),),
        output=Variable(output, "y"),
        parameters=(
            Parameter(
                "a",
                "limit as x -> infinity (unimprovable performance), usually >= 0",
                unit=output,
                bounds=REAL_LINE,
                start=(0.0, 1.0),
            ),
            Parameter("b", "offset on the log-log plot", f"{output} * {x}**c0", start=(0.02, 2.0)),
            Parameter("c0", "slope of the first segment", bounds=REAL_LINE, start=(0.0, 0.8)),
            *(parameter for i in numbers for parameter in _break(i, x)),
        ),
        formula="y = a + b * x**(-c0) * prod_{i=1..n} (1 + (x / d_i)**(1 / f_i))**(-c_i * f_i)",
    )


def _break(i: int, x: str) -> tuple[Parameter, ...]:
    # Within two decades of the centre of the data: a break beyond the data is not identified.
    return (
        Parameter(f"c{i}", f"change of slope at break {i}", bounds=REAL_LINE, start=(-1.0, 1.0)),
        Parameter(f"d{i}", f"location of break {i}", unit=x, start=(0.03, 30.0)),
        Parameter(f"f{i}", f"smoothness of break {i} (smaller = sharper)", start=(0.05, 1.0)),
    )

"""Learning curves: one quantity is scaled, the others do not limit."""

import dataclasses
import operator

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import log_broken_power, log_scaled_power, power, power_with_floor
from scaling_jax.laws.implicit import root
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Anchor, Parameter, Variable
from scaling_jax.laws.registry import family, law
from scaling_jax.laws.templates import scaled_power_law, sum_of_powers

_MOST_BREAKS = 20  # the formula has 3 parameters a break; published fits use at most a few
_USUAL = (1.0, 1e12)  # of a quantity that has no usual range: examples seen, for one


def _scaled(x: str, symbol: str, meaning: str = "") -> Variable:
    """Return the variable of a curve over any column, which must be positive."""
    known = Variable(x, symbol, meaning)
    return dataclasses.replace(known, usual=known.usual or _USUAL, bounds=SCALE)


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
    decreasing=["params"],
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
    decreasing=["tokens"],
    returns="log",
)
def kaplan_d(tokens, *, D_c, alpha_D):
    """Return the logarithm of Kaplan et al.'s loss of dataset size."""
    return log_scaled_power(tokens, scale=D_c, exponent=alpha_D)


scaled_power_law(
    "kaplan_c",
    "L(C) = (C_c / C)**alpha_C",
    Variable("compute_flops", "C", "non-embedding training compute at a batch of 2**19 tokens"),
    "loss",
    scale="C_c",
    exponent="alpha_C",
    start=(0.02, 1.0),
)

scaled_power_law(
    "henighan_n",
    "L(N) = L_inf + (N_0 / N)**alpha_N",
    Variable("params", "N", "non-embedding parameters"),
    "loss",
    scale="N_0",
    exponent="alpha_N",
    floor="L_inf",
    start=(0.02, 1.0),
)

scaled_power_law(
    "henighan_c",
    "L(C) = L_inf + (C_0 / C)**alpha_C",
    Variable("compute_flops", "C", "training compute, 6 * params * tokens"),
    "loss",
    scale="C_0",
    exponent="alpha_C",
    floor="L_inf",
    start=(0.02, 1.0),
)

scaled_power_law(
    "cerebras_gpt",
    "L(f) = (f / f_0)**(-alpha) + E",
    Variable("compute_flops", "f", "training compute at 20 tokens per parameter"),
    "loss",
    scale="f_0",
    exponent="alpha",
    floor="E",
    start=(0.02, 1.0),
)

sum_of_powers(
    "porian_loss",
    "L(C) = E + A * C**(-alpha)",
    [(Variable("compute_flops", "C", "compute-optimal training compute"), "A", "alpha")],
)

scaled_power_law(
    "optimal_learning",
    "L(t) = L0 + (B/t)**beta, t > t0 ; relative changes |dB/B|, |dbeta/beta| between two learning "
    "policies ; acceleration ratio AR = T/min{t : L_opt(t) <= L_conv(T)}",
    Variable("step", "t", "training step, after the first t0", usual=(10.0, 1e6)),
    "loss",
    scale="B",
    exponent="beta",
    floor="L0",
)


@family("hestness_error")
def hestness_error(x: str = "examples", output: str = "error") -> Law:
    """Return the learning curve over the column `x`, for error rates or losses."""

    def curve(*, alpha, beta_g, gamma, **columns):
        return power_with_floor(columns[x], floor=gamma, amplitude=alpha, exponent=beta_g)

    return Law(
        name="hestness_error",
        function=curve,
        inputs=(_scaled(x, "m", "training-set size"),),
        output=Variable(output, "eps"),
        parameters=(
            Parameter("alpha", "amplitude", unit=f"{output} * {x}**-beta_g"),
            Parameter("beta_g", "learning-curve exponent", bounds=(-1.0, 0.0), start=(-0.8, -0.03)),
            Parameter("gamma", "irreducible error, often fixed to 0", unit=output),
        ),
        formula="eps(m) = alpha * m**beta_g + gamma",
        decreasing=(x,),
    )


@law(
    name="bansal_d",
    formula="L(D) = alpha * (1/D + C)**p",
    parameters=[
        Parameter("alpha", "amplitude", "loss * examples**p"),
        Parameter("C", "capacity term of the fixed model", "1/examples", start=(1e-3, 10.0)),
        Parameter("p", "data exponent", bounds=(0.0, 1.0), start=(0.05, 0.8)),
    ],
    inputs=[Variable("examples", "D", "training sentence pairs", usual=(1e4, 1e10))],
    decreasing=["examples"],
)
def bansal_d(examples, *, alpha, C, p):
    """Return the loss of a translation model of fixed capacity."""
    return alpha * power(1.0 / examples + C, p)


_FALLING = Parameter("c", "exponent", bounds=(-INF, 0.0), start=(-1.5, -0.03))


@family("alabdulmohsin_m1")
def alabdulmohsin_m1(x: str = "examples", output: str = "error") -> Law:
    """Return the estimator M1 over the column `x`: a power law."""

    def curve(*, beta, c, **columns):
        return beta * power(columns[x], c)

    return Law(
        name="alabdulmohsin_m1",
        function=curve,
        inputs=(_scaled(x, "x", "seen examples"),),
        output=Variable(output, "eps"),
        parameters=(Parameter("beta", "amplitude", f"{output} * {x}**-c"), _FALLING),
        formula="eps(x) = beta * x**c",
        decreasing=(x,),
    )


@family("alabdulmohsin_m2")
def alabdulmohsin_m2(x: str = "examples", output: str = "error") -> Law:
    """Return the estimator M2 over the column `x`: a power law with a floor."""

    def curve(*, eps_inf, beta, c, **columns):
        return power_with_floor(columns[x], floor=eps_inf, amplitude=beta, exponent=c)

    return Law(
        name="alabdulmohsin_m2",
        function=curve,
        inputs=(_scaled(x, "x", "seen examples"),),
        output=Variable(output, "eps"),
        parameters=(
            Parameter("eps_inf", "floor", output),
            Parameter("beta", "amplitude", f"{output} * {x}**-c"),
            _FALLING,
        ),
        formula="eps(x) = eps_inf + beta * x**c",
        decreasing=(x,),
    )


@family("alabdulmohsin_m3")
def alabdulmohsin_m3(x: str = "examples", output: str = "error") -> Law:
    """Return the estimator M3 over the column `x`: a power law that saturates."""

    def curve(*, beta, gamma, c, **columns):
        return beta * power(1.0 / columns[x] + gamma, -c)

    return Law(
        name="alabdulmohsin_m3",
        function=curve,
        inputs=(_scaled(x, "x", "seen examples"),),
        output=Variable(output, "eps"),
        parameters=(
            Parameter("beta", "amplitude", f"{output} * {x}**-c"),
            Parameter("gamma", "saturation", f"1/{x}", start=(1e-3, 10.0)),
            _FALLING,
        ),
        formula="eps(x) = beta * (1/x + gamma)**(-c)",
        decreasing=(x,),
    )


_M4_STEPS = 6  # and two more in `root`: seven digits for alpha = 1e-3, more for larger ones


def _m4_equation(t, k, alpha):
    """Return log(s / (1 - s)**alpha) - k and its slope, t being the logit of s."""
    value = alpha * jax.nn.softplus(t) - jax.nn.softplus(-t) - k
    return value, alpha * jax.nn.sigmoid(t) + jax.nn.sigmoid(-t)


@family("alabdulmohsin_m4")
def alabdulmohsin_m4(x: str = "examples", output: str = "error") -> Law:
    """Return the estimator M4 over the column `x`: from random guessing to the floor.

    With s the share of the way from eps_inf to eps0, s / (1 - s)**alpha is a power of x. Fits
    move in the distance eps0 - eps_inf, so that the two levels cannot cross.
    """

    def curve(*, eps_inf, eps0, alpha, beta, c, **columns):
        height = eps0 - eps_inf
        k = jnp.log(beta) + c * jnp.log(columns[x]) + (alpha - 1.0) * jnp.log(height)
        start = jnp.where(k < 0.0, k, k / alpha)
        share = jax.nn.sigmoid(root(_m4_equation, start, k, alpha, steps=_M4_STEPS))
        return eps_inf + height * share

    def levels(c, logs):
        unit = jnp.exp(logs[output])
        k = (1.0 - c["alpha"]) * (jnp.log(c["height"]) + logs[output]) - c["c"] * logs[x]
        return {
            "eps_inf": c["floor"] * unit,
            "eps0": (c["floor"] + c["height"]) * unit,
            "alpha": c["alpha"],
            "beta": c["odds"] * jnp.exp(k),
            "c": c["c"],
        }

    def coordinates(theta, logs):
        height = theta["eps0"] - theta["eps_inf"]
        k = (1.0 - theta["alpha"]) * jnp.log(height) - theta["c"] * logs[x]
        return {
            "floor": theta["eps_inf"] * jnp.exp(-logs[output]),
            "height": height * jnp.exp(-logs[output]),
            "alpha": theta["alpha"],
            "odds": theta["beta"] * jnp.exp(-k),
            "c": theta["c"],
        }

    return Law(
        name="alabdulmohsin_m4",
        function=curve,
        inputs=(_scaled(x, "x", "seen examples"),),
        output=Variable(output, "eps"),
        parameters=(
            Parameter("eps_inf", "floor", output),
            Parameter("eps0", "random-guess level, above eps_inf", output),
            Parameter("alpha", "shape of the transition, 0 gives M2"),
            Parameter("beta", "amplitude", f"{output}**(1-alpha) * {x}**-c"),
            _FALLING,
        ),
        formula="(eps - eps_inf) / (eps0 - eps)**alpha = beta * x**c (implicit in eps; eps_inf <= "
        "eps <= eps0)",
        decreasing=(x,),
        anchor=Anchor(
            (
                Parameter("floor", "eps_inf / y_ref", start=(0.01, 0.8)),
                Parameter("height", "(eps0 - eps_inf) / y_ref", start=(0.5, 10.0)),
                Parameter("alpha", "shape of the transition", start=(0.05, 2.0)),
                Parameter("odds", "s / (1 - s)**alpha at the centre", start=(0.05, 5.0)),
                _FALLING,
            ),
            levels,
            coordinates,
        ),
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
        inputs=(_scaled(x, "x"),),
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


@law(
    name="zsl_bnsl",
    formula="L(t) = b * t**(-c0) * (1 + (t/d1)**(1/f1))**(-c1*f1); deceleration: L_d = b*d1**(-c0)"
    ", t_d = d1, r_d = c0 + c1; extrapolation L_T = L_d * (T/d1)**(-r_d)",
    parameters=[
        Parameter("b", "amplitude", "loss * step**c0"),
        Parameter("c0", "slope before the break", start=(0.05, 0.8)),
        Parameter("c1", "change of slope", bounds=(-INF, 0.0), start=(-0.6, -0.03)),
        Parameter("d1", "step of the break", "step", start=(0.03, 30.0)),
        Parameter("f1", "smoothness of the break", start=(0.05, 1.0)),
    ],
    inputs=[Variable("step", "t", "optimiser step", usual=(100.0, 1e6))],
    decreasing=["step"],
    returns="log",
)
def zsl_bnsl(step, *, b, c0, c1, d1, f1):
    """Return the logarithm of the loss along training, which decelerates once."""
    return log_broken_power(step, amplitude=b, slope=c0, breaks=[(c1, d1, f1)])


def _break(i: int, x: str) -> tuple[Parameter, ...]:
    # Within two decades of the centre of the data: a break beyond the data is not identified.
    return (
        Parameter(f"c{i}", f"change of slope at break {i}", bounds=REAL_LINE, start=(-1.0, 1.0)),
        Parameter(f"d{i}", f"location of break {i}", unit=x, start=(0.03, 30.0)),
        Parameter(f"f{i}", f"smoothness of break {i} (smaller = sharper)", start=(0.05, 1.0)),
    )

"""Benchmark scores: from loss, from compute through a loss, and from capabilities of a model."""

from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import REAL_LINE, Parameter, Variable
from scaling_jax.laws.registry import family, law
from scaling_jax.laws.templates import FALLING, alternatives, logarithmic, sum_of_powers

_ERROR = Variable("error", "Err")
_ACCURACY = Variable("accuracy", "Acc")
_C4_LOSS = Variable("loss", "L", "loss on the C4 validation set", usual=(1.5, 8.0))
_SHARE = (0.0, 1.0)


# Error from loss


def _error_from_loss(name: str, formula: str, plateau: str) -> Law:
    """Register a plateau less an exponential of the loss, a power of the perplexity."""

    def function(loss, *, k, gamma, **values: Any) -> jax.Array:
        return values[plateau] - k * jnp.exp(-gamma * loss)

    return law(
        name=name,
        formula=formula,
        parameters=[
            Parameter(plateau, "error of an untrained model", "error", start=(0.9, 2.0)),
            Parameter("k", "amplitude", "error", start=(0.3, 10.0)),
            Parameter("gamma", "decay rate", "loss**-1", start=(0.3, 5.0)),
        ],
        inputs=[_C4_LOSS],
        output=_ERROR,
        increasing=["loss"],
    )(function)


_error_from_loss("gadre_downstream", "Err(L) = epsilon - k * exp(-gamma * L)", "epsilon")
_error_from_loss("gadre_error_from_loss", "Err(L) = eps - k * exp(-gamma * L)", "eps")


# Accuracy from compute in two steps, through the loss on the correct answers

_STEP_COMPUTE = Variable("compute_flops", "C", usual=(1e18, 1e27))
_LINEAR_IN_COMPUTE = (
    Parameter("c0", "loss at 1 FLOP", bounds=REAL_LINE, start=(1.0, 5.0)),
    Parameter("c1", "change a decade of compute", bounds=FALLING, start=(-0.3, -0.01)),
)


def _two_steps(name: str, answer_loss: Variable, steepness: str, centre: str) -> None:
    """Register the two steps and their chain as the members of one family.

    The chain is there to predict with. Fit the two steps: accuracies alone cannot tell the line
    of the first from the place of the sigmoid of the second.
    """
    nll = answer_loss.symbol
    line = f"{nll} = c0 + c1*log10(C)"
    curve = f"Acc = lo + (hi - lo) / (1 + exp({steepness} * ({nll} - {centre})))"
    sigmoid = (
        Parameter("lo", "accuracy at a high loss", bounds=_SHARE, start=(0.05, 0.5)),
        Parameter("hi", "accuracy at a low loss", bounds=_SHARE, start=(0.7, 0.99)),
        Parameter(steepness, "steepness", start=(1.0, 30.0)),
        Parameter(centre, "loss half-way", start=(0.3, 2.0)),
    )

    def first(compute_flops, *, c0, c1):
        return c0 + c1 * jnp.log10(compute_flops)

    def accuracy(loss, lo, hi, values):
        return lo + (hi - lo) * jax.nn.sigmoid(-values[steepness] * (loss - values[centre]))

    def second(*, lo, hi, **values: Any):
        return accuracy(values[answer_loss.column], lo, hi, values)

    def chained(compute_flops, *, c0, c1, lo, hi, **values: Any):
        return accuracy(first(compute_flops, c0=c0, c1=c1), lo, hi, values)

    alternatives(
        {
            "chained": Law(
                name,
                chained,
                (_STEP_COMPUTE,),
                _ACCURACY,
                (*_LINEAR_IN_COMPUTE, *sigmoid),
                f"{line} ; {curve}",
                increasing=("compute_flops",),
            ),
            "answer_loss": Law(
                name,
                first,
                (_STEP_COMPUTE,),
                answer_loss,
                _LINEAR_IN_COMPUTE,
                line,
                decreasing=("compute_flops",),
            ),
            "accuracy": Law(
                name,
                second,
                (answer_loss,),
                _ACCURACY,
                sigmoid,
                curve,
                decreasing=(answer_loss.column,),
            ),
        },
        option="step",
    )


def _answer_loss(symbol: str) -> Variable:
    return Variable(
        "answer_loss",
        symbol,
        "negative log-likelihood of the correct answer a character",
        "nats per character",
        (0.2, 2.5),
    )


_two_steps("llama3_downstream", _answer_loss("nll"), "s", "m")
_two_steps("llama3_two_step", _answer_loss("NLL_norm"), "k", "x0")


# The task ladder

_LADDER_PARAMS = Variable("params", "N", "non-embedding parameters", usual=(1e8, 1e11))
_LADDER_TOKENS = Variable("tokens", "D", usual=(1e9, 1e14))
_TASK_LOSS = Variable("bits_per_byte", "L", "bits per byte of the correct answer", usual=(0.2, 3.0))

sum_of_powers(
    "ladder_step1_task_loss",
    "L(N, D) = A / N**alpha + B / D**beta + E",
    [(_LADDER_PARAMS, "A", "alpha"), (_LADDER_TOKENS, "B", "beta")],
    _TASK_LOSS,
)
sum_of_powers(
    "ladder_flops_step1",
    "L(C) = A / C**alpha + E",
    [
        (
            Variable("compute_flops", "C", "FLOP counted in the model", usual=(1e18, 1e26)),
            "A",
            "alpha",
        )
    ],
    _TASK_LOSS,
)


@law(
    name="ladder_step2_sigmoid",
    formula="Acc(L) = a / (1 + exp(-k*(L - L0))) + b",
    parameters=[
        Parameter("a", "height, negative", bounds=(-1.0, 0.0), start=(-0.9, -0.3)),
        Parameter("L0", "loss half-way", "bits_per_byte", start=(0.3, 3.0)),
        Parameter("k", "steepness", "bits_per_byte**-1", start=(0.5, 20.0)),
        Parameter("b", "accuracy at a low loss", bounds=_SHARE, start=(0.5, 0.99)),
    ],
    inputs=[_TASK_LOSS],
    output=_ACCURACY,
    decreasing=["bits_per_byte"],
)
def ladder_step2_sigmoid(bits_per_byte, *, a, L0, k, b):
    """Return the accuracy of a task from the loss on its answers."""
    return a * jax.nn.sigmoid(k * (bits_per_byte - L0)) + b


@law(
    name="ladder_single_step",
    formula="Acc(N, D) = p / (1 + exp(-(A/N**alpha + B/D**beta + E))) + q",
    parameters=[
        Parameter("A", "model-size amplitude", "params**alpha", start=(0.1, 10.0)),
        Parameter("B", "data amplitude", "tokens**beta", start=(0.1, 10.0)),
        Parameter("alpha", "model-size exponent"),
        Parameter("beta", "data exponent"),
        Parameter("E", "logit of the unlimited model", bounds=REAL_LINE, start=(-4.0, 1.0)),
        Parameter("p", "height, negative", bounds=FALLING, start=(-0.9, -0.3)),
        Parameter("q", "upper end", start=(0.5, 1.0)),
    ],
    inputs=[_LADDER_PARAMS, _LADDER_TOKENS],
    output=_ACCURACY,
    increasing=["params", "tokens"],
)
def ladder_single_step(params, tokens, *, A, B, alpha, beta, E, p, q):
    """Return the accuracy of a task without a loss between."""
    return p * jax.nn.sigmoid(A * power(params, -alpha) + B * power(tokens, -beta) + E) + q


# Scores from compute alone


@law(
    name="owen_bigbench",
    formula="Acc(x) = floor + (1 - floor)/(1 + exp(-k*(x - x0)))",
    parameters=[
        Parameter("floor", "accuracy by chance", bounds=_SHARE, start=(0.05, 0.5)),
        Parameter("k", "steepness", start=(0.5, 20.0)),
        Parameter("x0", "x half-way", bounds=REAL_LINE, start=(-0.5, 1.5)),
    ],
    inputs=[
        Variable(
            "scaled_loss",
            "x",
            "minus log10 of the loss above the irreducible one, by the Chinchilla law",
            usual=(-1.0, 2.0),
        )
    ],
    output=_ACCURACY,
    increasing=["scaled_loss"],
)
def owen_bigbench(scaled_loss, *, floor, k, x0):
    """Return the accuracy on a benchmark of models of every family."""
    return floor + (1.0 - floor) * jax.nn.sigmoid(k * (scaled_loss - x0))


@law(
    name="apple_direct_accuracy",
    formula="Q(C) = exp(-A * C**(-alpha))",
    parameters=[
        Parameter("A", "amplitude", "compute_flops**alpha", start=(0.05, 5.0)),
        Parameter("alpha", "exponent"),
    ],
    inputs=[Variable("compute_flops", "C", usual=(1e18, 1e26))],
    output=Variable(
        "normalised_accuracy", "Q", "accuracy above chance, over that of a perfect model"
    ),
    increasing=["compute_flops"],
    returns="log",
)
def apple_direct_accuracy(compute_flops, *, A, alpha):
    """Return the logarithm of the chance-normalised accuracy."""
    return -A * power(compute_flops, -alpha)


# Capabilities: what the scores of a model have in common

_FAMILY_COMPUTE = Variable("compute_flops", "C", usual=(1e19, 1e26))

logarithmic(
    "obs_capability_loglinear",
    "S = theta * log(C) + nu",
    _FAMILY_COMPUTE,
    Variable("capability", "S", "principal component of a model's benchmark scores"),
    intercept="nu",
    slope="theta",
)

_MOST_COMPONENTS = 8


def _count(name: str, option: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_COMPONENTS:
        raise LawError(
            f"{name} takes {option}= a whole number from 1 to {_MOST_COMPONENTS}, not {value!r}"
        )
    return value


@family("obs_sigmoid_downstream")
def obs_sigmoid_downstream(components: int = 3, asymptote: str = "floor") -> Law:
    """Return a sigmoid of a model's capabilities.

    Options: ``asymptote="floor"`` is the form of the code, which rises from b to 1,
    ``"ceiling"`` that of the paper, from 0 to h.
    """
    numbers = range(1, _count("obs_sigmoid_downstream", "components", components) + 1)
    if asymptote not in ("floor", "ceiling"):
        raise LawError(
            "obs_sigmoid_downstream takes asymptote='floor' or 'ceiling', not "
            f"{asymptote!r}; choose one"
        )
    floor = asymptote == "floor"
    slope, offset = ("w", "w0") if floor else ("beta", "alpha")

    def function(**values: Any) -> jax.Array:
        logit = values[offset] + sum(values[f"{slope}{i}"] * values[f"pc_{i}"] for i in numbers)
        if floor:
            return (1.0 - values["b"]) * jax.nn.sigmoid(logit) + values["b"]
        return values["h"] * jax.nn.sigmoid(logit)

    dot = " + ".join(f"{slope}{i}*S{i}" for i in numbers)
    sigmoid = f"1 / (1 + exp(-({dot} + {offset})))"
    return Law(
        name="obs_sigmoid_downstream",
        function=function,
        inputs=tuple(
            Variable(f"pc_{i}", f"S{i}", f"principal component {i} of the scores", "", (-1.0, 1.0))
            for i in numbers
        ),
        output=_ACCURACY,
        parameters=(
            *(
                Parameter(f"{slope}{i}", f"weight of component {i}", "1", REAL_LINE, (-10.0, 10.0))
                for i in numbers
            ),
            Parameter(offset, "offset", bounds=REAL_LINE, start=(-4.0, 4.0)),
            Parameter("b", "lower asymptote", bounds=(0.0, 0.2), start=(0.001, 0.19))
            if floor
            else Parameter("h", "upper asymptote", bounds=(0.8, 1.0), start=(0.81, 0.99)),
        ),
        formula=f"E_m = (1 - b) * {sigmoid} + b" if floor else f"E_m = h * {sigmoid}",
    )


@family("sloth")
def sloth(skills: int = 3) -> Law:
    """Return the score of one family's members on one benchmark, through latent skills.

    One benchmark alone cannot tell skills from loadings: `scaling_jax.protocols` has the fit of
    all benchmarks and families together.
    """
    numbers = range(1, _count("sloth", "skills", skills) + 1)

    def function(params, tokens, *, gamma, b, **values: Any):
        log_s, log_t = jnp.log(params / 1e9), jnp.log(tokens / 1e12)
        logit = b
        for k in numbers:
            slopes = values[f"beta{k}_0"] * log_s + values[f"beta{k}_1"] * log_t
            skill = values[f"alpha{k}"] + slopes + values[f"beta{k}_2"] * log_s * log_t
            logit = logit + values[f"Lambda{k}"] * skill
        return gamma + (1.0 - gamma) * jax.nn.sigmoid(logit)

    thetas = " ; ".join(
        f"theta{k} = alpha{k} + beta{k}_0*log(s) + beta{k}_1*log(t) + beta{k}_2*log(s)*log(t)"
        for k in numbers
    )
    dot = " + ".join(f"Lambda{k}*theta{k}" for k in numbers)
    return Law(
        name="sloth",
        function=function,
        inputs=(
            Variable("params", "N", usual=(1e8, 1e12)),
            Variable("tokens", "D", usual=(1e10, 1e14)),
        ),
        output=Variable("accuracy", "mu"),
        parameters=(
            Parameter("gamma", "score by chance", bounds=_SHARE, start=(0.01, 0.5)),
            Parameter("b", "intercept of the benchmark", bounds=REAL_LINE),
            *(
                Parameter(f"{letter}{k}{order}", meaning, bounds=REAL_LINE, start=start)
                for k in numbers
                for letter, order, meaning, start in (
                    ("Lambda", "", f"loading of skill {k}", (0.1, 1.0)),
                    ("alpha", "", f"skill {k} of the family at 1e9 parameters, 1e12 tokens", None),
                    ("beta", "_0", f"slope of skill {k} in log parameters", (0.05, 1.0)),
                    ("beta", "_1", f"slope of skill {k} in log tokens", (0.05, 1.0)),
                    ("beta", "_2", f"interaction of the two in skill {k}", (-0.1, 0.1)),
                )
            ),
        ),
        formula=f"s = N/1e9 ; t = D/1e12 ; {thetas} ; "
        f"mu = gamma + (1 - gamma) / (1 + exp(-({dot} + b)))",
    )


@law(
    name="rosetta_stone",
    formula="C_m = k*log(F_m) + b_0 + r*t ; score = 1 / (1 + exp(-alpha_b*(C_m - D_b)))",
    parameters=[
        Parameter("alpha_b", "slope of the benchmark", start=(0.3, 5.0)),
        Parameter("D_b", "difficulty of the benchmark", bounds=REAL_LINE, start=(5.0, 12.0)),
        Parameter("k", "capability a unit of log compute", start=(0.05, 0.5)),
        Parameter("b_0", "algorithmic level at year 0", bounds=REAL_LINE),
        Parameter("r", "drift of the algorithmic level a year", bounds=REAL_LINE),
    ],
    inputs=[
        Variable("compute_flops", "F_m", usual=(1e20, 1e27)),
        Variable("release_years", "t", "time of release", "years after the anchor", (-5.0, 5.0)),
    ],
    output=Variable("accuracy", "score"),
    increasing=["compute_flops"],
)
def rosetta_stone(compute_flops, release_years, *, alpha_b, D_b, k, b_0, r):
    """Return the score on a benchmark of a model of a given compute and release date.

    One benchmark alone cannot tell its difficulty from the level at year 0: the common scale
    comes from a table of models and benchmarks, see the protocol of the same name.
    """
    capability = k * jnp.log(compute_flops) + b_0 + r * release_years
    return jax.nn.sigmoid(alpha_b * (capability - D_b))

"""Abilities that seem to appear at once: pass probabilities, exact matches, groups of questions."""

from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.registry import law, register
from scaling_jax.laws.templates import FALLING, alternatives, powers

register(
    powers(
        "gpt4_pass_rate",
        "y(C) = alpha * C**(-k)",
        [
            Variable(
                "compute_share",
                "C",
                "training compute relative to the target model's",
                "",
                (1e-6, 1.0),
                SCALE,
            )
        ],
        Variable("neg_log_pass_rate", "y", "mean of -log(pass rate) over a bucket of problems"),
        exponents=["k"],
        amplitude="alpha",
        divided=True,
    )
)


@law(
    name="passuntil_task_law",
    formula="PU(N) = exp(-c * N**(-alpha))",
    parameters=[
        Parameter("c", "amplitude of -log(PU)", "params**alpha", start=(0.1, 10.0)),
        Parameter("alpha", "exponent"),
    ],
    inputs=[
        Variable("params", "N", "parameters, models trained with one rule for the tokens",
                 usual=(1e7, 1e12))
    ],
    output=Variable("pass_rate", "PU", "probability that one sample passes", "fraction"),
    increasing=["params"],
    returns="log",
)  # fmt: skip
def passuntil_task_law(params, *, c, alpha):
    """Return the logarithm of the pass probability of one instance."""
    return -c * power(params, -alpha)


@law(
    name="cod_cluster_law",
    formula="Acc(C) = g + (1 - g) * exp(-a * C**(-b) - c)",
    parameters=[
        Parameter("g", "accuracy by chance", bounds=(0.0, 1.0), start=(0.01, 0.5)),
        Parameter("a", "amplitude", "compute_flops**b", start=(0.05, 5.0)),
        Parameter("b", "exponent"),
        Parameter("c", "irreducible term", start=(0.001, 1.0)),
    ],
    inputs=[Variable("compute_flops", "C", usual=(1e18, 1e26))],
    output=Variable("accuracy", "Acc"),
    increasing=["compute_flops"],
)
def cod_cluster_law(compute_flops, *, g, a, b, c):
    """Return the accuracy on questions of one difficulty."""
    return g + (1.0 - g) * jnp.exp(-a * power(compute_flops, -b) - c)


# Metrics of an answer of several tokens

_MIRAGE_SIZE = Variable("params", "N", usual=(1e7, 1e12))
_ANSWER = Variable(
    "answer_tokens", "Ltok", "length of the answer", "tokens", (1.0, 50.0), (1.0, INF)
)
_MIRAGE = (
    Parameter("c", "size at which the loss is one nat per token", "params"),
    Parameter("alpha", "exponent of the loss, negative", bounds=FALLING, start=(-1.0, -0.05)),
)
_PER_TOKEN = "p_N = exp(-(N/c)**(-abs(alpha)))"


def _token_loss(params, c, alpha):
    return jnp.exp(alpha * (jnp.log(params) - jnp.log(c)))


def _exact_match(params, answer_tokens, *, c, alpha):
    """Return the logarithm of the probability that every token is right."""
    return -answer_tokens * _token_loss(params, c, alpha)


def _wrong_tokens(params, answer_tokens, *, c, alpha):
    """Return the expected number of wrong tokens."""
    return -answer_tokens * jnp.expm1(-_token_loss(params, c, alpha))


alternatives(
    {
        "accuracy": Law(
            "mirage_token_error",
            _exact_match,
            (_MIRAGE_SIZE, _ANSWER),
            Variable("accuracy", "Accuracy", "share of exact matches"),
            _MIRAGE,
            f"{_PER_TOKEN} ; Accuracy(N) = p_N**Ltok",
            decreasing=("answer_tokens",),
            increasing=("params",),
            returns="log",
        ),
        "edit_distance": Law(
            "mirage_token_error",
            _wrong_tokens,
            (_MIRAGE_SIZE, _ANSWER),
            Variable("edit_distance", "TokenEditDistance", "wrong tokens", "tokens"),
            _MIRAGE,
            f"{_PER_TOKEN} ; TokenEditDistance(N) = Ltok * (1 - p_N)",
            decreasing=("params",),
            increasing=("answer_tokens",),
        ),
    }
)


# Easy and hard questions apart

_SLICE_COMPUTE = Variable("compute_flops", "C", usual=(1e19, 1e25))
_BRIER = Variable(
    "tc_brier", "TC", "minus the squared distance of the right choice's probability from one"
)
_X = "x = log10(C/1e21)"


def _coefficients(letter: str, degree: int) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(f"{letter}{i}", f"coefficient of x**{i}", bounds=REAL_LINE)
        for i in range(degree + 1)
    )


def _polynomial(compute_flops, letter: str, degree: int, values: dict[str, Any]) -> jax.Array:
    x = jnp.log(compute_flops) / jnp.log(10.0) - 21.0  # 1e21 times 1e5 leaves float32
    value = values[f"{letter}{degree}"]
    for i in reversed(range(degree)):
        value = value * x + values[f"{letter}{i}"]
    return value


def _terms(letter: str, degree: int) -> str:
    return " + ".join(f"{letter}{i}*x**{i}" for i in range(degree + 1))


_EASY, _HARD = _coefficients("e", 5), _coefficients("h", 2)
_TEXT = f"{_X} ; TC_easy = {_terms('e', 5)} ; TC_hard = {_terms('h', 2)} ; "


def _easy(compute_flops, **values: Any):
    """Return the score of the easy third of the questions."""
    return _polynomial(compute_flops, "e", 5, values)


def _hard(compute_flops, **values: Any):
    """Return the score of the hard third of the questions."""
    return _polynomial(compute_flops, "h", 2, values)


def _sandwich(compute_flops, **values: Any):
    """Return the mean of the two."""
    return 0.5 * (_easy(compute_flops, **values) + _hard(compute_flops, **values))


def _sandwich_accuracy(compute_flops, *, b0, b1, **values: Any):
    """Return the accuracy that goes with the mean."""
    return (_sandwich(compute_flops, **values) - b0) / b1


def _slice(function, output: Variable, parameters: tuple[Parameter, ...], formula: str) -> Law:
    return Law("u_shape_slice_sandwich", function, (_SLICE_COMPUTE,), output, parameters, formula)


# The first two are what is fitted; the others put the fits together, and their coefficients
# cannot be told apart by their own output.
alternatives(
    {
        "easy": _slice(_easy, _BRIER, _EASY, f"{_X} ; TC_easy = {_terms('e', 5)}"),
        "hard": _slice(_hard, _BRIER, _HARD, f"{_X} ; TC_hard = {_terms('h', 2)}"),
        "all": _slice(_sandwich, _BRIER, (*_EASY, *_HARD), f"{_TEXT}TC = (TC_easy + TC_hard) / 2"),
        "accuracy": _slice(
            _sandwich_accuracy,
            Variable("accuracy", "Acc"),
            (
                *_EASY,
                *_HARD,
                Parameter("b0", "TC at an accuracy of zero", bounds=REAL_LINE),
                Parameter("b1", "change of TC with accuracy"),
            ),
            f"{_TEXT}TC = (TC_easy + TC_hard) / 2 ; Acc = (TC - b0) / b1",
        ),
    },
    option="questions",
)

"""Vocabulary: loss and optimal vocabulary over its size, with tokens counted from characters."""

import operator
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import REAL_LINE, Parameter, Variable
from scaling_jax.laws.registry import family, law
from scaling_jax.laws.templates import alternatives, logarithmic, powers

_UNIT_INTERVAL = (0.0, 1.0)
_LARGEST_VOCABULARY = 200_000.0  # the parabola has its minimum near 235,000
_COMPRESSION = (0.00639222, -0.15811069, 1.20470122)  # of the publication's tokenizer

_NON_VOCABULARY = Variable(
    "params_non_vocab", "N_nv", "parameters without the vocabulary's", usual=(3.3e7, 1.13e9)
)
_VOCABULARY = Variable(
    "params_vocab", "N_v", "vocabulary parameters, size * width", usual=(2.1e6, 2e8)
)
_ENTRIES = Variable("vocab_size", "V", "vocabulary size", usual=(4096.0, 96256.0))
_CHARACTERS = Variable("characters", "H", "training characters", "characters", (1.8e8, 2.4e11))


def tokens_per_character(entries: Any, coefficients: Any = _COMPRESSION) -> jax.Array:
    """Return f(V) = a*ln(V)**2 + b*ln(V) + c, constant from V = 200,000 on.

    Args:
        entries: Vocabulary size.
        coefficients: (a, b, c); by default those of Tao et al. (2024), arXiv:2407.13623.

    Example:
        >>> round(float(tokens_per_character(32000.0)), 3)
        0.252
    """
    a, b, c = coefficients
    log_v = jnp.log(jnp.minimum(entries, _LARGEST_VOCABULARY))
    return a * log_v**2 + b * log_v + c


logarithmic(
    "over_encoding",
    "L(m) = a - b*log10(m)",
    Variable("input_vocab_size", "m", "entries of the input vocabulary", "entries", (2e4, 1.28e7)),
    "loss",
    intercept="a",
    slope="b",
    falling=True,
    log=jnp.log10,
)


_COUNTED_AT = {"V/1000": 1000.0, "V": 1.0}


@family("vocab_parametric")
def vocab_parametric(counted_at: str = "V/1000") -> Law:
    """Return the parametric loss relative to a unigram model (approach 3).

    Args:
        counted_at: The argument of f in tokens = H * f. ``"V/1000"``: as in the published script,
            which divides V before it counts tokens; the published coefficients belong to that.
            ``"V"``: the tokens of the runs.
    """
    if counted_at not in _COUNTED_AT:
        raise LawError(f"vocab_parametric counts tokens at 'V/1000' or 'V', not at {counted_at!r}")
    unit = _COUNTED_AT[counted_at]

    def loss(
        params_non_vocab,
        params_vocab,
        characters,
        vocab_size,
        *,
        E,
        A1,
        alpha1,
        A2,
        alpha2,
        B,
        beta,
    ):
        tokens = characters * tokens_per_character(vocab_size / unit)
        of_size = A1 * power(params_non_vocab, -alpha1) + A2 * power(params_vocab, -alpha2)
        return -E + of_size + B * power(tokens, -beta)

    return Law(
        name="vocab_parametric",
        function=loss,
        inputs=(_NON_VOCABULARY, _VOCABULARY, _CHARACTERS, _ENTRIES),
        output=Variable("loss", "L_u", "loss less that of a unigram model", bounds=REAL_LINE),
        # The loss is negative: it has no scale, so amplitudes are in nats a token.
        parameters=(
            Parameter("E", "minus the irreducible loss", start=(0.5, 10.0)),
            Parameter("A1", "amplitude of N_nv", "params_non_vocab**alpha1", start=(0.01, 2.0)),
            Parameter("A2", "amplitude of N_v", "params_vocab**alpha2", start=(0.01, 2.0)),
            Parameter("B", "data amplitude", "characters**beta", start=(0.01, 5.0)),
            Parameter("alpha1", "exponent of N_nv, tied to beta", bounds=_UNIT_INTERVAL),
            Parameter("alpha2", "exponent of N_v", bounds=_UNIT_INTERVAL),
            Parameter("beta", "data exponent", bounds=_UNIT_INTERVAL),
        ),
        formula="L_u = -E + A1/N_nv**alpha1 + A2/N_v**alpha2 + B/D**beta, N_v = V*d, D = H*f",
        decreasing=("params_non_vocab", "params_vocab", "characters"),
    )


_COMPUTE = Variable("compute_flops", "C", usual=(2e17, 1e22))


def _of_compute(output: str, symbol: str, formula: str, k: str, exponent: str | None) -> Law:
    """Return output = k * C**exponent, the exponent 0.5 where none is named."""
    column = Variable(output, symbol)
    if exponent is not None:
        return powers(
            "vocab_isoflops",
            formula,
            [_COMPUTE],
            column,
            amplitude=k,
            exponents=[exponent],
            bounds=[_UNIT_INTERVAL],
        )

    def function(compute_flops, **values):
        return values[k] * jnp.sqrt(compute_flops)

    return Law(
        name="vocab_isoflops",
        function=function,
        inputs=(_COMPUTE,),
        output=column,
        parameters=(Parameter(k, "amplitude", f"{output} * compute_flops**-0.5"),),
        formula=formula,
        increasing=("compute_flops",),
    )


vocab_isoflops = alternatives(
    {
        "params_vocab": _of_compute("params_vocab", "N_v", "N_v = k2*C**a2", "k2", "a2"),
        "params_non_vocab": _of_compute("params_non_vocab", "N_nv", "N_nv = k1*C**0.5", "k1", None),
        "characters": _of_compute("characters", "H", "H = k3*C**0.5", "k3", None),
    }
)


@law(
    name="vocab_derivative",
    formula="N_v = N_v0*(N_nv/N_nv0)**gamma ; V solves dF/dV = "
    "6*H*[(N_nv + V*d)*(2*a*ln(V) + b)/V + d*(a*ln(V)**2 + b*ln(V) + c)] = 0",
    parameters=[
        Parameter("N_v0", "optimal vocabulary parameters at the anchor", "params_vocab"),
        Parameter("N_nv0", "non-vocabulary parameters at the anchor", "params_non_vocab"),
        Parameter("gamma", "exponent", bounds=_UNIT_INTERVAL),
    ],
    inputs=[
        Variable(
            "params_non_vocab", "N_nv", "parameters without the vocabulary's", usual=(3e7, 7e10)
        )
    ],
    output=Variable("params_vocab", "N_v", "optimal vocabulary parameters"),
    increasing=["params_non_vocab"],
)
def vocab_derivative(params_non_vocab, *, N_v0, N_nv0, gamma):
    """Return the optimal vocabulary parameters, extrapolated from an anchor.

    The anchor is one solution of the equation, which the protocol of the same name solves; a fit
    holds it with ``fix(N_v0=..., N_nv0=...)``.
    """
    return N_v0 * power(params_non_vocab / N_nv0, gamma)


_LETTERS = {"N": "params_non_vocab", "V": "vocab_size", "H": "characters"}


@family("sld_vocab")
def sld_vocab(terms: str = "1 N V H NN VV HH") -> Law:
    """Return a quadratic form in the logarithms, of the terms that a run kept.

    Args:
        terms: Products of the logarithms of N_nv (N), V and the characters (H), by letters, with
            blanks between; ``1`` is the constant.
    """
    products = terms.split()
    for term in products:
        if term != "1" and not (1 <= len(term) <= 2 and set(term) <= set(_LETTERS)):
            raise LawError(
                f"sld_vocab has no term {term!r}; write 1, N, V, H, or two of these letters"
            )
    if len(set(products)) < len(products) or not set(_LETTERS) <= set("".join(products)):
        raise LawError(f"sld_vocab needs each of N, V and H, and no term twice, not {terms!r}")

    def loss(**values: Any) -> jax.Array:
        logs = {letter: jnp.log(values[column]) for letter, column in _LETTERS.items()}
        return sum(values[f"theta_{term}"] * _product(term, logs) for term in products)  # type: ignore[return-value]

    return Law(
        name="sld_vocab",
        function=loss,
        inputs=(
            Variable("params_non_vocab", "Nnv", "non-vocabulary parameters", usual=(3.3e7, 1.13e9)),
            _ENTRIES,
            Variable("characters", "D", "training characters", "characters", (1.8e8, 2.4e11)),
        ),
        output=Variable("loss", "L", "loss less that of a unigram model", bounds=REAL_LINE),
        parameters=tuple(
            Parameter(f"theta_{term}", f"coefficient of {_meaning(term)}", bounds=REAL_LINE)
            for term in products
        ),
        formula="L = " + " + ".join(f"theta_{term}{_factors(term)}" for term in products),
    )


def _product(term: str, logs: dict[str, jax.Array]) -> Any:
    return 1.0 if term == "1" else reduce(operator.mul, (logs[letter] for letter in term))


def _factors(term: str) -> str:
    symbols = {"N": "Nnv", "V": "V", "H": "D"}
    return "" if term == "1" else "".join(f"*log({symbols[letter]})" for letter in term)


def _meaning(term: str) -> str:
    return "the constant" if term == "1" else _factors(term).removeprefix("*")

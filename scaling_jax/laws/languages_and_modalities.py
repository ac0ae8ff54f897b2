"""Languages and modalities: what training on several of them does to the loss on one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws import templates
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Anchor, Parameter, Variable
from scaling_jax.laws.registry import family, law

_MOST_LANGUAGES = 50
_TRAINED = (1e8, 1e12)  # tokens of one source
_RAW_AMPLITUDE = (1.0, 1e5)  # of a data term with raw tokens, if a held coefficient undoes anchors


@family("atlas")
def atlas(transfer: int | Sequence[str] = 3, other: bool = True, repetition: bool = True) -> Law:
    """Return the loss on a target language of tokens of this and of other languages.

    Args:
        transfer: Number or names of the transfer languages, columns ``tokens_1``,
            ``unique_tokens_1``, ... or ``tokens_german``, ``unique_tokens_german``.
        other: Whether the remaining languages count, columns ``tokens_other`` and
            ``unique_tokens_other``.
        repetition: Whether repeated tokens count less; if not, there are no unique tokens.

    The effective tokens, a sum with weights of any sign, must be positive.
    """
    others = (*_language_names(transfer), *(["other"] if other else []))
    columns = {"": _source_columns("", repetition)}
    columns |= {f"_{name}": _source_columns(f"_{name}", repetition) for name in others}

    def loss(params, *, E, A, alpha, B, beta, **rest):
        effective = _effective(rest, "", repetition)
        for name in others:
            effective = effective + rest[f"tau_{name}"] * _effective(rest, f"_{name}", repetition)
        return E + A * power(params, -alpha) + B * power(effective, -beta)

    common = (
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter("A", "model-size amplitude", unit="loss * params**alpha"),
        Parameter("alpha", "model-size exponent"),
        # Tokens have no unit here: those of all languages change theirs together, if at all.
        Parameter("B", "data amplitude", unit="loss", start=_RAW_AMPLITUDE),
        Parameter("beta", "data exponent"),
    )
    sources = (
        *([Parameter("lam", "repetition constant of all sources")] if repetition else []),
        *(
            Parameter(f"tau_{name}", f"transfer from {name}", bounds=REAL_LINE, start=(-0.1, 1.0))
            for name in others
        ),
    )
    return Law(
        name="atlas",
        function=loss,
        inputs=(
            Variable("params", "N", usual=(9e6, 8.45e9)),
            *(variable for pair in columns.values() for variable in pair),
        ),
        output=Variable("loss", "L", "vocabulary-insensitive loss on the target language"),
        parameters=(*common, *sources),
        formula=_atlas_formula(others, repetition),
        decreasing=("params", "tokens"),
        anchor=_data_anchor(common, sources),
    )


def _atlas_formula(others: Sequence[str], repetition: bool) -> str:
    source = "S(D_{0}, U_{0})" if repetition else "D_{0}"
    terms = [source.format("t"), *(f"tau_{name}*{source.format(name)}" for name in others)]
    formula = f"L = E + A/N**alpha + B/D_eff**beta, D_eff = {' + '.join(terms)}"
    decay = "S(D, U) = min(D, U) + U*(1 - exp(-lam*max(D/U - 1, 0)))/lam"
    return f"{formula}, {decay}" if repetition else formula


def _language_names(transfer: int | Sequence[str]) -> tuple[str, ...]:
    if isinstance(transfer, bool) or isinstance(transfer, str):
        raise LawError(f"atlas takes a number of transfer languages or their names: {transfer!r}")
    if isinstance(transfer, int):
        transfer = [str(k) for k in range(1, min(transfer, _MOST_LANGUAGES + 1) + 1)]
    named = tuple(transfer)
    if len(named) > _MOST_LANGUAGES or len({*named, "other"}) <= len(named):
        raise LawError(
            f"atlas takes up to {_MOST_LANGUAGES} transfer languages, each once and none of them "
            "called 'other'"
        )
    return named


def _source_columns(suffix: str, repetition: bool) -> tuple[Variable, ...]:
    letter = suffix or "_t"
    name = "the target language" if not suffix else f"source {suffix[1:]}"
    bounds = SCALE
    seen = Variable(
        f"tokens{suffix}", f"D{letter}", f"tokens of {name}", "tokens", _TRAINED, bounds
    )
    unique = Variable(
        f"unique_tokens{suffix}",
        f"U{letter}",
        f"distinct tokens of {name}",
        "tokens",
        _TRAINED,
        bounds,
    )
    return (seen, unique) if repetition else (seen,)


def _effective(values, suffix: str, repetition: bool):
    """Return S(D; U): distinct tokens, and repeated ones up to the worth of U/lam."""
    seen = values[f"tokens{suffix}"]
    if not repetition:
        return seen
    unique, lam = values[f"unique_tokens{suffix}"], values["lam"]
    repeats = jnp.maximum(seen / unique - 1.0, 0.0)
    return jnp.minimum(seen, unique) - unique * jnp.expm1(-lam * repeats) / lam


def _data_anchor(common: Sequence[Parameter], sources: Sequence[Parameter]) -> Anchor:
    """Return coordinates in which B is its contribution to the loss at the centre of the data."""

    def log_scales(c, logs):
        return {
            "E": logs["loss"],
            "A": logs["loss"] + c["alpha"] * logs["params"],
            "B": logs["loss"] + c["beta"] * logs["tokens"],
        }

    starts = {name: (0.01, 1.0) for name in ("E", "A", "B")}
    return _anchor((*common, *sources), starts, log_scales)


def _anchor(
    parameters: Sequence[Parameter],
    starts: Mapping[str, tuple[float, float]],
    log_scales: Callable[[Any, Any], dict[str, Any]],
) -> Anchor:
    """Return coordinates that are the parameters divided by scales; the others as they are."""

    def to_natural(c, logs):
        scales = log_scales(c, logs)
        return {n: x * jnp.exp(scales[n]) if n in scales else x for n, x in c.items()}

    def from_natural(theta, logs):
        scales = log_scales(theta, logs)
        return {n: x * jnp.exp(-scales[n]) if n in scales else x for n, x in theta.items()}

    coordinates = tuple(
        Parameter(p.name, p.meaning, bounds=p.bounds, start=starts.get(p.name, p.start))
        for p in parameters
    )
    return Anchor(coordinates, to_natural, from_natural)


@law(
    name="atlas_multilinguality",
    formula="L(K, N, D_t) = L_inf + A*K**phi/N**alpha + B*K**psi/D_t**beta",
    parameters=[
        Parameter("L_inf", "irreducible loss", unit="loss"),
        Parameter("A", "model-size amplitude", unit="loss * params**alpha * languages**-phi"),
        Parameter("B", "data amplitude", unit="loss * tokens**beta * languages**-psi"),
        Parameter("phi", "capacity cost of languages", start=(0.02, 1.0)),
        Parameter("psi", "transfer gain", bounds=(-INF, 0.0), start=(-1.0, -0.01)),
        Parameter("alpha", "model-size exponent"),
        Parameter("beta", "data exponent"),
    ],
    inputs=[
        Variable(
            "languages",
            "K",
            "languages that are sampled evenly",
            "count",
            usual=(4.0, 50.0),
            bounds=SCALE,
        ),
        Variable("params", "N", usual=(9e6, 8.45e9)),
        Variable("tokens", "D_t", "tokens per language", usual=(1e8, 1e11)),
    ],
    decreasing=["params", "tokens"],
)
def atlas_multilinguality(languages, params, tokens, *, L_inf, A, B, phi, psi, alpha, beta):
    """Return the loss on one of K languages."""
    log_k = jnp.log(languages)
    size = A * jnp.exp(phi * log_k - alpha * jnp.log(params))
    return L_inf + size + B * jnp.exp(psi * log_k - beta * jnp.log(tokens))


_SIZE = Variable("params", "N", usual=(8e6, 3e10))

mixed_modal_unimodal = templates.sum_of_powers(
    "mixed_modal_unimodal",
    "L(N, D_j) = E_j + A_j/N**alpha_j + B_j/D_j**beta_j",
    [
        (_SIZE, "A_j", "alpha_j"),
        (Variable("tokens", "D_j", "tokens of the modality", usual=(5e9, 1e11)), "B_j", "beta_j"),
    ],
    floor="E_j",
)


def _modality(j: str) -> tuple[Parameter, ...]:
    return (
        Parameter(f"E_{j}", f"irreducible loss of modality {j}", unit="loss"),
        Parameter(f"A_{j}", f"model-size amplitude of {j}", unit=f"loss * params**alpha_{j}"),
        Parameter(f"B_{j}", f"data amplitude of {j}", unit="loss", start=_RAW_AMPLITUDE),
        Parameter(f"alpha_{j}", f"model-size exponent of {j}"),
        Parameter(f"beta_{j}", f"data exponent of {j}"),
    )


_COMPETITION = (
    *_modality("i"),
    *_modality("j"),
    Parameter("C_ij", "largest synergy", unit="loss", bounds=REAL_LINE, start=(0.0, 0.5)),
    Parameter("A_ij", "competition for parameters", unit="loss * params**alpha_ij"),
    Parameter("B_ij", "competition for data", unit="loss", start=_RAW_AMPLITUDE),
    Parameter("alpha_ij", "exponent of the parameters"),
    Parameter("beta_ij", "exponent of the data"),
)


def _competition_log_scales(c, logs):
    log_loss, log_n = logs["loss"], logs["params"]
    log_d = {"i": logs["tokens_i"], "j": logs["tokens_j"]}
    log_d["ij"] = jnp.logaddexp(jnp.asarray(log_d["i"]), jnp.asarray(log_d["j"]))
    scales = dict.fromkeys(("E_i", "E_j", "C_ij"), log_loss)
    scales |= {f"A_{k}": log_loss + c[f"alpha_{k}"] * log_n for k in log_d}
    return scales | {f"B_{k}": log_loss + c[f"beta_{k}"] * d for k, d in log_d.items()}


_COMPETITION_STARTS = {
    **dict.fromkeys(("E_i", "E_j", "A_i", "A_j", "B_i", "B_j"), (0.01, 1.0)),
    **dict.fromkeys(("A_ij", "B_ij"), (0.003, 0.3)),
    "C_ij": (0.0, 0.3),
}


@law(
    name="mixed_modal_competition",
    formula="L(N, D_i, D_j) = (E_i + A_i/N**alpha_i + B_i/D_i**beta_i + E_j + A_j/N**alpha_j + "
    "B_j/D_j**beta_j)/2 - C_ij + A_ij/N**alpha_ij + B_ij/(D_i + D_j)**beta_ij",
    parameters=_COMPETITION,
    inputs=[
        _SIZE,
        Variable("tokens_i", "D_i", "tokens of one modality", "tokens", (5e9, 1e11), SCALE),
        Variable("tokens_j", "D_j", "tokens of the other", "tokens", (5e9, 1e11), SCALE),
    ],
    decreasing=["params", "tokens_i", "tokens_j"],
    anchor=_anchor(_COMPETITION, _COMPETITION_STARTS, _competition_log_scales),
)
def mixed_modal_competition(
    params,
    tokens_i,
    tokens_j,
    *,
    E_i,
    A_i,
    B_i,
    alpha_i,
    beta_i,
    E_j,
    A_j,
    B_j,
    alpha_j,
    beta_j,
    C_ij,
    A_ij,
    B_ij,
    alpha_ij,
    beta_ij,
):
    """Return the mean loss of two modalities that share a model.

    The published way holds the coefficients of each modality at those of its own fit and fits
    the five of the pair: ``law.fix(E_i=..., A_i=..., ...)``.
    """
    first = E_i + A_i * power(params, -alpha_i) + B_i * power(tokens_i, -beta_i)
    second = E_j + A_j * power(params, -alpha_j) + B_j * power(tokens_j, -beta_j)
    competition = A_ij * power(params, -alpha_ij) + B_ij * power(tokens_i + tokens_j, -beta_ij)
    return 0.5 * (first + second) - C_ij + competition

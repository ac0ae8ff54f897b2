"""Mixtures whose best proportions follow from the law: the laws of Shukor et al.

One law for each target domain, which need not be among the training domains. Families by
``domains``, see `scaling_jax.laws.proportions`; fits keep every proportion above about 0.1, as a
proportion of zero says nothing of its power.
"""

from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError, did_you_mean
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power, power_from_zero
from scaling_jax.laws.parts import INF, REAL_LINE, Parameter, Variable
from scaling_jax.laws.proportions import Domains, numbered, per_domain, proportion_columns
from scaling_jax.laws.registry import family

POSITIVE = (0.0, INF)
_MODEL = Variable("params", "N", "model parameters", usual=(1e8, 1e10))
_DATA = Variable("tokens", "D", "training tokens", usual=(1e9, 1e12))


def _optimal_mixture(
    name: str, formula: str, columns: tuple[Variable, ...], output: str, parameters, function
) -> Law:
    return Law(
        name=name,
        function=function,
        inputs=(_MODEL, _DATA, *columns),
        output=Variable(output),
        parameters=(Parameter("E", "irreducible loss", output), *parameters),
        formula=formula,
        decreasing=("params", "tokens"),
        simplex=tuple(c.column for c in columns),
    )


def _mixture_terms(count: int, output: str) -> tuple[Parameter, ...]:
    """Return the parameters of ``1/(sum_i C_i*h_i**gamma_i)``."""
    return (
        *per_domain("C", count, "worth of domain", unit=f"1/{output}", bounds=POSITIVE),
        *per_domain("gamma", count, "exponent of domain", bounds=POSITIVE),
    )


def _mixture_part(values: dict[str, Any], columns: tuple[Variable, ...]) -> jax.Array:
    """Return ``1/(sum_i C_i*h_i**gamma_i)``."""
    count = len(columns)
    terms = zip(
        numbered(values, "C", count), numbered(values, "gamma", count), columns, strict=True
    )
    return 1.0 / jnp.asarray(sum(c * power_from_zero(values[v.column], g) for c, g, v in terms))


def _log_mean(values: dict[str, Any], letter: str, columns: tuple[Variable, ...]) -> jax.Array:
    """Return the logarithm of a sum of coefficients weighted by the proportions."""
    weights = numbered(values, letter, len(columns))
    return jnp.log(sum(w * values[v.column] for w, v in zip(weights, columns, strict=True)))


@family("optimal_mixture_additive")
def optimal_mixture_additive(domains: Domains = 7, output: str = "loss") -> Law:
    """Return the loss on a target domain whose best mixture is the same at every scale."""
    name = "optimal_mixture_additive"
    columns = proportion_columns(name, domains, symbol="h")

    def function(**v):
        scale = v["A"] * power(v["params"], -v["alpha"]) + v["B"] * power(v["tokens"], -v["beta"])
        return v["E"] + _mixture_part(v, columns) + scale

    formula = "L(N, D, h) = E + 1/(sum_{i=1..k} C_i*h_i**gamma_i) + A/N**alpha + B/D**beta"
    parameters = (*_mixture_terms(len(columns), output), *_scale_terms(output))
    return _optimal_mixture(name, formula, columns, output, parameters, function)


@family("optimal_mixture_joint")
def optimal_mixture_joint(domains: Domains = 7, output: str = "loss") -> Law:
    """Return the loss on a target domain whose best mixture changes with the scale.

    With gamma_A = gamma_B = 1 and equal CA and CB it is the additive law.
    """
    name = "optimal_mixture_joint"
    columns = proportion_columns(name, domains, symbol="h")
    count = len(columns)

    def function(**v):
        log_a = v["gamma_A"] * _log_mean(v, "CA", columns) - v["alpha"] * jnp.log(v["params"])
        log_b = v["gamma_B"] * _log_mean(v, "CB", columns) - v["beta"] * jnp.log(v["tokens"])
        return v["E"] + _mixture_part(v, columns) + jnp.exp(log_a) + jnp.exp(log_b)

    parameters = (
        *_mixture_terms(count, output),
        *per_domain("CA", count, "parameter coefficient of domain", bounds=POSITIVE,
                    unit=f"({output} * params**alpha)**(1/gamma_A)", start=(0.01, 1.0)),
        Parameter("gamma_A", "exponent of the parameter coefficients"),
        *per_domain("CB", count, "data coefficient of domain", bounds=POSITIVE,
                    unit=f"({output} * tokens**beta)**(1/gamma_B)", start=(0.01, 1.0)),
        Parameter("gamma_B", "exponent of the data coefficients"),
        Parameter("alpha", "parameter exponent"),
        Parameter("beta", "data exponent"),
    )  # fmt: skip
    formula = (
        "L = E + 1/(sum_i C_i*h_i**gamma_i) + A_h/N**alpha + B_h/D**beta, A_h = (sum_i "
        "CA_i*h_i)**gamma_A, B_h = (sum_i CB_i*h_i)**gamma_B"
    )
    return _optimal_mixture(name, formula, columns, output, parameters, function)


@family("optimal_mixture_variants")
def optimal_mixture_variants(
    variant: str = "simple", domains: Domains = 7, output: str = "loss"
) -> Law:
    """Return the simple law, or the full one in which the exponents depend on the mixture too.

    The exponents of the full law vary with the mixture, so that no coefficient absorbs a change
    of the units of N and D: it is fitted on raw counts.
    """
    members = {"simple": _simple_mixture, "full": _full_mixture}
    if variant not in members:
        hint = did_you_mean(variant, members)
        raise LawError(f"optimal_mixture_variants has no variant {variant!r}; {hint}")
    columns = proportion_columns("optimal_mixture_variants", domains, symbol="h")
    return members[variant](columns, output)


def _simple_mixture(columns: tuple[Variable, ...], output: str) -> Law:
    def function(**v):
        mixture = jnp.exp(v["gamma"] * _log_mean(v, "C", columns))
        scale = v["A"] * power(v["params"], -v["alpha"]) + v["B"] * power(v["tokens"], -v["beta"])
        return v["E"] + mixture + scale

    parameters = (
        *per_domain("C", len(columns), "worth of domain", bounds=POSITIVE,
                    unit=f"{output}**(1/gamma)"),
        Parameter("gamma", "exponent, negative expected", bounds=REAL_LINE, start=(-2.0, -0.1)),
        *_scale_terms(output),
    )  # fmt: skip
    formula = "L = E + (sum_i C_i*h_i)**gamma + A/N**alpha + B/D**beta"
    name = "optimal_mixture_variants"
    return _optimal_mixture(name, formula, columns, output, parameters, function)


def _full_mixture(columns: tuple[Variable, ...], output: str) -> Law:
    def function(**v):
        log_a, log_b, alpha, beta = (
            v[f"gamma_{letter}"] * _log_mean(v, f"C{letter}", columns)
            for letter in ("A", "B", "alpha", "beta")
        )
        log_a = log_a - jnp.exp(alpha) * jnp.log(v["params"])
        log_b = log_b - jnp.exp(beta) * jnp.log(v["tokens"])
        return v["E"] + _mixture_part(v, columns) + jnp.exp(log_a) + jnp.exp(log_b)

    meanings = {
        "A": ("parameter coefficient", f"{output}**(1/gamma_A)", (10.0, 1e4)),
        "B": ("data coefficient", f"{output}**(1/gamma_B)", (10.0, 1e4)),
        "alpha": ("parameter exponent", "1", (0.1, 1.0)),
        "beta": ("data exponent", "1", (0.1, 1.0)),
    }
    parameters = [*_mixture_terms(len(columns), output)]
    for letter, (meaning, unit, start) in meanings.items():
        settings = {"bounds": POSITIVE, "unit": unit, "start": start}
        parameters += per_domain(f"C{letter}", len(columns), f"{meaning} of domain", **settings)
        parameters.append(Parameter(f"gamma_{letter}", f"exponent of the {meaning}s"))
    formula = (
        "L = E + 1/(sum_i C_i*h_i**gamma_i) + A_h/N**alpha_h + B_h/D**beta_h, A_h = (sum_i "
        "CA_i*h_i)**gamma_A, B_h = (sum_i CB_i*h_i)**gamma_B, alpha_h = (sum_i "
        "Calpha_i*h_i)**gamma_alpha, beta_h = (sum_i Cbeta_i*h_i)**gamma_beta"
    )
    name = "optimal_mixture_variants"
    return _optimal_mixture(name, formula, columns, output, parameters, function)


def _scale_terms(output: str) -> tuple[Parameter, ...]:
    """Return the parameters of ``A/N**alpha + B/D**beta``."""
    return (
        Parameter("A", "parameter coefficient", f"{output} * params**alpha"),
        Parameter("B", "data coefficient", f"{output} * tokens**beta"),
        Parameter("alpha", "parameter exponent"),
        Parameter("beta", "data exponent"),
    )

"""Data quality: filtering pools of data that repeat, filtering rates, and corrupted data."""

import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws import templates
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, SCALE, Parameter, Variable
from scaling_jax.laws.proportions import numbered, per_domain
from scaling_jax.laws.registry import family
from scaling_jax.laws.utility import discounted_growth, effective_epochs, mixed_growth

_NORMALISER = 1e5  # K of the authors' code: a is a scale of samples in units of 1 / K
_MOST_POOLS = 20
_ERROR = Variable("error", "y", "downstream error, 1 - accuracy")
_SAMPLES = (
    Variable("examples", "n", "samples seen, repeats counted", "examples", usual=(1.28e7, 1.28e9)),
    Variable(
        "unique_examples",
        "S",
        "samples of one pool, an epoch",
        "examples",
        usual=(1.28e6, 1.28e8),
        bounds=SCALE,
    ),
)
# Without units: n and S change theirs together, and K keeps the coefficients near one.
_SCALE = Parameter("a", "sample scale, shared by all pools", start=(1e-3, 1.0))
_FLOOR = Parameter("d", "irreducible error", bounds=(0.0, 1.0), start=(0.01, 0.3))
_UTILITY_BOUNDS, _UTILITY_START = (-INF, 0.0), (-0.5, -0.005)  # the authors' grid
_HALF_LIFE_START = (1.0, 10.0)


@family("data_filtering_utility")
def data_filtering_utility(irreducible: str = "outside") -> Law:
    """Return the error of one pool of data, whose utility halves every tau epochs.

    The authors' code adds d before the later epochs multiply: ``irreducible="inside"``.
    """
    inside = _is_inside("data_filtering_utility", irreducible)

    def error(examples, unique_examples, *, a, b, tau, d):
        growth = discounted_growth(examples / unique_examples, tau)
        first = power(a * jnp.minimum(examples, unique_examples) / _NORMALISER, b)
        return _with_floor(first, jnp.exp(b * growth), d, inside)

    product = "prod_{j=1..k}((n_{j+1}/n_j)**b_j)"
    return Law(
        name="data_filtering_utility",
        function=error,
        inputs=_SAMPLES,
        output=_ERROR,
        parameters=(
            _SCALE,
            *_pool("utility, the slope in the first epoch"),
            _FLOOR,
        ),
        formula=f"y(n) = ((a*n_1/K)**b_0 + d) * {product}"
        if inside
        else f"y(n) = (a*n_1/K)**b_0 * {product} + d",
        decreasing=("examples", "unique_examples"),
    )


@family("data_filtering_mixture")
def data_filtering_mixture(pools: int = 2, irreducible: str = "outside") -> Law:
    """Return the error of a mixture of equal pools from the constants of each one.

    The column unique_examples is the size of one pool. A mixture of p pools takes p times as
    long to repeat, so each half-life is p times as many of its epochs.
    """
    inside = _is_inside("data_filtering_mixture", irreducible)
    count = _pool_count("data_filtering_mixture", pools)

    def error(examples, unique_examples, *, a, d, **each):
        all_pools = count * unique_examples
        b, tau = numbered(each, "b_", count), numbered(each, "tau_", count)
        first = jnp.log(a * jnp.minimum(examples, all_pools) / _NORMALISER) * sum(b) / count
        later = [
            u * discounted_growth(examples / all_pools, count * t) / count
            for u, t in zip(b, tau, strict=True)
        ]
        return _with_floor(jnp.exp(first), jnp.exp(sum(later)), d, inside)

    return Law(
        name="data_filtering_mixture",
        function=error,
        inputs=_SAMPLES,
        output=_ERROR,
        parameters=(_SCALE, *_pools(count), _FLOOR),
        formula="utility law with S_mix = p*S and b_eff_j = (1/p)*sum_i b_i*(1/2)**(j/tau_mix_i), "
        "tau_mix_i = p*tau_i",
        decreasing=("examples", "unique_examples"),
    )


@family("data_filtering_effective_data")
def data_filtering_effective_data(pools: int = 1) -> Law:
    """Return the error of effective samples, each epoch's counting less: the baseline.

    With several pools, half-lives are counted in epochs of a single pool, as in
    `data_filtering_mixture`.
    """
    count = _pool_count("data_filtering_effective_data", pools)

    def one_pool(examples, unique_examples, *, a, b, tau, d):
        effective = unique_examples * effective_epochs(examples / unique_examples, tau)
        return power(a * effective / _NORMALISER, b) + d

    def mixture(examples, unique_examples, *, a, d, **each):
        all_pools = count * unique_examples
        b, tau = numbered(each, "b_", count), numbered(each, "tau_", count)
        first = jnp.log(a * jnp.minimum(examples, all_pools) / _NORMALISER) * sum(b) / count
        later = mixed_growth(examples / all_pools, [count * t for t in tau], b)
        return jnp.exp(first + later) + d

    return Law(
        name="data_filtering_effective_data",
        function=one_pool if count == 1 else mixture,
        inputs=_SAMPLES,
        output=_ERROR,
        parameters=(
            _SCALE,
            *(_pool("exponent of the effective samples") if count == 1 else _pools(count)),
            _FLOOR,
        ),
        formula="y(n) = (a*n_eff/K)**b + d, n_eff = sum_j (n_{j+1} - n_j)*(1/2)**(j/tau)"
        if count == 1
        else "y(n) = (a*n_1/K)**b_eff_0 * prod_{j=1..k}((n_eff_j/n_eff_{j-1})**b_eff_j) + d, "
        "b_eff_j = sum_i b_i*delta_ij/sum_i delta_ij, delta_ij = (1/2)**(j/tau_i)",
        decreasing=("examples", "unique_examples") if count == 1 else ("examples",),
    )


def _with_floor(first, later, floor, inside: bool):
    return (first + floor) * later if inside else first * later + floor


def _is_inside(name: str, irreducible: str) -> bool:
    if irreducible not in ("inside", "outside"):
        raise LawError(
            f"{name} adds d 'inside' or 'outside' the product over epochs, not {irreducible!r}"
        )
    return irreducible == "inside"


def _pool_count(name: str, pools: int) -> int:
    if isinstance(pools, bool) or not isinstance(pools, int) or not 1 <= pools <= _MOST_POOLS:
        raise LawError(f"{name} mixes 1 to {_MOST_POOLS} pools, not {pools!r}; give their number")
    return pools


def _pool(meaning: str) -> tuple[Parameter, ...]:
    return (
        Parameter("b", meaning, bounds=_UTILITY_BOUNDS, start=_UTILITY_START),
        Parameter("tau", "half-life of the utility in epochs", start=_HALF_LIFE_START),
    )


def _pools(count: int) -> tuple[Parameter, ...]:
    utility = {"bounds": _UTILITY_BOUNDS, "start": _UTILITY_START}
    return (
        *per_domain("b_", count, "utility of pool", **utility),
        *per_domain("tau_", count, "half-life of pool", bounds=(0.0, INF), start=_HALF_LIFE_START),
    )


betr_filtering_rate = templates.power_law(
    "betr_filtering_rate",
    "F_opt(C) = coef * C**exponent",
    Variable("compute_flops", "C", "training compute at the optimum", usual=(6e18, 1e24)),
    Variable("kept_percent", "F_opt", "tokens kept by the filter, at most 100", "percent"),
    amplitude="coef",
    exponent="exponent",
    start=(0.05, 1.0),
    bounds=templates.RISING,
)


@family("data_quality_q")
def data_quality_q(size: str = "varied") -> Law:
    """Return the loss of corrupted data; with ``size="fixed"``, E holds what the size adds."""
    if size not in ("varied", "fixed"):
        raise LawError(f"data_quality_q has models of 'varied' or 'fixed' size, not {size!r}")

    def fixed(tokens, quality, *, B, beta, gamma, E):
        return E + B * jnp.exp(-beta * jnp.log(tokens) - gamma * jnp.log(quality))

    def varied(params, tokens, quality, *, A, alpha, **rest):
        return fixed(tokens, quality, **rest) + A * power(params, -alpha)

    data = (
        Variable("tokens", "D", "training tokens", usual=(1e8, 1e10)),
        Variable(
            "quality",
            "Q",
            "share of the samples that are not corrupted",
            "fraction",
            usual=(0.5, 1.0),
            bounds=(SCALE[0], 1.0),
        ),
    )
    terms = (
        Parameter("B", "data amplitude", unit="loss * tokens**beta * quality**gamma"),
        Parameter("beta", "data exponent"),
        Parameter("gamma", "exponent of the quality"),
        Parameter("E", "irreducible loss", unit="loss"),
    )
    if size == "fixed":
        return Law(
            name="data_quality_q",
            function=fixed,
            inputs=data,
            output=Variable("loss"),
            parameters=terms,
            formula="L(D, Q) = B/(D**beta * Q**gamma) + E",
            decreasing=("tokens", "quality"),
        )
    return Law(
        name="data_quality_q",
        function=varied,
        inputs=(Variable("params"), *data),
        output=Variable("loss"),
        parameters=(
            Parameter("A", "model-size amplitude", unit="loss * params**alpha"),
            Parameter("alpha", "model-size exponent"),
            *terms,
        ),
        formula="L(N, D, Q) = A/N**alpha + B/(D**beta * Q**gamma) + E",
        decreasing=("params", "tokens", "quality"),
    )

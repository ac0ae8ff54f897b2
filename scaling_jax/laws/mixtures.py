"""Data mixtures: loss as a function of the proportions of the domains.

Every law that takes a whole mixture is a family by its ``domains``: their number, or the names
of their columns (`scaling_jax.laws.proportions`). A law is for one validation domain; fit it once
for each. Where the formula is unchanged by shifting a constant between two parameters, because
proportions sum to one, the docstring names the one to hold with `Law.fix`.
"""

from functools import reduce

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError, did_you_mean
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power, power_from_zero
from scaling_jax.laws.parts import REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.proportions import Domains, numbered, per_domain, proportion_columns
from scaling_jax.laws.registry import family, law

_STEPS = Variable("step", "s", "training steps", usual=(1e3, 2e5))
_EFFECT = (-8.0, 4.0)  # starts of a domain's effect on the logarithm of the excess loss
_CANDIDATES = {
    "M4": "L = E + C*exp(sum_i g_i*h_i)",
    "M1": "L = E + sum_i C_i*exp(g_i*h_i)",
    "M2": "L = E + C*sum_i exp(g_i*h_i)",
    "M3": "L = E + C*exp(prod_i g_i*h_i)",
}


def _mixing_law(
    name: str, formula: str, columns: tuple[Variable, ...], output: str, *letters: str
) -> Law:
    """Return ``c + k*exp(sum_j t_j*r_j)`` with the letters of c, k and t."""
    floor, scale, effect = letters
    count = len(columns)

    def function(**v):
        exponent = sum(
            t * v[c.column] for t, c in zip(numbered(v, effect, count), columns, strict=True)
        )
        return v[floor] + v[scale] * jnp.exp(exponent)

    return Law(
        name=name,
        function=function,
        inputs=columns,
        output=Variable(output),
        parameters=(
            Parameter(floor, "loss that no mixture reduces", output, start=(0.2, 1.0)),
            Parameter(scale, "scale", output, start=(0.01, 3.0)),
            *per_domain(effect, count, "effect, negative if it helps, of domain", start=_EFFECT),
        ),
        formula=formula,
        simplex=tuple(c.column for c in columns),
    )


@family("data_mixing_law")
def data_mixing_law(domains: Domains = 5, output: str = "loss") -> Law:
    """Return the exponential law of the proportions, for one validation domain.

    Proportions sum to one, so k and the t are determined up to a shift of all t: hold k with
    ``law.fix(k=1.0)`` to fit, or to compare coefficients.
    """
    columns = proportion_columns("data_mixing_law", domains)
    formula = "L_i(r) = c_i + k_i*exp(sum_j t_ij*r_j)"
    return _mixing_law("data_mixing_law", formula, columns, output, "c", "k", "t")


@law(
    name="data_mixing_law_two_domain",
    formula="L(r) = c + exp(t*r + b) (equivalently log(L - c) linear in r)",
    parameters=[
        Parameter("c", "loss that no mixture reduces", start=(0.1, 5.0)),
        Parameter("t", "effect of the domain on itself", bounds=REAL_LINE, start=_EFFECT),
        Parameter("b", "intercept", bounds=REAL_LINE, start=(-4.0, 1.0)),
    ],
    inputs=[
        Variable("proportion", "r", "proportion of the domain", "fraction", (0.0, 1.0), (0.0, 1.0))
    ],
)
def data_mixing_law_two_domain(proportion, *, c, t, b):
    """Return the loss on a domain that is mixed with one other."""
    return c + jnp.exp(t * proportion + b)


@family("data_mixing_law_implicit")
def data_mixing_law_implicit(
    domains: Domains = 5, components: int = 3, output: str = "loss"
) -> Law:
    """Return the mixing law of an overall loss whose composition is unknown.

    The loss is a weighted sum of `components` implicit domains, weights a softmax. Each
    component's scale b and the t are determined up to a shift, as are the weights: the law is
    for prediction, its coefficients mean nothing one by one.
    """
    name = "data_mixing_law_implicit"
    columns = proportion_columns(name, domains)
    if isinstance(components, bool) or not isinstance(components, int) or components < 1:
        raise LawError(f"{name} takes components= a whole number from 1, not {components!r}")
    numbers = range(1, components + 1)

    def function(**v):
        logits = jnp.stack(jnp.broadcast_arrays(*(v[f"weight{m}"] for m in numbers)))
        weights = jax.nn.softmax(logits, axis=0)
        total = v["bias"]
        for weight, m in zip(weights, numbers, strict=True):
            effects = numbered(v, f"t{m}_", len(columns))
            exponent = sum(t * v[c.column] for t, c in zip(effects, columns, strict=True))
            total = total + weight * jnp.exp(v[f"b{m}"] + exponent)
        return total

    return Law(
        name=name,
        function=function,
        inputs=columns,
        output=Variable(output),
        parameters=(
            Parameter("bias", "loss that no mixture reduces", bounds=REAL_LINE, start=(0.0, 4.0)),
            *per_domain("weight", components, "logit of the weight of component"),
            *per_domain("b", components, "scale of component", start=(-3.0, 1.0)),
            *(
                p
                for m in numbers
                for p in per_domain(
                    f"t{m}_", len(columns), f"effect on component {m} of domain", start=(-4.0, 2.0)
                )
            ),
        ),
        formula="L(r) = bias + sum_{m=1..K} w_m*exp(b_m + sum_j t_mj*r_j), w = softmax(weights)",
        simplex=tuple(c.column for c in columns),
    )


@family("data_mixing_law_candidates")
def data_mixing_law_candidates(domains: Domains = 4, form: str = "M4", output: str = "loss") -> Law:
    """Return one of the forms that Ye et al. compared; M4 is `data_mixing_law`."""
    name = "data_mixing_law_candidates"
    columns = proportion_columns(name, domains, symbol="h")
    if form not in _CANDIDATES:
        raise LawError(f"{name} has no form {form!r}; {did_you_mean(form, _CANDIDATES)}")
    if form == "M4":
        return _mixing_law(name, _CANDIDATES[form], columns, output, "E", "C", "g")
    count = len(columns)

    def function(**v):
        terms = [g * v[c.column] for g, c in zip(numbered(v, "g", count), columns, strict=True)]
        if form == "M3":
            return v["E"] + v["C"] * jnp.exp(reduce(jnp.multiply, terms))
        values = [jnp.exp(term) for term in terms]
        if form == "M2":
            return v["E"] + v["C"] * sum(values)
        return v["E"] + sum(c * x for c, x in zip(numbered(v, "C", count), values, strict=True))

    scale = {"unit": output, "start": (-1.0, 1.0)}
    scales = (
        per_domain("C", count, "scale of domain", **scale)
        if form == "M1"
        else (Parameter("C", "scale", output, REAL_LINE, (-1.0, 1.0)),)
    )
    return Law(
        name=name,
        function=function,
        inputs=columns,
        output=Variable(output),
        parameters=(
            Parameter("E", "irreducible loss", output, start=(0.2, 1.0)),
            *scales,
            *per_domain("g", count, "coefficient of domain", start=_EFFECT),
        ),
        formula=_CANDIDATES[form],
        simplex=tuple(c.column for c in columns),
    )


@family("data_mixing_nested")
def data_mixing_nested(x: str = "tokens", output: str = "loss") -> Law:
    """Return the step law (x="tokens") or the size law (x="params") of the nested prediction.

    The procedure that nests them is the protocol of the same name.
    """
    letters = {"tokens": ("S", "c1", "k1", "a1"), "params": ("N", "c2", "k2", "a2")}
    if x not in letters:
        raise LawError(f"data_mixing_nested has no x {x!r}; {did_you_mean(x, letters)}")
    symbol, floor, scale, exponent = letters[x]
    scale_unit = f"{x} * {output}**(1/{exponent})"

    def function(**v):
        return v[floor] + power(v[scale] / v[x], v[exponent])

    return Law(
        name="data_mixing_nested",
        function=function,
        inputs=(Variable(x, symbol, usual=(1e9, 1e11) if x == "tokens" else (1e7, 1e9)),),
        output=Variable(output),
        parameters=(
            Parameter(floor, "irreducible part", output),
            Parameter(scale, f"scale of {symbol}", scale_unit, start=(1e-3, 1.0)),
            Parameter(exponent, f"exponent of {symbol}"),
        ),
        formula=f"L({symbol}) = {floor} + ({scale}/{symbol})**{exponent}",
        decreasing=(x,),
    )


@family("bimix")
def bimix(proportion: str = "proportion", output: str = "loss") -> Law:
    """Return the law of a domain's own proportion and of the training steps.

    Only A*B and A*C are determined: hold ``law.fix(A=1.0)`` to fit. The mixture that is best
    over all domains is the protocol of the same name.
    """

    def function(*, step, A, alpha, B, beta, C, **columns):
        return A * power(columns[proportion], -alpha) * (B * power(step, -beta) + C)

    own = "proportion of the domain that the loss is measured on"
    return Law(
        name="bimix",
        function=function,
        inputs=(
            Variable(proportion, "r", own, "fraction", (7e-4, 0.73), (SCALE[0], 1.0)),
            _STEPS,
        ),
        output=Variable(output),
        parameters=(
            Parameter("A", "mixture scale, redundant with B and C"),
            Parameter("alpha", "mixture exponent", start=(0.01, 0.5)),
            Parameter("B", "step scale", f"{output} * step**beta"),
            Parameter("beta", "step exponent"),
            Parameter("C", "floor", output, start=(0.1, 1.0)),
        ),
        formula="L_i(r_i, s) = (A_i / r_i**alpha_i) * (B_i / s**beta_i + C_i) for i = 1..m, "
        "sum_i r_i = 1",
        decreasing=(proportion, "step"),
    )


@family("regmix")
def regmix(domains: Domains = 17, output: str = "loss") -> Law:
    """Return the linear regression on the proportions.

    Proportions sum to one: hold ``law.fix(w0=0.0)`` to fit. The ridge and tree regressions of
    the publication, used through their ranking, are the protocol of the same name.
    """
    columns = proportion_columns("regmix", domains)

    def function(*, w0, **v):
        weights = numbered(v, "w", len(columns))
        return w0 + sum(w * v[c.column] for w, c in zip(weights, columns, strict=True))

    return Law(
        name="regmix",
        function=function,
        inputs=columns,
        output=Variable(output),
        parameters=(
            Parameter("w0", "intercept", output, REAL_LINE),
            *per_domain("w", len(columns), "weight of domain", unit=output, start=(-1.0, 2.0)),
        ),
        formula="linear: y = w0 + sum_i w_i*r_i (ridge) ; or LightGBM gradient-boosted trees y = "
        "f(r)",
        simplex=tuple(c.column for c in columns),
    )


@family("sld_domain_mixture")
def sld_domain_mixture(domains: Domains = 5, output: str = "loss") -> Law:
    """Return one row of the evolved law: a sum of powers of the proportions.

    The publication shares u over the validation domains; here each domain has its own.
    """
    columns = proportion_columns("sld_domain_mixture", domains, symbol="x")
    count = len(columns)

    def function(*, b, **v):
        terms = zip(numbered(v, "W", count), numbered(v, "u", count), columns, strict=True)
        return b + sum(w * power_from_zero(v[c.column], jnp.exp(u)) for w, u, c in terms)

    return Law(
        name="sld_domain_mixture",
        function=function,
        inputs=columns,
        output=Variable(output),
        parameters=(
            *per_domain("W", count, "weight of domain", unit=output, start=(-1.0, 1.0)),
            *per_domain("u", count, "log-exponent of domain", start=(-2.5, 0.5)),
            Parameter("b", "offset", output, REAL_LINE, (0.2, 1.5)),
        ),
        formula="y = W @ (x**exp(u)) + b (W 5x5, u 5, b 5; elementwise power)",
        simplex=tuple(c.column for c in columns),
    )


@family("projektor")
def projektor(
    stage: int = 2, smaller: float = 1e3, larger: float = 1e4, output: str = "loss"
) -> Law:
    """Return the performance of a mixture at another data size (stage 2) or distance (stage 1).

    Stage 2 is the straight line in log n through the performances L0 and L1 at the two revealed
    sizes `smaller` and `larger`; it ignores a floor. Stage 1 is linear in the optimal-transport
    distance between the mixture and the validation data, at one size.
    """
    if stage not in (1, 2) or not 0.0 < smaller < larger:
        raise LawError(
            f"projektor takes stage 1 or 2 and 0 < smaller < larger, not stage={stage}, "
            f"smaller={smaller}, larger={larger}"
        )
    if stage == 1:
        return Law(
            name="projektor",
            function=lambda *, transport_distance, a1, a0: a1 * transport_distance + a0,
            inputs=(
                Variable("transport_distance", "OT", "distance to the validation data", "",
                         (0.1, 10.0), SCALE),
            ),
            output=Variable(output),
            parameters=(
                Parameter("a1", "slope", f"{output}/transport_distance", REAL_LINE),
                Parameter("a0", "intercept", output, REAL_LINE),
            ),
            formula="Lhat = a1*OT + a0",
        )  # fmt: skip

    def function(*, examples, L0, L1):
        steps = (jnp.log(examples) - jnp.log(smaller)) / jnp.log(larger / smaller)
        return L0 + (L1 - L0) * steps

    return Law(
        name="projektor",
        function=function,
        inputs=(Variable("examples", "n2", "training-set size", usual=(smaller, 100.0 * larger)),),
        output=Variable(output),
        parameters=(
            Parameter("L0", f"performance at {smaller:g} examples", output, REAL_LINE, (0.5, 2.0)),
            Parameter("L1", f"performance at {larger:g} examples", output, REAL_LINE, (0.5, 2.0)),
        ),
        formula="Lhat(n2) = (log(n1/n2)*L0 - log(n0/n2)*L1) / log(n1/n0)",
    )


@law(
    name="autoscale",
    formula="N_i(t) = N1_i*(N2_i/N1_i)**t",
    parameters=[
        Parameter("N1", "best tokens of the domain at the first scale", "domain_tokens"),
        Parameter("N2", "best tokens of the domain at the second scale", "domain_tokens"),
    ],
    inputs=[Variable("scale_steps", "t", "steps of scale beyond the first", "", (0.0, 5.0))],
    output=Variable("domain_tokens", "N", "best tokens of the domain", "tokens"),
)
def autoscale(scale_steps, *, N1, N2):
    """Return the best tokens of one domain at other scales: exponential in the steps of scale."""
    return N1 * jnp.exp(scale_steps * jnp.log(N2 / N1))


@law(
    name="autoscale_ddo",
    formula="y_i(x) = (x + a_i)**(-b_i) + c_i",
    parameters=[
        Parameter("a", "offset of the amount", start=(0.1, 10.0)),
        Parameter("b", "exponent"),
        Parameter("c", "floor", start=(0.05, 1.0)),
    ],
    inputs=[
        Variable("domain_share", "x", "amount of the domain, relative to the base run", "ratio",
                 (0.2, 3.0), SCALE),
    ],
    output=Variable("relative_perplexity", "y", "perplexity relative to the uniform mixture"),
    decreasing=["domain_share"],
)  # fmt: skip
def autoscale_ddo(domain_share, *, a, b, c):
    """Return the average perplexity when one domain's amount is scaled."""
    return power(domain_share + a, -b) + c

"""Finding laws, choosing members of families, and laws of one's own."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.laws import registry

FOUNDATION = {
    "bnsl",
    "chinchilla",
    "farseer",
    "gadre_overtraining",
    "hestness_error",
    "kaplan_d",
    "kaplan_n",
    "kaplan_nd",
    "parscale",
    "skaling",
}


@pytest.fixture(autouse=True)
def restored_registry():
    laws, families = dict(registry._LAWS), dict(registry._FAMILIES)
    yield
    registry._LAWS.clear()
    registry._LAWS.update(laws)
    registry._FAMILIES.clear()
    registry._FAMILIES.update(families)


def power(name="power", function=None, **changes):
    parameters = [
        sj.Parameter("A", "amplitude", unit="loss * params**alpha"),
        sj.Parameter("alpha", "exponent"),
    ]
    declared = dict(name=name, formula="L = A / N**alpha", parameters=parameters)
    return sj.law(**{**declared, **changes})(
        function or (lambda params, *, A, alpha: A * params**-alpha)
    )


# Finding


def test_lists_every_law_by_name():
    names = [law.name for law in sj.laws.list()]
    assert names == sorted(names) == sj.laws.names()
    assert set(names) >= FOUNDATION


def test_resolves_a_law_or_its_name():
    law = sj.laws.get("farseer")
    assert sj.laws.resolve("farseer") is sj.laws.resolve(law) is law


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("chinchila", {}, "there is no law 'chinchila'; did you mean chinchilla"),
        ("no such thing", {}, "known: abnar_moe_sparsity, "),
        ("ul2r_savings", {}, "is a procedure or states a finding: see sj.protocols.get('ul2r_sav"),
        ("chinchilla", dict(breaks=2), "chinchilla is a single law and takes no options"),
        ("bnsl", dict(brakes=2), "bnsl has no option 'brakes'; did you mean breaks?"),
        ("bnsl", dict(breaks=-1), "bnsl takes 0 to 20 breaks, not -1; give a whole number"),
        ("bnsl", dict(breaks=10**9), "bnsl takes 0 to 20 breaks, not 1000000000"),
        ("bnsl", dict(breaks=1.0), "not 1.0; give a whole number"),
        ("bnsl", dict(breaks=True), "not True; give a whole number"),
        ("bnsl", dict(breaks="two"), "not 'two'; give a whole number"),
        ("bnsl", dict(breaks=[1]), "bnsl takes 0 to 20 breaks, not (1,)"),
        ("bnsl", dict(x="loss"), "bnsl declares loss twice"),
        ("bnsl", dict(x="d1"), "bnsl declares d1 twice"),
        ("bnsl", dict(x="my column"), "the unit of b is wrong"),
        ("hestness_error", dict(output="examples"), "declares examples twice"),
    ],
)
def test_asking_for_what_there_is_not(name, options, message):
    with pytest.raises(LawError, match=re.escape(message)):
        sj.laws.get(name, **options)


# Families


def test_the_same_options_are_the_same_law():
    one = sj.laws.get("bnsl")
    assert one is sj.laws.get("bnsl", breaks=1)
    assert one is sj.laws.get("bnsl", output="loss", x="tokens", breaks=np.int64(1))
    assert one is not sj.laws.get("bnsl", breaks=2)
    assert len({one, sj.laws.get("bnsl", breaks=1), sj.laws.get("bnsl", x="params")}) == 2


def test_members_keep_the_name_and_record_their_options():
    law = sj.laws.get("bnsl", breaks=2, x="compute_flops", output="error")
    assert law.name == "bnsl"
    assert law.options == (("breaks", 2), ("x", "compute_flops"), ("output", "error"))
    assert sj.laws.get(law.name, **dict(law.options)) is law
    assert (law.input_names, law.output.column) == (("compute_flops",), "error")
    assert law.unit_columns == ("compute_flops", "error")


@pytest.mark.parametrize("breaks", [0, 1, 4, 20])
def test_each_break_adds_three_parameters(breaks):
    law = sj.laws.get("bnsl", breaks=breaks)
    assert len(law.parameters) == 3 * breaks + 3


@given(
    breaks=st.one_of(st.integers(-3, 30), st.floats(), st.booleans(), st.text(max_size=3)),
    x=st.text(max_size=8) | st.sampled_from(["tokens", "my_column", "a", "lambda"]),
    output=st.text(max_size=8) | st.sampled_from(["loss", "accuracy"]),
)
def test_any_options_give_a_member_or_a_law_error(breaks, x, output):
    try:
        law = sj.laws.get("bnsl", breaks=breaks, x=x, output=output)
    except LawError:
        return
    theta = {p.name: 1.0 for p in law.parameters}
    assert np.isfinite(law(theta, {x: 2.0}))


def test_a_family_of_ones_own():
    @sj.laws.family("slopes")
    def slopes(count: int = 1):
        names = [f"s{i}" for i in range(count)]
        return sj.Law(
            name="anything",
            function=lambda params, **s: 1.0 + sum(s.values()) * jnp.log(params),
            inputs=(sj.Variable("params"),),
            output=sj.Variable("loss"),
            parameters=tuple(sj.Parameter(name) for name in names),
        )

    assert sj.laws.get("slopes", count=2).name == "slopes"
    assert slopes(count=2) is sj.laws.get("slopes", count=2)
    assert "slopes" in sj.laws.names()
    assert sj.laws.get("slopes").published() == {}


# Laws of one's own


def test_a_decorated_function_is_the_law():
    law = power()
    assert sj.laws.get("power") is law
    assert law.input_names == ("params",)
    assert law.output.column == "loss"
    assert float(law(dict(A=8.0, alpha=0.5), dict(params=16.0))) == pytest.approx(2.0)


def test_a_law_of_ones_own_may_be_replaced_and_a_built_in_one_not():
    assert power() is not power()
    for name in ("chinchilla", "bnsl"):
        with pytest.raises(LawError, match=f"'{name}' is a built-in law; choose another name"):
            power(name)
        with pytest.raises(LawError, match=f"'{name}' is a built-in law"):
            sj.laws.family(name)(lambda: power())


def test_a_name_is_a_law_or_a_family():
    sj.laws.family("power")(lambda: power("inner"))
    law = power()
    assert sj.laws.get("power") is law
    sj.laws.family("power")(lambda: power("inner"))
    assert sj.laws.get("power") is not law


@pytest.mark.parametrize(
    "inputs",
    [{"params": "P"}, [sj.Variable("params", "P")]],
    ids=["mapping", "variables"],
)
def test_inputs_may_bring_their_symbols(inputs):
    assert power(inputs=inputs).inputs[0].symbol == "P"


def test_other_columns_and_outputs_are_the_authors():
    def curve(depth, temperature, *, a, b):
        return a * depth + b * temperature

    law = sj.law(
        name="curve",
        formula="y = a*l + b*T",
        parameters=[
            sj.Parameter("a", unit="score / depth"),
            sj.Parameter("b", unit="score / temperature", bounds=(-np.inf, np.inf)),
        ],
        output=sj.Variable("score", "y", "benchmark score"),
    )(curve)
    assert law.unit_columns == ("depth", "temperature", "score")


def branching(params, *, A, alpha):
    return A if params > 1.0 else A * params**-alpha


def not_jax(params, *, A, alpha):
    return A * np.exp(-alpha * np.log(params))


def not_elementwise(params, *, A, alpha):
    return jnp.mean(A * params**-alpha)


def broken(params, *, A, alpha):
    return {}["missing"]


def whole_numbers(params, *, A, alpha):
    return jnp.floor(A * params**-alpha).astype(int)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (branching, "cannot be traced by JAX (ValueError: The truth value of an array"),
        (not_jax, "cannot be traced by JAX (TracerArrayConversionError"),
        (not_elementwise, "must be elementwise: from columns of shape (16,) it returns float32[]"),
        (whole_numbers, "it returns int32[16], not one real number a run"),
        (broken, "cannot be traced by JAX (KeyError: 'missing')"),
        (lambda params, *, A: A, "does not take its inputs params and parameters A and alpha"),
    ],
)
def test_functions_that_cannot_be_fitted_are_refused(function, message):
    with pytest.raises(LawError, match=re.escape(message)):
        power(function=function)
    assert "power" not in sj.laws.names()

"""What a law may declare, what it refuses, and how parameters are held."""

import dataclasses
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.errors import LawError

CHINCHILLA = sj.laws.get("chinchilla")
THETA = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
POINT = dict(params=70e9, tokens=1.4e12)
E, A = sj.Parameter("E", unit="loss"), sj.Parameter("A", unit="loss * params**alpha")
ALPHA = sj.Parameter("alpha")


def declare(parameters=(E, A, ALPHA), function=None, **changes):
    """Declare E + A / params**alpha with changes, without registering it."""
    given_ = dict(
        name="tried",
        function=function or (lambda params, *, E, A, alpha: E + A * params**-alpha),
        inputs=(sj.Variable("params"),),
        output=sj.Variable("loss"),
        parameters=tuple(parameters),
    )
    return sj.Law(**{**given_, **changes})


# Declarations


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(inputs=(sj.Variable("params"), sj.Variable("params"))), "declares params twice"),
        (dict(parameters=(E, A, ALPHA, ALPHA)), "declares alpha twice"),
        (dict(output=sj.Variable("params")), "declares params twice"),
        (
            dict(parameters=(E, A)),
            "does not take its inputs params and parameters E and A: missing",
        ),
        (dict(inputs=(sj.Variable("tokens"),)), "does not take its inputs tokens"),
        (dict(returns="logarithm"), "use 'natural' or 'log'"),
        (dict(fixed=(("E", 1.0), ("E", 2.0))), "fixed or tied once"),
        (dict(tied=(("E", "A"), ("A", "E"))), "fixed or tied once"),
    ],
)
def test_declarations_that_do_not_fit_together_are_refused(change, message):
    with pytest.raises(LawError, match=re.escape(message)):
        declare(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(unit="loss * tokens"), "the unit of A is wrong: 'loss * tokens' is not a unit"),
        (dict(unit="loss * params**A"), "the unit of A is wrong: 'A' in the expression"),
        (dict(unit="loss * params**E"), "the unit of A is wrong: 'E' in the expression"),
        (dict(unit="2 * loss"), "is not a unit"),
        (dict(unit="loss + params"), "is not a unit"),
        (dict(unit="params**'alpha'"), "the unit of A is wrong"),
        (dict(unit="params**(1/0)"), "the unit of A is wrong"),
        (dict(unit="loss *"), "the unit of A is wrong: cannot read"),
        (dict(unit="__import__('os')"), "Call is not allowed"),
        (dict(bounds=(1.0, math.inf)), "it can be bounded at 0 only, not > 1"),
        (dict(bounds=(2.0, 1.0)), "the bounds of A are empty (2 .. 1)"),
        (dict(bounds=(0.0, math.nan)), "the bounds of A are empty"),
        (dict(start=(-1.0, 1.0)), "not a finite interval within its bounds, > 0"),
        (dict(start=(1.0, 1.0)), "not a finite interval"),
        (dict(start=(1.0, math.inf)), "not a finite interval"),
    ],
)
def test_wrong_parameters_are_refused(change, message):
    with pytest.raises(LawError, match=re.escape(message)):
        declare((E, dataclasses.replace(A, **change), ALPHA))


def test_exponents_of_units_may_be_any_expression_of_dimensionless_parameters():
    parameters = [
        sj.Parameter("A", unit="loss * params**(1/(alpha - beta))"),
        sj.Parameter("alpha"),
        sj.Parameter("beta"),
    ]
    law = declare(parameters, lambda params, *, A, alpha, beta: A * params ** (-1 / (alpha - beta)))
    logs = dict(params=2.0, loss=1.0)
    assert law.log_units(dict(alpha=0.75, beta=0.25), logs)["A"] == pytest.approx(5.0)


names = st.sampled_from(["params", "tokens", "loss", "E", "A", "alpha", "x", "class", "a b", ""])
bound = st.sampled_from([-math.inf, -1.0, 0.0, 0.5, 1.0, math.inf, math.nan])
units = st.one_of(
    st.sampled_from(
        ["1", "loss", "loss * params**alpha", "params**-alpha/loss", "loss**(1/alpha)"]
    ),
    st.text("()*/+-.0129aelophsrm_ '\"", max_size=12),
)


@given(
    parameters=st.lists(
        st.builds(
            sj.Parameter,
            name=names,
            unit=units,
            bounds=st.tuples(bound, bound),
            start=st.none() | st.tuples(bound, bound),
        ),
        max_size=4,
    ),
    inputs=st.lists(names.map(sj.Variable), max_size=2),
    output=names.map(sj.Variable),
    returns=st.sampled_from(["natural", "log", "exp"]),
)
def test_any_declaration_gives_a_law_or_a_law_error(parameters, inputs, output, returns):
    try:
        law = declare(
            parameters, lambda **values: 1.0, inputs=tuple(inputs), output=output, returns=returns
        )
    except LawError:
        return
    logs = dict.fromkeys((*law.input_names, law.output.column), 0.5)
    theta = {p.name: 0.3 + 0.1 * k for k, p in enumerate(law.parameters)}
    assert all(np.isfinite(value) for value in law.log_units(theta, logs).values())


# Columns and parameters, as people read them


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((0.0, math.inf), "> 0"),
        ((-math.inf, 0.0), "< 0"),
        ((-math.inf, math.inf), "real"),
        ((0.01, 2.0), "0.01 .. 2"),
    ],
)
def test_constraints_of_parameters(bounds, text):
    assert sj.Parameter("p", bounds=bounds).constraint == text


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        (sj.Variable("params"), "> 0"),
        (sj.Variable("error"), "0 .. 1"),
        (sj.Variable("temperature"), "real"),
        (sj.Variable("streams", bounds=(1.0, math.inf)), ">= 1"),
    ],
)
def test_constraints_of_columns(variable, text):
    assert variable.constraint == text


def test_canonical_columns_bring_their_meaning_unless_the_law_has_its_own():
    plain, own = sj.Variable("params"), sj.Variable("params", "P", "non-embedding parameters")
    assert (plain.symbol, own.symbol) == ("N", "P")
    assert own.meaning == "non-embedding parameters"
    assert plain.unit == own.unit == "parameters"
    assert sj.Variable("x").symbol == "x"


def test_prints_as_its_name_and_formula():
    assert repr(CHINCHILLA) == "<Law chinchilla: L(N, D) = E + A / N**alpha + B / D**beta>"
    assert CHINCHILLA.fix(E=1.5).tie(beta="alpha").label == "chinchilla(E=1.5, beta=alpha)"


def test_reference_prints_authors_year_title_and_place():
    text = str(CHINCHILLA.reference)
    assert text == (
        "Hoffmann et al. (2022) Training Compute-Optimal Large Language Models. "
        "arXiv:2203.15556 Eq. 10"
    )


# Prediction


def test_chinchilla_at_the_size_of_chinchilla():
    expected = 1.69 + 406.4 / 70e9**0.34 + 410.7 / 1.4e12**0.28
    assert float(CHINCHILLA(THETA, POINT)) == pytest.approx(expected, rel=1e-6)
    assert float(CHINCHILLA.log(THETA, POINT)) == pytest.approx(math.log(expected), rel=1e-6)


def test_whole_numbers_beyond_32_bits_do_not_overflow():
    expected = float(CHINCHILLA(THETA, POINT))
    whole = dict(params=70_000_000_000, tokens=np.int64(1_400_000_000_000))
    assert float(CHINCHILLA(THETA, whole)) == expected
    arrays = dict(params=np.array([70_000_000_000]), tokens=[1_400_000_000_000])
    assert float(CHINCHILLA(THETA, arrays)[0]) == pytest.approx(expected, rel=1e-6)
    kaplan = sj.laws.get("kaplan_n")
    loss = float(kaplan(dict(N_c=88_000_000_000_000, alpha_N=0.076), dict(params=10**9)))
    assert loss == pytest.approx(88_000**0.076, rel=1e-5)


def test_follows_the_dtype_of_the_caller():
    single = {name: jnp.float32(value) for name, value in THETA.items()}
    assert CHINCHILLA(single, POINT).dtype == jnp.float32
    with jax.enable_x64(True):
        assert CHINCHILLA(single, POINT).dtype == jnp.float32
        assert CHINCHILLA(THETA, dict(params=np.float64(1e9), tokens=1e9)).dtype == jnp.float64


def test_plain_functions_give_arrays():
    law = declare()
    assert isinstance(law(dict(E=1.0, A=8.0, alpha=0.5), dict(params=16.0)), jax.Array)


def test_a_logarithmic_law_predicts_on_the_natural_scale(float64):
    law = declare(
        function=lambda params, *, E, A, alpha: jnp.log(E + A * params**-alpha), returns="log"
    )
    theta, inputs = dict(E=1.0, A=8.0, alpha=0.5), dict(params=16.0)
    assert float(law(theta, inputs)) == pytest.approx(3.0, rel=1e-14)
    assert float(law.log(theta, inputs)) == pytest.approx(math.log(3.0), rel=1e-14)


@pytest.mark.parametrize(
    ("theta", "inputs", "message"),
    [
        ({**THETA, "A": None}, POINT, "chinchilla needs a value for A; its parameters are E, A, B"),
        ({"E": 1.0}, POINT, "needs a value for A, B, alpha and beta"),
        (THETA, dict(params=1e9), "chinchilla needs tokens; it takes params and tokens"),
    ],
)
def test_missing_values_are_named(theta, inputs, message):
    with pytest.raises(LawError, match=re.escape(message)):
        CHINCHILLA(theta, inputs)


@pytest.mark.parametrize(
    ("law", "inputs", "message"),
    [
        ("chinchilla", dict(params=0.0, tokens=1e9), "chinchilla takes params > 0, not 0"),
        ("chinchilla", dict(params=[1e9, -2.0], tokens=1e9), "takes params > 0, not -2"),
        ("chinchilla", dict(params=1e9, tokens=math.inf), "takes tokens > 0, not inf"),
        ("parscale", dict(params=1e9, streams=0.5), "parscale takes streams >= 1, not 0.5"),
    ],
)
def test_inputs_outside_the_domain_are_named(law, inputs, message):
    with pytest.raises(LawError, match=re.escape(message)):
        sj.laws.get(law).check_inputs(inputs)


# Holding parameters


def test_fixed_parameters_are_filled_in(float64):
    held = CHINCHILLA.fix(E=1.5, beta=0.3)
    assert held.free_names == ("A", "B", "alpha")
    free = {name: THETA[name] for name in held.free_names}
    expected = 1.5 + 406.4 * 70e9**-0.34 + 410.7 * 1.4e12**-0.3
    assert float(held(free, POINT)) == pytest.approx(expected, rel=1e-12)
    assert float(held({**free, "E": 9.0}, POINT)) == pytest.approx(expected, rel=1e-12)
    assert held.fix(E=1.6).complete(free)["E"] == 1.6
    assert CHINCHILLA.free_names == ("E", "A", "B", "alpha", "beta")


def test_tied_parameters_follow_the_other(float64):
    tied = CHINCHILLA.tie(beta="alpha")
    expected = 1.69 + 406.4 * 70e9**-0.34 + 410.7 * 1.4e12**-0.34
    assert float(tied({**THETA, "beta": 9.0}, POINT)) == pytest.approx(expected, rel=1e-12)
    slope = jax.grad(lambda alpha: tied({**THETA, "alpha": alpha}, POINT))(0.34)
    both = jax.grad(lambda a: CHINCHILLA({**THETA, "alpha": a, "beta": a}, POINT))(0.34)
    assert float(slope) == pytest.approx(float(both), rel=1e-12)


def test_a_parameter_may_be_tied_to_a_fixed_one():
    law = CHINCHILLA.fix(alpha=0.34).tie(beta="alpha")
    assert law.complete(dict(E=1.0, A=1.0, B=1.0))["beta"] == 0.34


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda law: law.fix(e=1.0), "chinchilla has no parameter 'e'"),
        (lambda law: law.fix(alhpa=1.0), "no parameter 'alhpa'; did you mean alpha"),
        (lambda law: law.fix(alpha=-0.1), "cannot hold alpha at -0.1; give a finite number, > 0"),
        (lambda law: law.fix(alpha=math.nan), "cannot hold alpha at nan"),
        (lambda law: law.fix(alpha=math.inf), "cannot hold alpha at inf"),
        (lambda law: law.tie(beta="gamma"), "chinchilla has no parameter 'gamma'"),
        (lambda law: law.tie(gamma="beta"), "chinchilla has no parameter 'gamma'"),
        (lambda law: law.tie(beta="beta"), "fixed or tied once"),
        (lambda law: law.tie(beta="alpha", alpha="beta"), "fixed or tied once"),
        (lambda law: law.fix(beta=0.3).tie(beta="alpha"), "fixed or tied once"),
        (lambda law: law.tie(beta="alpha").fix(beta=0.3), "fixed or tied once"),
    ],
)
def test_holding_what_cannot_be_held_is_refused(change, message):
    with pytest.raises(LawError, match=re.escape(message)):
        change(CHINCHILLA)


def test_a_floor_may_be_held_at_its_bound(float64):
    law = sj.laws.get("hestness_error").fix(gamma=0.0)
    value = law(dict(alpha=2.0, beta_g=-0.5), dict(examples=16.0))
    assert float(value) == pytest.approx(0.5, rel=1e-12)


def test_equal_laws_are_one_key():
    held = {CHINCHILLA.fix(E=1.5): 1, CHINCHILLA: 2}
    assert held[CHINCHILLA.fix(E=1.5)] == 1
    assert hash(CHINCHILLA.tie(beta="alpha")) == hash(CHINCHILLA.tie(beta="alpha"))

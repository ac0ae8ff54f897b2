"""Published coefficients: all there, as printed, converted to raw columns, with their source."""

import re

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.laws import registry

BUILT_IN = sorted(registry._BUILT_IN)


def estimates(name):
    return sj.laws.get(name).published()


# What holds for every estimate


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_estimate_has_a_source_and_predicts_or_says_what_is_missing(name):
    """That predictions are finite and coefficients within bounds is tested in test_atlas.py."""
    for estimate in estimates(name).values():
        assert estimate.context or estimate.where
        assert estimate.verified in ("source", "computed", "recalled")
        if estimate.missing:
            with pytest.raises(LawError, match=f"does not give .*{estimate.missing[-1]}"):
                estimate(**dict.fromkeys(estimate.law.input_names, 1.0))


# Conversions


def test_counts_printed_in_millions_and_billions_are_converted(float64):
    vpnls = sj.laws.get("chinchilla").published("vpnls")
    v, n, d = vpnls.values, 70e9, 1.4e12
    printed = v["E"] + v["A"] * (n / 1e6) ** -v["alpha"] + v["B"] * (d / 1e9) ** -v["beta"]
    assert float(vpnls(params=n, tokens=d)) == pytest.approx(printed, rel=1e-12)
    assert (v["A"], v["B"]) == (4.0005, 1.0509)


@pytest.mark.parametrize("name", ["gordon_ru_en", "gordon_de_en", "gordon_zh_en"])
def test_other_parameterisations_are_converted(name, float64):
    gordon = sj.laws.get("kaplan_nd").published(name)
    v, n, d = gordon.values, 3e8, 1e7
    printed = (v["A"] * n ** (-v["a"] / v["b"]) + v["B"] / d) ** v["b"]
    assert float(gordon(params=n, tokens=d)) == pytest.approx(printed, rel=1e-12)


def test_printed_logarithms_are_more_exact_than_the_values():
    gemstones = sj.laws.get("chinchilla").published("gemstones")
    assert gemstones.params["B"] == pytest.approx(np.exp(12.6984060933), rel=1e-14)
    assert gemstones.values["B"] == 327230.0


def test_estimates_of_a_family_choose_their_member():
    law = sj.laws.get("bnsl", x="compute_flops")
    figure = law.published("figure_1")
    assert figure.law is sj.laws.get("bnsl", breaks=3, x="compute_flops")
    assert law.published("addition").law is sj.laws.get("bnsl", x="examples")
    assert float(figure(compute_flops=1e26)) == pytest.approx(0.001, rel=1e-2)


def test_estimates_of_a_law_with_held_parameters_are_the_laws():
    held = sj.laws.get("chinchilla").fix(E=0.5)
    free = sj.laws.get("chinchilla").published("epoch")
    inputs = dict(params=1e9, tokens=1e10)
    assert float(held.published("epoch")(**inputs)) == float(free(**inputs))


# Calling


def test_takes_whole_numbers_lists_and_arrays_of_any_size():
    epoch = sj.laws.get("chinchilla").published("epoch")
    expected = float(epoch(params=70e9, tokens=1.4e12))
    assert expected == pytest.approx(1.9734, abs=1e-4)
    assert float(epoch(params=70_000_000_000, tokens=1_400_000_000_000)) == expected
    many = epoch(params=[70_000_000_000] * 2, tokens=np.array([1_400_000_000_000]))
    np.testing.assert_allclose(many, [expected] * 2, rtol=1e-6)


def test_is_differentiable_and_compiles():
    epoch = sj.laws.get("chinchilla").published("epoch")
    slope = jax.jit(jax.grad(lambda n: epoch(params=n, tokens=1.4e12)))(70e9)
    p = epoch.params
    assert float(slope) == pytest.approx(-p["alpha"] * p["A"] * 70e9 ** (-p["alpha"] - 1), rel=1e-4)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (dict(params=70e9), "chinchilla needs tokens"),
        (dict(params=70e9, token=1e12), "no input 'token'; did you mean tokens"),
        (dict(params=-1.0, tokens=1e12), "takes params > 0, not -1"),
        (dict(params=[1e9, 0.0], tokens=1e12), "takes params > 0, not 0"),
        (dict(params=1e9, tokens=float("nan")), "takes tokens > 0, not nan"),
    ],
)
def test_refuses_inputs_that_are_not_the_laws(inputs, message):
    with pytest.raises(LawError, match=re.escape(message)):
        sj.laws.get("chinchilla").published("epoch")(**inputs)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(LawError, match="no published estimate 'hofmann'; did you mean hoffmann"):
        sj.laws.get("chinchilla").published("hofmann")


# A file of one's own

ENTRY = """
[[owned]]
name = "first"
context = "our grid"
where = "Table 2"
verified = "recalled"
values = { E = 1.5, A = 0.4, alpha = 0.3 }
scales = { params = 1e6 }
"""


@pytest.fixture
def owned(tmp_path):
    def make(text):
        path = tmp_path / "owned.toml"
        path.write_text(text)

        @sj.law(
            name="owned",
            formula="L(N) = E + A / N**alpha",
            parameters=[
                sj.Parameter("E", unit="loss"),
                sj.Parameter("A", unit="loss * params**alpha"),
                sj.Parameter("alpha"),
            ],
            estimates=str(path),
        )
        def law(params, *, E, A, alpha):
            return E + A * params**-alpha

        return law

    yield make
    registry._LAWS.pop("owned", None)


def test_a_law_of_ones_own_brings_its_estimates(owned):
    first = owned(ENTRY).published("first")
    assert float(first(params=1e6)) == pytest.approx(1.9)
    assert first.text == "our grid (Table 2) [unverified]"
    assert "first of owned" in repr(first)


def test_a_law_without_a_file_has_no_estimates(cases):
    assert cases["user"].law.published() == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[[owned]]", "[owned]"), "owned must be a list of tables"),
        (('name = "first"', ""), "needs a name"),
        (('name = "first"', 'nmae = "first"'), "key 'nmae' is unknown; did you mean name"),
        (('"recalled"', '"hearsay"'), "verified must be one of source, computed, recalled"),
        (("E = 1.5", 'E = "1.5"'), "values.E cannot be '1.5'"),
        (("E = 1.5", "E = true"), "values.E cannot be True"),
        (('"our grid"', "3"), "context must be text"),
        (("{ params = 1e6 }", "{ parms = 1e6 }"), "no column 'parms'; did you mean params"),
        (("{ params = 1e6 }", "1e6"), "scales must be a table"),
        (("scales =", 'conversion = { alpah = "A" }\nscales ='), "no parameter 'alpah'"),
        (("scales =", 'conversion = { alpha = "Q" }\nscales ='), "'Q' in the expression 'Q'"),
        (("scales =", "options = { breaks = 2 }\nscales ="), "takes no options"),
        (("[[owned]]", "[[owned"), "is not valid TOML"),
    ],
)
def test_a_mistake_in_a_file_is_named(owned, change, message):
    text = ENTRY.replace(*change)
    assert text != ENTRY
    law = owned(text)
    with pytest.raises(LawError, match=re.escape(message)) as caught:
        law.published()
    assert "owned.toml" in str(caught.value)


def test_a_name_used_twice_is_refused(owned):
    law = owned(ENTRY + ENTRY)
    with pytest.raises(LawError, match=r"'first': the name is used twice"):
        law.published()


def test_a_file_that_is_absent_is_named(owned, tmp_path):
    law = owned(ENTRY)
    (tmp_path / "owned.toml").unlink()
    with pytest.raises(LawError, match=r"cannot read the estimates of owned in .*owned\.toml"):
        law.published()


def test_parameters_that_cannot_be_converted_are_missing(owned):
    first = owned(ENTRY.replace(", alpha = 0.3", "")).published("first")
    assert first.params == {"E": 1.5}  # A was printed for millions and needs the exponent
    assert first.missing == ("A", "alpha")

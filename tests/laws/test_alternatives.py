"""Families whose option chooses among laws: every choice works, whether it has estimates or not."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax import atlas
from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.parts import Parameter, Variable
from scaling_jax.laws.templates import alternatives, powers

CHOICES = {
    "kaplan_efficient": ("output", ("params", "batch_tokens", "step", "tokens")),
    "chinchilla_approach1": ("output", ("params", "tokens")),
    "chinchilla_approach2": ("output", ("params", "tokens")),
    "porian_nopt": ("output", ("params", "tokens")),
    "deepseek_alloc": ("output", ("flops_per_token", "tokens")),
    "xlstm_isoflop": ("output", ("params", "tokens")),
    "llama3_isoflop": ("output", ("tokens", "params")),
    "native_multimodal": (
        "output",
        ("loss", "active_params", "tokens", "optimal_loss", "tokens_of_params"),
    ),
    "hstu": ("output", ("hit_rate", "normalised_entropy")),
    "moonlight_lr_bs": ("output", ("learning_rate", "batch_tokens")),
    "ling_moe_lr_bs": ("output", ("learning_rate", "batch_tokens")),
    "meituan_lr_bs": ("output", ("learning_rate", "batch_tokens")),
    "bjorck_lr": ("scope", ("joint", "one_model")),
    "power_lines_tau": ("output", ("timescale", "weight_decay")),
    "diloco_lr": ("replicas", ("each", "joint")),
    "diloco_bs": ("replicas", ("each", "joint")),
    "power_lines_bcrit": ("output", ("batch_tokens", "tokens", "step")),
    "mccandlish_cbs": ("output", ("step", "examples", "learning_rate")),
    "zhang_cbs": ("setting", ("chinchilla_optimal", "fixed_data", "fixed_model")),
    "fast_model_scaling": ("output", ("activations", "params", "width", "depth", "resolution")),
    "diloco_parametric": ("form", ("1", "2", "3", "4")),
}
MEMBERS = [(n, option, choice) for n, (option, all_) in CHOICES.items() for choice in all_]


@pytest.mark.parametrize(("name", "option", "choice"), MEMBERS)
def test_every_member_is_declared_truly_and_finite(name, option, choice):
    law = sj.laws.get(name, **{option: choice})
    assert dict(law.options) == {option: choice}
    sj.laws.check(law)
    assert all(variable.usual for variable in law.inputs)
    theta, inputs = atlas.examples(law)[0].theta, atlas.usual_points(law, 16)
    for dtype in (np.float32, np.float64):
        with jax.enable_x64(dtype is np.float64):
            value = law(theta, {n: np.asarray(x, dtype) for n, x in inputs.items()})
        assert np.all(np.isfinite(value))


@pytest.mark.parametrize("name", CHOICES)
def test_the_first_member_is_the_default(name):
    option, choices = CHOICES[name]
    assert sj.laws.get(name) is sj.laws.get(name, **{option: choices[0]})


def test_an_unknown_choice_is_refused_with_a_hint():
    with pytest.raises(LawError, match="llama3_isoflop has no output 'param'; did you mean params"):
        sj.laws.get("llama3_isoflop", output="param")
    with pytest.raises(LawError, match="zhang_cbs has no option 'output'"):
        sj.laws.get("zhang_cbs", output="params")


def test_divided_powers_are_powers_with_the_other_sign():
    columns = [Variable("params", usual=(1e6, 1e9)), Variable("tokens", usual=(1e8, 1e12))]
    law = powers("mine", "A / (N**a * D**b)", columns, "loss", exponents=["a", "b"], divided=True)
    sj.laws.check(law)
    assert law.decreasing == ("params", "tokens")
    assert [p.bounds[0] for p in law.parameters] == [0.0, 0.0, 0.0]
    theta, inputs = dict(A=3.0, a=0.3, b=0.2), dict(params=1e8, tokens=1e10)
    expected = 3.0 / (1e8**0.3 * 1e10**0.2)
    assert float(law(theta, inputs)) == pytest.approx(expected, rel=1e-5)


def test_members_of_one_family_share_a_name():
    def function(tokens, *, a):
        return a * tokens

    def named(name):
        return Law(name, function, (Variable("tokens"),), Variable("loss"), (Parameter("a"),))

    with pytest.raises(LawError, match="the members of one must share its name, not two"):
        alternatives({"one": named("one"), "two": named("two")})

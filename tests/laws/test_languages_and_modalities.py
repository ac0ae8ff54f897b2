"""Languages and modalities: effective data, members and anchors, competition."""

import dataclasses

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError

SIZE = dict(E=0.7, A=483.0, alpha=0.41, B=3828.0, beta=0.41)


def effective(seen, unique, lam):
    if seen <= unique:
        return seen
    return unique * (1 + (1 - np.exp(-lam * (seen / unique - 1))) / lam)


@pytest.mark.parametrize("seen", [3e9, 1e10, 4e10])
def test_effective_data_of_three_sources(seen, float64):
    law = sj.laws.get("atlas", transfer=("german",))
    theta = SIZE | dict(lam=0.2, tau_german=0.4, tau_other=-0.05)
    given = dict(
        params=1e9, tokens=seen, unique_tokens=1e10, tokens_german=8e10, unique_tokens_german=2e10,
        tokens_other=1e10, unique_tokens_other=1e12,
    )  # fmt: skip
    data = effective(seen, 1e10, 0.2) + 0.4 * effective(8e10, 2e10, 0.2) - 0.05 * 1e10
    expected = 0.7 + 483.0 * 1e9**-0.41 + 3828.0 * data**-0.41
    assert float(law(theta, given)) == pytest.approx(expected, rel=1e-12)


def test_without_decay_or_repetition_it_is_the_loss_surface(float64):
    law = sj.laws.get("atlas", transfer=0, other=False)
    plain = sj.laws.get("atlas", transfer=0, other=False, repetition=False)
    chinchilla = sj.laws.get("chinchilla")(SIZE, dict(params=1e9, tokens=4e10))
    given = dict(params=1e9, tokens=4e10)
    assert float(plain(SIZE, given)) == pytest.approx(float(chinchilla), rel=1e-13)
    slow = float(law(SIZE | {"lam": 1e-9}, given | {"unique_tokens": 1e10}))
    assert slow == pytest.approx(float(chinchilla), rel=1e-7)


def test_every_printed_fit_falls_with_size_and_data(float64):
    printed = sj.laws.get("atlas").published()
    assert len(printed) == 18
    for name, estimate in printed.items():
        losses = [float(estimate(params=n, tokens=d)) for n, d in
                  ((1e8, 1e10), (1e9, 1e10), (1e9, 1e11))]  # fmt: skip
        assert 5.0 > losses[0] > losses[1] > losses[2] > 0.0, name


def test_refuses_languages_that_cannot_be_columns():
    with pytest.raises(LawError, match="each once and none of them called 'other'"):
        sj.laws.get("atlas", transfer=("german", "german"))
    with pytest.raises(LawError, match="each once and none of them called 'other'"):
        sj.laws.get("atlas", transfer=("other",))
    with pytest.raises(LawError, match="a number of transfer languages or their names: 'german'"):
        sj.laws.get("atlas", transfer="german")


@pytest.mark.parametrize("name", ["atlas", "mixed_modal_competition"])
def test_anchors_go_there_and_back(name, float64):
    law = sj.laws.get(name)
    rng = np.random.default_rng(0)
    theta = {p.name: rng.uniform(0.2, 0.9) for p in law.parameters}
    logs = {v.column: float(rng.uniform(1.0, 25.0)) for v in (*law.inputs, law.output)}
    anchor = law.anchor
    assert anchor is not None
    assert {p.name for p in anchor.coordinates} == set(theta)
    back = anchor.to_natural(anchor.from_natural(theta, logs), logs)
    np.testing.assert_allclose([back[n] for n in theta], list(theta.values()), rtol=1e-12)


def test_more_languages_at_equal_loss_keep_the_loss(float64):
    law = sj.laws.get("atlas_multilinguality")
    t = dict(L_inf=0.5, A=300.0, B=200.0, phi=0.11, psi=-0.04, alpha=0.45, beta=0.147)
    factors = sj.protocols.get("atlas_multilinguality")(
        4.0, **{n: t[n] for n in ("phi", "psi", "alpha", "beta")}
    )
    few = law(t, dict(languages=5.0, params=1e9, tokens=1e10))
    many = law(
        t,
        dict(
            languages=20.0,
            params=1e9 * factors.params,
            tokens=1e10 * factors.tokens_per_language,
        ),
    )
    assert float(many) == pytest.approx(float(few), rel=1e-12)


def test_two_modalities_without_interaction_are_the_mean_of_both(float64):
    law = sj.laws.get("mixed_modal_competition")
    one = dict(E=1.0, A=300.0, B=500.0, alpha=0.3, beta=0.35)
    two = dict(E=2.0, A=200.0, B=900.0, alpha=0.25, beta=0.4)
    theta = {f"{n}_i": v for n, v in one.items()} | {f"{n}_j": v for n, v in two.items()}
    pair = dict(C_ij=0.0, A_ij=0.0, B_ij=0.0, alpha_ij=0.3, beta_ij=0.3)
    alone = sj.laws.get("mixed_modal_unimodal")
    losses = [
        float(alone({f"{n}_j": v for n, v in values.items()}, dict(params=1e9, tokens=d)))
        for values, d in ((one, 1e10), (two, 5e10))
    ]
    given = dict(params=1e9, tokens_i=1e10, tokens_j=5e10)
    assert float(law(theta | pair, given)) == pytest.approx(np.mean(losses), rel=1e-13)
    pair = dict(C_ij=0.2, A_ij=100.0, B_ij=300.0, alpha_ij=0.4, beta_ij=0.4)
    cost = float(sj.protocols.get("mixed_modal_competition")(pair, 1e9, 6e10))
    assert float(law(theta | pair, given)) == pytest.approx(np.mean(losses) + cost, rel=1e-6)


def test_members_are_the_same_object_for_the_same_choice():
    assert sj.laws.get("atlas", transfer=("fr",)) is sj.laws.get("atlas", transfer=("fr",))
    assert dataclasses.replace(sj.laws.get("atlas")) == sj.laws.get("atlas")

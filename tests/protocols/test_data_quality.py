"""Measures of data: invariances, laws of known multipliers, the number of pools to mix."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.data_quality import (
    best_pools,
    diversity_coefficient,
    effective_clean_samples,
    law_multiplier,
)

RNG = np.random.default_rng(0)


def cosine_distances(first, second):
    lengths = np.linalg.norm(first, axis=1)[:, None] * np.linalg.norm(second, axis=1)
    return 1 - first @ second.T / lengths


def test_diversity_is_the_mean_over_distinct_pairs():
    embeddings = RNG.uniform(size=(7, 5))
    pairs = cosine_distances(embeddings, embeddings)[np.triu_indices(7, 1)]
    assert float(diversity_coefficient(embeddings)) == pytest.approx(pairs.mean(), rel=1e-5)
    others = RNG.uniform(size=(4, 5))
    across = cosine_distances(embeddings, others).mean()
    assert float(diversity_coefficient(embeddings, others)) == pytest.approx(across, rel=1e-5)


def test_diversity_ignores_lengths_and_rises_with_the_number_of_concepts():
    concepts = RNG.standard_normal((30, 64))
    found = []
    for count in (1, 3, 30):
        batches = concepts[np.arange(60) % count] + 0.05 * RNG.standard_normal((60, 64))
        found.append(float(diversity_coefficient(batches)))
        longer = batches * RNG.uniform(0.1, 9.0, (60, 1))
        assert float(diversity_coefficient(longer)) == pytest.approx(found[-1], abs=1e-5)
    assert found[0] < found[1] < found[2]


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.ones((1, 3)), "in pairs; give two at least, not 1"),
        (np.array([[1.0, 0.0], [0.0, 0.0]]), "of batch 1 is zero or not finite; drop it"),
        (np.ones(3), r"have the shape \[batches, dimensions\], not \(3,\)"),
    ],
)
def test_diversity_refuses(embeddings, message):
    with pytest.raises(ProtocolError, match=message):
        diversity_coefficient(embeddings)


def test_multiplier_of_two_laws_and_its_derivative(float64):
    law = sj.laws.get("chinchilla")
    theta = dict(E=1.8, A=480.0, B=2100.0, alpha=0.35, beta=0.37)

    def accuracy(gain):
        """Return the accuracy of a compute-optimal model that learns from `gain` times the data."""

        def curve(compute):
            sizes = dict(params=(compute / 120) ** 0.5, tokens=gain * (compute * 20 / 6) ** 0.5)
            return 1.0 / (1.0 + law(theta, sizes) - 1.8)

        return curve

    def multiplier(gain):
        return law_multiplier(accuracy(1.0), accuracy(gain), 0.7, 1e16, 1e28)

    assert float(multiplier(1.0)) == pytest.approx(1.0, rel=1e-9)
    assert float(multiplier(2.0)) > 1.5
    slope = (multiplier(2.0 + 1e-5) - multiplier(2.0 - 1e-5)) / 2e-5
    assert float(jax.grad(multiplier)(2.0)) == pytest.approx(float(slope), rel=1e-6)


def test_multiplier_of_laws_is_that_of_their_points(float64):
    compute = np.geomspace(1e19, 1e24, 400)

    def baseline(c):
        return 1 / (1 + (c / 1e21) ** -0.2)

    def method(c):
        return baseline(2.1 * c)

    from_points = sj.protocols.get("betr_multiplier")(
        compute, baseline(compute), compute, method(compute), 0.55
    )
    from_laws = sj.protocols.get("betr_compute_multiplier")(baseline, method, 0.55, 1e19, 1e24)
    assert float(from_laws) == pytest.approx(2.1, rel=1e-9)
    assert float(from_points) == pytest.approx(2.1, rel=1e-4)
    assert sj.protocols.get("beyondweb") is sj.protocols.get("betr_multiplier")


def test_multiplier_refuses_a_quality_out_of_reach():
    with pytest.raises(ProtocolError, match="the method curve does not reach 0.5 between"):
        law_multiplier(lambda c: c / 1e21, lambda c: 0 * c, 0.5, 1e20, 1e22)


def mixed(examples, half_lives=(9.0, 2.0, 4.0)):
    return best_pools([-0.1, -0.2, -0.15], half_lives, examples, 12.8e6, a=0.022, d=0.1)


def test_strict_filtering_for_few_samples_and_mild_for_many():
    counts = [mixed(n)[0] for n in (12.8e6, 128e6, 1e10)]
    assert counts[0] == 1
    assert counts == sorted(counts)
    assert counts[-1] == 3
    # The best pool is the one with b = -0.2, whatever the order of the lists.
    law = sj.laws.get("data_filtering_utility")
    alone = law(
        dict(a=0.022, b=-0.2, tau=2.0, d=0.1), dict(examples=12.8e6, unique_examples=12.8e6)
    )
    assert mixed(12.8e6)[1][0] == pytest.approx(float(alone), rel=1e-5)
    with pytest.raises(ProtocolError, match="3 utilities and 1 half-lives"):
        mixed(1e8, half_lives=[1.0])


def test_noisy_samples_have_a_price():
    assert effective_clean_samples(1e5, 0.0, 1.5) == 1e5
    assert effective_clean_samples(0.0, 1.75e5, 1.75) == pytest.approx(1e5)

"""Selection of models and what follows from the laws of transfer."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.transfer import (
    accept_then_stop,
    alignment_score,
    continued_optimum,
    critical_data_size,
    largest_domain_share,
    pretraining_worth,
    rectified_selection,
)

SIZES = 200.0 * 2.0 ** np.arange(14)


def rectified(b, d_l, beta, e, examples: float | np.ndarray = SIZES):
    return b / (d_l + examples**beta) + e


def test_acceptance_stops_at_the_first_phase():
    """A flat start is an outlier of the line through the power-law phase."""
    power = 5.0 * SIZES**-0.2 * np.exp(1e-4 * (-1.0) ** np.arange(14))
    losses = np.where(SIZES < 3000.0, 5.0 * 3200.0**-0.2, power)
    found = accept_then_stop(SIZES, losses[None], budget=SIZES[-2], full=SIZES[-1])
    assert found.used[0] == np.sum((SIZES > 3000.0) & (SIZES < SIZES[-1]))
    assert found.predicted[0] == pytest.approx(power[-1], rel=1e-3)
    everything = accept_then_stop(SIZES, losses[None], SIZES[-2], SIZES[-1], delta=np.inf)
    assert everything.used[0] == 12  # the smallest size is dropped all the same, as in the code
    assert abs(everything.predicted[0] / power[-1] - 1.0) > 0.01


def test_few_sizes_are_all_used():
    losses = np.stack([3.0 * SIZES**-0.1, 4.0 * SIZES**-0.1])
    found = accept_then_stop(SIZES, losses, budget=800.0, full=SIZES[-1])
    assert found.used.tolist() == [3, 3]
    assert found.chosen == 0
    np.testing.assert_allclose(found.predicted, losses[:, -1], rtol=1e-10)


def test_scores_of_a_selection():
    losses = np.stack([3.0 * SIZES**-0.1, 4.0 * SIZES**-0.1, 5.0 * SIZES**-0.1])
    found = accept_then_stop(SIZES, losses, budget=800.0, full=SIZES[-1])
    assert found.correlation(losses[:, -1]) == pytest.approx(1.0)
    assert found.relative_accuracy(losses[:, -1]) == 1.0
    assert found.relative_accuracy([3.0, 1.0, 2.0]) == 0.0
    assert found.relative_accuracy([2.0, 1.0, 3.0]) == 0.5


def test_the_rectified_law_predicts_full_finetuning():
    coefficients = [(500.0, 160.0, 0.45, 1.0), (30.0, 12.0, 0.3, 0.9)]
    losses = np.stack([rectified(*c) for c in coefficients])
    zero = np.array([rectified(*c, examples=0.0) for c in coefficients])
    found = rectified_selection(SIZES, losses, SIZES[8], SIZES[-1], zero_shot=zero)
    np.testing.assert_allclose(found.predicted, losses[:, -1], rtol=1e-3)
    assert found.chosen == int(np.argmin(losses[:, -1]))


@pytest.mark.parametrize(
    ("losses", "budget", "message"),
    [
        (np.ones((2, 3)), 800.0, "losses .* for the examples"),
        (-np.ones((2, 14)), 800.0, "positive losses"),
        (np.ones((2, 14)), 200.0, "only 1 size lies within the budget of 200 examples"),
    ],
)
def test_selections_need_affordable_curves(losses, budget, message):
    with pytest.raises(ProtocolError, match=message):
        accept_then_stop(SIZES, losses, budget, SIZES[-1])


def test_the_rectified_law_needs_four_points():
    with pytest.raises(ProtocolError, match="4 coefficients, but only 3 sizes"):
        rectified_selection(SIZES, np.ones((1, 14)), 800.0, SIZES[-1])


def test_two_methods_are_equal_at_the_critical_size():
    full = sj.laws.get("llm_finetuning_joint").published("en_de_full_params").params
    lora = sj.laws.get("llm_finetuning_joint").published("en_de_lora_params").params
    with jax.enable_x64(True):
        critical = float(critical_data_size(full, lora, 8e9))
    excess = [t["A"] * 8e9 ** -t["alpha"] * critical ** -t["beta"] for t in (full, lora)]
    assert excess[0] == pytest.approx(excess[1], rel=1e-10)
    with pytest.raises(ProtocolError, match="the same beta"):
        critical_data_size(full, full, 8e9)


def test_model_size_is_worth_data():
    theta = sj.laws.get("transfer_effective_data").published("text").params
    law, worth = sj.laws.get("transfer_effective_data"), pretraining_worth(theta)
    with jax.enable_x64(True):
        larger = float(law(theta, dict(finetuning_data=1e5, params=1e9)))
        more = float(law(theta, dict(finetuning_data=1e5 * worth, params=1e8)))
    assert larger == pytest.approx(more, rel=1e-12)


def test_the_continued_optimum_is_lowest_on_its_isoflop_line():
    law = sj.laws.get("cross_lingual_cpt")
    theta = law.published("continued").params
    with jax.enable_x64(True):
        params, tokens = (float(x) for x in continued_optimum(theta, 1e21))
        sizes = params * np.geomspace(0.8, 1.25, 21)
        losses = law(theta, dict(params=sizes, tokens=1e21 / (6.0 * sizes)))
    assert 6.0 * params * tokens == pytest.approx(1e21)
    assert np.argmin(losses) == 10
    with pytest.raises(ProtocolError, match="needs beta2 and alpha above gamma"):
        continued_optimum({**theta, "gamma": 0.3}, 1e21)


def test_the_largest_share_keeps_the_general_loss():
    law = sj.laws.get("d_cpt")
    theta = dict(E=0.8, A=50.0, B=90.0, C=0.05, alpha=0.3, beta=0.4, gamma=0.6, eta=0.2, eps=0.1)

    def general(domain_share):
        x = dict(params=1e9, tokens=1e10, domain_proportion=1.0 - domain_share)
        return law(theta, x)

    with jax.enable_x64(True):
        start = float(general(0.0))
        share = largest_domain_share(general, start, 0.03)
        assert float(general(share)) <= 1.03 * start < float(general(share + 2e-4))
    assert largest_domain_share(general, 0.5 * start, 0.03) == 0.0
    with pytest.raises(ProtocolError, match="one finite loss a share"):
        largest_domain_share(lambda share: share[:2], start, 0.03)


def test_alignment_takes_two_proportions():
    with pytest.raises(ProtocolError, match="sum to at most 1"):
        alignment_score(0.7, 0.7)

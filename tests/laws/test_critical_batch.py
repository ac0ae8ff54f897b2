"""What is particular to the laws of critical batch sizes."""

import numpy as np
import pytest

import scaling_jax as sj

pytestmark = pytest.mark.usefixtures("float64")


def test_kaplans_critical_batch():
    law = sj.laws.get("kaplan_bcrit")
    for name, scale in (("table_5", 2.1e8), ("text", 2e8)):
        estimate = law.published(name)
        assert float(estimate(loss=1.0)) == pytest.approx(scale)
        assert float(estimate(loss=2.0)) == pytest.approx(scale / 2 ** (1 / 0.21))
    assert not law.published("text").verified == "source"


def test_steps_and_examples_lie_on_the_hyperbola():
    theta, batch = dict(S_min=1500.0, E_min=3e6), dict(batch_examples=np.geomspace(1.0, 1e7, 9))
    steps = np.asarray(sj.laws.get("mccandlish_cbs", output="step")(theta, batch))
    examples = np.asarray(sj.laws.get("mccandlish_cbs", output="examples")(theta, batch))
    np.testing.assert_allclose(examples, steps * batch["batch_examples"], rtol=1e-12)
    product = (steps / 1500.0 - 1.0) * (examples / 3e6 - 1.0)
    np.testing.assert_allclose(product, 1.0, rtol=1e-5)  # the ends cancel six digits


def test_the_best_step_is_half_of_the_largest_at_the_noise_scale():
    law = sj.laws.get("mccandlish_cbs", output="learning_rate")
    theta = dict(eps_max=0.4, B_noise=512.0)
    assert float(law(theta, dict(batch_examples=512.0))) == pytest.approx(0.2)
    assert float(law(theta, dict(batch_examples=np.inf))) == 0.4


def test_power_lines_data_and_steps_are_twice_their_least_at_the_critical_batch():
    least = 12.2e9
    batch = float(sj.laws.get("power_lines_bcrit").published("slimpajama")(min_tokens=least))
    assert batch / 2048 == pytest.approx(0.0471 * least**0.462)
    point = dict(min_tokens=least, batch_tokens=batch)
    tokens, steps = (
        float(sj.laws.get("power_lines_bcrit", output=o).published("slimpajama")(**point))
        for o in ("tokens", "step")
    )
    assert tokens == pytest.approx(2.0 * least)
    assert steps == pytest.approx(tokens / batch)
    far = dict(min_tokens=least, batch_tokens=1e6 * batch)
    law = sj.laws.get("power_lines_bcrit", output="step").published("slimpajama")
    assert float(law(**far)) == pytest.approx(least / batch, rel=1e-5)


def test_zhang_is_printed_in_millions_and_sequences_of_512():
    law = sj.laws.get("zhang_cbs").published("chinchilla_optimal")
    assert float(law(params=302e6)) == pytest.approx(93.2 * 302**0.47 * 512)
    data = sj.laws.get("zhang_cbs", setting="fixed_model").published("fixed_model")
    assert float(data(tokens=6040e6)) == pytest.approx(22.91 * 6040**0.47 * 512)
    assert "inferred" in sj.laws.get("zhang_cbs").publication.doubt

"""What is particular to the laws of compute frontiers."""

import math

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError

pytestmark = pytest.mark.usefixtures("float64")
PF_DAY = 8.64e19


def published(name, estimate, **options):
    return sj.laws.get(name, **options).published(estimate)


@pytest.mark.parametrize(
    ("output", "at_one", "exponent"),
    [("params", 1.3e9, 0.73), ("batch_tokens", 2e6, 0.24), ("step", 5400, 0.03)]
    + [("tokens", 2e10, 0.27)],
)
def test_kaplan_is_printed_for_petaflop_days(output, at_one, exponent):
    law = published("kaplan_efficient", "empirical", output=output)
    assert float(law(compute_flops=PF_DAY)) == pytest.approx(at_one, rel=1e-12)
    assert float(law(compute_flops=1e3 * PF_DAY)) == pytest.approx(at_one * 1e3**exponent)


def test_kaplan_loss_of_compute():
    law = published("kaplan_cmin", "webtext2")
    assert float(law(compute_flops=3.1e8 * PF_DAY)) == pytest.approx(1.0)
    assert float(law(compute_flops=PF_DAY)) == pytest.approx(3.1e8**0.05)


def test_henighan_for_language_is_kaplans_model_size():
    found = float(published("henighan_nopt", "language")(compute_flops=PF_DAY))
    assert found == pytest.approx(1.3e9, rel=0.02)


@pytest.mark.parametrize("compute", [6e18, 3.8e25])
def test_llama_budgets_are_spent(compute):
    tokens, params = (
        float(published("llama3_isoflop", "figure", output=output)(compute_flops=compute))
        for output in ("tokens", "params")
    )
    assert 6.0 * tokens * params == pytest.approx(compute, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "estimate", "outputs", "product"),
    [
        ("deepseek_alloc", "in_house", ("flops_per_token", "tokens"), 1.0),
        ("porian_nopt", "step_4", ("params", "tokens"), 1 / 6),
    ],
)
def test_size_times_tokens_is_the_budget(name, estimate, outputs, product):
    compute = np.geomspace(1e17, 1e24, 5)
    size, tokens = (
        np.asarray(published(name, estimate, output=output)(compute_flops=compute))
        for output in outputs
    )
    np.testing.assert_allclose(size * tokens / compute, product, rtol=3e-4)


def test_estimates_of_one_exponent_say_what_they_lack():
    hoffmann = published("chinchilla_approach1", "massivetext")
    assert hoffmann.params == {"a": 0.5}
    with pytest.raises(LawError, match="massivetext of chinchilla_approach1 does not give k_N"):
        hoffmann(compute_flops=1e21)


def test_hstu_is_printed_for_petaflop_days():
    rate = published("hstu", "retrieval")
    entropy = published("hstu", "ranking", output="normalised_entropy")
    assert float(rate(compute_flops=PF_DAY)) == pytest.approx(0.15, rel=1e-9)
    assert float(entropy(compute_flops=PF_DAY)) == pytest.approx(0.549, rel=1e-9)
    tenfold = float(rate(compute_flops=10 * PF_DAY)) - 0.15
    assert tenfold == pytest.approx(0.0195 * math.log(10))


def test_multimodal_frontier_and_limit_of_the_surface():
    frontier = published("native_multimodal", "frontier", output="optimal_loss")
    assert float(frontier(compute_flops=1e22)) == pytest.approx(29.574 * 1e22**-0.0492)
    law = sj.laws.get("native_multimodal")
    theta = dict(E=1.904, A=100.0, B=200.0, alpha=0.301, beta=0.335)
    assert float(law(theta, dict(active_params=np.inf, tokens=np.inf))) == 1.904


def test_algorithmic_progress_moves_with_its_references():
    law = sj.laws.get("algorithmic_progress_lm")
    theta = dict(law.published("preferred").params) | dict(N0=1e6, D0=1e8, Y0=2012.0)
    at_reference = float(law(theta, dict(params=1e6, tokens=1e8, year=2012.0)))
    assert at_reference == pytest.approx(math.exp(0.913) + math.exp(0.771))
    moved = theta | dict(N0=1e9, aconst=0.913 - 0.068 * math.log(1e3))
    point = dict(params=7e9, tokens=1e12, year=2023.0)
    assert float(law(moved, point)) == pytest.approx(float(law(theta, point)), rel=1e-12)
    held = law.fix(N0=1e6, D0=1e8, Y0=2012.0)
    assert held.free_names == ("aconst", "ayear", "aparam", "bconst", "byear", "bdata")


def test_a_year_is_worth_a_factor_of_data_in_the_data_term():
    law = sj.laws.get("algorithmic_progress_lm")
    theta = dict(law.published("preferred").params) | dict(N0=1e6, D0=1e8, Y0=2012.0, aconst=-50.0)
    later = float(law(theta, dict(params=1e9, tokens=1e11, year=2023.0)))
    more = float(law(theta, dict(params=1e9, tokens=1e11 * math.exp(0.036 / 0.04), year=2022.0)))
    assert later == pytest.approx(more, rel=1e-9)


def test_density_doubles():
    law = sj.laws.get("densing_law")
    values = law(dict(A=0.007, B=-2.0), dict(days=np.array([0.0, math.log(2) / 0.007])))
    np.testing.assert_allclose(values, [math.exp(-2.0), 2.0 * math.exp(-2.0)], rtol=1e-12)

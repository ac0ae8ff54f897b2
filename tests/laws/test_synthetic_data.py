"""Laws of synthetic data: integrals over ranks against sums, limits and regimes."""

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.protocols.synthetic_data import mixed_error, removed_mass, zipf_error

TIMES = np.array([10.0, 1e3, 1e5])
RANKS = 1_000_000


def beyond(beta):
    """Return the share of the law's 1e12 ranks that a sum over the first million lacks."""
    missing = (RANKS + 0.5) ** (1 - beta) - 1e12 ** (1 - beta)
    return missing / (beta - 1) / sum(np.arange(1, RANKS + 1.0) ** -beta)


def test_integral_is_the_sum_over_all_ranks(float64):
    """With beta = 3 the first million ranks are all that matters."""
    law = sj.laws.get("tails_hutter")
    assert beyond(3.0) < 1e-12
    expected = zipf_error(TIMES, 3.0, ranks=RANKS)
    np.testing.assert_allclose(law(dict(beta=3.0), dict(examples=TIMES)), expected, rtol=1e-5)


@pytest.mark.parametrize("cut", [20, 1000])
def test_cut_among_the_ranks_added_and_among_those_integrated(cut, float64):
    law = sj.laws.get("tails_hutter", tail="cut")
    found = law(dict(beta=2.5, k=float(cut)), dict(examples=TIMES))
    np.testing.assert_allclose(found, zipf_error(TIMES, 2.5, cut=cut, ranks=RANKS), rtol=1e-5)


def test_narrowed_tail(float64):
    law = sj.laws.get("tails_hutter", tail="narrowed")
    found = law(dict(beta=2.5, beta2=3.0), dict(examples=TIMES))
    np.testing.assert_allclose(found, zipf_error(TIMES, 2.5, beta2=3.0, ranks=RANKS), rtol=1e-5)


def test_generator_cuts_where_its_samples_end(float64):
    sampled = sj.laws.get("tails_hutter", tail="sampled")
    cut = sj.laws.get("tails_hutter", tail="cut")
    np.testing.assert_allclose(
        sampled(dict(beta=2.0), dict(examples=TIMES, generator_examples=1e6)),
        cut(dict(beta=2.0, k=1e3), dict(examples=TIMES)),
        rtol=1e-12,
    )


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_mixture_of_real_and_generated_samples(share, float64):
    found = sj.laws.get("tails_mixing")(
        dict(beta=2.5, k=50.0), dict(examples=TIMES, real_share=share)
    )
    np.testing.assert_allclose(
        found, mixed_error(TIMES, share, 2.5, cut=50, ranks=RANKS), rtol=1e-5
    )


def test_only_real_samples_and_no_real_samples(float64):
    law, inputs = sj.laws.get("tails_mixing"), dict(examples=TIMES)
    theta = dict(beta=2.0, k=300.0)
    full = sj.laws.get("tails_hutter")(dict(beta=2.0), inputs)
    cut = sj.laws.get("tails_hutter", tail="cut")(theta, inputs)
    np.testing.assert_allclose(law(theta, inputs | {"real_share": 1.0}), full, rtol=1e-7)
    np.testing.assert_allclose(law(theta, inputs | {"real_share": 0.0}), cut, rtol=1e-12)


def test_more_samples_never_help_beyond_the_removed_mass(float64):
    law = sj.laws.get("tails_hutter", tail="cut")
    plateau = float(law(dict(beta=3.0, k=100.0), dict(examples=1e12)))
    assert plateau == pytest.approx(removed_mass(3.0, 100, ranks=RANKS), rel=1e-5)


def test_the_cut_is_differentiable(float64):
    """Each rank is worth its probability."""
    law = sj.laws.get("tails_hutter", tail="cut")
    slope = jax.grad(lambda k: law(dict(beta=2.0, k=k), dict(examples=1e12)))(1000.0)
    zeta = np.pi**2 / 6
    assert float(slope) == pytest.approx(-(1000.5**-2.0) / zeta, rel=1e-5)


def test_generations_add_up_and_memories_end_in_a_floor(float64):
    law = sj.laws.get("tails_generations")
    t = dict(A_1=1.0, A_2=1.0, beta=2.0)
    given = dict(examples=1e30, generator_examples=1e4)
    errors = [float(law(t, given | {"generations": n})) for n in (1.0, 3.0)]
    assert errors == pytest.approx([0.01, 0.03], rel=1e-6)
    memory = sj.laws.get("tails_generations", model="memory")
    floor = memory(
        dict(A_1=1.0, A_2=1.0, A_3=1.0, beta=2.0, c_q=1.0),
        dict(examples=1e30, width=1e30, cut_rank=100.0),
    )
    assert float(floor) == pytest.approx(0.01)


def test_refuses_other_tails():
    with pytest.raises(LawError, match="no tail 'fat'; choose one of full, cut, sampled, narrowed"):
        sj.laws.get("tails_hutter", tail="fat")
    with pytest.raises(LawError, match="of 'generations' or a 'memory', not 'brain'"):
        sj.laws.get("tails_generations", model="brain")

"""Data quality laws: sums over epochs against loops over epochs, limits, and refusals."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError

K, POOL = 1e5, 12.8e6
ONE = dict(a=0.022, b=-0.13, tau=3.0, d=0.1)
THREE = dict(
    a=0.022, d=0.1, b_1=-0.18, b_2=-0.15, b_3=-0.1, tau_1=2.0, tau_2=4.0, tau_3=9.0
)  # fmt: skip
SAMPLES = np.array([5e6, 12.8e6, 30e6, 12.8e7, 6.4e8, 12.8e9])


def epochs(n, size):
    """Return the samples seen before and after each epoch."""
    ends = np.minimum(size * np.arange(1, np.ceil(n / size) + 1), n)
    return np.append(0.0, ends[:-1]), ends


def utility_by_loop(n, size, a, d, b, tau, inside):
    """Return the error from a loop over epochs, each pool's utility decaying in its own way."""
    before, after = epochs(n, size)
    slopes = [np.mean(b * 0.5 ** (j / tau)) for j in range(len(after))]
    value = (a * after[0] / K) ** slopes[0] + (d if inside else 0.0)
    for j in range(1, len(after)):
        value *= (after[j] / before[j]) ** slopes[j]
    return value + (0.0 if inside else d)


def effective_by_loop(n, size, a, d, b, tau):
    before, after = epochs(n, size)
    value, seen = 0.0, 0.0
    for j, (start, end) in enumerate(zip(before, after, strict=True)):
        delta = 0.5 ** (j / tau)
        slope, earlier = np.sum(b * delta) / np.sum(delta), seen
        seen += (end - start) * np.mean(delta)
        value = (a * end / K) ** slope if j == 0 else value * (seen / earlier) ** slope
    return value + d


def pools(values, count):
    """Return the utilities and the half-lives of the pools."""
    return tuple(
        np.array([values[f"{letter}_{k}"] for k in range(1, count + 1)]) for letter in ("b", "tau")
    )


@pytest.mark.parametrize("irreducible", ["inside", "outside"])
@pytest.mark.parametrize("tau", [0.7, 3.0, 30.0])
def test_utility_is_the_loop_over_epochs(irreducible, tau, float64):
    """Up to 1,000 epochs, of which the law adds 32."""
    law = sj.laws.get("data_filtering_utility", irreducible=irreducible)
    found = law(ONE | {"tau": tau}, dict(examples=SAMPLES, unique_examples=POOL))
    expected = [
        utility_by_loop(n, POOL, 0.022, 0.1, np.array([-0.13]), tau, irreducible == "inside")
        for n in SAMPLES
    ]
    np.testing.assert_allclose(found, expected, rtol=5e-6)


@pytest.mark.parametrize("irreducible", ["inside", "outside"])
def test_mixture_averages_the_decayed_utilities(irreducible, float64):
    law = sj.laws.get("data_filtering_mixture", pools=3, irreducible=irreducible)
    found = law(THREE, dict(examples=SAMPLES, unique_examples=POOL))
    b, tau = pools(THREE, 3)
    inside = irreducible == "inside"
    expected = [utility_by_loop(n, 3 * POOL, 0.022, 0.1, b, 3 * tau, inside) for n in SAMPLES]
    np.testing.assert_allclose(found, expected, rtol=5e-6)


def test_mixture_of_one_pool_is_the_pool(float64):
    inputs = dict(examples=SAMPLES, unique_examples=POOL)
    one = sj.laws.get("data_filtering_mixture", pools=1)
    found = one(dict(a=0.022, b_1=-0.13, tau_1=3.0, d=0.1), inputs)
    np.testing.assert_allclose(
        found, sj.laws.get("data_filtering_utility")(ONE, inputs), rtol=1e-12
    )


def test_effective_data_are_the_loop_over_epochs(float64):
    inputs = dict(examples=SAMPLES, unique_examples=POOL)
    one = sj.laws.get("data_filtering_effective_data")(ONE, inputs)
    lone = (np.array([-0.13]), np.array([3.0]))
    np.testing.assert_allclose(
        one, [effective_by_loop(n, POOL, 0.022, 0.1, *lone) for n in SAMPLES], rtol=1e-12
    )
    b, tau = pools(THREE, 3)
    three = sj.laws.get("data_filtering_effective_data", pools=3)(THREE, inputs)
    expected = [effective_by_loop(n, 3 * POOL, 0.022, 0.1, b, 3 * tau) for n in SAMPLES]
    np.testing.assert_allclose(three, expected, rtol=5e-6)


def test_without_decay_repeated_samples_are_as_good_as_new(float64):
    inputs = dict(examples=SAMPLES, unique_examples=POOL)
    fresh = (0.022 * SAMPLES / K) ** -0.13 + 0.1
    for name in ("data_filtering_utility", "data_filtering_effective_data"):
        np.testing.assert_allclose(sj.laws.get(name)(ONE | {"tau": 1e9}, inputs), fresh, rtol=1e-5)


def test_refuses_what_is_no_member():
    with pytest.raises(LawError, match="adds d 'inside' or 'outside' .* not 'between'"):
        sj.laws.get("data_filtering_utility", irreducible="between")
    with pytest.raises(LawError, match="mixes 1 to 20 pools, not 0"):
        sj.laws.get("data_filtering_mixture", pools=0)
    with pytest.raises(LawError, match="'varied' or 'fixed' size, not 'large'"):
        sj.laws.get("data_quality_q", size="large")


def test_clean_data_leave_a_loss_of_size_and_data(float64):
    law = sj.laws.get("data_quality_q")
    t = dict(A=400.0, alpha=0.34, B=1441.51, beta=0.3959, gamma=0.4007, E=3.0)
    clean = 400.0 * 1e8**-0.34 + 1441.51 * 1e9**-0.3959 + 3.0
    given = dict(params=1e8, tokens=1e9)
    assert float(law(t, given | {"quality": 1.0})) == pytest.approx(clean)
    rise = float(law(t, given | {"quality": 0.5})) - clean
    assert rise == pytest.approx(1441.51 * 1e9**-0.3959 * (0.5**-0.4007 - 1))


def test_quality_beyond_one_is_refused():
    c4 = sj.laws.get("data_quality_q", size="fixed").published("c4")
    with pytest.raises(LawError, match="takes quality .* not 1.2"):
        c4(tokens=1e9, quality=1.2)

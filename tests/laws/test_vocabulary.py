"""What is particular to the laws of the vocabulary."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.laws.vocabulary import tokens_per_character

pytestmark = pytest.mark.usefixtures("float64")
POINT = dict(params_non_vocab=1e9, params_vocab=3.3e7, characters=1e11, vocab_size=32000.0)


def test_tokens_per_character_fall_up_to_the_largest_vocabulary():
    shares = np.asarray(tokens_per_character(np.geomspace(256.0, 2e5, 50)))
    assert np.all(np.diff(shares) < 0.0)
    assert float(tokens_per_character(1e6)) == float(tokens_per_character(2e5))
    # As the runs have it, and as the published script divides the vocabulary before.
    true = [float(tokens_per_character(v)) for v in (4096.0, 32000.0, 96256.0)]
    divided = [float(tokens_per_character(v / 1000.0)) for v in (4096.0, 32000.0, 96256.0)]
    np.testing.assert_allclose(true, [0.33, 0.25, 0.23], atol=0.006)
    np.testing.assert_allclose(divided, [0.99, 0.73, 0.62], atol=0.006)


def test_published_coefficients_stand_for_raw_counts():
    """By hand in the units of the script: millions of parameters, 1e9 characters."""
    published = sj.laws.get("vocab_parametric").published("tao")
    v, f = published.values, float(tokens_per_character(32.0))
    by_hand = (
        -v["E"] + v["A1"] / 1000.0 ** v["alpha1"] + v["A2"] / 33.0 ** v["alpha2"]
        + v["B"] / (100.0 * f) ** v["beta"]
    )  # fmt: skip
    assert float(published(**POINT)) == pytest.approx(by_hand, rel=1e-12)
    assert by_hand < 0.0


def test_true_tokens_are_another_member_without_published_coefficients():
    member = sj.laws.get("vocab_parametric", counted_at="V")
    published = sj.laws.get("vocab_parametric").published("tao")
    assert published.law is sj.laws.get("vocab_parametric")
    assert float(member(published.params, POINT)) > float(published(**POINT))
    with pytest.raises(LawError, match="counts tokens at 'V/1000' or 'V', not at 'words'"):
        sj.laws.get("vocab_parametric", counted_at="words")


def test_limit_of_infinite_size_and_data():
    published = sj.laws.get("vocab_parametric").published("tao")
    far = dict.fromkeys(POINT, np.inf) | dict(vocab_size=32000.0)
    assert float(published.law(published.params, far)) == pytest.approx(-published.params["E"])


def test_optima_in_compute_agree_with_one_another():
    law = sj.laws.get("vocab_isoflops")
    vocabulary = law.published("vocabulary")
    rest = law.published("non_vocabulary")
    assert vocabulary.params["k2"] == pytest.approx(vocabulary.values["k2"], rel=1e-4)
    assert rest.params["k1"] == pytest.approx(rest.values["k1"], rel=1e-4)
    compute = np.array([1e20, 1e24])
    sizes = np.asarray(rest(compute_flops=compute))
    entries = np.asarray(vocabulary(compute_flops=compute))
    gamma = np.log(entries[1] / entries[0]) / np.log(sizes[1] / sizes[0])
    assert gamma == pytest.approx(0.833, abs=5e-4)


def test_anchor_of_the_derivative_is_on_its_line():
    tao = sj.laws.get("vocab_derivative").published("tao")
    assert float(tao(params_non_vocab=33e6)) == pytest.approx(3145728.0)


def test_four_times_the_input_vocabulary():
    law = sj.laws.get("over_encoding").published("olmoe_1_3b")
    gain = float(law(input_vocab_size=2e4)) - float(law(input_vocab_size=8e4))
    assert gain == pytest.approx(0.0256 * np.log10(4.0), rel=1e-9)


def test_quadratic_form_of_any_terms():
    law = sj.laws.get("sld_vocab", terms="1 N V H NV")
    theta = dict(theta_1=1.0, theta_N=2.0, theta_V=3.0, theta_H=4.0, theta_NV=5.0)
    e = np.e
    value = float(law(theta, dict(params_non_vocab=e, vocab_size=e**2, characters=e**3)))
    assert value == pytest.approx(1 + 2 + 6 + 12 + 10)


@pytest.mark.parametrize(
    ("terms", "message"),
    [("1 N V H X", "no term 'X'"), ("1 N V", "needs each of N, V and H"), ("N N V H", "twice")],
)
def test_terms_that_make_no_form_are_refused(terms, message):
    with pytest.raises(LawError, match=message):
        sj.laws.get("sld_vocab", terms=terms)

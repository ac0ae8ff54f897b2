"""Laws over mixtures: proportions as columns or one array, corners of the simplex, relatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scaling_jax as sj
from scaling_jax.errors import FitError, LawError, PredictionError

DOMAINS = ("web", "books", "code")
MEMBERS = {
    "data_mixing_law": {},
    "data_mixing_law_implicit": {"components": 2},
    **{f"data_mixing_law_candidates-{m}": {"form": m} for m in ("M1", "M2", "M3", "M4")},
    "regmix": {},
    "sld_domain_mixture": {},
    "optimal_mixture_additive": {},
    "optimal_mixture_joint": {},
    "optimal_mixture_variants-simple": {"variant": "simple"},
    "optimal_mixture_variants-full": {"variant": "full"},
}
SCALE = {"params": 1e9, "tokens": 1e11}
MIXING = dict(c=2.0, k=0.5, t1=-3.0, t2=0.5, t3=1.0)


def member(label: str, domains=DOMAINS) -> sj.Law:
    return sj.laws.get(label.split("-")[0], domains=domains, **MEMBERS[label])


def coefficients(law: sj.Law) -> dict[str, float]:
    """Return ordinary values, a different one for each coefficient."""
    return {
        p.name: (0.3 + 0.07 * k) * (1.0 if p.bounds[0] == 0.0 else (-1.0) ** k)
        for k, p in enumerate(law.parameters)
    }


def inputs_of(law: sj.Law, proportions) -> dict:
    others = {n: x for n, x in SCALE.items() if n in law.input_names}
    return {**others, "proportions": proportions}


@pytest.fixture(params=MEMBERS)
def law(request) -> sj.Law:
    return member(request.param)


def test_one_array_is_the_columns(law):
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 7)
    theta = coefficients(law)
    columns = {n: x for n, x in SCALE.items() if n in law.input_names}
    columns |= dict(zip(DOMAINS, shares.T, strict=True))
    together = law(theta, inputs_of(law, shares))
    np.testing.assert_array_equal(together, law(theta, columns))
    assert together.shape == (7,)


@pytest.mark.parametrize("double", [True, False])
def test_softmax_gradients_are_finite_up_to_the_corners(law, double):
    with jax.enable_x64(double):
        theta = {n: jnp.asarray(x, float) for n, x in coefficients(law).items()}

        def loss(theta, logits):
            return law(theta, inputs_of(law, jax.nn.softmax(logits)))

        # The last ones are a corner: the proportions of the other domains round to zero.
        logits = jnp.array([[0.0, 1.0, 2.0], [0.0, -30.0, -60.0], [0.0, -900.0, -900.0]])
        assert float(jax.nn.softmax(logits[-1])[1]) == 0.0
        by_theta, slopes = jax.vmap(jax.grad(loss, argnums=(0, 1)), (None, 0))(theta, logits)
        assert all(np.all(np.isfinite(x)) for x in by_theta.values())
        assert np.all(np.isfinite(slopes))
        np.testing.assert_allclose(
            np.sum(slopes, axis=1), 0.0, atol=1e-5
        )  # a shift changes nothing


def test_softmax_gradients_are_derivatives(law):
    with jax.enable_x64(True):
        theta, logits = coefficients(law), jnp.array([0.3, -0.2, 0.9])

        def loss(logits):
            return law(theta, inputs_of(law, jax.nn.softmax(logits)))

        slope, step = jax.grad(loss)(logits), 1e-6
        moved = [
            (loss(logits + step * e) - loss(logits - step * e)) / (2 * step) for e in jnp.eye(3)
        ]
        np.testing.assert_allclose(slope, moved, rtol=1e-6, atol=1e-9)


def test_columns_are_numbered_or_named():
    numbered = sj.laws.get("data_mixing_law", domains=3)
    assert numbered.input_names == ("proportion_1", "proportion_2", "proportion_3")
    assert sj.laws.get("data_mixing_law", domains=list(DOMAINS)) is member("data_mixing_law")
    assert member("data_mixing_law").simplex == DOMAINS


@pytest.mark.parametrize(
    ("domains", "message"),
    [
        (1, "mixes 2 to 200 domains, not 1"),
        (True, "a whole number or a tuple of column names, not True"),
        (2.5, "a whole number or a tuple of column names, not 2.5"),
        (("web", "web"), "a column stands twice"),
        (("web", ""), "a whole number or a tuple of column names"),
    ],
)
def test_other_domains_are_refused(domains, message):
    with pytest.raises(LawError, match=message):
        sj.laws.get("data_mixing_law", domains=domains)


def test_proportions_must_sum_to_one():
    law = member("data_mixing_law")
    law.check_inputs({"proportions": [[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]]})
    with pytest.raises(LawError, match=r"sum to one, not to 0.9; divide them by their sum"):
        law.check_inputs({"proportions": [0.2, 0.3, 0.4]})
    with pytest.raises(LawError, match=r"takes code 0 .. 1, not -0.1"):
        law.check_inputs({"proportions": [0.6, 0.5, -0.1]})
    with pytest.raises(LawError, match=r"mixes 3 domains \(web, books and code\), but"):
        law(MIXING, {"proportions": [0.5, 0.5]})


@pytest.fixture(scope="module")
def mixtures() -> np.ndarray:
    shares = np.random.default_rng(3).dirichlet(np.ones(3), 24).round(3)
    shares[0] = (1.0, 0.0, 0.0)
    shares[:, -1] = 1.0 - shares[:, 0] - shares[:, 1]
    return np.clip(shares, 0.0, 1.0)


@pytest.fixture(scope="module")
def fitted(mixtures, tmp_path_factory) -> sj.Fit:
    """Fit a CSV with one column a domain, made by the law itself."""
    with jax.enable_x64(True):
        losses = np.asarray(member("data_mixing_law")(MIXING, {"proportions": mixtures}))
    path = tmp_path_factory.mktemp("mixtures") / "runs.csv"
    rows = [
        ",".join(map(repr, (*row.tolist(), float(y))))
        for row, y in zip(mixtures, losses, strict=True)
    ]
    path.write_text("\n".join(["web,books,code,loss", *rows]))
    law = member("data_mixing_law").fix(k=1.0)
    return sj.fit(law, sj.read_runs(path), starts=64)


def test_a_table_with_one_column_a_domain_fits(fitted):
    shift = np.log(MIXING["k"])  # k is held at 1, which moves all t
    assert fitted.converged
    assert fitted.identified
    assert fitted.params["c"] == pytest.approx(2.0, rel=1e-6)
    found = [fitted.params[f"t{j}"] - shift for j in (1, 2, 3)]
    np.testing.assert_allclose(found, [-3.0, 0.5, 1.0], rtol=1e-5)


def test_predicts_mixtures_with_zeros(fitted):
    queries = [[1.0, 0.0, 0.0], [0.3, 0.3, 0.4], [0.0, 0.0, 1.0]]
    prediction = sj.predict(fitted, proportions=queries)
    with jax.enable_x64(True):
        expected = member("data_mixing_law")(MIXING, {"proportions": np.array(queries)})
    np.testing.assert_allclose(prediction.median, expected, rtol=1e-6)
    assert prediction.kind[:2] == ["interpolation", "interpolation"]
    assert prediction.kind[2] == "extrapolation"
    one_by_one = sj.predict(fitted, web=0.3, books=0.3, code=0.4)
    assert one_by_one.median[0] == prediction.median[1]


def test_predictions_refuse_what_is_no_mixture(fitted):
    with pytest.raises(PredictionError, match="sum to one, not to 1.1"):
        sj.predict(fitted, web=0.3, books=0.3, code=0.5)
    with pytest.raises(PredictionError, match="has shape"):
        sj.predict(fitted, proportions=[0.5, 0.5])


def test_fits_refuse_percent(mixtures):
    columns = dict(zip(DOMAINS, 100.0 * mixtures.T, strict=True)) | {"loss": np.full(24, 2.0)}
    with pytest.raises(FitError, match="row 1: the proportions .* sum to one, not to 100; divide"):
        sj.fit(member("data_mixing_law").fix(k=1.0), sj.RunTable.from_columns(columns))


def test_a_saved_fit_finds_its_domains_again(fitted, tmp_path):
    fitted.save(tmp_path / "fit.json")
    assert sj.Fit.load(tmp_path / "fit.json").law == fitted.law


@given(shift=st.floats(-3.0, 3.0), seed=st.integers(0, 100))
def test_a_shift_of_all_effects_is_a_factor(shift, seed):
    shares = np.random.default_rng(seed).dirichlet(np.ones(3))
    moved = {n: x + shift if n[0] == "t" else x for n, x in MIXING.items()}
    moved["k"] *= np.exp(-shift)
    law = member("data_mixing_law")
    values = (float(law(theta, {"proportions": shares})) for theta in (MIXING, moved))
    assert np.diff(list(values))[0] == pytest.approx(0.0, abs=1e-5)


def test_relatives_agree():
    x = {"proportions": np.random.default_rng(1).dirichlet(np.ones(3), 9)}
    theta = dict(E=2.0, C=0.5, g1=-3.0, g2=0.5, g3=1.0)
    adopted = member("data_mixing_law_candidates-M4")(theta, x)
    np.testing.assert_array_equal(adopted, member("data_mixing_law")(MIXING, x))
    each = {n: v for n, v in theta.items() if n != "C"} | dict(C1=0.5, C2=0.5, C3=0.5)
    m1, m2 = (member(f"data_mixing_law_candidates-{m}") for m in ("M1", "M2"))
    np.testing.assert_allclose(m1(each, x), m2(theta, x), rtol=1e-6)
    implicit = sj.laws.get("data_mixing_law_implicit", domains=DOMAINS, components=1)
    one = dict(bias=2.0, weight1=7.0, b1=np.log(0.5), t1_1=-3.0, t1_2=0.5, t1_3=1.0)
    np.testing.assert_allclose(implicit(one, x), adopted, rtol=1e-6)


def test_the_product_form_uses_all_proportions():
    law = member("data_mixing_law_candidates-M3")
    theta = dict(E=1.0, C=2.0, g1=1.0, g2=2.0, g3=3.0)
    value = law(theta, {"proportions": np.array([0.2, 0.3, 0.5])})
    assert float(value) == pytest.approx(1.0 + 2.0 * np.exp(0.2 * 0.6 * 1.5))


def test_the_joint_law_becomes_the_additive_one():
    """By gamma_A = gamma_B = 1 and equal coefficients, as the paper says; the full law likewise."""
    additive = member("optimal_mixture_additive")
    joint, full = member("optimal_mixture_joint"), member("optimal_mixture_variants-full")
    same = dict(E=1.0, C1=2.0, C2=3.0, C3=1.0, gamma1=0.4, gamma2=0.6, gamma3=0.8)
    scale = dict(alpha=0.3, beta=0.35)
    one = {f"C{a}{j}": x for a, x in (("A", 300.0), ("B", 500.0)) for j in (1, 2, 3)}
    one |= dict(gamma_A=1.0, gamma_B=1.0)
    exponents = {f"C{n}{j}": x for n, x in scale.items() for j in (1, 2, 3)}
    x = inputs_of(joint, np.random.default_rng(2).dirichlet(np.ones(3), 9))
    expected = additive({**same, **scale, "A": 300.0, "B": 500.0}, x)
    np.testing.assert_allclose(joint({**same, **scale, **one}, x), expected, rtol=1e-5)
    theta = {**same, **one, **exponents, "gamma_alpha": 1.0, "gamma_beta": 1.0}
    np.testing.assert_allclose(full(theta, x), expected, rtol=1e-5)


def test_bimix_falls_in_its_own_proportion_only():
    law = sj.laws.get("bimix", proportion="books")
    theta = dict(A=1.0, alpha=0.1, B=40.0, beta=0.4, C=2.0)
    value = float(law(theta, dict(books=0.25, step=1e4)))
    assert value == pytest.approx(0.25**-0.1 * (40.0 * 1e4**-0.4 + 2.0), rel=1e-6)


def test_projektor_returns_what_was_measured():
    law = sj.laws.get("projektor", smaller=1e3, larger=1e4)
    theta = dict(L0=3.0, L1=2.4)
    values = law(theta, dict(examples=np.array([1e3, 1e4, 1e5])))
    np.testing.assert_allclose(values, [3.0, 2.4, 1.8], rtol=1e-6)
    with pytest.raises(LawError, match="0 < smaller < larger"):
        sj.laws.get("projektor", smaller=1e4, larger=1e3)
    near = sj.laws.get("projektor", stage=1)(dict(a1=2.0, a0=0.5), dict(transport_distance=0.25))
    assert float(near) == pytest.approx(1.0)


def test_autoscale_multiplies_by_the_same_factor_each_step():
    law = sj.laws.get("autoscale")
    tokens = law(dict(N1=1e9, N2=3e9), dict(scale_steps=np.array([0.0, 1.0, 2.0])))
    np.testing.assert_allclose(tokens, [1e9, 3e9, 9e9], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("data_mixing_law_candidates", {"form": "M5"}, "has no form 'M5'"),
        ("data_mixing_law_implicit", {"components": 0}, "components= a whole number from 1"),
        ("data_mixing_nested", {"x": "step"}, "has no x 'step'"),
        ("optimal_mixture_variants", {"variant": "ful"}, "did you mean full"),
    ],
)
def test_unknown_choices_are_refused(name, options, message):
    with pytest.raises(LawError, match=message):
        sj.laws.get(name, **options)


def test_published_mixtures_take_one_array():
    academic = sj.laws.get("data_mixing_law").published("academic")
    uniform = float(academic(proportions=np.full(5, 0.2)))
    columns = {f"proportion_{k}": 0.2 for k in range(1, 6)}
    assert uniform == pytest.approx(float(academic(**columns)), rel=1e-6)
    with pytest.raises(LawError, match="sum to one, not to 0.5"):
        academic(proportions=np.full(5, 0.1))


@pytest.mark.parametrize("label", MEMBERS)
def test_units_of_every_member_are_true(label):
    sj.laws.check(member(label))


def test_a_fit_recovers_how_much_each_domain_is_worth():
    law = sj.laws.get("optimal_mixture_additive", domains=2)
    theta = dict(E=1.2, A=300.0, B=700.0, alpha=0.3, beta=0.32,
                 C1=2.0, C2=0.7, gamma1=0.4, gamma2=0.6)  # fmt: skip
    rng = np.random.default_rng(5)
    share = rng.uniform(0.05, 0.95, 80)
    x = dict(params=10 ** rng.uniform(8, 10, 80), tokens=10 ** rng.uniform(9, 12, 80),
             proportion_1=share, proportion_2=1.0 - share)  # fmt: skip
    with jax.enable_x64(True):
        loss = np.asarray(law(theta, x))
    fit = sj.fit(law, sj.RunTable.from_columns({**x, "loss": loss}), starts=32)
    assert fit.params == pytest.approx(theta, rel=1e-4)

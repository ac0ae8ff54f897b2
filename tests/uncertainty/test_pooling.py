"""Groups of runs with laws drawn from a known population: what partial pooling gets back."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.uncertainty.likelihoods import Gaussian
from scaling_jax.uncertainty.pooling import grouped_data, grouped_model
from scaling_jax.uncertainty.priors import make_priors

ALPHA, SPREAD, NOISE = 0.076, 0.2, 0.02
GROUPS, FEW = 10, 3
CENTRE = 10.0**8.5
OPTIONS: dict[str, Any] = dict(
    likelihood="lognormal", chains=2, draws=400, warmup=400, discrepancy=False
)


def families() -> tuple[sj.RunTable, dict[str, float]]:
    """Return runs of ten families, the last with three runs only, and each one's exponent."""
    rng = np.random.default_rng(7)
    deviations = rng.standard_normal(GROUPS)
    exponents = ALPHA * np.exp(SPREAD * (deviations - deviations.mean()) / deviations.std(ddof=1))
    tables = []
    for k, alpha in enumerate(exponents):
        count = FEW if k == GROUPS - 1 else 12
        params = np.geomspace(1e7, 1e10, count) if count > FEW else np.geomspace(1e8, 1e9, FEW)
        loss = 2.5 * (params / CENTRE) ** -alpha * np.exp(NOISE * rng.standard_normal(count))
        columns = {"params": params, "loss": loss, "family": [f"f{k}"] * count}
        tables.append(sj.RunTable.from_columns(columns))
    truth = {f"f{k}": float(alpha) for k, alpha in enumerate(exponents)}
    return tables[0].concat(*tables[1:]), truth


@pytest.fixture(scope="module")
def runs():
    return families()[0]


@pytest.fixture(scope="module")
def pooled(runs):
    return sj.posterior("kaplan_n", runs, groups="family", varying=["alpha_N"], **OPTIONS)


def line(draws, runs):
    """Return the slope of a group's runs about the common level by least squares, and its error."""
    level = np.median(draws["alpha_N"] * np.log(draws["N_c"] / CENTRE))  # log loss at the centre
    x = np.log(np.asarray(runs["params"]) / CENTRE)
    y = np.log(np.asarray(runs["loss"])) - level
    return -(x @ y) / (x @ x), NOISE / np.sqrt(x @ x)


def test_population_and_spread_are_recovered(pooled):
    assert max(pooled.sampler.rhat.values()) < 1.03
    assert not np.any(pooled.sampler.diverging)
    low, high = pooled.quantile([0.01, 0.99])["alpha_N"]
    assert low < ALPHA < high
    assert pooled["alpha_N"].std() < 2.5 * ALPHA * SPREAD / np.sqrt(GROUPS)
    spread = pooled.groups.spread[:, 0]
    assert np.quantile(spread, 0.02) < SPREAD < np.quantile(spread, 0.98)
    assert "Spread between 10 groups of family" in str(pooled)


def test_every_group_is_recovered(pooled):
    for label, truth in families()[1].items():
        low, high = np.quantile(pooled.group(label)["alpha_N"], [0.001, 0.999])
        assert low < truth < high


def test_a_group_of_few_runs_shrinks_to_the_others(pooled, runs):
    """As normal theory has it: precisions of its runs and of the population add up."""
    label = f"f{GROUPS - 1}"
    slope, error = line(pooled, runs.group("family")[label])
    spread = np.median(pooled.groups.spread) * np.median(pooled["alpha_N"])
    share = spread**2 / (spread**2 + error**2)  # of its own runs
    found, middle = pooled.group(label)["alpha_N"], np.median(pooled["alpha_N"])
    assert share < 0.75
    assert np.median(found) == pytest.approx(middle + share * (slope - middle), abs=0.3 * error)
    assert found.std() == pytest.approx(np.sqrt(share) * error, rel=0.2)


def test_groups_of_many_runs_are_as_if_on_their_own(pooled, runs):
    for label, own in runs.group("family").items():
        if len(own) > FEW:
            slope, error = line(pooled, own)
            found = pooled.group(label)["alpha_N"]
            assert np.median(found) == pytest.approx(slope, abs=0.4 * error)
            assert found.std() == pytest.approx(error, rel=0.35)


def test_without_spread_all_runs_are_one_group(runs):
    """Even though the groups do differ: nothing may come from them."""
    one = sj.posterior("kaplan_n", runs, **OPTIONS)
    found = sj.posterior("kaplan_n", runs, groups="family", varying=["alpha_N"],
                         group_spread=1e-5, **OPTIONS)  # fmt: skip
    for name in one:
        assert np.median(found[name]) == pytest.approx(
            np.median(one[name]), abs=0.3 * one[name].std()
        )
        assert found[name].std() == pytest.approx(one[name].std(), rel=0.2)
    np.testing.assert_allclose(found.group("f0")["alpha_N"], found["alpha_N"], rtol=1e-3)


def test_a_new_group_varies_as_groups_do(pooled):
    new = pooled.new_group(seed=1)
    logs = np.log(new["alpha_N"])
    assert logs.std() == pytest.approx(np.hypot(np.log(pooled["alpha_N"]).std(), SPREAD), rel=0.5)
    wide, narrow = (
        np.ptp(sj.predict(one, params=1e11).new_run.interval(0.9))
        for one in (new, pooled.group("f0"))
    )
    assert wide > 2 * narrow
    np.testing.assert_array_equal(new["alpha_N"], pooled.new_group(seed=1)["alpha_N"])


def test_a_groups_own_runs_are_its_support(pooled):
    own = pooled.group("f0")
    assert len(own.fit.runs) == len(own.fit.residuals) == 12
    assert sj.loo(own).elpd < sj.loo(pooled).elpd
    assert own.warnings == pooled.warnings


def test_paired_draws_cancel_what_groups_share(pooled):
    first, second = pooled.group("f0"), pooled.group("f1")

    def path(compute):
        return {"params": np.sqrt(compute / 120)}

    paired, shuffled = (
        sj.compare_recipes(first, second, path, compute=1e22, span=(1e18, 1e24), paired=paired)
        for paired in (True, False)
    )
    assert paired.difference.std() < shuffled.difference.std()
    assert np.mean(paired.difference) == pytest.approx(np.mean(shuffled.difference), abs=0.01)


def test_groups_are_saved(pooled, tmp_path):
    pooled.save(tmp_path / "draws.npz")
    again = sj.Draws.load(tmp_path / "draws.npz", pooled.fit)
    assert again.groups is not None
    assert again.groups.labels == pooled.groups.labels
    np.testing.assert_array_equal(again.group("f3")["alpha_N"], pooled.group("f3")["alpha_N"])


def test_coordinates_are_one_to_one_with_their_density(runs):
    law = sj.laws.get("kaplan_n")
    model = grouped_model(law, Gaussian(), (), ["a", "b"], None)
    two = runs.where(np.isin(runs["family"], ["f0", "f1"]))
    logs = {"params": 20.0, "loss": 1.0}
    codes = np.repeat([0, 1], 12)
    with jax.enable_x64(True):
        data = grouped_data(model, two, make_priors(law, None, logs), codes, 0.5)
        share = jnp.array([[0.0, 1.0], [0.3, 0.8]])
        data = data._replace(extra={**data.extra, "centring": share})
        v = jnp.asarray(np.random.default_rng(0).normal(0.0, 0.5, len(model.names)))
        x = model.to_x(v, data)
        np.testing.assert_allclose(model.from_x(x, data), v, rtol=1e-9)
        slope = jnp.linalg.slogdet(jax.jacfwd(lambda one: model.to_x(one, data))(v))[1]
        expected = model.log_density(x, data) + slope
        assert float(model.sampled_density(v, data)) == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(varying=["alpha_N"]), "name their column with groups="),
        (dict(groups="family", varying=["alpha"]), "no free parameter 'alpha'"),
        (dict(groups="family", varying=[]), "at least one"),
        (dict(groups="family", group_spread=0.0), "group_spread must be a positive number"),
        (dict(groups="famliy"), "famliy"),
        (dict(groups="one"), "at least two groups"),
    ],
)
def test_wrong_arguments_are_refused(runs, arguments, message):
    with pytest.raises(sj.ScalingError, match=message):
        sj.posterior("kaplan_n", runs.with_column("one", "x"), **arguments)


def test_repeats_share_a_deviation_within_a_family_only():
    columns = {
        "params": np.repeat([1e7, 1e8], 4),
        "loss": np.full(8, 3.0),
        "family": list("aabb" * 2),
    }
    law, repeats = sj.laws.get("kaplan_n"), Gaussian(repeats=True)
    model = grouped_model(law, repeats, (), ["a", "b"], None)
    prior = make_priors(law, None, {"params": 18.0, "loss": 1.0})
    data = grouped_data(
        model, sj.RunTable.from_columns(columns), prior, np.array([0, 0, 1, 1] * 2), 0.5
    )
    assert data.extra["group"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_laws_with_coordinates_of_their_own_vary_by_these():
    law = sj.laws.get("farseer")
    with pytest.raises(FitError, match="coordinates of its own"):
        grouped_model(law, Gaussian(), (), ["a", "b"], ["a1"])
    assert grouped_model(law, Gaussian(), (), ["a", "b"], ["floor"]).varying == (0,)


def test_draws_of_one_law_have_no_groups(sampled):
    with pytest.raises(FitError, match="groups="):
        sampled.new_group()

"""Posteriors: against closed forms, another sampler's model, and known truth."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer import MCMC, NUTS

import scaling_jax as sj
from scaling_jax.errors import FitError
from scaling_jax.fitting.coordinates import natural_of_lanes
from scaling_jax.fitting.problem import make_problem
from scaling_jax.uncertainty.chains import whiten
from scaling_jax.uncertainty.likelihoods import Gaussian
from scaling_jax.uncertainty.model import Model, model_data
from scaling_jax.uncertainty.nuts import sample
from scaling_jax.uncertainty.priors import make_priors, role
from scaling_jax.uncertainty.scatter import Sampled
from tests.synthetic import TRUTH, grid

SHORT: dict[str, Any] = {"chains": 4, "draws": 500, "warmup": 300}


def noise_of(draws):
    assert isinstance(draws.scatter, Sampled)
    return draws.scatter.noise


@pytest.fixture(scope="module")
def draws():
    return sj.posterior("chinchilla", grid(0.01, seed=3), **SHORT)


def test_the_chains_agree_and_hold_the_truth(draws):
    sampler = draws.sampler
    assert max(sampler.rhat.values()) < 1.02
    assert min(sampler.ess_bulk.values()) > 400
    assert not np.any(sampler.diverging)
    for name, value in TRUTH.items():
        low, high = draws.quantile([0.001, 0.999])[name]
        assert low < value < high


def test_noise_is_recovered(draws):
    sigma = noise_of(draws)["sigma"]
    assert 0.007 < np.median(sigma) < 0.014
    assert sigma.shape == (2000,)


def test_same_seed_same_draws(draws):
    again = sj.posterior("chinchilla", grid(0.01, seed=3), **SHORT)
    np.testing.assert_array_equal(again["alpha"], draws["alpha"])


def test_units_and_row_order_do_not_matter(draws):
    runs = grid(0.01, seed=3)
    order = np.random.default_rng(0).permutation(len(runs))
    other = sj.RunTable.from_columns(
        {
            "params": np.asarray(runs["params"])[order] / 1e6,
            "tokens": np.asarray(runs["tokens"])[order] / 1e9,
            "loss": np.asarray(runs["loss"])[order],
        }
    )
    scaled = sj.posterior("chinchilla", other, **SHORT)
    for name in ("E", "alpha", "beta"):
        ours, theirs = draws[name], scaled[name]
        assert np.median(theirs) == pytest.approx(np.median(ours), abs=0.2 * ours.std())
        assert theirs.std() == pytest.approx(ours.std(), rel=0.15)


def line(n=24, noise=0.02):
    rng = np.random.default_rng(5)
    params = np.geomspace(1e7, 1e10, n)
    loss = (8.8e13 / params) ** 0.076 * np.exp(noise * rng.normal(size=n))
    return sj.RunTable.from_columns({"params": params, "loss": loss})


def test_agrees_with_a_plain_numpyro_model():
    """The same model written by hand: log L = level - alpha * (log N - mean)."""
    runs = line()
    x = np.log(np.asarray(runs["params"]))
    y = np.log(np.asarray(runs["loss"]))
    priors = {"alpha_N": dist.LogNormal(np.log(0.1), 0.5)}
    ours = sj.posterior("kaplan_n", runs, likelihood="lognormal", priors=priors, **SHORT)

    def model():
        alpha = numpyro.sample("alpha", dist.LogNormal(np.log(0.1), 0.5))
        level = numpyro.sample("level", dist.Normal(y.mean(), 1.0))
        sigma = numpyro.sample("sigma", dist.LogNormal(np.log(0.01), 1.15))
        numpyro.sample("y", dist.Normal(level - alpha * (x - x.mean()), sigma), obs=y)

    with jax.enable_x64(True):
        mcmc = MCMC(NUTS(model), num_warmup=300, num_samples=2000, progress_bar=False)
        mcmc.run(jax.random.key(0))
    theirs = {name: np.asarray(value) for name, value in mcmc.get_samples().items()}
    for mine, other in (
        (ours["alpha_N"], theirs["alpha"]),
        (noise_of(ours)["sigma"], theirs["sigma"]),
    ):
        assert np.median(mine) == pytest.approx(np.median(other), abs=0.15 * other.std())
        assert mine.std() == pytest.approx(other.std(), rel=0.1)


def test_priors_of_natural_parameters_are_densities_of_those_parameters():
    """Without data the draws are the prior, for an amplitude whose unit holds an exponent too."""
    runs = grid()
    law = sj.laws.get("chinchilla")
    given = {"A": dist.LogNormal(6.0, 0.3), "alpha": dist.LogNormal(np.log(0.34), 0.05)}
    problem = make_problem(law, runs, sj.Squared())
    priors = make_priors(law, given, problem.logs)
    model = Model(law, Gaussian(), tuple(given))
    with jax.enable_x64(True):
        data = model_data(model, runs, problem, priors)._replace(weights=np.zeros(48))
        data = whiten(model, data, np.zeros(5))
        lanes = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (4, *np.shape(leaf))), data)
        start = np.zeros((4, len(model.names)))
        visited = sample(
            lanes, start, jax.random.split(jax.random.key(1), 4),
            log_density=model, warmup=300, draws=500,
        )  # fmt: skip
        x = np.asarray(
            model.to_x(data.centre + visited.position.reshape(-1, 6) @ data.factor.T, data)
        )
        theta = natural_of_lanes(x[:, :5].T, problem.logs, law=law)
    assert np.mean(np.log(theta["A"])) == pytest.approx(6.0, abs=0.05)
    assert np.std(np.log(theta["A"])) == pytest.approx(0.3, rel=0.1)
    assert np.std(np.log(theta["alpha"])) == pytest.approx(0.05, rel=0.1)


def test_weak_priors_do_not_depend_on_units_and_literature_ones_are_from_the_atlas():
    law = sj.laws.get("chinchilla")
    logs = dict(params=20.0, tokens=23.0, loss=1.0)
    weak = make_priors(law, None, logs)
    np.testing.assert_array_equal(
        weak.mean, make_priors(law, "weak", dict.fromkeys(logs, 0.0)).mean
    )
    published = make_priors(law, "literature", logs)
    alpha = [p.name for p in law.parameters].index("alpha")
    assert 0.1 < np.exp(published.mean[alpha]) < 0.5
    assert published.sd[alpha] < weak.sd[alpha]
    assert "publications" in published.source["alpha"]
    assert role(law, law.parameters[alpha]) == ("exponent", "params", "loss")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(likelihood="normal_ish"), "there is no likelihood"),
        (dict(priors="flat"), "priors='flat' is unknown"),
        (dict(priors={"gamma": dist.Normal()}), "chinchilla has no parameter 'gamma'"),
        (dict(priors={"alpha": 0.3}), "must be a NumPyro distribution, not 0.3"),
        (dict(chains=0), "chains must be at least 1, not 0"),
        (dict(likelihood=Gaussian(known="loss_std")), "loss_std"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(sj.ScalingError, match=message):
        sj.posterior("chinchilla", grid(), **arguments)


def test_a_law_with_coordinates_of_its_own_takes_no_single_priors():
    with pytest.raises(FitError, match="coordinates of its own"):
        make_priors(sj.laws.get("farseer"), {"a1": dist.Normal()}, {})


def test_new_runs_scatter_by_the_likelihood(draws):
    prediction = sj.predict(draws, params=[1e8], tokens=[1e11])
    law, run = prediction.interval(0.9), prediction.new_run.interval(0.9)
    assert run[0] < law[0] < law[1] < run[1]
    width = np.log(run[1] / run[0])[0]
    assert width == pytest.approx(2 * 1.645 * 0.01, rel=0.3)


def test_coordinates_of_the_sampler_are_one_to_one():
    law, runs = sj.laws.get("chinchilla"), grid()
    model, problem = Model(law, Gaussian()), make_problem(law, runs, sj.Squared())
    data = model_data(model, runs, problem, make_priors(law, None, problem.logs))
    assert model.straightened == (True, True, True, False, False, False)
    with jax.enable_x64(True):
        v = jnp.asarray(np.random.default_rng(0).uniform(-0.3, 1.5, (20, 6)))
        again = model.from_x(model.to_x(v, data), data)
        np.testing.assert_allclose(again, v, rtol=1e-9, atol=1e-9)
        slope = jax.vmap(jax.jacfwd(lambda one: model.to_x(one, data)))(v)
        x = np.asarray(model.to_x(v, data))
        expected = np.log(np.abs(np.linalg.det(slope)))
        flags = np.array(model.straightened)
        ours = np.where(flags, jax.nn.log_sigmoid(v / 0.03) - x, 0.0).sum(axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_many_tables_at_once_are_each_tables_own_posterior(draws):
    tables = [grid(0.01, seed=3), grid(0.01, seed=4)]
    both = sj.posteriors("chinchilla", tables, **SHORT)
    for one, alone in zip(
        both, (draws, sj.posterior("chinchilla", tables[1], **SHORT)), strict=True
    ):
        for name in TRUTH:
            assert np.median(one[name]) == pytest.approx(
                np.median(alone[name]), abs=0.25 * alone[name].std()
            )
            assert one[name].std() == pytest.approx(alone[name].std(), rel=0.15)

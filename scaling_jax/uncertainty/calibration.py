"""Simulation-based calibration: do posteriors hold the truth as often as they say?

Parameters are drawn from the prior, runs from the law with these parameters, and the posterior of
these runs is sampled. Over many simulations the rank of the true value among its posterior draws
is uniform if the sampler and the model's code are right. All simulations run side by side.

Reference: Talts et al., Validating Bayesian Inference Algorithms with Simulation-Based
Calibration, arXiv:1804.06788.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.fitting.problem import make_problem
from scaling_jax.laws import Law, resolve
from scaling_jax.runs import RunTable
from scaling_jax.tables import Table
from scaling_jax.uncertainty.likelihoods import Counts, Likelihood
from scaling_jax.uncertainty.likelihoods import resolve as resolve_likelihood
from scaling_jax.uncertainty.model import Model, ModelData, model_data
from scaling_jax.uncertainty.nuts import climb, sample
from scaling_jax.uncertainty.priors import make_priors

_THIN = 5
_LANES = 50  # simulations at a time: all wait for the one with the longest trajectory
_LARGEST = 250.0  # logarithm of a simulated output beyond which it is drawn again
_TRIES = 20


@dataclass(frozen=True)
class Calibration:
    """Ranks of the true values among their posterior draws.

    Attributes:
        law: Name of the law.
        likelihood: The likelihood, in words.
        ranks: Rank of each coordinate's true value ``[simulations]``.
        draws: Number of draws that a value is ranked among: ranks are 0 to `draws`.
        diverging: Share of the simulations with a divergent transition.
    """

    law: str
    likelihood: str
    ranks: Mapping[str, np.ndarray]
    draws: int
    diverging: float

    @property
    def simulations(self) -> int:
        """Number of simulations."""
        return len(next(iter(self.ranks.values())))

    def counts(self, name: str, bins: int = 20) -> np.ndarray:
        """Return the histogram of a coordinate's ranks ``[bins]``, in bins of equal probability."""
        share = (self.ranks[name] + 0.5) / (self.draws + 1)
        return np.histogram(share, bins, (0.0, 1.0))[0]

    def p_values(self, bins: int = 20) -> dict[str, float]:
        """Return the chi-square probability of each coordinate's histogram if ranks are uniform."""
        from scipy.stats import chisquare

        return {name: float(chisquare(self.counts(name, bins)).pvalue) for name in self.ranks}

    def coverage(self, level: float = 0.9) -> dict[str, float]:
        """Return how often the central interval of this level holds the true value."""
        edge = 0.5 * (1.0 - level) * (self.draws + 1)
        return {
            name: float(np.mean((ranks + 0.5 > edge) & (self.draws + 0.5 - ranks > edge)))
            for name, ranks in self.ranks.items()
        }

    def table(self) -> Table:
        """Return the probability and the coverage of every coordinate."""
        probability, covered = self.p_values(), self.coverage()
        rows = [(name, round(probability[name], 4), covered[name]) for name in self.ranks]
        return Table(
            f"{self.law}, {self.likelihood}: ranks of {self.simulations} simulations among "
            f"{self.draws} draws",
            ("coordinate", "chi-square p", "90 % intervals hold"),
            tuple(rows),
        )

    def __repr__(self) -> str:
        return str(self.table())


def simulation_based_calibration(
    law: str | Law,
    design: RunTable,
    *,
    likelihood: str | Likelihood = "lognormal",
    priors: str | Mapping[str, Any] | None = None,
    simulations: int = 300,
    draws: int = 500,
    warmup: int = 500,
    target_accept: float = 0.9,
    seed: int = 0,
) -> Calibration:
    """Rank true values among posterior draws of simulated runs.

    Args:
        law: A law or the name of one.
        design: Where the simulated runs lie: the law's inputs (and what the likelihood needs).
        likelihood: How runs scatter.
        priors: Priors, as in `posterior`.
        simulations: Number of simulated tables.
        draws: Draws of each posterior; every fifth is ranked.
        warmup: Transitions that are thrown away.
        target_accept: Mean acceptance probability.
        seed: Same seed, same ranks.

    Raises:
        FitError: A likelihood of counts or repeats, or a law that overflows at most prior draws.
    """
    law, likelihood = resolve(law), resolve_likelihood(likelihood)
    if isinstance(likelihood, Counts) or getattr(likelihood, "repeats", False):
        raise FitError(
            "simulated calibration is for independent residuals, not for counts or repeats"
        )
    runs = design.with_column(law.output.column, np.ones(len(design)))
    problem = make_problem(law, runs, likelihood.objective)
    prior = make_priors(law, priors, problem.logs)
    if prior.given:
        raise FitError("simulated calibration draws from the weak or literature priors only")
    model = Model(law, likelihood)
    with jax.enable_x64(True):
        data = model_data(model, runs, problem, prior)
        truth, observed = _simulate(model, data, simulations, np.random.default_rng(seed))
        keys = jax.random.split(jax.random.key(seed), simulations)
        positions, diverging = [], []
        for first in range(0, simulations, _LANES):
            chunk = slice(first, first + _LANES)
            x, diverged = _sample_chunk(
                data, _filled(truth[chunk]), _filled(observed[chunk]), _filled(keys[chunk]),
                model=model, draws=draws, warmup=warmup, target_accept=target_accept,
            )  # fmt: skip
            used = len(truth[chunk])
            positions.append(np.asarray(x)[:used, ::_THIN])
            diverging.append(np.asarray(diverged)[:used])
    ranked = np.concatenate(positions)
    ranks = np.sum(ranked < truth[:, None, :], axis=1)
    return Calibration(
        law.label,
        likelihood.describe(),
        {name: ranks[:, k] for k, name in enumerate(model.names)},
        ranked.shape[1],
        float(np.mean(np.concatenate(diverging))),
    )


@functools.partial(jax.jit, static_argnames=("model", "draws", "warmup", "target_accept"))
def _sample_chunk(
    data: ModelData, truth: Any, observed: Any, keys: Any, *, model: Model, draws: int,
    warmup: int, target_accept: float,
) -> tuple[jax.Array, jax.Array]:  # fmt: skip
    """Return draws of x ``[lanes, draws, d]`` and whether a lane diverged."""

    def prepare(start, output):
        own = data._replace(rows=jnp.concatenate([data.rows[:, :-1], output[:, None]], axis=1))
        peak = climb(model.sampled_density, model.from_x(start, own), own)
        return own._replace(centre=peak.position, factor=peak.factor)

    lanes = jax.vmap(prepare)(truth, observed)
    start = 0.1 * jax.vmap(lambda key: jax.random.normal(key, truth.shape[1:]))(keys)
    visited = sample(
        lanes, start, keys,
        log_density=model, warmup=warmup, draws=draws, target_accept=target_accept,
    )  # fmt: skip
    v = lanes.centre[:, None, :] + jnp.einsum("ldw,lsw->lsd", lanes.factor, visited.position)
    return model.to_x(v, data), jnp.any(visited.diverging, axis=1)


def _simulate(
    model: Model, data: ModelData, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates ``[s, d]`` from the prior and outputs ``[s, n]`` from the likelihood.

    Draws at which the law overflows are made again: the prior is cut where the law is not finite.
    """
    one = data._replace(rows=np.concatenate([data.rows[:, :-1], np.ones((len(data.rows), 1))], 1))
    predict = jax.jit(jax.vmap(lambda x: model.residuals(x, one)))  # of an output of one
    log = model.likelihood.scale == "log"
    x = data.mean + data.sd * rng.standard_normal((count, len(data.mean)))
    for _ in range(_TRIES):
        value = np.asarray(predict(x)) + (0.0 if log else 1.0)
        bad = ~np.all(np.abs(value) < _LARGEST, axis=1)
        if not np.any(bad):
            break
        x[bad] = data.mean + data.sd * rng.standard_normal((int(np.sum(bad)), len(data.mean)))
    else:
        raise FitError(
            f"{model.law.name} is not finite at most draws from its prior; narrow the priors"
        )
    noise = {name: np.asarray(values)[:, None] for name, values in model.noise(x.T).items()}
    spread = np.broadcast_to(model.likelihood.spread(noise, data.extra), value.shape)
    r = model.likelihood.sample(rng, spread, noise)
    return x, np.exp(value + r) if log else value + r


def _filled(lanes: Any) -> Any:
    """Return lanes filled up to `_LANES` with copies, so that every chunk is the same program."""
    missing = _LANES - len(lanes)
    return jnp.concatenate([lanes, jnp.repeat(lanes[-1:], missing, axis=0)]) if missing else lanes

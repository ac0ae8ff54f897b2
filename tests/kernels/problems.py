"""Small problems for the kernels: a law's residual, as fits form it, at random starts."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

import scaling_jax as sj
from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.solver import row_residual

HISTORY = 3  # entries of a history in a row, of a law over whole runs
# One of every form that the atlas' laws are made of. Not those whose row holds a history, an array
# for each lane, which only XLA takes.
LAWS = [
    "alabdulmohsin_m4",  # solved by Newton steps
    "bian_shape",
    "bnsl",
    "chinchilla",
    "clark_routed",  # an anchor, base-10 logarithms
    "data_constrained",  # minima and maxima
    "data_mixing_law",  # proportions
    "efficiency_leverage",
    "farseer",
    "gadre_downstream",  # exponentials
    "gadre_overtraining",
    "hestness_error",
    "kaplan_n",
    "kaplan_nd",
    "ladder_step2_sigmoid",
    "parscale",
    "precision_training",
    "skaling",
]
HUBER, NATURAL = sj.Huber(delta=0.1), sj.Huber(delta=0.1, scale="natural")
_LOG_SCALE = 3.0  # of every column: an output's scale that must reach the kernel from outside


class Problem(NamedTuple):
    """A law's fit as the arrays of one pass over the rows."""

    law: sj.Law
    objective: Any
    z: np.ndarray
    rows: np.ndarray
    weights: Any
    settings: tuple[np.ndarray, np.ndarray]
    logs: dict[str, np.ndarray]

    @property
    def arrays(self) -> tuple[Any, ...]:
        return self.z, self.rows, self.settings, self.logs


def problem(
    law: str | sj.Law,
    lanes: int = 5,
    n: int = 9,
    dtype: DTypeLike = np.float64,
    objective: Any = HUBER,
) -> Problem:
    """Return `lanes` random starts of a law and `n` random rows, the last of weight zero."""
    law = sj.laws.get(law) if isinstance(law, str) else law
    rng = np.random.default_rng(len(law.name))
    low, high = Coordinates(law).box()
    z = rng.uniform(low[:, None], high[:, None], (len(low), lanes))
    histories = sum(quantity.history for quantity in law.curve.quantities) if law.curve else 0
    width = len(law.argument_names) + 1 + histories * (HISTORY - 1)
    rows = np.exp(rng.uniform(0.1, 1.5, (n, width)))
    weights = rng.uniform(0.5, 2.0, n)
    weights[-1] = 0.0
    settings = (rng.uniform(0.05, 0.5, lanes), rng.uniform(0.0, 1.0, lanes))
    logs = dict.fromkeys((*law.input_names, law.output.column), np.asarray(_LOG_SCALE, dtype))
    if objective is HUBER and not has_logarithm(law, z, rows, logs):
        objective = NATURAL
    z, rows, weights, *both = (np.asarray(a, dtype) for a in (z, rows, weights, *settings))
    return Problem(law, objective, z, rows, weights, (both[0], both[1]), logs)


def has_logarithm(law: sj.Law, z: np.ndarray, rows: np.ndarray, logs: Any) -> bool:
    """Return whether the law is positive at these starts and rows, as few differences are."""
    with jax.enable_x64(True):
        u, residual = Coordinates(law).to_reduced(z, logs), row_residual(law, HUBER, logs)
        found = jax.jit(jax.vmap(lambda row: residual(u, row)))(rows)
    return bool(np.all(np.isfinite(found)))


def one_pass(kernel, given: Problem, **options):
    """Return the function of `given.arrays` that a step of the solver runs."""
    objective = given.objective

    def penalty(r, settings):
        threshold, mix = settings
        weight = objective.weight(r, threshold)
        curvature = jnp.maximum(objective.curvature(r, threshold), 0.0)
        return objective.penalty(r, threshold), weight * r, mix * weight + (1 - mix) * curvature

    def run(z, rows, settings, logs):
        coordinates = Coordinates(given.law)
        residual = row_residual(given.law, objective, logs)  # closes over traced `logs`
        weights = given.weights if callable(given.weights) else jnp.asarray(given.weights)
        if coordinates.separable:
            u = jnp.stack(coordinates.to_reduced(z, logs))
            return kernel(residual, penalty, u, rows, weights, settings, **options)

        def in_coordinates(z, row):
            return residual(coordinates.to_reduced(z, logs), row)

        return kernel(in_coordinates, penalty, z, rows, weights, settings, **options)

    return jax.jit(run)


def agree(got, expected, tolerance: float) -> None:
    """Assert equality of value, gradient and matrix, relative to the largest entry of each."""
    for mine, theirs in zip(got, expected, strict=True):
        scale = np.abs(np.asarray(theirs)).max()
        assert np.isfinite(scale)
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * scale)

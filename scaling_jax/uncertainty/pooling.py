"""Partial pooling: one posterior of the laws of several groups of runs."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.fit import fit
from scaling_jax.fitting.problem import make_problem
from scaling_jax.laws import Law
from scaling_jax.runs import RunTable
from scaling_jax.runs.selection import groups as positions
from scaling_jax.uncertainty.chains import STARTS, Sampling, sampled, whiten
from scaling_jax.uncertainty.discrepancy import Discrepancy, learn_discrepancy
from scaling_jax.uncertainty.draws import Draws
from scaling_jax.uncertainty.groups import Groups
from scaling_jax.uncertainty.hierarchy import LOG_SPREAD_SD, GroupedModel
from scaling_jax.uncertainty.likelihoods import Likelihood
from scaling_jax.uncertainty.model import Model, ModelData, model_data
from scaling_jax.uncertainty.priors import Priors, make_priors


def pooled_posterior(
    law: Law,
    runs: RunTable,
    likelihood: Likelihood,
    priors: str | Mapping[str, Any] | None,
    groups: str,
    varying: Sequence[str] | None,
    group_spread: float,
    sampling: Sampling,
) -> Draws:
    """Return draws of the law common to several groups of runs, with the groups'.

    The arguments are those of `scaling_jax.posterior`.

    Raises:
        FitError: As `scaling_jax.posterior` does.
    """
    labels, codes = group_codes(runs, groups)
    prior = make_priors(law, priors, make_problem(law, runs, likelihood.objective).logs)
    model = grouped_model(law, likelihood, tuple(prior.given), labels, varying)
    optimum = fit(law, runs, likelihood.objective, starts=STARTS, seed=sampling.seed)
    with jax.enable_x64(True):
        data = grouped_data(model, runs, prior, codes, group_spread)
        data = whiten_groups(model, data, optimum.z)
        (common,) = sampled(model, [data], [optimum], sampling)
    return with_groups(common, model, groups, labels)


def grouped_model(
    law: Law,
    likelihood: Likelihood,
    given: tuple[str, ...],
    labels: Sequence[str],
    varying: Sequence[str] | None,
) -> GroupedModel:
    """Return the model of several groups.

    Raises:
        FitError: One group only, or a parameter that the law does not have.
    """
    known = [p.name for p in Coordinates(law).free]
    chosen = known if varying is None else list(varying)
    for name in chosen:
        if name not in known:
            where = "coordinates of its own, none of them" if law.anchor else "no free parameter"
            raise FitError(f"{law.name} has {where} {name!r}; {did_you_mean(name, known)}")
    if not chosen or len(set(chosen)) < len(chosen):
        raise FitError(
            "varying names each parameter that differs between groups once, at least one"
        )
    if len(labels) < 2:
        raise FitError("partial pooling needs runs of at least two groups; leave groups out")
    places = tuple(sorted(known.index(name) for name in chosen))
    return GroupedModel(law, likelihood, given, places, len(labels))


def grouped_data(
    model: GroupedModel, runs: RunTable, priors: Priors, codes: np.ndarray, group_spread: float
) -> ModelData:
    """Return the arrays of the posterior, not yet whitened.

    Args:
        model: The model.
        runs: The runs of all groups.
        priors: Priors of the common law.
        codes: The group of each run ``[runs]``.
        group_spread: Scale of the prior of the spread between groups.

    Raises:
        FitError: The scale is not positive.
    """
    if not 0.0 < group_spread < np.inf:
        raise FitError(f"group_spread must be a positive number, not {group_spread}")
    problem = make_problem(model.law, runs, model.likelihood.objective)
    data = model_data(Model(model.law, model.likelihood, model.given), runs, problem, priors)
    spreads, offsets = len(model.varying), len(model.varying) * model.groups
    family = np.concatenate([codes, np.zeros(len(data.rows) - len(codes), int)])
    extra = dict(data.extra)
    if "group" in extra:  # repeats share their deviation within a family only
        both = np.stack([extra["group"], family], axis=1)
        extra["group"] = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    middle = np.log(0.5 * group_spread)
    size = len(model.names)
    return data._replace(
        extra={
            **extra,
            "family": family,
            "centring": np.zeros((model.groups, spreads)),
            "group_spread": np.float64(group_spread),
        },
        mean=np.concatenate([data.mean, np.full(spreads, middle), np.zeros(offsets)]),
        sd=np.concatenate([data.sd, np.full(spreads, LOG_SPREAD_SD), np.full(offsets, np.inf)]),
        centre=np.zeros(size),
        factor=np.eye(size),
    )


def whiten_groups(model: GroupedModel, data: ModelData, z: np.ndarray) -> ModelData:
    """Return the data whitened at the mode, each group centred as far as its runs determine it.

    The mode is that of the deviations: in centred coordinates the density has none, as it grows
    without bound where all groups agree and their spread vanishes.
    """
    return _centred(whiten(model, data, z), model=model)


@functools.partial(jax.jit, static_argnames=("model",))
def _centred(data: ModelData, *, model: GroupedModel) -> ModelData:
    extra = {**data.extra, "centring": _determined(data, model)}
    moved = data._replace(extra=extra)

    def move(v):
        return model.from_x(model.to_x(v, data), moved)

    slope = jax.jacfwd(move)(data.centre)
    return moved._replace(centre=move(data.centre), factor=slope @ data.factor)


def _determined(data: ModelData, model: GroupedModel) -> jax.Array:
    """Return how much of each deviation's prior variance the runs take away at the mode."""
    x = model.to_x(data.centre, data)
    first, spreads = model.shared + len(model.varying), len(model.varying)

    def of_group(offsets, g):
        place = (first + g * spreads,)
        return model.log_density(jax.lax.dynamic_update_slice(x, offsets, place), data)

    def left(g):
        own = jax.lax.dynamic_slice(x, (first + g * spreads,), (spreads,))
        precision = -jax.hessian(of_group)(own, g)
        eigenvalues, vectors = jnp.linalg.eigh(precision)
        return (vectors**2) @ (1.0 / jnp.maximum(eigenvalues, 1.0))

    return 1.0 - jax.lax.map(left, jnp.arange(model.groups))


def with_groups(draws: Draws, model: GroupedModel, column: str, labels: tuple[str, ...]) -> Draws:
    """Return draws of the common law with its groups, whose chains are named by their labels.

    Args:
        draws: Draws of the common law; its chains have all coordinates of the model.
        model: The model.
        column: The label column.
        labels: The groups.
    """
    sampler = draws.sampler
    assert sampler is not None
    x = sampler.coordinates
    with jax.enable_x64(True):
        flat = jnp.asarray(x.reshape(draws.count, -1))
        shared, log_spread, deviations = (np.asarray(part) for part in model.parts(flat))
        z = np.asarray(model.group_coordinates(flat))
    free = [p.name for p in Coordinates(model.law).free]
    varying = tuple(free[k] for k in model.varying)
    groups = Groups(column, labels, varying, shared[:, : len(free)], np.exp(log_spread), deviations)
    first = model.shared + len(varying)
    own = z[:, :, list(model.varying)].reshape(*x.shape[:2], -1)  # deviations alone say little
    names = (*model.names[:first], *(f"{n} of {label}" for label in labels for n in varying))
    chains = np.concatenate([x[..., :first], own], axis=-1)
    return replace(draws, groups=groups, sampler=replace(sampler, names=names, coordinates=chains))


def discrepancy_of_groups(draws: Draws, seed: int) -> Discrepancy:
    """Return how far the law strays beyond its runs, once what differs between groups is removed.

    Each run's output is moved by the difference of the common law and its group's, both at the
    median of their draws; what is learnt is then the law's own error, as of one group.
    """
    groups, optimum = draws.groups, draws.fit
    assert groups is not None
    law, runs = optimum.law, optimum.runs
    common, own = _surface(draws), np.empty(len(runs))
    for label, rows in positions(runs, groups.column).items():
        own[rows] = _surface(draws.group(label))
    output = np.asarray(runs[law.output.column], np.float64)
    log = optimum.criterion.scale == "log"
    moved = output * common / own if log else output + common - own
    alike = runs.with_column(law.output.column, moved)
    again = fit(law, alike, optimum.criterion, starts=STARTS, seed=optimum.seed)
    return learn_discrepancy(again, seed)


def group_codes(runs: RunTable, column: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the labels of the groups and the group of each run ``[runs]``.

    Raises:
        RunTableError: The table has no such column.
    """
    found, codes = positions(runs, column), np.zeros(len(runs), int)
    for k, rows in enumerate(found.values()):
        codes[rows] = k
    return tuple(found), codes


def _surface(draws: Draws) -> np.ndarray:
    """Return the law at the runs of its draws' fit and the median of the draws ``[runs]``."""
    return replace(draws.fit, params={n: float(np.median(v)) for n, v in draws.items()}).predicted

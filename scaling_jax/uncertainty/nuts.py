"""NUTS over many lanes: a lane is one chain on one data set, all lanes step together.

NumPyro's kernel does the sampling; this module only lays lanes side by side, so that four chains
of one posterior and a thousand chains of a calibration study are the same program.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

LogDensity = Callable[[jax.Array, Any], jax.Array]


class Chains(NamedTuple):
    """What the chains visited, leading axes ``[lanes, draws]``.

    Attributes:
        position: ``[lanes, draws, dimensions]``.
        log_density: ``[lanes, draws]``.
        diverging: Whether the trajectory left the stable region ``[lanes, draws]``.
        steps: Gradient evaluations of each transition ``[lanes, draws]``.
        acceptance: Mean acceptance probability of each transition ``[lanes, draws]``.
        energy: Hamiltonian of each transition ``[lanes, draws]``.
        step_size: After warm-up ``[lanes]``.
    """

    position: Any
    log_density: Any
    diverging: Any
    steps: Any
    acceptance: Any
    energy: Any
    step_size: Any


@functools.partial(
    jax.jit, static_argnames=("log_density", "warmup", "draws", "target_accept", "max_depth")
)
def sample(
    data: Any,
    start: jax.Array,
    keys: jax.Array,
    *,
    log_density: LogDensity,
    warmup: int,
    draws: int,
    target_accept: float = 0.9,
    max_depth: int = 10,
) -> Chains:
    """Run NUTS on every lane.

    Args:
        data: What the log density needs, leading axis ``[lanes]`` on every leaf.
        start: Where the chains start ``[lanes, dimensions]``.
        keys: One key a lane ``[lanes]``.
        log_density: ``log_density(position, data) -> number``, up to a constant.
        warmup: Transitions that adapt step size and mass matrix, thrown away.
        draws: Transitions that are kept.
        target_accept: Mean acceptance probability that the step size is adapted to.
        max_depth: Most doublings of a trajectory.

    Reference: Hoffman and Gelman, The No-U-Turn Sampler, JMLR 15 (2014); NumPyro, arXiv:1912.11554.
    """
    from numpyro.infer.hmc import hmc

    def one(data, start, key):
        def potential_of(data):
            return lambda position: -log_density(position, data)

        initial, transition = hmc(potential_fn_gen=potential_of, algo="NUTS")
        state = initial(
            start,
            warmup,
            step_size=0.5,
            dense_mass=True,
            target_accept_prob=target_accept,
            max_tree_depth=max_depth,
            model_args=(data,),
            rng_key=key,
        )

        def step(state, _):
            state = transition(state, (data,), {})
            return state, (
                state.z,
                -state.potential_energy,
                state.diverging,
                state.num_steps,
                state.accept_prob,
                state.energy,
            )

        state = jax.lax.fori_loop(0, warmup, lambda _, s: transition(s, (data,), {}), state)
        state, kept = jax.lax.scan(step, state, None, length=draws)
        return Chains(*kept, step_size=state.adapt_state.step_size)

    return jax.vmap(one)(data, start, keys)


class Peak(NamedTuple):
    """A mode of a density and its normal approximation.

    Attributes:
        position: ``[dimensions]``.
        log_density: There.
        factor: L with L L' = the inverse of the negative Hessian ``[dimensions, dimensions]``.
    """

    position: jax.Array
    log_density: jax.Array
    factor: jax.Array


def climb(log_density: LogDensity, start: jax.Array, data: Any, steps: int = 60) -> Peak:
    """Find a mode by damped Newton steps; a step that does not climb is damped more.

    Directions in which the density is flat or convex are walked with the curvature's absolute
    value, at least `_FLAT` of a standard deviation of one.
    """

    def value(x):
        return log_density(x, data)

    def spectrum(x):
        eigenvalues, vectors = jnp.linalg.eigh(-jax.hessian(value)(x))
        return jnp.maximum(jnp.abs(eigenvalues), _FLAT), vectors

    def body(_, state):
        x, best, damping = state
        slope = jax.grad(value)(x)
        curvature, vectors = spectrum(x)
        damped = curvature + damping * jnp.max(curvature)
        trial = x + vectors @ ((vectors.T @ slope) / damped)
        reached = value(trial)
        better = reached > best
        x = jnp.where(better, trial, x)
        best = jnp.where(better, reached, best)
        damping = jnp.where(better, damping * 0.1, jnp.minimum(damping * 10.0 + 1e-8, 1e6))
        return x, best, damping

    position, best, _ = jax.lax.fori_loop(0, steps, body, (start, value(start), jnp.zeros(())))
    curvature, vectors = spectrum(position)
    return Peak(position, best, vectors / jnp.sqrt(curvature))


_FLAT = 1e-2

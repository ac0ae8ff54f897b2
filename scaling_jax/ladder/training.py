"""Training of one shape: initialisation, steps and evaluation, every lane a run of its own.

    State {params, moments, count}  [lanes, ...]   batches [steps, lanes, examples, ...]
          └────────── advance: one program, vmapped over lanes, looped over steps ──────────┘

Adam with clipping by Optax; each parameter's rate is the schedule's times its own factor, weight
decay is the schedule's alone, so that both transfer across widths.
"""

import contextlib
import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.ladder.model import Trainable
from scaling_jax.ladder.sharding import Layout

State = dict[str, Any]
Batches = dict[str, np.ndarray]


@dataclass(frozen=True)
class Optimiser:
    """Adam with decoupled weight decay and clipping by global norm.

    Attributes:
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        eps: Added to the root of the second moment.
        weight_decay: Share of a matrix that a step at the peak rate removes, over that rate; not
            divided by the width, so that the product with the rate transfers (arXiv:2203.03466).
        clip: Largest global norm of the gradients.
    """

    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-10
    weight_decay: float = 0.0
    clip: float = 1.0

    def transformation(self) -> Any:
        """Return it as an `optax.GradientTransformation`, but for the learning rate."""
        import optax

        return optax.chain(
            optax.clip_by_global_norm(self.clip),
            optax.scale_by_adam(self.beta1, self.beta2, self.eps),
        )


@dataclass(frozen=True)
class Trainer:
    """The compiled programs that train a recipe; hashable, so equal trainers share them.

    Attributes:
        recipe: What is trained.
        optimiser: How.
        layout: On which devices, and what lies where; None for one device.
    """

    recipe: Trainable
    optimiser: Optimiser = Optimiser()
    layout: Layout | None = None

    def init(self, seeds: Any) -> State:
        """Return the state of new lanes, one a seed ``[lanes]``."""
        if self.layout:
            return _init(self, self.layout.put(np.asarray(seeds, np.uint32)))
        return _init(self, jnp.asarray(seeds, jnp.uint32))

    def advance(
        self, state: State, batches: Batches, rates: np.ndarray, steps: int
    ) -> tuple[State, jax.Array]:
        """Train all lanes for some steps; the given state is given away.

        Args:
            state: Of all lanes.
            batches: Arrays ``[most steps, lanes, examples, ...]``.
            rates: Learning rates ``[most steps, lanes]``.
            steps: How many of those steps to do.

        Returns:
            The new state, and the loss of each step's batch before that step ``[most steps,
            lanes]``; beyond `steps` zeros.
        """
        if self.layout:
            batches = self.layout.put(batches, axis=2)
            rates = self.layout.put(np.asarray(rates, np.float32))
            return _advance(self, state, batches, rates, np.int32(steps))
        return _advance(self, state, batches, jnp.asarray(rates, jnp.float32), steps)

    def evaluate(self, state: State, examples: Batches) -> jax.Array:
        """Return the mean loss ``[lanes]`` over examples ``[groups, examples, ...]``.

        The examples lie where `place` has put them.
        """
        return _evaluate(self, state["params"], examples)

    def place(self, examples: Batches) -> Any:
        """Return examples ``[groups, examples, ...]`` on the devices."""
        return self.layout.put(examples, axis=1) if self.layout else jax.device_put(examples)

    def structure(self, lanes: int) -> State:
        """Return shapes and places of a state's arrays."""
        shapes = jax.eval_shape(functools.partial(_init, self), np.zeros(lanes, np.uint32))
        if self.layout is None:
            return shapes
        return jax.tree.map(
            lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
            shapes, self.layout.of_state(shapes),
        )  # fmt: skip


def grouped(examples: Batches, size: int) -> Batches:
    """Return examples as ``[groups, size, ...]`` for `Trainer.evaluate`; those left over go."""
    size = min(size, len(next(iter(examples.values()))))
    return {
        name: values[: len(values) // size * size].reshape(-1, size, *values.shape[1:])
        for name, values in examples.items()
    }


@functools.lru_cache(maxsize=64)
def _structure(recipe: Trainable) -> tuple[Any, Any, Any, Any]:
    """Return graph, abstract state, and what each parameter's rate and decay are multiplied by."""
    from flax import nnx

    graph, state = nnx.split(nnx.eval_shape(lambda: recipe.build(nnx.Rngs(0))), nnx.Param)

    def metadata(name: str) -> Any:
        values = jax.tree.map(
            lambda variable: float(variable.get_metadata()[name]),
            state,
            is_leaf=lambda leaf: isinstance(leaf, nnx.Variable),
        )
        return nnx.to_pure_dict(values)

    return graph, state, metadata("rate"), metadata("decays")


def merge(recipe: Trainable, params: Any) -> Any:
    """Return the module of a recipe with these parameters."""
    from flax import nnx

    graph, abstract, _, _ = _structure(recipe)
    state = jax.tree.map(lambda leaf: leaf, abstract)  # a copy: the cached one stays abstract
    nnx.replace_by_pure_dict(state, params)
    return nnx.merge(graph, state)


@functools.partial(jax.jit, static_argnums=0)
def _init(trainer: Trainer, seeds: jax.Array) -> State:
    from flax import nnx

    def one(seed: jax.Array) -> State:
        module = trainer.recipe.build(nnx.Rngs(jax.random.key(seed)))
        params = nnx.to_pure_dict(nnx.state(module, nnx.Param))
        return {"params": params, "optimiser": trainer.optimiser.transformation().init(params)}

    # One lane at a time, so that a run's parameters do not depend on which runs are beside it.
    state = jax.lax.map(one, seeds)
    return trainer.layout.hold(state) if trainer.layout else state


def _loss(trainer: Trainer, params: Any, batch: Any) -> tuple[jax.Array, jax.Array]:
    with trainer.layout.in_use() if trainer.layout else contextlib.nullcontext():
        losses = merge(trainer.recipe, params)(batch)
    mean = jnp.mean(losses.nats)
    return mean + losses.penalty, mean


def _step(trainer: Trainer, state: State, batch: Any, rate: jax.Array) -> tuple[State, jax.Array]:
    import optax

    _, _, factors, decays = _structure(trainer.recipe)
    params = state["params"]
    gradient, mean = jax.grad(functools.partial(_loss, trainer), has_aux=True)(params, batch)
    moves, optimiser = trainer.optimiser.transformation().update(gradient, state["optimiser"])
    decay = trainer.optimiser.weight_decay
    moves = jax.tree.map(
        lambda move, value, factor, decays: -rate * (factor * move + decay * decays * value),
        moves, params, factors, decays,
    )  # fmt: skip
    return {"params": optax.apply_updates(params, moves), "optimiser": optimiser}, mean


@functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
def _advance(
    trainer: Trainer, state: State, batches: Any, rates: jax.Array, steps: jax.Array
) -> tuple[State, jax.Array]:
    step = jax.vmap(functools.partial(_step, trainer))

    def body(k: jax.Array, carry: Any) -> Any:
        state, losses = carry
        batch = jax.tree.map(lambda values: values[k], batches)
        state, mean = step(state, batch, rates[k])
        if trainer.layout:
            state = trainer.layout.hold(state)
        return state, losses.at[k].set(mean)

    # A loop with a number of steps that is data: the last steps of a phase need no other program.
    state, losses = jax.lax.fori_loop(0, steps, body, (state, jnp.zeros(rates.shape)))
    return state, trainer.layout.share(losses) if trainer.layout else losses


@functools.partial(jax.jit, static_argnums=0)
def _evaluate(trainer: Trainer, params: Any, examples: Any) -> jax.Array:
    def one(params: Any, batch: Any) -> jax.Array:
        return _loss(trainer, params, batch)[1]

    means = jax.lax.map(lambda batch: jax.vmap(one, in_axes=(0, None))(params, batch), examples)
    mean = jnp.mean(means, axis=0)
    return trainer.layout.share(mean) if trainer.layout else mean

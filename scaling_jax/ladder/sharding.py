"""How a model's arrays lie on several devices: data parallel, parameters whole or split.

    examples     split over the devices, so each computes the gradient of its share of a batch
    parameters   whole on every device, or each array split along its largest axis that divides

Split parameters and moments take a device's share of the memory (as in ZeRO and FSDP: Rajbhandari
et al. 2020, arXiv:1910.02054). A model says where it uses a matrix (`whole`): there it is gathered,
and its gradient scattered. Left to itself, the compiler gathers the activations of all devices
instead, which are larger. The mesh may span several hosts; each puts in what its devices hold.
"""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "devices"
_COPIES = 8  # of the parameters: two moments, gradient, a trunk's three, and room to work in


@dataclass(frozen=True)
class Layout:
    """Devices and what each of them holds; hashable, as part of a `Trainer`.

    Attributes:
        mesh: The devices in a row, an axis called ``"devices"``.
        split: Whether parameters and moments are split.

    Example:
        >>> layout = Layout.over(jax.devices()[:1], split=True)
        >>> tuple(layout.spec((3, 64, 256)))
        (None, None, 'devices')
    """

    mesh: Mesh
    split: bool = False

    @classmethod
    def over(cls, devices: Sequence[Any], *, split: bool = False) -> "Layout":
        """Return the layout on some devices."""
        return cls(Mesh(np.array(devices), (AXIS,)), split)

    def spec(self, shape: tuple[int, ...]) -> PartitionSpec:
        """Return how an array of the state ``[lanes, ...]`` is split; lanes never are."""
        axes = [axis for axis in range(1, len(shape)) if shape[axis] % self.mesh.size == 0]
        if not self.split or not axes:
            return PartitionSpec()
        longest = max(axes, key=lambda axis: (shape[axis], axis))
        return PartitionSpec(*(AXIS if axis == longest else None for axis in range(len(shape))))

    def on(self, *axes: str | None) -> NamedSharding:
        """Return the sharding with these names of axes; of none, the same on every device."""
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    def of_state(self, state: Any) -> Any:
        """Return the sharding of each array of a state."""
        return jax.tree.map(lambda leaf: NamedSharding(self.mesh, self.spec(leaf.shape)), state)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Return a context for tracing a model, in which `whole` knows of this layout."""
        token = _IN_USE.set(self)
        try:
            yield
        finally:
            _IN_USE.reset(token)

    def hold(self, state: Any) -> Any:
        """Return a state that the compiler leaves as it is split here."""
        return jax.lax.with_sharding_constraint(state, self.of_state(state))

    def share(self, values: jax.Array) -> jax.Array:
        """Return values that the compiler gives to every device, and so to every process."""
        return jax.lax.with_sharding_constraint(values, self.on())

    def put(self, arrays: Any, axis: int | None = None) -> Any:
        """Return host arrays on the devices, split along an axis that counts examples.

        Every process gives the whole arrays, and its devices take their part of them.
        """

        def one(array: Any) -> jax.Array:
            array = np.asarray(array)
            splits = axis is not None and array.shape[axis] % self.mesh.size == 0
            sharding = self.on(*[None] * (axis or 0), AXIS) if splits else self.on()
            return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)

        return jax.tree.map(one, arrays)


_IN_USE: ContextVar[Layout | None] = ContextVar("layout", default=None)


def whole(params: Any) -> Any:
    """Return a lane's parameters for use: gathered where they are split, else as they are.

    What is recomputed in the backward pass is gathered again there.
    """
    layout = _IN_USE.get()
    if layout is None or not layout.split:
        return params
    return jax.tree.map(functools.partial(_whole, layout), params)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _whole(layout: Layout, array: jax.Array) -> jax.Array:
    return layout.share(array)


def _whole_forward(layout: Layout, array: jax.Array) -> tuple[jax.Array, None]:
    return _whole(layout, array), None


def _whole_backward(layout: Layout, _: None, gradient: jax.Array) -> tuple[jax.Array]:
    axes = layout.spec((1, *gradient.shape))[1:]  # as with the lanes, which are mapped over here
    return (jax.lax.with_sharding_constraint(gradient, layout.on(*axes)),)


_whole.defvjp(_whole_forward, _whole_backward)


def choose_layout(batch: int, params: int) -> Layout | None:
    """Return the layout for a group on the devices that JAX sees, None for the first one alone.

    All devices share a batch that divides by their number. Where it does not, one process uses one
    device, and several processes, which all have to take part, compute the same.

    Args:
        batch: Examples a step.
        params: Parameters of all lanes; split where they would fill half of a device's memory.
    """
    devices = jax.devices()
    if len(devices) == 1 or (batch % len(devices) and jax.process_count() == 1):
        return None
    memory = jax.local_devices()[0].memory_stats() or {}  # unknown of CPUs
    return Layout.over(devices, split=4 * _COPIES * params > memory.get("bytes_limit", np.inf) / 2)

"""Records: frozen dataclasses that JAX sees as pytrees.

`jax.tree_util.register_dataclass` calls ``__init__`` whenever a tree is rebuilt, so a check in
``__post_init__`` would run on tracers and on the object() sentinels that `jax.vmap` puts in
leaves. Here rebuilding bypasses ``__init__``: values are checked once, where they come in.
"""

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax

T = TypeVar("T")


def static(**keywords: Any) -> Any:
    """Declare a field that belongs to the tree's structure (hashable, never an array)."""
    return dataclasses.field(metadata={"static": True}, **keywords)


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, static))
def pytree(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass and register it as a pytree with named children."""
    cls = dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    data = tuple(f.name for f in fields if not f.metadata.get("static"))
    meta = tuple(f.name for f in fields if f.metadata.get("static"))

    def flatten_with_keys(record):
        children = [(jax.tree_util.GetAttrKey(n), getattr(record, n)) for n in data]
        return children, tuple(getattr(record, n) for n in meta)

    def unflatten(structure, children):
        record = object.__new__(cls)
        for name, value in (*zip(data, children, strict=True), *zip(meta, structure, strict=True)):
            object.__setattr__(record, name, value)
        return record

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten)
    return cls

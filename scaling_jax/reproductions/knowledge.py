"""Knowledge: bits of a biography, and what models of a size can hold."""

import math
from collections.abc import Iterator

from scaling_jax.protocols.knowledge import VALUES
from scaling_jax.reproductions.evaluating import value_of
from scaling_jax.reproductions.record import Check, reproduction


@reproduction(of="knowledge_capacity")
def bits_of_a_person() -> Iterator[Check]:
    """The bits of a person's attributes in the synthetic biographies."""
    yield Check("bits a person without the name", 47.6, math.log2(VALUES), 0.05,
                source="S0 = 2*(12*28*200)*200*300*100*263")  # fmt: skip


@reproduction(of="physics_capacity")
def bits_of_a_model() -> Iterator[Check]:
    """What a model of seven billion parameters holds at two bits a parameter."""
    ours = value_of("physics_capacity", "exposures_1000", params=7e9)
    yield Check("bits of a 7B model", 14e9, ours, 1e-9, True, "abstract")

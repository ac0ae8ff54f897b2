"""Knowledge: how many bits of facts a model stores."""

from scaling_jax.laws.parts import SCALE, Parameter, Variable
from scaling_jax.laws.registry import law


@law(
    name="physics_capacity",
    formula="bits(N) = R * N",
    parameters=[Parameter("R", "capacity ratio, bits per parameter", unit="bits / params")],
    inputs=[Variable("params", "N", usual=(1e6, 1e12))],
    output=Variable("bits", "bits", "knowledge stored", "bits", bounds=SCALE),
    increasing=["params"],
)
def physics_capacity(params, *, R):
    """Return the bits of knowledge that a model stores, as many a parameter as R."""
    return R * params

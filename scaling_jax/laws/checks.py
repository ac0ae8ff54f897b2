"""Checks that a law must pass before it is fitted: elementwise JAX, and units that are true.

Units decide how fitted coefficients are converted to the user's columns, so a wrong one gives
wrong coefficients without any other sign. They are checked by what they claim: the law is
evaluated at points, then at the same points in other units with converted parameters.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import LawError, ScalingError, listing
from scaling_jax.expressions import names
from scaling_jax.laws.declaration import Law, Parameter, Variable

_POINTS = 16
_TOLERANCE = 1e-7  # relative, in float64; a wrong exponent is off by tenths


def check(law: Law) -> None:
    """Check that `law` can be fitted: it is elementwise JAX and its units are true.

    Raises:
        LawError: Says what is wrong.

    Example:
        >>> import scaling_jax as sj
        >>> sj.laws.check(sj.laws.get("chinchilla"))
    """
    check_traceable(law)
    check_units(law)


def check_traceable(law: Law) -> None:
    """Refuse a law that JAX cannot trace or that is not elementwise."""
    shape = jax.ShapeDtypeStruct((_POINTS,), jnp.float32)
    theta = dict.fromkeys(law.free_names, shape)
    try:
        value = jax.eval_shape(law, theta, dict.fromkeys(law.input_names, shape))
    except ScalingError:
        raise
    except Exception as error:  # whatever the author's function raises
        reason = (str(error).strip().splitlines() or [""])[0]
        raise LawError(
            f"the function of {law.name} cannot be traced by JAX ({type(error).__name__}: "
            f"{reason}); write it with jax.numpy functions and without `if` on values"
        ) from error
    if value.shape != (_POINTS,) or not jnp.issubdtype(value.dtype, jnp.floating):
        raise LawError(
            f"the function of {law.name} must be elementwise: from columns of shape ({_POINTS},) "
            f"it returns {value.dtype}{list(value.shape)}, not one real number a run"
        )


def check_units(law: Law) -> None:
    """Refuse a law whose prediction changes when a column is measured in another unit."""
    samples = _samples(law)
    with jax.enable_x64(True):
        theta, inputs = jax.tree.map(jnp.asarray, samples)
        value = _predicted(law, theta, inputs)
        for k, column in enumerate(law.unit_columns):
            scale = 1.7 + 0.3 * k
            logs = dict.fromkeys((*law.input_names, law.output.column), 0.0)
            logs[column] = float(np.log(scale))
            scaled = {n: x * scale if n == column else x for n, x in inputs.items()}
            other = _predicted(law, law.rescaled(theta, logs), scaled)
            expected = value * scale if column == law.output.column else value
            usable = np.isfinite(other) & np.isfinite(expected)
            if not np.allclose(other[usable], expected[usable], rtol=_TOLERANCE, atol=0.0):
                _refuse_units(law, column)


def _refuse_units(law: Law, column: str) -> None:
    involved = [p.name for p in law.parameters if column in names(p.unit)]
    raise LawError(
        f"{law.name}: with {column} measured in another unit, converting {listing(involved)} does "
        f"not give the same prediction; correct the powers of {column} in the parameters' units"
    )


def _predicted(law: Law, theta: dict[str, Any], inputs: dict[str, Any]) -> np.ndarray:
    value = law.function(**inputs, **theta)
    return np.asarray(jnp.exp(value) if law.returns == "log" else value)


def _samples(law: Law) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return values of every parameter and input, ordinary ones in reduced units."""
    rng = np.random.default_rng(0)
    theta = {p.name: _parameter_sample(p, rng) for p in law.parameters}
    inputs = {v.column: _input_sample(v, v.column in law.unit_columns, rng) for v in law.inputs}
    return theta, inputs


def _parameter_sample(parameter: Parameter, rng: np.random.Generator) -> np.ndarray:
    low, high = np.array(parameter.bounds)
    share = rng.uniform(0.2, 0.8, _POINTS)
    if np.isfinite(low) and np.isfinite(high):
        return low + (high - low) * share
    if np.isfinite(low):
        return low + share
    return high - share if np.isfinite(high) else share


def _input_sample(variable: Variable, reduced: bool, rng: np.random.Generator) -> np.ndarray:
    if reduced or variable.usual is None:
        low, high = (0.5, 2.0)
    else:
        low, high = variable.usual
    low, high = np.clip((low, high), *variable.domain)
    if low > 0.0:
        return np.exp(rng.uniform(np.log(low), np.log(high), _POINTS))
    return rng.uniform(low, high, _POINTS)

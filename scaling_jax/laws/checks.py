"""Checks that a law must pass before it is fitted: elementwise JAX, and units that are true.

A law over whole runs is elementwise in its quantities; those may not look ahead in a run.

Units decide how fitted coefficients are converted to the user's columns, so a wrong one gives
wrong coefficients without any other sign. They are checked by what they claim: the law is
evaluated at points, then at the same points in other units with converted parameters.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import LawError, ScalingError, listing
from scaling_jax.expressions import log_monomial, names
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.parts import Curve, Parameter, Variable

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
    if law.curve is not None:
        check_causal(law)
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


def check_causal(law: Law) -> None:
    """Refuse a law over whole runs whose quantities look ahead or have other units."""
    assert law.curve is not None
    rng = np.random.default_rng(0)
    columns = {v.column: _curve_sample(law.curve, v, rng) for v in law.inputs}
    later = np.arange(_POINTS) >= _POINTS // 2
    changed = {n: np.where(later, 1.5 * x, x) for n, x in columns.items()}
    whole, other = _totals(law, columns), _totals(law, changed)
    for quantity in law.curve.quantities:
        if not _close(other[quantity.name][~later], whole[quantity.name][~later]):
            raise LawError(
                f"{law.name}: {quantity.name} at a point of a run depends on later points; sum up "
                "what came before it only"
            )
    for column in law.curve.columns:
        if column != law.curve.along:
            _check_quantities(law, law.curve, column, columns, whole)


def _check_quantities(
    law: Law, curve: Curve, column: str, columns: dict[str, Any], whole: dict[str, np.ndarray]
) -> None:
    """Refuse a quantity that does not change with a column of the curve as its unit says."""
    logs = dict.fromkeys(law.input_names, 0.0) | {column: float(np.log(1.7))}
    factors = {q.name: np.exp(log_monomial(q.unit, logs, {})) for q in curve.quantities}
    if all(factor == 1.0 for factor in factors.values()):
        return
    scaled = _totals(law, columns | {column: 1.7 * columns[column]})
    for quantity in curve.quantities:
        factor = factors[quantity.name]
        if quantity.history and quantity.name != curve.mass:
            factor = factor * factors[curve.mass]
        if not _close(scaled[quantity.name], factor * whole[quantity.name]):
            raise LawError(
                f"{law.name}: with {column} measured in another unit, {quantity.name} does not "
                f"change as its unit {quantity.unit} says; correct the power of {column}"
            )


def _totals(law: Law, columns: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return every quantity of every point; of a history its sum, weighted with the mass."""
    assert law.curve is not None
    with jax.enable_x64(True):
        found = {name: np.asarray(value) for name, value in law.arguments(columns).items()}
    mass = law.curve.mass
    for quantity in law.curve.quantities:
        if quantity.history and quantity.name != mass:
            found[quantity.name] = np.sum(found[mass] * found[quantity.name], axis=-1)
    return found | ({mass: found[mass].sum(axis=-1)} if mass else {})


def _close(left: np.ndarray, right: np.ndarray) -> bool:
    size = float(np.max(np.abs(right)))  # what is zero but for rounding is equal to zero
    return np.allclose(left, right, rtol=_TOLERANCE, atol=_TOLERANCE * size)


def _curve_sample(curve: Curve, variable: Variable, rng: np.random.Generator) -> np.ndarray:
    if variable.column == curve.along:
        return np.cumsum(rng.integers(1, 9, _POINTS)).astype(float)
    value = _input_sample(variable, False, rng)[:1]
    falling = np.linspace(1.0, 0.1, _POINTS)
    return value * falling if variable.column in curve.columns else value * np.ones(_POINTS)


def check_units(law: Law) -> None:
    """Refuse a law whose prediction changes when a column is measured in another unit."""
    samples = _samples(law)
    quantities = {q.name: q for q in law.curve.quantities} if law.curve else {}

    def power(name: str, logs: dict[str, float]) -> float:
        return log_monomial(quantities[name].unit, logs, {}) if name in quantities else logs[name]

    with jax.enable_x64(True):
        theta, inputs = jax.tree.map(jnp.asarray, samples)
        value = _predicted(law, theta, inputs)
        for k, column in enumerate(law.unit_columns):
            scale = 1.7 + 0.3 * k
            logs = dict.fromkeys((*law.input_names, law.output.column), 0.0)
            logs[column] = float(np.log(scale))
            scaled = {n: x * np.exp(power(n, logs)) for n, x in inputs.items()}
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
    if law.curve is None:
        return theta, inputs
    sizes = {q.name: (_POINTS, 3) if q.history else (_POINTS,) for q in law.curve.quantities}
    found = {name: np.exp(rng.uniform(-0.7, 0.7, size)) for name, size in sizes.items()}
    return theta, found | {name: x for name, x in inputs.items() if name in law.argument_names}


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

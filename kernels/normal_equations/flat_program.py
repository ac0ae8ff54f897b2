"""A traced function as one flat list of equations that can be cut into parts and run.

Calls are inlined, so that what depends on what is plain to see, and what some kernel compilers
do not know is written with the arithmetic that all of them know.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

# Equations that only call a program; derivatives are taken before a function is traced here.
_CALLS = frozenset({"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"})

# Derivatives leave the first three behind, and Mosaic GPU has none of them; TPUs have no expm1.
_REWRITTEN: dict[str, Callable[..., Any]] = {
    "add_any": jax.lax.add,
    "stop_gradient": lambda x: x,
    "integer_pow": lambda x, *, y: _integer_power(x, y),
    "expm1": lambda x, **_: _exp_minus_one(x),
}


def _exp_minus_one(x: jax.Array) -> jax.Array:
    half = jnp.tanh(0.5 * x)  # exp(x) - 1 = 2 t / (1 - t), without the loss of digits near zero
    return jnp.where(jnp.abs(x) < 1.0, 2.0 * half / (1.0 - half), jnp.exp(x) - 1.0)


def _integer_power(x: jax.Array, y: int) -> jax.Array:
    if y == 0:
        return jnp.ones_like(x)
    product = functools.reduce(operator.mul, [x] * abs(y))
    return product if y > 0 else 1.0 / product


@dataclass(frozen=True)
class FlatProgram:
    """Equations from inputs to outputs, without calls.

    Attributes:
        inputs: Variables, one an argument.
        outputs: Variables or literal numbers, one a result.
        equations: In an order in which they can run.
    """

    inputs: list[core.Var]
    outputs: list[Any]
    equations: list[core.JaxprEqn]

    def __call__(self, *arguments: Any) -> list[Any]:
        """Run the equations; under a trace, as part of it."""
        values = dict(zip(self.inputs, arguments, strict=True))

        def read(v):
            return values[v] if is_variable(v) else v.val

        for equation in self.equations:
            results = equation.primitive.bind(*map(read, equation.invars), **equation.params)
            results = results if equation.primitive.multiple_results else [results]
            values.update(zip(equation.outvars, results, strict=True))
        return [read(v) for v in self.outputs]


def flat_program(
    function: Callable[..., Any], *shapes: Any
) -> tuple[FlatProgram, dict[core.Var, Any]]:
    """Trace `function` for arrays of the given shapes and types.

    Returns:
        The program, and the arrays that the function closes over (tracers, under jit) by the
        variables that stand for them in it.
    """
    closed = jax.make_jaxpr(function)(*shapes)
    captured = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    equations: list[core.JaxprEqn] = []
    new_name = core.gensym()

    def visit(jaxpr: core.Jaxpr, names: dict[Any, Any]) -> list[Any]:
        def read(v):
            return names.get(v, v) if is_variable(v) else v

        for equation in jaxpr.eqns:
            inputs = [read(v) for v in equation.invars]
            inner = _stands_for(equation)
            if inner is None:
                # New names, since the equations of one function may be visited repeatedly.
                outputs = [new_name(v.aval) for v in equation.outvars]
                equations.append(equation.replace(invars=inputs, outvars=outputs))
            else:
                constants = [new_name(v.aval) for v in inner.jaxpr.constvars]
                captured.update(zip(constants, inner.consts, strict=True))
                formal = [*inner.jaxpr.constvars, *inner.jaxpr.invars]
                outputs = visit(inner.jaxpr, dict(zip(formal, [*constants, *inputs], strict=True)))
            names.update(zip(equation.outvars, outputs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    outputs = visit(closed.jaxpr, {})
    return FlatProgram(list(closed.jaxpr.invars), outputs, equations), captured


def _stands_for(equation: core.JaxprEqn) -> core.ClosedJaxpr | None:
    """Return the program that an equation stands for, or None if it is elementary."""
    name = equation.primitive.name
    if name in _REWRITTEN:
        rewritten = functools.partial(_REWRITTEN[name], **equation.params)
        return jax.make_jaxpr(rewritten)(*(v.aval for v in equation.invars))
    if name not in _CALLS:
        return None
    inner = equation.params.get("jaxpr") or equation.params.get("call_jaxpr")
    return inner if isinstance(inner, core.ClosedJaxpr) else None


def is_variable(value: Any) -> bool:
    """Return whether an input or output of an equation is a variable, not a literal number."""
    return not isinstance(value, core.Literal)


def read_by(equations: Sequence[core.JaxprEqn]) -> list[Any]:
    """Return the variables that the equations read, each once, in order."""
    return list(dict.fromkeys(v for e in equations for v in e.invars if is_variable(v)))


def needed(equations: Sequence[core.JaxprEqn], outputs: Sequence[Any]) -> list[core.JaxprEqn]:
    """Return the equations that the outputs depend on, in order."""
    wanted = {v for v in outputs if is_variable(v)}
    kept = []
    for equation in reversed(equations):
        if wanted & set(equation.outvars):
            kept.append(equation)
            wanted |= set(filter(is_variable, equation.invars))
    return kept[::-1]

"""A walk over the whole registry: every law works over the domain that its publication covers.

A member of a law is compiled once a precision, and all that is asked of it is asked of those two
programs: value and gradients at its published estimates (at generic coefficients where there is
no complete one) and at points of the usual domain.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax import atlas

POINTS = 64
LINES = 4  # along which a law must fall or rise, of POINTS / LINES steps
RUNS, STEPS = 8, 12  # runs and their recorded points, for laws over schedules
STEP = 1e-6  # of central differences, relative
SLOPE = 1e-4  # their error beside a smooth law's derivative
ROUNDING = 1e-9  # of a difference quotient: 1e-16 / STEP, with room for a few operations
SINGLE = 1e-3  # float32: coefficients that cancel lose four of its seven digits
FLAT = 1e-12  # how much a falling law may rise between two points: rounding

# The walk asks about the laws, not about the compiler: a third of the time is LLVM's optimisations.
QUICKLY = {"xla_backend_optimization_level": 0}

each_law = pytest.mark.parametrize("name", sj.laws.names())


@dataclasses.dataclass(frozen=True, eq=False)
class Answer:
    """Values ``[examples, points]`` and gradients, each as float64 whatever the precision."""

    value: np.ndarray
    by_theta: dict[str, np.ndarray]
    by_input: dict[str, np.ndarray]

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """All of it by name."""
        return {"value": self.value, **self.by_theta, **self.by_input}


class Program:
    """A law with its gradients over coefficients and points, compiled once a precision."""

    def __init__(self, law: sj.Law):
        def of_a_run(theta, inputs):  # a law over schedules gives a loss a step: their mean counts
            return jnp.mean(law(theta, inputs))

        both = jax.value_and_grad(of_a_run if law.curve else law, argnums=(0, 1))
        over_points = jax.vmap(both, (None, 0))
        self._compiled: Any = jax.jit(jax.vmap(over_points, (0, None)), compiler_options=QUICKLY)

    def __call__(self, theta: Any, inputs: Any, dtype: Any = np.float64) -> Answer:
        with jax.enable_x64(dtype is np.float64):
            given = jax.tree.map(lambda x: jnp.asarray(x, dtype), (theta, inputs))
            value, (by_theta, by_input) = self._compiled(*given)
        assert value.dtype == dtype
        return Answer(np.asarray(value, np.float64), as_double(by_theta), as_double(by_input))


def as_double(tree: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(x, np.float64) for name, x in tree.items()}


@each_law
def test_works_over_its_usual_domain(name):
    for law in atlas.members(name):
        walk(law)


def walk(law: sj.Law) -> None:
    """Check values and gradients under jit, vmap and grad in both precisions, and the shape."""
    examples = atlas.examples(law)
    theta = {n: np.array([e.theta[n] for e in examples]) for n in examples[0].theta}
    inputs = over_the_usual_domain(law, RUNS if law.curve else POINTS)
    program = Program(law)
    answer = program(theta, inputs)
    single = program(theta, inputs, np.float32)
    refuse_infinities(answer, answer, examples, inputs, "float64")
    refuse_infinities(single, answer, examples, inputs, "float32")
    float32_is_accurate(program, theta, inputs)
    derivatives_are_differences(program, answer, theta, inputs)
    falls_and_rises(program, law, theta)


def over_the_usual_domain(law: sj.Law, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Return points ``[count]``, or whole runs ``[count, STEPS]`` of a law over schedules."""
    if law.curve:
        return atlas.usual_runs(law, count, STEPS, seed)
    return atlas.usual_points(law, count, seed)


def refuse_infinities(answer: Answer, exact: Answer, examples, inputs, what: str) -> None:
    """Refuse what is not finite, unless the number itself is beyond float32."""
    largest = np.finfo(np.float32).max if what == "float32" else np.inf
    for part, values in answer.parts.items():
        bad = np.argwhere(~np.isfinite(values) & ~(np.abs(exact.parts[part]) >= largest))
        if len(bad):
            row, column = bad[0][:2]
            at = {n: x[column] for n, x in inputs.items()}
            estimate = examples[row].estimate or "generic coefficients"
            kind = "value" if part == "value" else f"derivative by {part}"
            label = examples[row].law.label
            pytest.fail(f"{label}, {what}: the {kind} is not finite for {estimate} at {at}")


def float32_is_accurate(program: Program, theta, inputs) -> None:
    theta, inputs = (
        {n: np.asarray(np.float32(x), np.float64) for n, x in tree.items()}
        for tree in (theta, inputs)
    )
    exact, single = program(theta, inputs), program(theta, inputs, np.float32)
    spread = np.max(np.abs(exact.value), axis=1, keepdims=True)
    error = np.abs(single.value - exact.value) - SINGLE * np.abs(exact.value)
    assert np.all(error <= SINGLE * spread), "float32 is far from float64"


def derivatives_are_differences(program: Program, answer: Answer, theta, inputs) -> None:
    """Compare with central differences along one direction through everything at once."""
    rng = np.random.default_rng(1)
    by_theta = {n: x * rng.uniform(-1.0, 1.0) for n, x in theta.items()}
    still = ("step", "warmup_steps") if inputs_are_runs(inputs) else ()
    by_input = {
        n: x * (0.0 if n in still else rng.uniform(-1.0, 1.0, x.shape)) for n, x in inputs.items()
    }
    terms = [answer.by_theta[n] * by_theta[n][:, None] for n in theta]
    moved = [answer.by_input[n] * by_input[n] for n in inputs if n not in still]
    terms += [np.sum(x, axis=-1) if x.ndim == 3 else x for x in moved]
    up, down = (
        program(
            {n: x + step * by_theta[n] for n, x in theta.items()},
            {n: x + step * by_input[n] for n, x in inputs.items()},
        ).value
        for step in (STEP, -STEP)
    )
    difference = (up - down) / (2.0 * STEP)
    allowed = SLOPE * sum(np.abs(t) for t in terms) + ROUNDING * np.abs(answer.value)
    wrong = np.abs(difference - sum(terms)) > allowed
    # A corner of the domain may lie on an edge of the law itself (min, max), where one side counts.
    assert np.mean(wrong) <= 0.05, f"{np.mean(wrong):.0%} of the derivatives are no differences"


def inputs_are_runs(inputs) -> bool:
    return any(np.ndim(x) == 2 for x in inputs.values())


def falls_and_rises(program: Program, law: sj.Law, theta) -> None:
    """Walk along each column that the law is said to fall or rise in."""
    count = (RUNS if law.curve else POINTS) // LINES
    for column, sign in [*((c, -1) for c in law.decreasing), *((c, 1) for c in law.increasing)]:
        start = over_the_usual_domain(law, LINES, seed=2)
        inputs = {n: np.repeat(x, count, axis=0) for n, x in start.items()}
        (variable,) = (v for v in law.inputs if v.column == column)
        walked = np.tile(atlas.steps(variable, count), LINES)
        shape = inputs[column].shape
        inputs[column] = np.broadcast_to(walked.reshape(-1, *[1] * (len(shape) - 1)), shape)
        value = program(theta, inputs).value.reshape(-1, LINES, count)
        change = sign * np.diff(value, axis=-1)
        assert np.all(change >= -FLAT * np.abs(value[..., 1:])), f"not monotone in {column}"
        assert np.any(change > 0.0), f"does not depend on {column}"


@each_law
def test_units_are_true(name):
    for law in atlas.members(name):
        sj.laws.check(law)


@each_law
def test_published_constants_lie_inside_the_declared_bounds(name):
    for estimate in sj.laws.get(name).published().values():
        bounds = {p.name: p.bounds for p in estimate.law.parameters}
        for parameter, value in estimate.params.items():
            low, high = bounds[parameter]
            assert low <= value <= high, (estimate.name, parameter, value)


@each_law
def test_every_input_has_a_usual_range_within_its_domain(name):
    for variable in sj.laws.get(name).inputs:
        low, high = atlas.usual(variable)
        assert variable.domain[0] <= low < high <= variable.domain[1], variable.column


def test_members_of_a_family_are_all_walked():
    breaks = {dict(law.options)["breaks"] for law in atlas.members("bnsl")}
    assert {1, 3} <= breaks


def test_a_wrong_derivative_is_found():
    """The walk sees a derivative that is off by a tenth."""

    @jax.custom_jvp
    def square(x):
        return x * x

    @square.defjvp
    def _(primals, tangents):
        return square(*primals), 2.2 * primals[0] * tangents[0]

    law = sj.Law(
        name="wrong",
        function=lambda tokens, *, a: a * square(tokens),
        inputs=(sj.Variable("tokens"),),
        output=sj.Variable("loss"),
        parameters=(sj.Parameter("a", unit="loss * tokens**-2"),),
    )
    theta, inputs = {"a": np.ones(1)}, atlas.usual_points(law, POINTS)
    program = Program(law)
    with pytest.raises(AssertionError, match="no differences"):
        derivatives_are_differences(program, program(theta, inputs), theta, inputs)

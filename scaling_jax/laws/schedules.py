"""Laws over whole learning-rate schedules: a run is a curve, the prediction the loss at every step.

What a schedule has done up to a point is summed up over every optimiser step, whether recorded or
not, see `scaling_jax.laws.schedule_sums`; columns are `step`, `learning_rate` (the rate of the
update that led to the step) and `warmup_steps` (0 for none).
"""

from typing import Any

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import history_sum, power
from scaling_jax.laws.parts import INF, REAL_LINE, Curve, Parameter, Quantity, Variable
from scaling_jax.laws.registry import family, law
from scaling_jax.laws.schedule_sums import BEFORE, TINY, Segments, nodes_before, recurrence

_STEP = Variable("step", "s", "optimiser step", usual=(1.0, 1e6), bounds=(0.0, INF))
_RATE = Variable(
    "learning_rate",
    "eta",
    "learning rate of the update that led to the step",
    usual=(1e-6, 1e-2),
    bounds=(0.0, INF),
)
_WARMUP = Variable(
    "warmup_steps",
    "W",
    "steps in which the rate rises linearly from zero, before the first point or beyond",
    "steps",
    usual=(0.0, 5000.0),
    bounds=(0.0, INF),
)
_SIZE = Variable("params", usual=(1e7, 1e10))
_SCHEDULE = (_STEP, _RATE, _WARMUP)
_COLUMNS = ("step", "learning_rate", "warmup_steps")
_AREA = Quantity("area", "learning_rate * step", "S1", "sum of the rates of every step")
_LARGEST = 2**28  # numbers of a history that are made at once

_OFFSET = Parameter("L0", "loss that no schedule goes below", "loss")
_FORWARD = Parameter(
    "A", "amplitude of the forward area", "loss * learning_rate**alpha * step**alpha"
)


# The annealing momentum law


def _forward_and_annealing(momentum: float) -> Curve:
    def sums(at: Any, *, step: Any, learning_rate: Any, warmup_steps: Any) -> dict[str, Any]:
        pieces = Segments.of(step, learning_rate, warmup_steps)
        area, annealing = pieces.area(), pieces.annealing(momentum)
        return {"area": area[..., at + BEFORE], "annealing_area": annealing[..., at + BEFORE]}

    annealing = Quantity(
        "annealing_area", "learning_rate * step", "S2", "sum of the momentum of the rate's falls"
    )
    return Curve(_COLUMNS, (_AREA, annealing), sums)


@family("annealing_momentum_law")
def annealing_momentum_law(momentum: float = 0.999) -> Law:
    """Return the loss at every step: a power of the forward area minus the annealing area.

    Args:
        momentum: lam, the share of the momentum that a step keeps; 0.99 to 0.999, not fitted.
    """
    _check_momentum("annealing_momentum_law", momentum)

    def loss(area, annealing_area, *, L0, A, alpha, C):
        return L0 + A * power(area, -alpha) - C * annealing_area

    return Law(
        name="annealing_momentum_law",
        function=loss,
        inputs=_SCHEDULE,
        output=Variable("loss"),
        parameters=(
            _OFFSET,
            _FORWARD,
            Parameter("alpha", "exponent of the forward area"),
            Parameter(
                "C", "amplitude of the annealing area", "loss / learning_rate / step",
                start=(0.01, 3.0),
            ),
        ),
        formula="L(s) = L0 + A*S1(s)**(-alpha) - C*S2(s)",
        curve=_forward_and_annealing(momentum),
    )  # fmt: skip


@family("annealing_momentum_law_n")
def annealing_momentum_law_n(momentum: float = 0.999) -> Law:
    """Return the loss at every step of runs of several sizes; ``.fix(gamma=0.0)`` leaves gamma out.

    Args:
        momentum: lam, the share of the momentum that a step keeps; 0.99 to 0.999, not fitted.
    """
    _check_momentum("annealing_momentum_law_n", momentum)

    def loss(area, annealing_area, params, *, L0, A, alpha, B, beta, C, gamma):
        forward = A * power(area, -alpha) + B * power(params, -beta)
        return L0 + forward - C * annealing_area * power(params, -gamma)

    return Law(
        name="annealing_momentum_law_n",
        function=loss,
        inputs=(*_SCHEDULE, _SIZE),
        output=Variable("loss"),
        parameters=(
            _OFFSET,
            _FORWARD,
            Parameter("alpha", "exponent of the forward area"),
            Parameter("B", "amplitude of the model size", "loss * params**beta"),
            Parameter("beta", "exponent of the model size"),
            Parameter(
                "C", "amplitude of the annealing area",
                "loss / learning_rate / step * params**gamma", start=(0.01, 3.0),
            ),
            Parameter("gamma", "exponent of the size in the annealing term", bounds=REAL_LINE),
        ),
        formula="L(s, N) = L0 + A*S1**(-alpha) + B*N**(-beta) - C*S2*N**(-gamma)",
        decreasing=("params",),
        curve=_forward_and_annealing(momentum),
    )  # fmt: skip


def _check_momentum(name: str, momentum: float) -> None:
    if not 0.0 < momentum < 1.0:
        raise LawError(f"the momentum of {name} lies between 0 and 1, not {momentum}")


# The forward momentum law

_B1, _B2, _VS, _EPS = 0.9, 0.999, 1e5, 1e-8  # fixed by the authors' code


def _adaptive_momentum(at: Any, *, step: Any, learning_rate: Any) -> dict[str, Any]:
    """Return forward effect and momentum of the logged points: they depend on which are logged."""
    step, rate = jnp.broadcast_arrays(step, learning_rate)
    width = jnp.diff(step, axis=-1, prepend=0.0)
    fall = jnp.concatenate([jnp.zeros_like(rate[..., :1]), -jnp.diff(rate, axis=-1)], axis=-1)
    number = jnp.arange(1.0, rate.shape[-1] + 1.0, dtype=rate.dtype)
    first = recurrence(_B1, (1.0 - _B1) * fall * width) / (1.0 - _B1**number)
    second = recurrence(_B2, (1.0 - _B2) * (fall * width) ** 2) / (1.0 - _B2**number)
    ratio = first / (jnp.sqrt(_VS * second + _EPS) + _EPS)
    found = {"area": jnp.cumsum(rate * width, axis=-1), "momentum": jnp.cumsum(ratio, axis=-1)}
    return {name: values[..., at] for name, values in found.items()}


@law(
    name="forward_momentum_law",
    formula="L = L0 + A*S**(-alpha_S) + B*N**(-alpha_N) - C*Mm",
    parameters=[
        _OFFSET,
        Parameter("A", "amplitude of the forward area", "loss"),
        Parameter("alpha_S", "exponent of the forward area"),
        Parameter("B", "amplitude of the model size", "loss * params**alpha_N"),
        Parameter("alpha_N", "exponent of the model size"),
        Parameter("C", "amplitude of the annealing momentum", "loss", start=(1e-5, 0.1)),
    ],
    inputs=[_STEP, _RATE, _SIZE],
    decreasing=["params"],
    curve=Curve(
        ("step", "learning_rate"),
        (
            Quantity("area", symbol="S", meaning="forward effect"),
            Quantity("momentum", symbol="Mm", meaning="annealing momentum, scaled as by Adam"),
        ),
        _adaptive_momentum,
    ),
)
def forward_momentum_law(area, momentum, params, *, L0, A, alpha_S, B, alpha_N, C):
    """Loss at every logged step for runs of several sizes."""
    return L0 + A * power(area, -alpha_S) + B * power(params, -alpha_N) - C * momentum


# The multi-power law


def _falls(at: Any, *, step: Any, learning_rate: Any, warmup_steps: Any) -> dict[str, Any]:
    pieces = Segments.of(step, learning_rate, warmup_steps)
    _check_size("multi_power_law", pieces, at)
    nodes = jax.vmap(lambda point: nodes_before(pieces, point), out_axes=-2)(at)
    return {
        "area": pieces.area()[..., at + BEFORE],
        "fall": -nodes.steps * nodes.change,
        "rate": jnp.maximum(nodes.rate, TINY),
        "area_since": jnp.maximum(nodes.area, TINY),
    }


def _check_size(name: str, pieces: Segments, at: Any) -> None:
    """Refuse a history that would fill the memory."""
    if at.shape[0] * pieces.steps.size * 3 > _LARGEST:
        raise LawError(
            f"{name} sums over the history of every point: {at.shape[0]} points of schedules of "
            f"{pieces.steps.size} points in all are too many at once; choose points with at="
        )


@law(
    name="multi_power_law",
    formula="L(t) = L0 + A*S1(t)**(-alpha) - B*sum_{k=1..t} (eta_{k-1} - eta_k)*"
    "(1 - (C*eta_k**(-gamma)*S_k(t) + 1)**(-beta)) ; S_k(t) = sum_{tau=k..t} eta_tau",
    parameters=[
        _OFFSET,
        _FORWARD,
        Parameter("alpha", "exponent of the forward area"),
        Parameter("B", "amplitude of the falls of the rate", "loss / learning_rate"),
        Parameter(
            "C", "how fast the gain of a fall comes in",
            "learning_rate**(gamma - 1) / step", start=(10.0, 1e4),
        ),
        Parameter("beta", "exponent of that gain"),
        Parameter("gamma", "exponent of the rate after the fall"),
    ],
    inputs=_SCHEDULE,
    curve=Curve(
        _COLUMNS,
        (
            _AREA,
            Quantity("fall", "learning_rate", "eta_{k-1} - eta_k", "falls of the rate", True),
            Quantity("rate", "learning_rate", "eta_k", "rate after that fall", True),
            Quantity("area_since", "learning_rate * step", "S_k", "area since that fall", True),
        ),
        _falls,
        mass="fall",
    ),
)  # fmt: skip
def multi_power_law(area, fall, rate, area_since, *, L0, A, alpha, B, C, beta, gamma):
    """Loss at every step; a rise of the rate, as in the warm-up, counts as a negative fall."""

    def gain(fall, log_rate, log_area, log_c, beta, gamma):
        x = jnp.exp(log_c + log_area - gamma * log_rate)
        return -fall * jnp.expm1(-beta * jnp.log1p(x))

    history = (fall, jnp.log(rate), jnp.log(area_since))
    return L0 + A * power(area, -alpha) - B * history_sum(gain, history, (jnp.log(C), beta, gamma))


# The functional scaling law


def _kernel_regression(at: Any, *, step: Any, learning_rate: Any, warmup_steps: Any) -> dict:
    pieces = Segments.of(step, learning_rate, warmup_steps)
    _check_size("functional_scaling_law", pieces, at)
    nodes = jax.vmap(lambda point: nodes_before(pieces, point), out_axes=-2)(at)
    return {
        "time": pieces.area()[..., at + BEFORE],
        "noise": nodes.steps * nodes.rate**2,
        "time_then": nodes.past + 0.5 * nodes.rate,  # the middle of a step
        "age": jnp.maximum(nodes.area - 0.5 * nodes.rate, 0.0),
    }


@law(
    name="functional_scaling_law",
    formula="R(t) = sigma**2/2 + M**(-s*beta) + e(t) + integral_0^t K(t - z)*(e(z) + sigma**2)*"
    "eta/b dz ; e(t) = (1 + t)**(-s) ; K(t) = (1 + t)**(-(2 - 1/beta)) ; t = sum of eta",
    parameters=[
        Parameter("s", "difficulty of the task (source exponent)"),
        Parameter("beta", "decay of the spectrum (capacity exponent)", bounds=(1.0, INF)),
        Parameter("sigma", "standard deviation of the label noise"),
    ],
    output=Variable("risk", "R", "population risk", usual=(1e-6, 10.0), bounds=(0.0, INF)),
    inputs=[
        _STEP,
        Variable(
            "learning_rate", "eta", "learning rate of the update that led to the step",
            usual=(1e-6, 1.0), bounds=(0.0, INF),
        ),
        _WARMUP,
        Variable("width", "M", "number of features", "features", usual=(10.0, 1e5)),
        Variable("batch_examples", "b", "examples in a batch", "examples", usual=(1.0, 1e4),
                 bounds=(1.0, INF)),
    ],
    decreasing=["width", "batch_examples"],
    curve=Curve(
        _COLUMNS,
        (
            Quantity("time", symbol="t", meaning="intrinsic time: the sum of the rates"),
            Quantity("noise", symbol="eta**2", meaning="squared rates before", history=True),
            Quantity("time_then", symbol="z", meaning="intrinsic time of that step", history=True),
            Quantity("age", symbol="t - z", meaning="intrinsic time since then", history=True),
        ),
        _kernel_regression,
        mass="noise",
    ),
)  # fmt: skip
def functional_scaling_law(
    time, noise, time_then, age, width, batch_examples, *, s, beta, sigma
):  # fmt: skip
    """Risk at every step of one-pass SGD; holds up to constant factors."""

    def term(noise, log_then, log_age, s, beta, variance):
        signal = jnp.exp(-s * log_then) + variance
        return noise * jnp.exp(-(2.0 - 1.0 / beta) * log_age) * signal

    history = (noise, jnp.log1p(time_then), jnp.log1p(age))
    forgotten = history_sum(term, history, (s, beta, sigma**2)) / batch_examples
    learned = power(width, -s * beta) + power(1.0 + time, -s)
    return 0.5 * sigma**2 + learned + forgotten


# The convex bound


def _bound(at: Any, *, step: Any, learning_rate: Any, warmup_steps: Any) -> dict[str, Any]:
    pieces = Segments.of(step, learning_rate, warmup_steps)
    area, squares = pieces.area(), pieces.squares()

    def last_iterate(point: Any) -> jax.Array:
        nodes = nodes_before(pieces, point, order=3, leave_last=1)
        after = jnp.maximum(nodes.area - nodes.rate, TINY * nodes.area)
        return jnp.sum(nodes.steps * nodes.rate * nodes.squares / (after * nodes.area), axis=-1)

    # Point by point: all histories together do not fit the memory for a schedule of every step.
    spread = jnp.moveaxis(jax.lax.map(last_iterate, at), 0, -1)
    spread = spread + squares[..., at + BEFORE] / area[..., at + BEFORE]
    return {"area": area[..., at + BEFORE], "spread": 0.5 * spread}


@law(
    name="convex_schedule_bound",
    formula="bound(T) = D**2/(2*gamma*Sigma_1) + gamma*G**2/2*(sum_{t=1..T} eta_t**2/Sigma_1 + "
    "sum_{k=1..T-1} eta_k/(Sigma_{k+1}*Sigma_k)*sum_{t=k..T} eta_t**2) ; "
    "Sigma_k = sum_{t=k..T} eta_t",
    parameters=[
        Parameter("D", "distance of the start to the optimum", start=(0.1, 10.0)),
        Parameter("G", "bound on the norm of the gradients", start=(0.1, 10.0)),
        Parameter("gamma", "factor of the learning rates", start=(0.1, 10.0)),
    ],
    output=Variable("suboptimality", "f", "objective above its optimum", usual=(1e-6, 1e6)),
    inputs=[
        _STEP,
        Variable(
            "learning_rate", "eta", "rate of the update that led to the step, up to `gamma`",
            usual=(1e-6, 10.0), bounds=(0.0, INF),
        ),
        _WARMUP,
    ],
    curve=Curve(
        _COLUMNS,
        (
            Quantity("area", symbol="Sigma_1", meaning="sum of the rates of every step"),
            Quantity("spread", symbol="T2", meaning="what the noise of the last steps adds"),
        ),
        _bound,
    ),
)  # fmt: skip
def convex_schedule_bound(area, spread, *, D, G, gamma):
    """Bound on the last iterate of SGD; infinite where the last rate is zero, so stop before."""
    return D**2 / (2.0 * gamma * area) + gamma * G**2 * spread


# The river valley


@law(
    name="river_valley",
    formula="hill = eta/2*sigma**2*d",
    parameters=[Parameter("sigma", "gradient noise a sharp direction", start=(0.01, 10.0))],
    output=Variable("hill_loss", "hill", "loss above the river", "nats per token"),
    inputs=[
        Variable("learning_rate", "eta", "learning rate", usual=(1e-6, 1e-2)),
        Variable("sharp_directions", "d", "number of sharp directions", usual=(1.0, 1e9),
                 bounds=(0.0, INF)),
    ],
    increasing=["learning_rate", "sharp_directions"],
)  # fmt: skip
def river_valley(learning_rate, sharp_directions, *, sigma):
    """Stationary loss above the river of a quadratic valley under the noise of SGD.

    This is what a decay of the rate removes; the loss along the river depends on the area alone.
    """
    return 0.5 * learning_rate * sigma**2 * sharp_directions

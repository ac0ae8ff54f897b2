"""Hyperparameters: the learning rate, batch size and weight decay that are best at a scale."""

import itertools

import jax
import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Anchor, Parameter, Variable
from scaling_jax.laws.registry import law, register
from scaling_jax.laws.templates import (
    FALLING,
    RISING,
    alternatives,
    power_law,
    powers,
    product_of_powers,
)

_FALLING_START = (-1.0, -0.02)
_LEARNING_RATE = Variable("learning_rate", "lr_opt", "optimal peak learning rate")
_BATCH = Variable("batch_tokens", "B_opt", "optimal batch")
_PARAMS = Variable("params", "N", usual=(1e6, 1e12))
_TOKENS = Variable("tokens", "D", usual=(1e8, 1e14))
_COMPUTE = Variable("compute_flops", "C", usual=(1e16, 1e25))
_LOSS = Variable("loss", "L", usual=(0.5, 8.0), bounds=SCALE)


# In model size

power_law(
    "porian_lr",
    "lr_opt(N) = c * N**a (rounded version used for training: lr = 0.0047 * (N/108e6)**(-1/3))",
    Variable("params", "N", "parameters, the head included", usual=(1e6, 1e11)),
    _LEARNING_RATE,
    amplitude="c",
    exponent="a",
    bounds=FALLING,
    start=_FALLING_START,
)
power_law(
    "porian_bs",
    "B_opt(N) = c * N**b tokens (rounded version: B = 160*(N/108e6)**(2/3) sequences of 2048 "
    "tokens)",
    Variable("params", "N", "parameters, the head included", usual=(1e6, 1e11)),
    _BATCH,
    amplitude="c",
    exponent="b",
    bounds=RISING,
)


@law(
    name="kaplan_lr",
    formula="lr(N) = c0 + c1*log(N)",
    parameters=[
        Parameter("c0", "learning rate at N = 1", "learning_rate", start=(0.1, 10.0)),
        Parameter("c1", "slope per e-fold", "learning_rate", FALLING, start=(-1.0, -0.01)),
    ],
    inputs=[Variable("params", "N", "non-embedding parameters", usual=(1e3, 1e10))],
    output=Variable("learning_rate", "lr", "peak learning rate"),
    decreasing=["params"],
)
def kaplan_lr(params, *, c0, c1) -> jax.Array:
    """Return the learning rate of the rule of thumb, positive up to 1e10 parameters."""
    return c0 + c1 * jnp.log(params)


# In compute

power_law(
    "deepseek_lr",
    "lr_opt(C) = c * C**a",
    _COMPUTE,
    _LEARNING_RATE,
    amplitude="c",
    exponent="a",
    bounds=FALLING,
    start=_FALLING_START,
)
power_law(
    "deepseek_bs",
    "B_opt(C) = c * C**b",
    _COMPUTE,
    _BATCH,
    amplitude="c",
    exponent="b",
    bounds=RISING,
)


def _of_compute(name: str) -> None:
    """Register the two laws of compute that share their letters."""
    formula = "lr_opt(C) = c_l*C**a ; B_opt(C) = c_b*C**b"
    alternatives(
        {
            "learning_rate": powers(
                name,
                formula,
                [_COMPUTE],
                _LEARNING_RATE,
                amplitude="c_l",
                exponents=["a"],
                bounds=[FALLING],
                starts=[_FALLING_START],
            ),
            "batch_tokens": powers(
                name,
                formula,
                [_COMPUTE],
                _BATCH,
                amplitude="c_b",
                exponents=["b"],
                bounds=[RISING],
            ),
        }
    )


_of_compute("moonlight_lr_bs")
_of_compute("ling_moe_lr_bs")


# In model size and tokens

product_of_powers(
    "step_law_lr",
    "lr_opt(N, D) = c_lr * N**a_N * D**a_D",
    [
        Variable(
            "params", "N", "parameters without vocabulary; of MoE the total", usual=(1e7, 1e12)
        ),
        _TOKENS,
    ],
    _LEARNING_RATE,
    amplitude="c_lr",
    exponents=["a_N", "a_D"],
    bounds=[FALLING, RISING],
    starts=[_FALLING_START, None],
)
power_law(
    "step_law_bs",
    "B_opt(D) = c_b * D**b_D",
    _TOKENS,
    _BATCH,
    amplitude="c_b",
    exponent="b_D",
    bounds=RISING,
)
power_law(
    "power_lines_bopt",
    "B_opt(D) = c * D**m",
    _TOKENS,
    _BATCH,
    amplitude="c",
    exponent="m",
    bounds=RISING,
)

_BJORCK = (
    "single model: lr_opt(D) = B * D**(-beta) ; joint: lr_opt(N, D) = C * N**(-alpha) * D**(-beta)"
)
alternatives(
    {
        "joint": powers(
            "bjorck_lr",
            _BJORCK,
            [_PARAMS, _TOKENS],
            _LEARNING_RATE,
            amplitude="C",
            exponents=["alpha", "beta"],
            divided=True,
        ),
        "one_model": powers(
            "bjorck_lr",
            _BJORCK,
            [_TOKENS],
            _LEARNING_RATE,
            amplitude="B",
            exponents=["beta"],
            divided=True,
        ),
    },
    option="scope",
)


# In the loss reached

register(
    powers(
        "minicpm_bs",
        "B_opt(L) = c / L**p",
        [_LOSS],
        _BATCH,
        amplitude="c",
        exponents=["p"],
        starts=[(1.0, 10.0)],
        divided=True,
    )
)

_MEITUAN = "lr_opt(L) = lam * L**(-alpha) ; B_opt(L) = lam_B * L**(-alpha_B)"


def _of_loss(output: Variable, amplitude: str, exponent: str) -> Law:
    return powers(
        "meituan_lr_bs",
        _MEITUAN,
        [_LOSS],
        output,
        amplitude=amplitude,
        exponents=[exponent],
        bounds=[REAL_LINE],
        starts=[(-5.0, 5.0)],
        divided=True,
    )


alternatives(
    {
        "learning_rate": _of_loss(_LEARNING_RATE, "lam", "alpha"),
        "batch_tokens": _of_loss(_BATCH, "lam_B", "alpha_B"),
    }
)


# Weight decay: the time constant of AdamW as a fraction of the run

_TAU = (
    "tau = B/(eta*lam*D) ; tau_opt(TPP) = c_tau * TPP**m_tau, TPP = D/N ; "
    "lam_opt = B/(eta*D*tau_opt(D/N))"
)


def _weight_decay(batch_tokens, learning_rate, tokens, params, *, c_tau, m_tau):
    """Return the weight decay that gives AdamW the optimal time constant."""
    log_tau = jnp.log(c_tau) + m_tau * (jnp.log(tokens) - jnp.log(params))
    log_steps = jnp.log(batch_tokens) - jnp.log(learning_rate) - jnp.log(tokens)
    return jnp.exp(log_steps - log_tau)


alternatives(
    {
        "timescale": powers(
            "power_lines_tau",
            _TAU,
            [Variable("tokens_per_param", "TPP", usual=(1.0, 1e4))],
            Variable("timescale", "tau_opt", "optimal time constant, fraction of the run"),
            amplitude="c_tau",
            exponents=["m_tau"],
            bounds=[FALLING],
            starts=[_FALLING_START],
        ),
        "weight_decay": Law(
            name="power_lines_tau",
            function=_weight_decay,
            inputs=(
                Variable("batch_tokens", "B", usual=(1e4, 1e8)),
                Variable("learning_rate", "eta", "peak learning rate, adjusted by muP"),
                _TOKENS,
                _PARAMS,
            ),
            output=Variable("weight_decay", "lam_opt", "optimal weight decay"),
            parameters=(
                Parameter(
                    "c_tau",
                    "amplitude",
                    "batch_tokens * params**m_tau / (weight_decay * learning_rate)"
                    " / tokens**(1 + m_tau)",
                ),
                Parameter("m_tau", "exponent of TPP", bounds=FALLING, start=_FALLING_START),
            ),
            formula=_TAU,
            decreasing=("learning_rate",),
            increasing=("batch_tokens",),
        ),
    }
)


# Local SGD with replicas

_REPLICAS = Variable("replicas", "M", "replicas", "count", (1.0, 64.0), (1.0, INF))


def _diloco(name: str, formula: str, output: Variable, bounds: tuple[float, float]) -> None:
    """Register the law of each number of replicas, and the joint one."""
    start = _FALLING_START if bounds == FALLING else None
    alternatives(
        {
            "each": powers(
                name,
                formula,
                [_PARAMS],
                output,
                exponents=["alpha"],
                bounds=[bounds],
                starts=[start],
            ),
            "joint": powers(
                name,
                formula,
                [_PARAMS, _REPLICAS],
                output,
                exponents=["alpha", "beta"],
                bounds=[bounds, REAL_LINE],
                starts=[start, None],
            ),
        },
        option="replicas",
    )


_diloco(
    "diloco_lr",
    "gamma_M(N) = A*N**alpha ; joint gamma(N, M) = A*N**alpha*M**beta",
    Variable("learning_rate", "gamma", "optimal inner learning rate"),
    FALLING,
)
_diloco(
    "diloco_bs",
    "B_M(N) = A*N**alpha ; joint B(N, M) = A*N**alpha*M**beta",
    Variable("batch_tokens", "B", "optimal global batch"),
    RISING,
)


# The loss around the optimum: a quadratic polynomial of four logarithms

_POLYNOMIAL = {"learning_rate": "lr", "batch_tokens": "bsz", "tokens": "D", "params": "N"}
_PAIRS = tuple(itertools.combinations_with_replacement(_POLYNOMIAL.values(), 2))


def _moved(theta, origin):
    """Return the polynomial's coefficients after moving its origin, by letter."""
    quadratic = {f"theta_{a}_{b}": theta[f"theta_{a}_{b}"] for a, b in _PAIRS}
    linear = {f"theta_{a}": theta[f"theta_{a}"] for a in _POLYNOMIAL.values()}
    constant = theta["theta_0"] + sum(linear[f"theta_{a}"] * m for a, m in origin.items())
    for a, b in _PAIRS:
        q = quadratic[f"theta_{a}_{b}"]
        constant = constant + q * origin[a] * origin[b]
        linear[f"theta_{a}"] = linear[f"theta_{a}"] + q * origin[b]
        linear[f"theta_{b}"] = linear[f"theta_{b}"] + q * origin[a]
    return {"theta_0": constant, **linear, **quadratic}


def _to_natural(theta, logs):
    origin = {letter: -logs[column] for column, letter in _POLYNOMIAL.items()}
    moved = _moved(theta, origin)
    return {**moved, "theta_0": moved["theta_0"] + logs["loss"]}


def _from_natural(theta, logs):
    origin = {letter: logs[column] for column, letter in _POLYNOMIAL.items()}
    moved = _moved(theta, origin)
    return {**moved, "theta_0": moved["theta_0"] - logs["loss"]}


def _log_polynomial(*, learning_rate, batch_tokens, tokens, params, **theta):
    columns = (learning_rate, batch_tokens, tokens, params)
    logs = dict(zip(_POLYNOMIAL.values(), map(jnp.log, columns), strict=True))
    linear = sum(theta[f"theta_{a}"] * x for a, x in logs.items())
    quadratic = sum(theta[f"theta_{a}_{b}"] * logs[a] * logs[b] for a, b in _PAIRS)
    return theta["theta_0"] + linear + quadratic


_COEFFICIENTS = tuple(
    Parameter(name, f"coefficient of {meaning}", bounds=REAL_LINE, start=(-0.2, 0.2))
    for name, meaning in (
        ("theta_0", "one"),
        *((f"theta_{a}", f"log {a}") for a in _POLYNOMIAL.values()),
        *((f"theta_{a}_{b}", f"log {a} * log {b}") for a, b in _PAIRS),
    )
)

register(
    Law(
        name="sld_lr_bsz",
        function=_log_polynomial,
        inputs=(
            Variable("learning_rate", "lr", usual=(1e-5, 1e-1)),
            Variable("batch_tokens", "bsz", usual=(1e4, 1e7)),
            _TOKENS,
            Variable("params", "N", "non-embedding parameters", usual=(1e7, 1e10)),
        ),
        output=Variable("loss", "L"),
        parameters=_COEFFICIENTS,
        formula="log L = quadratic polynomial in (log lr, log bsz, log D, log N): 1 + 4 + 10 = 15 "
        "coefficients on standardised logs",
        returns="log",
        # Logarithms of raw counts are far from zero and nearly collinear with their squares.
        anchor=Anchor(_COEFFICIENTS, _to_natural, _from_natural),
    )
)

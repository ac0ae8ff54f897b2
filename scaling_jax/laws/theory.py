"""Theory: laws that models of learning predict."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.implicit import root
from scaling_jax.laws.parts import SCALE, Parameter, Variable
from scaling_jax.laws.registry import family, law
from scaling_jax.laws.templates import RISING, alternatives, powers, sum_of_powers
from scaling_jax.laws.zeta import hurwitz_zeta

_NEWTON_STEPS = 12  # from the limit of infinitely many dimensions, which is at most a few % away


def log_ridge(count: Any, alpha: Any, lambda_plus: Any, latent: int) -> jax.Array:
    """Return the logarithm of Delta, the ridge that `count` features or samples amount to.

    Delta solves sum_I lambda_I / (lambda_I + Delta) = count over the `latent` eigenvalues
    lambda_plus * I**-(1 + alpha). The logarithm of the sum is concave and falls in log Delta, and
    the limit of infinitely many eigenvalues lies above the root: Newton's method descends to it.

    Args:
        count: Features or samples, below `latent`.
        alpha: Exponent of the spectrum.
        lambda_plus: Largest eigenvalue.
        latent: Number of eigenvalues, the dimension of the data.

    Reference: Maloney, Roberts, Sully (2022), arXiv:2210.16859.
    """
    log_index = np.log(np.arange(1.0, latent + 1.0))
    log_count, alpha = jnp.log(jnp.asarray(count)), jnp.asarray(alpha)

    def equation(log_delta, log_count, alpha):
        logits = (
            -(1.0 + alpha[..., None]) * log_index.astype(log_delta.dtype) - log_delta[..., None]
        )
        shares = jax.nn.sigmoid(logits)
        total = jnp.sum(shares, axis=-1)
        slope = -jnp.sum(shares * (1.0 - shares), axis=-1) / total
        return jnp.log(total) - log_count, slope

    limit = _log_limit(log_count, alpha)
    log_count, alpha = jnp.broadcast_arrays(log_count, alpha)
    return root(equation, limit, log_count, alpha, steps=_NEWTON_STEPS) + jnp.log(lambda_plus)


def _log_limit(log_count: Any, alpha: Any) -> jax.Array:
    """Return log(Delta / lambda_plus) for infinitely many dimensions and many features."""
    angle = jnp.pi / (1.0 + alpha)
    return (1.0 + alpha) * (jnp.log(angle / jnp.sin(angle)) - log_count)


@family("maloney_solvable")
def maloney_solvable(latent: int = 2000) -> Law:
    """Return the test loss of ridgeless random-feature regression on data of a dimension.

    The loss is infinite where features and samples are equally many, and zero from `latent` on.
    """
    if not isinstance(latent, int) or not 2 <= latent <= 100_000:
        raise LawError(f"maloney_solvable takes 2 to 100000 latent dimensions, not {latent!r}")

    def log_loss(features, samples, *, alpha, lambda_plus, sigma_w):
        few, many = jnp.minimum(features, samples), jnp.maximum(features, samples)
        log_delta = log_ridge(few, alpha, lambda_plus, latent)
        return 2.0 * jnp.log(sigma_w) + jnp.log(few) + log_delta - jnp.log1p(-few / many)

    return Law(
        name="maloney_solvable",
        function=log_loss,
        inputs=(
            Variable("features", "N", "random features (parameters)", "", (10.0, 100.0), SCALE),
            Variable("samples", "T", "training samples", "", (200.0, 1000.0), SCALE),
        ),
        output=Variable("loss", "L", "test loss", "mean squared error"),
        parameters=(
            Parameter("alpha", "exponent of the spectrum", start=(0.2, 2.0)),
            Parameter("lambda_plus", "largest eigenvalue", start=(0.5, 2.0)),
            Parameter("sigma_w", "standard deviation of the teacher's weights", "loss**0.5"),
        ),
        formula="L(N, T) = sigma_w**2 * n * Delta(n) / (1 - n/m), n = min(N,T), m = max(N,T); "
        "Delta solves sum_{I=1..M} lambda_I/(lambda_I + Delta) = n; "
        "lambda_I = lambda_plus * I**(-(1+alpha))",
        decreasing=("samples",),  # in the features it rises again towards the peak at N = T
        returns="log",
    )


sum_of_powers(
    "superposition_width",
    "L(m) = C_m / m**alpha_m + L_rest",
    [(Variable("width", "m", "model width", usual=(512.0, 12288.0)), "C_m", "alpha_m")],
    floor="L_rest",
)


@law(
    name="liu_trilogy",
    formula="L = L0 + c_m / m + c_l / l + c_D / D**0.30",
    parameters=[
        Parameter("L0", "entropy of the data", "loss"),
        Parameter("c_m", "width amplitude", "loss * width"),
        Parameter("c_l", "depth amplitude", "loss * depth"),
        Parameter("c_D", "data amplitude", "loss * tokens**0.30"),
    ],
    inputs=[
        Variable("width", "m", usual=(256.0, 16384.0)),
        Variable("depth", "l", usual=(4.0, 128.0)),
        Variable("tokens", "D", usual=(1e9, 1e13)),
    ],
    decreasing=["width", "depth", "tokens"],
)
def liu_trilogy(width, depth, tokens, *, L0, c_m, c_l, c_D):
    """Return the loss of width, depth and data, each with the exponent that theory gives it."""
    return L0 + c_m / width + c_l / depth + c_D * power(tokens, -0.30)


_QUANTA = (
    Parameter("a", "loss of a learned quantum", "loss", start=(0.01, 1.0)),
    Parameter("b", "loss of a quantum not learned", "loss", start=(0.5, 5.0)),
    Parameter("alpha", "exponent of the quanta's frequencies", start=(0.1, 1.5)),
)


def _learned(quanta, *, a, b, alpha):
    """Return the mean loss with the `quanta` most frequent ones learned: the sums, exactly."""
    missing = hurwitz_zeta(alpha + 1.0, quanta + 1.0) / hurwitz_zeta(alpha + 1.0)
    return a + (b - a) * missing


def _many_learned(log_quanta, a, b, alpha):
    """Return the mean loss with very many quanta learned."""
    return a + (b - a) * jnp.exp(-alpha * log_quanta) / (alpha * hurwitz_zeta(alpha + 1.0))


def _by_params(params, *, a, b, alpha, c):
    return _many_learned(jnp.log(params) - jnp.log(c), a, b, alpha)


def _by_examples(examples, *, a, b, alpha, tau):
    log_seen = jnp.log(examples) - jnp.log(tau) - jnp.log(hurwitz_zeta(alpha + 1.0))
    return _many_learned(log_seen / (1.0 + alpha), a, b, alpha)


def _by_steps(step, *, a, b, alpha, S_0):
    return _many_learned((jnp.log(step) - jnp.log(S_0)) / (1.0 + alpha), a, b, alpha)


def _quantum_law(function: Any, x: Variable, formula: str, *scale: Parameter) -> Law:
    return Law(
        name="michaud_quantization",
        function=function,
        inputs=(x,),
        output=Variable("loss", "L_n"),
        parameters=(*_QUANTA, *scale),
        formula=formula,
    )


_ASYMPTOTE = "L = a + (b-a)/(alpha*zeta(alpha+1)) * n**(-alpha) ; "
michaud_quantization = alternatives(
    {
        "quanta": _quantum_law(
            _learned,
            Variable("quanta", "n", "quanta learned", "", (1.0, 1e5), (0.0, math.inf)),
            "L_n = a * sum_{k<=n} p_k + b * sum_{k>n} p_k ; p_k = k**(-(alpha+1)) / zeta(alpha+1)",
        ),
        "params": _quantum_law(
            _by_params,
            Variable("params", "N", usual=(1e4, 1e10)),
            _ASYMPTOTE + "n = N/c",
            Parameter("c", "parameters a quantum", "params", start=(1e-3, 1.0)),
        ),
        "examples": _quantum_law(
            _by_examples,
            Variable("examples", "D", "training samples", usual=(1e4, 1e10)),
            _ASYMPTOTE + "n = (D/(tau*zeta(alpha+1)))**(1/(1+alpha))",
            Parameter("tau", "samples of a quantum to learn it", "examples", start=(1e-4, 1.0)),
        ),
        "step": _quantum_law(
            _by_steps,
            Variable("step", "S", usual=(1e2, 1e6)),
            _ASYMPTOTE + "n = (S/S_0)**(1/(1+alpha))",
            Parameter("S_0", "steps to the first quantum", "step", start=(1e-4, 1.0)),
        ),
    },
    option="x",
)

_SAMPLES = Variable("examples", "D", "dataset size", usual=(1e2, 1e7))
_WIDTH = Variable("width", "P", "width", usual=(16.0, 4096.0))


def _variance(x: Variable, amplitude: str) -> Law:
    def function(*, L_inf, **values):
        return L_inf + values[amplitude] / values[x.column]

    return Law(
        name="bahri_four_regimes",
        function=function,
        inputs=(x,),
        output=Variable("loss"),
        parameters=(
            Parameter("L_inf", "loss in the limit", "loss"),
            Parameter(amplitude, "amplitude", f"loss * {x.column}"),
        ),
        formula=f"L({x.symbol}) - L_inf = {amplitude} / {x.symbol}",
        decreasing=(x.column,),
    )


def _resolution(x: Variable, amplitude: str, exponent: str) -> Law:
    formula = f"L({x.symbol}) = {amplitude} * {x.symbol}**(-{exponent})"
    return powers(
        "bahri_four_regimes",
        formula,
        [x],
        "loss",
        amplitude=amplitude,
        exponents=[exponent],
        bounds=[RISING],
        divided=True,
    )


# Whether chance or resolution limits, and whether data or width are scaled.
bahri_four_regimes = alternatives(
    {
        "variance_data": _variance(_SAMPLES, "c_D"),
        "variance_width": _variance(_WIDTH, "c_P"),
        "resolution_data": _resolution(_SAMPLES, "A_D", "alpha_D"),
        "resolution_width": _resolution(_WIDTH, "A_P", "alpha_P"),
    },
    option="regime",
)

"""Reinforcement learning of language models and agents, and over-optimised reward models."""

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import log_sum_exp
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.registry import family, law

_SHARE = (0.0, 1.0)

# Reward from compute


@law(
    name="scalerl",
    formula="R_C - R_0 = (A - R_0) / (1 + (C_mid/C)**B)",
    parameters=[
        Parameter("A", "pass rate of unlimited compute", bounds=_SHARE, start=(0.45, 0.9)),
        Parameter("B", "exponent of compute", start=(0.5, 3.0)),
        Parameter("C_mid", "compute at half of the gain", "gpu_hours"),
    ],
    inputs=[
        Variable("gpu_hours", "C", "compute of the RL run", "GPU-hours", (100.0, 1e5), SCALE),
        Variable("initial_pass_rate", "R_0", "measured before RL", "", (0.05, 0.4), _SHARE),
    ],
    output=Variable("pass_rate", "R_C", "pass rate on held-out prompts"),
    increasing=["gpu_hours"],
)
def scalerl(gpu_hours, initial_pass_rate, *, A, B, C_mid):
    """Return the pass rate of a run, which rises from its start to A."""
    gained = jax.nn.sigmoid(B * (jnp.log(gpu_hours) - jnp.log(C_mid)))
    return initial_pass_rate + (A - initial_pass_rate) * gained


@family("rl_math_posttraining")
def rl_math_posttraining(x: str = "compute_flops") -> Law:
    """Return the test loss of RL post-training from ``x="compute_flops"`` or ``"examples"``."""
    usual = {"compute_flops": (1e17, 1e23), "examples": (1e2, 1e6)}
    if x not in usual:
        raise LawError(f"rl_math_posttraining takes x='compute_flops' or 'examples', not {x!r}")

    def function(params, *, K_max, N_0, E, **column):
        return E - K_max * params / (params + N_0) * jnp.log(column[x])

    return Law(
        name="rl_math_posttraining",
        function=function,
        inputs=(
            Variable("params", "N", usual=(5e8, 7.2e10)),
            Variable(x, "X", "RL compute, or distinct samples", usual=usual[x]),
        ),
        output=Variable("test_loss", "L", "1 - reward / largest reward"),
        parameters=(
            Parameter("K_max", "exponent of the largest models", start=(0.01, 0.3)),
            Parameter("N_0", "size with half of it", "params"),
            Parameter("E", "intercept, one a size", bounds=REAL_LINE, start=(-0.5, 5.0)),
        ),
        formula="log L = -k*log(X) + E ; k = K_max / (1 + N_0/N)",
        decreasing=(x,),
        returns="log",
    )


@law(
    name="rl_intrinsic_performance",
    formula="I**(-beta) = (N_c/N)**alpha_N + (E_c/E)**alpha_E, with 1/beta = 1/alpha_N + 1/alpha_E",
    parameters=[
        Parameter("N_c", "scale of size", "params * intrinsic**(-alpha_E/(alpha_N + alpha_E))"),
        Parameter("alpha_N", "exponent of size"),
        Parameter(
            "E_c", "scale of interactions", "interactions * intrinsic**(-alpha_N/(alpha_N+alpha_E))"
        ),
        Parameter("alpha_E", "exponent of interactions"),
    ],
    inputs=[
        Variable("params", "N", "parameters", usual=(1e3, 1e9)),
        Variable("interactions", "E", "steps in the environment", "", (1e4, 1e11), SCALE),
    ],
    output=Variable(
        "intrinsic", "I", "least compute that reaches the return, whatever the model size"
    ),
    increasing=["params", "interactions"],
    returns="log",
)
def rl_intrinsic_performance(params, interactions, *, N_c, alpha_N, E_c, alpha_E):
    """Return the logarithm of the intrinsic performance."""
    size = alpha_N * (jnp.log(N_c) - jnp.log(params))
    data = alpha_E * (jnp.log(E_c) - jnp.log(interactions))
    return -(1.0 / alpha_N + 1.0 / alpha_E) * log_sum_exp(size, data)


@law(
    name="entropy_reward_law",
    formula="R = -a * exp(H) + b",
    parameters=[
        Parameter("a", "reward that a unit of exp(entropy) costs", "reward", start=(0.01, 1.0)),
        Parameter("b", "offset; the ceiling is b - a", "reward", REAL_LINE, (0.2, 2.0)),
    ],
    inputs=[Variable("entropy", "H", "entropy of the policy", "nats", (0.0, 2.0), (0.0, INF))],
    output=Variable("reward", "R", "validation reward"),
    decreasing=["entropy"],
)
def entropy_reward_law(entropy, *, a, b):
    """Return the reward that a policy has bought with its entropy."""
    return b - a * jnp.exp(entropy)


@law(
    name="vb_vs_vf",
    formula="gap = c * sqrt(H)",
    parameters=[Parameter("c", "constant of the bound", "gap * test_tokens**-0.5")],
    inputs=[
        Variable("test_tokens", "H", "tokens of a test-time answer", "tokens", (1e2, 1e6), SCALE)
    ],
    output=Variable("gap", "gap", "reward with a verifier less reward without, at least"),
    increasing=["test_tokens"],
)
def vb_vs_vf(test_tokens, *, c):
    """Return the least gap of finetuning with and without a verifier."""
    return c * jnp.sqrt(test_tokens)


# Over-optimisation: the true reward against the distance from the first policy


def _distance(low: float, high: float) -> Variable:
    return Variable(
        "sqrt_kl",
        "d",
        "square root of the KL divergence from the first policy",
        "nats**0.5",
        (low, high),
        (0.0, INF),
    )


@law(
    name="rm_overopt_bon",
    formula="R_bon(d) = d * (alpha_bon - beta_bon * d)",
    parameters=[
        Parameter("alpha_bon", "slope at the start", "gold_reward / sqrt_kl"),
        Parameter("beta_bon", "over-optimisation", "gold_reward * sqrt_kl**-2"),
    ],
    inputs=[_distance(0.0, 3.2)],  # the best of 1 to 60,000
    output=Variable("gold_reward", "R_bon", "true reward, 0 at the start"),
)
def rm_overopt_bon(sqrt_kl, *, alpha_bon, beta_bon):
    """Return the true reward of the best of n answers by a proxy."""
    return sqrt_kl * (alpha_bon - beta_bon * sqrt_kl)


@family("rm_overopt_rl")
def rm_overopt_rl(iterations: int = 1) -> Law:
    """Return the true reward under RL on a proxy that is trained anew `iterations` times."""
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 1:
        raise LawError(f"rm_overopt_rl takes iterations= 1 or more, not {iterations!r}")
    again = "" if iterations == 1 else f" + beta_RL*log({iterations})"

    def function(sqrt_kl, *, alpha_RL, beta_RL):
        return sqrt_kl * (alpha_RL - beta_RL * (jnp.log(sqrt_kl) - jnp.log(float(iterations))))

    return Law(
        name="rm_overopt_rl",
        function=function,
        inputs=(_distance(0.1, 12.0),),
        output=Variable("gold_reward", "R_RL", "true reward, 0 at the start"),
        parameters=(
            Parameter("alpha_RL", "slope at d = 1", "gold_reward"),
            Parameter("beta_RL", "over-optimisation", "gold_reward"),
        ),
        formula=f"R_RL(d) = d * (alpha_RL - beta_RL * log(d){again})",
    )

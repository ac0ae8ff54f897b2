"""Distillation: loss of a student over its size, its tokens and its teacher."""

import jax
import jax.numpy as jnp

from scaling_jax.laws.forms import log_coupled_powers
from scaling_jax.laws.parts import Parameter, Variable
from scaling_jax.laws.registry import law


@law(
    name="distillation_scaling",
    formula="L_S(N_S, D_S, L_T) = L_T + L_T**(-c0) * (1 + (L_T/(Lt_S*d1))**(1/f1))**(-c1*f1) * "
    "(A/N_S**alpha + B/D_S**beta)**gamma ; Lt_S = busbridge_supervised(N_S, D_S)",
    parameters=[
        # The formula adds losses to powers of losses, so amplitudes are in nats a token.
        Parameter("A", "model-size amplitude", "params**alpha", start=(0.1, 5.0)),
        Parameter("alpha", "model-size exponent"),
        Parameter("B", "data amplitude", "tokens**beta", start=(0.1, 5.0)),
        Parameter("beta", "data exponent"),
        Parameter("gamma", "coupling exponent", start=(0.15, 1.5)),
        Parameter("c0", "how a better teacher's loss weighs more", start=(0.5, 4.0)),
        Parameter("c1", "strength of the capacity gap", start=(1.0, 1000.0)),
        Parameter("d1", "teacher's loss over the student's at the gap", start=(0.7, 1.5)),
        Parameter("f1", "smoothness of the gap", start=(0.03, 1.0)),
    ],
    inputs=[
        Variable("params", "N_S", "student's non-embedding parameters", usual=(1.4e8, 1.3e10)),
        Variable("tokens", "D_S", "distillation tokens", usual=(2e9, 5e11)),
        Variable("teacher_loss", "L_T", "teacher's cross-entropy", "nats per token", (1.8, 3.2)),
        Variable(
            "supervised_loss",
            "Lt_S",
            "loss of the same student trained on labels",
            "nats per token",
            (1.8, 3.2),
        ),
    ],
    output=Variable("loss", "L_S", "student's cross-entropy"),
    decreasing=["params", "tokens"],
)
def distillation_scaling(
    params, tokens, teacher_loss, supervised_loss, *, A, alpha, B, beta, gamma, c0, c1, d1, f1
):
    """Return the student's loss; the protocol of the same name finds `supervised_loss` too."""
    log_u = jnp.log(A) - alpha * jnp.log(params)
    log_v = jnp.log(B) - beta * jnp.log(tokens)
    log_teacher = jnp.log(teacher_loss)
    # (1 + x**(1/f1))**(-c1*f1) is x**-523 beyond the gap: all in logarithms.
    beyond = jax.nn.softplus((log_teacher - jnp.log(supervised_loss) - jnp.log(d1)) / f1)
    log_gap = -c0 * log_teacher - c1 * f1 * beyond
    return teacher_loss + jnp.exp(log_gap + log_coupled_powers(log_u, log_v, gamma))

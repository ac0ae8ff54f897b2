"""Loss surfaces: loss as a function of model size and data."""

import dataclasses

import jax
import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import log_coupled_powers, log_sum_exp, power
from scaling_jax.laws.implicit import root
from scaling_jax.laws.parts import REAL_LINE, SCALE, Anchor, Parameter, Variable
from scaling_jax.laws.registry import family, law, register
from scaling_jax.laws.templates import sum_of_powers

_KAPLAN_EXPONENTS = (0.02, 1.0)  # published: 0.07 to 0.11 for text, up to 0.43 for translation


@law(
    name="kaplan_nd",
    formula="L(N, D) = ((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D",
    parameters=[
        Parameter("N_c", "scale constant", unit="params * loss**(1/alpha_N)", start=(0.05, 5.0)),
        Parameter("D_c", "scale constant", unit="tokens * loss**(1/alpha_D)", start=(0.05, 5.0)),
        Parameter("alpha_N", "exponent", start=_KAPLAN_EXPONENTS),
        Parameter("alpha_D", "exponent", start=_KAPLAN_EXPONENTS),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters"),
        Variable("tokens", "D", "dataset size (unique tokens)"),
    ],
    decreasing=["params", "tokens"],
    returns="log",
)
def kaplan_nd(params, tokens, *, N_c, D_c, alpha_N, alpha_D):
    """Return the logarithm of Kaplan et al.'s loss of model size and dataset size."""
    log_u = (alpha_N / alpha_D) * (jnp.log(N_c) - jnp.log(params))
    return log_coupled_powers(log_u, jnp.log(D_c) - jnp.log(tokens), alpha_D)


@law(
    name="chinchilla",
    formula="L(N, D) = E + A / N**alpha + B / D**beta",
    parameters=[
        Parameter("E", "irreducible loss (entropy of text)", unit="loss"),
        Parameter("A", "model-size amplitude", unit="loss * params**alpha"),
        Parameter("B", "data amplitude", unit="loss * tokens**beta"),
        Parameter("alpha", "model-size exponent"),
        Parameter("beta", "data exponent"),
    ],
    inputs=[
        Variable("params", "N", "parameters including embeddings"),
        Variable("tokens", "D", "training tokens"),
    ],
    decreasing=["params", "tokens"],
)
def chinchilla(params, tokens, *, E, A, B, alpha, beta):
    """Return the Chinchilla parametric loss (approach 3)."""
    return E + A * power(params, -alpha) + B * power(tokens, -beta)


register(
    dataclasses.replace(
        chinchilla,
        name="chinchilla_epoch",
        inputs=(
            Variable("params", "N", "parameters"),
            Variable("tokens", "D", "tokens, compute / (6 * params)"),
        ),
    )
)

register(
    dataclasses.replace(
        chinchilla,
        name="gemstones_nd",
        formula="L = E + A / N**alpha + B / D**beta",
        inputs=(
            Variable("params", "N", "parameters including embeddings unless stated"),
            Variable("tokens", "D", "training tokens"),
        ),
    )
)

sum_of_powers(
    "minicpm_nd",
    "L(N, D) = C_N * N**(-alpha) + C_D * D**(-beta) + L0",
    [
        (Variable("params", "N", "non-embedding parameters"), "C_N", "alpha"),
        (Variable("tokens", "D", "training tokens"), "C_D", "beta"),
    ],
    Variable("loss", "L", "loss after a decay over the last 10 % of the tokens", "nats per byte"),
    floor="L0",
)


@law(
    name="pearce_song",
    formula="N_T = N_ne + gamma * N_ne**(1/3) ; L(N_T, D) = E + A/N_T**alpha + B/D**beta ; "
    "optimise at fixed C_ne = 6*N_ne*D",
    parameters=[
        Parameter(
            "gamma",
            "embedding coefficient, vocab_size * (aspect_ratio / 12)**(1/3)",
            unit="params_no_embed**(2/3)",
        ),
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter("A", "model-size amplitude", unit="loss * params_no_embed**alpha"),
        Parameter("B", "data amplitude", unit="loss * tokens**beta"),
        Parameter("alpha", "exponent of the total parameters"),
        Parameter("beta", "data exponent"),
    ],
    inputs=[
        Variable("params_no_embed", "N_ne", "non-embedding parameters", usual=(1e2, 1e12)),
        Variable("tokens", "D", "training tokens"),
    ],
    decreasing=["params_no_embed", "tokens"],
)
def pearce_song(params_no_embed, tokens, *, gamma, E, A, B, alpha, beta):
    """Return the Chinchilla loss of a model whose embeddings are not counted."""
    total = params_no_embed + gamma * power(params_no_embed, 1.0 / 3.0)
    return E + A * power(total, -alpha) + B * power(tokens, -beta)


@law(
    name="gadre_overtraining",
    formula="L(C, M) = E + (a * M**eta + b * M**(-eta)) * C**(-eta)",
    parameters=[
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter(
            "a",
            "amplitude (a = A*6**eta for L = E + A*N**(-2 eta) + B*D**(-2 eta))",
            unit="loss * compute_flops**eta / tokens_per_param**eta",
        ),
        Parameter(
            "b",
            "amplitude (b = B*6**eta)",
            unit="loss * compute_flops**eta * tokens_per_param**eta",
        ),
        Parameter("eta", "compute exponent = alpha/2 with alpha = beta", start=(0.03, 0.7)),
    ],
    inputs=[
        Variable("compute_flops", "C", "training FLOP = 6*N*D"),
        Variable("tokens_per_param", "M", "token multiplier D/N"),
    ],
    decreasing=["compute_flops"],
)
def gadre_overtraining(compute_flops, tokens_per_param, *, E, a, b, eta):
    """Return the loss of over-trained models."""
    # M/C and M*C: the two powers of each amplitude in one, which also keeps float32 in range.
    log_m, log_c = jnp.log(tokens_per_param), jnp.log(compute_flops)
    return E + a * jnp.exp(eta * (log_m - log_c)) + b * jnp.exp(-eta * (log_m + log_c))


@law(
    name="skaling",
    formula="L(N, D) = E + (A / N**alpha + B / D**beta)**k",
    parameters=[
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter("A", "amplitude", unit="loss**(1/k) * params**alpha", start=(0.01, 1.0)),
        Parameter("B", "amplitude", unit="loss**(1/k) * tokens**beta", start=(0.01, 1.0)),
        Parameter("alpha", "exponent", bounds=(0.01, 2.0), start=(0.05, 1.5)),
        Parameter("beta", "exponent", bounds=(0.01, 2.0), start=(0.05, 1.5)),
        Parameter(
            "k", "coupling exponent (k=1 is Chinchilla)", bounds=(0.01, 2.0), start=(0.15, 1.5)
        ),
    ],
    inputs=[
        Variable("params", "N", "parameters (each data set's own convention)"),
        Variable("tokens", "D", "training tokens"),
    ],
    decreasing=["params", "tokens"],
)
def skaling(params, tokens, *, E, A, B, alpha, beta, k):
    """Return the loss with Chinchilla's exponents and a coupling exponent."""
    log_u = jnp.log(A) - alpha * jnp.log(params)
    log_v = jnp.log(B) - beta * jnp.log(tokens)
    return E + jnp.exp(log_coupled_powers(log_u, log_v, k))


@law(
    name="busbridge_supervised",
    formula="L(N, D) = E + (A/N**alpha + B/D**beta)**gamma",
    parameters=[
        Parameter("E", "irreducible loss", unit="loss"),
        Parameter("A", "amplitude", unit="loss**(1/gamma) * params**alpha", start=(0.01, 1.0)),
        Parameter("B", "amplitude", unit="loss**(1/gamma) * tokens**beta", start=(0.01, 1.0)),
        Parameter("alpha", "exponent", start=(0.05, 1.5)),
        Parameter("beta", "exponent", start=(0.05, 1.5)),
        Parameter("gamma", "outer exponent (1 is Chinchilla)", start=(0.15, 1.5)),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters"),
        Variable("tokens", "D", "training tokens"),
    ],
    decreasing=["params", "tokens"],
)
def busbridge_supervised(params, tokens, *, E, A, B, alpha, beta, gamma):
    """Return the loss of a model trained on text, to which a distilled one is compared."""
    log_u = jnp.log(A) - alpha * jnp.log(params)
    log_v = jnp.log(B) - beta * jnp.log(tokens)
    return E + jnp.exp(log_coupled_powers(log_u, log_v, gamma))


# Logarithms of amplitudes: no product of powers converts them, so fits move in the terms' shares
# of the loss at the centre of the data.
_LOG_AMPLITUDES = (
    Parameter("floor", "E / L_ref", start=(0.2, 1.0)),
    Parameter("size", "A / N_ref**alpha / L_ref**(1/gamma)", start=(0.01, 1.0)),
    Parameter("data", "B / D_ref**beta / L_ref**(1/gamma)", start=(0.01, 1.0)),
    Parameter("alpha", "exponent", start=(0.05, 1.5)),
    Parameter("beta", "exponent", start=(0.05, 1.5)),
)
_OUTER = Parameter("gamma", "outer exponent, 1 for the form of Chinchilla", start=(0.15, 1.5))


def _log_amplitudes(c, logs):
    """Return the coefficients of the formula from the shares."""
    gamma = {"gamma": c["gamma"]} if "gamma" in c else {}
    outer = 1.0 / c["gamma"] if gamma else 1.0
    return gamma | {
        "a": jnp.log(c["size"]) + c["alpha"] * logs["params"] + outer * logs["loss"],
        "b": jnp.log(c["data"]) + c["beta"] * logs["tokens"] + outer * logs["loss"],
        "e": jnp.log(c["floor"]) + logs["loss"],
        "alpha": c["alpha"],
        "beta": c["beta"],
    }


def _shares(theta, logs):
    """Return the shares from the coefficients; the inverse of `_log_amplitudes`."""
    gamma = {"gamma": theta["gamma"]} if "gamma" in theta else {}
    outer = 1.0 / theta["gamma"] if gamma else 1.0
    return gamma | {
        "floor": jnp.exp(theta["e"] - logs["loss"]),
        "size": jnp.exp(theta["a"] - theta["alpha"] * logs["params"] - outer * logs["loss"]),
        "data": jnp.exp(theta["b"] - theta["beta"] * logs["tokens"] - outer * logs["loss"]),
        "alpha": theta["alpha"],
        "beta": theta["beta"],
    }


@law(
    name="xlstm_lnd",
    formula="log L(N, D) = LSE(e, gamma*LSE(a - alpha*ln(N), b - beta*ln(D)))",
    parameters=[
        Parameter("a", "log amplitude of size", bounds=REAL_LINE),
        Parameter("b", "log amplitude of data", bounds=REAL_LINE),
        Parameter("e", "log irreducible loss", bounds=REAL_LINE),
        Parameter("alpha", "exponent"),
        Parameter("beta", "exponent"),
        Parameter("gamma", "outer exponent, 1 for the form of Chinchilla"),
    ],
    inputs=[
        Variable("params", "N", "parameters"),
        Variable("tokens", "D", "training tokens"),
    ],
    decreasing=["params", "tokens"],
    returns="log",
    anchor=Anchor((*_LOG_AMPLITUDES, _OUTER), _log_amplitudes, _shares),
)
def xlstm_lnd(params, tokens, *, a, b, e, alpha, beta, gamma):
    """Return the logarithm of the validation loss."""
    size, data = a - alpha * jnp.log(params), b - beta * jnp.log(tokens)
    return log_sum_exp(e, gamma * log_sum_exp(size, data))


@law(
    name="hitchhiker_protocol",
    formula="L(N, D) = exp(e) + exp(a)/N**alpha + exp(b)/D**beta (fitted on all checkpoints); "
    "ARE = mean_i |L_i - L_hat_i| / L_i over the last 30% of the target run",
    parameters=[
        Parameter("a", "log amplitude of size", bounds=REAL_LINE),
        Parameter("b", "log amplitude of data", bounds=REAL_LINE),
        Parameter("e", "log irreducible loss", bounds=REAL_LINE),
        Parameter("alpha", "exponent"),
        Parameter("beta", "exponent"),
    ],
    inputs=[
        Variable("params", "N", "parameters"),
        Variable("tokens", "D", "tokens seen at the checkpoint"),
    ],
    decreasing=["params", "tokens"],
    returns="log",
    anchor=Anchor(_LOG_AMPLITUDES, _log_amplitudes, _shares),
)
def hitchhiker_protocol(params, tokens, *, a, b, e, alpha, beta):
    """Return the logarithm of the loss along training of models of one family."""
    size, data = a - alpha * jnp.log(params), b - beta * jnp.log(tokens)
    return log_sum_exp(e, log_sum_exp(size, data))


# Rows a, b, e, alpha, beta; columns u, v, w: fitting_funcs.py of github.com/IBM/ColPret.
_PCA3 = (
    (-0.10173792, 0.07297588, 0.99063847),
    (0.64745976, 0.76113056, 0.0113744),
    (0.75459505, -0.64410298, 0.12517598),
    (-0.00767472, 0.00285629, 0.04886348),
    (0.03118762, 0.02186262, -0.02119861),
)


@law(
    name="chinchilla_pca3",
    formula="(a, b, e, alpha, beta)^T = Q @ (u, v, w)^T; L = exp(e) + exp(a)/N**alpha + "
    "exp(b)/D**beta, Q = 5x3 matrix whose columns are the listed vectors",
    parameters=[
        # From the size of what other families' coefficients have in these directions.
        Parameter("u", "first component", bounds=REAL_LINE, start=(2.0, 8.0)),
        Parameter("v", "second component", bounds=REAL_LINE, start=(2.0, 8.0)),
        Parameter("w", "third component", bounds=REAL_LINE, start=(2.0, 12.0)),
    ],
    inputs=[
        Variable("params", "N", "parameters"),
        Variable("tokens", "D", "tokens seen at the checkpoint"),
    ],
    returns="log",
)
def chinchilla_pca3(params, tokens, *, u, v, w):
    """Return the logarithm of the loss with three degrees of freedom."""
    a, b, e, alpha, beta = (row[0] * u + row[1] * v + row[2] * w for row in _PCA3)
    size, data = a - alpha * jnp.log(params), b - beta * jnp.log(tokens)
    return log_sum_exp(e, log_sum_exp(size, data))


@family("rosenfeld")
def rosenfeld(output: str = "error") -> Law:
    """Return the error of a part of the data and the model, or the loss of language models."""
    t_unit = "data_fraction**-alpha"  # the data term has no amplitude of its own

    def surface(data_fraction, model_fraction, *, alpha, b, beta, c_inf, eta, eps0):
        t = power(data_fraction, -alpha) + b * power(model_fraction, -beta) + c_inf
        return eps0 * t / jnp.hypot(t, eta)

    return Law(
        name="rosenfeld",
        function=surface,
        inputs=(
            Variable("data_fraction", "n", "share of the full data", "", (1e-4, 1.0), SCALE),
            Variable("model_fraction", "m", "share of the full model", "", (1e-5, 1.0), SCALE),
        ),
        output=Variable(output, "eps"),
        parameters=(
            Parameter("alpha", "data exponent"),
            Parameter("b", "model amplitude", f"{t_unit} * model_fraction**beta"),
            Parameter("beta", "model exponent"),
            Parameter("c_inf", "asymptote", t_unit, start=(0.001, 5.0)),
            Parameter("eta", "pole of the step to random guessing", t_unit, start=(0.5, 50.0)),
            Parameter("eps0", "random-guess level", output, start=(0.5, 10.0)),
        ),
        formula="t(m, n) = n**(-alpha) + b * m**(-beta) + c_inf ; eps(m, n) = eps0 * abs(t / (t - "
        "1j*eta)) = eps0 * t / sqrt(t**2 + eta**2)",
        decreasing=("data_fraction", "model_fraction"),
    )


@law(
    name="shannon_scaling",
    formula="L(N, D) = 1 / (a * N**alpha * log2(1 + b * D**beta / (c * (D*N)**gamma + d * "
    "D**delta + e)))",
    parameters=[
        Parameter("a", "bandwidth amplitude", "loss**-1 * params**-alpha"),
        Parameter("alpha", "bandwidth exponent"),
        Parameter("b", "signal amplitude", "tokens**-beta"),
        Parameter("beta", "signal exponent"),
        Parameter("c", "amplitude of noise from size and data", "params**-gamma * tokens**-gamma"),
        Parameter("gamma", "its exponent"),
        Parameter("d", "amplitude of noise from data", "tokens**-delta"),
        Parameter("delta", "its exponent"),
        Parameter("e", "constant noise (b, c, d and e have a common factor)"),
    ],
    inputs=[
        Variable("params", "N", "parameters"),
        Variable("tokens", "D", "training tokens"),
    ],
    returns="log",
)
def shannon_scaling(params, tokens, *, a, alpha, b, beta, c, gamma, d, delta, e):
    """Return the logarithm of the loss of training as transmission over a noisy channel."""
    log_n, log_d = jnp.log(params), jnp.log(tokens)
    noise = log_sum_exp(jnp.log(c) + gamma * (log_n + log_d), jnp.log(d) + delta * log_d)
    log_ratio = jnp.log(b) + beta * log_d - log_sum_exp(noise, jnp.log(e))
    # log(log2(1 + s)) for log s of any size: below it is log s, where 1 + s is 1 in any float
    seen = log_ratio > -30.0
    inner = jnp.log(jax.nn.softplus(jnp.where(seen, log_ratio, 0.0)))
    return jnp.log(jnp.log(2.0)) - jnp.log(a) - alpha * log_n - jnp.where(seen, inner, log_ratio)


@law(
    name="practical_data_constrained",
    formula="L(N, D, T) = E + (L0 - E) * h / (1 + h), h = a / N**alpha + b / T**beta + c * "
    "N**gamma / D**delta",
    parameters=[
        Parameter("E", "floor", "loss"),
        Parameter("L0", "loss of an uninformed model, above E", "loss", start=(1.5, 20.0)),
        Parameter("a", "size amplitude", "params**alpha", start=(0.01, 1.0)),
        Parameter("alpha", "size exponent"),
        Parameter("b", "token amplitude", "tokens**beta", start=(0.01, 1.0)),
        Parameter("beta", "token exponent"),
        Parameter(
            "c", "overfitting amplitude", "params**-gamma * unique_tokens**delta", start=(0.01, 1.0)
        ),
        Parameter("gamma", "overfitting exponent of size"),
        Parameter("delta", "overfitting exponent of unique data"),
    ],
    inputs=[
        Variable("params", "N", "parameters"),
        Variable("unique_tokens", "D", "unique tokens"),
        Variable("tokens", "T", "all tokens processed, repeats counted"),
    ],
    decreasing=["tokens", "unique_tokens"],
)
def practical_data_constrained(
    params, unique_tokens, tokens, *, E, L0, a, alpha, b, beta, c, gamma, delta
):
    """Return the loss of repeated data, between a floor and the loss of an uninformed model."""
    log_n = jnp.log(params)
    overfitting = jnp.log(c) + gamma * log_n - delta * jnp.log(unique_tokens)
    sizes = log_sum_exp(jnp.log(a) - alpha * log_n, jnp.log(b) - beta * jnp.log(tokens))
    return E + (L0 - E) * jax.nn.sigmoid(log_sum_exp(sizes, overfitting))  # h / (1 + h)


@law(
    name="kaplan_ns",
    formula="L(N, S_min) = (N_c / N)**alpha_N + (S_c / S_min)**alpha_S ; S_min = S / (1 + "
    "B_crit(L) / B)",
    parameters=[
        Parameter("N_c", "scale constant", "params * loss**(1/alpha_N)", start=(0.01, 1.0)),
        Parameter("alpha_N", "size exponent", start=_KAPLAN_EXPONENTS),
        Parameter("S_c", "scale constant", "min_steps * loss**(1/alpha_S)", start=(0.01, 1.0)),
        Parameter("alpha_S", "exponent of steps", start=(0.1, 1.5)),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters"),
        Variable(
            "min_steps",
            "S_min",
            "updates that would be needed far above the critical batch size, S / (1 + B_crit / B)",
            "steps",
            (1e2, 1e8),
            SCALE,
        ),
    ],
    decreasing=["params", "min_steps"],
)
def kaplan_ns(params, min_steps, *, N_c, alpha_N, S_c, alpha_S):
    """Return the loss of a model size after a number of updates, with unlimited data."""
    size = alpha_N * (jnp.log(N_c) - jnp.log(params))
    return jnp.exp(size) + jnp.exp(alpha_S * (jnp.log(S_c) - jnp.log(min_steps)))


_SU_STEPS = 6  # from below, of a concave equation: seven digits over the usual domain


def _su_equation(y, size, steps, batch, alpha_S, alpha_B):
    """Return y - log(size term + step term) and its slope, y being the logarithm of the loss."""
    excess = batch - y / alpha_B  # log of B_crit / B
    term = alpha_S * (steps + jax.nn.softplus(excess))
    share = jax.nn.sigmoid(term - size) * alpha_S / alpha_B * jax.nn.sigmoid(excess)
    return y - log_sum_exp(size, term), 1.0 + share


@law(
    name="su_mystery",
    formula="L(N, S_min) = (N_c/N)**alpha_N + (S_c/S_min)**alpha_S ; S_min = S / (1 + "
    "B_crit(L)/B) ; B_crit(L) = B_star / L**(1/alpha_B)",
    parameters=[
        Parameter("N_c", "scale of size", "params * loss**(1/alpha_N)", start=(0.01, 1.0)),
        Parameter("alpha_N", "size exponent", start=_KAPLAN_EXPONENTS),
        Parameter("S_c", "scale of steps", "step * loss**(1/alpha_S)", start=(0.01, 1.0)),
        Parameter("alpha_S", "exponent of steps", start=(0.1, 1.5)),
        Parameter("B_star", "scale of the critical batch", "batch_tokens * loss**(1/alpha_B)"),
        Parameter("alpha_B", "exponent of the critical batch", start=(0.1, 1.0)),
    ],
    inputs=[
        Variable("params", "N", "non-embedding parameters"),
        Variable("step", "S", "updates", usual=(1e2, 1e8)),
        Variable("batch_tokens", "B", "batch size", usual=(1e3, 1e9)),
    ],
    decreasing=["params", "step", "batch_tokens"],
    returns="log",
)
def su_mystery(params, step, batch_tokens, *, N_c, alpha_N, S_c, alpha_S, B_star, alpha_B):
    """Return the logarithm of the loss along training at a batch size, solved for the loss."""
    size = alpha_N * (jnp.log(N_c) - jnp.log(params))
    steps = jnp.log(S_c) - jnp.log(step)
    batch = jnp.log(B_star) - jnp.log(batch_tokens)
    coefficients = (size, steps, batch, alpha_S, alpha_B)
    infinite_batch = log_sum_exp(size, alpha_S * steps)  # a lower bound
    return root(_su_equation, infinite_batch, *coefficients, steps=_SU_STEPS)

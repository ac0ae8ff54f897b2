"""Transfer: fine-tuning, continual pre-training and what pre-training is worth downstream."""

import dataclasses

import jax.numpy as jnp

from scaling_jax.errors import LawError, did_you_mean
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import log_coupled_powers, power, power_from_zero
from scaling_jax.laws.parts import REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.registry import family, law
from scaling_jax.laws.templates import alternatives, logarithmic, powers, sum_of_powers

_EXAMPLES = Variable("examples", "D", "fine-tuning examples", usual=(200.0, 2e6))
_CPT_TOKENS = Variable("tokens", "D", "continual pre-training tokens", usual=(1e8, 1e11))
_DOMAIN_SHARE = Variable(
    "domain_proportion",
    "r",
    "proportion of the corpus that the loss is measured on",
    "fraction",
    usual=(0.0, 1.0),
    bounds=(0.0, 1.0),
)
_D_CPT = (
    Parameter("E", "irreducible loss", "loss"),
    Parameter("A", "parameter coefficient", "loss * params**alpha"),
    Parameter("B", "data coefficient", "loss * tokens**beta"),
    Parameter("C", "proportion coefficient", "loss"),
    Parameter("alpha", "parameter exponent"),
    Parameter("beta", "data exponent"),
    Parameter("gamma", "proportion exponent"),
    Parameter("eta", "how the data term grows with the proportion"),
    Parameter("eps", "keeps a proportion of 0 finite", start=(0.01, 0.5)),
)


def _d_cpt(params, tokens, domain_proportion, E, A, B, C, alpha, beta, gamma, eta, eps):
    data = B * power_from_zero(domain_proportion, eta) * power(tokens, -beta)
    return E + A * power(params, -alpha) + data + C * power(domain_proportion + eps, -gamma)


@law(
    name="d_cpt",
    formula="L(N, D, r) = E + A/N**alpha + B*r**eta/D**beta + C/(r + eps)**gamma",
    parameters=_D_CPT,
    inputs=[Variable("params", "N", usual=(1e8, 1e11)), _CPT_TOKENS, _DOMAIN_SHARE],
    decreasing=["params", "tokens"],
)
def d_cpt(params, tokens, domain_proportion, *, E, A, B, C, alpha, beta, gamma, eta, eps):
    """Return the loss on the general or the domain corpus after continual pre-training."""
    return _d_cpt(params, tokens, domain_proportion, E, A, B, C, alpha, beta, gamma, eta, eps)


@law(
    name="cross_domain_d_cpt",
    formula="L(N, D, r, K) = E + A/N**alpha + B*r**eta/D**beta + C/(r + eps)**gamma + F/K**mu, "
    "K = w1/k1 + w2*k2",
    parameters=[
        *_D_CPT,
        Parameter("F", "coefficient of the learnability", "loss"),
        Parameter("mu", "exponent of the learnability"),
        Parameter("w1", "weight of the initial loss", "initial_loss"),
        Parameter("w2", "weight of the rate of decline", "1/loss_decline"),
    ],
    inputs=[
        Variable("params", "N", usual=(1e8, 1e11)),
        _CPT_TOKENS,
        _DOMAIN_SHARE,
        Variable("initial_loss", "k1", "validation loss of the domain before", "nats per token",
                 (0.5, 5.0), SCALE),
        Variable("loss_decline", "k2", "rate of decline early in training", "nats per step unit",
                 (1e-3, 1.0), SCALE),
    ],
    decreasing=["params", "tokens", "loss_decline"],
    increasing=["initial_loss"],
)  # fmt: skip
def cross_domain_d_cpt(
    params, tokens, domain_proportion, initial_loss, loss_decline,
    *, E, A, B, C, alpha, beta, gamma, eta, eps, F, mu, w1, w2,
):  # fmt: skip
    """Return the loss on a domain known by how learnable it is.

    F, w1 and w2 are determined up to a common factor: hold ``law.fix(w1=1.0)`` to fit.
    """
    loss = _d_cpt(params, tokens, domain_proportion, E, A, B, C, alpha, beta, gamma, eta, eps)
    return loss + F * power(w1 / initial_loss + w2 * loss_decline, -mu)


def _critical_share(tokens, *, a, s, b):
    return a * power(tokens, s) + b


def _domain_loss(domain_proportion, *, a2, s2, b2):
    return a2 * power(domain_proportion, s2) + b2


alternatives(
    {
        "critical_proportion": Law(
            name="cmr",
            function=_critical_share,
            inputs=(Variable("tokens", "T", "training tokens", usual=(4e9, 1e11)),),
            output=Variable(
                "critical_proportion", "R_cmr", "largest tolerable share of domain data", "fraction"
            ),
            parameters=(
                Parameter("a", "amplitude", "tokens**-s", REAL_LINE),
                Parameter("s", "exponent", bounds=REAL_LINE),
                Parameter("b", "offset", bounds=REAL_LINE),
            ),
            formula="R_cmr(T) = a*T**s + b",
            increasing=("tokens",),
        ),
        "loss": Law(
            name="cmr",
            function=_domain_loss,
            inputs=(
                Variable("domain_proportion", "R", "share of domain data", "fraction",
                         (0.05, 1.0), (SCALE[0], 1.0)),
            ),
            output=Variable("loss", "L"),
            parameters=(
                Parameter("a2", "amplitude", "loss", REAL_LINE, (-1.0, 1.0)),
                Parameter("s2", "exponent", bounds=REAL_LINE, start=(-0.8, 0.8)),
                Parameter("b2", "offset", "loss", REAL_LINE, (0.0, 2.0)),
            ),
            formula="L(R) = a2*R**s2 + b2",
        ),
    }
)  # fmt: skip


@law(
    name="rectified_finetuning",
    formula="L(D) = B/(D_l + D**beta) + E",
    parameters=[
        Parameter("B", "amplitude", "loss * examples**beta", start=(0.05, 20.0)),
        Parameter("D_l", "pre-learned data size", "examples**beta", start=(0.01, 100.0)),
        Parameter("beta", "exponent"),
        Parameter("E", "irreducible loss", "loss"),
    ],
    inputs=[_EXAMPLES],
    decreasing=["examples"],
)
def rectified_finetuning(examples, *, B, D_l, beta, E):
    """Return the loss after fine-tuning: flat at first, then a power law; B/D_l + E at none."""
    return B / (D_l + power_from_zero(examples, beta)) + E


@law(
    name="vanilla_finetuning",
    formula="L(D) = (B/D**beta + E)**alpha",
    parameters=[
        Parameter("B", "amplitude", "loss**(1/alpha) * examples**beta", start=(0.01, 1.0)),
        Parameter("beta", "exponent"),
        Parameter("E", "irreducible part", "loss**(1/alpha)", start=(0.01, 1.0)),
        Parameter("alpha", "outer exponent"),
    ],
    inputs=[_EXAMPLES],
    decreasing=["examples"],
    returns="log",
)
def vanilla_finetuning(examples, *, B, beta, E, alpha):
    """Return the logarithm of the loss after fine-tuning by a power law from the first example."""
    return log_coupled_powers(jnp.log(B) - beta * jnp.log(examples), jnp.log(E), alpha)


@law(
    name="sld_sft",
    formula="L = B + A*(D + C)**(-alpha)",
    parameters=[
        Parameter("A", "amplitude", "loss * examples**alpha", start=(0.02, 5.0)),
        Parameter("B", "floor", "loss"),
        Parameter("C", "pre-learned examples", "examples", start=(1e-3, 10.0)),
        Parameter("alpha", "exponent"),
    ],
    inputs=[_EXAMPLES],
    decreasing=["examples"],
)
def sld_sft(examples, *, A, B, C, alpha):
    """Return the loss after fine-tuning, with pre-learned examples in the unit of the data."""
    return B + A * power(examples + C, -alpha)


@family("llm_finetuning_joint")
def llm_finetuning_joint(x: str = "params", output: str = "loss") -> Law:
    """Return the product law of fine-tuning data and one other factor.

    The factor x is params (model size), tokens (pre-training data) or pet_size (prompt length or
    LoRA rank); beta and E are shared over factors of one task and method.
    """
    factors = {
        "params": ("model parameters", "parameters", (1e9, 1.6e10)),
        "tokens": ("pre-training tokens", "tokens", (1e10, 3e11)),
        "pet_size": ("prompt length or LoRA rank", "", (1.0, 600.0)),
    }
    if x not in factors:
        raise LawError(f"llm_finetuning_joint has no x {x!r}; {did_you_mean(x, factors)}")
    meaning, unit, usual = factors[x]
    joint = powers(
        "llm_finetuning_joint",
        "L(X, D_f) = A * X**(-alpha) * D_f**(-beta) + E",
        [
            Variable(x, "X", meaning, unit, usual, SCALE),
            Variable("examples", "D_f", "fine-tuning examples", usual=(8e3, 2.5e7)),
        ],
        output,
        exponents=["alpha", "beta"],
        floor="E",
        bounds=[REAL_LINE, (0.0, SCALE[1])],
        starts=[(0.0, 0.6), None],
        divided=True,
    )
    return dataclasses.replace(joint, increasing=(), decreasing=("examples",))


@family("transfer_effective_data")
def transfer_effective_data(output: str = "transferred_data") -> Law:
    """Return the data transferred by pre-training, with the fine-tuning data, or over it.

    The output is transferred_data D_T, effective_data D_E = D_F + D_T, or data_multiplier
    D_E / D_F, all in the unit of the fine-tuning data (characters in the publication).
    """
    data = "finetuning_data"
    outputs = {
        "transferred_data": ("D_T = k * D_F**alpha * N**beta", f"{output} * {data}**-alpha * "),
        "effective_data": ("D_E = D_F + k * D_F**alpha * N**beta", ""),
        "data_multiplier": ("D_E / D_F = 1 + k * D_F**(alpha-1) * N**beta",
                            f"{data}**(1-alpha) * "),
    }  # fmt: skip
    if output not in outputs:
        hint = did_you_mean(output, outputs)
        raise LawError(f"transfer_effective_data has no output {output!r}; {hint}")
    formula, unit = outputs[output]
    own = {"transferred_data": 0.0, "effective_data": 1.0, "data_multiplier": 1.0}[output]
    divisor = 1.0 if output == "data_multiplier" else 0.0

    def function(*, params, finetuning_data, k, alpha, beta):
        log_data = jnp.log(finetuning_data)
        log_transferred = jnp.log(k) + alpha * log_data + beta * jnp.log(params)
        return own * jnp.exp((1.0 - divisor) * log_data) + jnp.exp(
            log_transferred - divisor * log_data
        )

    rising = ("params",) if divisor else (data, "params")
    return Law(
        name="transfer_effective_data",
        function=function,
        inputs=(
            Variable(data, "D_F", "fine-tuning data", "characters", (1e4, 1e9), SCALE),
            Variable("params", "N", "parameters without embeddings", usual=(1e5, 1e10)),
        ),
        output=Variable(output, output[0].upper(), unit="" if divisor else "characters"),
        parameters=(
            Parameter("k", "coefficient", f"{unit}params**-beta",
                      start=None if unit else (1e2, 1e6)),
            Parameter("alpha", "directed proximity of the distributions, smaller is closer",
                      bounds=(0.0, 1.0)),
            Parameter("beta", "generality of the architecture on the target"),
        ),
        formula=formula,
        increasing=rising,
        decreasing=(data,) if divisor else (),
    )  # fmt: skip


@law(
    name="downstream_bleu_log_law",
    formula="f(D_p) = (log(A * D_p**alpha))**beta",
    parameters=[
        Parameter("A", "scale, A*D_p**alpha > 1", "tokens**-alpha", start=(1.5, 1e4)),
        Parameter("alpha", "exponent inside the logarithm"),
        Parameter("beta", "exponent of the logarithm", start=(0.3, 3.0)),
    ],
    inputs=[Variable("tokens", "D_p", "pre-training tokens without repetition", usual=(1e8, 1e12))],
    output=Variable("score", "f", "translation score after fine-tuning (BLEU, ROUGE, COMET)"),
    increasing=["tokens"],
)
def downstream_bleu_log_law(tokens, *, A, alpha, beta):
    """Return the score as a power of the logarithm; 0 where the logarithm is not positive."""
    return power_from_zero(jnp.log(A) + alpha * jnp.log(tokens), beta)


sum_of_powers(
    "downstream_ce_power_law",
    "L(D_p) = E + A/D_p**alpha",
    [(Variable("tokens", "D_p", "pre-training tokens", usual=(1e8, 1e12)), "A", "alpha")],
)


@law(
    name="cross_lingual_cpt",
    formula="L(N, D) = E + A/N**alpha + B2/(D**beta2 * N**gamma)",
    parameters=[
        Parameter("E", "irreducible loss, frozen from the from-scratch fit", "loss"),
        Parameter("A", "parameter coefficient, frozen", "loss * params**alpha"),
        Parameter("B2", "data coefficient", "loss * tokens**beta2 * params**gamma"),
        Parameter("alpha", "parameter exponent, frozen"),
        Parameter("beta2", "data exponent"),
        Parameter("gamma", "exponent of what pre-training adds with size"),
    ],
    inputs=[
        Variable("params", "N", usual=(4e7, 6e9)),
        Variable("tokens", "D", "continual pre-training tokens", usual=(1e8, 1e12)),
    ],
    decreasing=["params", "tokens"],
)
def cross_lingual_cpt(params, tokens, *, E, A, B2, alpha, beta2, gamma):
    """Return the loss in the new language after continuing from a model of another one."""
    data = B2 * jnp.exp(-beta2 * jnp.log(tokens) - gamma * jnp.log(params))
    return E + A * power(params, -alpha) + data


logarithmic(
    "skywork_swe",
    "accuracy = a + b*log(n)",
    Variable("trajectories", "n", "training trajectories", "trajectories", (100.0, 1e4), SCALE),
    "accuracy",
    intercept="a",
    slope="b",
)

"""Test-time compute: repeated sampling, many agents and documents, and search against training."""

import jax
import jax.numpy as jnp

from scaling_jax.errors import LawError, did_you_mean
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.gamma_ratios import log_mean_power
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.registry import family, law, register
from scaling_jax.laws.templates import FALLING, alternatives, powers, sigmoid, sum_of_powers

_SHARE = (0.0, 1.0)
_AT_LEAST_ONE = (1.0, INF)
_PASS = Variable("pass_at_k", "pass@k", "share of problems solved by one of k attempts", "", None)


def _attempts(symbol: str = "k", meaning: str = "samples drawn a problem") -> Variable:
    return Variable("attempts", symbol, meaning, usual=(1.0, 1e4))


# What a model of a given compute solves in k attempts


def _floor_and_power(x: jax.Array, floor: jax.Array, amplitude: jax.Array, exponent: jax.Array):
    """Return the logarithm of a pass rate whose negative logarithm is a power with a floor."""
    return -(floor + amplitude * power(x, exponent))


def _generative_eval() -> dict[str, Law]:
    compute = Variable("compute_flops", "C", "pre-training compute", usual=(1e18, 1e26))
    params = Variable("params", "N", usual=(1e7, 1e12))
    tokens = Variable("tokens", "D", usual=(1e9, 1e14))
    gold = Variable(
        "gold_probability",
        "GoldProb",
        "likelihood of the reference solution",
        usual=(1e-6, 0.9),
        bounds=(SCALE[0], 1.0),
    )
    floor = {name: Parameter(name, "what no scale removes") for name in ("E0", "xi0")}
    name = "generative_eval_passk"
    return {
        "compute": Law(
            name,
            lambda compute_flops, *, E0, C0, alpha: _floor_and_power(compute_flops, E0, C0, -alpha),
            (compute,),
            _PASS,
            (
                floor["E0"],
                Parameter("C0", "amplitude of compute", "compute_flops**alpha", start=(0.05, 5.0)),
                Parameter("alpha", "exponent of compute, larger for more attempts"),
            ),
            "-log(pass@k) = E0 + C0/C**alpha",
            increasing=("compute_flops",),
            returns="log",
        ),
        "gold": Law(
            name,
            lambda gold_probability, *, xi0, K0, kappa: _floor_and_power(
                -jnp.log(gold_probability), xi0, K0, kappa
            ),
            (gold,),
            _PASS,
            (
                floor["xi0"],
                Parameter("K0", "amplitude", start=(0.05, 1.0)),
                Parameter("kappa", "exponent", start=(0.3, 2.0)),
            ),
            "-log(pass@k) = xi0 + K0*(-log(GoldProb))**kappa",
            increasing=("gold_probability",),
            returns="log",
        ),
        "params_tokens": Law(
            name,
            lambda params, tokens, *, E0, N0, beta, D0, gamma: (
                -(E0 + N0 * power(params, -beta) + D0 * power(tokens, -gamma))
            ),
            (params, tokens),
            _PASS,
            (
                floor["E0"],
                Parameter("N0", "amplitude of size", "params**beta", start=(0.05, 5.0)),
                Parameter("beta", "exponent of size"),
                Parameter("D0", "amplitude of data", "tokens**gamma", start=(0.05, 5.0)),
                Parameter("gamma", "exponent of data"),
            ),
            "-log(pass@k) = E0 + N0/N**beta + D0/D**gamma",
            increasing=("params", "tokens"),
            returns="log",
        ),
    }


alternatives(_generative_eval(), option="of")


# Repeated sampling


@law(
    name="monkeys_coverage",
    formula="log(c) = a * k**b",
    parameters=[
        Parameter("a", "logarithm of the coverage at one attempt", "attempts**-b", FALLING),
        Parameter("b", "exponent, negative so that everything is solved in the end", "1", FALLING),
    ],
    inputs=[_attempts()],
    output=Variable("coverage", "c"),
    increasing=["attempts"],
    returns="log",
)
def monkeys_coverage(attempts, *, a, b):
    """Return the logarithm of the share of problems that one of k samples solves."""
    return a * power(attempts, b)


register(
    powers(
        "monkeys_power_law",
        "-log(pass_D@k) = a * k**(-b)",
        [_attempts()],
        Variable(
            "neg_log_coverage",
            "-log(pass_D@k)",
            "minus the logarithm of the mean pass rate",
            "nats",
        ),
        amplitude="a",
        exponents=["b"],
        divided=True,
    )
)


@law(
    name="levi_inference_model",
    formula="pass@k = A * (1 - Gamma(alpha+k)*Gamma(alpha+beta)"
    "/(Gamma(alpha)*Gamma(alpha+beta+k)))",
    parameters=[
        Parameter("A", "share of the problems that can be solved", bounds=_SHARE),
        Parameter("alpha", "shape of the failure probabilities at zero", start=(1.0, 20.0)),
        Parameter("beta", "shape at one: the exponent of the tail", start=(0.1, 1.0)),
    ],
    inputs=[_attempts()],
    output=_PASS,
    increasing=["attempts"],
)
def levi_inference_model(attempts, *, A, alpha, beta):
    """Return pass@k where the chance of failure is distributed as Beta(alpha, beta)."""
    return -A * jnp.expm1(log_mean_power(attempts, alpha, beta))


@law(
    name="bon_jailbreaking",
    formula="-log(ASR(N)) = a * N**(-b)",
    parameters=[
        Parameter("a", "minus the log success of one prompt", "attempts**b", start=(0.1, 10.0)),
        Parameter("b", "exponent"),
    ],
    inputs=[_attempts("N", "augmented prompts tried")],
    output=Variable("attack_success", "ASR", "share of requests answered harmfully"),
    increasing=["attempts"],
    returns="log",
)
def bon_jailbreaking(attempts, *, a, b):
    """Return the logarithm of the attack success rate."""
    return -a * power(attempts, -b)


sum_of_powers(
    "many_shot_jailbreaking",
    "-E[log P(harmful | n shots)] = C * n**(-alpha) + K",
    [
        (
            Variable("shots", "n", "demonstrations in the context", "", (1.0, 512.0), SCALE),
            "C",
            "alpha",
        )
    ],
    Variable(
        "harmful_nll",
        "-E[log P(harmful | n shots)]",
        "mean negative log-likelihood of a harmful answer",
        "nats",
    ),
    floor="K",
)


@law(
    name="ttspm_plateau",
    formula="F(N) = F_max * (1 - (1 - p_x)**N)",
    parameters=[
        Parameter("F_max", "ceiling", "performance"),
        Parameter("p_x", "chance of success of one trial", bounds=_SHARE, start=(0.01, 0.6)),
    ],
    inputs=[
        Variable(
            "attempts", "N", "parallel samples or sequential revisions", "", (1.0, 256.0), SCALE
        )
    ],
    output=Variable("performance", "F", "score after N trials"),
    increasing=["attempts"],
)
def ttspm_plateau(attempts, *, F_max, p_x):
    """Return the score after N trials that all have the same chance of success."""
    return -F_max * jnp.expm1(attempts * jnp.log1p(-p_x))


@family("robomonkey_action_error")
def robomonkey_action_error(form: str = "power") -> Law:
    """Return the error of the best of k actions.

    Options: ``form="power"`` is e = a*k**b, ``"exponentiated"`` e = exp(a*k**b), the other
    reading of the abstract.
    """
    forms = ("power", "exponentiated")
    if form not in forms:
        hint = did_you_mean(str(form), forms)
        raise LawError(f"robomonkey_action_error has no form {form!r}; {hint}")
    actions = Variable("attempts", "k", "sampled actions", "", (1.0, 256.0), SCALE)
    error = Variable("action_error", "e", "distance of the best action from the expert's")
    exponent = Parameter("b", "exponent, negative", "1", FALLING, (-1.0, -0.05))
    if form == "power":
        return Law(
            name="robomonkey_action_error",
            function=lambda attempts, *, a, b: jnp.log(a) + b * jnp.log(attempts),
            inputs=(actions,),
            output=error,
            parameters=(Parameter("a", "error of one", "action_error * attempts**-b"), exponent),
            formula="log(e(k)) = log(a) + b*log(k)",
            decreasing=("attempts",),
            returns="log",
        )
    return Law(
        name="robomonkey_action_error",
        function=lambda attempts, *, a, b: a * power(attempts, b),
        inputs=(actions,),
        output=error,
        parameters=(Parameter("a", "log error of one", "attempts**-b", start=(0.1, 3.0)), exponent),
        formula="e = exp(a*k**b)",
        decreasing=("attempts",),
        returns="log",
    )


# Many agents, many documents


sigmoid(
    "macnet_collaborative",
    "q(x) = alpha/(1 + exp(-beta*(x - gamma))) + delta",
    Variable("log2_agents", "x", "logarithm to base 2 of the number of agents", "", (0.0, 10.0)),
    Variable("quality", "q", "normalised quality of the solutions"),
    low="delta",
    height="alpha",
    steepness="beta",
    centre="gamma",
)


@law(
    name="rag_inference_scaling",
    formula="sigmoid_inv(P) = (a_k + b_k*i_doc)*log(k) + (a_m + b_m*i_shot)*log(m) + a_n*log(n) "
    "+ c",
    parameters=[
        Parameter("a_k", "slope in log documents", bounds=REAL_LINE, start=(-0.2, 1.0)),
        Parameter("a_m", "slope in log shots", bounds=REAL_LINE, start=(-0.2, 1.0)),
        Parameter("a_n", "slope in log iterations", bounds=REAL_LINE, start=(-0.2, 1.0)),
        Parameter("b_k", "slope a unit of what a document brings", bounds=REAL_LINE),
        Parameter("b_m", "slope a unit of what a shot brings", bounds=REAL_LINE),
        Parameter("c", "logit with one of each", bounds=REAL_LINE, start=(-4.0, 1.0)),
    ],
    inputs=[
        Variable(
            "documents", "k", "documents retrieved, one or more", "", (1.0, 1000.0), _AT_LEAST_ONE
        ),
        Variable("shots", "m", "demonstrations, one or more", "", (1.0, 256.0), _AT_LEAST_ONE),
        Variable("iterations", "n", "rounds of generation", "", (1.0, 5.0), _AT_LEAST_ONE),
        Variable("document_gain", "i_doc", "gain of one document over none", "", (0.0, 0.5)),
        Variable("shot_gain", "i_shot", "gain of one demonstration over none", "", (0.0, 0.5)),
    ],
    output=Variable("performance", "P", "accuracy, F1 or exact match, 0 to 1"),
)
def rag_inference_scaling(
    documents, shots, iterations, document_gain, shot_gain, *, a_k, a_m, a_n, b_k, b_m, c
):
    """Return the score of a configuration; b has no third part, since iterations carry no gain."""
    of_documents = (a_k + b_k * document_gain) * jnp.log(documents)
    of_shots = (a_m + b_m * shot_gain) * jnp.log(shots)
    return jax.nn.sigmoid(of_documents + of_shots + a_n * jnp.log(iterations) + c)


# Training against search


def _elo(compute_flops, board_size, *, slope, shift, c):
    return jnp.minimum(slope * jnp.log10(compute_flops) - shift * board_size + c, 0.0)


alternatives(
    {
        "elo": Law(
            "boardgame_train_test",
            _elo,
            (
                Variable("compute_flops", "C", "training compute", usual=(1e9, 1e18)),
                Variable("board_size", "s", "side of the board", "", (3.0, 9.0), SCALE),
            ),
            Variable("elo", "Elo", "relative to perfect play, 0 at best"),
            (
                Parameter("slope", "Elo a decade of compute", "elo", start=(100.0, 1000.0)),
                Parameter("shift", "Elo that a larger board costs", "elo", start=(100.0, 1000.0)),
                # A board of side 3 asks for about 1e8 FLOP.
                Parameter("c", "offset", "elo", REAL_LINE, (-1e4, 1e3)),
            ),
            "Elo(C, s) = min(slope*log10(C) - shift*s + c, 0)",
        ),
        "test_compute": Law(
            "boardgame_train_test",
            lambda compute_flops, *, m, const: const - m * jnp.log(compute_flops),
            (Variable("compute_flops", "C_train", "training compute", usual=(1e9, 1e18)),),
            Variable("test_compute", "C_test", "compute of a move's search", "FLOP"),
            (
                Parameter("m", "decades of search that a decade of training replaces"),
                Parameter("const", "logarithm of C_test at C_train = 1", bounds=REAL_LINE),
            ),
            "log(C_test) = -m*log(C_train) + const",
            decreasing=("compute_flops",),
            returns="log",
        ),
    }
)

"""Synthetic data: what becomes of a scaling law whose training data lack a tail.

An infinite-memory learner errs on a token until it has seen it once. With tokens that follow a
Zipf law of exponent beta, its error after T samples is a sum over ranks, computed here whole; the
power laws and plateaus of the publication are its regimes.
"""

import jax.numpy as jnp

from scaling_jax.errors import LawError
from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, SCALE, Parameter, Variable
from scaling_jax.laws.ranks import RANKS, Ranks, ranks
from scaling_jax.laws.registry import family, law

_LARGEST = 1.0 - 1e-6  # of a probability: one token alone is learned from one sample
_SAMPLES = Variable("examples", "T", "training samples", usual=(1e2, 1e8))
_GENERATOR = Variable(
    "generator_examples",
    "T0",
    "samples that the generator was trained on",
    "examples",
    usual=(1e2, 1e8),
    bounds=SCALE,
)
_ERROR = Variable("error", "E", "test error on the true distribution")
_BETA = Parameter("beta", "Zipf exponent of the tokens", bounds=(1.0, INF), start=(1.1, 3.0))
_CUT = Parameter("k", "last rank that the generator produces", bounds=(1.0, INF), start=(10, 1e4))


@family("tails_hutter")
def tails_hutter(tail: str = "full") -> Law:
    """Return the error after T samples of a distribution that may lack a part of the tail.

    ``tail="full"``: of the tokens themselves; ``"cut"`` after rank k; ``"sampled"``: cut by a
    generator that saw T0 samples, k = T0**(1/beta); ``"narrowed"``: of exponent beta2.
    """

    def full(examples, *, beta):
        nodes = _all_ranks(beta)
        p = nodes.probabilities(beta)
        return nodes.sum(p * _unseen(p, examples))

    def cut(examples, *, beta, k):
        return _error(examples, 0.0, beta, k)

    def sampled(examples, generator_examples, *, beta):
        return _error(examples, 0.0, beta, power(generator_examples, 1.0 / beta))

    def narrowed(examples, *, beta, beta2):
        nodes = _all_ranks(beta)
        return nodes.sum(nodes.probabilities(beta) * _unseen(nodes.probabilities(beta2), examples))

    narrow = Parameter("beta2", "exponent of the generator", bounds=(1.0, INF), start=(1.1, 4.0))
    choices = {
        "full": (full, (_SAMPLES,), (_BETA,)),
        "cut": (cut, (_SAMPLES,), (_BETA, _CUT)),
        "sampled": (sampled, (_SAMPLES, _GENERATOR), (_BETA,)),
        "narrowed": (narrowed, (_SAMPLES,), (_BETA, narrow)),
    }
    if tail not in choices:
        raise LawError(f"tails_hutter has no tail {tail!r}; choose one of {', '.join(choices)}")
    function, inputs, parameters = choices[tail]
    return Law(
        name="tails_hutter",
        function=function,
        inputs=inputs,
        output=_ERROR,
        parameters=parameters,
        formula="E(T) = sum_i p_i*(1 - q_i)**T, p_i ~ i**(-beta), "
        + {
            "full": "q_i = p_i",
            "cut": "q_i ~ p_i for i <= k, else 0",
            "sampled": "q_i ~ p_i for i <= T0**(1/beta), else 0",
            "narrowed": "q_i ~ i**(-beta2)",
        }[tail],
        decreasing=tuple(v.column for v in inputs if v is _SAMPLES),
    )


@law(
    name="tails_mixing",
    formula="E(T) = sum_i p_i*(1 - pi*p_i - (1-pi)*q_i)**T, q_i ~ p_i for i <= k, else 0",
    parameters=[_BETA, _CUT],
    inputs=[
        _SAMPLES,
        Variable(
            "real_share",
            "pi",
            "share of real samples",
            "fraction",
            usual=(1e-3, 1.0),
            bounds=(0.0, 1.0),
        ),
    ],
    output=_ERROR,
    decreasing=["examples"],
)
def tails_mixing(examples, real_share, *, beta, k):
    """Return the error after samples of which a share is real and the rest lacks the tail."""
    return _error(examples, real_share, beta, k)


@family("tails_generations")
def tails_generations(model: str = "generations") -> Law:
    """Return the error after n generations, or of an associative memory of dimension d.

    Scaling relations: the publication leaves the constants open. With A_1 = A_2 = A_3 = 1 they
    are as printed.
    """
    exponent = "(beta-1)/beta"

    def generations(examples, generations, generator_examples, *, A_1, A_2, beta):
        c = (beta - 1.0) / beta
        return A_1 * power(examples, -c) + A_2 * generations * power(generator_examples, -c)

    def memory(examples, width, cut_rank, *, A_1, A_2, A_3, beta, c_q):
        tail = A_3 * power(cut_rank, 1.0 - beta)
        return A_1 * power(examples, -(beta - 1.0) / beta) + A_2 * power(width, -c_q) + tail

    first = Parameter("A_1", "amplitude of the samples", unit=f"error * examples**({exponent})")
    if model == "generations":
        return Law(
            name="tails_generations",
            function=generations,
            inputs=(
                _SAMPLES,
                Variable("generations", "n", "rounds of self-training", usual=(1.0, 100.0)),
                _GENERATOR,
            ),
            output=_ERROR,
            parameters=(
                first,
                Parameter(
                    "A_2",
                    "amplitude of one generation",
                    unit=f"error * generator_examples**({exponent}) / generations",
                ),
                _BETA,
            ),
            formula="E = A_1*T**(-(beta-1)/beta) + A_2*n*T0**(-(beta-1)/beta)",
            decreasing=("examples", "generator_examples"),
            increasing=("generations",),
        )
    if model != "memory":
        raise LawError(f"tails_generations is of 'generations' or a 'memory', not {model!r}")
    return Law(
        name="tails_generations",
        function=memory,
        inputs=(
            _SAMPLES,
            Variable("width", "d", "dimension of the memory", usual=(1e1, 1e5)),
            Variable("cut_rank", "k", "last rank in the data", usual=(1e1, 1e6), bounds=SCALE),
        ),
        output=_ERROR,
        parameters=(
            first,
            Parameter("A_2", "amplitude of the dimension", unit="error * width**c_q"),
            Parameter("A_3", "amplitude of the cut", unit="error * cut_rank**(beta-1)"),
            _BETA,
            Parameter("c_q", "exponent of the memory scheme"),
        ),
        formula="E = A_1*T**(-(beta-1)/beta) + A_2*d**(-c_q) + A_3*k**(-(beta-1))",
        decreasing=("examples", "width", "cut_rank"),
    )


def _error(examples, real_share, beta, k):
    """Return the error with a share of real samples and a generator that stops at rank k."""
    # Constants of the lanes' shape, so that every array of the sum has the same axes.
    nodes = ranks(k + 0.0 * beta)
    p = nodes.probabilities(beta)
    real = jnp.asarray(real_share)[..., None] * p
    generated = (1.0 - jnp.asarray(real_share))[..., None] * nodes.probabilities(beta, nodes.kept)
    seen = nodes.kept * _unseen(real + generated, examples)
    return nodes.sum(p * (seen + (1.0 - nodes.kept) * _unseen(real, examples)))


def _all_ranks(beta) -> Ranks:
    return ranks(jnp.asarray(RANKS, jnp.result_type(beta)))


def _unseen(probability, examples):
    """Return the probability that none of the samples is the token."""
    probability = jnp.minimum(probability, _LARGEST)
    return jnp.exp(jnp.asarray(examples)[..., None] * jnp.log1p(-probability))

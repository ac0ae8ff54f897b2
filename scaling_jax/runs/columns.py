"""The canonical columns of a run table: name, unit, meaning and what counts as a sane value."""

from dataclasses import dataclass

POSITIVE = "positive"  # a scale: > 0, so that its logarithm exists
FRACTION = "fraction"  # within [0, 1]
REAL = "real"  # any finite number
LABEL = "label"  # text that names a group


@dataclass(frozen=True)
class Column:
    """What a canonical column holds.

    Attributes:
        name: The canonical name.
        unit: Unit of the numbers, in words.
        meaning: One line for people.
        kind: `POSITIVE`, `FRACTION`, `REAL` or `LABEL`.
        symbol: The letter the literature uses, if any.
        usual: A (low, high) range outside which a value is probably in another unit.
    """

    name: str
    unit: str
    meaning: str
    kind: str = POSITIVE
    symbol: str = ""
    usual: tuple[float, float] | None = None


CANONICAL: dict[str, Column] = {
    column.name: column
    for column in (
        Column("params", "parameters", "model size, in the source's own convention", symbol="N",
               usual=(1e3, 1e14)),
        Column("params_total", "parameters", "all parameters, embeddings included",
               usual=(1e3, 1e14)),
        Column("params_no_embed", "parameters", "parameters without the embeddings",
               usual=(1e3, 1e14)),
        Column("params_non_vocab", "parameters", "parameters that do not depend on the vocabulary",
               usual=(1e3, 1e14)),
        Column("params_vocab", "parameters", "parameters of the vocabulary (input and output)",
               usual=(1e3, 1e13)),
        Column("active_params", "parameters", "parameters used for one token", usual=(1e3, 1e14)),
        Column("tokens", "tokens", "training tokens, repeats counted", symbol="D",
               usual=(1e4, 1e16)),
        Column("unique_tokens", "tokens", "distinct training tokens", symbol="U",
               usual=(1e4, 1e16)),
        Column("tokens_per_param", "tokens per parameter", "token multiplier, tokens / params",
               symbol="M", usual=(1e-2, 1e6)),
        Column("compute_flops", "FLOP", "training compute", symbol="C", usual=(1e9, 1e30)),
        Column("loss", "nats per token", "final loss, in nats per token unless said",
               symbol="L", usual=(1e-3, 20.0)),
        Column("error", "fraction", "error rate", kind=FRACTION),
        Column("accuracy", "fraction", "accuracy", kind=FRACTION),
        Column("learning_rate", "per step", "peak learning rate", usual=(1e-8, 10.0)),
        Column("batch_tokens", "tokens", "tokens in a batch", symbol="B"),
        Column("vocab_size", "entries", "vocabulary size", symbol="V"),
        Column("experts", "count", "experts of a mixture-of-experts layer"),
        Column("streams", "count", "parallel streams", symbol="P"),
        Column("depth", "layers", "number of layers"),
        Column("width", "units", "model width"),
        Column("step", "steps", "optimiser step"),
        Column("examples", "examples", "training examples, for data not counted in tokens",
               symbol="m"),
        Column("seed", "", "random seed of the run", kind=REAL),
        Column("weight", "", "weight of the run in the objective", kind=REAL),
        Column("loss_std", "nats per token", "standard deviation of the loss"),
        Column("family", "", "model family, corpus or experiment", kind=LABEL),
        Column("split", "", "part of the data a value belongs to", kind=LABEL),
        Column("run", "", "name of the run", kind=LABEL),
    )
}

# Spellings that appear in the wild. Matching ignores case, spaces, dashes and underscores.
ALIASES: dict[str, str] = {
    "n": "params", "nparams": "params", "numparams": "params", "parameters": "params",
    "modelsize": "params", "d": "tokens", "ntokens": "tokens", "numtokens": "tokens",
    "trainingtokens": "tokens", "tokennum": "tokens", "c": "compute_flops",
    "flop": "compute_flops", "flops": "compute_flops", "compute": "compute_flops",
    "trainingflop": "compute_flops", "trainingflops": "compute_flops", "l": "loss",
    "finalloss": "loss", "valloss": "loss", "trainloss": "loss", "lr": "learning_rate",
    "peaklr": "learning_rate", "uniquetokens": "unique_tokens", "numexperts": "experts",
    "nexperts": "experts", "parallelstreams": "streams", "model": "family", "steps": "step",
}  # fmt: skip


def normalised(name: str) -> str:
    """Reduce a header to letters and digits in lower case.

    >>> normalised("Training FLOP")
    'trainingflop'
    """
    return "".join(ch for ch in str(name).casefold() if ch.isalnum())


_BY_NORMALISED = {normalised(name): name for name in CANONICAL} | ALIASES


def suggested(name: str) -> str | None:
    """Return the canonical column a header probably means, or None.

    >>> suggested("Model Size"), suggested("colour")
    ('params', None)
    """
    return _BY_NORMALISED.get(normalised(name))

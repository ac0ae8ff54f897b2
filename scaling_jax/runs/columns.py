"""The canonical columns of a run table: name, unit, meaning and what counts as a sane value."""

from dataclasses import dataclass

POSITIVE = "positive"  # a scale: > 0, so that its logarithm exists
FRACTION = "fraction"  # within [0, 1]
REAL = "real"  # any finite number
WEIGHT = "weight"  # >= 0, and not zero for every run
LABEL = "label"  # text that names a group


@dataclass(frozen=True)
class Column:
    """What a canonical column holds.

    Attributes:
        name: The canonical name.
        unit: Unit of the numbers, in words.
        meaning: One line for people.
        kind: `POSITIVE`, `FRACTION`, `REAL`, `WEIGHT` or `LABEL`.
        symbol: The letter the literature uses, if any.
        usual: A (low, high) range outside which a value is probably in another unit.
    """

    name: str
    unit: str
    meaning: str
    kind: str = POSITIVE
    symbol: str = ""
    usual: tuple[float, float] | None = None

    @property
    def counts(self) -> bool:
        """Whether people write the values as sizes, such as ``7B`` or ``1,000,000``."""
        return self.unit in _COUNTED


_COUNTED = ("parameters", "tokens", "FLOP", "entries", "layers", "units", "steps", "examples")

CANONICAL: dict[str, Column] = {
    column.name: column
    for column in (
        Column(
            "params",
            "parameters",
            "model size, in the source's own convention",
            symbol="N",
            usual=(1e3, 1e14),
        ),
        Column(
            "params_total", "parameters", "all parameters, embeddings included", usual=(1e3, 1e14)
        ),
        Column(
            "params_no_embed", "parameters", "parameters without the embeddings", usual=(1e3, 1e14)
        ),
        Column(
            "params_non_vocab",
            "parameters",
            "parameters that do not depend on the vocabulary",
            usual=(1e3, 1e14),
        ),
        Column(
            "params_vocab",
            "parameters",
            "parameters of the vocabulary (input and output)",
            usual=(1e3, 1e13),
        ),
        Column("active_params", "parameters", "parameters used for one token", usual=(1e3, 1e14)),
        Column(
            "tokens", "tokens", "training tokens, repeats counted", symbol="D", usual=(1e4, 1e16)
        ),
        Column(
            "unique_tokens", "tokens", "distinct training tokens", symbol="U", usual=(1e4, 1e16)
        ),
        Column("epochs", "epochs", "passes over the distinct tokens, tokens / unique_tokens"),
        Column(
            "tokens_per_param",
            "tokens per parameter",
            "token multiplier, tokens / params",
            symbol="M",
            usual=(1e-2, 1e6),
        ),
        Column("compute_flops", "FLOP", "training compute", symbol="C", usual=(1e9, 1e30)),
        # Real, not positive: a loss relative to a baseline can be negative. Whether it must have a
        # logarithm depends on the objective, so the fit decides.
        Column(
            "loss",
            "nats per token",
            "final loss, in nats per token unless said",
            kind=REAL,
            symbol="L",
            usual=(1e-3, 20.0),
        ),
        Column("perplexity", "", "exp(loss)"),
        Column("bits_per_byte", "bits per byte", "loss over the bytes of the text"),
        Column("error", "fraction", "error rate", kind=FRACTION),
        Column("accuracy", "fraction", "accuracy", kind=FRACTION),
        Column("coverage", "fraction", "problems solved by one attempt at least", kind=FRACTION),
        Column("attempts", "attempts", "samples drawn a problem", symbol="k"),
        Column("learning_rate", "per step", "peak learning rate", usual=(1e-8, 10.0)),
        Column("batch_tokens", "tokens", "tokens in a batch", symbol="B"),
        Column("vocab_size", "entries", "vocabulary size", symbol="V"),
        Column("experts", "count", "experts of a mixture-of-experts layer"),
        Column("streams", "count", "parallel streams", symbol="P"),
        Column("depth", "layers", "number of layers"),
        Column("width", "units", "model width"),
        Column("step", "steps", "optimiser step"),
        Column(
            "examples", "examples", "training examples, for data not counted in tokens", symbol="m"
        ),
        Column("seed", "", "random seed of the run", kind=REAL),
        Column("weight", "", "weight of the run in the objective", kind=WEIGHT),
        Column("loss_std", "nats per token", "standard deviation of the loss"),
        Column("family", "", "model family, corpus or experiment", kind=LABEL),
        Column("split", "", "part of the data a value belongs to", kind=LABEL),
        Column("run", "", "name of the run", kind=LABEL),
    )
}

# Letters of the literature, as capitals only: a d is often a width, an n a number of something.
SYMBOLS: dict[str, str] = {"N": "params", "D": "tokens", "C": "compute_flops", "L": "loss"}

# Spellings that appear in the wild. Matching ignores case, spaces, dashes and underscores.
ALIASES: dict[str, str] = {
    "nparams": "params", "numparams": "params", "parameters": "params", "nparameters": "params",
    "numparameters": "params", "parametercount": "params", "paramcount": "params",
    "modelsize": "params", "totalparams": "params_total", "paramsnonembedding": "params_no_embed",
    "nonembeddingparams": "params_no_embed", "nonvocabparameters": "params_non_vocab",
    "activeparameters": "active_params", "ntokens": "tokens", "numtokens": "tokens",
    "tokencount": "tokens", "totaltokens": "tokens", "trainingtokens": "tokens",
    "traintokens": "tokens", "tokennum": "tokens", "nepochs": "epochs", "numepochs": "epochs",
    "flop": "compute_flops", "flops": "compute_flops", "compute": "compute_flops",
    "trainingflop": "compute_flops", "trainingflops": "compute_flops",
    "trainingcompute": "compute_flops", "totalflops": "compute_flops", "finalloss": "loss",
    "valloss": "loss", "validationloss": "loss", "evalloss": "loss", "testloss": "loss",
    "trainloss": "loss", "trainingloss": "loss", "ppl": "perplexity", "bpb": "bits_per_byte",
    "lr": "learning_rate", "peaklr": "learning_rate", "numexperts": "experts",
    "nexperts": "experts", "parallelstreams": "streams", "steps": "step",
    "seenexamples": "examples", "runname": "run", "runid": "run", "model": "family",
}  # fmt: skip


def tidied(header: object) -> str:
    r"""Return a header on one line, with single blanks, as spreadsheets show it.

    >>> tidied(" Model\nSize ")
    'Model Size'
    """
    return " ".join(str(header).split())


def normalised(name: str) -> str:
    """Reduce a header to letters and digits in lower case.

    >>> normalised("Training FLOP")
    'trainingflop'
    """
    return "".join(ch for ch in str(name).casefold() if ch.isalnum())


_BY_NORMALISED = {normalised(name): name for name in CANONICAL} | ALIASES


def suggested(name: str) -> str | None:
    """Return the canonical column a header probably means, or None.

    >>> suggested("Model Size"), suggested("N"), suggested("colour")
    ('params', 'params', None)
    """
    return SYMBOLS.get(str(name).strip()) or _BY_NORMALISED.get(normalised(name))

"""The solvable model's data: a latent space whose variances fall as a power, and linear teachers.

    x_I = sqrt(lambda_I) * gauss ; lambda_I = I**-(1 + alpha) ; y = w . x ; w_I = +1 or -1

Every latent weight of a teacher has the same size, so the loss of `LinearRecipe` averaged over
its random features is exactly that of a Gaussian teacher with unit variance: features are as
likely as their mirror images, which makes the average of the residual form diagonal.

Reference: Maloney, Roberts, Sully (2022), arXiv:2210.16859.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from scaling_jax.ladder.corpora.options import check_exponent, check_whole
from scaling_jax.ladder.corpora.streams import digest_of, stream

_FORMAT = "scaling_jax teacher 1"  # to change whenever the same options give other examples
_TEACHER, _SAMPLE, _ORDER = 1, 2, 3  # words of `step` apart from those of the stream, batch 0


def spectrum(latent: int, alpha: float) -> np.ndarray:
    """Return the variances I**-(1 + alpha) of the latent dimensions ``[latent]``.

    >>> spectrum(3, 1.0).round(4).tolist()
    [1.0, 0.25, 0.1111]
    """
    return np.arange(1.0, latent + 1.0) ** -(1.0 + alpha)


class TeacherCorpus:
    """Examples of linear teachers on data of a power-law spectrum; see `Corpus`.

    Made by `open_teacher`.

    Attributes:
        weights: Latent weights of the teachers, +1 or -1 ``[outputs, latent]``.
    """

    name, unit, vocab_size = "teacher", "examples", 0

    def __init__(self, *, latent: int, alpha: float, outputs: int, examples: int, seed: int):
        self.latent, self.alpha, self.outputs, self.examples = latent, alpha, outputs, examples
        self._options = {
            "latent": latent,
            "alpha": alpha,
            "outputs": outputs,
            "examples": examples,
            "seed": seed,
        }
        self.digest = digest_of({"format": _FORMAT, **self._options})
        self._scale = np.sqrt(spectrum(latent, alpha)).astype(np.float32)
        signs = stream(self.digest, step=_TEACHER).integers(0, 2, (outputs, latent))
        self.weights = (2 * signs - 1).astype(np.float32)

    def batches(
        self, *, seed: int, batch: int, first: int, last: int
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yield ``{"x": float32 [batch, latent], "y": float32 [batch, outputs]}`` of the steps."""
        if self.examples == 0:
            for step in range(first, last):
                yield self._labelled(stream(self.digest, seed=seed, batch=batch, step=step), batch)
            return
        sample = self._sample(seed)
        order = lru_cache(maxsize=2)(lambda epoch: self._order(seed, epoch))
        for step in range(first, last):
            epochs, places = np.divmod(np.arange(step * batch, (step + 1) * batch), self.examples)
            rows = np.concatenate(
                [order(int(epoch))[places[epochs == epoch]] for epoch in np.unique(epochs)]
            )
            yield {key: value[rows] for key, value in sample.items()}

    def _labelled(self, numbers: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        x = numbers.standard_normal((count, self.latent), np.float32) * self._scale
        return {"x": x, "y": self._targets(x)}

    def _targets(self, x: np.ndarray) -> np.ndarray:
        # Not a BLAS: its threads and order of summation depend on the machine's load.
        return np.einsum("ex,ox->eo", x, self.weights)

    def _sample(self, seed: int) -> dict[str, np.ndarray]:
        """Return the finite training set of a seed."""
        return self._labelled(stream(self.digest, seed=seed, step=_SAMPLE), self.examples)

    def _order(self, seed: int, epoch: int) -> np.ndarray:
        numbers = stream(self.digest, seed=seed, step=_ORDER + epoch)
        return numbers.permutation(self.examples)

    def validation(self) -> dict[str, np.ndarray]:
        """Return one example a latent dimension, whose mean squared error is the exact test loss.

        Example I is sqrt(latent * lambda_I) along dimension I. Its second moments are those of
        the data, and a squared error of linear functions depends on nothing else.
        """
        x = np.diag(np.float32(self.latent**0.5) * self._scale)
        return {"x": x, "y": self._targets(x)}

    def describe(self) -> dict[str, Any]:
        """Return the options, and what follows from them."""
        return {
            "name": self.name,
            "digest": self.digest,
            "unit": self.unit,
            **self._options,
            "validation": "exact: one example a latent dimension",
        }


def open_teacher(
    *,
    latent: int = 512,
    alpha: float = 1.0,
    outputs: int = 1,
    examples: int = 0,
    seed: int = 0,
    context: int = 1,
) -> TeacherCorpus:
    """Return the corpus of the solvable model.

    Args:
        latent: Dimensions of the data (M).
        alpha: Exponent of the spectrum, and of the loss in features and in examples.
        outputs: Independent teachers whose mean loss is taken; more of them scatter less.
        examples: Size of the training set, drawn anew for each seed and repeated; 0 for a stream
            in which no example comes twice.
        seed: Of the teachers.
        context: Not used: an example is a single token.

    Raises:
        LadderError: An option is out of its range.

    Example:
        >>> corpus = open_teacher(latent=20, alpha=1.0)
        >>> next(corpus.batches(seed=0, batch=4, first=7, last=8))["x"].shape
        (4, 20)
    """
    options = {
        "latent": latent,
        "alpha": alpha,
        "outputs": outputs,
        "examples": examples,
        "seed": seed,
    }
    check_whole("teacher", {"latent": 2, "outputs": 1, "examples": 0, "seed": 0}, options)
    check_exponent("teacher", alpha)
    return TeacherCorpus(**options)

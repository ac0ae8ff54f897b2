"""How a new run scatters around its law: by the residuals of a fit, or by a likelihood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scaling_jax.errors import PredictionError
from scaling_jax.fitting.fit import Fit
from scaling_jax.uncertainty.likelihoods import Counts, Likelihood


class Scatter(Protocol):
    """Noise of a new run."""

    def around(self, values: np.ndarray, inputs: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        """Return values of new runs around the law's.

        Args:
            values: The law's values ``[draws, q]``.
            inputs: The query points, one array ``[q]`` an input.
            seed: Seed of the noise.
        """
        ...


@dataclass(frozen=True)
class Residuals:
    """Residuals of a fit, drawn with replacement and widened by its degrees of freedom."""

    fit: Fit

    def around(self, values: np.ndarray, inputs: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        """Return values of new runs around the law's; see `Scatter.around`."""
        fit = self.fit
        n, p = len(fit.residuals), len(fit.law.free)
        inflate = np.sqrt(n / (n - p)) if n > p else 1.0  # residuals of a fit are too small
        noise = inflate * np.random.default_rng(seed).choice(fit.residuals, size=values.shape)
        return values * np.exp(-noise) if fit.criterion.scale == "log" else values - noise


@dataclass(frozen=True)
class Sampled:
    """A likelihood with noise parameters of its own in every draw.

    Attributes:
        likelihood: The likelihood.
        noise: Noise parameters ``[draws]``.
        scale: Size that residuals were divided by.
        log_reference: Logarithm of the value of the column `growth` at which sigma is meant.
    """

    likelihood: Likelihood
    noise: Mapping[str, np.ndarray]
    scale: float = 1.0
    log_reference: float = 0.0

    def around(self, values: np.ndarray, inputs: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        """Return values of new runs around the law's; see `Scatter.around`."""
        rng = np.random.default_rng(seed)
        noise = {name: draws[:, None] for name, draws in self.noise.items()}
        if isinstance(self.likelihood, Counts):
            attempts = self._column(self.likelihood.attempts, inputs)
            return self.likelihood.sample_share(rng, values, attempts, noise)
        extra: dict[str, Any] = {
            "known": 0.0
        }  # the evaluation noise of a run that is not there is not known
        if self.likelihood.growth:
            column = self._column(self.likelihood.growth, inputs)
            extra["growth"] = np.log(column) - self.log_reference
        spread = np.asarray(self.likelihood.spread(noise, extra))
        r = self.likelihood.sample(rng, np.broadcast_to(spread, values.shape), noise)
        return values * np.exp(r) if self.likelihood.scale == "log" else values + self.scale * r

    def _column(self, name: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        if name in inputs:
            return inputs[name]
        if name == "compute_flops" and {"params", "tokens"} <= set(inputs):
            return 6.0 * inputs["params"] * inputs["tokens"]
        raise PredictionError(
            f"the noise of a new run depends on {name}, which the law does not take; predict the "
            "law's own value, or use a likelihood without it"
        )

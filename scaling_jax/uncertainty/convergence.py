"""What chains tell of themselves: R-hat, effective sample sizes, divergences; warnings in words."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import listing
from scaling_jax.tables import Table

RHAT = 1.01
ESS = 400
PARETO_K = 0.7
_NO_CONTRACTION = (
    0.9  # posterior over prior standard deviation that counts as having learnt nothing
)
_DEPENDENT = 0.97
_NO_FLOOR = 0.02  # share of the output below which an irreducible part is no different from none


@dataclass(frozen=True)
class Sampler:
    """How a posterior was sampled.

    Attributes:
        names: Names of the coordinates: the law's, then the noise's.
        coordinates: Unbounded coordinates ``[chains, draws, coordinates]``.
        log_density: Log posterior density ``[chains, draws]``.
        diverging: Divergent transitions ``[chains, draws]``.
        steps: Gradient evaluations of each transition ``[chains, draws]``.
        acceptance: Mean acceptance probability ``[chains, draws]``.
        energy: Hamiltonian of each transition ``[chains, draws]``.
        prior_sd: Prior standard deviation of each coordinate; infinite of one that is a single
            group's ``[coordinates]``.
        floors: Coordinates that are logarithms of an irreducible part in the output's own scale.
        log_likelihood: Log density of every run ``[chains, draws, runs]``.
        pareto_k: Of the importance weights, if draws are resampled and no chains.
        effective: How many equal weights these weights are worth.
    """

    names: tuple[str, ...]
    coordinates: np.ndarray
    log_density: np.ndarray
    diverging: np.ndarray
    steps: np.ndarray
    acceptance: np.ndarray
    energy: np.ndarray
    prior_sd: np.ndarray
    floors: tuple[str, ...]
    log_likelihood: np.ndarray
    pareto_k: float | None = None
    effective: float | None = None

    @property
    def rhat(self) -> dict[str, float]:
        """Rank-normalised split R-hat of every coordinate (Vehtari et al., arXiv:1903.08008)."""
        return self._of_coordinates("rhat")

    @property
    def ess_bulk(self) -> dict[str, float]:
        """Effective sample size of the middle of every coordinate."""
        return self._of_coordinates("ess", method="bulk")

    @property
    def ess_tail(self) -> dict[str, float]:
        """Effective sample size of the 5 % and 95 % quantiles of every coordinate."""
        return self._of_coordinates("ess", method="tail", prob=(0.05, 0.95))

    @property
    def converged(self) -> bool:
        """Whether nothing diverged, chains agree and draws are enough."""
        return not any(self._failures())

    def table(self) -> Table:
        """Return the diagnostics of every coordinate."""
        if self.pareto_k is not None:
            return Table(
                f"{self.log_density.size} draws resampled by importance",
                ("diagnostic", "value"),
                (("Pareto k", self.pareto_k), ("effective draws", self.effective)),
            )
        rhat, bulk, tail = self.rhat, self.ess_bulk, self.ess_tail
        rows = [(name, rhat[name], round(bulk[name]), round(tail[name])) for name in self.names]
        chains, draws = self.log_density.shape
        return Table(
            f"{chains} chains of {draws} draws, {int(np.sum(self.diverging))} divergences",
            ("coordinate", "R-hat", "ESS bulk", "ESS tail"),
            tuple(rows),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the draws, and what to do about it, one sentence each."""
        found = (*self._failures(), self._uninformed(), *self._dependent(), *self._floorless())
        return tuple(text for text in found if text)

    def _failures(self) -> tuple[str, ...]:
        if self.pareto_k is not None:
            return (self._uncovered(), self._few_weights())
        return (self._divergences(), self._mixing(), self._effective())

    def _uncovered(self) -> str:
        if self.pareto_k is None or self.pareto_k <= PARETO_K:
            return ""
        return (
            f"Pareto k of the importance weights is {self.pareto_k:.2f}, above {PARETO_K}: the "
            "approximation at the mode does not cover the posterior; sample it with "
            "method='nuts'"
        )

    def _few_weights(self) -> str:
        if self.effective is None or self.effective >= ESS:
            return ""
        return (
            f"the importance weights are worth {self.effective:.0f} draws, fewer than {ESS}: "
            "quantiles are uncertain; sample with method='nuts'"
        )

    def _of_coordinates(self, function: str, **options: Any) -> dict[str, float]:
        import arviz_stats

        compute = getattr(arviz_stats, function)
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                name: float(
                    compute(self.coordinates[:, :, k], chain_axis=0, draw_axis=1, **options)
                )
                for k, name in enumerate(self.names)
            }

    def _divergences(self) -> str:
        count = int(np.sum(self.diverging))
        if not count:
            return ""
        return (
            f"{count} of {self.diverging.size} transitions diverged, so a region is not explored; "
            "raise target_accept to 0.99, or give priors to the parameters named below"
        )

    def _mixing(self) -> str:
        bad = [n for n, value in self.rhat.items() if not value <= RHAT]
        if not bad:
            return ""
        return f"R-hat of {listing(bad)} is above {RHAT}: the chains disagree; run them longer"

    def _effective(self) -> str:
        bulk, tail = self.ess_bulk, self.ess_tail
        bad = [name for name in self.names if not min(bulk[name], tail[name]) >= ESS]
        if not bad:
            return ""
        return (
            f"fewer than {ESS} effective draws of {listing(bad)}: quantiles are uncertain; take "
            "more draws"
        )

    def _uninformed(self) -> str:
        spread = self.coordinates.reshape(-1, len(self.names)).std(axis=0)
        bad = [n for n, s, p in zip(self.names, spread, self.prior_sd, strict=True)
               if s > _NO_CONTRACTION * p]  # fmt: skip
        if not bad:
            return ""
        return (
            f"the runs say nothing about {listing(bad)}, whose posterior is the prior; hold it "
            "with law.fix(), give it a prior you believe in, or add runs that move it"
        )

    def _dependent(self) -> list[str]:
        flat = self.coordinates.reshape(-1, len(self.names))
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = np.corrcoef(flat.T)
        own = ~np.isfinite(self.prior_sd)  # a group's, which follow the law common to all
        correlation[own] = correlation[:, own] = 0.0
        pairs = np.argwhere(np.triu(np.abs(correlation) > _DEPENDENT, 1))
        return [
            f"{self.names[i]} and {self.names[j]} are almost interchangeable on these runs "
            f"(correlation {correlation[i, j]:+.2f} in scale-free coordinates); quote what they "
            "predict together, not one of them, or add runs over a wider range"
            for i, j in pairs
        ]

    def _floorless(self) -> list[str]:
        flat = self.coordinates.reshape(-1, len(self.names))
        low = {name: np.quantile(flat[:, self.names.index(name)], 0.05) for name in self.floors}
        return [
            f"{name} may be zero as far as these runs tell; extrapolations depend on its prior; "
            "say which one, or add runs whose output is nearer to it"
            for name, value in low.items()
            if value < np.log(_NO_FLOOR)
        ]

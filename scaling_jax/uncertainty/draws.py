"""Draws: named parameter arrays, one value a draw; the one currency of uncertainty."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from scaling_jax.errors import ArtifactError, FitError, did_you_mean
from scaling_jax.files import write_atomically
from scaling_jax.fitting.coordinates import natural_of_lanes
from scaling_jax.fitting.fit import Fit
from scaling_jax.runs.selection import groups as positions
from scaling_jax.tables import Table, sentence_list
from scaling_jax.uncertainty import archive, export
from scaling_jax.uncertainty.convergence import Sampler
from scaling_jax.uncertainty.discrepancy import Discrepancy, learn_discrepancy
from scaling_jax.uncertainty.groups import Groups
from scaling_jax.uncertainty.scatter import Residuals, Scatter


@dataclass(frozen=True)
class Draws(Mapping[str, np.ndarray]):
    """Parameter draws of a law: ``draws["alpha"]`` is an array ``[draws]``.

    Attributes:
        params: Every free parameter's values ``[draws]``.
        fit: The fit they belong to: its law, runs and residuals.
        method: What made them: ``"fit"`` (one draw), ``"laplace"``, ``"multinomial"``, ...
        objective: Objective of each refit ``[draws]``; None if draws are not refits.
        failed: Refits that gave nothing finite and are not among the draws.
        unconverged: Draws whose refit has not converged.
        noise: How a new run scatters around the law; None: as the fit's residuals do.
        sampler: How the chains went, if draws are a posterior's.
        discrepancy: How far the law itself strays beyond its data; None: not at all.
        groups: How the laws of several groups of runs scatter around this one, if they were
            sampled together.
    """

    params: dict[str, np.ndarray]
    fit: Fit
    method: str
    objective: np.ndarray | None = field(default=None)
    failed: int = 0
    unconverged: int = 0
    noise: Scatter | None = None
    sampler: Sampler | None = None
    discrepancy: Discrepancy | None = None
    groups: Groups | None = None

    @classmethod
    def of(cls, source: "Draws | Fit") -> "Draws":
        """Return draws as they are, and a fit as its one draw."""
        if isinstance(source, Fit):
            return cls({k: np.array([v]) for k, v in source.params.items()}, source, "fit")
        return source

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.params:
            raise FitError(
                f"the draws have no parameter {name!r}; {did_you_mean(name, self.params)}"
            )
        return self.params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.params)

    def __len__(self) -> int:
        return len(self.params)

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(next(iter(self.params.values())))

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of every parameter: the draws' standard deviation; NaN for one draw.

        Jackknife replicates differ by one run each; theirs is the jackknife's standard error.
        """
        errors = np.sqrt(np.diag(self.covariance))
        return dict(zip(self.params, errors.tolist(), strict=True))

    def with_discrepancy(self, seed: int = 0) -> "Draws":
        """Return the draws with an error of the law that grows beyond the runs.

        It is learnt from fits of the cheapest runs only and what they say of the dearer ones, and
        widens the intervals of new runs; see `scaling_jax.uncertainty.discrepancy`.
        """
        if self.groups is not None:
            from scaling_jax.uncertainty.pooling import discrepancy_of_groups

            return replace(self, discrepancy=discrepancy_of_groups(self, seed))
        return replace(self, discrepancy=learn_discrepancy(self.fit, seed))

    def group(self, label: str) -> "Draws":
        """Return the draws of one group's law; draw k of two groups belongs together.

        Predictions from them are extrapolations where this group's own runs end.

        Args:
            label: A value of the column that groups were told apart by.

        Raises:
            FitError: The draws are not of several groups, or there is no such group.
        """
        groups = self._grouped()
        z = groups.of(label, self.fit.law)
        return self._of_coordinates(z, positions(self.fit.runs, groups.column)[label])

    def new_group(self, seed: int = 0) -> "Draws":
        """Return draws of the law of a group that has no runs yet: another group each draw.

        Raises:
            FitError: The draws are not of several groups.
        """
        return self._of_coordinates(self._grouped().new(self.fit.law, seed), None)

    def _grouped(self) -> Groups:
        if self.groups is None:
            raise FitError(
                "these draws are of one law for all runs; sample with sj.posterior(..., groups=)"
            )
        return self.groups

    def _of_coordinates(self, z: np.ndarray, rows: np.ndarray | None) -> "Draws":
        fit, sampler = self.fit, self.sampler
        with jax.enable_x64(True):
            params = natural_of_lanes(z.T, fit.logs, law=fit.law)
        if rows is not None:
            keep = np.zeros(len(fit.runs), bool)
            keep[rows] = True
            weights = None if fit.weights is None else fit.weights[keep]
            fit = replace(
                fit, runs=fit.runs.where(keep), residuals=fit.residuals[keep], weights=weights
            )
        if sampler is not None:
            sampler = replace(sampler, log_likelihood=self._density_of(rows))
        return replace(self, params=params, fit=fit, sampler=sampler, groups=None)

    def _density_of(self, rows: np.ndarray | None) -> np.ndarray:
        """Return the chains' densities of some runs, of those with a weight."""
        assert self.sampler is not None
        runs = self.fit.runs
        used = np.asarray(runs["weight"]) > 0.0 if "weight" in runs else np.ones(len(runs), bool)
        wanted = np.zeros(len(runs), bool)
        wanted[[] if rows is None else rows] = True
        return self.sampler.log_likelihood[..., wanted[used]]

    @property
    def scatter(self) -> Scatter:
        """How a new run scatters around the law."""
        return self.noise or Residuals(self.fit)

    @property
    def jackknife(self) -> bool:
        """Whether the draws are leave-one-out replicates, whose spread is no distribution."""
        return self.method == "leave_one_out"

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters ``[free, free]``, that of `standard_errors`."""
        values = np.stack(list(self.params.values()))
        if self.count < 2:
            return np.full((len(values), len(values)), np.nan)
        factor = (self.count - 1) ** 2 / self.count if self.jackknife else 1.0
        return factor * np.atleast_2d(np.cov(values))

    def quantile(self, q: Any) -> dict[str, np.ndarray]:
        """Return quantiles of every parameter, in the shape of `q`."""
        return {name: np.quantile(values, q) for name, values in self.params.items()}

    def summary(self, level: float = 0.9) -> Table:
        """Return median, standard deviation and central interval of every parameter."""
        tails = [(1.0 - level) / 2.0, 0.5, (1.0 + level) / 2.0]
        rows, errors = [], self.standard_errors
        for name, values in self.params.items():
            low, middle, high = np.quantile(values, tails)
            rows.append((name, float(middle), errors[name], float(low), float(high)))
        doubts = self.warnings
        spread = "std. error" if self.jackknife else "std. dev."
        return Table(
            f"{self.fit.law.name}: {self.count} draws by {self.method}",
            ("parameter", "median", spread, f"{tails[0]:.1%}", f"{tails[2]:.1%}"),
            tuple(rows),
            (*self._about_groups(level), *(("", *sentence_list(doubts)) if doubts else ())),
        )

    def _about_groups(self, level: float) -> tuple[str, ...]:
        if self.groups is None:
            return ()
        return (f"of the law common to {len(self.groups.labels)} groups",
                "", *str(self.groups.table(level)).splitlines())  # fmt: skip

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the draws, one sentence each."""
        total = self.count + self.failed
        doubts = []
        if self.failed:
            doubts.append(
                f"{self.failed} of {total} refits had fewer rows than parameters or no finite "
                "objective and are left out"
            )
        if self.unconverged:
            doubts.append(f"{self.unconverged} of {total} refits have not converged")
        return (*doubts, *(self.sampler.warnings if self.sampler else ()))

    def to_pandas(self) -> Any:
        """Return a pandas data frame, one row a draw."""
        import pandas as pd

        return pd.DataFrame(self.params)

    def to_xarray(self) -> Any:
        """Return an xarray data set with dimensions chain and draw; one chain if none are known.

        Raises:
            FitError: xarray is not installed.
        """
        return export.to_dataset(self, "to_xarray()")

    def to_datatree(self) -> Any:
        """Return an xarray DataTree for ArviZ.

        It has the groups posterior (the law's and the noise's parameters), observed_data and
        constant_data, and for a sampled posterior sample_stats and log_likelihood, the log density
        of each run's output in its own units.

        Raises:
            FitError: xarray is not installed.
        """
        return export.to_datatree(self)

    def derive(self, function: Callable[[dict[str, np.ndarray]], Any]) -> Any:
        """Return quantities computed from every draw's parameters.

        Args:
            function: From a dictionary of all parameters of the law, held and tied ones too, each
                an array ``[draws]``, to an array ``[draws, ...]`` or a dictionary of them.

        Returns:
            What the function returns, as float64 arrays.

        Raises:
            FitError: The function does not return a value for each draw, or one is not finite.

        Example:
            >>> import numpy as np, scaling_jax as sj
            >>> params, tokens = np.meshgrid(np.geomspace(1e7, 1e10, 4), np.geomspace(1e9, 1e12, 4))
            >>> loss = 1.8 + 480 / params**0.35 + 2100 / tokens**0.37
            >>> columns = dict(params=params.ravel(), tokens=tokens.ravel(), loss=loss.ravel())
            >>> fit = sj.fit("chinchilla", sj.RunTable.from_columns(columns), starts=32)
            >>> draws = sj.Draws.of(fit)
            >>> draws.derive(lambda p: p["beta"] / (p["alpha"] + p["beta"])).round(3)
            array([0.514])
        """
        found = function(self._every_parameter())
        if isinstance(found, Mapping):
            return {name: self._derived(values, str(name)) for name, values in found.items()}
        return self._derived(found, "the derived quantity")

    def _every_parameter(self) -> dict[str, np.ndarray]:
        """Return free, held and tied parameters, each ``[draws]``."""
        law = self.fit.law
        held = {name: np.full(self.count, float(v)) for name, v in dict(law.fixed).items()}
        known = dict(self.params) | held
        return known | {name: known[other] for name, other in dict(law.tied).items()}

    def _derived(self, values: Any, name: str) -> np.ndarray:
        found = np.asarray(values, np.float64)
        if found.ndim == 0 or len(found) != self.count:
            raise FitError(
                f"{name} has the shape {found.shape}, but a derived quantity has one value for "
                f"each of {self.count} draws; compute it elementwise from the parameters"
            )
        bad = ~np.isfinite(found).reshape(self.count, -1).all(axis=1)
        if np.any(bad):
            k = int(np.flatnonzero(bad)[0])
            at = ", ".join(f"{n} = {v[k]:.4g}" for n, v in self.params.items())
            raise FitError(f"{name} is not finite at draw {k + 1}, where {at}")
        return found

    def save(self, path: Any) -> None:
        """Write the draws to an npz file without pickle, atomically; the fit is not in it.

        The chains, the noise of new runs and the law's error beyond its runs are.

        Raises:
            ArtifactError: The file cannot be written.
        """
        about: dict[str, Any] = {
            "law": self.fit.law.name, "method": self.method, "failed": self.failed,
            "unconverged": self.unconverged, "parameters": list(self.params),
        }  # fmt: skip
        arrays: dict[str, Any] = {f"param_{name}": values for name, values in self.params.items()}
        if self.objective is not None:
            arrays["objective"] = self.objective
        for words, more in (
            archive.noise_out(self.noise),
            archive.chains_out(self.sampler),
            archive.discrepancy_out(self.discrepancy),
            archive.groups_out(self.groups),
        ):
            about, arrays = about | words, arrays | more
        write_atomically(path, archive.encode(about, arrays))

    @classmethod
    def load(cls, path: Any, fit: Fit) -> "Draws":
        """Read draws that `save` wrote, for the fit they were made from.

        Raises:
            ArtifactError: The file is absent, damaged, of another version or another law.
        """
        about, arrays = archive.decode(Path(path))
        if about["law"] != fit.law.name or tuple(about["parameters"]) != fit.law.free_names:
            raise ArtifactError(
                f"{path} holds draws of {about['law']} with {', '.join(about['parameters'])}; "
                f"the fit is of {fit.law.name} with {', '.join(fit.law.free_names)}"
            )
        try:
            return cls(
                {name: arrays[f"param_{name}"] for name in about["parameters"]},
                fit, about["method"], arrays.get("objective"), about["failed"],
                about["unconverged"], archive.noise_in(about, arrays),
                archive.chains_in(about, arrays), archive.discrepancy_in(about, arrays),
                archive.groups_in(about, arrays),
            )  # fmt: skip
        except (KeyError, TypeError) as error:  # the arrays are whole, their list is not
            raise ArtifactError(f"{path} is damaged or not saved draws: {error}") from None

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

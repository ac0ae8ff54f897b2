"""Draws: named parameter arrays, one value a draw; the one currency of uncertainty."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import FitError, did_you_mean
from scaling_jax.fitting.fit import Fit
from scaling_jax.tables import Table


@dataclass(frozen=True)
class Draws(Mapping[str, np.ndarray]):
    """Parameter draws of a law: ``draws["alpha"]`` is an array ``[draws]``.

    Attributes:
        params: Every free parameter's values ``[draws]``.
        fit: The fit they belong to: its law, runs and residuals.
        method: What made them: ``"fit"`` (one draw), ``"laplace"``, ...
    """

    params: dict[str, np.ndarray]
    fit: Fit
    method: str

    @classmethod
    def of(cls, source: "Draws | Fit") -> "Draws":
        """Return draws as they are, and a fit as its one draw."""
        if isinstance(source, Fit):
            return cls({k: np.array([v]) for k, v in source.params.items()}, source, "fit")
        return source

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.params:
            raise FitError(f"the draws have no parameter {name!r}; {did_you_mean(name, self.params)}")
        return self.params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.params)

    def __len__(self) -> int:
        return len(self.params)

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(next(iter(self.params.values())))

    def summary(self, level: float = 0.9) -> Table:
        """Return median, standard deviation and central interval of every parameter."""
        tails = [(1.0 - level) / 2.0, 0.5, (1.0 + level) / 2.0]
        rows = []
        for name, values in self.params.items():
            low, middle, high = np.quantile(values, tails)
            spread = float(np.std(values, ddof=1)) if self.count > 1 else float("nan")
            rows.append((name, float(middle), spread, float(low), float(high)))
        return Table(
            f"{self.fit.law.name}: {self.count} draws by {self.method}",
            ("parameter", "median", "std. dev.", f"{tails[0]:.1%}", f"{tails[2]:.1%}"),
            tuple(rows),
        )

    def to_pandas(self) -> Any:
        """Return a pandas data frame, one row a draw."""
        import pandas as pd

        return pd.DataFrame(self.params)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

"""One published set of coefficients, as printed and as the law takes it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from scaling_jax.errors import LawError, did_you_mean, listing
from scaling_jax.expressions import evaluate
from scaling_jax.laws.declaration import PROPORTIONS, Law


@dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """A published set of coefficients; `estimate(params=70e9, ...)` is its prediction.

    Attributes:
        name: Short name, unique for its law.
        law: The law it belongs to, with the options of its family.
        context: The data and the variant of the fit.
        values: The numbers as printed, under the publication's names.
        units: What the numbers are counted in, in words.
        where: Place in the publication.
        verified: ``"source"`` (read there), ``"computed"`` (by running public code or data) or
            ``"recalled"`` (from memory: unverified).
        link: Repository or page that holds the numbers.
        standard_errors: Of the values as printed.
        ranges: (low, high) where a range is published and no value.
        scales: Size of the unit that a column was counted in: ``{"params": 1e6}`` for millions.
        conversion: The law's parameters as expressions in the printed values, if the publication
            writes the law in other parameters.
        facts: What else is printed: lists, tables and words.
        notes: What else to know.
    """

    name: str
    law: Law
    context: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    units: str = ""
    where: str = ""
    verified: str = "source"
    link: str = ""
    standard_errors: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)
    conversion: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""

    def __repr__(self) -> str:
        return f"<Estimate {self.name} of {self.law.label}: {self.text}>"

    @property
    def params(self) -> dict[str, float]:
        """The law's parameters for raw columns, as far as they are published.

        Example:
            >>> import scaling_jax as sj
            >>> vpnls = sj.laws.get("chinchilla").published("vpnls")
            >>> vpnls.values["A"], round(vpnls.params["A"], 1)
            (4.0005, 511.3)
        """
        names = [p.name for p in self.law.parameters]
        values = {name: self._in_printed_units(name) for name in names}
        if self.scales:
            columns = (*self.law.input_names, self.law.output.column)
            scales = {name: float(np.log(self.scales.get(name, 1.0))) for name in columns}
            values = self.law.rescaled(values, scales)  # NaN wherever the exponent is unknown
        return {name: float(value) for name, value in values.items() if not np.isnan(value)}

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the law's parameters that were not published."""
        known = self.params
        return tuple(p.name for p in self.law.parameters if p.name not in known)

    @property
    def text(self) -> str:
        """Context, place and, for a recalled estimate, the mark ``unverified``."""
        place = f"({self.where})" if self.where else ""
        mark = "[unverified]" if self.verified == "recalled" else ""
        return " ".join(part for part in (self.context, place, mark) if part)

    def __call__(self, **inputs: Any) -> jax.Array:
        """Return the prediction for raw columns.

        Args:
            **inputs: Value of each input column of the law.

        Raises:
            LawError: A parameter was not published, or the inputs are not the law's.

        Example:
            >>> import scaling_jax as sj
            >>> hoffmann = sj.laws.get("chinchilla").published("hoffmann")
            >>> round(float(hoffmann(params=70e9, tokens=1.4e12)), 3)
            1.937
        """
        if self.missing:
            raise LawError(
                f"the estimate {self.name} of {self.law.name} does not give {listing(self.missing)}"
                "; take another estimate, or pass your own values to the law"
            )
        for name in inputs:
            if name not in self.law.input_names and not (self.law.simplex and name == PROPORTIONS):
                hint = did_you_mean(name, self.law.input_names)
                raise LawError(f"{self.law.name} has no input {name!r}; {hint}")
        self.law.check_inputs(inputs)
        return self.law(self.params, inputs)

    def _in_printed_units(self, name: str) -> float:
        """Return a parameter of the law from the printed numbers; NaN if they do not give it."""
        if name in self.conversion:
            return float(evaluate(self.conversion[name], self.values))
        # Where a logarithm is printed beside the value it has more digits than the value.
        if f"log_{name}" in self.values:
            return math.exp(self.values[f"log_{name}"])
        return self.values.get(name, math.nan)

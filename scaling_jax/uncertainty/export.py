"""Draws as ArviZ reads them: xarray data sets with dimensions chain and draw.

xarray is optional and imported here only.
"""

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_jax.errors import FitError
from scaling_jax.uncertainty.scatter import Sampled

if TYPE_CHECKING:
    from scaling_jax.uncertainty.draws import Draws


def to_dataset(draws: "Draws", wanted_by: str) -> Any:
    """Return the law's and the noise's parameters ``[chain, draw]``; one chain if none are known.

    Args:
        draws: The draws.
        wanted_by: The function that needs xarray, for the error.

    Raises:
        FitError: xarray is not installed.
    """
    xr = _xarray(wanted_by)
    shape = (1, draws.count) if draws.sampler is None else draws.sampler.log_density.shape
    values = dict(draws.params)
    if draws.sampler is not None and isinstance(draws.noise, Sampled):
        # A law may call a parameter as the noise is called; the law's keeps its name.
        values |= {
            f"noise_{name}" if name in values else name: v for name, v in draws.noise.noise.items()
        }
    return xr.Dataset(
        {name: (("chain", "draw"), v.reshape(shape)) for name, v in values.items()},
        coords={"chain": np.arange(shape[0]), "draw": np.arange(shape[1])},
        attrs={"law": draws.fit.law.name, "method": draws.method},
    )


def to_datatree(draws: "Draws") -> Any:
    """Return an xarray DataTree with the groups that ArviZ knows.

    Raises:
        FitError: xarray is not installed.
    """
    xr = _xarray("to_datatree()")
    fit = draws.fit
    groups = {
        "posterior": to_dataset(draws, "to_datatree()"),
        "observed_data": xr.Dataset({fit.law.output.column: ("run", _column(draws))}),
        "constant_data": xr.Dataset(
            {n: ("run", np.asarray(fit.runs[n], np.float64)) for n in fit.law.input_names}
        ),
    }
    if draws.sampler is not None:
        groups["sample_stats"] = _statistics(xr, draws.sampler)
    density = _density(draws)
    if density is not None:
        found, rows = density
        groups["log_likelihood"] = xr.Dataset(
            {fit.law.output.column: (("chain", "draw", "run"), found)}, coords={"run": rows}
        )
        for name in ("observed_data", "constant_data"):  # runs of no weight have no density
            groups[name] = groups[name].isel(run=rows).assign_coords(run=rows)
    return xr.DataTree.from_dict(groups)


def _statistics(xr: Any, sampler: Any) -> Any:
    named = {
        "lp": sampler.log_density,
        "diverging": sampler.diverging,
        "n_steps": sampler.steps,
        "acceptance_rate": sampler.acceptance,
        "energy": sampler.energy,
    }
    return xr.Dataset({name: (("chain", "draw"), values) for name, values in named.items()})


def _density(draws: "Draws") -> tuple[np.ndarray, np.ndarray] | None:
    """Return the densities of the runs, if they are known and the runs independent."""
    from scaling_jax.uncertainty.comparison import run_log_density

    try:
        return run_log_density(draws)
    except FitError:
        return None


def _column(draws: "Draws") -> np.ndarray:
    return np.asarray(draws.fit.runs[draws.fit.law.output.column], np.float64)


def _xarray(wanted_by: str) -> Any:
    try:
        return importlib.import_module("xarray")
    except ImportError:
        raise FitError(
            f"{wanted_by} needs xarray; install it with pip install scaling-jax[arviz]"
        ) from None

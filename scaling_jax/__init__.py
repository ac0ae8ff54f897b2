"""The engine for neural scaling laws: run table, law, fit, prediction, plan.

The public names are resolved on first use, so that importing the package costs little.
"""

import importlib
from typing import Any

_HOMES = {
    "Absolute": "objectives",
    "Blocks": "fitting.resampling",
    "Draws": "uncertainty.draws",
    "Fit": "fitting.fit",
    "Huber": "objectives",
    "Law": "laws",
    "LeaveOneOut": "fitting.resampling",
    "Multinomial": "fitting.resampling",
    "Parameter": "laws",
    "Poisson": "fitting.resampling",
    "Prediction": "prediction",
    "Reference": "laws",
    "RunTable": "runs",
    "ScalingError": "errors",
    "Squared": "objectives",
    "Stratified": "fitting.resampling",
    "StudentT": "objectives",
    "Variable": "laws",
    "bootstrap": "uncertainty.bootstrap",
    "connect_hosts": "fitting.hosts",
    "fit": "fitting.fit",
    "laplace": "uncertainty.laplace",
    "law": "laws",
    "predict": "prediction",
    "read_runs": "runs",
}
_MODULES = ("datasets", "errors", "laws", "reporting", "runs")

__all__ = [*_HOMES, *_MODULES, "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

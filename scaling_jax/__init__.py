"""The engine for neural scaling laws: run table, law, fit, prediction, plan.

The public names are resolved on first use, so that importing the package costs little.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what the names are, for type checkers; nothing is imported
    from scaling_jax import datasets as datasets
    from scaling_jax import errors as errors
    from scaling_jax import ladder as ladder
    from scaling_jax import laws as laws
    from scaling_jax import literature as literature
    from scaling_jax import protocols as protocols
    from scaling_jax import reporting as reporting
    from scaling_jax import reproductions as reproductions
    from scaling_jax import runs as runs
    from scaling_jax.errors import ScalingError as ScalingError
    from scaling_jax.fitting.fit import Fit as Fit
    from scaling_jax.fitting.fit import fit as fit
    from scaling_jax.fitting.hosts import connect_hosts as connect_hosts
    from scaling_jax.fitting.resampling import Blocks as Blocks
    from scaling_jax.fitting.resampling import LeaveOneOut as LeaveOneOut
    from scaling_jax.fitting.resampling import Multinomial as Multinomial
    from scaling_jax.fitting.resampling import Poisson as Poisson
    from scaling_jax.fitting.resampling import Stratified as Stratified
    from scaling_jax.laws import Law as Law
    from scaling_jax.laws import Parameter as Parameter
    from scaling_jax.laws import Reference as Reference
    from scaling_jax.laws import Variable as Variable
    from scaling_jax.laws import law as law
    from scaling_jax.objectives import Absolute as Absolute
    from scaling_jax.objectives import Huber as Huber
    from scaling_jax.objectives import Squared as Squared
    from scaling_jax.objectives import StudentT as StudentT
    from scaling_jax.prediction import Prediction as Prediction
    from scaling_jax.prediction import predict as predict
    from scaling_jax.runs import RunTable as RunTable
    from scaling_jax.runs import read_runs as read_runs
    from scaling_jax.uncertainty import likelihoods as likelihoods
    from scaling_jax.uncertainty.bootstrap import bootstrap as bootstrap
    from scaling_jax.uncertainty.comparison import loo as loo
    from scaling_jax.uncertainty.comparison import stacking as stacking
    from scaling_jax.uncertainty.draws import Draws as Draws
    from scaling_jax.uncertainty.laplace import laplace as laplace
    from scaling_jax.uncertainty.posterior import posterior as posterior
    from scaling_jax.uncertainty.posterior import posteriors as posteriors
    from scaling_jax.uncertainty.recipes import compare_recipes as compare_recipes

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
    "compare_recipes": "uncertainty.recipes",
    "connect_hosts": "fitting.hosts",
    "fit": "fitting.fit",
    "laplace": "uncertainty.laplace",
    "law": "laws",
    "loo": "uncertainty.comparison",
    "posterior": "uncertainty.posterior",
    "posteriors": "uncertainty.posterior",
    "predict": "prediction",
    "read_runs": "runs",
    "stacking": "uncertainty.comparison",
}
_MODULES = {
    "datasets": "datasets",
    "errors": "errors",
    "ladder": "ladder",
    "laws": "laws",
    "likelihoods": "uncertainty.likelihoods",
    "literature": "literature",
    "protocols": "protocols",
    "reporting": "reporting",
    "reproductions": "reproductions",
    "runs": "runs",
}

__all__ = [*_HOMES, *_MODULES, "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

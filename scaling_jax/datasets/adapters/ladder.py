"""The runs of the library's own ladder, as `scaling-jax ladder export` wrote them."""

from importlib import resources

from scaling_jax.datasets.adapters.reading import Columns, read_csv
from scaling_jax.datasets.registry import Dataset

_LABELS = ("run", "family", "schedule", "corpus", "device", "versions")
_FILES = {"scaling": "stdlib", "rates": "stdlib_rates", "schedules": "stdlib_schedules"}


def stdlib_ladder(dataset: Dataset, experiment: str) -> Columns:
    """Small transformers on the text of the standard library, one row a run or evaluation."""
    folder = resources.files("scaling_jax.datasets") / dataset.embedded
    with resources.as_file(folder / f"{_FILES[experiment]}.csv") as path:
        table = read_csv(path)
    return {
        name: values if name in _LABELS else values.astype(float) for name, values in table.items()
    }

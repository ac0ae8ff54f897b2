"""Load a public table of training runs as a run table."""

from typing import Any

from scaling_jax.datasets.adapters import ADAPTERS
from scaling_jax.datasets.registry import Dataset, describe
from scaling_jax.errors import DatasetError, did_you_mean
from scaling_jax.runs import RunTable


def load(name: str, **options: Any) -> RunTable:
    """Return a public table of training runs, tidy and with its SHA-256 checked.

    Files come from the folder that ``SCALING_JAX_DATA`` names, if it is set; otherwise they are
    fetched once from their pinned addresses into the user's cache folder.

    Args:
        name: Name of the data set; `names` lists them, `describe` says what each holds.
        **options: Choices that the data set offers, such as ``experiment`` or
            ``keep_outliers``; see ``describe(name).options``.

    Raises:
        DatasetError: No such data set or option, no network, a missing file, or other bytes than
            the pinned ones.

    Example:
        >>> import scaling_jax as sj
        >>> runs = sj.datasets.load("parscale")
        >>> len(runs.where("family == 'pile'"))
        24
    """
    dataset = describe(name)
    columns = ADAPTERS[name](dataset, **_chosen(dataset, options))
    return RunTable.from_columns(columns, source=dataset.source)


def _chosen(dataset: Dataset, given: dict[str, Any]) -> dict[str, Any]:
    """Return a value for every option of a data set, or say which one is wrong."""
    for name in given:
        if name not in dataset.options:
            hint = did_you_mean(name, dataset.options) if dataset.options else "it takes none"
            raise DatasetError(f"{dataset.name} has no option {name!r}; {hint}")
    chosen = {name: option.default for name, option in dataset.options.items()} | given
    for name, value in chosen.items():
        option = dataset.options[name]
        choices = ", ".join(map(repr, option.choices))
        if value is None:
            raise DatasetError(
                f"{dataset.name} needs {name}= ({option.meaning}); choose one of {choices}"
            )
        if value not in option.choices:
            raise DatasetError(
                f"{name}={value!r} is not a choice of {dataset.name}; choose one of {choices}"
            )
    return chosen

"""Translation: the authors' fits of loss and BLEU, made again from their runs."""

from collections.abc import Iterator

import numpy as np

from scaling_jax.fitting.fit import fit
from scaling_jax.objectives import Squared
from scaling_jax.reproductions.evaluating import coefficients
from scaling_jax.reproductions.record import Check, reproduction
from scaling_jax.reproductions.translation_runs import runs

_SOURCE = "the authors' plots/main.py run on summaries/data_scaling.0126.summary"
_JOINT = {  # R2 and its number of runs
    "de_en": (0.9972, 54),
    "ru_en": (0.9929, 66),
    "zh_en": (0.9958, 60),
}
_BLEU = {"de_en": 0.996, "ru_en": 0.993, "zh_en": 0.977}


@reproduction(of="gordon_nmt_joint")
def gordon_joint_fits() -> Iterator[Check]:
    """Least squares on the loss of all runs with more than 5 MiB of text."""
    for pair, (r_squared, count) in _JOINT.items():
        table = runs(pair)
        found = fit("gordon_nmt_joint", table, Squared(scale="natural"), starts=32)
        printed = coefficients("gordon_nmt_joint", pair)
        yield Check(f"runs, {pair}", count, len(table), 0.0, source=_SOURCE)
        for name, digit in (("alpha_N", 1e-4), ("alpha_D", 1e-4)):
            yield Check(f"{name}, {pair}", printed[name], found.params[name], digit, source=_SOURCE)
        for name in ("N_C", "D_C"):  # four digits, as printed
            yield Check(f"{name}, {pair}", printed[name], found.params[name], 1e-3, True, _SOURCE)
        explained = _explained(found.predicted, table["loss"])
        yield Check(f"R2, {pair}", r_squared, explained, 1e-4, source=_SOURCE)


@reproduction(of="gordon_bleu")
def gordon_bleu_fits() -> Iterator[Check]:
    """Least squares on BLEU as an exponential of the loss."""
    for pair, r_squared in _BLEU.items():
        table = runs(pair)
        found = fit("gordon_bleu", table, Squared(scale="natural"), starts=32)
        printed = coefficients("gordon_bleu", pair)
        yield Check(f"C, {pair}", printed["C"], found.params["C"], 1e-2, source=_SOURCE)
        yield Check(f"k, {pair}", printed["k"], found.params["k"], 1e-4, source=_SOURCE)
        explained = _explained(found.predicted, table["bleu"])
        yield Check(f"R2, {pair}", r_squared, explained, 1e-3, source=_SOURCE)


def _explained(predicted: np.ndarray, observed: np.ndarray) -> float:
    return float(
        1.0 - np.sum((predicted - observed) ** 2) / np.sum((observed - observed.mean()) ** 2)
    )

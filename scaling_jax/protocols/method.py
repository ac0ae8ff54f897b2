"""How laws are judged: the score of a benchmark of laws, and a checklist for fits."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scaling_jax.errors import FitError
from scaling_jax.fitting.fit import Fit
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

_CLIPPED = -1.0  # the lowest R2 that the benchmark reports


@protocol("sldbench")
def held_out_r_squared(observed: ArrayLike, predicted: ArrayLike, *, clip: bool = False) -> float:
    """Return R2 on the test rows of all groups together, the mean over output dimensions.

    Args:
        observed: Test values ``[rows]`` or ``[rows, outputs]``, all groups one after the other.
        predicted: Predictions of them.
        clip: Report no value below -1, as the benchmark's tables do.

    Raises:
        FitError: The shapes differ, or an output does not vary.

    Example:
        >>> held_out_r_squared([1.0, 2.0, 3.0], [1.1, 2.0, 2.9])
        0.99

    Reference:
        Lin et al. (2025), arXiv:2507.21184.
    """
    score = 1.0 - float(np.mean(_normalised_errors(observed, predicted)))
    return max(score, _CLIPPED) if clip else score


def combined_score(observed: ArrayLike, predicted: ArrayLike) -> float:
    """Return 1 / (1 + NMSE), the score that the search for laws maximises.

    NMSE is the squared error over that of the mean, averaged over output dimensions.
    """
    return float(1.0 / (1.0 + np.mean(_normalised_errors(observed, predicted))))


def _normalised_errors(observed: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Return the squared error over the spread, one number an output."""
    y, fitted = np.asarray(observed, np.float64), np.asarray(predicted, np.float64)
    if y.shape != fitted.shape:
        raise FitError(f"there are {y.shape} test values and {fitted.shape} predictions; give one "
                       "prediction a value")  # fmt: skip
    spread = np.sum((y - y.mean(axis=0)) ** 2, axis=0)
    if np.any(spread == 0.0):
        raise FitError("an output has the same value in every test row; leave it out")
    return np.sum((y - fitted) ** 2, axis=0) / spread


@dataclass(frozen=True)
class Unmet:
    """An item of the checklist that a fit does not meet.

    Attributes:
        section: ``form``, ``setup``, ``data`` or ``fitting``, the checklist's headings.
        item: What is missing or wrong.
        remedy: What to do about it.
    """

    section: str
    item: str
    remedy: str


_FEW_SIZES = 5
_MANY_RUNS_A_PARAMETER = 3
_NARROW = 10.0  # highest over lowest value of a scaled column
_FLOPS_OFF = 0.3  # relative difference from 6 * params * tokens that needs a word
_FEW_AGREE = 0.05


@protocol("misfitting_checklist")
def unmet_items(fit: Fit, held_out: RunTable | None = None) -> tuple[Unmet, ...]:
    """Return the items of the (Mis)Fitting checklist that a fit does not meet.

    It covers what a fit and its run table can tell. Whether hyper-parameters were tuned and how
    the data were processed has to be written down by whoever ran the models.

    Args:
        fit: The fit.
        held_out: Runs that were not fitted, at larger scale, if there are any.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> n = np.geomspace(1e7, 1e10, 12)
        >>> runs = sj.RunTable.from_columns(dict(params=n, loss=(8.8e13 / n) ** 0.076))
        >>> [unmet.section for unmet in unmet_items(sj.fit("kaplan_n", runs, starts=16))]
        ['setup', 'data', 'fitting']

    Reference:
        Li, Kudugunta, Zettlemoyer (2025), arXiv:2502.18969.
    """
    checks = (_form(fit), _setup(fit), _data(fit), _fitting(fit, held_out))
    return tuple(unmet for check in checks for unmet in check)


def _form(fit: Fit) -> Iterator[Unmet]:
    if not fit.law.formula:
        yield Unmet("form", "the law has no formula in words", "state it: law(formula=...)")
    for name in fit.law.input_names:
        if len(np.unique(fit.runs[name])) < 3:
            yield Unmet(
                "form",
                f"{name} takes fewer than three values",
                "leave it out of the law, or vary it",
            )
    free = len(fit.law.free)
    if len(fit.runs) < _MANY_RUNS_A_PARAMETER * free:
        yield Unmet(
            "form",
            f"{len(fit.runs)} runs for {free} coefficients",
            "add runs, or hold coefficients with law.fix()",
        )


def _setup(fit: Fit) -> Iterator[Unmet]:
    runs = fit.runs
    if "params" in runs and len(np.unique(runs["params"])) < _FEW_SIZES:
        yield Unmet("setup", f"fewer than {_FEW_SIZES} model sizes", "add sizes")
    for name in ("params", "tokens", "compute_flops"):
        if name in runs and np.max(runs[name]) < _NARROW * np.min(runs[name]):
            yield Unmet("setup", f"{name} spans less than a decade", "add smaller runs")
    if not any(name in runs for name in ("learning_rate", "batch_tokens")):
        yield Unmet(
            "setup",
            "no hyper-parameters are recorded",
            "add the columns learning_rate and batch_tokens, and say whether they were tuned",
        )


def _data(fit: Fit) -> Iterator[Unmet]:
    runs = fit.runs
    conventions = ("params_total", "params_no_embed", "params_non_vocab", "active_params")
    if "params" in runs and not any(name in runs for name in conventions):
        yield Unmet(
            "data",
            "it is open whether params counts embeddings",
            "add the column params_total or params_no_embed",
        )
    if all(name in runs for name in ("params", "tokens", "compute_flops")):
        ratio = runs["compute_flops"] / (6.0 * runs["params"] * runs["tokens"])
        low, high = ratio.min(), ratio.max()
        if max(high, 1.0 / low) > 1.0 + _FLOPS_OFF:
            yield Unmet(
                "data",
                f"compute_flops is {low:.2g} to {high:.2g} times 6 * params * tokens",
                "say how it was counted",
            )
    if "step" in runs and len(np.unique(runs["step"])) > 1:
        yield Unmet(
            "data",
            "rows may be checkpoints of one run: they are not independent and not fully decayed",
            "keep the last step of each run, or resample whole runs",
        )


def _fitting(fit: Fit, held_out: RunTable | None) -> Iterator[Unmet]:
    if not fit.converged:
        yield Unmet("fitting", f"the fit has not converged: {fit.status}", "take more steps")
    if not fit.identified:
        yield Unmet("fitting", "the runs do not determine every coefficient", "hold some of them")
    if fit.agreement < _FEW_AGREE:
        yield Unmet("fitting", "few starts reached the optimum", "take more starts")
    for name in fit.at_bound:
        yield Unmet("fitting", f"{name} is at its bound", "take a law without it")
    if not np.all(np.isfinite(list(fit.standard_errors.values()))):
        yield Unmet("fitting", "a coefficient has no standard error", "add runs, or hold it")
    if held_out is None:
        yield Unmet(
            "fitting", "no runs were held out", "validate on larger runs that were not fitted"
        )
    elif "compute_flops" in fit.runs and "compute_flops" in held_out:
        if held_out["compute_flops"].max() <= fit.runs["compute_flops"].max():
            yield Unmet("fitting", "held-out runs are no larger", "hold out the largest runs")

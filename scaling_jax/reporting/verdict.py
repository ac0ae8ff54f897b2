"""The verdict on a fit and its predictions, in words."""

from dataclasses import dataclass

import numpy as np

from scaling_jax.errors import listing
from scaling_jax.fitting.fit import Fit
from scaling_jax.prediction import Prediction

OK, CAUTION, PROBLEM = "ok", "caution", "problem"
_FEW_AGREE = 0.05  # as in the warnings of a fit
_ILL_CONDITIONED = 1e8


@dataclass(frozen=True)
class Finding:
    """One sentence of the verdict.

    Attributes:
        kind: `OK`, `CAUTION` or `PROBLEM`.
        text: The sentence.
    """

    kind: str
    text: str


def findings(fit: Fit, prediction: Prediction | None = None) -> tuple[Finding, ...]:
    """Return what speaks for and against a fit and its predictions, the fit's first."""
    found = [_identified(fit), _converged(fit), _agreement(fit)]
    if fit.at_bound:
        found.append(Finding(CAUTION, f"{listing(fit.at_bound)} ended at a bound."))
    found.append(_accuracy(fit))
    if prediction is not None:
        found.append(_reach(fit, prediction))
    return tuple(found)


def headline(found: tuple[Finding, ...]) -> str:
    """Return the verdict in one line: the gravest finding, or that there is none."""
    for kind, opening in ((PROBLEM, "Do not rely on this yet."), (CAUTION, "Use with care.")):
        grave = [finding.text for finding in found if finding.kind == kind]
        if grave:
            return f"{opening} {grave[0]}"
    return "Identified and converged; nothing speaks against it."


def _identified(fit: Fit) -> Finding:
    free = len(fit.law.free)
    if not fit.identified:
        return Finding(
            PROBLEM,
            f"Not identified: the runs determine {fit.rank} of {free} parameters, so other "
            "coefficients fit as well and extrapolate elsewhere.",
        )
    if fit.condition_number > _ILL_CONDITIONED:
        return Finding(
            CAUTION,
            f"Barely identified: the runs determine all {free} parameters, but with a condition "
            f"number of {fit.condition_number:.0e} some are almost interchangeable.",
        )
    return Finding(OK, f"Identified: the runs determine all {free} parameters.")


def _converged(fit: Fit) -> Finding:
    if fit.converged:
        return Finding(OK, "Converged: the objective has no slope left at the optimum.")
    return Finding(PROBLEM, f"Not converged: the best start ended because of this: {fit.status}.")


def _agreement(fit: Fit) -> Finding:
    if fit.starts is None:
        text = f"{fit.agreement:.0%} of the starts reached this optimum."
    else:
        count = round(fit.agreement * len(fit.starts))
        text = f"{count} of {len(fit.starts)} starts reached this optimum."
    if fit.agreement < _FEW_AGREE:
        return Finding(CAUTION, f"Only {text[:-1]}; there may be a better one.")
    return Finding(OK, text)


def _accuracy(fit: Fit) -> Finding:
    off = np.abs(fit.residuals)
    name = fit.law.output.column
    if fit.criterion.scale == "log":
        typical, largest = (f"{100.0 * np.expm1(v):.2g}%" for v in (np.median(off), np.max(off)))
    else:
        typical, largest = f"{np.median(off):.2g}", f"{np.max(off):.2g}"
    return Finding(
        OK,
        f"Half of the runs are within {typical} of the fitted {name}; the farthest is {largest} "
        "off.",
    )


def _reach(fit: Fit, prediction: Prediction) -> Finding:
    count = len(prediction.distance)
    far = float(np.max(prediction.distance))
    outside = int(np.sum(prediction.distance > 0.0))
    if not outside:
        which = "The prediction lies" if count == 1 else f"All {count} predictions lie"
        return Finding(OK, f"{which} within the runs: interpolation.")
    if count == 1:
        many = "The prediction is an extrapolation"
    elif outside == 1:
        many = f"1 of {count} predictions is an extrapolation"
    else:
        many = f"{outside} of {count} predictions are extrapolations"
    text = (
        f"{many}, {'' if outside == 1 else 'the farthest '}{far:.1f} decades outside runs that "
        f"span {prediction.span:.1f} decades."
    )
    if far > prediction.span:
        return Finding(PROBLEM, f"{text} This extrapolation is not supported by your data.")
    if not fit.identified:
        return Finding(PROBLEM, f"{text} It is arbitrary, because the fit is not identified.")
    return Finding(CAUTION, f"{text} Intervals hold only as far as the law does.")

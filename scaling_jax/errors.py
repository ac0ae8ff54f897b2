"""The errors of this library: one sentence that says what is wrong, where, and what to do.

Every error a caller can cause derives from `ScalingError`; the command line prints its text
and exits with code 2. Anything else that escapes is a defect of the library.
"""

import difflib
from collections.abc import Iterable

_MOST_NAMES, _SOME_NAMES = 40, 10  # listed in one sentence


class ScalingError(Exception):
    """Base of all errors that a caller of the library can cause."""


class RunTableError(ScalingError, ValueError):
    """A run table that cannot be used: names the file, column, row and remedy."""


class LawError(ScalingError, ValueError):
    """A law that is unknown, badly declared, or asked for something it does not have."""


class FitError(ScalingError, ValueError):
    """A fit that cannot be set up, or that failed and was asked to raise."""


class ProtocolError(ScalingError, ValueError):
    """A published procedure asked to work on data that it cannot use."""


class PredictionError(ScalingError, ValueError):
    """A prediction asked for with inputs the law does not take."""


class ArtifactError(ScalingError, ValueError):
    """A saved file that is damaged, of another version, or not ours."""


class DatasetError(ScalingError, ValueError):
    """A data set that is unknown, absent, or whose bytes are not the pinned ones."""


class LadderError(ScalingError, ValueError):
    """A ladder of training runs that cannot be read, run or resumed as it stands."""


class MissingDataError(DatasetError):
    """A data set whose files are not here and cannot be fetched."""


def listing(names: Iterable[str]) -> str:
    """Join names for a sentence: ``a, b and c``.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    names = [str(name) for name in names]
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint with the names closest to `name`, or all (of many: some) if none is close.

    >>> did_you_mean("chinchila", ["chinchilla", "farseer"])
    'did you mean chinchilla?'
    """
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    if len(known) > _MOST_NAMES:
        return f"known: {', '.join(known[:_SOME_NAMES])} and {len(known) - _SOME_NAMES} more"
    return f"known: {', '.join(known)}"

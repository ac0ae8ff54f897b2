"""Remedies in the words of the command line.

The library's messages name the arguments of its functions; on the command line the same
remedies are options.
"""

import re

_NAME, _QUOTED = r"['\"]([^'\"]+)['\"]", r"('[^']*'|\"[^\"]*\")"
_IDIOMS: tuple[tuple[str, str], ...] = (
    (
        rf"columns=\{{{_NAME}: {_NAME}\}}(?:,? or --columns \S+| \(--columns [^)]*\))?",
        r"--columns \1=\2",
    ),
    (rf"units=\{{{_NAME}: ([^}}]+)\}}", r"--units \1=\2"),
    (rf"where={_QUOTED}", r"--where \1"),
    (r"derive=\[([^\]]+)\]", r"--derive \1"),
    (r"\blaw\.fix\(\)", "--fix"),
    (r"\bcurves='isoparams'", "--kind loss"),
    (r"pass it: Fit\.load\(path, law=\.\.\.\)", "name its file with --law path.py:name"),
    (r"\bignore\b(?= on reading)", "--ignore"),
    (r"with ignore\b", "with --ignore"),
)


def for_the_command_line(text: str) -> str:
    """Return a message with Python arguments replaced by the options that do the same.

    Example:
        >>> for_the_command_line("drop such rows with where='loss > 0'")
        "drop such rows with --where 'loss > 0'"
    """
    for pattern, replacement in _IDIOMS:
        text = re.sub(pattern, replacement, text)
    return text

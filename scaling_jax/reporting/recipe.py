"""How to repeat a fit: the lines of Python that made it, and a fingerprint of its runs."""

import hashlib

import numpy as np

from scaling_jax import laws
from scaling_jax.fitting.fit import Fit
from scaling_jax.laws import Law


def recipe(fit: Fit) -> str:
    """Return the Python that makes the fit.

    Example:
        >>> import numpy as np, scaling_jax as sj
        >>> params = np.geomspace(1e7, 1e10, 12)
        >>> runs = sj.RunTable.from_columns(dict(params=params, loss=(8.8e13 / params) ** 0.076))
        >>> print(recipe(sj.fit("kaplan_n", runs, sj.Squared(), starts=16)))
        import scaling_jax as sj
        <BLANKLINE>
        runs = ...  # 12 runs of the columns
        law = sj.laws.get('kaplan_n')
        fit = sj.fit(law, runs, sj.Squared(scale='log', reduction='sum'), starts=16, seed=0)
    """
    starts = f", starts={len(fit.starts)}" if fit.starts is not None else ""
    source = " ".join(fit.runs.source.split())  # a line break would end the comment
    lines = [
        "import scaling_jax as sj",
        "",
        f"runs = ...  # {len(fit.runs)} runs of {source}",
        f"law = {_law(fit.law)}",
        f"fit = sj.fit(law, runs, sj.{fit.criterion!r}{starts}, seed={fit.seed})",
    ]
    return "\n".join(lines)


def _law(law: Law) -> str:
    if law.name not in laws.names():
        return f"...  # {' '.join(law.label.split())}, a law of your own"
    options = "".join(f", {name}={value!r}" for name, value in law.options)
    text = f"sj.laws.get({law.name!r}{options})"
    if law.fixed:
        text += f".fix({', '.join(f'{name}={value!r}' for name, value in law.fixed)})"
    if law.tied:
        text += f".tie({', '.join(f'{name}={other!r}' for name, other in law.tied)})"
    return text


def fingerprint(fit: Fit) -> str:
    """Return the first 16 digits of the SHA-256 of the columns that the law used."""
    digest = hashlib.sha256()
    for name in (*fit.law.input_names, fit.law.output.column):
        digest.update(name.encode() + b"\0")
        digest.update(np.asarray(fit.runs[name], "<f8").tobytes())
    return digest.hexdigest()[:16]

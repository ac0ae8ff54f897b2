"""Named rules that compute a missing column from others, used only when asked for.

All arithmetic is in float64, where ``6 * params * tokens`` cannot overflow: 64-bit integers do
so from 1.5e18 / params tokens on, without a word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_jax import expressions
from scaling_jax.errors import RunTableError, did_you_mean, listing

if TYPE_CHECKING:
    from scaling_jax.runs.table import RunTable


@dataclass(frozen=True)
class Rule:
    """A way to compute one column from others.

    Attributes:
        name: Name, unique among the rules for its target.
        target: The column it computes.
        formula: The formula, for people.
        needs: The columns it takes.
        settings: The numbers it takes besides.
        function: From columns and settings, by name, to the values.
    """

    name: str
    target: str
    formula: str
    needs: tuple[str, ...]
    function: Callable[..., Any]
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        takes = [*self.needs, *(f"the setting {name}" for name in self.settings)]
        return f"{self.name!r}, {self.target} = {self.formula}, needs {listing(takes)}"


def _rule(name: str, target: str, formula: str) -> Rule:
    def function(**columns: Any) -> Any:
        return expressions.evaluate(formula, columns)

    return Rule(name, target, formula, expressions.names(formula), function)


RULES: tuple[Rule, ...] = (
    _rule("6ND", "compute_flops", "6 * params * tokens"),
    _rule("6ND_active", "compute_flops", "6 * active_params * tokens"),
    _rule("6ND_no_embed", "compute_flops", "6 * params_no_embed * tokens"),
    _rule("C/6N", "tokens", "compute_flops / (6 * params)"),
    _rule("M*N", "tokens", "tokens_per_param * params"),
    _rule("U*epochs", "tokens", "unique_tokens * epochs"),
    _rule("steps*batch", "tokens", "step * batch_tokens"),
    _rule("C/6D", "params", "compute_flops / (6 * tokens)"),
    _rule("D/M", "params", "tokens / tokens_per_param"),
    _rule("total-vocab", "params_non_vocab", "params_total - params_vocab"),
    _rule("non_vocab+vocab", "params_total", "params_non_vocab + params_vocab"),
    _rule("D/N", "tokens_per_param", "tokens / params"),
    _rule("D/epochs", "unique_tokens", "tokens / epochs"),
    _rule("D/U", "epochs", "tokens / unique_tokens"),
    _rule("D/steps", "batch_tokens", "tokens / step"),
    _rule("D/batch", "step", "tokens / batch_tokens"),
    Rule("perplexity", "loss", "ln(perplexity)", ("perplexity",),
         lambda perplexity: np.log(perplexity)),
    Rule("bits_per_byte", "loss", "ln(2) * bits_per_byte * bytes_per_token", ("bits_per_byte",),
         lambda bits_per_byte, bytes_per_token: math.log(2.0) * bits_per_byte * bytes_per_token,
         settings=("bytes_per_token",)),
    Rule("loss", "perplexity", "exp(loss)", ("loss",), lambda loss: np.exp(loss)),
    _rule("1-accuracy", "error", "1 - accuracy"),
    _rule("1-error", "accuracy", "1 - error"),
)  # fmt: skip


def derived(
    runs: RunTable, target: str, rule: str | None, settings: Mapping[str, float]
) -> np.ndarray:
    """Return the values of a missing column by a rule.

    Args:
        runs: The table.
        target: The column to compute.
        rule: Name of a rule, or an expression in the table's columns; if None, the one rule
            whose columns are all there.
        settings: Numbers that the rule takes besides columns.

    Raises:
        RunTableError: The column exists, no rule or several rules apply, or the rule lacks a
            column or a setting; the message lists the rules for the target.
    """
    if not isinstance(target, str):
        raise RunTableError(f"derive takes the name of a column, not {target!r}")
    if target in runs:
        raise RunTableError(
            f"{runs.source} already has {target}; remove it first (ignore on reading, or drop) to "
            "derive it again"
        )
    rules = rules_for(target)
    if rule is None:
        chosen = _only_applicable(runs, target, rules, settings)
    else:
        chosen = _named(runs, target, rule, rules)
    _check_settings(chosen, settings)
    missing = [name for name in chosen.needs if name not in runs.numbers]
    if missing:
        raise RunTableError(
            f"{runs.source} cannot derive {target} by the rule {chosen}: there is no column of "
            f"numbers {listing(missing)}; it has {listing(runs.columns)}"
        )
    columns = {name: np.asarray(runs.numbers[name], np.float64) for name in chosen.needs}
    with np.errstate(all="ignore"):  # what is not finite is refused, with its row, by the table
        return np.asarray(chosen.function(**columns, **settings), np.float64)


def _only_applicable(
    runs: RunTable, target: str, rules: list[Rule], settings: Mapping[str, float]
) -> Rule:
    if not rules:
        hint = did_you_mean(target, sorted({rule.target for rule in RULES}))
        raise RunTableError(
            f"there is no rule to derive {target!r}; {hint}; or give an expression in the columns "
            f"of {runs.source}, such as '{target} = 6 * params * tokens'"
        )
    fitting = [
        rule
        for rule in rules
        if all(name in runs.numbers for name in rule.needs) and set(rule.settings) == set(settings)
    ]
    if len(fitting) == 1:
        return fitting[0]
    options = "; ".join(str(rule) for rule in (fitting or rules))
    if fitting:
        raise RunTableError(
            f"{target} can be derived from {runs.source} in {len(fitting)} ways, so name the rule: "
            f"{options}"
        )
    raise RunTableError(
        f"{target} cannot be derived from {runs.source}, which has {listing(runs.columns)}; the "
        f"rules are: {options}"
    )


def _named(runs: RunTable, target: str, rule: str, rules: list[Rule]) -> Rule:
    if not isinstance(rule, str):
        raise RunTableError(f"a rule to derive {target} is a name or an expression, not {rule!r}")
    for known in rules:
        if known.name == rule:
            return known
    try:
        used = expressions.names(rule)
    except expressions.ExpressionError:
        used = ()
    if not used or not all(name in runs.numbers for name in used):
        options = f"; the rules are: {'; '.join(map(str, rules))}" if rules else ""
        raise RunTableError(
            f"{rule!r} is no rule to derive {target}, and no expression in the columns of "
            f"{runs.source}, which has {listing(runs.columns)}{options}"
        )
    return _rule(rule, target, rule)


def _check_settings(rule: Rule, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if name not in rule.settings:
            takes = listing(rule.settings) or "none"
            raise RunTableError(f"the rule {rule.name!r} has no setting {name!r}; it takes {takes}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < math.inf:
            raise RunTableError(f"{name} is a positive number, not {value!r}")
    missing = [name for name in rule.settings if name not in settings]
    if missing:
        raise RunTableError(f"the rule {rule} and was not given {listing(missing)}; pass it along")


def requests(
    derive: str | Iterable[str] | Mapping[str, str | None],
) -> list[tuple[str, str | None]]:
    """Return (column, rule) pairs from the ways to write them.

    Example:
        >>> requests(["epochs", "tokens = C/6N"])
        [('epochs', None), ('tokens', 'C/6N')]
    """
    if isinstance(derive, Mapping):
        return list(derive.items())
    several = isinstance(derive, Iterable) and not isinstance(derive, str)
    items = tuple(derive) if several else (derive,)
    pairs: list[tuple[str, str | None]] = []
    for item in items:
        if not isinstance(item, str):
            raise RunTableError(f"derive takes texts such as 'tokens = C/6N', not {item!r}")
        target, _, rule = (part.strip() for part in item.partition("="))
        pairs.append((target, rule or None))
    return pairs


def rules_for(target: str) -> list[Rule]:
    """Return the rules that compute a column."""
    return [rule for rule in RULES if rule.target == target]

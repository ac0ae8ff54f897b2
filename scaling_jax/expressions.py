"""Small arithmetic expressions written by people: units, filters and mixture rules.

An expression such as ``loss * params**alpha`` or ``loss < 5 and family == 'pile'`` is parsed
with `ast`, every node is checked against a short list, and it is evaluated by walking the
tree; no text is ever handed to Python's own evaluator.
"""

import ast
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scaling_jax.errors import ScalingError, did_you_mean

_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_LEAVES = (ast.Name, ast.Constant)
_ALLOWED = (
    *_LEAVES,
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.USub,
    ast.UAdd,
    ast.Not,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.Compare,
    ast.Load,
    *_ARITHMETIC,
    *_COMPARISONS,
)
_LONGEST = 1000  # characters; deeper nesting than this could exhaust the parser's stack


class ExpressionError(ScalingError, ValueError):
    """An expression that does not parse, or that uses more than arithmetic and comparison."""


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> ast.expr:
    """Parse `text` and check that it holds only names, numbers, strings and operators.

    Raises:
        ExpressionError: The text is not an expression of the small language.
    """
    if len(text) > _LONGEST:
        raise ExpressionError(f"the expression is {len(text)} characters long; keep it under 1000")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"cannot read the expression {text!r}: {error}") from None
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            kind = type(node).__name__
            raise ExpressionError(
                f"{kind} is not allowed in the expression {text!r}; use names, numbers, quoted "
                "text, + - * / **, comparisons, and, or, not"
            )
        if isinstance(node, ast.Constant) and not isinstance(node.value, int | float | str):
            raise ExpressionError(f"{node.value!r} is not allowed in the expression {text!r}")
    return tree


def names(text: str) -> tuple[str, ...]:
    """Return the names that an expression refers to, in order of first use.

    >>> names("loss * params**-alpha")
    ('loss', 'params', 'alpha')
    """
    found = (node for node in ast.walk(parse(text)) if isinstance(node, ast.Name))
    ordered = sorted(found, key=lambda node: (node.lineno, node.col_offset))
    return tuple(dict.fromkeys(node.id for node in ordered))


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """Evaluate an expression over arrays or numbers.

    Args:
        text: The expression.
        values: What each name stands for.

    Raises:
        ExpressionError: It does not parse, or names something that `values` lacks.

    >>> evaluate("6 * params * tokens", {"params": 2.0, "tokens": 10.0})
    120.0
    """
    return _walk(parse(text), values, text)


def _walk(node: ast.expr, values: Mapping[str, Any], text: str) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            if name not in values:
                hint = did_you_mean(name, values)
                raise ExpressionError(f"{name!r} in the expression {text!r} is unknown; {hint}")
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_walk(left, values, text), _walk(right, values, text))
        case ast.UnaryOp(op=op, operand=operand):
            value = _walk(operand, values, text)
            if isinstance(op, ast.Not):
                return np.logical_not(value)
            return -value if isinstance(op, ast.USub) else value
        case ast.BoolOp(op=op, values=parts):
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            return functools.reduce(join, (_walk(part, values, text) for part in parts))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [_walk(side, values, text) for side in (left, *comparators)]
            pairs = zip(ops, sides, sides[1:], strict=False)
            return functools.reduce(
                np.logical_and, (_COMPARISONS[type(op)](a, b) for op, a, b in pairs)
            )
    raise ExpressionError(f"cannot evaluate the expression {text!r}")


def log_monomial(text: str, logs: Mapping[str, Any], exponents: Mapping[str, Any]) -> Any:
    """Return the logarithm of a product of powers, such as a unit, without forming the product.

    Args:
        text: A monomial: names and powers joined by ``*`` and ``/``; ``1`` for no unit.
        logs: The natural logarithm of each base.
        exponents: The values of the names that stand in exponents.

    Raises:
        ExpressionError: The text is not a monomial in the given names.

    >>> log_monomial("loss * params**alpha", {"loss": 1.0, "params": 20.0}, {"alpha": 0.5})
    11.0
    """
    return _log_walk(parse(text), logs, exponents, text)


def _log_walk(node: ast.expr, logs: Mapping[str, Any], exponents: Mapping[str, Any], text: str):
    match node:
        case ast.Constant(value=1):
            return 0.0
        case ast.Name(id=name) if name in logs:
            return logs[name]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _log_walk(left, logs, exponents, text) + _log_walk(right, logs, exponents, text)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _log_walk(left, logs, exponents, text) - _log_walk(right, logs, exponents, text)
        case ast.BinOp(left=base, op=ast.Pow(), right=power):
            return _walk(power, exponents, text) * _log_walk(base, logs, exponents, text)
    raise ExpressionError(
        f"{text!r} is not a unit: write a product of powers of {', '.join(logs)}, "
        "such as loss * params**alpha"
    )

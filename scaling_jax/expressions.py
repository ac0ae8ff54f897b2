"""Small arithmetic expressions written by people: units, filters and mixture rules.

An expression such as ``loss * params**alpha`` or ``loss < 5 and family == 'pile'`` is parsed
with `ast`, every node is checked against a short list, and it is evaluated by walking the
tree; no text is ever handed to Python's own evaluator.
"""

import ast
import functools
import math
import operator
import warnings
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
_LONGEST = 1000  # characters
_DEEPEST = 200  # levels of nesting: a sum of 200 terms, well within Python's own stack
_EXACT = 2**53  # up to here an integer is a float64 of the same value


class ExpressionError(ScalingError, ValueError):
    """An expression that does not parse, or that uses more than arithmetic and comparison."""


def parse(text: str) -> ast.expr:
    """Parse `text` and check that it holds only names, numbers, strings and operators.

    Raises:
        ExpressionError: The text is not an expression of the small language.
    """
    if not isinstance(text, str):
        raise ExpressionError(f"an expression is text, not {type(text).__name__}")
    if len(text) > _LONGEST:
        raise ExpressionError(
            f"the expression is {len(text)} characters long; keep it under {_LONGEST}"
        )
    return _parse(text)


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's remarks on style, such as odd escapes
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"cannot read the expression {text!r}: {_reason(error)}") from None
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise ExpressionError(f"the expression {text!r} is nested too deeply; split it up")
        for node in level:
            _check_node(node, text)
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return tree


def _reason(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg
    return str(error) or "it is nested too deeply"


def _check_node(node: ast.AST, text: str) -> None:
    if not isinstance(node, _ALLOWED):
        kind = type(node).__name__
        raise ExpressionError(
            f"{kind} is not allowed in the expression {text!r}; use names, numbers, quoted "
            "text, + - * / **, comparisons, and, or, not"
        )
    if isinstance(node, ast.Constant) and not isinstance(node.value, int | float | str):
        raise ExpressionError(f"{node.value!r} is not allowed in the expression {text!r}")


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

    Arithmetic on NumPy arrays follows IEEE 754 without a warning: a run divided by zero is
    infinite, and the caller decides what that means. Numbers alone must give a finite number.

    Args:
        text: The expression.
        values: What each name stands for.

    Raises:
        ExpressionError: It does not parse, names something that `values` lacks, or does not
            make sense: text in arithmetic, numbers joined by ``and``, a division by zero.

    >>> evaluate("6 * params * tokens", {"params": 2.0, "tokens": 10.0})
    120.0
    """
    tree = parse(text)
    try:
        with np.errstate(all="ignore"):
            return _walk(tree, values, text)
    except ExpressionError:
        raise
    except (TypeError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
        reason = str(error).strip().partition("\n")[0]  # some of JAX's run over many lines
        raise ExpressionError(f"cannot evaluate the expression {text!r}: {reason}") from None


def _walk(node: ast.expr, values: Mapping[str, Any], text: str) -> Any:
    match node:
        case ast.Constant(value=value):
            return _constant(value, text)
        case ast.Name(id=name):
            if name not in values:
                hint = did_you_mean(name, values)
                raise ExpressionError(f"{name!r} in the expression {text!r} is unknown; {hint}")
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            sides = _walk(left, values, text), _walk(right, values, text)
            return _calculate(op, *sides, text)
        case ast.UnaryOp(op=op, operand=operand):
            value = _walk(operand, values, text)
            if isinstance(op, ast.Not):
                truth = _truth(value, text)
                return not truth if isinstance(truth, bool) else ~truth
            value = _numeric(value, text)
            return -value if isinstance(op, ast.USub) else value
        case ast.BoolOp(op=op, values=parts):
            join = operator.and_ if isinstance(op, ast.And) else operator.or_
            truths = [_truth(_walk(part, values, text), text) for part in parts]
            return functools.reduce(join, truths)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [_walk(side, values, text) for side in (left, *comparators)]
            pairs = zip(ops, sides, sides[1:], strict=False)
            truths = [_truth(_compare(op, a, b, text), text) for op, a, b in pairs]
            return functools.reduce(operator.and_, truths)
    raise ExpressionError(f"cannot evaluate the expression {text!r}")


def _constant(value: Any, text: str) -> Any:
    # A large int would turn NumPy arrays into arrays of Python objects.
    if isinstance(value, int) and abs(value) > _EXACT:
        try:
            return float(value)
        except OverflowError:
            raise ExpressionError(f"a number in the expression {text!r} is too large") from None
    return value


def _calculate(op: ast.operator, left: Any, right: Any, text: str) -> Any:
    operation = _ARITHMETIC[type(op)]
    left, right = _numeric(left, text), _numeric(right, text)
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        return operation(left, right)
    # Numbers alone are floats: 9**9**9 is an overflow and not a long wait for an exact integer.
    try:
        value = operation(float(left), float(right))
    except ArithmeticError as error:
        raise ExpressionError(f"cannot evaluate the expression {text!r}: {error}") from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise ExpressionError(f"a part of the expression {text!r} is not a finite number")
    return value


def _compare(op: ast.cmpop, left: Any, right: Any, text: str) -> Any:
    if _is_text(left) != _is_text(right):
        raise ExpressionError(
            f"the expression {text!r} compares text with numbers; put quotes around text, and "
            "none around numbers"
        )
    return _COMPARISONS[type(op)](left, right)


def _is_text(value: Any) -> bool:
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    return isinstance(value, str) or kind in ("U", "S", "T")


def _numeric(value: Any, text: str) -> Any:
    if _is_text(value):
        raise ExpressionError(f"the expression {text!r} calculates with text; use numbers")
    return value


def _truth(value: Any, text: str) -> Any:
    is_truth = isinstance(value, bool) or getattr(value, "dtype", None) == np.bool_
    if not is_truth:
        raise ExpressionError(
            f"and, or, not join comparisons in the expression {text!r}; write each in full, such "
            "as family == 'a' or family == 'b'"
        )
    return value


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

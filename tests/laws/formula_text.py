r"""The formulas of the literature as they are printed in ASCII, read and computed with NumPy.

Written without a look at the laws' code, so that the two can be compared. A text is a sequence of
statements, separated by ``;`` or by a comma before the next ``name =``, the output's first:

    L = E + A / N_eff**alpha ; N_eff = N * (1 - exp(-P / gamma))
    log10 L(N, E) = a*log10(N) + d ; 1/E_hat = 1/E + 1/E_max
    y = a + b * x**(-c0) * prod_{i=1..n} (1 + (x / d_i)**(1 / f_i))**(-c_i * f_i)

Both sides of a statement are expressions: the code's prediction is put in for the output, and both
sides must agree, so an implicit equation is read like any other. Definitions are looked up where
they are used. What is said in words beside the formula is passed over; a definition that is lost
with it is missed by name.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Value = Any
Scope = Mapping[str, Value]


class NotAnExpression(Exception):
    """A text that is no expression: words, or a name that nothing defines."""


def _sigmoid(x: Value) -> Value:
    return 1.0 / (1.0 + np.exp(-x))


def _gamma(x: Value) -> Value:
    from scipy.special import gamma

    return gamma(x)


def _zeta(x: Value, first: Value = 1.0) -> Value:
    from scipy.special import zeta

    return zeta(x, first)


def _log_sum_exp(*terms: Value) -> Value:
    return np.log(sum(np.exp(term) for term in terms))


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "exp": np.exp, "log": np.log, "ln": np.log, "log2": np.log2, "log10": np.log10,
    "sqrt": np.sqrt, "abs": np.abs, "min": lambda *x: np.minimum.reduce(np.broadcast_arrays(*x)),
    "max": lambda *x: np.maximum.reduce(np.broadcast_arrays(*x)), "sigmoid": _sigmoid,
    "sigmoid_inv": lambda p: np.log(p / (1.0 - p)), "LSE": _log_sum_exp, "Gamma": _gamma,
    "zeta": _zeta, "ceil": np.ceil, "round": np.round,
}  # fmt: skip
OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power,
    "<=": np.less_equal, ">=": np.greater_equal, "<": np.less, ">": np.greater,
}  # fmt: skip

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?j?)"
    r"|(?P<fold>(?:sum|prod)(?:_\{[^}]*\}|_[A-Za-z]\w*)?(?=[\s(]))"
    r"|(?P<name>[A-Za-z]\w*(?:@\w+)?)"
    r"|(?P<operator>\*\*|<=|>=|[-+*/()\[\],;|<>]))"
)
_REMARK = re.compile(r"(?<=[\w)])\s+(?=\()")  # a bracket after a blank after a value
_LABEL = re.compile(r"^(?:\((?P<number>\w+)\)|(?P<words>[A-Za-z][^=:;]*):|(?P<m>M\d)[^:]*:)\s*")
_CONDITION = re.compile(r"\s+for\s+(?=\w+\s*=|large )")  # for i = 1..m
_NEXT = re.compile(r",\s*(?=(?:1/)?[A-Za-z][\w@]*(?:\([^()=]*\))?\s*=(?!=))|\s+with\s+")


# Expressions: nodes that compute themselves


@dataclass(frozen=True)
class Node:
    """An expression."""

    def value(self, where: "Context") -> Value:
        """Return the value."""
        raise NotImplementedError

    def names(self) -> set[str]:
        """Return the names in it, functions apart."""
        return set()


@dataclass(frozen=True)
class Number(Node):
    number: complex

    def value(self, where: "Context") -> Value:
        return self.number if self.number.imag else self.number.real


@dataclass(frozen=True)
class Name(Node):
    name: str

    def value(self, where: "Context") -> Value:
        return where.find(self.name)

    def names(self) -> set[str]:
        return {self.name}


@dataclass(frozen=True)
class Call(Node):
    name: str
    arguments: tuple[Node, ...]

    def value(self, where: "Context") -> Value:
        if self.name in FUNCTIONS and not where.knows(self.name):
            return FUNCTIONS[self.name](*(a.value(where) for a in self.arguments))
        return where.call(self.name, self.arguments)

    def names(self) -> set[str]:
        inner: set[str] = set().union(*(a.names() for a in self.arguments))
        return inner if self.name in FUNCTIONS else {self.name}


@dataclass(frozen=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node

    def value(self, where: "Context") -> Value:
        return OPERATORS[self.operator](self.left.value(where), self.right.value(where))

    def names(self) -> set[str]:
        return self.left.names() | self.right.names()


@dataclass(frozen=True)
class Choice(Node):
    condition: Node
    yes: Node
    no: Node

    def value(self, where: "Context") -> Value:
        return np.where(self.condition.value(where), self.yes.value(where), self.no.value(where))

    def names(self) -> set[str]:
        return self.condition.names() | self.yes.names() | self.no.names()


@dataclass(frozen=True)
class Fold(Node):
    """``sum_{i=1..n} body``, ``prod_{x in w,a} body`` or ``sum_i body``."""

    product: bool
    index: str
    over: tuple[str, ...] | None  # None: as far as the indexed names go
    body: Node

    def value(self, where: "Context") -> Value:
        total: Value = 1.0 if self.product else 0.0
        for label in where.labels(self):
            term = self.body.value(where.with_index(self.index, label))
            total = total * term if self.product else total + term
        return total

    def names(self) -> set[str]:
        """Return the names that mean the same in every term."""
        return {n for n in self.body.names() if self.index not in n.rpartition("_")[2]}


# Reading


class Parser:
    """Recursive descent over the tokens of one side of a statement."""

    def __init__(self, text: str):
        self.tokens = list(_tokens(text))
        self.at = 0

    def whole(self) -> Node:
        """Return the expression; words may follow it, after a comma or a blank."""
        node = self.choice()
        kind, text = self.peek()
        if kind not in ("name", "end") and text != ",":
            raise NotAnExpression(f"{text!r} is one too many")
        return node

    def choice(self) -> Node:
        yes = self.comparison()
        if not self.took("if"):
            return yes
        condition = self.comparison()
        self.expect("else")
        return Choice(condition, yes, self.choice())

    def comparison(self) -> Node:
        left = self.sum()
        while operator := self.took("<=", ">=", "<", ">"):
            left = Binary(operator, left, self.sum())
        return left

    def sum(self) -> Node:
        left = self.term()
        while operator := self.took("+", "-"):
            left = Binary(operator, left, self.term())
        return left

    def term(self) -> Node:
        left = self.signed()
        while operator := self.took("*", "/"):
            left = Binary(operator, left, self.signed())
        return left

    def signed(self) -> Node:
        if self.took("-"):
            return Binary("*", Number(-1.0), self.signed())
        self.took("+")
        return self.power()

    def power(self) -> Node:
        base = self.atom()
        return Binary("**", base, self.signed()) if self.took("**") else base

    def atom(self) -> Node:
        kind, text = self.next()
        if kind == "number":
            return Number(complex(text))
        if kind == "fold":
            return self.fold(text)
        if kind == "name":
            return self.named(text)
        if text == "(":
            inner = self.choice()
            self.expect(")")
            return inner
        if text == "|":
            inner = self.sum()
            self.expect("|")
            return Call("abs", (inner,))
        raise NotAnExpression(f"{text!r} where a value should be")

    def named(self, name: str) -> Node:
        if self.took("("):
            return Call(name, self.arguments())
        if name in FUNCTIONS and self.at < len(self.tokens) and self.peek()[0] == "name":
            return Call(name, (self.atom(),))  # log L(N, D)
        return Name(name)

    def arguments(self) -> tuple[Node, ...]:
        found = [self.choice()]
        while self.took(",", ";"):
            found.append(self.choice())
        self.expect(")")
        return tuple(found)

    def fold(self, text: str) -> Node:
        kind, _, subscript = text.partition("_")
        subscript = subscript.strip("{}")
        index, over = subscript, None
        if " in " in subscript:
            index, _, listed = subscript.partition(" in ")
            over = tuple(listed.split(",")) if "," in listed else None
        elif "=" in subscript:
            index, _, span = subscript.partition("=")
            first, _, last = span.partition("..")
            if first.isdigit() and last.isdigit():
                over = tuple(str(k) for k in range(int(first), int(last) + 1))
        return Fold(kind == "prod", index.strip(), over, self.term())

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "the end")

    def next(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def took(self, *texts: str) -> str:
        if self.peek()[1] in texts:
            return self.next()[1]
        return ""

    def expect(self, text: str) -> None:
        if not self.took(text):
            raise NotAnExpression(f"{self.peek()[1]!r} where {text!r} should be")


def _tokens(text: str) -> Iterable[tuple[str, str]]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:  # in words behind the expression, or not to be read
            yield "unknown", text[at:].strip()[:12]
            return
        at = match.end()
        yield str(match.lastgroup), match[str(match.lastgroup)]


# Statements


@dataclass(frozen=True)
class Statement:
    """``left = right [= right ...]`` with the label before it, if any; `left` may be words."""

    label: str
    left_text: str
    left: Node | None
    right: tuple[Node, ...]

    @property
    def defines(self) -> tuple[str, tuple[str, ...]] | None:
        """Return the name and the arguments that ``name = `` or ``name(x) = `` defines."""
        node = self.left
        if isinstance(node, Binary) and node.operator == "/" and node.left == Number(1.0):
            node = node.right
        if isinstance(node, Name):
            return node.name, ()
        if isinstance(node, Call) and all(isinstance(a, Name) for a in node.arguments):
            return node.name, tuple(a.name for a in node.arguments if isinstance(a, Name))
        return None

    @property
    def inverted(self) -> bool:
        """Whether it reads ``1/name = ``."""
        return isinstance(self.left, Binary)


def statements(text: str) -> list[Statement]:
    """Return what of a formula's text is a statement, in its order.

    >>> [s.left_text for s in statements("L = E + A/N_T**a (fitted) ; in words ; N_T = N + g*M")]
    ['L', 'N_T']
    """
    found = []
    for piece in _split(_without_remarks(text)):
        label, rest = _label(piece)
        rest = _CONDITION.split(rest)[0]
        sides = _sides(rest)
        try:
            right = tuple(_parsed(side) for side in (sides[1:] or sides))
        except NotAnExpression:
            continue
        if len(sides) == 1 and not label:
            continue  # words
        left = _parsed_or_none(sides[0]) if len(sides) > 1 else None
        found.append(Statement(label, sides[0] if len(sides) > 1 else "", left, right))
    return found


def _without_remarks(text: str) -> str:
    """Drop brackets that stand beside a value: remarks such as ``E + A (fitted)``."""
    begin = 0
    while match := _REMARK.search(text, begin):
        if re.search(r"\b(?:sum|prod)\w*$", text[: match.start()]):
            begin = match.end()  # the body of a sum
            continue
        depth, end = 0, match.end()
        for end in range(match.end(), len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if depth == 0:
                break
        text = text[: match.start()] + text[end + 1 :]
    return text


def _split(text: str) -> list[str]:
    """Split at semicolons outside of brackets, and at commas before the next definition."""
    pieces, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += letter in "([{"
        depth -= letter in ")]}"
        if letter == ";" and depth == 0:
            pieces.append(text[begin:at])
            begin = at + 1
    pieces += text[begin:].split("<=>")
    return [part.strip() for piece in pieces for part in _NEXT.split(piece) if part.strip()]


def _sides(text: str) -> list[str]:
    """Split at equals signs outside of brackets and comparisons."""
    found, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += letter in "([{"
        depth -= letter in ")]}"
        around = text[max(at - 1, 0) : at + 2]
        if letter == "=" and depth == 0 and not re.search(r"[<>~!]=|==|=[~>]", around):
            found.append(text[begin:at].strip())
            begin = at + 1
    return [*found, text[begin:].strip()]


def _label(piece: str) -> tuple[str, str]:
    match = _LABEL.match(piece)
    if match is None:
        return "", piece
    return match["number"] or match["words"] or match["m"], piece[match.end() :]


def _parsed(text: str) -> Node:
    return Parser(text).whole()


def _parsed_or_none(text: str) -> Node | None:
    try:
        return _parsed(text)
    except NotAnExpression:
        return None


# Looking up


@dataclass(frozen=True)
class Context:
    """What names mean: values, then definitions of the text, with the indices of sums."""

    values: Scope
    definitions: Mapping[str, Statement] = field(default_factory=dict)
    vectors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    indices: Mapping[str, str] = field(default_factory=dict)
    unfolding: tuple[str, ...] = ()

    def with_index(self, index: str, label: str) -> "Context":
        """Return the context inside a sum."""
        indices = {**self.indices, index: label}
        return Context(self.values, self.definitions, self.vectors, indices, self.unfolding)

    def knows(self, name: str) -> bool:
        """Whether the name has a value or a definition."""
        return name in self.values or name in self.definitions

    def find(self, name: str) -> Value:
        """Return the value of a name; ``d_i`` inside a sum over i is ``d_1``, ``d1``, ..."""
        if self.indices.get(name, "").isdigit():
            return float(self.indices[name])
        for spelling in self.spellings(name):
            if spelling in self.values:
                return self.values[spelling]
        for spelling in (name, *self.spellings(name)):
            if spelling in self.definitions and spelling not in self.unfolding:
                return self.unfold(spelling, ())
        for other in self.definitions.values():  # alpha = beta, said of a coefficient beta
            if other.right[0] == Name(name) and isinstance(other.left, Name):
                if other.left.name in self.values:
                    return self.values[other.left.name]
        raise NotAnExpression(f"nothing defines {name}")

    def call(self, name: str, arguments: tuple[Node, ...]) -> Value:
        """Return ``name(arguments)``: a definition's value there, or the value of the name."""
        for spelling in self.spellings(name):
            if spelling in self.values:
                return self.values[spelling]  # k(N): a coefficient that differs with N
        if name in self.definitions and name not in self.unfolding:
            return self.unfold(name, arguments)
        raise NotAnExpression(f"nothing defines {name}")

    def unfold(self, name: str, arguments: tuple[Node, ...]) -> Value:
        """Return the right side of a definition, its arguments replaced by those given."""
        statement = self.definitions[name]
        _, formal = statement.defines or ("", ())
        values = dict(self.values)
        for argument, node in zip(formal, arguments, strict=False):
            if node != Name(argument):
                values[argument] = node.value(self)
        inner = Context(
            values, self.definitions, self.vectors, self.indices, (*self.unfolding, name)
        )
        value = statement.right[0].value(inner)
        return 1.0 / value if statement.inverted else value

    def spellings(self, name: str) -> list[str]:
        """Return the names under which values may stand, the most literal first."""
        head, mark, tail = name.partition("_")
        while mark and not self._is_index(tail):  # A_hat_i: the last part is the index
            more, mark, tail = tail.partition("_")
            head = f"{head}_{more}"
        if not mark:
            return [name]
        number = "".join(self.indices.get(letter, "") for letter in tail)
        if not number:
            return [name, head]
        apart = "_".join(self.indices[letter] for letter in tail if letter in self.indices)
        found = [name, f"{head}_{number}", f"{head}{number}", f"{head}{apart}", f"{head}_{apart}"]
        columns = self.vectors.get(head, ())
        if number.isdigit() and 0 < int(number) <= len(columns):
            found.append(columns[int(number) - 1])
        return found

    def labels(self, fold: Fold) -> list[str]:
        """Return what the index of a sum runs over."""
        if fold.over is not None:
            return list(fold.over)
        indexed = [n for n in fold.body.names() if self._carries(n, fold.index)]
        if not indexed:
            raise NotAnExpression(f"nothing in the sum over {fold.index} is numbered")
        found: list[str] = []
        numbered: list[str] = []
        for k in range(1, 1000):
            inner = self.with_index(fold.index, str(k))
            numbered = [name for name in indexed if inner._has(name)]
            if len(numbered) < len(indexed):
                break
            found.append(str(k))
        if not found and numbered:
            raise NotAnExpression(f"nothing defines {(set(indexed) - set(numbered)).pop()}")
        return found

    def _has(self, name: str) -> bool:
        literal = self.spellings(name)
        numbered = [n for n in literal if n != name]
        return name in self.definitions or any(n in self.values for n in numbered)

    def _is_index(self, tail: str) -> bool:
        return bool(tail) and set(tail) <= {*self.indices, *"ijm"}

    def _carries(self, name: str, index: str) -> bool:
        _, mark, tail = name.rpartition("_")
        return bool(mark) and index in tail and set(tail) <= {*self.indices, index, *"ijm"}


# Comparing


def chosen(found: list[Statement], output: str, options: Iterable[str] = ()) -> Statement:
    """Return the statement that gives the output: by its symbol, then by its label.

    Args:
        found: The statements.
        output: Symbol of the output.
        options: Words that name the variant wanted, as in the labels ``M1:`` or ``joint:``.
    """
    if not found:
        raise NotAnExpression("there is no statement")
    naming = (
        [s for s in found if _names_output(s, output)]
        or [s for s in found if s.left is None or s.label]
        or found
    )
    words = [str(option).lower().replace("_", " ") for option in options if option]
    labelled = [
        s
        for s in naming
        if any(re.search(rf"\b{re.escape(w)}\b", s.label.lower().replace("_", " ")) for w in words)
    ]
    return (labelled or naming)[0]


def _names_output(statement: Statement, output: str) -> bool:
    if statement.left is not None:
        return output in statement.left.names() | {
            n.partition("_i")[0] for n in statement.left.names() if n.endswith("_i")
        }
    return _squeezed(statement.left_text) == _squeezed(output)


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def sides(
    text: str,
    values: Scope,
    output: str,
    predicted: Value,
    *,
    options: Iterable[str] = (),
    vectors: Mapping[str, tuple[str, ...]] | None = None,
) -> list[tuple[Value, Value]]:
    """Return (left, right) of the output's statement with the code's prediction put in.

    Args:
        text: The formula.
        values: Inputs by their symbols and coefficients by their names.
        output: Symbol of the output.
        predicted: What the code predicts.
        options: See `chosen`.
        vectors: Columns behind a vector's letter, ``{"r": ("r1", "r2")}``.

    Raises:
        NotAnExpression: The text is words, or uses what nothing defines.
    """
    found = statements(text)
    wanted = chosen(found, output, options)
    definitions: dict[str, Statement] = {}
    for statement in found:
        if statement.defines is not None and statement is not wanted:
            if statement.label in ("", wanted.label):
                definitions.setdefault(statement.defines[0], statement)
    context = Context(dict(values), definitions, dict(vectors or {}))
    try:
        right = [node.value(context) for node in wanted.right]
    except NotAnExpression:  # the output stands on both sides
        implicit = Context({output: predicted, **values}, definitions, dict(vectors or {}))
        right = [node.value(implicit) for node in wanted.right]
    if wanted.left is None or not wanted.left.names():
        return [(predicted, value) for value in right]
    unknown = {n for n in wanted.left.names() if not _resolves(context, n)}
    bound = output if output in wanted.left.names() else None
    if bound is None and (len(unknown) == 1 and wanted.defines is not None):
        (bound,) = unknown
    if bound is None and f"{output}_i" in wanted.left.names():
        bound = f"{output}_i"
    if bound is None:
        return [(predicted, value) for value in right]  # the law predicts the whole left side
    with_output = Context({**values, bound: predicted}, definitions, dict(vectors or {}))
    left = wanted.left.value(with_output)
    return [(left, value) for value in right]


def _resolves(context: Context, name: str) -> bool:
    try:
        context.find(name)
    except NotAnExpression:
        return False
    return True


def largest_difference(pairs: list[tuple[Value, Value]]) -> float:
    """Return the largest difference of both sides beside the largest value, where finite."""
    worst = 0.0
    for left, right in pairs:
        left, right = np.broadcast_arrays(np.asarray(left), np.asarray(right))
        usable = np.isfinite(left) & np.isfinite(right)
        if np.mean(usable) < 0.5:
            return math.inf
        difference = np.abs(left - right)[usable]
        scale = np.abs(right)[usable] + 1e-3 * np.max(np.abs(right)[usable])
        worst = max(worst, float(np.max(difference / np.where(scale > 0.0, scale, 1.0))))
    return worst

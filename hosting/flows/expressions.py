"""Dynamic values in a flow's JSON: references such as `${form.name}`, and expressions of them.

A text that is one reference has its value; a text in backticks, and the condition of an `If`, is an
expression with `== != < <= > >= && || ! + - * / %`, brackets, numbers, 'texts' and references; what
stands side by side is joined as text. Everything else is literal.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from hosting.cloudapi.json import as_dict

_REFERENCE = re.compile(r"\$\{([A-Za-z0-9_.-]+)\}")
_TOKEN = re.compile(
    r"\s*(?:(?P<reference>\$\{[A-Za-z0-9_.-]+\})|(?P<text>'(?:\\.|[^'\\])*')"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<word>true|false)|(?P<sign>&&|\|\||[=!<>]=|[<>!+\-*/%()]))"
)
MAX_LENGTH, MAX_DEPTH = 2000, 30
_ORDER = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "%": operator.mod,
}  # fmt: skip


class BadExpression(ValueError):
    """A text in backticks, or a condition, is no expression."""


def resolve(value: Any, names: dict[str, Any]) -> Any:
    """Return a value of a flow's JSON with references and expressions replaced.

    `names` holds `form`, `data` and `screen`. What refers to nothing is None; an expression that
    cannot be read is shown as it stands.
    """
    if isinstance(value, dict):
        return {key: resolve(held, names) for key, held in value.items()}
    if isinstance(value, list):
        return [resolve(held, names) for held in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value.strip()):
        return _look_up(whole[1], names)
    if len(value) > 1 and value[0] == value[-1] == "`":
        try:
            return evaluate(value[1:-1], names)
        except BadExpression:
            return value
    return value


def holds(condition: Any, names: dict[str, Any]) -> bool:
    """Whether a condition is true; one that cannot be read is not."""
    if not isinstance(condition, str):
        return bool(condition)
    try:
        return bool(evaluate(condition.strip().strip("`"), names))
    except BadExpression:
        return False


def _look_up(path: str, names: dict[str, Any]) -> Any:
    held: Any = names
    for part in path.split("."):
        held = as_dict(held).get(part)
    return held


def evaluate(text: str, names: dict[str, Any]) -> Any:
    """Return the value of an expression. Raises BadExpression."""
    if len(text) > MAX_LENGTH:
        raise BadExpression("too long")
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise BadExpression(f"at {at}")
        tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
        at = found.end()
    parser = _Parser(tokens, names)
    value = parser.level(0, 0)
    if parser.tokens:
        raise BadExpression("something is left over")
    return value


class _Parser:
    """Reads tokens, those of the weakest operators first."""

    def __init__(self, tokens: list[tuple[str, str]], names: dict[str, Any]) -> None:
        self.tokens, self.names = tokens[::-1], names

    def level(self, n: int, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise BadExpression("too deep")
        if n == len(_ORDER):
            return self.joined(depth)
        value = self.level(n + 1, depth)
        while self.tokens and self.tokens[-1][0] == "sign" and self.tokens[-1][1] in _ORDER[n]:
            sign = self.tokens.pop()[1]
            value = _applied(sign, value, self.level(n + 1, depth))
        return value

    def joined(self, depth: int) -> Any:
        """A value, or several side by side, which are joined as text."""
        value, first = self.one(depth), True
        while self.tokens and (self.tokens[-1][0] != "sign" or self.tokens[-1][1] == "("):
            value = (_shown(value) if first else value) + _shown(self.one(depth))
            first = False
        return value

    def one(self, depth: int) -> Any:
        if not self.tokens:
            raise BadExpression("it ends too early")
        kind, text = self.tokens.pop()
        if kind == "reference":
            return _look_up(text[2:-1], self.names)
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return float(text) if "." in text else _bounded(int(text))
        if kind == "word":
            return text == "true"
        if text in "!-":
            if depth > MAX_DEPTH:
                raise BadExpression("too deep")
            inner = self.one(depth + 1)
            return not inner if text == "!" else _applied("-", 0, inner)
        if text != "(":
            raise BadExpression(f"{text} stands alone")
        value = self.level(0, depth + 1)
        if not self.tokens or self.tokens.pop() != ("sign", ")"):
            raise BadExpression("a bracket is open")
        return value


def _applied(sign: str, left: Any, right: Any) -> Any:
    if sign == "&&":
        return bool(left) and bool(right)
    if sign == "||":
        return bool(left) or bool(right)
    if isinstance(left, bool) and isinstance(right, str) and right in ("true", "false"):
        right = right == "true"
    numbers = _number(left), _number(right)
    if None not in numbers and not (isinstance(left, str) and isinstance(right, str)):
        left, right = numbers
    if sign in _COMPARISONS:
        try:
            return _COMPARISONS[sign](left, right)
        except TypeError:
            return False
    if None in numbers:
        # Only sums are made of texts: they are joined.
        return _shown(left) + _shown(right) if sign == "+" else None
    try:
        return _bounded(_SUMS[sign](*numbers))
    except (ZeroDivisionError, OverflowError):
        return None


def _bounded(value: Any) -> Any:
    """JSON is written with integers of 64 bits: larger ones become floats, or nothing."""
    if not isinstance(value, int) or abs(value) < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return None


def _number(value: Any) -> Any:
    """What is typed into a field for numbers is text; it is compared as a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)

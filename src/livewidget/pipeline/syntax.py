"""The text of an expression as a checked tree: what is not on the list is refused, with its place.

The text is only ever parsed, never run: Python's own parser makes the tree, and whoever walks it
meets no node that is not named here.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from livewidget.data.errors import LivewidgetError, SettingError, quote

MOST_TEXT = 2_000  # characters; a rule that a person can still read has far fewer
MOST_NODES = 500
MOST_DEPTH = 40  # of nesting: each level is one call deep for every batch
ALLOWED = (
    "an expression is made of columns, numbers, 'text', + - * / // % **, comparisons, in (...), "
    "and, or, not, a if b else c, and functions"
)
_SHOWN = 60  # characters shown on either side of a fault

_NODES = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.Call,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.IfExp,
    ast.Tuple,
    ast.List,
    ast.Set,
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow),
    *(ast.USub, ast.UAdd, ast.Not, ast.And, ast.Or),
    *(ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.In, ast.NotIn),
)
_HINTS: dict[type[ast.AST], str] = {
    ast.Attribute: "attributes (a.b) are not allowed",
    ast.Subscript: "subscripts (a[b]) are not allowed",
    ast.BitAnd: "conditions are joined by 'and', not by '&'",
    ast.BitOr: "conditions are joined by 'or', not by '|'",
    ast.Invert: "a condition is turned around by 'not', not by '~'",
    ast.Is: "a value is compared by ==; whether it is missing, is_missing(x) tells",
    ast.IsNot: "a value is compared by !=; whether it is missing, is_missing(x) tells",
    ast.JoinedStr: "text is not formatted here",
    ast.Starred: "arguments are written out, one by one",
    ast.keyword: "arguments have no names here",
    ast.BitXor: "a power is written **, not ^",
}


class Fault:
    """Makes the errors of one text: each shows it, and a caret under the place."""

    def __init__(self, text: str) -> None:
        self.text = text

    def at(
        self, node: ast.AST, what: str, error: type[LivewidgetError] = SettingError
    ) -> LivewidgetError:
        """Return an error that shows the part of the text that `node` stands for."""
        start = getattr(node, "col_offset", 0)
        stop = getattr(node, "end_col_offset", None) or start + 1
        encoded = self.text.encode()  # the parser counts bytes
        first = len(encoded[:start].decode(errors="ignore"))
        return error(self.message(what, first, len(encoded[:stop].decode(errors="ignore"))))

    def message(self, what: str, start: int, stop: int) -> str:
        """Return a message with carets under the characters [start, stop)."""
        start = min(max(start, 0), len(self.text))
        low, high = max(0, start - _SHOWN), min(len(self.text), start + _SHOWN)
        carets = "^" * max(1, min(stop, high) - start)
        shown = self.text[low:high]
        return f"{what} (column {start + 1})\n    {shown}\n    {' ' * (start - low)}{carets}"


def parse(text: object) -> tuple[ast.expr, Fault]:
    """Return the tree of an expression, every node of it allowed, and the maker of its errors.

    Raises SettingError that shows the text, the place and what is allowed.
    """
    if not isinstance(text, str):
        raise SettingError(f"an expression is text, got {quote(text)}")
    if len(text) > MOST_TEXT:
        raise SettingError(
            f"an expression has at most {MOST_TEXT} characters, got {len(text)}: {quote(text)}"
        )
    if "\n" in text and "#" in text:
        raise SettingError(f"an expression of several lines holds no '#': {quote(text)}")
    plain = " ".join(text.split("\n")).replace("\r", " ").strip()
    fault = Fault(plain)
    if not plain:
        raise SettingError(f"the expression is empty; {ALLOWED}")
    tree = _tree(plain, fault)
    for count, (node, place, depth) in enumerate(_walk(tree), start=1):
        if not isinstance(node, _NODES):
            hint = _HINTS.get(type(node), f"{_name(node)} is not allowed")
            raise fault.at(place, f"{hint}; {ALLOWED}")
        if depth > MOST_DEPTH:
            raise fault.at(place, f"an expression is nested at most {MOST_DEPTH} deep")
        if count > MOST_NODES:
            raise fault.at(place, f"an expression has at most {MOST_NODES} parts")
    return tree, fault


def _tree(text: str, fault: Fault) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # '\d' in the text of a pattern means what it says
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        start = (error.offset or 1) - 1
        stop = (error.end_offset or 0) - 1
        what = f"the expression cannot be read: {error.msg}; {ALLOWED}"
        raise SettingError(fault.message(what, start, stop)) from None
    except (ValueError, MemoryError, RecursionError) as error:
        what = f"the expression cannot be read: {str(error) or 'it is nested too deeply'}"
        raise SettingError(fault.message(what, 0, 1)) from None


def _walk(tree: ast.expr) -> Iterator[tuple[ast.AST, ast.AST, int]]:
    """Yield each node, the nearest one that has a place, and its depth; without recursion."""
    stack: list[tuple[ast.AST, ast.AST, int]] = [(tree, tree, 1)]
    while stack:
        node, place, depth = stack.pop()
        place = node if hasattr(node, "col_offset") else place
        yield node, place, depth
        stack += [(child, place, depth + 1) for child in ast.iter_child_nodes(node)]


def _name(node: ast.AST) -> str:
    return type(node).__name__.lower()

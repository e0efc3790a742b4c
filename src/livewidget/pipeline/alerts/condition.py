"""What a rule waits for: a threshold, an absence, a pattern or a composite of other rules.

Every condition on the columns of a row is brought to one shape, a number of the row above or below
a limit: so that ten thousand of them are a few arrays. `bid < 3` and `ask - bid > 1` are of that
shape; of any other condition the number is 1 where it holds, and 0 where it does not.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from livewidget.data.errors import SettingError, quote
from livewidget.pipeline.alerts.grammar import NO_DATA, Line, nanoseconds
from livewidget.pipeline.expression import Expression
from livewidget.pipeline.syntax import Fault, parse

Functions = Mapping[str, Callable[..., Any]]
RATE = "rate"
_SIDES = {ast.Gt: (1, True), ast.GtE: (1, False), ast.Lt: (-1, True), ast.LtE: (-1, False)}
_WORDS = {1: "above", -1: "below"}


@dataclass(frozen=True, slots=True)
class Source:
    """The number of each row that a threshold looks at; equal ones are worked out once.

    `text` is an expression. Its change over `per` ns where that is not 0. Where it is a `truth`:
    1 for a condition that holds, else -1 where the condition `clear` does, else 0.
    """

    text: str
    per: int = 0
    truth: bool = False
    clear: str = ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Begins where `sign * number > high`; ends, once it fires, where `sign * number <= low`."""

    source: Source
    sign: int
    high: float
    low: float


@dataclass(frozen=True, slots=True)
class Absence:
    """No row of a key for `span` ns."""

    span: int


Leaf = str | Threshold  # the name of a rule, or a condition that has none


@dataclass(frozen=True, slots=True)
class Pattern:
    """`second` begins at most `within` ns after `first` last held."""

    first: Leaf
    second: Leaf
    within: int


@dataclass(frozen=True, slots=True)
class Composite:
    """What is made of others by and, or, not; `holds` is given which of `leaves` fire."""

    leaves: tuple[Leaf, ...]
    holds: Callable[[Sequence[bool]], bool]


Condition = Threshold | Absence | Pattern | Composite


def condition(line: Line, hold: Any, clear: str, functions: Functions | None) -> Condition:
    """Return what a line waits for; `hold` is for how long, None where nothing is said.

    Raises SettingError with the place of what is wrong in it.
    """
    if line.head == NO_DATA:
        line.only("for")
        if hold is None or clear:
            raise SettingError("'no data' takes a duration and no clear, as in 'no data for 30s'")
        return Absence(nanoseconds(hold, "for"))
    if line.part("then"):
        return _pattern(line, functions)
    if line.part("within"):
        line.only(*(word for word in line.parts if word != "within"))
    tree, fault = parse(line.head)
    if _names_rules(tree):
        if clear or line.part("per"):
            raise SettingError("rules that are joined end by themselves: they take no clear or per")
        leaves: list[Leaf] = []
        return Composite(holds=_joined(tree, leaves, functions), leaves=tuple(leaves))
    return threshold(tree, fault, line.part("per"), clear, functions)


def threshold(
    tree: ast.expr, fault: Fault, per: str, clear: str, functions: Functions | None
) -> Threshold:
    """Return a condition on the columns of a row as a threshold. Raises SettingError."""
    text, found = fault.text, _compared(tree)
    if found is None or not np.isfinite(found[2]):
        if per:
            raise SettingError("per goes with a rate of change, as in 'rate(x) > 3 per 10s'")
        Expression(text, functions)
        other = _clear_text(clear, None, functions)
        return Threshold(Source(text, truth=True, clear=other), 1, 0.5, -0.5 if other else 0.5)
    left, sign, limit, strict = found
    source = _source(left, fault, per, functions)
    high = sign * limit if strict else float(np.nextafter(sign * limit, -np.inf))
    if not clear:
        return Threshold(source, sign, high, high)
    low = _low(clear, left, sign, high)
    if low is not None:
        return Threshold(source, sign, high, low)
    if per:
        raise SettingError(f"a rate of change ends {_WORDS[-sign]} a number; got {quote(clear)}")
    other = _clear_text(clear, left, functions)
    return Threshold(Source(text, truth=True, clear=other), 1, 0.5, -0.5)


def _source(left: ast.expr, fault: Fault, per: str, functions: Functions | None) -> Source:
    rate = isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == RATE
    if not rate:
        Expression(fault.text, functions)
        if per:
            raise fault.at(left, "per goes with a rate of change, as in 'rate(x) > 3 per 10s'")
        return Source(ast.unparse(left))
    assert isinstance(left, ast.Call)
    if len(left.args) != 1:
        raise fault.at(left, "rate takes one number, as in 'rate(x) > 3 per 10s'")
    if not per:
        raise fault.at(left, "a rate of change is per something, as in 'rate(x) > 3 per 10s'")
    text = ast.unparse(left.args[0])
    Expression(text, functions)
    return Source(text, per=nanoseconds(per, "per"))


def _compared(tree: ast.expr) -> tuple[ast.expr, int, float, bool] | None:
    """Return the side that is no number, the sign, the number, and whether it is strict."""
    if not isinstance(tree, ast.Compare) or len(tree.ops) > 1 or type(tree.ops[0]) not in _SIDES:
        return None
    left, right = tree.left, tree.comparators[0]
    sign, strict = _SIDES[type(tree.ops[0])]
    if (limit := _number(right)) is not None:
        return None if _number(left) is not None else (left, sign, limit, strict)
    limit = _number(left)
    return None if limit is None else (right, -sign, limit, strict)


def _number(tree: ast.expr) -> float | None:
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _number(tree.operand)
        return None if inner is None else -inner
    if not isinstance(tree, ast.Constant) or type(tree.value) not in (int, float):
        return None
    value = tree.value
    assert isinstance(value, (int, float))
    return float(value) if abs(value) < 1e308 else float("inf")  # noqa: PLR2004  (near the largest)


def _low(clear: str, left: ast.expr, sign: int, high: float) -> float | None:
    """Return where a threshold ends, `Threshold.low`; None where `clear` is of something else."""
    words = clear.split(maxsplit=1)
    if words[0] in _WORDS.values() and len(words) > 1:
        limit = _number(parse(words[1])[0])
        if limit is None:
            raise SettingError(f"after 'clear {words[0]}' comes a number; got {quote(words[1])}")
        other, strict = (1 if words[0] == "above" else -1), True
    else:
        found = _compared(parse(clear)[0])
        if found is None or ast.dump(found[0]) != ast.dump(left):
            return None
        _, other, limit, strict = found
    end = other * limit if strict else float(np.nextafter(other * limit, -np.inf))
    low = float(np.nextafter(-end, -np.inf))
    if other == sign or low > high:
        raise SettingError(
            f"clear is on the wrong side of the threshold: a rule that begins {_WORDS[sign]} "
            f"{sign * high:g} ends {_WORDS[-sign]} it; got {quote(clear)}"
        )
    return low


def _clear_text(clear: str, left: ast.expr | None, functions: Functions | None) -> str:
    if not clear:
        return ""
    if left is None and clear.split(maxsplit=1)[0] in _WORDS.values():
        raise SettingError(
            f"this rule is no threshold, so that clear is a condition; got {quote(clear)}"
        )
    return Expression(clear, functions).text


def _pattern(line: Line, functions: Functions | None) -> Pattern:
    line.only("then", "within")
    if not line.part("within"):
        raise SettingError("a pattern has a duration, as in 'a then b within 10s'")
    first, second = (_leaf(*parse(text), functions) for text in (line.head, line.part("then")))
    return Pattern(first, second, nanoseconds(line.part("within"), "within"))


def _leaf(tree: ast.expr, fault: Fault, functions: Functions | None) -> Leaf:
    name = _name(tree)
    if name is not None:
        return name
    if _names_rules(tree):
        raise fault.at(tree, "joined rules are a rule of their own: name it, and use the name")
    return threshold(tree, fault, "", "", functions)


def _name(tree: ast.expr) -> str | None:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        return tree.value
    return tree.id if isinstance(tree, ast.Name) else None


def _names_rules(tree: ast.expr) -> bool:
    return any(_name(each) is not None for each in _leaves(tree))


def _leaves(tree: ast.expr) -> Iterator[ast.expr]:
    if isinstance(tree, ast.BoolOp):
        for each in tree.values:
            yield from _leaves(each)
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        yield from _leaves(tree.operand)
    else:
        yield tree


def _joined(
    tree: ast.expr, leaves: list[Leaf], functions: Functions | None
) -> Callable[[Sequence[bool]], bool]:
    """Return the function of which leaves fire; `leaves` gets them, by place."""
    if isinstance(tree, ast.BoolOp):
        parts = [_joined(each, leaves, functions) for each in tree.values]
        join = all if isinstance(tree.op, ast.And) else any
        return lambda fire: join(part(fire) for part in parts)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        inner = _joined(tree.operand, leaves, functions)
        return lambda fire: not inner(fire)
    place = len(leaves)
    leaves.append(_leaf(tree, Fault(ast.unparse(tree)), functions))
    return lambda fire: fire[place]

"""The functions that an expression may call: a table, and nothing but the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from livewidget.data.clock import Clock
from livewidget.data.convert import NAT
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.text import Text
from livewidget.pipeline.comparing import SECOND
from livewidget.pipeline.node import MISSING, Node, Type, apply, missing, number
from livewidget.pipeline.regex import compiled
from livewidget.pipeline.textual import OfText, ToText, choose
from livewidget.pipeline.weather import dew_point, heat_index, wind_chill

MOST_LOOKED_AT = 500  # characters of a text that `matches` looks at
_MOST_ARGUMENTS = 20
_MOST_DIGITS = 15
_DAY_S = 86_400
_ANY, _F, _B = None, Type.FLOAT, Type.BOOL

Build = Callable[[Sequence[Node], Clock], Node]


@dataclass(frozen=True, slots=True)
class Function:
    """One entry: how many arguments it takes, of which types, and how its node is built.

    `takes` names a type for each argument, the last one for all that follow; None is any type.
    """

    build: Build
    takes: tuple[Type | None, ...]
    least: int
    most: int

    @property
    def count(self) -> str:
        """How many arguments it takes, in words."""
        if self.least == self.most:
            return f"{self.least} argument{'' if self.least == 1 else 's'}"
        return f"{self.least} to {self.most} arguments"

    def type_at(self, place: int) -> Type | None:
        """Return the type that the argument at a place has to have."""
        return self.takes[min(place, len(self.takes) - 1)]


def _number(function: Callable[..., Any], count: int = 1, most: int | None = None) -> Function:
    def build(nodes: Sequence[Node], _clock: Clock) -> Node:
        return apply(Type.FLOAT, function, *map(number, nodes))

    return Function(build, (Type.FLOAT,), count, most or count)


def _of_text(function: Callable[[str], Any], of: Type) -> Function:
    def build(nodes: Sequence[Node], _clock: Clock) -> Node:
        gone = np.nan if of is Type.FLOAT else False
        table = ToText(function) if of is Type.TEXT else OfText(function, missing=gone)
        return apply(of, table, nodes[0])

    return Function(build, (Type.TEXT,), 1, 1)


def _test(make: Callable[[str], Callable[[str], bool]]) -> Function:
    """Return a test of text against a text that is written out in the expression."""

    def build(nodes: Sequence[Node], _clock: Clock) -> Node:
        if not nodes[1].fixed:
            raise SchemaError("the 2nd argument is a text that is written out, not a column")
        return apply(Type.BOOL, OfText(make(nodes[1].run(())), missing=False), nodes[0])

    return Function(build, (Type.TEXT,), 2, 2)


def _of_time(function: Callable[[Any], Any]) -> Function:
    def run(time: Any) -> Any:
        return np.where(np.equal(time, NAT), np.nan, function(time))

    return Function(lambda nodes, _clock: apply(_F, run, nodes[0]), (Type.TIME,), 1, 1)


def _matcher(pattern: str) -> Callable[[str], bool]:
    search = compiled(pattern, "the pattern", start=1).search
    return lambda text: search(text[:MOST_LOOKED_AT]) is not None


def _now(_nodes: Sequence[Node], clock: Clock) -> Node:
    return Node(Type.TIME, lambda _columns: np.int64(clock.now()))


def pick(where: Node, left: Node, right: Node) -> Node:
    """Return the node of `left if where else right`. Raises SchemaError for two types."""
    left, right = _alike([left, right])
    return apply(left.type, choose if left.type is Type.TEXT else np.where, where, left, right)


def _alike(nodes: Sequence[Node]) -> Sequence[Node]:
    if len({node.type for node in nodes}) > 1:
        nodes = [number(node) for node in nodes]
    types = sorted({node.type for node in nodes})
    if len(types) > 1:
        raise SchemaError(f"the values are of one type, got {' and '.join(types)}")
    return nodes


def _coalesce(nodes: Sequence[Node], _clock: Clock) -> Node:
    nodes = _alike(nodes)
    of = nodes[0].type
    gone, take = MISSING[of], choose if of is Type.TEXT else np.where

    def run(value: Any, *others: Any) -> Any:
        for each in others:
            value = take(gone(value), each, value)
        return value

    return apply(of, run, *nodes)


def _round(nodes: Sequence[Node], _clock: Clock) -> Node:
    digits = 0
    if len(nodes) > 1:
        digits = nodes[1].run(()) if nodes[1].fixed else -1
        if digits not in range(_MOST_DIGITS + 1):
            raise SchemaError(f"the 2nd argument is a number from 0 to {_MOST_DIGITS}, written out")
    return apply(_F, lambda value: np.round(value, int(digits)), number(nodes[0]))


def _part(unit: str, of: str) -> Callable[[Any], Any]:
    """Return how many of a calendar unit a time, UTC, is into another."""

    def part(time: Any) -> Any:
        moment = np.asarray(time).view("datetime64[ns]")
        whole = moment.astype(f"datetime64[{of}]")
        return (moment.astype(f"datetime64[{unit}]") - whole).astype(np.int64)

    return part


_MANY = _MOST_ARGUMENTS
_CALLED_AS_IN_NUMPY = (
    *("exp", "log", "log2", "log10", "sqrt", "sin", "cos", "tan", "tanh"),
    *("floor", "ceil", "sign", "degrees", "radians"),
)
FUNCTIONS: Mapping[str, Function] = {
    **{name: _number(getattr(np, name)) for name in _CALLED_AS_IN_NUMPY},
    "abs": _number(np.abs),
    "asin": _number(np.arcsin),
    "acos": _number(np.arccos),
    "atan": _number(np.arctan),
    "atan2": _number(np.arctan2, 2),
    "hypot": _number(np.hypot, 2),
    "min": _number(lambda *values: reduce(np.minimum, values), 2, _MANY),
    "max": _number(lambda *values: reduce(np.maximum, values), 2, _MANY),
    "clip": _number(lambda value, low, high: np.minimum(np.maximum(value, low), high), 3),
    "round": Function(_round, (_F,), 1, 2),
    "heat_index": _number(heat_index, 2),
    "dew_point": _number(dew_point, 2),
    "wind_chill": _number(wind_chill, 2),
    "where": Function(lambda nodes, _clock: pick(*nodes), (_B, _ANY), 3, 3),
    "is_missing": Function(lambda nodes, _clock: missing(nodes[0]), (_ANY,), 1, 1),
    "coalesce": Function(_coalesce, (_ANY,), 2, _MANY),
    "lower": _of_text(str.lower, Type.TEXT),
    "upper": _of_text(str.upper, Type.TEXT),
    "strip": _of_text(str.strip, Type.TEXT),
    "length": _of_text(len, Type.FLOAT),
    "contains": _test(lambda part: lambda text: part in text),
    "startswith": _test(lambda part: lambda text: text.startswith(part)),
    "endswith": _test(lambda part: lambda text: text.endswith(part)),
    "matches": _test(_matcher),
    "now": Function(_now, (_ANY,), 0, 0),
    "seconds": _of_time(lambda time: time / SECOND),
    "minute": _of_time(_part("m", "h")),
    "hour": _of_time(_part("h", "D")),
    "weekday": _of_time(lambda time: (time // (_DAY_S * SECOND) + 3) % 7),  # 1970 began on day 3
    "day": _of_time(lambda time: _part("D", "M")(time) + 1),
    "month": _of_time(lambda time: _part("M", "Y")(time) + 1),
    "year": _of_time(
        lambda time: (
            np.asarray(time).view("datetime64[ns]").astype("datetime64[Y]").astype(int) + 1970
        )
    ),
}


def with_own(functions: Mapping[str, Callable[..., Any]] | None) -> Mapping[str, Function]:
    """Return the table with a user's functions of arrays in it.

    They are called with one float64 array (datetime64[ns] for a time, an object array of str and
    None for text) for each argument, which cannot be written to, and return as many numbers, or
    one. Raises SettingError for a name that cannot be called in an expression.
    """
    own = {}
    for name, function in (functions or {}).items():
        if not str(name).isidentifier() or not callable(function):
            raise SettingError(
                "functions is a mapping of names to functions of arrays, "
                f"got {quote(name)}: {quote(function)}"
            )
        own[name] = Function(_own(name, function), (_ANY,), 0, _MANY)
    return {**FUNCTIONS, **own}


def _own(name: str, function: Callable[..., Any]) -> Build:
    def build(nodes: Sequence[Node], _clock: Clock) -> Node:
        runs = [(node.run, _PLAIN[node.type]) for node in nodes]

        def run(columns: Any) -> Any:
            size = len(columns[0])
            arguments = [np.broadcast_to(plain(each(columns)), (size,)) for each, plain in runs]
            return _checked(name, function, arguments, size)

        return Node(_F, run)

    return build


def _checked(name: str, function: Callable[..., Any], arguments: Sequence[Any], size: int) -> Any:
    try:
        value = np.asarray(function(*arguments))
    except Exception as error:
        raise SchemaError(f"the function {name} failed: {quote(error)}") from error
    if value.dtype.kind not in "fiub" or value.shape not in ((), (size,)):
        raise SchemaError(
            f"the function {name} returns one number a row, {size} here; it returned "
            f"{value.dtype} of shape {value.shape}"
        )
    return value.astype(np.float64)


_PLAIN: dict[Type, Callable[[Any], Any]] = {
    Type.FLOAT: np.asarray,
    Type.BOOL: lambda value: np.asarray(value, dtype=np.float64),
    Type.TIME: lambda value: np.asarray(value).view("datetime64[ns]"),
    Type.TEXT: lambda value: np.asarray(
        value.decode() if isinstance(value, Text) else value, dtype=object
    ),
}

"""A compiled part of an expression: the type of its value, and how it is worked out of columns.

At run time a number is float64, a condition bool, a time int64 ns UTC (NAT where missing), text a
`Text`; each as an array of the rows, or as one scalar (text: str) that stands for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.convert import NAT, Column
from livewidget.data.schema import Kind
from livewidget.data.text import Text


class Type(StrEnum):
    """What an expression, or a part of one, gives."""

    FLOAT = "float"
    BOOL = "bool"
    TEXT = "text"
    TIME = "time"


WORDS = {Type.FLOAT: "a number", Type.BOOL: "a condition", Type.TEXT: "text", Type.TIME: "a time"}
KINDS = {
    Type.FLOAT: Kind.FLOAT,
    Type.BOOL: Kind.FLOAT,  # there are no columns of truth values: 1.0 and 0.0
    Type.TEXT: Kind.TEXT,
    Type.TIME: Kind.TIME,
}
Columns = Sequence[Column]
Run = Callable[[Columns], Any]


@dataclass(frozen=True, slots=True)
class Node:
    """One part. `fixed`: its value is a scalar that was known when it was bound."""

    type: Type
    run: Run
    fixed: bool = False


def constant(of: Type, value: object) -> Node:
    """Return the node of a value that is the same for all rows and times."""
    return Node(of, lambda _columns: value, fixed=True)


def apply(of: Type, function: Callable[..., Any], *nodes: Node) -> Node:
    """Return the node of a pure function of others; at once, where they are all fixed."""
    if nodes and all(node.fixed for node in nodes):
        with np.errstate(all="ignore"):
            return constant(of, function(*(node.run(()) for node in nodes)))
    if len(nodes) == 1:
        one = nodes[0].run
        return Node(of, lambda columns: function(one(columns)))
    if len(nodes) == 2:  # noqa: PLR2004  # by far the most: an operator's two sides
        left, right = nodes[0].run, nodes[1].run
        return Node(of, lambda columns: function(left(columns), right(columns)))
    runs = [node.run for node in nodes]
    return Node(of, lambda columns: function(*[run(columns) for run in runs]))


def column_node(place: int, kind: Kind) -> Node:
    """Return the node of a column; whole numbers become float64."""
    if kind is Kind.INT:
        return Node(Type.FLOAT, lambda columns: columns[place].astype(np.float64))  # type: ignore[union-attr]
    return Node(Type(kind.value), lambda columns: columns[place])


def number(node: Node) -> Node:
    """Return a number or a condition as a number."""
    return apply(Type.FLOAT, _floats, node) if node.type is Type.BOOL else node


def missing(node: Node) -> Node:
    """Return the condition that a value is missing; a condition never is."""
    return apply(Type.BOOL, MISSING[node.type], node)


def spread(value: Any, of: Type, size: int) -> Column:
    """Return a value of run time as a column of `size` rows."""
    if of is Type.TEXT:
        text = as_text(value)
        return Text(_full(text.codes, size, np.int32), text.categories)
    dtype = {Type.FLOAT: np.float64, Type.BOOL: np.bool_, Type.TIME: np.int64}[of]
    return _full(value, size, dtype)


def as_text(value: str | Text) -> Text:
    """Return text of run time as a `Text`; a single one has codes without a dimension."""
    return value if isinstance(value, Text) else Text(np.zeros((), dtype=np.int32), (value,))


def _full(value: Any, size: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    array = np.asarray(value, dtype=dtype)
    return np.full(size, array) if array.ndim == 0 else array


def _floats(value: Any) -> Any:
    return value.astype(np.float64)  # an array of bool, or one bool of numpy


def _no_text(value: Any) -> Any:
    return value.codes < 0 if isinstance(value, Text) else np.bool_(False)


MISSING: dict[Type, Callable[[Any], Any]] = {
    Type.FLOAT: np.isnan,
    Type.BOOL: lambda value: np.zeros(np.shape(value), dtype=np.bool_),
    Type.TIME: lambda value: value == NAT,
    Type.TEXT: _no_text,
}

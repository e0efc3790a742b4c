"""Comparisons and differences. Nothing that is missing compares as true, not even by `!=`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from livewidget.data.convert import NAT, to_times
from livewidget.data.errors import SchemaError, quote
from livewidget.pipeline.node import MISSING, WORDS, Node, Type
from livewidget.pipeline.textual import OfText, same, unlike

Test = Callable[[Any, Any], Any]  # of the values of two nodes
ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
SECOND = 1_000_000_000  # ns


def compare(sign: str, left: Node, right: Node) -> Test:
    """Return the test `left sign right`, for the values of the two nodes.

    A time may be compared with ISO 8601 text that is written out. Raises SchemaError, without a
    place, for types that do not compare.
    """
    types = {left.type, right.type}
    if types == {Type.TEXT}:
        if sign not in ("==", "!="):
            raise SchemaError(f"text is compared by == and != and in, not by {sign}")
        return unlike if sign == "!=" else same
    if Type.TIME in types and types <= {Type.TEXT, Type.TIME}:
        return _of_times(sign, left, right)
    if types <= {Type.FLOAT, Type.BOOL}:
        return _apart if sign == "!=" else ORDERS[sign]
    raise SchemaError(f"{WORDS[left.type]} does not compare with {WORDS[right.type]}")


def among(left: Node, others: Sequence[Node], *, inverse: bool = False) -> Callable[..., Any]:
    """Return the test that a value is one of others, or none of them; for all their values.

    What is missing is neither.
    """
    if left.type is Type.TEXT and all(each.type is Type.TEXT and each.fixed for each in others):
        wanted = {each.run(()) for each in others}
        table = OfText(lambda text: (text in wanted) is not inverse, missing=False)
        return lambda value, *_others: table(value)
    tests = [compare("==", left, each) for each in others]
    gone = MISSING[left.type]

    def test(value: Any, *values: Any) -> Any:
        found = ~gone(value) if inverse else np.zeros(np.shape(value), dtype=np.bool_)
        for equal, each in zip(tests, values, strict=True):
            found = found & ~equal(value, each) if inverse else found | equal(value, each)
        return found

    return test


def _of_times(sign: str, left: Node, right: Node) -> Test:
    test = operator.ne if sign == "!=" else ORDERS[sign]
    if left.type is Type.TEXT:
        moment = _moment(left)
        return lambda _text, time: test(moment, time) & (time != NAT)
    if right.type is Type.TEXT:
        moment = _moment(right)
        return lambda time, _text: test(time, moment) & (time != NAT)
    return lambda one, other: test(one, other) & (one != NAT) & (other != NAT)


def _moment(node: Node) -> Any:
    """Return the time that text written out beside a time stands for."""
    if not node.fixed:
        raise SchemaError("a time compares with a time, or with ISO 8601 text that is written out")
    text = node.run(())
    try:
        return to_times([text])[0]
    except (ValueError, TypeError, OverflowError):
        raise SchemaError(f"{quote(text)} is not a time; write '2024-05-31T12:00:00Z'") from None


def seconds_between(left: Any, right: Any) -> Any:
    """Return `left - right` of times as float64 seconds, NaN where one is missing."""
    left, right = np.asarray(left), np.asarray(right)
    whole = left - right
    wrapped = ((left ^ right) & (left ^ whole)) < 0  # further apart than 64 bits reach: 292 years
    gone = (left == NAT) | (right == NAT)
    out = whole / SECOND
    if (wrapped | gone).any():
        out = np.where(wrapped, left / SECOND - right / SECOND, out)
        out = np.where(gone, np.nan, out)
    return out


def later(time: Any, seconds: Any) -> Any:
    """Return a time so many seconds later; missing where that is no time, or one is missing."""
    whole = np.asarray(np.rint(seconds * 1e9))
    far = ~(np.abs(whole) < 2.0**63)
    shift = np.where(far, 0.0, whole).astype(np.int64)
    moved = time + shift
    wrapped = ((time ^ moved) & (shift ^ moved)) < 0
    return np.where(far | wrapped | (time == NAT), NAT, moved)


def _apart(left: Any, right: Any) -> Any:
    return (left < right) | (left > right)

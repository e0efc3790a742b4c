"""Functions of text: worked out once a category, and carried to the rows by their codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.text import Text


class ToText:
    """A function of str to str, on text. Remembers the last categories, which batches share."""

    def __init__(self, function: Callable[[str], str]) -> None:
        self._function = function
        self._known: tuple[str, ...] | None = None
        self._codes = np.empty(0, dtype=np.int32)
        self._categories: tuple[str, ...] = ()

    def __call__(self, value: str | Text) -> str | Text:
        """Return the text of each row; missing text stays missing."""
        if isinstance(value, str):
            return self._function(value)
        if value.categories is not self._known:
            table: dict[str, int] = {}
            codes = [
                table.setdefault(self._function(each), len(table)) for each in value.categories
            ]
            self._codes = np.array([*codes, -1], dtype=np.int32)
            self._categories, self._known = tuple(table), value.categories
        return Text(self._codes[value.codes], self._categories)


class OfText:
    """A function of str to a number or a truth value, on text; `missing` is that of no text."""

    def __init__(self, function: Callable[[str], Any], *, missing: float) -> None:
        self._function = function
        self._missing = missing
        self._known: tuple[str, ...] | None = None
        self._values: npt.NDArray[Any] = np.empty(0)

    def __call__(self, value: str | Text) -> Any:
        """Return the value of each row: bool or float64."""
        if isinstance(value, str):
            return np.asarray(self._function(value))[()]
        if value.categories is not self._known:
            values = [self._function(each) for each in value.categories]
            self._values = np.array([*values, self._missing], dtype=type(self._missing))
            self._known = value.categories
        return self._values[value.codes]


def same(left: Any, right: Any) -> npt.NDArray[np.bool_]:
    """Say where two texts are one; missing text equals nothing. Each a `Text` or a str."""
    if isinstance(left, str):
        left, right = right, left
    if isinstance(left, str):
        return np.asarray(left == right)
    if isinstance(right, str):
        places = [code for code, each in enumerate(left.categories) if each == right]
        return (
            left.codes == places[0] if len(places) == 1 else np.isin(left.codes, np.array(places))
        )
    table = {each: code for code, each in enumerate(left.categories)}
    own = np.array([*map(table.get, left.categories), -1], dtype=np.int32)[left.codes]
    others = [table.get(each, -2) for each in right.categories]
    there = np.array([*others, -2], dtype=np.int32)[right.codes]
    return np.asarray((own == there) & (left.codes >= 0))


def unlike(left: Any, right: Any) -> Any:
    """Say where two texts are there and differ."""
    there: Any = True
    for each in (left, right):
        if isinstance(each, Text):
            there = there & (each.codes >= 0)
    return ~same(left, right) & there


def choose(where: Any, left: str | Text, right: str | Text) -> Text:
    """Return the text of `left` where the condition holds, and of `right` elsewhere."""
    parts = [each if isinstance(each, Text) else _single(each) for each in (left, right)]
    table: dict[str, int] = {}
    codes = []
    for part in parts:
        lookup = [table.setdefault(each, len(table)) for each in part.categories]
        codes.append(np.array([*lookup, -1], dtype=np.int32)[part.codes])
    return Text(np.where(where, *codes), tuple(table))


def _single(value: str) -> Text:
    return Text(np.zeros((), dtype=np.int32), (value,))

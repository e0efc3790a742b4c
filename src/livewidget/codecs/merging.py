"""Tables of a few messages each, to one table."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from livewidget.codecs.columns import EXACT, Values, bounded, pack
from livewidget.data.text import Dictionary, Text

Part = tuple[Mapping[str, Values | Text], int]  # columns, and how many rows they have


def merge(parts: Sequence[Part]) -> tuple[dict[str, Values | Text], int]:
    """Return the rows of all parts, in order; a column that a part lacks is missing there."""
    if len(parts) == 1:
        return dict(parts[0][0]), parts[0][1]
    size = sum(rows for _, rows in parts)
    names = dict.fromkeys(chain.from_iterable(columns for columns, _ in parts))
    merged = {
        name: _joined([(columns.get(name), rows) for columns, rows in parts])
        for name in bounded(names, size)
    }
    return merged, size


def _joined(parts: list[tuple[Values | Text | None, int]]) -> Values | Text:
    there: list[Any] = [values for values, _ in parts if values is not None]
    if all(isinstance(values, Text) for values in there):
        return _text(parts)
    if all(isinstance(values, np.ndarray) for values in there):
        kinds = {values.dtype.kind for values in there}
        if len(there) == len(parts) and len({values.dtype for values in there}) == 1:
            return np.concatenate(there)
        if kinds == {"M"}:
            return np.concatenate([_filled(values, rows, "NaT") for values, rows in parts])
        if kinds <= {"f", "i", "u"} and not any(map(_inexact, there)):
            return np.concatenate([_filled(values, rows, np.nan) for values, rows in parts])
    return pack(list(chain.from_iterable(_plain(values, rows) for values, rows in parts)))


def _text(parts: list[tuple[Any, int]]) -> Text:
    table = Dictionary(limit=sys.maxsize)
    codes = [
        np.full(rows, -1, dtype=np.int32) if text is None else table.recode(text)
        for text, rows in parts
    ]
    return Text(np.concatenate(codes), table.categories)


def _filled(values: Any, rows: int, missing: Any) -> Any:
    if values is not None:
        return values
    return np.full(rows, missing, dtype="datetime64[s]" if missing == "NaT" else np.float64)


def _inexact(values: Any) -> bool:
    return values.dtype.kind in "iu" and bool(((values > EXACT) | (values < -EXACT)).any())


def _plain(values: Any, rows: int) -> list[Any]:
    if values is None:
        return [None] * rows
    if isinstance(values, Text):
        values = values.decode()
    elif isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return list(values)  # as Python's own they would be rounded, or be numbers
    return values.tolist() if isinstance(values, np.ndarray) else list(values)

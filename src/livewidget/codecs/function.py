"""A function of the user's as a decoder: from one message to a row, rows or a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from livewidget.codecs.base import Decoded, Rejected, too_long
from livewidget.codecs.columns import Values
from livewidget.codecs.merging import Part, merge
from livewidget.codecs.paths import Fields, wanted
from livewidget.codecs.rows import SCALARS, rows_of
from livewidget.data.batch import Batch, lacks
from livewidget.data.errors import SchemaError
from livewidget.data.records import columns_of
from livewidget.data.schema import Kind
from livewidget.data.text import Text


class FunctionDecoder:
    """Calls `function` with each message (bytes). One thread at a time: that of the engine.

    It returns a row (a mapping of names to values), several (a list of such), a table (a mapping of
    names to arrays or lists of one length, a DataFrame, an Arrow table, a `Batch`), or None where
    there is nothing in the message. A message for which it raises is rejected with the error.
    `fields` and `needs` are as of `JsonDecoder`; paths go into nested rows, not into tables.
    `max_bytes` bounds one message, and nothing what the function makes of it.
    """

    def __init__(
        self,
        function: Callable[[bytes], Any],
        *,
        fields: Fields | None = None,
        needs: Sequence[str] = (),
        max_bytes: int = 1 << 20,
    ) -> None:
        self._function = function
        self._paths = wanted(fields)
        self._rows = rows_of(self._paths, needs)
        self._needs = tuple(needs)
        self._max_bytes = max_bytes

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order. Never raises for what is in a message."""
        rejected: list[Rejected] = []
        parts: list[Part] = []
        rows: list[Any] = []
        for message in messages:
            if len(message) > self._max_bytes:
                rejected.append(too_long(message, self._max_bytes))
                continue
            try:
                found = self._function(message)
                if not _is_rows(found):
                    part = self._table(found)
                    parts += self._part(rows)
                    parts.append(part)
                    rows = []
                    continue
            except Exception as error:  # noqa: BLE001  (the function is the user's)
                rejected.append(Rejected(message, _told(error)))
                continue
            self._take(found, rows, rejected)
        parts += self._part(rows)
        return Decoded(*merge(parts), rejected) if parts else Decoded({}, 0, rejected)

    def _take(self, found: Any, rows: list[Any], rejected: list[Rejected]) -> None:
        items = [found] if isinstance(found, Mapping) else found
        for item in items or ():
            try:
                rows.append(self._rows.checked(_plain_row(item)))
            except SchemaError as error:
                rejected.append(Rejected(item, str(error)))

    def _part(self, rows: list[Any]) -> list[Part]:
        return [(self._rows.columns(rows), len(rows))] if rows else []

    def _table(self, found: Any) -> Part:
        raw = _columns(found)
        if self._paths is not None:
            raw = {path.name: raw[path.key] for path in self._paths if path.key in raw}
        if not raw or (self._needs and raw.keys().isdisjoint(self._needs)):
            raise SchemaError(lacks(self._needs or [path.key for path in self._paths or ()], raw))
        columns = {name: _values(values) for name, values in raw.items()}
        sizes = {name: len(values) for name, values in columns.items()}
        if len(set(sizes.values())) > 1:
            raise SchemaError(f"columns must be of one length, got {sizes}")
        return columns, next(iter(sizes.values()))


def _is_rows(found: Any) -> bool:
    """Say whether it is a row, rows or nothing; a mapping with an array in it is a table."""
    if _is_plain(found):
        return True
    if isinstance(found, Mapping):
        return not any(_is_sized(values) for values in found.values())
    return found is None or isinstance(found, (list, tuple))


def _is_plain(found: object) -> TypeGuard[dict[Any, Any]]:
    return type(found) is dict and SCALARS.issuperset(map(type, found.values()))


def _is_sized(values: object) -> bool:
    if isinstance(values, np.ndarray):
        return values.ndim > 0
    return hasattr(values, "__len__") and not isinstance(values, (str, bytes, Mapping))


def _plain_row(item: object) -> dict[Any, Any]:
    """Return a row with numpy's scalars as Python's own, but times, which have none as fine."""
    if _is_plain(item):
        return item
    if not isinstance(item, Mapping):
        kind = type(item).__name__
        raise SchemaError(f"a row is a mapping of names to values, got {kind}")
    return {
        name: value.item()
        if isinstance(value, np.generic) and value.dtype.kind in "biufU"
        else value
        for name, value in item.items()
    }


def _columns(found: Any) -> Mapping[str, Any]:
    if not isinstance(found, Batch):
        return columns_of(found)
    return {
        field.name: values.view("datetime64[ns]")
        if field.kind is Kind.TIME and isinstance(values, np.ndarray)
        else values
        for field, values in zip(found.schema.fields, found.columns, strict=True)
    }


def _values(values: Any) -> Values | Text:
    if isinstance(values, (list, Text)):
        return values
    if getattr(getattr(values, "dtype", None), "tz", None) is not None:
        values = getattr(values, "dt", values).tz_convert("UTC").dt.tz_localize(None)
    array = np.asarray(values)
    if array.ndim != 1:
        raise SchemaError(f"a column has one dimension, got {array.ndim}")
    return array.tolist() if array.dtype.kind == "O" else array


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

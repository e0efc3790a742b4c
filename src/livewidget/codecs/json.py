"""JSON messages to columns, many at once.

A message is one object, an array of objects, or several of these one on a line (NDJSON).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

import msgspec

from livewidget.codecs.base import Decoded, Rejected
from livewidget.codecs.columns import Values, pack
from livewidget.data.batch import lacks
from livewidget.data.errors import SchemaError

Scalar = float | int | str | bool | None

# Between two messages that begin and end with these, a bare line break is legal JSON only
# where both are whole: joined messages can therefore never be read as one another's parts.
_OPEN = frozenset({b"{", b"["})
_CLOSE = frozenset({b"}", b"]"})
_NESTED = frozenset({dict, list})
_NOTHING = type(None)
_NO_SCALAR = _NESTED | {_NOTHING}
_SMALL = 500  # bytes of a message
_FAILURES = (msgspec.MsgspecError, ValueError, RecursionError)


class JsonDecoder:
    """Reads batches of JSON messages. Stateless between calls; one thread at a time.

    `fields` are those to keep, none for every one that is a number, text, a truth value or
    null. A missing field is NaN or None, and one that is missing throughout a batch has no
    column in it. A nested field is left out; where it is one of `fields`, the row is rejected,
    as is a row with nothing in it, or without any of the fields in `needs`: a heartbeat among
    quotes. `max_bytes` bounds one message.
    """

    def __init__(
        self,
        fields: Sequence[str] | None = None,
        *,
        needs: Sequence[str] = (),
        max_bytes: int = 1 << 20,
    ) -> None:
        self._names = tuple(dict.fromkeys(fields)) if fields else None
        known = self._names or tuple(needs)
        self._needs = tuple(name for name in needs if name in known) or known
        self._needed = [f"f{known.index(name)}" for name in self._needs]
        self._max_bytes = max_bytes
        self._row: Any = dict[str, Any] if self._names is None else _struct(self._names)
        kinds: Any = self._row | list.__class_getitem__(self._row)
        self._decoder = msgspec.json.Decoder(kinds)

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order. Never raises for what is in a message.

        The usual case is one call into msgspec for all of them; when that fails, each is
        read by itself so that the bad ones are singled out.
        """
        rejected: list[Rejected] = []
        rows = self._all_at_once(messages, rejected)
        if rows is None:
            rows = []
            for message in messages:
                self._one(message, rows, rejected)
        return Decoded(self._transpose(rows), len(rows), rejected)

    def _all_at_once(self, messages: Sequence[bytes], rejected: list[Rejected]) -> list[Any] | None:
        """Return the rows of messages that are all JSON; None where each must be read by itself."""
        joined = b"\n".join(messages)
        if not (self._are_short(joined, messages) and _are_whole(joined, messages)):
            return None
        try:
            values = self._decoder.decode_lines(joined)
        except _FAILURES:
            return None
        rows = _flat(values)
        if not self._may_be_bare(rows):
            return rows
        if len(values) != len(messages) or rows is not values:
            return None
        # A row a message: those that may have nothing of use are read again, which tells null from
        # absent.
        kept: list[Any] = []
        for message, row in zip(messages, rows, strict=True):
            if self._is_bare(row):
                self._one(message, kept, rejected)
            else:
                kept.append(row)
        return kept

    def _are_short(self, joined: bytes, messages: Sequence[bytes]) -> bool:
        return len(joined) <= self._max_bytes or max(map(len, messages)) <= self._max_bytes

    def _may_be_bare(self, rows: list[Any]) -> bool:
        """Tell, cheaply, whether a row lacks a field."""
        if not rows:
            return False
        if self._names is not None:
            return None in map(attrgetter(self._needed[-1]), rows)
        name = self._needs[0] if self._needs else next(iter(rows[0]), "")
        try:
            return not _NO_SCALAR.isdisjoint(map(type, map(itemgetter(name), rows)))
        except KeyError:
            return True

    def _is_bare(self, row: Any) -> bool:
        if self._names is not None:
            return all(getattr(row, name) is None for name in self._needed)
        if self._needs and row.keys().isdisjoint(self._needs):
            return True
        return all(type(value) in _NO_SCALAR for value in row.values())

    def _one(self, message: bytes, rows: list[Any], rejected: list[Rejected]) -> None:
        """Read one message by itself: whole, else line by line, each row on its own."""
        if len(message) > self._max_bytes:
            reason = f"a message of more than {self._max_bytes} bytes"
            rejected.append(Rejected(message[: self._max_bytes], reason))
            return
        try:
            self._take(_loads(message), rows, rejected)
        except _FAILURES as error:
            lines = [line for line in message.splitlines() if line.strip()]
            if len(lines) < 2:  # noqa: PLR2004  (one line was read above already)
                rejected.append(Rejected(message, _not_json(error)))
                return
            for line in lines:
                self._one(line, rows, rejected)

    def _take(self, value: object, rows: list[Any], rejected: list[Rejected]) -> None:
        for item in value if isinstance(value, list) else [value]:
            try:
                rows.append(self._checked(item))
            except _FAILURES as error:
                rejected.append(Rejected(item, str(error)))

    def _checked(self, item: object) -> Any:
        """Return one row as the fast way gives it. Raises SchemaError or a msgspec error."""
        if not isinstance(item, dict):
            kind = type(item).__name__
            raise SchemaError(f"expected an object, an array of objects or NDJSON, got {kind}")
        if self._needs and item.keys().isdisjoint(self._needs):
            raise SchemaError(lacks(self._needs, item))
        row: Any = item if self._names is None else msgspec.convert(item, self._row)
        values = row.values() if self._names is None else msgspec.structs.astuple(row)
        if all(type(value) in _NO_SCALAR for value in values):
            raise SchemaError("there is no number, text or truth value in the message")
        return row

    def _transpose(self, rows: list[Any]) -> dict[str, Values]:
        if not rows:
            return {}
        if self._names is None:
            return self._with_needed(_columns_of_dicts(rows), rows)
        columns = {
            name: list(map(attrgetter(attribute), rows))
            for attribute, name in zip(rows[0].__struct_fields__, self._names, strict=True)
        }
        return self._with_needed(
            {name: pack(values) for name, values in columns.items() if _is_there(values)}, rows
        )

    def _with_needed(self, columns: dict[str, Values], rows: list[Any]) -> dict[str, Values]:
        """Let rows that have a needed field have its column, though nothing is in it throughout."""
        if self._needs and columns.keys().isdisjoint(self._needs):
            columns[self._needs[0]] = pack([None] * len(rows))
        return columns


def _struct(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return a struct with one optional scalar for each name; other fields are skipped."""
    fields = [(f"f{place}", Scalar, None) for place in range(len(names))]
    renamed = {f"f{place}": name for place, name in enumerate(names)}
    return msgspec.defstruct("Row", fields, rename=renamed, gc=False)


def _are_whole(joined: bytes, messages: Sequence[bytes]) -> bool:
    """Tell whether each message begins and ends as one that can be joined with others must."""
    breaks = len(messages) - 1
    # Many small ones are quicker to search than to look at each. Where there are no other line
    # breaks, all of these stand between two messages.
    small = len(joined) < _SMALL * len(messages)
    whole = small and joined[:1] == b"{" and joined[-1:] == b"}"
    if whole and joined.count(b"\n") == joined.count(b"}\n{") == breaks:
        return True
    return all(each[:1] in _OPEN and each[-1:] in _CLOSE for each in messages)


def _flat(values: list[Any]) -> list[Any]:
    """Return the rows of decoded values of which some are arrays of rows."""
    if list not in set(map(type, values)):
        return values
    return list(chain.from_iterable(v if type(v) is list else (v,) for v in values))


def _loads(message: bytes) -> object:
    """Return the value of one JSON text; NaN and Infinity, which Python writes, are numbers."""
    try:
        return msgspec.json.decode(message)
    except _FAILURES:
        if b"NaN" not in message and b"Infinity" not in message:
            raise
        return json.loads(message)


def _not_json(error: Exception) -> str:
    # Without the byte's place: reasons are counted, and equal ones belong together.
    return f"not JSON: {str(error).partition(' (byte')[0]}"


def _columns_of_dicts(rows: Sequence[dict[str, Any]]) -> dict[str, Values]:
    columns = {}
    for name, values in _table(rows).items():
        kinds = set(map(type, values))
        if not _NESTED.isdisjoint(kinds):
            values = [None if type(each) in _NESTED else each for each in values]  # noqa: PLW2901
            kinds = set(map(type, values))
        if kinds != {_NOTHING}:
            columns[name] = pack(values, kinds)
    return columns


def _table(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the values by name, None where a row lacks one."""
    first = rows[0]
    if set(map(len, rows)) == {len(first)}:
        try:  # as many names in each, and in each those of the first: then they are the same
            return {name: list(map(itemgetter(name), rows)) for name in first}
        except KeyError:
            pass
    names = dict.fromkeys(chain.from_iterable(rows))
    return {name: [row.get(name) for row in rows] for name in names}


def _is_there(values: list[Any]) -> bool:
    return values[0] is not None or any(each is not None for each in values)

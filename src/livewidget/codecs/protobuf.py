"""Protobuf messages to columns, by the user's message class (the extra `protobuf`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from operator import attrgetter
from typing import Any

import numpy as np

from livewidget.codecs.base import Columns, Decoded, Rejected, too_long
from livewidget.codecs.columns import Values, pack
from livewidget.codecs.paths import Fields, wanted
from livewidget.data.batch import lacks
from livewidget.data.convert import NAT
from livewidget.data.errors import MissingExtraError, SettingError, quote

_Get = Callable[[list[Any]], list[Any]]  # from messages, or None, to values, or None
_Finish = Callable[[list[Any]], Values]
_Read = tuple[bytes, Any]  # a message and the object of it
_TIMESTAMP = "google.protobuf.Timestamp"
_MOST_DEPTH = 32
_MOST_SECONDS = 9_223_372_033  # what nanoseconds in 64 bits reach, with a few to spare


class ProtobufDecoder:
    """Reads batches of messages of one class, one each. Stateless between calls; one thread.

    `message` is a generated class, or one made from a descriptor. Without `fields` every number,
    truth value, text, enum (as its name) and `google.protobuf.Timestamp` (a time) at the top is a
    column; others are reached by a path, `quote.price`. Bytes, repeated fields and maps are none.
    A field that tracks presence is missing where it was not set; any other has its default then.
    `fields`, `needs` and `max_bytes` are as of `JsonDecoder`; a message in which no field of its
    class is set, though it has bytes, is rejected: it is another class's.

    Raises SettingError where the class has none of the fields, MissingExtraError without protobuf.
    """

    def __init__(
        self,
        message: Any,
        *,
        fields: Fields | None = None,
        needs: Sequence[str] = (),
        max_bytes: int = 1 << 20,
    ) -> None:
        try:
            from google.protobuf.message import DecodeError
        except ImportError:
            raise MissingExtraError("protobuf", "protobuf") from None
        self._failures = (DecodeError, ValueError, RecursionError)
        self._parse = message.FromString
        self._name = message.DESCRIPTOR.full_name
        self._max_bytes = max_bytes
        paths = wanted(fields)
        asked = {p.name: p.key for p in paths} if paths else _plain(message.DESCRIPTOR, needs)
        compiled = {name: _compiled(message.DESCRIPTOR, key) for name, key in asked.items()}
        self._columns = {name: found for name, found in compiled.items() if found is not None}
        self._needs = tuple(name for name in needs if name in self._columns) or (*self._columns,)
        missing = not self._columns or (needs and not set(needs) & set(self._columns))
        if missing:
            there = [field.name for field in message.DESCRIPTOR.fields]
            why = lacks(needs or list(asked.values()), there)
            raise SettingError(f"{self._name} is of no use: {why}")

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order. Never raises for what is in a message."""
        rejected: list[Rejected] = []
        read = list(self._read(messages, rejected))
        try:
            return Decoded(*self._kept(read, rejected), rejected)
        except ValueError:  # text that is not UTF-8, which proto2 lets through
            good = [each for each in read if self._is_readable(*each, rejected)]
            return Decoded(*self._kept(good, rejected), rejected)

    def _read(self, messages: Sequence[bytes], rejected: list[Rejected]) -> Iterator[_Read]:
        parse, most = self._parse, self._max_bytes
        for message in messages:
            if len(message) > most:
                rejected.append(too_long(message, most))
                continue
            try:
                read = parse(message)
            except self._failures as error:
                rejected.append(Rejected(message, f"not {self._name}: {error}"))
                continue
            if message and not read.ListFields():
                rejected.append(Rejected(message, f"not {self._name}: none of its fields is set"))
            else:
                yield message, read

    def _is_readable(self, message: bytes, read: Any, rejected: list[Rejected]) -> bool:
        try:
            for get, _ in self._columns.values():
                get([read])
        except ValueError as error:
            rejected.append(Rejected(message, f"not {self._name}: {error}"))
            return False
        return True

    def _kept(self, read: list[_Read], rejected: list[Rejected]) -> tuple[Columns, int]:
        """Return the columns of messages, without those in which all that is needed is missing."""
        objects = [each for _, each in read]
        values = {name: get(objects) for name, (get, _) in self._columns.items()}
        size = len(objects)
        if None in values[self._needs[-1]]:
            needed = zip(*(values[name] for name in self._needs), strict=True)
            keep = [any(value is not None for value in row) for row in needed]
            why = f"it has none of the fields {', '.join(map(repr, self._needs))}"
            bad = (message for (message, _), kept in zip(read, keep, strict=True) if not kept)
            rejected.extend(Rejected(message, why) for message in bad)
            values = {name: list(compress(column, keep)) for name, column in values.items()}
            size = sum(keep)
        if not size:
            return {}, 0
        return {name: finish(values[name]) for name, (_, finish) in self._columns.items()}, size


def _plain(descriptor: Any, needs: Sequence[str]) -> dict[str, str]:
    names = [field.name for field in descriptor.fields if _finish(field) is not None]
    return {name: name for name in (*names, *needs)}


def _compiled(descriptor: Any, key: str) -> tuple[_Get, _Finish] | None:
    """Return how to get the values of a path and make a column of them, None where it has none."""
    steps = key.split(".")
    if len(steps) > _MOST_DEPTH:
        raise SettingError(f"a path has at most {_MOST_DEPTH} steps, got {quote(key)}")
    field: Any = None
    gets: list[_Get] = []
    for place, step in enumerate(steps):
        field = None if descriptor is None else descriptor.fields_by_name.get(step)
        if field is None or _is_repeated(field):
            return None
        descriptor = field.message_type
        gets.append(_get(field, clear=place == 0))
    finish = _finish(field)
    if field.type == field.TYPE_STRING:
        gets.append(_checked_text)
    return None if finish is None else (_chained(gets), finish)


def _get(field: Any, *, clear: bool) -> _Get:
    """Return the step from messages to one field; `clear` where no message is None."""
    name, get = field.name, attrgetter(field.name)
    if field.has_presence:
        return lambda messages: [
            get(each) if each is not None and each.HasField(name) else None for each in messages
        ]
    if clear:
        return lambda messages: list(map(get, messages))
    return lambda messages: [None if each is None else get(each) for each in messages]


def _chained(gets: list[_Get]) -> _Get:
    def get(messages: list[Any]) -> list[Any]:
        for step in gets:
            messages = step(messages)
        return messages

    return get


def _checked_text(values: list[Any]) -> list[Any]:
    if bytes in set(map(type, values)):  # so upb gives text that is none; others raise themselves
        raise ValueError("text that is not UTF-8")
    return values


def _is_repeated(field: Any) -> bool:
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == field.LABEL_REPEATED)  # protobuf 5


def _finish(field: Any) -> _Finish | None:
    """Return how values of a field become a column, None where they cannot."""
    if _is_repeated(field) or field.type in (field.TYPE_BYTES, field.TYPE_GROUP):
        return None
    if field.type == field.TYPE_MESSAGE:
        return _times if field.message_type.full_name == _TIMESTAMP else None
    if field.type != field.TYPE_ENUM:
        return pack
    names = {number: each.name for number, each in field.enum_type.values_by_number.items()}
    return lambda values: [None if v is None else names.get(v, str(v)) for v in values]


def _times(values: list[Any]) -> Values:
    """Return Timestamps as datetime64[ns]; what 64 bits do not reach is NaT."""
    times = [
        NAT
        if each is None or abs(each.seconds) >= _MOST_SECONDS
        else each.seconds * 1_000_000_000 + each.nanos
        for each in values
    ]
    return np.array(times, dtype=np.int64).view("datetime64[ns]")

"""What decoders by msgspec share: all messages in one call, else each by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec

from livewidget.codecs.base import Decoded, Rejected, given_up, too_long
from livewidget.codecs.paths import Fields, wanted
from livewidget.codecs.rows import rows_of
from livewidget.data.errors import SchemaError

FAILURES = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)


class MsgspecDecoder(ABC):
    """Reads rows of names and values. Stateless between calls; one thread at a time."""

    def __init__(self, fields: Fields | None, needs: Sequence[str], max_bytes: int) -> None:
        self._rows = rows_of(wanted(fields), needs)
        self._max_bytes = max_bytes

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order. Never raises for what is in a message.

        The usual case is one call into msgspec for all of them; when that fails, each is
        read by itself so that the bad ones are singled out.
        """
        return self._together(messages) or self._each(messages)

    @abstractmethod
    def _values(self, messages: Sequence[bytes]) -> list[Any] | None:
        """Return one typed value a message or more, None where a message may not be whole."""

    @abstractmethod
    def _load(self, message: bytes) -> object:
        """Return the plain value of one message."""

    @abstractmethod
    def _why(self, error: Exception) -> str:
        """Return the reason for a message that cannot be read."""

    def _parts(self, _message: bytes) -> list[bytes]:
        """Return the parts of a message that is no whole one: each may be read by itself."""
        return []

    def _together(self, messages: Sequence[bytes]) -> Decoded | None:
        if max(map(len, messages), default=0) > self._max_bytes:
            return None
        values = self._typed(messages)
        if values is None:
            return None
        rows = _flat(values)
        one_each = rows is values and len(rows) == len(messages)
        rejected: list[Rejected] = []
        again = (lambda place: self._refusals(messages[place])) if one_each else None
        found = self._rows.together(rows, again, rejected)
        if found is None:
            return None
        return Decoded(*found, rejected)

    def _typed(self, messages: Sequence[bytes]) -> list[Any] | None:
        try:
            return self._values(messages)
        except FAILURES:
            return None

    def _refusals(self, message: bytes) -> list[Rejected]:
        rejected: list[Rejected] = []
        self._one(message, [], rejected)
        return rejected

    def _each(self, messages: Sequence[bytes]) -> Decoded:
        rows: list[Any] = []
        rejected: list[Rejected] = []
        for message in messages:
            self._one(message, rows, rejected)
        return Decoded(self._rows.columns(rows), len(rows), rejected)

    def _one(self, message: bytes, rows: list[Any], rejected: list[Rejected]) -> None:
        """Read one message by itself: whole, else part by part, each row on its own."""
        if len(message) > self._max_bytes:
            rejected.append(too_long(message, self._max_bytes))
            return
        values = self._typed([message])
        typed = None if values is None else self._rows.typed(_flat(values))
        if typed is not None:  # as when it is one of many: what is not wanted was not looked at
            rows.extend(typed)
            return
        try:
            value = self._load(message)
        except FAILURES as error:
            parts = self._parts(message)
            if not parts:
                rejected.append(Rejected(message, self._why(error)))
            begun = len(rejected)
            for part in parts:
                self._one(part, rows, rejected)
                if given_up(rejected, begun, message):
                    break
        else:
            self._take(value, message, rows, rejected)

    def _take(
        self, value: object, message: bytes, rows: list[Any], rejected: list[Rejected]
    ) -> None:
        begun = len(rejected)
        for item in value if isinstance(value, list) else [value]:
            try:
                rows.append(self._rows.checked(_object(item)))
            except SchemaError as error:
                rejected.append(Rejected(item, str(error)))
                if given_up(rejected, begun, message):
                    break


def _object(item: object) -> dict[Any, Any]:
    if isinstance(item, dict):
        return item
    kind = type(item).__name__
    raise SchemaError(f"expected an object or an array of objects, got {kind}")


def _flat(values: list[Any]) -> list[Any]:
    """Return the rows of decoded values of which some are arrays of rows."""
    if list not in set(map(type, values)):
        return values
    return list(chain.from_iterable(v if type(v) is list else (v,) for v in values))

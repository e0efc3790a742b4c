"""Batches to messages: JSON, NDJSON, CSV and MessagePack."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT, Column
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text

TIMES = ("iso", "ns")


@runtime_checkable
class Encoder(Protocol):
    """Writes batches as messages of one format. Stateless between calls; any thread.

    Those of this module write half a character (a lone surrogate), which UTF-8 has not, as "?".
    `text` says whether messages are UTF-8 text that a line break may part.
    """

    text: bool

    def encode(self, batch: Batch) -> list[bytes]:
        """Return the events of `batch` as messages, in order, without line breaks behind them."""
        ...

    def header(self, schema: Schema) -> bytes:
        """Return what a file begins with, b"" where the format has no such thing."""
        ...


class JsonEncoder:
    """One JSON object an event. What JSON has no word for (NaN, infinities) is null.

    `times` are "iso", ISO 8601 to the nanosecond, or "ns", whole nanoseconds since the epoch. `tz`
    is the zone of those in ISO 8601; None stands for UTC that does not say so.
    """

    text = True

    def __init__(self, times: str = "iso", *, tz: str | None = "UTC") -> None:
        self._times = _check_times(times)
        self._tz = tz
        self._encoder = msgspec.json.Encoder()

    def encode(self, batch: Batch) -> list[bytes]:
        """Return an object an event, all by one call of msgspec."""
        return _sound(self._encode, batch)

    def _encode(self, batch: Batch) -> list[bytes]:
        lines = self._encoder.encode_lines(_records(batch, self._times, self._tz))
        return lines.split(b"\n")[:-1]  # JSON text has no bare line break within

    def header(self, schema: Schema) -> bytes:
        """Return nothing: each message names its fields."""
        del schema
        return b""


class MsgpackEncoder:
    """One MessagePack map an event; missing numbers are nil. `times` as of `JsonEncoder`."""

    text = False

    def __init__(self, times: str = "iso") -> None:
        self._times = _check_times(times)
        self._encoder = msgspec.msgpack.Encoder()

    def encode(self, batch: Batch) -> list[bytes]:
        """Return a map an event."""
        return _sound(self._encode, batch)

    def _encode(self, batch: Batch) -> list[bytes]:
        return list(map(self._encoder.encode, _records(batch, self._times)))

    def header(self, schema: Schema) -> bytes:
        """Return nothing: each message names its fields."""
        del schema
        return b""


class CsvEncoder:
    """One line an event (RFC 4180); what is missing is empty. Times as of `JsonEncoder`."""

    text = True

    def __init__(self, times: str = "iso", *, tz: str | None = "UTC") -> None:
        self._times = _check_times(times)
        self._tz = tz

    def encode(self, batch: Batch) -> list[bytes]:
        """Return a line an event, in the order of the schema's columns."""
        return _sound(self._encode, batch)

    def _encode(self, batch: Batch) -> list[bytes]:
        return _csv_lines(zip(*plain_columns(batch, self._times, self._tz), strict=True))

    def header(self, schema: Schema) -> bytes:
        """Return the line of the columns' names."""
        return _csv_lines(iter([schema.names]))[0]


class Lines:
    """All the messages of another encoder in one, a line each: a batch as NDJSON."""

    text = True

    def __init__(self, each: Encoder) -> None:
        self._each = each
        self.header = each.header

    def encode(self, batch: Batch) -> list[bytes]:
        """Return one message; none for a batch of no rows."""
        return [b"\n".join(self._each.encode(batch))] if len(batch) else []


def encoder_for(form: object = "json", *, times: str = "iso") -> Encoder:
    """Return the encoder that `form` stands for: the name of a format, or an `Encoder`.

    "json", "csv" and "msgpack" make a message of each event, "ndjson" one of each batch. Raises
    SettingError for what is no format.
    """
    if isinstance(form, str) and form in _ENCODERS:
        return _ENCODERS[form](times)
    if isinstance(form, Encoder):
        return form
    known = ", ".join(map(repr, _ENCODERS))
    raise SettingError(f"format is one of {known} or an Encoder, got {quote(form)}")


_ENCODERS: dict[str, Callable[[str], Encoder]] = {
    "json": JsonEncoder,
    "ndjson": lambda times: Lines(JsonEncoder(times)),
    "csv": CsvEncoder,
    "msgpack": MsgpackEncoder,
}


def _sound(encode: Callable[[Batch], list[bytes]], batch: Batch) -> list[bytes]:
    """Encode a batch; where text is not of whole characters, once more with what can be said."""
    try:
        return encode(batch)
    except UnicodeEncodeError:
        return encode(Batch(batch.schema, tuple(map(_in_characters, batch.columns))))


def _in_characters(column: Column) -> Column:
    if not isinstance(column, Text):
        return column
    names = (name.encode("utf-8", "replace").decode() for name in column.categories)
    return Text(column.codes, tuple(names))


def _check_times(times: str) -> str:
    if times not in TIMES:
        raise SettingError(f"times is 'iso' or 'ns', got {quote(times)}")
    return times


def _records(batch: Batch, times: str, tz: str | None = "UTC") -> list[Any]:
    return list(map(_record(batch.schema.names), *plain_columns(batch, times, tz)))


@lru_cache(maxsize=64)  # a stream has one schema, a program few
def _record(names: tuple[str, ...]) -> Any:
    fields = [(f"f{place}", Any) for place in range(len(names))]
    renamed = {f"f{place}": name for place, name in enumerate(names)}
    return msgspec.defstruct("Record", fields, rename=renamed, gc=False)


def plain_columns(batch: Batch, times: str = "iso", tz: str | None = "UTC") -> list[list[Any]]:
    """Return the columns as lists of plain values, None where one is missing.

    `times` and `tz` as of `JsonEncoder`.
    """
    return [
        _plain(column, field.kind, times, tz)
        for field, column in zip(batch.schema.fields, batch.columns, strict=True)
    ]


def _plain(column: Column, kind: Kind, times: str, tz: str | None) -> list[Any]:
    if isinstance(column, Text):
        text: list[Any] = column.decode().tolist()
        return text
    if kind is Kind.TIME:
        missing = column == NAT
        values = _iso(column, tz) if times == "iso" else column
    elif kind is Kind.FLOAT:
        missing, values = np.isnan(column), column
    else:
        missing, values = np.zeros(0, dtype=bool), column
    plain: list[Any] = values.tolist()
    for row in np.flatnonzero(missing).tolist():
        plain[row] = None
    return plain


def _iso(times: npt.NDArray[Any], tz: str | None) -> npt.NDArray[Any]:
    """Return times as the clocks of a zone show them, and how far ahead of UTC these are."""
    utc = times.view("M8[ns]")
    if tz in ("UTC", None):
        return np.datetime_as_string(utc, timezone="naive" if tz is None else "UTC")
    import pandas as pd

    local = pd.DatetimeIndex(utc, tz="UTC").tz_convert(tz).tz_localize(None).to_numpy()
    ahead, place = np.unique((local - utc).astype("m8[m]").astype(int), return_inverse=True)
    signs = [f"{'-' if it < 0 else '+'}{abs(it) // 60:02}:{abs(it) % 60:02}" for it in ahead]
    return np.char.add(np.datetime_as_string(local), np.array(signs)[place])


class _Collected(list[str]):
    """What `csv.writer` writes to: it calls `write` once a row."""

    write = list.append


def _csv_lines(rows: Iterator[Sequence[Any]]) -> list[bytes]:
    lines = _Collected()
    # Each with its end, which `writer` has to know: it quotes what has an end within.
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return [line[:-2].encode() for line in lines]

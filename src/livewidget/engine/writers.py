"""Rows into a file of one format, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from livewidget.codecs.encode import CsvEncoder, Encoder, JsonEncoder
from livewidget.data.arrow import to_arrow
from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SettingError, quote
from livewidget.data.history import chunks
from livewidget.data.schema import Schema
from livewidget.data.text import Text

SUFFIXES = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_LINES = 8_192  # at once: each value of them is a Python object meanwhile, some 3 MB at 4 columns


class Writer(Protocol):
    """Writes batches of one schema to an open file, which it does not close."""

    def write(self, batch: Batch) -> None:
        """Write the rows."""
        ...

    def close(self) -> None:
        """Write what a file of the format ends with."""
        ...


def format_of(path: Path, form: str | None) -> str:
    """Return the format that a file has by its suffix, or is to have. SettingError for none."""
    if form is None and path.suffix.lower() in SUFFIXES:
        return SUFFIXES[path.suffix.lower()]
    if form in _WRITERS:
        return form
    if form is None:
        raise SettingError(
            f"a file's name ends with one of {', '.join(SUFFIXES)}, or format= says what it is; "
            f"got {quote(path.name)}"
        )
    raise SettingError(f"format is one of {', '.join(map(repr, _WRITERS))}, got {quote(form)}")


def check_zone(tz: str | None) -> None:
    """Raise SettingError for what is no time zone. None is UTC that does not say so."""
    import pandas as pd

    try:
        pd.Timestamp(0, tz=tz)
    except Exception as error:  # what pandas raises hangs on its version and on the zone's form
        raise SettingError(f"tz is a time zone or None, got {quote(tz)}") from error


def writer(form: str, file: BinaryIO, schema: Schema, tz: str | None) -> Writer:
    """Return what writes a format. Raises MissingExtraError where that needs pyarrow."""
    return _WRITERS[form](file, schema, tz)


class _Lines:
    """A line a row: CSV (RFC 4180) and JSON lines. Times are ISO 8601 to the ns, in the zone."""

    def __init__(self, encoder: Encoder, end: bytes, file: BinaryIO, schema: Schema) -> None:
        self._encoder = encoder
        self._end = end
        self._file = file
        if header := encoder.header(schema):
            file.write(header + end)

    def write(self, batch: Batch) -> None:
        for part in chunks(batch, _LINES):
            self._file.writelines(line + self._end for line in self._encoder.encode(part))

    def close(self) -> None:
        """A line has its end already."""


class _Arrow:
    """Columns by pyarrow: Parquet, a row group a batch, or an Arrow IPC file (Feather V2).

    In an Arrow file text is plain: it has one dictionary for all batches, which nothing bounds.
    """

    def __init__(self, form: str, file: BinaryIO, schema: Schema, tz: str | None) -> None:
        pa = _pyarrow()
        fields = []
        for field in to_arrow(Batch.empty(schema)).schema:
            kind = field.type
            if pa.types.is_timestamp(kind):
                kind = pa.timestamp("ns", tz=tz)
            elif form == "arrow" and pa.types.is_dictionary(kind):
                kind = pa.string()
            fields.append(pa.field(field.name, kind))
        self._schema = pa.schema(fields)
        if form == "parquet":
            from pyarrow import parquet

            self._writer = parquet.ParquetWriter(file, self._schema)
        else:
            self._writer = pa.ipc.new_file(file, self._schema)

    def write(self, batch: Batch) -> None:
        self._writer.write_table(to_arrow(batch).cast(self._schema))

    def close(self) -> None:
        self._writer.close()


_WRITERS: dict[str, Callable[[BinaryIO, Schema, str | None], Writer]] = {
    "csv": lambda file, schema, tz: _Lines(CsvEncoder(tz=tz), b"\r\n", file, schema),
    "parquet": lambda *to: _Arrow("parquet", *to),
    "arrow": lambda *to: _Arrow("arrow", *to),
    "jsonl": lambda file, schema, tz: _Lines(JsonEncoder(tz=tz), b"\n", file, schema),
}


def well_formed(batch: Batch) -> Batch:
    """Return the rows with U+FFFD for lone surrogates, which no file in UTF-8 can hold."""
    columns = [
        column if not isinstance(column, Text) or _encodes(column) else _mended(column)
        for column in batch.columns
    ]
    return Batch(batch.schema, tuple(columns))


def _encodes(text: Text) -> bool:
    try:
        "".join(text.categories).encode()
    except UnicodeEncodeError:
        return False
    return True


def _mended(text: Text) -> Text:
    table = [each.encode("utf-16", "surrogatepass") for each in text.categories]
    mended = Text.encode([each.decode("utf-16", "replace") for each in table])
    return Text(np.append(mended.codes, np.int32(-1))[text.codes], mended.categories)


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError("pyarrow", "arrow") from None
    return pa

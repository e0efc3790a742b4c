"""Arrow IPC messages to columns (the extra `arrow`)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from livewidget.codecs.base import Decoded, Rejected, too_long
from livewidget.codecs.columns import MOST_FIELDS, Values, pack
from livewidget.codecs.merging import Part, merge
from livewidget.codecs.paths import Fields, Path, wanted
from livewidget.codecs.unpacked import unpacked_bytes
from livewidget.data.batch import lacks
from livewidget.data.errors import MissingExtraError, SchemaError
from livewidget.data.text import Text

UNPACKED = 16  # times `max_bytes` that a message may decompress to; lz4 and zstd reach 3 to 10
_FILE = b"ARROW1\0\0"  # a file is this and then a stream, with an index behind it


class ArrowDecoder:
    """Reads batches of messages that are an Arrow IPC stream or file each. One thread at a time.

    Numbers, truth values, times, dates and text (dictionary-coded or not) become columns, text as
    `Text`; other types are left out. A column in a struct is reached by a path, `data.price`.
    `fields` and `needs` are as of `JsonDecoder`. `max_bytes` bounds one message, and `UNPACKED`
    times as much what it decompresses to. A message is read whole or rejected: its rows are not
    parted. Raises MissingExtraError without pyarrow.
    """

    def __init__(
        self,
        *,
        fields: Fields | None = None,
        needs: Sequence[str] = (),
        max_bytes: int = 1 << 20,
    ) -> None:
        try:
            import pyarrow as pa
        except ImportError:
            raise MissingExtraError("pyarrow", "arrow") from None
        self._pa = pa
        self._failures = (
            *(pa.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError),
            *(struct.error, OverflowError, MemoryError),
        )
        self._paths = wanted(fields)
        self._needs = tuple(needs)
        self._max_bytes = max_bytes

    def decode(self, messages: Sequence[bytes]) -> Decoded:
        """Return the rows of all messages, in order. Never raises for what is in a message."""
        rejected: list[Rejected] = []
        tables: list[Any] = []
        for message in messages:
            if len(message) > self._max_bytes:
                rejected.append(too_long(message, self._max_bytes))
                continue
            try:
                table = self._table(message)
            except SchemaError as error:
                rejected.append(Rejected(message, str(error)))
            except self._failures as error:
                rejected.append(Rejected(message, f"not Arrow IPC: {error}"))
            else:
                tables.append(table)
        parts = [self._part(tables) for tables in _runs(tables)]
        return Decoded(*merge(parts), rejected) if parts else Decoded({}, 0, rejected)

    def _table(self, message: bytes) -> Any:
        """Return the wanted columns of a message, checked: pyarrow trusts offsets and codes."""
        pa = self._pa
        whole = pa.py_buffer(message)
        stream = whole[len(_FILE) :] if message.startswith(_FILE) else whole
        self._check_size(stream)
        with pa.ipc.open_stream(stream) as reader:
            batches = list(reader)
            for batch in batches:
                batch.validate(full=True)
            return self._selected(pa.Table.from_batches(batches, reader.schema))

    def _check_size(self, stream: Any) -> None:
        most = UNPACKED * self._max_bytes
        total = 0
        for message in self._pa.ipc.MessageReader.open_stream(stream):
            total += unpacked_bytes(message.metadata.to_pybytes(), message.body)
            if total > most:
                raise SchemaError(f"a message that decompresses to more than {most} bytes")

    def _selected(self, table: Any) -> Any:
        found = {}
        for path in self._paths or self._all(table):
            column = _find(table, path)
            if column is not None and self._is_column(column.type):
                found[path.name] = column
        if not found or (self._needs and found.keys().isdisjoint(self._needs)):
            asked = self._needs or [path.key for path in self._paths or ()]
            raise SchemaError(lacks(asked, table.column_names) if asked else _BARE)
        if len(found) > MOST_FIELDS:
            raise SchemaError(f"a message of more than {MOST_FIELDS} fields: name those wanted")
        most = UNPACKED * self._max_bytes // 8  # of numbers; of truth values there would be more
        if table.num_rows > most:
            raise SchemaError(f"a message of more than {most} rows")
        return self._pa.table(found)

    def _all(self, table: Any) -> list[Path]:
        names = dict.fromkeys(table.column_names)
        paths = [Path(name, name) for name in names]
        return paths + [Path.of(name, name) for name in self._needs if name not in names]

    def _is_column(self, kind: Any) -> bool:
        types = self._pa.types
        if types.is_dictionary(kind):
            kind = kind.value_type
        return bool(
            types.is_integer(kind)
            or types.is_floating(kind)
            or types.is_boolean(kind)
            or types.is_decimal(kind)
            or types.is_timestamp(kind)
            or types.is_date(kind)
            or self._is_text(kind)
        )

    def _is_text(self, kind: Any) -> bool:
        types = self._pa.types
        return bool(
            types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
        )

    def _part(self, tables: list[Any]) -> Part:
        table = self._pa.concat_tables(tables).unify_dictionaries().combine_chunks()
        columns = {
            name: self._column(column)
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
        return columns, table.num_rows

    def _column(self, column: Any) -> Values | Text:
        pa, types = self._pa, self._pa.types
        kind = column.type
        if types.is_dictionary(kind) and self._is_text(kind.value_type):
            return _text(pa, column.combine_chunks())
        if self._is_text(kind):
            return _text(pa, column.cast(pa.large_string()).dictionary_encode().combine_chunks())
        if types.is_dictionary(kind):
            return self._column(column.cast(kind.value_type))
        if types.is_decimal(kind) or types.is_floating(kind):
            column = column.cast(pa.float64())
        elif column.null_count and (types.is_integer(kind) or types.is_boolean(kind)):
            return pack(column.to_pylist())
        values: Values = column.to_numpy()
        return values


_BARE = "there is no number, time or text in the message"


def _find(table: Any, path: Path) -> Any:
    """Return the column of a path: of its key as it stands first, then through structs."""
    if path.key in table.column_names:
        return table.column(table.column_names.index(path.key))
    if not path.steps or path.steps[0] not in table.column_names:
        return None
    import pyarrow.compute as pc

    column = table.column(table.column_names.index(path.steps[0]))
    for step in path.steps[1:]:
        if not hasattr(column.type, "get_field_index") or column.type.get_field_index(step) < 0:
            return None
        column = pc.struct_field(column, step)
    return column


def _runs(tables: list[Any]) -> list[list[Any]]:
    """Return the tables in runs of one schema."""
    runs: list[list[Any]] = []
    for table in tables:
        if runs and runs[-1][0].schema.equals(table.schema):
            runs[-1].append(table)
        else:
            runs.append([table])
    return runs


def _text(pa: Any, array: Any) -> Text:
    if hasattr(array, "chunks"):
        array = pa.concat_arrays(array.chunks)
    codes = array.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    categories = array.dictionary.to_pylist()
    if None in categories:
        places = [-1 if each is None else place for place, each in enumerate(categories)]
        codes = np.array([*places, -1], dtype=np.int32)[codes]
        categories = ["" if each is None else each for each in categories]
    return Text(codes, tuple(categories))

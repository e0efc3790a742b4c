"""A batch of events as columns: what flows between all stages past the decoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from livewidget.data.convert import NAT, Column, infer_kind, to_column
from livewidget.data.errors import SchemaError, quote
from livewidget.data.records import columns_of
from livewidget.data.schema import DTYPES, Field, Kind, Schema, unknown_column
from livewidget.data.text import Text

if TYPE_CHECKING:
    import pandas as pd

TIME_NAMES = ("time", "timestamp", "ts", "datetime", "date")
Data = Any  # a Batch, a mapping of columns, records, a DataFrame, anything that speaks Arrow


class Batch:
    """Columns of equal length under one schema. Immutable by agreement; any thread may read it."""

    __slots__ = ("columns", "schema")

    def __init__(self, schema: Schema, columns: tuple[Column, ...]) -> None:
        self.schema = schema
        self.columns = columns

    @classmethod
    def of(
        cls,
        data: Data,
        schema: Schema | None = None,
        *,
        time: str | None = None,
        arrival: int | None = None,
    ) -> Batch:
        """Build from anything tabular, copying it.

        With a `schema` the columns must be its columns; absent ones are missing values. Without
        one it is inferred: `time` names the time column, else one of `TIME_NAMES` is taken, else
        every row is stamped with `arrival` (ns since the epoch, UTC).

        Raises SchemaError for unknown columns, unequal lengths, wrong dtypes and absent times.
        """
        if isinstance(data, Batch) and (schema is None or data.schema == schema):
            return data
        raw = _raw(data)
        schema = schema or infer_schema(raw, time)
        for name in raw:
            if name not in schema.names:
                raise unknown_column(name, schema.names)
        size = _length(raw)
        columns = tuple(_column(field, raw, size, schema, arrival) for field in schema.fields)
        batch = cls(schema, columns)
        missing = batch.times == NAT
        if missing.any():
            row = int(missing.argmax())
            raise SchemaError(f"column {schema.time!r} has no time (NaT) in row {row}")
        return batch

    @classmethod
    def empty(cls, schema: Schema) -> Batch:
        """Return a batch of no rows."""
        columns: list[Column] = [
            Text(np.empty(0, dtype=np.int32), ())
            if field.kind is Kind.TEXT
            else np.empty(0, dtype=DTYPES[field.kind])
            for field in schema.fields
        ]
        return cls(schema, tuple(columns))

    @property
    def times(self) -> npt.NDArray[np.int64]:
        """The time of each event: int64 ns since the epoch, UTC."""
        times = self[self.schema.time]
        assert isinstance(times, np.ndarray)
        return times

    def __getitem__(self, name: str) -> Column:
        return self.columns[self.schema.index(name)]

    def __len__(self) -> int:
        return len(self.columns[0])

    def __repr__(self) -> str:
        return f"Batch({len(self)} rows, {self.schema!r})"

    def take(self, rows: slice | npt.NDArray[np.generic]) -> Batch:
        """Return the rows of a slice, a boolean mask or an index array."""
        return Batch(self.schema, tuple(column[rows] for column in self.columns))

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield each event as a dict of plain values; for messages and tests, not for streams."""
        lists = [
            (column.decode() if isinstance(column, Text) else column).tolist()
            for column in self.columns
        ]
        for values in zip(*lists, strict=True):
            yield dict(zip(self.schema.names, values, strict=True))

    def to_dataframe(self, tz: str | None = "UTC") -> pd.DataFrame:
        """Return a pandas DataFrame; times in the zone `tz`, or without one where it is None."""
        import pandas as pd

        data: dict[str, object] = {}
        for field, column in zip(self.schema.fields, self.columns, strict=True):
            if isinstance(column, Text):
                data[field.name] = pd.Categorical.from_codes(
                    column.codes, pd.Index(column.categories)
                )
            elif field.kind is Kind.TIME:
                index = pd.DatetimeIndex(column.view("datetime64[ns]"), tz="UTC")
                data[field.name] = index.tz_convert(tz)
            else:
                data[field.name] = column
        return pd.DataFrame(data)

    def __arrow_c_schema__(self) -> object:
        """Return the Arrow schema as a PyCapsule (Arrow PyCapsule interface)."""
        from livewidget.data.arrow import to_arrow

        return to_arrow(self).schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as an Arrow stream PyCapsule; numbers and times are not copied."""
        from livewidget.data.arrow import to_arrow

        return to_arrow(self).__arrow_c_stream__(requested_schema)


def sift(
    data: Data, schema: Schema, arrival: int | None = None, needs: Sequence[str] = ()
) -> tuple[Batch, list[tuple[object, str]]]:
    """Return the rows of `data` that fit `schema`, and each row that does not with its reason.

    Columns that the schema does not know are left out. A record that has none of the columns in
    `needs` fits not; one in which they are None does, and its values are missing. Raises
    SchemaError where nothing tabular can be made of `data` at all, or nothing with those columns.
    """
    data, bare = _with_any(data, needs)
    every = _raw(data)
    size = _length(every)
    if needs and size and every.keys().isdisjoint(needs):
        raise SchemaError(lacks(needs, every))
    raw = {name: values for name, values in every.items() if name in schema.names}
    reasons: dict[int, str] = {}
    columns = tuple(
        _lenient_column(field, raw, size, schema, arrival, reasons) for field in schema.fields
    )
    batch = Batch(schema, columns)
    for row in np.flatnonzero(batch.times == NAT).tolist():
        reasons.setdefault(row, f"column {schema.time!r} has no time (NaT)")
    if not reasons:
        return batch, bare
    keep = np.ones(size, dtype=bool)
    keep[list(reasons)] = False
    bad: list[tuple[object, str]] = [
        ({name: _item(raw[name], row) for name in raw}, why) for row, why in reasons.items()
    ]
    return batch.take(keep), bare + bad


def lacks(needs: Sequence[str], there: Iterable[str]) -> str:
    """Return the reason for a message or a table that has none of the columns it needs."""
    names = ", ".join(quote(name, 40) for name in islice(there, _NAMES_SHOWN)) or "nothing"
    return f"it has none of the fields {', '.join(map(repr, needs))}; it has {names}"


_NAMES_SHOWN = 10


def _with_any(data: Data, needs: Sequence[str]) -> tuple[Data, list[tuple[object, str]]]:
    """Part a list of records into those that have one of `needs` at least, and the others."""
    if not needs or not isinstance(data, list):
        return data, []
    bare = [each for each in data if isinstance(each, Mapping) and each.keys().isdisjoint(needs)]
    if not bare or len(bare) == len(data):  # without any the columns show it
        return data, []
    kept = [each for each in data if not isinstance(each, Mapping) or each.keys() & needs]
    return kept, [(each, lacks(needs, each)) for each in bare]


def count_rows(data: Data) -> int:
    """Return how many rows `data` has; what is not tabular counts as one."""
    try:
        return _length(_raw(data))
    except SchemaError:
        return 1


def infer_schema(
    raw: Mapping[str, Any], time: str | None = None, text: Sequence[str] = ()
) -> Schema:
    """Return the schema that columns have by their look; see `Batch.of` for the time column.

    Columns named in `text` are text, whatever they look like.
    """
    if time is not None and time not in raw:
        raise unknown_column(time, raw)
    if time is None:
        time = next((name for name in TIME_NAMES if name in raw), None)
    fields = [
        Field(
            name, Kind.TIME if name == time else Kind.TEXT if name in text else infer_kind(values)
        )
        for name, values in raw.items()
    ]
    if time is None:
        time = "time"
        fields.insert(0, Field(time, Kind.TIME))
    return Schema(fields, time)


def concat(batches: Sequence[Batch]) -> Batch:
    """Return the rows of all `batches`, which share one schema; text is coded anew."""
    if len(batches) == 1:
        return batches[0]
    first = batches[0]
    columns: list[Column] = []
    for place, field in enumerate(first.schema.fields):
        parts: list[Any] = [batch.columns[place] for batch in batches]
        columns.append(Text.join(parts) if field.kind is Kind.TEXT else _joined(parts))
    return Batch(first.schema, tuple(columns))


_VIEWS = {Kind.TIME: "datetime64[ns]", Kind.FLOAT: "f8", Kind.INT: "i8"}


def _raw(data: Data) -> Mapping[str, Any]:
    if not isinstance(data, Batch):
        return columns_of(data)
    return {
        field.name: column if isinstance(column, Text) else column.view(_VIEWS[field.kind])
        for field, column in zip(data.schema.fields, data.columns, strict=True)
    }


_SMALL = 500  # items up to which numpy keeps the interpreter lock


def _joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the parts as one array, which may be one that cannot be written to.

    Large ones by bytes: numpy would give the interpreter lock away at each, and wait a switch
    interval to have it back beside a cell that spins.
    """
    if len(parts[0]) <= _SMALL:
        return np.concatenate(parts)
    whole = b"".join(np.ascontiguousarray(part).data for part in parts)
    return np.frombuffer(whole, dtype=parts[0].dtype)


def _is_scalar(values: Any) -> bool:
    if isinstance(values, np.ndarray):
        return values.ndim == 0
    if isinstance(values, (list, tuple)):
        return False
    return isinstance(values, str) or not hasattr(values, "__len__") or np.ndim(values) == 0


def _length(raw: Mapping[str, Any]) -> int:
    sizes = {name: len(values) for name, values in raw.items() if not _is_scalar(values)}
    if len(set(sizes.values())) > 1:
        raise SchemaError(f"columns must be of one length, got {sizes}")
    return next(iter(sizes.values()), 1)


def _column(
    field: Field, raw: Mapping[str, Any], size: int, schema: Schema, arrival: int | None
) -> Column:
    if field.name not in raw:
        return _absent(field, size, schema, arrival)
    column = _flat(field, raw[field.name])
    if len(column) != size:
        column = column[np.zeros(size, dtype=np.intp)]
    return column


def _flat(field: Field, values: Any) -> Column:
    column = to_column(field.name, values, field.kind)
    if (column.codes if isinstance(column, Text) else column).ndim != 1:
        raise SchemaError(f"column {field.name!r} must have one dimension, got {quote(values)}")
    return column


def _absent(field: Field, size: int, schema: Schema, arrival: int | None) -> Column:
    if field.name == schema.time:
        if arrival is None:
            raise SchemaError(f"the time column {field.name!r} is absent")
        return np.full(size, arrival, dtype=np.int64)
    if field.kind is Kind.INT:
        raise SchemaError(f"column {field.name!r} is of kind 'int' and is absent")
    if field.kind is Kind.TEXT:
        return Text(np.full(size, -1, dtype=np.int32), ())
    if field.kind is Kind.TIME:
        return np.full(size, NAT, dtype=np.int64)
    return np.full(size, np.nan)


def _lenient_column(
    field: Field,
    raw: Mapping[str, Any],
    size: int,
    schema: Schema,
    arrival: int | None,
    reasons: dict[int, str],
) -> Column:
    try:
        return _column(field, raw, size, schema, arrival)
    except SchemaError as error:
        if field.name not in raw:
            reasons.update(dict.fromkeys(range(size), str(error)))
            return np.zeros(size, dtype=np.int64)
    good: list[Any] = [to_column(field.name, *_FILLER[field.kind])[:0]]
    for row in range(size):
        value = _item(raw[field.name], row)
        try:
            good.append(_flat(field, [value]))
        except SchemaError as error:
            reasons.setdefault(row, str(error))
            good.append(to_column(field.name, *_FILLER[field.kind]))
    return Text.join(good) if field.kind is Kind.TEXT else np.concatenate(good)


_FILLER: dict[Kind, tuple[list[Any], Kind]] = {
    Kind.TIME: ([0], Kind.TIME),
    Kind.FLOAT: ([0.0], Kind.FLOAT),
    Kind.INT: ([0], Kind.INT),
    Kind.TEXT: ([None], Kind.TEXT),
}


def _item(values: Any, row: int) -> Any:
    if isinstance(values, Text):
        return values[row : row + 1].decode()[0]
    if _is_scalar(values):
        return values
    item = values.iloc[row] if hasattr(values, "iloc") else values[row]
    return item.item() if isinstance(item, np.generic) and item.dtype.kind in "fiub" else item

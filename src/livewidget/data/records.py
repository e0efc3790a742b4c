"""Whatever is tabular, as a mapping of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from livewidget.data.errors import SchemaError, quote

_ACCEPTED = "a mapping of columns, a list of records, a DataFrame or an Arrow table"


def columns_of(data: Any) -> Mapping[str, Any]:
    """Return `data` as columns by name, without converting them.

    Takes a mapping, a sequence of mappings (a key that a record lacks is None), a pandas
    DataFrame, or anything that speaks the Arrow PyCapsule interface. Raises SchemaError.
    """
    if isinstance(data, Mapping):
        columns: Mapping[str, Any] = data
    elif hasattr(data, "iloc") and hasattr(data, "columns"):
        columns = {name: data[name] for name in data.columns}
    elif hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        from livewidget.data.arrow import arrow_columns

        columns = arrow_columns(data)
    elif isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        columns = _transpose(data)
    else:
        raise SchemaError(f"expected {_ACCEPTED}, got {quote(data)}")
    for name in columns:
        if not isinstance(name, str):
            raise SchemaError(f"a column's name is text, got {quote(name)}")
    if not columns:
        raise SchemaError(f"expected {_ACCEPTED} with at least one column, got {quote(data)}")
    return columns


def _transpose(records: Sequence[Any]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for row, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise SchemaError(f"a record is a mapping of names to values, got {quote(record)}")
        for name, value in record.items():
            if name not in columns:
                columns[name] = [None] * row
            columns[name].append(value)
        for values in columns.values():
            if len(values) == row:
                values.append(None)
    return columns

"""Batches to and from Arrow, by pyarrow (the extra `arrow`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livewidget.data.errors import MissingExtraError
from livewidget.data.schema import Kind
from livewidget.data.text import Text

if TYPE_CHECKING:
    import pyarrow as pa

    from livewidget.data.batch import Batch


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError("pyarrow", "arrow") from None
    return pa


def to_arrow(batch: Batch) -> pa.Table:
    """Return `batch` as a pyarrow table; numbers and times share memory with it."""
    pa = _pyarrow()
    arrays = {}
    for field, column in zip(batch.schema.fields, batch.columns, strict=True):
        if isinstance(column, Text):
            missing = column.codes < 0
            codes = pa.array(column.codes, mask=missing if missing.any() else None)
            arrays[field.name] = pa.DictionaryArray.from_arrays(
                codes, pa.array(column.categories, type=pa.string())
            )
        elif field.kind is Kind.TIME:
            array = pa.array(column.view("datetime64[ns]"))
            arrays[field.name] = array.cast(pa.timestamp("ns", tz="UTC"))
        else:
            arrays[field.name] = pa.array(column)
    return pa.table(arrays)


def arrow_columns(data: Any) -> dict[str, Any]:
    """Return the columns of anything that speaks the Arrow PyCapsule interface."""
    pa = _pyarrow()
    stream = hasattr(data, "__arrow_c_stream__")
    table = pa.table(data) if stream else pa.Table.from_batches([pa.record_batch(data)])
    columns: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        flat = column.combine_chunks()
        if pa.types.is_dictionary(flat.type):
            flat = flat.dictionary_decode()
        if pa.types.is_timestamp(flat.type):
            flat = flat.cast(pa.timestamp("ns"))
        text = pa.types.is_string(flat.type) or pa.types.is_large_string(flat.type)
        columns[name] = flat.to_pylist() if text else flat.to_numpy(zero_copy_only=False)
    return columns

"""What an iterator or a callable may yield, made into data that an outlet takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from livewidget.data.batch import Batch, Data
from livewidget.data.errors import SchemaError

ACCEPTED = (
    "a record (a mapping of names to values), a number, a tuple, a list of records, "
    "a mapping of columns, a DataFrame, an Arrow table or a Batch"
)
DEFAULT_FIELDS = ("time", "value")

Record = Mapping[str, Any]


def to_item(thing: object, fields: Sequence[str], now: int) -> Record | Data:
    """Return `thing` as a record or as tabular data.

    A number or a tuple fills `fields`, of which the first is the time; without a time it
    is stamped with `now` (ns since the epoch, UTC). Raises SchemaError for anything else.
    """
    if isinstance(thing, (Mapping, Batch)):
        return thing
    if _is_number(thing):
        return _fill((thing,), fields, now)
    if isinstance(thing, tuple):
        return _fill(thing, fields, now)
    if isinstance(thing, list) and thing and isinstance(thing[0], Mapping):
        return thing
    if hasattr(thing, "__arrow_c_stream__") or hasattr(thing, "iloc"):
        return thing
    raise SchemaError(f"an item of a source is {ACCEPTED}; got {type(thing).__name__}")


def grouped(items: Iterable[Record | Data]) -> Iterator[Data]:
    """Yield the items in order, neighbouring records as one list."""
    records: list[Record] = []
    for item in items:
        if is_record(item):
            records.append(item)
            continue
        if records:
            yield records
            records = []
        yield item
    if records:
        yield records


def is_record(item: object) -> bool:
    """Tell a mapping of plain values from a mapping of columns and from all else."""
    return isinstance(item, Mapping) and not any(
        hasattr(value, "__len__") and not isinstance(value, (str, bytes)) for value in item.values()
    )


def _is_number(thing: object) -> bool:
    return isinstance(thing, (bool, int, float, np.number, np.bool_)) or (
        hasattr(thing, "__float__") and not hasattr(thing, "__len__")
    )


def _fill(values: tuple[Any, ...], fields: Sequence[str], now: int) -> Record:
    if len(values) == len(fields) - 1:
        values = (np.datetime64(now, "ns"), *values)
    if len(values) != len(fields):
        raise SchemaError(
            f"expected {len(fields)} values for {', '.join(map(repr, fields))}, "
            f"or all but the first; got {len(values)}"
        )
    return dict(zip(fields, values, strict=True))

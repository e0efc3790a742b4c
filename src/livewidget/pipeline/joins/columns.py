"""Columns of several streams beside one another: their names, kinds, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, concat
from livewidget.data.convert import NAT, Column
from livewidget.data.errors import SchemaError
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.fields import NUMBERS
from livewidget.pipeline.joins.base import Side

Places = npt.NDArray[np.intp]


def may_lack(kind: Kind) -> Kind:
    """Return the kind of a column in which values may be missing: whole numbers become floats."""
    return Kind.FLOAT if kind is Kind.INT else kind


def common_keys(sides: Sequence[Side], by: Sequence[str], join: str) -> Schema:
    """Return a schema of the keys that all sides have, behind a time of no meaning.

    Raises SchemaError where a side lacks one, or has it of a kind that equals no key of another.
    """
    kinds: dict[str, Kind] = {}
    for name in by:
        for side in sides:
            if name not in side.schema.names:
                names = ", ".join(map(repr, side.schema.names))
                raise SchemaError(
                    f"{join} goes by {name!r}, which {side.label!r} has not; it has {names}"
                )
        first, *others = (side.schema.kind(name) for side in sides)
        for side, kind in zip(sides[1:], others, strict=True):
            if kind is not first and not {kind, first} <= set(NUMBERS):
                raise SchemaError(
                    f"{join} goes by {name!r}, which is '{first}' in {sides[0].label!r} and "
                    f"'{kind}' in {side.label!r}: one of them must be made like the other"
                )
        kinds[name] = Kind.FLOAT if set(others) | {first} == set(NUMBERS) else first
    time = next(name for name in ("time", "_", "__") if name not in kinds)
    return Schema([Field(time, Kind.TIME), *(Field(*each) for each in kinds.items())], time)


def keys_of(batches: Sequence[Batch], schema: Schema) -> Batch:
    """Return the rows of all batches, one after another, with the columns of `common_keys`."""
    return concat([conformed(batch, schema, {schema.time: batch.schema.time}) for batch in batches])


def beside(
    left: Side, right: Side, skipped: Sequence[str], suffix: str
) -> tuple[list[str], list[str]]:
    """Return the columns that `right` adds to `left`, and what they are called there.

    Those of its keys, which are `skipped`, and its time stay out. Raises SchemaError where a name
    is taken in spite of `suffix`.
    """
    taken = [
        name for name in right.schema.names if name not in skipped and name != right.schema.time
    ]
    called = [f"{name}{suffix}" if name in left.schema.names else name for name in taken]
    every = [*left.schema.names, *called]
    for name in called:
        if every.count(name) > 1:
            raise SchemaError(
                f"a column {name!r} would be there twice: set another suffix than {suffix!r}"
            )
    return taken, called


def missing(kind: Kind, size: int) -> Column:
    """Return a column of `size` missing values."""
    if kind is Kind.TEXT:
        return Text(np.full(size, -1, dtype=np.int32), ())
    if kind is Kind.TIME:
        return np.full(size, NAT, dtype=np.int64)
    return np.full(size, np.nan)


def blanked(column: Column, kind: Kind, gone: npt.NDArray[np.bool_]) -> Column:
    """Return the column as one of `may_lack(kind)`, with the values of a mask missing."""
    if isinstance(column, Text):
        return Text(np.where(gone, np.int32(-1), column.codes), column.categories)
    if kind is Kind.TIME:
        return np.where(gone, NAT, column)
    return np.where(gone, np.nan, column.astype(np.float64, copy=False))


def joined(parts: Sequence[Any]) -> Column:
    """Return columns of one kind, one after another."""
    return Text.join(parts) if isinstance(parts[0], Text) else np.concatenate(parts)


def conformed(batch: Batch, schema: Schema, names: dict[str, str] | None = None) -> Batch:
    """Return the rows under another schema; `names` are its columns' names in the batch.

    What is not there is missing; whole numbers become floats where it wants those.
    """
    names = names or {}
    columns: list[Column] = []
    for field in schema.fields:
        own = names.get(field.name, field.name)
        if own not in batch.schema.names:
            columns.append(missing(field.kind, len(batch)))
            continue
        column = batch[own]
        if field.kind is Kind.FLOAT and isinstance(column, np.ndarray):
            column = column.astype(np.float64, copy=False)
        columns.append(column)
    return Batch(schema, tuple(columns))


class Kept:
    """One column's value of each slot, in arrays that grow: what was last there."""

    def __init__(self, kind: Kind) -> None:
        dtype: Any = {Kind.TEXT: object, Kind.FLOAT: np.float64}.get(kind, np.int64)
        self._text = kind is Kind.TEXT
        self._values: npt.NDArray[Any] = np.zeros(0, dtype=dtype)
        if self._text:
            self._values = np.full(0, None, dtype=object)

    def make_room(self, size: int) -> None:
        """Have `size` slots at least."""
        if len(self._values) < size:
            larger = np.zeros(max(size, 2 * len(self._values)), dtype=self._values.dtype)
            if self._text:
                larger[:] = None
            larger[: len(self._values)] = self._values
            self._values = larger

    def get(self, slots: Places) -> Column:
        """Return the values of slots as a column."""
        values = self._values[slots]
        return Text.encode(values.tolist()) if self._text else values

    def put(self, slots: Places, column: Column) -> None:
        """Set the values of slots."""
        self._values[slots] = column.decode() if isinstance(column, Text) else column

"""Another pipeline for each type of event that one stream carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT, Column, to_column
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.chain import Pipeline
from livewidget.pipeline.fields import expect
from livewidget.pipeline.operator import Bound, Operator, Tally
from livewidget.pipeline.shape import PLACE


class ByType(Operator):
    """Sends the rows of each type, by the text in `column`, through operators of their own.

    `ByType("kind", {"trade": [...], "quote": [...]}, other=[...])`. Rows of any other type, and of
    none, go through `other`; by default it leaves them as they are. What comes out is put together
    in arrival order under one schema: the columns of all branches, missing where a branch has them
    not (whole numbers become float64 then). Where an operator hides which of its rows are left (an
    `Apply` that returns fewer), those stand at the places of the first that went in.
    """

    name = "by type"

    def __init__(
        self,
        column: str,
        types: Mapping[str, Iterable[Operator]],
        other: Iterable[Operator] = (),
    ) -> None:
        if not hasattr(types, "items") or not types:
            raise SettingError(f"ByType takes operators by type; got {quote(types)}")
        self._column = column
        self._types = {name: Pipeline(operators) for name, operators in types.items()}
        self._other = Pipeline(other)

    @property
    def heavy(self) -> bool:  # type: ignore[override]  # as of a pipeline
        """Whether an operator of a branch is."""
        return any(each.heavy for each in (*self._types.values(), self._other))

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Return the step.

        Raises SchemaError where the column is absent or no text, where an operator does, and where
        branches disagree about the time column or the kind of another.
        """
        expect(schema, self._column, (Kind.TEXT,), "ByType")
        inner = Schema((*schema.fields, Field(PLACE, Kind.INT)), schema.time)
        branches = [each.bind(inner, clock) for each in (*self._types.values(), self._other)]
        if any(branch.tick is not None for branch in branches):
            raise SettingError(
                "what makes rows of its own, such as windows, stands behind ByType, not in it: "
                "route the types to outputs, and work on those"
            )
        after = _union([branch.schema for branch in branches])
        place = schema.index(self._column)
        numbers = {name: number for number, name in enumerate(self._types)}

        def step(batch: Batch, tally: Tally) -> Batch:
            which = _branches(batch.columns[place], numbers)
            own = Batch(inner, (*batch.columns, np.arange(len(batch))))
            parts, places = [], []
            for number in np.unique(which).tolist():
                rows = np.flatnonzero(which == number)
                branch, left = branches[number], Tally()
                out = branch.step(own if len(rows) == len(own) else own.take(rows), left)
                _merge(tally, left)
                parts.append(_fitted(out, after))
                places.append(_places(out, rows))
            whole = concat(parts)
            order = np.concatenate(places)
            if (order[1:] < order[:-1]).any():
                whole = whole.take(np.argsort(order, kind="stable"))
            return whole

        return Bound(after, step)


def _branches(column: Column, numbers: Mapping[str, int]) -> npt.NDArray[np.intp]:
    """Return the number of each row's branch; the last is for all others."""
    assert isinstance(column, Text)
    other = len(numbers)
    table = [numbers.get(category, other) for category in column.categories]
    return np.array([*table, other], dtype=np.intp)[column.codes]


def _union(schemas: Sequence[Schema]) -> Schema:
    """Return the schema of all columns that the branches have, in the order of their branches."""
    kinds: dict[str, Kind] = {}
    for schema in schemas:
        if schema.time != schemas[0].time:
            times = f"{schemas[0].time!r} and {schema.time!r}"
            raise SchemaError(f"the branches of ByType have different time columns: {times}")
        for field in schema.fields:
            before = kinds.setdefault(field.name, field.kind)
            if before != field.kind:
                raise SchemaError(
                    f"column {field.name!r} is '{before}' in one branch of ByType and "
                    f"'{field.kind}' in another"
                )
    del kinds[PLACE]
    for name, kind in kinds.items():
        if kind is Kind.INT and not all(name in schema.names for schema in schemas):
            kinds[name] = Kind.FLOAT  # nothing can be missing among whole numbers
    return Schema((Field(*each) for each in kinds.items()), schemas[0].time)


def _fitted(batch: Batch, after: Schema) -> Batch:
    """Return a branch's rows with the columns of all branches."""
    columns = []
    for field in after.fields:
        if field.name not in batch.schema.names:
            columns.append(_nothing(field.kind, len(batch)))
        elif batch.schema.kind(field.name) is field.kind:
            columns.append(batch[field.name])
        else:
            columns.append(to_column(field.name, batch[field.name], field.kind))
    return Batch(after, tuple(columns))


def _nothing(kind: Kind, size: int) -> Column:
    if kind is Kind.TEXT:
        return Text(np.full(size, -1, dtype=np.int32), ())
    return np.full(size, NAT) if kind is Kind.TIME else np.full(size, np.nan)


def _places(batch: Batch, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    if PLACE not in batch.schema.names:
        return rows[: len(batch)]
    places = batch[PLACE]
    assert isinstance(places, np.ndarray)
    return places


def _merge(tally: Tally, left: Tally) -> None:
    """Add what a branch left behind, without the places."""
    tally.filtered += left.filtered
    tally.rejected += left.rejected
    for letter in left.letters:
        row = letter.payload
        if isinstance(row, dict):
            row = {name: value for name, value in row.items() if name != PLACE}
        tally.letters.append(replace(letter, payload=row))
    for output, batch in left.routed:
        fields = tuple(field for field in batch.schema.fields if field.name != PLACE)
        schema = Schema(fields, batch.schema.time)
        tally.routed.append((output, Batch(schema, tuple(batch[name] for name in schema.names))))

"""The union: the rows of all streams, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SchemaError
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.fields import NUMBERS
from livewidget.pipeline.joins.base import Chunk, Core, Joiner, Side
from livewidget.pipeline.joins.columns import conformed, may_lack
from livewidget.pipeline.operator import Tally


class UnionJoin(Joiner):
    """The rows of all streams by rising time; of one time in the order of the streams.

    The columns are those of all of them; what a stream has not is missing, and whole numbers become
    floats where they may be. The time is called as in the first stream. `into` names a column with
    the stream's label (None: no such column).
    """

    name = "union"

    def __init__(
        self,
        into: str | None = "stream",
        *,
        wait: Any = 0,
        idle: Any = 5.0,
        memory: int = 200_000,
    ) -> None:
        super().__init__(wait, idle, memory)
        self._into = into

    def core(self, sides: Sequence[Side]) -> Core:
        """Return the join by itself. Raises SchemaError for columns of one name and two kinds."""
        time = sides[0].schema.time
        kinds: dict[str, Kind] = {}
        for side in sides:
            if side.schema.time != time and time in side.schema.names:
                raise SchemaError(
                    f"{side.label!r} has a column {time!r} beside its time {side.schema.time!r}, "
                    "and that is what the time is called: rename it"
                )
            for field in side.schema.fields:
                name = time if field.name == side.schema.time else field.name
                known = kinds.setdefault(name, field.kind)
                if known is not field.kind and not {known, field.kind} <= set(NUMBERS):
                    raise SchemaError(
                        f"column {name!r} is '{field.kind}' in {side.label!r} and '{known}' in a "
                        "stream before it: rename one of them"
                    )
                if known is not field.kind:
                    kinds[name] = Kind.FLOAT
        for name, kind in kinds.items():
            if name != time and not all(name in side.schema.names for side in sides):
                kinds[name] = may_lack(kind)
        if self._into in kinds:
            raise SchemaError(f"into is a new column; {self._into!r} is there already")
        fields = [Field(*each) for each in kinds.items()]
        return _Union(Schema(fields, time), tuple(side.label for side in sides), self._into)


class _Union:
    """Needs no memory: the rows are in order already."""

    def __init__(self, plain: Schema, labels: tuple[str, ...], into: str | None) -> None:
        self._plain = plain
        self._labels = labels
        fields = plain.fields if into is None else (*plain.fields, Field(into, Kind.TEXT))
        self.schema = Schema(fields, plain.time)

    def __call__(self, chunk: Chunk, tally: Tally) -> Batch:  # noqa: ARG002  (no row is left out)
        time = self._plain.time
        rows = concat(
            [conformed(part, self._plain, {time: part.schema.time}) for part in chunk.parts]
        )
        order = np.argsort(rows.times, kind="stable")
        columns = rows.take(order).columns
        if len(self.schema.fields) > len(columns):
            sizes = [len(part) for part in chunk.parts]
            codes = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)[order]
            columns = (*columns, Text(codes, self._labels))
        return Batch(self.schema, columns)

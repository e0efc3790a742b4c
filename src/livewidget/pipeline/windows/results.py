"""The results of windows as rows: their schema, and batches of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.expression import BoundExpression, Expression
from livewidget.pipeline.node import Type
from livewidget.pipeline.windows.base import Found
from livewidget.pipeline.windows.dimensions import Labels

if TYPE_CHECKING:
    from livewidget.data.convert import Column

WORDS = ("early", "final", "correction")
START, GROUP, RESULT = "window_start", "group", "result"


class Shape:
    """What rows of results look like: which columns, in which order.

    The time column keeps its name; then the keys, `group` of two keys or more, `window_start`,
    the outputs of the metrics, the expressions over them, and `result` where it `tells` them apart.
    Raises SchemaError for a name that is there twice or an expression that does not fit, and
    SettingError for one that does not parse.
    """

    def __init__(
        self,
        schema: Schema,
        by: Sequence[str],
        outputs: Sequence[str],
        expressions: Mapping[str, Expression],
        clock: Clock,
        *,
        tells: bool,
    ) -> None:
        kinds = [Kind.INT if schema.kind(name) is Kind.INT else Kind.TEXT for name in by]
        self.label_kinds = kinds
        keys = [Field(name, kind) for name, kind in zip(by, kinds, strict=True)]
        group = [Field(GROUP, Kind.TEXT)] if len(by) > 1 else []
        head = [Field(schema.time, Kind.TIME), *keys, *group, Field(START, Kind.TIME)]
        fields = [*head, *(Field(name, Kind.FLOAT) for name in outputs)]
        self._known = _schema(fields, schema.time)
        self._expressions: list[BoundExpression] = []
        seen = self._known
        for name, expression in expressions.items():
            self._expressions.append(_number(name, expression.bind(seen, clock)))
            fields.append(Field(name, Kind.FLOAT))
            seen = _schema(fields, schema.time)
        self._tells = tells
        self.schema = _schema([*fields, Field(RESULT, Kind.TEXT)], schema.time) if tells else seen

    def batch(self, times: Column, labels: list[Column], found: Found) -> Batch:
        """Return rows of one stretch of results."""
        columns: list[Column] = [times, *labels, found.starts, *found.values]
        for expression in self._expressions:
            columns.append(expression.column(columns, len(found.starts)))
        if self._tells:
            codes = np.full(len(found.starts), found.what, dtype=np.int32)
            columns.append(Text(codes, WORDS))
        return Batch(self.schema, tuple(columns))


class Results:
    """Collects results of windows until they are asked for, as rows. Not thread-safe."""

    def __init__(self, shape: Shape, labels: Labels, label: str) -> None:
        self._shape = shape
        self._labels = labels
        self._by_end = label == "end"
        self._found: list[Found] = []
        self._done: list[Batch] = []

    def __call__(self, found: Found) -> None:
        """Take results in."""
        self._found.append(found)

    def settle(self) -> None:
        """Have rows of all results so far, as slots are about to get other keys."""
        for found in self._merged():
            times = found.ends if self._by_end else found.starts
            if found.at is not None:
                times = np.minimum(found.ends, found.at)
            self._done.append(self._shape.batch(times, self._labels(found.slots), found))
        self._found.clear()

    def rows(self) -> Batch:
        """Return all rows since the last call."""
        if not self._found and not self._done:
            return Batch.empty(self._shape.schema)
        self.settle()
        done, self._done = self._done, []
        return concat(done)

    def _merged(self) -> list[Found]:
        """Join neighbours that differ in nothing but their windows."""
        runs: list[list[Found]] = []
        for each in self._found:
            if runs and (each.what, each.at) == (runs[-1][0].what, runs[-1][0].at):
                runs[-1].append(each)
            else:
                runs.append([each])
        return [run[0] if len(run) == 1 else _joined(run) for run in runs]


def _joined(run: list[Found]) -> Found:
    return Found(
        np.concatenate([each.slots for each in run]),
        np.concatenate([each.starts for each in run]),
        np.concatenate([each.ends for each in run]),
        [np.concatenate(parts) for parts in zip(*(each.values for each in run), strict=True)],
        run[0].what,
        run[0].at,
    )


def _schema(fields: list[Field], time: str) -> Schema:
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise SchemaError(f"the results of a window have two columns {name!r}: {names}")
    return Schema(fields, time)


def _number(name: str, bound: BoundExpression) -> BoundExpression:
    if bound.type not in (Type.FLOAT, Type.BOOL):
        raise SettingError(f"aggregate {quote(name)} is to give a number; it gives {bound.type}")
    return bound

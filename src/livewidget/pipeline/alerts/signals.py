"""The numbers that thresholds look at, worked out for whole batches."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.alerts.condition import Functions, Source
from livewidget.pipeline.alerts.desk import Bools, Times
from livewidget.pipeline.alerts.plan import Floats, Places, Plan
from livewidget.pipeline.calculate import bound_condition
from livewidget.pipeline.expression import Expression
from livewidget.pipeline.fields import NUMBERS
from livewidget.pipeline.keys import Groups, grown
from livewidget.pipeline.node import Type
from livewidget.pipeline.operator import State
from livewidget.pipeline.syntax import parse

_ASKS = ("is_missing", "coalesce")  # an expression with one of them knows what is missing


class Number:
    """An expression that gives a number of each row, NaN where one is missing."""

    def __init__(
        self, source: Source, schema: Schema, clock: Clock, functions: Functions | None
    ) -> None:
        self._bound = Expression(source.text, functions).bind(schema, clock)
        if self._bound.type not in (Type.FLOAT, Type.BOOL):
            raise SchemaError(f"{source.text} is no number, and is compared with one")

    def __call__(self, batch: Batch, missing: Missing) -> tuple[Floats, Floats]:  # noqa: ARG002
        """Return the numbers, and the values that are told of: the same."""
        values = self._bound(batch)
        assert isinstance(values, np.ndarray)
        values = values.astype(np.float64, copy=False)
        return values, values


class Truth:
    """A condition as a number: 1 where it holds, -1 where what ends it does, else 0.

    NaN where it cannot be told, since a column that it looks at is missing.
    """

    def __init__(
        self, source: Source, schema: Schema, clock: Clock, functions: Functions | None
    ) -> None:
        texts = [source.text, source.clear] if source.clear else [source.text]
        expressions = [Expression(text, functions) for text in texts]
        self._tests = [bound_condition(each, schema, clock, "it") for each in expressions]
        names = dict.fromkeys(name for text in texts for name in _columns(text, schema))
        self._places = [schema.index(name) for name in names]
        numbers = [name for name in names if schema.kind(name) in NUMBERS]
        self._shown = schema.index(numbers[0]) if numbers else None

    def __call__(self, batch: Batch, missing: Missing) -> tuple[Floats, Floats]:
        """Return the numbers, and the values that are told of: the first number it looks at."""
        holds = self._tests[0].holds(batch)
        values = holds.astype(np.float64)
        if len(self._tests) > 1:
            values -= self._tests[1].holds(batch) & ~holds
        for place in self._places:
            rows = missing(place)
            if rows is not None:
                values[rows] = np.nan
        if self._shown is None:
            return values, values
        shown = batch.columns[self._shown]
        assert isinstance(shown, np.ndarray)
        return values, shown.astype(np.float64, copy=False)


class Missing:
    """Where the columns of a batch have nothing; found once for all conditions."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._found: dict[int, Bools | None] = {}

    def __call__(self, place: int) -> Bools | None:
        """Return the rows without a value, bool[n], or None where every row has one."""
        if place not in self._found:
            rows = self._rows(place)
            self._found[place] = rows if rows.any() else None
        return self._found[place]

    def _rows(self, place: int) -> Bools:
        column, kind = self._batch.columns[place], self._batch.schema.fields[place].kind
        if isinstance(column, Text):
            return np.asarray(column.codes < 0)
        return np.asarray(column == NAT if kind is Kind.TIME else np.isnan(column))


class Change:
    """The change of a number between a row and the one before it of its key, over `per` ns.

    Rows without a number, and those at the same time as the one before, have none and are passed.
    """

    def __init__(self, per: int) -> None:
        self._per = per
        self._value = np.zeros(0)
        self._time = np.zeros(0, dtype=np.int64)

    def room(self, size: int, gone: Places) -> None:
        """Have room for `size` slots; those that are `gone` begin anew."""
        self._time[gone] = NAT
        self._value = grown(self._value, size, np.nan)
        self._time = grown(self._time, size, NAT)

    def __call__(self, values: Floats, groups: Groups, times: Times) -> Floats:
        """Return the change at each row of `values`; `times` are in the order of the groups."""
        own = values[groups.order]
        rows = np.flatnonzero(~np.isnan(own))
        result = np.full(len(values), np.nan)
        if not len(rows):
            return result
        rows = rows[_before(rows, groups, times, self._time) < times[rows]]
        if not len(rows):
            return result
        before = _before(rows, groups, times, self._time)
        old = _before(rows, groups, own, self._value)
        with np.errstate(all="ignore"):  # infinities; times further apart than 64 bits reach
            span = times[rows] - before
            far = times[rows].astype(np.float64) - before
            change = (own[rows] - old) * self._per / np.where(span > 0, span, far)
        result[groups.order[rows]] = np.where(before == NAT, np.nan, change)
        slots = groups.slots[groups.number[rows]]
        last = np.append(slots[1:] != slots[:-1], True)
        self._time[slots[last]] = times[rows[last]]
        self._value[slots[last]] = own[rows[last]]
        return result

    def save(self) -> State:
        """Return the last number of each slot."""
        return {"value": self._value.copy(), "time": self._time.copy()}

    def load(self, state: State) -> None:
        """Go on from a state."""
        self._value, self._time = state["value"], state["time"]


class Signals:
    """All the numbers that the rules of one operator look at, by place.

    Called with a batch it changes nothing, and raises what an expression does; `changes` then puts
    in what needs the rows before. Raises SchemaError when it is bound, for a column that is absent
    or of another kind.
    """

    def __init__(
        self,
        plan: Plan,
        schema: Schema,
        clock: Clock,
        functions: Functions | None,
    ) -> None:
        self._parts: list[Number | Truth] = []
        for source, name in zip(plan.sources, plan.askers, strict=True):
            try:
                kind = Truth if source.truth else Number
                self._parts.append(kind(source, schema, clock, functions))
            except (SchemaError, SettingError) as error:
                raise type(error)(f"rule {quote(name)}: {error}") from None
        self._changes = {
            place: Change(source.per) for place, source in enumerate(plan.sources) if source.per
        }

    def __call__(self, batch: Batch) -> tuple[list[Floats], list[Floats]]:
        """Return the numbers of each source, float64[n], and the values that are told of."""
        missing = Missing(batch)
        pairs = [part(batch, missing) for part in self._parts]
        return [values for values, _ in pairs], [shown for _, shown in pairs]

    def room(self, size: int, gone: Places) -> None:
        """Have room for `size` slots; those that are `gone` begin anew."""
        for change in self._changes.values():
            change.room(size, gone)

    def changes(
        self, values: list[Floats], shown: list[Floats], groups: Groups, times: Times
    ) -> None:
        """Put rates of change in the place of their numbers; remember the last of each slot."""
        for place, change in self._changes.items():
            values[place] = shown[place] = change(values[place], groups, times)

    def save(self) -> State:
        """Return what the rates remember."""
        return {str(place): change.save() for place, change in self._changes.items()}

    def load(self, state: State) -> None:
        """Go on from a state."""
        for place, change in self._changes.items():
            change.load(state[str(place)])


def _before(
    rows: Places, groups: Groups, own: npt.NDArray[Any], kept: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return for each of `rows` what `own` has at the one before it of its group, or `kept`."""
    number = groups.number[rows]
    first = np.append(True, number[1:] != number[:-1])
    before = np.append(own[rows[:1]], own[rows[:-1]])
    before[first] = kept[groups.slots[number[first]]]
    return before


def _columns(text: str, schema: Schema) -> list[str]:
    """Return the columns that an expression looks at; none where it asks what is missing."""
    nodes = list(ast.walk(parse(text)[0]))
    called = {
        node.func.id
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    if called.intersection(_ASKS):
        return []
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    names += [
        str(node.args[0].value)
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "column"
        and isinstance(node.args[0], ast.Constant)
    ]
    return [name for name in names if name in schema.names and name not in called]

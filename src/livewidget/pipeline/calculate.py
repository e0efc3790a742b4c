"""Operators that are an expression: new columns, and rows that stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT, Column
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.expression import BoundExpression, Expression
from livewidget.pipeline.node import KINDS, WORDS, Type
from livewidget.pipeline.operator import Bound, Operator, Step, Tally

Functions = Mapping[str, Callable[..., Any]]


class Calculate(Operator):
    """Adds a column of each expression, or replaces the one of its name; later ones use earlier.

    `Calculate(spread="ask - bid", wide="spread > 0.5")`; names that are no words come in a mapping
    in front, `Calculate({"spread %": "spread / ask * 100"})`. Numbers and conditions (1.0 and 0.0)
    become float columns, times time columns, text text columns. `functions` are the user's own
    (see `Expression`); where one fails, the rows of that batch are rejected with its error. So are
    rows whose new time of the event is missing.

    Raises SettingError that names the field for what is no expression.
    """

    name = "calculate"

    def __init__(
        self,
        fields: Mapping[str, str] | None = None,
        /,
        *,
        functions: Functions | None = None,
        **more: str,
    ) -> None:
        texts = {**(fields or {}), **more}
        if not texts:
            raise SettingError("Calculate takes at least one field, as in spread='ask - bid'")
        self.expressions = {
            name: _expression(text, functions, f"Calculate {quote(name)}")
            for name, text in texts.items()
        }

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Bind each to the columns there are, and those of the ones before it."""
        start, plan = schema, []
        for name, expression in self.expressions.items():
            bound = _bound(expression, schema, clock, f"Calculate {quote(name)}")
            schema = _with(schema, name, bound.type)
            plan.append((schema.index(name), bound))
        replaced = any(place == start.index(start.time) for place, _ in plan)
        return Bound(schema, self._step(schema, plan, timed=replaced))

    def _step(
        self, schema: Schema, plan: Sequence[tuple[int, BoundExpression]], *, timed: bool
    ) -> Step:
        def step(batch: Batch, tally: Tally) -> Batch:
            size = len(batch)
            columns: list[Column] = list(batch.columns)
            try:
                for place, bound in plan:
                    columns[place : place + 1] = [bound.column(columns, size)]
            except SchemaError as error:
                tally.reject(batch, np.ones(size, dtype=bool), str(error), self.name)
                return Batch.empty(schema)
            new = Batch(schema, tuple(columns))
            return self._with_times(batch, new, tally) if timed else new

        return step

    def _with_times(self, batch: Batch, new: Batch, tally: Tally) -> Batch:
        gone = new.times == NAT
        if not gone.any():
            return new
        tally.reject(batch, gone, f"no time in {new.schema.time!r} was calculated", self.name)
        return new.take(np.flatnonzero(~gone))


class Filter(Operator):
    """Keeps the rows for which a condition holds, `Filter("bid > 0 and symbol != 'TEST'")`.

    The others are counted as filtered; a comparison with something missing does not hold. Where
    one of the user's `functions` fails, the rows of that batch are rejected with its error. Raises
    SettingError for what is no expression.
    """

    name = "filter"

    def __init__(self, condition: str, *, functions: Functions | None = None) -> None:
        self.expression = _expression(condition, functions, "Filter")

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Bind to `schema`, which stays. Raises SchemaError for what is no condition."""
        bound = bound_condition(self.expression, schema, clock, "Filter")

        def step(batch: Batch, tally: Tally) -> Batch:
            size = len(batch)
            try:
                rows = np.flatnonzero(bound.holds(batch))
            except SchemaError as error:
                tally.reject(batch, np.ones(size, dtype=bool), str(error), self.name)
                return Batch.empty(schema)
            if len(rows) == size:
                return batch
            tally.filtered += size - len(rows)
            return batch.take(rows)

        return Bound(schema, step)


def bound_condition(
    expression: Expression, schema: Schema, clock: Clock, what: str
) -> BoundExpression:
    """Bind an expression that has to be a condition. Raises SchemaError that names `what`."""
    bound = _bound(expression, schema, clock, what)
    if bound.type is not Type.BOOL:
        raise SchemaError(
            f"{what} expects a condition, such as 'x > 3'; "
            f"{quote(expression.text)} is {WORDS[bound.type]}"
        )
    return bound


def _expression(text: str, functions: Functions | None, what: str) -> Expression:
    try:
        return Expression(text, functions)
    except SettingError as error:
        raise SettingError(f"{what}: {error}") from None


def _bound(expression: Expression, schema: Schema, clock: Clock, what: str) -> BoundExpression:
    try:
        return expression.bind(schema, clock)
    except (SchemaError, SettingError) as error:
        raise type(error)(f"{what}: {error}") from None


def _with(schema: Schema, name: str, of: Type) -> Schema:
    field = Field(name, KINDS[of])
    if name not in schema.names:
        return Schema((*schema.fields, field), schema.time)
    if name == schema.time and field.kind is not Kind.TIME:
        raise SchemaError(
            f"Calculate {quote(name)}: it is the time of the event, and stays a time; "
            f"the expression is {WORDS[of]}"
        )
    return Schema([field if each.name == name else each for each in schema.fields], schema.time)

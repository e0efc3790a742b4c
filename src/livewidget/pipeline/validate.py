"""Validation: rows that break a rule are rejected, each with the rule that it broke first."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT, Column, to_times
from livewidget.data.duration import is_number
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.fields import expect
from livewidget.pipeline.operator import Bound, Operator, Tally

Mask = npt.NDArray[np.bool_]
RowRule = Callable[[Batch], Mask]
_Rule = Callable[[Batch], Mask | None]  # the rows that break it, bool[n], or None where none does

_lowest, _highest = np.minimum.reduce, np.maximum.reduce


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The rules of one column; what is missing breaks `required` alone.

    `type` is "float", "int", "text" or "time" and is checked once, against the schema. `min` and
    `max` are inclusive, for numbers and times. `one_of` are the values there may be, for numbers
    and text. `matches` is a regular expression for the whole of a text.
    """

    type: str | None = None
    required: bool = False
    min: Any = None
    max: Any = None
    one_of: Collection[Any] | None = None
    matches: str | None = None

    def __post_init__(self) -> None:
        """Raise SettingError for what is wrong by itself."""
        if self.type is not None and self.type not in tuple(Kind):
            raise SettingError(f"type is one of {', '.join(Kind)}; got {quote(self.type)}")
        if isinstance(self.one_of, (str, bytes)) or (self.one_of is not None and not self.one_of):
            raise SettingError(f"one_of is a list of values; got {quote(self.one_of)}")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except (re.error, TypeError) as error:
                message = f"matches is a regular expression; got {quote(self.matches)}: {error}"
                raise SettingError(message) from None


class Validate(Operator):
    """Rejects rows that break a rule, with a reason that names the column, the rule and its bound.

    `Validate(price={"min": 0, "max": 1e6, "required": True}, symbol={"one_of": ["A", "B"]})`, or a
    mapping `columns` of names to `Check`s (or to their settings). `custom` are rules of whole rows
    by name: each is called with the Batch and returns which rows are good, bool[n].
    """

    name = "validate"

    def __init__(
        self,
        columns: Mapping[str, Check | Mapping[str, Any]] | None = None,
        *,
        custom: Mapping[str, RowRule] | None = None,
        **by_name: Check | Mapping[str, Any],
    ) -> None:
        self._checks = {
            name: _check(name, check) for name, check in {**(columns or {}), **by_name}.items()
        }
        self._custom = dict(custom or {})
        if not self._checks and not self._custom:
            raise SettingError("Validate takes rules of columns, or custom ones; got none")

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (no rule knows the time)
        """Return the step. Raises SchemaError for a column that is absent or of another type."""
        rules: list[tuple[str, _Rule]] = []
        for name, check in self._checks.items():
            rules += _rules(schema, name, check)
        rules += [(f"fails {name!r}", _custom(name, rule)) for name, rule in self._custom.items()]

        def step(batch: Batch, tally: Tally) -> Batch:
            bad: Mask | None = None
            for reason, rule in rules:
                broken = rule(batch)
                if broken is None:
                    continue
                if bad is not None:
                    broken = broken & ~bad
                if broken.any():
                    tally.reject(batch, broken, reason, "validate")
                    bad = broken if bad is None else bad | broken
            return batch if bad is None else batch.take(~bad)

        return Bound(schema, step)


def _check(name: str, check: Check | Mapping[str, Any]) -> Check:
    if isinstance(check, Check):
        return check
    try:
        return Check(**check)
    except TypeError:
        rules = ", ".join(Check.__dataclass_fields__)
        raise SettingError(f"the rules of {name!r} are {rules}; got {quote(check)}") from None


def _custom(name: str, rule: RowRule) -> _Rule:
    def broken(batch: Batch) -> Mask | None:
        good = np.asarray(rule(batch))
        if good.dtype != bool or good.shape != (len(batch),):
            raise SchemaError(
                f"the rule {name!r} returns a truth value for each of {len(batch)} rows; "
                f"got {quote(good)}"
            )
        return None if good.all() else ~good

    return broken


def _rules(schema: Schema, name: str, check: Check) -> list[tuple[str, _Rule]]:
    """Return the rules of one column with their reasons, in the order they are tried."""
    kind = schema.kind(name)
    if check.type is not None and kind != check.type:
        raise SchemaError(f"column {name!r} must be of kind '{check.type}'; it is '{kind}'")
    place = schema.index(name)
    rules: list[tuple[str, Callable[[Any], Mask | None]]] = []
    if check.required and kind is not Kind.INT:
        rules.append(("missing", _MISSING[kind]))
    if check.min is not None or check.max is not None:
        rules += _range(name, check, expect(schema, name, _ORDERED, "a range"))
    if check.one_of is not None:
        expect(schema, name, (Kind.FLOAT, Kind.INT, Kind.TEXT), "one_of")
        shown = quote(list(check.one_of), 200).strip("[]")
        rules.append((f"not one of {shown}", _one_of(name, check.one_of, kind)))
    if check.matches is not None:
        expect(schema, name, (Kind.TEXT,), "matches")
        whole = re.compile(check.matches).fullmatch
        rules.append(
            (f"does not match {check.matches!r}", _of_text(lambda text: bool(whole(text))))
        )
    return [(f"{name}: {reason}", _on(place, rule)) for reason, rule in rules]


_ORDERED = (Kind.FLOAT, Kind.INT, Kind.TIME)


def _on(place: int, rule: Callable[[Any], Mask | None]) -> _Rule:
    return lambda batch: rule(batch.columns[place])


def _no_float(column: npt.NDArray[Any]) -> Mask | None:
    return None if _lowest(column) == _lowest(column) else np.isnan(column)


def _no_time(column: npt.NDArray[Any]) -> Mask | None:
    return column == NAT if _lowest(column) == NAT else None


def _no_text(column: Text) -> Mask | None:
    return column.codes < 0 if _lowest(column.codes) < 0 else None


_MISSING: dict[Kind, Callable[[Any], Mask | None]] = {
    Kind.FLOAT: _no_float,
    Kind.TIME: _no_time,
    Kind.TEXT: _no_text,
}


def _range(name: str, check: Check, kind: Kind) -> list[tuple[str, Callable[[Any], Mask | None]]]:
    low, high = _bound(name, "min", check.min, kind), _bound(name, "max", check.max, kind)
    if low is not None and high is not None and low > high:
        raise SettingError(f"{name}: min is at most max; got {check.min!r} and {check.max!r}")
    rules: list[tuple[str, Callable[[Any], Mask | None]]] = []
    if low is not None:
        rules.append((f"below {_shown(check.min)}", _below(low, missing=kind is Kind.TIME)))
    if high is not None:
        rules.append((f"above {_shown(check.max)}", _above(high)))
    return rules


def _below(low: float, *, missing: bool) -> Callable[[npt.NDArray[Any]], Mask | None]:
    def rule(column: npt.NDArray[Any]) -> Mask | None:
        if _lowest(column) >= low:
            return None
        return (column < low) & (column != NAT) if missing else column < low

    return rule


def _above(high: float) -> Callable[[npt.NDArray[Any]], Mask | None]:
    return lambda column: None if _highest(column) <= high else column > high


def _bound(name: str, setting: str, value: Any, kind: Kind) -> float | None:
    if value is None:
        return None
    if kind is Kind.TIME:
        try:
            return int(to_times(value)[0])
        except (TypeError, ValueError):
            raise SettingError(f"{name}: {setting} is a time; got {quote(value)}") from None
    if not is_number(value) or math.isnan(value):
        raise SettingError(f"{name}: {setting} is a number; got {quote(value)}")
    if kind is Kind.INT and math.isfinite(value):  # whole numbers compare exactly with whole ones
        return int(math.ceil(value) if setting == "min" else math.floor(value))
    return float(value)


def _shown(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _one_of(name: str, values: Collection[Any], kind: Kind) -> Callable[[Any], Mask | None]:
    if kind is Kind.TEXT:
        if not all(isinstance(value, str) for value in values):
            raise SettingError(f"{name}: one_of is a list of text; got {quote(values)}")
        allowed = frozenset(values)
        return _of_text(lambda text: text in allowed)
    if not all(is_number(value) for value in values):
        raise SettingError(f"{name}: one_of is a list of numbers; got {quote(values)}")
    numbers = np.array(list(values))

    def rule(column: npt.NDArray[Any]) -> Mask | None:
        good = np.isin(column, numbers)
        if kind is Kind.FLOAT:
            good |= np.isnan(column)
        return None if good.all() else ~good

    return rule


def _of_text(good: Callable[[str], bool]) -> Callable[[Column], Mask | None]:
    """Return a rule that asks `good` once for each category, and again only where they change."""
    asked: tuple[str, ...] = ()
    bad = np.zeros(1, dtype=bool)  # of each category, and at the end of what is missing: never
    every = True

    def rule(column: Column) -> Mask | None:
        nonlocal asked, bad, every
        assert isinstance(column, Text)
        if column.categories is not asked and column.categories != asked:
            bad = np.array([*(not good(text) for text in column.categories), False])
            every = not bad.any()
        asked = column.categories
        return None if every else bad[column.codes]

    return rule

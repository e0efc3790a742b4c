"""Context by key: what a table or a service knows about the key of each event."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import Column, infer_kind, to_column
from livewidget.data.duration import seconds
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import expect, extended, names_of, whole
from livewidget.pipeline.keys import Places, distinct
from livewidget.pipeline.operator import Bound, Operator, Tally

Found = Mapping[Any, Any]
Function = Callable[[list[Hashable]], Found]
_Row = tuple[Any, ...]  # what is known about a key, in the order of the columns
_Source = Callable[[Column], tuple[Places, list[Column]]]  # see `_table`


class Lookup(Operator):
    """Adds columns with what is known about the key in the column `key`.

    `using` is a mapping by key, or a DataFrame with a column (else an index) of the keys, both as
    they are now; or a function of a list of keys, which returns a mapping of those that it knows.
    What a key has is a mapping by the names of `add`, or a sequence in their order, or, for one
    added column, the value itself. The kinds of the columns are found out; of a function `add`
    tells them, `{"sector": "text", "lot": "float"}`.

    A function is called at most once a batch, on a worker (`heavy`), with those keys whose answer
    is not there or is older than `ttl`, a duration; the answers of the `limit` keys that were used
    last are kept, that nothing is known too. `counts` has the "hits", the "misses" and the "keys
    forgotten", in different keys of a batch.

    Where nothing is known the columns are missing, or with `missing="reject"` the row is rejected.
    """

    name = "lookup"

    def __init__(
        self,
        key: str,
        using: Function | Found | Any,
        add: str | Sequence[str] | Mapping[str, str],
        *,
        ttl: Any = "60s",
        limit: int = 10_000,
        missing: str = "nan",
    ) -> None:
        if missing not in {"nan", "reject"}:
            raise SettingError(f"missing is 'nan' or 'reject'; got {quote(missing)}")
        self._key = key
        self._reject = missing == "reject"
        self._ttl = seconds(ttl, "ttl")
        self._limit = whole(limit, "limit")
        self.counts = Counts("hits", "misses", "keys forgotten")
        self.heavy = callable(using)
        names = names_of(list(add) if isinstance(add, Mapping) else add, "add")
        if not names:
            raise SettingError("add names one column at least")
        if callable(using) and not isinstance(add, Mapping):
            raise SettingError(
                "of a function, add tells the kind of each column, {'sector': 'text'}; "
                f"got {quote(add)}"
            )
        self._function: Function | None = using if callable(using) else None
        self._rows = {} if callable(using) else _rows(using, key, names)
        kinds = dict(add) if isinstance(add, Mapping) else _kinds(names, self._rows.values())
        self._fields = [Field(name, _kind(name, kind)) for name, kind in kinds.items()]
        if not self._reject and any(field.kind is Kind.INT for field in self._fields):
            raise SettingError(
                "nothing is missing in kind 'int': take 'float', or missing='reject'"
            )

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Return the step. Raises SchemaError for a key that is absent or is a time."""
        kind = expect(schema, self._key, (Kind.TEXT, Kind.FLOAT, Kind.INT), "Lookup")
        after = extended(schema, self._fields, "Lookup")
        place, reason = schema.index(self._key), f"{self._key}: nothing is known about it"
        source: _Source
        if self._function is None:
            source = _Known(self._rows, self._fields, kind)
        else:
            source = _Asked(
                self._function, self._fields, clock, self._ttl, self._limit, self.counts
            )

        def step(batch: Batch, tally: Tally) -> Batch:
            places, columns = source(batch.columns[place])
            if self._reject:
                bad = places == len(columns[0]) - 1
                if bad.any():
                    tally.reject(batch, bad, reason, "lookup")
                    batch, places = batch.take(~bad), places[~bad]
            return Batch(after, (*batch.columns, *(column[places] for column in columns)))

        return Bound(after, step)


def _kind(name: str, kind: str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        expected = ", ".join(Kind)
        raise SettingError(f"the kind of {name!r} is one of {expected}; got {kind!r}") from None


def _kinds(names: Sequence[str], rows: Iterable[_Row]) -> dict[str, str]:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: infer_kind(list(each)) for name, each in zip(names, columns, strict=True)}


def _rows(using: Any, key: str, names: Sequence[str]) -> dict[Hashable, _Row]:
    """Return a row of values for each key of a mapping or a DataFrame."""
    if isinstance(using, Mapping):
        return {each: _row(each, value, names) for each, value in using.items()}
    if not (hasattr(using, "columns") and hasattr(using, "index")):
        raise SettingError(f"Lookup takes a mapping, a DataFrame or a function; got {quote(using)}")
    absent = [name for name in names if name not in using.columns]
    if absent:
        raise SettingError(f"the DataFrame has no column {absent[0]!r}")
    keys = (using[key] if key in using.columns else using.index).tolist()
    if len(set(keys)) < len(keys):
        raise SettingError(f"the DataFrame has a key of {key!r} twice")
    return dict(zip(keys, zip(*(using[name].tolist() for name in names), strict=True), strict=True))


def _row(key: Hashable, value: Any, names: Sequence[str]) -> _Row:
    if isinstance(value, Mapping):
        return tuple(value.get(name) for name in names)
    if isinstance(value, (tuple, list)) and len(value) == len(names):
        return tuple(value)
    if len(names) == 1 and not isinstance(value, (tuple, list)):
        return (value,)
    raise SchemaError(f"of {key!r} Lookup found {quote(value)}; expected {', '.join(names)}")


def _table(fields: Sequence[Field], rows: Sequence[_Row]) -> list[Column]:
    """Return the rows as columns, with one row more in which nothing is known."""
    lists = list(zip(*rows, strict=True)) or [()] * len(fields)
    return [
        to_column(field.name, [*values, 0 if field.kind is Kind.INT else None], field.kind)
        for field, values in zip(fields, lists, strict=True)
    ]


class _Known:
    """A table that stays as it is."""

    def __init__(self, rows: Mapping[Hashable, _Row], fields: Sequence[Field], kind: Kind) -> None:
        text = kind is Kind.TEXT
        self._index = {str(key) if text else key: place for place, key in enumerate(rows)}
        self._columns = _table(fields, list(rows.values()))
        self._asked: tuple[str, ...] = ()
        self._places = self._find(())

    def __call__(self, column: Column) -> tuple[Places, list[Column]]:
        """Return the place of each row's key in the table, and the table."""
        if not isinstance(column, Text):
            keys, places = distinct(column)
            return self._find(keys)[places], self._columns
        if column.categories is not self._asked and column.categories != self._asked:
            self._places = self._find(column.categories)
        self._asked = column.categories
        return self._places[column.codes], self._columns

    def _find(self, keys: Sequence[Hashable]) -> Places:
        """Return the place of each key, and at the end that of a key that is missing."""
        nothing = len(self._index)
        places = [self._index.get(key, nothing) for key in keys]
        return np.array([*places, nothing], dtype=np.intp)


class _Asked:
    """A function's answers, kept for a time."""

    def __init__(
        self,
        function: Function,
        fields: Sequence[Field],
        clock: Clock,
        ttl_s: float,
        limit: int,
        counts: Counts,
    ) -> None:
        self._function = function
        self._fields = fields
        self._names = [field.name for field in fields]
        self._clock = clock
        self._ttl_s = ttl_s
        self._limit = limit
        self._counts = counts
        self._answers: OrderedDict[Hashable, tuple[float, _Row | None]] = OrderedDict()

    def __call__(self, column: Column) -> tuple[Places, list[Column]]:
        """Return the place of each row's key in a table of this batch's keys, and the table."""
        keys, places = distinct(column)
        asked = [key for key in keys if key is not None]
        self._ask(asked)
        rows: list[_Row] = []
        found = dict.fromkeys(asked, -1)
        for key in asked:
            self._answers.move_to_end(key)
            row = self._answers[key][1]
            if row is not None:
                found[key] = len(rows)
                rows.append(row)
        self._counts.add("keys forgotten", max(0, len(self._answers) - self._limit))
        while len(self._answers) > self._limit:
            self._answers.popitem(last=False)
        index = np.array([found.get(key, -1) for key in keys], dtype=np.intp)
        return np.where(index < 0, len(rows), index)[places], _table(self._fields, rows)

    def _ask(self, keys: Sequence[Hashable]) -> None:
        """Have an answer for each key; where the function raises, none has changed."""
        now = self._clock.monotonic()
        new = [key for key in keys if key not in self._answers or self._answers[key][0] <= now]
        if new:
            found = self._function(new)
            if not isinstance(found, Mapping):
                raise SchemaError(
                    f"the function of Lookup returns a mapping by key; got {quote(found)}"
                )
            due = now + self._ttl_s
            self._answers.update({key: (due, self._answer(key, found)) for key in new})
        self._counts.add("hits", len(keys) - len(new))
        self._counts.add("misses", len(new))

    def _answer(self, key: Hashable, found: Found) -> _Row | None:
        value = found.get(key)
        return None if value is None else _row(key, value, self._names)

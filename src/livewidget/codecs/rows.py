"""Rows that msgspec has decoded, of any format, to columns: what is kept and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Protocol

from livewidget.codecs.base import MOST_REFUSALS, Rejected
from livewidget.codecs.columns import MOST_FIELDS, Values, bounded, pack
from livewidget.codecs.paths import MISSING, Path
from livewidget.codecs.tree import Structs
from livewidget.data.batch import lacks
from livewidget.data.errors import SchemaError, quote

Again = Callable[[int], list[Rejected]]  # reads the message of that place again, by itself
_NOTHING = type(None)
SCALARS = frozenset({int, float, bool, str, _NOTHING, datetime})
_THERE = SCALARS - {_NOTHING}


class Rows(Protocol):
    """One way to go from rows to columns. `row` is the type that msgspec decodes one to."""

    row: Any

    def checked(self, item: Mapping[Any, Any]) -> Any:
        """Return a message, read as plain values, as a row. Raises SchemaError where it is none."""
        ...

    def columns(self, rows: list[Any]) -> dict[str, Values]:
        """Return the columns of rows that were `checked`."""
        ...

    def typed(self, rows: list[Any]) -> list[Any] | None:
        """Return rows that msgspec gave as if they were `checked`, None where that is not told."""
        ...

    def together(
        self, rows: list[Any], again: Again | None, rejected: list[Rejected]
    ) -> tuple[dict[str, Values], int] | None:
        """Return the columns of rows as msgspec gave them, and how many rows there are.

        `again` tells why the message of a row is refused, if it is; None where rows and messages
        are not one to one. Returns None where each message must be read by itself.
        """
        ...


def rows_of(paths: tuple[Path, ...] | None, needs: Sequence[str]) -> Rows:
    """Return the way for the fields that are wanted (None: all), see `JsonDecoder`."""
    return AllFields(needs) if paths is None else SomeFields(paths, needs)


class SomeFields:
    """Rows of the fields of some paths: structs while they are many, else tuples."""

    def __init__(self, paths: tuple[Path, ...], needs: Sequence[str]) -> None:
        self._paths = paths
        names = tuple(path.name for path in paths)
        self._needs = tuple(name for name in needs if name in names) or names
        self._needed = [names.index(name) for name in self._needs]
        structs = Structs(paths)
        self.row = structs.row
        self._getters = structs.getters

    def checked(self, item: Mapping[Any, Any]) -> tuple[Any, ...]:
        """Return the wanted values of a message. Raises SchemaError where it has none."""
        row = [path.look(item) for path in self._paths]
        if all(row[place] is MISSING for place in self._needed):
            raise SchemaError(lacks(self._needs, item))
        for path, value in zip(self._paths, row, strict=True):
            if value is not MISSING and type(value) not in SCALARS:
                kind = type(value).__name__
                raise SchemaError(
                    f"expected a number, a truth value or text at $.{path.key}, {kind}"
                )
        if all(value is MISSING or value is None for value in row):
            raise SchemaError(_BARE)
        return tuple(None if value is MISSING else value for value in row)

    def columns(self, rows: list[tuple[Any, ...]]) -> dict[str, Values]:
        """Return the columns of rows that were `checked`."""
        return self._packed([list(values) for values in zip(*rows, strict=True)], len(rows))

    def typed(self, rows: list[Any]) -> list[Any] | None:
        """Return structs as tuples; None where one may have nothing, or something nested."""
        values = self._values(rows)
        if values is None:
            return None
        needed = zip(*(values[place] for place in self._needed), strict=True)
        nothing = (None,) * len(self._needed)
        return None if nothing in needed else list(zip(*values, strict=True))

    def together(
        self, rows: list[Any], again: Again | None, rejected: list[Rejected]
    ) -> tuple[dict[str, Values], int] | None:
        """Return the columns of structs; a row with nothing in it is read `again`."""
        values = self._values(rows)
        if values is None:
            return None
        size = len(rows)
        if None in values[self._needed[-1]]:
            if again is None:
                return None
            bare = self._bare(values, again, rejected)
            values = [_without(column, bare) for column in values] if bare else values
            size -= len(bare)
        return self._packed(values, size), size

    def _values(self, rows: list[Any]) -> list[list[Any]] | None:
        values = [get(rows) for get in self._getters]
        nested = any(not SCALARS.issuperset(map(type, column)) for column in values)
        return None if nested else values

    def _bare(self, values: list[list[Any]], again: Again, rejected: list[Rejected]) -> set[int]:
        """Return the places of rows to refuse: null and absent look the same until read again."""
        bare = set()
        needed = zip(*(values[place] for place in self._needed), strict=True)
        nothing = (None,) * len(self._needed)
        for place, row in enumerate(needed):
            if row == nothing and (refused := again(place)):
                bare.add(place)
                rejected.extend(refused)
        return bare

    def _packed(self, values: list[list[Any]], size: int) -> dict[str, Values]:
        if not size:
            return {}
        columns = {
            path.name: pack(column)
            for path, column in zip(self._paths, values, strict=True)
            if _is_there(column)
        }
        return _with_needed(columns, self._needs, size)


class AllFields:
    """Rows of whatever fields a message has: dicts, of which nested fields are left out.

    A needed name that is a path is a column too.
    """

    row: Any = dict[str, Any]

    def __init__(self, needs: Sequence[str]) -> None:
        self._needs = tuple(needs)
        self._paths = [path for path in (Path.of(name, name) for name in needs) if path.steps]

    def checked(self, item: Mapping[Any, Any]) -> Mapping[str, Any]:
        """Return the message. Raises SchemaError where it has nothing, or nothing that it needs."""
        if len(item) > MOST_FIELDS:
            raise SchemaError(f"a message of more than {MOST_FIELDS} fields: name those wanted")
        for name in item:
            if type(name) is not str:
                raise SchemaError(f"a field's name is text, got {quote(name)}")
        deep = [path.look(item) for path in self._paths]
        lacking = item.keys().isdisjoint(self._needs) and all(value is MISSING for value in deep)
        if self._needs and lacking:
            raise SchemaError(lacks(self._needs, item))
        if all(type(value) not in _THERE for value in chain(item.values(), deep)):
            raise SchemaError(_BARE)
        return item

    def columns(self, rows: list[Mapping[str, Any]]) -> dict[str, Values]:
        """Return the columns of all fields, in the order in which they were first seen."""
        if not rows:
            return {}
        columns = {}
        for name in self._names(rows):
            values = _plain([row.get(name) for row in rows])
            if _is_there(values):
                columns[name] = pack(values)
        for path in self._paths:
            values = _plain([path.look(row) for row in rows])
            if _is_there(values):
                columns[path.name] = pack(values)
        return _with_needed(columns, self._needs, len(rows))

    def _names(self, rows: list[Mapping[str, Any]]) -> Sequence[str]:
        names = list(dict.fromkeys(chain.from_iterable(rows)))
        kept = bounded(names, len(rows))
        return names if len(kept) == len(names) else [*dict.fromkeys([*self._needs, *kept])]

    def typed(self, _rows: list[Any]) -> list[Any] | None:
        """Return None: a dict is as plain as it gets."""
        return None

    def together(
        self, rows: list[Any], again: Again | None, rejected: list[Rejected]
    ) -> tuple[dict[str, Values], int] | None:
        """Return the columns of dicts; those with nothing in them are refused."""
        if self._may_be_bare(rows):
            # Several rows a message, and very many to refuse: each message may be given up.
            most = MOST_REFUSALS if again is None else len(rows)
            kept = []
            for row in rows:
                try:
                    kept.append(self.checked(row))
                except SchemaError as error:
                    rejected.append(Rejected(row, str(error)))
                    if len(rejected) > most:
                        return None
            rows = kept
        return self.columns(rows), len(rows)

    def _may_be_bare(self, rows: list[Any]) -> bool:
        """Tell, cheaply, whether a row may lack what it needs."""
        if not rows:
            return False
        if max(map(len, rows)) > MOST_FIELDS:
            return True
        name = self._needs[0] if self._needs else next(iter(rows[0]), "")
        return any(type(row.get(name)) not in _THERE for row in rows)


_BARE = "there is no number, text or truth value in the message"


def _with_needed(columns: dict[str, Values], needs: Sequence[str], size: int) -> dict[str, Values]:
    """Let rows that have a needed field have its column, though nothing is in it throughout."""
    if needs and columns.keys().isdisjoint(needs):
        columns[needs[0]] = pack([None] * size)
    return columns


def _plain(values: list[Any]) -> list[Any]:
    """Return the values, None in the place of nested ones and those that no column takes."""
    if SCALARS.issuperset(map(type, values)):
        return values
    return [each if type(each) in SCALARS else None for each in values]


def _without(values: list[Any], places: set[int]) -> list[Any]:
    return [value for place, value in enumerate(values) if place not in places]


def _is_there(values: list[Any]) -> bool:
    return values[0] is not None or any(each is not None for each in values)

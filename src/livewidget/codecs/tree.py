"""Paths into nested messages as structs: msgspec makes objects of what is wanted and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from livewidget.codecs.paths import MISSING, Path, is_place, walk
from livewidget.data.errors import SettingError

Getter = Callable[[list[Any]], list[Any]]
_Tree = dict[str, Any]  # what is wanted of an object: {} for a value itself

# What may stand where a path expected an object: it leads nowhere then, which is no error.
_ELSE = float | int | str | bool | None


class Structs:
    """Reads the fields of paths as attributes: `row` is the type that msgspec decodes a row to.

    `getters` has one function for each path: from rows to its values, None where there is
    nothing. A value that is nested, though a plain one was wanted, is returned as it is. Raises
    SettingError for a name that msgspec does not take.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        tree: _Tree = {}
        for path in paths:
            tree.setdefault(path.key, {})
            _grow(tree, path.steps)
        try:
            self.row: Any = _struct(tree)
        except ValueError as error:
            raise SettingError(f"fields cannot be {list(tree)}: {error}") from None
        self.getters = [_getter(tree, path) for path in paths]


def _grow(tree: _Tree, steps: Sequence[str]) -> None:
    for step in steps:
        tree = tree.setdefault(step, {})


def _struct(tree: _Tree) -> type[msgspec.Struct]:
    """Return a struct with an attribute `f0`, `f1`, … for each key; other fields are skipped."""
    fields: list[Any] = []
    for place, below in enumerate(tree.values()):
        node, absent = _node(below)
        fields.append((f"f{place}", node, absent))
    renamed = {f"f{place}": key for place, key in enumerate(tree)}
    return msgspec.defstruct("Row", fields, rename=renamed, gc=False, frozen=True)


def _node(tree: _Tree) -> tuple[Any, object]:
    """Return the type of what is behind a key, and the value that stands for its absence.

    An empty struct stands for an absent one, so that `attrgetter` reaches through it.
    """
    if not tree:
        return Any, None
    if any(map(is_place, tree)):
        array = _array(tree)
        return array | dict[str, Any] | _ELSE, array()
    struct = _struct(tree)
    return struct | list[Any] | _ELSE, struct()


def _array(tree: _Tree) -> Any:
    """Return a struct for the first places of a list; those that nobody wants are not decoded."""
    places = {int(step): below for step, below in tree.items() if is_place(step)}
    fields: list[Any] = []
    for place in range(max(places) + 1):
        node, absent = _node(places[place]) if place in places else (msgspec.Raw, None)
        fields.append((f"f{place}", node, absent))
    return msgspec.defstruct("Places", fields, array_like=True, gc=False, frozen=True)


def _getter(tree: _Tree, path: Path) -> Getter:
    plain = attrgetter(_attributes(tree, (path.key,)))
    if not path.steps:
        return lambda rows: list(map(plain, rows))
    dotted = _attributes(tree, path.steps)
    deep, names = attrgetter(dotted), dotted.split(".")

    def get(rows: list[Any]) -> list[Any]:
        try:
            values = list(map(deep, rows))
        except AttributeError:  # null, a number or another shape stands on the way
            values = [_stumble(row, names, path.steps) for row in rows]
        literal = list(map(plain, rows))
        if literal.count(None) == len(rows):
            return values
        return [b if a is None else a for a, b in zip(literal, values, strict=True)]

    return get


def _attributes(tree: _Tree, steps: Sequence[str]) -> str:
    names: list[str] = []
    for step in steps:
        if not names or not any(map(is_place, tree)):
            names.append(f"f{list(tree).index(step)}")
        else:  # a key beside places is in no struct: there is nothing of that name
            names.append(f"f{step}" if is_place(step) else "key")
        tree = tree[step]
    return ".".join(names)


def _stumble(row: Any, names: Sequence[str], steps: Sequence[str]) -> Any:
    for place, name in enumerate(names):
        if type(row) in (dict, list):  # decoded as they are
            found = walk(row, steps[place:])
            return None if found is MISSING else found
        row = getattr(row, name, None)
    return row

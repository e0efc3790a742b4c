"""Which fields of a message are wanted, and where in a nested message they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType

from livewidget.data.errors import SettingError, quote

Fields = Sequence[str] | Mapping[str, str]
Missing = NewType("Missing", object)
MISSING = Missing(object())  # what is not there, where None would be a null
MOST_INDEX = 999  # of a list: each place up to it costs a little in every message
MOST_STEPS = 32


@dataclass(frozen=True, slots=True)
class Path:
    """One wanted field: the `name` of its column, and the `key` as the user wrote it.

    `steps` are the key's parts between dots, a part of digits being a place in a list (from 0);
    () where the key has no dot, or an empty part. The key as it stands goes first: only where
    the message has no such field, or null in it, the steps are taken.
    """

    name: str
    key: str
    steps: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, key: str) -> Path:
        """Read a key. Raises SettingError beyond `MOST_INDEX` in a list and `MOST_STEPS`."""
        steps = tuple(key.split("."))
        if len(steps) == 1 or not all(steps):
            return cls(name, key)
        if len(steps) > MOST_STEPS:
            raise SettingError(f"a path has at most {MOST_STEPS} steps, got {quote(key)}")
        for step in steps[1:]:
            if is_place(step) and int(step) > MOST_INDEX:
                raise SettingError(f"a place in a list is at most {MOST_INDEX}, got {quote(key)}")
        return cls(name, key, steps)

    def look(self, item: Mapping[str, Any]) -> Any:
        """Return what a message has there, MISSING where it has nothing."""
        found = item.get(self.key, MISSING)
        if not self.steps or (found is not MISSING and found is not None):
            return found
        deep = walk(item, self.steps)
        return found if deep is MISSING else deep


def is_place(step: str) -> bool:
    """Say whether a step is a place in a list, by its look: "0" and "12", not "012"."""
    return step.isascii() and step.isdigit() and len(step) < _DIGITS and str(int(step)) == step


_DIGITS = 10


def walk(item: Any, steps: Sequence[str]) -> Any:
    """Return what nested mappings and lists have behind `steps`, MISSING where they end before."""
    for step in steps:
        if isinstance(item, Mapping):
            item = item.get(step, MISSING)
        elif isinstance(item, list) and is_place(step) and int(step) < len(item):
            item = item[int(step)]
        else:
            return MISSING
    return item


def wanted(fields: Fields | None) -> tuple[Path, ...] | None:
    """Return the paths of names, or of a mapping from columns to paths; None where all are.

    Raises SettingError for anything else.
    """
    if fields is None:
        return None
    pairs = fields.items() if isinstance(fields, Mapping) else _pairs(fields)
    paths = []
    for name, key in pairs:
        if not isinstance(name, str) or not isinstance(key, str):
            raise _not_fields(fields)
        paths.append(Path.of(name, key))
    return tuple(paths) or None


def beside(fields: Fields | None, name: str) -> Fields | None:
    """Return `fields` and one more, None where all are wanted anyway. Raises SettingError."""
    if fields is None:
        return None
    return {name: name} | (dict(fields) if isinstance(fields, Mapping) else dict(_pairs(fields)))


def _pairs(fields: object) -> list[tuple[Any, Any]]:
    if isinstance(fields, (str, bytes)) or not isinstance(fields, Sequence):
        raise _not_fields(fields)
    if not all(isinstance(name, str) for name in fields):
        raise _not_fields(fields)
    return [(name, name) for name in dict.fromkeys(fields)]


def _not_fields(fields: object) -> SettingError:
    return SettingError(
        "fields is a list of names such as ['time', 'data.price'], or a mapping from columns to "
        f"them such as {{'price': 'data.price'}}; got {quote(fields)}"
    )

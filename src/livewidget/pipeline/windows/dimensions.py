"""The keys of a stream as slots, in order of first appearance, and back again as columns."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.schema import Kind
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.keys import Places, grown

OTHER = "other"
_DENSE = 2**20  # combinations of codes up to which a table is cheaper than a sort
Key = tuple[Hashable, ...]


class Coded:
    """The key of each row as a code into different keys: `codes`, intp[n], and `size` of them."""

    __slots__ = ("codes", "parts", "size")

    def __init__(
        self, codes: npt.NDArray[np.integer[Any]], size: int, parts: list[Sequence[Hashable]]
    ) -> None:
        self.codes = codes
        self.size = size
        self.parts = parts

    def keys(self, codes: Sequence[int]) -> list[Key]:
        """Return the keys of some codes."""
        columns = []
        for values in reversed(self.parts):
            columns.append([values[code % len(values)] for code in codes])
            codes = [code // len(values) for code in codes]
        return list(zip(*reversed(columns), strict=True))


def coded(columns: Sequence[Column]) -> Coded:
    """Return the keys that columns make together."""
    codes, values = _codes(columns[0])
    size, parts = len(values), [values]
    for column in columns[1:]:
        more, values = _codes(column)
        codes, size = codes * len(values) + more, size * len(values)
        parts.append(values)
    return Coded(codes, size, parts)


def _codes(column: Column) -> tuple[npt.NDArray[np.int64], Sequence[Hashable]]:
    if isinstance(column, Text):
        return column.codes.astype(np.int64) + 1, [None, *column.categories]
    if column.dtype.kind == "i" and 0 <= int(column.max()) - int(column.min()) < _DENSE // 16:
        low = int(column.min())
        return column.astype(np.int64) - low, range(low, int(column.max()) + 1)
    found, inverse = np.unique(column, return_inverse=True)
    values = [None if value != value else value for value in found.tolist()]  # noqa: PLR0124 (NaN)
    return inverse.astype(np.int64, copy=False), values


class Dimensions:
    """Gives each key a slot, bounded by `limit`, and keeps which came first.

    A key is what the columns `by` hold together; None where a value is missing. Not thread-safe.
    """

    def __init__(self, by: Sequence[str], limit: int, counts: Counts) -> None:
        self._by = tuple(by)
        self._limit = limit
        self._counts = counts
        self._slots: dict[Any, int] = {}  # by the value itself where there is one column
        self._names: list[Any] = []  # by slot
        self._free: list[int] = []
        self._born = 0
        self.born = np.zeros(0, dtype=np.int64)  # of each slot: the smaller the earlier
        self.renamed = 0  # rises as slots lose their keys, or get another
        self._known: tuple[Any, Places] | None = None  # categories, and the slot of each
        if not by:
            self._take(())

    @property
    def size(self) -> int:
        """How many slots there are, in use or not."""
        return len(self._names)

    @property
    def full(self) -> bool:
        """Whether no key more has room."""
        return len(self._slots) >= self._limit

    def fits(self, batch: Batch) -> Places | None:
        """Return the slot of each row; None, with nothing done, where new keys have no room."""
        if not self._by:
            return np.zeros(len(batch), dtype=np.intp)
        slots = self._look_up(batch)
        if slots.min() >= 0:
            return slots
        fresh = self._fresh(batch, slots)
        if len(self._slots) + len(fresh) > self._limit:
            return None
        for key in fresh:
            self._take(key)
        return self._look_up(batch)

    def some(self, batch: Batch) -> Places:
        """Return the slots of rows, with new ones as long as there is room; -1 for the rest."""
        slots = self._look_up(batch)
        if slots.min() >= 0:
            return slots
        for key in self._fresh(batch, slots)[: max(0, self._limit - len(self._slots))]:
            self._take(key)
        return self._look_up(batch)

    def other(self) -> int:
        """Return the slot of all keys that have no room; it may be one more than the limit."""
        return self._take((OTHER,) * len(self._by))

    def forget(self, slots: Places) -> None:
        """Let go of keys; their slots are given anew."""
        for slot in slots.tolist():
            del self._slots[self._plain(self._names[slot])]
            self._names[slot] = None
        self._free += slots.tolist()
        self._known = None
        self.renamed += 1

    def used(self) -> Places:
        """Return the slots in use, those first that came first."""
        slots = np.fromiter(self._slots.values(), dtype=np.intp, count=len(self._slots))
        return slots[np.argsort(self.born[slots], kind="stable")]

    def key(self, slot: int) -> Key | None:
        """Return the key of a slot; None where it is not in use."""
        key: Key | None = self._names[slot]
        return key

    def save(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "names": [None if key is None else list(key) for key in self._names],
            "free": list(self._free),
            "born": self.born[: self.size].copy(),
            "next": self._born,
        }

    def load(self, saved: dict[str, Any]) -> None:
        """Go on from there."""
        self._names = [None if key is None else tuple(key) for key in saved["names"]]
        self._slots = {
            self._plain(key): slot for slot, key in enumerate(self._names) if key is not None
        }
        self._free = [int(slot) for slot in saved["free"]]
        self.born = np.asarray(saved["born"], dtype=np.int64)
        self._born = int(saved["next"])
        self._known = None
        self.renamed += 1

    def _plain(self, key: Key) -> Any:
        return key[0] if len(key) == 1 else key

    def _take(self, key: Key) -> int:
        plain = self._plain(key)
        slot = self._slots.get(plain)
        if slot is not None:
            return slot
        if self._free:
            slot = self._free.pop()
            self._names[slot] = key
            self.renamed += 1
        else:
            slot = len(self._names)
            self._names.append(key)
        self._slots[plain] = slot
        self.born = grown(self.born, slot + 1, 0)
        self.born[slot] = self._born
        self._born += 1
        self._known = None
        return slot

    def _look_up(self, batch: Batch) -> Places:
        """Return the slots of rows, -1 where the key has none."""
        first = batch[self._by[0]]
        if len(self._by) == 1 and isinstance(first, Text):
            if self._known is None or self._known[0] != first.categories:
                self._known = (first.categories, self._table(first.categories))
            return self._known[1][first.codes]
        keys = coded([batch[name] for name in self._by])
        if keys.size > _DENSE:
            used, places = np.unique(keys.codes, return_inverse=True)
            return self._found(keys, used)[places]
        used = np.flatnonzero(np.bincount(keys.codes, minlength=keys.size))
        table = np.empty(keys.size, dtype=np.intp)
        table[used] = self._found(keys, used)
        slots: Places = table[keys.codes]
        return slots

    def _found(self, keys: Coded, codes: npt.NDArray[np.integer[Any]]) -> Places:
        found = [self._slots.get(self._plain(key), -1) for key in keys.keys(codes.tolist())]
        return np.array(found, dtype=np.intp)

    def _table(self, categories: tuple[str, ...]) -> Places:
        size = len(categories) + 1
        table = np.fromiter(
            map(self._slots.get, categories, repeat(-1)), dtype=np.intp, count=size - 1
        )
        return np.append(table, self._slots.get(None, -1))  # code -1 is the last

    def _fresh(self, batch: Batch, slots: Places) -> list[Key]:
        """Return the keys without a slot, in the order of their first rows."""
        rows = np.flatnonzero(slots < 0)
        keys = coded([batch[name][rows] for name in self._by])
        codes, first = np.unique(keys.codes, return_index=True)
        return keys.keys(codes[np.argsort(first)].tolist())


class Labels:
    """The keys of slots as columns of results: text, or int where the column is int.

    With two columns or more there is one of all of them together, too.
    """

    def __init__(self, kinds: Sequence[Kind], dimensions: Dimensions) -> None:
        self._kinds = kinds
        self._dimensions = dimensions
        self._renamed = -1
        self._built = 0  # slots whose keys are in the columns
        self._columns: list[Column] = []
        self._tables: list[dict[str | None, int]] = []

    def __call__(self, slots: Places) -> list[Column]:
        """Return the columns for slots."""
        dimensions = self._dimensions
        if self._renamed != dimensions.renamed:
            self._renamed, self._built = dimensions.renamed, 0
            self._columns, self._tables = [], []
        if self._built < dimensions.size:
            keys = [dimensions.key(slot) for slot in range(self._built, dimensions.size)]
            for place, kind in enumerate(self._kinds):
                values = [None if key is None else key[place] for key in keys]
                self._add(place, kind, values)
            if len(self._kinds) > 1:
                groups = [" · ".join(_text(part) or "-" for part in key or ()) for key in keys]
                self._add(len(self._kinds), Kind.TEXT, groups)
            self._built = dimensions.size
        return [column[slots] for column in self._columns]

    def _add(self, place: int, kind: Kind, values: Sequence[Hashable]) -> None:
        if len(self._columns) == place:
            empty = np.zeros(0, dtype=np.int64 if kind is Kind.INT else np.int32)
            self._columns.append(empty if kind is Kind.INT else Text(empty.astype(np.int32), ()))
            self._tables.append({None: -1})
        column, table = self._columns[place], self._tables[place]
        if isinstance(column, Text):
            texts = [_text(value) for value in values]
            codes = [table.setdefault(text, len(table) - 1) for text in texts]
            both = np.concatenate([column.codes, np.array(codes, dtype=np.int32)])
            self._columns[place] = Text(both, tuple(table)[1:])  # type: ignore[arg-type]
        else:
            ints = np.array([0 if value is None else value for value in values], dtype=np.int64)
            self._columns[place] = np.concatenate([column, ints])


def _text(value: Hashable) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value)

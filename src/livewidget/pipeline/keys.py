"""The keys of a stream as small numbers, and the rows of each key side by side."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.convert import Column
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts

MOST_KEYS = 100_000  # keys whose state is kept: some ten megabytes an operator

_RADIX = 2**16  # up to here numpy sorts by radix, several times as fast

Places = npt.NDArray[np.intp]


def distinct(column: Column) -> tuple[list[Hashable], Places]:
    """Return the different values of a column, and for each row the place of its own in them.

    Text gives str, numbers and times give int or float; what is missing in text or a float column
    gives None.
    """
    if isinstance(column, Text):
        used = np.bincount(column.codes + 1, minlength=len(column.categories) + 1) > 0
        names = [None, *column.categories]
        keys: list[Hashable] = [names[place] for place in np.flatnonzero(used).tolist()]
        return keys, (np.cumsum(used) - 1)[column.codes + 1]
    values, inverse = np.unique(column, return_inverse=True)
    keys = [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 (NaN)
    return keys, inverse.astype(np.intp, copy=False)


def distinct_rows(batch: Batch, names: Sequence[str]) -> tuple[list[Hashable], Places]:
    """Return the different keys that the columns `names` make together, as `distinct` does.

    Several columns make tuples; none make one key, None, that all rows have.
    """
    if not names:
        return [None], np.zeros(len(batch), dtype=np.intp)
    keys, places = distinct(batch[names[0]])
    for turn, name in enumerate(names[1:]):
        more, others = distinct(batch[name])
        pairs, places = np.unique(places * len(more) + others, return_inverse=True)
        parts = [divmod(pair, len(more)) for pair in pairs.tolist()]
        keys = [(*(keys[left] if turn else (keys[left],)), more[right]) for left, right in parts]
    return keys, places.astype(np.intp, copy=False)


class Keys:
    """Gives each key of a stream a slot: a small number, the index of its state in arrays.

    Bounded: past `limit` keys the least recently seen are forgotten, an eighth of them at once,
    their slots are given anew, and `counts` has how many under "keys forgotten". A batch that has
    more keys by itself takes as many slots as it needs. Not thread-safe.
    """

    def __init__(self, by: Sequence[str], counts: Counts, limit: int = MOST_KEYS) -> None:
        self._by = tuple(by)
        self._counts = counts
        self._limit = limit
        self._slots: dict[Hashable, int] = {}
        self._free: list[int] = []
        self._seen = np.zeros(0, dtype=np.int64)
        self._turn = 0
        self.size = 0

    def __call__(self, batch: Batch) -> tuple[Places, Places]:
        """Return the slot of each row, and the slots whose state is to be forgotten first."""
        keys, places = distinct_rows(batch, self._by)
        self._turn += 1
        found: list[Any] = list(map(self._slots.get, keys))
        fresh = found.count(None)
        if not fresh:
            table = np.array(found, dtype=np.intp)
            self._seen[table] = self._turn
            return table[places], np.zeros(0, dtype=np.intp)
        self._seen[[slot for slot in found if slot is not None]] = self._turn
        over = len(self._slots) + fresh - self._limit
        gone = self._forget(over) if over > 0 else np.zeros(0, dtype=np.intp)
        table = np.array([self._slot(key) for key in keys], dtype=np.intp)
        self._seen = grown(self._seen, self.size, 0)
        self._seen[table] = self._turn
        return table[places], gone

    def save(self) -> dict[str, Any]:
        """Return the keys and their slots, as plain data."""
        keys = [list(key) if isinstance(key, tuple) else key for key in self._slots]
        slots = np.array(list(self._slots.values()), dtype=np.int64)
        return {"keys": keys, "slots": slots, "seen": self._seen[slots], "turn": self._turn}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what `save` gave. Raises KeyError and ValueError for what is none."""
        keys = [tuple(key) if isinstance(key, list) else key for key in state["keys"]]
        self._slots = dict(zip(keys, state["slots"].tolist(), strict=True))
        self.size = max(self._slots.values(), default=-1) + 1
        self._free = sorted(set(range(self.size)).difference(self._slots.values()))
        self._seen = grown(np.zeros(0, dtype=np.int64), self.size, 0)
        self._seen[state["slots"]] = state["seen"]
        self._turn = int(state["turn"])

    def _slot(self, key: Hashable) -> int:
        slot = self._slots.get(key)
        if slot is None:
            if self._free:
                slot = self._free.pop()
            else:
                slot, self.size = self.size, self.size + 1
            self._slots[key] = slot
        return slot

    def _forget(self, over: int) -> Places:
        names = list(self._slots)
        slots = np.fromiter(self._slots.values(), dtype=np.intp, count=len(names))
        seen = self._seen[slots]
        idle = np.flatnonzero(seen < self._turn)
        oldest = idle[np.argsort(seen[idle], kind="stable")[: max(over, self._limit // 8)]]
        for place in oldest.tolist():
            del self._slots[names[place]]
        self._free += slots[oldest].tolist()
        self._counts.add("keys forgotten", len(oldest))
        return slots[oldest]


class Groups(NamedTuple):
    """Rows sorted by slot, in arrival order within each.

    `order` are the rows, `number` the group and `begin` the first place of its group for each
    place in that order. `slots` and `ends` (the last place) are a group's own.
    """

    order: Places
    number: Places
    begin: Places
    slots: Places
    ends: Places


def grouped(slots: Places) -> Groups:
    """Return the groups of rows (one at least) by their slots."""
    narrow = slots.astype(np.uint16) if slots.max() < _RADIX else slots
    order = np.argsort(narrow, kind="stable")
    own = slots[order]
    first = np.append(True, own[1:] != own[:-1])
    begins = np.flatnonzero(first)
    number = np.cumsum(first) - 1
    return Groups(order, number, begins[number], own[begins], np.append(begins[1:], len(own)) - 1)


def grown(state: npt.NDArray[Any], size: int, fill: object) -> npt.NDArray[Any]:
    """Return `state` with room for `size` slots at least; new ones hold `fill`."""
    if len(state) >= size:
        return state
    larger = np.full(max(size, 2 * len(state)), fill, dtype=state.dtype)
    larger[: len(state)] = state
    return larger

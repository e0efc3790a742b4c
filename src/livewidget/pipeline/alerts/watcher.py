"""Rules over batches, key by key: what cannot change a state is passed at the price of a scan."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import NAT
from livewidget.data.errors import StateError
from livewidget.data.text import Text
from livewidget.pipeline.alerts.desk import FAR, Change, Desk, Times
from livewidget.pipeline.alerts.plan import Floats, Places, Plan
from livewidget.pipeline.alerts.signals import Signals
from livewidget.pipeline.alerts.slots import Slots, never_back
from livewidget.pipeline.keys import Groups, Keys, grouped
from livewidget.pipeline.operator import Moment, State


class Told(NamedTuple):
    """A change, the key that it is about, and the row of the batch that made it."""

    row: int
    key: str
    change: Change


class Timing(NamedTuple):
    """When the clock says that time has passed: `grace` ns later than rows would.

    It says nothing for rows that came more than `live` ns old.
    """

    clock: Clock
    grace: int
    live: int


class Watcher:
    """The states of all keys. Not thread-safe.

    Each key has, for every number that rules look at, the band within which no state changes, and
    the time until which none does. A row outside of either takes its key's rows through a `Desk`,
    in order; all others cost two comparisons a number.
    """

    def __init__(
        self,
        plan: Plan,
        signals: Signals,
        by: tuple[int, ...],
        keys: Keys,
        timing: Timing,
    ) -> None:
        self._plan, self._signals, self._by, self._keys = plan, signals, by, keys
        self._timing = timing
        self._slots = Slots(len(plan.sources), len(plan.held))
        self._fresh = Desk(plan.common)  # as the desk of a key without rules of its own begins
        self._names: dict[int, str] = {}
        self._desks: dict[int, Desk] = {}  # of the keys for which something holds, or has held
        self._live = False  # whether a row has come that is not history

    def step(self, batch: Batch) -> list[Told]:
        """Look at the rows of a batch; return what changes, in the order of the rows."""
        values, shown = self._signals(batch)  # what fails does so before any state has changed
        slots, gone = self._keys(batch)
        told = self._forget(gone)
        self._slots.room(self._keys.size)
        self._signals.room(self._keys.size, gone)
        groups = grouped(slots)
        self._meet(batch, groups)
        times = never_back(batch.times, self._slots.newest, groups)
        self._signals.changes(values, shown, groups, times)
        for group in self._slots.outside(values, slots, groups, times).tolist():
            first, last = int(groups.begin[groups.ends[group]]), int(groups.ends[group])
            rows, slot = groups.order[first : last + 1], int(groups.slots[group])
            told += self._walk(slot, rows, times[first : last + 1], values, shown)
        self._remember(values, groups, times)
        return sorted(told, key=lambda each: each.row)

    def tick(self, moment: Moment) -> list[Told]:
        """Return what is due by the clock, by time and key; at the end what is due by the rows."""
        known, size = self._slots, self._keys.size
        if not size:
            return []
        limits = np.full(size, NAT)
        if self._live:
            lag = known.lag[:size]
            late = np.where(lag == FAR, 0, lag)
            limits = np.where(lag == FAR, NAT, moment.now - self._timing.grace - late)
        if moment.final:
            limits = np.maximum(limits, known.newest[:size].max())
        told: list[Told] = []
        for slot in np.flatnonzero(known.due(slice(0, size)) <= limits).tolist():
            desk = self._desk(slot)
            held = partial(self._held, slot, np.zeros((0, 0)), np.zeros(0, dtype=np.int64))
            desk.pass_to(int(limits[slot]), int(known.newest[slot]), held)
            told += self._taken(desk, slot, 0)
            self._leave(desk, slot)
        return sorted(told, key=lambda each: (each.change.time, each.key))

    def _meet(self, batch: Batch, groups: Groups) -> None:
        """Have the slots of new keys watched."""
        new = np.flatnonzero(~self._slots.met[groups.slots])
        if not len(new):
            return
        slots = groups.slots[new]
        self._slots.put(slots, self._fresh)
        self._slots.met[slots] = True
        first = groups.order[groups.begin[groups.ends[new]]]
        self._slots.newest[slots] = batch.times[first]  # none is absent before it has been there
        for slot, row in zip(slots.tolist(), groups.order[groups.ends[new]].tolist(), strict=True):
            name = self._names[slot] = key_text(batch, self._by, row)
            self._watch(slot, name)

    def _watch(self, slot: int, name: str) -> None:
        watch = self._plan.watch(name)
        if watch is not self._plan.common:
            self._desks[slot] = Desk(watch)
            self._slots.put(slot, self._desks[slot])

    def _desk(self, slot: int) -> Desk:
        desk = self._desks.get(slot)
        if desk is None:
            desk = self._desks[slot] = Desk(self._plan.common)
        return desk

    def _walk(
        self, slot: int, rows: Places, times: Times, values: list[Floats], shown: list[Floats]
    ) -> list[Told]:
        """Take a key's rows through its desk, from one that may change a state to the next."""
        desk, told, place = self._desk(slot), [], 0
        own = np.array([each[rows] for each in values]).reshape(len(values), len(rows))
        before = np.empty_like(times)
        before[0], before[1:] = self._slots.newest[slot], times[:-1]
        while place < len(rows):
            place = desk.search(own, times, before, place)
            if place == len(rows):
                break
            row = int(rows[place])
            held = partial(self._held, slot, own[:, :place], times)
            told_values = np.array([each[row] for each in shown])
            desk.row(int(times[place]), int(before[place]), own[:, place], told_values, held)
            told += self._taken(desk, slot, row)
            place += 1
        self._leave(desk, slot)
        return told

    def _taken(self, desk: Desk, slot: int, row: int) -> list[Told]:
        """Return what a desk has to tell."""
        told = [Told(row, self._names[slot], change) for change in desk.changes]
        desk.changes.clear()
        return told

    def _leave(self, desk: Desk, slot: int) -> None:
        """Note what can change the states of a desk now; one that is as new is not kept."""
        self._slots.put(slot, desk)
        if desk.idle and desk.watch is self._plan.common:
            del self._desks[slot]

    def _held(self, slot: int, values: Floats, times: Times, number: int) -> int:
        """Return the time of the newest row for which a threshold held; NAT where none did."""
        threshold = list(self._plan.held)[number]
        if len(values):
            own = threshold.sign * values[self._plan.sources[threshold.source]]
            rows = np.flatnonzero(own > threshold.high)
            if len(rows):
                return int(times[rows[-1]])
        return int(self._slots.held[number][slot])

    def _remember(self, values: list[Floats], groups: Groups, times: Times) -> None:
        """Note what the next batch has to know of this one."""
        known = self._slots
        for threshold, number in self._plan.held.items():
            own = threshold.sign * values[self._plan.sources[threshold.source]][groups.order]
            rows = np.flatnonzero(own > threshold.high)
            known.held[number][groups.slots[groups.number[rows]]] = times[rows]  # the last stays
        newest = times[groups.ends]
        known.newest[groups.slots] = newest
        now = self._timing.clock.now()
        history = newest < now - self._timing.live
        known.lag[groups.slots] = np.where(history, FAR, np.maximum(now - newest, 0))
        self._live = self._live or not bool(history.all())

    def _forget(self, gone: Places) -> list[Told]:
        """Resolve what is under way for keys that are forgotten."""
        told: list[Told] = []
        for slot in gone.tolist():
            desk = self._desks.pop(slot, None)
            name = self._names.pop(slot)
            if desk is not None:
                desk.close(int(self._slots.newest[slot]))
                told += [Told(-1, name, change) for change in desk.changes]
        if len(gone):
            self._slots.forget(gone)
        return sorted(told, key=lambda each: each.key)

    def save(self) -> State:
        """Return all states."""
        desks = {str(slot): desk.save() for slot, desk in self._desks.items()}
        names = {str(slot): name for slot, name in self._names.items()}
        return {
            "keys": self._keys.save(),
            "slots": self._slots.save(self._keys.size),
            "signals": self._signals.save(),
            "names": names,
            "desks": desks,
        }

    def load(self, state: State) -> None:
        """Go on from a state; no clock runs until a row has come that is not history."""
        try:
            self._keys.load(state["keys"])
            self._slots.load(state["slots"])
            self._signals.load(state["signals"])
            self._names = {int(slot): name for slot, name in state["names"].items()}
            self._slots.put(np.flatnonzero(self._slots.met), self._fresh)
            for slot, name in self._names.items():
                self._watch(slot, name)
            for slot, kept in state["desks"].items():
                desk = self._desk(int(slot))
                desk.load(kept)
                self._slots.put(int(slot), desk)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StateError(f"the state of the alerts does not fit: {error!r}") from None


def key_text(batch: Batch, by: tuple[int, ...], row: int) -> str:
    """Return the key of a row as text: its columns joined by ", ", what is missing as nothing."""
    parts = []
    for place in by:
        column = batch.columns[place]
        if isinstance(column, Text):
            code = int(column.codes[row])
            parts.append(column.categories[code] if code >= 0 else "")
        else:
            parts.append(str(column[row].item()))
    return ", ".join(parts)

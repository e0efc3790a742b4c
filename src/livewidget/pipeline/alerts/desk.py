"""The states of one key's rules, and what changes them: a row, or that time has passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from livewidget.data.convert import NAT
from livewidget.pipeline.alerts.event import FIRING, PENDING, RESOLVED
from livewidget.pipeline.alerts.plan import Floats, Join, Places, Unit, Watch
from livewidget.pipeline.operator import State

FAR = np.iinfo(np.int64).max  # a time that does not come
IDLE, WAITS, FIRES = 0, 1, 2
_NAMES = {IDLE: RESOLVED, WAITS: PENDING, FIRES: FIRING}

NEAR = 8  # rows that are looked at one by one: they cost as much as one call of numpy
_KEPT = ("state", "since", "due", "ended", "value")

Times = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Held = Callable[[int], int]  # when the row before held, by the number of a threshold; or NAT


class Change(NamedTuple):
    """One transition of a rule. Times in ns."""

    time: int
    unit: Unit
    state: str
    value: float
    since: int


class Desk:
    """One key's states. I/O-free; all times are event times, and never go back.

    What is due by time is in `due`; of an absence that would begin it is there only while rows
    are looked at, since every row moves it. `changes` has what happened, for whoever takes it.
    """

    def __init__(self, watch: Watch) -> None:
        size = len(watch.units)
        self.watch = watch
        self.state = np.zeros(size, dtype=np.int8)
        self.since = np.full(size, NAT)
        self.due = np.full(size, FAR)
        self.ended = np.full(size, NAT)  # when it last fired
        self.value = np.full(size, np.nan)
        self.clock = NAT  # the newest instant that was looked at
        self.changes: list[Change] = []
        self.over, self.under = watch.over[IDLE].copy(), watch.under[IDLE].copy()
        self.band: list[tuple[int, float, float]] = []  # the same by source, from where, of all
        self.next = FAR  # when the first of those that wait is due
        self.span = FAR  # the shortest absence that would begin, in ns
        self.absent = False  # whether one fires: the next row ends it
        self._was: dict[int, int] = {}  # the states before this instant of those that change in it
        self._level()

    @property
    def idle(self) -> bool:
        """Whether nothing holds: a desk of new would be the same, but for patterns."""
        return not self.state.any() and (not self.watch.joins or bool((self.ended == NAT).all()))

    def search(self, values: Floats, times: Times, before: Times, place: int) -> int:
        """Return the first row from `place` on that may change a state, or how many there are.

        `values`: float64[sources, n]; `before`: the time of the row before each.
        """
        size = len(times)
        far = min(place + NEAR, size)
        for near in range(place, far):
            if self._may(values[:, near], int(times[near]), int(before[near])):
                return near
        if far == size:
            return size
        found = times[far:] >= np.minimum(self.next, plus(before[far:], self.span))
        found |= self.absent
        for column, over, under in self.band:
            row = values[column, far:]
            found |= (row >= over) | (row <= under)
        first = int(found.argmax())
        return far + first if found[first] else size

    def row(self, time: int, before: int, values: Floats, shown: Floats, held: Held) -> None:
        """Look at a row of float64[sources] after the one at `before` (NAT: none).

        `shown` are the values that are told of.
        """
        time = max(time, self.clock)
        self.pass_to(time, before, held)
        watch = self.watch
        numbers = values[watch.source]
        changed = ((numbers >= self.over) | (numbers <= self.under)).nonzero()[0].tolist()
        if self.absent:
            changed += self._silent().tolist()
        for place in sorted(changed, key=watch.rank.__getitem__):
            if place < watch.thresholds:
                value = float(shown[watch.source[place]])
            else:
                value = (time - int(self.since[place])) / 1e9
            self._turn(place, IDLE if self.state[place] else WAITS, time, value)
        self._settle(time, held)
        self.clock = time

    def pass_to(self, limit: int, heard: int, held: Held) -> None:
        """Let time pass up to `limit`: what is due fires; the newest row was at `heard`."""
        part = self._absent()
        if self.watch.absences and heard != NAT:
            self.due[part] = np.where(
                self.state[part] == IDLE, plus(np.int64(heard), self.watch.spans), FAR
            )
            self.next = int(self.due.min())
        while (due := self.next) <= limit and due < FAR:
            places = np.flatnonzero(self.due == due).tolist()
            for place in sorted(places, key=self.watch.rank.__getitem__):
                if part.start <= place < part.stop:
                    self.value[place] = self.watch.spans[place - part.start] / 1e9
                    self.since[place] = heard
                self._turn(place, FIRES, due, float(self.value[place]))
            self._settle(due, held)
            self.clock = max(self.clock, due)
        if self.watch.absences:
            self.due[part] = FAR
            self._level()

    def close(self, time: int) -> None:
        """Resolve all that is under way, at `time` or the newest instant."""
        time = max(time, self.clock)
        for place in np.flatnonzero(self.state).tolist():
            self._turn(place, IDLE, time, float(self.value[place]))

    def save(self) -> State:
        """Return the states, copied."""
        arrays = {name: getattr(self, name).copy() for name in _KEPT}
        return arrays | {"clock": self.clock}

    def load(self, state: State) -> None:
        """Go on from a state. Raises ValueError where it is of other rules."""
        for name in _KEPT:
            getattr(self, name)[...] = state[name]
        places = np.arange(self.watch.thresholds)
        rows = self.state[: self.watch.thresholds]
        self.over, self.under = self.watch.over[rows, places], self.watch.under[rows, places]
        self.clock = int(state["clock"])
        self._level()

    def _absent(self) -> slice:
        return slice(self.watch.thresholds, self.watch.thresholds + self.watch.absences)

    def _silent(self) -> Places:
        """Return which absences fire."""
        return np.flatnonzero(self.state[self._absent()] == FIRES) + self.watch.thresholds

    def _may(self, values: Floats, time: int, before: int) -> bool:
        """Say of one row what `search` says of all."""
        if time >= self.next or self.absent or time - before >= self.span:
            return True
        return any(
            values[column] >= over or values[column] <= under for column, over, under in self.band
        )

    def _level(self) -> None:
        """Work out what changes a state as the states are now."""
        watch = self.watch
        self.next = int(self.due.min(initial=FAR))
        if watch.thresholds:
            over = np.fmin.reduceat(self.over, watch.starts).tolist()
            under = np.fmax.reduceat(self.under, watch.starts).tolist()
            self.band = list(zip(watch.columns.tolist(), over, under, strict=True))
        if watch.absences:
            idle = self.state[self._absent()] == IDLE
            self.span = int(watch.spans[idle].min(initial=FAR))
            self.absent = len(self._silent()) > 0

    def _turn(self, place: int, state: int, time: int, value: float) -> None:
        """Change a state; one that would wait, and need not, fires."""
        unit, before = self.watch.units[place], int(self.state[place])
        self._was.setdefault(place, before)
        due = FAR
        if state == WAITS:
            self.since[place] = time
            state = WAITS if unit.hold else FIRES
            due = min(time + unit.hold, FAR) if unit.hold else FAR
        if state == IDLE and before == FIRES:
            self.ended[place] = time
        self.state[place], self.due[place], self.value[place] = state, due, value
        if place < self.watch.thresholds:
            self.over[place] = self.watch.over[state, place]
            self.under[place] = self.watch.under[state, place]
        if unit.rule is not None:
            since = int(self.since[place])
            self.changes.append(Change(time, unit, _NAMES[state], value, since))

    def _settle(self, time: int, held: Held) -> None:
        """Look at what is made of the rules that changed in this instant."""
        if not self._was:
            return
        for join in self.watch.joins:
            made = join.leaves if join.holds else join.leaves[1:]  # of a pattern the second
            last = next((place for place in reversed(self._was) if place in made), None)
            if last is None:
                continue
            begins, ends = self._joined(join, time, held)
            if begins or ends:
                self._turn(join.place, WAITS if begins else IDLE, time, float(self.value[last]))
        self._was.clear()
        self._level()

    def _joined(self, join: Join, time: int, held: Held) -> tuple[bool, bool]:
        """Return whether a composite or a pattern begins, and whether it ends."""
        under_way = bool(self.state[join.place])
        if join.holds is not None:
            on = join.holds([place >= 0 and self.state[place] == FIRES for place in join.leaves])
            return on and not under_way, under_way and not on
        first, second = join.leaves
        if second < 0 or first < 0:
            return False, False
        now = self.state[second] == FIRES
        if under_way or not now or self._was.get(second, FIRES) == FIRES:
            return False, under_way and not now
        if join.held >= 0:
            last = held(join.held)
        else:
            fired = self._was.get(first, self.state[first]) == FIRES
            last = time if fired else int(self.ended[first])
        return last != NAT and time - last <= join.within, False


def plus(times: npt.NDArray[np.int64] | np.int64, span: npt.NDArray[np.int64] | int) -> Times:
    """Return times and a span, no later than int64 reaches, and FAR for what is no time."""
    times = np.asarray(times)
    far = (times > FAR - np.asarray(span)) | (times == NAT)
    return np.where(far, FAR, np.where(far, 0, times) + np.where(far, 0, span))

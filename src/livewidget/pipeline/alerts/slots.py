"""What is known of each key between batches, in arrays by slot."""

from __future__ import annotations

import numpy as np

from livewidget.data.convert import NAT
from livewidget.pipeline.alerts.desk import FAR, Desk, Times, plus
from livewidget.pipeline.alerts.plan import Floats, Places
from livewidget.pipeline.keys import Groups, grown
from livewidget.pipeline.operator import State


class Slots:
    """Arrays by slot; none may be kept while `room` is called.

    `newest`: event time of the newest row. `lag`: how far the clock was past it when it came, ns;
    FAR where the clock says nothing. `waits`: when the first of its rules that wait is due.
    `span`: its shortest absence. `absent`: whether one fires. `met`: whether it is in use.
    `over`, `under`, by source: from where up and down a number changes a state; NaN for nowhere.
    `held`, by threshold: the last row for which it held.
    """

    def __init__(self, sources: int, held: int) -> None:
        self.newest = np.zeros(0, dtype=np.int64)
        self.lag, self.waits, self.span = self.newest, self.newest, self.newest
        self.absent = np.zeros(0, dtype=bool)
        self.met = self.absent
        self.over: list[Floats] = [np.zeros(0)] * sources
        self.under: list[Floats] = [np.zeros(0)] * sources
        self.held: list[Times] = [self.newest] * held

    def room(self, size: int) -> None:
        """Have room for `size` slots."""
        if len(self.newest) >= size:
            return
        self.newest = grown(self.newest, size, NAT)
        self.lag = grown(self.lag, size, FAR)
        self.waits = grown(self.waits, size, FAR)
        self.span = grown(self.span, size, FAR)
        self.absent = grown(self.absent, size, False)
        self.met = grown(self.met, size, False)
        self.over = [grown(each, size, np.nan) for each in self.over]
        self.under = [grown(each, size, np.nan) for each in self.under]
        self.held = [grown(each, size, NAT) for each in self.held]

    def forget(self, gone: Places) -> None:
        """Make slots as new."""
        self.newest[gone], self.lag[gone] = NAT, FAR
        self.waits[gone], self.span[gone] = FAR, FAR
        self.absent[gone] = self.met[gone] = False
        for each in (*self.over, *self.under):
            each[gone] = np.nan
        for held in self.held:
            held[gone] = NAT

    def put(self, slots: int | Places, desk: Desk) -> None:
        """Note what can change the states of a desk, for its slot (or for several of new)."""
        self.waits[slots], self.span[slots] = desk.next, desk.span
        self.absent[slots] = desk.absent
        for column, over, under in desk.band:
            self.over[column][slots] = over
            self.under[column][slots] = under

    def due(self, slots: Places | slice) -> Times:
        """Return when time by itself changes a state; FAR where it does not."""
        return np.minimum(self.waits[slots], plus(self.newest[slots], self.span[slots]))

    def outside(self, values: list[Floats], slots: Places, groups: Groups, times: Times) -> Places:
        """Return the groups of rows that may change a state; `times` are those of the groups."""
        flags = np.zeros(len(self.newest), dtype=bool)
        for number, over, under in zip(values, self.over, self.under, strict=True):
            low, high = np.fmin.reduce(number), np.fmax.reduce(number)
            if not (high >= np.fmin.reduce(over) or low <= np.fmax.reduce(under)):
                continue  # it is outside of no key's band: so it is nearly always of conditions
            rows = (number >= over[slots]) | (number <= under[slots])
            if rows.any():
                flags[slots[rows]] = True
        own = groups.slots
        late = times[groups.ends] >= self.due(own)
        return np.flatnonzero(flags[own] | late | self.absent[own])

    def save(self, size: int) -> State:
        """Return what cannot be worked out of the desks, of the first `size` slots."""
        kept = {"newest": self.newest, "lag": self.lag, "met": self.met}
        state: State = {name: array[:size].copy() for name, array in kept.items()}
        return state | {"held": [each[:size].copy() for each in self.held]}

    def load(self, state: State) -> None:
        """Go on from a state; then each slot that was met is `put` again."""
        self.room(len(state["newest"]))
        size = len(state["newest"])
        self.newest[:size], self.lag[:size] = state["newest"], state["lag"]
        self.met[:size] = state["met"]
        for mine, kept in zip(self.held, state["held"], strict=True):
            mine[:size] = kept


def never_back(times: Times, newest: Times, groups: Groups) -> Times:
    """Return the times in the order of the groups, each at least those before it in its group.

    `newest`: by slot, the newest time before.
    """
    own = times[groups.order]
    begins = groups.begin[groups.ends]
    own[begins] = np.maximum(own[begins], newest[groups.slots])
    if (np.diff(own) < 0)[np.diff(groups.number) == 0].any():
        # One running maximum for all groups: a group's ranks lie above those of all before it.
        every = np.unique(own)
        ranks = groups.number * len(every) + np.searchsorted(every, own)
        own = every[np.maximum.accumulate(ranks) - groups.number * len(every)]
    return own

"""What one chart looks at that is older than its ring: fetched beside the engine's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.history import Missing
from livewidget.engine.buffer import BufferManager
from livewidget.sketches.ladder import snap
from livewidget.sketches.outstanding import stand_for

FINER = 2  # buckets of a past in one of the view: what straddles two of these is off by half of one
_FIT = 16  # rows made for buckets so many times finer are too many to draw again and again
_OLD_NS = 10_000_000_000  # late rows come into the past, too: after so long it is fetched anew
_AGAIN_NS = 2_000_000_000  # until what could not be read is tried again: it may be written soon
_PATIENCE_NS = 300_000_000  # what takes less is not told: a word that comes and goes is a flicker
Beside = Callable[[Callable[[], Any], Callable[[Any], None]], None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A range [start, stop) of times in ns UTC, and the width of its buckets in ns."""

    start: int
    stop: int
    width: int

    def covers(self, other: Stretch) -> bool:
        """Say whether what is held of this one serves for another."""
        fits = other.width // _FIT <= self.width <= other.width
        return fits and self.start <= other.start and other.stop <= self.stop

    def widened(self) -> Stretch:
        """Return it with half as much on either side: a small move is then at hand."""
        more = (self.stop - self.start) // 2
        return Stretch(self.start - more, self.stop + more, self.width)


_Read = tuple[Stretch, Batch | None, list[Missing]]


class Past:
    """The rows of a range, as far as they have been fetched. On the engine's thread only.

    `by` is the chart's column of keys. `beside` runs a function in another thread and gives what it
    returns, or raises, to a second one, on this thread. `now` is the wall clock in ns. `arrived` is
    told when there is more to draw, or to say.
    """

    def __init__(
        self,
        buffer: BufferManager,
        by: str | None,
        beside: Beside,
        now: Callable[[], int],
        arrived: Callable[[], None],
    ) -> None:
        self._buffer = buffer
        self._by = by
        self._beside = beside
        self._now = now
        self._arrived = arrived
        self._asked: Stretch | None = None
        self._held: tuple[Stretch, Batch | None] | None = None
        self._missing: list[Missing] = []  # of what was fetched last
        self._tried: Stretch | None = None
        self._fetched_at = 0
        self._wanted: Stretch | None = None  # what is to be fetched next
        self._fetching_since: int | None = None

    @property
    def loading(self) -> bool:
        """Whether something is being fetched, and has been for a while."""
        since = self._fetching_since
        return since is not None and not self._within(_PATIENCE_NS, since)

    def lacks(self, start: int, stop: int) -> Missing | None:
        """Return what could not be read of a range: the first stretch of it."""
        found = None
        for each in self._missing:
            if found is not None and (each.start, each.reason) == (found.stop, found.reason):
                found = Missing(found.start, each.stop, found.reason)
            elif found is None and each.start < stop and start < each.stop:
                found = each
        return found

    def rows(self, start: int, stop: int, width: int) -> Batch | None:
        """Return the rows at hand of a range for buckets of `width` ns; ask for what lacks.

        The rows next to it on either side, which lead a line in and out, are among them.
        """
        asked = self._asked = Stretch(start, stop, snap(max(1, width // FINER)))
        if not self._within(_OLD_NS, self._fetched_at) or not self._served(asked):
            self._fetch(asked)
        held = self._held  # with what has been fetched at once, where nothing runs beside
        if held is None or held[1] is None:
            return None
        low, high = np.searchsorted(held[1].times, (start, stop)).tolist()
        return held[1].take(slice(max(0, low - 1), high + 1))

    def tend(self) -> None:
        """Try again to fetch what lacks of what was asked for last, where it is time to."""
        if self._asked is not None and not self._served(self._asked):
            self._fetch(self._asked)

    def _served(self, asked: Stretch) -> bool:
        """Say whether all of it is at hand, or there is nothing better to be had now."""
        lately = self._within(_AGAIN_NS, self._fetched_at)
        if lately and self._tried is not None and self._tried.covers(asked):
            return True
        whole = self._held is not None and self._held[0].covers(asked)
        return whole and self.lacks(asked.start, asked.stop) is None

    def _within(self, length: int, since: int) -> bool:
        """Say whether less than `length` ns have passed; not where the clock was put back."""
        return 0 <= self._now() - since < length

    def _fetch(self, stretch: Stretch) -> None:
        """Fetch a stretch; one at a time, and the newest that is asked for next."""
        self._wanted = stretch
        if self._fetching_since is None:
            self._wanted, self._fetching_since = None, self._now()
            self._beside(lambda: self._read(stretch), lambda read: self._take(stretch, read))

    def _read(self, asked: Stretch) -> _Read:
        """Read a stretch and some on either side of it. In another thread."""
        span, wide = self._buffer.span(), asked.widened()
        # What comes behind the newest row later is not in this answer.
        stop = asked.stop if span is None else max(asked.stop, min(wide.stop, span[1] + 1))
        answer = self._ask(wide.start, stop, asked.width)
        return Stretch(wide.start, stop, asked.width), *answer

    def _ask(self, start: int, stop: int, width: int) -> tuple[Batch | None, list[Missing]]:
        # The rows that stand for a bucket do so for each key, if the buffer knows of keys.
        known = self._by in (None, self._buffer.by)
        answer = self._buffer.ask(start, stop, width if known else 0)
        batches = [
            batch if known else stand_for(batch, width, self._by) for batch in answer.batches
        ]
        return concat(batches) if batches else None, answer.missing

    def _take(self, asked: Stretch, read: _Read | Exception) -> None:
        self._fetching_since = None
        self._fetched_at = self._now()
        self._tried = asked.widened()
        if isinstance(read, Exception):
            why = str(read) or type(read).__name__
            self._missing = [Missing(self._tried.start, self._tried.stop, why)]
        else:
            self._held, self._missing = (read[0], read[1]), read[2]
        self._arrived()
        wanted, self._wanted = self._wanted, None
        if wanted is not None and not self._served(wanted):
            self._fetch(wanted)


def lacking(past: Past, reach: tuple[int, int], now: int) -> str:
    """Return what to say of a range of which a part is missing, or is still being fetched."""
    lack = past.lacks(*reach)
    if lack is None:
        return "loading the past" if past.loading else ""
    until = _clock(lack.stop, now)
    when = f"before {until}"
    if lack.start > reach[0]:
        when = f"from {_clock(lack.start, now)} to {until}"
    return f"the past {when} UTC is missing: {lack.reason}"


def _clock(time: int, now: int) -> str:
    """Return the time of day, with the date where it is not today's."""
    told, today = (str(np.datetime64(each, "ns").astype("datetime64[s]")) for each in (time, now))
    return told[11:] if told[:10] == today[:10] else told.replace("T", " ")

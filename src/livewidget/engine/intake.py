"""From the door into the buffer: what comes is staged, drained, thinned and stored."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, Data, concat, count_rows
from livewidget.data.clock import Clock
from livewidget.data.errors import ClosedError, SchemaError
from livewidget.data.events import DeadLetter, Gap
from livewidget.data.schema import Schema
from livewidget.engine.door import Door
from livewidget.engine.ledger import DEAD_LETTERS, Account, Ledger
from livewidget.engine.meter import Meter
from livewidget.engine.staging import Load, Mark, Staging
from livewidget.pipeline.horizon import DAY_S, Horizon

GAPS = 1_000
T = TypeVar("T")
_NO_TIMES = np.empty(0, dtype=np.int64)


class Intake:
    """Takes data at the door and stages it; `drain` carries what is staged into `store`.

    Staging is next to nothing, and many small pushes become one fat append. The queue is bounded
    (see `Staging`); its policy is that the thread that fills it has it drained by `relieve` (None:
    drains it), which holds that thread back and loses nothing. Rows of a source without any of the
    columns `needs`, and rows more than `max_ahead` seconds ahead of the clock, are rejected.

    `store` returns how many rows it took; the others are dropped. `unwritten` says how many of them
    are not safe yet, and how many never will be: they count as in flight, and as dropped.

    Behind a flow, which counts what comes, only `stage` brings rows in. `on_gap` hears of each gap,
    under the ledger's lock.
    """

    def __init__(
        self,
        store: Callable[[Batch], int],
        clock: Clock,
        *,
        infer: Callable[[Data], Schema],
        relieve: Callable[[], None] | None = None,
        schema: Schema | None = None,
        needs: tuple[str, ...] = (),
        max_ahead: float | None = DAY_S,
        on_gap: Callable[[Gap], None] | None = None,
        unwritten: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        self._store = store
        self._unwritten = unwritten
        self._now = clock.now
        self.door = Door(infer, Horizon(max_ahead, clock), schema=schema, needs=needs)
        self.ledger = Ledger()
        self._on_gap = on_gap
        self._lock = self.ledger.lock
        self._counted = False  # whether what is staged was counted as received before
        self._staged = Staging()
        self._relieve = self.drain if relieve is None else relieve
        self._draining = threading.Lock()  # one drains at a time
        self._drained_rows = 0  # on their way to the store
        self._oldest: dict[object, int | None] = {}  # by reader
        self._mark: Mark | None = None  # before the next row
        self._newest: int | None = None  # the time of the last row, ns UTC
        self._closed = False
        self.thin: Callable[[Batch], Batch] | None = None
        self.gaps: deque[Gap] = deque(maxlen=GAPS)
        self.gap_count = 0
        self.meter = Meter()  # of what carries rows into the store
        # When the newest rows of the two last drains came, ns UTC.
        self.arrivals: tuple[int | None, int | None] = (None, None)

    @property
    def schema(self) -> Schema | None:
        """The schema of what is stored, or None before the first data."""
        return self.door.schema

    def push(self, data: Data, arrival: int | None = None) -> int:
        """Take rows from user code: all of them, or none and an error that says why.

        They came at `arrival` (ns UTC; None: now). Into a ready `Batch` nobody looks at the door:
        its rows beyond the horizon become dead letters at the drain.
        """
        if arrival is None:
            arrival = self._now()
        door = self.door
        ready = isinstance(data, Batch) and data.schema is door.schema
        batch = data if ready else door.whole(data, arrival)
        if self._closed:
            raise ClosedError("the stream was closed: it takes no more data")
        size = len(batch.columns[0])  # spares a call
        if size and (self._staged.add(batch, size, arrival) or self._closed):
            self._relieve()
        return size

    def stage(self, batch: Batch, arrival: int) -> None:
        """Take rows of a flow, under the ledger's lock. A drain is to follow."""
        self._counted = True
        self._staged.add(batch, len(batch), arrival)

    def emit(self, data: Data) -> int:
        """Take rows from a source: those that fit; the others become dead letters."""
        arrival = self._now()
        try:
            batch, bad = self.door.fitting(data, arrival)
        except SchemaError as error:
            self.ledger.refuse([(data, str(error))], arrival, count_rows(data))
            return 0
        self.ledger.refuse(bad, arrival, len(bad))
        return self.push(batch, arrival)

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Note a gap. Without a start it reaches from the last row, without a stop to the next."""
        if stop is None:
            self._staged.mark(Mark(start, reason))
        else:
            self.drain()
            with self._lock:
                self._note_gap(self._newest if start is None else start, stop, reason)

    def recall(self, gaps: Sequence[Gap]) -> None:
        """Take up the gaps of an earlier time. Before the first row."""
        with self._lock:
            self.gaps.extend(gaps)
            self.gap_count += len(gaps)

    def gaps_since(self, count: int) -> tuple[int, list[Gap]]:
        """Return how many gaps there have been, and those after the first `count` of them."""
        with self._lock:
            fresh = min(self.gap_count - count, len(self.gaps))
            return self.gap_count, list(self.gaps)[len(self.gaps) - fresh :]

    def drain(self) -> None:
        """Carry all that is staged into the store. From any thread; one at a time."""
        with self._draining:
            with self._lock:
                load = self._staged.take()
                self.ledger.received += 0 if self._counted else load.rows
                self.ledger.dropped += self._drained_rows  # of a drain that was torn off
                self._drained_rows = load.rows
                if load.rows:
                    self._note_arrivals(load)
            if load.rows:
                with self.meter:
                    self.meter.rows += load.rows
                    self._carry(load)
            elif load.marks:
                self._settle_gaps(load.marks, _NO_TIMES, None)

    @property
    def waiting(self) -> int:
        """About how many rows are staged."""
        return self._staged.weight

    @property
    def idle(self) -> bool:
        """Whether a drain would find nothing to do. From any thread."""
        return self._staged.empty

    def between_drains(self, call: Callable[[], T]) -> T:
        """Carry what is staged into the store, then return what `call` does before more comes."""
        self.drain()
        with self._draining:
            return call()

    def take_oldest(self, reader: object) -> int | None:
        """Return when the oldest row since this reader's last call arrived (ns UTC), or None."""
        with self._lock:
            oldest = self._oldest.get(reader)
            self._oldest[reader] = None
        return oldest

    def forget_reader(self, reader: object) -> None:
        """Note arrivals for this reader no longer."""
        with self._lock:
            self._oldest.pop(reader, None)

    @property
    def account(self) -> Account:
        """The account of this moment."""
        with self._lock:
            staged = self._staged.count()
            ledger = self.ledger
            waiting, lost = self._unwritten()
            waiting = min(waiting, ledger.stored)  # some may be accounted for in a moment
            lost = min(lost, ledger.stored - waiting)
            return Account(
                ledger.received + (0 if self._counted else staged),
                ledger.stored - waiting - lost,
                ledger.filtered,
                ledger.rejected,
                ledger.dropped + lost,
                ledger.in_flight + self._drained_rows + staged + waiting,
                ledger.made,
            )

    def close(self) -> None:
        """Take nothing more; what is staged is carried into the store."""
        self._closed = True
        self.drain()

    def _carry(self, load: Load) -> None:
        """Store what passes the horizon and the thinning; account for each row."""
        stored = filtered = rejected = 0
        letters: list[DeadLetter] = []
        try:
            batch = concat(load.batches)
            horizon = self.door.horizon
            beyond = horizon.beyond(batch)
            if beyond is not None:
                late = batch.take(np.flatnonzero(beyond)[-DEAD_LETTERS:])
                at, why = load.last_arrival, horizon.reason
                letters = [DeadLetter(at, why, row, "horizon") for row in late.rows()]
                rejected = int(beyond.sum())
                batch = batch.take(~beyond)
            self._settle_gaps(load.marks, batch.times, beyond)
            kept = batch if self.thin is None else self.thin(batch)
            filtered = len(batch) - len(kept)
            if len(kept):
                stored = self._store(kept)
        finally:
            with self._lock:
                ledger, self._drained_rows = self.ledger, 0
                ledger.stored += stored
                ledger.filtered += filtered
                ledger.bury(letters, rejected)
                # What the store did not take, all of it on an error.
                ledger.dropped += load.rows - stored - filtered - rejected

    def _note_arrivals(self, load: Load) -> None:
        """Note for the readers when rows came. Under the lock."""
        self.arrivals = self.arrivals[1], load.last_arrival
        for reader, oldest in self._oldest.items():
            if oldest is None:
                self._oldest[reader] = load.first_arrival

    def _settle_gaps(
        self,
        marks: list[tuple[int, Mark]],
        times: npt.NDArray[np.int64],
        beyond: npt.NDArray[np.bool_] | None,
    ) -> None:
        """Let each gap reach to the row behind its mark; the last may wait for one.

        `times` are those of the rows not beyond the horizon, the marks' places count all rows.
        """
        places = {0: self._mark} if self._mark is not None else {}
        for place, mark in marks:
            places[place if beyond is None else place - int(beyond[:place].sum())] = mark
        self._mark = places.pop(len(times), None)
        with self._lock:
            for place, mark in places.items():
                before = int(times[place - 1]) if place else self._newest
                start = before if mark.start is None else mark.start
                self._note_gap(start, int(times[place]), mark.reason)
        if len(times):
            self._newest = int(times[-1])

    def _note_gap(self, start: int | None, stop: int, reason: str) -> None:
        if start is not None and stop > start:
            gap = Gap(start, stop, reason)
            self.gaps.append(gap)
            self.gap_count += 1
            if self._on_gap is not None:
                self._on_gap(gap)

"""The door: data in from any thread, every event accounted for, into the buffer."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch, Data, concat, count_rows, sift
from livewidget.data.clock import Clock
from livewidget.data.errors import ClosedError, SchemaError
from livewidget.data.events import DeadLetter, Gap
from livewidget.data.schema import Schema
from livewidget.engine.staging import Load, Mark, Staging
from livewidget.pipeline.horizon import DAY_S, Horizon

DEAD_LETTERS = 1_000
GAPS = 1_000
MOST_REASONS, OTHER_REASONS = 50, "other reasons"
_NO_TIMES = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Account:
    """Where every event is: received = stored + filtered + rejected + dropped + in_flight."""

    received: int = 0
    stored: int = 0
    filtered: int = 0
    rejected: int = 0
    dropped: int = 0
    in_flight: int = 0


class Intake:
    """Takes data at the door and stages it; `drain` carries what is staged into `store`.

    Staging is next to nothing, and many small pushes become one fat append. The queue is bounded
    (see `Staging`); its policy is that the thread that fills it has it drained by `relieve` (None:
    drains it), which holds that thread back and loses nothing. Rows of a source without any of the
    columns `needs`, and rows more than `max_ahead` seconds ahead of the clock, are rejected.
    """

    def __init__(
        self,
        store: Callable[[Batch], None],
        clock: Clock,
        *,
        infer: Callable[[Data], Schema],
        relieve: Callable[[], None] | None = None,
        schema: Schema | None = None,
        needs: tuple[str, ...] = (),
        max_ahead: float | None = DAY_S,
    ) -> None:
        self._store = store
        self._now = clock.now
        self._infer = infer
        self._needs = needs
        self._horizon = Horizon(max_ahead, clock)
        self._staged = Staging()
        self._relieve = self.drain if relieve is None else relieve
        self._draining = threading.Lock()  # one drains at a time
        self._lock = threading.Lock()  # the counts and lists below, for moments only
        self._received = self._stored = self._filtered = self._rejected = self._dropped = 0
        self._drained_rows = 0  # on their way to the store
        self._oldest: dict[object, int | None] = {}  # by reader
        self._mark: Mark | None = None  # before the next row
        self._newest: int | None = None  # the time of the last row, ns UTC
        self._closed = False
        self.schema = schema
        self.thin: Callable[[Batch], Batch] | None = None
        self.dead: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS)
        self.reasons: Counter[str] = Counter()
        self.gaps: deque[Gap] = deque(maxlen=GAPS)
        self.gap_count = 0
        # When the newest rows of the two last drains came, ns UTC.
        self.arrivals: tuple[int | None, int | None] = (None, None)

    def push(self, data: Data, arrival: int | None = None) -> int:
        """Take rows from user code: all of them, or none and an error that says why.

        They came at `arrival` (ns UTC; None: now). Into a ready `Batch` nobody looks at the door:
        its rows beyond the horizon become dead letters at the drain.
        """
        if arrival is None:
            arrival = self._now()
        ready = isinstance(data, Batch) and data.schema is self.schema
        batch = data if ready else self._whole(data, arrival)
        if self._closed:
            raise ClosedError("the stream was closed: it takes no more data")
        size = len(batch.columns[0])  # spares a call
        if size and (self._staged.add(batch, size, arrival) or self._closed):
            self._relieve()
        return size

    def emit(self, data: Data) -> int:
        """Take rows from a source: those that fit; the others become dead letters."""
        arrival = self._now()
        try:
            batch, bad = self._fitting(data, arrival)
        except SchemaError as error:
            self._receive_bad([(data, str(error))], arrival, count_rows(data))
            return 0
        self._receive_bad(bad, arrival, len(bad))
        return self.push(batch, arrival)

    def reject(self, payload: object, reason: str) -> None:
        """Count one message that could not be read, and keep it with its reason."""
        self._receive_bad([(payload, reason)], self._now(), 1)

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Note a gap. Without a start it reaches from the last row, without a stop to the next."""
        if stop is None:
            self._staged.mark(Mark(start, reason))
        else:
            self.drain()
            with self._lock:
                self._note_gap(self._newest if start is None else start, stop, reason)

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
                self._received += load.rows
                self._dropped += self._drained_rows  # of a drain that was torn off
                self._drained_rows = load.rows
                if load.rows:
                    self._note_arrivals(load)
            if load.rows:
                self._carry(load)
            elif load.marks:
                self._settle_gaps(load.marks, _NO_TIMES, None)

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
            waiting = self._staged.count()
            return Account(
                self._received + waiting,
                self._stored,
                self._filtered,
                self._rejected,
                self._dropped,
                self._drained_rows + waiting,
            )

    def close(self) -> None:
        """Take nothing more; what is staged is carried into the store."""
        self._closed = True
        self.drain()

    def _whole(self, data: Data, arrival: int) -> Batch:
        """Return all rows of `data`. The first that are refused decide no schema."""
        schema = self.schema or self._infer(data)
        batch = Batch.of(data, schema, arrival=arrival)
        beyond = self._horizon.beyond(batch)
        if beyond is not None:
            row = int(beyond.argmax())
            when = np.datetime_as_string(batch.times[row].view("datetime64[ns]"), unit="s")
            raise SchemaError(
                f"column {schema.time!r} is {when}Z in row {row}, {self._horizon.reason}"
            )
        if self.schema is schema or self._agree(schema) is schema:
            return batch
        return Batch.of(data, self.schema, arrival=arrival)

    def _fitting(self, data: Data, arrival: int) -> tuple[Batch, list[tuple[object, str]]]:
        """Return the rows that fit the schema, and the others with their reasons."""
        if isinstance(data, Batch) and data.schema is self.schema:
            return data, []
        schema = self.schema or self._agree(self._infer(data))
        return sift(data, schema, arrival, self._needs)

    def _agree(self, schema: Schema) -> Schema:
        """Return the stream's schema: this one, unless another thread was first."""
        with self._lock:
            if self.schema is None:
                self.schema = schema
            return self.schema

    def _carry(self, load: Load) -> None:
        """Store what passes the horizon and the thinning; account for each row."""
        stored = filtered = rejected = 0
        letters: list[tuple[object, str]] = []
        try:
            batch = concat(load.batches)
            beyond = self._horizon.beyond(batch)
            if beyond is not None:
                late = batch.take(np.flatnonzero(beyond)[-DEAD_LETTERS:])
                letters = [(row, self._horizon.reason) for row in late.rows()]
                rejected = int(beyond.sum())
                batch = batch.take(~beyond)
            self._settle_gaps(load.marks, batch.times, beyond)
            kept = batch if self.thin is None else self.thin(batch)
            if len(kept):
                self._store(kept)
            stored, filtered = len(kept), len(batch) - len(kept)
        finally:
            with self._lock:
                self._drained_rows = 0
                self._stored += stored
                self._filtered += filtered
                self._bury(letters, load.last_arrival, rejected)
                # More than 0 only on an error.
                self._dropped += load.rows - stored - filtered - rejected

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
            self.gaps.append(Gap(start, stop, reason))
            self.gap_count += 1

    def _receive_bad(self, bad: list[tuple[object, str]], arrival: int, rows: int) -> None:
        """Count `rows` rows that come in and are rejected at once."""
        if bad and rows:
            with self._lock:
                self._received += rows
                self._bury(bad, arrival, rows)

    def _bury(self, bad: list[tuple[object, str]], arrival: int, rows: int) -> None:
        """Keep letters of `rows` rejected rows, which may be fewer: a table refused whole is one.

        What has no letter of its own shares the last one's reason. Under the lock.
        """
        for place, (payload, reason) in enumerate(bad, 1):
            self.dead.append(DeadLetter(arrival, reason, payload))
            known = reason in self.reasons or len(self.reasons) < MOST_REASONS
            count = 1 if place < len(bad) else 1 + rows - len(bad)
            self.reasons[reason if known else OTHER_REASONS] += count
        self._rejected += rows

"""The door: data in from any thread, every event accounted for, into the buffer."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livewidget.data.batch import Batch, Data, concat, count_rows, sift
from livewidget.data.clock import Clock
from livewidget.data.errors import ClosedError, SchemaError
from livewidget.data.events import DeadLetter, Gap
from livewidget.data.schema import Schema
from livewidget.pipeline.horizon import DAY_S, Horizon

STAGED_ROWS = 262_144  # a quarter of a second at 1,000,000 rows a second: then the pusher drains
DEAD_LETTERS = 1_000
GAPS = 1_000
MOST_REASONS, OTHER_REASONS = 50, "other reasons"


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

    Staging is a list under a lock, so that a push costs next to nothing and many small pushes
    become one fat append. The queue is bounded by `STAGED_ROWS`; its policy is that the thread
    that overfills it drains it, which holds that thread back and loses nothing.
    """

    def __init__(
        self,
        store: Callable[[Batch], None],
        clock: Clock,
        *,
        infer: Callable[[Data], Schema],
        schema: Schema | None = None,
        needs: tuple[str, ...] = (),
        max_ahead: float | None = DAY_S,
    ) -> None:
        self._store = store
        self._now = clock.now
        self._needs = needs
        self._horizon = Horizon(max_ahead, clock)
        self._infer = infer
        self._lock = threading.Lock()
        self._draining = threading.Lock()
        self._staged: list[Batch] = []
        self._staged_rows = self._drained_rows = 0  # waiting, and on their way to the store
        self._received = self._stored = self._filtered = self._rejected = self._dropped = 0
        self._first_arrival = self._last_arrival = 0  # of what is staged, ns UTC
        self._oldest: dict[object, int | None] = {}  # by reader
        self._gap_reason: tuple[int | None, str] | None = None
        self._newest: int | None = None
        self._closed = False
        self._unchecked = False  # whether ready batches are staged, which nobody has looked into
        self.schema = schema
        self.thin: Callable[[Batch], Batch] | None = None
        self.dead: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS)
        self.reasons: Counter[str] = Counter()
        self.gaps: deque[Gap] = deque(maxlen=GAPS)
        self.gap_count = 0
        # When the newest rows of the two last drains came, ns UTC.
        self.arrivals: tuple[int | None, int | None] = (None, None)

    def push(self, data: Data) -> int:
        """Take rows from user code: all of them, or none and an error that says why.

        Of a ready `Batch`, rows beyond the horizon are found at the drain: dead letters.
        """
        arrival = self._now()
        if isinstance(data, Batch) and data.schema is self.schema:
            return self._stage(data, arrival, unchecked=True)
        return self._stage(self._whole(data, arrival), arrival)

    def emit(self, data: Data) -> int:
        """Take rows from a source: those that fit; the others become dead letters."""
        arrival = self._now()
        try:
            batch, bad = self._fitting(data, arrival)
        except SchemaError as error:
            self._receive_bad([(data, str(error))], arrival, count_rows(data))
            return 0
        batch, beyond = self._within(batch)
        self._receive_bad([*bad, *self._letters(beyond)], arrival, len(bad) + len(beyond))
        return self._stage(batch, arrival)

    def reject(self, payload: object, reason: str) -> None:
        """Count one message that could not be read, and keep it with its reason."""
        self._receive_bad([(payload, reason)], self._now(), 1)

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Note a gap. Without a stop it reaches to the next row that arrives."""
        with self._lock:
            if stop is None:
                self._gap_reason = (start, reason)
            else:
                self._note_gap(start, stop, reason)

    def gaps_since(self, count: int) -> tuple[int, list[Gap]]:
        """Return how many gaps there have been, and those after the first `count` of them."""
        with self._lock:
            fresh = min(self.gap_count - count, len(self.gaps))
            return self.gap_count, list(self.gaps)[len(self.gaps) - fresh :]

    def drain(self) -> None:
        """Carry all that is staged into the store. From any thread; one at a time."""
        with self._draining:
            with self._lock:
                staged, size = self._take_staged()
                unchecked, self._unchecked = self._unchecked, False
            if not staged:
                return
            stored = filtered = rejected = 0
            letters: list[tuple[object, str]] = []
            try:
                batch = concat(staged)
                if unchecked:
                    batch, beyond = self._within(batch)
                    rejected, letters = len(beyond), self._letters(beyond)
                kept = batch if self.thin is None else self.thin(batch)
                self._store(kept)
                stored, filtered = len(kept), len(batch) - len(kept)
            finally:
                with self._lock:
                    self._drained_rows = 0
                    self._stored += stored
                    self._filtered += filtered
                    self._bury(letters, self._last_arrival, rejected)
                    # More than 0 only on an error.
                    self._dropped += size - stored - filtered - rejected

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
            return Account(
                self._received,
                self._stored,
                self._filtered,
                self._rejected,
                self._dropped,
                self._staged_rows + self._drained_rows,
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
        if self._agree(schema) is schema:
            return batch
        return Batch.of(data, self.schema, arrival=arrival)

    def _fitting(self, data: Data, arrival: int) -> tuple[Batch, list[tuple[object, str]]]:
        """Return the rows that fit the schema, and the others with their reasons."""
        if isinstance(data, Batch) and data.schema is self.schema:
            return data, []
        schema = self.schema or self._agree(self._infer(data))
        return sift(data, schema, arrival, self._needs)

    def _within(self, batch: Batch) -> tuple[Batch, Batch]:
        """Return the rows before the horizon, and those beyond it."""
        beyond = self._horizon.beyond(batch)
        if beyond is None:
            return batch, batch.take(slice(0))
        return batch.take(~beyond), batch.take(beyond)

    def _letters(self, beyond: Batch) -> list[tuple[object, str]]:
        """Return letters for rows beyond the horizon, of the newest if they are many."""
        rows = beyond.take(slice(-DEAD_LETTERS, None)).rows() if len(beyond) else ()
        return [(row, self._horizon.reason) for row in rows]

    def _agree(self, schema: Schema) -> Schema:
        """Return the stream's schema: this one, unless another thread was first."""
        with self._lock:
            if self.schema is None:
                self.schema = schema
            return self.schema

    def _stage(self, batch: Batch, arrival: int, *, unchecked: bool = False) -> int:
        """Put rows in the queue and return how many; each push of each thread comes by here."""
        size = len(batch.columns[0])  # spares a call
        if not size:
            return 0
        with self._lock:
            if self._closed:
                raise ClosedError("the stream was closed: it takes no more data")
            if self._gap_reason is not None:
                start, reason = self._gap_reason
                self._gap_reason = None
                self._note_gap(start, int(batch.times[0]), reason)
            if not self._staged:
                self._first_arrival = arrival
            self._last_arrival = arrival
            self._unchecked |= unchecked
            self._staged.append(batch)
            self._staged_rows += size
            self._received += size
        if self._staged_rows >= STAGED_ROWS:
            self.drain()
        return size

    def _take_staged(self) -> tuple[list[Batch], int]:
        """Take all that is staged, and note for its readers when it came. Under the lock."""
        if not self._staged:
            return [], 0  # never the list itself: once the lock is given back, it may fill
        self._newest = self._edge()
        staged, size = self._staged, self._staged_rows
        self._staged, self._staged_rows, self._drained_rows = [], 0, size
        self.arrivals = self.arrivals[1], self._last_arrival
        for reader, oldest in self._oldest.items():
            if oldest is None:
                self._oldest[reader] = self._first_arrival
        return staged, size

    def _edge(self) -> int | None:
        """Return the time of the last row taken, ns UTC."""
        return int(self._staged[-1].times[-1]) if self._staged else self._newest

    def _note_gap(self, start: int | None, stop: int, reason: str) -> None:
        begin = start if start is not None else self._edge()
        if begin is not None and stop > begin:
            self.gaps.append(Gap(begin, stop, reason))
            self.gap_count += 1

    def _receive_bad(self, bad: list[tuple[object, str]], arrival: int, rows: int) -> None:
        """Count `rows` rows that come in and are rejected at once."""
        if bad:
            with self._lock:
                self._received += rows
                self._bury(bad, arrival, rows)

    def _bury(self, bad: list[tuple[object, str]], arrival: int, rows: int) -> None:
        """Keep letters of `rows` rejected rows; a table refused whole is one. Under the lock."""
        for payload, reason in bad:
            self.dead.append(DeadLetter(arrival, reason, payload))
            known = reason in self.reasons or len(self.reasons) < MOST_REASONS
            self.reasons[reason if known else OTHER_REASONS] += 1
        self._rejected += rows

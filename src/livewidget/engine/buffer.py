"""BufferManager: what arrived, kept in memory and behind it, and read back by one query."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from livewidget.buffers.advice import advise
from livewidget.buffers.budget import Budget
from livewidget.buffers.consumers import Consumer
from livewidget.buffers.ring import DEFAULT_BYTES, Lease, RingBuffer
from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock, SystemClock
from livewidget.data.duration import seconds
from livewidget.data.errors import ClosedError, SchemaError, SettingError, quote
from livewidget.data.history import EVER, Answer
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.engine.archive import Archive
from livewidget.engine.bounds import bounds, width_of
from livewidget.engine.export import export, to_dataframe
from livewidget.engine.figures import Gauge
from livewidget.engine.keeping import HISTORY_BYTES, Keep, Keeping
from livewidget.engine.memory import Memory
from livewidget.engine.timed import timed
from livewidget.storage.planner import Planner
from livewidget.storage.resolve import store_for

if TYPE_CHECKING:
    import pandas as pd


class BufferManager:
    """What one stream keeps: a ring in memory, what has aged behind it, and a store behind that.

    In memory: `retention` is how long rows stay in the ring (a duration, None: all that fit),
    `max_rows` bounds them whatever their age, `max_bytes` the memory (256 MiB by default; less
    where the `budget` of the process has less to give). `overflow` says what happens to rows that
    do not fit, see `RingBuffer`; with "resize" `max_rows` grows up to `most_rows`, and shrinks
    `cool_down` later. Rows later than `horizon` (a duration; None: all are taken) are counted and
    left out. With `history`, what leaves the ring is kept for so long, compressed and then as
    summaries, in `history_bytes` at most, see `AgedBuffer`; `tolerance` names columns that may come
    back off by so much. Rows that `keep` chooses (the name of a column that is not 0 there, or a
    function of a batch to a mask) outlive the others. `by` names the column of keys.

    Behind it: `store` is a folder, a URL of Redis or PostgreSQL, a `Store`, or a list of them, the
    fastest first, with `store_options` such as `sync`, `retention` or `password`. The buffer is
    then durable: rows are written ahead at once, and count as stored once they are in the store.
    With `backup` (a duration) they are written at that interval instead.

    The schema is that of the first batch, or of what the store holds, unless given. Every method
    may be called from any thread; those that read a store block. Raises SettingError, and what the
    store raises where it cannot be opened. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        schema: Schema | None = None,
        *,
        retention: object = None,
        max_rows: int | None = None,
        max_bytes: int = DEFAULT_BYTES,
        overflow: str = "drop_oldest",
        most_rows: int | None = None,
        cool_down: object = 60.0,
        horizon: object = None,
        by: str | None = None,
        history: object = None,
        history_bytes: int = HISTORY_BYTES,
        tolerance: Mapping[str, float] | None = None,
        keep: Keep | None = None,
        store: object = None,
        store_options: Mapping[str, Any] | None = None,
        backup: object = None,
        budget: Budget | None = None,
        name: str = "buffer",
        clock: Clock | None = None,
    ) -> None:
        self._keeping = Keeping(
            retention=retention,
            max_rows=max_rows,
            max_bytes=max_bytes,
            overflow=overflow,
            most_rows=most_rows,
            cool_down=cool_down,
            horizon=horizon,
            by=by,
            history=history,
            history_bytes=history_bytes,
            tolerance=tolerance,
            keep=keep,
        )
        if store is None and (backup is not None or store_options):
            raise SettingError("backup and store_options are those of a store: name one")
        self.name = name
        self.window_s: float | None = None  # what the longest reader asks for
        self.filled = False  # whether rows have been appended
        self._clock = clock or SystemClock()
        self._memory: Memory | None = None
        self._planner: Planner | None = None
        self._closed = False
        self.consumers = self._keeping.consumers(self._clock)
        self.gauge = Gauge(self._keeping, self.consumers, budget, self._clock)
        self._lock = self.gauge.lock
        self._archive: Archive | None = None
        if store is not None:
            self._open(store, store_options or {}, backup)
        if (schema := schema or self.schema) is not None:
            self._begin(schema)

    # -- in

    @property
    def archive(self) -> Archive | None:
        """The store and the thread that writes to it, or None without one."""
        return self._archive

    @property
    def schema(self) -> Schema | None:
        """The schema, or None before the first batch."""
        if self._memory is not None:
            return self._memory.schema
        return None if self._archive is None else self._archive.store.schema

    @property
    def by(self) -> str | None:
        """The column of keys, or None."""
        return self._keeping.by

    @property
    def ring(self) -> RingBuffer | None:
        """The ring to read from by leases, or None before the first batch."""
        return None if self._memory is None else self._memory.ring

    @property
    def has_past(self) -> bool:
        """Whether more is kept than what is in the ring."""
        memory = self._memory
        return self._archive is not None or (memory is not None and memory.aged is not None)

    @property
    def ring_since(self) -> int:
        """The time (ns UTC) from which on all rows are in the ring."""
        return -EVER if self._memory is None else self._memory.ring_since

    @property
    def full(self) -> bool:
        """Whether a source that can wait should: rows would be refused, or could not be written."""
        ring, archive = self.ring, self._archive
        return (self._keeping.blocks and ring is not None and ring.full) or (
            archive is not None and archive.ahead.full
        )

    @property
    def fails(self) -> bool:
        """Whether the store cannot be written to now: nobody knows for how long."""
        return self._archive is not None and bool(self._archive.ahead.error)

    @property
    def holds(self) -> bool:
        """Whether it can become `full` at all: who pushes has to look."""
        return self._keeping.blocks or self._archive is not None

    @property
    def unwritten(self) -> tuple[int, int]:
        """Rows that wait to be written and rows that were given up, where the buffer is durable."""
        if self._archive is None or not self._archive.durable:
            return 0, 0
        return self._archive.ahead.waiting, self._archive.ahead.lost

    def on_room(self, call: Callable[[], object]) -> None:
        """Have `call` called, on any thread, where it may not be `full` any longer."""
        self.consumers.moved.tell(call)
        if self._archive is not None:
            self._archive.ahead.on_room = call

    def append(self, batch: Batch) -> Batch:
        """Keep the rows of `batch`; return those that were taken, the others are counted.

        Raises SchemaError where its schema is another, ClosedError once it is closed.
        """
        if self._closed and self._archive is not None:
            raise ClosedError(f"the {self.name} was closed: its store takes no more rows")
        with self._lock:
            if self._memory is None:
                self._begin(batch.schema)
            memory = self._memory
            assert memory is not None
            if batch.schema != memory.schema:
                raise SchemaError(f"the buffer holds {memory.schema}, got {batch.schema}")
        self.gauge.make_way(memory, len(batch))
        with self._lock:
            self.filled = True
            row = memory.ring.head
            taken = memory.ring.take(batch)
            if self._archive is not None and len(taken):
                self._archive.put(taken, row)
        if len(taken):
            self.consumers.notify()
            self.gauge.note(memory, len(taken))
        return taken

    async def written(self) -> None:
        """Return once what was appended so far is in the store; at once where it is not durable."""
        if self._archive is not None and self._archive.durable:
            await self._archive.ahead.settled()

    def flush(self, timeout: float = 20.0) -> bool:
        """Wait until what was appended is in the store; return whether it is, after `timeout` s."""
        return self._archive is None or self._archive.ahead.flush(timeout)

    def keep(self, *, retention: object = None, max_rows: int | None = None) -> None:
        """Change for how long and how many rows are kept in the ring at most."""
        with self._lock:
            self._keeping.change(retention, max_rows, self.ring)

    def consumer(self, name: str, *, policy: str = "skip", start: int | None = None) -> Consumer:
        """Return a reader of every row with a cursor of its own, see `Consumers.add`.

        One of that name that was recovered goes on where it stood.
        """
        return self.consumers.add(name, policy=policy, start=start)

    def recover(self, max_age: object = "24h") -> int:
        """Restore from the store what is younger than `max_age`, and the consumers' positions.

        To be called before anything is appended. `max_age` is a duration, or None for all; what
        does not fit into memory stays in the store, as ever. Returns how many rows were restored.
        Positions come back from a store with a folder in it. Raises SettingError where there is no
        store or rows have come already, StoreError where it cannot be read.
        """
        age = None if max_age is None else seconds(max_age, "max_age")
        return self.restore(-EVER if age is None else self._clock.now() - round(age * 1e9))

    def restore(self, since: int) -> int:
        """As `recover`, from a time (ns UTC) on."""
        archive = self._archive
        if archive is None:
            raise SettingError("there is nothing to recover from: the buffer has no store")
        if self.ring is not None and self.ring.head:
            raise SettingError("recover comes first: rows have been appended already")
        memory = self._memory
        if memory is None:  # a store with rows knows their columns
            return 0
        rows = 0
        since = archive.since(since, memory.ring.most_rows)
        for number, batch in archive.rows_since(since):
            self.gauge.make_way(memory, len(batch))
            with self._lock:
                archive.place(number, memory.ring.head)
                rows += len(memory.ring.take(batch))
        archive.place(None, memory.ring.head)
        memory.before = since
        self.consumers.restore(archive.positions())
        return rows

    # -- out

    def query(
        self, start: object = None, stop: object = None, *, points: int | None = None
    ) -> Answer:
        """Answer for a range from all that is kept: memory, and each tier of the store.

        The bounds are anything `pandas.Timestamp` takes (naive is UTC), or None. With `points`
        only the rows that stand for so many points of a picture, else all. Ranges that cannot be
        read now are named in `Answer.missing`.
        """
        low, high = bounds(start, stop)
        if points is None:
            return self.ask(low, high)
        if points < 1:
            raise SettingError(f"points is at least 1, got {quote(points)}")
        held = self.span()
        if held is None:
            return self.ask(low, high)
        low, high = max(low, held[0]), min(high, held[1] + 1)
        return self.ask(low, max(low, high), width_of(low, high, points))

    def ask(self, start: int, stop: int, width: int = 0) -> Answer:
        """As `query`, in ns UTC, and at a `width` (ns) that `sketches.ladder.snap` returns."""
        if self._planner is None:
            return Answer(iter(()))
        return timed(self._planner.query(start, stop, width=width), self.gauge.queries)

    def prefetch(self, start: int, stop: int, width: int) -> None:
        """Have the cache hold what a reader of [start, stop) may scroll to next. Blocks."""
        if self._planner is not None:
            self._planner.prefetch(start, stop, width)

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time kept, ns UTC, or None where nothing is."""
        return None if self._planner is None else self._planner.span()

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield rows of a range as `History.read` does, but for what `ask` says is missing."""
        return self.ask(start, stop, width).batches

    def snapshot(self, start: object = None, stop: object = None) -> Batch | None:
        """Return a copy of the rows in memory with start <= time < stop; None before any."""
        low, high = bounds(start, stop)
        memory = self._memory
        if memory is None:
            return None
        return concat([Batch.empty(memory.schema), *memory.read(low, high)])

    def lease(self, start: int | None = None, stop: int | None = None) -> Lease | None:
        """Return views of rows by number, or None before the first batch; see `RingBuffer`."""
        return None if self.ring is None else self.ring.lease(start, stop)

    def codes(self, column: str, text: Text) -> npt.NDArray[np.int32]:
        """Return the codes of text in the ring's dictionary of a column, which learns it."""
        ring = self.ring
        assert ring is not None
        with self._lock:
            return ring.dictionaries[column].recode(text)

    def to_dataframe(
        self, start: object = None, stop: object = None, tz: str | None = "UTC", **options: Any
    ) -> pd.DataFrame:
        """Return the rows of a range, all by default; see `engine.export.to_dataframe`."""
        return to_dataframe(self, start, stop, tz, **options)

    def export(
        self,
        path: str | os.PathLike[str],
        start: object = None,
        stop: object = None,
        **options: Any,
    ) -> int:
        """Write a range to a file: CSV, Parquet, Arrow or JSON lines; return its rows.

        See `livewidget.engine.export.export`, which takes the `options`.
        """
        return export(self, path, start, stop, **options)

    def to_csv(self, path: str | Path, start: object = None, stop: object = None) -> None:
        """Write the rows of a range to a CSV file."""
        self.export(path, start, stop, format="csv")

    def to_parquet(self, path: str | Path, start: object = None, stop: object = None) -> None:
        """Write the rows of a range to a Parquet file. Needs the extra `arrow`."""
        self.export(path, start, stop, format="parquet")

    def stats(self) -> dict[str, Any]:
        """Return the figures: rows, capacity, memory, fill (0 to 1), drops by reason, and so on."""
        return self.gauge.stats(self._memory, self._archive)

    def advice(self) -> list[str]:
        """Return what should be changed, in plain words with the numbers behind it."""
        return advise(self.gauge.figures(self._memory, self._archive, self.window_s))

    # -- life

    def close(self) -> None:
        """Write what waits, wake who waits, close the store. What is in memory can be read still.

        Takes up to some seconds where the store is slow. Again is no error.
        """
        self._closed = True
        if self._archive is not None:
            self._archive.part()
        self.consumers.close()
        self.gauge.leave()
        if self._memory is not None:
            self._memory.close()
        if self._archive is not None:
            self._ending()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, store: object, options: Mapping[str, Any], backup: object) -> None:
        opened = store_for(store, by=self.by, **options)
        pause = None if backup is None else seconds(backup, "backup")
        self._archive = Archive(opened, self.consumers.positions, backup_s=pause)
        self._ending = weakref.finalize(self, self._archive.close)  # an interpreter's end, too

    def _begin(self, schema: Schema) -> None:
        """Make the memory: the columns are known now."""
        known = self.schema
        if known is not None and schema != known:
            raise SchemaError(f"the store holds {known}, got {schema}")
        memory = self._keeping.memory(schema, self.consumers, self._clock)
        tiers = [] if self._archive is None else self._archive.tiers
        if self._archive is not None:
            memory.before = self._archive.whole_from
        cache = None if self._archive is None else self._archive.cache
        self._planner = Planner([memory, *tiers], self.by, cache=cache, clock=self._clock)
        self._memory = memory
        self.gauge.join(self.name, memory)

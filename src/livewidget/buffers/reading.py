"""What can be read of a ring: leases, snapshots, and ranges of time."""

from __future__ import annotations

from collections.abc import Iterator

from livewidget.buffers.lease import Lease
from livewidget.buffers.levels import Levels, Piece, Run, chosen_again
from livewidget.buffers.storage import Storage
from livewidget.buffers.zones import Zones, scan
from livewidget.data.batch import Batch
from livewidget.data.history import EVER, check_range, chunks
from livewidget.data.schema import Schema
from livewidget.data.text import Dictionary, Text
from livewidget.sketches.outstanding import cut

EDGE = 8  # times narrower is the level that the edges of a range are read from


class Readable:
    """The rows [tail, head) of a ring as its readers see them, in any thread.

    `held` is the storage and the levels of its rows, which are swapped as one. `disorder` is the
    row from which on none is older than one before it.
    """

    schema: Schema
    head: int
    tail: int
    disorder: int
    held: tuple[Storage, Levels]
    dictionaries: dict[str, Dictionary]

    def __len__(self) -> int:
        return self.head - self.tail

    def is_sorted(self, start: int) -> bool:
        """Say whether no row from `start` on is older than one kept before it."""
        return self.disorder <= max(start, self.tail)

    def lease(self, start: int | None = None, stop: int | None = None) -> Lease:
        """Return views of logical rows [start, stop), cut to what is kept."""
        stop = self.head if stop is None else min(stop, self.head)
        start = self.tail if start is None else max(start, self.tail)
        return Lease(self.schema, self.held[0], min(start, stop), stop, self.dictionaries)

    def snapshot(self, start: int | None = None, stop: int | None = None) -> Batch:
        """Return a copy of logical rows [start, stop), cut to what is kept, in order of arrival.

        Rows that a writer overwrote during the copying are no longer kept.
        """
        while True:
            lease = self.lease(start, stop)
            batch = lease.copy()
            if lease.valid:
                return batch
            if lease.overtaken < len(lease):
                return batch.take(slice(lease.overtaken, None))

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC, or None where nothing is."""
        lease = self.lease()
        if self.is_sorted(lease.start) and len(lease):
            low, high = int(lease.times[0]), int(lease.times[-1])
            if lease.valid:
                return low, high
        times = self.snapshot().times
        return (int(times.min()), int(times.max())) if len(times) else None

    def read(self, start: int, stop: int, *, width: int = 0, first: int = 0) -> Iterator[Batch]:
        """Yield the rows with start <= time < stop as `History.read` does.

        The rows are copied at the call, all of one moment; those that a writer overwrote during
        the copying are no longer kept. Only rows numbered `first` and on: those before `handed`
        whoever took them has too. The first reads with a `width` build levels, some 60 ns a row;
        later ones cost what they return.
        """
        check_range(start, stop, width)
        storage, levels = self.held
        with levels.lock:
            # A storage that was swapped meanwhile has no later rows than it was told to write.
            stop_row = min(self.head, storage.reserved)
            begin = min(max(self.tail, storage.oldest), stop_row)
            lease = Lease(self.schema, storage, begin, stop_row, self.dictionaries)
            disorder = self.disorder
            runs: tuple[Run, ...] = ()
            if width:
                runs = levels.runs(lease, start, stop, self._levels_bytes())
            elif disorder > begin:
                levels.zones = levels.zones.extended(lease)
            zones = levels.zones
        lease = lease.part(min(max(begin, first), stop_row), stop_row)
        batch = _Read(lease, zones, disorder, levels.by).read(start, stop, width, runs)
        return chunks(self._told(batch))

    def _levels_bytes(self) -> int:
        raise NotImplementedError

    def _told(self, batch: Batch) -> Batch:
        """Return a batch with the text that its codes stand for."""
        if not self.dictionaries:
            return batch
        columns = (
            Text(column.codes, self.dictionaries[name].categories)
            if isinstance(column, Text)
            else column
            for name, column in zip(self.schema.names, batch.columns, strict=True)
        )
        return Batch(self.schema, tuple(columns))


class _Read:
    """One read: the rows of a lease, some of which levels stand for."""

    def __init__(self, lease: Lease, zones: Zones, disorder: int, by: str | None) -> None:
        self._lease = lease
        self._zones = zones
        self._disorder = disorder
        self._by = by

    def read(self, start: int, stop: int, width: int, runs: tuple[Run, ...]) -> Batch:
        lease = self._lease
        if not width:
            return self._rows(lease.start, lease.stop, start, stop)
        at = lease.start
        pieces: list[Piece] = []
        for run in runs:
            if run.stop <= at or run.high < start or run.low >= stop:
                at = max(at, run.stop) if run.start <= at else at
                continue
            if at < run.start:
                pieces.append((self._rows(at, run.start, start, stop), 0))
            pieces += self._of_run(run, start, stop, width, width)
            at = run.stop
        pieces.append((self._rows(at, lease.stop, start, stop), 0))
        return chosen_again(pieces, width, self._by)

    def _rows(self, low: int, high: int, start: int, stop: int) -> Batch:
        low, high = (min(max(each, self._lease.start), self._lease.stop) for each in (low, high))
        return scan(self._lease.part(low, high), self._zones, self._disorder, start, stop)

    def _of_run(self, run: Run, start: int, stop: int, width: int, most: int) -> list[Piece]:
        """Return what stands for a run: whole buckets from its levels, the edges from narrower.

        Buckets with rows that are no longer here, or not asked for, are edges too.
        """
        rung = run.serving(width, most)
        low = start if start > run.low or not rung else run.low // rung * rung
        if run.start < self._lease.start:
            gone = self._zones.greatest(run.start, self._lease.start)
            low = max(low, EVER if gone is None else gone + 1)
        high = stop if stop <= run.high or not rung else (run.high // rung + 1) * rung
        if rung:
            low, high = -(-low // rung) * rung, high // rung * rung
        if not rung or low >= high:
            return [(self._rows(run.start, run.stop, start, stop), 0)]
        pieces: list[Piece] = [(cut(run.levels[rung], low, high), rung)]
        if start < low and low > run.low:
            pieces[:0] = self._of_run(run, start, low, rung, rung // EDGE)
        if high < stop and high <= run.high:
            pieces += self._of_run(run, high, stop, rung, rung // EDGE)
        return pieces

"""What an aged buffer held at one moment, as its readers see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from livewidget.buffers.parcel import Parcel, Unpacked
from livewidget.buffers.segment import MINUTE, SECOND, Segment
from livewidget.buffers.summaries import part_of, summaries
from livewidget.buffers.tally import tally
from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.history import CHUNK_ROWS, EVER, check_range, chunks
from livewidget.data.schema import Schema
from livewidget.data.text import Dictionary, Text
from livewidget.sketches.ladder import serves
from livewidget.sketches.outstanding import cut, in_order, join


@dataclass(frozen=True, slots=True)
class State:
    """All of a buffer at one moment, in order of arrival.

    Segments, then batches of as many rows that wait to be packed, then those that are still few.
    `gone` are the greatest times of rows that are no longer there as they came, by what stands
    for their second, and by what stands for their minute; `newest` is that of all segments.
    """

    segments: tuple[Segment, ...] = ()
    closed: tuple[Batch, ...] = ()
    staged: tuple[Batch, ...] = ()
    taken: int = 0
    newest: int = -EVER
    gone: tuple[int, ...] = (-EVER - 1,) * 3

    @property
    def loose(self) -> tuple[Batch, ...]:
        """The rows that are in no segment yet."""
        return (*self.closed, *self.staged)

    @property
    def loose_rows(self) -> int:
        """How many those are."""
        return sum(map(len, self.loose))


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows with start <= time < stop; `low` is the least time they can have."""

    low: int
    place: int  # in the order of arrival
    rows: Parcel | Batch
    start: int
    stop: int


_Taken = tuple[int, Batch]  # place in the order of arrival, and rows by rising time


class AgedView:
    """An immutable snapshot; it keeps in memory what it shows. Any thread may read it."""

    def __init__(
        self,
        schema: Schema,
        by: str | None,
        state: State,
        dictionaries: Mapping[str, Dictionary],
        unpacked: Unpacked,
    ) -> None:
        self.schema = schema
        self.by = by
        self._state = state
        self._dictionaries = dictionaries
        self._unpacked = unpacked

    @property
    def taken(self) -> int:
        """How many rows had been taken."""
        return self._state.taken

    def since(self, width: int = 0) -> int:
        """Return from when on, ns UTC, no row that was taken is missing; -EVER where none is.

        With a `width`, from when on buckets of that width are stood for whole.
        """
        finest = 2 if serves(MINUTE, width) else 1 if serves(SECOND, width) else 0
        return self._state.gone[finest] + 1

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC, or None where nothing is."""
        lows = [segment.low for segment in self._state.segments]
        highs = [segment.high for segment in self._state.segments]
        lows += [int(batch.times.min()) for batch in self._state.loose]
        highs += [int(batch.times.max()) for batch in self._state.loose]
        return (min(lows), max(highs)) if lows else None

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield the rows with start <= time < stop as `History.read` does.

        Where rows have aged, those that stand for each second or minute come in their place;
        buckets that these divide are answered as if nothing were missing.
        """
        check_range(start, stop, width)
        return self._read(start, stop, width)

    def summaries(self, start: int, stop: int, every: int) -> Batch:
        """Return figures of each bucket of 1 s or 1 min that begins in [start, stop).

        `every` is in ns. Columns: the time (the bucket's start), "every" (its width: a minute
        where seconds are asked for and no longer held), the key, and of each column of numbers
        `_count`, `_sum`, `_min`, `_max`, `_first`, `_last`, NaN passed over, and `_p50`, `_p95`,
        `_p99`, within 0.8 % of the value or what `AgedBuffer.stats` says as "quantile_error".
        Rows that were let go are not in them. Raises SettingError for another `every`, or a range
        that ends before it starts.
        """
        check_range(start, stop, every)
        if every not in (SECOND, MINUTE):
            raise SettingError(f"every: {every} ns, expected 1 s or 1 min in ns")
        parts = []
        for segment in self._state.segments:
            if segment.high >= start and segment.low < stop + MINUTE:
                part = part_of(segment, every, self.by, self._unpacked.batch)
                parts += [] if part is None else [part]
        for rows in map(in_order, self._state.loose):
            parts.append((tally(rows, every, self.by), rows))
        batch = summaries(self.schema, self.by, parts, start, stop)
        return self._told(batch, batch.schema)

    def _read(self, start: int, stop: int, width: int) -> Iterator[Batch]:
        """Take in parcels by their first time; what comes before the next one's is complete."""
        taken: list[_Taken] = []
        for source in self._sources(start, stop, width):
            edge = source.low // width * width if width else source.low
            if edge > start and sum(len(rows) for _, rows in taken) >= CHUNK_ROWS:
                yield from self._answer(taken, start, edge, width)
                taken = [(place, cut(rows, edge, stop)) for place, rows in taken]
                taken = [each for each in taken if len(each[1])]
                start = edge
            taken.append((source.place, self._rows(source)))
        yield from self._answer(taken, start, stop, width)

    def _sources(self, start: int, stop: int, width: int) -> list[_Source]:
        """Return where the rows of a range are, by the first time they can have."""
        found = [
            _Source(max(low, parcel.low), place, parcel, low, high)
            for place, segment in enumerate(self._state.segments)
            for parcel, low, high in segment.cuts(start, stop, width)
        ]
        places = range(len(self._state.segments), EVER)
        for place, batch in zip(places, self._state.loose, strict=False):
            first = max(start, int(batch.times.min()))
            found.append(_Source(first, place, batch, start, stop))
        return sorted(found, key=lambda source: source.low)

    def _rows(self, source: _Source) -> Batch:
        rows = source.rows
        whole = self._unpacked.batch(rows) if isinstance(rows, Parcel) else in_order(rows)
        return cut(whole, source.start, source.stop)

    def _answer(self, taken: list[_Taken], start: int, stop: int, width: int) -> Iterator[Batch]:
        # Of equal times those that came first stay first.
        parts = [rows for _, rows in sorted(taken, key=lambda each: each[0])]
        for batch in chunks(join(parts, start, stop, width, self.by)):
            yield self._told(batch, self.schema)

    def _told(self, batch: Batch, schema: Schema) -> Batch:
        """Return the columns of a schema, with the text that their codes stand for."""
        columns = (
            Text(column.codes, self._dictionaries[name].categories)
            if isinstance(column, Text)
            else column
            for name, column in zip(schema.names, batch.columns, strict=False)
        )
        return Batch(schema, tuple(columns))

"""The older past of one stream, in memory: packed, and in levels as it ages."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.buffers.agedview import AgedView, State
from livewidget.buffers.heap import shared_heap
from livewidget.buffers.parcel import Unpacked, row_bytes
from livewidget.buffers.segment import FAN, KEPT, MARK, RAW, STAGES, Segment, Shape, mergeable
from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SchemaError, SettingError, quote
from livewidget.data.history import CHUNK_ROWS
from livewidget.data.schema import Field, Kind, Schema, unknown_column
from livewidget.data.text import Dictionary, Text
from livewidget.sketches.quantiles import ERROR

__all__ = ["DEFAULT_BYTES", "AgedBuffer", "AgedView"]

DEFAULT_BYTES = 64 * 2**20
LEAST_BYTES = 2**16  # below, a segment has no rows worth packing
SEGMENT_ROWS = CHUNK_ROWS
FEWEST_ROWS = 256  # of a segment, where memory is short
PARTS = 16  # a segment takes one part in so many of the memory at most, before it is packed
SHARES = (6, 4, 5, 1)  # of the memory, by stage: raw rows, 1 s, 1 min, what is kept
WAITING = 2  # segments that may wait for another thread to pack them
CACHE = 16  # what was read last stays unpacked in one part in so many of the memory

Keep = Callable[[Batch], npt.NDArray[np.bool_]]


class AgedBuffer:
    """Rows behind the hot ring, which gives it what it lets go: `RingBuffer(on_evict=it.append)`.

    They are packed in segments of 65,536 rows (fewer where `max_bytes` is small), without loss or
    within `tolerance`, the greatest error of a float column by its name. A segment ages once its
    rows are older than the newest by `raw` ns, or while all take more than `max_bytes`: then what
    stands for each second is left of it, later what stands for each minute, at last nothing. A
    stage that would not save anything is passed over; for want of memory alone, never for `raw`.
    Segments with all rows older than `retention` ns go whole.

    Rows in the mask `keep(batch)` outlive all that but the retention, as many as fit in one part
    in 16 of the memory. `by` names a text column whose keys are told apart.

    `append` is for one thread at a time; `fit` and `max_bytes` for any, and any thread may read
    meanwhile. Packing is done in `append`, or where `submit` takes a job to, an executor's
    `submit` for one: then `append` does it itself only while three segments wait.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        by: str | None = None,
        max_bytes: int = DEFAULT_BYTES,
        retention: int | None = None,
        raw: int | None = None,
        tolerance: Mapping[str, float] | None = None,
        keep: Keep | None = None,
        compress: bool = True,
        submit: Callable[[Callable[[], object]], object] | None = None,
        name: str = "memory",
    ) -> None:
        _check(schema, by, tolerance or {})
        self.schema = schema
        self.by = by
        self.name = name
        self.retention = retention
        self.raw = raw
        self.let_go = 0  # rows that nothing stands for any more
        self.kept_let_go = 0  # rows that were to be kept, and for which there was no room
        self._keep = keep
        self._submit = submit
        fields = (*schema.fields, *([] if keep is None else [Field(MARK, Kind.TEXT)]))
        self._inner = Schema(fields, schema.time)
        self._dictionaries = {
            field.name: Dictionary() for field in schema.fields if field.kind is Kind.TEXT
        }
        self._shape = Shape(by, dict(tolerance or {}), compress=compress)
        self._state = State()
        self._bytes = [0] * len(STAGES)
        self._cache = Unpacked(0)
        self._packing = threading.Lock()  # held by who makes segments or changes which there are
        self._lock = threading.Lock()  # held, for a moment, by who puts another state in place
        self._most = max_bytes
        self.max_bytes = max_bytes

    @property
    def max_bytes(self) -> int:
        """The most memory it takes, bytes; a lower one ages and lets go at once."""
        return self._most

    @max_bytes.setter
    def max_bytes(self, most: int) -> None:
        if most < LEAST_BYTES:
            raise SettingError(f"max_bytes is at least {LEAST_BYTES:,}, got {most!r}")
        self._most = most
        self._cache.most = most // CACHE
        rows = most // (PARTS * row_bytes(self._inner))
        self._segment_rows = max(FEWEST_ROWS, min(SEGMENT_ROWS, rows))
        self.fit()

    @property
    def taken(self) -> int:
        """How many rows have been taken so far."""
        return self._state.taken

    @property
    def nbytes(self) -> int:
        """Memory in bytes: segments, rows not yet packed, and what was unpacked for readers."""
        return sum(self._bytes) + self._loose_bytes() + self._cache.nbytes

    def append(self, batch: Batch) -> None:
        """Take rows, in order of arrival. Raises SchemaError where their schema is another."""
        if batch.schema != self.schema:
            raise SchemaError(f"the buffer holds {self.schema}, got {batch.schema}")
        if not len(batch):
            return
        inner = self._bare(batch)
        start = 0
        while start < len(inner):
            room = max(1, self._segment_rows - sum(map(len, self._state.staged)))
            full = self._stage(inner.take(slice(start, start + room)))
            start += room
            if full and self._submit is not None and len(self._state.closed) <= WAITING:
                self._submit(self._settle)
            elif full:
                self._settle()

    def view(self) -> AgedView:
        """Return what is held now, as it stays for whoever reads it."""
        return AgedView(self.schema, self.by, self._state, self._dictionaries, self._cache)

    def since(self, width: int = 0) -> int:
        """Return from when on, ns UTC, no row that was taken is missing; see `AgedView.since`."""
        return self.view().since(width)

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC, or None where nothing is."""
        return self.view().span()

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield the rows of a range as they are at the call; see `AgedView.read`."""
        return self.view().read(start, stop, width=width)

    def summaries(self, start: int, stop: int, every: int) -> Batch:
        """Return figures of buckets of 1 s or 1 min; see `AgedView.summaries`."""
        return self.view().summaries(start, stop, every)

    def fit(self, max_bytes: int | None = None) -> None:
        """Age, then let go, until all fits in `max_bytes` (the setting where None)."""
        most = self._most if max_bytes is None else max_bytes
        with self._packing:
            if self._loose_bytes() > self._coming(most):
                with self._lock:
                    self._state = _closed(self._state)
            while self._state.closed and self._loose_bytes() > self._coming(most):
                self._pack()
            self._cache.shrink(most // CACHE)
            self._fit(most)

    def stats(self) -> dict[str, Any]:
        """Return figures: rows, bytes, their ratio, and how much has aged."""
        state = self._state
        parcels = [parcel for segment in state.segments for parcel in segment.parcels]
        loose = state.loose_rows
        packed = sum(parcel.nbytes for parcel in parcels)
        plain = sum(parcel.raw_nbytes for parcel in parcels)
        stages = Counter(STAGES[segment.stage] for segment in state.segments)
        errors = [segment.tally.error for segment in state.segments if segment.tally is not None]
        raw = sum(segment.rows for segment in state.segments if segment.stage == RAW)
        return {
            "rows": loose + sum(segment.size for segment in state.segments),
            "raw_rows": loose + raw,
            "aged_rows": state.taken - self.let_go - loose - raw,
            "let_go": self.let_go,
            "kept_let_go": self.kept_let_go,
            "nbytes": self.nbytes,
            "raw_nbytes": plain + loose * row_bytes(self._inner),
            "ratio": plain / packed if packed else 1.0,
            "quantile_error": max(errors, default=ERROR),
            "segments": dict(stages),
            "codecs": dict(Counter(codec for parcel in parcels for codec in parcel.codecs)),
        }

    def _bare(self, batch: Batch) -> Batch:
        """Return a batch with its text as codes, and its marks."""
        columns = [
            Text(self._dictionaries[name].recode(column), ())
            if isinstance(column, Text)
            else column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        if self._keep is not None:
            columns.append(Text(np.asarray(self._keep(batch), dtype=bool).astype(np.int32), ()))
        return Batch(self._inner, tuple(columns))

    def _stage(self, batch: Batch) -> bool:
        """Hold rows in parts that halve in size: few. Say whether they are a segment now."""
        with self._lock:
            state = self._state
            staged = [*state.staged, batch]
            while len(staged) > 1 and len(staged[-2]) < 2 * len(staged[-1]):
                staged[-2:] = [concat(staged[-2:])]
            state = replace(state, staged=tuple(staged), taken=state.taken + len(batch))
            full = sum(map(len, staged)) >= self._segment_rows
            self._state = _closed(state) if full else state
        return full

    def _settle(self) -> None:
        """Pack the first of the closed batches, and make room for the next; in any thread."""
        with self._packing:
            if self._state.closed:  # else the writer did not wait for another thread to do it
                rows = len(self._state.closed[0])
                self._pack()
                self._ripen()
                self._fit(self._most)
                shared_heap().used(rows * row_bytes(self._inner))

    def _pack(self) -> None:
        state = self._state
        segment = self._shape.close(state.closed[0], state.newest)
        self._bytes[RAW] += segment.nbytes
        with self._lock:
            state = self._state
            self._state = replace(
                state,
                segments=(*state.segments, segment),
                closed=state.closed[1:],
                newest=max(state.newest, segment.high),
            )

    def _ripen(self) -> None:
        """Age what is older than `raw`, where that saves anything; let go of what is too old."""
        newest, place = self._state.newest, 0
        # By the last rows: where a clock was set back, those before it lie in the future.
        present = self._state.segments[-1].high if self._state.segments else newest
        while place < len(self._state.segments):
            segment = self._state.segments[place]
            if self.retention is not None and segment.high < present - self.retention:
                self._put(place, None)
                continue
            if self.raw is not None and segment.high < newest - self.raw and segment.by_second:
                place = self._age(place)
            place += 1

    def _loose_bytes(self) -> int:
        return self._state.loose_rows * row_bytes(self._inner)

    def _coming(self, most: int) -> int:
        """Return the bytes to leave free for rows that are not yet packed."""
        row = row_bytes(self._inner)
        segment = max(FEWEST_ROWS * row, min(SEGMENT_ROWS * row, most // PARTS))
        return min(most // 2, segment * (1 if self._submit is None else 2 + WAITING))

    def _fit(self, most: int) -> None:
        """Age the stage that has most beside its share, until rows to come find room, too."""
        most -= most // CACHE + self._coming(most)
        while sum(self._bytes) > most and self._state.segments:
            stage = max(range(len(STAGES)), key=lambda it: self._bytes[it] / SHARES[it])
            stages = [segment.stage for segment in self._state.segments]
            self._age(stages.index(stage))

    def _age(self, place: int) -> int:
        """Have a segment age by a stage, and merge what it becomes with what is before it.

        Return the place where that is now.
        """
        segment = self._state.segments[place]
        if segment.stage == KEPT:
            self.kept_let_go += segment.size
        self._put(place, self._shape.older(segment))
        while mergeable(self._state.segments[: place + 1], self._segment_rows):
            parts = self._state.segments[place + 1 - FAN : place + 1]
            self._put(place, self._shape.merged(parts), fewer=FAN - 1)
            place -= FAN - 1
        return place

    def _put(self, place: int, segment: Segment | None, *, fewer: int = 0) -> None:
        """Put a segment in the place of one, and of `fewer` before it; None for nothing.

        `since` moves with the rows, in one assignment: no reader sees the one without the other.
        """
        segments = self._state.segments
        old = segments[place - fewer : place + 1]
        new = () if segment is None else (segment,)
        stage = len(STAGES) if segment is None else segment.stage
        if stage >= KEPT:
            self.let_go += sum(each.rows for each in old if each.stage < KEPT)
        for sign, each in ((-1, old), (1, new)):
            for it in each:
                self._bytes[it.stage] += sign * it.nbytes
        high = max(each.high for each in old)
        gone = tuple(
            max(gone, high) if finest < stage else gone
            for finest, gone in enumerate(self._state.gone)
        )
        segments = (*segments[: place - fewer], *new, *segments[place + 1 :])
        with self._lock:
            self._state = replace(self._state, segments=segments, gone=gone)


def _closed(state: State) -> State:
    """Return a state whose staged rows, if any, wait to be packed."""
    if not state.staged:
        return state
    return replace(state, closed=(*state.closed, concat(state.staged)), staged=())


def _check(schema: Schema, by: str | None, tolerance: Mapping[str, float]) -> None:
    if by is not None and schema.kind(by) is not Kind.TEXT:
        raise SettingError(f"by: {quote(by)} is of kind {schema.kind(by)}, expected a text column")
    for name, error in tolerance.items():
        if name not in schema.names:
            raise unknown_column(name, schema.names)
        if schema.kind(name) is not Kind.FLOAT or not 0 <= error < np.inf:
            raise SettingError(
                f"tolerance of {quote(name)} ({schema.kind(name)}): {error!r}, expected a number "
                "from 0 up, of a float column"
            )

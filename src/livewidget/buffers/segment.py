"""A part of the older past, closed: its rows, what stands for them, and how it ages.

A segment is raw at first. Then what stands for each second is left of it, then what stands for
each minute, at last the rows that were marked to be kept. Nothing in it changes: to age is to make
another segment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from livewidget.buffers.parcel import Packer, Parcel
from livewidget.buffers.tally import PackedTally, merged, tally
from livewidget.data.batch import Batch, concat
from livewidget.data.history import EVER
from livewidget.data.text import Text
from livewidget.sketches.ladder import LADDER, serves
from livewidget.sketches.outstanding import in_order, outstanding

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
RAW, SECONDS, MINUTES, KEPT = range(4)  # the stages of a segment's life
WIDTHS = (0, SECOND, MINUTE, EVER)  # what its rows stand for whole at each, ns
STAGES = ("raw", "1 s", "1 min", "kept")
SAVES = 4  # times fewer rows than there were: less is not worth a level
BROAD_ROWS = 4096  # rows a bucket from which choosing is next to free: one level more
FAN = 8  # neighbours that are merged at once: each row is packed anew once in so many times more
MARK = "\0kept"  # the column of marks, text of which only the codes matter: 1 is to be kept

Cut = tuple[Parcel, int, int]  # a parcel's rows with start <= time < stop


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows that came one after another, `rows` of them, with times from `low` to `high` (ns UTC).

    `base` is what is left of them, the late ones apart; `levels` has what stands for wider
    buckets, by their width, and includes `base` once it stands for buckets itself.
    """

    stage: int
    rows: int
    low: int
    high: int
    base: tuple[Parcel, ...]
    levels: dict[int, Parcel]
    tally: PackedTally | None
    parcels: tuple[Parcel, ...] = field(init=False)  # all of them, each once
    nbytes: int = field(init=False)  # memory in bytes

    def __post_init__(self) -> None:
        parcels = tuple(dict.fromkeys((*self.base, *self.levels.values())))
        packed = 0 if self.tally is None else self.tally.nbytes
        object.__setattr__(self, "parcels", parcels)
        object.__setattr__(self, "nbytes", packed + sum(parcel.nbytes for parcel in parcels))

    @property
    def size(self) -> int:
        """How many rows are left."""
        return sum(parcel.size for parcel in self.base)

    @property
    def by_second(self) -> bool:
        """Whether it is raw, and what stands for its seconds would save something."""
        return self.stage == RAW and SECOND in self.levels

    def cuts(self, start: int, stop: int, width: int) -> list[Cut]:
        """Return the fewest rows that answer for [start, stop) at `width` (0: all).

        A level serves whole buckets only: the edges of the range come from `base`. What is left of
        a bucket that is cut is given where nothing finer is left.
        """
        if stop <= self.low or start > self.high:
            return []
        rung = max((each for each in self.levels if serves(each, width)), default=0)
        low = start if start <= self.low or not rung else -(-start // rung) * rung
        high = stop if stop > self.high or not rung else stop // rung * rung
        if not rung or low >= high:
            return self._of_base(start, stop)
        inner = [(self.levels[rung], low, high)]
        return self._of_base(start, low) + inner + self._of_base(high, stop)

    def standing(self, width: int) -> tuple[Parcel, ...]:
        """Return the fewest rows that tell first, last and extremes of buckets of `width`."""
        rung = max((each for each in self.levels if serves(each, width)), default=0)
        return (self.levels[rung],) if rung else self.base

    def _of_base(self, start: int, stop: int) -> list[Cut]:
        return [
            (parcel, start, stop)
            for parcel in self.base
            if start < stop and start <= parcel.high and parcel.low < stop
        ]


class Shape:
    """How segments are made: by which keys, within which errors, packed or plain.

    `close` is for one thread at a time, and so are `older` and `merged`, beside it.
    """

    def __init__(
        self,
        by: str | None = None,
        tolerance: Mapping[str, float] | None = None,
        *,
        compress: bool = True,
    ) -> None:
        self.by = by
        self._closing = Packer(tolerance, compress=compress)
        # Once is enough: off by the tolerance twice would be off by more than it.
        self._ageing = Packer(compress=compress)

    def close(self, batch: Batch, newest: int) -> Segment:
        """Return the segment of rows in order of arrival, one at least.

        `newest` is the greatest time before them. Rows behind it are laid apart, so that one that
        is very late does not have a reader of its time unpack all.
        """
        ordered = in_order(batch)
        timely = int(np.searchsorted(ordered.times, newest))
        parts = [ordered.take(slice(timely)), ordered.take(slice(timely, None))]
        levels = self._levels(ordered)
        packer = self._closing
        width = next((each for each in (SECOND, MINUTE) if each in levels), 0)
        return Segment(
            RAW,
            len(batch),
            int(ordered.times[0]),
            int(ordered.times[-1]),
            tuple(Parcel(part, packer, at) for at, part in enumerate(parts) if len(part)),
            {each: Parcel(level, packer, each) for each, level in levels.items()},
            PackedTally(tally(ordered, width, self.by), len(batch), packer, width)
            if width
            else None,
        )

    def older(self, segment: Segment) -> Segment | None:
        """Return what is left of a segment one stage on; None where nothing is.

        A stage that would not save anything is passed over.
        """
        levels = segment.levels
        if segment.by_second:
            return self._aged(segment, SECONDS, levels[SECOND], segment.tally)
        if segment.stage == SECONDS or (segment.stage == RAW and MINUTE in levels):
            assert segment.tally is not None
            return self._aged(
                segment,
                MINUTES,
                levels.get(MINUTE) or self._level(segment.base[0].batch(), MINUTE),
                self._tally([segment.tally], MINUTE, segment.rows),
            )
        if segment.stage == KEPT:
            return None
        base = in_order(concat([parcel.batch() for parcel in segment.base]))
        kept = base.take(_marked(base))
        return (
            self._aged(segment, KEPT, Parcel(kept, self._ageing, KEPT), None) if len(kept) else None
        )

    def merged(self, parts: Sequence[Segment]) -> Segment:
        """Return one segment of neighbours that `mergeable` names."""
        stage, width = parts[0].stage, WIDTHS[parts[0].stage]
        whole = in_order(concat([part.base[0].batch() for part in parts]))
        tallies = [part.tally for part in parts if part.tally is not None]
        rows = sum(part.rows for part in parts)
        both = Segment(
            stage,
            rows,
            min(part.low for part in parts),
            max(part.high for part in parts),
            (),
            {MINUTE: self._level(whole, MINUTE)} if stage == SECONDS else {},
            None,
        )
        base = Parcel(whole, self._ageing, KEPT) if stage == KEPT else self._level(whole, width)
        return self._aged(both, stage, base, self._tally(tallies, width, rows) if tallies else None)

    def _aged(
        self, segment: Segment, stage: int, base: Parcel, packed: PackedTally | None
    ) -> Segment:
        levels = {} if stage == KEPT else {WIDTHS[stage]: base}
        if stage == SECONDS and MINUTE in segment.levels:
            levels[MINUTE] = segment.levels[MINUTE]
        # Of what is kept alone the first and the last row need not be.
        low, high = (base.low, base.high) if stage == KEPT else (segment.low, segment.high)
        return Segment(stage, segment.rows, low, high, (base,), levels, packed)

    def _levels(self, ordered: Batch) -> dict[int, Batch]:
        span = int(ordered.times[-1] - ordered.times[0])
        place = bisect_left(LADDER, span * BROAD_ROWS // len(ordered))
        levels: dict[int, Batch] = {}
        for width in sorted({SECOND, MINUTE, *LADDER[place : place + 1]}):
            below = levels[max(levels)] if levels else ordered
            level = self._chosen(below, width)
            if SAVES * len(level) <= len(ordered):
                levels[width] = level
        return levels

    def _chosen(self, batch: Batch, width: int) -> Batch:
        """Return the rows that stand for buckets of a width, and those marked to be kept."""
        chosen = np.zeros(len(batch), dtype=bool)
        chosen[outstanding(batch, width, self.by)] = True
        return batch.take(chosen | _marked(batch))

    def _level(self, batch: Batch, width: int) -> Parcel:
        return Parcel(self._chosen(batch, width), self._ageing, width)

    def _tally(self, parts: Sequence[PackedTally], width: int, rows: int) -> PackedTally:
        whole = merged([part.tally() for part in parts], width)
        return PackedTally(whole, rows, self._ageing, width)


def mergeable(segments: Sequence[Segment], most: int) -> bool:
    """Say whether the last `FAN` become one: aged alike, none too long beside the others."""
    last = segments[-FAN:]
    rows = sum(each.size for each in last)
    return (
        len(last) == FAN
        and all(RAW < each.stage == last[-1].stage for each in last)
        and 2 * last[0].size <= rows <= most
    )


def _marked(batch: Batch) -> npt.NDArray[np.bool_]:
    if MARK not in batch.schema.names:
        return np.zeros(len(batch), dtype=bool)
    marks = batch[MARK]
    assert isinstance(marks, Text)
    return np.equal(marks.codes, 1)

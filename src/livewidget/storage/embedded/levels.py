"""The levels of a closed partition: rows that stand for buckets, in blocks of a few thousand."""

from __future__ import annotations

from collections.abc import Iterator

from livewidget.data.batch import Batch, concat
from livewidget.data.history import chunks
from livewidget.sketches.ladder import LADDER
from livewidget.sketches.outstanding import in_order, stand_for
from livewidget.storage.embedded.blocks import Block
from livewidget.storage.embedded.rows import pack

SAVES = 8  # times fewer rows than the partition has: narrower levels cost more disk than time
STEP = 2  # times fewer rows than the level below
BLOCK_ROWS = 1 << 13  # rows of a level that are decoded at once, in a tenth of a ms
_SAMPLE = 1 << 14  # rows that are tried first
_SLICE = 1 << 16  # rows that the cache of a processor holds: 4 times faster than all at once


def levels_of(batch: Batch, by: str | None) -> dict[int, Batch]:
    """Return the levels of a partition, whose rows may be in any order, from the narrowest."""
    whole = in_order(batch)
    for width in _widths(whole, by):
        parts = [stand_for(part, width, by) for part in chunks(whole, _SLICE)]
        base = stand_for(concat(parts), width, by)
        if len(base) * SAVES <= len(whole):
            return _above(width, base, by)
    return {}


def _above(width: int, base: Batch, by: str | None) -> dict[int, Batch]:
    """Return a level and those that are made of it, each from the one below."""
    levels = {width: base}
    span = int(base.times[-1] - base.times[0])
    below = base
    for wider in LADDER:
        if wider <= width or len(below) < 2 * STEP:
            continue
        level = stand_for(below, wider, by)
        if STEP * len(level) <= len(below):
            levels[wider] = below = level
        if wider > span:
            break
    return levels


def blocks_of(levels: dict[int, Batch]) -> Iterator[tuple[Block, bytes]]:
    """Yield the blocks of levels, with their bytes."""
    for width, level in levels.items():
        for part in chunks(level, BLOCK_ROWS):
            edges = int(part.times[0]), int(part.times[-1])
            yield Block(width, *edges, len(part)), pack(part)


def _widths(whole: Batch, by: str | None) -> Iterator[int]:
    """Yield the rungs that may save enough, by what they do to some rows in the middle."""
    if len(whole) < 2 * SAVES:
        return
    middle = max(0, (len(whole) - _SAMPLE) // 2)
    sample = whole.take(slice(middle, middle + _SAMPLE))
    rows, span = len(sample), int(sample.times[-1] - sample.times[0])
    for width in LADDER:
        # A bucket stands for two rows at least, so narrower ones cannot save enough.
        if width * rows >= 2 * SAVES * span:
            sample = stand_for(sample, width, by)
            if len(sample) * SAVES <= rows or width > span:
                yield width

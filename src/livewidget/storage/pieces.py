"""Streams of batches cut so that each piece is final: no bucket and no time is parted."""

from __future__ import annotations

from collections.abc import Iterator

from livewidget.data.batch import Batch, concat
from livewidget.data.history import chunks
from livewidget.sketches.outstanding import cut, join

Piece = tuple[Batch | None, int]


def floor(time: int, width: int) -> int:
    """Return where the bucket of a time begins; the time itself where `width` is 0."""
    return time // width * width if width else time


def pieces(stream: Iterator[Batch], start: int, stop: int, width: int) -> Iterator[Piece]:
    """Yield (rows, edge): all rows of a read of [start, stop) before `edge` have come then.

    The rows of a stream's newest time (of its newest bucket, where there is a `width`) are held
    back until something later comes: a stream that breaks off can so be gone on with, at the last
    edge, from elsewhere. The last edge is `stop`. None for no rows.
    """
    held: Batch | None = None
    edge = start
    for batch in stream:
        pool = batch if held is None else concat([held, batch])
        newest = max(edge, floor(int(pool.times[-1]), width))
        if newest > edge:
            yield cut(pool, edge, newest), newest
            held, edge = cut(pool, newest, stop), newest
        else:
            held = pool
    yield held, stop


def rechosen(rows: Iterator[Batch], width: int, by: str | None) -> Iterator[Batch]:
    """Yield the rows that stand for buckets of `width`, from those of parts in turn."""
    held: Batch | None = None
    for batch in rows:
        pool = batch if held is None else concat([held, batch])
        first, last = int(pool.times[0]), int(pool.times[-1])
        edge = floor(last, width)
        done = join([pool], first, edge, width, by) if edge > first else None
        yield from chunks(done)
        held = cut(pool, edge, last + 1)
    if held is not None:
        yield from chunks(join([held], int(held.times[0]), int(held.times[-1]) + 1, width, by))

"""How a streamer begins on a buffer that holds rows already: it goes on where it was."""

from __future__ import annotations

from livewidget.data.batch import concat
from livewidget.data.clock import Clock
from livewidget.data.schema import Schema
from livewidget.engine.bookmark import Bookmark
from livewidget.engine.buffer import BufferManager
from livewidget.engine.line import Line
from livewidget.pipeline.clean import Deduplicate
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.sequence import Sequence
from livewidget.sources.base import Source


def buffer_of(schema: Schema | None, by: str | None, store: object, clock: Clock) -> BufferManager:
    """Return a buffer of the streamer's own, with what its store holds of the last day."""
    buffer = BufferManager(schema, by=by, store=store, clock=clock)
    if store is not None:
        buffer.recover()
    return buffer


def bookmark_of(source: Source | None, buffer: BufferManager) -> Bookmark | None:
    """Return what keeps how far the source has read, where the buffer is durable."""
    archive = buffer.archive
    if source is None or archive is None or not archive.durable:
        return None
    bookmark = Bookmark(source, archive)
    bookmark.open()
    return bookmark


def guards(unique: str | None, sequence: str | None, buffer: BufferManager) -> list[Operator]:
    """Return what sees to numbers that rise by one, and to ids that were there before."""
    found: list[Operator] = [] if sequence is None else [Sequence(sequence)]
    if unique is None:
        return found
    guard = Deduplicate(unique)
    # In the store's last rows, too: by the times of its events what came last may be old.
    known = [] if buffer.archive is None else buffer.archive.last(guard.memory)
    if buffer.ring is not None:
        known.append(buffer.ring.snapshot(buffer.ring.head - guard.memory))
    if known and unique in known[0].schema.names:
        guard.remember(concat(known))
    return [*found, guard]


def note_gaps(buffer: BufferManager, line: Line, *, went_on: bool) -> None:
    """Note the gaps that the store tells of, and the time since, unless the source `went_on`.

    Those that come are kept beside the rows from now on. Where another streamer fills the buffer
    already, there is none.
    """
    if buffer.filled:
        return
    intake = line.intake
    if buffer.archive is not None:
        intake.recall(buffer.archive.gaps())
        buffer.archive.watch_gaps(lambda: list(intake.gaps))
    held = None if went_on else buffer.span()
    if held is not None:  # what came meanwhile is not known
        line.gap(held[1], None, "nothing was running")

"""How a streamer begins on a buffer that holds rows already: it goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import TYPE_CHECKING

from livewidget.data.batch import concat
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema
from livewidget.engine.bookmark import Bookmark
from livewidget.engine.buffer import BufferManager
from livewidget.engine.checkpoint import Checkpoint, Checkpoints
from livewidget.engine.line import Line
from livewidget.engine.outputs import Cursor, Output
from livewidget.pipeline.clean import Deduplicate
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.sequence import Sequence
from livewidget.sinks.base import Sink
from livewidget.sources.base import Outlet, Source

if TYPE_CHECKING:
    from livewidget.engine.runner import Runner
    from livewidget.engine.streamer import DataStreamer

LAST_S = 5.0  # for the last checkpoint of a stream that reads one that is stopped


def buffer_of(schema: Schema | None, by: str | None, store: object, clock: Clock) -> BufferManager:
    """Return a buffer of the streamer's own, with what its store holds of the last day."""
    buffer = BufferManager(schema, by=by, store=store, clock=clock)
    if store is not None:
        buffer.recover()
    return buffer


def bookmark_of(
    source: Source | None,
    buffer: BufferManager,
    line: Line,
    checkpoint: Checkpoints | str | None,
    clock: Clock,
) -> Bookmark | None:
    """Return what keeps how far the source has read, where the buffer is durable.

    It keeps the operators' state, too, in the buffer's store or, where that keeps none and
    `checkpoint` gives it a name, in that of the stream that is the source. Raises SettingError
    where it cannot.
    """
    archive = buffer.archive
    settings = Checkpoints(checkpoint) if isinstance(checkpoint, str) else checkpoint
    pushed = source is None
    if source is None:
        if settings is not None:
            raise SettingError("checkpoint is for a stream with a source to be read again")
        if archive is None or not archive.keeps_state or line.flow is None:
            return None
        source = Pushed()
    home = archive if archive is not None and archive.keeps_state else None
    if home is None and settings is not None:
        home = getattr(source, "home", None)
    bookmark: Bookmark
    if home is not None and line.flow is not None:
        settings = settings or Checkpoints()
        bookmark = Checkpoint(source, home, archive, line, settings, clock, once=pushed)
    elif settings is not None:
        raise SettingError(
            f"checkpoint={checkpoint!r} needs a place for the state: give the DataStreamer that is "
            "read, or this one, a folder as its store"
        )
    elif archive is None or not archive.durable:
        return None
    else:
        bookmark = Bookmark(source, archive)
    bookmark.open()
    return bookmark


class Pushed(Source):
    """Stands for data that is pushed, which nobody can ask for again."""

    name = "push"

    async def run(self, outlet: Outlet) -> None:
        """Bring nothing."""


def cursor_of(buffer: BufferManager, sink: Sink, others: Several[Output]) -> Cursor | None:
    """Return what keeps how far an output has come, where the buffer's rows have numbers."""
    archive = buffer.archive
    if archive is None or not archive.keeps_state:
        return None
    like = sum(each.name == sink.name for each in others)
    return Cursor(archive, f"{sink.name} {like + 1}" if like else sink.name)


class Until:
    """Stands in a stream for one that reads it, and keeps its state in its store."""

    def __init__(self, reader: Runner) -> None:
        self._reader = reader

    def close(self) -> None:
        """Wait until the reader has ended, and its state is kept; not for ever."""
        if self._reader.started:
            self._reader.ended.wait(LAST_S)


def tie(streamer: DataStreamer, bookmark: Bookmark | None, runner: Runner) -> None:
    """Have a bookmark wait for the streamer's outputs, and the stream that is read for it."""
    if bookmark is None:
        return
    bookmark.delivered = streamer.delivered
    source = bookmark.source
    if isinstance(bookmark, Checkpoint) and bookmark.archive is getattr(source, "home", None):
        source.streamer.attach(Until(runner))  # type: ignore[attr-defined]  # a StreamSource


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

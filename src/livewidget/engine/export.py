"""A range of any `History` in a file, or in a DataFrame."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from livewidget.data.batch import Batch, concat
from livewidget.data.clock import Clock
from livewidget.data.errors import ExportCancelledError, SchemaError, SettingError
from livewidget.data.events import Gap
from livewidget.data.history import CHUNK_ROWS, History
from livewidget.data.schema import Schema
from livewidget.engine.bounds import bounds
from livewidget.engine.gaps import marked_batch
from livewidget.engine.progress import Cancel, Meter, Progress
from livewidget.engine.writers import check_zone, format_of, well_formed, writer

if TYPE_CHECKING:
    import pandas as pd


def export(
    history: History,
    path: str | os.PathLike[str],
    start: object = None,
    stop: object = None,
    *,
    format: str | None = None,  # noqa: A002  (the word that users look for)
    tz: str | None = "UTC",
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    gaps: Sequence[Gap] = (),
    clock: Clock | None = None,
) -> int:
    """Write the rows with start <= time < stop to a file, by rising time; return how many.

    `start` and `stop` are anything `pandas.Timestamp` takes (naive is UTC), or None for all. The
    format is "csv", "parquet", "arrow" or "jsonl", by the suffix where it is None. Times are exact
    to the nanosecond, in the zone `tz`. What is missing is null, in CSV nothing, which there text
    of no characters is as well; NaN is null in JSON lines. Lone surrogates become U+FFFD. Where
    there are `gaps`, the first row behind each tells of it in a column of that name.

    Takes the memory of a chunk of `CHUNK_ROWS` rows or so, whatever the range. The file is
    written under another name beside and takes its own once it is whole: one that is cancelled
    (`cancel` is asked at each chunk), interrupted or fails leaves what was there.

    Raises ExportCancelledError, SettingError for bounds, a zone, a format or a path that cannot
    be, SchemaError where there are no columns yet, OSError where the disk fails, and what the
    history raises. Blocks; any thread.
    """
    span = bounds(start, stop)
    target = Path(os.path.realpath(path))
    form = format_of(Path(path), format)
    check_zone(tz)
    _check_target(target)
    schema = _schema(history)
    batches = _read(history, span, progress, cancel, clock)
    if gaps:
        schema = marked_batch(Batch.empty(schema), ()).schema
        batches = _marked(batches, gaps)
    with _replacing(target) as file:
        rows = 0
        with contextlib.closing(writer(form, file, schema, tz)) as out:
            for batch in batches:
                out.write(well_formed(batch))
                rows += len(batch)
        return rows


def to_dataframe(
    history: History,
    start: object = None,
    stop: object = None,
    tz: str | None = "UTC",
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    gaps: Sequence[Gap] = (),
) -> pd.DataFrame:
    """Return the rows of a range as a DataFrame, which takes its memory; see `export`."""
    import pandas as pd

    check_zone(tz)
    batches = list(_read(history, bounds(start, stop), progress, cancel))
    if not batches and history.schema is None:
        return pd.DataFrame()
    batch = concat(batches) if batches else Batch.empty(_schema(history))
    del batches
    if not gaps:
        return batch.to_dataframe(tz)
    marked = marked_batch(batch, gaps)
    frame, notes = marked.to_dataframe(tz), marked.schema.names[-1]
    return frame.assign(**{notes: frame[notes].astype(object)})  # few are alike: no categories


def _read(
    history: History,
    span: tuple[int, int],
    progress: Progress | None,
    cancel: Cancel | None,
    clock: Clock | None = None,
) -> Iterator[Batch]:
    """Yield the rows of a range, `CHUNK_ROWS` or so at once; tell how far it is."""
    held = history.span() or (0, 0)
    meter = Meter(progress, (max(span[0], held[0]), min(span[1], held[1])), clock)
    parts: list[Batch] = []
    waiting = rows = 0
    for batch in history.read(*span):
        _check(cancel)
        parts.append(batch)
        waiting += len(batch)
        if waiting >= CHUNK_ROWS:
            yield concat(parts)
            rows, waiting, parts = rows + waiting, 0, []
        meter.reach(int(batch.times[-1]), rows + waiting)
    _check(cancel)
    if parts:
        yield concat(parts)
    meter.finish(rows + waiting)


def _check(cancel: Cancel | None) -> None:
    if cancel is not None and cancel.is_set():
        raise ExportCancelledError("the export was cancelled: nothing was written")


def _marked(batches: Iterator[Batch], gaps: Sequence[Gap]) -> Iterator[Batch]:
    after: int | None = None
    for batch in batches:
        yield marked_batch(batch, gaps, after)
        after = int(batch.times[-1])


def _schema(history: History) -> Schema:
    if history.schema is None:
        raise SchemaError("nothing has arrived yet: there are no columns to write")
    return history.schema


def _check_target(target: Path) -> None:
    if target.exists() and not target.is_file():
        raise SettingError(f"an export goes to a file, and {target} is none")
    if not target.parent.is_dir():
        raise SettingError(f"there is no folder {target.parent}")


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Give a file beside `target`, which takes its place at the end, or is removed."""
    beside = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with beside.open("wb") as file:
            yield file
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)

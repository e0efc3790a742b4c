"""A recording in a file, played again: CSV or Parquet of any size."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livewidget.data.batch import Batch, infer_schema, sift
from livewidget.data.errors import MissingExtraError, SchemaError, SettingError, SourceError, quote
from livewidget.data.events import State
from livewidget.data.records import columns_of
from livewidget.data.schema import Schema
from livewidget.sources.allow_list import check_allowed
from livewidget.sources.base import LoopClock, Outlet, Source
from livewidget.sources.pacing import Pacing
from livewidget.sources.replay import in_order
from livewidget.sources.worker import Worker

if TYPE_CHECKING:
    import pandas as pd

ROWS = 10_000  # read at once: some 20 ms of CSV, and a few MB
FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}

_Bad = list[tuple[object, str]]


class ReplayFile(Source):
    """Emits the rows of a CSV or Parquet file with the spacing of their times.

    The file is read in a thread, some rows at a time, as they are played: its size does not
    matter. `time`, `speed` and `rebase` are as of `Replay`; `columns` are those to read (None:
    all), the time among them; `format` is "csv" or "parquet" (None: as the name ends). With
    `repeat` it begins again at its end, for which `rebase` must be set: times do not go back.

    The rows are taken to lie in the order of their times: `ROWS` at a time are put in order, and
    one that comes later than that is passed on as it is. The first `ROWS` rows decide what the
    columns are; a row that does not fit them, or has no time, is rejected. Parquet needs the extra
    `arrow`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        time: str | None = None,
        speed: float = 1.0,
        rebase: bool = False,
        repeat: bool = False,
        columns: Sequence[str] | None = None,
        format: str | None = None,  # noqa: A002  (the word that users look for)
        clock: LoopClock | None = None,
    ) -> None:
        check_allowed("file")
        self._path = Path(path)
        self.name = f"replay of {path}"
        form = FORMATS.get(self._path.suffix.lower()) if format is None else format
        if form not in _READERS:
            raise SettingError(f"format is 'csv' or 'parquet', got {quote(form)} for {self.name}")
        if repeat and not rebase:
            raise SettingError("repeat=True needs rebase=True: the times would go back")
        if time is not None and columns is not None and time not in columns:
            columns = (time, *columns)
        self._read = _READERS[form]
        self._time = time
        self._columns = None if columns is None else list(columns)
        self._repeat = repeat
        self._pacing = Pacing(speed, rebase=rebase, clock=clock)

    async def run(self, outlet: Outlet) -> None:
        """Emit all rows, each when it is due, then return; begin again where it repeats."""
        outlet.state(State.LIVE)
        while await self._round(outlet) and self._repeat:
            continue

    async def _round(self, outlet: Outlet) -> int:
        """Play the file once; return how many rows it had."""
        chunks, rows = self._chunks(), 0
        self._pacing.begin()
        try:
            async with Worker("replay") as worker:
                while (chunk := await worker.call(lambda: next(chunks, None))) is not None:
                    batch, bad = chunk
                    for row, reason in bad:
                        outlet.reject(row, reason)
                    if batch is not None:
                        await self._pacing.play(in_order(batch), outlet)
                        rows += len(batch)
        finally:
            # A read that hangs is still within it, and lets go of it with its thread.
            with contextlib.suppress(ValueError):
                chunks.close()
        return rows

    def _chunks(self) -> Generator[tuple[Batch | None, _Bad], None, None]:
        """Yield the rows in order, some at a time, and what was rejected of them."""
        schema: Schema | None = None
        bad: _Bad = []
        try:
            for table in self._read(self._path, self._columns, bad):
                schema = schema or (_schema(table, self._time) if len(table) else None)
                batch, unfit = (None, []) if schema is None else sift(table, schema)
                yield batch, [*bad, *unfit]
                bad.clear()
            if bad:
                yield None, list(bad)
        except (OSError, ValueError) as error:
            raise SourceError(f"{self.name}: {_reason(error)}") from None


def _csv(path: Path, columns: list[str] | None, bad: _Bad) -> Iterator[pd.DataFrame]:
    """Yield the rows of a CSV file; those with too many cells go to `bad`."""
    import pandas as pd

    done = 0
    options: dict[str, Any] = {"usecols": columns, "chunksize": ROWS}
    try:
        with pd.read_csv(path, **options) as chunks:
            for chunk in chunks:
                yield chunk
                done += len(chunk)
    except pd.errors.ParserError:
        # The fast parser stops at a bad row; the slow one tells it, and goes on behind it.
        def refuse(cells: list[str]) -> None:
            bad.append((cells, "a row with more cells than there are columns"))

        with pd.read_csv(path, engine="python", on_bad_lines=refuse, **options) as chunks:
            for chunk in chunks:
                yield chunk.iloc[done:]
                done = max(0, done - len(chunk))


def _parquet(path: Path, columns: list[str] | None, bad: _Bad) -> Iterator[Any]:
    """Yield the rows of a Parquet file, by row groups and parts of them."""
    del bad  # in a file with types no row is bad before they are looked at
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "arrow") from None
    with parquet.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
        for name in columns or ():
            if name not in file.schema_arrow.names:
                raise SchemaError(f"there is no column {name!r}")
        yield from file.iter_batches(batch_size=ROWS, columns=columns, use_threads=False)


def _schema(table: Any, time: str | None) -> Schema:
    columns = columns_of(table)
    schema = infer_schema(columns, time)
    if schema.time not in columns:
        names = ", ".join(map(repr, columns))
        raise SchemaError(f"which column is the time? Name it with time=; the columns are {names}")
    return schema


_READERS: dict[str | None, Any] = {"csv": _csv, "parquet": _parquet}


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)

"""Record and replay: what a streamer stores, in a folder, and back as a source."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError
from livewidget.data.events import Gap
from livewidget.data.schema import Schema
from livewidget.engine.bounds import bounds
from livewidget.engine.export import export, to_dataframe
from livewidget.engine.thread import Engine
from livewidget.sources.base import LoopClock
from livewidget.sources.past import ReplayHistory
from livewidget.sources.worker import Worker
from livewidget.storage.base import Recoverable, Store

if TYPE_CHECKING:
    import pandas as pd

    from livewidget.engine.streamer import DataStreamer

log = logging.getLogger("livewidget")
MARK, GAPS, ROWS = "recording.json", "gaps.jsonl", "rows"
_STOP_S = 30.0
StoreFactory = Callable[[Path], Store]


def embedded(path: Path) -> Store:
    """Return the store that needs no server, of a folder."""
    store: Store = import_module("livewidget.storage.embedded").EmbeddedStore(path)
    return store


class Recorder:
    """Writes what a streamer holds, and stores from now on, to a folder until `stop`.

    A slow disk holds the source, and loses nothing. `rows` counts what is written; `error` says why
    it gave up. Raises SettingError for a folder that holds something already, unless it is a
    recording and to be replaced (`overwrite`) or continued (`append`). A context manager; any
    thread.
    """

    def __init__(
        self,
        streamer: DataStreamer,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        append: bool = False,
        engine: Engine | None = None,
        store_factory: StoreFactory = embedded,
    ) -> None:
        self.path = Path(path)
        self.rows = 0
        self.error = ""
        _prepare(self.path, overwrite=overwrite, append=append)
        self._engine = Engine.shared() if engine is None else engine
        self._streamer = streamer
        self._store = store_factory(self.path / ROWS)
        self._store.open(streamer.schema)
        self._first = self._store.rows
        self._gaps_seen = 0
        self._done = threading.Event()
        self._subscription = streamer.subscribe()
        self._engine.spawn(self._run(), f"livewidget-record-{self.path.name}")

    def stop(self) -> None:
        """Write what was stored until now, and end. Again is no error."""
        if not self._done.is_set():
            self._streamer.drain()
            self._subscription.close()
            self._subscription.end()
        if not self._engine.here:
            self._done.wait(_STOP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _run(self) -> None:
        try:
            async with Worker("record") as worker:
                async for batch, _ in self._subscription.read():
                    await worker.call(lambda batch=batch: self._write(batch))  # type: ignore[misc]
                await worker.call(self._write_gaps)
        except Exception as error:  # noqa: BLE001  (a disk may fail in any way; the stream goes on)
            self.error = str(error) or type(error).__name__
            log.warning("the recording %s was given up: %s", self.path.name, self.error)
        finally:
            self._subscription.close()
            self._store.close()
            self._done.set()

    def _write(self, batch: Batch) -> None:
        self._store.append(batch, self._first + self.rows)
        self.rows += len(batch)
        self._write_gaps()

    def _write_gaps(self) -> None:
        self._gaps_seen, gaps = self._streamer.gaps_since(self._gaps_seen)
        if gaps:
            with (self.path / GAPS).open("a", encoding="utf-8") as file:
                for gap in gaps:
                    line = {"start": gap.start, "stop": gap.stop, "reason": gap.reason}
                    file.write(json.dumps(line) + "\n")


class Recording:
    """What a `Recorder` wrote: a `History`, to look at, export and replay. Close it, or use `with`.

    One that was cut off has what was written. Raises SettingError for a folder that holds none.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, store_factory: StoreFactory = embedded
    ) -> None:
        self.path = Path(path)
        if not (self.path / MARK).is_file():
            raise SettingError(f"{self.path} holds no recording")
        self._store = store_factory(self.path / ROWS)
        self._store.open()

    @property
    def schema(self) -> Schema | None:
        """The schema of the rows, or None where nothing was recorded."""
        return self._store.schema

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._store.stats().rows

    @property
    def gaps(self) -> list[Gap]:
        """The gaps, in the order in which they were noted; a line that was cut off is left out."""
        gaps = []
        with contextlib.suppress(FileNotFoundError):
            for line in (self.path / GAPS).read_bytes().splitlines():
                with contextlib.suppress(ValueError):
                    gaps.append(Gap(**json.loads(line)))
        return gaps

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC, or None where nothing is."""
        return self._store.span()

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield rows of a range, see `livewidget.data.history.History.read`."""
        return self._store.read(start, stop, width=width)

    def as_it_came(self, start: int, stop: int) -> Iterator[Batch]:
        """Yield rows with start <= time < stop (ns UTC) in the order in which they came.

        In that of their times where the store does not tell.
        """
        store = self._store
        if not isinstance(store, Recoverable):
            yield from store.read(start, stop)
            return
        for _, batch in store.rows_from(store.first_since(start)):
            inside = (batch.times >= start) & (batch.times < stop)
            if inside.any():
                yield batch if inside.all() else batch.take(inside)

    def replay(
        self,
        speed: float = 1.0,
        start: object = None,
        stop: object = None,
        *,
        rebase: bool = False,
        clock: LoopClock | None = None,
    ) -> ReplayHistory:
        """Return a source of the rows of a range, as they came, and of the gaps.

        With their original spacing, divided by `speed`.
        """
        low, high = bounds(start, stop)
        name = self.path.name
        return ReplayHistory(
            self, low, high, self.gaps, speed=speed, rebase=rebase, name=name, clock=clock
        )

    def export(self, path: str | os.PathLike[str], *args: Any, **options: Any) -> int:
        """Write a range to a file, with the gaps; see `livewidget.engine.export.export`."""
        return export(self, path, *args, **{"gaps": self.gaps} | options)

    def to_dataframe(
        self, start: object = None, stop: object = None, tz: str | None = "UTC"
    ) -> pd.DataFrame:
        """Return the rows of a range as a DataFrame."""
        return to_dataframe(self, start, stop, tz)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _prepare(path: Path, *, overwrite: bool, append: bool) -> None:
    """Make the folder ready, or raise SettingError for why it cannot be."""
    if overwrite and append:
        raise SettingError("overwrite and append: a recording is one or the other")
    if path.exists() and not path.is_dir():
        raise SettingError(f"a recording is a folder, and {path} is a file")
    if (path / MARK).exists():
        if not (overwrite or append):
            raise SettingError(
                f"{path} holds a recording already: set overwrite=True or append=True"
            )
        if overwrite:
            shutil.rmtree(path / ROWS, ignore_errors=True)
            (path / GAPS).unlink(missing_ok=True)
    elif path.is_dir() and any(path.iterdir()):
        raise SettingError(f"{path} is not empty, and holds no recording")
    path.mkdir(parents=True, exist_ok=True)
    (path / MARK).write_text('{"version": 1}\n')

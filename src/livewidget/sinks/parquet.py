"""Files of Parquet, by pyarrow (the extra `arrow`)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from pathlib import Path
from typing import Any

from livewidget.data.arrow import to_arrow
from livewidget.data.batch import Batch, concat
from livewidget.data.errors import MissingExtraError, SettingError, SinkError, quote
from livewidget.sinks.base import NumberedSink
from livewidget.sinks.settings import check_one_of, check_seconds, check_whole, run_name

log = logging.getLogger("livewidget")
COMPRESSIONS = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")
SUFFIX = ".parquet"
_DIGITS = 12  # of a row's number in a name, so that names sort as the rows do


class ParquetSink(NumberedSink):
    """Writes files into a folder, or as a pattern says: `out/ticks-*.parquet`, `ticks.parquet`.

    In place of the star (before the suffix, where there is none) each name has the run and the
    number of the file's first row. A file is begun behind `rows` rows, or `seconds` after the first
    row of it came; it is under another name until it is on the disk as a whole. Rows of the file
    that is to come are in memory: what can not be written is kept and tried again, and rows that
    come again are known by their numbers. `compression` is "zstd", "snappy", "gzip", "lz4",
    "brotli" or "none". `run` of None makes a name of the time; a name of one's own is for the rows
    of a durable buffer, whose numbers outlive the process.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rows: int = 1_000_000,
        seconds: float = 60.0,
        compression: str = "zstd",
        run: str | None = None,
    ) -> None:
        check_whole("rows", rows, 1)
        check_seconds("seconds", seconds)
        check_one_of("compression", compression, COMPRESSIONS)
        self._folder, self._before, self._after = _pattern(os.fspath(path))
        self.name = f"{self._before}*{self._after} in {self._folder.name or self._folder}"
        self._rows, self._seconds, self._compression = rows, seconds, compression
        made = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(3)}"
        self._run = run_name(made if run is None else run)
        self._parts: list[Batch] = []  # of the file that is to come
        self._first = self._next = 0  # the numbers of its first row, and of the one behind
        self._writing = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.files = 0

    @property
    def counts(self) -> dict[str, int]:
        """Files that were written, and rows that wait for theirs."""
        return {"files": self.files, "in_memory": sum(map(len, self._parts))}

    async def open(self) -> None:
        """Make the folder. Raises SinkError, MissingExtraError."""
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise MissingExtraError("pyarrow", "arrow") from None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._failure(error) from None
        if self._parts:
            self._wind()

    async def write_from(self, batch: Batch, first: int) -> None:
        """Take rows, and write a file where they fill one. Raises SinkError."""
        fresh = batch.take(slice(max(0, self._next - first), None))
        if len(fresh):
            if not self._parts:
                self._first = max(first, self._next)
                self._wind()
            self._parts.append(fresh)
            self._next = first + len(batch)
        if sum(map(len, self._parts)) >= self._rows:
            await self._flush()

    async def close(self) -> None:
        """Write what is in memory; what cannot be written stays there for another `open`."""
        self._unwind()
        try:
            await self._flush()
        except SinkError as error:
            log.warning("%d rows are not in a file: %s", sum(map(len, self._parts)), error)

    async def _flush(self) -> None:
        async with self._writing:
            if not self._parts:
                return
            count = len(self._parts)
            batch = concat(self._parts)
            name = f"{self._before}{self._run}-{self._first:0{_DIGITS}}{self._after}"
            try:
                await asyncio.to_thread(self._store, batch, self._folder / name)
            except OSError as error:
                raise self._failure(error) from None
            self.files += 1
            del self._parts[:count]
            self._first += len(batch)
            self._unwind()
            if self._parts:
                self._wind()

    def _store(self, batch: Batch, path: Path) -> None:
        """Write a file, to be seen once it is on the disk."""
        from pyarrow import parquet

        table: Any = to_arrow(batch)
        hidden = path.with_name(f".{path.name}.part")
        try:
            with hidden.open("wb") as file:
                parquet.write_table(table, file, compression=self._compression)
                file.flush()
                os.fsync(file.fileno())
            hidden.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                hidden.unlink()
            raise
        if os.name == "posix":  # elsewhere a folder cannot be opened
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _wind(self) -> None:
        """Have the file written when its time is over."""
        self._unwind()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._start)

    def _unwind(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        task = asyncio.get_running_loop().create_task(self._flush_by_time())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush_by_time(self) -> None:
        try:
            await self._flush()
        except SinkError as error:
            log.warning("%s", error)
            self._wind()  # and again, until it can be

    def _failure(self, error: OSError) -> SinkError:
        return SinkError(f"{self.name} cannot be written: {error.strerror or error}")


def _pattern(path: str) -> tuple[Path, str, str]:
    """Return the folder of the files, and what their names begin and end with."""
    if not path:
        raise SettingError(f"path is a folder, or a pattern such as out/*.parquet, got {path!r}")
    place = Path(path)
    if not path.lower().endswith(SUFFIX):
        if "*" in path:
            raise SettingError(f"a pattern ends in {SUFFIX}, got {quote(path)}")
        return place, "", SUFFIX
    before, star, after = place.name.partition("*")
    if "*" in after or "*" in str(place.parent):
        raise SettingError(f"a pattern has one star, in the file's name, got {quote(path)}")
    return (place.parent, before, after) if star else (place.parent, f"{place.stem}-", SUFFIX)

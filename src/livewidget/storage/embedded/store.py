"""The embedded store: what comes in goes to a log, full logs become Parquet."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.history import check_range
from livewidget.data.schema import Schema
from livewidget.resilience.spool import united
from livewidget.storage.base import Store, StoreStats
from livewidget.storage.embedded import state
from livewidget.storage.embedded.closing import Closings, Keeper
from livewidget.storage.embedded.contents import Contents
from livewidget.storage.embedded.folder import ABOUT, LEVELS, LOGS, PARTS, About, Folder, told
from livewidget.storage.embedded.parquet import parquet
from livewidget.storage.embedded.reading import Asked, merged
from livewidget.storage.embedded.secret import Password, Secret
from livewidget.storage.embedded.settings import Settings, Sync, checked
from livewidget.storage.embedded.writing import Writing
from livewidget.storage.shelf import check_schema

log = logging.getLogger("livewidget")
PARTITION_ROWS = 1 << 20
CACHE_BYTES = 64 * 2**20


class EmbeddedStore(Store):
    """Rows in a folder at `path`: a checksummed log of the newest, Parquet for closed partitions.

    A partition is closed at `partition_rows` rows, or once its times have gone on by `partition_s`
    seconds. `by` is the text column whose keys each have levels of their own. `sync` says what
    `append` promises when it returns:

    - "strict": the rows are on the disk (fdatasync). Nothing is lost, whatever happens.
    - "interval": the system has them, and the disk at most `sync_s` seconds later. A process that
      is killed loses nothing; a power cut at most what came in the last `sync_s` seconds.
    - "os": the system has them, and writes them when it likes: on Linux within about 30 s. A
      process that is killed loses nothing.

    Closed partitions are on the disk before their log is removed, under each of them.

    `retention` (seconds, by the data's own times) and `max_bytes` let the oldest partitions go
    when one is closed. With a `password` (text, bytes, or what returns them; the extra `encrypt`)
    all rows are sealed by AES-256-GCM, and other tools cannot read the partitions; numbers and
    times of batches and partitions are in the clear. `readonly` opens beside a writer, in this
    process or another, and sees what was appended before each read. `repairs` says what was found
    damaged. Needs the extra `store`. See `layout.md` for the files.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        by: str | None = None,
        sync: Sync = "interval",
        sync_s: float = 1.0,
        partition_rows: int = PARTITION_ROWS,
        partition_s: float = 3600.0,
        retention: float | None = None,
        max_bytes: int | None = None,
        password: Password | None = None,
        readonly: bool = False,
    ) -> None:
        self._settings: Settings = checked(
            path,
            by=by,
            sync=sync,
            sync_s=sync_s,
            partition_rows=partition_rows,
            partition_s=partition_s,
            retention=retention,
            max_bytes=max_bytes,
            password=password,
            readonly=readonly,
        )
        self.name = name or str(self._settings.path)
        self.repairs: tuple[str, ...] = ()
        self._folder = Folder(self._settings.path, sync=sync != "os")
        self._contents = Contents(self._folder, CACHE_BYTES)
        self._writing: Writing | None = None
        self._closings: Closings | None = None
        self._keeper: Keeper | None = None
        self._open = False
        self._appending = threading.Lock()
        self._failed = ""
        self._fits: Schema | None = None  # the schema of the last batch, which was checked

    # Opening and closing

    def open(self, schema: Schema | None = None) -> None:
        """Open or create, and mend what a crash left. Again is harmless.

        Raises StoreError for a path that holds no store of this version, a wrong password and a
        second writer; SchemaError for other columns; MissingExtraError without pyarrow.
        """
        if self._open:
            if schema is not None:
                check_schema(self.schema, schema, None)
            return
        parquet()
        with self._told():
            try:
                self._open_all(schema)
            except BaseException:
                self._folder.unlock()
                raise
        self._open = True

    def _open_all(self, schema: Schema | None) -> None:
        settings = self._settings
        self._contents = contents = Contents(self._folder, CACHE_BYTES)
        self._fits = None
        self._folder.check(readonly=settings.readonly)
        if not settings.readonly:
            self._folder.lock()
        about = self._folder.about()
        contents.secret, kept = self._secret(about)
        if about is None:
            about = About(by=settings.by, secret=kept)
        if about.by != settings.by and not (settings.readonly and settings.by is None):
            raise StoreError(f"{self.name} keeps levels by={about.by!r}, got by={settings.by!r}")
        if schema is not None:
            check_schema(about.schema, schema, settings.by)
        if settings.readonly:
            contents.look()
            return
        contents.about = replace(about, schema=about.schema or schema)
        self._folder.make()
        self._describe(contents.about)
        contents.look()
        contents.tidy()
        self._begin()

    def _begin(self) -> None:
        """Take up writing where it ended."""
        settings, contents = self._settings, self._contents
        self._writing = Writing(contents, settings)
        self.repairs = self._writing.repair()
        for each in self.repairs:
            log.warning("%s: %s", self.name, each)
        holes = [hole for each in contents.logs.values() for hole in each.holes()]
        self._add_holes(holes)
        self._closings = Closings(contents, settings.by, settings.retention_ns, settings.max_bytes)
        self._keeper = Keeper(f"livewidget-{self._settings.path.name}", self._work)
        self._keeper.wake()

    def close(self) -> None:
        """Make all durable and close; a closing that is under way is ended."""
        if not self._open:
            return
        self._open = False
        if self._keeper is not None:
            self._keeper.stop()
        with self._appending:
            if self._writing is not None:
                with contextlib.suppress(OSError):
                    self._writing.sync()
                self._writing.close()
        self._writing = self._closings = self._keeper = None
        self._folder.unlock()

    # Writing

    @property
    def schema(self) -> Schema | None:
        """The schema of the rows."""
        self._look(self._contents.about.schema is None)
        return self._contents.about.schema

    @property
    def rows(self) -> int:
        """The number that the next row has."""
        if self._writing is not None:
            return self._writing.rows
        self._look()
        return self._contents.rows

    def append(self, batch: Batch, first: int) -> None:
        """Write a batch, less the rows that are there. See the class for how safe they are then.

        Where rows before `first` never came, their times are among `holes()`.
        """
        with self._appending:
            writing = self._writer()
            had = max(0, writing.rows - first)
            fresh = batch.take(slice(had, None)) if had else batch
            if not len(fresh):
                return
            if batch.schema is not self._fits:
                check_schema(self._contents.about.schema, batch.schema, self._settings.by)
                self._fits = batch.schema
            try:
                self._write(writing, fresh, max(first, writing.rows))
            except OSError as error:
                self._failed = f"{self.name}: {error}"
                raise StoreError(self._failed) from error
            self._failed = ""

    def _write(self, writing: Writing, fresh: Batch, first: int) -> None:
        if self._contents.about.schema is None:
            self._describe(replace(self._contents.about, schema=fresh.schema))
        if first > writing.rows:
            self._leave_out(writing, fresh)
        full = writing.append(fresh, first)
        if full and self._keeper is not None:
            self._keeper.wake()

    def _leave_out(self, writing: Writing, fresh: Batch) -> None:
        """Note, before rows that follow a gap in the numbers, about which times the gap is."""
        low = int(fresh.times.min())
        if writing.last is None:
            assert self._closings is not None
            self._closings.whole_from(low)
        else:
            self._add_holes([(min(writing.last[0], low), max(writing.last[1], low) + 1)])

    def _add_holes(self, holes: list[tuple[int, int]]) -> None:
        with self._contents.lock:
            about = self._contents.about
            every = tuple(united([*about.holes, *holes]))
            if every != about.holes:
                self._describe(replace(about, holes=every))

    def _describe(self, about: About) -> None:
        with self._contents.lock:
            if about != self._folder.about():
                self._folder.replace(self._folder.file(ABOUT), about.pack())
            self._contents.about = about

    def flush(self) -> None:
        """Make all that was appended durable now, whatever the policy. Raises StoreError."""
        with self._appending, self._told():
            self._writer().sync()

    def settle(self, timeout: float = 60.0) -> bool:
        """Close the open partition now, and wait until all are Parquet; False after `timeout` s."""
        with self._appending, self._told():
            self._writer().roll()
        assert self._keeper is not None
        return self._keeper.settle(timeout) and len(self._contents.logs) <= 1

    def prune(self, before: int) -> int:
        """Let go of partitions that end before a time, the open one too."""
        with self._appending, self._told():
            writing = self._writer()
            assert self._closings is not None
            return self._closings.prune(before) + writing.prune(before, self._closings.whole_from)

    def _work(self) -> float | None:
        """Do what the keeper's thread is there for; return the seconds until it looks again."""
        writing, closings = self._writing, self._closings
        if writing is None or closings is None:
            return None
        due: float | None = None
        try:
            due = writing.sync_due()
        except OSError as error:
            self._failed = str(error)
            due = self._settings.sync_s
        more = closings.step(lambda: writing.first)
        return min((each for each in (due, more) if each is not None), default=None)

    # Reading

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time."""
        edges = self._asked(self._contents.edges)
        return (min(it[2] for it in edges), max(it[3] for it in edges)) if edges else None

    def since(self) -> int:
        """Return from when on all is here; what never came, or was damaged, is in `holes`."""
        return self._about().since

    def holes(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges of times [start, stop) (ns UTC) in which rows may be missing."""
        return self._about().holes

    def _about(self) -> About:
        if self._writing is None and self._open:
            with self._told():
                self._contents.about = self._folder.about() or self._contents.about
        return self._contents.about

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield the rows of a range."""
        check_range(start, stop, width)
        return self._read(Asked(start, stop, width, self._settings.by))

    def _read(self, asked: Asked) -> Iterator[Batch]:
        nodes = self._asked(lambda: self._contents.nodes(asked))
        with self._told():
            yield from merged(nodes, asked)

    def rows_from(self, first: int, stop: int | None = None) -> Iterator[tuple[int, Batch]]:
        """Yield rows in the order of their numbers, with the number of each batch's first.

        From `first` up to `stop` (None for all); rows that were let go of are passed over. Raises
        StoreError where some cannot be read.
        """
        self._check_open()
        self._look()
        with self._told():
            self._contents.refresh()
            yield from self._contents.arrivals(first, stop)

    def first_since(self, time: int) -> int:
        """Return the lowest number from which on every row of `time` (ns UTC) or later is found."""
        edges = self._asked(self._contents.edges)
        return min((first for first, _, _, high in edges if high >= time), default=self.rows)

    def stats(self) -> StoreStats:
        """Return what there is."""
        with self._contents.lock:
            rows = sum(edge[1] for edge in self._contents.edges())
        sizes: list[int] = []
        with contextlib.suppress(OSError):
            sizes = [size for each in (LOGS, PARTS, LEVELS) for _, size in self._folder.names(each)]
        failed = self._failed or (self._closings.failed if self._closings else "")
        state = "closed" if not self._open else "failing" if failed else "open"
        if state == "open" and self._settings.readonly:
            state = "read only"
        detail = "; ".join(filter(None, [failed, *self.repairs]))
        return StoreStats(rows, sum(sizes), state, detail)

    # Small state

    def load(self, key: str) -> bytes | None:
        """Return what was saved under a key (a-z, 0-9, _ and -), None where nothing was.

        Raises StoreError for what is damaged.
        """
        self._check_open()
        with self._told():
            return state.load(self._folder, key, self._contents.secret)

    def save(self, key: str, data: bytes) -> None:
        """Keep bytes under a key, in place of what was there: all of them or none."""
        self._writer()
        with self._told():
            state.save(self._folder, key, data, self._contents.secret)

    # Helpers

    def _secret(self, about: About | None) -> tuple[Secret | None, dict[str, str] | None]:
        """Return the key, and what is kept of it."""
        password, kept = self._settings.password, about.secret if about else None
        if password is None:
            if kept is not None:
                raise StoreError(f"{self.name} is sealed: it needs a password")
            return None, None
        if about is None:
            return Secret.new(password)
        if kept is None:
            raise StoreError(f"{self.name} is not sealed: it takes no password")
        try:
            return Secret.known(password, kept), kept
        except StoreError as error:
            raise StoreError(f"{self.name}: {error}") from None

    def _asked(self, ask: Any) -> Any:
        """Return what `ask` returns of the folder as it is now."""
        self._check_open()
        self._look()
        with self._told():
            self._contents.refresh()
            return ask()

    def _look(self, needed: bool = True) -> None:  # noqa: FBT001, FBT002
        """Take up what another process wrote; the writer knows what is there."""
        if needed and self._open and self._writing is None:
            with self._told():
                self._contents.look()

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError(f"{self.name} is not open")

    def _writer(self) -> Writing:
        self._check_open()
        if self._writing is None:
            raise StoreError(f"{self.name} is open for reading only")
        return self._writing

    def _told(self) -> contextlib.AbstractContextManager[None]:
        return told(self.name)

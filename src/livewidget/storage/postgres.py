"""Months in PostgreSQL: rows in partitions by time, and the levels that stand for them."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from livewidget.data.batch import Batch
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, StoreError
from livewidget.data.history import CHUNK_ROWS, check_range, chunks
from livewidget.data.schema import Schema
from livewidget.storage.base import Store, StoreStats
from livewidget.storage.growth import Growth, grow
from livewidget.storage.postgres_known import Known
from livewidget.storage.postgres_link import PostgresLink
from livewidget.storage.postgres_schema import SECOND
from livewidget.storage.postgres_tables import Kept, Rows, Tables
from livewidget.storage.shelf import Shelf, check_schema
from livewidget.storage.tree import CHUNK

if TYPE_CHECKING:
    from psycopg import Connection

log = logging.getLogger("livewidget")
_RETRY_S = 30.0  # until partitions that could not be dropped are tried again
_MEASURED_S = 10.0  # between two looks at how much disk it takes


class PostgresStore(Store):
    """Rows in the table `table` of a PostgreSQL at `url`, in partitions of `partition` each.

    A row is in the table as it is: times are bigint (ns UTC), and the view `table_view` shows them
    as timestamps. Whole partitions older than `retention` (None: never) are dropped, counted from
    the last row or from now, whichever is earlier. Some hundred partitions at a time are fine,
    thousands are slow. `by` is the text column whose keys each have levels of their own.

    `user` and `password` beat those of the URL. Durations are seconds or text; `cache_mb` bounds
    the levels that readers keep at hand; `clock` tells now in ns. Needs the extra `postgres` and
    PostgreSQL 12 or later. One process writes, any read. A database that went back to an earlier
    state goes on with the numbers, and `since` tells from when on all is there.
    """

    def __init__(
        self,
        url: str,
        *,
        table: str = "livewidget",
        partition: Any = "24h",
        retention: Any = None,
        by: str | None = None,
        user: str | None = None,
        password: str | None = None,
        connect_timeout: Any = 5,
        timeout: Any = 30,
        cache_mb: float = 64,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        limits = seconds(connect_timeout, "connect_timeout"), seconds(timeout, "timeout")
        width = seconds(partition, "partition")
        if not width.is_integer():
            raise SettingError(f"partition is whole seconds, got {partition!r}")
        self._width = int(width) * SECOND
        self._retention: int | None = None
        if retention is not None:
            self._retention = round(seconds(retention, "retention") * 1e9)
        self._link = PostgresLink(url, user, password, *limits)
        self._tables = Tables(table, self._link.shown)
        self.name = f"{self._link.shown} {table}"
        self._by = by
        self._clock = clock
        shelf = Shelf(int(cache_mb * 2**20), chunks_stay=False)
        self._known = Known(self._tables, shelf, self._width, by)
        self._nbytes = 0
        self._measured = -_MEASURED_S
        self._retry_at = 0.0
        self._ready = False  # the tables are of this version
        self._closed = True

    def open(self, schema: Schema | None = None) -> None:
        """Connect, bring the tables to this version, and take up what is there."""
        self._closed = False
        with self._connection() as connection:
            self._known.refresh(connection)
            self._measure(connection)
        if schema is not None:
            self._known.schema = check_schema(self._known.schema, schema, self._by)

    @property
    def schema(self) -> Schema | None:
        """The schema of the rows."""
        return self._known.schema

    @property
    def rows(self) -> int:
        """How many rows were ever appended; those that were dropped count too."""
        return self._known.rows

    def append(self, batch: Batch, first: int) -> None:
        """Copy a batch, less the rows that are there, and what it fills, in one transaction."""
        if not len(batch):
            return
        with self._connection() as connection:
            with connection.transaction():
                known = self._known.refresh(connection, lock=True)
                schema = check_schema(self._known.schema, batch.schema, self._by)
                there = known.rows if known else 0
                fresh = batch.take(slice(max(0, there - first), None))
                written = self._write(connection, fresh, max(first, there), known)
            self._known.schema = schema
            if written is not None and not self._known.take_up(known, *written):
                self._known.refresh(connection)  # somebody has read of it already
            self._known.rows = max(self._known.rows, there, first + len(batch))
            if time.monotonic() - self._measured > _MEASURED_S:
                self._measure(connection)
        self._retain()

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time."""
        with self._connection() as connection:
            self._known.refresh(connection)
            kept = self._known.kept
            return None if kept is None else self._tables.span(connection, self._known.parts, kept)

    def since(self) -> int:
        """Return from when on all is here; where it cannot be asked, as it was last known."""
        with contextlib.suppress(StoreError), self._connection() as connection:
            self._known.refresh(connection)
        return self._known.shelf.since

    def doubt(self, before: int) -> None:
        """Note that rows before a time are missing; written with the next rows."""
        self._known.shelf.whole_from(before)

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield the rows of a range. A connection is held while a batch is made, not between."""
        check_range(start, stop, width)
        return self._chosen(start, stop, width) if width else self._all(start, stop)

    def prune(self, before: int) -> int:
        """Drop the partitions that end before a time."""
        rows = 0
        while gone := self._drop(before):
            rows += sum(gone.values())
        return rows

    def stats(self) -> StoreStats:
        """Return what there is, as it was last known."""
        down = self._link.down
        state = "closed" if self._closed else "failing" if down else "open"
        return StoreStats(sum(list(self._known.parts.values())), self._nbytes, state, down)

    def close(self) -> None:
        """Close the connections; what was appended is there."""
        self._closed = True
        self._link.close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection[Any]]:
        """Lend a connection to tables of this version."""
        try:
            with self._link.connection() as connection:
                if not self._ready:
                    self._tables.migrate(connection)
                    self._ready = True
                yield connection
        except StoreError:
            self._ready = False  # another database may answer next time
            raise

    def _measure(self, connection: Connection[Any]) -> None:
        if self._known.kept is not None:
            self._measured = time.monotonic()
            self._nbytes = self._tables.nbytes(connection)

    def _write(
        self, connection: Connection[Any], fresh: Batch, first: int, known: Kept | None
    ) -> tuple[Growth, Kept, dict[int, int]] | None:
        """Write rows and what they fill; return that, how far it is then, and rows by partition."""
        if not len(fresh):
            return None
        there, since = known.rows if known else 0, self._known.shelf.since
        whole = there >= self._known.rows  # else it went back to an earlier state
        if first > there or not whole:
            # Rows with numbers in between are lost: their times are not known to be later.
            since = max(since, self._known.latest + 1, int(fresh.times.min()))
        life = known.life if known and whole else secrets.token_hex(8)
        drops, rows = known.drops if known else 0, first + len(fresh)
        kept = Kept(life, rows, since, drops, self._width, fresh.schema, self._by)
        if known is None:
            self._tables.create(connection, kept)
        else:
            self._tables.move(connection, kept)
        self._known.complete(connection)
        fetch = partial(self._known.fetched, connection)
        grown = grow(self._known.shelf.tree, fresh, first, fetch, self._by)
        added = self._tables.add(connection, fresh, first, kept, set(self._known.parts))
        closed = [node.first for node in grown.nodes if not node.tier]
        chunk = (self._known.open_group(node) for node in grown.nodes if node.tier == CHUNK)
        nodes = [node for node in chunk if node.first not in closed]
        nodes += [node for node in grown.nodes if node.tier != CHUNK]
        levels = {key: data for key, data in grown.blobs.items() if key[0] != CHUNK}
        self._tables.put(connection, nodes, levels, closed)
        return grown, kept, added

    def _retain(self) -> None:
        """Drop what is past the retention. What cannot be dropped now is tried again later."""
        now = time.monotonic()
        if self._retention is None or now < self._retry_at or not self._known.parts:
            return
        before = min(self._clock(), self._known.latest) - self._retention
        if (min(self._known.parts) + 1) * self._width <= before:
            try:
                self.prune(before)
            except StoreError as error:
                self._retry_at = now + _RETRY_S
                log.warning("partitions past the retention cannot be dropped now: %s", error)

    def _drop(self, before: int) -> dict[int, int]:
        with self._connection() as connection:
            with connection.transaction():
                kept = self._known.refresh(connection, lock=True)
                if kept is None:
                    return {}
                gone = self._tables.drop(connection, before, kept)
                if gone:
                    since = max(kept.since, (max(gone) + 1) * self._width)
                    self._tables.forget(connection, since)
                    self._tables.move(connection, replace(kept, since=since, drops=kept.drops + 1))
            self._known.refresh(connection)
        return gone

    def _all(self, start: int, stop: int) -> Iterator[Batch]:
        with self._connection() as connection:
            kept = self._known.refresh(connection)
            places = sorted(self._known.parts)
        if kept is None:
            return
        for place in places:
            low, high = max(start, place * self._width), min(stop, (place + 1) * self._width)
            after, more = (low, -1), low < high
            while more:
                with self._connection() as connection:
                    asked = Rows(low, high, 0, kept.rows)
                    batch, after = self._tables.chunk(connection, asked, after, kept.schema)
                more = len(batch) == CHUNK_ROWS
                if len(batch):
                    yield batch

    def _chosen(self, start: int, stop: int, width: int) -> Iterator[Batch]:
        with self._connection() as connection:
            self._known.refresh(connection)
            plans, tail, place = self._known.planned(connection, start, stop, width)
        for pieces in filter(None, plans):
            with self._connection() as connection:
                batch = self._known.answered(connection, pieces, width, tail, place)
            yield from chunks(batch)

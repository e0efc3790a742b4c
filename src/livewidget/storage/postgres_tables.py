"""The statements of a PostgreSQL store: each a function of a connection, none keeps anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.errors import StoreError
from livewidget.data.history import CHUNK_ROWS, chunks
from livewidget.data.schema import Schema
from livewidget.storage.described import from_json, to_json
from livewidget.storage.postgres_rows import copied, copy_bytes, from_arrays, selected
from livewidget.storage.postgres_schema import (
    ROW,
    SECOND,
    Names,
    add_partition,
    column,
    create,
    drop_partition,
    migrate,
)
from livewidget.storage.tree import CHUNK, Key, Node

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable, Composed

_MADE = 1_000  # partitions at once: their locks are a third of what a server has by default
_DROPPED = 64  # partitions at once: a server has locks for some thousand tables
_TOO_LONG = "2s"  # a drop waits for readers, and others for the drop


@dataclass(frozen=True, slots=True)
class Kept:
    """How far a store is: `life` is another one where its data is not what it was."""

    life: str
    rows: int
    since: int
    drops: int  # how often partitions were dropped
    width: int
    schema: Schema
    by: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows: of times [start, stop) ns and numbers [first, end)."""

    start: int
    stop: int
    first: int
    end: int


class Tables:
    """The tables of `table`, in a database that `shown` names. Any thread; a connection has one."""

    def __init__(self, table: str, shown: str) -> None:
        self._names = Names(table)
        self.shown = shown
        self.table = table

    def migrate(self, connection: Connection[Any]) -> None:
        """Bring them to this program's version."""
        migrate(connection, self._names, self.shown)

    def create(self, connection: Connection[Any], kept: Kept) -> None:
        """Make the table of rows, and note what it is."""
        create(connection, self._names, kept.schema)
        columns = "life, rows, since, drops, width, schema, by"
        text = f"INSERT INTO {{meta}} ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s)"  # noqa: S608
        told = (kept.life, kept.rows, kept.since, kept.drops, kept.width)
        connection.execute(self._names.sql(text), (*told, to_json(kept.schema), kept.by))

    def kept(self, connection: Connection[Any], *, lock: bool = False) -> Kept | None:
        """Return how far it is, None before any rows. `lock` keeps others from moving it."""
        text = "SELECT life, rows, since, drops, width, schema, by FROM {meta}"
        if lock:
            text += " FOR UPDATE"
        found = connection.execute(self._names.sql(text)).fetchone()
        if found is None:
            return None
        life, rows, since, drops, width, schema, by = found
        return Kept(life, rows, since, drops, width, from_json(schema), by)

    def move(self, connection: Connection[Any], kept: Kept) -> None:
        """Note how far it is now."""
        text = "UPDATE {meta} SET life = %s, rows = %s, since = %s, drops = %s"
        told = (kept.life, kept.rows, kept.since, kept.drops)
        connection.execute(self._names.sql(text), told)

    def parts(self, connection: Connection[Any]) -> dict[int, int]:
        """Return the rows of each partition, by rising place: it begins at place times width."""
        text = self._names.sql("SELECT place, rows FROM {parts} ORDER BY place")
        return dict(connection.execute(text).fetchall())

    def nodes(self, connection: Connection[Any], first: int) -> list[Node]:
        """Return the nodes that reach beyond row `first`."""
        text = self._names.sql("SELECT node FROM {nodes} WHERE past > %s")
        found = connection.execute(text, [first], binary=True).fetchall()
        return [Node.unpack(data) for (data,) in found]

    def nbytes(self, connection: Connection[Any]) -> int:
        """Return what the rows, their order and the levels take on the server's disk."""
        text = """SELECT (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree({rows}))
        + pg_total_relation_size({levels})"""
        from psycopg.sql import Literal

        names = [self._names.sql(each).as_string(connection) for each in ("{rows}", "{levels}")]
        rows, levels = (Literal(name) for name in names)
        found = connection.execute(_literal(text, rows=rows, levels=levels)).fetchone()
        return int((found and found[0]) or 0)

    def add(
        self, connection: Connection[Any], batch: Batch, first: int, kept: Kept, known: set[int]
    ) -> dict[int, int]:
        """Copy rows `first` and on; return how many came into each partition, made if not known."""
        from psycopg.sql import SQL, Identifier

        places, counts = np.unique(batch.times // kept.width, return_counts=True)
        added: dict[int, int] = dict(zip(places.tolist(), counts.tolist(), strict=True))
        new = added.keys() - known
        if len(new) > _MADE:
            raise StoreError(
                f"{self.shown}: rows of {len(new):,} new partitions at once, at most {_MADE:,} can "
                f"be made; a partition is {kept.width // SECOND} s, choose a longer one"
            )
        for place in new:
            add_partition(connection, self._names, place, kept.width)
        columns = SQL(", ").join(Identifier(name) for name in copied(batch.schema))
        text = "COPY {rows} ({columns}) FROM STDIN (FORMAT binary)"
        for part in chunks(batch):  # each within the time that a statement has
            with connection.cursor().copy(self._names.sql(text, columns=columns)) as copy:
                copy.write(copy_bytes(part, first))
            first += len(part)
        text = """INSERT INTO {parts} AS it SELECT * FROM unnest(%s::bigint[], %s::bigint[])
        ON CONFLICT (place) DO UPDATE SET rows = it.rows + EXCLUDED.rows"""
        connection.execute(self._names.sql(text), (list(added), list(added.values())))
        return added

    def put(
        self,
        connection: Connection[Any],
        nodes: Sequence[Node],
        levels: dict[Key, bytes],
        closed: Sequence[int],
    ) -> None:
        """Keep nodes and levels; the open groups that begin at `closed` are open no more."""
        cursor = connection.cursor()
        if closed:
            text = "DELETE FROM {nodes} WHERE tier = %s AND first = ANY(%s)"
            cursor.execute(self._names.sql(text), (CHUNK, list(closed)))
        text = """INSERT INTO {nodes} (tier, first, past, high, node) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (tier, first) DO UPDATE
        SET past = EXCLUDED.past, high = EXCLUDED.high, node = EXCLUDED.node"""
        told = [(it.tier, it.first, it.end, it.high, it.pack()) for it in nodes]
        cursor.executemany(self._names.sql(text), told)
        if levels:
            text = "INSERT INTO {levels} (tier, first, width, data) VALUES (%s, %s, %s, %b)"
            cursor.executemany(self._names.sql(text), [(*key, it) for key, it in levels.items()])

    def levels(self, connection: Connection[Any], keys: Sequence[Key]) -> dict[Key, bytes]:
        """Return the bytes of those levels that are there."""
        text = """SELECT tier, first, width, data FROM {levels} JOIN
        unnest(%s::smallint[], %s::bigint[], %s::bigint[]) AS it(tier, first, width)
        USING (tier, first, width)"""
        columns = [list(column) for column in zip(*keys, strict=True)]
        found = connection.execute(self._names.sql(text), columns, binary=True).fetchall()
        return {(tier, first, width): data for tier, first, width, data in found}

    def rows(self, connection: Connection[Any], asked: Rows, schema: Schema) -> Batch:
        """Return rows by rising time, and by their numbers where that is the same."""
        text = "WHERE {time} >= %s AND {time} < %s AND {row} >= %s AND {row} < %s"
        told = (asked.start, asked.stop, asked.first, asked.end)
        return self._arrays(connection, text, told, asked.end - asked.first, schema)[0]

    def chunk(
        self, connection: Connection[Any], asked: Rows, after: tuple[int, int], schema: Schema
    ) -> tuple[Batch, tuple[int, int]]:
        """Return the next `CHUNK_ROWS` rows after a time and number, and those of the last one."""
        text = "WHERE ({time}, {row}) > (%s, %s) AND {time} < %s AND {row} < %s"
        told = (*after, asked.stop, asked.end)
        return self._arrays(connection, text, told, CHUNK_ROWS, schema)

    def span(
        self, connection: Connection[Any], parts: dict[int, int], kept: Kept
    ) -> tuple[int, int] | None:
        """Return the first and the last time, looked for in the outer partitions only."""
        from psycopg.sql import SQL

        if not parts:
            return None
        edges = []
        word: LiteralString
        for place, word in ((min(parts), "min"), (max(parts), "max")):
            text = "SELECT {word}({time}) FROM {rows} WHERE {time} >= %s AND {time} < %s"
            told = (place * kept.width, (place + 1) * kept.width)
            query = self._timed(text, kept.schema, word=SQL(word))
            found = connection.execute(query, told).fetchone()
            edges.append(found and found[0])
        low, high = edges
        return None if low is None or high is None else (low, high)

    def drop(self, connection: Connection[Any], before: int, kept: Kept) -> dict[int, int]:
        """Drop the first partitions that end before a time; return their places and rows."""
        connection.execute(f"SET LOCAL lock_timeout = '{_TOO_LONG}'")
        text = """DELETE FROM {parts} WHERE place IN
        (SELECT place FROM {parts} WHERE place < %s ORDER BY place LIMIT %s)
        RETURNING place, rows"""
        told = (before // kept.width, _DROPPED)
        gone = dict(connection.execute(self._names.sql(text), told).fetchall())
        for place in gone:
            drop_partition(connection, self._names, place, kept.width)
        return gone

    def forget(self, connection: Connection[Any], since: int) -> None:
        """Let go of nodes and levels whose rows are all before a time."""
        text = """DELETE FROM {levels} USING {nodes} AS it WHERE it.high < %s
        AND {levels}.tier = it.tier AND {levels}.first = it.first"""
        connection.execute(self._names.sql(text), [since])
        connection.execute(self._names.sql("DELETE FROM {nodes} WHERE high < %s"), [since])

    def _timed(self, text: str, schema: Schema, **more: Composable) -> Composed:
        given = {"time": column(schema.time), "row": column(ROW)}
        return self._names.sql(text, **given, **more)

    def _arrays(
        self,
        connection: Connection[Any],
        where: str,
        told: Sequence[int],
        most: int,
        schema: Schema,
    ) -> tuple[Batch, tuple[int, int]]:
        # The limit keeps the server from gathering rows of several workers, in any order.
        text = f"""SELECT (array_agg({{row}}))[count(*)], {{columns}} FROM (SELECT * FROM {{rows}}
        {where} ORDER BY {{time}}, {{row}} LIMIT {most}) AS found"""  # noqa: S608  (our own words)
        cursor = connection.cursor(binary=True)
        cursor.execute(self._timed(text, schema, columns=selected(schema)), told)
        result = cursor.pgresult
        assert result is not None
        number, *values = (result.get_value(0, n) for n in range(result.nfields))
        batch = from_arrays(values, schema)
        last = int.from_bytes(number or b"", "big")
        return batch, (int(batch.times[-1]) if len(batch) else 0, last)


def _literal(text: str, **given: Any) -> Any:
    from psycopg.sql import SQL

    return SQL(text).format(**given)

"""The tables of a PostgreSQL store: their names, their versions, and how they are made.

Rows lie in the table itself, partitioned by ranges of time; `_view` shows them with times and
gaps as people write them. Beside it: `_meta` (one row: how far it is), `_parts` (rows in each
partition), `_nodes` and `_levels` (see `storage.tree`; each group's rows are there once more,
packed, at width 0: a tenth of what the table takes), `_versions` (the steps that were taken).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livewidget.data.errors import SchemaError, SettingError, StoreError, quote
from livewidget.data.schema import Kind, Schema

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable, Composed, Identifier

ROW = "livewidget_row"  # the column of row numbers
SECOND = 1_000_000_000
_LONGEST = 63  # bytes: what PostgreSQL keeps of a name
_STAMP = 16  # characters that a partition's name adds
_SYSTEM = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", ROW})
_PARTS = ("meta", "parts", "nodes", "levels", "versions", "view")
_TYPES = {Kind.TIME: "bigint", Kind.FLOAT: "float8", Kind.INT: "bigint", Kind.TEXT: "text"}

# Each step brings a store of the version before it to its own, in one transaction with the others.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE {meta} (one boolean PRIMARY KEY DEFAULT true CHECK (one),
        life text NOT NULL, rows bigint NOT NULL, since bigint NOT NULL, drops bigint NOT NULL,
        width bigint NOT NULL, schema text NOT NULL, by text)""",
        "CREATE TABLE {parts} (place bigint PRIMARY KEY, rows bigint NOT NULL)",
        """CREATE TABLE {nodes} (tier smallint, first bigint, past bigint NOT NULL,
        high bigint NOT NULL, node bytea NOT NULL, PRIMARY KEY (tier, first))""",
        """CREATE TABLE {levels} (tier smallint, first bigint, width bigint, data bytea NOT NULL,
        PRIMARY KEY (tier, first, width))""",
    ),
    # What is written at each append stays in its page; levels are packed already.
    (
        "ALTER TABLE {meta} SET (fillfactor = 10)",
        "ALTER TABLE {parts} SET (fillfactor = 50)",
        "ALTER TABLE {nodes} SET (fillfactor = 50)",
        "ALTER TABLE {levels} ALTER data SET STORAGE EXTERNAL",
    ),
)


class Names:
    """The names of a store's tables, for statements. Raises SettingError for one that cannot be."""

    def __init__(self, table: str) -> None:
        most = _LONGEST - _STAMP
        if not _is_name(table, most) or "%" in table:
            raise SettingError(f"table is a name of 1 to {most} bytes, no %, got {quote(table)}")
        self.table = table

    def sql(self, text: str, **more: Composable) -> Composed:
        """Return a statement, with the tables' names for `{rows}`, `{meta}` and so on."""
        from psycopg.sql import SQL, Identifier

        names = {each: Identifier(f"{self.table}_{each}") for each in _PARTS}
        return SQL(text).format(rows=Identifier(self.table), **names, **more)

    def partition(self, place: int, width: int) -> Composable:
        """Return the name of the partition at a place: the table's and the time it begins at."""
        from psycopg.sql import Identifier

        stamp = str(np.datetime64(place * width // SECOND, "s"))
        return Identifier(f"{self.table}_{stamp.replace('-', '').replace(':', '')}")


def migrate(connection: Connection[Any], names: Names, shown: str) -> None:
    """Bring the tables to this program's version. Raises StoreError for those of a newer one.

    In one transaction, and in one process at a time: it is done as a whole or not at all.
    """
    if _version(connection, names, shown) == len(STEPS):
        return
    with connection.transaction():
        lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        connection.execute(lock, [f"livewidget {names.table}"])
        there = _version(connection, names, shown)
        if not there:
            versions = """CREATE TABLE IF NOT EXISTS {versions}
            (version integer PRIMARY KEY, since timestamptz NOT NULL DEFAULT now())"""
            connection.execute(names.sql(versions))
        for number, step in enumerate(STEPS[there:], there + 1):
            for statement in step:
                connection.execute(names.sql(statement))
            connection.execute(names.sql("INSERT INTO {versions} VALUES (%s)"), [number])


def _version(connection: Connection[Any], names: Names, shown: str) -> int:
    name = names.sql("{versions}").as_string(connection)
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [name]).fetchone()
    if not (found and found[0]):
        return 0
    row = connection.execute(names.sql("SELECT max(version) FROM {versions}")).fetchone()
    version = int((row and row[0]) or 0)
    if version > len(STEPS):
        raise StoreError(
            f"{shown}: {names.table!r} is of version {version}, "
            f"this program knows up to {len(STEPS)}"
        )
    return version


def create(connection: Connection[Any], names: Names, schema: Schema) -> None:
    """Make the table of rows and its view. Raises SchemaError for names that a column cannot have.

    Times are whole nanoseconds: PostgreSQL's own would round them to microseconds.
    """
    from psycopg.sql import SQL, Identifier

    for name in schema.names:
        if not _is_name(name, _LONGEST) or name in _SYSTEM:
            raise SchemaError(
                f"column {quote(name)} cannot be kept in PostgreSQL: a name has 1 to {_LONGEST} "
                f"bytes, and is none of {', '.join(sorted(_SYSTEM))}"
            )
    columns = [
        SQL("{} {}").format(
            Identifier(field.name),
            SQL(_TYPES[field.kind] + ("" if field.kind is Kind.TEXT else " NOT NULL")),
        )
        for field in schema.fields
    ]
    # The order of reading is the key: rows of one time as they came.
    table = "CREATE TABLE {rows} ({columns}, {row} bigint NOT NULL, PRIMARY KEY ({time}, {row}))"
    given = {"row": Identifier(ROW), "time": Identifier(schema.time)}
    parts = names.sql(
        table + " PARTITION BY RANGE ({time})", columns=SQL(", ").join(columns), **given
    )
    connection.execute(parts)
    shown = [
        SQL(_SHOWN.get(field.kind, "{name}") + " AS {name}").format(name=Identifier(field.name))
        for field in schema.fields
    ]
    view = "CREATE VIEW {view} AS SELECT {columns}, {row} FROM {rows}"
    connection.execute(names.sql(view, columns=SQL(", ").join(shown), row=Identifier(ROW)))


_SHOWN = {
    Kind.TIME: "'epoch'::timestamptz + (NULLIF({name}, -9223372036854775808) / 1000)"
    " * interval '1 microsecond'",
    Kind.FLOAT: "NULLIF({name}, 'NaN')",
}


def add_partition(connection: Connection[Any], names: Names, place: int, width: int) -> None:
    """Make the partition of times from `place * width` (ns) on.

    It is made apart and attached: so it waits for nobody who reads the table.
    """
    from psycopg.sql import Literal

    given = {
        "part": names.partition(place, width),
        "low": Literal(place * width),
        "high": Literal((place + 1) * width),
    }
    for text in (
        "CREATE TABLE {part} (LIKE {rows} INCLUDING ALL)",
        "ALTER TABLE {rows} ATTACH PARTITION {part} FOR VALUES FROM ({low}) TO ({high})",
    ):
        connection.execute(names.sql(text, **given))


def drop_partition(connection: Connection[Any], names: Names, place: int, width: int) -> None:
    """Drop the partition at a place, if it is there."""
    part = names.partition(place, width)
    connection.execute(names.sql("DROP TABLE IF EXISTS {part}", part=part))


def column(name: str) -> Identifier:
    """Return a column's name for a statement with parameters, where a % would begin one."""
    from psycopg.sql import Identifier

    return Identifier(name.replace("%", "%%"))


def _is_name(name: object, most: int) -> bool:
    try:
        return isinstance(name, str) and 1 <= len(name.encode()) <= most and "\0" not in name
    except UnicodeEncodeError:
        return False

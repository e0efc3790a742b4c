"""A table of PostgreSQL, by psycopg (the extra `postgres`)."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from livewidget.data.batch import Batch
from livewidget.data.errors import (
    MissingExtraError,
    RejectedError,
    SettingError,
    SinkError,
    quote,
)
from livewidget.data.schema import Field, Kind, Schema
from livewidget.sinks.base import NumberedSink
from livewidget.sinks.postgres_rows import copy_text
from livewidget.sinks.settings import (
    Key,
    check_key,
    check_one_of,
    check_seconds,
    check_text,
    key_columns,
    run_name,
)

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

RUN, ROW = "_run", "_row"
TIMES = ("timestamptz", "ns")
CONFLICTS = ("ignore", "update")
_PLACE = "_livewidget_place"  # of a row in the temporary table
_TYPES = {Kind.FLOAT: "double precision", Kind.INT: "bigint", Kind.TEXT: "text"}
_SECRET = ("password", "sslpassword", "passfile")


class PostgresSink(NumberedSink):
    """Writes to the table `table` of `postgresql://user:password@host:5432/database`.

    The table is made where it is not there: times are timestamptz, to the microsecond, or bigint
    where `times` is "ns". Each batch is copied to a temporary table and inserted from there, in one
    transaction. `key` names the columns by which a row is known: a row whose key is there already
    is left out, or replaces what is there where `on_conflict` is "update". Without `key` the table
    has the columns `_run` and `_row`, the name of the run and the row's number, as its primary key:
    what is sent again is not doubled. `run` of None makes a name of its own for every sink; a name
    is for the rows of a durable buffer, whose numbers outlive the process.

    `user` and `password` beat those of the URL; `timeout` is that of one statement in seconds. A
    row that the table refuses (a type, a constraint) is rejected, the others are written.
    """

    def __init__(
        self,
        url: str,
        *,
        table: str = "livewidget_rows",
        key: Key = None,
        on_conflict: str = "ignore",
        times: str = "timestamptz",
        run: str | None = None,
        user: str | None = None,
        password: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        check_one_of("times", times, TIMES)
        check_one_of("on_conflict", on_conflict, CONFLICTS)
        check_text("table", table, "a name, or schema.name")
        if not all(table.split(".")):
            raise SettingError(f"table is a name, or schema.name, got {quote(table)}")
        check_seconds("timeout", timeout)
        self._table = tuple(table.split("."))
        self._key = key_columns(key)
        if on_conflict == "update" and not self._key:
            raise SettingError("on_conflict='update' needs key: the columns that a row is known by")
        self._update = on_conflict == "update"
        self._times = times
        self._run = run_name(run)
        self._timeout_s = timeout
        self._options = _options(url, user, password)
        self._secrets = [str(it) for name in _SECRET if (it := self._options.get(name))]
        self.name = f"{_shown(self._options)}, table {table}"
        self._connection: Connection[Any] | None = None
        self._made: Schema | None = None  # the schema that the table was seen to have

    async def open(self) -> None:
        """Connect. Raises SinkError."""
        await asyncio.to_thread(self._connect)

    async def write_from(self, batch: Batch, first: int) -> None:
        """Insert rows that are not there yet. Raises SinkError, RejectedError, SettingError."""
        if not len(batch):
            return
        check_key(self._key, batch.schema)
        refused: dict[int, str] = {}
        await asyncio.to_thread(self._write, batch, first, 0, refused)
        if refused:
            raise RejectedError(f"{self.name}: {next(iter(refused.values()))}", sorted(refused))

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection, self._made = self._connection, None, None
        if connection is not None:
            await asyncio.to_thread(connection.close)

    def _connect(self) -> None:
        import psycopg

        limit_ms = round(self._timeout_s * 1e3)
        with self._errors():
            connection: Connection[Any] = psycopg.connect(
                autocommit=True,
                connect_timeout=max(2, math.ceil(min(self._timeout_s, 10))),  # 2 s: libpq's least
                tcp_user_timeout=limit_ms,
                client_encoding="utf8",
                **{"application_name": "livewidget", **self._options},
            )
            try:
                connection.execute(f"SET statement_timeout = {limit_ms}".encode())
            except BaseException:
                connection.close()
                raise
        self._connection = connection

    def _write(self, batch: Batch, first: int, place: int, refused: dict[int, str]) -> None:
        """Insert rows, those that are refused apart: by halves until they stand alone."""
        try:
            with self._errors():
                self._insert(batch, first + place)
        except _RefusedError as error:
            if len(batch) == 1:
                refused[place] = str(error)
                return
            half = len(batch) // 2
            self._write(batch.take(slice(half)), first, place, refused)
            self._write(batch.take(slice(half, None)), first, place + half, refused)

    def _insert(self, batch: Batch, first: int) -> None:
        from psycopg.sql import SQL, Identifier

        connection = self._connection
        assert connection is not None, "open it first"
        with connection.transaction():
            if self._made != batch.schema:
                self._make(connection, batch.schema)
            temporary = Identifier(f"livewidget_{id(self):x}")
            names = [Identifier(name) for name in batch.schema.names]
            listed = SQL(", ").join(names)
            connection.execute(
                SQL(
                    "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS "
                    "SELECT 0::bigint AS {}, {} FROM {} WITH NO DATA"
                ).format(temporary, Identifier(_PLACE), listed, Identifier(*self._table))
            )
            with (
                connection.cursor() as cursor,
                cursor.copy(SQL("COPY {} FROM STDIN").format(temporary)) as copy,
            ):
                copy.write(copy_text(batch, first, self._times))
            connection.execute(self._inserting(temporary, listed, batch.schema))
        self._made = batch.schema

    def _inserting(self, temporary: Any, listed: Composed, schema: Schema) -> Composed:
        from psycopg.sql import SQL, Identifier, Literal

        table, place = Identifier(*self._table), Identifier(_PLACE)
        if not self._key:
            return SQL(
                "INSERT INTO {0} ({1}, {2}, {3}) SELECT {4}, {5}, {3} FROM {6} ORDER BY {5} "
                "ON CONFLICT ({1}, {2}) DO NOTHING"
            ).format(
                table,
                Identifier(RUN),
                Identifier(ROW),
                listed,
                Literal(self._run),
                place,
                temporary,
            )
        key = SQL(", ").join(map(Identifier, self._key))
        others = [Identifier(name) for name in schema.names if name not in self._key]
        if not self._update or not others:
            return SQL(
                "INSERT INTO {0} ({1}) SELECT {1} FROM {2} ORDER BY {3} "
                "ON CONFLICT ({4}) DO NOTHING"
            ).format(table, listed, temporary, place, key)
        changes = SQL(", ").join(SQL("{0} = EXCLUDED.{0}").format(name) for name in others)
        return SQL(  # the last of those with one key: no row may be changed twice by a statement
            "INSERT INTO {0} ({1}) SELECT DISTINCT ON ({2}) {1} FROM {3} ORDER BY {2}, {4} DESC "
            "ON CONFLICT ({2}) DO UPDATE SET {5}"
        ).format(table, listed, key, temporary, place, changes)

    def _make(self, connection: Connection[Any], schema: Schema) -> None:
        """Make the table where it is not there."""
        from psycopg.sql import SQL, Identifier

        shown = Identifier(*self._table).as_string(connection)
        found = connection.execute("SELECT to_regclass(%s)", (shown,)).fetchone()
        if found is not None and found[0] is not None:
            return
        parts = [
            SQL("{} {}").format(Identifier(field.name), SQL(self._type(field)))
            for field in schema.fields
        ]
        key = self._key or (RUN, ROW)
        if not self._key:
            parts += [
                SQL("{} text").format(Identifier(RUN)),
                SQL("{} bigint").format(Identifier(ROW)),
            ]
        parts.append(SQL("PRIMARY KEY ({})").format(SQL(", ").join(map(Identifier, key))))
        making = SQL("CREATE TABLE IF NOT EXISTS {} ({})")
        connection.execute(making.format(Identifier(*self._table), SQL(", ").join(parts)))

    def _type(self, field: Field) -> Any:
        if field.kind is Kind.TIME:
            return "timestamptz" if self._times == "timestamptz" else "bigint"
        return _TYPES[field.kind]

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn psycopg's errors into ours, without a secret."""
        from psycopg import DataError, Error, IntegrityError, errors

        try:
            yield
        except (errors.UndefinedColumn, errors.InvalidColumnReference) as error:
            hint = (
                "key names columns with a primary key or a unique index"
                if self._key
                else f"without key the table has the columns {RUN} and {ROW}"
            )
            raise SettingError(f"{self.name}: {self._text(error)}; {hint}") from None
        except (DataError, IntegrityError) as error:
            raise _RefusedError(self._text(error)) from None
        except Error as error:
            raise SinkError(f"{self.name}: {self._text(error)}") from None

    def _text(self, error: Exception) -> str:
        said = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
        text = " ".join(said.split()) or type(error).__name__
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class _RefusedError(Exception):
    """Rows of a batch, one at least, are refused for good."""


def _options(url: str, user: str | None, password: str | None) -> dict[str, Any]:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise MissingExtraError("psycopg", "postgres") from None
    try:
        found: dict[str, Any] = conninfo_to_dict(url)
    except (ProgrammingError, TypeError, AttributeError):  # their text may hold a password
        raise SettingError(
            "url is an address such as postgresql://user@host:5432/database"
        ) from None
    given = {"user": user, "password": password}
    return found | {name: value for name, value in given.items() if value}


def _shown(options: dict[str, Any]) -> str:
    """Return where that is, without a secret."""
    user, port = options.get("user"), options.get("port")
    place = f"{f'{user}@' if user else ''}{options.get('host') or ''}{f':{port}' if port else ''}"
    return f"postgresql://{place}/{options.get('dbname') or ''}"

"""Connections to a PostgreSQL: made when they are needed, few, and no secret in an error."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from livewidget.data.errors import MissingExtraError, SettingError, StoreError

if TYPE_CHECKING:
    from psycopg import Connection

# Compiling a query costs more than it takes. Rows are read by their key, in its order: where the
# server knows little of them yet it would sort what is left of a partition for every chunk.
_SETTINGS = "SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off"
_CONNECTIONS = 4  # the writer's and as many readers at once: others wait for theirs


class PostgresLink:
    """Lends connections of a bounded pool. `down` is why the last call failed, or "". Any thread.

    Raises SettingError for a URL that cannot be, MissingExtraError without psycopg.
    """

    def __init__(
        self, url: str, user: str | None, password: str | None, connect_s: float, answer_s: float
    ) -> None:
        try:
            import psycopg
        except ImportError:
            raise MissingExtraError("psycopg", "postgres") from None
        self._error = psycopg.Error
        self._options = _options(url, user, password)
        self._secrets = [str(it) for key in _SECRET if (it := self._options.get(key))]
        self._options |= {
            "connect_timeout": math.ceil(connect_s),  # whole seconds, and 2 at least: libpq's rule
            "tcp_user_timeout": round(answer_s * 1e3),
            "keepalives_idle": math.ceil(answer_s),
            "client_encoding": "utf8",
        }
        self._options.setdefault("application_name", "livewidget")
        self.shown = _shown(self._options)
        self._answer_s = answer_s
        self._places = threading.BoundedSemaphore(_CONNECTIONS)
        self._idle: list[Connection[Any]] = []
        self._life = 0  # of the pool: a connection that is returned to a closed one is closed
        self._lock = threading.Lock()
        self.down = ""

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """Lend a connection, which commits by itself. Raises StoreError for what psycopg does."""
        if not self._places.acquire(timeout=self._answer_s):
            raise StoreError(f"{self.shown}: all {_CONNECTIONS} connections are busy")
        try:
            with self._errors(), self._lent() as connection:
                yield connection
        finally:
            self._places.release()

    def close(self) -> None:
        """Close all connections; the next call makes new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._life += 1
        for connection in idle:
            connection.close()

    @contextlib.contextmanager
    def _lent(self) -> Iterator[Connection[Any]]:
        from psycopg.pq import TransactionStatus

        with self._lock:
            connection = self._idle.pop() if self._idle else None
            life = self._life
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            healthy = connection.info.transaction_status == TransactionStatus.IDLE
            with self._lock:
                if kept := healthy and life == self._life:
                    self._idle.append(connection)
            if not kept:
                connection.close()
            if not healthy:
                self.close()  # what broke one has most likely broken the others

    def _connect(self) -> Connection[Any]:
        import psycopg

        # Plans for the values at hand: a plan for all of them locks every partition.
        connection: Connection[Any] = psycopg.connect(
            autocommit=True, prepare_threshold=None, **self._options
        )
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)
            encoding = connection.info.parameter_status("server_encoding")
            if encoding != "UTF8":
                raise StoreError(f"{self.shown}: the database must be of UTF8, it is {encoding}")
            # Not as options of the connection: what pools them for many programs refuses those.
            limit = f"SET statement_timeout = {round(self._answer_s * 1e3)}"
            connection.execute(f"{_SETTINGS}; {limit}".encode())
            undo.pop_all()
        return connection

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            text = " ".join(str(error).split()) or type(error).__name__
            for secret in self._secrets:
                text = text.replace(secret, "***")
            self.down = text
            raise StoreError(f"{self.shown}: {text}") from None
        self.down = ""


_SECRET = ("password", "sslpassword", "passfile")


def _options(url: str, user: str | None, password: str | None) -> dict[str, Any]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    given = {key: value for key, value in (("user", user), ("password", password)) if value}
    try:
        found: dict[str, Any] = conninfo_to_dict(url) if url else {}
    except (ProgrammingError, TypeError, AttributeError):  # their text may hold a password
        found = {}
    if not found:
        expected = "postgresql://user@host:5432/database, or text such as 'host=... dbname=...'"
        raise SettingError(f"url is an address such as {expected}")
    return {**found, **given}


def _shown(options: dict[str, Any]) -> str:
    """Return where that is, without a secret."""
    user, port = options.get("user"), options.get("port")
    place = f"{f'{user}@' if user else ''}{options.get('host') or ''}{f':{port}' if port else ''}"
    return f"postgresql://{place}/{options.get('dbname') or ''}"

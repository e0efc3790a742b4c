"""Connections to a Redis: made when they are needed, with time-outs, and no secret in an error."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from livewidget.data.errors import MissingExtraError, SettingError, StoreError

if TYPE_CHECKING:
    from redis import Redis

_CONNECTIONS = 8  # the writer's and as many readers at once: others wait for theirs
_SCHEMES = ("redis", "rediss", "unix")


class RedisLink:
    """A client with a bounded pool. `down` is why the last call failed, or "". Any thread.

    Raises SettingError for a URL that cannot be, MissingExtraError without redis-py.
    """

    def __init__(
        self, url: str, user: str | None, password: str | None, connect_s: float, answer_s: float
    ) -> None:
        try:
            import redis
        except ImportError:
            raise MissingExtraError("redis", "redis") from None
        self.shown, self._secret = _parts(url)
        self._secrets = [each for each in (self._secret, password) if each]
        self._errors: Any = redis.exceptions
        self._url = url
        self._options: dict[str, Any] = {
            "socket_connect_timeout": connect_s,
            "socket_timeout": answer_s,
            "timeout": answer_s,
            "max_connections": _CONNECTIONS,
            "protocol": 2,
        }
        given = {"username": user, "password": password}
        self._options |= {name: value for name, value in given.items() if value}
        self._client: Redis | None = None
        self._lock = threading.Lock()
        self.down = ""

    def client(self) -> Redis:
        """Return the client, which connects by itself and repeats nothing by itself."""
        from redis import BlockingConnectionPool, Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        with self._lock:
            if self._client is None:
                try:
                    pool = BlockingConnectionPool.from_url(
                        self._url, retry=Retry(NoBackoff(), 0), **self._options
                    )
                except ValueError:
                    raise SettingError(
                        f"the URL {self.shown} has an option that cannot be"
                    ) from None
                self._client = Redis(connection_pool=pool)
            return self._client

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn redis-py's errors into StoreError, and note how it goes."""
        try:
            yield
        except self._errors.WatchError:
            raise StoreError(f"{self.shown}: another writer wrote at the same time") from None
        except (self._errors.RedisError, OSError) as error:
            text = str(error) or type(error).__name__
            for secret in self._secrets:
                text = text.replace(secret, "***")
            self.down = text
            raise StoreError(f"{self.shown}: {text}") from None
        self.down = ""

    def close(self) -> None:
        """Close all connections; the next call makes new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
            client.connection_pool.disconnect()


def _parts(url: str) -> tuple[str, str | None]:
    """Return a URL without user, password and query, and its password."""
    expected = "a URL such as redis://host:6379/0, rediss://host or unix:///run/redis.sock"
    try:
        parts = urlsplit(url)
        port = parts.port
    except (ValueError, AttributeError):
        raise SettingError(f"url is {expected}") from None
    if parts.scheme not in _SCHEMES or not (parts.hostname or parts.scheme == "unix"):
        raise SettingError(f"url is {expected}; got one that begins with {parts.scheme!r}")
    place = f"{parts.hostname or ''}{f':{port}' if port else ''}{parts.path}"
    return f"{parts.scheme}://{place}", parts.password

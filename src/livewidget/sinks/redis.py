"""A stream of Redis, by redis-py (the extra `redis`)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from livewidget.codecs.encode import Encoder, encoder_for, plain_columns
from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SettingError, SinkError
from livewidget.sinks.base import Sink
from livewidget.sinks.settings import check_seconds, check_text, check_whole

if TYPE_CHECKING:
    from redis import Redis

_CONNECT_S = 10.0
_SCHEMES = ("redis", "rediss", "unix")
_DATA = "data"


class RedisSink(Sink):
    """Adds to the stream `stream` of `redis://user:password@host:6379/0`; `rediss://` is TLS.

    Each row is an entry, with a field for each column that is not missing, or with one field
    `data` that is a message where `format` names a format. Times are as `times` says. A batch is
    one transaction. `max_len` bounds the stream, about, by trimming what is oldest.

    The id of an entry is `<run>-<number + 1>`, with the row's number: it rises, and what is there
    already is left out. `run` of None is the time of the first `open` in ms, or behind what is
    there; a number is for the rows of a durable buffer, whose numbers outlive the process. Nobody
    else may add to the stream. `timeout` is that of an answer in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str = "livewidget",
        format: object = None,  # noqa: A002  (the word that users look for)
        times: str = "iso",
        max_len: int | None = None,
        run: int | None = None,
        user: str | None = None,
        password: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        check_text("stream", stream, "the name of a stream")
        check_whole("max_len", max_len, 1, optional=True)
        check_whole("run", run, 0, optional=True)
        check_seconds("timeout", timeout)
        shown, secret = _parts(url)
        self.name = f"{shown}, stream {stream}"
        encoder = encoder_for(format or "json", times=times)
        self._encoder: Encoder | None = encoder if format is not None else None
        self._times = times
        self._url, self._stream, self._max_len = url, stream, max_len
        self._run, self._is_named = run or 0, run is not None
        self._secrets = [each for each in (secret, password) if each]
        given = {"username": user, "password": password}
        self._options: dict[str, Any] = {
            "socket_connect_timeout": min(timeout, _CONNECT_S),
            "socket_timeout": timeout,
            "protocol": 2,
            "encoding_errors": "replace",  # half a character (a lone surrogate) becomes "?"
            **{name: value for name, value in given.items() if value},
        }
        self._client: Redis | None = None
        self._there = 0  # the number behind the last row that the stream has of this run

    async def open(self) -> None:
        """Connect, and see how far the stream is. Raises SinkError, SettingError."""
        await asyncio.to_thread(self._connect)

    async def write(self, batch: Batch) -> None:
        """Add rows behind those that are there."""
        await self.write_from(batch, self._there)

    async def write_from(self, batch: Batch, first: int) -> None:
        """Add the rows that are not there yet. Raises SinkError."""
        fresh = batch.take(slice(max(0, self._there - first), None))
        if len(fresh):
            await asyncio.to_thread(self._add, fresh, max(first, self._there))

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    def _connect(self) -> None:
        try:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise MissingExtraError("redis", "redis") from None
        try:
            client = Redis.from_url(self._url, retry=Retry(NoBackoff(), 0), **self._options)
        except ValueError:
            raise SettingError(f"{self.name}: the URL has an option that cannot be") from None
        try:
            with self._errors():
                self._place(*self._last(client))
        except BaseException:
            client.close()
            raise
        self._client = client

    def _last(self, client: Redis) -> tuple[int, int]:
        """Return the two numbers of the highest id that the stream has had, 0 where it is none."""
        if not client.exists(self._stream):
            return 0, 0
        told: Any = client.xinfo_stream(self._stream)
        high, low = told["last-generated-id"].decode().split("-")
        return int(high), int(low)

    def _place(self, high: int, low: int) -> None:
        if not self._run and not self._is_named:
            self._run = max(time.time_ns() // 1_000_000, high + 1)
        if high > self._run:
            raise SettingError(
                f"{self.name} has entries up to {high}-{low}, which are above those of the run "
                f"{self._run}: another run's, or of somebody else"
            )
        self._there = low if high == self._run else 0

    def _add(self, batch: Batch, first: int) -> None:
        assert self._client is not None, "open it first"
        limit = ["MAXLEN", "~", self._max_len] if self._max_len is not None else []
        with self._errors(), self._client.pipeline(transaction=True) as opened:
            pipeline: Any = opened
            for number, words in enumerate(self._words(batch), first + 1):
                entry = f"{self._run}-{number}"
                pipeline.execute_command("XADD", self._stream, *limit, entry, *words)
            pipeline.execute()
        self._there = first + len(batch)

    def _words(self, batch: Batch) -> Iterator[list[Any]]:
        """Yield the fields of each row and what is in them, in turn."""
        if self._encoder is not None:
            return ([_DATA, message] for message in self._encoder.encode(batch))
        return self._fields(batch)

    def _fields(self, batch: Batch) -> Iterator[list[Any]]:
        names = batch.schema.names
        for row in zip(*plain_columns(batch, self._times), strict=True):
            pairs = zip(names, row, strict=True)
            yield [word for name, value in pairs if value is not None for word in (name, value)]

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn redis-py's errors into ours, without a secret."""
        from redis.exceptions import RedisError

        try:
            yield
        except (RedisError, OSError) as error:
            text = str(error) or type(error).__name__
            for secret in self._secrets:
                text = text.replace(secret, "***")
            if "WRONGTYPE" in text:
                raise SettingError(f"{self.name} is no stream: {text}") from None
            raise SinkError(f"{self.name}: {text}") from None


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

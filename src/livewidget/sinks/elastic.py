"""An index of Elasticsearch or OpenSearch, by bulk requests."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote as quoted

import msgspec

from livewidget.codecs.encode import JsonEncoder, plain_columns
from livewidget.data.batch import Batch
from livewidget.data.errors import RejectedError, SettingError, SinkError, quote
from livewidget.sinks.base import NumberedSink
from livewidget.sinks.endpoint import Endpoint
from livewidget.sinks.posting import AGAIN, Poster, parted, verified_by
from livewidget.sinks.settings import (
    Key,
    check_key,
    check_one_of,
    check_seconds,
    check_whole,
    key_columns,
    run_name,
)

PORT = 9200
ACTIONS = ("index", "create")
_TLS = ("elastics", "opensearchs")
_APART = frozenset({400, 413})  # one row may be why, or their number
_THERE = 409  # of a document that is to be created: it is there already
_LEVEL = 1  # of gzip: what costs time is the server's work
_SHOWN = 200


class ElasticSink(NumberedSink):
    """Writes documents to `elastic://user:password@host:9200/index`; `elastics://` is TLS.

    `opensearch://` and `opensearchs://` are the same. Each row is a document, whose `_id` is made
    of the columns in `key`, or of the name of the run and the row's number: what comes again
    replaces itself with the action "index", and is left out with "create", as data streams want it.
    `run` of None makes a name of its own for every sink; a name is for the rows of a durable
    buffer, whose numbers outlive the process.

    A request has about `max_bytes` bytes at most, before gzip where `compress` is true. What the
    server is too busy for, or lacks the index or the right for, is tried again; a document that it
    refuses is rejected. `user` and `password` beat those of the URL, `api_key` beats both. `tls`
    verifies its certificate; `timeout` is that of a request in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        key: Key = None,
        action: str = "index",
        times: str = "iso",
        run: str | None = None,
        compress: bool = True,
        max_bytes: int = 5 * 2**20,
        user: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = 30.0,
    ) -> None:
        endpoint = Endpoint(url, PORT)
        *folders, index = endpoint.path.strip("/").split("/")
        if not index or index != index.lower():
            raise SettingError(
                f"the {endpoint.scheme}:// URL names an index in lower case, as in "
                f"{endpoint.scheme}://host/index; got {quote(index)}"
            )
        check_one_of("action", action, ACTIONS)
        check_whole("max_bytes", max_bytes, 1)
        check_seconds("timeout", timeout)
        self.name = endpoint.shown
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        scheme = "https" if endpoint.scheme in _TLS else "http"
        path = "/".join(quoted(part, safe="") for part in (*folders, index))
        self._url = f"{scheme}://{host}:{endpoint.port}/{path}/_bulk"
        self._key, self._run = key_columns(key), run_name(run)
        self._action, self._times = action, times
        self._compress, self._max_bytes = compress, max_bytes
        self._encoder = JsonEncoder(times)
        self._headers = {"Content-Type": "application/x-ndjson"}
        if compress:
            self._headers["Content-Encoding"] = "gzip"
        options = verified_by(tls)
        user, password = user or endpoint.user, password or endpoint.password
        if api_key:
            self._headers["Authorization"] = f"ApiKey {api_key}"
        elif user:
            options["auth"] = (user, password or "")
        self._poster = Poster(self.name, timeout, **options)

    async def open(self) -> None:
        """Do nothing: the first rows find out whether it answers."""

    async def write_from(self, batch: Batch, first: int) -> None:
        """Write rows, in requests of a bounded size. Raises SinkError, RejectedError."""
        check_key(self._key, batch.schema)
        pairs = await asyncio.to_thread(self._pairs, batch, first)
        refused: dict[int, str] = {}
        for start, stop in parted([len(pair) for pair in pairs], self._max_bytes):
            await self._send(pairs, start, stop, refused)
        if refused:
            raise RejectedError(f"{self.name}: {next(iter(refused.values()))}", sorted(refused))

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    def _pairs(self, batch: Batch, first: int) -> list[bytes]:
        """Return the two lines of each row."""
        encode = msgspec.json.encode
        documents = self._encoder.encode(batch)
        return [
            b'{"%s":{"_id":%s}}\n%s\n' % (self._action.encode(), encode(name), document)
            for name, document in zip(self._ids(batch, first), documents, strict=True)
        ]

    def _ids(self, batch: Batch, first: int) -> Iterator[str]:
        if not self._key:
            return (f"{self._run}-{number}" for number in range(first, first + len(batch)))
        columns = dict(zip(batch.schema.names, plain_columns(batch, self._times), strict=True))
        rows = zip(*(columns[name] for name in self._key), strict=True)
        if len(self._key) == 1:
            return ("" if value is None else str(value) for (value,) in rows)
        return (msgspec.json.encode(row).decode() for row in rows)  # no two keys are one text

    async def _send(
        self, pairs: list[bytes], start: int, stop: int, refused: dict[int, str]
    ) -> None:
        body = b"".join(pairs[start:stop])
        if self._compress:
            body = await asyncio.to_thread(gzip.compress, body, _LEVEL)
        status, answer = await self._poster.post(self._url, body, self._headers)
        if status in _APART and stop - start > 1:
            half = (start + stop) // 2
            await self._send(pairs, start, half, refused)
            await self._send(pairs, half, stop, refused)
        elif status >= 300:  # noqa: PLR2004  (RFC 9110: all but a success)
            said = answer[:_SHOWN].decode("utf-8", "replace")
            refused.update(dict.fromkeys(range(start, stop), f"HTTP {status}: {said}"))
        else:
            self._look_at(answer, start, stop, refused)

    def _look_at(self, answer: bytes, start: int, stop: int, refused: dict[int, str]) -> None:
        """See how each row fared. Raises SinkError where one may be tried again."""
        try:
            told: dict[str, Any] = msgspec.json.decode(answer)
            if not told["errors"]:
                return
            items = [next(iter(item.values())) for item in told["items"]]
            statuses = [int(item["status"]) for item in items]
        except (msgspec.DecodeError, TypeError, KeyError, ValueError, AttributeError):
            raise SinkError(f"{self.name} answers what is not of its protocol") from None
        if len(items) != stop - start:
            raise SinkError(f"{self.name} answers {len(items)} of {stop - start} rows")
        again = [at for at, it in enumerate(statuses) if it in AGAIN or it >= 500]  # noqa: PLR2004
        if again:
            reason = _reason(items[again[0]])
            raise SinkError(f"{self.name}: {len(again)} of {len(items)} rows wait: {reason}")
        for place, status in enumerate(statuses):
            if status >= 300 and status != _THERE:  # noqa: PLR2004
                refused[start + place] = _reason(items[place])


def _reason(item: dict[str, Any]) -> str:
    error = item.get("error")
    if not isinstance(error, dict):
        return f"HTTP {item['status']}"
    return f"{error.get('type')}: {str(error.get('reason'))[:_SHOWN]}"

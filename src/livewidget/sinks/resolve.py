"""From a URL or a path to the sink it stands for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from livewidget.data.errors import SettingError, quote
from livewidget.sinks.base import Sink
from livewidget.sinks.elastic import ElasticSink
from livewidget.sinks.file import STDOUT, ZIPPED, FileSink
from livewidget.sinks.function import FunctionSink
from livewidget.sinks.http import HttpSink
from livewidget.sinks.kafka import KafkaSink
from livewidget.sinks.mqtt import MqttSink
from livewidget.sinks.parquet import SUFFIX as PARQUET
from livewidget.sinks.parquet import ParquetSink
from livewidget.sinks.postgres import PostgresSink
from livewidget.sinks.redis import RedisSink
from livewidget.sinks.sse import SseSink
from livewidget.sinks.webhook import WebhookSink
from livewidget.sinks.websocket import WebSocketSink

# Typed as plain calls: each sink has arguments of its own.
SCHEMES: dict[str, Any] = {
    "elastic": ElasticSink,
    "elastics": ElasticSink,
    "http": HttpSink,
    "kafka": KafkaSink,
    "mqtt": MqttSink,
    "mqtts": MqttSink,
    "opensearch": ElasticSink,
    "opensearchs": ElasticSink,
    "postgres": PostgresSink,
    "postgresql": PostgresSink,
    "redis": RedisSink,
    "rediss": RedisSink,
    "sse": SseSink,
    "webhook+http": WebhookSink,
    "webhook+https": WebhookSink,
    "ws": WebSocketSink,
}
SUFFIXES = (".csv", ".json", ".jsonl", ".msgpack", ".ndjson")
_PLACES = ("url", "path", "function")


def sink_for(to: str | Path | Sink | Callable[..., Any], **options: Any) -> Sink:
    """Return the sink that `to` stands for; `options` go to its constructor.

    `to` is a URL, the path of a file, "-" for the standard output, a function, or a `Sink`. An
    option of None counts as not given. Raises SettingError for an option that this kind of sink
    does not know and for what is no sink, naming what is accepted.
    """
    options = {name: value for name, value in options.items() if value is not None}
    if isinstance(to, Sink):
        if options:
            raise SettingError(f"{to!r} is a sink already: set {', '.join(options)} on it")
        return to
    factory, place = _factory(to)
    known = [name for name in inspect.signature(factory).parameters if name not in _PLACES]
    for name in options:
        if name not in known:
            raise SettingError(
                f"{factory.__name__} has no option {name}; it has {', '.join(known)}"
            )
    sink: Sink = factory(place, **options)
    return sink


def _factory(to: object) -> tuple[Any, object]:
    if isinstance(to, Path):
        return _of_file(str(to)), to
    if callable(to) and not isinstance(to, type):
        return FunctionSink, to
    if not isinstance(to, str):
        raise SettingError(f"expected {_accepted()}, got {quote(to)}")
    scheme = urlsplit(to).scheme.lower() if "://" in to else ""
    if scheme in SCHEMES:
        return SCHEMES[scheme], to
    if scheme == "file":
        path = url2pathname(urlsplit(to).path)
        return _of_file(path), path
    if scheme:  # the URL itself stays out of the message: it may hold a secret
        raise SettingError(f"{scheme}:// is no sink; expected {_accepted()}")
    name = to.lower()
    if to == STDOUT or name.endswith(PARQUET) or name.removesuffix(ZIPPED).endswith(SUFFIXES):
        return _of_file(to), to
    raise SettingError(f"expected {_accepted()}, got {quote(to)}")


def _of_file(path: str) -> Any:
    return ParquetSink if path.lower().endswith(PARQUET) else FileSink


def _accepted() -> str:
    schemes = ", ".join(f"{scheme}://" for scheme in ("file", *SCHEMES))
    files = f"a file ({', '.join(SUFFIXES)}, also with {ZIPPED} behind it, {PARQUET})"
    return f"a URL ({schemes}), {files}, a function or '-' for the standard output"

"""From whatever a user hands in to a source."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.sources.base import Source
from livewidget.sources.items import DEFAULT_FIELDS
from livewidget.sources.iterators import AsyncIteratorSource, IteratorSource
from livewidget.sources.kafka import KafkaSource
from livewidget.sources.mqtt import MqttSource
from livewidget.sources.pull import CallableSource
from livewidget.sources.replay import Replay
from livewidget.sources.web import WebSource
from livewidget.sources.websocket import WebSocketSource

# Typed as plain calls: each source has arguments of its own.
SCHEMES: dict[str, Any] = {
    "http": WebSource,
    "https": WebSource,
    "kafka": KafkaSource,
    "mqtt": MqttSource,
    "mqtts": MqttSource,
    "ws": WebSocketSource,
    "wss": WebSocketSource,
}

_ACCEPTED = (
    "a URL ({schemes}), an async iterator, a generator, a callable, a DataFrame or other "
    "table to replay, or a Source"
)


def resolve(
    thing: object,
    *,
    time: str | None = None,
    values: Sequence[str] = (),
    by: str | None = None,
    **options: Any,
) -> Source:
    """Return the source that `thing` stands for; `options` go to its constructor.

    `time`, `values` and `by` tell which columns are wanted: they order a table by its time,
    give plain numbers and tuples their names, and spare a decoder what nobody looks at. An
    option of None counts as not given. Raises SettingError for an option that this kind of
    source does not know, and SourceError for what is no source, naming what is accepted.
    """
    options = {name: value for name, value in options.items() if value is not None}
    if inspect.isgeneratorfunction(thing) or inspect.isasyncgenfunction(thing):
        thing = thing()
    if isinstance(thing, Source):
        if options:
            raise SettingError(f"{thing!r} is a source already: set {', '.join(options)} on it")
        return thing
    factory = _factory(thing)
    hints = _hints(factory, time, tuple(values), by)
    try:
        source: Source = factory(thing, **hints | options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise SettingError(f"{factory.__name__}: {error}") from None
    return source


def _hints(
    factory: object, time: str | None, values: tuple[str, ...], by: str | None
) -> dict[str, object]:
    if factory is Replay:
        return {"time": time}
    if factory not in SCHEMES.values():
        return {"fields": (time or DEFAULT_FIELDS[0], *(values or DEFAULT_FIELDS[1:]))}
    # Messages may call their time by any name: without being told it, all fields are kept.
    wanted = (time, *values, *(() if by is None else (by,)))
    hints: dict[str, object] = {"fields": wanted if time and values else None, "needs": values}
    return hints | ({"time": time} if factory in (WebSource, KafkaSource) else {})


def _factory(thing: object) -> Any:
    if isinstance(thing, str):
        return _scheme(thing)
    if isinstance(thing, type):
        raise SourceError(f"{thing.__name__} is a class: hand in an object of it")
    if isinstance(thing, AsyncIterable):
        return AsyncIteratorSource
    if _is_table(thing):
        return Replay
    if callable(thing):
        return CallableSource
    if isinstance(thing, Iterable) and not isinstance(thing, (bytes, bytearray, Mapping)):
        return IteratorSource
    raise SourceError(f"expected {_accepted()}, got {quote(thing)}")


def _scheme(url: str) -> Any:
    # The URL itself stays out of the message: it may hold a secret.
    scheme = urlsplit(url).scheme.lower()
    if scheme in SCHEMES:
        return SCHEMES[scheme]
    if "://" not in url:
        raise SourceError(f"expected {_accepted()}, got the text {quote(url, 40)}")
    raise SourceError(
        f"{scheme}:// is not supported in this version; the schemes that are: {_schemes()}"
    )


def _is_table(thing: object) -> bool:
    return hasattr(thing, "iloc") or any(
        hasattr(thing, f"__arrow_c_{kind}__") for kind in ("stream", "array")
    )


def _schemes() -> str:
    return ", ".join(f"{scheme}://" for scheme in sorted(SCHEMES))


def _accepted() -> str:
    return _ACCEPTED.format(schemes=_schemes())

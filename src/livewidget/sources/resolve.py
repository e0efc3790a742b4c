"""From whatever a user hands in to a source."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.sources.base import Source
from livewidget.sources.files import FORMATS, FileSource
from livewidget.sources.items import DEFAULT_FIELDS
from livewidget.sources.iterators import AsyncIteratorSource, IteratorSource
from livewidget.sources.kafka import KafkaSource
from livewidget.sources.mqtt import MqttSource
from livewidget.sources.plugins import plugin
from livewidget.sources.plugins import schemes as plugged
from livewidget.sources.pull import CallableSource
from livewidget.sources.recording import FORMATS as RECORDINGS
from livewidget.sources.recording import ReplayFile
from livewidget.sources.replay import Replay
from livewidget.sources.web import WebSource
from livewidget.sources.websocket import WebSocketSource

# Typed as plain calls: each source has arguments of its own.
SCHEMES: dict[str, Any] = {
    "file": FileSource,
    "http": WebSource,
    "https": WebSource,
    "kafka": KafkaSource,
    "mqtt": MqttSource,
    "mqtts": MqttSource,
    "ws": WebSocketSource,
    "wss": WebSocketSource,
}

_OF_REPLAYS = ("speed", "rebase", "repeat", "columns")  # who sets these wants no log followed

_ACCEPTED = (
    "a URL ({schemes}), a pathlib.Path, an async iterator, a generator, a callable, a DataFrame or "
    "other table to replay, or a Source"
)


def resolve(
    thing: object,
    *,
    time: str | None = None,
    values: Sequence[str] = (),
    by: str | None = None,
    also: Sequence[str | None] = (),
    **options: Any,
) -> Source:
    """Return the source that `thing` stands for; `options` go to its constructor.

    `time`, `values`, `by` and `also` tell which columns are wanted: they order a table by its time,
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
    factory = _factory(thing, options)
    extra = tuple(each for each in (by, *also) if each is not None)
    hints = _hints(factory, time, tuple(values), extra)
    try:
        source = factory(thing, **hints | options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise SettingError(f"{_name(factory)}: {error}") from None
    if not isinstance(source, Source):
        raise SourceError(f"{_name(factory)} made {quote(source)}, which is no Source")
    return source


def _hints(
    factory: Any, time: str | None, values: tuple[str, ...], extra: tuple[str, ...]
) -> dict[str, object]:
    if factory in (Replay, ReplayFile):
        return {"time": time}
    if factory in (AsyncIteratorSource, IteratorSource, CallableSource):
        return {"fields": (time or DEFAULT_FIELDS[0], *(values or DEFAULT_FIELDS[1:]))}
    # Messages may call their time by any name: without being told it, all fields are kept.
    wanted = (time, *values, *extra)
    hints: dict[str, object] = {"fields": wanted if time and values else None, "needs": values}
    if factory in SCHEMES.values():
        return hints | ({"time": time} if factory in (WebSource, KafkaSource) else {})
    # One of another package takes what it knows.
    known = inspect.signature(factory).parameters
    if any(each.kind is each.VAR_KEYWORD for each in known.values()):
        return hints
    return {name: hint for name, hint in (hints | {"time": time}).items() if name in known}


def _name(factory: object) -> str:
    return getattr(factory, "__name__", None) or type(factory).__name__


def _factory(thing: object, options: Mapping[str, object]) -> Any:
    if isinstance(thing, str):
        return _scheme(thing)
    if isinstance(thing, os.PathLike):
        return _file(Path(thing), options)
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
    added = plugin(scheme) if scheme else None
    if added is not None:
        return added
    if "://" not in url:
        raise SourceError(f"expected {_accepted()}, got the text {quote(url, 40)}")
    raise SourceError(
        f"{scheme}:// is not supported in this version; the schemes that are: {_schemes()}"
    )


def _file(path: Path, options: Mapping[str, object]) -> Any:
    ending = path.suffix.lower()
    if ending in RECORDINGS and not options.keys().isdisjoint(_OF_REPLAYS):
        return ReplayFile
    if ending in FORMATS or (ending not in RECORDINGS and "format" in options):
        return FileSource
    if ending in RECORDINGS:
        return ReplayFile
    endings = ", ".join(sorted({*FORMATS, *RECORDINGS}))
    raise SourceError(
        f"what is in {path.name}? Set format=, or hand in a file that ends with {endings}"
    )


def _is_table(thing: object) -> bool:
    return hasattr(thing, "iloc") or any(
        hasattr(thing, f"__arrow_c_{kind}__") for kind in ("stream", "array")
    )


def _schemes() -> str:
    return ", ".join(f"{scheme}://" for scheme in sorted({*SCHEMES, *plugged()}))


def _accepted() -> str:
    return _ACCEPTED.format(schemes=_schemes())

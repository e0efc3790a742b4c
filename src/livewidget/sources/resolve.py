"""From whatever a user hands in to a source."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.sources.base import Source
from livewidget.sources.iterators import AsyncIteratorSource, IteratorSource
from livewidget.sources.pull import CallableSource
from livewidget.sources.replay import Replay
from livewidget.sources.websocket import WebSocketSource

SCHEMES: dict[str, Callable[..., Source]] = {"ws": WebSocketSource, "wss": WebSocketSource}

_ACCEPTED = (
    "a URL ({schemes}), an async iterator, a generator, a callable, a DataFrame or other "
    "table to replay, or a Source"
)


def resolve(thing: object, **options: Any) -> Source:
    """Return the source that `thing` stands for; `options` go to its constructor.

    An option of None counts as not given. Raises SettingError for an option that this kind of
    source does not know, and SourceError for what is no source, naming what is accepted.
    """
    options = {name: value for name, value in options.items() if value is not None}
    if isinstance(thing, Source):
        if options:
            raise SettingError(f"{thing!r} is a source already: set {_names(options)} on it")
        return thing
    return _make(_factory(thing), thing, options)


def _factory(thing: object) -> Callable[..., Source]:
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


def _scheme(url: str) -> Callable[..., Source]:
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


def _make(factory: Callable[..., Source], thing: object, options: dict[str, Any]) -> Source:
    try:
        return factory(thing, **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise SettingError(f"{getattr(factory, '__name__', 'this source')}: {error}") from None


def _names(options: dict[str, Any]) -> str:
    return ", ".join(options)


def _schemes() -> str:
    return ", ".join(f"{scheme}://" for scheme in sorted(SCHEMES))


def _accepted() -> str:
    return _ACCEPTED.format(schemes=_schemes())

"""From a path, a URL or several of them to the store they stand for."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from livewidget.data.errors import SettingError, quote
from livewidget.storage.base import Recoverable, Store
from livewidget.storage.tiered import TieredStore

# Imported when they are asked for: each has packages of its own.
FOLDER = ("embedded", "EmbeddedStore")
SCHEMES = {
    "redis": ("redis", "RedisStore"),
    "rediss": ("redis", "RedisStore"),
    "unix": ("redis", "RedisStore"),
    "postgresql": ("postgres", "PostgresStore"),
    "postgres": ("postgres", "PostgresStore"),
}


def store_for(thing: Any, *, by: str | None = None, **options: Any) -> Store:
    """Return the store that `thing` stands for; `options` go to its constructor.

    A `Store` is itself. A path is a folder of its own (`EmbeddedStore`), a URL of `SCHEMES` a
    server. A list of such is a `TieredStore`, the fastest first: the durable one is the first that
    a stream can be gone on with from, which an `EmbeddedStore` is, else the last. `by` is the text
    column whose keys each have rows that stand for them. Nothing is opened.

    Raises SettingError for an option that this kind of store does not have and for what is no
    store, without what may be secret; MissingExtraError where a package is not installed.
    """
    if isinstance(thing, Store):
        if options:
            raise SettingError(f"{thing!r} is a store already: set {', '.join(options)} on it")
        return thing
    if isinstance(thing, (list, tuple)):
        stores = [store_for(each, by=by) for each in thing]
        _check_options(TieredStore, options)
        lasting = [place for place, each in enumerate(stores) if isinstance(each, Recoverable)]
        return TieredStore(stores, by=by, **{"durable": next(iter(lasting), None), **options})
    (module, name), place = _kind(thing)
    factory = getattr(import_module(f"livewidget.storage.{module}"), name)
    _check_options(factory, options)
    store: Store = factory(place, by=by, **options)
    return store


def _kind(thing: object) -> tuple[tuple[str, str], str]:
    """Return which class in which module a path or a URL stands for, and what that class takes."""
    if isinstance(thing, os.PathLike):
        return FOLDER, os.fspath(thing)
    if not isinstance(thing, str) or not thing:
        raise SettingError(f"a store is {_accepted()}; got {quote(thing)}")
    if "://" not in thing:
        return FOLDER, thing
    scheme = thing.partition("://")[0].lower()
    if scheme in SCHEMES:
        return SCHEMES[scheme], thing
    if scheme == "file":
        return FOLDER, url2pathname(urlsplit(thing).path)
    # The URL itself stays out of the message: it may hold a secret.
    raise SettingError(f"a store is {_accepted()}; got a URL that begins with {quote(scheme)}")


def _check_options(factory: Any, options: Mapping[str, Any]) -> None:
    known = [*inspect.signature(factory).parameters][1:]
    for name in options:
        if name not in known:
            raise SettingError(
                f"{factory.__name__} has no option {name}; it has {', '.join(known)}"
            )


def _accepted() -> str:
    schemes = ", ".join(f"{scheme}://" for scheme in SCHEMES)
    return f"a Store, the path of a folder, a URL ({schemes}), or a list of these"

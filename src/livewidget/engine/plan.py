"""A stream as a file: sources, schema, pipeline, queue, buffer and outputs in one TOML or YAML."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from livewidget.buffers.queue import Queue
from livewidget.data.document import Document
from livewidget.data.duration import seconds
from livewidget.data.errors import LivewidgetError, quote
from livewidget.data.schema import Schema
from livewidget.data.toml_lines import Place
from livewidget.engine.alerts.filed import HANDLERS, Alerts
from livewidget.engine.alerts.handler import Handler
from livewidget.engine.buffer import BufferManager
from livewidget.engine.outputs import DELIVERY, Delivery
from livewidget.engine.streamer import DataStreamer
from livewidget.pipeline.operator import Operator
from livewidget.pipeline.rules import Rules, operators
from livewidget.sinks import Sink, sink_for
from livewidget.sources import (
    ApiKey,
    Basic,
    Bearer,
    OAuth2,
    Shards,
    Source,
    Synthetic,
    resolve,
)

Made = TypeVar("Made")
_SECTIONS = ("stream", "source", "schema", "queue", "pipeline", "buffer", "output", "alerts")
_STREAM = (
    "by",
    "columns",
    "delivery",
    "max_ahead",
    "rate_limit",
    "retries",
    "rules",
    "sampling_rate",
    "sequence",
    "time",
    "unique",
    "workers",
)
_AUTH: dict[str, Callable[..., Any]] = {
    "bearer": Bearer,
    "basic": Basic,
    "api_key": ApiKey,
    "oauth2": OAuth2,
}
_SIGNALS = ("prices", "sensors", "bursts", "gaps")


class Plan:
    """What a stream file says, checked as far as that goes without opening anything.

    Every error is a SettingError that names the file and the line. Paths in the file are relative
    to it; a value `{ env = "NAME" }` is that of an environment variable, for secrets.
    """

    def __init__(self, document: Document, folder: Path) -> None:
        self._document = document
        self._folder = folder
        self._known(document.data, _SECTIONS, ())
        self.settings = self._settings()
        self.source = self._sources()
        self.pipeline = self._pipeline()
        self.outputs = [self._output(table, place) for table, place in self._tables("output")]
        self.alerts = self._alerts() if "alerts" in document.data else None

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a file. Raises SettingError."""
        return cls(Document.load(path), Path(path).resolve().parent)

    def open(self, **overrides: Any) -> DataStreamer:
        """Return the streamer, not yet started, with its outputs; `overrides` go before the file.

        Raises SettingError, and SchemaError where the pipeline does not fit the schema.
        """
        settings = {"pipeline": self.pipeline} | self.settings | overrides
        streamer = DataStreamer(self.source, **settings)
        streamer.owns_buffer |= "buffer" not in overrides
        for sink, output, delivery in self.outputs:
            streamer.send_to(sink, output, **delivery)
        if self.alerts is not None:
            self.alerts.open(streamer)
        return streamer

    def summary(self) -> str:
        """Return one line on what the file describes."""
        source = "what is pushed" if self.source is None else self.source.name
        steps = " → ".join(each.name for each in self.pipeline)
        outputs = ", ".join(sink.name for sink, *_ in self.outputs)
        return " → ".join(part for part in (source, steps, outputs) if part)

    # -- the parts

    def _settings(self) -> dict[str, Any]:
        stream = self._table("stream")
        self._known(stream, _STREAM, ("stream",))
        settings = {name: value for name, value in stream.items() if name != "rules"}
        if "columns" in settings:
            settings["columns"] = tuple(settings["columns"])
        if "queue" in self._document.data:
            settings["queue"] = self._made(Queue, self._table("queue"), ("queue",))
        if "buffer" in self._document.data:
            settings["buffer"] = self._buffer()
        if "schema" in self._document.data:
            settings["schema"] = self._schema()
        return settings

    def _schema(self) -> Schema:
        table = self._table("schema")
        self._known(table, ("time", "columns"), ("schema",))
        time = table.get("time", "time")
        kinds = {time: "time", **self._mapping(table.get("columns", {}), ("schema", "columns"))}
        return self._placed(("schema",), lambda: Schema.of(kinds, time))

    def _buffer(self) -> BufferManager:
        table = self._table("buffer")
        if "retention" in table:
            place = ("buffer", "retention")
            kept = self._placed(place, lambda: seconds(table["retention"], "retention"))
            table = {**table, "retention": kept}
        if "store" in table:
            table = {**table, "store": self._stores(table["store"])}
        return self._made(BufferManager, table, ("buffer",))

    def _stores(self, store: Any) -> Any:
        """Return a store's folder, relative to the file, its URL, or a list of them."""
        if isinstance(store, list):
            return [self._stores(each) for each in store]
        return store if not isinstance(store, str) or "://" in store else self._folder / store

    def _sources(self) -> Source | None:
        sources = [self._source(table, place) for table, place in self._tables("source")]
        if len(sources) > 1:
            return Shards(sources)
        return sources[0] if sources else None

    def _source(self, table: Mapping[str, Any], place: Place) -> Source:
        options = {name: self._value(value, (*place, name)) for name, value in table.items()}
        ways = [name for name in ("url", "path", "synthetic") if name in options]
        if len(ways) != 1:
            raise self._document.error(place, "a source has one of url, path and synthetic")
        thing = options.pop(ways[0])
        if "auth" in options:
            options["auth"] = self._auth(options["auth"], (*place, "auth"))
        if ways == ["synthetic"]:
            if thing not in _SIGNALS:
                what = f"synthetic is one of {', '.join(_SIGNALS)}; got {quote(thing)}"
                raise self._document.error((*place, "synthetic"), what)
            signal: Callable[..., Source] = getattr(Synthetic, thing)
            return self._made(signal, options, place)
        found = self._folder / thing if ways == ["path"] else thing
        stream = self._table("stream")
        return self._placed(place, lambda: resolve(found, time=stream.get("time"), **options))

    def _auth(self, table: object, place: Place) -> object:
        options = dict(self._mapping(table, place))
        kind = options.pop("kind", None)
        if kind not in _AUTH:
            what = f"kind is one of {', '.join(_AUTH)}; got {quote(kind)}"
            raise self._document.error((*place, "kind"), what)
        return self._made(_AUTH[kind], options, place)

    def _pipeline(self) -> list[Operator]:
        rules = self._table("stream").get("rules")
        steps = self._document.data.get("pipeline", [])
        if rules is None:
            return operators(steps, self._document, ("pipeline",))
        if steps:
            what = "the operators stand in [[pipeline]] or in the file of rules, not in both"
            raise self._document.error(("stream", "rules"), what)
        return [self._placed(("stream", "rules"), lambda: Rules(self._folder / rules))]

    def _output(
        self, table: Mapping[str, Any], place: Place
    ) -> tuple[Sink, str | None, dict[str, Any]]:
        options = {name: self._value(value, (*place, name)) for name, value in table.items()}
        target, output = options.pop("to", None), options.pop("from", None)
        if not isinstance(target, str):
            raise self._document.error(place, f"an output has to = a URL; got {quote(target)}")
        if target != "-" and "://" not in target:
            target = str(self._folder / target)
        self._placed(place, lambda: Delivery.taken_from(dict(options)))  # a mistake has its line
        delivery = {name: options.pop(name) for name in DELIVERY if name in options}
        return self._placed(place, lambda: sink_for(target, **options)), output, delivery

    def _alerts(self) -> Alerts:
        """Return who is told of alerts: the settings of an AlertManager, and a list of handlers."""
        settings = dict(self._table("alerts"))
        handlers = settings.pop("handler", [])
        place: Place = ("alerts", "handler")
        if not isinstance(handlers, list):
            handlers = [handlers]
        made = [
            self._handler(self._mapping(table, (*place, number)), (*place, number))
            for number, table in enumerate(handlers)
        ]
        return self._made(Alerts, {"handlers": made, **settings}, ("alerts",))

    def _handler(self, table: Mapping[str, Any], place: Place) -> Handler:
        options = {name: self._value(value, (*place, name)) for name, value in table.items()}
        kind = options.pop("kind", None)
        if kind not in HANDLERS:
            what = f"kind is one of {', '.join(HANDLERS)}; got {quote(kind)}"
            raise self._document.error((*place, "kind"), what)
        return self._made(HANDLERS[kind], options, place)

    # -- helpers, each with a place for its error

    def _tables(self, name: str) -> list[tuple[Mapping[str, Any], Place]]:
        """Return a section that may be one table or a list of them, each with its place."""
        found = self._document.data.get(name, [])
        if not isinstance(found, list):
            return [(self._mapping(found, (name,)), (name,))]
        places = [(name, number) for number in range(len(found))]
        return [(self._mapping(it, at), at) for it, at in zip(found, places, strict=True)]

    def _table(self, name: str) -> Mapping[str, Any]:
        return self._mapping(self._document.data.get(name, {}), (name,))

    def _mapping(self, value: object, place: Place) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._document.error(place, f"expected a table of settings, got {quote(value)}")
        return value

    def _known(self, table: Mapping[str, Any], names: Iterable[str], place: Place) -> None:
        known = tuple(names)
        for name in table:
            if name not in known:
                close = get_close_matches(name, known, 1)
                hint = f"; is it {close[0]!r}?" if close else ""
                what = f"there is no {name!r} here, there are {', '.join(known)}{hint}"
                raise self._document.error((*place, name), what)

    def _value(self, value: Any, place: Place) -> Any:
        """Return a value with those of environment variables in place."""
        if isinstance(value, Mapping):
            if value.keys() == {"env"}:
                name = value["env"]
                if name not in os.environ:
                    raise self._document.error(place, f"the environment has no {quote(name)}")
                return os.environ[name]
            return {name: self._value(it, (*place, name)) for name, it in value.items()}
        return value

    def _made(self, factory: Callable[..., Made], options: Mapping[str, Any], at: Place) -> Made:
        try:
            return self._placed(at, lambda: factory(**options))
        except TypeError as error:  # a setting that it does not have, or one that is missing
            raise self._document.error(at, error) from None

    def _placed(self, place: Place, make: Callable[[], Made]) -> Made:
        try:
            return make()
        except LivewidgetError as error:
            raise self._document.error(place, error) from None

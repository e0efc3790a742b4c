"""A monitor's figures as streams of batches like any other, and the alerts on them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.engine.buffer import BufferManager
from livewidget.engine.sample_rules import Reading, SampleRules, points_of, series_of
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.monitor.registry import Registry
from livewidget.pipeline.alerts.event import ALERTS
from livewidget.sources.base import LoopClock

log = logging.getLogger("livewidget")

OWN = "livewidget_"  # what our own metrics begin with
_MOST_BYTES = 32 * 2**20  # of each stream, however many series there are
_UNKNOWN = np.array([math.nan])
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
METRICS = Schema.of({"time": "time", "metric": "text", "labels": "text", "value": "float"}, "time")


class Sampler:
    """Reads all figures every `every_s` seconds and gives them to streams, on the engine's thread.

    `figures` has one column for each main figure and each metric without labels that the user had
    registered by then; `metrics` has a row for each series of each metric; `alerts` has what the
    rules of `watch` tell. Each keeps `keep_s` s, in 32 MiB at most.

    `read` returns the main figures by name at a time (s). A sample that fails is told once in the
    log, and the next is taken.
    """

    def __init__(
        self,
        registry: Registry,
        read: Callable[[float], dict[str, float]],
        engine: Engine,
        clock: LoopClock,
        every_s: float,
        keep_s: float,
    ) -> None:
        self._registry = registry
        self._read = read
        self._engine = engine
        self.clock = clock
        self._every = every_s
        self._keep = keep_s
        self._task: asyncio.Task[None] | None = None
        self._failed = False
        self.closed = False
        known = self._reading().figures
        self.schema = _schema(name for name in known if not name.startswith(OWN))
        self.figures = self._stream(self.schema)
        self.metrics = self._stream(METRICS, by="metric")
        self.alerts = self._stream(ALERTS)
        self._rules: tuple[SampleRules, ...] = ()
        self._watched: dict[str, tuple[object, ...]] = {}

    def begin(self) -> None:
        """Take a sample every so often from now on. On the engine's loop."""
        if self._task is None and not self.closed:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def watch(
        self,
        rules: Iterable[Any],
        anomaly: str | None = None,
        by: str | Sequence[str] | None = None,
    ) -> None:
        """Have each sample looked at by alert rules; what they tell goes to `alerts`. As `take`.

        See `SampleRules`. The same rules again, as of a cell that is run again, are no others.
        Raises SettingError and SchemaError for rules that do not fit, and for a name that another
        rule has.
        """
        fresh = SampleRules(rules, self._reading(), self.clock, anomaly, by)
        if fresh.told.items() <= self._watched.items():
            return
        for name in fresh.told.keys() & self._watched.keys():
            raise SettingError(f"a rule {quote(name)} is watched already: it needs another name")
        self._watched |= fresh.told
        self._rules = (*self._rules, fresh)

    def take(self) -> None:
        """Take a sample now, unless it is closed. One at a time."""
        if self.closed:
            return
        now = self.clock.now()
        reading = self._reading()
        columns = {name: np.array([value], np.float64) for name, value in reading.figures.items()}
        columns["time"] = np.array([now], np.int64)
        self.figures.emit(_batch(self.schema, columns))
        names, labels, values = zip(*reading.points, strict=True)
        texts = Text.encode(list(names)), Text.encode(list(map(label_text, labels)))
        times = np.full(len(names), now, np.int64)
        self.metrics.emit(Batch(METRICS, (times, *texts, np.array(values, np.float64))))
        for rules in self._rules:
            for told in rules.step(reading, now):
                self.alerts.emit(told)

    def close(self) -> None:
        """Take no more, and end the streams; what they hold can be read still."""
        self.closed = True
        if self._task is not None and self._engine.alive:
            self._engine.post(self._task.cancel)
        for streamer in (self.figures, self.metrics, self.alerts):
            streamer.stop()

    async def _run(self) -> None:
        while True:
            try:
                self.take()
            except Exception:
                if not self._failed:
                    self._failed = True
                    log.exception("a sample of the monitor's figures could not be taken")
            await self.clock.sleep(self._every)

    def _reading(self) -> Reading:
        """Return the figures and the metrics without labels by name, and all metrics."""
        families = self._registry.collect()
        points = points_of(families)
        plain = dict.fromkeys(series_of(families, ()), math.nan)  # what has no value yet, too
        plain |= {point.metric: point.value for point in points if not point.labels}
        return Reading(self._read(self.clock.monotonic()) | plain, families, points)

    def _stream(self, schema: Schema, *, by: str | None = None) -> DataStreamer:
        buffer = BufferManager(
            schema,
            retention=self._keep,
            max_bytes=_MOST_BYTES,
            by=by,
            name="figures",
            clock=self.clock,
        )
        streamer = DataStreamer(
            buffer=buffer, schema=schema, by=by, engine=self._engine, clock=self.clock
        )
        streamer.owns_buffer = True
        return streamer


def _batch(schema: Schema, columns: Mapping[str, Any]) -> Batch:
    return Batch(schema, tuple(columns.get(name, _UNKNOWN) for name in schema.names))


def _schema(columns: Iterable[str]) -> Schema:
    return Schema.of({"time": "time", **dict.fromkeys(columns, "float")}, "time")


def label_text(labels: Mapping[str, str]) -> str:
    """Return labels as `name="value"`, joined by commas and escaped as Prometheus does."""
    return ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())

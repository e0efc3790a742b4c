"""A monitor's figures as streams of batches like any other, and the alerts on them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.engine.buffer import BufferManager
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.monitor.histogram import Snapshot
from livewidget.monitor.metrics import Family
from livewidget.monitor.registry import Registry
from livewidget.pipeline.alerts.alert import Alert
from livewidget.pipeline.alerts.event import ALERTS
from livewidget.pipeline.operator import Bound, Operator, Tally
from livewidget.sources.base import LoopClock

log = logging.getLogger("livewidget")

OWN = "livewidget_"  # what our own metrics begin with
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
Point = tuple[str, str, float]  # name, labels, value
_MOST_BYTES = 32 * 2**20  # of each stream, however many series there are
_UNKNOWN = np.array([math.nan])
METRICS = Schema.of({"time": "time", "metric": "text", "labels": "text", "value": "float"}, "time")


class Sampler:
    """Reads all figures every `every_s` seconds and gives them to streams, on the engine's thread.

    `figures` has one column for each main figure and each metric without labels that the user had
    registered by then; `metrics` has a row for each series of each metric; `alerts` has what the
    rules of `watch` tell. Each keeps `keep_s` s,
    in 32 MiB at most.
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
        known = self._reading()[0]
        self.schema = _schema(name for name in known if not name.startswith(OWN))
        self.figures = self._stream(self.schema)
        self.metrics = self._stream(METRICS, by="metric")
        self.alerts = self._stream(ALERTS)
        self._watched: tuple[_Watched, ...] = ()

    def begin(self) -> None:
        """Take a sample every so often from now on. On the engine's loop."""
        if self._task is None and not self.closed:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def watch(self, rules: Iterable[Any], anomaly: str | None = None) -> None:
        """Have each sample looked at by alert rules; what they tell goes to `alerts`. As `take`.

        They are over figures, and over metrics without labels that are there by now. With
        `anomaly`, the name of one, they may ask for its `anomaly_score`. Raises SettingError and
        SchemaError for rules that do not fit.
        """
        pipeline: list[Operator] = [Alert(list(rules))]
        if anomaly is not None:
            from livewidget.pipeline.models.detect import Detect

            pipeline.insert(0, Detect(anomaly))
        schema = _schema(self._reading()[0])
        bounds: list[Bound] = []
        for operator in pipeline:
            bounds.append(operator.bind(bounds[-1].schema if bounds else schema, self.clock))
        self._watched = (*self._watched, _Watched(schema, tuple(bounds)))

    def take(self) -> None:
        """Take a sample now, unless it is closed. One at a time."""
        if self.closed:
            return
        now = self.clock.now()
        row, points = self._reading()
        columns = {name: np.array([value], np.float64) for name, value in row.items()}
        columns["time"] = np.array([now], np.int64)
        self.figures.emit(_batch(self.schema, columns))
        names, labels, values = zip(*points, strict=True)
        texts = Text.encode(list(names)), Text.encode(list(labels))
        times = np.full(len(points), now, np.int64)
        self.metrics.emit(Batch(METRICS, (times, *texts, np.array(values, np.float64))))
        for watched in self._watched:
            for told in watched.step(columns):
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

    def _reading(self) -> tuple[dict[str, float], list[Point]]:
        """Return the figures and the metrics without labels by name, and all metrics."""
        points = list(_points(self._registry.collect()))
        plain = {name: value for name, labels, value in points if not labels}
        return self._read(self.clock.monotonic()) | plain, points

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


@dataclass(frozen=True, slots=True)
class _Watched:
    """Rules, bound to the columns that they look at, and what comes before them."""

    schema: Schema
    bounds: tuple[Bound, ...]

    def step(self, columns: Mapping[str, Any]) -> list[Batch]:
        """Take a row; return what changes, under the schema of alerts."""
        batch, tally = _batch(self.schema, columns), Tally()
        for bound in self.bounds:
            batch = bound.step(batch, tally)
        return [told for _, told in tally.routed]


def _batch(schema: Schema, columns: Mapping[str, Any]) -> Batch:
    return Batch(schema, tuple(columns.get(name, _UNKNOWN) for name in schema.names))


def _schema(columns: Iterable[str]) -> Schema:
    return Schema.of({"time": "time", **dict.fromkeys(columns, "float")}, "time")


def _points(families: Iterable[Family]) -> Iterator[Point]:
    """Yield every value with its name and labels; of a histogram its quantiles and so on."""
    for family in families:
        for sample in family.samples:
            labels = label_text(sample.labels) if sample.labels else ""
            value = sample.value
            if not isinstance(value, Snapshot):
                yield family.name, labels, value
                continue
            for suffix, q in QUANTILES.items():
                yield f"{family.name}_{suffix}", labels, value.quantile(q)
            yield f"{family.name}_max", labels, value.max if value.total else math.nan
            yield f"{family.name}_count", labels, value.total


def label_text(labels: Mapping[str, str]) -> str:
    """Return labels as `name="value"`, joined by commas."""
    return ",".join(f'{name}="{value}"' for name, value in labels.items())

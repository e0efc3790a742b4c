"""What is measured of a stream: its account, queues, buffer, store and outputs, as metrics."""

from __future__ import annotations

import math
from typing import Any

from livewidget.engine.streamer import DataStreamer
from livewidget.monitor.figures import Rate
from livewidget.monitor.histogram import Snapshot
from livewidget.monitor.recent import Recent
from livewidget.monitor.registry import Registry

RECENT_S = 10.0  # what a share of hits and the slowest query are of
LEAST_ASKED = 20  # tiles: a share of fewer says nothing

RATES = {
    "rate": "received",
    "stored_rate": "stored",
    "filtered_rate": "filtered",
    "rejected_rate": "rejected",
    "dropped_rate": "dropped",
}
COLUMNS = (*RATES, "in_flight", "queue_fill", "buffer_fill", "cache_hits", "query_max_ms")


class StreamTelemetry:
    """Reads a stream when it is asked: nothing is counted twice, and no row costs more for it."""

    def __init__(self, registry: Registry, streamer: DataStreamer) -> None:
        self._streamer = streamer
        self._stats: dict[str, Any] = {}
        self._rates = {name: Rate() for name in RATES}
        self._asked = [Rate(RECENT_S), Rate(RECENT_S)]
        self._queries = Recent(streamer.buffer.gauge.queries, RECENT_S)
        registry.before_collect(self.refresh)
        self._register_events(registry)
        self._register_kept(registry)

    def refresh(self) -> None:
        """Read the stream; from any thread."""
        self._stats = self._streamer.stats()

    def figures(self, now: float) -> dict[str, float]:
        """Return the figures of `COLUMNS` as of the last `refresh`; NaN for what is not known."""
        stats = self._stats
        found = {name: self._rates[name](stats[count], now) for name, count in RATES.items()}
        capacity = stats.get("queue_capacity")
        slowest = self._queries.read(now).max
        return {
            **found,
            "in_flight": stats["in_flight"],
            "queue_fill": stats["queued"] / capacity if capacity else math.nan,
            "buffer_fill": stats["fill"],
            "cache_hits": self._hits(now),
            "query_max_ms": math.nan if slowest == -math.inf else 1e3 * slowest,
        }

    def _register_events(self, registry: Registry) -> None:
        counter, gauge = registry.counter, registry.gauge
        ended = ("stored", "filtered", "rejected", "dropped")
        counter(
            "livewidget_events_received_total",
            "Events that came in",
            read=lambda: self._stats["received"],
        )
        counter(
            "livewidget_events_total",
            "Events by what became of them",
            labels=("outcome",),
            read=lambda: {name: self._stats[name] for name in ended},
        )
        counter(
            "livewidget_rejections_total",
            "Rejected events by reason",
            labels=("reason",),
            read=lambda: self._stats["reasons"],
        )
        counter("livewidget_gaps_total", "Gaps in the data", read=lambda: self._stats["gaps"])
        gauge(
            "livewidget_events_in_flight",
            "Events under way to the buffer",
            read=lambda: self._stats["in_flight"],
        )
        for name, key, what in (
            ("livewidget_queue_events", "queued", "Events that wait for the pipeline"),
            ("livewidget_queue_capacity_events", "queue_capacity", "Events that may wait there"),
        ):
            gauge(name, what, read=self._reader(key))
        counter(
            "livewidget_sink_rows_total",
            "Rows by output and what became of them",
            labels=("sink", "outcome"),
            read=lambda: self._outputs("written", "rejected", "dropped", "retried"),
        )
        gauge(
            "livewidget_sink_waiting_rows",
            "Rows that wait for an output",
            labels=("sink",),
            read=lambda: {sink: rows for (sink, _), rows in self._outputs("waiting").items()},
        )

    def _register_kept(self, registry: Registry) -> None:
        counter, gauge = registry.counter, registry.gauge
        counter(
            "livewidget_buffer_drops_total",
            "Rows that left the buffer, or never came in, by reason",
            labels=("reason",),
            read=lambda: self._stats.get("drops"),
        )
        for name, key, what, unit in (
            ("livewidget_buffer_rows", "rows", "Rows in memory", ""),
            ("livewidget_buffer_bytes", "memory", "Memory of the buffer", "By"),
            ("livewidget_buffer_fill_ratio", "fill", "How full the buffer is, 0 to 1", ""),
            ("livewidget_store_rows", "store_rows", "Rows in the store", ""),
            ("livewidget_store_bytes", "store_bytes", "Bytes in the store", "By"),
            ("livewidget_store_waiting_rows", "store_waiting", "Rows to be written", ""),
        ):
            gauge(name, what, unit, read=self._reader(key))
        counter(
            "livewidget_cache_tiles_total",
            "Tiles that readers of the history asked for, by whether they were in the cache",
            labels=("found",),
            read=lambda: dict(zip(("hit", "miss"), self._tiles(), strict=True)),
        )
        registry.histogram(
            "livewidget_query_seconds",
            "Time that a query of memory and stores took",
            "s",
            read=self._query_times,
        )

    def _reader(self, key: str) -> Any:
        return lambda: self._stats.get(key)

    def _query_times(self) -> Snapshot:
        return self._streamer.buffer.gauge.queries.value

    def _outputs(self, *names: str) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = {}
        for output in self._streamer.outputs:
            stats = output.stats()
            for name in names:
                key = output.name, name
                found[key] = found.get(key, 0) + stats[name]
        return found

    def _tiles(self) -> tuple[int, int]:
        archive = self._streamer.buffer.archive
        if archive is None:
            return 0, 0
        stats = archive.cache.stats()
        return stats.hits, stats.misses

    def _hits(self, now: float) -> float:
        """Return the share of tiles that were in the cache lately; NaN where few were asked for."""
        hits, misses = (
            rate(count, now) for rate, count in zip(self._asked, self._tiles(), strict=True)
        )
        asked = hits + misses
        return hits / asked if asked * RECENT_S >= LEAST_ASKED else math.nan

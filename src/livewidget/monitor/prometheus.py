"""Metrics for Prometheus: scraped over HTTP, or written to a file. Needs the extra `metrics`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from livewidget.data.errors import MissingExtraError, SettingError, quote
from livewidget.monitor.histogram import ANCHOR, Snapshot
from livewidget.monitor.metrics import Family, Value
from livewidget.monitor.registry import Registry

if TYPE_CHECKING:
    from prometheus_client.core import CollectorRegistry
    from prometheus_client.metrics_core import Metric

# Upper edges that are shown, in octaves from a thousandth: a reader adds what is between.
SECONDS = ("s", "seconds")  # how the unit is written
_SECONDS = range(-4, 17)  # 62 us to 65 s
_OTHERS = range(0, 44, 2)  # 0.001 to 4.4e9


class MetricsServer:
    """Serves a registry at `http://host:port/metrics` from threads of its own, until `close`.

    Raises MissingExtraError without `prometheus-client`, SettingError where it cannot listen.
    """

    def __init__(self, registry: Registry, port: int, host: str) -> None:
        try:
            from prometheus_client import start_http_server
        except ImportError:
            raise MissingExtraError("prometheus-client", "metrics") from None
        try:
            self._server, self._thread = start_http_server(port, host, collector_of(registry))
        except (OSError, OverflowError, TypeError) as error:
            raise SettingError(
                f"metrics cannot be served at host {quote(host)}, port {quote(port)}: {error}"
            ) from None
        self.port: int = self._server.server_port
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/metrics"

    def close(self) -> None:
        """Serve no more. Again is no error."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)

    def __repr__(self) -> str:
        return f"MetricsServer({self.url!r})"


def write(registry: Registry, path: str | os.PathLike[str]) -> None:
    """Write a registry as text to a file, by renaming: a reader never sees a half of it.

    Raises MissingExtraError without `prometheus-client`, OSError where it cannot be written.
    """
    try:
        from prometheus_client import write_to_textfile
    except ImportError:
        raise MissingExtraError("prometheus-client", "metrics") from None
    write_to_textfile(os.fspath(path), collector_of(registry))


def collector_of(registry: Registry) -> CollectorRegistry:
    """Return a registry of prometheus-client that reads ours when it is read."""
    from prometheus_client.core import CollectorRegistry

    found = CollectorRegistry(auto_describe=False)
    found.register(_Collector(registry))
    return found


class _Collector:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            yield _metric(family)


def _metric(family: Family) -> Metric:
    from prometheus_client import metrics_core as core

    help_text = family.help or family.name
    names = list(family.samples[0].labels) if family.samples else []
    if family.kind == "histogram":
        histogram = core.HistogramMetricFamily(family.name, help_text, labels=names)
        octaves = _SECONDS if family.unit in SECONDS else _OTHERS
        for sample in family.samples:
            buckets, total = _buckets(sample.value, octaves)
            histogram.add_metric(list(sample.labels.values()), buckets, total)
        return histogram
    make = core.CounterMetricFamily if family.kind == "counter" else core.GaugeMetricFamily
    metric = make(family.name, help_text, labels=names)
    for sample in family.samples:
        if not isinstance(sample.value, Snapshot):
            metric.add_metric(list(sample.labels.values()), sample.value)
    return metric


def _buckets(value: Value, octaves: range) -> tuple[list[tuple[str, float]], float]:
    """Return the buckets with the counts at or below each, and the sum."""
    snapshot = value if isinstance(value, Snapshot) else Snapshot.empty()
    below = zip(octaves, snapshot.below(octaves), strict=True)
    buckets: list[tuple[str, float]] = [(f"{ANCHOR * 2.0**k:.6g}", float(n)) for k, n in below]
    return [*buckets, ("+Inf", float(snapshot.total))], _finite(snapshot.sum)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan

"""The metrics of a monitor: the user's own, and where all of them are told."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from livewidget.monitor.metrics import Counter, Gauge, Histogram, Read
from livewidget.monitor.registry import Registry

if TYPE_CHECKING:
    from livewidget.monitor.opentelemetry import Instruments
    from livewidget.monitor.prometheus import MetricsServer


class Measured(ABC):
    """The metrics' side of a `PerformanceMonitor`. Every method may be called from any thread."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._exports: list[MetricsServer | Instruments] = []

    @abstractmethod
    def start(self) -> Self:
        """Begin to take samples."""

    # -- the user's own metrics

    def counter(
        self,
        name: str,
        help: str = "",  # noqa: A002  (what Prometheus calls it)
        *,
        labels: Sequence[str] = (),
        unit: str = "",
        read: Read | None = None,
    ) -> Counter:
        """Return a count that only grows, to be told or, with `read`, asked; see `Registry`."""
        return self.registry.counter(name, help, unit, labels, read)

    def gauge(
        self,
        name: str,
        help: str = "",  # noqa: A002
        *,
        labels: Sequence[str] = (),
        unit: str = "",
        read: Read | None = None,
    ) -> Gauge:
        """Return a value that goes up and down, to be told or asked; see `Registry`."""
        return self.registry.gauge(name, help, unit, labels, read)

    def histogram(
        self,
        name: str,
        help: str = "",  # noqa: A002
        *,
        labels: Sequence[str] = (),
        unit: str = "",
    ) -> Histogram:
        """Return what counts how values are spread; see `Registry`."""
        return self.registry.histogram(name, help, unit, labels)

    # -- exporters

    def serve_metrics(self, port: int, host: str = "127.0.0.1") -> MetricsServer:
        """Serve all metrics to Prometheus at `/metrics`; close what is returned, or the monitor.

        `port` 0 takes a free one, which the server then names. Needs the extra `metrics`.
        """
        from livewidget.monitor.prometheus import MetricsServer

        self.start()
        server = MetricsServer(self.registry, port, host)
        self._exports.append(server)
        return server

    def write_metrics(self, path: str | os.PathLike[str]) -> None:
        """Write all metrics to a file for node_exporter's textfile collector, whole or not at all.

        Needs the extra `metrics`.
        """
        from livewidget.monitor.prometheus import write

        write(self.registry, path)

    def to_opentelemetry(self, provider: Any = None) -> Instruments:
        """Give all metrics to OpenTelemetry, by its global meter provider or another one.

        Needs the extra `otel`.
        """
        from livewidget.monitor.opentelemetry import Instruments

        self.start()
        instruments = Instruments(self.registry, provider)
        self._exports.append(instruments)
        return instruments

    def _close_exports(self, *, here: bool) -> None:
        """Tell nobody any more; `here` on the engine's thread, which must not wait for a server."""
        for export in self._exports:
            threading.Thread(target=export.close).start() if here else export.close()

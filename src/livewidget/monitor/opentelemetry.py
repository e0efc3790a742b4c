"""Metrics for OpenTelemetry, through its SDK. Needs the extra `otel`.

Observable instruments: the SDK asks for their values when it collects. It has none for a histogram,
so one of ours is three of its: `name_count` and `name_sum`, counters, and `name`, a gauge with an
attribute `quantile`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from livewidget.data.errors import MissingExtraError
from livewidget.monitor.histogram import Snapshot
from livewidget.monitor.metrics import Metric, Sample
from livewidget.monitor.registry import Registry

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

    Ask = Callable[[CallbackOptions], Iterable[Observation]]

QUANTILES = (0.5, 0.95, 0.99, 1.0)
SCOPE = "livewidget"
_NUMBERS = itertools.count(1)


class Instruments:
    """An instrument for each metric of a registry, and for those to come; none tells after `close`.

    `provider` is a MeterProvider, None for the global one; there may be several on one, told apart
    by their scope's attribute `monitor`, a number. Raises MissingExtraError without
    `opentelemetry-sdk`.
    """

    def __init__(self, registry: Registry, provider: MeterProvider | None = None) -> None:
        try:
            from opentelemetry import metrics
            from opentelemetry.sdk import metrics as _  # noqa: F401  (the API alone tells nobody)
        except ImportError:
            raise MissingExtraError("opentelemetry-sdk", "otel") from None
        self._observation = metrics.Observation
        found = metrics.get_meter_provider() if provider is None else provider
        # A scope of its own: the SDK gives a name of one scope to whoever came first.
        self._meter = found.get_meter(SCOPE, attributes={"monitor": next(_NUMBERS)})
        self._registry = registry
        self._first: str | None = None
        self._open = True
        registry.each(self._add)

    def close(self) -> None:
        """Tell no more; the SDK has no way to take an instrument away."""
        self._open = False

    def _add(self, metric: Metric[Any]) -> None:
        if not self._open:
            return
        if self._first is None:
            self._first = metric.name
        name, told = metric.name, metric.help
        meter = self._meter
        if metric.kind == "counter":
            meter.create_observable_counter(name, [self._asks(metric, _number)], metric.unit, told)
        elif metric.kind == "gauge":
            meter.create_observable_gauge(name, [self._asks(metric, _number)], metric.unit, told)
        else:
            count, total = self._asks(metric, _count), self._asks(metric, _sum)
            meter.create_observable_counter(f"{name}_count", [count], "", told)
            meter.create_observable_counter(f"{name}_sum", [total], metric.unit, told)
            quantiles = self._asks(metric, _quantiles)
            meter.create_observable_gauge(name, [quantiles], metric.unit, told)

    def _asks(
        self,
        metric: Metric[Any],
        points: Callable[[Sample], Iterable[tuple[dict[str, str], float]]],
    ) -> Ask:
        """Return what gives an instrument's values.

        The SDK asks instruments in the order in which they were made: the first brings up to date
        what all of them read from.
        """

        def ask(_: CallbackOptions) -> Iterable[Observation]:
            if not self._open:
                return
            if metric.name == self._first:
                self._registry.refresh()
            for sample in metric.samples():
                for labels, value in points(sample):
                    yield self._observation(value, labels)

        return ask


def _number(sample: Sample) -> Iterable[tuple[dict[str, str], float]]:
    if not isinstance(sample.value, Snapshot):
        yield sample.labels, sample.value


def _count(sample: Sample) -> Iterable[tuple[dict[str, str], float]]:
    if isinstance(sample.value, Snapshot):
        yield sample.labels, sample.value.total


def _sum(sample: Sample) -> Iterable[tuple[dict[str, str], float]]:
    if isinstance(sample.value, Snapshot):
        yield sample.labels, sample.value.sum


def _quantiles(sample: Sample) -> Iterable[tuple[dict[str, str], float]]:
    if isinstance(sample.value, Snapshot) and sample.value.total:
        for q in QUANTILES:
            yield sample.labels | {"quantile": f"{q:g}"}, sample.value.quantile(q)

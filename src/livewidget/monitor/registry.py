"""The registry: every metric by its name, and all of them read at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from livewidget.data.errors import MetricError, quote
from livewidget.monitor.histogram import Snapshot
from livewidget.monitor.metrics import Counter, Family, Gauge, Histogram, Metric, Read, Sample

__all__ = ["Family", "Registry", "Sample", "Snapshot"]

MOST_SERIES = 1_000
FOLDED = "livewidget_labels_folded_total"
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,199}")
_UNIT = re.compile(r"[ -~]{0,63}")
_OWN_LABELS = ("le", "quantile")  # the exporters' own
M = TypeVar("M", bound=Metric[Any])


class Registry:
    """Metrics by name, after the rules of Prometheus. Every method may be called from any thread.

    To count takes no lock: each thread has cells of its own, summed by `collect`. `most_series`
    bounds the label values of each metric; past it they are counted under "other", and the counter
    `livewidget_labels_folded_total` says how often for which metric. Units are written after UCUM,
    as OpenTelemetry does: "s", "By", "rows". No metric may have one of the `reserved` names, nor
    one of a histogram's parts.
    """

    def __init__(self, most_series: int = MOST_SERIES, reserved: Iterable[str] = ()) -> None:
        if most_series < 1:
            raise MetricError(f"most_series is at least 1, got {quote(most_series)}")
        self._most = most_series
        self._metrics: dict[str, Metric[Any]] = {}
        self._taken = dict.fromkeys(reserved, "a figure")  # whose each name is
        self._lock = threading.Lock()
        self._before: tuple[Callable[[], object], ...] = ()
        self._listeners: tuple[Callable[[Metric[Any]], object], ...] = ()
        self._folds = self.counter(
            FOLDED, "Times that label values were counted under 'other'", labels=("metric",)
        )

    def counter(
        self,
        name: str,
        help: str = "",  # noqa: A002  (what Prometheus calls it)
        unit: str = "",
        labels: Sequence[str] = (),
        read: Read | None = None,
    ) -> Counter:
        """Return a count that only grows. Raises MetricError where the name is another metric's."""
        return self._registered(Counter, name, help, unit, labels, read)

    def gauge(
        self,
        name: str,
        help: str = "",  # noqa: A002
        unit: str = "",
        labels: Sequence[str] = (),
        read: Read | None = None,
    ) -> Gauge:
        """Return a value that goes up and down; with `read` a function that is asked for it.

        `read` is called by whoever collects, the engine's thread among them: it returns at once.
        Again, as of a cell that is run again, the newest function is asked. Raises MetricError
        where the name is another metric's.
        """
        return self._registered(Gauge, name, help, unit, labels, read)

    def histogram(
        self,
        name: str,
        help: str = "",  # noqa: A002
        unit: str = "",
        labels: Sequence[str] = (),
        read: Read | None = None,
    ) -> Histogram:
        """Return what counts how values are spread; quantiles are within 4.4 % of the value.

        Raises MetricError where the name is another metric's.
        """
        return self._registered(Histogram, name, help, unit, labels, read)

    def before_collect(self, call: Callable[[], object]) -> None:
        """Have `call` called at the beginning of each `collect`: what several metrics read from."""
        self._before = (*self._before, call)

    def each(self, call: Callable[[Metric[Any]], object]) -> None:
        """Call `call` with each metric, and with those to come where they are registered."""
        with self._lock:
            self._listeners = (*self._listeners, call)
            metrics = list(self._metrics.values())
        for metric in metrics:
            call(metric)

    def refresh(self) -> None:
        """Bring up to date what metrics read from, as `collect` does."""
        for call in self._before:
            call()

    def collect(self) -> list[Family]:
        """Return all metrics with their samples, in the order of their registration."""
        self.refresh()
        with self._lock:
            metrics = list(self._metrics.values())
        return [
            Family(it.name, it.help, it.unit, it.kind, it.label_names, it.samples())
            for it in metrics
        ]

    def __contains__(self, name: str) -> bool:
        return name in self._metrics

    def _registered(
        self,
        make: type[M],
        name: str,
        help: str,  # noqa: A002
        unit: str,
        labels: Sequence[str],
        read: Read | None,
    ) -> M:
        labels = (labels,) if isinstance(labels, str) else tuple(labels)
        names: tuple[object, ...] = (name, *labels)
        for each in names:
            if not isinstance(each, str) or not _NAME.fullmatch(each):
                raise MetricError(
                    "names are letters, digits and '_', at most 200, and begin with a letter; "
                    f"got {quote(each)}"
                )
        if len(set(labels)) < len(labels) or set(labels) & set(_OWN_LABELS):
            raise MetricError(
                f"{name}: labels are different names, none of {_OWN_LABELS}; got {quote(labels)}"
            )
        if not _UNIT.fullmatch(unit):
            raise MetricError(f"{name}: a unit is ASCII text, at most 63; got {quote(unit)}")
        if read is not None and not callable(read):
            raise MetricError(
                f"{name}: read is a function that returns a number, got {quote(read)}"
            )
        metric = make(name, help, unit, labels, read, self._most, lambda: self._fold(name))
        with self._lock:
            if name not in self._metrics:
                self._take_names(metric)
            known = self._metrics.setdefault(name, metric)
            listeners = self._listeners
        if not isinstance(known, make) or (known is not metric and not known.take(metric)):
            raise MetricError(
                f"{name!r} is registered already, as {_told(known)}; this one is {_told(metric)}"
            )
        for call in listeners if known is metric else ():
            call(metric)
        return known

    def _take_names(self, metric: Metric[Any]) -> None:
        """Take the names that a metric is told under, or none of them. Under the lock."""
        names = (metric.name, *(metric.name + part for part in metric.parts))
        for each in names:
            if each in self._taken:
                raise MetricError(f"the name {each!r} is taken by {self._taken[each]}")
        self._taken |= dict.fromkeys(names, f"the {metric.kind} {metric.name!r}")

    def _fold(self, name: str) -> None:
        if name != FOLDED:
            self._folds.labels(name).add()


def _told(metric: Metric[Any]) -> str:
    unit = f" in {metric.unit}" if metric.unit else ""
    labels = f" with the labels {list(metric.label_names)}" if metric.label_names else ""
    asked = " that is asked (read=)" if metric.asked else ""
    return f"a {metric.kind}{unit}{labels}{asked}"

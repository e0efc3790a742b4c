"""Alert rules over a monitor's samples: a row each or, by labels, a row for each series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Schema
from livewidget.data.text import Text
from livewidget.monitor.histogram import Snapshot
from livewidget.monitor.metrics import Family
from livewidget.pipeline.alerts.alert import Alert
from livewidget.pipeline.fields import names_of
from livewidget.pipeline.operator import Bound, Operator, Tally
from livewidget.sources.base import LoopClock

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Point(NamedTuple):
    """A value of a series of a metric; of a histogram one of its quantiles and so on."""

    metric: str
    labels: Mapping[str, str]
    value: float


class Reading(NamedTuple):
    """One look at everything: the figures and plain metrics by name, and every series' values."""

    figures: dict[str, float]
    families: list[Family]
    points: list[Point]


class SampleRules:
    """Rules, bound to the columns that they look at, and what comes before them.

    They are over the figures that `reading` has and, `by` the labels of metrics, over each series
    of those that have exactly these: a key for each set of their values. With `anomaly`, the name
    of a column, they may ask for its `anomaly_score`. Not thread-safe. Raises SettingError and
    SchemaError for rules that do not fit, and for labels that no metric has.
    """

    def __init__(
        self,
        rules: Iterable[Any],
        reading: Reading,
        clock: LoopClock,
        anomaly: str | None = None,
        by: str | Sequence[str] | None = None,
    ) -> None:
        self._by = names_of(by, "by")
        series = series_of(reading.families, self._by) if self._by else []
        kinds = {"time": "time", **dict.fromkeys((*reading.figures, *series), "float")}
        self._schema = Schema.of(kinds | dict.fromkeys(self._by, "text"), "time")
        alert = Alert(list(rules), by=self._by or None)
        # What each rule is, by its name: two rules of one name are one alert to whoever is told.
        self.told: dict[str, tuple[object, ...]] = {
            rule.name: (rule.condition, rule.hold, rule.key, rule.priority, anomaly, self._by)
            for rule in alert.plan.rules
        }
        pipeline: list[Operator] = [alert]
        if anomaly is not None:
            from livewidget.pipeline.models.detect import Detect

            pipeline.insert(0, Detect(anomaly, by=self._by or None))
        self._bounds: list[Bound] = []
        for operator in pipeline:
            schema = self._bounds[-1].schema if self._bounds else self._schema
            self._bounds.append(operator.bind(schema, clock))

    def step(self, reading: Reading, now: int) -> list[Batch]:
        """Take a sample; return what changes, under the schema of alerts."""
        rows = self._rows(reading)
        if not rows:
            return []
        columns: dict[str, Any] = {
            name: np.array([row.get(name, math.nan) for row in rows], np.float64)
            for name in self._schema.names
            if name not in (*self._by, "time")
        }
        columns |= {name: Text.encode([row[name] for row in rows]) for name in self._by}
        columns["time"] = np.full(len(rows), now, np.int64)
        batch = Batch(self._schema, tuple(columns[name] for name in self._schema.names))
        tally = Tally()
        for bound in self._bounds:
            batch = bound.step(batch, tally)
        return [told for _, told in tally.routed]

    def _rows(self, reading: Reading) -> list[dict[str, Any]]:
        if not self._by:
            return [reading.figures]
        rows: dict[tuple[str, ...], dict[str, Any]] = {}
        by = set(self._by)
        for name, labels, value in reading.points:
            if labels.keys() == by:
                key = tuple(labels[each] for each in self._by)
                rows.setdefault(key, {**reading.figures, **labels})[name] = value
        return list(rows.values())


def points_of(families: Iterable[Family]) -> list[Point]:
    """Return every value of every series."""
    return [
        Point(name, sample.labels, value)
        for family in families
        for sample in family.samples
        for name, value in _columns(family.name, sample.value).items()
    ]


def _columns(name: str, value: float | Snapshot) -> dict[str, float]:
    """Return a value under its metric's name; of a histogram each quantile and so on."""
    if not isinstance(value, Snapshot):
        return {name: value}
    most = value.max if value.total else math.nan
    quantiles = {f"{name}_{suffix}": value.quantile(q) for suffix, q in QUANTILES.items()}
    return {**quantiles, f"{name}_max": most, f"{name}_count": value.total}


def series_of(families: Iterable[Family], by: tuple[str, ...]) -> list[str]:
    """Return the columns of the metrics that have these labels and no others, with a value or not.

    Raises SettingError where there is none.
    """
    found = [family for family in families if set(family.labels) == set(by)]
    if not found:
        there = sorted({", ".join(family.labels) for family in families if family.labels})
        said = f"by is all the labels of a metric ({' | '.join(there)}), got {quote(list(by))}"
        raise SettingError(said)
    kinds = [(it.name, Snapshot.empty() if it.kind == "histogram" else math.nan) for it in found]
    return [column for name, value in kinds for column in _columns(name, value)]

"""The three kinds of metric, and how they are read."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy.typing as npt

from livewidget.data.errors import MetricError, quote
from livewidget.monitor.cells import PerThread
from livewidget.monitor.histogram import Cells, Snapshot

log = logging.getLogger("livewidget")

OTHER = "other"
LONGEST_LABEL = 200  # characters
Value = float | Snapshot
Read = Callable[[], Value | Mapping[Any, Value] | None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric: of a histogram a `Snapshot`, else a number."""

    labels: dict[str, str]
    value: Value


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its samples at one moment.

    `kind`: counter, gauge or histogram; `labels`: their names, which all samples have.
    """

    name: str
    help: str
    unit: str
    kind: str
    labels: tuple[str, ...]
    samples: list[Sample]


class CounterSeries:
    """A count that only grows. `add` takes no lock; from any thread."""

    def __init__(self) -> None:
        self._cells: PerThread[list[float]] = PerThread(_zero, _add)

    def add(self, amount: float = 1) -> None:
        """Count `amount` more; NaN is nothing. MetricError where it is less than 0, or infinite."""
        if not 0 <= amount < math.inf:
            if math.isnan(amount):
                return
            raise MetricError(f"a counter only grows: add 0 or more, got {quote(amount)}")
        self._cells.mine()[0] += amount

    @property
    def value(self) -> float:
        """The count by now."""
        found: list[float] = []
        self._cells.read(lambda cell: found.append(cell[0]))
        return sum(found)


class GaugeSeries:
    """A value that goes up and down; the last one set counts. From any thread."""

    def __init__(self) -> None:
        self.value = math.nan

    def set(self, value: float) -> None:
        """Set the value."""
        self.value = float(value)


class HistogramSeries:
    """How values are spread. `observe` takes no lock; from any thread."""

    def __init__(self) -> None:
        self._cells: PerThread[Cells] = PerThread(Cells, _pour)

    def observe(self, value: float) -> None:
        """Count one value; NaN is none."""
        self._cells.mine().add(value)

    def observe_many(self, values: npt.ArrayLike) -> None:
        """Count all values of an array; NaN is none."""
        self._cells.mine().add_many(values)

    @property
    def value(self) -> Snapshot:
        """What is counted by now."""
        found = [Snapshot.empty()]
        self._cells.read(lambda cell: found.append(found.pop().merge(cell.read())))
        return found[0]


def _zero() -> list[float]:
    return [0]


def _add(into: list[float], cell: list[float]) -> None:
    into[0] += cell[0]


def _pour(into: Cells, cell: Cells) -> None:
    into.counts += cell.counts
    into.total += cell.total
    into.sum += cell.sum
    into.max = max(into.max, cell.max)


S = TypeVar("S", CounterSeries, GaugeSeries, HistogramSeries)


class Metric(Generic[S]):
    """A metric, with one series for each set of label values.

    Past `most_series` new label values are counted under "other", and `folded` is called for each
    time; of what is asked it is the sum of the rest. With `read` it is asked instead of told: a
    function that returns a value, None for none now or, where there are labels, a mapping of label
    values (a text, or a tuple) to values. A value is a number, of a histogram a `Snapshot`.
    """

    kind: ClassVar[str]
    series: ClassVar[type[Any]]
    parts: ClassVar[tuple[str, ...]] = ()  # what its name ends with where it is told in parts

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002  (what Prometheus calls it)
        unit: str,
        labels: tuple[str, ...],
        read: Read | None,
        most_series: int,
        folded: Callable[[], None],
    ) -> None:
        self.name = name
        self.help = help
        self.unit = unit
        self.label_names = labels
        self._read = read
        self._most = most_series
        self._folded = folded
        self._series: dict[tuple[str, ...], S] = {}
        self._growing = threading.Lock()
        self._complained = False
        if not labels and read is None:
            self._series[()] = self.series()

    def labels(self, *values: object) -> S:
        """Return the series of these label values, in the order of the labels' names.

        Raises MetricError where there are more or fewer of them. Takes a lock the first time only.
        """
        key = tuple(map(_label, values))
        series = self._series.get(key)
        return self._new(key) if series is None else series

    def samples(self) -> list[Sample]:
        """Return the value of each series; a `read` that fails gives none, and a line in the log.

        A gauge that was never set has no value.
        """
        if self._read is not None:
            return list(self._asked(self._read))
        series = list(self._series.items())  # in one step, whoever adds one meanwhile
        found = [Sample(self._named(key), each.value) for key, each in series]
        return [it for it in found if isinstance(it.value, Snapshot) or not math.isnan(it.value)]

    def take(self, other: Metric[Any]) -> bool:
        """Say whether the other is the same metric; if so its function is asked from now on.

        Whatever the function: a cell that was edited is run again, too.
        """
        mine = (self.kind, self.unit, self.label_names, self.asked)
        if mine != (other.kind, other.unit, other.label_names, other.asked):
            return False
        self._read = other._read
        return True

    @property
    def asked(self) -> bool:
        """Whether a function is asked for the value."""
        return self._read is not None

    @property
    def only(self) -> S:
        """The one series of a metric without labels. Raises MetricError where there is none."""
        series = self._series.get(())
        return self._new(()) if series is None else series

    def _new(self, key: tuple[str, ...]) -> S:
        if self._read is not None:
            raise MetricError(f"{self.name} is asked for its value (read=): it is not told one")
        if len(key) != len(self.label_names):
            raise MetricError(
                f"{self.name} has the labels {list(self.label_names)}: "
                f"call labels() with a value for each, got {quote(key)}"
            )
        if len(self._series) < self._most:
            with self._growing:
                if key in self._series or len(self._series) < self._most:
                    return self._series.setdefault(key, self.series())
        self._folded()
        other = self._series.get((OTHER,) * len(key))
        if other is None:
            other = self._series.setdefault((OTHER,) * len(key), self.series())
        return other

    def _asked(self, read: Read) -> Iterable[Sample]:
        try:
            found = read()
            if found is None:
                return
            if isinstance(found, Mapping):
                values = {_key(key): _value(value) for key, value in found.items()}
            else:
                values = {(): _value(found)}
        except Exception:
            if not self._complained:
                self._complained = True
                log.exception("the metric %s cannot be read", self.name)
            return
        other = (OTHER,) * len(self.label_names)
        kept: dict[tuple[str, ...], Value] = {}
        for key, value in values.items():
            if len(key) != len(self.label_names):
                self._complain(key)
            elif len(kept) < self._most:
                kept[key] = value
            else:
                self._folded()
                kept[other] = _both(kept[other], value) if other in kept else value
        for key, value in kept.items():
            yield Sample(self._named(key), value)

    def _complain(self, key: tuple[str, ...]) -> None:
        if not self._complained:
            self._complained = True
            told = "the metric %s has the labels %s, and read= gave a value for %s"
            log.error(told, self.name, list(self.label_names), quote(key))

    def _named(self, key: tuple[str, ...]) -> dict[str, str]:
        return dict(zip(self.label_names, key, strict=True))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Counter(Metric[CounterSeries]):
    """A count that only grows; `add`, or `labels(...).add`."""

    kind = "counter"
    series = CounterSeries

    def add(self, amount: float = 1) -> None:
        """Count `amount` more, of a metric without labels."""
        self.only.add(amount)

    @property
    def value(self) -> float:
        """The count by now, of a metric without labels."""
        return self.only.value


class Gauge(Metric[GaugeSeries]):
    """A value that goes up and down; `set`, or `labels(...).set`."""

    kind = "gauge"
    series = GaugeSeries

    def set(self, value: float) -> None:
        """Set the value, of a metric without labels."""
        self.only.set(value)


class Histogram(Metric[HistogramSeries]):
    """How values are spread; `observe`, `observe_many`, or `labels(...).observe`."""

    kind = "histogram"
    series = HistogramSeries
    parts = ("_p50", "_p95", "_p99", "_max", "_count", "_sum", "_bucket")

    def observe(self, value: float) -> None:
        """Count one value, of a metric without labels."""
        self.only.observe(value)

    def observe_many(self, values: npt.ArrayLike) -> None:
        """Count all values of an array, of a metric without labels."""
        self.only.observe_many(values)

    @property
    def value(self) -> Snapshot:
        """What is counted by now, of a metric without labels."""
        return self.only.value


def _label(value: object) -> str:
    """Return a label's value as text that can be written: half a surrogate pair becomes "?"."""
    text = (value if isinstance(value, str) else str(value))[:LONGEST_LABEL]
    return text if text.isascii() else text.encode(errors="replace").decode()


def _both(some: Value, more: Value) -> Value:
    if isinstance(some, Snapshot) and isinstance(more, Snapshot):
        return some.merge(more)
    return float("nan") if isinstance(some, Snapshot) or isinstance(more, Snapshot) else some + more


def _value(value: Value) -> Value:
    return value if isinstance(value, Snapshot) else float(value)


def _key(key: object) -> tuple[str, ...]:
    return tuple(map(_label, key)) if isinstance(key, tuple) else (_label(key),)

"""From what is measured to findings: limits, trends, forecasts and anomalies. I/O-free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from livewidget.monitor.bottleneck import DATA, Bottleneck, Limit
from livewidget.monitor.findings import (
    ANOMALY,
    BOTTLENECK,
    CRITICAL,
    FORECAST,
    INFO,
    TREND,
    WARNING,
    Action,
    Finding,
)
from livewidget.monitor.forecast import forecast, span
from livewidget.monitor.stages import SOURCE, Stage
from livewidget.monitor.trends import History, Past, Slope

_SLOPES_S = 10.0  # between two looks at slopes, which change slowly
_MB = 2**20
_LEAK = 8 * _MB  # a rise of less is what an interpreter does
_LEAK_PART = 0.05  # of the memory
_DRIFT_MS = 20.0  # a rise of less nobody sees
_DRIFT_PART = 0.25
_SOON_S = 600.0  # a limit that is reached before then is a warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """The figures beside the stages, None where one is not known.

    `memory` of the process and `buffers` of all its buffers, of a `budget` that they may reach
    (None: they cannot), in bytes; `latency_ms` from arrival to pixel; `draw_ms` a frame.
    """

    memory: float | None = None
    buffers: float | None = None
    budget: float | None = None
    latency_ms: float | None = None
    draw_ms: float | None = None


Remedy = Callable[[Limit], tuple[str, Action | None]]
Rescue = Callable[[], Action | None]


def _nothing(_: Limit) -> tuple[str, None]:
    return "", None


class Diagnosis:
    """Takes a reading about once a second and says what there is to know.

    `remedy` gives for a limit a hint in words ("" for none) and what can be applied; `rescue` what
    can be where the memory budget will be reached.
    """

    def __init__(self, remedy: Remedy = _nothing, rescue: Rescue = lambda: None) -> None:
        self.limits: tuple[Limit, ...] = ()
        self._remedy = remedy
        self._rescue = rescue
        self._bottleneck = Bottleneck()
        self._histories: dict[str, History] = defaultdict(History)
        self._queues: dict[tuple[str, str], History] = defaultdict(lambda: History(over_s=120.0))
        self._pasts: dict[str, Past] = defaultdict(Past)
        self._slow: list[Finding] = []
        self._slow_at: float | None = None

    def read(self, now: float, stages: Sequence[Stage], vitals: Vitals) -> list[Finding]:
        """Return the findings of now, what bounds the rate first. `now` in s, by a steady clock."""
        self.limits = self._bottleneck.update(stages)
        found = [self._bottleneck_of(limit, stages) for limit in self.limits]
        self._note(now, stages, vitals)
        if self._slow_at is None or now - self._slow_at >= _SLOPES_S:
            self._slow_at = now
            self._slow = [*self._forecasts(stages, vitals), *self._trends()]
        return found + self._slow + list(self._anomalies(stages, vitals))

    def _bottleneck_of(self, limit: Limit, stages: Sequence[Stage]) -> Finding:
        stage = next(it for it in stages if (it.name, it.label) == (limit.stage, limit.label))
        grave = stage.dropped > 0 or stage.state == "failing"
        level = INFO if limit.stage == SOURCE else CRITICAL if grave else WARNING
        hint, action = self._remedy(limit)
        return Finding(
            id=f"{BOTTLENECK}-{_called(stage, stages)}",
            kind=BOTTLENECK,
            level=level,
            text=f"{limit.text} {hint}".rstrip(),
            numbers=limit.numbers,
            action=action,
        )

    def _note(self, now: float, stages: Sequence[Stage], vitals: Vitals) -> None:
        memory = vitals.memory
        if memory is not None:
            self._histories["memory"].add(now, memory - (vitals.buffers or 0.0))
        self._histories["buffers"].add(now, vitals.buffers)
        self._histories["latency"].add(now, vitals.latency_ms)
        for stage in stages:
            if stage.name in DATA and stage.capacity:
                self._queues[stage.name, stage.label].add(now, stage.queue)

    def _trends(self) -> Iterator[Finding]:
        memory = self._histories["memory"]
        slope, last = memory.slope(), memory.last or 0.0
        if slope is not None and slope.sure and slope.rise > max(_LEAK, _LEAK_PART * last):
            yield Finding(
                f"{TREND}-memory",
                TREND,
                WARNING,
                f"Memory beside the buffers rises by {_a_minute(slope, _MB, 'MB')}, "
                f"{slope.rise / _MB:.0f} MB in {span(slope.over_s)}: something is kept that "
                "should be let go.",
                {"per_s": slope.per_s, "low": slope.low, "high": slope.high},
            )
        latency = self._histories["latency"]
        slope, last = latency.slope(), latency.last or 0.0
        if slope is not None and slope.sure and slope.rise > max(_DRIFT_MS, _DRIFT_PART * last):
            yield Finding(
                f"{TREND}-latency",
                TREND,
                WARNING,
                f"The way from arrival to pixel grows by {_a_minute(slope, 1.0, 'ms')}; "
                f"it takes {last:.0f} ms now.",
                {"per_s": slope.per_s, "low": slope.low, "high": slope.high},
            )

    def _forecasts(self, stages: Sequence[Stage], vitals: Vitals) -> Iterator[Finding]:
        for stage in stages:
            if stage.name in DATA and stage.capacity:
                yield from self._forecast(
                    f"{_called(stage, stages)}-queue",
                    self._queues[stage.name, stage.label],
                    stage.capacity,
                    f"Room before the {stage.name} ({stage.capacity:,.0f} rows) used up",
                )
        if vitals.budget is not None:
            yield from self._forecast(
                "memory",
                self._histories["buffers"],
                vitals.budget,
                "Memory budget reached",
                self._rescue(),
            )

    def _forecast(
        self, name: str, history: History, limit: float, called: str, action: Action | None = None
    ) -> Iterator[Finding]:
        found = forecast(history, limit)
        if found is not None:
            yield Finding(
                f"{FORECAST}-{name}",
                FORECAST,
                WARNING if found.in_s < _SOON_S else INFO,
                f"{called} in {found.text} at this rate "
                f"({span(found.early_s)} to {span(found.late_s)}).",
                {"in_s": found.in_s, "early_s": found.early_s, "late_s": found.late_s},
                action,
            )

    def _anomalies(self, stages: Sequence[Stage], vitals: Vitals) -> Iterator[Finding]:
        rate = next((it.served for it in stages if it.name == SOURCE), None)
        figures: Mapping[str, tuple[str, float | None, str]] = {
            "rate": ("The rate", rate, "rows a second"),
            "latency": ("The way from arrival to pixel", vitals.latency_ms, "ms"),
            "draw": ("A frame", vitals.draw_ms, "ms to draw"),
        }
        for name, (called, value, unit) in figures.items():
            past = self._pasts[name]
            if past.add(value) and value is not None:
                yield Finding(
                    f"{ANOMALY}-{name}",
                    ANOMALY,
                    INFO if name == "rate" else WARNING,
                    f"{called} is unusual: {value:,.4g} {unit}, where {past.usual:,.4g} is usual "
                    f"({abs(past.distance):.0f} times the usual scatter away).",
                    {"value": value, "usual": past.usual, "distance": past.distance},
                )


def _called(stage: Stage, stages: Sequence[Stage]) -> str:
    """Return the name of a stage, with its label where there are several of the name."""
    several = sum(each.name == stage.name for each in stages) > 1
    return f"{stage.name}-{stage.label}" if several else stage.name


def _a_minute(slope: Slope, unit: float, called: str) -> str:
    each, low, high = (60 * value / unit for value in (slope.per_s, slope.low, slope.high))
    return f"{each:.3g} {called} a minute ({low:.3g} to {high:.3g})"

"""What every claim is measured and told with: interleaved rounds, medians, targets."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

Points = list[tuple[float, float]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure, the reference it was measured beside, and its target.

    `limit` is what the value may be at most (or at least, where `at_least`), None where the
    figure is for information. `low` and `high` are the quartiles, where there are rounds.
    """

    name: str
    value: float
    unit: str
    reference: str
    limit: float | None = None
    at_least: bool = False
    low: float | None = None
    high: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of a claim: `bars` (one value a label) or `lines` (points a label).

    `target` is drawn as a dashed line. `log` names the axes that are logarithmic: "x", "y", "xy".
    """

    title: str
    x: str
    y: str
    bars: Mapping[str, float] = field(default_factory=dict)
    lines: Mapping[str, Points] = field(default_factory=dict)
    target: float | None = None
    log: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one claim's run gave. `note` says how it was measured."""

    title: str
    figures: Sequence[Figure]
    plots: Sequence[Plot] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Return what `to_json` was called on."""
        figures = [Figure(**each) for each in data["figures"]]
        return cls(data["title"], figures, [Plot(**each) for each in data["plots"]], data["note"])


def cpu_seconds(job: Callable[[], object]) -> float:
    """Return the CPU seconds a job takes: others on the machine do not count."""
    begun = time.thread_time()
    job()
    return time.thread_time() - begun


def fastest(jobs: Iterable[Callable[[], object]]) -> float:
    """Return the CPU seconds of the fastest of jobs that do the same.

    What else runs on the machine only ever adds to what a job takes.
    """
    return min(cpu_seconds(job) for job in jobs)


def interleaved(
    jobs: Mapping[str, Callable[[], T]],
    rounds: int,
    warm_up: int = 2,
    *,
    within: float = math.inf,
    least: int = 3,
    on_job: Callable[[int, str], object] | None = None,
) -> dict[str, list[T]]:
    """Run each job (which returns what it measured) in turn, `rounds` times after a warm-up.

    Fewer rounds, but `least` of them, where another would not end `within` so many seconds. Each
    job is run equally often. `on_job` is told the turn, negative while warming up, and the name.
    """
    told: dict[str, list[T]] = {name: [] for name in jobs}
    begun = time.monotonic()
    for turn in range(-warm_up, rounds):
        started = time.monotonic()
        for name, job in jobs.items():
            if on_job is not None:
                on_job(turn, name)
            measured = job()
            if turn >= 0:
                told[name].append(measured)
        ended = time.monotonic()
        if turn + 1 >= least and ended + (ended - started) > begun + within:
            break
    return told


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    low, middle, high = statistics.quantiles(values, n=4)
    return low, middle, high


def ratios(values: Sequence[float], references: Sequence[float]) -> tuple[float, float, float]:
    """Return the quartiles of the pairwise ratios: neighbours in time share the machine's mood."""
    return quartiles([a / b for a, b in zip(values, references, strict=True)])


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def distribution(values: Sequence[float]) -> Points:
    """Return the points of a distribution: percentile on x, value on y."""
    ordered = sorted(values)
    step = max(1, len(ordered) // 200)
    return [(100 * place / len(ordered), ordered[place]) for place in range(0, len(ordered), step)]

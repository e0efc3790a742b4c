"""What the samples of a soak say: does it grow, was anything lost, does anything stay behind."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HOUR_S = 3600.0
_Z = 1.959964  # of the normal distribution, 95 % on both sides
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast something grows an hour: the estimate, and where it lies with 95 % confidence."""

    value: float
    low: float
    high: float

    def verdict(self, allowed: float) -> str:
        """Return "flat", "grows", or "unclear" where the run was too short to tell."""
        if self.high <= allowed:
            return "flat"
        return "grows" if self.low > 0 else "unclear"

    def __sub__(self, other: Slope) -> Slope:
        """Return the difference; the two errors are independent."""
        value = self.value - other.value
        error = math.hypot(self.high - self.value, other.high - other.value)
        return Slope(value, value - error, value + error)

    def times(self, factor: float) -> Slope:
        """Return it in another unit."""
        return Slope(*(factor * each for each in (self.value, self.low, self.high)))


def slope(groups: Sequence[Sequence[Point]]) -> Slope | None:
    """Return the slope an hour that all groups share; points are (seconds, value).

    By least squares, with a level of its own for each group (a page that was reloaded begins
    anew). None where there are too few points to tell a slope from chance.
    """
    across = down = spread = 0.0
    rows = 0
    used = [group for group in groups if len(group) > 1]
    for group in used:
        middle = statistics.fmean(at for at, _ in group)
        level = statistics.fmean(value for _, value in group)
        across += sum((at - middle) ** 2 for at, _ in group)
        down += sum((at - middle) * (value - level) for at, value in group)
        spread += sum((value - level) ** 2 for _, value in group)
        rows += len(group)
    free = rows - len(used) - 1
    if free < 1 or across == 0:
        return None
    value = down / across
    left = max(0.0, spread - value * down)
    error = math.sqrt(left / free / across) * student(free)
    return Slope(*(HOUR_S * each for each in (value, value - error, value + error)))


def each_round(looks: Sequence[Mapping[str, Any]], what: str) -> Slope | None:
    """Return how much of `what` a round leaves, where there is a look after each."""
    found = slope([[(float(turn), look[what]) for turn, look in enumerate(looks)]])
    return found and found.times(1 / HOUR_S)


def student(free: int) -> float:
    """Return Student's t for 95 % on both sides (Abramowitz and Stegun, 26.7.5; 3 % low at 2)."""
    if free == 1:
        return 12.706
    z = _Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / free**power for power, term in enumerate(terms, 1))


def cycle_ends(
    points: Sequence[Point], cycles: Sequence[float], length: float, last: float
) -> list[Point]:
    """Return the median of the last `last` seconds of each cycle that came to its end.

    There the buffers are full again, whatever was run anew at its beginning.
    """
    found = []
    for start, stop in itertools.pairwise(cycles):
        end = min(stop, start + length)
        inside = [value for at, value in points if end - last <= at < end]
        if inside:
            found.append((end, statistics.median(inside)))
    return found


def lives(points: Sequence[Point], births: Sequence[float], infancy: float) -> list[list[Point]]:
    """Part points by the page that they are of; the first `infancy` seconds of each are left out.

    `births` are when the page was loaded, in order, the first load included.
    """
    ends = [*births[1:], math.inf]
    return [
        [(at, value) for at, value in points if birth + infancy <= at < end]
        for birth, end in zip(births, ends, strict=True)
    ]


def inexact(account: Mapping[str, int]) -> int:
    """Return by how many events an account does not come out; 0 is exact."""
    parts = ("stored", "filtered", "rejected", "dropped", "in_flight")
    return account["received"] - sum(account[part] for part in parts)


def accounts(samples: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """Return how many accounts were looked at, and what is wrong with those that are not exact.

    A count that went down, while the chart was the same, is wrong as well.
    """
    looked, wrong = 0, []
    before: dict[tuple[str, int], Mapping[str, int]] = {}
    for sample in samples:
        for name, chart in sample["charts"].items():
            if chart is None:
                continue
            looked += 1
            account = chart["account"]
            if off := inexact(account):
                wrong.append(f"{name}: {off:+,} of {account['received']:,} events unaccounted for")
            earlier = before.get((name, chart["number"]))
            if earlier is not None and account["received"] < earlier["received"]:
                wrong.append(f"{name}: received went down to {account['received']:,}")
            before[name, chart["number"]] = account
    return looked, wrong


def totals(samples: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return the last account of every chart that there was, summed over those of a name."""
    last: dict[tuple[str, int], Mapping[str, Any]] = {}
    for sample in samples:
        for name, chart in sample["charts"].items():
            if chart is not None:
                last[name, chart["number"]] = chart["account"] | {"gaps": chart["gaps"]}
    summed: dict[str, dict[str, int]] = {}
    for (name, _), account in last.items():
        into = summed.setdefault(name, dict.fromkeys(account, 0) | {"charts": 0})
        into["charts"] += 1
        for key, value in account.items():
            into[key] += value
    return summed


def left_threads(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the names of threads that charts have left behind.

    Not those of pools, which are kept for the next job and bounded, nor the kernel's: ipykernel
    starts threads of its own for a page that talks beside cells.
    """
    theirs = ("asyncio_", "subshell-", "Thread-")
    known = set(before) | {"livewidget-engine"}
    return sorted(name for name in after if name not in known and not name.startswith(theirs))

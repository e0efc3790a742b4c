"""A link that a packing can relieve: so many bytes a second, and words of a page once a second."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from livewidget.monitor.packing import Link, Packing

STEP_S = 0.1
REPORT_S = 1.0
MOST_S = 2.0  # of what is under way: the credit lets no more be


@dataclass(slots=True)
class LinkPlant:
    """Carries `carries` bytes a second of the `rate` that is sent, `ratio` of them once packed.

    `way_ms` is how long the way itself takes; `packs` is the part of the engine's time that
    packing takes. `noise` is the most that a word is late by itself, in ms.
    """

    carries: float = 100e3
    rate: float = 50e3
    ratio: float = 0.6
    way_ms: float = 20.0
    page: float = 0.2
    engine: float = 0.1
    packs: float = 0.02
    noise: float = 0.0
    seed: int = 0
    now: float = 0.0
    waits_s: float = 0.0
    told: tuple[float, float] | None = None  # when a page told, and what waited then, in ms
    trips: list[float] = field(default_factory=list)
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def run(self, packing: Packing, seconds: float) -> list[tuple[float, bool]]:
        """Let time pass; whether frames were packed, each `STEP_S`."""
        seen = []
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            sent = self.rate * (self.ratio if packing.on else 1.0)
            self.waits_s += STEP_S * (sent / self.carries - 1)
            self.waits_s = min(MOST_S, max(0.0, self.waits_s))
            if self.told is None or self.now - self.told[0] >= REPORT_S - 1e-9:
                late = self._random.uniform(0, self.noise)
                self.trips.append(self.way_ms + 1000 * self.waits_s + late)
                self.told = self.now, self.trips[-1] - min(self.trips)
            seen.append((self.now, packing.step(self.now, self._link(packing))))
        return seen

    def _link(self, packing: Packing) -> Link:
        assert self.told is not None
        return Link(
            waits_ms=self.told[1],
            told_at=self.told[0],
            page=self.page,
            engine=self.engine + (self.packs if packing.on else 0.0),
            rate=self.rate,
            ratio=self.ratio,
        )

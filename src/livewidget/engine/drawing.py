"""What the way from frames to pixels is busy with: for all charts of one hub."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from statistics import median

from livewidget.engine.meter import Meter

GONE_S = 5.0  # a page that has not told for so long draws nothing
_AGES = 64


@dataclass(slots=True)
class Page:
    """What one page has told so far: seconds of drawing in all, and frames of each chart."""

    told_at: float
    seconds: float = 0.0
    frames: dict[int, int] = field(default_factory=lambda: defaultdict(int))


class Drawing:
    """Meters of the engine's part, and what pages say of theirs. The engine's thread only.

    `frames` is bringing views up to date and encoding them, `link` is handing messages to the
    transport, `held` the time that credit was used up.
    """

    def __init__(self) -> None:
        self.frames, self.link, self.held = Meter(), Meter(), Meter()
        self.pages: dict[str, Page] = {}
        self._ages: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=_AGES))

    def drawn(
        self, page: str, chart: int, frames: int, draw_ms: float, ages_ms: list[float], now: float
    ) -> None:
        """Note frames of a chart that a page drew, each in `draw_ms`, and their ages then."""
        self.pages = {
            name: known for name, known in self.pages.items() if now - known.told_at < GONE_S
        }
        known = self.pages.setdefault(page, Page(now))
        known.told_at = now
        known.seconds += frames * draw_ms / 1000
        known.frames[chart] += frames
        self._ages[chart].extend(ages_ms)

    def age_ms(self, chart: int) -> float | None:
        """Return the median time from arrival to pixel of the newest frames, None before any."""
        ages = self._ages.get(chart)
        return median(list(ages)) if ages else None

    def forget(self, chart: int) -> None:
        """Drop what was told of a chart that is gone."""
        self._ages.pop(chart, None)
        for page in self.pages.values():
            page.frames.pop(chart, None)

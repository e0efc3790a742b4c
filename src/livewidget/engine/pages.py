"""What the browsers of one chart tell: frames, their cost, how old what they show is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from livewidget.data.clock import Clock
from livewidget.monitor.figures import Rate
from livewidget.monitor.recent import Recent
from livewidget.monitor.registry import Registry

GONE_S = 5.0  # a page that has not told for so long draws nothing
RECENT_S = 10.0  # what quantiles of latency are of

COLUMNS = (
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "latency_max_ms",
    "draw_ms",
    "fps",
    "frame_rate",
    "bytes_rate",
    "trip_ms",
    "long_task_ms",
    "heap_bytes",
)


@dataclass(slots=True)
class Page:
    """One page: when it last told (s), how fast it draws, and its heap in bytes."""

    at: float
    fps: float | None = None  # None before its second word
    heap: float = math.nan


@dataclass(frozen=True, slots=True)
class Strain:
    """How a page does since its last word, beside its charts.

    `trip_ms` is the round trip of the comm. `long_tasks` are those that kept the page's thread for
    more than 50 ms, `long_ms` in all (Long Tasks API); `heap` is JavaScript's, in bytes. NaN where
    the browser does not tell.
    """

    trip_ms: float = math.nan
    long_tasks: float = math.nan
    long_ms: float = math.nan
    heap: float = math.nan


class Pages:
    """Counts what is sent to the pages of a chart, and what they tell. The engine's thread only."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        counter, gauge, histogram = registry.counter, registry.gauge, registry.histogram
        self._clock = clock
        self._pages: dict[str, Page] = {}
        self.draw_ms: float | None = None  # of the newest acknowledgement with a frame
        self._trip_ms = math.nan
        self._sent = counter("livewidget_frames_sent_total", "Frames sent to browsers")
        self._bytes = counter("livewidget_frame_bytes_total", "Bytes of frames", "By")
        self._drawn = counter("livewidget_frames_drawn_total", "Frames drawn, by all pages")
        self._long = counter(
            "livewidget_browser_long_tasks_total", "Times a page was kept busy for over 50 ms"
        )
        self._long_s = counter(
            "livewidget_browser_long_task_seconds_total", "Time in long tasks of pages", "s"
        )
        self.latency = histogram(
            "livewidget_latency_seconds", "From arrival in the kernel to the pixel", "s"
        ).only
        self._draw = histogram(
            "livewidget_draw_seconds", "Main-thread time of a frame, mean of a report", "s"
        ).only
        self._trip = histogram(
            "livewidget_round_trip_seconds", "Kernel to page and back, less the wait", "s"
        ).only
        gauge("livewidget_fps", "Frames a second, of the fastest page", read=self.fps)
        gauge("livewidget_browser_heap_bytes", "JavaScript heap", "By", read=self.heap)
        self._recent = Recent(self.latency, RECENT_S)
        self._rates = {name: Rate() for name in ("frame_rate", "bytes_rate", "long_task_ms")}

    def framed(self, size: int) -> None:
        """Note a frame of `size` bytes on its way."""
        self._sent.add()
        self._bytes.add(size)

    def drawn(
        self, name: str, frames: int, draw_ms: float, ages_ms: list[float], now: float
    ) -> None:
        """Note what a page drew since it last said so: frames, mean cost, arrival to pixel."""
        page = self._pages.pop(name, None) or Page(now)
        self._pages = {each: it for each, it in self._pages.items() if now - it.at < GONE_S}
        self._pages[name] = page
        if now > page.at:
            page.fps = frames / (now - page.at)
        page.at = now
        if frames > 0:
            self.draw_ms = draw_ms
            self._drawn.add(frames)
            self._draw.observe(draw_ms / 1e3)
        # A clock that is off by more than the way takes makes an age less than nothing.
        self.latency.observe_many([max(age, 0.0) / 1e3 for age in ages_ms])

    def told(self, name: str, strain: Strain) -> None:
        """Note how a page does; after `drawn`."""
        if strain.trip_ms >= 0:
            self._trip_ms = strain.trip_ms
            self._trip.observe(strain.trip_ms / 1e3)
        if strain.long_tasks > 0 and strain.long_ms > 0:
            self._long.add(strain.long_tasks)
            self._long_s.add(strain.long_ms / 1e3)
        if name in self._pages:
            self._pages[name].heap = strain.heap

    def sent(self) -> tuple[float, float]:
        """Return the frames and the bytes sent so far."""
        return self._sent.value, self._bytes.value

    def fps(self, now: float | None = None) -> float | None:
        """Return the frames a second of the page that draws fastest; None before it is known."""
        now = self._clock.monotonic() if now is None else now
        pages = list(self._pages.values())
        there = [page.fps for page in pages if now - page.at < GONE_S]
        speeds = [fps for fps in there if fps is not None]
        if not pages or (there and not speeds):
            return None
        return round(max(speeds, default=0.0), 1)

    def heap(self) -> float | None:
        """Return the largest heap of a page in bytes; None where none tells."""
        since = self._clock.monotonic() - GONE_S
        there = [page.heap for page in list(self._pages.values()) if page.at > since]
        return max((heap for heap in there if not math.isnan(heap)), default=None)

    def figures(self, now: float) -> dict[str, float]:
        """Return the figures of `COLUMNS`; NaN for what is not known."""
        latency = self._recent.read(now)
        quantiles = [1e3 * latency.quantile(q) for q in (0.5, 0.95, 0.99)]
        frames, size = self.sent()
        values = (
            *quantiles,
            1e3 * latency.max if latency.total else math.nan,
            self.draw_ms,
            self.fps(now),
            self._rates["frame_rate"](frames, now),
            self._rates["bytes_rate"](size, now),
            self._trip_ms,
            self._rates["long_task_ms"](1e3 * self._long_s.value, now),
            self.heap(),
        )
        known = (math.nan if value is None else value for value in values)
        return dict(zip(COLUMNS, known, strict=True))

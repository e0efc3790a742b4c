"""PerformanceMonitor: what a stream and its chart do now, and what limits them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livewidget.data.clock import Clock, SystemClock
from livewidget.data.events import State
from livewidget.engine.streamer import DataStreamer
from livewidget.monitor.advice import limit
from livewidget.monitor.figures import Process, Quantiles, Rate

if TYPE_CHECKING:
    from livewidget.engine.session import ChartSession

STALE_S = 5.0  # without data, and four times its usual pace, while the source says it is live
GONE_S = 5.0  # a page that has not told for so long draws nothing


class PerformanceMonitor:
    """Watches a streamer and, where there is one, its chart.

    `figures()` may be called from any thread; the rest is the engine's.
    """

    def __init__(self, streamer: DataStreamer, clock: Clock | None = None) -> None:
        self._streamer = streamer
        self._clock = SystemClock() if clock is None else clock
        self._events, self._bytes, self._frames = Rate(), Rate(), Rate()
        self._sent_bytes = self._sent_frames = 0
        # When each page last told (s), and how fast it draws; None before its second word.
        self._pages: dict[str, tuple[float, float | None]] = {}
        self._latency = Quantiles()
        self._draw_ms: float | None = None
        self._process = Process()

    def framed(self, size: int) -> None:
        """Note a frame of `size` bytes on its way."""
        self._sent_bytes += size
        self._sent_frames += 1

    def drawn(
        self, page: str, frames: int, draw_ms: float, ages_ms: list[float], now: float
    ) -> None:
        """Note what a page drew since it last said so: frames, mean cost, arrival to pixel."""
        before, fps = self._pages.pop(page, (now, None))
        self._pages = {
            each: known for each, known in self._pages.items() if now - known[0] < GONE_S
        }
        self._pages[page] = now, frames / (now - before) if now > before else fps
        if frames:
            self._draw_ms = draw_ms
        self._latency.add(ages_ms)

    def figures(self) -> dict[str, Any]:
        """Return the stream's figures: rates a second, counts, bytes, CPU in % of a core."""
        now = self._clock.monotonic()
        self._process.read(now)
        stats = self._streamer.stats()
        return {
            "state": stats["state"],
            "detail": stats["detail"],
            "attempt": self._streamer.state[2],
            "rate": round(self._events(stats["received"], now), 1),
            "bytes": round(self._bytes(self._sent_bytes, now), 1),
            "frame_rate": round(self._frames(self._sent_frames, now), 1),
            **{name: stats[name] for name in _COUNTS},
            **{name: stats[name] for name in ("queued", "queue_capacity") if name in stats},
            "reasons": stats["reasons"],
            "buffer": {name: stats[name] for name in _BUFFER if name in stats},
            "advice": self._streamer.buffer.advice(),
            "latency_ms": self._latency.read(),
            "fps": self._fps(now),
            "draw_ms": None if self._draw_ms is None else round(self._draw_ms, 2),
            "cpu": round(self._process.cpu, 1),
            "memory": self._process.memory,
        }

    def _fps(self, now: float) -> float | None:
        """Return the frames a second of the page that draws fastest; None before it is known."""
        there = [fps for at, fps in self._pages.values() if now - at < GONE_S]
        speeds = [fps for fps in there if fps is not None]
        if not self._pages or (there and not speeds):
            return None
        return round(max(speeds, default=0.0), 1)

    def status(self, session: ChartSession, loop: str) -> dict[str, Any]:
        """Return the status of `wire/layout.md` for a chart."""
        figures = self.figures()
        state, detail = session.state()
        silence, pace = self._streamer.silence
        if state is State.LIVE and silence > max(STALE_S, 4 * pace):
            state, detail = State.STALE, f"no data for {silence:.0f} s"
        figures |= {
            "state": state.value,
            "detail": detail,
            "notice": session.notice(self._clock.now()),
            "cap": session.cap,
            "paused": session.paused,
            "loop": loop,
        }
        figures["limit"] = limit(figures)
        return figures | session.news()


# What a status says of the buffer: rows, bytes, and how the history and the store behind it do.
_BUFFER = (
    "capacity",
    "high_water",
    "drops",
    "lags",
    "history_rows",
    "history_nbytes",
    "history_ratio",
    "store",
    "store_detail",
    "store_rows",
    "store_waiting",
)
_COUNTS = (
    "rows",
    "fill",
    "received",
    "stored",
    "filtered",
    "rejected",
    "dropped",
    "late",
    "gaps",
    "in_flight",
)

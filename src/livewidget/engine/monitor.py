"""PerformanceMonitor: what a stream and its chart do now, and what limits them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

from livewidget.data.duration import seconds
from livewidget.data.errors import ClosedError, SettingError, quote
from livewidget.data.events import State
from livewidget.engine import pages, process, telemetry
from livewidget.engine.measured import Measured
from livewidget.engine.pages import Pages, Strain
from livewidget.engine.process import ProcessTelemetry
from livewidget.engine.sampler import Sampler
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.telemetry import StreamTelemetry
from livewidget.engine.thread import Engine
from livewidget.monitor.advice import limit
from livewidget.monitor.figures import Process, Quantiles, Rate
from livewidget.monitor.recent import Recent, shown_ms
from livewidget.monitor.registry import Registry
from livewidget.monitor.rules import rules_for
from livewidget.sources.base import LoopClock, SystemLoopClock

if TYPE_CHECKING:
    import pandas as pd

    from livewidget.engine.alerts.manager import AlertManager
    from livewidget.engine.profile import Profile
    from livewidget.engine.session import ChartSession

log = logging.getLogger("livewidget")


class Part(Protocol):
    """What adds to a status: to a `whole` one all that it has, to others what a chart shows."""

    def __call__(self, *, whole: bool) -> dict[str, Any]:
        """Return the fields."""


FIGURES = (*process.COLUMNS, *telemetry.COLUMNS, *pages.COLUMNS)
STALE_S = 5.0  # without data, and four times its usual pace, while the source says it is live
SHOWN_S = 60.0  # what the histogram of a status is of


class PerformanceMonitor(Measured):
    """Watches a streamer and, where there is one, its chart; without a streamer the process alone.

    `registry` holds all metrics, the user's own among them: `monitor.gauge("orders_open",
    read=lambda: len(orders))`. `stream` is the figures as a `DataStreamer`, a row every `every` (a
    duration), of which `keep` (a duration) is held; `metrics` the same with a row for each metric.
    `alerts` tells of what is wrong, `alert` adds a rule. Nothing runs before one of these is asked
    for, or `start` is called; `close` lets go of everything. Use it as a context manager.

    `parts` are asked for what they add to a status; they run on the engine's thread. `figures()`
    and all that a user calls may be called from any thread; the rest is the engine's.
    """

    def __init__(
        self,
        streamer: DataStreamer | None = None,
        clock: LoopClock | None = None,
        *,
        every: object = 1.0,
        keep: object = "1h",
    ) -> None:
        if streamer is not None and not isinstance(streamer, DataStreamer):
            raise SettingError(
                "a monitor is of a DataStreamer, or of the process alone: expected one or None, "
                f"got {quote(streamer)}"
            )
        self._streamer = streamer
        self._clock: LoopClock = SystemLoopClock() if clock is None else clock
        self._every, self._keep = seconds(every, "every"), seconds(keep, "keep")
        super().__init__(Registry(reserved=("time", *FIGURES)))
        self.parts: list[Part] = []
        self._failed: set[object] = set()  # parts that have, and were told of
        self._process = Process()
        self._telemetry = ProcessTelemetry(self.registry)
        self._pages = Pages(self.registry, self._clock)
        self._measured = None if streamer is None else StreamTelemetry(self.registry, streamer)
        self._events, self._bytes, self._frames = Rate(), Rate(), Rate()
        self._latency = Quantiles()
        self._recent = Recent(self._pages.latency, SHOWN_S)
        self._sampler: Sampler | None = None
        self._manager: AlertManager | None = None
        self._closed = False
        self._publishing = threading.Lock()  # what several threads may ask for first is made once
        self._process.read(self._clock.monotonic())  # the CPU time is told of from here on

    @property
    def streamer(self) -> DataStreamer | None:
        """What it watches; None where that is the process alone."""
        return self._streamer

    # -- the figures as a stream

    def start(self) -> Self:
        """Begin to take samples, and to time delays and the collector. Again is no error."""
        self._sampling(to_read=False)
        return self

    @property
    def stream(self) -> DataStreamer:
        """The main figures, a column each, for charts, recordings and all else that takes a stream.

        The user's metrics without labels that are registered by the first use have columns, too.
        """
        return self._sampling().figures

    @property
    def metrics(self) -> DataStreamer:
        """Every series of every metric, a row each: time, metric, labels (as text) and value."""
        return self._sampling().metrics

    def sample(self) -> None:
        """Take one sample now, whatever the pace."""
        self._on_engine(self._sampling(to_read=False).take)

    def to_dataframe(self, last: object = None, *, long: bool = False) -> pd.DataFrame:
        """Return the figures of the `last` (a duration; None: all that is kept).

        A column for each figure or, with `long`, a row for each series of each metric.
        """
        streamer = self.metrics if long else self.stream
        since = None if last is None else self._clock.now() - round(seconds(last, "last") * 1e9)
        return streamer.to_dataframe(since)

    # -- alerts

    @property
    def alerts(self) -> AlertManager:
        """Who tells of the alerts on the figures, the default rules among them.

        `chart.show_alerts(monitor.alerts)` marks them on a chart, with a banner.
        """
        if self._manager is not None:
            return self._manager
        from livewidget.engine.alerts.manager import AlertManager

        sampler = self._sampling()
        manager = AlertManager(engine=self._engine, clock=self._clock)
        found = self._first_manager(manager)
        if found is manager:
            manager.watch(sampler.alerts, output=None)
            self._on_engine(lambda: sampler.watch(rules_for(sampler.schema.names)))
        else:
            manager.close()  # another thread was quicker
        return found

    def alert(
        self,
        *rules: Any,
        anomaly: str | None = None,
        by: str | Sequence[str] | None = None,
    ) -> AlertManager:
        """Watch rules such as `"latency_p99_ms > 250 for 10s"`; return who tells of them.

        A rule is over figures, and over metrics without labels, by their names; it is written as
        for `pipeline.alerts.Alert`. `by` the labels of metrics it is over those that have exactly
        these, too: over each series for itself, whose label values are the alert's key. With
        `anomaly`, the name of one, `anomaly_score` says in them how unusual that is: above 1 it
        is an anomaly (`Detect`, which learns for 300 samples). Raises SettingError and
        SchemaError for one that does not fit.
        """
        manager = self.alerts
        sampler = self._sampling(to_read=False)
        self._on_engine(lambda: sampler.watch(rules, anomaly, by))
        return manager

    def profile(self, seconds: float = 5.0) -> Profile:
        """Return where the process spends its time, by stage, of samples of all its threads.

        Blocks for so long; wants the extra `profile`. Raises ProfileError where it is not let.
        """
        from livewidget.engine.profile import profile

        return profile(seconds)

    # -- what the engine tells it

    def framed(self, size: int) -> None:
        """Note a frame of `size` bytes on its way."""
        self._pages.framed(size)

    def drawn(
        self, page: str, frames: int, draw_ms: float, ages_ms: list[float], now: float
    ) -> None:
        """Note what a page drew since it last said so: frames, mean cost, arrival to pixel."""
        self._pages.drawn(page, frames, draw_ms, ages_ms, now)
        self._latency.add(ages_ms)

    def told(self, page: str, strain: Strain) -> None:
        """Note how a page does, beside what it drew."""
        self._pages.told(page, strain)

    # -- the figures now

    def figures(self) -> dict[str, Any]:
        """Return the figures now: rates a second, counts, bytes, CPU in % of a core.

        Without a streamer those of the process alone, and a `detail` that says so.
        """
        now = self._clock.monotonic()
        self._process.read(now)
        process = {"cpu": round(self._process.cpu, 1), "memory": self._process.memory}
        if self._streamer is None:
            return {"state": "no source", "detail": NO_SOURCE, **process}
        stats = self._streamer.stats()
        frames, size = self._pages.sent()
        draw_ms = self._pages.draw_ms
        return {
            "state": stats["state"],
            "detail": stats["detail"],
            "attempt": self._streamer.state[2],
            "rate": round(self._events(stats["received"], now), 1),
            "bytes": round(self._bytes(size, now), 1),
            "frame_rate": round(self._frames(frames, now), 1),
            **{name: stats[name] for name in _COUNTS},
            **{name: stats[name] for name in ("queued", "queue_capacity") if name in stats},
            "reasons": stats["reasons"],
            "buffer": {name: stats[name] for name in _BUFFER if name in stats},
            "advice": self._streamer.buffer.advice(),
            "latency_ms": self._latency.read(),
            "fps": self._pages.fps(now),
            "draw_ms": None if draw_ms is None else round(draw_ms, 2),
            **process,
        }

    def status(self, session: ChartSession, loop: str, *, whole: bool = True) -> dict[str, Any]:
        """Return the status of `wire/layout.md` for a chart; `whole`, with what dashboards show."""
        figures = self.figures()
        state, detail = session.state()
        silence, pace = session.streamer.silence
        if state is State.LIVE and silence > max(STALE_S, 4 * pace):
            state, detail = State.STALE, f"no data for {silence:.0f} s"
        figures |= {
            "state": state.value,
            "detail": detail,
            "notice": session.notice(self._clock.now()),
            "cap": session.pace,
            "paused": session.paused,
            "loop": loop,
        }
        at = self._clock.monotonic()
        if not whole:
            self._recent.tend(at)
        elif (histogram := shown_ms(self._recent.read(at))) is not None:
            figures["histogram"] = histogram
        for part in self.parts:
            figures |= self._asked(part, whole=whole)
        figures["limit"] = limit(figures | {"undrawn": session.failure})
        return figures | session.news()

    # -- life

    def close(self) -> None:
        """Let go of everything: samples, alerts, servers, callbacks. For good; again is no error.

        What `stream` and `metrics` hold can be read still.
        """
        with self._publishing:
            if self._closed:
                return
            self._closed = True
        self._close_exports(here=self._engine.alive and self._engine.here)
        if self._manager is not None:
            self._manager.close()
        if self._sampler is not None:
            self._on_engine(self._sampler.close)  # and not amid a sample
            self._on_engine(self._telemetry.close)
        self._telemetry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"PerformanceMonitor({'no source' if self._streamer is None else self._streamer})"

    @property
    def _engine(self) -> Engine:
        return Engine.shared() if self._streamer is None else self._streamer.engine

    def _sampling(self, *, to_read: bool = True) -> Sampler:
        """Return what takes samples, begun; once it is closed only `to_read` what it took."""
        if self._closed and not (to_read and self._sampler):
            raise ClosedError("the monitor was closed")
        if self._sampler is not None:
            return self._sampler
        engine = self._engine
        sampler = Sampler(
            self.registry, self._figures_at, engine, self._clock, self._every, self._keep
        )
        if self._first_sampler(sampler) is not sampler:  # another thread was quicker
            sampler.close()
            return self._sampling(to_read=to_read)
        if engine.alive:
            engine.post(self._telemetry.begin)
            engine.post(sampler.begin)
        return sampler

    def _first_sampler(self, made: Sampler) -> Sampler | None:
        with self._publishing:
            if self._sampler is None and not self._closed:
                self._sampler = made
            return self._sampler

    def _first_manager(self, made: AlertManager) -> AlertManager:
        with self._publishing:
            if self._manager is None:
                self._manager = made
            return self._manager

    def _on_engine(self, call: Callable[[], object]) -> None:
        """Call on the engine's thread, where samples are taken; here, where nothing runs."""
        if self._engine.alive:
            self._engine.call(call)
        else:
            call()

    def _figures_at(self, now: float) -> dict[str, float]:
        found = self._telemetry.figures(now)
        if self._measured is None:
            return found
        return self._measured.figures(now) | self._pages.figures(now) | found

    def _asked(self, part: Part, *, whole: bool) -> dict[str, Any]:
        try:
            return part(whole=whole)
        except Exception:
            if part not in self._failed:
                self._failed.add(part)
                log.exception("a part of the status could not be had")
            return {}


NO_SOURCE = "no stream is watched: these are the figures of the process alone"

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

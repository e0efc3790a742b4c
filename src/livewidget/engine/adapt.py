"""What the hub sees of its charts' load, and the controllers that steer by it."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from livewidget.engine.compression import HELD_MS, Compression, Trips
from livewidget.engine.pages import Strain
from livewidget.engine.session import ChartSession
from livewidget.monitor.controller import Controller
from livewidget.monitor.figures import Rate, quantile
from livewidget.monitor.ladder import Target
from livewidget.monitor.pressure import Signals

STEP_S = 0.1  # between two looks at the signals
HEARD_S = 1.5  # what a page that spoke so lately has not drawn is late, and not unheard of
STALE_S = 3.0  # a page tells each two seconds at least: what is older says nothing of now
AWAY_MS = 500.0  # of each second: one that has not spoken for so long and worked less was not seen
GONE_S = 60.0  # what a page has told so far is kept for so long
LATENCY_MS = 150.0  # what a person does not take for a delay
LEAST_FPS = 12.0  # with what a page lacks of it now and then, 10: what still looks like motion
USUAL_FPS = 30.0  # what that delay is meant for
FRAMES_WAITED = 2  # frames that an event may wait for: the kernel's, and the page's
BEATS = 15  # over so many the part of those that draw is taken
UNDER_WAY = 64  # frames, whose times of sending are kept: a second of them, and more
FRAMES = 9  # of which the middle one tells what a frame costs the engine
NEARLY_WORST = 0.95  # of the latencies: one stall of a garbage collector is not the load
MOST_TOLD = 8


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a page says of one chart since it last did: frames, mean cost and ages in ms."""

    frames: int
    draw_ms: float
    ages_ms: list[float]


@dataclass(slots=True)
class _Page:
    """What a page said last, at `at` (s), of each chart, and of all since `since`.

    Of each second of its main thread drawing took `page_ms`, and long tasks `long_ms`.
    """

    at: float
    since: float | None = None
    page_ms: float = 0.0
    long_ms: float = 0.0
    trips: Trips = field(default_factory=Trips)
    charts: dict[int, Signals] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=dict)  # frames of each chart sent by then


@dataclass(slots=True)
class _Chart:
    """One chart's controller, and what its frames cost the engine."""

    controller: Controller
    sent: int = 0
    sent_at: deque[float] = field(default_factory=lambda: deque(maxlen=UNDER_WAY))
    drawing: float = 1.0  # the part of its beats, lately, that had something to draw
    build_ms: float = 0.0
    builds: deque[float] = field(default_factory=lambda: deque(maxlen=FRAMES))
    growth: Rate = field(default_factory=Rate)

    @property
    def beat_ms(self) -> float:
        """What a beat costs the engine: a frame, or nothing where nothing is new."""
        return self.drawing * self.build_ms

    def sent_by(self, at: float) -> int:
        """Return how many frames were sent by then."""
        return self.sent - sum(each > at for each in self.sent_at)


class Adaptation:
    """Steers how each chart is drawn. The engine's thread only; `now` is in s, by a steady clock.

    Each chart has a controller of its own. What they share is the page's main thread and the
    engine's: each is told what all charts cost together, and all give way together.
    """

    def __init__(self) -> None:
        self._charts: dict[int, _Chart] = {}
        self._pages: dict[str, _Page] = {}
        self._stepped_at = float("-inf")
        self.compression = Compression()

    def add(self, session: ChartSession) -> None:
        """Steer a chart from now on."""
        controller = Controller(target_of(session.cap), session.quality)
        self._charts[session.chart] = _Chart(controller)
        if session.setting != controller.setting:
            session.draw_by(controller.setting)

    def remove(self, chart: int) -> None:
        """Steer a chart no longer."""
        self._charts.pop(chart, None)

    def beat(self, session: ChartSession, *, drew: bool) -> None:
        """Note that a chart had its turn, and whether there was something to draw."""
        chart = self._charts[session.chart]
        chart.drawing += (drew - chart.drawing) / BEATS

    def built(self, session: ChartSession, encode_s: float, now: float, *, whole: bool) -> None:
        """Note what a frame took that is sent: to build, and to encode.

        A `whole` one is that of a change, or of a new page: what it costs is not what they cost.
        """
        chart = self._charts[session.chart]
        chart.sent += 1
        chart.sent_at.append(now)
        if not whole:
            chart.builds.append(1000 * (session.build_s + encode_s))
            chart.build_ms = median(chart.builds)

    def told(
        self,
        name: str,
        charts: dict[int, Drawn],
        now: float,
        busy_ms: float = 0.0,
        strain: Strain | None = None,
    ) -> None:
        """Take up what a page says of its charts, of what all took its main thread, and of itself.

        Its `strain` tells, too, how long the link took.
        """
        strain = Strain() if strain is None else strain
        before = self._pages.get(name)
        self._pages = {key: page for key, page in self._pages.items() if now - page.at < GONE_S}
        page = self._pages[name] = _Page(now)
        page.trips = page.trips if before is None else before.trips
        page.trips.add(strain.trip_ms)
        # What left since then is on its way still, or was while this word was.
        left = now - page.trips.quickest_ms / 1000
        page.sent = {number: chart.sent_by(left) for number, chart in self._charts.items()}
        if before is None or now <= before.at:
            return
        took = now - before.at
        drawing = sum(each.frames * each.draw_ms for each in charts.values())
        page_ms = min(1000.0, max(busy_ms, drawing) / took)
        if took > STALE_S and page_ms < AWAY_MS:
            return  # a page that was away did not idle
        page.since, page.page_ms = before.at, page_ms
        # A far kernel's way is not the page's doing: latency says nothing before that is known.
        way_ms = page.trips.way_ms
        latencies = {} if way_ms is None else self._latencies(charts)
        page.long_ms = min(1000.0, strain.long_ms / took) if strain.long_ms > 0 else 0.0
        for number, each in charts.items():
            page.charts[number] = Signals(
                draw_ms=each.draw_ms,
                page_ms=page.page_ms,
                drawn=each.frames / took,
                sent=(page.sent.get(number, 0) - before.sent.get(number, 0)) / took,
                latency_ms=latencies.get(number),
                way_ms=way_ms or 0.0,
                seen_from=before.at,
            )

    def step(
        self, sessions: Iterable[ChartSession], now: float, *, deaf: bool, held: bool = False
    ) -> None:
        """Let the controllers of the charts in sight decide, where it is time to."""
        if now - self._stepped_at < STEP_S:
            return
        self._stepped_at = now
        seen = [session for session in sessions if session.chart in self._charts]
        held = held and any(now - page.at < HEARD_S for page in self._pages.values())
        build_ms = sum(self._charts[session.chart].beat_ms for session in seen)
        tries = self._compress(seen, now, held=held and not deaf)
        for session in seen:
            chart = self._charts[session.chart]
            controller = chart.controller
            if controller.mode != session.quality:
                controller.choose(session.quality)
            if controller.target.fps != session.cap:
                controller.aim(target_of(session.cap))
            signals = self._signals(session, chart, build_ms, now)
            silent = bool(self._pages) and signals.seen_from is None
            signals = replace(signals, held=held, hidden=deaf or silent or tries)
            setting = controller.step(now, signals)
            if setting != session.setting:
                session.draw_by(setting)

    def status(self, chart: int, now: float, wall: int, *, whole: bool = True) -> dict[str, Any]:
        """Return what a status says of the quality, with its history where it is `whole`.

        `wall` is `now` in ns UTC.
        """
        known = self._charts.get(chart)
        if known is None:
            return {}
        controller = known.controller
        quality = {
            "mode": controller.mode,
            "level": controller.level,
            "levels": controller.levels,
            "reason": controller.reason,
            "setting": str(controller.setting),
        }
        if not whole:
            return {"quality": quality}
        decided = heapq.merge(controller.decisions, self.compression.packing.decisions)
        decisions = list(decided)[-MOST_TOLD:]
        return {
            "quality": quality,
            "decisions": [
                {"time": str(wall - round((now - at) * 1e9)), "text": text}
                for at, text in reversed(decisions)
            ],
            "compression": self.compression.status(),
        }

    def _latencies(self, charts: dict[int, Drawn]) -> dict[int, float]:
        """Return each chart's latency: the middle one of those with its cap.

        They wait for the same frames of the page: told one figure, they go the same way, and share
        their frames. What one chart's own operators hold back is not the page's doing.
        """
        found: dict[float, dict[int, float]] = {}
        for number, each in charts.items():
            if number in self._charts and each.ages_ms:
                cap = self._charts[number].controller.target.fps
                found.setdefault(cap, {})[number] = _nearly_worst(each.ages_ms)
        return {number: median(of_cap.values()) for of_cap in found.values() for number in of_cap}

    def _compress(self, seen: Sequence[ChartSession], now: float, *, held: bool) -> bool:
        """Compress where the link is the limit; say whether that has its turn before quality."""
        pages = [page for page in self._pages.values() if now - page.at < STALE_S]
        slowest = max(pages, key=lambda each: each.trips.waits_ms, default=None)
        engine = sum(self._charts[each.chart].beat_ms * each.pace for each in seen) / 1000
        if slowest is None:
            return self.compression.step(now, waits_ms=0.0, told_at=None, page=0.0, engine=engine)
        waits_ms = slowest.trips.waits_ms
        return self.compression.step(
            now,
            waits_ms=max(waits_ms, HELD_MS) if held else waits_ms,
            told_at=slowest.at,
            page=max(slowest.page_ms, slowest.long_ms) / 1000,
            engine=engine,
        )

    def _signals(
        self, session: ChartSession, chart: _Chart, build_ms: float, now: float
    ) -> Signals:
        """Return what was seen of a chart: by the page that draws it best, and here."""
        pages = [
            page.charts[session.chart]
            for page in self._pages.values()
            if session.chart in page.charts and now - page.at < STALE_S
        ]
        best = max(pages, key=lambda each: each.drawn, default=Signals())
        queued = session.streamer.queued
        growth = chart.growth(queued, now)
        latency = best.latency_ms
        if latency is not None:
            # No lighter frame makes up for a far kernel, nor for what waited for the operators.
            waited = (
                max(session.waits_ms) - 1000 / session.pace if queued and session.waits_ms else 0.0
            )
            latency = max(0.0, latency - best.way_ms - max(0.0, waited))
        return replace(best, latency_ms=latency, build_ms=build_ms, growth=growth)


def target_of(cap: float) -> Target:
    """Return what a chart of this cap is to reach; a slow one waits longer for its frames."""
    latency = LATENCY_MS + FRAMES_WAITED * max(0.0, 1000 / cap - 1000 / USUAL_FPS)
    return Target(latency_ms=latency, fps=cap, least_fps=min(LEAST_FPS, cap))


def _nearly_worst(ages: Sequence[float]) -> float:
    return quantile(sorted(ages), NEARLY_WORST)

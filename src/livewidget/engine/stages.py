"""The evidence of each stage of a stream and its chart, read once a second or so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from livewidget.data.clock import Clock, SystemClock
from livewidget.data.events import State
from livewidget.engine.credit import AHEAD_S
from livewidget.engine.drawing import GONE_S
from livewidget.engine.meter import Meter, Share
from livewidget.engine.session import WatchSession
from livewidget.engine.staging import STAGED_ROWS
from livewidget.monitor.stages import (
    BROWSER,
    BUFFER,
    FRAMES,
    LINK,
    PIPELINE,
    SINK,
    SOURCE,
    STORE,
    Stage,
)

if TYPE_CHECKING:
    from livewidget.engine.drawing import Page
    from livewidget.engine.flow import Flow
    from livewidget.engine.hub import Hub
    from livewidget.engine.outputs import Output
    from livewidget.engine.session import ChartSession
    from livewidget.engine.streamer import DataStreamer

_PAGE_S = 3.0  # a page tells once a second: over this long its counts make a rate
_CHOKED = 0.75  # of the engine's time: what awaits anything there waits for the engine
_LEAST_FREE = 0.05  # of the engine's time: however busy the rest is, a stage has its turn


class Stages:
    """Reads what the parts of a streamer, and of a chart on a hub, have counted.

    One reader: what it says of rates and shares is since its last call. On the engine's thread.
    """

    def __init__(
        self,
        streamer: DataStreamer,
        session: ChartSession | None = None,
        hub: Hub | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._streamer = streamer
        self._session = None if isinstance(session, WatchSession) else session
        self._hub = hub
        self._clock = SystemClock() if clock is None else clock
        self._share = Share()
        self._charts = self._operators = 0.0  # the parts of the engine's time that these take
        self._told: list[tuple[float, float, int]] = []  # when, and what the page had drawn then
        self._page = ""

    def read(self, now: float) -> tuple[Stage, ...]:
        """Return the stages that there are, in the order that rows pass them. `now` in s."""
        line, _, _ = self._streamer.inside
        drawing = None if self._hub is None else self._hub.drawing
        self._charts = self._operators = 0.0
        if drawing is not None:
            meters = drawing.frames, drawing.link
            self._charts = sum(self._busy("charts", each, now) for each in meters)
        if line.flow is not None and not line.flow.apart:
            self._operators = self._busy("operators", line.flow.meters[0], now)
        stages = [self._source(now)]
        if line.flow is not None:
            stages.append(self._pipeline(line.flow, now))
        stages.append(self._buffer(now))
        if self._streamer.buffer.archive is not None:
            stages.append(self._store(now))
        stages += [self._sink(place, each, now) for place, each in enumerate(self._outputs)]
        if self._session is not None and self._hub is not None:
            stages += self._picture(self._session, self._hub, now)
        return tuple(stages)

    @property
    def _outputs(self) -> list[Output]:
        return [each for each in self._streamer.outputs if not each.given_up]

    def _busy(self, name: str, meter: Meter, now: float) -> float:
        return min(1.0, self._share(("busy", name, id(meter)), meter.seconds, now))

    def _source(self, now: float) -> Stage:
        line, runner, outlet = self._streamer.inside
        ledger = line.intake.account
        served = self._share("received", ledger.received - ledger.made, now)
        times = self._share("times", outlet.waiting.rows, now)
        held = self._busy("held", outlet.waiting, now)
        source, state = runner.source, runner.state[0]
        if source is None:
            held = float(self._streamer.full)
        elif line.flow is not None and not line.flow.apart:
            # It is read on the thread that the operators work on, and not meanwhile.
            held = min(1.0, held + self._operators)
        arrived = served
        if source is not None and source.interval and times:
            # What it would give, if it came as often as it is asked.
            arrived = served * max(1.0, 1 / source.interval / times)
        working = runner.started and state in (State.LIVE, State.STALE)
        limited = outlet.limited and not line.full
        return Stage(
            name=SOURCE,
            label=self._streamer.name,
            arrived=arrived,
            served=served,
            busy=max(0.0, 1.0 - held) if working else 0.0,
            held=held,
            dropped=self._share("gap", line.intake.ledger.lost, now),
            state="rate limit" if limited and state is State.LIVE else state.value,
        )

    def _pipeline(self, flow: Flow, now: float) -> Stage:
        line = self._streamer.inside[0]
        busy = max(self._busy(f"worker {i}", each, now) for i, each in enumerate(flow.meters))
        if not flow.apart and busy >= self._charts:
            # It shares the engine's thread: what the charts take of that it cannot have.
            busy = min(1.0, busy / max(_LEAST_FREE, 1.0 - self._charts))
        queue, queued = flow.queue, flow.queue.rows
        served = self._share("walked", sum(each.rows for each in flow.meters), now)
        ledger = line.intake.ledger
        return Stage(
            name=PIPELINE,
            label=", ".join(line.names) or "checks",
            arrived=self._share("entered", ledger.received - ledger.made, now),
            served=served,
            busy=busy,
            queue=queued,
            capacity=queue.capacity,
            growth=self._share.change("queued", queued, now),
            wait_ms=_wait_ms(queued, served),
            dropped=self._share("queue dropped", queue.dropped, now),
            state="" if flow.failure is None else "failing",
        )

    def _buffer(self, now: float) -> Stage:
        line, buffer = self._streamer.inside[0], self._streamer.buffer
        staged, meter = line.intake.waiting, line.intake.meter
        served = self._share("appended", meter.rows, now)
        archive = buffer.archive
        full = buffer.full and not (archive is not None and archive.ahead.full)
        refused = line.intake.ledger.dropped - (0 if line.flow is None else line.flow.queue.dropped)
        return Stage(
            name=BUFFER,
            label=buffer.name,
            arrived=served,
            served=served,
            busy=self._busy("drain", meter, now),
            held=float(full),
            queue=staged,
            capacity=STAGED_ROWS,
            growth=self._share.change("staged", staged, now),
            wait_ms=_wait_ms(staged, served),
            dropped=self._share("refused", refused, now),
            state="full" if full else "",
        )

    def _store(self, now: float) -> Stage:
        archive = self._streamer.buffer.archive
        assert archive is not None
        ahead = archive.ahead
        waiting = ahead.waiting
        served = self._share("written", ahead.meter.rows, now)
        growth = self._share.change("unwritten", waiting, now)
        return Stage(
            name=STORE,
            label=archive.store.name,
            arrived=max(0.0, served + growth),
            served=served,
            busy=self._busy("store", ahead.meter, now),
            queue=waiting,
            capacity=ahead.most_rows,
            growth=growth,
            wait_ms=_wait_ms(waiting, served),
            dropped=self._share("store lost", ahead.lost, now),
            state="failing" if ahead.error else "",
        )

    def _sink(self, place: int, output: Output, now: float) -> Stage:
        key = f"sink {place}"
        waiting = output.waiting
        served = self._share(key, output.meter.rows, now)
        busy, engine = self._busy(key, output.meter, now), self._charts + self._operators
        if engine >= _CHOKED:  # to have waited for the engine is no work of the sink's
            busy = max(0.0, busy - engine)
        return Stage(
            name=SINK,
            label=output.name,
            arrived=self._share(f"{key} come", output.come, now),
            served=served,
            busy=busy,
            queue=waiting,
            capacity=output.delivery.spool_rows,
            growth=self._share.change(f"{key} waiting", waiting, now),
            wait_ms=_wait_ms(waiting, served),
            dropped=self._share(f"{key} dropped", output.lost, now),
            state="failing" if output.error else "",
        )

    def _picture(self, session: ChartSession, hub: Hub, now: float) -> Iterator[Stage]:
        drawing, credit = hub.drawing, hub.credit
        # Where the frame rate was lowered on purpose, that is what the rest is to keep up with.
        shown = hub.watched(session.chart) and not session.paused
        asked, wanted = (session.pace, float(session.cap)) if shown else (0.0, 0.0)
        made = self._share("frames", session.sequence, now)
        ticks = self._share("ticks", drawing.link.rows, now)
        yield Stage(
            name=FRAMES,
            label="frames",
            arrived=asked,
            served=made,
            busy=self._busy("frames", drawing.frames, now),
            held=self._busy("credit", drawing.held, now),
            wanted=wanted,
        )
        yield Stage(
            name=LINK,
            label="link",
            arrived=ticks,
            served=self._share("acked", credit.acked_tick, now),
            busy=self._busy("link", drawing.link, now),
            queue=credit.behind,
            capacity=max(1.0, AHEAD_S * session.cap),
            growth=self._share.change("behind", credit.behind, now),
            wait_ms=round(1000 * credit.oldest_age(now), 1),
            state="a cell runs" if hub.deaf else "",
        )
        busy, drawn = self._page_rates(drawing.pages, session.chart, now)
        if drawn is not None:
            yield Stage(name=BROWSER, label="browser", arrived=made, served=drawn, busy=busy)

    def _page_rates(
        self, pages: dict[str, Page], chart: int, now: float
    ) -> tuple[float, float | None]:
        """Return how busy the page that draws the most of a chart is, and its frames a second."""
        there = [name for name, page in pages.items() if now - page.told_at < GONE_S]
        name = max(there, key=lambda each: pages[each].frames.get(chart, 0), default="")
        if name != self._page or not name:
            self._page, self._told = name, []
        if not name:
            return 0.0, None
        page = pages[name]
        told = page.told_at, page.seconds, page.frames.get(chart, 0)
        if not self._told or self._told[-1][0] < told[0]:
            self._told.append(told)
        while len(self._told) > 2 and told[0] - self._told[1][0] >= _PAGE_S:  # noqa: PLR2004 (ends)
            del self._told[0]
        since = told[0] - self._told[0][0]
        if not since:
            return 0.0, None
        busy = (told[1] - self._told[0][1]) / since
        return min(1.0, busy), (told[2] - self._told[0][2]) / since


def _wait_ms(queue: float, served: float) -> float | None:
    """Return for how long the last in a queue waits (Little's law), None where none is served."""
    return round(1000 * queue / served, 1) if served else None

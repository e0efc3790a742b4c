"""The hub: one clock and one message a tick for all charts of a kernel, and what comes back."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Sequence
from typing import Any

from livewidget.data.clock import Clock, SystemClock
from livewidget.data.errors import LivewidgetError
from livewidget.data.events import State
from livewidget.data.viewport import Viewport
from livewidget.engine.adapt import Adaptation
from livewidget.engine.clients import STUCK_S, Clients
from livewidget.engine.credit import Credit
from livewidget.engine.drawing import Drawing
from livewidget.engine.inbox import Inbox
from livewidget.engine.monitor import PerformanceMonitor
from livewidget.engine.session import ChartSession, WatchSession
from livewidget.engine.thread import Engine
from livewidget.engine.transport import Message, Transport
from livewidget.engine.watch import Watch
from livewidget.wire.encode import encode_frame, encode_packets

log = logging.getLogger("livewidget")

STATUS_S = 0.5
GOLDEN = 0.618  # multiples of it are spread evenly, however many there are
HELD_S = 0.05  # until the next look where credit is used up
IDLE_S = 1.0  # until the next look where nothing can be seen


class Hub:
    """Draws all charts of one transport. Made anywhere; all but `post` runs on the engine's thread.

    A beat asks each chart that can be seen and is due for its frame, and sends them together.
    """

    def __init__(
        self, transport: Transport, engine: Engine | None = None, clock: Clock | None = None
    ) -> None:
        self.engine = Engine.shared() if engine is None else engine
        self.clients = Clients()
        self.credit = Credit()
        self.drawing = Drawing()
        self.adapt = Adaptation()
        self.tick = 0
        self._transport = transport
        self._clock = SystemClock() if clock is None else clock
        self._sessions: dict[int, ChartSession] = {}
        self._monitors: dict[int, PerformanceMonitor] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._status_due: set[int] = set()
        self._loop_open = False
        self._unheard: set[int] = set()  # charts of which no view has ever spoken
        self._untold: set[int] = set()  # charts whose figures could not be had
        self.inbox = Inbox(self)
        me = weakref.ref(self)

        def hear(content: Message, buffers: list[memoryview]) -> None:
            hub = me()
            if hub is not None:
                hub.engine.post(lambda: hub._hear(content, buffers))  # noqa: SLF001  (our own)

        transport.handler = hear

    def add(self, session: ChartSession, monitor: PerformanceMonitor) -> None:
        """Draw a chart from now on."""
        self._sessions[session.chart] = session
        session.on_past = lambda: self.wake(session.chart)
        self._monitors[session.chart] = monitor
        drawn = None if isinstance(session, WatchSession) else session
        watch = Watch(session.streamer, drawn, self, self._clock)
        monitor.parts.append(watch.parts)
        session.on_advice = watch.take
        self._unheard.add(session.chart)
        self._transport.expect()
        self.adapt.add(session)
        self.adapt.compression.register(monitor.registry)
        self.wake(session.chart)

    def remove(self, chart: int, reason: str) -> None:
        """Draw a chart no longer, and tell its views."""
        session = self._sessions.pop(chart, None)
        if session is not None:
            session.close()
            self._monitors.pop(chart).close()
            self._unheard.discard(chart)
            self._untold.discard(chart)
            self.adapt.remove(chart)
            self.clients.forget_chart(chart)
            self.drawing.forget(chart)
            self.send({"kind": "closed", "chart": chart, "reason": reason})

    def session(self, chart: object) -> ChartSession | None:
        """Return the session of a chart's number, None where there is none (any more)."""
        return self._sessions.get(chart) if isinstance(chart, int) else None

    def monitor(self, chart: int) -> PerformanceMonitor:
        """Return the monitor of a chart that is there."""
        return self._monitors[chart]

    @property
    def deaf(self) -> bool:
        """Whether a running cell keeps the pages from being heard."""
        return self._loop_open

    def send(self, content: Message, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send one message beside the ticks."""
        self._transport.send(content, list(buffers))

    def wake(self, chart: int | None = None) -> None:
        """Beat soon; with a chart, send its status too."""
        if chart is not None:
            self._status_due.add(chart)
        self._schedule(0.0)

    def heard_of(self, chart: int) -> None:
        """Note that a view of the chart has spoken."""
        self._unheard.discard(chart)

    def watched(self, chart: int) -> bool:
        """Say whether anybody sees the chart."""
        return self.clients.width(chart, self._clock.monotonic()) is not None

    def examined(self, chart: int) -> bool:
        """Say whether anybody sees the chart's figures by themselves: its statuses are whole."""
        return self.clients.examined(chart, self._clock.monotonic())

    def show(self, session: ChartSession, *, revive: bool) -> None:
        """Send a chart whole to a page that comes to see it; `revive` where nobody saw it."""
        if revive:
            session.revive()
        else:
            session.ask_snapshot()
        self.credit.lost()  # what a page that is gone never received holds no new one back
        self.wake(session.chart)

    def returned(self, client: str, now: float) -> None:
        """Show a page that speaks again after a silence all that it sees."""
        if not self.clients.was_silent(client, now):
            return
        seen = {chart for chart in self._sessions if self.watched(chart)}
        self.clients.heard(client, now)
        for chart, session in self._sessions.items():
            if self.watched(chart):
                self.show(session, revive=chart not in seen)

    def fit(self, session: ChartSession) -> None:
        """Let the widest visible view of a chart set its resolution."""
        width = self.clients.width(session.chart, self._clock.monotonic())
        look = session.viewport
        if width and width != look.width:
            session.look(Viewport(width, look.span, look.token))

    def _hear(self, content: Message, buffers: list[memoryview]) -> None:
        self.inbox.take(content, buffers, self._clock)
        self.wake()

    def _schedule(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.engine.loop.call_later(delay, self._beat)

    def _beat(self) -> None:
        self._timer = None
        delay = IDLE_S
        try:
            delay = self._draw(self._clock.monotonic())
        except Exception:
            log.exception("a beat failed")
        if self._sessions and self._timer is None:
            self._schedule(delay)

    def _draw(self, now: float) -> float:
        """Send what is due; return the seconds until the next look."""
        deaf = self._loop_open = self._transport.deaf()
        if deaf:
            self.clients.excuse(now)
        # A view of a new chart cannot say so while nothing is heard: there is one, we presume.
        presumed = self._unheard if deaf else ()
        widths = self.clients.widths(now)
        seen = [
            each for chart, each in self._sessions.items() if chart in widths or chart in presumed
        ]
        if not seen:
            self.drawing.held.mark(on=False)
            return IDLE_S
        held = not self.credit.may_send(now, deaf=deaf)
        self.drawing.held.mark(on=held and not deaf)
        self.adapt.step(seen, now, deaf=deaf, held=held)
        if held:
            return HELD_S
        pieces: list[bytes] = []
        for session in seen:
            if now < session.due:
                continue
            # Beats lie on a grid: a late one does not delay the next, and charts share theirs.
            session.due = (now * session.pace // 1 + 1) / session.pace
            pieces += self._due(session, widths.get(session.chart), now)
        self._send(pieces, self._statuses(seen, now), now)
        return max(0.0, min(session.due for session in seen) - self._clock.monotonic())

    def _due(self, session: ChartSession, width: int | None, now: float) -> list[bytes]:
        """Return the frame of a chart whose beat it is, for the widest view (0: figures only)."""
        if width and width != session.viewport.width:
            self.fit(session)  # a wide page came back, or went without a word
        pieces = self._frame(session, now) if width != 0 and session.has_news else []
        if not pieces:
            session.pass_over()
        self.adapt.beat(session, drew=bool(pieces))
        return pieces

    def _frame(self, session: ChartSession, now: float) -> list[bytes]:
        pieces: list[bytes] = []
        try:
            session.streamer.drain()  # which is not the frame's own work
            with self.drawing.frames:
                frame = session.advance()
                begun = time.thread_time()
                pieces = [] if frame is None else encode_frame(frame)
            if frame is not None:
                took = time.thread_time() - begun
                self.adapt.built(session, took, now, whole=frame.snapshot)
        except LivewidgetError as error:
            self._fail(session, str(error))
        except Exception as error:  # one chart's mistake is not the other charts' end
            log.exception("chart %d cannot be drawn", session.chart)
            self._fail(session, f"{type(error).__name__}: {error}")
        if pieces:
            self._monitors[session.chart].framed(sum(map(len, pieces)))
        return pieces

    def _fail(self, session: ChartSession, reason: str) -> None:
        session.fail(reason)
        self._status_due.add(session.chart)

    def _statuses(self, seen: list[ChartSession], now: float) -> dict[str, Any]:
        due = [
            each
            for each in seen
            if each.chart in self._status_due
            or (now >= each.status_due and not each.has_rested(now))
        ]
        for each in due:
            # Turns on a grid, spread over charts: all statuses at once would make that tick late.
            phase = each.chart * GOLDEN % 1
            each.status_due = ((now / STATUS_S - phase) // 1 + 1 + phase) * STATUS_S
        self._status_due -= {session.chart for session in due}
        return {str(session.chart): self._status(session, now) for session in due}

    def _status(self, session: ChartSession, now: float) -> dict[str, Any]:
        """Return a chart's status: whole where its figures are looked at, or nobody can say so."""
        chart, deaf = session.chart, self._loop_open
        whole = deaf or self.examined(chart)
        try:
            told = self._monitors[chart].status(session, "open" if deaf else "credit", whole=whole)
        except Exception as error:  # one chart's figures are not the other charts' end
            if chart not in self._untold:
                self._untold.add(chart)
                log.exception("the figures of chart %d cannot be had", chart)
            told = {"state": State.FAILED.value, "detail": f"{type(error).__name__}: {error}"}
        return told | self.adapt.status(chart, now, self._clock.now(), whole=whole)

    def quality(self, chart: int) -> dict[str, Any]:
        """Return what a status says of how the chart is drawn, and why."""
        return self.adapt.status(chart, self._clock.monotonic(), self._clock.now())

    def _send(self, pieces: list[bytes], status: dict[str, Any], now: float) -> None:
        if not pieces and not status:
            return
        sent = self._clock.now() / 1e6
        compressed = self.adapt.compression
        with self.drawing.frames:
            packets = [(tick, compressed(it)) for tick, it in encode_packets(self.tick + 1, pieces)]
        for tick, packet in packets or [(self.tick + 1, b"")]:
            content: Message = {"kind": "tick", "tick": tick, "sent": sent}
            if status:
                content["status"], status = status, {}
            with self.drawing.link as link:
                self._transport.send(content, [packet] if packet else [])
                link.rows += 1
            self.tick = tick
            self.credit.sent(tick, now)

    def acknowledged(self, client: str, tick: int) -> None:
        """Take up an acknowledgement of a page that sees something."""
        now = self._clock.monotonic()
        moving = self.clients.acked(client, tick, now)
        self.credit.acked(min(tick, self.tick))
        if not moving and self.credit.oldest_age(now) > STUCK_S:
            self.credit.lost()
            for session in self._sessions.values():
                session.ask_snapshot()

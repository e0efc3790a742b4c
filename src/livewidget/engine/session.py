"""One chart: from the rows in its streamer's buffer to its next frame. The engine's thread only."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from livewidget.buffers.ring import Lease, RingBuffer
from livewidget.data.batch import Batch, concat
from livewidget.data.errors import LeaseOvertakenError, SchemaError
from livewidget.data.events import FINAL, State
from livewidget.data.frame import Frame
from livewidget.data.schema import Kind, Schema
from livewidget.data.text import Text
from livewidget.data.viewport import Viewport
from livewidget.engine.past import Past, lacking
from livewidget.engine.streamer import DataStreamer
from livewidget.monitor.ladder import M4, MINMAX, Setting
from livewidget.view.view import View

_SECOND = 1_000_000_000
NOTICE_S = 10
RATES_S = 6.0  # what a status tells of the last seconds is of so many at most
MOST_LINES = 10  # number columns drawn where the user named none


class ChartSession:
    """What the engine holds for one chart.

    `y` names the columns drawn (empty: all that hold numbers), `by` the column of keys.
    `window` is in s, `cap` in frames a second. `max_series` bounds the keys with a line of
    their own. `quality` says who chooses how it is drawn; see `engine.adapt`.
    """

    def __init__(
        self,
        chart: int,
        streamer: DataStreamer,
        *,
        y: Sequence[str] = (),
        by: str | None = None,
        window: float = 60.0,
        cap: float = 30.0,
        max_series: int = 20,
        every: bool = False,
        quality: str = "auto",
    ) -> None:
        self.chart = chart
        self.streamer = streamer
        self.cap = cap
        self.quality = quality
        self.setting = Setting(fps=cap, detail=M4 if every else MINMAX)
        self.build_s = 0.0  # CPU time that the last frame took, once its rows were taken in
        # How long the oldest event of each of the last frames had been here when it was built.
        self.waits_ms: deque[float] = deque(maxlen=64)
        self.due = 0.0  # s, monotonic: when the next frame may be drawn
        self.status_due = 0.0  # s, monotonic: when the next status is sent
        self._notice = ("", 0)  # the text, and until when it is shown (ns of the wall)
        self._y = tuple(y)
        self._by = by
        self._window = round(window * _SECOND)
        self._max_series = max_series
        self._viewport = Viewport()
        self._view: View | None = None
        self._seen = 0  # ring rows before this one are in the view
        self._gaps_seen = 0
        self._snapshot_due = True
        self._failure = ""
        self._ended_at: float | None = None  # s, monotonic: when the stream was first seen to be
        self._looks_back = False  # whether older rows than the ring's are in sight
        self.exporter: Callable[[str, str], None] | None = None
        self._alerts: list[dict[str, Any]] | None = None
        self._alerts_due = False
        self.on_alert: Callable[[str, str], None] | None = None  # what to do, with which alert
        self.on_advice: Callable[[str, str], None] | None = None  # the same, with which finding
        self.on_chosen: Callable[[str, Any], None] = lambda *_: None  # what advice has set, to what
        self.on_past: Callable[[], None] = lambda: None  # there is more of the past to draw
        self._past = Past(streamer.buffer, by, streamer.beside, streamer.now, self._more)
        self._paused_at: tuple[int, int | None, int] | None = None  # head, newest, ns of the wall

    @property
    def paused(self) -> bool:
        """Whether the picture stands still."""
        return self._paused_at is not None

    @property
    def pace(self) -> float:
        """The most frames a second now."""
        return min(self.cap, self.setting.fps)

    def draw_by(self, setting: Setting) -> None:
        """Draw in another way from the next frame on."""
        self.setting = setting
        if self._view is not None:
            self._grain(self._view)

    def choose(self, name: str, value: object) -> None:
        """Set `quality` or `cap` for a piece of advice, and tell whose setting it is."""
        setattr(self, name, value)
        self.on_chosen(name, value)

    @property
    def sequence(self) -> int:
        """The number of the newest frame, 0 before the first."""
        return 0 if self._view is None else self._view.sequence

    def ask_snapshot(self) -> None:
        """Make the next frame a snapshot; the page that wants it knows of no alerts either."""
        self._snapshot_due = True
        self._alerts_due = self._alerts is not None

    def revive(self) -> None:
        """Begin anew from the buffer: the chart was out of sight and its buckets are old."""
        if self._view is not None and not self.paused:
            self._view.invalidate()
        self.ask_snapshot()

    def set_window(self, seconds: float) -> None:
        """Show the last `seconds`."""
        self._window = round(seconds * _SECOND)
        self._look()

    def look(self, viewport: Viewport) -> None:
        """Look at another range or at another width."""
        self._viewport = viewport
        self._look()

    @property
    def viewport(self) -> Viewport:
        """What is looked at now."""
        return self._viewport

    def pause(self, now: int) -> None:
        """Freeze the picture; the capture goes on. `now` is the wall clock in ns."""
        if self._paused_at is None:
            self.streamer.drain()
            ring = self.streamer.buffer.ring
            head, newest = (0, None) if ring is None else (ring.head, ring.newest)
            self._paused_at = head, newest, now
            self._notice = ("", 0)

    def resume(self, now: int) -> None:
        """Jump to now and note how much passed."""
        if self._paused_at is None:
            return
        head, _, since = self._paused_at
        self._paused_at = None
        self.streamer.drain()
        ring = self.streamer.buffer.ring
        events = 0 if ring is None else ring.head - head
        passed = f"{(now - since) / _SECOND:.1f} s and {events:,} events passed while paused"
        self._notice = (passed, now + NOTICE_S * _SECOND)
        self._ended_at = None  # a stream that is over has this to tell
        self.revive()

    def show_alerts(self, alerts: list[dict[str, Any]] | None) -> None:
        """Have the pages told of these alerts, as `wire/layout.md` has them; None for no more."""
        if alerts != self._alerts:
            self._alerts = alerts
            self._alerts_due = True

    def news(self) -> dict[str, Any]:
        """Return what a status says only where it changed, and count it as told."""
        due, self._alerts_due = self._alerts_due, False
        return {"alerts": self._alerts} if due else {}

    def notice(self, now: int) -> str:
        """Return what there is to tell the user at `now` (ns), for `NOTICE_S` after it happened."""
        text, until = self._notice
        if now < until:
            return text
        reach = None if self._view is None else self._view.reach
        return "" if reach is None or not self._looks_back else lacking(self._past, reach, now)

    @property
    def has_news(self) -> bool:
        """Whether there may be something to draw: else `advance` works for nothing."""
        view, ring = self._view, self.streamer.buffer.ring
        if view is None or ring is None or view.due or self._snapshot_due or self._looks_back:
            return True
        if not self.streamer.idle:
            return True
        return ring.head != self._seen and not self.paused

    def pass_over(self) -> None:
        """Let what came go by that changes no picture: a later one is not as old as that."""
        self.streamer.take_oldest_arrival(self)

    def advance(self) -> Frame | None:
        """Bring the view up to date and return its next frame, or None where nothing changed."""
        self.streamer.drain()
        begun = time.thread_time()
        frame = self._advance()
        self.build_s = time.thread_time() - begun
        return frame

    def _advance(self) -> Frame | None:
        ring = self.streamer.buffer.ring
        if ring is None or self._failure:
            return None
        if self._view is None:
            self._view = self._new_view(ring.schema)
        if self._looks_back:
            self._past.tend()
        self._update(self._view, ring)
        oldest = self.streamer.take_oldest_arrival(self)
        if oldest is not None:
            self.waits_ms.append((self.streamer.now() - oldest) / 1e6)
        frame = self._view.frame(
            self._label,
            snapshot=self._snapshot_due,
            arrival=np.nan if oldest is None or self.paused else oldest / 1e6,
        )
        if frame is not None:
            self._snapshot_due = False
        return frame

    def columns(self, schema: Schema) -> tuple[str, ...]:
        """Return the columns that are drawn under this schema."""
        if self._y:
            return self._y
        numbers = [f.name for f in schema.fields if f.kind in (Kind.FLOAT, Kind.INT)]
        if not numbers:
            raise SchemaError(f"no column holds numbers: the columns are {list(schema.names)}")
        return tuple(numbers[:MOST_LINES])

    def state(self) -> tuple[State, str]:
        """Return the state that the chart shows, and its detail."""
        if self._failure:
            return State.FAILED, self._failure
        state, detail, _ = self.streamer.state
        if self.paused and state not in FINAL:
            return State.PAUSED, ""
        reason = self.streamer.last_reason
        if reason and self.streamer.buffer.ring is None and state is not State.FAILED:
            # The source may be well: it is the chart that waits for an event that fits.
            return (state if state in FINAL else State.WAITING), reason
        return state, detail

    @property
    def at_rest(self) -> bool:
        """Whether nothing will change by itself any more."""
        return self.state()[0] in FINAL

    def has_rested(self, now: float) -> bool:
        """Say whether the stream ended so long before `now` (s) that no rate tells of it."""
        if self.streamer.state[0] not in FINAL:
            self._ended_at = None
            return False
        if self._ended_at is None:
            self._ended_at = now
        return now - self._ended_at > max(RATES_S, NOTICE_S + 1 if self._notice[0] else 0)

    @property
    def failure(self) -> str:
        """Why the chart cannot draw the stream, which may be well; "" where it can."""
        return self._failure

    def fail(self, reason: str) -> None:
        """Show that the chart cannot draw this stream, and why."""
        self._failure = reason

    def close(self) -> None:
        """Let go of the streamer, which may live on."""
        self.streamer.forget_reader(self)

    def _new_view(self, schema: Schema) -> View:
        view = View(
            self.chart,
            self.columns(schema),
            window=self._window,
            keyed=self._by is not None,
            max_keys=self._max_series,
        )
        view.look(self._viewport, self._window)
        self._grain(view)
        return view

    def _grain(self, view: View) -> None:
        how = self.setting
        view.grain(how.buckets_per_pixel, coarser=how.coarser, every=how.detail == M4)

    def _look(self) -> None:
        if self._view is not None:
            self._view.look(self._viewport, self._window)

    def _update(self, view: View, ring: RingBuffer) -> None:
        if not view.stale and not self.paused:
            self._seen = max(self._seen, ring.tail)
            try:
                with ring.lease(self._seen) as lease:
                    self._feed(view, lease)
                self._seen = lease.stop
            except LeaseOvertakenError:
                view.invalidate()
        if view.stale:
            self._rebuild(view, ring)

    def _feed(self, view: View, lease: Lease) -> None:
        self._gaps_seen, gaps = self.streamer.gaps_since(self._gaps_seen)
        if len(lease) or gaps:
            stops = [gap.stop for gap in gaps]
            view.append(lease.times, self._values(lease), self._keys(lease), gaps=stops)

    def _more(self) -> None:
        """Draw anew with what has been fetched."""
        if self._view is not None:
            self._view.invalidate()
            self.on_past()

    def _rebuild(self, view: View, ring: RingBuffer) -> None:
        head, newest = (ring.head, ring.newest)
        if self._paused_at is not None:
            head, newest = self._paused_at[:2]
        view.expect(newest)
        ordered = ring.is_sorted(ring.tail)
        low, high = _in_reach(view, ring, head) if ordered else (ring.tail, head)
        self._gaps_seen, gaps = self.streamer.gaps_since(0)
        stops = [gap.stop for gap in gaps]
        past = self._past_rows(view)
        try:
            if past is not None:
                self._rebuild_from(view, ring.snapshot(low, high), past, stops)
            else:
                with ring.lease(low, high) as lease:
                    values, keys = self._values(lease), self._keys(lease)
                    view.rebuild(lease.times, values, keys, gaps=stops, ordered=ordered)
        except LeaseOvertakenError:  # the writer is faster than a rebuild: a copy holds still
            self._rebuild_from(view, ring.snapshot(low, high), None, stops)
        self._seen = head
        self.streamer.take_oldest_arrival(self)  # to have waited out of sight is no latency

    def _past_rows(self, view: View) -> Batch | None:
        """Return the rows in sight that the ring lacks, as far as they are at hand."""
        buffer, reach = self.streamer.buffer, view.reach
        since = buffer.ring_since
        self._looks_back = reach is not None and reach[0] < since and buffer.has_past
        if reach is None or not self._looks_back:
            return None
        rows = self._past.rows(reach[0], max(reach[0], min(reach[1], since)), view.width)
        if rows is None or self._paused_at is None or self._paused_at[1] is None:
            return rows
        return rows.take(rows.times <= self._paused_at[1])

    def _rebuild_from(
        self, view: View, rows: Batch, past: Batch | None, gaps: Sequence[int]
    ) -> None:
        """Rebuild from a copy of the ring's rows, and of older ones where there are any."""
        buffer = self.streamer.buffer
        if past is not None:
            # Late rows may be in both: a bucket is the same with a row twice.
            rows = concat([past, rows])
        values = np.array([rows[name] for name in self.columns(rows.schema)], dtype=np.float64)
        text = None if self._by is None else rows[self._by]
        keys = buffer.codes(self._by, text) if self._by and isinstance(text, Text) else None
        view.rebuild(rows.times, values, keys, gaps=gaps)

    def _values(self, lease: Lease) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return lease.matrix(self.columns(lease.schema))

    def _keys(self, lease: Lease) -> np.ndarray[tuple[int], np.dtype[np.int32]] | None:
        return None if self._by is None else lease.column(self._by)

    def _label(self, key: int) -> str:
        ring = self.streamer.buffer.ring
        assert ring is not None
        assert self._by is not None
        return ring.dictionaries[self._by].categories[key]


def _in_reach(view: View, ring: RingBuffer, head: int) -> tuple[int, int]:
    """Return the rows [low, high) before `head` in sight, and one to each side; rows in order."""
    lease = ring.lease(None, head)
    if view.reach is None:
        return lease.start, lease.stop
    first, last = np.searchsorted(lease.times, view.reach).tolist()
    if not lease.valid:
        return lease.start, lease.stop
    return lease.start + max(0, first - 1), min(lease.stop, lease.start + last + 1)


class WatchSession(ChartSession):
    """A stream that is watched and not drawn: a PerformanceWidget by itself."""

    def advance(self) -> None:
        """Draw nothing."""

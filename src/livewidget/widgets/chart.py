"""LiveChart: one line binds a source to a chart that stays smooth."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import traitlets as t
from ipywidgets import Widget, widget_serialization

from livewidget.data.errors import ClosedError, SettingError, quote
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.line import Shape
from livewidget.engine.monitor import PerformanceMonitor
from livewidget.engine.session import ChartSession
from livewidget.engine.stream import Stream
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.union import SERIES, VALUE, Union
from livewidget.monitor.ladder import MODES
from livewidget.pipeline.horizon import DAY_S
from livewidget.widgets import kernel
from livewidget.widgets.alerted import Alerted
from livewidget.widgets.base import LinkedWidget
from livewidget.widgets.figure import close_tree, new_figure
from livewidget.widgets.keeper import Keeper
from livewidget.widgets.link import hear_beside_cells
from livewidget.widgets.picture import save_picture
from livewidget.widgets.styles import Bands, Styles, shown_bands, shown_styles
from livewidget.widgets.traits import Duration, Rate, Zone
from livewidget.widgets.wait import wait

WINDOWS_KEPT = 10  # the buffer keeps so many windows, within its memory budget
MOST_DOWNLOAD = 64 * 2**20  # bytes that the toolbar's CSV may have; to_csv has no limit


class LiveChart(Keeper, Alerted, LinkedWidget):
    """A live line chart of a source.

    `source` is a URL (`ws://`, `wss://`, `http://`, `https://`), an async iterator, a generator, a
    callable, a DataFrame to replay, a `Source`, a `DataStreamer`, a `Stream`, a list of
    DataStreamers (one time axis for all), or None: then `push` feeds it.
    `x` names the column with the events' times (None: one called like it, else the time of
    arrival), `y` the columns drawn (None: all that hold numbers), `by` a column each of whose keys
    is a series of its own, at most `max_series` of them.

    The traits change a running chart at once, from Python and from the toolbar; a bad value
    raises TraitError and changes nothing. `window` is a duration (a number is seconds).
    `max_points` bounds the events that the buffer keeps; by default it keeps ten windows, within
    256 MiB. `sampling_rate` in Hz thins each series at the door (None: all). `max_fps` caps the
    frames drawn. `paused` freezes the picture and not the capture. `tz` is the axis' time zone.
    `styles` maps columns to "line", "dashed", "markers", "rings", "diamonds" or "hidden"; `bands`
    fills between two columns: `[("low", "high")]`, or `{"forecast": ("low", "high")}` for whose it
    is. What detectors and forecasts make is known by its name and needs neither.

    `renderer` draws the lines with "bqplot" marks, on a "canvas" within bqplot's figure, or by
    "auto" on the quicker of the two, where marks take long. `motion="on"` has the picture
    glide between frames that come more slowly than `max_fps`; "auto": on the canvas, where that is
    cheap; "off": never. A browser that is set to reduced motion never glides.
    `quality="auto"` gives up detail and then frames where the browser or the kernel do not keep up,
    and takes them back; "high" draws first and last of each pixel column besides min and max,
    whatever it costs, "fast" a quarter of the points. Events more than `max_ahead` seconds ahead of
    the clock are rejected (None: none, for simulated time).

    With a `store` (a folder, a URL of Redis or PostgreSQL, a list of them) all that comes is kept
    there, too: the chart begins with what is there, and whoever looks further back than the buffer
    sees that. `history` is how long, in memory, what leaves the buffer is kept compressed.
    `options`, such as `interval`, `speed` or `headers`, go to the source.

    Every method may be called from any thread.
    """

    _session: ChartSession | None = None
    kind = t.Unicode("chart", read_only=True).tag(sync=True)
    figure = t.Instance(Widget, read_only=True).tag(sync=True, **widget_serialization)
    y_label = t.Unicode("").tag(sync=True)
    window = Duration(60.0).tag(sync=True)
    max_points = t.Int(None, allow_none=True, min=1)
    sampling_rate = Rate().tag(sync=True)
    max_fps = t.Int(30, min=1, max=60).tag(sync=True)
    quality = t.Enum(MODES, "auto").tag(sync=True)
    paused = t.Bool(False).tag(sync=True)
    tz = Zone("local").tag(sync=True)
    height = t.Int(320, min=80, max=4_000).tag(sync=True)
    colors = t.List(t.Unicode()).tag(sync=True)
    styles = Styles().tag(sync=True, to_json=shown_styles)
    bands = Bands().tag(sync=True, to_json=shown_bands)
    renderer = t.Enum(("auto", "bqplot", "canvas"), "auto").tag(sync=True)
    motion = t.Enum(("auto", "on", "off"), "auto").tag(sync=True)
    monitor = t.Bool(True).tag(sync=True)

    def __init__(
        self,
        source: object = None,
        *,
        x: str | None = None,
        y: str | Sequence[str] | None = None,
        by: str | None = None,
        schema: Schema | None = None,
        max_series: int = 20,
        quality: str = "auto",
        window: object = 60.0,
        max_points: int | None = None,
        sampling_rate: float | None = None,
        max_ahead: float | None = DAY_S,
        max_fps: int = 30,
        paused: bool = False,
        title: str = "",
        y_label: str = "",
        tz: str = "local",
        height: int = 320,
        colors: str | Sequence[str] = (),
        styles: object = None,
        bands: object = None,
        renderer: str = "auto",
        motion: str = "auto",
        monitor: bool = True,
        store: object = None,
        history: object = None,
        **options: Any,
    ) -> None:
        if max_series < 1:
            raise SettingError(f"max_series is at least 1, got {quote(max_series)}")
        names = _names(y)
        settings = {
            "window": window,
            "max_points": max_points,
            "sampling_rate": sampling_rate,
            "max_fps": max_fps,
            "quality": quality,
            "paused": paused,
            "title": title,
            "y_label": y_label,
            "tz": tz,
            "height": height,
            "colors": [colors] if isinstance(colors, str) else list(colors),
            "styles": {} if styles is None else styles,
            "bands": () if bands is None else bands,
            "renderer": renderer,
            "motion": motion,
            "monitor": monitor,
        }
        for name, value in settings.items():
            self.set_trait(name, value)
        self.set_trait("chart", kernel.next_number())
        if by is None and isinstance(source, Stream):
            by = source.by  # that of a group_by
        shape = Shape(time=x, by=by, columns=names, schema=schema)
        if isinstance(source, (list, tuple)) and any(isinstance(it, DataStreamer) for it in source):
            if by is not None or x is not None:
                raise SettingError("several DataStreamers have times and series of their own")
            source = Union(source, names)
            shape = Shape(by=SERIES, columns=(VALUE,))
        self._open(source, shape, max_ahead, options | {"store": store, "history": history})
        self._session = ChartSession(
            self.chart,
            self.streamer,
            y=shape.columns,
            by=shape.by,
            window=self.window,
            cap=self.max_fps,
            max_series=max_series,
            quality=self.quality,
        )
        link, self._hub = kernel.shared()
        self.set_trait("link", link)
        self.set_trait("figure", new_figure())
        super().__init__()
        self._start(self._session)

    def _open(
        self,
        source: object,
        shape: Shape,
        max_ahead: float | None,
        options: dict[str, Any],
    ) -> None:
        """Make the streamer, or take the one that was handed in, which stays its owner's."""
        self._owns = not isinstance(source, DataStreamer)
        kept = {name: options.pop(name) for name in ("store", "history")}
        if isinstance(source, DataStreamer):
            told = shape.time is not None or shape.schema is not None
            if told or max_ahead != DAY_S or options or any(it is not None for it in kept.values()):
                raise SettingError(
                    "x, schema, max_ahead, store, history and options are the DataStreamer's own: "
                    "set them there"
                )
            self.streamer = source
        else:
            settings = {
                "time": shape.time,
                "by": shape.by,
                "columns": shape.columns,
                "schema": shape.schema,
                "max_ahead": max_ahead,
                "buffer": self._new_buffer(shape.by, **kept),
            } | options
            try:
                if isinstance(source, Stream):
                    self.streamer = source.open(**settings)
                else:
                    self.streamer = DataStreamer(source, **settings)
            except BaseException:
                settings["buffer"].close()
                raise
            self.streamer.owns_buffer = True
        if self.sampling_rate is not None:
            self.streamer.sampling_rate = self.sampling_rate

    def _new_buffer(self, by: str | None, store: object, history: object) -> BufferManager:
        """Return a buffer with what the store holds of the time that is kept in memory."""
        buffer = BufferManager(**self._keep(), by=by, store=store, history=history)
        buffer.window_s = self.window
        span = buffer.span()
        if span is not None:
            buffer.restore(span[1] - round(WINDOWS_KEPT * self.window * 1e9))
        return buffer

    def _start(self, session: ChartSession) -> None:
        hear_beside_cells(self.comm)
        self._performance = PerformanceMonitor(self.streamer)
        session.exporter = self._export
        # What is sent from the engine's thread belongs to the cell that made the chart.
        context = contextvars.copy_context()
        session.on_chosen = lambda name, value: context.copy().run(self._chosen, name, value)
        hub, chart = self._hub, self.chart
        self._forget = kernel.free_on_rerun(self, self._close)
        self._unwatch = self.streamer.watch(lambda: hub.engine.post(lambda: hub.wake(chart)))
        if self.paused:
            self._do(lambda session, now: session.pause(now))
        hub.engine.post(lambda: hub.add(session, self._performance))
        self.streamer.start()

    # -- the picture and its figures

    def save_png(self, path: str | Path, timeout: float = 10.0) -> Path:
        """Write the picture as a visible browser shows it to a PNG file, and return its path.

        Raises TimeoutError where no browser answers in `timeout` seconds.
        """
        return save_picture(self._hub, self.chart, Path(path), timeout)

    def stats(self) -> dict[str, Any]:
        """Return the stream's and the chart's figures: state, account, rates, latency, memory."""
        hub, chart = self._hub, self.chart
        figures = hub.engine.call(lambda: self._performance.figures() | hub.quality(chart))
        return figures | {"account": self.streamer.account()}

    @property
    def performance(self) -> PerformanceMonitor:
        """The monitor of this chart: metrics, alerts, exporters; see docs/monitoring.md."""
        return self._performance

    def wait(
        self, until: Callable[[], object] | None = None, timeout: float | None = None
    ) -> object:
        """Block the cell until `until()` is true, with the chart's buttons alive; return it.

        Without `until`: until the source has ended. Raises TimeoutError after `timeout` seconds.
        """
        if until is not None and not callable(until):
            raise SettingError(
                f"until is a function that is asked again and again, got {quote(until)}; "
                "seconds go in timeout="
            )
        return wait(self._has_ended if until is None else until, timeout)

    # -- life

    def close(self) -> None:
        """Free the chart: its source, its thread's work, its comms. Again is no error."""
        self._close("it was closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._session is None:
            return "LiveChart(closed)"
        return f"LiveChart({self.streamer.name!r}, {self._session.state()[0]})"

    def _close(self, reason: str) -> None:
        if self._session is None:
            return
        self._hide_alerts()
        self._session = None
        self._forget()
        self._unwatch()
        if self._owns:
            self.streamer.stop()
        hub, chart = self._hub, self.chart
        hub.engine.call(lambda: hub.remove(chart, reason))
        self.close_comms()
        close_tree(self.figure)

    # -- settings

    def _keep(self) -> dict[str, Any]:
        if self.max_points is not None:
            return {"retention": None, "max_rows": self.max_points}
        return {"retention": WINDOWS_KEPT * self.window, "max_rows": None}

    def _do(self, command: Callable[[ChartSession, int], object]) -> None:
        """Carry out a command on the engine's thread, then show it. Takes no lock: see `Link`."""
        session = self._session
        if session is None:
            return
        hub, now = self._hub, self.streamer.now()

        def run() -> None:
            command(session, now)
            hub.wake(session.chart)

        hub.engine.post(run)

    @t.observe("window")
    def _window_changed(self, change: Any) -> None:
        seconds = change.new
        if self._session is not None and self._owns:
            self.streamer.buffer.keep(**self._keep())
            self.streamer.buffer.window_s = seconds
        self._do(lambda session, _: session.set_window(seconds))

    @t.observe("max_points")
    def _max_points_changed(self, _: Any) -> None:
        if self._session is not None and self._owns:
            self.streamer.buffer.keep(**self._keep())

    @t.observe("sampling_rate")
    def _rate_changed(self, change: Any) -> None:
        if self._session is not None:
            self.streamer.sampling_rate = change.new

    @t.observe("max_fps")
    def _cap_changed(self, change: Any) -> None:
        def cap(session: ChartSession, _: int) -> None:
            session.cap = change.new

        self._do(cap)

    @t.observe("quality")
    def _quality_changed(self, change: Any) -> None:
        def choose(session: ChartSession, _: int) -> None:
            session.quality = change.new

        self._do(choose)

    @t.observe("paused")
    def _paused_changed(self, change: Any) -> None:
        self._do(lambda session, now: (session.pause if change.new else session.resume)(now))

    # -- answers to the toolbar

    def _chosen(self, name: str, value: Any) -> None:
        """Show what advice has set, on the engine's thread: the traits say how it is drawn."""
        if name == "quality":
            self.quality = value
        else:
            self.max_fps = round(value)

    def _has_ended(self) -> bool:
        if self._session is None:
            raise ClosedError("the chart was closed")
        return self._session.at_rest

    def _export(self, client: str, form: str) -> None:
        hub, chart, streamer = self._hub, self.chart, self.streamer

        async def job() -> None:
            frame = await asyncio.to_thread(lambda: streamer.recent_dataframe(gaps=True))
            text = await asyncio.to_thread(lambda: frame.to_csv(index=False).encode())
            if form != "csv" or len(text) > MOST_DOWNLOAD:
                return
            content = {"kind": "download", "chart": chart, "client": client}
            hub.send(content | {"name": f"livewidget-{chart}.csv", "mime": "text/csv"}, [text])

        hub.engine.spawn(job(), f"livewidget-export-{chart}")


def _names(y: str | Sequence[str] | None) -> tuple[str, ...]:
    names = (y,) if isinstance(y, str) else y or ()
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise SettingError(f"y is the name of a column or a list of names, got {quote(y)}")
    if len(set(names)) < len(names):
        raise SettingError(f"y names a column twice: {quote(y)}")
    return tuple(names)

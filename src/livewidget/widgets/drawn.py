"""Pictures that the kernel draws itself, a few times a second: what they share."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from types import TracebackType
from typing import Any, ClassVar, Self

import traitlets as t
from bqplot import Figure
from ipywidgets import HBox, Label, ToggleButton, VBox

from livewidget.data.batch import Batch
from livewidget.data.errors import LivewidgetError, SettingError, quote
from livewidget.data.events import FINAL, State
from livewidget.data.schema import Schema
from livewidget.engine.buffer import BufferManager
from livewidget.engine.gate import Gate
from livewidget.engine.stream import Stream
from livewidget.engine.streamer import DataStreamer
from livewidget.engine.thread import Engine
from livewidget.widgets import kernel
from livewidget.widgets.figure import close_tree

log = logging.getLogger("livewidget")
MARGIN = {"top": 40, "bottom": 56, "left": 76, "right": 30}
TEXT = "var(--jp-ui-font-color1)"  # the theme's: bqplot's own is orange
LABELS = {"across": "38px", "up": "58px"}  # how far the axes' names are from them


class DrawnWidget(VBox):  # type: ignore[misc] # ipywidgets publishes no types
    """A figure that is drawn anew from the newest rows, at most `fps` times a second.

    The source is a `Stream`, which it opens and stops with itself, or a `DataStreamer`, which is
    started and stays its owner's. Below the figure a line of text says what is to be seen, for
    those who do not see it, and why nothing is. `paused` keeps the picture as it is, and not the
    capture. What is drawn is sent from the engine's thread, also while a cell runs.

    Running its cell again closes it. Every method may be called from any thread.
    """

    name: ClassVar[str] = "DrawnWidget"
    fps = t.Int(4, min=1, max=30)
    paused = t.Bool(False)
    title = t.Unicode("")
    height = t.Int(360, min=80, max=4_000)

    def __init__(self, source: object, figure: Figure, most_rows: int, **settings: Any) -> None:
        if not isinstance(source, (Stream, DataStreamer)):
            raise SettingError(f"{self.name} shows a Stream or a DataStreamer, got {quote(source)}")
        for name, value in settings.items():
            self.set_trait(name, value)
        if isinstance(source, DataStreamer) and source.schema is not None:
            self.check(source.schema)
        self.figure = figure
        # The text takes the width that there is, and is cut at its end, not the button.
        self._summary = Label("waiting for data", layout={"flex": "1 1 0"})
        self._button = ToggleButton(
            value=self.paused,
            description="Pause",
            tooltip="Keep the picture as it is",
            layout={"flex": "0 0 90px"},
        )
        figure.title = self.title
        figure.title_style = {"fill": TEXT}
        for axis in figure.axes:
            axis.label_color = TEXT
        figure.layout.height = f"{self.height}px"
        figure.layout.width = "100%"
        super().__init__([HBox([self._button, self._summary]), figure])
        t.link((self, "paused"), (self._button, "value"))
        self._most = most_rows
        self._head = -1
        self._told = ""
        self._open = True
        self._moved = Gate()
        self._context = contextvars.copy_context()
        self._own = isinstance(source, Stream)
        if isinstance(source, Stream):
            buffer = BufferManager(max_rows=most_rows)
            source = source.open(buffer=buffer)
            source.owns_buffer = True
        self.streamer: DataStreamer = source
        self._forget = kernel.free_on_rerun(self, lambda _: self.close())
        Engine.shared().spawn(self._run(), f"livewidget-{self.name}")
        self.streamer.start()

    def check(self, schema: Schema) -> None:
        """Raise SchemaError for a column that is absent or of another kind."""
        raise NotImplementedError

    def draw(self, rows: Batch) -> str:
        """Bring the figure up to date with the newest rows; return what is to be seen."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """The line of text below the title."""
        return str(self._summary.value)

    def refresh(self) -> None:
        """Draw what there is now. On the engine's thread it is done a few times a second."""
        self.streamer.drain()
        ring = self.streamer.buffer.ring
        if ring is None or ring.head == self._head:
            return self._tell_state()
        head = ring.head
        rows = ring.snapshot(head - self._most, head)
        if not len(rows):
            return None
        self._head = head
        try:
            self.check(rows.schema)
            told = self.draw(rows)
        except LivewidgetError as error:
            told = f"nothing is drawn: {error}"
        self._told = told
        self._tell_state()
        return None

    def close(self) -> None:
        """Free the widget and what it opened. Again is no error."""
        if not self.__dict__.get("_open"):
            return
        self._open = False
        self._forget()
        self._moved.notify()
        if self._own:
            self.streamer.stop()
        for child in (self.figure, *self.children[0].children, self.children[0]):
            close_tree(child)
        super().close()

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
        if not self.__dict__.get("_open"):
            return f"{self.name}(closed)"
        return f"{self.name}({self.streamer.name!r}, {self.streamer.state[0]})"

    async def _run(self) -> None:
        while self._open:
            try:
                async with asyncio.timeout(1 / self.fps):
                    await self._moved.wait_until(lambda: not self._open)
            except TimeoutError:
                if not self.paused:
                    self._refresh_safely()

    def _refresh_safely(self) -> None:
        """Draw in the cell's context, which a message of its comm needs; see `widgets.link`."""
        try:
            self._context.copy().run(self.refresh)
        except Exception as error:  # one picture that fails must not end all that follow
            log.exception("%s could not be drawn", self.name)
            self._say(f"nothing is drawn: {type(error).__name__}: {error}")

    def _tell_state(self) -> None:
        state, detail, _ = self.streamer.state
        troubled = state in FINAL or state is State.RECONNECTING
        parts = [self._told, f"{state}: {detail}" if troubled else ""]
        if any(parts):
            self._say(" · ".join(part for part in parts if part))

    def _say(self, text: str) -> None:
        if self._open and self._summary.value != text:
            self._summary.value = text

    @t.observe("title")
    def _title_changed(self, change: Any) -> None:
        if "figure" in self.__dict__:
            self.figure.title = change.new

    @t.observe("height")
    def _height_changed(self, change: Any) -> None:
        if "figure" in self.__dict__:
            self.figure.layout.height = f"{change.new}px"


def at(time: int) -> str:
    """Return a time, ns UTC, for people."""
    import numpy as np

    return f"{np.datetime64(time, 'ns').astype('datetime64[s]')}".replace("T", " ") + " UTC"

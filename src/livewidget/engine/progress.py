"""How far a long piece of work is, shown to whoever waits for it."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, Self, TextIO

from livewidget.data.clock import Clock, SystemClock

PATIENCE_S = 1.0  # what takes less shows nothing
STEP_S = 0.1  # between two calls
_CELLS = 30  # of the bar


class Progress(Protocol):
    """Hears how far the work is. Called on the thread that works, ten times a second at most."""

    def __call__(self, fraction: float, rows: int) -> None:
        """Take the part that is done, 0 to 1 and never less than before, and the rows so far."""
        ...


class Cancel(Protocol):
    """Says whether the work is to end: a `threading.Event`."""

    def is_set(self) -> bool:
        """Return whether it is."""
        ...


class Meter:
    """Tells a `Progress` how much of a span of time (ns UTC) is done, and keeps it from flicker.

    Work of less than `PATIENCE_S` tells nothing; other work ends with a call of 1.0.
    """

    def __init__(
        self, progress: Progress | None, span: tuple[int, int], clock: Clock | None = None
    ) -> None:
        self._progress = progress
        self._start, self._length = span[0], max(1, span[1] - span[0])
        self._clock: Clock = SystemClock() if clock is None else clock
        self._due = self._clock.monotonic() + PATIENCE_S
        self._shown: float | None = None

    def reach(self, time: int, rows: int) -> None:
        """Note that all up to `time` (ns UTC) is done, `rows` so far."""
        now = self._clock.monotonic()
        if self._progress is None or now < self._due:
            return
        self._due = now + STEP_S
        done = min(1.0, max(0.0, (time - self._start) / self._length))
        self._shown = max(self._shown or 0.0, done)
        self._progress(self._shown, rows)

    def finish(self, rows: int) -> None:
        """Note that all is done."""
        late = self._clock.monotonic() >= self._due
        if self._progress is not None and (late or self._shown is not None):
            self._progress(1.0, rows)


class Bar:
    """A `Progress` that shows nothing; the base of those that do. A context manager, which clears.

    Whoever makes one closes it, on the same thread.
    """

    def __call__(self, fraction: float, rows: int) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Take it away. Again is no error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ConsoleBar(Bar):
    """One line on a terminal (standard error by default), written over at each call."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._width = 0

    def __call__(self, fraction: float, rows: int) -> None:
        """Show the bar, the per cent and the rows."""
        full = int(fraction * _CELLS)
        line = f"[{'#' * full}{'.' * (_CELLS - full)}] {fraction:4.0%}  {rows:,} rows"
        self._write(f"\r{line}{' ' * (self._width - len(line))}")
        self._width = len(line)

    def close(self) -> None:
        """End the line."""
        if self._width:
            self._write("\n")
            self._width = 0

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def console() -> Bar:
    """Return a bar for where standard error is a terminal, else one that shows nothing."""
    stream = sys.stderr
    return ConsoleBar(stream) if stream is not None and stream.isatty() else Bar()

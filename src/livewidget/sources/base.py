"""The protocol between a source and the engine that runs it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Protocol

from livewidget.data.batch import Data
from livewidget.data.clock import Clock, SystemClock
from livewidget.data.events import State
from livewidget.data.health import Health


class Outlet(Protocol):
    """What the engine hands to a source. Any method from any thread; none blocks for long."""

    def emit(self, data: Data) -> int:
        """Take a Batch, a mapping of columns, records, a DataFrame or Arrow.

        Rows that do not fit become dead letters and are not raised. Returns the rows accepted.
        """
        ...

    def reject(self, payload: object, reason: str) -> None:
        """Take one message or item that could not be read, as a dead letter."""
        ...

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Note a stretch that was not seen: ns since the epoch, UTC.

        None stands for the data's own edges: the newest row so far, and the next to come.
        """
        ...

    def state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Note what the source is doing; `detail` is one line for a person, no secrets."""
        ...

    @property
    def full(self) -> bool:
        """Whether what is behind cannot keep up: a source that can wait awaits `ready`."""
        ...

    async def ready(self) -> None:
        """Return once there is room: the pressure that a source passes on upstream."""
        ...

    async def stored(self) -> None:
        """Return once all that was emitted so far is stored, filtered, rejected or dropped.

        Then, and not before, a source may acknowledge it upstream: delivery at least once.
        """
        ...


class Source(ABC):
    """Where data comes in. One object is run at most once at a time.

    `name` is for people and holds no secret. `interval` is the seconds between two readings
    of a source that is asked, and None for one that speaks by itself; it may be set from any
    thread while the source runs. `restarts` says that `run` may be cancelled and called again, and
    then goes on, or tells of a gap. `unique` names the column whose values no two events share, of
    a source that may deliver one twice.
    """

    name: str = "source"
    interval: float | None = None
    restarts: bool = False
    unique: str | None = None
    cut = False  # whether it has ended because somebody stopped what it reads, which may go on
    goes_on = False  # whether it begins where an earlier run was by itself: a server keeps that

    @property
    def reached(self) -> str | None:
        """How far what was emitted reaches, or None where a later run cannot go on behind it.

        Read on the engine's loop. Everything up to there has been emitted, whatever is behind it.
        """
        return None

    async def lasting(self) -> None:  # noqa: B027  (most have nothing to wait for)
        """Return once what was emitted so far can be read again, by a later process, too."""

    def go_on(self, position: str) -> None:
        """Begin behind what an earlier run had `reached`, maybe of another process. Before `run`.

        Raises ValueError, TypeError or AttributeError for what is none of this source's.
        """
        del position

    @abstractmethod
    async def run(self, outlet: Outlet) -> None:
        """Deliver data until it ends, then return; raise to fail; be cancelled to stop.

        Runs on the engine's loop. However it leaves, its threads, tasks and sockets are
        closed. The engine says ENDED or FAILED; a source says WAITING, LIVE, RECONNECTING.
        """

    def health(self) -> Health | None:
        """Return how the connection does; None for a source that has none. Any thread."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class LoopClock(Clock, Protocol):
    """A clock by which a coroutine can also sleep, so that a test can move both."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock."""
        ...


class SystemLoopClock(SystemClock):
    """The machine's clocks and asyncio's sleep."""

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)

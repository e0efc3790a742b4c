"""What can be read of a stream at work: states, figures, and what the buffer holds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from livewidget.data.clock import Clock
from livewidget.data.events import Gap, State
from livewidget.data.health import Health
from livewidget.data.schema import Schema
from livewidget.engine import letters
from livewidget.engine.buffer import BufferManager
from livewidget.engine.ledger import Account
from livewidget.engine.line import Line
from livewidget.engine.outlet import StreamOutlet
from livewidget.engine.runner import Runner
from livewidget.engine.standing import standing
from livewidget.engine.thread import Engine

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Closing(Protocol):
    """What has an end."""

    def close(self) -> None:
        """End, and let go of all that it holds."""
        ...


class Watched:
    """The reading side of a `DataStreamer`. Every method may be called from any thread."""

    buffer: BufferManager
    _runner: Runner
    _outlet: StreamOutlet
    _line: Line
    _engine: Engine
    _clock: Clock

    _attached: tuple[Closing, ...] = ()

    @property
    def engine(self) -> Engine:
        """The thread that it works on."""
        return self._engine

    @property
    def inside(self) -> tuple[Line, Runner, StreamOutlet]:
        """The parts it is made of, for those of the engine that watch them."""
        return self._line, self._runner, self._outlet

    def attach(self, part: Closing) -> None:
        """Have a part, such as an alert manager, closed when the stream is stopped, in that order.

        Once all has come through, and before the buffer is closed.
        """
        self._attached = (*self._attached, part)

    def _close_attached(self) -> None:
        attached, self._attached = self._attached, ()
        for part in attached:
            part.close()

    @property
    def name(self) -> str:
        """What the stream is called for people; holds no secret."""
        return "push" if self._runner.source is None else self._runner.source.name

    @property
    def state(self) -> tuple[State, str, int]:
        """The state, its detail for people, and the number of the attempt to reconnect."""
        return self._runner.state

    @property
    def schema(self) -> Schema | None:
        """The schema of what is stored, or None before the first data."""
        return self._line.intake.schema

    @property
    def gaps(self) -> list[Gap]:
        """The newest gaps, at most 1,000."""
        self.drain()  # a gap reaches to a row that may still wait
        return list(self._line.intake.gaps)

    def gaps_since(self, count: int) -> tuple[int, list[Gap]]:
        """Return how many gaps there have been, and those after the first `count` of them."""
        return self._line.intake.gaps_since(count)

    @property
    def idle(self) -> bool:
        """Whether a `drain` would find nothing to do."""
        return self._line.intake.idle

    @property
    def last_reason(self) -> str:
        """Why the newest dead letter was rejected; empty where there is none."""
        dead = self._line.intake.ledger.dead
        return dead[-1].reason if dead else ""

    @property
    def silence(self) -> tuple[float, float]:
        """Seconds since data last arrived, and between the two last arrivals; 0 before them.

        While rows wait for operators none of it is silence.
        """
        if self.queued:
            return 0.0, 0.0
        before, last = self._line.intake.arrivals
        silence = 0.0 if last is None else (self._clock.now() - last) / 1e9
        return silence, 0.0 if before is None or last is None else (last - before) / 1e9

    def account(self) -> Account:
        """Return where every event is, as of now."""
        return self._line.intake.account

    def stats(self) -> dict[str, Any]:
        """Return the account, queue, buffer, gaps, reasons of rejection and the state.

        `operators` has what each counts, such as the rows that were late for their windows.
        """
        self.drain()
        account = self._line.intake.account
        state, detail, _ = self._runner.state
        return {
            "state": state.value,
            "detail": detail,
            **{name: getattr(account, name) for name in Account.__dataclass_fields__},
            "reasons": dict(self._line.intake.ledger.reasons),
            "gaps": self._line.intake.gap_count,
            **({} if self._line.flow is None else self._line.flow.stats()),
            "operators": self._line.counts(),
            **self.buffer.stats(),
        }

    @property
    def queued(self) -> int:
        """The rows that wait for the pipeline now."""
        return 0 if self._line.flow is None else self._line.flow.queued

    def health(self) -> Health:
        """Return how the connection and the stream do: a verdict with its reason, and a score.

        What the source knows of its connection (round trip, jitter, uptime, reconnects), with the
        stream's state, and with the events that are missing by their numbers (`sequence`).
        """
        source = self._runner.source
        known = None if source is None else source.health()
        ledger = self._line.intake.ledger
        return standing(
            known, self._runner.state, self.account().received, ledger.lost, self.silence[0]
        )

    def now(self) -> int:
        """Return the streamer's wall clock: ns since the epoch, UTC."""
        return self._clock.now()

    def take_oldest_arrival(self, reader: object) -> int | None:
        """Return when the oldest row since this reader's last call arrived, in ns UTC, or None."""
        return self._line.intake.take_oldest(reader)

    def forget_reader(self, reader: object) -> None:
        """Note arrivals for this reader no longer."""
        self._line.intake.forget_reader(reader)

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have `watcher` called, on any thread, when the state changes; returns what stops it."""
        return self._runner.watch(watcher)

    def beside(self, job: Callable[[], T], done: Callable[[T | Exception], None]) -> None:
        """Run `job` in another thread, then `done` with what it returned or raised on the engine's.

        On the engine's thread, which goes on meanwhile. Without an engine it is done at once.
        """

        def run() -> T | Exception:
            try:
                return job()
            except Exception as error:  # noqa: BLE001  (whoever asked says it)
                return error

        async def wait() -> None:
            done(await asyncio.to_thread(run))

        if self._engine.alive:
            self._engine.spawn(wait(), f"livewidget-beside-{self.name}")
        else:
            done(run())

    def drain(self) -> None:
        """Carry what is staged into the buffer now.

        For the main thread the engine's does it: an interrupted cell must not tear it.
        """
        if threading.current_thread() is threading.main_thread() and self._engine.alive:
            with contextlib.suppress(TimeoutError):  # a coroutine of the user's blocks the engine
                self._engine.call(self._line.intake.drain)
                return
        self._line.intake.drain()

    def to_dataframe(
        self,
        start: object = None,
        stop: object = None,
        tz: str | None = "UTC",
        *,
        gaps: bool = False,
        **options: Any,
    ) -> pd.DataFrame:
        """Return all that the buffer holds of a range, what has just been pushed included.

        With `gaps` the first row behind each gap tells of it, in a column of that name. `options`
        are those of `livewidget.engine.export.to_dataframe`.
        """
        self.drain()
        told = self.gaps if gaps else ()
        return self.buffer.to_dataframe(start, stop, tz, gaps=told, **options)

    def recent_dataframe(self, *, gaps: bool = False) -> pd.DataFrame:
        """Return what is in the ring, which bounds it, as a DataFrame."""
        self.drain()
        ring = self.buffer.ring
        span = None if ring is None else ring.span()
        return self.to_dataframe(None if span is None else span[0], gaps=gaps)

    def export(
        self,
        path: str | os.PathLike[str],
        start: object = None,
        stop: object = None,
        **options: Any,
    ) -> int:
        """Write a range of all that the buffer keeps, with the gaps, to a file; return its rows.

        CSV, Parquet, Arrow or JSON lines, by the suffix; see `livewidget.engine.export.export`,
        which takes the `options`.
        """
        self.drain()
        return self.buffer.export(path, start, stop, **{"gaps": self.gaps} | options)

    def dead_letters(self) -> pd.DataFrame:
        """Return the newest rejected events, at most 1,000: time, operator, reason and payload."""
        return letters.to_dataframe(list(self._line.intake.ledger.dead))

    def export_dead_letters(self, path: str | Path) -> int:
        """Write the dead letters to a file, one JSON object a line; return how many."""
        return letters.write(list(self._line.intake.ledger.dead), path)

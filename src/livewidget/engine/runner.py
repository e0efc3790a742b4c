"""A source at work: its task, what it says of itself, and how it is held, resumed and ended."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from livewidget.data.errors import quote
from livewidget.data.events import FINAL, State
from livewidget.engine.bookmark import Bookmark
from livewidget.engine.line import Line
from livewidget.engine.thread import Engine
from livewidget.sources.base import Outlet, Source

_HELD = "suspended: nothing is taken in"
_SETTLE_S = 5.0  # what is under way when a stream is stopped has so long to come through


class Runner:
    """Runs one source, or none, on the engine's loop, once `start` is called.

    Where the source has ended, what it gave comes through the line, which ends; then the state is
    final. With a `bookmark` what it has reached is kept. A source that may be run again
    (`restarts`) is cut off while suspended; any other is held, since the outlet says that it is
    full.

    Methods may be called from any thread.
    """

    def __init__(
        self,
        source: Source | None,
        engine: Engine,
        line: Line,
        bookmark: Bookmark | None = None,
    ) -> None:
        self.source = source
        self._bookmark = bookmark
        self.ended = threading.Event()
        self.suspended = False
        self._engine = engine
        self._line = line
        line.on_failure = self.fail
        self._outlet: Outlet | None = None
        self._task: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None  # the bookmark, while it keeps
        self._state = State.WAITING, "", 0
        self._before = self._state  # what it was when it was suspended
        self._watchers: list[Callable[[], None]] = []
        self._restart = asyncio.Event()

    @property
    def state(self) -> tuple[State, str, int]:
        """The state, its detail for people, and the number of the attempt to reconnect."""
        return self._state

    def say(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Note what the source is doing; while it is suspended, for later."""
        if self._state[0] in FINAL:
            return
        if self.suspended and state not in FINAL:
            self._before = state, detail, attempt
        else:
            self._set((state, detail, attempt))

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have `watcher` called, on any thread, when the state changes; returns what stops it."""
        self._watchers.append(watcher)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._watchers.remove(watcher)

        return stop

    @property
    def started(self) -> bool:
        """Whether the source was begun to be read."""
        return self._outlet is not None

    def start(self, outlet: Outlet) -> None:
        """Begin to read the source; again is no error."""
        if self.source is not None and self._outlet is None and not self.ended.is_set():
            self._outlet = outlet
            self._engine.spawn(
                self._run(self.source, outlet), f"livewidget-source-{self.source.name}"
            )

    def suspend(self) -> None:
        """Take nothing in until `resume`."""
        if self.suspended or self._state[0] in FINAL:
            return
        self._before = self._state
        self.suspended = True
        self._set((State.SUSPENDED, _HELD, 0))
        if self._outlet is not None and self._may_restart:
            self._engine.post(self._cut)

    def resume(self) -> None:
        """Go on."""
        if not self.suspended:
            return
        self.suspended = False
        if self._state[0] not in FINAL:
            self._set(self._before)
        if self._outlet is not None:
            self._engine.post(self._restart.set)

    def finish(self, state: State, detail: str) -> None:
        """End for good, if that has not been done."""
        if self._state[0] not in FINAL:
            self._line.intake.drain()
            self._set((state, detail, 0))
            self._line.end()  # who listens finds the state final
        self.ended.set()

    def fail(self, detail: str) -> None:
        """End as failed, for a reason that is not the source's, and cut the source off."""
        self.finish(State.FAILED, detail)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def stop(self, detail: str = "stopped") -> None:
        """Cut the source off, let what is under way come through, and end. On the loop."""
        task, self._task = self._task, None
        self._restart.set()  # one that was cut off while suspended waits for it
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_S):
                await self._settled(over=False)
        self.finish(State.ENDED, detail)

    @property
    def _may_restart(self) -> bool:
        return self.source is not None and self.source.restarts

    def _cut(self) -> None:
        if self._task is not None and self.suspended:
            self._restart.clear()
            self._task.cancel()

    def _set(self, state: tuple[State, str, int]) -> None:
        self._state = state
        for watcher in list(self._watchers):
            watcher()

    async def _run(self, source: Source, outlet: Outlet) -> None:
        if self.ended.is_set():
            return
        if self._bookmark is not None:
            self._following = asyncio.ensure_future(self._bookmark.follow(outlet))
        try:
            while await self._once(source, outlet):
                await self._restart.wait()
                if self._task is None:
                    return
        except asyncio.CancelledError:
            return  # by `stop`, which does the rest
        except Exception as error:  # noqa: BLE001  (whatever it is, the user must see it)
            await self._settled()
            text = f"{type(error).__name__}: {error}" if str(error) else quote(error)
            self.finish(State.FAILED, text)
        else:
            await self._settled()
            self.finish(State.ENDED, "the source has ended")
        finally:
            if self._following is not None:
                self._following.cancel()

    async def _settled(self, *, over: bool = True) -> None:
        """Let what is under way come through, and note how far that is.

        What operators hold they give, too, unless more will come: the source is not `over`, and
        they go on later from the state that is kept.
        """
        over = over and not (self.source is not None and self.source.cut)
        if over or self._bookmark is None or not self._bookmark.keeps:
            await self._line.finish()
        else:
            await self._line.settled()
        if self._following is not None:  # what it keeps now would be older
            self._following.cancel()
            await asyncio.wait([self._following])
        if self._bookmark is not None:
            await self._bookmark.end()

    async def _once(self, source: Source, outlet: Outlet) -> bool:
        """Run the source; tell whether it was cut off and is to be run again."""
        self._task = asyncio.ensure_future(source.run(outlet))
        task = self._task
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:  # the engine is closing
            task.cancel()
            await asyncio.wait([task])
            raise
        if task.cancelled():
            if self._task is None:
                raise asyncio.CancelledError
            return True
        task.result()
        return False

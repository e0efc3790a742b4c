"""Several sources behind one: what all such have in common."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from livewidget.data.batch import Data
from livewidget.data.errors import SettingError, SourceError, quote
from livewidget.data.events import State
from livewidget.resilience.cover import Cover
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock
from livewidget.sources.resolve import resolve

Sources = Mapping[str, Source | str] | Iterable[Source | str]


class Child:
    """One of several sources: its task while it runs, and what it said last."""

    def __init__(self, source: Source, label: str) -> None:
        self.source = source
        self.label = label
        self.task: asyncio.Task[None] | None = None
        self.state, self.detail, self.attempt = State.WAITING, "", 0
        self.error: Exception | None = None  # what it has ended by
        self.delivered = 0  # when, the last time: ns UTC

    def said(self, state: State, detail: str, attempt: int) -> None:
        """Note a state."""
        self.state, self.detail, self.attempt = state, detail, attempt

    @property
    def words(self) -> str:
        """Who it is and what ails it, in one line."""
        return f"{self.label}: {self.detail}" if self.detail else f"{self.label}: {self.state}"


class ChildOutlet:
    """The outlet, to one of several sources. What it holds back from, and stores, is the same."""

    def __init__(self, owner: Several, child: Child, outlet: Outlet) -> None:
        self._owner = owner
        self._child = child
        self._outlet = outlet
        self.reject = outlet.reject
        self.ready = outlet.ready
        self.stored = outlet.stored

    def emit(self, data: Data) -> int:
        """Take data, once its owner has noted where they come from."""
        self._owner.delivers(self._child, self._outlet)
        return self._outlet.emit(data)

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Let the owner judge what a gap of one is for all."""
        self._owner.misses(self._child, self._outlet, (start, stop, reason))

    def state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Let the owner make one state of all."""
        self._owner.says(self._child, state, detail, attempt)

    @property
    def full(self) -> bool:
        """As of the outlet."""
        return self._outlet.full


class Several(Source):
    """Runs sources as tasks on its own loop, and ends with all of them ended.

    `sources` are URLs or sources, or a mapping of labels to them: labels stand in states, in place
    of names. `unique` names the field by which the engine knows an event that came already. What
    the children call may come from any thread; the rest is the loop's. Raises SettingError for none
    at all, or one twice.
    """

    def __init__(
        self, sources: Sources, *, unique: str | None = None, clock: LoopClock | None = None
    ) -> None:
        if isinstance(sources, (str, Source)):
            raise SettingError(f"sources is a list or a mapping, got {quote(sources)}")
        labelled = sources.items() if isinstance(sources, Mapping) else ((None, s) for s in sources)
        self.children = [_child(label, each) for label, each in labelled]
        if not self.children:
            raise SettingError("sources is empty: there is nothing to run")
        if len({id(each.source) for each in self.children}) < len(self.children):
            raise SettingError("one source stands twice in sources: one object runs once at a time")
        self.name = ", ".join(each.label for each in self.children)
        self.unique = unique
        self._clock = clock or SystemLoopClock()
        self._cover = Cover()
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: tuple[State, str, int] | None = None
        self._begun = False  # whether any child was ever LIVE in this run

    async def run(self, outlet: Outlet) -> None:
        """Deliver until all have ended; raise SourceError where none can go on."""
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        self._told, self._begun = None, False
        try:
            await self._supervise(outlet)
        finally:
            await self._stop(self.children)

    @abstractmethod
    async def _supervise(self, outlet: Outlet) -> None:
        """Start and stop the children, and tell their state, until all is said."""

    def delivers(self, child: Child, outlet: Outlet) -> None:
        """Note that a child is about to emit."""
        child.delivered = self._clock.now()
        if self._cover.delivers(child):
            outlet.gap(None, None, "all connections were lost")

    def misses(self, child: Child, outlet: Outlet, gap: tuple[int | None, int | None, str]) -> None:
        """Pass on a child's gap where no other covers it."""
        if self._cover.misses(child):
            outlet.gap(*gap)

    def says(self, child: Child, state: State, detail: str, attempt: int) -> None:
        """Note a child's state."""
        child.said(state, detail, attempt)
        if state is State.LIVE:
            self._begun = True
        else:
            self._cover.lost(child)
        self._ring()

    def _start(self, child: Child, outlet: Outlet) -> None:
        child.error = None
        child.said(State.WAITING, "", 0)
        child.task = asyncio.create_task(child.source.run(ChildOutlet(self, child, outlet)))
        child.task.add_done_callback(lambda _: self._changed.set())

    async def _stop(self, children: Iterable[Child]) -> None:
        """Cancel these and wait for their end. What they still hold, they deliver."""
        tasks = {each: each.task for each in children if each.task is not None}
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks.values())
        for child, task in tasks.items():
            child.task = None
            child.said(State.WAITING, "", 0)
            self._cover.stopped(child)
            if not task.cancelled():
                child.error = _exception(task)

    def _ended(self) -> list[Child]:
        """Return those that have ended since the last call; an error is in their `error`."""
        done = [each for each in self.children if each.task is not None and each.task.done()]
        for child in done:
            assert child.task is not None
            child.error, child.task = _exception(child.task), None
            detail = "" if child.error is None else _words(child.error)
            child.said(State.ENDED if child.error is None else State.FAILED, detail, 0)
            self._cover.stopped(child)
        return done

    def _tell(self, outlet: Outlet, state: State, detail: str, attempt: int = 0) -> None:
        if self._told != (state, detail, attempt):
            self._told = state, detail, attempt
            outlet.state(state, detail, attempt)

    async def _wait(self, seconds: float | None) -> None:
        """Return when a child has changed, or after so many seconds."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._changed.wait())]
        if seconds is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _ring(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._changed.set)

    def _failure(self) -> SourceError:
        failed = [each for each in self.children if each.error is not None]
        return SourceError("; ".join(each.words for each in failed))


def _child(label: str | None, thing: Source | str) -> Child:
    source = resolve(thing)
    return Child(source, label or source.name)


def _exception(task: asyncio.Task[None]) -> Exception | None:
    if task.cancelled():  # by somebody else: nothing is known of why
        return SourceError("it was cancelled")
    error = task.exception()
    if error is None or isinstance(error, Exception):
        return error
    raise error


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, SourceError) else f"{type(error).__name__}: {error}"

"""Several sources behind one: what all such have in common."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from livewidget.data.batch import Data, count_rows
from livewidget.data.errors import SchemaError, SettingError, SourceError, quote
from livewidget.data.events import State
from livewidget.resilience.cover import Cover
from livewidget.sources.base import LoopClock, Outlet, Source, SystemLoopClock
from livewidget.sources.pull import check_interval
from livewidget.sources.resolve import resolve

OVERLAP_S = 1.0
LONGEST_S = 5.0  # that a connection waits for another which is silent: it may be dead
MOST_HELD = 1_000  # deliveries; at 5 ms each, five seconds

_LOST = "all connections were lost"

Sources = Mapping[str, Source | str] | Iterable[Source | str]


class Child:
    """One of several sources: its task while it runs, and what it said last."""

    def __init__(self, source: Source, label: str) -> None:
        self.source = source
        self.label = label
        self.task: asyncio.Task[None] | None = None
        self.state, self.detail, self.attempt = State.WAITING, "", 0
        self.away = True  # since it was lost, or began: until its next delivery
        self.error: Exception | None = None  # what it has ended by
        self.delivered = 0  # when, the last time: ns UTC
        self.heard = 0.0  # the same by the steady clock
        self.lock = threading.Lock()  # the two below
        self.held: list[Data | None] = []  # while it joins; None: a gap of its own, or a new run
        self.since = 0.0  # when the first of its connection came

    def said(self, state: State, detail: str, attempt: int) -> None:
        """Note a state."""
        self.state, self.detail, self.attempt = state, detail, attempt
        self.away = self.away or state is not State.LIVE

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

    def emit(self, data: Data) -> int:
        """Let the owner deliver it, or hold it while it joins."""
        return self._owner.takes(self._child, data, self._outlet)

    async def stored(self) -> None:
        """As of the outlet; what is held is delivered before."""
        self._owner.release(self._child, self._outlet)
        await self._outlet.stored()

    def gap(self, start: int | None, stop: int | None, reason: str) -> None:
        """Let the owner judge what a gap of one is for all."""
        self._owner.misses(self._child, self._outlet, (start, stop, reason))

    def state(self, state: State, detail: str = "", attempt: int = 0) -> None:
        """Let the owner make one state of all."""
        self._owner.says(self._child, (state, detail, attempt))

    @property
    def full(self) -> bool:
        """As of the outlet."""
        return self._outlet.full


class Several(Source):
    """Runs sources as tasks on its own loop, and ends with all of them ended.

    `sources` are URLs or sources, or a mapping of labels to them: labels stand in states, in place
    of names. `unique` names the field by which the engine knows an event that came already.

    A connection that joins another is synchronised before it counts: what it delivers is held until
    the other has gone on for `overlap_s` seconds, and delivered something (or was silent for five,
    or one and a half times its interval, which is the longest). So what was on its way
    over the slower one has come; and if that one is lost before, the gap between its last event and
    the first of the newcomer is told where it lies.

    What the children call may come from any thread; the rest is the loop's. Raises SettingError for
    no source at all, or one twice.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        unique: str | None = None,
        overlap_s: float = OVERLAP_S,
        clock: LoopClock | None = None,
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
        self._overlap_s = check_interval(overlap_s, "overlap_s")
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
            for child in self.children:
                self._let_go(child, outlet)

    @abstractmethod
    async def _supervise(self, outlet: Outlet) -> None:
        """Start and stop the children, and tell their state, until all is said."""

    def takes(self, child: Child, data: Data, outlet: Outlet) -> int:
        """Deliver what a child emits, or hold it while it joins. Returns the rows accepted."""
        child.delivered, child.heard = self._clock.now(), self._clock.monotonic()
        child.away = False
        if not self._cover.covers(child):
            if self._hold(child, data):
                return count_rows(data)
            self.release(child, outlet)
        return outlet.emit(data)

    def release(self, child: Child, outlet: Outlet) -> None:
        """Deliver what is held, behind a gap where there is one: from here on the child counts."""
        with child.lock:
            held, child.held = child.held, []
            new, beside = not self._cover.covers(child), self._cover.joins(child)
            gap = self._cover.delivers(child)
        if new and child.task is not None:
            self._joined(child)
        if gap:
            outlet.gap(None, None, _LOST)
        for data in held:
            if data is None:
                if not beside:
                    outlet.gap(None, None, _LOST)
                continue
            try:
                outlet.emit(data)
            except SchemaError as error:
                outlet.reject(data, str(error))
        if child.task is None or (held and held[-1] is None):  # what it missed since is not known
            self._cover.stopped(child)
        elif child.away:  # what it held is of the connection before
            self._cover.lost(child)

    def misses(self, child: Child, outlet: Outlet, gap: tuple[int | None, int | None, str]) -> None:
        """Pass on a child's gap where no other covers it."""
        with child.lock:
            if child.held:
                child.held.append(None)
        if self._cover.misses(child):
            outlet.gap(*gap)

    def says(self, child: Child, said: tuple[State, str, int]) -> None:
        """Note a child's state."""
        child.said(*said)
        if child.state is State.LIVE:
            self._begun = True
        else:
            self._cover.lost(child)
        self._ring()

    def _joined(self, child: Child) -> None:
        """Do what is to be done once a child counts."""

    def _hold(self, child: Child, data: Data) -> bool:
        with child.lock:
            if not self._cover.joins(child) or len(child.held) >= MOST_HELD:
                return False
            if not child.held or child.held[-1] is None:
                child.since = self._clock.monotonic()
                self._ring()
            child.held.append(data)
        return True

    def _let_go(self, child: Child, outlet: Outlet) -> None:
        if child.held:
            self.release(child, outlet)

    def _join(self, now: float, outlet: Outlet) -> float | None:
        """Release those that are synchronised; return when to look again, in s."""
        joining = [each for each in self.children if each.held]
        for child in joining:
            lasted = now - child.since
            others = [each for each in self.children if self._cover.covers(each)]
            overlapped = any(each.heard > child.since for each in others)
            if lasted >= (self._overlap_s if overlapped else _longest(others)):
                self.release(child, outlet)
        lefts = [each.since + self._overlap_s - now for each in joining if each.held]
        return min((left if left > 0 else self._overlap_s for left in lefts), default=None)

    def _start(self, child: Child, outlet: Outlet) -> None:
        with child.lock:
            if child.held:
                child.held.append(None)
        child.error = None
        child.said(State.WAITING, "", 0)
        child.task = asyncio.create_task(child.source.run(ChildOutlet(self, child, outlet)))
        child.task.add_done_callback(lambda _: self._changed.set())

    async def _stop(self, children: Iterable[Child]) -> None:
        """Cancel these and wait for their end. What they hold waits on, as that of those that run.

        Were it delivered now, what is on its way over a slower one would be missing behind it.
        """
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

    async def _wait(self, *times: float | None) -> None:
        """Return when a child has changed, or after the least of these, in s."""
        seconds = min((each for each in times if each is not None), default=None)
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


def _longest(others: list[Child]) -> float:
    """Return how long these may be silent, in s; 0 for none. One that is asked is so until then."""
    beats = [1.5 * (each.source.interval or 0.0) for each in others]
    return max([LONGEST_S, *beats]) if others else 0.0


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

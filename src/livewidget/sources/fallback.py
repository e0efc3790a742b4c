"""Sources in the order of preference: one delivers, the others stand in for it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from livewidget.data.errors import SourceError
from livewidget.data.events import State
from livewidget.data.health import Health
from livewidget.resilience.backoff import Backoff
from livewidget.resilience.breaker import Circuit, CircuitBreaker
from livewidget.sources.base import LoopClock, Outlet
from livewidget.sources.pull import check_interval
from livewidget.sources.resolve import resolve
from livewidget.sources.several import OVERLAP_S, Child, Several, Sources

PROBE_S = 30.0
FAILURES = 3


class Fallback(Several):
    """Delivers by the first of `sources` that works, and climbs back when a better one returns.

    A source is left after `failures` failures in a row, or at once where it fails for good; then
    the next has its turn. What is better than the one that delivers is tried beside it every
    `probe_s` seconds, and takes over once it has delivered and is synchronised (see `Several`):
    nothing is missed, and what both delivered in `overlap_s` seconds comes twice, unless `unique`
    names a field to know it by. With `sticky` there is no climbing back. Where all are away, all of
    them are tried by their own backoff.

    A stretch that none of them saw is a gap. Fails where all fail for good and none ever worked.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        probe_s: float = PROBE_S,
        failures: int = FAILURES,
        sticky: bool = False,
        unique: str | None = None,
        overlap_s: float = OVERLAP_S,
        clock: LoopClock | None = None,
    ) -> None:
        super().__init__(sources, unique=unique, overlap_s=overlap_s, clock=clock)
        open_s = check_interval(probe_s, "probe_s")
        self._breakers = {each: CircuitBreaker(failures, open_s=open_s) for each in self.children}
        self._sticky = sticky
        self._current: Child | None = None  # whose turn it is
        self._all_away = False  # then everything runs

    def health(self) -> Health | None:
        """Return that of the source whose turn it is."""
        return (self._current or self.children[0]).source.health()

    def says(self, child: Child, said: tuple[State, str, int]) -> None:
        """Count a loss, too."""
        if said[0] is State.RECONNECTING:
            self._breakers[child].failure(self._clock.monotonic())
        super().says(child, said)

    def _joined(self, child: Child) -> None:
        """Give the turn to whoever is better, or the first to deliver where nobody did."""
        self._breakers[child].success()
        current = self._current
        if current is None or self._all_away or self._rank(child) < self._rank(current):
            self._current, self._all_away = child, False
            self._ring()

    async def _supervise(self, outlet: Outlet) -> None:
        self._current, self._all_away = None, False
        while True:
            self._changed.clear()
            now = self._clock.monotonic()
            if self._note_ends(now):
                return
            joining = self._join(now, outlet)
            await self._stop(self._superfluous(now))
            self._launch(now, outlet)
            self._tell(outlet, *self._combined())
            await self._wait(joining, self._until_next(now))

    def _note_ends(self, now: float) -> bool:
        """Take note of those that ended; tell whether the one that delivers has said all."""
        for child in self._ended():
            if child is self._current:
                if child.error is None:
                    return True
                self._current = None
            self._breakers[child].trip(now)
        return False

    def _superfluous(self, now: float) -> list[Child]:
        """Return those to stop, and take the turn from the current one where it is among them."""
        current = self._current
        if current is None or self._all_away:
            return []
        if self._open(current, now):
            self._current = None
            return [current] if self._able(now) else []
        if not self._cover.covers(current):
            return []
        place = self._rank(current)
        worse = [each for each in self.children[place + 1 :] if each.task is not None]
        return worse + [
            each
            for each in self.children[:place]
            if each.task is not None and self._open(each, now)
        ]

    def _launch(self, now: float, outlet: Outlet) -> None:
        """Start whose turn it is, and what may be better."""
        if self._current is None and not self._all_away:
            able = self._able(now)
            self._current = able[0] if able else None
            self._all_away = not able
        if self._all_away:
            # One that failed for good waits for its breaker; the others have their own backoff.
            tried = [each for each in self.children if each.error is None or self._free(each, now)]
        elif self._sticky and self._current is not None:
            tried = [self._current]
        else:
            tried = self.children[: self._rank(self._current) + 1]
        for child in tried:
            if child.task is None and _may_return(child):
                may = self._breakers[child].allow(now)
                if may or self._all_away or child is self._current:
                    self._start(child, outlet)
        if not self._begun and all(each.error is not None for each in self.children):
            raise self._failure()

    def _combined(self) -> tuple[State, str, int]:
        current, count = self._current, len(self.children)
        if current is None:
            first = self.children[0]
            return State.RECONNECTING, f"all {count} are away; {first.words}", first.attempt
        place = self._rank(current)
        if current.state is State.LIVE:
            verb = "is" if place == 1 else "are"
            away = f", {place} of {count} preferred {verb} away" if place else ""
            return State.LIVE, f"by {current.label}{away}", 0
        begun = self._begun or place or current.state is State.RECONNECTING
        state = State.RECONNECTING if begun else State.WAITING
        return state, current.words, current.attempt

    def _until_next(self, now: float) -> float | None:
        """Return the seconds until one that rests may be tried."""
        resting = [each for each in self.children if each.task is None and _may_return(each)]
        waits = [self._breakers[each].wait(now) for each in resting]
        return min((each for each in waits if each > 0), default=None)

    def _able(self, now: float) -> list[Child]:
        return [each for each in self.children if not self._open(each, now) and _may_return(each)]

    def _open(self, child: Child, now: float) -> bool:
        return self._breakers[child].state(now) is Circuit.OPEN

    def _free(self, child: Child, now: float) -> bool:
        return _may_return(child) and not self._open(child, now)

    def _rank(self, child: Child | None) -> int:
        return -1 if child is None else self.children.index(child)


class Failover(Fallback):
    """Several endpoints of one kind, by their URLs; `options` go to each source.

    With `sticky` it stays with the one that works, else it goes back to the first when it returns.
    """

    def __init__(
        self,
        urls: Iterable[str],
        *,
        sticky: bool = True,
        probe_s: float = PROBE_S,
        failures: int = FAILURES,
        unique: str | None = None,
        overlap_s: float = OVERLAP_S,
        clock: LoopClock | None = None,
        **options: Any,
    ) -> None:
        if clock is not None:
            options["clock"] = clock
        super().__init__(
            [resolve(url, **_own(options)) for url in urls],
            probe_s=probe_s,
            failures=failures,
            sticky=sticky,
            unique=unique,
            overlap_s=overlap_s,
            clock=clock,
        )


def _own(options: dict[str, Any]) -> dict[str, Any]:
    """Return options for one source: what counts its failures is not shared with another."""
    counting = (Backoff, CircuitBreaker)
    return {k: deepcopy(v) if isinstance(v, counting) else v for k, v in options.items()}


def _may_return(child: Child) -> bool:
    """Tell whether a child that ended may be started again: what is broken in itself may not."""
    return child.error is None or isinstance(child.error, SourceError)

"""Sources that run side by side: the same twice, or parts of one whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Self

from livewidget.data.batch import Data
from livewidget.data.errors import SettingError, SourceError
from livewidget.data.events import State
from livewidget.data.health import Health
from livewidget.sources.base import LoopClock, Outlet, Source
from livewidget.sources.pull import check_interval
from livewidget.sources.several import OVERLAP_S, Child, Several, Sources

RETRY_S = 30.0


class Parallel(Several):
    """Runs all at once. The end or the failure of one does not end the others.

    One that failed for good (SourceError) is started again after `retry_s` seconds: an endpoint
    that was refused while it was rolled out is not lost for the day. It is LIVE while one is, and
    the detail says how many are. Where all fail before any was live, it fails with their reasons.
    """

    noun = "connections"

    def __init__(
        self,
        sources: Sources,
        *,
        unique: str | None = None,
        retry_s: float = RETRY_S,
        overlap_s: float = OVERLAP_S,
        clock: LoopClock | None = None,
    ) -> None:
        super().__init__(sources, unique=unique, overlap_s=overlap_s, clock=clock)
        self._retry_s = check_interval(retry_s, "retry_s")
        self._due: dict[Child, float] = {}  # when those that failed are started again

    async def _supervise(self, outlet: Outlet) -> None:
        self._due = dict.fromkeys(self.children, self._clock.monotonic())
        while True:
            self._changed.clear()
            now = self._clock.monotonic()
            self._note_ends(now)
            for child in [each for each, due in self._due.items() if due <= now]:
                del self._due[child]
                self._start(child, outlet)
            if self._over():
                return
            self._tell(outlet, *self._combined())
            joining = self._join(now, outlet)
            await self._wait(joining, *(due - now for due in self._due.values()))

    def _note_ends(self, now: float) -> None:
        ended = self._ended()
        self._due |= {
            each: now + self._retry_s for each in ended if isinstance(each.error, SourceError)
        }

    def _over(self) -> bool:
        """Tell whether nothing is left to do. Raises SourceError where that is a failure."""
        if any(each.task is not None for each in self.children):
            return False
        if all(each.error is None for each in self.children):
            return True
        if self._begun and self._due:
            return False
        raise self._failure()

    def _combined(self) -> tuple[State, str, int]:
        going = [each for each in self.children if each.state is not State.ENDED]
        away = [each for each in going if not _live(each)]
        live, why = len(going) - len(away), f"; {away[0].words}" if away else ""
        if live:
            return State.LIVE, f"{live} of {len(going)} {self.noun} live{why}", 0
        attempt = max((each.attempt for each in away), default=0)
        if not self._begun and all(each.state is State.WAITING for each in away):
            return State.WAITING, f"connecting to {len(going)} {self.noun}", 0
        return State.RECONNECTING, f"0 of {len(going)} {self.noun} live{why}", attempt

    def _healths(self) -> list[Health]:
        return [each for each in (child.source.health() for child in self.children) if each]


class HotHot(Parallel):
    """The same stream over two or more connections: what one loses, another has.

    All deliver; `unique` names the field (an id, a sequence number) by which the engine takes an
    event that comes twice once. A gap is only what none of them saw: a connection that has just
    come (back) does not count before it is synchronised (see `Several`).
    """

    def __init__(
        self,
        sources: Sources,
        *,
        unique: str,
        retry_s: float = RETRY_S,
        overlap_s: float = OVERLAP_S,
        clock: LoopClock | None = None,
    ) -> None:
        super().__init__(sources, unique=unique, retry_s=retry_s, overlap_s=overlap_s, clock=clock)

    def health(self) -> Health | None:
        """Return that of the best: while it is well, nothing is lost."""
        return max(self._healths(), key=lambda each: each.quality, default=None)


class Shards(Parallel):
    """Parts of one stream, each over a connection of its own, into one.

    What one did not see is a gap from its last delivery to its next, by the wall clock: the newest
    row of all says nothing of one.
    """

    noun = "shards"

    @classmethod
    def over(
        cls,
        make: Callable[[Sequence[str]], Source | str],
        keys: Iterable[str],
        connections: int,
        *,
        unique: str | None = None,
    ) -> Self:
        """Spread `keys` (topics, symbols) evenly over connections; `make` makes each from its part.

        Raises SettingError for less than one connection.
        """
        if connections < 1:
            raise SettingError(f"connections is a number from 1 up, got {connections}")
        all_keys = list(keys)
        parts = [all_keys[first::connections] for first in range(connections)]
        return cls([make(part) for part in parts if part], unique=unique)

    def health(self) -> Health | None:
        """Return that of the worst: all are needed."""
        return min(self._healths(), key=lambda each: each.quality, default=None)

    def takes(self, child: Child, data: Data, outlet: Outlet) -> int:
        """Note when, and deliver: no part stands in for another."""
        child.delivered = self._clock.now()
        return outlet.emit(data)

    def release(self, child: Child, outlet: Outlet) -> None:
        """Do nothing: nothing is held."""

    def misses(self, child: Child, outlet: Outlet, gap: tuple[int | None, int | None, str]) -> None:
        """Give a gap the edges of this shard."""
        start, stop, reason = gap
        start = (child.delivered or None) if start is None else start
        if start is not None:
            stop = self._clock.now() if stop is None else stop
            outlet.gap(start, stop, f"{child.label}: {reason}")


def _live(child: Child) -> bool:
    return child.task is not None and child.state is State.LIVE

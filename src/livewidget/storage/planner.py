"""One query over several tiers: each answers the part that it alone need answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock, SystemClock
from livewidget.data.errors import SettingError, StoreError
from livewidget.data.history import Answer, Missing, check_range, chunks
from livewidget.resilience.breaker import Circuit, CircuitBreaker
from livewidget.sketches.outstanding import cut
from livewidget.storage.cache import TileCache, neighbours
from livewidget.storage.pieces import floor, pieces, rechosen
from livewidget.storage.standing import Standing
from livewidget.storage.tiles import Tiles

NO_LONGER_KEPT = "no longer kept"
_FAILURES = 3  # reads in a row that fail before a tier is left alone
_OPEN_S = 5.0  # a person who scrolls waits for a dead server's time-out at most this often
_SPAN_S = 5.0  # an old span costs the cache a tile at an edge, never a row
_LEFT_ALONE = "left alone for some seconds"
_TRIES = 8  # looks at a tier that loses rows faster than they are read


class Tier(Protocol):
    """What a planner reads from: memory, or a `Store`.

    `since()` is asked after each chunk, so it is cheap; it moves before rows are let go of.
    """

    name: str

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time held, ns UTC, or None where nothing is."""
        ...

    def since(self) -> int:
        """Return the time (ns UTC) from which on no row that was appended is missing here."""
        ...

    def read(self, start: int, stop: int, *, width: int = 0) -> Iterator[Batch]:
        """Yield rows of a range, see `History.read`. Raises StoreError where it cannot now."""
        ...


@runtime_checkable
class Holed(Protocol):
    """A tier that may lack rows after its `since()`, too."""

    def holes(self) -> Sequence[tuple[int, int]]:
        """Return the ranges of times [start, stop) in which rows may be missing here, rising."""
        ...


class Planner:
    """Splits a range by time among `tiers`, the fastest first; no seams and no doubles.

    Each moment is answered by the fastest tier that lacks nothing there. One that raises StoreError
    is passed over for the rest of the query, and after three failures in a row for some seconds;
    its part comes from the next that holds it. Where none does, the rows of the tier that holds
    most are given, and the range is named in `Answer.missing` all the same, with the reason.
    `by` is the stream's key column, if rows stand for each key. Answers at a width go by `cache`,
    where there is one: its owner tells it what is appended. Any thread.
    """

    def __init__(
        self,
        tiers: Sequence[Tier],
        by: str | None = None,
        *,
        cache: TileCache | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not tiers:
            raise SettingError("a planner reads from one tier at least, got none")
        self.tiers = tuple(tiers)
        self.by = by
        self._clock = clock or SystemClock()
        self._breakers = [CircuitBreaker(_FAILURES, open_s=_OPEN_S) for _ in self.tiers]
        # Asked once: a protocol is slow to look at, and each chunk of an answer asks.
        self.holed = [each if isinstance(each, Holed) else None for each in self.tiers]
        self._why = ["" for _ in self.tiers]
        self._lock = threading.Lock()
        self._tiles = None if cache is None else Tiles(cache, self._ask, self._span_lately)
        self._span: tuple[int, int] | None = None
        self._span_at = -_SPAN_S

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last time in the tiers that can say so now, ns UTC."""
        found = []
        for place, tier in enumerate(self.tiers):
            if self.open(place):
                continue
            try:
                span = tier.span()
            except StoreError as error:
                self.note(place, str(error))
                continue
            if span is not None:
                found.append(span)
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def query(self, start: int, stop: int, *, width: int = 0) -> Answer:
        """Answer for start <= time < stop (ns UTC) as `History.read` does, from all tiers.

        Nothing is read before the answer's batches are asked for; then a few chunks are in memory
        at a time. Raises SettingError where stop comes before start.
        """
        check_range(start, stop, width)
        if self._tiles is None or not width:
            return self._ask(start, stop, width)
        missing: list[Missing] = []
        return Answer(self._tiles.read(start, stop, width, missing), missing)

    def prefetch(self, start: int, stop: int, width: int) -> None:
        """Have the cache hold what a reader of [start, stop) may scroll to next. Blocks."""
        check_range(start, stop, width)
        if self._tiles is not None and width:
            for low, high in neighbours(start, stop):
                self._tiles.warm(low, high, width)

    def _span_lately(self) -> tuple[int, int] | None:
        """Return the span as it was some seconds ago at most: a server is not asked each time."""
        now = self._clock.monotonic()
        if self._span is None or now - self._span_at >= _SPAN_S:
            self._span, self._span_at = self.span(), now
        return self._span

    def _ask(self, start: int, stop: int, width: int) -> Answer:
        missing: list[Missing] = []
        rows = _Query(self, start, stop, width, missing).run()
        return Answer(rechosen(rows, width, self.by) if width else rows, missing)

    def open(self, place: int) -> bool:
        """Say whether the tier at a place is left alone now."""
        with self._lock:
            return self._breakers[place].state(self._clock.monotonic()) is Circuit.OPEN

    def allows(self, place: int) -> bool:
        """Say whether a read of the tier at a place may begin."""
        with self._lock:
            return self._breakers[place].allow(self._clock.monotonic())

    def note(self, place: int, why: str = "") -> None:
        """Note why a read of the tier at a place failed; "" where it went well."""
        with self._lock:
            self._why[place] = why.removeprefix(f"{self.tiers[place].name}: ")
            if why:
                self._breakers[place].failure(self._clock.monotonic())
            else:
                self._breakers[place].success()

    def why(self, place: int) -> str:
        """Return why the last read of the tier at a place failed."""
        return self._why[place]


class _Query:
    """One walk from start to stop: the cursor stands where everything before has been given."""

    def __init__(
        self, planner: Planner, start: int, stop: int, width: int, missing: list[Missing]
    ) -> None:
        self._planner = planner
        self._cursor, self._stop, self._width = start, stop, width
        self._missing = missing
        self._failed: dict[int, str] = {}  # tiers passed over, and why
        self._begun: set[int] = set()  # tiers that a read of this query has been let through to
        self._stuck = 0

    def run(self) -> Iterator[Batch]:
        while self._cursor < self._stop:
            standings = self._standings()
            place = min((it for it in standings if standings[it].whole(self._cursor)), default=None)
            ahead = self._ahead(standings, place)
            if place is not None:
                yield from self._read(place, min(ahead, standings[place].until(self._cursor)))
            else:
                yield from self._read_rest(standings, ahead)

    def _standings(self) -> dict[int, Standing]:
        """Return what each tier that can be read lacks now."""
        found = {}
        for place in range(len(self._planner.tiers)):
            if place in self._failed:
                continue
            if self._planner.open(place):
                self._leave_alone(place)
                continue
            standing = self._standing(place)
            if standing is not None:
                found[place] = standing
        return found

    def _standing(self, place: int) -> Standing | None:
        tier, holed = self._planner.tiers[place], self._planner.holed[place]
        try:
            return Standing(tier.since(), () if holed is None else holed.holes())
        except StoreError as error:
            self._fail(place, error)
            return None

    def _ahead(self, standings: dict[int, Standing], place: int | None) -> int:
        """Return where a faster tier (any, where none is whole here) is whole again, or stop."""
        faster = [standings[it] for it in standings if place is None or it < place]
        return min([self._stop, *(each.next_whole(self._cursor) for each in faster)])

    def _read(self, place: int, stop: int) -> Iterator[Batch]:
        """Yield what a whole tier gives for [cursor, stop), as far as it stays whole."""
        with self._attempt(place):
            for batch, edge in self._pieces(place, stop):
                standing = self._standing(place)
                if standing is None:
                    return
                good = self._good(standing, edge)
                kept = None if batch is None else cut(batch, self._cursor, good)
                self._advance(good)
                yield from chunks(kept)
                if good < edge:
                    self._check_stuck(place)
                    return

    @contextmanager
    def _attempt(self, place: int) -> Iterator[None]:
        """Note how a read goes; one that its reader left before the end has gone well so far."""
        try:
            yield
        except StoreError as error:
            self._fail(place, error)
        finally:
            if place not in self._failed:
                self._planner.note(place)

    def _good(self, standing: Standing, edge: int) -> int:
        """Return up to where, at most `edge`, what has been read is whole still."""
        if not standing.whole(self._cursor):
            return self._cursor
        until = standing.until(self._cursor)
        # A bucket that was cut by chance is not stood for by the rows before the cut.
        return edge if edge <= until else max(self._cursor, floor(until, self._width))

    def _read_rest(self, standings: dict[int, Standing], stop: int) -> Iterator[Batch]:
        """Yield what the fullest tier has where none is whole, and name the range."""
        reason = self._reason(standings)
        if not standings:
            self._miss(self._cursor, stop, reason)
            self._advance(stop)
            return
        place = min(standings, key=lambda it: (*standings[it].distance(self._cursor), it))
        with self._attempt(place):
            for batch, edge in self._pieces(place, stop):
                self._miss(self._cursor, edge, reason)
                self._advance(edge)
                yield from chunks(batch)

    def _pieces(self, place: int, stop: int) -> Iterator[tuple[Batch | None, int]]:
        if place not in self._begun and not self._planner.allows(place):
            self._leave_alone(place)
            return
        self._begun.add(place)
        tier, cursor = self._planner.tiers[place], self._cursor
        with _ending(tier.read(cursor, stop, width=self._width)) as stream:
            yield from pieces(stream, cursor, stop, self._width)

    def _reason(self, standings: dict[int, Standing]) -> str:
        tiers = self._planner.tiers
        failed = [f"{tiers[place].name}: {why}" for place, why in self._failed.items()]
        holed = [
            f"{tiers[place].name}: rows have not been written"
            for place, each in standings.items()
            if each.since <= self._cursor
        ]
        return "; ".join(failed + holed) or NO_LONGER_KEPT

    def _miss(self, start: int, stop: int, reason: str) -> None:
        last = self._missing[-1] if self._missing else None
        if last is not None and (last.stop, last.reason) == (start, reason):
            self._missing[-1] = Missing(last.start, stop, reason)
        elif start < stop:
            self._missing.append(Missing(start, stop, reason))

    def _advance(self, edge: int) -> None:
        if edge > self._cursor:
            self._cursor, self._stuck = edge, 0

    def _check_stuck(self, place: int) -> None:
        self._stuck += 1
        if self._stuck >= _TRIES:
            self._failed[place] = "it changes faster than it is read"

    def _fail(self, place: int, error: StoreError) -> None:
        self._planner.note(place, str(error) or type(error).__name__)
        self._failed[place] = self._planner.why(place)

    def _leave_alone(self, place: int) -> None:
        why = self._planner.why(place)
        self._failed[place] = f"{why} ({_LEFT_ALONE})" if why else _LEFT_ALONE


@contextmanager
def _ending(stream: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """End a stream that is left before its end, so that a server's cursor does not stay open."""
    try:
        yield stream
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()

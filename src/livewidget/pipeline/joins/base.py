"""What a join is: a step on batches of several sides, bound once to their schemas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.duration import is_number, seconds
from livewidget.data.errors import SettingError
from livewidget.data.schema import Schema
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import whole
from livewidget.pipeline.joins.merge import Limits, Merge
from livewidget.pipeline.operator import Moment, Tally

COUNTS = ("late", "passed over", "released early")
_MOST_SIDES = 100


@dataclass(frozen=True, slots=True)
class Side:
    """One of the streams: what people call it, and its columns."""

    label: str
    schema: Schema


class Chunk(NamedTuple):
    """The next rows of all sides: by rising time, none later than those of the chunk before.

    `parts` has a batch for each side, empty ones too. All rows before `until` (ns UTC) are there.
    """

    parts: tuple[Batch, ...]
    until: int
    final: bool


class Core(Protocol):
    """A join by itself, of rows that are in order already. Keeps state; one thread at a time."""

    schema: Schema

    def __call__(self, chunk: Chunk, tally: Tally) -> Batch:
        """Return what the rows of a chunk give, however the rows are cut into chunks."""
        ...


@dataclass(frozen=True, slots=True)
class BoundJoin:
    """A join bound to its sides. Called by one thread at a time.

    `step(side, batch, tally)` takes rows of a side and returns what is decided now; `end(side,
    tally)` says that a side has no more; `tick` lets idle sides go, and gives the rest at the end.
    `blocked(side)` says that a side is so far ahead of the others that it had better wait;
    `hold(side, True)` that nobody listens to it meanwhile, so that its silence tells nothing, until
    `hold(side, False)`.
    """

    schema: Schema
    step: Callable[[int, Batch, Tally], Batch]
    end: Callable[[int, Tally], Batch]
    tick: Callable[[Moment, Tally], Batch]
    blocked: Callable[[int], bool]
    hold: Callable[[int, bool], None]


class Joiner(ABC):
    """A join as the user writes it: immutable, and bound as often as it is used.

    Rows of all sides are put in order of event time first, and what comes out depends on that order
    alone, not on how the sides were split or which came sooner. For that a row waits until every
    side has got past it. `wait` is how far back in time rows of one side may come; an earlier one
    is left out and counted as `late`. A side that was silent for `idle` seconds of the clock holds
    the others no longer (None: for ever); what it brings then from before the rows that went on
    without it is left out, as `passed over`. At most `memory` rows wait: of more the earliest go
    on before their time, `released early`; a reader that heeds `blocked` never comes to that.
    """

    name: str = "join"
    sides: tuple[int, int] = (2, _MOST_SIDES)

    def __init__(self, wait: Any, idle: Any, memory: int, *counts: str) -> None:
        at_once = is_number(wait) and wait == 0
        self._wait = 0 if at_once else round(seconds(wait, "wait") * 1e9)
        self._idle = None if idle is None else seconds(idle, "idle")
        self._memory = whole(memory, "memory")
        self.counts = Counts(*COUNTS, *counts)

    def bind(self, sides: Sequence[Side], clock: Clock) -> BoundJoin:
        """Return the join of these sides, with state of its own.

        Raises SchemaError for a column that is not there or of another kind, SettingError for
        another number of sides, or two of one label.
        """
        self.check(len(sides))
        labels = [side.label for side in sides]
        if len(set(labels)) < len(labels):
            raise SettingError(f"the streams of a join have different labels; got {labels}")
        core = self.core(sides)
        schemas = [side.schema for side in sides]
        limits = Limits(self._wait, self._idle, self._memory, self.share(len(sides)))
        merge = Merge(schemas, limits, self.counts, clock)

        def run(*, final: bool, tally: Tally) -> Batch:
            until = merge.frontier(final=final)
            parts = merge.release(until)
            if parts is None and not final:
                return Batch.empty(core.schema)
            empty = tuple(map(Batch.empty, schemas))
            return core(Chunk(parts or empty, until, final), tally)

        def step(side: int, batch: Batch, tally: Tally) -> Batch:
            merge.take(side, batch, tally)
            return run(final=False, tally=tally)

        def end(side: int, tally: Tally) -> Batch:
            merge.end(side)
            return run(final=False, tally=tally)

        def tick(moment: Moment, tally: Tally) -> Batch:
            return run(final=moment.final, tally=tally)

        return BoundJoin(core.schema, step, end, tick, merge.blocked, merge.hold)

    def check(self, sides: int) -> None:
        """Raise SettingError for a number of sides that it cannot join."""
        least, most = self.sides
        if not least <= sides <= most:
            expected = f"{least}" if least == most else f"{least} to {most}"
            raise SettingError(f"{self.name} takes {expected} streams, got {sides}")

    def share(self, sides: int) -> int:
        """Return the rows of one side that may wait before it is `blocked`: half of its part."""
        return max(1, self._memory // (2 * sides))

    @abstractmethod
    def core(self, sides: Sequence[Side]) -> Core:
        """Return the join by itself. Raises SchemaError where the sides do not fit together."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

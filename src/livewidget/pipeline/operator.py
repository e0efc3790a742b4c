"""What an operator is: a step on batches, bound once to a schema and then only called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.events import Gap
from livewidget.data.schema import Schema

MOST_LETTERS = 1_000  # rejected rows that are kept of one batch; all are counted


@dataclass(frozen=True, slots=True)
class Letter:
    """A row that an operator rejected."""

    payload: object
    reason: str
    operator: str


@dataclass(slots=True)
class Tally:
    """What a batch leaves behind on its way: rows filtered, rejected, for outputs; gaps found.

    Every row that goes in comes out, or is in here: that is what makes the account exact. `made`
    counts rows of an operator's own, such as the results of windows; they come out, too.
    """

    filtered: int = 0
    rejected: int = 0
    made: int = 0
    letters: list[Letter] = field(default_factory=list)
    routed: list[tuple[str, Batch]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    lost: int = 0

    def reject(self, batch: Batch, rows: npt.NDArray[np.bool_], reason: str, operator: str) -> None:
        """Note the rows of a mask, bool[n], as rejected for one reason."""
        bad = batch.take(np.flatnonzero(rows)[: MOST_LETTERS - len(self.letters)])
        self.letters += [Letter(row, reason, operator) for row in bad.rows()]
        self.rejected += int(rows.sum())

    def route(self, output: str, batch: Batch) -> None:
        """Note rows that leave for a named output; they are counted as filtered here."""
        self.copy(output, batch)
        self.filtered += len(batch)

    def add(self, other: Tally) -> None:
        """Take over what another tally says."""
        self.filtered += other.filtered
        self.rejected += other.rejected
        self.made += other.made
        self.letters += other.letters[: MOST_LETTERS - len(self.letters)]
        self.routed += other.routed
        self.gaps += other.gaps
        self.lost += other.lost

    def copy(self, output: str, batch: Batch) -> None:
        """Note rows for a named output that go on, or leave for others too: they count not here."""
        self.routed.append((output, batch))


Step = Callable[[Batch, Tally], Batch]


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time at which nothing came: ns UTC. `final` where nothing more will come."""

    now: int
    final: bool = False


Tick = Callable[[Moment, Tally], Batch]
State = dict[
    str, Any
]  # of str, int, float, bool, None, bytes, numpy arrays, lists and dicts of str


class Memory(Protocol):
    """State that outlives a process: see `codecs.state`, which writes it. Called as a step is."""

    def save(self) -> State:
        """Return the state as of now, all of it copied."""
        ...

    def load(self, state: State) -> None:
        """Go on from a state, before the first batch. Raises StateError where it does not fit."""
        ...


@dataclass(frozen=True, slots=True)
class Bound:
    """An operator bound to a schema: the schema of what comes out, and the step itself.

    A step may keep state. It is called by one thread at a time, with batches of the schema it was
    bound to, never empty ones, and returns a batch of the schema it promised. It changes no array
    of the batch it is given. A row that it leaves out is in the tally.

    A `tick` gives what is due without a row: by the clock, some ten times a second, and at the end.
    What it gives was `made`, or held back before. What must not be lost with the process is its
    `memory`.
    """

    schema: Schema
    step: Step
    tick: Tick | None = None
    memory: Memory | None = None


class Operator(ABC):
    """A step on batches, as the user writes it: immutable, and bound as often as it is used.

    `heavy` says that it costs so much, or may block for so long, that it belongs on a worker.
    """

    name: str = "operator"
    heavy: bool = False

    @abstractmethod
    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Return the step for batches of `schema`, with state of its own.

        Raises SchemaError for a column that is not there or of another kind, SettingError for what
        is wrong by itself.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

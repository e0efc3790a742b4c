"""How well the models of an operator do, worked out as the stream flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.convert import NAT
from livewidget.data.errors import StateError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.models.model import NAN, Floats, Times, fields_of
from livewidget.pipeline.models.robust import floats
from livewidget.pipeline.operator import State, Tally

Result = Callable[[Floats], Sequence[float]]


class Scores(Mapping[str, float]):
    """Scores by name, of one operator in all its streams, as `Counts` are. Read from any thread."""

    def __init__(self, names: Sequence[str], result: Result) -> None:
        self._names = tuple(names)
        self._result = result
        self._boards: list[Board] = []
        self._lock = Lock()

    def add(self, board: Board) -> None:
        """Count in what one more stream adds up."""
        with self._lock:
            self._boards.append(board)

    def _now(self) -> dict[str, float]:
        with self._lock:
            sums = [board.sums for board in self._boards]
        if not sums:
            return dict.fromkeys(self._names, NAN)
        return dict(zip(self._names, self._result(np.sum(sums, axis=0)), strict=True))

    def __getitem__(self, name: str) -> float:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"Scores({self._now()})"


class Board:
    """Adds up what rows contribute to the scores, and sends them out each `every` ns.

    What is sent goes to the output "scores": a row at each multiple of `every` that the newest
    event time passes, of the rows before it. Sums are taken strictly in order of arrival, so that
    they are the same to the last bit however the rows came in batches. `result` makes the scores
    of the sums. Also a memory.
    """

    OUTPUT = "scores"

    def __init__(self, scores: Scores, terms: int, result: Result, every: int | None) -> None:
        self._result = result
        self._every = every
        self.sums = np.zeros(terms)
        self._period: int | None = None
        self.schema = Schema(
            (Field("time", Kind.TIME), *(Field(name, Kind.FLOAT) for name in scores)), "time"
        )
        scores.add(self)

    def __call__(self, times: Times, terms: Floats, tally: Tally) -> None:
        """Add the terms of rows, float64[n, terms], at least one."""
        sums = np.cumsum(np.vstack([self.sums, terms]), axis=0)
        if self._every is not None:
            self._send(times, sums, self._every, tally)
        self.sums = sums[-1].copy()

    def _send(self, times: Times, sums: Floats, every: int, tally: Tally) -> None:
        known = np.flatnonzero(times != NAT)
        if not len(known):
            return
        periods = np.maximum.accumulate(times[known] // every)
        first = int(periods[0]) if self._period is None else self._period
        periods = np.maximum(periods, first)
        ends = np.flatnonzero(np.diff(periods, prepend=first))
        self._period = int(periods[-1])
        if len(ends):
            rows = np.array([self._result(sums[known[end]]) for end in ends.tolist()])
            columns = tuple(np.ascontiguousarray(column) for column in rows.T)
            tally.copy(self.OUTPUT, Batch(self.schema, (periods[ends] * every, *columns)))

    def save(self) -> State:
        """Return the sums."""
        return {"sums": self.sums.copy(), "period": self._period}

    def load(self, state: State) -> None:
        """Go on from a state. Raises StateError where it does not fit."""
        sums, period = fields_of(state, "sums", "period")
        own = floats(sums, len(self.sums))
        if len(own) != len(self.sums) or not isinstance(period, int | None):
            raise StateError(f"{len(self.sums)} sums were expected; got {quote(state)}")
        self.sums, self._period = own, period


def ratio(part: float, whole: float) -> float:
    """Return a part of a whole; NaN of nothing."""
    return part / whole if whole else NAN

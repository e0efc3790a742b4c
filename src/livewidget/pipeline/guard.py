"""What happens where an operator raises: it is tried again, then the rows it fails on are found."""

from __future__ import annotations

import logging

import numpy as np

from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SchemaError, quote
from livewidget.pipeline.operator import Bound, Moment, Tally

log = logging.getLogger("livewidget")
MOST_FAILURES = 32  # rows of one batch that are singled out; what still fails then goes as one


class Guard:
    """A step that never raises, around one that may, whose operator is called `name`.

    A batch on which it raises is tried `retries` times more, then halved again and again: the
    rows that it fails on are rejected with the error as their reason, the others pass. So it is
    with a step that gives another schema than it promised, more rows than it got, or accounts
    for more than it left out; rows that it left out and told nothing of are counted as filtered.
    """

    def __init__(self, bound: Bound, name: str, retries: int = 0) -> None:
        self._bound = bound
        self._name = name
        self._retries = retries
        self._failed = False  # whether a tick did: it is said once

    @property
    def ticks(self) -> bool:
        """Whether the step gives rows by the clock."""
        return self._bound.tick is not None

    def tick(self, moment: Moment, tally: Tally) -> Batch:
        """Return what is due at a moment; nothing where that raises, and a warning the first time.

        What it gives was made just now, or is among the rows that it told of as filtered before.
        """
        if self._bound.tick is None:
            return Batch.empty(self._bound.schema)
        own = Tally()
        try:
            due = self._bound.tick(moment, own)
        except Exception as error:
            if not self._failed:
                log.warning("%s failed on what was due: %s", self._name, error, exc_info=True)
            self._failed = True
            return Batch.empty(self._bound.schema)
        tally.add(own)
        return due

    def __call__(self, batch: Batch, tally: Tally) -> Batch:
        """Return the rows that pass."""
        try:
            return self._attempt(batch, tally)
        except Exception as error:  # noqa: BLE001  (whatever a user's function raises)
            if len(batch) == 1:
                return self._refuse(batch, tally, error)
        passed: list[Batch] = []
        failures = 0
        middle = len(batch) // 2
        pieces = [batch.take(slice(middle, None)), batch.take(slice(0, middle))]
        while pieces:
            piece = pieces.pop()
            try:
                passed.append(self._attempt(piece, tally))
            except Exception as error:  # noqa: BLE001  (as above)
                if len(piece) == 1 or failures >= MOST_FAILURES:
                    failures += 1
                    self._refuse(piece, tally, error)
                    continue
                middle = len(piece) // 2
                pieces += [piece.take(slice(middle, None)), piece.take(slice(0, middle))]
        return concat([each for each in passed if len(each)] or [Batch.empty(self._bound.schema)])

    def _attempt(self, batch: Batch, tally: Tally) -> Batch:
        """Return what the step gives; raises what it raises at the last attempt."""
        for left in range(self._retries, -1, -1):
            own = Tally()
            try:
                done = self._bound.step(batch, own)
                break
            except Exception:
                if not left:
                    raise
        self._check(batch, done, own)
        tally.add(own)
        return done

    def _check(self, batch: Batch, done: Batch, own: Tally) -> None:
        if done.schema is not self._bound.schema and done.schema != self._bound.schema:
            raise SchemaError(f"it gave {done.schema} and promised {self._bound.schema}")
        silent = len(batch) + own.made - len(done) - own.filtered - own.rejected
        if silent < 0:
            raise SchemaError("it gave or told of more rows than it got")
        own.filtered += silent

    def _refuse(self, batch: Batch, tally: Tally, error: Exception) -> Batch:
        kind = "" if isinstance(error, SchemaError) else f"{type(error).__name__}: "
        reason = f"{kind}{quote(str(error), 200)[1:-1]}"
        tally.reject(batch, np.ones(len(batch), dtype=bool), reason, self._name)
        return Batch.empty(self._bound.schema)

"""What the operators that learn have in common: models by key, columns, scores, a memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import Column
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.data.text import Text
from livewidget.pipeline.counts import Counts
from livewidget.pipeline.fields import NUMBERS, expect, extended, names_of, whole
from livewidget.pipeline.models.bank import COUNTED, MOST_KEYS, Bank
from livewidget.pipeline.models.model import NAN, Estimates, Floats, Make, Model, fields_of
from livewidget.pipeline.models.scores import Board, Scores
from livewidget.pipeline.operator import Bound, Operator, State, Tally


class Learned(Operator):
    """An operator whose models, one for each key of `by`, learn from one column as it comes.

    `counts` has what went wrong, `scores` how well they do, for the operators that have any; every
    `score_every` of event time they also go to the output "scores".
    """

    heavy = True
    SCORES: tuple[str, ...] = ()
    TERMS = 0

    def __init__(
        self,
        column: str,
        make: Make,
        *,
        by: str | Sequence[str] | None = None,
        most_keys: int = MOST_KEYS,
        score_every: Any = None,
        counted: Iterable[str] = (),
    ) -> None:
        self._column = column
        self._make = make
        self._by = names_of(by, "by")
        self._most = whole(most_keys, "most_keys")
        every = None if score_every is None else seconds(score_every, "score_every")
        self._every = None if every is None else max(1, round(every * 1e9))
        self.counts = Counts(*COUNTED, *counted)
        self.scores = Scores(self.SCORES, self._result)

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (event time alone)
        """Return the step. Raises SchemaError for a column that is absent or holds no numbers.

        Raises MissingExtraError where the model needs a package that is not installed.
        """
        what = type(self).__name__
        expect(schema, self._column, NUMBERS, what)
        for name in self._by:
            schema.kind(name)
        place = schema.index(self._column)
        fields = self._fields(self._make(), schema)
        after = extended(schema, fields, what)
        bank = Bank(self._make, self._by, self.counts, self.name, self._most)
        board = Board(self.scores, self.TERMS, self._result, self._every)

        def step(batch: Batch, tally: Tally) -> Batch:
            column = batch.columns[place]
            assert isinstance(column, np.ndarray)
            values = column.astype(np.float64, copy=False)
            estimates = bank(batch, values)
            if self.TERMS:
                board(batch.times, self._terms(estimates, values, batch), tally)
            added = self._columns(estimates, values)
            assert len(added) == len(fields)
            return Batch(after, (*batch.columns, *added))

        return Bound(after, step, memory=_Memory(bank, board))

    @abstractmethod
    def _fields(self, model: Model, schema: Schema) -> list[Field]:
        """Return the columns that are added. Raises SchemaError."""

    @abstractmethod
    def _columns(self, estimates: Estimates, values: Floats) -> list[Column]:
        """Return what is in them."""

    def _terms(self, estimates: Estimates, values: Floats, batch: Batch) -> Floats:  # noqa: ARG002
        """Return what each row adds to the sums, float64[n, TERMS]."""
        return np.zeros((len(values), 0))

    def _result(self, sums: Floats) -> list[float]:  # noqa: ARG002
        """Return the SCORES of the sums."""
        return []


class _Memory:
    """The models and the scores of one stream."""

    def __init__(self, bank: Bank, board: Board) -> None:
        self._bank = bank
        self._board = board

    def save(self) -> State:
        return {"models": self._bank.save(), "scores": self._board.save()}

    def load(self, state: State) -> None:
        models, scores = fields_of(state, "models", "scores")
        self._bank.load(models)
        self._board.load(scores)


def named(into: object) -> str:
    """Return a setting that is the name of a column, or its first part. Raises SettingError."""
    if not isinstance(into, str) or not into:
        raise SettingError(f"into is the name of what is added; got {quote(into)}")
    return into


def prefixed(into: object) -> str:
    """Return what the names of added columns begin with. Raises SettingError."""
    return "" if into is None else f"{named(into)}_"


def floats_of(names: Iterable[str]) -> list[Field]:
    """Return fields of kind 'float'."""
    return [Field(name, Kind.FLOAT) for name in names]


def marked(estimates: Estimates, values: Floats) -> Floats:
    """Return the values that stand out, NaN for the others: they are drawn as markers."""
    return np.where(estimates.anomaly, values, NAN)


def worded(estimates: Estimates) -> Text:
    """Return the notes as a column."""
    return Text.encode(estimates.note.tolist())

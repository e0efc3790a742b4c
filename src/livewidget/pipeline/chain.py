"""Operators one after another."""

from __future__ import annotations

from collections.abc import Iterable

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Schema
from livewidget.pipeline.guard import Guard
from livewidget.pipeline.operator import Bound, Operator, Tally


class Pipeline(Operator):
    """Operators one after another; itself an operator, walked once when it is bound.

    Each is tried `retries` times more on a batch on which it raises; what still fails then is
    rejected row by row (see `Guard`). Raises SettingError for what is no operator.
    """

    name = "pipeline"

    def __init__(self, operators: Iterable[Operator] = (), *, retries: int = 0) -> None:
        self.operators = tuple(operators)
        for each in self.operators:
            if not isinstance(each, Operator):
                raise SettingError(f"a pipeline is made of operators, got {quote(each)}")
        if retries < 0:
            raise SettingError(f"retries is a number from 0 up, got {quote(retries)}")
        self._retries = retries

    @property
    def heavy(self) -> bool:  # type: ignore[override]  # what an operator is told, a pipeline finds
        """Whether one of them is."""
        return any(each.heavy for each in self.operators)

    def bind(self, schema: Schema, clock: Clock) -> Bound:
        """Bind each to what the one before it gives."""
        steps: list[Guard] = []
        for operator in self.operators:
            bound = operator.bind(schema, clock)
            steps.append(Guard(bound, operator.name, self._retries))
            schema = bound.schema

        def walk(batch: Batch, tally: Tally) -> Batch:
            for step in steps:
                if not len(batch):
                    return Batch.empty(schema)
                batch = step(batch, tally)
            return batch

        return Bound(schema, walk)

"""Which rows are urgent: a queue's expressions, and the lanes they choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from livewidget.buffers.queue import Priority, Queue
from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.schema import Schema
from livewidget.pipeline.expression import Expression


class Lanes:
    """Parts batches by the expressions `high` and `low` of a queue; what is neither is medium.

    Raises SettingError for a text that is no expression. One caller at a time.
    """

    def __init__(self, queue: Queue, clock: Clock) -> None:
        texts = {Priority.HIGH: queue.high, Priority.LOW: queue.low}
        self._expressions = {
            priority: Expression(text) for priority, text in texts.items() if text is not None
        }
        self._clock = clock
        self._conditions: dict[Priority, Callable[[Batch], Any]] = {}

    def bind(self, schema: Schema) -> None:
        """Take the schema of what will come. Raises SchemaError for a column that is not there."""
        self._conditions = {
            priority: each.bind(schema, self._clock) for priority, each in self._expressions.items()
        }

    def split(self, batch: Batch) -> Iterator[tuple[Priority, Batch]]:
        """Yield the rows of each lane that has any."""
        if not self._conditions:
            yield Priority.MEDIUM, batch
            return
        left = np.ones(len(batch), dtype=bool)
        for priority, condition in self._conditions.items():
            chosen = left & np.asarray(condition(batch), dtype=bool)
            if chosen.any():
                yield priority, batch.take(chosen)
                left &= ~chosen
        if left.any():
            yield Priority.MEDIUM, batch.take(left)

"""The door: whatever comes, checked against the one schema of a stream."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from livewidget.data.batch import Batch, Data, sift
from livewidget.data.errors import SchemaError
from livewidget.data.schema import Schema
from livewidget.pipeline.horizon import Horizon


class Door:
    """Makes batches of data; the first to come decides the schema, by `infer`, unless it is given.

    Rows of a source without any of the columns `needs` are refused. From any thread.
    """

    def __init__(
        self,
        infer: Callable[[Data], Schema],
        horizon: Horizon,
        *,
        schema: Schema | None = None,
        needs: tuple[str, ...] = (),
    ) -> None:
        self.schema = schema
        self.horizon = horizon
        self._infer = infer
        self._needs = needs
        self._agreeing = threading.Lock()

    def whole(self, data: Data, arrival: int) -> Batch:
        """Return all rows of `data`. Raises SchemaError; what is refused decides no schema."""
        schema = self.schema or self._infer(data)
        batch = Batch.of(data, schema, arrival=arrival)
        beyond = self.horizon.beyond(batch)
        if beyond is not None:
            row = int(beyond.argmax())
            when = np.datetime_as_string(batch.times[row].view("datetime64[ns]"), unit="s")
            raise SchemaError(
                f"column {schema.time!r} is {when}Z in row {row}, {self.horizon.reason}"
            )
        if self.schema is schema or self._agree(schema) is schema:
            return batch
        return Batch.of(data, self.schema, arrival=arrival)

    def fitting(self, data: Data, arrival: int) -> tuple[Batch, list[tuple[object, str]]]:
        """Return the rows that fit the schema, and the others with their reasons."""
        if isinstance(data, Batch) and data.schema is self.schema:
            return data, []
        schema = self.schema or self._agree(self._infer(data))
        return sift(data, schema, arrival, self._needs)

    def _agree(self, schema: Schema) -> Schema:
        """Return the stream's schema: this one, unless another thread was first."""
        with self._agreeing:
            if self.schema is None:
                self.schema = schema
            return self.schema

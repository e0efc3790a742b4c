"""BufferManager: what arrived, kept and read back."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livewidget.buffers.ring import DEFAULT_BYTES, Lease, RingBuffer
from livewidget.data.batch import Batch
from livewidget.data.errors import MissingExtraError, SchemaError, SettingError, quote
from livewidget.data.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

_SECOND = 1_000_000_000


class BufferManager:
    """The recent past of one stream, in a ring that grows to a memory budget.

    `retention` is in seconds (None: all that fits), `max_rows` bounds the rows whatever their
    age, `max_bytes` the memory (256 MiB by default). The schema is that of the first batch,
    unless given. Every method may be called from any thread.
    """

    def __init__(
        self,
        schema: Schema | None = None,
        *,
        retention: float | None = None,
        max_rows: int | None = None,
        max_bytes: int = DEFAULT_BYTES,
    ) -> None:
        if retention is not None and not retention > 0:
            raise SettingError(f"retention is a positive number of seconds, got {quote(retention)}")
        if max_rows is not None and max_rows < 1:
            raise SettingError(f"max_rows is at least 1, got {quote(max_rows)}")
        self._lock = threading.Lock()
        self._retention = retention
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._ring: RingBuffer | None = None
        if schema is not None:
            self._ring = self._new_ring(schema)

    @property
    def schema(self) -> Schema | None:
        """The schema, or None before the first batch."""
        return None if self._ring is None else self._ring.schema

    @property
    def ring(self) -> RingBuffer | None:
        """The ring to read from by leases, or None before the first batch."""
        return self._ring

    def append(self, batch: Batch) -> None:
        """Keep the rows of `batch`. Raises SchemaError where its schema is another."""
        with self._lock:
            if self._ring is None:
                self._ring = self._new_ring(batch.schema)
            elif batch.schema != self._ring.schema:
                raise SchemaError(f"the buffer holds {self._ring.schema}, got {batch.schema}")
            self._ring.append(batch)

    def keep(self, *, retention: float | None = None, max_rows: int | None = None) -> None:
        """Change for how long, in seconds, and how many rows are kept at most."""
        with self._lock:
            self._retention, self._max_rows = retention, max_rows
            if self._ring is not None:
                self._ring.retention = _nanoseconds(retention)
                self._ring.max_rows = max_rows
                self._ring.trim()

    def snapshot(self, start: object = None, stop: object = None) -> Batch | None:
        """Return a copy of the rows with start <= time < stop, by rising time; None before any.

        The bounds are anything `pandas.Timestamp` takes (naive is UTC), or None.
        """
        ring = self._ring
        if ring is None:
            return None
        batch = ring.snapshot()
        times = batch.times
        if not ring.is_sorted(ring.tail) or bool((times[1:] < times[:-1]).any()):
            batch = batch.take(np.argsort(times, kind="stable"))
        if start is None and stop is None:
            return batch
        bounds = [None if bound is None else _timestamp(bound) for bound in (start, stop)]
        low, high = (
            default if bound is None else int(np.searchsorted(batch.times, bound))
            for bound, default in zip(bounds, (0, len(batch)), strict=True)
        )
        return batch.take(slice(low, high))

    def lease(self, start: int | None = None, stop: int | None = None) -> Lease | None:
        """Return views of rows by number, or None before the first batch; see `RingBuffer`."""
        return None if self._ring is None else self._ring.lease(start, stop)

    def to_dataframe(
        self, start: object = None, stop: object = None, tz: str | None = "UTC"
    ) -> pd.DataFrame:
        """Return the rows of a range, all by default, at full resolution as a DataFrame."""
        import pandas as pd

        batch = self.snapshot(start, stop)
        return pd.DataFrame() if batch is None else batch.to_dataframe(tz)

    def to_csv(self, path: str | Path, start: object = None, stop: object = None) -> None:
        """Write the rows of a range to a CSV file."""
        self.to_dataframe(start, stop).to_csv(path, index=False)

    def to_parquet(self, path: str | Path, start: object = None, stop: object = None) -> None:
        """Write the rows of a range to a Parquet file. Needs the extra `arrow`."""
        try:
            import pyarrow.parquet as pq
        except ImportError:
            raise MissingExtraError("pyarrow", "arrow") from None
        from livewidget.data.arrow import to_arrow

        batch = self.snapshot(start, stop)
        if batch is None:
            raise SchemaError("nothing has arrived yet: there are no columns to write")
        pq.write_table(to_arrow(batch), path)

    def stats(self) -> dict[str, Any]:
        """Return rows, capacity, memory, fill (0 to 1) and late rows."""
        ring = self._ring
        if ring is None:
            return {"rows": 0, "capacity": 0, "memory": 0, "fill": 0.0, "late": 0}
        return {
            "rows": len(ring),
            "capacity": ring.capacity,
            "memory": ring.nbytes,
            "fill": ring.fill,
            "late": ring.late,
        }

    def _new_ring(self, schema: Schema) -> RingBuffer:
        return RingBuffer(
            schema,
            retention=_nanoseconds(self._retention),
            max_rows=self._max_rows,
            max_bytes=self._max_bytes,
        )


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * _SECOND)


def _timestamp(bound: object) -> int:
    import pandas as pd

    try:
        stamp = pd.Timestamp(bound)  # type: ignore[arg-type]  # it says itself what it takes
    except (TypeError, ValueError) as error:
        raise SettingError(f"a bound is a time, got {quote(bound)} ({error})") from None
    if stamp.tzinfo is None:
        stamp = stamp.tz_localize("UTC")
    return int(stamp.as_unit("ns").value)

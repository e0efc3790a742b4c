"""What a buffer is told to keep in memory: settings that are checked, and the memory they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.buffers.aged import AgedBuffer
from livewidget.buffers.consumers import Consumers, Nothing
from livewidget.buffers.ring import OVERFLOW, RingBuffer
from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.duration import seconds
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Kind, Schema
from livewidget.engine.memory import Memory, PackingThread

HISTORY_BYTES = 64 * 2**20
Keep = str | Callable[[Batch], npt.NDArray[np.bool_]]


@dataclass(slots=True)
class Keeping:
    """The settings of `BufferManager` for its memory. Raises SettingError for what cannot be."""

    retention: object
    max_rows: int | None
    max_bytes: int
    overflow: str
    most_rows: int | None
    cool_down: object
    horizon: object
    by: str | None
    history: object
    history_bytes: int
    tolerance: Mapping[str, float] | None
    keep: Keep | None

    def __post_init__(self) -> None:
        """Check them, and hold durations in s."""
        for name in ("retention", "cool_down", "horizon", "history"):
            value = getattr(self, name)
            setattr(self, name, None if value is None else seconds(value, name))
        for name in ("max_rows", "max_bytes", "most_rows", "history_bytes"):
            _check_count(name, getattr(self, name))
        if self.overflow not in OVERFLOW:
            raise SettingError(
                f"overflow is one of {', '.join(OVERFLOW)}, got {quote(self.overflow)}"
            )
        if self.history is None and self.tolerance is not None:
            raise SettingError("tolerance is that of the history: set history to a duration")

    @property
    def blocks(self) -> bool:
        """Whether a source is to wait where the ring is full."""
        return self.overflow == "block"

    @property
    def refuses(self) -> bool:
        """Whether rows that do not fit are left out, and those that are there stay."""
        return self.overflow in ("block", "drop_newest")

    def change(self, retention: object, max_rows: int | None, ring: RingBuffer | None) -> None:
        """Take another retention (a duration) and bound on rows; for a ring that is there, too."""
        found = None if retention is None else seconds(retention, "retention")
        _check_count("max_rows", max_rows)
        self.retention, self.max_rows = found, max_rows
        if ring is not None:
            ring.retention, ring.max_rows = _nanoseconds(found), max_rows
            ring.trim()

    def consumers(self, clock: Clock) -> Consumers:
        """Return the consumers of a ring that is still to come."""
        return Consumers(Nothing(), clock=clock)

    def memory(self, schema: Schema, consumers: Consumers, clock: Clock) -> Memory:
        """Return the memory for rows of a schema; the consumers read from its ring."""
        keep = None if self.keep is None else _mask(self.keep, schema)
        if self.by is not None and schema.kind(self.by) is not Kind.TEXT:
            raise SettingError(f"by={self.by!r} must be text, it is {schema.kind(self.by)}")
        ring = RingBuffer(
            schema,
            retention=_nanoseconds(self.retention),
            max_rows=self.max_rows,
            max_bytes=self.max_bytes,
            overflow=self.overflow,
            most_rows=self.most_rows,
            cool_down_s=_number(self.cool_down),
            horizon=_nanoseconds(self.horizon),
            by=self.by,
            floor=consumers.floor,
            keep=keep,
            clock=clock,
        )
        consumers.ring = ring
        if self.history is None:
            return Memory(ring)
        packer = PackingThread()
        aged = AgedBuffer(
            schema,
            by=self.by,
            max_bytes=self.history_bytes,
            retention=_nanoseconds(self.history),
            tolerance=self.tolerance,
            keep=keep,
            submit=packer.submit,
        )
        return Memory(ring, aged, packer)


def _mask(keep: Keep, schema: Schema) -> Callable[[Batch], npt.NDArray[np.bool_]]:
    if not isinstance(keep, str):
        return keep
    if schema.kind(keep) not in (Kind.INT, Kind.FLOAT):
        raise SettingError(f"keep={keep!r} must hold numbers, it holds {schema.kind(keep)}")

    def mask(batch: Batch) -> npt.NDArray[np.bool_]:
        chosen: npt.NDArray[np.bool_] = np.nan_to_num(np.asarray(batch[keep], dtype=float)) != 0
        return chosen

    return mask


def _check_count(name: str, value: Any) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and value >= 1):
        raise SettingError(f"{name} is at least 1, got {quote(value)}")


def _number(value: object) -> float:
    assert isinstance(value, (int, float))
    return float(value)


def _nanoseconds(value: object) -> int | None:
    return None if value is None else round(_number(value) * 1e9)

"""Faults for a feed, made on purpose and from a seed: late, doubled and malformed events."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livewidget.codecs.encode import Encoder
from livewidget.data.batch import Batch, concat
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Schema

LATE_S = 2.0  # the most that an event is late
_PART = 0.6  # of a malformed message that is left


class Faults:
    """Doubles events with the probability `duplicate` and delays them with `late`, each by itself.

    A late one comes up to 2 s of the feed's own time after its place, its time unchanged, which is
    also what bounds how many are held back. The same seed makes the same faults.
    """

    def __init__(self, *, late: float = 0.0, duplicate: float = 0.0, seed: int = 0) -> None:
        self._late = check_probability("late", late)
        self._duplicate = check_probability("duplicate", duplicate)
        self._doubled, self._chosen, self._delays = np.random.default_rng(seed).spawn(3)
        self._held: Batch | None = None
        self._due: npt.NDArray[np.float64] = np.empty(0)
        self.late = self.duplicated = 0

    def apply(self, batch: Batch, now: float) -> Batch:
        """Return what goes out at `now` (s of the feed): most of `batch`, and what was late."""
        if self._duplicate:
            twice = self._doubled.random(len(batch)) < self._duplicate
            self.duplicated += int(twice.sum())
            batch = batch.take(np.repeat(np.arange(len(batch)), 1 + twice))
        if self._late:
            late = self._chosen.random(len(batch)) < self._late
            self._hold(batch.take(late), now)
            batch = batch.take(~late)
        return self._with(batch, self._due <= now)

    def rest(self) -> Batch | None:
        """Return what is still held back, None where nothing is."""
        held, self._held, self._due = self._held, None, np.empty(0)
        return held if held is not None and len(held) else None

    def _hold(self, batch: Batch, now: float) -> None:
        self.late += len(batch)
        self._held = batch if self._held is None else concat([self._held, batch])
        due = now + LATE_S * self._delays.random(len(batch))
        self._due = np.concatenate([self._due, due])

    def _with(self, batch: Batch, due: npt.NDArray[np.bool_]) -> Batch:
        if self._held is None or not due.any():
            return batch
        released = self._held.take(due)
        self._held, self._due = self._held.take(~due), self._due[~due]
        return concat([batch, released])


class Malforming:
    """An encoder that breaks events of another off, each with the probability `malformed`."""

    def __init__(self, encoder: Encoder, malformed: float, seed: int = 0) -> None:
        self._encoder = encoder
        self._malformed = check_probability("malformed", malformed)
        self._rng = np.random.default_rng(seed)
        self.text = encoder.text
        self.broken = 0

    def encode(self, batch: Batch) -> list[bytes]:
        """Return the messages, some of whose lines end too early."""
        if not self.text:
            return self._break(self._encoder.encode(batch))
        return [
            b"\n".join(self._break(message.split(b"\n"))) for message in self._encoder.encode(batch)
        ]

    def header(self, schema: Schema) -> bytes:
        """Return the other's header, whole."""
        return self._encoder.header(schema)

    def _break(self, lines: list[bytes]) -> list[bytes]:
        for row in np.flatnonzero(self._rng.random(len(lines)) < self._malformed).tolist():
            lines[row] = lines[row][: int(len(lines[row]) * _PART)]
            self.broken += 1
        return lines


def check_probability(name: str, value: float) -> float:
    """Return a share from 0 to 1. Raises SettingError that names it."""
    if not 0 <= value <= 1:
        raise SettingError(f"{name} is a probability from 0 to 1, got {quote(value)}")
    return value

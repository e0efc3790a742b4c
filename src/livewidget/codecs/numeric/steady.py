"""Values that go on by one step nearly always: the first, the step, and where it was another.

The clock of a regular feed is a few bytes so, and a constant too (a step of zero); a gap costs
about ten bytes. Any 8-byte values are taken by their bits.
"""

from __future__ import annotations

import struct

import numpy as np

from livewidget.codecs.numeric import delta
from livewidget.codecs.numeric.bits import UInts
from livewidget.codecs.numeric.delta import Ints
from livewidget.codecs.numeric.reading import Reader

_HEAD = struct.Struct("<QQII")  # first, step, exceptions, bytes of their places


def step_of(sample: Ints) -> np.uint64:
    """Return the middle of the differences, which is the commonest where one has a majority."""
    steps = _steps(sample)
    return np.sort(steps)[len(steps) // 2] if len(steps) else np.uint64(0)


def exceptions(values: Ints, step: np.uint64) -> Ints:
    """Return the places of the differences that are not the step."""
    return np.flatnonzero(_steps(values) != step)


def encode(values: Ints) -> bytes:
    """Return int64 values in bytes."""
    first = values.view(np.uint64)[0] if len(values) else 0
    step = step_of(values[:1024])
    steps = _steps(values)
    places = np.flatnonzero(steps != step)
    where = delta.encode(places)
    head = _HEAD.pack(int(first), int(step), len(places), len(where))
    return head + where + delta.encode(steps[places].view(np.int64))


def decode(data: bytes | memoryview, size: int) -> Ints:
    """Return `size` int64 values. Raises ValueError for bytes that are not such."""
    reader = Reader(data)
    first, step, count, length = _HEAD.unpack(reader.take("u1", _HEAD.size).data)
    if count >= max(size, 1):
        raise ValueError(f"{count:,} steps of their own in {size:,} values")
    places = delta.decode(reader.take("u1", length).data, count)
    other = delta.decode(reader.rest(), count)
    if count and not (places.min() >= 0 and places.max() < size - 1):
        raise ValueError("a step beyond the end")
    if not size:
        return np.empty(0, dtype=np.int64)
    steps = np.full(size, step, dtype=np.uint64)
    steps[1:][places] = other.view(np.uint64)
    steps[0] = first
    return np.cumsum(steps, out=steps).view(np.int64)


def _steps(values: Ints) -> UInts:
    bits = values.view(np.uint64)
    return bits[1:] - bits[:-1]

"""Each value XORed with the one before, byte plane by byte plane, without the zeros.

After Gorilla (Pelkonen et al., VLDB 2015), by bytes where that goes by bits: a column at a time
in numpy. It serves floats that change little or seldom, where pcodec is not installed.
"""

from __future__ import annotations

import numpy as np

from livewidget.codecs.numeric.bits import UInts
from livewidget.codecs.numeric.delta import Ints
from livewidget.codecs.numeric.reading import Reader

_BYTES = 8
_EMPTY, _WHOLE, _SPARSE = range(3)  # a plane of zeros, as it is, a bit mask and what is not zero


def encode(values: Ints) -> bytes:
    """Return int64 values (a float's bits) in bytes."""
    planes = np.ascontiguousarray(_changes(values).view(np.uint8).reshape(-1, _BYTES).T)
    kinds, parts = bytearray(), []
    for plane in planes:
        some = plane != 0
        count = np.count_nonzero(some)
        if not count:
            kinds.append(_EMPTY)
        elif count + len(plane) / 8 < len(plane):
            kinds.append(_SPARSE)
            parts += [np.packbits(some).tobytes(), plane[some].tobytes()]
        else:
            kinds.append(_WHOLE)
            parts.append(plane.tobytes())
    return bytes(kinds) + b"".join(parts)


def decode(data: bytes | memoryview, size: int) -> Ints:
    """Return `size` int64 values. Raises ValueError for bytes that are not such."""
    reader = Reader(data)
    kinds = reader.take("u1", _BYTES)
    if kinds.max() > _SPARSE:
        raise ValueError(f"a byte plane of kind {kinds.max()}")
    planes = np.zeros((size, _BYTES), dtype=np.uint8)
    for place, kind in enumerate(kinds):
        if kind == _WHOLE:
            planes[:, place] = reader.take("u1", size)
        elif kind == _SPARSE:
            some = np.unpackbits(reader.take("u1", -(-size // 8)), count=size).astype(bool)
            planes[some, place] = reader.take("u1", int(np.count_nonzero(some)))
    reader.end()
    changes = planes.view(np.uint64).reshape(-1)
    return np.bitwise_xor.accumulate(changes).view(np.int64)


def _changes(values: Ints) -> UInts:
    bits = values.view(np.uint64)
    changes = bits.copy()
    changes[1:] ^= bits[:-1]
    return changes

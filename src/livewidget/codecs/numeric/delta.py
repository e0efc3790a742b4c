"""Differences of integers, each block of them as offsets from its least, in few bits.

Delta and delta-of-delta as in Gorilla (Pelkonen et al., VLDB 2015), frame of reference as in
Goldstein et al. (ICDE 1998); vectorised over whole columns. Arithmetic is modulo 2**64, so that
every int64 comes back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livewidget.codecs.numeric.bits import GROUP, UInts, nbytes, pack_bits, unpack_bits, widths
from livewidget.codecs.numeric.reading import Reader

Ints = npt.NDArray[np.int64]

BLOCK = 256  # values that share a least and a width: an outlier costs its own block alone
ORDERS = 2
_LOOK = 1024  # values that tell the order


def encode(values: Ints) -> bytes:
    """Return int64 values in bytes."""
    order = _order(values)
    firsts, rest = _differences(values, order)
    size = len(rest)
    rows, spare = _shape(size)
    padded = np.empty(rows * BLOCK, dtype=np.int64)
    padded[:size] = rest
    padded[size:] = rest[-1:] if size else 0
    blocks = padded.reshape(rows, BLOCK)
    least = blocks.min(axis=1)
    offsets = blocks.view(np.uint64) - least.view(np.uint64)[:, None]
    wide = widths(offsets.max(axis=1))
    parts = [bytes([order]), firsts.tobytes(), _heads(least), _heads(wide.astype(np.int64))]
    for width in np.flatnonzero(np.bincount(wide)):
        if width:
            chosen = offsets if (wide == width).all() else offsets[wide == width]
            count = chosen.size - (spare if width == wide[-1] else 0)
            parts.append(pack_bits(chosen.reshape(-1)[:count], int(width)))
    return b"".join(parts)


def decode(data: bytes | memoryview, size: int) -> Ints:
    """Return `size` int64 values. Raises ValueError for bytes that are not such."""
    reader = Reader(data)
    order = reader.one("u1")
    if order > min(ORDERS, size):
        raise ValueError(f"differences of order {order} of {size:,} values")
    firsts = reader.take("<u8", order)
    rows, spare = _shape(size - order)
    least = _read_heads(reader, rows)
    wide = _read_heads(reader, rows)
    if rows and int(wide.max()) not in range(65):
        raise ValueError(f"a width of {wide.max()} bits")
    offsets = np.zeros((rows, BLOCK), dtype=np.uint64)
    for width in np.unique(wide[wide != 0]):
        chosen = wide == width
        filled = np.zeros((int(np.count_nonzero(chosen)), BLOCK), dtype=np.uint64)
        count = filled.size - (spare if width == wide[-1] else 0)
        octets = reader.take("u1", nbytes(count, int(width)))
        filled.reshape(-1)[:count] = unpack_bits(octets, int(width))
        offsets[chosen] = filled
    reader.end()
    offsets += least.view(np.uint64)[:, None]
    return _sums(firsts, offsets.reshape(-1)[: size - order])


def _shape(size: int) -> tuple[int, int]:
    """Return the blocks of so many values, and the whole groups that the last block is short."""
    rows = -(-size // BLOCK)
    return rows, (rows * BLOCK - size) // GROUP * GROUP


def _bits(rest: Ints) -> float:
    if not len(rest):
        return 0.0
    starts = np.arange(0, len(rest), BLOCK)
    most, least = np.maximum.reduceat(rest, starts), np.minimum.reduceat(rest, starts)
    spread = most.view(np.uint64) - least.view(np.uint64)
    return float(widths(spread).astype(np.float64).mean()) * len(rest)


def _order(values: Ints) -> int:
    middle = max(0, (len(values) - _LOOK) // 2)
    look = values[middle : middle + _LOOK]
    orders = range(min(ORDERS, len(values)) + 1)
    return min(orders, key=lambda order: _bits(_differences(look, order)[1]))


def _differences(values: Ints, order: int) -> tuple[UInts, Ints]:
    """Return the first value of each order below `order`, and the differences of that order."""
    rest = values.view(np.uint64)
    firsts = []
    for _ in range(min(order, len(values))):
        firsts.append(rest[:1])
        rest = rest[1:] - rest[:-1]
    return np.concatenate([*firsts, rest[:0]]), rest.view(np.int64)


def _sums(firsts: UInts, rest: UInts) -> Ints:
    for first in firsts[::-1]:
        summed = np.empty(len(rest) + 1, dtype=np.uint64)
        summed[0] = first
        summed[1:] = rest
        rest = np.cumsum(summed, out=summed)
    return rest.view(np.int64)


def _heads(heads: Ints) -> bytes:
    """Return one number a block, as offsets from the least: a byte width, and so many bytes."""
    if not len(heads):
        return b""
    least = heads.min()
    offsets = heads.view(np.uint64) - least.view(np.uint64)
    width = -(-int(widths(offsets.max()[None])[0]) // 8)
    octets = offsets.view(np.uint8).reshape(-1, 8)[:, :width]
    return b"".join([bytes([width]), least.tobytes(), octets.tobytes()])


def _read_heads(reader: Reader, rows: int) -> Ints:
    if not rows:
        return np.empty(0, dtype=np.int64)
    width = reader.one("u1")
    if width > 8:  # noqa: PLR2004 - bytes of an int64
        raise ValueError(f"numbers of {width} bytes")
    least = reader.take("<u8", 1)
    octets = np.zeros((rows, 8), dtype=np.uint8)
    octets[:, :width] = reader.take("u1", rows * width).reshape(rows, width)
    heads: Ints = (octets.view(np.uint64).reshape(-1) + least).view(np.int64)
    return heads


assert BLOCK % GROUP == 0

"""Integers of few bits, side by side in bytes.

Two neighbours of w bits become one of 2w, and again, until the width is whole bytes: at most three
passes over ever shorter arrays, where packing bit by bit would touch each value 64 times. Widths
for which no doubling up to 64 bits gives whole bytes are rounded up (9 to 10, 17 to 20, 33 to 40).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UInts = npt.NDArray[np.uint64]

WORD = 64
GROUP = 8  # values that are packed together at the most: lengths are multiples of it
_STEPS = ((8, 1), (16, 2), (32, 4), (WORD, 8))  # widths up to the first are multiples of the second


def _rounded(width: int) -> int:
    multiple = next(multiple for most, multiple in _STEPS if width <= most)
    return -(-width // multiple) * multiple


ROUNDED = np.array([_rounded(width) for width in range(WORD + 1)], dtype=np.uint8)


def widths(largest: UInts) -> npt.NDArray[np.uint8]:
    """Return the bits, as rounded, that hold values up to each of `largest`."""
    # A float may round 2**n - 1 up: one bit too many for such, never too few.
    exponents = np.minimum(np.frexp(largest.astype(np.float64))[1], WORD)
    return ROUNDED[exponents]


def nbytes(count: int, width: int) -> int:
    """Return the bytes that `count` values (a multiple of GROUP) of a rounded width take."""
    return count * width // 8


def pack_bits(values: UInts, width: int) -> bytes:
    """Return values (a multiple of GROUP of them), each below 2**width; the width is rounded."""
    while width % 8:
        values = values[0::2] | (values[1::2] << np.uint64(width))
        width *= 2
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    return octets[:, : width // 8].tobytes()


def unpack_bits(octets: npt.NDArray[np.uint8], width: int) -> UInts:
    """Return the values again: as many as the octets hold."""
    wide = width
    while wide % 8:
        wide *= 2
    words = np.zeros((len(octets) * 8 // wide, 8), dtype=np.uint8)
    words[:, : wide // 8] = octets.reshape(-1, wide // 8)
    values = words.view(np.uint64).reshape(-1)
    while wide > width:
        wide //= 2
        both = np.empty(2 * len(values), dtype=np.uint64)
        both[0::2] = values & np.uint64((1 << wide) - 1)
        both[1::2] = values >> np.uint64(wide)
        values = both
    return values

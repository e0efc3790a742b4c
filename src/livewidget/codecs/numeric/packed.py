"""A column of numbers, packed: the one door to the codecs of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from livewidget.codecs.numeric.chooser import Chooser
from livewidget.codecs.numeric.plan import choose, decode, encode
from livewidget.data.errors import SchemaError, SettingError

DTYPES = ("<i8", "<i4", "<f8")
MOST_VALUES = 1 << 24  # bounds what damaged bytes can make unpack allocate: 128 MB
SEAL = 4  # bytes of the checksum at the end


@dataclass(frozen=True, slots=True)
class Packed:
    """A column in few bytes. `codec` names how; `dtype` is numpy's, `size` the values."""

    codec: str
    dtype: str
    size: int
    data: bytes

    @property
    def nbytes(self) -> int:
        """The bytes of the data."""
        return len(self.data)


def pack(
    values: npt.NDArray[Any], *, tolerance: float | None = None, chooser: Chooser | None = None
) -> Packed:
    """Return int64, int32 or float64 values packed by the codec that serves them best.

    A stream of segments is packed with one `chooser` a column, which remembers what serves it;
    without, each call tries the codecs anew on a sample, which takes as long as packing.

    Lossless by default, to the bit; with a `tolerance` (in the values' unit) a finite float may
    come back off by at most that much. Integers are always exact. Without the extra `compress`
    pcodec is not among the codecs. Raises SchemaError for other arrays, SettingError for a
    tolerance below zero. Any thread; a chooser belongs to one at a time.
    """
    if values.ndim != 1 or values.dtype.str not in DTYPES or len(values) > MOST_VALUES:
        raise SchemaError(
            f"an array of {values.dtype} and shape {values.shape} cannot be packed: expected one "
            f"dimension of int64, int32 or float64, at most {MOST_VALUES:,} values"
        )
    if tolerance is not None and not 0 <= tolerance < np.inf:
        raise SettingError(f"tolerance: {tolerance!r}, expected a number from 0 up")
    values = np.ascontiguousarray(values)
    tolerance = tolerance or None
    plan = chooser.plan(values, tolerance) if chooser else choose(values, tolerance)
    codec, data = encode(values, plan, tolerance)
    packed = _sealed(codec, values, data)
    if chooser:
        chooser.learned(packed)
    return packed


def unpack(packed: Packed) -> npt.NDArray[Any]:
    """Return the values again, which may be read-only.

    Raises ValueError where the bytes are not what they claim to be (a checksum tells),
    MissingExtraError where pcodec packed them and is not installed. Any thread.
    """
    if packed.dtype not in DTYPES or not 0 <= packed.size <= MOST_VALUES:
        raise ValueError(f"{packed.size:,} values of {packed.dtype!r} cannot be")
    body, seal = packed.data[:-SEAL], packed.data[-SEAL:]
    if _seal(packed.codec, packed.dtype, packed.size, body) != seal:
        raise ValueError("the packed bytes are damaged: their checksum is another")
    return decode(packed.codec, body, packed.dtype, packed.size)


def _sealed(codec: str, values: npt.NDArray[Any], data: bytes) -> Packed:
    dtype, size = values.dtype.str, len(values)
    return Packed(codec, dtype, size, data + _seal(codec, dtype, size, data))


def _seal(codec: str, dtype: str, size: int, data: bytes) -> bytes:
    return crc32(data, crc32(f"{codec} {dtype} {size}".encode())).to_bytes(SEAL, "little")

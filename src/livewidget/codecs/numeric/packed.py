"""A column of numbers, packed: the one door to the codecs of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


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


def pack(values: npt.NDArray[Any], *, tolerance: float | None = None) -> Packed:
    """Return int64, int32 or float64 values packed by the codec that serves them best.

    Lossless by default; with a `tolerance` (in the values' unit) a float may come back off by at
    most that much. Any thread.
    """
    del tolerance  # lossy codecs are to come
    return Packed("raw", values.dtype.str, len(values), values.tobytes())


def unpack(packed: Packed) -> npt.NDArray[Any]:
    """Return the values again. Raises ValueError where the bytes are not what they claim to be."""
    return np.frombuffer(packed.data, dtype=packed.dtype)

"""Bytes read piece by piece, each piece checked before it is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Reader:
    """Takes arrays from the front of some bytes. Raises ValueError where they run out."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._at = 0

    def take(self, dtype: str, count: int) -> npt.NDArray[Any]:
        """Return the next `count` values of a numpy dtype, without a copy."""
        end = self._at + count * np.dtype(dtype).itemsize
        if end > len(self._data):
            raise ValueError(f"the bytes end at {len(self._data):,}, {end:,} are needed")
        piece = self._data[self._at : end]
        self._at = end
        return np.frombuffer(piece, dtype=dtype, count=count)

    def one(self, dtype: str) -> int:
        """Return the next integer."""
        return int(self.take(dtype, 1)[0])

    def rest(self) -> memoryview:
        """Return all bytes that have not been taken."""
        piece = self._data[self._at :]
        self._at = len(self._data)
        return piece

    def end(self) -> None:
        """Raise ValueError where bytes are left."""
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at:,} bytes too many")

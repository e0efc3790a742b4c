"""The windows of newest rows that many results need at once, as views of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

_AT_ONCE = 4_096  # windows that are worked out together: 200 values each are 6 MB

Array = npt.NDArray[Any]


def windows(
    arrays: Sequence[Array], ends: range, rows: int, least: int
) -> Iterator[tuple[slice, list[Array]]]:
    """Yield the windows that end before each of `ends`: which of them, and copies [n, size].

    A window is the `rows` rows before its end, fewer where there are no more; one of less than
    `least` is left out. Each is laid out alike, so that a sum of it is the same to the last bit
    whether it is worked out alone or with others.
    """
    for end in range(max(ends.start, least), min(rows, ends.stop)):
        which = slice(end - ends.start, end - ends.start + 1)
        yield which, [array[None, :end] for array in arrays]
    first = max(ends.start, rows)
    for begin in range(first, ends.stop, _AT_ONCE):
        last = min(begin + _AT_ONCE, ends.stop)
        views = [
            np.ascontiguousarray(sliding_window_view(each[begin - rows : last - 1], rows))
            for each in arrays
        ]
        yield slice(begin - ends.start, last - ends.start), views

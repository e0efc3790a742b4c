"""Decoded values, one column at a time, into the plainest array that holds them exactly."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any] | list[Any]

EXACT = 2**53  # the integers up to here are exact in float64
MOST_FIELDS = 1_000  # of one message where all are kept
MOST_CELLS = 1 << 25  # of a batch of unlike messages: 256 MiB
_NOTHING = type(None)


def pack(values: list[Any], kinds: set[type] | None = None) -> Values:
    """Return scalars of a decoder (numbers, truth values, text, None) as a column.

    Whole numbers become int64, numbers with fractions or gaps float64 (None is NaN), truth
    values bool. What no such array holds exactly, text included, stays a list. `kinds` are the
    types of the values, where they are known.
    """
    kinds = set(map(type, values)) if kinds is None else kinds
    if kinds == {int}:
        return _integers(values)
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds <= {float, int, _NOTHING} and not (int in kinds and _inexact(values)):
        return np.array(values, dtype=np.float64)
    return values


def bounded(names: Iterable[str], rows: int) -> list[str]:
    """Return the names of columns that make `MOST_CELLS` with so many rows at most, the first ones.

    Messages with other names each would else grow by the square: their rows times their columns.
    """
    return list(islice(names, max(1, MOST_CELLS // max(1, rows))))


def _integers(values: list[int]) -> Values:
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        return values


def _inexact(values: list[Any]) -> bool:
    return any(type(each) is int and abs(each) > EXACT for each in values)

"""Decoded values, one column at a time, into the plainest array that holds them exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any] | list[Any]

EXACT = 2**53  # the integers up to here are exact in float64
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


def _integers(values: list[int]) -> Values:
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        return values


def _inexact(values: list[Any]) -> bool:
    return any(type(each) is int and abs(each) > EXACT for each in values)

"""Times as they stand in lines of text: many at once, the ones that are none told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget.data.convert import NAT, to_times
from livewidget.data.errors import SchemaError


def times_of(texts: Sequence[str | None], form: str | None = None) -> npt.NDArray[np.int64]:
    """Return int64 ns UTC, NAT where there is no text and where it is no time.

    `form` is a format of `strptime`; without one a text is ISO 8601 (a comma may stand for the
    point) or a number, whose unit follows from its size. Naive times are UTC.
    """
    times = np.full(len(texts), NAT, dtype=np.int64)
    known = {row: text for row, text in enumerate(texts) if text is not None}
    if form is None:
        known = {row: text.replace(",", ".") for row, text in known.items()}
        numbers = [row for row, text in known.items() if _is_number(text)]
        if numbers:
            times[numbers] = _each([float(known.pop(row)) for row in numbers])
    if known:
        times[list(known)] = _parsed(list(known.values()), form)
    return times


def _parsed(texts: list[str], form: str | None) -> npt.NDArray[np.int64]:
    import pandas as pd

    index = pd.to_datetime(texts, format=form or "ISO8601", utc=True, errors="coerce")
    return _each(index.tz_localize(None).to_numpy())


def _each(values: Any) -> npt.NDArray[np.int64]:
    """Return the times of values; if some of them are out of reach, of one after the other."""
    try:
        return to_times(values)
    except (SchemaError, ValueError, OverflowError):
        times = [_one(values[row : row + 1]) for row in range(len(values))]
        return np.array(times, dtype=np.int64)


def _one(value: Any) -> int:
    try:
        return int(to_times(value)[0])
    except (SchemaError, ValueError, OverflowError):
        return int(NAT)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()

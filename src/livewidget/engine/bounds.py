"""The bounds of a range and its resolution, as users give them."""

from __future__ import annotations

import math

from livewidget.data.errors import SettingError, quote
from livewidget.data.history import EVER
from livewidget.sketches.ladder import snap


def bounds(start: object, stop: object) -> tuple[int, int]:
    """Return a range in ns UTC; None stands for all there is on that side.

    Takes what `pandas.Timestamp` takes (naive is UTC, a whole number ns). Raises SettingError for
    what is no time, and for a range that ends before it starts.
    """
    low = -EVER if start is None else timestamp(start)
    high = EVER if stop is None else timestamp(stop)
    if high < low:
        raise SettingError(
            f"a range ends after it starts, got start={quote(start)}, stop={quote(stop)}"
        )
    return low, high


def timestamp(bound: object) -> int:
    """Return a time as ns UTC. Raises SettingError for what is none."""
    import pandas as pd

    try:
        stamp = pd.Timestamp(bound)  # type: ignore[arg-type]  # it says itself what it takes
        if stamp.tzinfo is None:
            stamp = stamp.tz_localize("UTC")
        return int(stamp.as_unit("ns").value)
    except (TypeError, ValueError) as error:
        raise SettingError(f"a bound is a time, got {quote(bound)} ({error})") from None


def width_of(start: int, stop: int, points: int) -> int:
    """Return the width (ns) of buckets of which a range has about half as many as `points`.

    A bucket stands for two rows or more.
    """
    return snap(max(1, math.ceil(2 * (stop - start) / points)))

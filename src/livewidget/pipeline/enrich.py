"""Features of the event's time as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.errors import SettingError, quote
from livewidget.data.schema import Field, Kind, Schema
from livewidget.pipeline.fields import extended, names_of
from livewidget.pipeline.operator import Bound, Operator, Tally

Times = npt.NDArray[np.int64]
_MINUTE, _HOUR, _DAY = 60 * 10**9, 3_600 * 10**9, 86_400 * 10**9
_THURSDAY = 3  # the weekday of 1970-01-01, Monday being 0
_SATURDAY = 5


def _weekday(times: Times) -> Times:
    return (times // _DAY + _THURSDAY) % 7


def _day_of_year(times: Times) -> Times:
    days = (times // _DAY).view("datetime64[D]")
    number: Times = (days - days.astype("datetime64[Y]")).astype(np.int64) + 1
    return number


_FEATURES: dict[str, Callable[[Times], Times]] = {
    "hour": lambda times: times // _HOUR % 24,
    "weekday": _weekday,
    "is_weekend": lambda times: (_weekday(times) >= _SATURDAY).astype(np.int64),
    "day_of_year": _day_of_year,
    "minute_of_day": lambda times: times // _MINUTE % 1_440,
}


class TimeFeatures(Operator):
    """Adds columns, kind 'int', of what the event's time is in the zone `tz`.

    `hour` (0 to 23), `weekday` (Monday 0), `is_weekend` (0 or 1), `day_of_year` (1 to 366),
    `minute_of_day` (0 to 1439).
    """

    name = "time features"

    def __init__(self, add: str | Sequence[str] = tuple(_FEATURES), tz: str = "UTC") -> None:
        self._add = names_of(add, "add")
        for name in self._add:
            if name not in _FEATURES:
                raise SettingError(f"add is some of {', '.join(_FEATURES)}; got {quote(name)}")
        try:
            ZoneInfo(tz)
        except (KeyError, ValueError, TypeError, OSError):  # KeyError: a name that nobody knows
            raise SettingError(f"tz is a zone such as 'Europe/Berlin'; got {quote(tz)}") from None
        self._tz = tz

    def bind(self, schema: Schema, clock: Clock) -> Bound:  # noqa: ARG002  (the event's own time)
        """Return the step. Raises SchemaError where a column of such a name is there already."""
        after = extended(schema, [Field(name, Kind.INT) for name in self._add], "TimeFeatures")
        features = [_FEATURES[name] for name in self._add]
        place, zone = schema.index(schema.time), None if self._tz == "UTC" else self._tz

        def step(batch: Batch, tally: Tally) -> Batch:  # noqa: ARG001  (no row is left out)
            times = batch.columns[place]
            assert isinstance(times, np.ndarray)
            if zone is not None:
                times = _local(times, zone)
            return Batch(after, (*batch.columns, *(feature(times) for feature in features)))

        return Bound(after, step)


def _local(times: Times, zone: str) -> Times:
    """Return what the clocks of a zone show, as if it were UTC."""
    import pandas as pd

    there = pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC").tz_convert(zone)
    return there.tz_localize(None).to_numpy().view(np.int64)

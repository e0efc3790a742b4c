"""How long something lasts, as a user writes it, in seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from numbers import Real
from typing import Any

import numpy as np

from livewidget.data.errors import SettingError

LONGEST_S = 100 * 365 * 86_400.0
_DAYS = re.compile(r"(?<![a-zA-Z])d(?![a-zA-Z])")  # as in "7d", which pandas is about to refuse
EXPECTED = "a positive duration: seconds, or text such as '60s' or '5min'"


def seconds(value: Any, name: str) -> float:
    """Return a duration in seconds, positive and at most 100 years.

    A number is seconds; a timedelta and all else that `pandas.Timedelta` takes is what it says.
    Raises SettingError that names the setting `name` and the value.
    """
    found = _seconds(value)
    if found is None or not 0 < found <= LONGEST_S:
        raise SettingError(f"{name} is {EXPECTED}; got {value!r}")
    return found


def is_number(value: Any) -> bool:
    """Say whether a setting is a real number.

    NumPy counts its durations among the whole numbers, Python its truth values.
    """
    return isinstance(value, Real) and not isinstance(value, (bool, np.timedelta64))


def _seconds(value: Any) -> float | None:
    if is_number(value):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    import pandas as pd

    if isinstance(value, str):
        value = _DAYS.sub("D", value)
    try:
        found = pd.Timedelta(value).total_seconds()
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None

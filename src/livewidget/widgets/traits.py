"""Traits that check at the door: a bad value raises TraitError and changes nothing."""

from __future__ import annotations

import math
from datetime import timedelta
from numbers import Real
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from traitlets import Float, HasTraits, TraitError, TraitType, Unicode

LONGEST_S = 100 * 365 * 86_400.0


class Duration(TraitType[float, Any]):
    """A positive duration: a number is seconds, else anything `pandas.Timedelta` takes."""

    info_text = "a positive duration: seconds, or text such as '60s' or '5min'"

    def validate(self, obj: HasTraits | None, value: Any) -> float:  # noqa: ARG002  (traitlets' signature)
        """Return the duration in seconds."""
        seconds = _seconds(value)
        if seconds is None or not 0 < seconds <= LONGEST_S:
            raise TraitError(f"{self.name} is {self.info_text}; got {value!r}")
        return seconds


class Rate(Float[Any, Any]):
    """A positive number in Hz, or None for no limit."""

    def __init__(self, **options: Any) -> None:
        super().__init__(None, allow_none=True, **options)

    def validate(self, obj: HasTraits | None, value: Any) -> float | None:  # noqa: ARG002  (as above)
        """Return the rate, or None."""
        if value is None:
            return None
        if _is_number(value) and 0 < float(value) < math.inf:
            return float(value)
        raise TraitError(f"{self.name} is a positive number in Hz, or None for all; got {value!r}")


class Zone(Unicode[Any, Any]):
    """A time zone by its IANA name, "UTC", or "local" for the browser's own."""

    def validate(self, obj: HasTraits | None, value: Any) -> str:  # noqa: ARG002  (as above)
        """Return the name of a zone that exists."""
        if isinstance(value, str):
            try:
                if value != "local":
                    ZoneInfo(value)
            except (KeyError, ValueError, OSError):  # KeyError: a name that nobody knows
                pass
            else:
                return value
        raise TraitError(
            f"{self.name} is a time zone such as 'Europe/Berlin', 'UTC' or 'local'; got {value!r}"
        )


def _seconds(value: Any) -> float | None:
    if _is_number(value):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    import pandas as pd

    try:
        seconds = pd.Timedelta(value).total_seconds()
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) else None


def _is_number(value: Any) -> bool:
    # NumPy counts its durations among the whole numbers, Python its truth values.
    return isinstance(value, Real) and not isinstance(value, (bool, np.timedelta64))

"""Traits that check at the door: a bad value raises TraitError and changes nothing."""

from __future__ import annotations

import math
from typing import Any
from zoneinfo import ZoneInfo

from traitlets import Float, HasTraits, TraitError, TraitType, Unicode

from livewidget.data.duration import EXPECTED, is_number, seconds
from livewidget.data.errors import SettingError


class Duration(TraitType[float, Any]):
    """A positive duration: a number is seconds, else anything `pandas.Timedelta` takes."""

    info_text = EXPECTED

    def validate(self, obj: HasTraits | None, value: Any) -> float:  # noqa: ARG002  (traitlets' signature)
        """Return the duration in seconds."""
        try:
            return seconds(value, str(self.name))
        except SettingError as error:
            raise TraitError(str(error)) from None


class Rate(Float[Any, Any]):
    """A positive number in Hz, or None for no limit."""

    def __init__(self, **options: Any) -> None:
        super().__init__(None, allow_none=True, **options)

    def validate(self, obj: HasTraits | None, value: Any) -> float | None:  # noqa: ARG002  (as above)
        """Return the rate, or None."""
        if value is None:
            return None
        if is_number(value) and 0 < float(value) < math.inf:
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

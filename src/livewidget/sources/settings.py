"""Checks of settings that several sources have."""

from __future__ import annotations

from livewidget.data.errors import SettingError, quote


def check_count(number: int, name: str) -> int:
    """Return `number`. Raises SettingError unless it is a whole number above 0."""
    if type(number) is not int or number < 1:
        raise SettingError(f"{name} is a whole number above 0, got {quote(number)}")
    return number

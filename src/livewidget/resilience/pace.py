"""How often to ask: at a steady beat, or in step with what changes."""

from __future__ import annotations

from livewidget.data.errors import SettingError, quote

_FASTER, _SLOWER = 0.5, 1.5


class Pace:
    """The wait between two questions, in s; no I/O and no clock of its own.

    With `interval` it is that. Without, it halves with each answer that is new and grows by a half
    with each that is not, between `least` and `most`: it stays where five answers of eight are not
    new. Raises SettingError for limits that cannot be.
    """

    def __init__(
        self, interval: float | None = None, *, least: float = 0.5, most: float = 30.0
    ) -> None:
        if not 0 < least <= most:
            raise SettingError(f"a pace needs 0 < least <= most, got {least} and {most}")
        if interval is not None and not 0 < interval < float("inf"):
            raise SettingError(f"interval is a number of seconds above 0, got {quote(interval)}")
        self.interval = interval
        self._least, self._most = least, most
        self._wait = least

    def next(self, *, new: bool) -> float:
        """Return the wait before the next question; `new` says what the last answer was."""
        if self.interval is not None:
            return self.interval
        factor = _FASTER if new else _SLOWER
        self._wait = min(self._most, max(self._least, self._wait * factor))
        return self._wait
